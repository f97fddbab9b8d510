"""What one check leaves, the next one finds."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

import boto3
import pytest
from botocore.exceptions import ClientError
from mypy_boto3_dynamodb import DynamoDBClient

from local.aws import SEEN_EVENTS_TABLE, emulated_aws
from security_group_alerter.aws.check_memory import KEPT_SECONDS, KEY, CheckMemory
from security_group_alerter.model import ids
from security_group_alerter.model.health import Memory, ProblemKind
from tests.security_group_alerter.health_samples import NOW, ago, remembered, silence

MEMORY: Final = Memory(
    watched_since=ago(days=100),
    entries=(
        remembered(silence(1), reported=ago(days=3)),
        remembered(silence(2, title="Zürich «x» (2)"), reported=None),
        remembered(silence(kind=ProblemKind.NOT_CHECKED), reported=NOW),
    ),
)


@pytest.fixture
def client() -> Iterator[DynamoDBClient]:
    with emulated_aws():
        yield boto3.client("dynamodb")


@pytest.fixture
def memory(client: DynamoDBClient) -> CheckMemory:
    return CheckMemory(client, table_name=SEEN_EVENTS_TABLE)


def test_nothing_before_the_first_check(memory: CheckMemory) -> None:
    assert memory.recall() == Memory()


def test_what_was_remembered_is_recalled_to_the_second(memory: CheckMemory) -> None:
    memory.remember(MEMORY, NOW)

    assert memory.recall() == MEMORY


def test_each_check_replaces_what_was_before(memory: CheckMemory) -> None:
    memory.remember(MEMORY, NOW)
    memory.remember(Memory(), NOW + timedelta(days=1))

    assert memory.recall() == Memory(watched_since=NOW + timedelta(days=1))


def test_it_is_one_item_that_is_forgotten_in_time(
    client: DynamoDBClient, memory: CheckMemory
) -> None:
    memory.remember(MEMORY, NOW)

    [item] = client.scan(TableName=SEEN_EVENTS_TABLE)["Items"]
    assert item["event_id"] == {"S": KEY}
    assert item["expires"] == {"N": str(int(NOW.timestamp()) + KEPT_SECONDS)}
    # No event is known by it.
    assert ids.valid(ids.EVENT, KEY) is None


def test_thousands_of_problems_fit_into_the_item(
    client: DynamoDBClient, memory: CheckMemory
) -> None:
    many = Memory(
        watched_since=NOW,
        entries=tuple(
            remembered(silence(number, title=f"{'x' * 30} ({number:012})"), reported=NOW)
            for number in range(3000)
        ),
    )

    memory.remember(many, NOW)

    [item] = client.scan(TableName=SEEN_EVENTS_TABLE)["Items"]
    # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
    assert len(item["entries"]["S"].encode()) < 400 * 1024
    assert memory.recall() == many


def test_a_table_that_is_gone_raises(client: DynamoDBClient) -> None:
    memory = CheckMemory(client, table_name="another")

    with pytest.raises(ClientError):
        memory.recall()
    with pytest.raises(ClientError):
        memory.remember(MEMORY, NOW)
