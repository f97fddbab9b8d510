"""Groups are remembered in few calls; nothing is lost between two writers, and nothing raises."""

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mypy_boto3_dynamodb import DynamoDBClient

from security_group_alerter.aws import group_items, group_memory
from security_group_alerter.aws.group_items import KEPT, kept_in, key_of
from security_group_alerter.aws.group_memory import (
    CLIENT_CONFIG,
    LONGEST_CALL,
    MOST_RETRIES,
    GroupMemoryTable,
)
from security_group_alerter.memory.codec import bytes_of
from security_group_alerter.memory.fold import Fold, fold
from security_group_alerter.memory.group_memory import GroupMemory
from security_group_alerter.memory.recollection import Recollection
from security_group_alerter.memory.statements import Statement, seen_of
from security_group_alerter.model.exposure_life import Resource
from security_group_alerter.model.group_state import GroupState
from security_group_alerter.model.ledger import Told
from security_group_alerter.model.rules import SecurityGroupRule
from security_group_alerter.model.severity import Severity
from tests.security_group_alerter.aws.table_wire import (
    NOW,
    READ,
    SECONDS,
    TABLE,
    WRITE,
    WRITE_ONE,
    Fault,
    KilledError,
    Said,
    Wire,
    closed,
    faults_of,
    item_of,
    items_in,
    make_table,
    opened,
    resource,
    said_of,
    wired,
)
from tests.security_group_alerter.builders import rule

GROUP: Final = resource(0)
OPENED: Final[Said] = {GROUP: [opened("opened")]}
CLOSED: Final[Said] = {GROUP: [closed("closed")]}
FOR_GOOD: Final = 10**6


@pytest.fixture(scope="module")
def one_wire() -> Iterator[Wire]:
    with wired() as wire:
        yield wire


@pytest.fixture
def wire(one_wire: Wire) -> Wire:
    one_wire.forget()
    return one_wire


def alone(group: Resource, *statements: Statement) -> Fold:
    """What the statements come to when nothing else is known."""
    at = frozenset(it.event.event_id for it in statements)
    return fold(group, GroupMemory().adding(statements), at=at)


def lives(folded: Fold) -> list[tuple[str | None, str | None]]:
    """Each exposure: by which event it was opened, and closed."""
    events = [(it.opened, it.closed) for it in folded.exposures]
    return [
        (one.event_id if one else None, other.event_id if other else None) for one, other in events
    ]


# What is kept.


def test_what_was_said_before_is_known(wire: Wire) -> None:
    first = wire.recall(OPENED)
    second = wire.recall(CLOSED)

    assert lives(first.folds[GROUP]) == [("opened", None)]
    assert lives(second.folds[GROUP]) == [("opened", "closed")]
    assert first.failures == second.failures == 0


def test_the_order_of_arrival_does_not_matter(wire: Wire) -> None:
    wire.recall(CLOSED)

    assert lives(wire.recall(OPENED).folds[GROUP]) == [("opened", "closed")]


def test_nothing_is_said_and_nothing_is_asked(wire: Wire) -> None:
    assert wire.recall({}) == Recollection()
    assert wire.requests == []


def test_saying_it_again_changes_and_writes_nothing(wire: Wire) -> None:
    first = wire.recall(OPENED)
    before = items_in(wire)
    wire.requests.clear()

    assert wire.recall(OPENED, now=NOW + timedelta(hours=1)) == first

    assert wire.calls() == {READ: 1}
    assert items_in(wire) == before


def test_what_is_only_asked_for_is_read_only(wire: Wire) -> None:
    wire.recall(OPENED)
    wire.requests.clear()

    recollection = wire.recall({GROUP: (), resource(1): ()})

    assert lives(recollection.folds[GROUP]) == [("opened", None)]
    assert lives(recollection.folds[resource(1)]) == []
    assert wire.calls() == {READ: 1}


def test_versions_count_the_writes(wire: Wire) -> None:
    wire.recall(OPENED)
    assert item_of(wire, GROUP)["version"] == {"N": "1"}
    wire.recall(CLOSED)
    assert item_of(wire, GROUP)["version"] == {"N": "2"}


def test_it_is_kept_while_open_and_ninety_days_afterwards(wire: Wire) -> None:
    wire.recall(OPENED)
    assert "expires" not in item_of(wire, GROUP)

    wire.recall(CLOSED)
    # DynamoDB's time to live needs whole seconds.
    assert item_of(wire, GROUP)["expires"] == {"N": str(int((NOW + KEPT).timestamp()))}
    assert timedelta(days=90) <= KEPT

    wire.recall({GROUP: [opened("again", minutes_ago=1)]})
    assert "expires" not in item_of(wire, GROUP)


def test_an_item_that_expired_in_between_begins_anew(wire: Wire) -> None:
    wire.recall(OPENED)

    def expires(_: int, operation: str) -> None:
        if operation != READ:
            wire.choose = lambda *_: None
            wire.rival.delete_item(TableName=TABLE, Key={"resource": {"S": key_of(GROUP)}})

    wire.choose = expires
    assert lives(wire.recall(CLOSED).folds[GROUP]) == lives(alone(GROUP, closed("closed")))

    assert item_of(wire, GROUP)["version"] == {"N": "1"}


def test_what_others_keep_in_the_item_stays(wire: Wire) -> None:
    wire.rival.put_item(
        TableName=TABLE, Item={"resource": {"S": key_of(GROUP)}, "told": {"SS": ["as HIGH"]}}
    )

    assert wire.recall(OPENED).failures == 0
    assert wire.recall({**CLOSED, **said_of(3)}).failures == 0

    assert item_of(wire, GROUP)["told"] == {"SS": ["as HIGH"]}
    assert item_of(wire, GROUP)["version"] == {"N": "2"}


KEYS: Final = {
    "a-group": (GROUP, "222233334444/eu-central-1/sg-00000000000000000"),
    "a-name": (
        GROUP._replace(id="web / front"),
        "222233334444/eu-central-1/security-group:web%20%2F%20front",
    ),
    "a-name-like-a-lists-id": (
        GROUP._replace(id="pl-12345678"),
        "222233334444/eu-central-1/security-group:pl-12345678",
    ),
    "neither-account-nor-region": (
        GROUP._replace(account_id=None, region=None),
        "?/?/sg-00000000000000000",
    ),
    "half-a-character": (
        GROUP._replace(id="\ud800"),
        "222233334444/eu-central-1/security-group:%ED%A0%80",
    ),
}


@pytest.mark.parametrize(("of", "key"), KEYS.values(), ids=KEYS)
def test_keys(of: Resource, key: str) -> None:
    assert key_of(of) == key


@pytest.mark.parametrize("of", [it[0] for it in KEYS.values()][:-1], ids=[*KEYS][:-1])
def test_what_has_no_id_is_remembered_by_its_name(of: Resource, wire: Wire) -> None:
    wire.recall({of: [opened("opened")]})

    assert lives(wire.recall({of: [closed("closed")]}).folds[of]) == [("opened", "closed")]


def test_an_endless_name_is_a_key_like_others(wire: Wire) -> None:
    names = [GROUP._replace(id="x" * 5000 + end) for end in "ab"]

    assert wire.recall({name: [opened("opened")] for name in names}).failures == 0

    assert len(items_in(wire)) == 2
    assert all(len(item["resource"]["S"]) < 2048 for item in items_in(wire))


# How many calls.


@pytest.mark.parametrize(
    ("count", "calls"),
    [
        (1, {READ: 1, WRITE_ONE: 1}),
        (2, {READ: 1, WRITE: 1}),
        (100, {READ: 1, WRITE: 1}),
        (101, {READ: 2, WRITE: 1, WRITE_ONE: 1}),
        (250, {READ: 3, WRITE: 3}),
    ],
)
def test_as_many_in_a_call_as_dynamodb_takes(count: int, calls: dict[str, int], wire: Wire) -> None:
    said = said_of(count)

    recollection = wire.recall(said)

    assert recollection == Recollection(
        folds={group: alone(group, *statements) for group, statements in said.items()}
    )
    assert wire.calls() == calls
    assert len(items_in(wire)) == count


def test_large_memories_go_in_several_transactions(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    wire.recall(said_of(1))
    size = len(item_of(wire, GROUP)["memory"]["B"])
    wire.requests.clear()
    # Room for two, and some.
    monkeypatch.setattr(group_memory, "LARGEST_TRANSACTION", 2 * size + size // 2)

    assert wire.recall(said_of(5, "other")).failures == 0

    assert wire.calls() == {READ: 1, WRITE: 2, WRITE_ONE: 1}
    # DynamoDB's limit is 4 MB.
    monkeypatch.undo()
    assert group_memory.LARGEST_TRANSACTION < 4_000_000


# Two writers.


class Rival:
    """Another invocation, which says something of groups just before these requests are made."""

    def __init__(self, wire: Wire, said: Said, *operations: str) -> None:
        self.table = GroupMemoryTable(
            wire.rival, table_name=TABLE, sleep=wire.sleep, clock=lambda: wire.now
        )
        self.said = said
        self.left = list(operations)

    def __call__(self, number: int, operation: str) -> None:
        if self.left and operation == self.left[0]:
            del self.left[0]
            said = {
                group: [*statements, opened(f"rival-{number}", "tcp 3389 from 0.0.0.0/0")]
                for group, statements in self.said.items()
            }
            assert self.table.recall(said, at=(), now=NOW, seconds=SECONDS).failures == 0


def test_two_writers_of_a_group_lose_nothing(wire: Wire) -> None:
    wire.choose = Rival(wire, OPENED, WRITE_ONE)

    recollection = wire.recall(CLOSED)

    # What the other said is known at once, not only the next time.
    assert ("opened", "closed") in lives(recollection.folds[GROUP])
    assert recollection.failures == 0
    assert wire.recall({GROUP: ()}).folds[GROUP].exposures == recollection.folds[GROUP].exposures
    assert item_of(wire, GROUP)["version"] == {"N": "2"}


def test_two_writers_of_many_groups_lose_nothing(wire: Wire) -> None:
    groups = [resource(number) for number in range(100)]
    wire.choose = Rival(wire, {it: [opened("opened")] for it in groups}, WRITE)

    recollection = wire.recall({it: [closed("closed")] for it in groups})

    assert recollection.failures == 0
    assert all(("opened", "closed") in lives(recollection.folds[it]) for it in groups)
    assert wire.calls() == {READ: 2, WRITE: 2}
    assert {item["version"]["N"] for item in items_in(wire)} == {"2"}


def test_a_group_that_another_writes_keeps_no_other_group_waiting(wire: Wire) -> None:
    wire.choose = Rival(wire, {resource(50): [opened("of-another")]}, WRITE)

    recollection = wire.recall(said_of(100))

    assert recollection.failures == 0
    assert [len(it.keys) for it in wire.requests] == [100, 100, 99, 1, 1]
    assert item_of(wire, resource(50))["version"] == {"N": "2"}
    assert item_of(wire, resource(51))["version"] == {"N": "1"}


def test_the_same_delivery_at_the_same_time_is_written_once(wire: Wire) -> None:
    """CloudWatch Logs delivers at least once: everything is there when it is read again."""
    said = said_of(100)
    rival = Rival(wire, said)

    def same(_: int, operation: str) -> None:
        if operation == WRITE:
            wire.choose = lambda *_: None
            assert rival.table.recall(said, at=(), now=NOW, seconds=SECONDS).failures == 0

    wire.choose = same

    assert wire.recall(said).failures == 0
    assert wire.calls() == {READ: 2, WRITE: 1}
    assert {item["version"]["N"] for item in items_in(wire)} == {"1"}


def test_a_group_that_changes_at_every_try_is_given_up_and_judged_by_what_was_read(
    wire: Wire,
) -> None:
    wire.choose = Rival(wire, OPENED, *[WRITE_ONE] * 5)

    recollection = wire.recall(CLOSED)

    assert wire.calls().total() == 2 + MOST_RETRIES
    assert ("opened", "closed") in lives(recollection.folds[GROUP])
    assert recollection.unwritten == {GROUP: "the table was busy at every try"}
    assert recollection.unread == {}


def test_what_cannot_be_read_again_is_unwritten_and_what_the_other_wrote_is_not(
    wire: Wire,
) -> None:
    """Both deliveries say the same; of the second reading, half comes and then nothing."""
    said = said_of(2)
    rival = Rival(wire, said)

    def same(number: int, operation: str) -> Fault | None:
        if operation == WRITE:
            assert rival.table.recall(said, at=(), now=NOW, seconds=SECONDS).failures == 0
        return Fault.PARTLY if number > 1 else None

    wire.choose = same
    recollection = wire.recall(said)

    assert recollection.unwritten == {resource(1): "the table was busy at every try"}
    assert {item["version"]["N"] for item in items_in(wire)} == {"1"}


# What a transaction does not take.


REFUSED_ITEMS: Final = {
    "throttled": Fault.CANCELLED,
    "too-large": Fault.REJECTED,
}


@pytest.mark.parametrize("fault", REFUSED_ITEMS.values(), ids=REFUSED_ITEMS)
def test_what_a_transaction_refuses_is_tried_by_itself(fault: Fault, wire: Wire) -> None:
    wire.choose = striking(WRITE, 0, fault, 1)

    assert wire.recall(said_of(100)).failures == 0

    # The last one.
    assert [len(it.keys) for it in wire.requests] == [100, 100, 99, 1]
    assert [it.operation for it in wire.requests] == [READ, WRITE, WRITE, WRITE_ONE]
    assert len(items_in(wire)) == 100


def test_an_item_without_room_is_unwritten_and_the_others_are_written(wire: Wire) -> None:
    """Somebody else fills the item: 400 KB are what DynamoDB takes of one."""
    full = {"resource": {"S": key_of(GROUP)}, "other": {"B": b"x" * 404_900}}
    wire.rival.put_item(TableName=TABLE, Item=cast("Any", full))
    wire.choose = striking(WRITE, 0, Fault.REJECTED_FIRST, 1)

    recollection = wire.recall(said_of(4))

    assert list(recollection.unwritten) == [GROUP]
    assert "ValidationException" in recollection.unwritten[GROUP]
    assert lives(recollection.folds[GROUP]) == [("opened-0", None)]
    assert "memory" not in item_of(wire, GROUP)
    assert all("memory" in item_of(wire, resource(number)) for number in (1, 2, 3))


def test_a_memory_that_no_item_takes_is_not_offered(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    wire.recall(OPENED)
    wire.requests.clear()
    monkeypatch.setattr(group_items, "LARGEST_MEMORY", 100)

    recollection = wire.recall(CLOSED)

    assert lives(recollection.folds[GROUP]) == [("opened", "closed")]
    [why] = recollection.unwritten.values()
    assert why.startswith("TooLargeError")
    assert wire.calls() == {READ: 1}
    monkeypatch.undo()
    assert group_items.LARGEST_MEMORY < 400 * 1024


def test_a_memory_that_is_too_large_keeps_what_is_open(wire: Wire) -> None:
    """Sixteen thousand calls of one day, which come and go: as they are, they do not fit."""
    ids = random.Random(7)
    churn = [
        say(f"{ids.getrandbits(128):032x}", f"tcp {number} from 8.8.8.8/32", 900 - second / 10)
        for number in range(8_000)
        for say, second in ((opened, number), (closed, number + 0.5))
    ]
    memory = GroupMemory().adding([opened("opened"), *churn])
    assert len(bytes_of(memory)) > group_items.LARGEST_MEMORY

    assert wire.recall({GROUP: memory.statements}).failures == 0

    assert len(item_of(wire, GROUP)["memory"]["B"]) <= group_items.LARGEST_MEMORY
    assert ("opened", "closed") in lives(wire.recall(CLOSED).folds[GROUP])


# Looks, and what was long ago.


def seen(*shown: SecurityGroupRule, minutes_ago: float = 0) -> Statement:
    [look] = seen_of(
        GroupState(
            resource=GROUP,
            seen_at=NOW - timedelta(minutes=minutes_ago),
            rules=shown,
            has_all_rules=True,
        )
    )
    return look


def test_a_look_is_remembered_as_a_record_is(wire: Wire) -> None:
    rules = (replace(rule("tcp 22 from 0.0.0.0/0"), rule_id="sgr-1"),)
    wire.recall({GROUP: [seen(*rules, minutes_ago=60)]})

    folded = wire.recall({GROUP: [seen()]}).folds[GROUP]

    assert folded.is_whole
    assert lives(folded) == [(None, seen().event.event_id)]


def test_what_is_long_ago_is_settled_when_something_is_written(wire: Wire) -> None:
    days = [opened(f"e-{day}", f"tcp {day} from 0.0.0.0/0", day * 24 * 60) for day in (9, 7, 5, 1)]
    for statement in days:
        wire.recall({GROUP: [statement]})
    before = item_of(wire, GROUP)
    memory = kept_in(GROUP, before).memory

    assert memory.base
    assert memory.statements == {days[-1]}
    assert lives(wire.recall({GROUP: ()}, now=NOW + KEPT).folds[GROUP]) == [
        (f"e-{day}", None) for day in (9, 7, 5, 1)
    ]
    # To ask, or to say again what is in the base, writes nothing.
    assert wire.recall({GROUP: days}, now=NOW + KEPT).failures == 0
    assert item_of(wire, GROUP) == before


# What a version without a ledger wrote.


def written_by_an_older_version(said: Said, wire: Wire) -> None:
    """As that version did: nothing says what was told, and the index does not list it."""
    wire.recall(said)
    for of in said:
        wire.rival.update_item(
            TableName=TABLE,
            Key={"resource": {"S": key_of(of)}},
            UpdateExpression="REMOVE told, open_severity, looked_at",
        )


def listed(wire: Wire) -> set[str]:
    return {it["resource"]["S"] for it in items_in(wire) if "open_severity" in it}


def test_what_an_older_version_left_open_is_listed_once_it_is_read(wire: Wire) -> None:
    written_by_an_older_version(OPENED, wire)

    recollection = wire.recall({GROUP: ()})

    [life] = recollection.folds[GROUP].exposures
    told = {life.uid: Told(uid=life.uid, at=life.revealed.time, severity=Severity.CRITICAL)}
    assert recollection.told == {GROUP: told}
    assert recollection.failures == 0
    assert listed(wire) == {key_of(GROUP)}
    before = item_of(wire, GROUP)
    assert wire.recall({GROUP: ()}).told == {GROUP: told}
    assert item_of(wire, GROUP) == before


def test_what_is_opened_beside_it_is_not_taken_for_told(wire: Wire) -> None:
    written_by_an_older_version(OPENED, wire)

    recollection = wire.recall({GROUP: [opened("after", "tcp 3389 from 0.0.0.0/0", 1)]})

    first, second = recollection.folds[GROUP].exposures
    assert recollection.told[GROUP].keys() == {first.uid}
    assert recollection.told_of(second) is None
    assert wire.recall({GROUP: ()}).told[GROUP].keys() == {first.uid}


def test_what_an_older_version_saw_closed_is_left_as_it_is(wire: Wire) -> None:
    written_by_an_older_version({GROUP: [opened("opened"), closed("closed")]}, wire)
    before = item_of(wire, GROUP)

    assert wire.recall({GROUP: ()}).told == {}

    assert item_of(wire, GROUP) == before


# What cannot be read.


def broken(wire: Wire, **attributes: Any) -> dict[str, Any]:
    wire.recall(OPENED)
    item = item_of(wire, GROUP) | attributes
    wire.rival.put_item(TableName=TABLE, Item=item)
    wire.requests.clear()
    return item


BROKEN: Final = {
    "of-a-newer-version": {"memory": {"B": b"\xff, whatever it means"}},
    "cut-off": {"memory": {"B": b""}},
    "text": {"memory": {"S": "what is this?"}},
    "without-a-number": {"version": {"S": "one"}},
}


@pytest.mark.parametrize("attributes", BROKEN.values(), ids=BROKEN)
def test_a_broken_memory_is_judged_alone_and_left_as_it_is(
    attributes: dict[str, Any], wire: Wire
) -> None:
    item = broken(wire, **attributes)

    recollection = wire.recall({**CLOSED, resource(1): [opened("other")]})

    assert recollection.folds[GROUP] == alone(GROUP, closed("closed"))
    assert list(recollection.unread) == [GROUP]
    assert recollection.failures == 1
    assert item_of(wire, GROUP) == item
    # It takes no other with it.
    assert "memory" in item_of(wire, resource(1))


def test_a_memory_that_breaks_in_between_is_judged_by_what_was_read(wire: Wire) -> None:
    wire.recall(OPENED)
    item = item_of(wire, GROUP) | {"memory": {"B": b"\xff"}, "version": {"N": "7"}}

    def upgraded(_: int, operation: str) -> None:
        if operation == WRITE_ONE:
            wire.rival.put_item(TableName=TABLE, Item=item)

    wire.choose = upgraded
    recollection = wire.recall(CLOSED)

    assert lives(recollection.folds[GROUP]) == [("opened", "closed")]
    assert list(recollection.unwritten) == [GROUP]
    assert recollection.failures == 1
    assert item_of(wire, GROUP) == item


def test_a_fault_of_ours_raises_nothing(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object, **__: object) -> Fold:
        raise RuntimeError("unheard of")

    monkeypatch.setattr(group_memory, "fold", fails)

    assert wire.recall(OPENED) == Recollection(
        unread={GROUP: "RuntimeError: unheard of"}, broken=frozenset({GROUP})
    )


def test_what_was_left_unread_is_asked_for_again(wire: Wire) -> None:
    wire.recall(said_of(5))
    wire.requests.clear()
    wire.choose = lambda number, _: Fault.PARTLY if number < 3 else None

    assert wire.recall(said_of(5)).failures == 0

    assert [len(it.keys) for it in wire.requests] == [5, 3, 2, 1]


def test_what_is_left_unread_again_and_again_is_judged_alone(wire: Wire) -> None:
    wire.recall(said_of(4))
    wire.requests.clear()
    wire.choose = lambda _, operation: Fault.PARTLY if operation == READ else None

    said = {resource(number): [closed("closed")] for number in range(4)}
    recollection = wire.recall(said)

    # Of one that is left nothing is taken.
    assert [len(it.keys) for it in wire.requests if it.operation == READ] == [4, 2, 1, 1, 1]
    assert list(recollection.unread) == [resource(3)]
    assert recollection.folds[resource(3)] == alone(resource(3), closed("closed"))
    assert lives(recollection.folds[resource(2)]) == [("opened-2", "closed")]
    assert item_of(wire, resource(2))["version"] == {"N": "2"}
    assert item_of(wire, resource(3))["version"] == {"N": "1"}


def test_a_table_that_fails_is_not_asked_for_the_rest(wire: Wire) -> None:
    wire.choose = lambda *_: Fault.MISSING
    said = said_of(250)

    recollection = wire.recall(said)

    assert wire.calls() == {READ: 1}
    assert recollection.failures == 250
    assert recollection.folds == {
        group: alone(group, *statements) for group, statements in said.items()
    }


def test_there_is_no_such_table(wire: Wire) -> None:
    wire.rival.delete_table(TableName=TABLE)

    [why] = wire.recall(OPENED).unread.values()
    make_table(wire.rival)

    assert why.startswith("ResourceNotFoundException: ")


def test_a_table_that_cannot_be_written_is_read_all_the_same(wire: Wire) -> None:
    wire.recall(OPENED)
    wire.choose = lambda _, operation: None if operation == READ else Fault.REFUSED
    said = {**said_of(250, "other"), **CLOSED}

    recollection = wire.recall(said)

    assert lives(recollection.folds[GROUP]) == [("opened", "closed")]
    assert recollection.unread == {}
    assert len(recollection.unwritten) == recollection.failures == 250


# Time.


def test_the_longest_call_is_as_long_as_the_client_lets_it_be() -> None:
    config: Any = CLIENT_CONFIG
    attempts = config.retries["total_max_attempts"]

    # Between two attempts a client waits for up to a second.
    longest = attempts * (config.connect_timeout + config.read_timeout) + attempts - 1
    assert longest <= LONGEST_CALL


@pytest.mark.parametrize("latency", [0.1, 2.0, 5.9])
@pytest.mark.parametrize("seconds", [0.0, LONGEST_CALL - 0.1, LONGEST_CALL, 9.0, 15.0, 30.0])
def test_a_slow_table_takes_no_longer_than_it_is_given(
    seconds: float, latency: float, wire: Wire
) -> None:
    wire.recall(OPENED)
    wire.latency = latency
    said = {**said_of(120, "other"), **CLOSED}

    # Wire.recall sees to the time.
    recollection = wire.recall(said, seconds=seconds)

    assert recollection.folds.keys() == said.keys()
    if seconds < LONGEST_CALL:
        assert set(recollection.unread.values()) == {"the time ran out"}
    else:
        assert lives(recollection.folds[resource(0)])


def test_memories_that_take_long_to_fold_take_no_longer_than_is_given(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    wire.recall({resource(number): [opened("opened")] for number in range(30)})

    def slowly(group: Resource, memory: GroupMemory, *, at: frozenset[str]) -> Fold:
        # What a delivery says alone is little.
        wire.now += 1.0 if len(memory.statements) > 1 else 0.0
        return fold(group, memory, at=at)

    monkeypatch.setattr(group_memory, "fold", slowly)
    began = wire.now
    recollection = wire.table.recall(
        {resource(number): [closed("closed")] for number in range(30)}, at=(), now=NOW, seconds=10
    )

    # All but the one that was being folded.
    assert wire.now - began <= 11
    assert [*recollection.unread] == [resource(number) for number in range(11, 30)]
    assert [*recollection.unwritten] == [resource(number) for number in range(11)]
    assert lives(recollection.folds[resource(10)]) == [("opened", "closed")]
    assert lives(recollection.folds[resource(11)]) == [(None, "closed")]


def test_no_retry_is_waited_for_that_would_come_too_late(wire: Wire) -> None:
    wire.choose = lambda *_: Fault.PARTLY
    wire.latency = 0.5

    recollection = wire.recall(OPENED, seconds=LONGEST_CALL + 0.5)

    assert wire.calls() == {READ: 1}
    assert recollection.unread == {GROUP: "the time ran out"}


def test_the_clock_runs_by_itself(wire: Wire) -> None:
    table = GroupMemoryTable(wire.client, table_name=TABLE, sleep=wire.sleep)

    assert table.recall(OPENED, at=(), now=NOW, seconds=SECONDS).failures == 0


# Whatever goes wrong, and wherever.


THREE: Final = [resource(number) for number in range(3)]
FIRST: Final[Said] = {it: [opened("opened")] for it in THREE}
SECOND: Final[Said] = {it: [closed("closed")] for it in THREE}
DELIVERIES: Final = {"one-group": 1, "three-groups": 3}


def striking(operation: str, position: int, fault: Fault, duration: int) -> Any:
    count = iter(range(FOR_GOOD))

    def choose(_: int, called: str) -> Fault | None:
        if called != operation:
            return None
        return fault if position <= next(count) < position + duration else None

    return choose


@pytest.mark.parametrize("duration", [1, 2, FOR_GOOD], ids=["once", "twice", "always"])
@pytest.mark.parametrize("count", DELIVERIES.values(), ids=DELIVERIES)
def test_no_fault_loses_anything_for_good(count: int, duration: int, wire: Wire) -> None:
    groups = THREE[:count]
    for operation in (READ, WRITE if count > 1 else WRITE_ONE):
        for fault in faults_of(operation):
            for position in range(2):
                wire.forget()
                assert wire.recall({it: FIRST[it] for it in groups}).failures == 0
                wire.requests.clear()
                wire.choose = striking(operation, position, fault, duration)

                recollection = wire.recall({it: SECOND[it] for it in groups})

                assert wire.calls().total() <= 2 * (2 + MOST_RETRIES)
                for it in groups:
                    known = lives(recollection.folds[it])
                    by_memory, by_itself = [("opened", "closed")], [(None, "closed")]
                    assert known == (by_itself if it in recollection.unread else by_memory)
                # Lambda delivers again, or the next call comes: what is said is there once.
                wire.choose = lambda *_: None
                again = wire.recall({it: SECOND[it] for it in groups})
                assert again.failures == 0
                assert all(lives(again.folds[it]) == [("opened", "closed")] for it in groups)
                for it in groups:
                    written = {"2"} if fault is not Fault.EMPTY else {"2", "3"}
                    assert item_of(wire, it)["version"]["N"] in written


PASSING: Final = (
    (READ, Fault.THROTTLED),
    (READ, Fault.BROKEN),
    (READ, Fault.TIMED_OUT),
    (READ, Fault.PARTLY),
    (READ, Fault.DROPPED_AFTER),
    (WRITE, Fault.THROTTLED),
    (WRITE, Fault.BROKEN),
    (WRITE, Fault.TIMED_OUT),
    (WRITE, Fault.CANCELLED),
    (WRITE, Fault.CLASHED),
    (WRITE, Fault.REJECTED),
    (WRITE, Fault.DROPPED_AFTER),
    (WRITE, Fault.TIMED_OUT_AFTER),
    (WRITE, Fault.TWICE),
)


@pytest.mark.parametrize(("operation", "fault"), PASSING, ids=str)
def test_what_passes_is_not_even_noticed(operation: str, fault: Fault, wire: Wire) -> None:
    wire.recall(FIRST)
    wire.requests.clear()
    wire.choose = striking(operation, 0, fault, 1)

    recollection = wire.recall(SECOND)

    assert recollection.failures == 0
    assert all(lives(recollection.folds[it]) == [("opened", "closed")] for it in THREE)


def test_nothing_is_lost_in_any_series_of_faults(wire: Wire) -> None:
    @settings(max_examples=30, deadline=None)
    @given(st.lists(st.none() | st.sampled_from(Fault), max_size=12))
    def nothing_is_lost(faults: list[Fault | None]) -> None:
        wire.forget()
        left = iter(faults)

        def choose(_: int, operation: str) -> Fault | None:
            fault = next(left, None)
            return fault if fault in faults_of(operation) else None

        wire.choose = choose
        for said in (FIRST, SECOND):
            assert wire.recall(said).folds.keys() == said.keys()
        # Lambda delivers both again.
        wire.choose = lambda *_: None
        for said in (FIRST, SECOND):
            assert wire.recall(said).failures == 0

        known = wire.recall(dict.fromkeys(THREE, ())).folds
        assert all(lives(known[it]) == [("opened", "closed")] for it in THREE)

    nothing_is_lost()


def test_throttled_for_longer_than_the_client_tries(wire: Wire) -> None:
    wire.choose = striking(WRITE, 0, Fault.THROTTLED, 3)

    assert wire.recall(FIRST).failures == 0

    assert wire.calls() == {READ: 1, WRITE: 4}


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("count", DELIVERIES.values(), ids=DELIVERIES)
def test_it_may_be_killed_at_any_call(count: int, when: str, wire: Wire) -> None:
    groups = THREE[:count]
    wire.recall({it: FIRST[it] for it in groups})
    expected = wire.recall({it: SECOND[it] for it in groups})
    calls = wire.calls().total() - 2
    assert calls == 2
    for number in range(calls):
        wire.forget()
        wire.recall({it: FIRST[it] for it in groups})
        wire.requests.clear()
        wire.dies_at = (number, when)
        with pytest.raises(KilledError):
            wire.recall({it: SECOND[it] for it in groups})
        wire.dies_at = None

        assert wire.recall({it: SECOND[it] for it in groups}) == expected

        assert {item["version"]["N"] for item in items_in(wire)} == {"2"}


def test_an_answer_about_other_groups_is_no_answer(wire: Wire) -> None:
    class Confused:
        def batch_get_item(self, **_: object) -> dict[str, Any]:
            keys = {"Keys": [{"resource": {"S": "another"}}]}
            return {"Responses": {}, "UnprocessedKeys": {TABLE: keys}}

    table = GroupMemoryTable(
        cast("DynamoDBClient", Confused()),
        table_name=TABLE,
        sleep=wire.sleep,
        clock=lambda: wire.now,
    )

    recollection = table.recall(OPENED, at=(), now=NOW, seconds=SECONDS)

    assert list(recollection.unread) == [GROUP]
    assert lives(recollection.folds[GROUP]) == [("opened", None)]
