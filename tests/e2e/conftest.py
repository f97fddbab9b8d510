"""One emulator and one build for all tests, and one stack for most of them."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import pytest

from tests.e2e.emulator import Emulator, emulator_in
from tests.e2e.organization import Organization, make_organization
from tests.e2e.queues import Queue, subscribed_queue
from tests.e2e.stacks import Stack, build_in
from tests.template.stack import SLACK, TEAMS


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """What `sam build` makes of template.yaml."""
    with TemporaryDirectory(dir=tmp_path_factory.mktemp("sam")) as folder:
        yield build_in(Path(folder))


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    with emulator_in(tmp_path_factory.mktemp("emulator")) as emulator:
        yield emulator


@pytest.fixture(scope="session")
def organization(emulator: Emulator) -> Organization:
    return make_organization(emulator)


@pytest.fixture(scope="session")
def stack(emulator: Emulator, template: Path, organization: Organization) -> Stack:
    """The organization's stack, with its own trail, and everybody that parameters can name."""
    stack = Stack(emulator, template, "security-group-alerter", organization.id)
    stack.deploy(
        AlertEmail="security@example.com",
        MinimumSeverity="HIGH",
        OperationsEmail="operations@example.com",
        **SLACK,
        **TEAMS,
    )
    return stack


_noticed: Final[dict[str, str]] = {}


@pytest.fixture(scope="session")
def noticed() -> dict[str, str]:
    """Statement of a function's role -> what is noticed without it, printed at the end."""
    return _noticed


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _noticed:
        terminalreporter.section("taken from the functions' roles, and what was noticed")
    for sid, what in _noticed.items():
        terminalreporter.write_line(f"{sid}: {what}")


@pytest.fixture
def queue(emulator: Emulator, stack: Stack) -> Iterator[Queue]:
    """Gets everything that the alert topic sends."""
    with subscribed_queue(emulator, stack.outputs["AlertTopicArn"]) as queue:
        yield queue
