"""What a version without a ledger left open: found once, so that the watch follows it.

Such items are in no index until they are read, and written once more. So the watch reads all of
them, once in the life of a table, as many at a time as there is time for.

How far it came is an item of the table with the key PROGRESS: `after` (S) is the last key that was
read, `tries` (N) how often what comes next has failed, and `done` (BOOL) says that nothing is left.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from .group_items import resource_of
from .group_memory import LONGEST_CALL, MOST_IN_CALL, GroupMemoryTable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

PROGRESS = "#older-items"
# An item that is broken must not keep what comes after it from being followed.
MOST_TRIES = 3
# In seconds: what a page may take to be found, read and written.
LONGEST_PAGE = 3 * LONGEST_CALL


class OlderItemsError(Exception):
    """Some of them could not be read or written."""


class OlderItems:
    """The table. `clock` is monotonic, in seconds. A page has at most `most` items."""

    def __init__(
        self,
        client: DynamoDBClient,
        *,
        table_name: str,
        memory: GroupMemoryTable,
        clock: Callable[[], float] = time.monotonic,
        most: int = MOST_IN_CALL,
    ) -> None:
        self._client = client
        self._table_name = table_name
        self._memory = memory
        self._clock = clock
        self._most = most
        self._is_done = False

    def take_up(self, *, now: datetime, seconds: float) -> None:
        """List what they left open; what there is no time for, the next call does.

        Raises OlderItemsError, and what DynamoDB says: the next call tries that again.
        """
        if self._is_done:
            return
        deadline = self._clock() + seconds
        progress = self._progress()
        while not (is_done := "done" in progress) and self._clock() + LONGEST_PAGE <= deadline:
            progress = self._take_page(progress, now, deadline)
        self._is_done = is_done

    def _take_page(self, progress: dict[str, Any], now: datetime, deadline: float) -> Any:
        """Read the items that come next; returns how far that came."""
        asked: Any = {
            "TableName": self._table_name,
            "FilterExpression": "attribute_exists(version) AND attribute_not_exists(told)",
            "ProjectionExpression": "#resource",
            # A word that DynamoDB reserves.
            "ExpressionAttributeNames": {"#resource": "resource"},
            "Limit": self._most,
        }
        if "after" in progress:
            asked["ExclusiveStartKey"] = {"resource": progress["after"]}
        page = self._client.scan(**asked)
        found = (resource_of(item["resource"]["S"]) for item in page["Items"])
        known = self._memory.recall(
            {it: () for it in found if it is not None},
            at=(),
            now=now,
            seconds=max(0.0, deadline - self._clock()),
        )
        tries = int(progress.get("tries", {"N": "0"})["N"]) + 1
        if known.failures and tries < MOST_TRIES:
            self._note({**progress, "tries": {"N": str(tries)}})
        else:
            last = page.get("LastEvaluatedKey")
            progress = {"after": last["resource"]} if last else {"done": {"BOOL": True}}
            self._note(progress)
        if known.failures:
            what, why = next(iter({**known.unread, **known.unwritten}.items()))
            raise OlderItemsError(
                f"{known.failures} groups that an older version knew: of {what.id}, {why}"
            )
        return progress

    def _progress(self) -> dict[str, Any]:
        answer: Any = self._client.get_item(
            TableName=self._table_name, Key={"resource": {"S": PROGRESS}}, ConsistentRead=True
        )
        return {**answer.get("Item", {})}

    def _note(self, progress: dict[str, Any]) -> None:
        item = {**progress, "resource": {"S": PROGRESS}}
        self._client.put_item(TableName=self._table_name, Item=item)
