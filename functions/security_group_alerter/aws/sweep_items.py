"""How far sweeps came in each account and Region: items in the table of group memories.

The key `resource` (S) is `#sweep/<account>/<Region>`, or `#sweep/<account>` for an account whose
Regions could not be read. `first_at` and `swept_at` (N, seconds since 1970) are when the first and
the last sweep was over, and `expires` is as in a group's item. While there is a problem, `problem`
(S) says which. Then `open_severity` (S) is NOT_SWEPT and `looked_at` (N) is since when, so that the
index of what is open lists these items as well, apart from the groups. `swept_at` of the item
`#swept` is when any place was swept last, to the minute.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from ..model.sweep import Place, SweptPlace
from .group_items import KEPT
from .ledger_items import OPEN_INDEX

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

NOT_SWEPT = "#not-swept"
_KEY = "#sweep/"
_LAST_SWEEP = {"resource": {"S": "#swept"}}
# Of thousands of places in a night, one a minute is enough.
_NOTED_EVERY = timedelta(minutes=1)


class SweptPlaces:
    """The table. `client` should be made with group_memory.CLIENT_CONFIG.

    Each method raises what DynamoDB says.
    """

    def __init__(self, client: DynamoDBClient, *, table_name: str) -> None:
        self._client = client
        self._table_name = table_name
        self._last_noted = datetime.min.replace(tzinfo=UTC)

    def of(self, place: Place) -> SweptPlace:
        """How far sweeps came there."""
        answer = self._client.get_item(
            TableName=self._table_name, Key={"resource": {"S": key_of(place)}}, ConsistentRead=True
        )
        return swept_place_in({"resource": {"S": key_of(place)}, **answer.get("Item", {})})

    def note_swept(self, place: Place, now: datetime) -> None:
        """All of it was seen."""
        self._update(
            place,
            "SET swept_at = :now, first_at = if_not_exists(first_at, :now), expires = :expires "
            "REMOVE problem, open_severity, looked_at",
            now,
            {},
        )
        if now < self._last_noted + _NOTED_EVERY:
            return
        self._client.update_item(
            TableName=self._table_name,
            Key=_LAST_SWEEP,
            UpdateExpression="SET swept_at = :now",
            ExpressionAttributeValues={":now": {"N": str(now.timestamp())}},
        )
        self._last_noted = now

    def last_sweep(self) -> datetime | None:
        """When all of some place was seen last, to the minute; None where that never was."""
        left: Any = {self._table_name: {"Keys": [_LAST_SWEEP], "ConsistentRead": True}}
        while left:
            answer = self._client.batch_get_item(RequestItems=left)
            for item in answer["Responses"].get(self._table_name, []):
                return _time_at(item, "swept_at")
            left = answer.get("UnprocessedKeys")
        return None

    def note_problem(self, place: Place, problem: str, now: datetime) -> None:
        """Less than all was seen. Since when stays as it was."""
        self._update(
            place,
            "SET problem = :problem, open_severity = :not_swept, "
            "looked_at = if_not_exists(looked_at, :now), expires = :expires",
            now,
            {":problem": {"S": problem}, ":not_swept": {"S": NOT_SWEPT}},
        )

    def note_surveyed(self, place: Place, now: datetime) -> None:
        """All that is open there is known and kept: what is found open later was opened later."""
        self._update(
            place, "SET first_at = if_not_exists(first_at, :now), expires = :expires", now, {}
        )

    def not_swept(self) -> Iterator[SweptPlace]:
        """Every place with a problem, the oldest first."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table_name,
            IndexName=OPEN_INDEX,
            KeyConditionExpression="open_severity = :not_swept",
            ExpressionAttributeValues={":not_swept": {"S": NOT_SWEPT}},
        )
        keys = [item["resource"]["S"] for page in pages for item in page["Items"]]
        for start in range(0, len(keys), 100):
            yield from self._read(keys[start : start + 100])

    def forget(self, place: Place) -> None:
        """Nobody asks about it any more."""
        self._client.delete_item(TableName=self._table_name, Key={"resource": {"S": key_of(place)}})

    def _update(self, place: Place, change: str, now: datetime, values: Mapping[str, Any]) -> None:
        self._client.update_item(
            TableName=self._table_name,
            Key={"resource": {"S": key_of(place)}},
            UpdateExpression=change,
            ExpressionAttributeValues={
                **values,
                ":now": {"N": str(now.timestamp())},
                ":expires": {"N": str(int((now + KEPT).timestamp()))},
            },
        )

    def _read(self, keys: Sequence[str]) -> Iterator[SweptPlace]:
        left: Any = {self._table_name: {"Keys": [{"resource": {"S": key}} for key in keys]}}
        found: dict[str, SweptPlace] = {}
        while left:
            answer = self._client.batch_get_item(RequestItems=left)
            for item in answer["Responses"].get(self._table_name, []):
                found[item["resource"]["S"]] = swept_place_in(item)
            left = answer.get("UnprocessedKeys")
        # One that was swept since has no problem any more.
        yield from (found[key] for key in keys if key in found and found[key].problem)


def key_of(place: Place) -> str:
    """The key of a place's item."""
    return _KEY + place.account_id + (f"/{place.region}" if place.region else "")


def swept_place_in(item: Mapping[str, Any]) -> SweptPlace:
    """What an item says. Raises what a broken item raises."""
    account_id, _, region = item["resource"]["S"].removeprefix(_KEY).partition("/")
    return SweptPlace(
        place=Place(account_id=account_id, region=region or None),
        first_at=_time_at(item, "first_at"),
        swept_at=_time_at(item, "swept_at"),
        problem=item["problem"]["S"] if "problem" in item else None,
        problem_since=_time_at(item, "looked_at"),
    )


def _time_at(item: Mapping[str, Any], name: str) -> datetime | None:
    return datetime.fromtimestamp(float(item[name]["N"]), UTC) if name in item else None
