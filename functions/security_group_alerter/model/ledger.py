"""The ledger: what was told of each exposure, so that each thing is told once."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import field
from datetime import date, datetime, timedelta
from enum import IntEnum

from .dataclass import dataclass, replace
from .exposure_life import Resource
from .group_state import Reach
from .severity import Severity

# What is closed stays listed for two digests: the second names what the first did not know of yet.
# A day may have 25 hours.
KEPT_WHEN_CLOSED = timedelta(hours=50)


class Activity(IntEnum):
    """What an alert tells of an exposure. https://schema.ocsf.io/1.5.0/classes/detection_finding."""

    CREATE = 1
    UPDATE = 2
    CLOSE = 3


class Status(IntEnum):
    """What is to be done about an exposure, after an alert of it."""

    NEW = 1
    IN_PROGRESS = 2
    RESOLVED = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What was last told of an exposure. `uid` is the one under which it was first told.

    `at` is when it was last told as new or worse, as this severe and with this reach. A reminder
    came at `reminded_at`, and it became worse at `worse_at`. `is_accepted` says that it was told as
    an accepted opening. `is_quiet` says that it stood before anybody looked: no one is reminded of
    it. `is_closed` says that its end was told.
    """

    uid: str
    at: datetime
    severity: Severity
    reach: Reach = Reach.UNKNOWN
    reminded_at: datetime | None = None
    worse_at: datetime | None = None
    is_accepted: bool = False
    is_quiet: bool = False
    is_closed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Snooze:
    """Nobody wants to be reminded of these exposures up to and on the day `until`, in UTC.

    `at` is when that was said: of what became worse since, people are reminded.
    """

    until: date
    by: str
    why: str
    uids: frozenset[str]
    at: datetime | None = None

    def quiets(self, uid: str, told: Told | None, *, today: date) -> bool:
        """Whether nobody is reminded today of the exposure that was first told under `uid`."""
        worse_at = told.worse_at if told else None
        got_worse = worse_at is not None and self.at is not None and worse_at > self.at
        return uid in self.uids and today <= self.until and not got_worse


@dataclass(frozen=True, slots=True, kw_only=True)
class ExposureNews:
    """What an alert tells of one exposure.

    `uid` is the one under which it was first told, and `key` the one that it has by all that is
    known now. `told` is what is to be remembered once Amazon SNS has taken the alert; None where
    that adds nothing.
    """

    resource: Resource
    key: str
    uid: str
    activity: Activity
    status: Status
    told: Told | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerEntry:
    """What is to be noted of one group or list, beside its memory.

    `told` is by the uids that the exposures have now; `forgotten` are uids of which nothing is to
    be remembered any more. `looked_at` is when a look last saw all of it; None leaves that as it
    was.
    """

    resource: Resource
    told: Mapping[str, Told] = field(default_factory=dict)
    forgotten: tuple[str, ...] = ()
    looked_at: datetime | None = None

    @property
    def size(self) -> int:
        """Of how many exposures it says something."""
        return len(self.told) + len(self.forgotten)

    def parts(self, most: int) -> Iterator[LedgerEntry]:
        """The same in entries about no more exposures than this; the first may be empty."""
        told, forgotten = [*self.told.items()], self.forgotten
        yield replace(self, told=dict(told[:most]), forgotten=forgotten[: most - len(told[:most])])
        left = forgotten[max(0, most - len(told)) :]
        for start in range(most, len(told), most):
            yield LedgerEntry(resource=self.resource, told=dict(told[start : start + most]))
        for start in range(0, len(left), most):
            yield LedgerEntry(resource=self.resource, forgotten=left[start : start + most])


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenGroup:
    """A group or list that is open to the world, or was until the watch last looked.

    `severity` is the worst of what was open, by the table; `looked_at` is None where nobody looked.
    """

    resource: Resource
    severity: Severity
    looked_at: datetime | None


def entries_of(
    news: Iterable[ExposureNews], *, closed_before: Collection[str] = ()
) -> list[LedgerEntry]:
    """What is to be noted of each group or list that alerts told of.

    `closed_before` are the keys of exposures whose end other alerts of the delivery told.
    """
    told: dict[Resource, dict[str, Told]] = {}
    # The alert of its end may have been sent before that of its beginning.
    closed = {*closed_before}
    for it in news:
        if it.told is not None:
            if it.told.is_closed:
                closed.add(it.key)
            by_uid = told.setdefault(it.resource, {})
            by_uid[it.key] = replace(it.told, is_closed=it.key in closed)
    return [LedgerEntry(resource=resource, told=by_uid) for resource, by_uid in told.items()]
