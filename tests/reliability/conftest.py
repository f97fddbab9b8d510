"""What was tried, and what came of it, is printed at the end (unless workers ran the tests)."""

from collections import Counter
from collections.abc import Callable, Iterator
from itertools import product
from typing import Final

import pytest

from tests.reliability.wire import Fault, faults_of

Points = Callable[[str], list[tuple[Fault, int]]]

_figures: Final[dict[str, Counter[str]]] = {}


@pytest.fixture(scope="module", autouse=True)
def _summary_at_the_end(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    figures: Counter[str] | None = getattr(request.module, "summary", None)
    if figures:
        _figures[request.module.__name__] = figures


@pytest.fixture(scope="session")
def step(pytestconfig: pytest.Config) -> int:
    """Of how many points of memory and looks one is tried."""
    return 1 if pytestconfig.getoption("--all-faults") else 3


@pytest.fixture(scope="module")
def points(step: int, calls: Counter[str]) -> Points:
    """Each fault at each call of an operation, in a fixed order; or one of so many."""
    return lambda operation: [*product(faults_of(operation), range(calls[operation]))][::step]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for name, figures in _figures.items():
        terminalreporter.section(name)
        for what, number in figures.items():
            terminalreporter.write_line(f"{number:7} {what}")
