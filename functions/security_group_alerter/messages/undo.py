"""The command that undoes a change, or the reason why there is none. None is ever invented.

Only values of AWS's own forms (model/ids.py) get into a command.
https://docs.aws.amazon.com/cli/latest/reference/ec2/index.html
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..model import ids
from ..model.finding import Finding
from ..model.record import Outcome

NOT_ENOUGH = "the record does not tell enough for one"
# Windows takes no more for a whole command line. A thousand rules fit by their ids.
# https://learn.microsoft.com/windows/win32/api/processthreadsapi/nf-processthreadsapi-createprocessw
LONGEST_COMMAND = 32_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Undo:
    """A complete AWS CLI command, or the reason why there is none: exactly one of them."""

    command: str | None = None
    reason: str | None = None


class NoUndoError(ValueError):
    """There is no command; the text is the reason, as an alert says it."""


def undo_of(finding: Finding, words: Callable[[], Sequence[str]]) -> Undo:
    """The command in the finding's Region. `words` are service, name, options, or NoUndoError."""
    if finding.outcome is not Outcome.SUCCEEDED:
        return Undo(reason="nothing changed")
    try:
        service, name, *options = words()
        region = needed(ids.REGION, finding.subject.region)
    except NoUndoError as error:
        return Undo(reason=str(error))
    command = shlex.join(["aws", service, name, "--region", region, *options])
    if len(command) > LONGEST_COMMAND:
        return Undo(reason="it would be too long")
    return Undo(command=command)


def needed(form: re.Pattern[str], value: str | None) -> str:
    """The value when it has this form; raises NoUndoError when it has not."""
    valid = ids.valid(form, value)
    if valid is None:
        raise NoUndoError(NOT_ENOUGH)
    return valid
