"""What the table of alerted events answers, and what it remembers of each."""

from __future__ import annotations

from datetime import datetime

from .dataclass import dataclass
from .finding import Effect
from .severity import Severity
from .subject import SubjectKind


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenAnswer:
    """The keys that have been alerted; `is_sure` is False when not all could be looked up."""

    keys: frozenset[str] = frozenset()
    is_sure: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertedChange:
    """What an alerted event was, for the digest. None is what its record does not say.

    `at` is when the call was made, and `call` its name. `principal` names a person or a program by
    an ARN, and what is machine-made by its service or role, whatever the session is called.
    """

    kind: SubjectKind
    severity: Severity
    effect: Effect
    world_open: bool
    at: datetime | None = None
    account_id: str | None = None
    region: str | None = None
    call: str | None = None
    principal: str | None = None
    is_machine_made: bool = False


@dataclass(frozen=True, slots=True)
class Mark:
    """What an event is known by when it comes again, and what it was.

    `change` is None where there is nothing to count: another key of the same event has it.
    """

    key: str
    change: AlertedChange | None = None
