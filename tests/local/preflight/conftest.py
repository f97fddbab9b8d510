"""The program, in a terminal of its own, on an organization in moto."""

import pytest

from local.preflight import __main__ as preflight
from tests.local.cloud import Cloud, Terminal
from tests.local.preflight.arrangements import Preflight


@pytest.fixture
def run(aws: Cloud, shell: Terminal) -> Preflight:  # noqa: ARG001 - there before the first call
    return lambda *arguments: shell.run(preflight.main, *arguments)
