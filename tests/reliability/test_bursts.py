"""A burst never makes Amazon SNS suspend an e-mail subscription, and nothing of it is lost."""

import base64
import gzip
import json
import re
import time
from collections import Counter
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, Final, cast

import pytest
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.client import BaseClient

from benchmarks.workloads import delivery
from local.aws import Topic, emulated_aws
from local.deliveries import deliveries_of
from security_group_alerter.alerting import PublishError
from security_group_alerter.aws.sending_slots import MOST_IN_A_SECOND
from security_group_alerter.aws.sns import RESERVED_SECONDS
from security_group_alerter.handlers import delivery as handler
from security_group_alerter.wiring import delivery as wiring
from security_group_alerter.wiring import sending
from tests.stories import story

OPENING: Final = story("ssh-opened-to-the-world-from-the-console")


class Clock:
    """The time that passes while functions sleep; and when messages were sent."""

    def __init__(self) -> None:
        self.now = 1_795_000_000.0
        self.sent: list[tuple[float, int]] = []

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def context(self, seconds: float) -> LambdaContext:
        deadline = self.now + seconds
        left = lambda: int((deadline - self.now) * 1000)  # noqa: E731
        return cast(
            "LambdaContext",
            SimpleNamespace(aws_request_id="burst", get_remaining_time_in_millis=left),
        )

    @property
    def most_in_a_second(self) -> int:
        return max(
            sum(count for at, count in self.sent if start <= at < start + 1)
            for start, _ in self.sent
        )


@pytest.fixture
def topic(cold_function: None) -> Iterator[Topic]:
    assert cold_function is None
    with emulated_aws() as topic:
        yield topic


@pytest.fixture
def clock(topic: Topic, monkeypatch: pytest.MonkeyPatch) -> Clock:
    assert topic.arn
    clock = Clock()
    make = BaseClient._make_api_call  # type: ignore[attr-defined]  # the stubs leave it out

    def noted(client: BaseClient, name: str, parameters: dict[str, Any]) -> Any:
        if name == "PublishBatch":
            clock.sent.append((clock.now, len(parameters["PublishBatchRequestEntries"])))
            clock.now += 0.05
        return make(client, name, parameters)

    monkeypatch.setattr(BaseClient, "_make_api_call", noted)
    ours = SimpleNamespace(time=lambda: clock.now, sleep=clock.sleep, monotonic=time.monotonic)
    for module in (wiring, sending):
        monkeypatch.setattr(module, "time", ours)
    return clock


def by_different_people(count: int, first: int = 0) -> dict[str, Any]:
    """A payload of openings, of which each is an alert of its own."""
    records = [
        OPENING
        | {
            "eventID": f"00000000-0000-4000-8000-{number:012}",
            "userIdentity": OPENING["userIdentity"]
            | {"arn": f"{OPENING['userIdentity']['arn']}-{number}"},
        }
        for number in range(first, first + count)
    ]
    [made] = deliveries_of(records)
    payload: dict[str, Any] = made.payload
    return payload


def ids_in(topic: Topic) -> Counter[str]:
    return Counter(event_id for alert in topic.take() for event_id in alert.event_ids)


def test_a_burst_is_sent_at_a_pace_that_sns_bears(topic: Topic, clock: Clock) -> None:
    summary = handler.lambda_handler(by_different_people(100), clock.context(120))

    assert summary["alerts"] == 100
    assert clock.most_in_a_second == MOST_IN_A_SECOND
    assert set(ids_in(topic).values()) == {1}


def test_invocations_that_run_together_keep_it_too(topic: Topic, clock: Clock) -> None:
    # Each reserves before any of them sends: as if they ran at once.
    began = clock.now
    for number in range(4):
        handler.alerter.cache_clear()
        clock.now = began
        handler.lambda_handler(by_different_people(20, first=100 * number), clock.context(120))

    assert sum(count for _, count in clock.sent) == 80
    assert clock.most_in_a_second <= MOST_IN_A_SECOND
    assert len(ids_in(topic)) == 80


def test_what_two_retries_cannot_send_is_left_whole_for_the_failure_queue(
    topic: Topic, clock: Clock
) -> None:
    payload = by_different_people(200)
    told: Counter[str] = Counter()

    # Lambda tries three times; each has time for six batches. Then the delivery is in the queue.
    for _ in range(3):
        with pytest.raises(PublishError, match="the time ran out"):
            handler.lambda_handler(payload, clock.context(RESERVED_SECONDS + 7.4))
        told += ids_in(topic)
        clock.sleep(60)
    assert len(told) == 3 * 6 * MOST_IN_A_SECOND

    # Redrive invokes with the same payload, and all the time of an invocation.
    handler.lambda_handler(payload, clock.context(120))
    told += ids_in(topic)

    assert len(told) == 200
    assert set(told.values()) == {1}
    assert clock.most_in_a_second <= MOST_IN_A_SECOND


@pytest.mark.usefixtures("quick_transactions")
def test_five_thousand_changes_are_few_messages_and_each_group_is_named(
    topic: Topic, clock: Clock
) -> None:
    payload = delivery(5000)

    summary = handler.lambda_handler(payload, clock.context(120))

    alerts = topic.take()
    assert summary["matched"] == 5000
    assert summary["alerts"] == len(alerts)
    ids = Counter(event_id for alert in alerts for event_id in alert.event_ids)
    assert len(ids) == 5000
    # Five principals, five combinations of severity and effect: none can share an alert.
    combinations = {
        (
            json.loads(alert.messages["default"])["unmapped"]["actor"]["user"].get("uid"),
            alert.attributes["severity"],
            alert.attributes["effect"],
        )
        for alert in alerts
    }

    assert len(alerts) <= len(combinations) + 10
    text = "\n".join(alert.messages["email"] for alert in alerts)
    machine = "\n".join(alert.messages["default"] for alert in alerts)
    groups = {*_groups_in(payload)}
    assert groups
    assert all(group in text and group in machine for group in groups)


def _groups_in(payload: dict[str, Any]) -> Iterator[str]:
    """The group of each record: the first that it names."""
    data = json.loads(gzip.decompress(base64.b64decode(payload["awslogs"]["data"])))
    for event in data["logEvents"]:
        yield from re.findall(r"\bsg-[0-9a-f]{17}\b", event["message"])[:1]
