"""What a version without a ledger left open is listed, whatever goes wrong meanwhile."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final

import pytest

from security_group_alerter.aws.group_items import key_of
from security_group_alerter.aws.ledger import Ledger
from security_group_alerter.aws.older_items import (
    EVERY,
    LONGEST_PAGE,
    PROGRESS,
    OlderItems,
    OlderItemsError,
)
from tests.security_group_alerter.aws.table_wire import (
    NOW,
    READ,
    TABLE,
    Fault,
    Wire,
    closed,
    item_of,
    opened,
    resource,
    wired,
)

SECONDS: Final = 60.0
SCAN: Final = "Scan"


@pytest.fixture(scope="module")
def one_wire() -> Iterator[Wire]:
    with wired() as wire:
        yield wire


@pytest.fixture
def wire(one_wire: Wire) -> Wire:
    """Groups of an older version: three are open, and one is not."""
    one_wire.forget()
    one_wire.recall({resource(it): [opened(f"opened-{it}")] for it in range(4)})
    one_wire.recall({resource(3): [closed("closed")]})
    for number in range(4):
        change(one_wire, number, "REMOVE told, open_severity, looked_at")
    one_wire.requests.clear()
    return one_wire


def change(wire: Wire, number: int, how: str, **values: Any) -> None:
    change: Any = {"UpdateExpression": how}
    if values:
        change["ExpressionAttributeValues"] = values
    key = {"resource": {"S": key_of(resource(number))}}
    wire.rival.update_item(TableName=TABLE, Key=key, **change)


def older(wire: Wire, *, a_page: int = 100) -> OlderItems:
    """A function that has just started; a call reads so many items."""
    return OlderItems(
        wire.client, table_name=TABLE, memory=wire.table, clock=lambda: wire.now, most=a_page
    )


def listed(wire: Wire) -> set[str]:
    groups = Ledger(wire.rival, table_name=TABLE).open_groups()
    return {it.resource.id for it in groups}


ALL: Final = {resource(it).id for it in range(3)}


def test_what_was_open_is_listed(wire: Wire) -> None:
    older(wire).take_up(now=NOW, seconds=SECONDS)

    assert listed(wire) == ALL


def test_for_a_day_nothing_is_read_again(wire: Wire) -> None:
    items = older(wire)
    items.take_up(now=NOW, seconds=SECONDS)
    wire.requests.clear()
    later: datetime = NOW + EVERY - timedelta(seconds=1)

    items.take_up(now=later, seconds=SECONDS)
    assert wire.requests == []
    older(wire).take_up(now=later, seconds=SECONDS)
    assert wire.calls() == {"GetItem": 1}


@pytest.mark.parametrize("is_warm", [True, False], ids=["warm", "started-anew"])
def test_what_an_older_version_wrote_since_is_listed_the_next_day(
    is_warm: bool, wire: Wire
) -> None:
    items = older(wire)
    items.take_up(now=NOW, seconds=SECONDS)
    # It was still running, or came back in a rollback.
    wire.recall({resource(4): [opened("opened-4")]})
    change(wire, 4, "REMOVE told, open_severity, looked_at")

    (items if is_warm else older(wire)).take_up(now=NOW + EVERY, seconds=SECONDS)

    assert listed(wire) == ALL | {resource(4).id}


def test_a_scan_that_was_once_for_ever_is_made_again(wire: Wire) -> None:
    """A development version noted that it was done."""
    done: Any = {"resource": {"S": PROGRESS}, "done": {"BOOL": True}}
    wire.rival.put_item(TableName=TABLE, Item=done)

    older(wire).take_up(now=NOW, seconds=SECONDS)

    assert listed(wire) == ALL


def test_a_new_table_has_none(wire: Wire) -> None:
    wire.forget()

    older(wire).take_up(now=NOW, seconds=SECONDS)

    assert wire.calls() == {"GetItem": 1, SCAN: 1, "PutItem": 1}


def test_what_there_is_no_time_for_comes_next(wire: Wire) -> None:
    wire.latency = 2.0
    counts: list[int] = []
    while not counts or wire.calls()[SCAN] > sum(counts):
        counts.append(wire.calls()[SCAN] - sum(counts))
        older(wire, a_page=1).take_up(now=NOW, seconds=LONGEST_PAGE + 3)

    # Each goes on where the one before had to stop.
    assert counts == [0, 1, 1, 1, 1]
    assert listed(wire) == ALL


def test_no_time_at_all(wire: Wire) -> None:
    older(wire).take_up(now=NOW, seconds=LONGEST_PAGE - 1)

    assert wire.calls() == {"GetItem": 1}


@pytest.mark.parametrize("operation", [SCAN, READ, "GetItem", "PutItem", "TransactWriteItems"])
def test_what_fails_is_tried_again(operation: str, wire: Wire) -> None:
    wire.choose = lambda _, asked: Fault.REFUSED if asked == operation else None
    with pytest.raises(Exception, match=r"denied|refused|AccessDenied"):
        older(wire).take_up(now=NOW, seconds=SECONDS)
    wire.choose = lambda *_: None

    older(wire).take_up(now=NOW, seconds=SECONDS)

    assert listed(wire) == ALL


@pytest.mark.parametrize("fault", [Fault.THROTTLED, Fault.BROKEN, Fault.TIMED_OUT, Fault.PARTLY])
@pytest.mark.parametrize("operation", [READ, "TransactWriteItems"])
def test_however_long_the_table_fails_nothing_is_skipped(
    operation: str, fault: Fault, wire: Wire
) -> None:
    fault = Fault.CANCELLED if (operation, fault) == ("TransactWriteItems", Fault.PARTLY) else fault
    # One at a time, so that something is throttled to the end.
    wire.choose = lambda _, asked: fault if asked in {operation, "UpdateItem"} else None
    for _ in range(5):
        with pytest.raises(OlderItemsError) as raised:
            older(wire).take_up(now=NOW, seconds=SECONDS)
        ids = {resource(it).id for it in range(4)}
        failed = {it for it in ids if f"/{it}, " in str(raised.value)}
        assert str(raised.value).startswith(f"{len(failed)} groups that an older version knew: ")
        assert failed >= ALL - listed(wire)
    wire.choose = lambda *_: None

    older(wire).take_up(now=NOW, seconds=SECONDS)

    assert listed(wire) == ALL


def test_a_broken_item_is_named_and_keeps_no_other_from_being_listed(wire: Wire) -> None:
    for number in (1, 3):
        change(wire, number, "SET memory = :memory", **{":memory": {"B": b"\x02?"}})
    keys = {key_of(resource(it)) for it in (1, 3)}

    with pytest.raises(OlderItemsError, match=r"^2 groups ") as raised:
        older(wire, a_page=1).take_up(now=NOW, seconds=SECONDS)

    assert all(f"{it}, " in str(raised.value) for it in keys)
    assert listed(wire) == ALL - {resource(1).id}
    assert skipped(wire) == keys
    # It is skipped until the next scan, which forgets those that are whole again.
    older(wire).take_up(now=NOW, seconds=SECONDS)
    wire.recall({resource(5): [opened("opened-5")]})
    memory = item_of(wire, resource(5))["memory"]
    change(wire, 1, "SET memory = :memory", **{":memory": memory})
    with pytest.raises(OlderItemsError, match=r"^1 groups "):
        older(wire).take_up(now=NOW + EVERY, seconds=SECONDS)
    assert listed(wire) == ALL | {resource(5).id}
    assert skipped(wire) == keys - {key_of(resource(1))}


def test_a_broken_item_that_comes_with_a_failure_is_found_again(wire: Wire) -> None:
    change(wire, 1, "SET memory = :memory", **{":memory": {"B": b"\x02?"}})
    wire.choose = lambda _, asked: Fault.REFUSED if asked == "TransactWriteItems" else None
    with pytest.raises(OlderItemsError, match=r"^3 groups "):
        older(wire).take_up(now=NOW, seconds=SECONDS)
    wire.choose = lambda *_: None

    with pytest.raises(OlderItemsError, match=r"^1 groups "):
        older(wire).take_up(now=NOW, seconds=SECONDS)

    assert listed(wire) == ALL - {resource(1).id}


def skipped(wire: Wire) -> set[str]:
    key = {"resource": {"S": PROGRESS}}
    item: Any = wire.rival.get_item(TableName=TABLE, Key=key)["Item"]
    return set(item["skipped"]["M"])


def test_an_older_version_may_write_while_it_is_being_replaced(wire: Wire) -> None:
    later: datetime = NOW + timedelta(minutes=5)
    items = older(wire)
    items.take_up(now=NOW, seconds=SECONDS)
    # It knows nothing of the attributes of this one, and leaves them.
    change(wire, 1, "SET version = version + :one", **{":one": {"N": "1"}})

    items.take_up(now=later, seconds=SECONDS)

    assert listed(wire) == ALL
