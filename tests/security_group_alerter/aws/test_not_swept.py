"""Where the sweep could not see is read from the index, beside what is open."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final

import boto3
import pytest
from botocore.stub import ANY, Stubber
from mypy_boto3_dynamodb import DynamoDBClient

from local.aws import GROUP_MEMORY_TABLE, emulated_aws
from security_group_alerter.aws.ledger import Ledger
from security_group_alerter.aws.not_swept import KEY, NOT_SWEPT, not_swept
from security_group_alerter.model.digest import NotSeen

SINCE: Final = datetime(2026, 11, 22, 3, tzinfo=UTC)


@pytest.fixture
def client() -> Iterator[DynamoDBClient]:
    with emulated_aws():
        yield boto3.client("dynamodb")


def put(client: DynamoDBClient, account_id: str, region: str | None, problem: str | None) -> None:
    item: dict[str, Any] = {
        "resource": {"S": KEY + "/".join(filter(None, (account_id, region)))},
        "open_severity": {"S": NOT_SWEPT},
        "looked_at": {"N": str(SINCE.timestamp())},
    }
    if problem is not None:
        item["problem"] = {"S": problem}
    client.put_item(TableName=GROUP_MEMORY_TABLE, Item=item)


def test_places_say_why_and_since_when(client: DynamoDBClient) -> None:
    put(client, "222233334444", "eu-central-1", "the role may not be assumed")
    put(client, "333344445555", None, None)

    assert {*not_swept(client, GROUP_MEMORY_TABLE)} == {
        NotSeen(
            problem="the role may not be assumed",
            account_id="222233334444",
            region="eu-central-1",
            since=SINCE,
        ),
        NotSeen(
            problem="the sweep did not say why",
            account_id="333344445555",
            since=SINCE,
        ),
    }


def test_they_are_not_what_is_open(client: DynamoDBClient) -> None:
    put(client, "222233334444", "eu-central-1", "no")

    assert [*Ledger(client, table_name=GROUP_MEMORY_TABLE).open_groups()] == []


def test_nothing_is_asked_where_all_was_seen(client: DynamoDBClient) -> None:
    assert [*not_swept(client, GROUP_MEMORY_TABLE)] == []


def test_thousands_of_places_are_read(client: DynamoDBClient) -> None:
    for number in range(205):
        put(client, f"{number:012}", "eu-central-1", "no")

    assert len({it.account_id for it in not_swept(client, GROUP_MEMORY_TABLE)}) == 205


def test_what_the_table_left_is_asked_again_and_what_is_gone_is_left_out() -> None:
    client = boto3.client("dynamodb", region_name="eu-central-1")
    keys = [{"resource": {"S": f"#sweep/22223333444{it}/eu-central-1"}} for it in range(3)]
    items = [key | {"looked_at": {"N": "0"}, "problem": {"S": "no"}} for key in keys]
    with Stubber(client) as stubber:
        stubber.add_response("query", {"Items": keys})
        left = {GROUP_MEMORY_TABLE: {"Keys": keys[1:]}}
        stubber.add_response(
            "batch_get_item",
            {"Responses": {GROUP_MEMORY_TABLE: items[:1]}, "UnprocessedKeys": left},
            {"RequestItems": ANY},
        )
        stubber.add_response(
            "batch_get_item",
            {"Responses": {GROUP_MEMORY_TABLE: items[1:2]}},
            {"RequestItems": left},
        )

        accounts = [it.account_id for it in not_swept(client, GROUP_MEMORY_TABLE)]

    assert accounts == ["222233334440", "222233334441"]
