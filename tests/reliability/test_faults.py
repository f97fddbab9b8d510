"""No event without an alert whatever AWS does, and none twice but where DECISIONS.md says so."""

import json
import time
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise, product
from typing import Any, Final

import boto3
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local.aws import SEEN_EVENTS_TABLE
from security_group_alerter.alerting import PublishError
from security_group_alerter.aws.sending_slots import KEY as SLOTS
from security_group_alerter.aws.sending_slots import MOST_IN_A_SECOND
from security_group_alerter.knowledge import RECALL_SECONDS
from security_group_alerter.noting import ENOUGH_TABLE_FAILURES
from tests.reliability.conftest import Points
from tests.reliability.small_delivery import (
    CREATION,
    ELSEWHERE,
    EVENT_ID,
    EVENT_IDS,
    GROUPS,
    PAYLOAD,
    in_batches,
    payload_of,
)
from tests.reliability.wire import (
    DONE,
    MOST_INVOCATIONS,
    NOTE,
    OF_MEMORY,
    OPERATIONS,
    ORGANIZATIONS,
    PASSING,
    READ,
    RECALL,
    REMEMBER,
    REMEMBER_ONE,
    RESERVE,
    SEND,
    WRITE,
    Choose,
    Fault,
    Sending,
    Wire,
    at,
    faults_of,
    wired,
)

FROM_TWO_ACCOUNTS: Final = payload_of(
    json.dumps(record) for record in (CREATION, CREATION | ELSEWHERE | {"eventID": "elsewhere"})
)

# Measuring coverage would double the time; and what only a storm reaches is not tested yet.
pytestmark = pytest.mark.no_cover

# One attempt only, or every one to the end of the invocation.
FOR_GOOD: Final = 10**6
CALLS_FOR_AN_ACCOUNT: Final = dict.fromkeys(ORGANIZATIONS, 1) | {"ListParents": 2}
ONCE_OR_FOR_GOOD: Final = pytest.mark.parametrize("duration", [1, FOR_GOOD], ids=["once", "always"])

# What was tried, and what came of it.
summary: Counter[str] = Counter()


@pytest.fixture(scope="module")
def wire() -> Iterator[Wire]:
    with wired() as wire:
        yield wire


@pytest.fixture(scope="module")
def calls(wire: Wire) -> Counter[str]:
    """How many there are in a delivery with which nothing is wrong."""
    wire.start(lambda *_: None)
    assert wire.deliver(PAYLOAD) == 1
    assert_alerted_once(wire)
    return wire.calls()


@pytest.fixture(scope="module")
def memories(wire: Wire) -> dict[str, bytes]:
    """What such a delivery leaves behind of its groups."""
    wire.start(lambda *_: None)
    assert wire.deliver(PAYLOAD) == 1
    memories = wire.memories()
    assert len(memories) == GROUPS
    return memories


def assert_alerted(wire: Wire) -> None:
    """All are, and each repetition has one of the documented reasons."""
    assert wire.sendings.keys() == EVENT_IDS, "lost"
    for event_id, sendings in wire.sendings.items():
        for first, second in pairwise(sendings):
            reason = reason_for_repetition(wire, event_id, first, second)
            assert reason, f"{event_id} was alerted twice without need"
            summary[f"duplicate: {reason}"] += 1


def assert_alerted_once(wire: Wire) -> None:
    assert {event_id: len(it) for event_id, it in wire.sendings.items()} == dict.fromkeys(
        EVENT_IDS, 1
    )


def assert_remembered_or_counted(wire: Wire, memories: dict[str, bytes]) -> None:
    """What the table lacks of a delivery is counted; nothing else is written to it."""
    remembered = wire.memories()
    assert remembered.items() <= memories.items()
    # Any 200 says that it was written: the function reads nothing else in this answer.
    believed = {key for it in wire.exchanges if it.fault is Fault.GARBLED for key in it.keys}
    lacks = memories.keys() - remembered.keys() - believed
    assert len(lacks) <= wire.tally["memory_failures"]
    # The rest of the time is for the alerts.
    assert wire.elapsed <= RECALL_SECONDS


def reason_for_repetition(wire: Wire, event_id: str, first: Sending, second: Sending) -> str | None:
    if first.exchange.fault in DONE:
        return f"SNS took it: {first.exchange.fault.value}"
    if not second.was_marked:
        failed = [*wire.failed(NOTE), *wire.failed(WRITE)]
        failed = [it for it in failed if it.invocation == first.exchange.invocation]
        # Any 200 says that it was written: the function reads nothing else in this answer.
        unwritten = [it for it in failed if it.operation == WRITE or it.fault is Fault.GARBLED]
        if any(event_id in it.keys for it in unwritten):
            return "the mark was not written"
        given_up = len(failed) >= ENOUGH_TABLE_FAILURES
        return "marking was given up after as many failures as are enough" if given_up else None
    reads = [it for it in wire.failed(READ) if it.invocation == second.exchange.invocation]
    if reads and second.may_repeat:
        return "the table could not be read, and the alert says so"
    return None


def in_turn(operation: str, *faults: Fault) -> Choose:
    """From the first call on, in the first invocation."""

    def choose(called: str, count: int, invocation: int) -> Fault | None:
        strikes = (called, invocation) == (operation, 1) and count < len(faults)
        return faults[count] if strikes else None

    return choose


def count(wire: Wire, invocations: int) -> None:
    summary["fault points"] += 1
    summary["requests that failed"] += len(wire.failed())
    summary["invocations"] += invocations
    summary["events"] += len(wire.sendings)
    summary["sendings"] += sum(map(len, wire.sendings.values()))


def test_a_delivery_needs_several_calls_of_each_kind(calls: Counter[str]) -> None:
    assert calls.keys() == set(OPERATIONS)
    assert calls[RESERVE] == 1
    # What is remembered of one group, and the last mark.
    assert calls[REMEMBER_ONE] == calls[WRITE] == 1
    assert min(calls[it] for it in OPERATIONS if it not in {RESERVE, REMEMBER_ONE, WRITE}) >= 2
    assert calls[SEND] >= 3
    of_the_table_and_topic = sum(
        calls[it] * len(faults_of(it)) for it in (READ, SEND, NOTE, WRITE, *OF_MEMORY)
    )
    of_accounts = sum((n + 1) * len(faults_of(it)) for it, n in CALLS_FOR_AN_ACCOUNT.items())
    assert 2 * (of_the_table_and_topic + of_accounts) > 300


@ONCE_OR_FOR_GOOD
def test_nothing_is_lost_when_sending_fails(duration: int, wire: Wire, calls: Counter[str]) -> None:
    for fault in faults_of(SEND):
        for position in range(calls[SEND]):
            wire.start(at(SEND, position, fault, duration), forget_accounts=False)

            invocations = wire.deliver(PAYLOAD)

            assert wire.failed(), "there was no such call"
            assert_alerted(wire)
            if duration == 1 and fault in PASSING:
                assert invocations == 1
                assert_alerted_once(wire)
            count(wire, invocations)


@pytest.mark.parametrize("fault", [Fault.PARTLY, Fault.PARTLY_FOR_GOOD, Fault.NONE_OF_IT])
def test_nothing_is_lost_when_the_rest_of_a_batch_fails_in_another_way(
    fault: Fault, wire: Wire
) -> None:
    for next_fault in faults_of(SEND):
        wire.start(in_turn(SEND, fault, next_fault), forget_accounts=False)

        invocations = wire.deliver(PAYLOAD)

        assert_alerted(wire)
        count(wire, invocations)


@ONCE_OR_FOR_GOOD
@pytest.mark.parametrize("operation", [READ, WRITE])
def test_the_table_holds_no_alert_up(
    operation: str, duration: int, wire: Wire, calls: Counter[str]
) -> None:
    for fault in faults_of(operation):
        for position in range(calls[operation]):
            wire.start(at(operation, position, fault, duration), forget_accounts=False)

            assert wire.invoke(PAYLOAD) is None

            assert wire.failed(), "there was no such call"
            assert_alerted_once(wire)
            # CloudWatch Logs delivers more than once.
            assert wire.invoke(PAYLOAD) is None
            assert_alerted(wire)
            if duration == 1 and fault in PASSING | DONE:
                assert_alerted_once(wire)
            count(wire, 2)


@pytest.fixture(scope="module")
def told(wire: Wire) -> dict[str, set[str]]:
    """What such a delivery notes of exposures."""
    wire.start(lambda *_: None)
    assert wire.deliver(PAYLOAD) == 1
    told = wire.told()
    assert told
    return told


@ONCE_OR_FOR_GOOD
def test_what_is_not_written_together_is_written_to_each_table(
    duration: int, wire: Wire, calls: Counter[str], told: dict[str, set[str]]
) -> None:
    for fault in faults_of(NOTE):
        for position in range(calls[NOTE]):
            wire.start(at(NOTE, position, fault, duration), forget_accounts=False)

            assert wire.invoke(PAYLOAD) is None

            assert wire.failed(NOTE), "there was no such call"
            is_believed = fault is Fault.GARBLED
            assert is_believed or wire.marked == EVENT_IDS
            # Where nobody answers, the time is left to the marks.
            is_unanswered = duration > 1 and fault in {Fault.TIMED_OUT, *DONE}
            assert is_unanswered or wire.tally["seen_table_failures"] == 0
            assert is_unanswered or wire.tally["memory_failures"] == 0
            assert is_believed or wire.told() == told or wire.tally["memory_failures"] == 1
            assert_alerted_once(wire)
            # CloudWatch Logs delivers more than once.
            assert wire.invoke(PAYLOAD) is None
            assert_alerted(wire)
            assert is_believed or not any(len(it) > 1 for it in wire.sendings.values())
            count(wire, 2)


@ONCE_OR_FOR_GOOD
@pytest.mark.parametrize("refusal", [Fault.OUTRUN, Fault.REFUSED, Fault.TIMED_OUT], ids=str)
@pytest.mark.parametrize("operation", [WRITE, REMEMBER_ONE])
def test_each_table_by_itself_holds_no_alert_up(
    operation: str, refusal: Fault, duration: int, wire: Wire, step: int
) -> None:
    def refused(called: str, *_: int) -> Fault | None:
        return refusal if called == NOTE else None

    wire.start(refused)
    assert wire.deliver(PAYLOAD) == 1
    points = [*product(faults_of(operation), range(wire.calls()[operation]))]
    for fault, position in points[::step]:
        fails = at(operation, position, fault, duration)
        wire.start(lambda *now, fails=fails: refused(*now) or fails(*now), forget_accounts=False)

        assert wire.invoke(PAYLOAD) is None

        assert wire.failed(operation), "there was no such call"
        assert_alerted_once(wire)
        assert wire.invoke(PAYLOAD) is None
        assert_alerted(wire)
        count(wire, 2)


@ONCE_OR_FOR_GOOD
@pytest.mark.parametrize("operation", OF_MEMORY)
def test_no_alert_waits_for_what_is_remembered(
    operation: str,
    duration: int,
    wire: Wire,
    points: Points,
    memories: dict[str, bytes],
) -> None:
    for fault, position in points(operation):
        wire.start(at(operation, position, fault, duration), forget_accounts=False)

        assert wire.invoke(PAYLOAD) is None

        assert wire.failed(operation), "there was no such call"
        assert_alerted_once(wire)
        assert_remembered_or_counted(wire, memories)
        if duration == 1 and fault in PASSING:
            assert wire.tally["memory_failures"] == 0
        # What was not written makes no difference to these alerts.
        is_unread = operation == RECALL and wire.tally["memory_failures"] > 0
        assert bool(wire.unread) == is_unread
        # CloudWatch Logs delivers more than once.
        assert wire.invoke(PAYLOAD) is None
        assert_alerted_once(wire)
        count(wire, 2)


@pytest.mark.parametrize("fault", faults_of(REMEMBER), ids=str)
def test_no_alert_waits_for_a_table_of_memories_that_is_down(
    fault: Fault, wire: Wire, memories: dict[str, bytes]
) -> None:
    wire.start(lambda called, *_: fault if called in OF_MEMORY else None, forget_accounts=False)

    assert wire.invoke(PAYLOAD) is None

    assert_alerted_once(wire)
    assert_remembered_or_counted(wire, memories)
    count(wire, 1)


@ONCE_OR_FOR_GOOD
def test_no_alert_waits_for_its_reservation(duration: int, wire: Wire) -> None:
    for fault in faults_of(RESERVE):
        wire.start(at(RESERVE, 0, fault, duration), forget_accounts=False)

        assert wire.invoke(PAYLOAD) is None

        assert wire.failed(RESERVE), "there was no such call"
        assert_alerted_once(wire)
        # CloudWatch Logs delivers more than once.
        assert wire.invoke(PAYLOAD) is None
        assert_alerted_once(wire)
        count(wire, 2)


def test_messages_wait_for_those_of_another_delivery(wire: Wire) -> None:
    """The first write finds the other's reservation, the second stands behind it."""
    wire.start(lambda *_: None, forget_accounts=False)
    others, when = MOST_IN_A_SECOND, time.time() + 10
    item: Any = {
        "event_id": {"S": SLOTS},
        "stamp": {"S": "another's"},
        "last_at": {"N": repr(when)},
        "sends": {"L": [{"S": f"{when!r} {others}"}]},
    }
    boto3.client("dynamodb").put_item(TableName=SEEN_EVENTS_TABLE, Item=item)
    already = wire.calls()[RESERVE]

    assert wire.invoke(PAYLOAD) is None

    assert wire.calls()[RESERVE] - already == 2
    assert wire.elapsed > 5
    assert_alerted_once(wire)


@ONCE_OR_FOR_GOOD
@pytest.mark.parametrize("operation", ORGANIZATIONS)
def test_no_alert_waits_for_an_account_to_be_looked_up(
    operation: str, duration: int, wire: Wire
) -> None:
    for fault in faults_of(operation):
        for position in range(CALLS_FOR_AN_ACCOUNT[operation] + 1):
            wire.start(at(operation, position, fault, duration))

            assert wire.deliver(FROM_TWO_ACCOUNTS) == 1
            assert wire.failed(), "there was no such call"
            assert [len(sendings) for sendings in wire.sendings.values()] == [1, 1]
            count(wire, 1)


def test_nothing_is_lost_when_the_retry_fails_as_well(wire: Wire) -> None:
    for fault in faults_of(SEND):
        wire.start(at(SEND, 0, fault, FOR_GOOD, invocations=2), forget_accounts=False)

        invocations = wire.deliver(PAYLOAD)

        assert_alerted(wire)
        count(wire, invocations)


@ONCE_OR_FOR_GOOD
def test_a_table_that_cannot_be_read_repeats_and_says_so(
    duration: int, wire: Wire, calls: Counter[str]
) -> None:
    for fault in faults_of(READ):
        for position in range(calls[READ]):
            choose = at(READ, calls[READ] + position, fault, duration, invocations=2)
            wire.start(choose, forget_accounts=False)
            wire.deliver(PAYLOAD)

            invocations = wire.deliver(PAYLOAD)

            assert wire.failed()
            assert_alerted(wire)
            count(wire, invocations + 1)


def test_five_hundred_alerts_are_not_held_up_when_nothing_answers(wire: Wire) -> None:
    """Each call then takes as long as it may; Lambda must not end it before it is done."""
    payload = payload_of(
        json.dumps(CREATION | {"eventID": EVENT_ID.format(number)}) for number in range(500)
    )
    with in_batches(sent=MOST_IN_A_SECOND, noted=100, marked=25, read=100, remembered=100):
        # wire.invoke sees to the time.
        wire.start(lambda called, *_: Fault.TIMED_OUT if called != SEND else None)
        assert wire.invoke(payload) is None
        assert len(wire.sendings) == 500

        wire.start(lambda *_: Fault.TIMED_OUT)
        assert isinstance(wire.invoke(payload), PublishError)


@given(st.lists(st.none() | st.sampled_from(Fault), max_size=40))
@settings(max_examples=30, deadline=None)
def test_nothing_is_lost_in_any_series_of_faults(wire: Wire, faults: list[Fault | None]) -> None:
    left = iter(faults)
    wire.start(lambda *now: next(left, None) if now[2] < MOST_INVOCATIONS else None)

    invocations = wire.deliver(PAYLOAD)

    assert_alerted(wire)
    count(wire, invocations)
