"""Step 7b: which exposures a finding tells of, and what is to be remembered of that."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from .judgement.looking import prefix_lists_in
from .memory.recollection import Recollection
from .model.alert import DeliveredFinding
from .model.change import AttachmentChange, SecurityGroupChange
from .model.exposure import Opening
from .model.exposure_life import EndedHow, ExposureLife, LookedBy, Resource
from .model.finding import Effect
from .model.group_state import GroupState, Reach
from .model.ledger import Activity, ExposureNews, Status, Told
from .model.record import Outcome
from .model.rules import ALL_PORTS, ALL_PROTOCOLS


def with_exposures(
    entries: Iterable[DeliveredFinding], recollection: Recollection, *, now: datetime
) -> list[DeliveredFinding]:
    """The findings, each with the exposures that it tells of."""
    return [
        replace(entry, exposures=tuple(_Teller(entry, recollection, now).news()))
        if entry.finding.record and entry.finding.outcome is Outcome.SUCCEEDED
        else entry
        for entry in entries
    ]


@dataclass(frozen=True, slots=True)
class _Teller:
    """One finding, and what was told before."""

    entry: DeliveredFinding
    recollection: Recollection
    now: datetime

    def news(self) -> Iterator[ExposureNews]:
        """What it opened, closed in part and ended; else what stands, of which it tells again."""
        moment, judgement = self.entry.moment, self.entry.finding.judgement
        opened = moment.opened if moment else ()
        said: set[str] = set()
        for life in opened:
            said.add(life.uid)
            yield self._opened(life)
        for life in moment.ended if moment else ():
            said.add(life.uid)
            yield self._closed(life)
        for life in moment.narrowed if moment else ():
            said.add(life.uid)
            yield self._news(life, Activity.UPDATE, Status.IN_PROGRESS, None)
        if judgement.world_open and not opened:
            for life in self._standing():
                if life.uid not in said:
                    said.add(life.uid)
                    yield self._again(life)
        if judgement.world_open or judgement.effect is Effect.CLOSES:
            yield from (self._again(it) for it in self._shown_beside() if it.uid not in said)

    def _opened(self, life: ExposureLife) -> ExposureNews:
        known = self.recollection.told_of(life)
        is_ended = self.entry.ended is not None
        # What only a look shows to have ended has no alert of its own.
        told = replace(self._told(life), is_closed=life.closed_how is EndedHow.SEEN)
        if known is not None and not is_ended:
            return self._news(life, Activity.UPDATE, Status.IN_PROGRESS, told)
        status = Status.RESOLVED if is_ended else Status.NEW
        return self._news(life, Activity.CREATE, status, told)

    def _closed(self, life: ExposureLife) -> ExposureNews:
        told = self.recollection.told_of(life) or self._told(life)
        return self._news(life, Activity.CLOSE, Status.RESOLVED, replace(told, is_closed=True))

    def _again(self, life: ExposureLife) -> ExposureNews:
        """One that stood before: new only to whoever was never told of it."""
        told = self._told(life)
        if self.recollection.told_of(life) is not None:
            return self._news(life, Activity.UPDATE, Status.IN_PROGRESS, told)
        return self._news(life, Activity.CREATE, Status.NEW, told)

    def _told(self, life: ExposureLife) -> Told:
        """As this alert tells it."""
        judgement = self.entry.finding.judgement
        known = self.recollection.told_of(life)
        return Told(
            uid=known.uid if known else life.uid,
            at=self.now,
            severity=judgement.severity if judgement.world_open else life.severity,
            reach=judgement.reach.reach if judgement.reach else Reach.UNKNOWN,
            is_accepted=judgement.acceptance.covers_all,
        )

    def _news(
        self, life: ExposureLife, activity: Activity, status: Status, told: Told | None
    ) -> ExposureNews:
        known = self.recollection.told_of(life)
        # Where the memory could not be kept, there is nothing beside which to note it.
        is_kept = life.resource not in {**self.recollection.unread, **self.recollection.unwritten}
        return ExposureNews(
            resource=life.resource,
            key=life.uid,
            uid=known.uid if known else life.uid,
            activity=activity,
            status=status,
            told=told if is_kept else None,
        )

    def _standing(self) -> Iterator[ExposureLife]:
        """What is open already on the ports that the finding is about, or by the list it names."""
        finding = self.entry.finding
        openings = finding.judgement.opened.openings
        for life in self._lives_of(self._subject()):
            if any(_meet(own, other) for own in life.openings for other in openings):
                yield life
        if isinstance(finding.change, SecurityGroupChange):
            for resource in prefix_lists_in(finding.change, finding):
                yield from self._lives_of(resource)

    def _shown_beside(self) -> Iterator[ExposureLife]:
        """What the finding's look found, which the alert names as also or still open."""
        finding = self.entry.finding
        state = finding.look.state if finding.look else None
        if not (isinstance(state, GroupState) and state.has_all_rules):
            return
        if isinstance(finding.change, AttachmentChange):
            return
        for life in self._lives_of(state.resource):
            is_found = life.revealed.looked_by is LookedBy.DELIVERY
            if is_found and self.recollection.told_of(life) is None:
                yield life

    def _lives_of(self, resource: Resource) -> Iterator[ExposureLife]:
        """What is open of it, by all that is known now."""
        fold = self.recollection.folds.get(resource)
        yield from (life for life in (fold.exposures if fold else ()) if life.closed is None)

    def _subject(self) -> Resource:
        subject = self.entry.finding.subject
        name = subject.id or subject.name or ""
        return Resource(
            kind=subject.kind, id=name, account_id=subject.account_id, region=subject.region
        )


def _meet(one: Opening, other: Opening) -> bool:
    """Whether both are about some of the same ports."""
    if ALL_PROTOCOLS in (one.protocol, other.protocol):
        return True
    own, others = one.ports or ALL_PORTS, other.ports or ALL_PORTS
    is_same = one.protocol == other.protocol
    return is_same and own.first <= others.last and others.first <= own.last
