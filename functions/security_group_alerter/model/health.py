"""The alerter's own health: what was looked at, what is wrong with it, and what was reported."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime, timedelta
from enum import StrEnum

from .dataclass import dataclass

# What was looked at.


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganizationAccount:
    """An account that should be in the trail."""

    id: str
    name: str
    joined_at: datetime

    def __str__(self) -> str:
        return f"{self.name} ({self.id})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Deliveries:
    """What a trail delivers to one place: when it last did, and the error if that failed."""

    last: datetime | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrailStatus:
    """Whether a trail records, since when it does or does not, and what it delivers."""

    is_logging: bool
    started_at: datetime | None = None
    stopped_at: datetime | None = None
    to_s3: Deliveries = Deliveries()
    to_logs: Deliveries = Deliveries()


class SubscriptionState(StrEnum):
    """Whether a subscriber gets anything."""

    CONFIRMED = "confirmed"
    PENDING = "pending"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """A subscriber of a topic."""

    protocol: str
    endpoint: str
    state: SubscriptionState


# What is wrong.


class ProblemKind(StrEnum):
    """What can be wrong, worst first. The values are kept in the table."""

    NO_TRAIL = "no-trail"
    TRAIL_STOPPED = "trail-stopped"
    NOT_TO_LOGS = "not-to-logs"
    NO_HEARTBEAT = "no-heartbeat"
    NOT_TO_S3 = "not-to-s3"
    NO_SUBSCRIBER = "no-subscriber"
    NOT_CONFIRMED = "not-confirmed"
    SILENT_ACCOUNT = "silent-account"
    NOT_CHECKED = "not-checked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong.

    `look` is what found it, and `name` tells it from others of its kind there; people read `title`
    and `details`. Without `since`, it counts from when it is first seen. It is reported once it has
    lasted for `patience`. `is_said_once`: no reminders.
    """

    kind: ProblemKind
    look: str
    name: str
    title: str
    details: str = ""
    since: datetime | None = None
    patience: timedelta = timedelta(0)
    is_said_once: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What a look found. `known` are the names of all that there is, whether good or bad."""

    problems: tuple[Problem, ...] = ()
    known: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class NotSeen:
    """A look that failed, and why."""

    why: str
    is_denied: bool = False
    is_said_once: bool = False


# What was reported of it.


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """A problem as the last check left it. `reported`: when it was last; None is not yet."""

    kind: ProblemKind
    look: str
    name: str
    title: str
    since: datetime
    reported: datetime | None = None

    @property
    def key(self) -> tuple[str, str, str]:
        """What a problem is known by from day to day."""
        return (self.kind, self.look, self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """What the last check left. From `watched_since` on, accounts are expected in the trail."""

    watched_since: datetime | None = None
    entries: tuple[Remembered, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Lasting:
    """A problem, and since when there is one."""

    problem: Problem
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A problem that is over. `is_gone`: so is what had it, such as an account that left."""

    entry: Remembered
    is_gone: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthReport:
    """What one check has to say. `sizes` are how many there are of what each look saw."""

    begun: tuple[Lasting, ...] = ()
    lasting: tuple[Lasting, ...] = ()
    ended: tuple[Ended, ...] = ()
    sizes: Mapping[str, int] = field(default_factory=dict)

    def counts(self) -> dict[str, int]:
        """The numbers by their names."""
        return {"begun": len(self.begun), "lasting": len(self.lasting), "ended": len(self.ended)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """Which stack reports, and where its runbook is."""

    stack: str
    account_id: str
    region: str
    runbook_url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A message for the operations topic."""

    subject: str
    text: str
