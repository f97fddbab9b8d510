"""What is remembered of the groups and prefix lists that a delivery names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from hashlib import sha256

from ..model.dataclass import dataclass, replace
from ..model.exposure_life import ExposureLife, Resource
from ..model.ledger import Snooze, Told
from .fold import Fold


@dataclass(frozen=True, slots=True, kw_only=True)
class Recollection:
    """Each resource, folded with what the delivery says of it.

    `told` is what was told of its exposures, by the uids that they had then; `snoozed` those of
    which nobody wants to be reminded.
    `versions` are those of their memories as they were read, of those that nothing was added to.
    `unread` are those whose memory could not be read, and why: they are folded from the delivery
    alone. `unwritten` are those whose memory was read but will not know of this delivery, and why.
    `broken` are those of both with which the table had nothing to do: what is kept of them cannot
    be understood, and another try would fail as well.
    """

    folds: Mapping[Resource, Fold] = field(default_factory=dict)
    told: Mapping[Resource, Mapping[str, Told]] = field(default_factory=dict)
    snoozed: Mapping[Resource, Snooze] = field(default_factory=dict)
    versions: Mapping[Resource, int] = field(default_factory=dict, compare=False)
    unread: Mapping[Resource, str] = field(default_factory=dict)
    unwritten: Mapping[Resource, str] = field(default_factory=dict)
    broken: frozenset[Resource] = frozenset()

    @property
    def failures(self) -> int:
        """How many resources the table failed."""
        return len(self.unread) + len(self.unwritten)

    def updated(self, newer: Recollection) -> Recollection:
        """The same, where the table was asked again for some of the resources."""
        versions = {it: own for it, own in self.versions.items() if it not in newer.folds}
        return Recollection(
            folds={**self.folds, **newer.folds},
            told={**self.told, **newer.told},
            snoozed={**self.snoozed, **newer.snoozed},
            versions={**versions, **newer.versions},
            unread={**self.unread, **newer.unread},
            unwritten={**self.unwritten, **newer.unwritten},
            broken=self.broken | newer.broken,
        )

    def told_of(self, life: ExposureLife) -> Told | None:
        """What was told of an exposure, also while less was known of it.

        What was told of another one is not taken for it: an edit ends one and opens the next, and
        both had the rule's id.
        """
        told = self.told.get(life.resource)
        if not told:
            return None
        own = told.get(life.uid)
        if own is not None and own.uid != life.uid:
            # It was told under another uid before.
            return own
        fold = self.folds.get(life.resource)
        others = {it.uid for it in fold.exposures} - {life.uid} if fold else set()
        of_others = {told[uid].uid for uid in others if uid in told}
        earlier = (told[uid] for uid in life.other_uids if uid in told and uid not in others)
        known = (it for it in (own, *earlier) if it is not None and it.uid not in of_others)
        return next(known, None)

    def uid_of(self, life: ExposureLife) -> str:
        """The uid under which an exposure is told: the one under which it was first told."""
        known = self.told_of(life)
        if known is not None:
            return known.uid
        if all(it.uid != life.uid for it in self.told.get(life.resource, {}).values()):
            return life.uid
        # A look found its rule open before, as another exposure.
        return sha256(f"{life.uid}\n{life.revealed.event_id}".encode()).hexdigest()[:32]

    def as_told(self, life: ExposureLife) -> ExposureLife:
        """The exposure under the uid that its alerts have."""
        return replace(life, uid=self.uid_of(life))
