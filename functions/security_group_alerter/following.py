"""The watch, step 1: each exposure of a group or list, as it is now, and what to tell of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from .ec2.reach import reach_of_group, reach_of_list
from .judgement.exposure import families_open_to_world
from .judgement.findings import Standards
from .judgement.observations import (
    StandingExposure,
    closed,
    observed,
    standing_group,
    standing_list,
)
from .judgement.reminders import Circumstances, is_settled, report_of_closed, report_of_open
from .memory.fold import Fold
from .memory.recollection import Recollection
from .model.alert import DeliveredFinding
from .model.dataclass import dataclass, replace
from .model.exposure_life import EndedHow, Event, ExposureLife, Resource
from .model.finding import Finding
from .model.group_state import GroupReach, GroupState, Look, Looked, PrefixListState, Reach
from .model.ledger import Activity, ExposureNews, OpenGroup, Status, Told
from .model.origin import Observed
from .model.standing import Moment
from .model.subject import SubjectKind

_OUTCOMES = {
    Observed.FOUND: (Activity.CREATE, Status.NEW),
    Observed.CLOSED: (Activity.CLOSE, Status.RESOLVED),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """An exposure, and what was told of it, or will be, under `uid`.

    `finding` is what is to be told now, if anything is.
    """

    life: ExposureLife
    uid: str
    told: Told | None
    finding: Finding | None = None

    @property
    def is_settled(self) -> bool:
        """Whether it is over, and nothing is left to be told of that."""
        return self.life.closed is not None and is_settled(self.life, self.told)

    def delivered(self, finding: Finding, *, now: datetime) -> DeliveredFinding:
        """The report as an alert takes it."""
        return DeliveredFinding(finding=finding, keys=(), exposures=(self._news(finding, now),))

    def _news(self, finding: Finding, now: datetime) -> ExposureNews:
        origin = finding.observed
        what = origin.what if origin else Observed.STILL_OPEN
        activity, status = _OUTCOMES.get(what, (Activity.UPDATE, Status.IN_PROGRESS))
        if self.told and self.told.is_quiet and activity is Activity.UPDATE:
            # Nobody was told of it until now.
            activity, status = Activity.CREATE, Status.NEW
        life, told = self.life, self.told
        return ExposureNews(
            resource=life.resource,
            key=life.uid,
            uid=self.uid,
            activity=activity,
            status=status,
            told=_told_as(what, finding, told or self._first_told(now), now),
        )

    def _first_told(self, now: datetime) -> Told:
        return Told(uid=self.uid, at=now, severity=self.life.severity)


def _told_as(what: Observed, finding: Finding, told: Told, now: datetime) -> Told:
    if what is Observed.CLOSED:
        return replace(told, is_closed=True)
    judgement, origin = finding.judgement, finding.observed
    if what is Observed.STILL_OPEN and origin and origin.seen_at is None:
        # What could not be seen is no better known than before.
        return replace(told, reminded_at=now)
    told = replace(
        told,
        severity=judgement.severity,
        reach=judgement.reach.reach if judgement.reach else Reach.UNKNOWN,
        is_accepted=judgement.acceptance.covers_all,
        is_quiet=False,
        is_closed=False,
    )
    if what is Observed.STILL_OPEN:
        return replace(told, reminded_at=now)
    worse_at = now if what is Observed.WORSE else told.worse_at
    return replace(told, at=now, reminded_at=None, worse_at=worse_at)


def followed_of(
    group: OpenGroup, known: Recollection, looked: Looked, standards: Standards, *, now: datetime
) -> Iterator[Followed]:
    """Each exposure of a group or list; none where its memory could not be read."""
    resource = group.resource
    fold = known.folds.get(resource)
    if fold is None or resource in known.unread:
        return
    follower = _Follower(
        resource=resource,
        fold=fold,
        known=known,
        look=looked.look_at(resource),
        seen_before=group.looked_at,
        standards=standards,
        now=now,
    )
    for life in fold.exposures:
        if life.closed is None:
            yield follower.open(life)
        else:
            yield follower.closed(life, known.told_of(life))
    yield from follower.never_been()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Follower:
    """What is known of one group or list. `seen_before` is when it had been looked at before."""

    resource: Resource
    fold: Fold
    known: Recollection
    look: Look | None
    seen_before: datetime | None
    standards: Standards
    now: datetime

    def open(self, life: ExposureLife) -> Followed:
        told = self.known.told_of(life)
        finding = self._judged(life)
        what = report_of_open(life, finding, self._circumstances(told))
        return self._followed(life, told, observed(finding, what, told) if what else None)

    def closed(self, life: ExposureLife, told: Told | None) -> Followed:
        what = report_of_closed(life, self._circumstances(told))
        if what is None:
            return self._followed(life, told, None)
        standing = self._standing(life, GroupReach(reach=Reach.UNKNOWN))
        fold = self.fold
        now = Moment(
            after=fold.rules,
            ranges_after=fold.ranges,
            is_whole=fold.is_whole,
            is_missing=fold.is_missing,
        )
        return self._followed(life, told, closed(standing, told, now))

    def _followed(self, life: ExposureLife, told: Told | None, finding: Finding | None) -> Followed:
        # What never was has only the uid under which it was told.
        uid = told.uid if told else self.known.uid_of(life)
        return Followed(life=life, uid=uid, told=told, finding=finding)

    def never_been(self) -> Iterator[Followed]:
        """What was told, and by all that is known now never was: an edit that was egress."""
        lives = {it for life in self.fold.exposures for it in (life.uid, *life.other_uids)}
        told_of = self.known.told.get(self.resource, {})
        # One exposure may have been told of while it had one uid, and while it had another.
        settled = {told.uid for uid, told in told_of.items() if uid in lives or told.is_closed}
        for uid, told in told_of.items():
            if told.uid in settled or told.is_quiet:
                # Of what was quiet nobody was told, and what ended it may be long forgotten.
                continue
            settled.add(told.uid)
            event = Event(event_id="", time=told.at)
            life = ExposureLife(
                uid=uid,
                resource=self.resource,
                opened=None,
                revealed=event,
                closed=event,
                closed_how=EndedHow.SEEN,
                severity=told.severity,
                openings=(),
                event_ids=(),
            )
            yield self.closed(life, told)

    def _judged(self, life: ExposureLife) -> Finding:
        state = self.look.state if self.look else None
        reach = GroupReach(reach=Reach.UNKNOWN)
        if self.resource.kind is SubjectKind.PREFIX_LIST:
            if isinstance(state, PrefixListState):
                reach = reach_of_list(state)
            return standing_list(self._standing(life, reach), self.fold.ranges)
        if isinstance(state, GroupState):
            families = families_open_to_world(it.share for it in life.openings)
            reach = reach_of_group(state, families)
        rules = [it.rule for it in self.fold.rules]
        return standing_group(self._standing(life, reach), rules, self.standards)

    def _standing(self, life: ExposureLife, reach: GroupReach) -> StandingExposure:
        return StandingExposure(
            life=life, look=self.look, reach=reach, at=self.now, seen_before=self.seen_before
        )

    def _circumstances(self, told: Told | None) -> Circumstances:
        state = self.look.state if self.look else None
        return Circumstances(
            told=told,
            snooze=self.known.snoozed.get(self.resource),
            was_seen=state is not None and state.has_all_rules,
            now=self.now,
            seen_before=self.seen_before,
        )
