"""An exposure in time: what one event opened to the world, until it was closed."""

from __future__ import annotations

from dataclasses import field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from .dataclass import dataclass
from .exposure import Opening, OpenPorts
from .severity import Severity
from .subject import SubjectKind

# EC2 may show for so long what was before, and may show what is new at once: what a look says
# counts as of so long before it.
# https://docs.aws.amazon.com/ec2/latest/devguide/eventual-consistency.html
LOOKS_BACK = timedelta(minutes=2)


class EndedHow(StrEnum):
    """What can end an exposure: a kind of call, or none that was seen: then a look shows it.

    Or nobody can look any more, since the account left or its Region was switched off.
    """

    REVOKED = "revoked"
    MODIFIED = "modified"
    DELETED = "deleted"
    PREFIX_LIST = "prefix-list"
    SEEN = "seen"
    ACCOUNT_LEFT = "account-left"


class LookedBy(StrEnum):
    """Who looked: the beginning of a look's event id. Nothing is told of what a first sweep found.

    The ids of CloudTrail's events are UUIDs.
    """

    DELIVERY = "look"
    WATCH = "watch"
    SWEEP = "sweep"
    FIRST_SWEEP = "first-sweep"


_LOOKERS = frozenset(LookedBy)


class Event(NamedTuple):
    """A call: when it was made, and by whom. CloudTrail's update of an event is that event."""

    event_id: str
    time: datetime
    principal: str | None = None

    @property
    def looked_by(self) -> LookedBy | None:
        """Whose look this is; None for a call."""
        start, colon, _ = self.event_id.partition(":")
        return LookedBy(start) if colon and start in _LOOKERS else None


class Resource(NamedTuple):
    """A security group or a prefix list. Without an id, it is known by its name."""

    kind: SubjectKind
    id: str
    account_id: str | None = None
    region: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExposureLife:
    """What one event opened to the world, until it was closed. `severity` is by the table.

    `opened` is None where only the end is known, or where it stood before all that is known;
    `closed` is None while something of it is still open. `event_ids` are the events that opened it,
    closed parts of it, and ended it. `revealed` is the event by which it is known: the one that
    opened it, or a later one. `parts` are what of it is still open. `other_uids` are those that it
    may have had while less was known.
    """

    uid: str
    resource: Resource
    opened: Event | None
    revealed: Event
    closed: Event | None
    closed_how: EndedHow | None
    severity: Severity
    openings: tuple[Opening, ...]
    event_ids: tuple[str, ...]
    parts: OpenPorts = field(default_factory=dict, hash=False)
    # Known only while its event is remembered as it was said.
    other_uids: tuple[str, ...] = field(default=(), compare=False)

    @property
    def is_closed_at_once(self) -> bool:
        """Whether one event closed all of it."""
        return self.closed is not None and len(self.event_ids) <= 1 + (self.opened is not None)

    @property
    def closed_before(self) -> datetime | None:
        """When a look no longer showed it, where that is all that is known of its end."""
        closed = self.closed
        if closed is None or closed.looked_by is None or self.closed_how is not EndedHow.SEEN:
            return None
        return closed.time + LOOKS_BACK

    @property
    def hours_open(self) -> float | None:
        """How long it stood; None while it stands, and where its beginning is not known."""
        if self.opened is None or self.closed is None:
            return None
        return (self.closed.time - self.opened.time).total_seconds() / 3600

    def stood_at(self, time: datetime) -> bool:
        """Whether it stood at a time, as far as seconds tell."""
        is_later = self.opened is not None and self.opened.time > time
        return not is_later and (self.closed is None or self.closed.time >= time)
