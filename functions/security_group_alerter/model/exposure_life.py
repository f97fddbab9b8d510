"""An exposure in time: what one event opened to the world, until it was closed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from .exposure import Opening
from .severity import Severity
from .subject import SubjectKind


class EndedHow(StrEnum):
    """What can end an exposure: a kind of call, or none that was seen: then a look shows it."""

    REVOKED = "revoked"
    MODIFIED = "modified"
    DELETED = "deleted"
    PREFIX_LIST = "prefix-list"
    SEEN = "seen"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A call: when it was made, and by whom. CloudTrail's update of an event is that event."""

    event_id: str
    time: datetime
    principal: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
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
    closed parts of it, and ended it.
    """

    uid: str
    resource: Resource
    opened: Event | None
    closed: Event | None
    closed_how: EndedHow | None
    severity: Severity
    openings: tuple[Opening, ...]
    event_ids: tuple[str, ...]
