"""Reserves when messages may be sent, so that no second has too many. Writes a DynamoDB item.

Amazon SNS suspends an e-mail subscription to which more than ten messages go in a second. Several
invocations send at once, so they agree in one item of the table of alerted events: the sends of the
last second, and those that are still to come. A table that fails stops no message: then each
invocation keeps the pace by itself.
https://docs.aws.amazon.com/sns/latest/dg/sns-email-notifications.html
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

# In any one second, over all invocations.
MOST_IN_A_SECOND = 8
# So much longer may one call be on its way than the next: without it, what was sent a second apart
# arrives within one.
LATENESS = 0.25
_SECOND = 1 + LATENESS
# No event has a key like this: those are ids and hashes.
KEY = "#sending-slots"
_TRIES = 20
_KEPT_SECONDS = 24 * 3600

# When a batch is sent, in seconds since 1970, and how many messages are in it.
Send = tuple[float, int]


class SendingSlots:
    """The item. `clock` gives the seconds since 1970."""

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
        self._own: list[Send] = []

    def reserve(self, counts: Sequence[int], *, within: float) -> list[float]:
        """When each batch of so many messages may go, in seconds from now; never raises.

        The times of those that have to wait for more than `within` seconds are left out.
        """
        if not counts or within < 0:
            return []
        # Most often nobody has sent anything in the last second: then one write is enough.
        known: list[Send] = []
        stamp: str | None = None
        for attempt in range(_TRIES):
            now = self._clock()
            sends = slots_after(known, counts, now, until=now + within)
            try:
                self._write(known, sends, now, stamp)
            except Exception as error:  # noqa: BLE001 - whatever it is must stop no message
                item = _item_in(error)
                if item is None:
                    break
                known, stamp = _sends_in(item), item["stamp"]["S"]
                self._sleep(0.01 * attempt)
            else:
                return [time - now for time, _ in sends]
        return self._by_itself(counts, within)

    def _write(
        self, known: Iterable[Send], sends: Sequence[Send], now: float, stamp: str | None
    ) -> None:
        """Write the item if it is as it was read; without a stamp, if it is of no concern."""
        kept = [*(send for send in known if send[0] > now - _SECOND), *sends]
        last = max((time for time, _ in kept), default=now)
        condition = (
            "stamp = :stamp" if stamp else "attribute_not_exists(event_id) OR last_at <= :past"
        )
        values: Any = {":stamp": {"S": stamp}} if stamp else {":past": {"N": repr(now - _SECOND)}}
        self._client.put_item(
            TableName=self._table_name,
            Item={
                "event_id": {"S": KEY},
                "stamp": {"S": uuid.uuid4().hex},
                "last_at": {"N": repr(last)},
                "sends": {"L": [{"S": f"{time!r} {count}"} for time, count in kept]},
                "expires": {"N": str(int(last) + _KEPT_SECONDS)},
            },
            ConditionExpression=condition,
            ExpressionAttributeValues=values,
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )

    def _by_itself(self, counts: Sequence[int], within: float) -> list[float]:
        now = self._clock()
        sends = slots_after(self._own, counts, now, until=now + within)
        self._own = [*self._own, *sends][-MOST_IN_A_SECOND:]
        return [time - now for time, _ in sends]


def slots_after(
    known: Sequence[Send], counts: Iterable[int], now: float, *, until: float
) -> list[Send]:
    """The earliest times at which no second (and `LATENESS`) has too many, after all known ones.

    Stops at the first that would be later than `until`.
    """
    taken = list(known)
    found: list[Send] = []
    for count in counts:
        time = max([now, *(at for at, _ in taken)])
        while True:
            recent = sorted(send for send in taken if send[0] > time - _SECOND)
            if not recent or sum(it for _, it in recent) + count <= MOST_IN_A_SECOND:
                break
            time = recent[0][0] + _SECOND
        if time > until:
            break
        taken.append((time, count))
        found.append((time, count))
    return found


def _item_in(error: Exception) -> Any:
    """The item as another invocation wrote it; None when the write failed for another reason."""
    return error.response.get("Item") if isinstance(error, ClientError) else None


def _sends_in(item: Any) -> list[Send]:
    sends = (entry["S"].split() for entry in item["sends"]["L"])
    return [(float(time), int(count)) for time, count in sends]
