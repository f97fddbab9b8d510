"""The last step of a delivery: what Amazon SNS took is noted, alerted events and what was told."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from .model.ledger import ExposureNews, LedgerEntry, entries_of
from .model.message import Message, Noted
from .model.seen import Mark

# As many marks and groups as one call to the tables takes.
NOTED_TOGETHER = 100
# After so many failures in one delivery no more marks are written: each may take seconds, which
# the alerts need more.
ENOUGH_TABLE_FAILURES = 3

# Writes marks and what was told, never raises, and says what of it failed. After so many failed
# writes of marks it leaves the others.
Note = Callable[[Sequence[Mark], Sequence[LedgerEntry], int], Noted]


class Noting:
    """Notes the messages of one delivery, as many marks and groups in a call as it takes.

    What was told is written with the marks of its message, or before: whose event is marked is
    never alerted again. `failures` are failed calls to the table of alerted events, and `unnoted`
    the groups of which it could not be noted what was told.
    """

    def __init__(self, note: Note, failures: int) -> None:
        self._note = note
        self._marks: list[Mark] = []
        self._news: list[ExposureNews] = []
        self._closed: set[str] = set()
        self.failures = failures
        self.unnoted = 0

    def add(self, message: Message) -> None:
        """Amazon SNS took this message."""
        if self.failures < ENOUGH_TABLE_FAILURES:
            self._marks += message.marks
        self._news += (it for it in message.exposures if it.told is not None)
        while len(self._marks) + len({it.resource for it in self._news}) >= NOTED_TOGETHER:
            self._write()

    def finish(self) -> None:
        """Sending is over."""
        while self._marks or self._news:
            self._write()

    def _write(self) -> None:
        entries = entries_of(self._news, closed_before=self._closed)
        room = NOTED_TOGETHER - len(entries) % NOTED_TOGETHER
        marks, self._marks = self._marks[:room], self._marks[room:]
        self._closed.update(it.key for it in self._news if it.told and it.told.is_closed)
        self._news = []
        noted = self._note(marks, entries, ENOUGH_TABLE_FAILURES - self.failures)
        self.failures += noted.failures
        self.unnoted += noted.unnoted
        if self.failures >= ENOUGH_TABLE_FAILURES:
            self._marks = []
