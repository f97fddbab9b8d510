"""The digest function in an emulated AWS: a day of deliveries, and then the morning."""

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from unittest import mock

import boto3
import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError, ConnectTimeoutError

from local.aws import GROUP_MEMORY_TABLE, SEEN_EVENTS_TABLE, SentAlert, Topic, emulated_aws
from local.deliveries import deliveries_of
from local.lambda_context import lambda_context
from local.records_in import Record
from local.replayed_function import ReplayedFunction
from security_group_alerter.aws.sweep_items import SweptPlaces
from security_group_alerter.digesting import DigestError
from security_group_alerter.handlers import digest as handler
from security_group_alerter.model.sweep import Place
from security_group_alerter.settings import SettingsError
from security_group_alerter.wiring.digest import digester_for
from tests.stories import story

MORNING: Final = datetime(2026, 11, 18, 6, tzinfo=UTC)
OPENED: Final = story("ssh-opened-to-the-world-from-the-console")
CLOSED: Final = story("ssh-closed-to-the-world")
BY_A_SERVICE: Final = story("group-created-with-tags-by-an-aws-service")
make_api_call: Final = BaseClient._make_api_call  # type: ignore[attr-defined]  # not in the stubs
CONTEXT: Final = lambda_context("request-1", seconds_left=300)


@pytest.fixture
def topic() -> Iterator[Topic]:
    handler.digester.cache_clear()
    with emulated_aws() as topic:
        yield topic
    handler.digester.cache_clear()


def delivered(topic: Topic, *records: Record, now: datetime | None = None) -> list[SentAlert]:
    problems: list[str] = []
    function = ReplayedFunction()
    for delivery in deliveries_of(records):
        function.handle(delivery, problems, now=now)
    assert not problems
    topic.forget_pace()
    return topic.take()


def digested(topic: Topic, until: datetime = MORNING) -> list[SentAlert]:
    handler.handle(CONTEXT, digester_for(os.environ, today=until.date()), until=until)
    topic.forget_pace()
    return topic.take()


def test_a_day_is_on_one_page(topic: Topic) -> None:
    records = (OPENED, BY_A_SERVICE, story("egress-opened-for-everything"))
    delivered(topic, *records, now=MORNING - timedelta(minutes=1))

    [digest] = digested(topic)

    lines = digest.messages["email"].split("\n")
    assert lines[0] == "INFORMATIONAL: 1 open to the world (1 CRITICAL), 3 calls"
    assert lines[2] == "There may be more: nobody looks into the accounts (LookRole is none)."
    assert "1. CRITICAL, for 21 h 4 min: tcp 22 (SSH) to the whole IPv4 Internet" in lines
    assert "CHANGES BY AWS SERVICES, CLOUDFORMATION AND CONTROLLERS: 1" in lines
    assert digest.attributes["kind"] == "digest"
    assert "payments-production (222233334444)" in digest.messages["email"]


def test_the_organization_and_the_role_with_which_somebody_looks(topic: Topic) -> None:
    os.environ["LOOK_ROLE_NAME"] = "look"
    places = SweptPlaces(boto3.client("dynamodb"), table_name=GROUP_MEMORY_TABLE)
    places.note_swept(
        Place(account_id="222233334444", region="eu-west-1"), MORNING - timedelta(hours=3)
    )

    [digest] = digested(topic)

    assert digest.messages["email"].endswith("\nEverything that should be seen was seen.\n")
    machine = json.loads(digest.messages["default"])
    assert machine["cloud"]["org"]["uid"] == "o-exampleorgid"


def test_a_second_invocation_sends_nothing_and_the_next_day_has_its_own(topic: Topic) -> None:
    assert len(digested(topic)) == 1
    assert digested(topic, MORNING + timedelta(minutes=2)) == []
    assert len(digested(topic, MORNING + timedelta(days=1))) == 1


def test_both_topics_get_it(topic: Topic) -> None:
    chat = boto3.client("sns").create_topic(Name="chat")["TopicArn"]
    os.environ["CHAT_TOPIC_ARN"] = chat
    topics: list[str] = []

    def noted(client: BaseClient, name: str, parameters: dict[str, Any]) -> Any:
        if name == "PublishBatch":
            topics.append(parameters["TopicArn"])
        return make_api_call(client, name, parameters)

    with mock.patch.object(BaseClient, "_make_api_call", noted):
        digested(topic)

    assert topics == [topic.arn, chat]


def test_the_time_is_the_scheduled_one_or_else_now(topic: Topic) -> None:
    delivered(topic, OPENED)

    counts = handler.lambda_handler({"time": "2026-11-18T06:00:00Z"}, CONTEXT)

    assert counts == {
        "sent": 1,
        "open": 1,
        "closed": 0,
        "changes": 1,
        "not_seen": 0,
        "table_failures": 0,
    }
    # By hand, in whatever year this runs.
    assert handler.lambda_handler({}, CONTEXT)["sent"] == 1
    days = {it.subject.partition(":")[2][:22] for it in topic.take()}
    assert len(days) == 2


def fails(operation: str, error: BaseException) -> Any:
    """In this block, calls of one operation end so."""

    def answered(client: BaseClient, name: str, parameters: dict[str, Any]) -> Any:
        if name == operation:
            raise error
        return make_api_call(client, name, parameters)

    return mock.patch.object(BaseClient, "_make_api_call", answered)


DENIED: Final = ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "Any")
DOWN: Final = ConnectTimeoutError(endpoint_url="https://dynamodb")


@pytest.mark.parametrize(
    ("operation", "error", "raised"),
    [
        ("Query", DENIED, ClientError),
        ("Scan", DOWN, ConnectTimeoutError),
        ("PublishBatch", DENIED, DigestError),
    ],
)
def test_what_cannot_be_read_or_sent_is_raised_and_the_retry_sends_it_once(
    topic: Topic, operation: str, error: Exception, raised: type[Exception]
) -> None:
    delivered(topic, OPENED)

    with fails(operation, error), pytest.raises(raised):
        digested(topic)
    assert topic.take() == []

    assert len(digested(topic)) == 1
    assert digested(topic) == []


def test_a_crash_after_amazon_sns_took_it_sends_it_again(topic: Topic) -> None:
    with fails("BatchWriteItem", KeyboardInterrupt()), pytest.raises(KeyboardInterrupt):
        digested(topic)
    topic.forget_pace()

    assert len(topic.take()) == 1
    assert len(digested(topic)) == 1


def test_a_memory_that_cannot_be_read_is_named(topic: Topic) -> None:
    delivered(topic, OPENED)
    client = boto3.client("dynamodb")
    [item] = client.scan(TableName=GROUP_MEMORY_TABLE)["Items"]
    client.put_item(TableName=GROUP_MEMORY_TABLE, Item=item | {"memory": {"B": b"broken"}})

    [digest] = digested(topic)

    assert "is open, and what is known of it could not be read: " in digest.messages["email"]


def test_where_the_sweep_could_not_see_is_named(topic: Topic) -> None:
    places = SweptPlaces(boto3.client("dynamodb"), table_name=GROUP_MEMORY_TABLE)
    place = Place(account_id="222233334444", region="eu-west-1")
    places.note_problem(place, "the role may not be assumed", MORNING - timedelta(hours=4))

    [digest] = digested(topic)

    assert digest.messages["email"].endswith(
        "\nNOT SEEN: 1 place\n- payments-production (222233334444), eu-west-1\n"
        "  the role may not be assumed; since Wed 18 Nov 02:00\n"
    )


def test_the_mark_is_forgotten_with_the_others(topic: Topic) -> None:
    digested(topic)

    key = {"event_id": {"S": "digest:2026-11-18"}}
    item = boto3.client("dynamodb").get_item(TableName=SEEN_EVENTS_TABLE, Key=key)["Item"]
    assert item["change"] == {"S": "null"}
    assert "expires" in item


def test_settings_that_are_missing(topic: Topic) -> None:
    assert topic.arn
    with mock.patch.dict(os.environ, {"GROUP_MEMORY_TABLE": ""}), pytest.raises(SettingsError):
        handler.lambda_handler({}, CONTEXT)
