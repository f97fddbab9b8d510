"""Whatever is handed to the function, it tells of what is ours, or raises what is documented."""

import base64
import gzip
import json
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from moto.dynamodb.models import dynamodb_backends

from local.aws import SEEN_EVENTS_TABLE, SentAlert, Topic
from local.deliveries import MANAGEMENT_ACCOUNT_ID, TRAIL_REGION
from local.lambda_context import lambda_context
from security_group_alerter.cloudtrail.payload import UndecodableDeliveryError
from security_group_alerter.handlers import delivery as handler
from tests.reliability.small_delivery import payload_of
from tests.stories import STORIES, story

# Measuring coverage would double the time; and what only a storm reaches is not tested yet.
pytestmark = pytest.mark.no_cover

# What was tried, and what came of it.
summary: Counter[str] = Counter()

RECORDS: Final = [story(name) for name in STORIES]
OPENING: Final = story("ssh-opened-to-the-world-from-the-console")
OURS: Final = json.dumps(OPENING)


def delivered(event: Any, topic: Topic) -> list[SentAlert]:
    """What is told of it, as if nothing had been told before; nothing when it cannot be decoded."""
    start_afresh(topic)
    summary["deliveries"] += 1
    try:
        handler.lambda_handler(event, lambda_context())
    except UndecodableDeliveryError:
        summary["undecodable"] += 1
        assert topic.take() == []
    return topic.take()


def start_afresh(topic: Topic) -> None:
    """As if nothing had ever been alerted."""
    dynamodb_backends[MANAGEMENT_ACCOUNT_ID][TRAIL_REGION].tables[SEEN_EVENTS_TABLE].items.clear()
    topic.take()


def assert_ours_is_told(messages: list[str], topic: Topic) -> None:
    alerts = delivered(payload_of(messages), topic)
    told = [it for it in alerts if OPENING["eventID"] in it.event_ids]
    assert [it.attributes["world_open"] for it in told] == ["true"], "lost, or told twice"
    summary["messages beside ours"] += len(messages) - 1


# A busy machine is no reason to fail.
STEADY: Final = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

# Without them nobody can say that a record is ours.
WHAT_MAKES_IT_OURS: Final = {"eventName", "eventSource"}

# Everything that Python reads as JSON, NaN and half characters among it.
TEXTS: Final = st.text(st.characters(), max_size=20) | st.sampled_from(
    ["", "\ud800", "\udfff\ud800", "\0", "0.0.0.0/0", "::/0", "-1", "x" * 10_000, "😀" * 3000]
)
NUMBERS: Final = (
    st.integers()
    | st.floats()
    | st.sampled_from([10**4299, -(10**400), 2**63, 65536, float("nan"), float("inf"), 1e308])
)
SCALARS: Final = st.none() | st.booleans() | NUMBERS | TEXTS
ANY_JSON: Final = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


@given(
    ANY_JSON
    | st.builds(lambda value: {"awslogs": value}, ANY_JSON)
    | st.builds(lambda value: {"awslogs": {"data": value}}, ANY_JSON | st.text() | st.binary())
)
@example(None)
@example({"Records": [OPENING]})
@settings(STEADY, max_examples=150)
def test_any_event(topic: Topic, event: Any) -> None:
    assert delivered(event, topic) == []


PACKED: Final = base64.b64decode(payload_of([OURS])["awslogs"]["data"])


@given(st.integers(0, len(PACKED) - 1), st.integers(0, 255))
@settings(STEADY, max_examples=50)
def test_cut_off_or_damaged_on_the_way(topic: Topic, position: int, byte: int) -> None:
    cut = base64.b64encode(PACKED[:position]).decode()
    assert delivered({"awslogs": {"data": cut}}, topic) == []

    damaged = PACKED[:position] + bytes([byte]) + PACKED[position + 1 :]
    alerts = delivered({"awslogs": {"data": base64.b64encode(damaged).decode()}}, topic)
    # The head of gzip has bytes that mean nothing, and its check sum tells of the others.
    assert not alerts or alerts[0].event_ids == [OPENING["eventID"]]

    text = base64.b64encode(PACKED).decode()
    spoilt = f"{text[:position]}{chr(byte)}{text[position + 1 :]}"
    alerts = delivered({"awslogs": {"data": spoilt}}, topic)
    assert not alerts or alerts[0].event_ids == [OPENING["eventID"]]


ENVELOPE: Final = {
    "messageType": "DATA_MESSAGE",
    "owner": "111122223333",
    "logGroup": "organization-trail",
    "logStream": "o-exampleorgid_222233334444_CloudTrail_eu-central-1",
    "subscriptionFilters": ["security-group-changes"],
}


@given(
    st.fixed_dictionaries({name: st.just(value) | ANY_JSON for name, value in ENVELOPE.items()}),
    st.lists(ANY_JSON | st.builds(lambda value: {"message": value}, ANY_JSON), max_size=4),
)
@settings(STEADY, max_examples=50)
def test_any_envelope_around_ours(
    topic: Topic, envelope: dict[str, Any], beside: list[Any]
) -> None:
    data = envelope | {"logEvents": [*beside, {"message": OURS}, *beside]}
    packed = gzip.compress(json.dumps(data).encode(), compresslevel=1)

    alerts = delivered({"awslogs": {"data": base64.b64encode(packed).decode()}}, topic)

    ids = [event_id for alert in alerts for event_id in alert.event_ids]
    is_control = envelope["messageType"] == "CONTROL_MESSAGE"
    assert is_control or ids.count(OPENING["eventID"]) == 1


def paths_in(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    items: Any = ()
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list):
        items = enumerate(value)
    for key, member in items:
        yield (*path, key)
        yield from paths_in(member, (*path, key))


@st.composite
def mutated_records(draw: st.DrawFn) -> str:
    """A real record of which some parts were replaced, removed, or are there twice."""
    record = json.loads(json.dumps(draw(st.sampled_from(RECORDS))))
    record["eventID"] = draw(st.uuids().map(str))
    for _ in range(draw(st.integers(1, 4))):
        path = draw(st.sampled_from(sorted(paths_in(record), key=repr)))
        parent = record
        for key in path[:-1]:
            parent = parent[key]
        if draw(st.booleans()):
            parent[path[-1]] = draw(ANY_JSON)
        else:
            del parent[path[-1]]
    if not record:
        return "{}"
    text = json.dumps(record)
    if draw(st.booleans()):
        name = draw(st.sampled_from(sorted(record)))
        text = f"{text[:-1]}, {json.dumps(name)}: {json.dumps(draw(ANY_JSON))}}}"
    return text


CUT_OFF: Final = st.integers(0, len(OURS) - 1).map(lambda length: OURS[:length])
GARBAGE: Final = st.lists(
    mutated_records() | ANY_JSON.map(json.dumps) | TEXTS | CUT_OFF, max_size=4
)


@given(GARBAGE, GARBAGE)
@settings(STEADY, max_examples=100)
def test_ours_among_garbage(topic: Topic, before: list[str], after: list[str]) -> None:
    assert_ours_is_told([*before, OURS, *after], topic)


@given(st.sampled_from(sorted(set(OPENING) - WHAT_MAKES_IT_OURS)), ANY_JSON)
@settings(STEADY, max_examples=50)
def test_ours_with_a_key_that_comes_twice(topic: Topic, name: str, value: Any) -> None:
    """The last one counts; whichever it is, the event is told."""
    first = f"{{{json.dumps(name)}: {json.dumps(value)}, {OURS[1:]}"
    last = f"{OURS[:-1]}, {json.dumps(name)}: {json.dumps(value)}}}"

    assert_ours_is_told([first], topic)
    assert len(delivered(payload_of([last]), topic)) == 1


NESTINGS: Final = {"lists": ("[", "]"), "objects": ('{"a":', "}"), "records": ('{"items":[', "]}")}


@pytest.mark.parametrize("nesting", NESTINGS.values(), ids=NESTINGS)
@pytest.mark.parametrize("name", ["requestParameters", "responseElements", "userIdentity", "new"])
def test_nested_as_deeply_as_the_parser_goes(
    name: str, nesting: tuple[str, str], topic: Topic
) -> None:
    opening, closing = nesting
    # Without its rest the call cannot be read, and has to be shown.
    rest = {} if name.endswith("s") else {"requestParameters": OPENING["requestParameters"]}
    record = OPENING | {"requestParameters": None, "responseElements": None} | rest

    def nested(depth: int) -> str:
        value = f"{opening * depth}1{closing * depth}"
        return f'{json.dumps(record)[:-1]}, "eventID": "depth-{depth}", "{name}": {value}}}'

    def deliver() -> tuple[int, dict[str, int]]:
        deepest = bisect_left(range(1_000_000), True, key=lambda it: not is_read(nested(it)))
        depths = range(deepest - 50, deepest + 10)
        summary["nestings"] += len(depths)
        summary["deliveries"] += 1
        payload = payload_of([*map(nested, depths), OURS])
        return len(depths) + 1, handler.lambda_handler(payload, lambda_context())

    start_afresh(topic)
    # In a thread of its own the stack is as short as Lambda's.
    with ThreadPoolExecutor(1) as thread:
        count, tally = thread.submit(deliver).result()

    assert (tally["records"], tally["matched"], tally["duplicates"]) == (count, count, 0)
    assert tally["unreadable"] > 0
    told = [event_id for alert in topic.take() for event_id in alert.event_ids]
    assert told.count(OPENING["eventID"]) == 1


def is_read(text: str) -> bool:
    try:
        json.loads(text)
    except RecursionError:
        return False
    return True
