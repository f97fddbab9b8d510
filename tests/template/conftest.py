"""What the template's tests share."""

import pytest

from tests.template.stack import SLACK, TEAMS, Stack, deployed


@pytest.fixture(scope="session")
def stack() -> Stack:
    """The stack with its defaults and an address for alerts."""
    return deployed(AlertEmail="security@example.com")


@pytest.fixture(scope="session")
def chatty() -> Stack:
    """The same, with a Slack and a Microsoft Teams channel."""
    return deployed(AlertEmail="security@example.com", **SLACK, **TEAMS)
