"""What a version without a ledger left open: found, so that the watch follows it.

Such items are in no index until they are read, and written once more. So the watch reads the whole
table, as many items at a time as there is time for, and does so again every day: to do it once is
not enough, since the older version goes on writing while it is being replaced, and after a
rollback. A scan a day costs less than a cent.

How far it came is an item of the table with the key PROGRESS: `after` (S) is the last key that was
read, `skipped` (M) says by their keys which items are broken and why, and `finished` (N, seconds
since 1970) is when the last scan came to its end.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from .group_items import key_of, resource_of
from .group_memory import LONGEST_CALL, MOST_IN_CALL, GroupMemoryTable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

PROGRESS = "#older-items"
EVERY = timedelta(days=1)
AT_ONCE = datetime.min.replace(tzinfo=UTC)
# In seconds: what a page may take to be found, read and written.
LONGEST_PAGE = 3 * LONGEST_CALL
# Characters of a reason: the item of the progress has to stay small.
_LONGEST_REASON = 200


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
        self._next = AT_ONCE

    def take_up(self, now: datetime, seconds: float) -> None:
        """List what they left open; what there is no time for, the next call does.

        What the table is too busy for, or fails, the next call tries again. An item that is broken
        is skipped until the next scan. Raises OlderItemsError for both, and what DynamoDB says.
        """
        if now < self._next:
            return
        deadline = self._clock() + seconds
        before = progress = self._progress()
        try:
            while now >= (due := _due(progress)) and self._clock() + LONGEST_PAGE <= deadline:
                progress = self._take_page(progress, now, deadline)
        finally:
            if progress != before:
                self._note(progress)
        self._next = due
        if progress != before and "skipped" in progress:
            skipped = progress["skipped"]["M"]
            raise _error_of({key: why["S"] for key, why in skipped.items()})

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
        failed = {**known.unread, **known.unwritten}
        if failed.keys() - known.broken:
            raise _error_of({key_of(it): why for it, why in failed.items()})
        # Those of the scan before are found again, if they still are broken.
        skipped: Any = progress["skipped"]["M"] if {"after", "skipped"} <= progress.keys() else {}
        broken = {key_of(it): {"S": why[:_LONGEST_REASON]} for it, why in failed.items()}
        last = page.get("LastEvaluatedKey")
        came = {"after": last["resource"]} if last else {"finished": {"N": str(now.timestamp())}}
        return came | ({"skipped": {"M": {**skipped, **broken}}} if skipped or broken else {})

    def _progress(self) -> dict[str, Any]:
        answer: Any = self._client.get_item(
            TableName=self._table_name, Key={"resource": {"S": PROGRESS}}, ConsistentRead=True
        )
        return {name: it for name, it in answer.get("Item", {}).items() if name != "resource"}

    def _note(self, progress: dict[str, Any]) -> None:
        item = {**progress, "resource": {"S": PROGRESS}}
        self._client.put_item(TableName=self._table_name, Item=item)


def _due(progress: dict[str, Any]) -> datetime:
    """When there is something to read: at once, unless a scan came to its end."""
    if "finished" not in progress:
        return AT_ONCE
    return datetime.fromtimestamp(float(progress["finished"]["N"]), UTC) + EVERY


def _error_of(whys: dict[str, str]) -> OlderItemsError:
    named = "; ".join(f"{key}, {why}" for key, why in whys.items())
    return OlderItemsError(f"{len(whys)} groups that an older version knew: {named}")
