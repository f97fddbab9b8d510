"""What the template's tests share."""

import pytest

from tests.template.stack import Stack, deployed


@pytest.fixture(scope="session")
def stack() -> Stack:
    """The stack with its defaults and an address for alerts."""
    return deployed(AlertEmail="security@example.com")
