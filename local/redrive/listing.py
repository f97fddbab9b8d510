"""Prints what is in the failure queue: each message, and what all of them come to."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import NoReturn, TextIO

from tqdm import tqdm

from security_group_alerter.messages.text import plural

from .failed_deliveries import Message, description_of, in_clear, records_in
from .failure_queue import FailureQueue


@dataclass(slots=True)
class Listing:
    """Prints messages, and counts them.

    Counts `deliveries`, their `records`, and messages that can never be decoded. `as_json`: that is
    for other programs, so that nothing else is on standard output.
    """

    as_json: bool
    deliveries: int = 0
    records: int = 0
    undecodable: int = 0

    @property
    def words(self) -> TextIO:
        """Where everything but JSON is printed."""
        return sys.stderr if self.as_json else sys.stdout

    @property
    def messages(self) -> int:
        """How many were printed."""
        return self.deliveries + self.undecodable

    def announce(self, queue: FailureQueue) -> int:
        """Say about how many messages there are. Returns the number."""
        visible, hidden = queue.size()
        others = f", and {hidden:,} that another reader has taken" if hidden else ""
        self.say(f"About {plural(visible, 'message')} in {queue.url}{others}")
        return visible

    def show(self, message: Message) -> None:
        """Print a message, and count it."""
        records = records_in(message)
        if records is None:
            self.undecodable += 1
        else:
            self.deliveries += 1
            self.records += records
        if self.as_json:
            self.say(f"{self.messages}. message {message.message_id}")
            tqdm.write(in_clear(message))
        else:
            self.say(f"{self.messages}. {description_of(message)}")

    def say(self, line: str) -> None:
        """Print a line above the bar."""
        tqdm.write(line, file=self.words)

    def __str__(self) -> str:
        found = deliveries(self.deliveries)
        if self.deliveries:
            found += f" with {plural(self.records, 'CloudTrail record')}"
        if self.undecodable:
            found += f", {plural(self.undecodable, 'message')} that can never be decoded"
        return found


def deliveries(count: int) -> str:
    """`1 delivery`, `2 deliveries`."""
    return "1 delivery" if count == 1 else f"{count:,} deliveries"


def bar_of(total: int) -> tqdm[NoReturn]:
    """A bar on a terminal, nothing elsewhere."""
    return tqdm(total=total, unit=" messages", disable=None)
