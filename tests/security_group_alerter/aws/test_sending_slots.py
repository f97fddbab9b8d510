"""No second has more messages than an e-mail subscription bears, whoever sends."""

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any, Final

import boto3
import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws

from security_group_alerter.aws.sending_slots import (
    KEY,
    LATENESS,
    MOST_IN_A_SECOND,
    Send,
    SendingSlots,
    slots_after,
)
from tests.security_group_alerter.builders import calmly

TABLE: Final = "seen-events"


def most_in_a_second(sends: list[Send]) -> int:
    return max(
        (sum(count for at, count in sends if start <= at < start + 1) for start, _ in sends),
        default=0,
    )


def arriving_late(sends: list[Send], lateness: list[float]) -> list[Send]:
    return [(at + late, count) for (at, count), late in zip(sends, lateness, strict=False)]


counts = st.integers(1, MOST_IN_A_SECOND)
# Of deliveries that come one after the other: how long after, and how many messages in a batch.
deliveries = st.lists(
    st.tuples(st.floats(0, 3, allow_nan=False), st.lists(counts, max_size=6)), max_size=8
)


@calmly
@given(deliveries, st.lists(st.floats(0, LATENESS), min_size=48, max_size=48))
def test_no_second_has_too_many_however_long_each_call_takes(
    deliveries: list[tuple[float, list[int]]], lateness: list[float]
) -> None:
    known: list[Send] = []
    now = 1_000_000.0
    for later, batches in deliveries:
        now += later
        known += slots_after(known, batches, now, until=now + 600)

    assert most_in_a_second(known) <= MOST_IN_A_SECOND
    assert most_in_a_second(arriving_late(known, lateness)) <= MOST_IN_A_SECOND
    assert [count for _, count in known] == [it for _, batches in deliveries for it in batches]
    assert all(one[0] <= other[0] for one, other in pairwise(known))


def test_nobody_waits_who_need_not() -> None:
    assert slots_after([], [8], 100.0, until=200) == [(100.0, 8)]
    assert slots_after([(98.75, 8)], [8], 100.0, until=200) == [(100.0, 8)]
    assert slots_after([(99.5, 3)], [5, 5], 100.0, until=200) == [(100.0, 5), (101.25, 5)]


def test_what_would_come_too_late_has_no_slot() -> None:
    assert slots_after([], [8, 8, 8], 100.0, until=102) == [(100.0, 8), (101.25, 8)]


class Clock:
    def __init__(self) -> None:
        self.now = 1_795_000_000.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    with mock_aws():
        client = boto3.client("dynamodb")
        client.create_table(
            TableName=TABLE,
            KeySchema=[{"AttributeName": "event_id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "event_id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        yield client


def slots(client: Any, clock: Clock) -> SendingSlots:
    return SendingSlots(client, table_name=TABLE, clock=clock, sleep=clock.sleep)


def test_invocations_that_run_together_share_the_seconds(client: Any) -> None:
    clock = Clock()
    functions = [slots(client, clock) for _ in range(4)]

    sends = [(clock.now + wait, 8) for it in functions for wait in it.reserve([8, 8], within=60)]

    assert len(sends) == 8
    assert most_in_a_second(sends) <= MOST_IN_A_SECOND


class Counted:
    """The table, of which each write is counted; `ending` may stand in the place of one."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.writes = 0
        self.ending: Callable[[], Any] = lambda: None

    def put_item(self, **request: Any) -> Any:
        self.writes += 1
        self.ending()
        return self._client.put_item(**request)


def test_a_delivery_costs_one_write_when_nobody_else_sends(client: Any) -> None:
    clock, counted = Clock(), Counted(client)

    slots(counted, clock).reserve([8, 8, 8], within=60)
    clock.now += 3.76
    slots(counted, clock).reserve([8], within=60)

    assert counted.writes == 2


def test_nothing_to_send_or_no_time_costs_nothing(client: Any) -> None:
    counted = Counted(client)

    assert slots(counted, Clock()).reserve([], within=60) == []
    assert slots(counted, Clock()).reserve([8], within=-1) == []
    assert counted.writes == 0


def test_what_was_reserved_before_is_waited_for(client: Any) -> None:
    clock = Clock()

    assert slots(client, clock).reserve([8, 8, 8], within=60) == [0, 1.25, 2.5]
    clock.now += 0.5
    [wait] = slots(client, clock).reserve([8], within=60)

    assert wait == pytest.approx(3.25)


@pytest.mark.parametrize("error", ["ProvisionedThroughputExceededException", None])
def test_a_table_that_fails_leaves_each_at_its_own_pace(client: Any, error: str | None) -> None:
    def fail() -> None:
        if error is None:
            raise ConnectTimeoutError(endpoint_url="https://dynamodb")
        raise ClientError({"Error": {"Code": error, "Message": "no"}}, "PutItem")

    counted = Counted(client)
    counted.ending = fail
    function = slots(counted, Clock())

    assert function.reserve([8, 8], within=60) == [0, 1.25]
    assert function.reserve([8], within=60) == [2.5]


def test_a_table_that_changes_at_every_look_is_given_up(client: Any) -> None:
    clock, other = Clock(), Clock()
    rival, counted = slots(client, other), Counted(client)

    def changed() -> None:
        other.sleep(-1e-6)
        rival.reserve([1], within=1e9)

    counted.ending = changed

    waits = slots(counted, clock).reserve([8], within=60)

    assert waits == [0]
    assert counted.writes == 20


def test_the_item_is_nobodys_event_and_expires(client: Any) -> None:
    clock = Clock()

    slots(client, clock).reserve([8], within=60)

    [item] = client.scan(TableName=TABLE)["Items"]
    assert item["event_id"] == {"S": KEY}
    assert int(item["expires"]["N"]) > clock.now
