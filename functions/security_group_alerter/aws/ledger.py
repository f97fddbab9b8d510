"""What is open, and what was told of it. Reads and writes the table of group memories.

What was told is written after Amazon SNS took the message, and beside the memory: no version stands
in its way. A crash in between may tell a thing twice, and never loses one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from botocore.exceptions import ClientError

from ..model.exposure_life import Resource
from ..model.ledger import LedgerEntry, OpenGroup
from ..model.severity import Severity
from .group_items import key_of, resource_of
from .ledger_items import OPEN_INDEX, value_of

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_Item = TypeVar("_Item")
# What a transaction takes.
MOST_IN_CALL = 100
# No group has a key like this: they begin with an account or "?".
_LEASE = "#lease/{}"
# An expression has 4 KB, which 80 of the longest of these would fill.
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
MOST_IN_UPDATE = 75
_TRIES = 3
# After so many groups that were refused in a row the others are left: each takes its time.
ENOUGH_FAILURES = 3
_NOT_MET = "ConditionalCheckFailedException"
# The same, of an item of a transaction.
_UNMET = "ConditionalCheckFailed"


class Ledger:
    """The table. `client` should be made with group_memory.CLIENT_CONFIG."""

    def __init__(
        self,
        client: DynamoDBClient,
        *,
        table_name: str,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client = client
        self._table_name = table_name
        self._sleep = sleep

    def note(self, entries: Iterable[LedgerEntry]) -> int:
        """Note what was told; of how many groups that failed. Never raises.

        Nothing is noted of a group whose memory was never written.
        """
        firsts: list[Any] = []
        rest: list[tuple[Resource, Any]] = []
        for entry in entries:
            first, *others = map(self.update_of, entry.parts(MOST_IN_UPDATE))
            firsts.append(first)
            # An item may be in a transaction once.
            rest += ((entry.resource, other) for other in others)
        failures = sum(
            self._write(firsts[start : start + MOST_IN_CALL])
            for start in range(0, len(firsts), MOST_IN_CALL)
        )
        return failures + len({it for it, update in rest if not self._is_written(update)})

    def open_groups(self) -> Iterator[OpenGroup]:
        """All that is open, by severity and then by the oldest look. Raises what DynamoDB says."""
        paginator = self._client.get_paginator("query")
        for severity in sorted(Severity, reverse=True):
            pages = paginator.paginate(
                TableName=self._table_name,
                IndexName=OPEN_INDEX,
                KeyConditionExpression="open_severity = :severity",
                ExpressionAttributeValues={":severity": {"S": severity.name}},
            )
            for item in (item for page in pages for item in page["Items"]):
                resource = resource_of(item["resource"]["S"])
                if resource is not None:
                    yield OpenGroup(
                        resource=resource,
                        severity=severity,
                        looked_at=_time_of(float(item["looked_at"]["N"])),
                    )

    def let_go(self, resource: Resource, *, version: int) -> None:
        """It is open no more, and all was told of it: unless its memory changed since, forget it.

        Raises what DynamoDB says.
        """
        try:
            self._client.update_item(
                TableName=self._table_name,
                Key={"resource": {"S": key_of(resource)}},
                UpdateExpression="REMOVE open_severity, looked_at",
                ConditionExpression="version = :read",
                ExpressionAttributeValues={":read": {"N": str(version)}},
            )
        except ClientError as error:
            if _code_of(error) != _NOT_MET:
                raise

    def take_lease(self, name: str, *, now: datetime, seconds: float) -> bool:
        """Whether nobody else does this now: then nobody else may for so long, or until it ends.

        Raises what DynamoDB says.
        """
        try:
            self._client.put_item(
                TableName=self._table_name,
                Item={
                    "resource": {"S": _LEASE.format(name)},
                    "until": {"N": str(now.timestamp() + seconds)},
                },
                ConditionExpression="attribute_not_exists(#until) OR #until <= :now",
                ExpressionAttributeNames={"#until": "until"},
                ExpressionAttributeValues={":now": {"N": str(now.timestamp())}},
            )
        except ClientError as error:
            if _code_of(error) != _NOT_MET:
                raise
            return False
        return True

    def end_lease(self, name: str) -> None:
        """Whoever comes next need not wait. Raises what DynamoDB says."""
        key = {"resource": {"S": _LEASE.format(name)}}
        self._client.delete_item(TableName=self._table_name, Key=key)

    def update_of(self, entry: LedgerEntry) -> Any:
        """How an entry is written, which has no more than MOST_IN_UPDATE exposures."""
        names: dict[str, str] = {}
        values: dict[str, Any] = {}
        changes: dict[str, list[str]] = {"SET": [], "REMOVE": []}
        for number, (uid, told) in enumerate(entry.told.items()):
            names[f"#uid{number}"] = uid
            values[f":told{number}"] = value_of(told)
            value = f":told{number}"
            if told.is_quiet and not told.is_closed:
                # A first sweep found it: what was told since the sweep read it stays.
                value = f"if_not_exists(told.#uid{number}, {value})"
            changes["SET"].append(f"told.#uid{number} = {value}")
        for number, uid in enumerate(entry.forgotten):
            names[f"#gone{number}"] = uid
            changes["REMOVE"].append(f"told.#gone{number}")
        if entry.looked_at is not None:
            values[":looked"] = {"N": str(entry.looked_at.timestamp())}
            changes["SET"].append("looked_at = :looked")
        change = " ".join(f"{verb} {', '.join(done)}" for verb, done in changes.items() if done)
        update: dict[str, Any] = {
            "TableName": self._table_name,
            "Key": {"resource": {"S": key_of(entry.resource)}},
            "UpdateExpression": change,
            "ConditionExpression": "attribute_exists(version)",
        }
        optional: Mapping[str, Any] = {
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": values,
        }
        return update | {name: value for name, value in optional.items() if value}

    def _write(self, updates: Sequence[Any]) -> int:
        """All at once; where that is refused, one by one."""
        if len(updates) > 1:
            try:
                self._client.transact_write_items(TransactItems=[{"Update": it} for it in updates])
            except ClientError as error:
                met, unmet = met_and_unmet(updates, error)
                if unmet:
                    return self._write_each(unmet) + self._write(met)
            except Exception:  # noqa: BLE001 - what was sent stays sent, whatever it is
                return len(updates)
            else:
                return 0
        return self._write_each(updates)

    def _write_each(self, updates: Sequence[Any]) -> int:
        """One by one; how many failed, or were left after too many had."""
        written = in_a_row = 0
        for update in updates:
            is_written = self._is_written(update)
            written, in_a_row = written + is_written, 0 if is_written else in_a_row + 1
            if in_a_row == ENOUGH_FAILURES:
                break
        return len(updates) - written

    def _is_written(self, update: Any) -> bool:
        for attempt in range(_TRIES):
            self._sleep(attempt * 0.1)
            try:
                self._client.update_item(**update)
            except ClientError:
                # A transaction may be just about to write the item.
                continue
            except Exception:  # noqa: BLE001 - as above
                return False
            return True
        return False


def met_and_unmet(items: Sequence[_Item], error: ClientError) -> tuple[list[_Item], list[_Item]]:
    """The first items of a transaction, and apart those whose condition was not met."""
    reasons: Any = error.response.get("CancellationReasons", ())
    unmet = {place for place, it in enumerate(reasons) if it.get("Code") == _UNMET}
    return (
        [it for place, it in enumerate(items) if place not in unmet],
        [it for place, it in enumerate(items) if place in unmet],
    )


def _time_of(seconds: float) -> datetime | None:
    return datetime.fromtimestamp(seconds, UTC) if seconds else None


def _code_of(error: ClientError) -> str:
    return error.response.get("Error", {}).get("Code", "")
