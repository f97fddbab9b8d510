"""What has been alerted is remembered, in few calls; a table that fails raises nothing."""

from collections.abc import Iterator
from itertools import count
from typing import Any, Final, cast

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from mypy_boto3_dynamodb import DynamoDBClient

from local.aws import SEEN_EVENTS_TABLE, emulated_aws
from security_group_alerter.aws.seen_events import (
    MOST_IN_READ,
    MOST_IN_WRITE,
    REMEMBERED_SECONDS,
    SeenEvents,
)
from security_group_alerter.model.seen import Mark, SeenAnswer

NOW: Final = 1_795_000_000.9
THROTTLED: Final = ClientError(
    {"Error": {"Code": "ProvisionedThroughputExceededException", "Message": "no"}}, "Batch"
)
DOWN: Final = EndpointConnectionError(endpoint_url="https://dynamodb")
# So many keys does a table take that is throttled.
NOTHING: Final = 0


class Table:
    """DynamoDB, as far as it is called: takes as many keys of each call as told, or fails."""

    def __init__(self, *outcomes: int | Exception, seen: tuple[str, ...] = ()) -> None:
        self.asked: list[list[str]] = []
        self.offered: list[list[str]] = []
        self.seen = set(seen)
        self.slept: list[float] = []
        self._outcomes = iter(outcomes)

    def batch_get_item(self, *, RequestItems: dict[str, Any]) -> dict[str, Any]:  # noqa: N803
        [(name, request)] = RequestItems.items()
        assert name == SEEN_EVENTS_TABLE
        assert request["ConsistentRead"] is True
        keys = [key["event_id"]["S"] for key in request["Keys"]]
        self.asked.append(keys)
        taken = self._taken(len(keys))
        return {
            "Responses": {
                name: [{"event_id": {"S": key}} for key in keys[:taken] if key in self.seen]
            },
            "UnprocessedKeys": {name: {"Keys": request["Keys"][taken:]}} if keys[taken:] else {},
        }

    def batch_write_item(self, *, RequestItems: dict[str, Any]) -> dict[str, Any]:  # noqa: N803
        [(name, requests)] = RequestItems.items()
        assert name == SEEN_EVENTS_TABLE
        keys = [request["PutRequest"]["Item"]["event_id"]["S"] for request in requests]
        self.offered.append(keys)
        taken = self._taken(len(keys))
        self.seen.update(keys[:taken])
        return {"UnprocessedItems": {name: requests[taken:]} if keys[taken:] else {}}

    def _taken(self, most: int) -> int:
        outcome = next(self._outcomes, most)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    @property
    def events(self) -> SeenEvents:
        return SeenEvents(
            cast("DynamoDBClient", self),
            table_name=SEEN_EVENTS_TABLE,
            clock=lambda: NOW,
            sleep=self.slept.append,
        )


@pytest.fixture(scope="module")
def client() -> Iterator[DynamoDBClient]:
    with emulated_aws():
        yield boto3.client("dynamodb")


def seen_events(client: DynamoDBClient) -> SeenEvents:
    return SeenEvents(
        client,
        table_name=SEEN_EVENTS_TABLE,
        clock=lambda: NOW,
        sleep=lambda _: pytest.fail("nothing is tried again"),
    )


def ids(number: int) -> list[str]:
    return [f"event-{index:03}" for index in range(number)]


def marks(*keys: str) -> list[Mark]:
    return [Mark(key) for key in keys]


def test_what_was_marked_is_known(client: DynamoDBClient) -> None:
    events = seen_events(client)
    marked = [f"marked-{key}" for key in ids(130)]

    assert events.among(marked) == SeenAnswer()
    assert events.mark(marks(*marked)) == 0
    assert events.among([*marked, "another"]) == SeenAnswer(keys=frozenset(marked))


def test_it_is_forgotten_in_time(client: DynamoDBClient) -> None:
    seen_events(client).mark(marks("forgotten"))

    item = client.get_item(TableName=SEEN_EVENTS_TABLE, Key={"event_id": {"S": "forgotten"}})
    # DynamoDB's time to live wants whole seconds.
    assert item["Item"] == {
        "event_id": {"S": "forgotten"},
        "expires": {"N": str(1_795_000_000 + REMEMBERED_SECONDS)},
        "change": {"S": "null"},
    }
    assert REMEMBERED_SECONDS >= 48 * 3600


def test_the_same_key_twice_is_one(client: DynamoDBClient) -> None:
    # DynamoDB refuses a batch in which a key stands twice.
    assert seen_events(client).mark(marks("twice", "twice")) == 0
    assert seen_events(client).among(["twice", "twice"]) == SeenAnswer(keys=frozenset({"twice"}))


@pytest.mark.parametrize(
    ("number", "reads", "writes"),
    [
        (0, [], []),
        (1, [1], [1]),
        (MOST_IN_WRITE, [25], [25]),
        (MOST_IN_WRITE + 1, [26], [25, 1]),
        (MOST_IN_READ, [100], [25] * 4),
        (MOST_IN_READ + 1, [100, 1], [25, 25, 25, 25, 1]),
    ],
)
def test_as_many_in_a_call_as_dynamodb_takes(
    number: int, reads: list[int], writes: list[int]
) -> None:
    table = Table()

    assert table.events.mark(marks(*ids(number))) == 0
    assert table.events.among(ids(number)) == SeenAnswer(keys=frozenset(ids(number)))

    assert [len(keys) for keys in table.asked] == reads
    assert [len(keys) for keys in table.offered] == writes
    assert table.slept == []


def test_what_was_left_unread_is_asked_for_again() -> None:
    table = Table(2, NOTHING, seen=("event-000", "event-003"))

    answer = table.events.among(ids(4))

    assert answer == SeenAnswer(keys=frozenset({"event-000", "event-003"}))
    assert table.asked == [ids(4), ids(4)[2:], ids(4)[2:]]
    first, second = table.slept
    assert 0 < first < second


def test_what_was_left_unwritten_is_offered_again() -> None:
    table = Table(2, NOTHING)

    assert table.events.mark(marks(*ids(4))) == 0

    assert table.offered == [ids(4), ids(4)[2:], ids(4)[2:]]
    assert table.seen == set(ids(4))
    first, second = table.slept
    assert 0 < first < second


def test_what_is_left_again_and_again_is_given_up_and_the_rest_is_known() -> None:
    table = Table(1, NOTHING, NOTHING, seen=tuple(ids(2)))

    answer = table.events.among(ids(2))

    assert answer == SeenAnswer(keys=frozenset({"event-000"}), is_sure=False)
    assert len(table.asked) == 3


def test_what_is_left_unwritten_again_and_again_is_a_failure() -> None:
    table = Table(1, NOTHING, NOTHING)

    assert table.events.mark(marks(*ids(2))) == 1

    assert len(table.offered) == 3
    assert table.seen == {"event-000"}


@pytest.mark.parametrize("failure", [THROTTLED, DOWN, RuntimeError("unheard of")], ids=str)
def test_failures_raise_nothing(failure: Exception) -> None:
    table = Table(100, failure, seen=("event-000",))

    # A table that fails is not asked for the rest: the alerts need the time.
    answer = table.events.among(ids(250))

    assert answer == SeenAnswer(keys=frozenset({"event-000"}), is_sure=False)
    assert len(table.asked) == 2


@pytest.mark.parametrize("failure", [THROTTLED, DOWN, RuntimeError("unheard of")], ids=str)
def test_failed_writes_are_counted_and_the_others_made(failure: Exception) -> None:
    table = Table(25, failure)

    assert table.events.mark(marks(*ids(75))) == 1

    assert table.seen == {*ids(25), *ids(75)[50:]}


@pytest.mark.parametrize("answer", [{}, {"message": "no JSON"}, {"Responses": None}])
def test_an_answer_that_says_nothing_is_no_answer(
    answer: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    table = Table()
    monkeypatch.setattr(table, "batch_get_item", lambda **_: answer)

    assert table.events.among(["event"]) == SeenAnswer(is_sure=False)


def test_the_time_is_that_of_each_call(client: DynamoDBClient) -> None:
    times = count(1000, 500)
    events = SeenEvents(
        client, table_name=SEEN_EVENTS_TABLE, clock=lambda: next(times), sleep=lambda _: None
    )

    events.mark(marks("early"))
    events.mark(marks("late"))

    expiries = [
        client.get_item(TableName=SEEN_EVENTS_TABLE, Key={"event_id": {"S": key}})["Item"]
        for key in ("early", "late")
    ]
    assert [int(item["expires"]["N"]) - REMEMBERED_SECONDS for item in expiries] == [1000, 1500]
