"""The digest: one day of an installation, on one page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime, timedelta

from .acceptance import AcceptedOpening
from .dataclass import dataclass
from .exposure_life import ExposureLife
from .finding import Effect
from .group_state import Reach
from .ledger import Snooze, Told
from .severity import Severity

# The sweep comes once a day; a day may have 25 hours.
LONGEST_WITHOUT_A_SWEEP = timedelta(hours=26)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenExposure:
    """An exposure that stands, under the uid that its alerts have.

    `looked_at` is None where nobody looked. `snooze` is there while it is in force. `accepted` are
    the entries that cover all of it; empty where something of it is not accepted.
    """

    life: ExposureLife
    told: Told | None = None
    looked_at: datetime | None = None
    snooze: Snooze | None = None
    accepted: tuple[AcceptedOpening, ...] = ()

    @property
    def severity(self) -> Severity:
        """As it was last told, with its reach; by the table where nothing was told."""
        return self.told.severity if self.told and not self.accepted else self.life.severity

    @property
    def reach(self) -> Reach:
        """What stands behind it, as it was last told."""
        return self.told.reach if self.told else Reach.UNKNOWN

    @property
    def since(self) -> datetime:
        """When it was opened; where that is not known, when it was found."""
        return (self.life.opened or self.life.revealed).time


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeCount:
    """How many alerted changes were alike. None is what their records do not say."""

    count: int
    account_id: str | None
    call: str | None
    effect: Effect
    world_open: bool
    principal: str | None
    is_machine_made: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class NotSeen:
    """What could not be seen: an account, one of its Regions, or something in it; why, since when.

    `problem` is in words. None is what does not apply.
    """

    problem: str
    account_id: str | None = None
    region: str | None = None
    since: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    """From `since` to `until`, what happened; and what is open at `until`, oldest first.

    `closed` are exposures that ended in that time, or before it, and that no digest has named;
    under the uids that their alerts have.
    `not_known` counts alerted events of which nothing but their keys is remembered. `names` are
    those of accounts. Without `has_looks`, what is open is known from CloudTrail's records alone.
    `last_sweep` is None where there never was one.
    """

    since: datetime
    until: datetime
    organization_id: str | None = None
    has_looks: bool = True
    last_sweep: datetime | None = None
    open: tuple[OpenExposure, ...] = ()
    closed: tuple[ExposureLife, ...] = ()
    changes: tuple[ChangeCount, ...] = ()
    not_known: int = 0
    not_seen: tuple[NotSeen, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_swept(self) -> bool:
        """Whether there was a sweep within the day."""
        last = self.last_sweep
        return last is not None and self.until - last <= LONGEST_WITHOUT_A_SWEEP

    @property
    def standing(self) -> tuple[OpenExposure, ...]:
        """What is open, and neither snoozed nor accepted."""
        return tuple(it for it in self.open if not (it.snooze or it.accepted))

    @property
    def snoozed(self) -> tuple[OpenExposure, ...]:
        """What nobody wants to be reminded of for some time."""
        return tuple(it for it in self.open if it.snooze and not it.accepted)

    @property
    def accepted(self) -> tuple[OpenExposure, ...]:
        """What is open because that was agreed."""
        return tuple(it for it in self.open if it.accepted)

    @property
    def changed(self) -> int:
        """How many changes were alerted."""
        return sum(it.count for it in self.changes) + self.not_known
