"""Whatever AWS does, and wherever the watch is killed: nothing is lost, and little is told twice.

What may be told twice stands in DECISIONS.md.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from security_group_alerter.model.ledger import Activity
from tests.reliability.watch_world import LAST, NEXT, NOW, Ending, Killed, WatchWorld, watch_world

# Measuring coverage would double the time; and what only a storm reaches is not tested yet.
pytestmark = pytest.mark.no_cover

SEND: Final = "PublishBatch"
# What is written in the table of group memories after something was sent.
NOTE: Final = {"TransactWriteItems", "UpdateItem"}

# What was tried, and what came of it.
summary: Counter[str] = Counter()


@pytest.fixture(scope="module")
def world() -> Iterator[WatchWorld]:
    with watch_world() as world:
        yield world


@pytest.fixture(scope="module")
def kept(world: WatchWorld) -> dict[str, Any]:
    return world.kept()


@dataclass(frozen=True, slots=True)
class Expected:
    """Where nothing goes wrong: the calls of the watch, and what it reports."""

    calls: list[str]
    reports: Counter[tuple[str, int]]


@pytest.fixture(scope="module")
def expected(world: WatchWorld, kept: dict[str, Any]) -> Expected:
    world.restore(kept)
    assert world.watch(NOW) is None
    calls = [*world.calls]
    assert world.watch(NEXT) is None
    assert world.watch(LAST) is None
    return Expected(calls, Counter(world.told))


def test_a_watch_makes_calls_and_reports_of_each_kind(expected: Expected) -> None:
    counted, reports = Counter(expected.calls), expected.reports
    assert counted["AssumeRole"] == 2
    assert counted[SEND] >= 2
    assert {"PutItem", "Query", "BatchGetItem", "DescribeSecurityGroupRules"} <= {*counted}
    assert NOTE | {"DeleteItem"} <= {*counted}
    assert Counter(activity for _, activity in reports) >= Counter(
        {Activity.UPDATE: 2, Activity.CLOSE: 1, Activity.CREATE: 1}
    )
    assert {*reports.values()} == {1}


def assert_told(world: WatchWorld, expected: Expected, *, may_repeat: bool, what: str) -> None:
    """Once the next watches have run: the first of them did what was left, the second nothing."""
    assert world.watch(NEXT) is None
    assert world.watch(LAST) is None
    reports = expected.reports
    assert world.told.keys() == reports.keys(), "lost, or something else"
    repeated = world.told.total() - reports.total()
    assert may_repeat or not repeated, "twice without need"
    assert max(world.told.values()) <= 2
    summary[what] += 1
    summary[f"reported twice: {what}"] += repeated


@pytest.mark.parametrize("when", ["before", "after"])
def test_nothing_is_lost_at_whatever_call_it_is_killed(
    when: str,
    world: WatchWorld,
    kept: dict[str, Any],
    expected: Expected,
    step: int,
) -> None:
    for number in range(1, len(expected.calls) + 1, 2 * step - 1):
        world.restore(kept)
        world.ending = {number: world.killed(when)}

        assert isinstance(world.watch(NOW), Killed)

        # Looks are made at once: what came last is known only now.
        *before, last = world.calls
        may_repeat = SEND in before or (last == SEND and when == "after")
        assert_told(world, expected, may_repeat=may_repeat, what=f"killed {when} a call")


def refused(_: Callable[[], Any]) -> Any:
    raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "any")


def lost(_: Callable[[], Any]) -> Any:
    raise ReadTimeoutError(endpoint_url="https://aws")


def done_and_lost(call: Callable[[], Any]) -> Any:
    call()
    raise ReadTimeoutError(endpoint_url="https://aws")


def done_twice(call: Callable[[], Any]) -> Any:
    call()
    return call()


@pytest.mark.parametrize("fault", [refused, lost, done_and_lost, done_twice])
def test_nothing_is_lost_whatever_call_fails(
    fault: Ending,
    world: WatchWorld,
    kept: dict[str, Any],
    expected: Expected,
    step: int,
) -> None:
    for number in range(1, len(expected.calls) + 1, 3 * step - 2):
        world.restore(kept)
        world.ending = {number: fault}

        world.watch(NOW)

        is_sent = world.hit == SEND and fault in (done_and_lost, done_twice)
        may_repeat = is_sent or world.hit in NOTE
        assert_told(world, expected, may_repeat=may_repeat, what=fault.__name__)


@pytest.mark.parametrize("fault", [refused, lost])
def test_nothing_is_lost_where_an_operation_fails_for_good(
    fault: Ending,
    world: WatchWorld,
    kept: dict[str, Any],
    expected: Expected,
    step: int,
) -> None:
    for name in [*dict.fromkeys(expected.calls)][::step]:
        world.restore(kept)
        world.ending_of = {name: fault}

        world.watch(NOW)

        assert_told(world, expected, may_repeat=name in NOTE, what=f"{fault.__name__} for good")
