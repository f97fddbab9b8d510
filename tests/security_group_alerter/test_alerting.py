"""The alert path with an AWS behind it: nothing is lost or alerted twice, whatever fails."""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import boto3
import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError, EndpointConnectionError

from local.aws import SEEN_EVENTS_TABLE, SentAlert, Topic, emulated_aws
from local.deliveries import MANAGEMENT_ACCOUNT_ID, deliveries_of
from local.lambda_context import lambda_context
from security_group_alerter import alerting
from security_group_alerter.alerting import PublishError
from security_group_alerter.aws.sending_slots import KEY as SLOTS
from security_group_alerter.aws.sending_slots import MOST_IN_A_SECOND
from security_group_alerter.aws.sns import RESERVED_SECONDS
from security_group_alerter.cloudtrail.changes import change_of
from security_group_alerter.cloudtrail.heartbeat import HEARTBEAT_CALL
from security_group_alerter.handlers import delivery as handler
from security_group_alerter.judgement.accepted_openings import AcceptedOpenings
from security_group_alerter.messages.briefing import MAY_REPEAT
from security_group_alerter.model.record import CloudTrailRecord
from security_group_alerter.noting import ENOUGH_TABLE_FAILURES
from security_group_alerter.wiring import sending
from tests.local.failures import payload_of
from tests.security_group_alerter.openings import (
    OPENING,
    Record,
    by,
    by_different_people,
    event_id,
    with_id,
)
from tests.stories import story

ADDENDUM: Final = story("https-opened-to-the-world-sent-again-as-an-addendum")
ORIGINAL: Final = story("https-opened-to-the-world")
READ, WRITE, SEND = "BatchGetItem", "BatchWriteItem", "PublishBatch"
# Writes what was sent to both tables.
NOTE: Final = "TransactWriteItems"
# When messages may be sent is agreed in an item of the same table.
RESERVE: Final = "PutItem"
# That of what is remembered of groups is read by the same call, and written by these.
MEMORY_WRITES: Final = {"UpdateItem", NOTE}
DYNAMODB: Final = {READ, WRITE} | MEMORY_WRITES


# A call like it, of which CloudTrail says that it was made after it.
LATER: Final = with_id(OPENING, event_id(1)) | {"eventTime": "2026-11-17T08:55:13Z"}

# How a call ends: it is given the call as it would have been made, and its parameters.
Ending = Callable[[Callable[[], Any], dict[str, Any]], Any]


class Calls:
    """The AWS calls of the function: each is counted, and may be made to end otherwise."""

    def __init__(self) -> None:
        self.made: Counter[str] = Counter()
        self.ending: dict[str, Ending] = {}

    def answer(self, name: str, call: Callable[[], Any], parameters: dict[str, Any]) -> Any:
        self.made[name] += 1
        return self.ending[name](call, parameters) if name in self.ending else call()

    @property
    def to_dynamodb(self) -> int:
        return sum(self.made[name] for name in DYNAMODB)


@pytest.fixture
def topic(cold_function: None) -> Iterator[Topic]:
    """A topic and a table of its own, and a cold start, for each test."""
    assert cold_function is None
    with emulated_aws() as topic:
        yield topic


@pytest.fixture
def calls(topic: Topic, monkeypatch: pytest.MonkeyPatch) -> Calls:
    assert topic.arn
    calls = Calls()
    make = BaseClient._make_api_call  # type: ignore[attr-defined]  # the stubs leave it out

    def counted(client: BaseClient, name: str, parameters: dict[str, Any]) -> Any:
        return calls.answer(name, lambda: make(client, name, parameters), parameters)

    monkeypatch.setattr(BaseClient, "_make_api_call", counted)
    monkeypatch.setattr(time, "sleep", lambda _: None)
    return calls


def delivered(
    *records: Record, seconds_left: float = 120, now: datetime | None = None
) -> dict[str, int]:
    [delivery] = deliveries_of(records)
    context = lambda_context(seconds_left=seconds_left)
    if now is None:
        return handler.lambda_handler(delivery.payload, context)
    return handler.handle(delivery.payload, context, handler.alerter(), now=now)


def without_id(record: Record) -> Record:
    return {key: value for key, value in record.items() if key != "eventID"}


def ids_told(topic: Topic) -> list[str]:
    return [event_id for alert in topic.take() for event_id in alert.event_ids]


def marked() -> set[str]:
    items = boto3.client("dynamodb").scan(TableName=SEEN_EVENTS_TABLE)["Items"]
    return {item["event_id"]["S"] for item in items} - {SLOTS}


def says_it_may_repeat(alert: SentAlert) -> bool:
    """Whether it does; every form that has room for it says the same."""
    machine = json.loads(alert.messages["default"])
    chat = json.loads(alert.messages["https"])["content"]["description"]
    email = " ".join(alert.messages["email"].split())
    [says] = {
        MAY_REPEAT in email,
        MAY_REPEAT in chat,
        machine["unmapped"]["may_repeat"],
    }
    return bool(says)


# Nothing twice.


def test_a_delivery_that_comes_again_is_told_once(topic: Topic) -> None:
    records = (OPENING, LATER)

    first, second = delivered(*records), delivered(*records)

    assert (first["alerts"], first["duplicates"]) == (1, 0)
    assert (second["alerts"], second["duplicates"], second["matched"]) == (0, 2, 2)
    assert (second["world_open"], second["records"]) == (0, 2)
    assert ids_told(topic) == [OPENING["eventID"], event_id(1)]


def test_a_function_that_starts_cold_remembers(topic: Topic) -> None:
    delivered(OPENING)
    handler.alerter.cache_clear()

    assert delivered(OPENING)["duplicates"] == 1
    assert len(topic.take()) == 1


def test_what_is_new_is_told_beside_what_is_not(topic: Topic) -> None:
    delivered(OPENING)
    topic.take()

    delivered(OPENING, with_id(OPENING, event_id(1)))

    assert ids_told(topic) == [event_id(1)]


def test_an_event_that_stands_twice_in_a_delivery_is_told_once_in_its_place(topic: Topic) -> None:
    summary = delivered(OPENING, LATER, OPENING)

    assert (summary["alerts"], summary["matched"], summary["duplicates"]) == (1, 3, 1)
    assert ids_told(topic) == [OPENING["eventID"], event_id(1)]


NO_USABLE_IDS: Final = {
    "empty": "",
    "null": None,
    "a-list": ["x"],
    "longer-than-a-key": "x" * 3000,
    "half-a-character": "\ud800",
    "a-text": "an event",
    "line-break": f"{OPENING['eventID']}\n",
}


@pytest.mark.parametrize(
    "nameless",
    [without_id(OPENING), *(with_id(OPENING, it) for it in NO_USABLE_IDS.values())],
    ids=["missing", *NO_USABLE_IDS],
)
def test_an_event_without_an_id_is_known_by_its_text(nameless: Record, topic: Topic) -> None:
    # One digit of the request differs: these are two events.
    another = nameless | {"requestID": "another"}

    first, second = delivered(nameless, another), delivered(another, nameless)

    assert (first["matched"], first["duplicates"]) == (2, 0)
    assert (second["matched"], second["duplicates"]) == (2, 2)
    [alert] = topic.take()
    assert len(json.loads(alert.messages["default"])["evidences"]) == 2
    assert not says_it_may_repeat(alert)


def test_a_log_event_that_is_no_record_is_known_by_its_text(topic: Topic) -> None:
    payload = payload_of("no JSON", "nor this", "half a character: \ud800")

    first = handler.lambda_handler(payload, lambda_context())
    second = handler.lambda_handler(payload, lambda_context())

    assert (first["unreadable"], first["duplicates"]) == (3, 0)
    assert (second["unreadable"], second["duplicates"]) == (0, 3)
    assert len(topic.take()) == 1


# What is wrong with our own configuration.

PROBLEM: Final = "accepted_openings.toml, entry 1, owner: expected a line of text, found None"
MORNING: Final = datetime(2026, 11, 23, 0, 1, tzinfo=UTC)
EVENING: Final = datetime(2026, 11, 23, 23, 59, tzinfo=UTC)


@pytest.fixture
def misconfigured(topic: Topic, monkeypatch: pytest.MonkeyPatch) -> Topic:
    """The same, where one accepted opening is not in force."""
    wrong = AcceptedOpenings(problems=(PROBLEM,))
    monkeypatch.setattr(sending, "accepted_openings_in", lambda _text, **_: wrong)
    return topic


def kinds_told(topic: Topic) -> list[str]:
    return [alert.attributes["kind"] for alert in topic.take()]


def test_a_problem_is_told_beside_the_events_and_counted_as_none(misconfigured: Topic) -> None:
    summary = delivered(OPENING)

    assert (summary["alerts"], summary["matched"], summary["duplicates"]) == (2, 1, 0)
    assert (summary["world_open"], summary["unreadable"]) == (1, 0)
    notice, opening = misconfigured.take()
    assert notice.attributes == {
        "severity": "MEDIUM",
        "world_open": "false",
        "effect": "other",
        "kind": "configuration",
    }
    assert PROBLEM in " ".join(notice.messages["email"].split())
    assert notice.event_ids == []
    assert opening.event_ids == [OPENING["eventID"]]


def test_a_problem_is_told_once_a_day_and_not_once_a_cold_start(misconfigured: Topic) -> None:
    delivered(OPENING, now=MORNING)
    assert kinds_told(misconfigured) == ["configuration", "security-group"]

    handler.alerter.cache_clear()
    assert delivered(by("another", 1), now=EVENING)["duplicates"] == 0
    assert kinds_told(misconfigured) == ["security-group"]

    delivered(OPENING, now=EVENING + timedelta(minutes=2))
    assert kinds_told(misconfigured) == ["configuration"]


def test_another_problem_is_told_on_the_same_day(
    misconfigured: Topic, monkeypatch: pytest.MonkeyPatch
) -> None:
    delivered(OPENING, now=MORNING)
    misconfigured.take()
    wrong = AcceptedOpenings(problems=(PROBLEM, f"{PROBLEM}!"))
    monkeypatch.setattr(sending, "accepted_openings_in", lambda _text, **_: wrong)
    handler.alerter.cache_clear()

    delivered(OPENING, now=EVENING)

    [notice] = misconfigured.take()
    assert f"{PROBLEM}!" in " ".join(notice.messages["email"].split())


def test_a_problem_is_told_where_nothing_of_ours_was_delivered(misconfigured: Topic) -> None:
    summary = delivered(OPENING | {"eventName": "RunInstances"})

    assert (summary["records"], summary["matched"], summary["alerts"]) == (1, 0, 1)
    assert kinds_told(misconfigured) == ["configuration"]


def test_a_problem_waits_for_a_delivery_that_holds_something(
    misconfigured: Topic, calls: Calls
) -> None:
    assert handler.lambda_handler(payload_of(), lambda_context())["alerts"] == 0

    assert not calls.made
    assert misconfigured.take() == []


def test_a_problem_that_could_not_be_told_is_told_by_the_retry(
    misconfigured: Topic, calls: Calls
) -> None:
    calls.ending[SEND] = refused("InternalError")
    with pytest.raises(PublishError, match=r"an accepted opening is not in force.*\(no event id\)"):
        delivered(OPENING)
    assert marked() == set()

    del calls.ending[SEND]
    assert delivered(OPENING)["alerts"] == 2
    assert kinds_told(misconfigured) == ["configuration", "security-group"]


def test_a_problem_waits_for_a_table_that_answers_and_an_event_does_not(
    misconfigured: Topic, calls: Calls
) -> None:
    calls.ending[READ] = unreachable

    for _ in range(2):
        assert delivered(OPENING, now=MORNING)["alerts"] == 1
        assert kinds_told(misconfigured) == ["security-group"]

    del calls.ending[READ]
    assert delivered(OPENING, now=EVENING)["alerts"] == 1
    assert kinds_told(misconfigured) == ["configuration"]


# CloudTrail's addenda.


def told_as_update_of_known(alert: SentAlert) -> bool:
    email = " ".join(alert.messages["email"].split())
    assert f"as an update of event {ORIGINAL['eventID']}" in email
    return f"as an update of event {ORIGINAL['eventID']}, which has been alerted." in email


def test_an_update_of_an_alerted_event_says_so(topic: Topic) -> None:
    delivered(ORIGINAL)
    topic.take()

    delivered(ADDENDUM)

    [alert] = topic.take()
    assert told_as_update_of_known(alert)
    assert alert.event_ids == [ADDENDUM["eventID"]]


def test_an_update_that_comes_before_its_original(topic: Topic) -> None:
    delivered(ADDENDUM)
    [update] = topic.take()
    assert not told_as_update_of_known(update)

    delivered(ORIGINAL)
    assert ids_told(topic) == [ORIGINAL["eventID"]]

    assert delivered(ADDENDUM, ORIGINAL)["duplicates"] == 2


@pytest.mark.parametrize(
    "records", [(ORIGINAL, ADDENDUM), (ADDENDUM, ORIGINAL)], ids=["behind-it", "before-it"]
)
def test_an_update_beside_its_original_is_one_call(
    records: tuple[Record, ...], topic: Topic
) -> None:
    ids = [ORIGINAL["eventID"], ADDENDUM["eventID"]]

    summary = delivered(*records)

    assert (summary["matched"], summary["duplicates"], summary["alerts"]) == (2, 0, 1)
    [alert] = topic.take()
    assert alert.event_ids == ids
    assert len(json.loads(alert.messages["default"])["evidences"]) == 1
    assert "2 calls" not in alert.messages["email"] + alert.subject
    assert marked() == set(ids)
    for repeated in records:
        assert delivered(repeated)["duplicates"] == 1


def test_an_update_under_the_same_id_is_no_repetition(topic: Topic) -> None:
    update = with_id(ADDENDUM, ORIGINAL["eventID"])

    delivered(ORIGINAL)
    topic.take()
    delivered(update)

    [alert] = topic.take()
    assert told_as_update_of_known(alert)
    assert delivered(ORIGINAL, update)["duplicates"] == 2


@pytest.mark.parametrize("original", [*NO_USABLE_IDS.values()], ids=NO_USABLE_IDS)
def test_an_update_of_an_event_whose_id_is_none(original: object, topic: Topic) -> None:
    addendum = ADDENDUM["addendum"] | {"originalEventID": original}

    delivered(ADDENDUM | {"addendum": addendum})

    [alert] = topic.take()
    assert not says_it_may_repeat(alert)


# The table fails.


def refused(code: str) -> Ending:
    def ending(_call: Callable[[], Any], _parameters: dict[str, Any]) -> Any:
        raise ClientError({"Error": {"Code": code, "Message": "no"}}, "Batch")

    return ending


def unreachable(_call: Callable[[], Any], _parameters: dict[str, Any]) -> Any:
    raise EndpointConnectionError(endpoint_url="https://dynamodb")


def nothing_read(_call: Callable[[], Any], parameters: dict[str, Any]) -> Any:
    return {"Responses": {}, "UnprocessedKeys": parameters["RequestItems"]}


def nothing_written(_call: Callable[[], Any], parameters: dict[str, Any]) -> Any:
    return {"UnprocessedItems": parameters["RequestItems"]}


FAILURES: Final[dict[str, Ending]] = {
    "down": unreachable,
    "throttled": refused("ProvisionedThroughputExceededException"),
    "full": refused("RequestLimitExceeded"),
    "gone": refused("ResourceNotFoundException"),
    "forbidden": refused("AccessDeniedException"),
}


@pytest.mark.parametrize(
    "failure", [*FAILURES.values(), nothing_read], ids=[*FAILURES, "throttled-in-part"]
)
def test_a_table_that_cannot_be_read_stops_no_alert(
    failure: Ending, topic: Topic, calls: Calls
) -> None:
    calls.ending[READ] = failure

    summary = delivered(OPENING)

    assert (summary["alerts"], summary["seen_table_failures"]) == (1, 1)
    [alert] = topic.take()
    assert says_it_may_repeat(alert)
    # What cannot be read may be written all the same: the next delivery is not told again.
    del calls.ending[READ]
    assert delivered(OPENING)["duplicates"] == 1
    assert topic.take() == []


@pytest.mark.parametrize(
    "failure", [*FAILURES.values(), nothing_written], ids=[*FAILURES, "throttled-in-part"]
)
def test_a_table_that_cannot_be_written_stops_no_alert(
    failure: Ending, topic: Topic, calls: Calls
) -> None:
    calls.ending = {NOTE: refused("TransactionCanceledException"), WRITE: failure}

    summary = delivered(OPENING)

    assert (summary["alerts"], summary["seen_table_failures"]) == (1, 1)
    [alert] = topic.take()
    assert not says_it_may_repeat(alert)
    assert delivered(OPENING)["alerts"] == 1


def test_a_table_that_is_down_costs_the_alerts_little_time(topic: Topic, calls: Calls) -> None:
    calls.ending = {READ: unreachable, NOTE: unreachable, WRITE: unreachable}

    summary = delivered(*by_different_people(200))

    assert summary["alerts"] == len(topic.take()) == 200
    assert summary["seen_table_failures"] == ENOUGH_TABLE_FAILURES
    # What is remembered of groups was asked for once.
    assert calls.to_dynamodb == ENOUGH_TABLE_FAILURES + 1
    assert summary["memory_failures"] == 1
    assert calls.made[RESERVE] == 1


@pytest.mark.parametrize("failure", FAILURES.values(), ids=FAILURES)
def test_a_reservation_that_fails_stops_no_alert(
    failure: Ending, topic: Topic, calls: Calls
) -> None:
    calls.ending[RESERVE] = failure

    summary = delivered(*by_different_people(20))

    assert (summary["alerts"], summary["seen_table_failures"]) == (20, 0)
    assert calls.made[RESERVE] == 1
    alerts = topic.take()
    assert sorted(it for alert in alerts for it in alert.event_ids) == sorted(marked())
    assert len(alerts) == 20
    assert not any(map(says_it_may_repeat, alerts))
    assert delivered(*by_different_people(20))["duplicates"] == 20


@pytest.mark.usefixtures("topic")
def test_an_alert_of_many_events_does_not_ask_a_table_that_is_down_for_each(calls: Calls) -> None:
    calls.ending = {NOTE: unreachable, WRITE: unreachable}

    summary = delivered(*(with_id(OPENING, event_id(number)) for number in range(300)))

    assert summary["alerts"] < 10
    assert summary["seen_table_failures"] == ENOUGH_TABLE_FAILURES
    # Of the transactions, one is for what is remembered of the group.
    assert (calls.made[NOTE], calls.made[WRITE]) == (1, 2)


# Few calls to the table.


@pytest.mark.parametrize(
    "records",
    [
        pytest.param([with_id(OPENING, event_id(it)) for it in range(100)], id="of-one-principal"),
        pytest.param(by_different_people(100), id="an-alert-each"),
    ],
)
def test_a_hundred_events_need_few_calls(records: list[Record], topic: Topic, calls: Calls) -> None:
    delivered(*records)

    # What was alerted and what is remembered of groups are read, and memories are written; then
    # what was told of the groups, and a hundred marks.
    assert calls.to_dynamodb <= 3 + 2
    assert calls.made[RESERVE] == 1
    assert len(ids_told(topic)) == len(marked()) == 100


@pytest.mark.usefixtures("topic")
def test_a_hundred_updates_need_few_calls(calls: Calls) -> None:
    def update(number: int) -> Record:
        addendum = ADDENDUM["addendum"] | {"originalEventID": event_id(1000 + number)}
        return with_id(ADDENDUM, event_id(number)) | {"addendum": addendum}

    delivered(*(update(number) for number in range(100)))

    assert calls.to_dynamodb <= 4 + 2
    assert calls.made[RESERVE] == 1
    assert marked() == {event_id(number) for number in range(100)}


@pytest.mark.usefixtures("topic")
def test_what_was_told_before_costs_no_writing(calls: Calls) -> None:
    delivered(OPENING)
    calls.made.clear()

    delivered(OPENING)

    assert calls.made == {READ: 1}


def test_a_delivery_with_nothing_of_ours_makes_no_call(topic: Topic, calls: Calls) -> None:
    summary = delivered(OPENING | {"eventName": "RunInstances"})

    assert (summary["records"], summary["matched"]) == (1, 0)
    assert not calls.made
    assert topic.take() == []


# Amazon SNS fails.


def fourth_refused(call: Callable[[], Any], parameters: dict[str, Any]) -> Any:
    """As HTTP 200 tells of one message among others."""
    entries = parameters["PublishBatchRequestEntries"]
    bad = [entry for entry in entries if event_id(3) in entry["Message"]]
    parameters["PublishBatchRequestEntries"] = [entry for entry in entries if entry not in bad]
    answer = call() if parameters["PublishBatchRequestEntries"] else {}
    return answer | {
        "Failed": [{"Id": it["Id"], "Code": "InvalidParameter", "SenderFault": True} for it in bad]
    }


def all_refused_because_of_the_fourth(call: Callable[[], Any], parameters: dict[str, Any]) -> Any:
    if event_id(3) in json.dumps(parameters):
        refused("InvalidParameter")(call, parameters)
    return call()


@pytest.mark.parametrize("refusal", [fourth_refused, all_refused_because_of_the_fourth])
def test_of_ten_the_fourth_is_refused(refusal: Ending, topic: Topic, calls: Calls) -> None:
    records = by_different_people(10)
    others = {event_id(number) for number in range(10)} - {event_id(3)}
    calls.ending[SEND] = refusal

    with pytest.raises(PublishError, match=event_id(3)):
        delivered(*records)

    assert len(alerts := topic.take()) == 9
    assert {event_id for alert in alerts for event_id in alert.event_ids} == marked() == others

    with pytest.raises(PublishError, match=event_id(3)):
        delivered(*records)
    assert topic.take() == []

    del calls.ending[SEND]
    summary = delivered(*records)
    assert (summary["alerts"], summary["duplicates"]) == (1, 9)
    assert ids_told(topic) == [event_id(3)]


def test_what_failed_by_the_fault_of_the_service_is_sent_in_the_same_invocation(
    topic: Topic, calls: Calls
) -> None:
    def failing_at_first(call: Callable[[], Any], parameters: dict[str, Any]) -> Any:
        if calls.made[SEND] > 1:
            return call()
        entries = parameters["PublishBatchRequestEntries"]
        failed = [{"Id": it["Id"], "Code": "InternalError", "SenderFault": False} for it in entries]
        return {"Successful": [], "Failed": failed}

    calls.ending[SEND] = failing_at_first

    summary = delivered(*by_different_people(10))

    # Ten are two batches, of which the first is sent twice.
    assert (summary["alerts"], summary["sends_failed"], calls.made[SEND]) == (10, 0, 3)
    assert len(marked()) == len(ids_told(topic)) == 10


def test_near_the_deadline_the_retry_sends_the_rest(
    topic: Topic, calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = by_different_people(35)
    context = lambda_context()
    enough, too_little = int(RESERVED_SECONDS * 1000) + 60_000, int(RESERVED_SECONDS * 1000) - 1
    # Whatever was sent before, the third call leaves little time.
    monkeypatch.setattr(
        context,
        "get_remaining_time_in_millis",
        lambda: too_little if calls.made[SEND] >= 3 else enough,
    )
    [delivery] = deliveries_of(records)

    with pytest.raises(PublishError, match="the time ran out: the rest is left to the retry"):
        handler.lambda_handler(delivery.payload, context)

    first = ids_told(topic)
    assert len(first) == 3 * MOST_IN_A_SECOND
    assert marked() == set(first)

    summary = delivered(*records)
    assert (summary["alerts"], summary["duplicates"]) == (35 - len(first), len(first))
    assert sorted(first + ids_told(topic)) == [event_id(number) for number in range(35)]


def test_what_the_pace_leaves_no_time_for_is_sent_by_the_retry(topic: Topic, calls: Calls) -> None:
    records = by_different_people(35)

    # Batches go at once, and after 1.25, 2.5 and 3.75 seconds: a fifth would be too late.
    with pytest.raises(PublishError, match="the time ran out: the rest is left to the retry"):
        delivered(*records, seconds_left=RESERVED_SECONDS + 4.5)

    assert calls.made[SEND] == 4
    first = ids_told(topic)
    assert len(first) == 4 * MOST_IN_A_SECOND
    assert marked() == set(first)

    summary = delivered(*records)
    assert (summary["alerts"], summary["duplicates"]) == (3, 32)
    assert sorted(first + ids_told(topic)) == [event_id(number) for number in range(35)]


def test_without_any_time_nothing_is_sent_and_nothing_marked(topic: Topic) -> None:
    with pytest.raises(PublishError, match="the time ran out"):
        delivered(OPENING, seconds_left=RESERVED_SECONDS - 1)

    assert topic.take() == []
    assert marked() == set()
    assert delivered(OPENING)["alerts"] == 1


def test_what_was_sent_is_marked_whatever_happens_then(topic: Topic, calls: Calls) -> None:
    def broken(call: Callable[[], Any], _parameters: dict[str, Any]) -> Any:
        if calls.made[SEND] > 1:
            raise RuntimeError("unheard of")
        return call()

    calls.ending[SEND] = broken

    with pytest.raises(RuntimeError, match="unheard of"):
        delivered(*by_different_people(20))

    first = {event_id(number) for number in range(MOST_IN_A_SECOND)}
    assert marked() == set(ids_told(topic)) == first


def test_a_fault_of_ours_hides_no_event_and_takes_no_other_with_it(
    topic: Topic, monkeypatch: pytest.MonkeyPatch
) -> None:
    def faulty(record: CloudTrailRecord) -> Any:
        if record.event_id == event_id(1):
            raise KeyError("groupId")
        return change_of(record)

    monkeypatch.setattr(alerting, "change_of", faulty)

    summary = delivered(OPENING, with_id(OPENING, event_id(1)))

    assert (summary["matched"], summary["unreadable"]) == (2, 1)
    alerts = {alert.attributes["kind"]: alert for alert in topic.take()}
    assert alerts["unreadable"].event_ids == [event_id(1)]
    assert alerts["unreadable"].attributes["severity"] == "HIGH"
    assert "KeyError: 'groupId'" in alerts["unreadable"].messages["email"]
    assert alerts["security-group"].event_ids == [OPENING["eventID"]]


# The heartbeat.

ROLE_ARN: Final = f"arn:aws:iam::{MANAGEMENT_ACCOUNT_ID}:role/alerter/HeartbeatRole-1A2B3C"
PREFIX_LIST: Final = story("prefix-list-created-with-a-broad-range")
DRY_RUN: Final = {"errorCode": "Client.DryRunOperation", "errorMessage": "Request would have…"}


def called_by(role_arn: str, account_id: str = MANAGEMENT_ACCOUNT_ID) -> Record:
    """The user identity of a session of this role, whose call was made in this account."""
    name = role_arn.rpartition("/")[2]
    caller = role_arn.split(":")[4]
    return {
        "recipientAccountId": account_id,
        "userIdentity": {
            "type": "AssumedRole",
            "principalId": "AROAEXAMPLE:heartbeat",
            "arn": f"arn:aws:sts::{caller}:assumed-role/{name}/heartbeat",
            "accountId": caller,
            "sessionContext": {
                "sessionIssuer": {
                    "type": "Role",
                    "arn": role_arn,
                    "accountId": caller,
                    "userName": name,
                }
            },
        },
    }


BEAT: Final = PREFIX_LIST | DRY_RUN | called_by(ROLE_ARN)


@pytest.fixture
def with_heartbeat(topic: Topic, monkeypatch: pytest.MonkeyPatch) -> Topic:
    monkeypatch.setenv("HEARTBEAT_ROLE_ARN", ROLE_ARN)
    return topic


def test_a_heartbeat_is_counted_and_never_told(with_heartbeat: Topic, calls: Calls) -> None:
    summary = delivered(BEAT)

    assert BEAT["eventName"] == HEARTBEAT_CALL
    assert {name for name, number in summary.items() if number} == {"records", "heartbeats"}
    assert (summary["records"], summary["heartbeats"]) == (1, 1)
    assert not calls.made
    assert with_heartbeat.take() == []


def test_a_heartbeat_hides_nothing_beside_it(with_heartbeat: Topic) -> None:
    # Of one account and time, that is: in one delivery.
    opening = OPENING | {name: BEAT[name] for name in ("recipientAccountId", "eventTime")}

    summary = delivered(BEAT, opening, BEAT)

    assert (summary["heartbeats"], summary["matched"], summary["alerts"]) == (2, 1, 1)
    assert ids_told(with_heartbeat) == [OPENING["eventID"]]


ELSEWHERE: Final = "222233334444"
ROLE_ELSEWHERE: Final = ROLE_ARN.replace(MANAGEMENT_ACCOUNT_ID, ELSEWHERE)
USER: Final = {
    "type": "IAMUser",
    "arn": f"arn:aws:iam::{MANAGEMENT_ACCOUNT_ID}:user/HeartbeatRole-1A2B3C",
    "accountId": MANAGEMENT_ACCOUNT_ID,
    "userName": "HeartbeatRole-1A2B3C",
    "sessionContext": {"sessionIssuer": {"type": "IAMUser", "arn": ROLE_ARN}},
}


@pytest.mark.parametrize(
    ("imitation", "outcome"),
    [
        pytest.param(called_by(f"{ROLE_ARN}-2"), "dry run", id="another-role"),
        pytest.param(
            called_by(ROLE_ARN.replace("alerter/", "")), "dry run", id="same-name-without-the-path"
        ),
        pytest.param(called_by(ROLE_ELSEWHERE), "dry run", id="same-role-of-another-account"),
        pytest.param(called_by(ROLE_ELSEWHERE, ELSEWHERE), "dry run", id="all-of-another-account"),
        pytest.param(called_by(ROLE_ARN, ELSEWHERE), "dry run", id="made-in-another-account"),
        pytest.param({"userIdentity": USER}, "dry run", id="a-user-of-that-name"),
        pytest.param({"userIdentity": None}, "dry run", id="nobody"),
        pytest.param({"errorCode": None}, "succeeded", id="no-dry-run"),
        pytest.param({"errorCode": "Client.UnauthorizedOperation"}, "denied", id="denied"),
        pytest.param({"errorCode": "Client.InvalidParameterValue"}, "failed", id="failed"),
        pytest.param({"eventName": "ModifyManagedPrefixList"}, "dry run", id="another-call"),
    ],
)
def test_an_imitation_is_told_as_what_it_is(
    imitation: Record, outcome: str, with_heartbeat: Topic
) -> None:
    record = BEAT | imitation

    summary = delivered(record)

    assert (summary["heartbeats"], summary["matched"]) == (0, 1)
    [alert] = with_heartbeat.take()
    assert alert.attributes["kind"] == "prefix-list"
    assert alert.attributes["effect"] == ("other" if outcome == "succeeded" else "attempt")
    machine = json.loads(alert.messages["default"])
    assert machine["unmapped"]["outcome"] == outcome
    assert [it["api"]["operation"] for it in machine["evidences"]] == [record["eventName"]]
    assert alert.attributes["account_id"] == record["recipientAccountId"]


def test_without_a_heartbeat_in_the_settings_none_is_recognised(topic: Topic) -> None:
    assert delivered(BEAT)["heartbeats"] == 0
    [alert] = topic.take()
    assert alert.attributes["effect"] == "attempt"
    assert json.loads(alert.messages["default"])["unmapped"]["outcome"] == "dry run"
