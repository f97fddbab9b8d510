"""What was alerted in a day is read again, as it was marked."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import boto3
import pytest
from botocore.stub import ANY, Stubber
from mypy_boto3_dynamodb import DynamoDBClient

from local.aws import SEEN_EVENTS_TABLE, emulated_aws
from security_group_alerter.aws.seen_events import REMEMBERED_SECONDS, SeenEvents
from security_group_alerter.model.finding import Effect
from security_group_alerter.model.seen import AlertedChange, Mark
from security_group_alerter.model.severity import Severity
from security_group_alerter.model.subject import SubjectKind

DAY: Final = datetime(2026, 11, 24, 6, tzinfo=UTC)
OPENED: Final = AlertedChange(
    kind=SubjectKind.SECURITY_GROUP,
    severity=Severity.CRITICAL,
    effect=Effect.OPENS,
    world_open=True,
    at=DAY - timedelta(hours=1),
    account_id="222233334444",
    region="eu-central-1",
    call="AuthorizeSecurityGroupIngress",
    principal="arn:aws:sts::222233334444:assumed-role/deploy/jane",
    is_machine_made=True,
)
BARE: Final = AlertedChange(
    kind=SubjectKind.UNREADABLE,
    severity=Severity.HIGH,
    effect=Effect.OTHER,
    world_open=False,
)
SCAN: Final = dict.fromkeys(
    (
        *("TableName", "ProjectionExpression", "FilterExpression"),
        *("ExpressionAttributeNames", "ExpressionAttributeValues"),
    ),
    ANY,
)


@pytest.fixture
def client() -> Iterator[DynamoDBClient]:
    with emulated_aws():
        yield boto3.client("dynamodb")


def changes_of_the_day(client: DynamoDBClient) -> list[AlertedChange | None]:
    table = SeenEvents(client, table_name=SEEN_EVENTS_TABLE, clock=lambda: 0, sleep=lambda _: None)
    return [*table.changes_between(DAY - timedelta(days=1), DAY)]


def marked_at(client: DynamoDBClient, time: datetime, *alerted: Mark) -> None:
    events = SeenEvents(
        client, table_name=SEEN_EVENTS_TABLE, clock=time.timestamp, sleep=lambda _: None
    )
    assert events.mark(alerted) == 0


@pytest.mark.parametrize("change", [OPENED, BARE], ids=["all-known", "nothing-known"])
def test_what_an_event_was_is_read_as_it_was_marked(
    client: DynamoDBClient, change: AlertedChange
) -> None:
    marked_at(client, DAY - timedelta(minutes=1), Mark("e-1", change))

    assert changes_of_the_day(client) == [change]


def test_a_day_is_from_one_digest_to_the_next(client: DynamoDBClient) -> None:
    """What is marked in the second of the digest belongs to the next one."""
    times = {
        "before": DAY - timedelta(days=1, seconds=1),
        "first": DAY - timedelta(days=1),
        "last": DAY - timedelta(seconds=1),
        "after": DAY,
    }
    for name, time in times.items():
        marked_at(client, time, Mark(name, replace(OPENED, call=name)))

    calls = {it.call for it in changes_of_the_day(client) if it}
    assert calls == {"first", "last"}


def test_an_event_of_two_keys_is_one(client: DynamoDBClient) -> None:
    marked_at(client, DAY - timedelta(1), Mark("e-1", OPENED), Mark("e-2"), Mark("e-1"))

    assert changes_of_the_day(client) == [OPENED]


def test_what_an_older_version_marked_is_counted_and_the_alerters_own_items_are_not(
    client: DynamoDBClient,
) -> None:
    expires = {"N": str(int(DAY.timestamp()) - 60 + REMEMBERED_SECONDS)}
    for key in ("e-1", "sha256:0123", "#daily-check", "#sending-slots"):
        item: Any = {"event_id": {"S": key}, "expires": expires}
        client.put_item(TableName=SEEN_EVENTS_TABLE, Item=item)

    assert changes_of_the_day(client) == [None, None]


NOT_OURS: Final = {
    "severity": '{"kind": "security-group", "severity": "APOCALYPTIC", "effect": "opens"}',
    "kind": '{"kind": "network-acl", "severity": "HIGH", "effect": "opens"}',
    "no-effect": '{"kind": "security-group", "severity": "HIGH"}',
    "a-time-in-words": (
        '{"kind": "security-group", "severity": "HIGH", "effect": "opens", "at": "noon"}'
    ),
    "a-time-beyond-all-years": (
        '{"kind": "security-group", "severity": "HIGH", "effect": "opens", "at": 1e18}'
    ),
    "a-list": "[]",
    "no-json": "…",
}


@pytest.mark.parametrize("text", NOT_OURS.values(), ids=list(NOT_OURS))
def test_what_a_newer_version_marked_is_counted_and_hides_no_other(
    text: str, client: DynamoDBClient
) -> None:
    marked_at(client, DAY - timedelta(1), Mark("e-1", OPENED))
    expires = {"N": str(int(DAY.timestamp()) - 60 + REMEMBERED_SECONDS)}
    item: Any = {"event_id": {"S": "e-2"}, "expires": expires, "change": {"S": text}}
    client.put_item(TableName=SEEN_EVENTS_TABLE, Item=item)

    assert sorted(changes_of_the_day(client), key=bool) == [None, OPENED]


def test_long_names_make_no_large_item(client: DynamoDBClient) -> None:
    long = replace(OPENED, call="\U0001f600" * 5000, principal="\ud800" * 5000)
    marked_at(client, DAY - timedelta(1), Mark("e-1", long))

    [item] = client.scan(TableName=SEEN_EVENTS_TABLE)["Items"]
    assert len(item["change"]["S"]) < 4000
    [change] = changes_of_the_day(client)
    assert change == replace(OPENED, call="\U0001f600" * 100, principal="\ud800" * 250)


def test_a_usual_event_costs_one_unit_to_write(client: DynamoDBClient) -> None:
    """DynamoDB counts names and values, and 1 KB is one unit."""
    marked_at(client, DAY - timedelta(1), Mark("6f7ea1f4-0b57-4d26-b64c-0f1d5a1e2b3c", OPENED))

    [item] = client.scan(TableName=SEEN_EVENTS_TABLE)["Items"]
    values = [str(value) for attribute in item.values() for value in attribute.values()]
    assert sum(map(len, (*item, *values))) < 600


def test_a_table_of_many_pages_is_read_to_the_end() -> None:
    """What the filter leaves of a page may be nothing at all."""
    pages: list[dict[str, Any]] = [
        {"Items": [], "LastEvaluatedKey": {"event_id": {"S": "a"}}},
        {"Items": [{"event_id": {"S": "old"}}], "LastEvaluatedKey": {"event_id": {"S": "b"}}},
        {"Items": [{"event_id": {"S": "new"}, "change": {"S": "null"}}]},
    ]
    client = boto3.client("dynamodb", region_name="eu-central-1")
    with Stubber(client) as stubber:
        start: dict[str, Any] = {}
        for page in pages:
            stubber.add_response("scan", page, SCAN | start)
            start = {"ExclusiveStartKey": page.get("LastEvaluatedKey")}

        assert changes_of_the_day(client) == [None]
