"""Which events have been alerted already. Reads and writes a DynamoDB table.

CloudWatch Logs and Lambda both deliver at least once. An event is marked after Amazon SNS took its
alert, never before, so that after a crash in between it is alerted twice rather than never. A table
that fails stops no alert: the answer then says that it is not sure.

`event_id` (S) is the key. `change` (S) is what the event was, for the digest: one attribute with
JSON in it, since each attribute of an item costs the delivery as much as three of these members.
`expires` (N, seconds since 1970) is the time from which DynamoDB deletes the item, and so tells
when the event was marked.
https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from ..model.finding import Effect
from ..model.seen import AlertedChange, Mark, SeenAnswer
from ..model.severity import Severity
from ..model.subject import SubjectKind

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

# How long a redelivery may come late: CloudWatch Logs tries for a day, Lambda for six hours, and
# the failure queue is emptied by people, who take week-ends.
REMEMBERED_SECONDS = 14 * 24 * 3600
MOST_IN_READ = 100
MOST_IN_WRITE = 25
# What the table does not take at once is offered again so many times.
_TRIES = 3
# How the keys begin of what is no event: what the alerter itself keeps in the table.
OWN_KEYS = "#"
# A call's name and a role's session fit; what somebody made up must not make an item large.
_LONGEST_NAME, _LONGEST_PRINCIPAL = 100, 250
# What is written where there is nothing to count.
_NOTHING = "null"
_Item = TypeVar("_Item")


class SeenEvents:
    """The table. `clock` gives the seconds since 1970."""

    def __init__(
        self,
        client: DynamoDBClient,
        *,
        table_name: str,
        clock: Callable[[], float],
        sleep: Callable[[float], None],
    ) -> None:
        self._client = client
        self._table_name = table_name
        self._clock = clock
        self._sleep = sleep

    def among(self, keys: Iterable[str]) -> SeenAnswer:
        """Which of these events have been alerted already. Never raises."""
        seen: set[str] = set()
        try:
            for chunk in _chunks_of(sorted(set(keys)), MOST_IN_READ):
                self._read(chunk, seen)
        except Exception:  # noqa: BLE001
            # Whatever it is must stop no alert; and a table that is down takes long to say so.
            return SeenAnswer(keys=frozenset(seen), is_sure=False)
        return SeenAnswer(keys=frozenset(seen))

    def mark(self, marks: Iterable[Mark]) -> int:
        """Remember that these have been alerted; how many writes failed. Never raises."""
        failures = 0
        for chunk in _chunks_of(once_each(marks), MOST_IN_WRITE):
            try:
                self._write([{"PutRequest": {"Item": it["Item"]}} for it in self.puts_of(chunk)])
            except Exception:  # noqa: BLE001
                failures += 1
        return failures

    def puts_of(self, marks: Iterable[Mark]) -> list[Any]:
        """How they are written in a transaction; none may be in it twice."""
        expires = _expiry_of(self._clock())
        return [{"TableName": self._table_name, "Item": _item_of(it, expires)} for it in marks]

    def changes_between(self, since: datetime, until: datetime) -> Iterator[AlertedChange | None]:
        """What was marked from `since` on and before `until`, each event once.

        None is an event of which nothing but its key is known: an older version marked it, or a
        newer one says what this one does not understand. Raises what DynamoDB says.
        """
        pages = self._client.get_paginator("scan").paginate(
            TableName=self._table_name,
            ProjectionExpression="event_id, #change",
            FilterExpression="#expires >= :since AND #expires < :until",
            ExpressionAttributeNames={"#change": "change", "#expires": "expires"},
            ExpressionAttributeValues={
                ":since": {"N": _expiry_of(since.timestamp())},
                ":until": {"N": _expiry_of(until.timestamp())},
            },
        )
        for item in (item for page in pages for item in page["Items"]):
            if "change" in item:
                if item["change"]["S"] != _NOTHING:
                    yield _change_in(item["change"]["S"])
            elif not item["event_id"]["S"].startswith(OWN_KEYS):
                yield None

    def _read(self, keys: list[str], seen: set[str]) -> None:
        left: Any = [{"event_id": {"S": key}} for key in keys]
        for attempt in range(_TRIES):
            self._wait(attempt)
            answer: Any = self._client.batch_get_item(
                # Consistent, so that a retry sees what the attempt before it wrote.
                RequestItems={self._table_name: {"Keys": left, "ConsistentRead": True}}
            )
            items = answer["Responses"].get(self._table_name, [])
            seen.update(item["event_id"]["S"] for item in items)
            left = answer.get("UnprocessedKeys", {}).get(self._table_name, {}).get("Keys", [])
            if not left:
                return
        raise _NotTakenError

    def _write(self, requests: Any) -> None:
        for attempt in range(_TRIES):
            self._wait(attempt)
            answer = self._client.batch_write_item(RequestItems={self._table_name: requests})
            requests = answer.get("UnprocessedItems", {}).get(self._table_name, [])
            if not requests:
                return
        raise _NotTakenError

    def _wait(self, attempt: int) -> None:
        if attempt:
            self._sleep(0.1 * 2**attempt)


def once_each(marks: Iterable[Mark]) -> list[Mark]:
    """The first mark of each key."""
    once: dict[str, Mark] = {}
    for mark in marks:
        once.setdefault(mark.key, mark)
    return [*once.values()]


def _item_of(mark: Mark, expires: str) -> dict[str, Any]:
    return {
        "event_id": {"S": mark.key},
        "expires": {"N": expires},
        "change": {"S": _text_of(mark.change)},
    }


def _expiry_of(seconds: float) -> str:
    # DynamoDB's time to live wants whole seconds.
    return str(int(seconds) + REMEMBERED_SECONDS)


def _text_of(change: AlertedChange | None) -> str:
    """What there is to say of it, as JSON; `null` where there is nothing to count."""
    if change is None:
        return _NOTHING
    members = {
        "kind": change.kind,
        "severity": change.severity.name,
        "effect": change.effect,
        "world_open": change.world_open,
        "at": change.at and change.at.timestamp(),
        "account": change.account_id,
        "region": change.region,
        "call": change.call and change.call[:_LONGEST_NAME],
        "principal": change.principal and change.principal[:_LONGEST_PRINCIPAL],
        "machine": change.is_machine_made,
    }
    return json.dumps({name: value for name, value in members.items() if value})


def _change_in(text: str) -> AlertedChange | None:
    try:
        return _change_of(json.loads(text))
    except Exception:  # noqa: BLE001 - one item that is broken must not take the digest with it
        return None


def _change_of(members: Mapping[str, Any]) -> AlertedChange:
    at = members.get("at")
    return AlertedChange(
        kind=SubjectKind(members["kind"]),
        severity=Severity[members["severity"]],
        effect=Effect(members["effect"]),
        world_open=members.get("world_open", False),
        at=at and datetime.fromtimestamp(at, UTC),
        account_id=members.get("account"),
        region=members.get("region"),
        call=members.get("call"),
        principal=members.get("principal"),
        is_machine_made=members.get("machine", False),
    )


class _NotTakenError(Exception):
    """The table left something unprocessed, again and again: it is throttled."""


def _chunks_of(items: list[_Item], size: int) -> Iterator[list[_Item]]:
    yield from (items[start : start + size] for start in range(0, len(items), size))
