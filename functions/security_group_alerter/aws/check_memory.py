"""What the daily check reported. Reads and writes one item of the table of alerted events."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ..model.health import Memory, ProblemKind, Remembered

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

# No event has a key like this: those are ids and hashes.
KEY = "#daily-check"
# If the check does not run for so long, it begins anew.
KEPT_SECONDS = 60 * 24 * 3600


class CheckMemory:
    """The item. What AWS raises is raised."""

    def __init__(self, client: DynamoDBClient, *, table_name: str) -> None:
        self._client = client
        self._table_name = table_name

    def recall(self) -> Memory:
        """What the last check left; nothing before the first one."""
        answer: Any = self._client.get_item(
            TableName=self._table_name, Key={"event_id": {"S": KEY}}, ConsistentRead=True
        )
        item = answer.get("Item")
        if item is None:
            return Memory()
        return Memory(
            watched_since=_time_of(int(item["watched_since"]["N"])),
            entries=tuple(_entry_of(*members) for members in json.loads(item["entries"]["S"])),
        )

    def remember(self, memory: Memory, now: datetime) -> None:
        """Leave it for the next check. An item has room for some 4,000 problems."""
        watched_since = memory.watched_since or now
        self._client.put_item(
            TableName=self._table_name,
            Item={
                "event_id": {"S": KEY},
                "watched_since": {"N": str(_seconds_of(watched_since))},
                "entries": {"S": json.dumps([_members_of(it) for it in memory.entries])},
                "expires": {"N": str(_seconds_of(now) + KEPT_SECONDS)},
            },
        )


def _members_of(entry: Remembered) -> list[Any]:
    reported = None if entry.reported is None else _seconds_of(entry.reported)
    return [entry.kind, entry.look, entry.name, entry.title, _seconds_of(entry.since), reported]


def _entry_of(  # noqa: PLR0913, PLR0917 - the members of the list, in their order
    kind: str, look: str, name: str, title: str, since: int, reported: int | None
) -> Remembered:
    return Remembered(
        kind=ProblemKind(kind),
        look=look,
        name=name,
        title=title,
        since=_time_of(since),
        reported=None if reported is None else _time_of(reported),
    )


def _seconds_of(time: datetime) -> int:
    return int(time.timestamp())


def _time_of(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, tz=UTC)
