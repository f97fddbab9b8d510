"""The form in which preflight and verify tell what they found: a check, a line, and what to do."""

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

from security_group_alerter.messages.text import plural

from .aws_errors import action_of, is_about_credentials, is_denied, is_missing, words_of


class State(StrEnum):
    """How a check ended. A stop is what keeps the stack from being deployed, or from working."""

    OK = "ok"
    WARNING = "warning"
    STOP = "stop"


_COLOURS: Final = {State.OK: "32", State.WARNING: "1;33", State.STOP: "1;31"}
_STATE_WIDTH: Final = max(map(len, State)) + 2
# "to CloudWatch Logs" is the longest of what is looked at.
_SUBJECT_WIDTH: Final = 20


@dataclass(frozen=True, slots=True)
class Check:
    """What was looked at, what was found, and what to do about it (a command stands last)."""

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
        return f"{state}{self.subject.ljust(_SUBJECT_WIDTH)}{_on_one_line(text)}"


Fact = TypeVar("Fact")
# Checks as they are made, and what was learnt by them.
Checks = Generator[Check, None, Fact]


def ok(subject: str, found: str, todo: str = "") -> Check:
    """All is well; what one may want to try stands in `todo`."""
    return Check(State.OK, subject, found, todo)


def warning(subject: str, found: str, todo: str) -> Check:
    """It works, or may work; somebody should decide."""
    return Check(State.WARNING, subject, found, todo)


def stop(subject: str, found: str, todo: str) -> Check:
    """It does not work like this."""
    return Check(State.STOP, subject, found, todo)


def guarded(subject: str, checks: Checks[Fact]) -> Checks[Fact | None]:
    """The checks and the fact, until AWS refuses to be asked: that is a warning, and no fact.

    What is wrong with the credentials is raised: no other check would come further.
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
                f"could not be looked at: {action} is not allowed",
                "Allow it to whoever runs this, or look for yourself",
            )
        elif is_missing(error):
            yield stop(
                subject,
                f"it is gone: {words_of(error)}",
                "If it was deleted by hand: CloudFormation does not make it anew, so remove the "
                "stack (archive and log group stay) and deploy again",
            )
        else:
            yield warning(
                subject, f"could not be looked at: {words_of(error)}", "Try again in a minute"
            )
    except (NoConnectionError, HTTPClientError) as error:
        yield warning(subject, f"could not be looked at: {error}", "Check the network and --region")
    return None


def looked_up(subject: str, look: Callable[[], Fact]) -> Checks[Fact | None]:
    """What a single question to AWS answers; guarded, and without a check when it does."""

    def checks() -> Checks[Fact]:
        yield from ()
        return look()

    return (yield from guarded(subject, checks()))


def print_checks(checks: Checks[Fact]) -> tuple[Counter[State], Fact]:
    """Print each check when it is done; how many ended in which way, and the fact."""
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


def _on_one_line(text: str) -> str:
    """Names come from AWS, where some may hold any character."""
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode("ascii")
        for char in text
    )
