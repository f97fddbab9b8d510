"""The lines that preflight and verify print: what was checked, what was found, what to do."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Callable, Generator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeVar

from botocore.exceptions import ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NoConnectionError

from security_group_alerter.messages.text import plural, printable

from .aws_errors import action_of, is_about_credentials, is_denied, is_missing, words_of


class State(StrEnum):
    """How a check ended. A stop keeps the stack from being deployed, or from working."""

    OK = "ok"
    WARNING = "warning"
    STOP = "stop"


_COLOURS: Final = {State.OK: "32", State.WARNING: "1;33", State.STOP: "1;31"}
_STATE_WIDTH: Final = max(map(len, State)) + 2
# "to CloudWatch Logs" is the longest subject.
_SUBJECT_WIDTH: Final = 20


@dataclass(frozen=True, slots=True)
class Check:
    """What was checked, what was found, and what to do about it (a command comes last)."""

    state: State
    subject: str
    found: str
    todo: str = ""

    def __str__(self) -> str:
        return self._line(self.state.ljust(_STATE_WIDTH))

    def in_colour(self) -> str:
        """The same line for a terminal."""
        state = self.state.ljust(_STATE_WIDTH)
        return self._line(f"\x1b[{_COLOURS[self.state]}m{state}\x1b[0m")

    def _line(self, state: str) -> str:
        text = f"{self.found}. {self.todo}" if self.todo else self.found
        return f"{state}{self.subject.ljust(_SUBJECT_WIDTH)}{printable(text)}"


Fact = TypeVar("Fact")
# The checks, one after the other; returns a fact that later checks need.
Checks = Generator[Check, None, Fact]


def ok(subject: str, found: str, todo: str = "") -> Check:
    """All is well. `todo` may suggest something to try."""
    return Check(State.OK, subject, found, todo)


def warning(subject: str, found: str, todo: str) -> Check:
    """It works, or may work. A person should decide."""
    return Check(State.WARNING, subject, found, todo)


def stop(subject: str, found: str, todo: str) -> Check:
    """It does not work this way."""
    return Check(State.STOP, subject, found, todo)


def guarded(subject: str, checks: Checks[Fact]) -> Checks[Fact | None]:
    """The checks and their fact. If AWS refuses a call: a warning, and None.

    Errors about the credentials are raised, since every other check would fail too.
    """
    try:
        return (yield from checks)
    except ClientError as error:
        if is_about_credentials(error):
            raise
        if is_denied(error):
            action = action_of(error)
            yield warning(
                subject,
                f"could not be checked: you do not have the permission {action}",
                "Get the permission, or check this yourself",
            )
        elif is_missing(error):
            yield stop(
                subject,
                f"it does not exist: {words_of(error)}",
                "If it was deleted by hand, CloudFormation does not create it again: delete the "
                "stack (the archive and the log group stay), and deploy it again",
            )
        else:
            yield warning(
                subject, f"could not be checked: {words_of(error)}", "Try again in a minute"
            )
    except (NoConnectionError, HTTPClientError) as error:
        yield warning(subject, f"could not be checked: {error}", "Check the network and --region")
    return None


def looked_up(subject: str, look: Callable[[], Fact]) -> Checks[Fact | None]:
    """What a single call to AWS returns, guarded; there is no check if it succeeds."""

    def checks() -> Checks[Fact]:
        yield from ()
        return look()

    return (yield from guarded(subject, checks()))


def print_checks(checks: Checks[Fact]) -> tuple[Counter[State], Fact]:
    """Print each check as it is made. Returns how many ended in each state, and the fact."""
    is_colourful = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    counts: Counter[State] = Counter()
    while True:
        try:
            check = next(checks)
        except StopIteration as end:
            return counts, end.value
        counts[check.state] += 1
        print(check.in_colour() if is_colourful else check, flush=True)


def summary_of(counts: Counter[State]) -> str:
    """`9 ok, 1 warning, 2 stops`."""
    parts = [f"{counts[State.OK]} ok"]
    parts += [
        plural(counts[state], str(state)) for state in (State.WARNING, State.STOP) if counts[state]
    ]
    return ", ".join(parts)
