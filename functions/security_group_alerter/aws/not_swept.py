"""Where the sweep could not see: reads items of the table of group memories.

The sweep writes such an item, and deletes it when it has seen the place again:

- `resource` (S), the key: `#sweep/<account>/<Region>`, or `#sweep/<account>` for an account whose
  Regions could not be read
- `open_severity` (S): NOT_SWEPT, so that the index OPEN_INDEX lists it beside what is open
- `looked_at` (N, seconds since 1970): since when the place cannot be seen
- `problem` (S): why not, in words, without a stop
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ..model.digest import NotSeen
from .ledger_items import OPEN_INDEX

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

KEY = "#sweep/"
NOT_SWEPT = "#not-swept"
MOST_IN_READ = 100
_UNKNOWN = "the sweep did not say why"


def not_swept(client: DynamoDBClient, table_name: str) -> Iterator[NotSeen]:
    """Every place. Raises what DynamoDB says."""
    pages = client.get_paginator("query").paginate(
        TableName=table_name,
        IndexName=OPEN_INDEX,
        KeyConditionExpression="open_severity = :not_swept",
        ExpressionAttributeValues={":not_swept": {"S": NOT_SWEPT}},
    )
    keys = [{"resource": item["resource"]} for page in pages for item in page["Items"]]
    for start in range(0, len(keys), MOST_IN_READ):
        yield from map(_place_of, _items_of(keys[start : start + MOST_IN_READ], client, table_name))


def _items_of(keys: Any, client: DynamoDBClient, table_name: str) -> Iterator[Any]:
    """The index has the keys alone. An item that was deleted just now is left out."""
    while keys:
        answer: Any = client.batch_get_item(RequestItems={table_name: {"Keys": keys}})
        yield from answer["Responses"].get(table_name, ())
        keys = answer.get("UnprocessedKeys", {}).get(table_name, {}).get("Keys")


def _place_of(item: Any) -> NotSeen:
    account_id, _, region = item["resource"]["S"].removeprefix(KEY).partition("/")
    return NotSeen(
        problem=item.get("problem", {}).get("S") or _UNKNOWN,
        account_id=account_id,
        region=region or None,
        since=datetime.fromtimestamp(float(item["looked_at"]["N"]), UTC),
    )
