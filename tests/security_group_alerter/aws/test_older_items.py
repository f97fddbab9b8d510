"""What a version without a ledger left open is listed, once, whatever goes wrong meanwhile."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final

import pytest

from security_group_alerter.aws.group_items import key_of
from security_group_alerter.aws.ledger import Ledger
from security_group_alerter.aws.older_items import (
    LONGEST_PAGE,
    MOST_TRIES,
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


def test_once_done_nothing_is_read_again(wire: Wire) -> None:
    items = older(wire)
    items.take_up(now=NOW, seconds=SECONDS)
    wire.requests.clear()

    items.take_up(now=NOW, seconds=SECONDS)
    assert wire.requests == []
    older(wire).take_up(now=NOW, seconds=SECONDS)
    assert wire.calls() == {"GetItem": 1}


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


def test_a_broken_item_is_named_and_keeps_no_other_from_being_listed(wire: Wire) -> None:
    change(wire, 1, "SET memory = :memory", **{":memory": {"B": b"\x02?"}})

    for _ in range(MOST_TRIES):
        with pytest.raises(OlderItemsError, match=rf"^1 groups .* {resource(1).id}, "):
            older(wire).take_up(now=NOW, seconds=SECONDS)
        assert listed(wire) == ALL - {resource(1).id}
    older(wire).take_up(now=NOW, seconds=SECONDS)
    assert wire.calls()[SCAN] == MOST_TRIES


def test_an_older_version_may_write_while_it_is_being_replaced(wire: Wire) -> None:
    later: datetime = NOW + timedelta(minutes=5)
    items = older(wire)
    items.take_up(now=NOW, seconds=SECONDS)
    # It knows nothing of the attributes of this one, and leaves them.
    change(wire, 1, "SET version = version + :one", **{":one": {"N": "1"}})

    items.take_up(now=later, seconds=SECONDS)

    assert listed(wire) == ALL
