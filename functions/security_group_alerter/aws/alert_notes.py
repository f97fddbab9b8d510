"""Which events were alerted, and what was told of exposures: written to both tables at once.

A transaction writes all of it or nothing, wherever the function dies. It costs twice the write
units, and a fraction of the calls. Groups whose memory was never written are tried by themselves.
Where it is refused, since the memory of a group is being written by another, or a table is down,
each table is written by itself.
https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from ..model.dataclass import replace
from ..model.ledger import LedgerEntry
from ..model.message import Noted
from ..model.seen import Mark
from . import seen_events
from .ledger import MOST_IN_UPDATE, Ledger, met_and_unmet
from .seen_events import SeenEvents, once_each

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

# What a transaction takes.
MOST_IN_CALL = 100


class AlertNotes:
    """Both tables. `client` should be made with group_memory.CLIENT_CONFIG."""

    def __init__(self, client: DynamoDBClient, *, events: SeenEvents, ledger: Ledger) -> None:
        self._client = client
        self._events = events
        self._ledger = ledger

    def note(
        self, marks: Sequence[Mark], entries: Sequence[LedgerEntry], most_failures: int
    ) -> Noted:
        """Mark events as alerted, and note what was told, before or with them. Never raises.

        After `most_failures` failed writes of marks, the others are left.
        """
        waiting = once_each(marks)
        # A group has one place in a transaction, and an update in it so many exposures.
        large = [it for it in entries if it.size > MOST_IN_UPDATE]
        small = [it for it in entries if it.size <= MOST_IN_UPDATE]
        failures, unnoted = 0, self._ledger.note(large)
        while small or waiting:
            some, small = small[:MOST_IN_CALL], small[MOST_IN_CALL:]
            room = MOST_IN_CALL - len(some)
            noted = self._write(waiting[:room], some, most_failures - failures)
            failures += noted.failures
            unnoted += noted.unnoted
            waiting = waiting[room:] if failures < most_failures else []
        return Noted(failures=failures, unnoted=unnoted)

    def _write(self, marks: list[Mark], entries: list[LedgerEntry], most_failures: int) -> Noted:
        if marks and (entries or len(marks) > seen_events.MOST_IN_WRITE):
            try:
                self._write_together(marks, entries)
            except ClientError as error:
                met, unmet = met_and_unmet(entries, error)
                if unmet:
                    # Before the marks: nobody comes back to an event that is marked.
                    unnoted = self._ledger.note(unmet)
                    noted = self._write(marks, met, most_failures)
                    return replace(noted, unnoted=noted.unnoted + unnoted)
            except Exception:  # noqa: BLE001 - whatever it is, what was sent stays sent
                # Nobody answered, which took its time. It may have been done all the same.
                failures = 1 + self._marked(marks, most_failures - 1)
                return Noted(failures=failures, unnoted=len(entries))
            else:
                return Noted()
        unnoted = self._ledger.note(entries)
        return Noted(failures=self._marked(marks, most_failures), unnoted=unnoted)

    def _write_together(self, marks: list[Mark], entries: list[LedgerEntry]) -> None:
        items: list[Any] = [
            *({"Update": self._ledger.update_of(it)} for it in entries),
            *({"Put": it} for it in self._events.puts_of(marks)),
        ]
        self._client.transact_write_items(TransactItems=items)

    def _marked(self, marks: list[Mark], most_failures: int) -> int:
        """How many writes failed."""
        failures = 0
        for start in range(0, len(marks), seen_events.MOST_IN_WRITE):
            if failures < most_failures:
                failures += self._events.mark(marks[start : start + seen_events.MOST_IN_WRITE])
        return failures
