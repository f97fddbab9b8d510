"""Which events have been alerted already. Reads and writes a DynamoDB table.

CloudWatch Logs and Lambda both deliver at least once. An event is marked after Amazon SNS took its
alert, never before, so that after a crash in between it is alerted twice rather than never. A table
that fails stops no alert: the answer then says that it is not sure.
https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from ..model.seen import SeenAnswer

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

# How long a redelivery may come late: CloudWatch Logs tries for a day, Lambda for six hours, and
# the failure queue is emptied by people, who take week-ends.
REMEMBERED_SECONDS = 14 * 24 * 3600
MOST_IN_READ = 100
MOST_IN_WRITE = 25
# What the table does not take at once is offered again so many times.
_TRIES = 3


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

    def mark(self, keys: Iterable[str]) -> int:
        """Remember that these have been alerted; how many writes failed. Never raises."""
        expires = str(int(self._clock()) + REMEMBERED_SECONDS)
        failures = 0
        for chunk in _chunks_of(list(dict.fromkeys(keys)), MOST_IN_WRITE):
            try:
                self._write([_put_request_of(key, expires) for key in chunk])
            except Exception:  # noqa: BLE001
                failures += 1
        return failures

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


def _put_request_of(key: str, expires: str) -> dict[str, Any]:
    return {"PutRequest": {"Item": {"event_id": {"S": key}, "expires": {"N": expires}}}}


class _NotTakenError(Exception):
    """The table left something unprocessed, again and again: it is throttled."""


def _chunks_of(keys: list[str], size: int) -> Iterator[list[str]]:
    yield from (keys[start : start + size] for start in range(0, len(keys), size))
