"""Step 7b: which exposures a finding tells of, and what is to be remembered of that."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from .judgement.looking import prefix_lists_in
from .memory.recollection import Recollection
from .model.alert import DeliveredFinding
from .model.change import AttachmentChange, SecurityGroupChange
from .model.dataclass import dataclass, replace
from .model.exposure import Opening
from .model.exposure_life import ExposureLife, LookedBy, Resource
from .model.finding import Effect
from .model.group_state import GroupState, Reach
from .model.ledger import Activity, ExposureNews, Status, Told
from .model.record import Outcome
from .model.rules import ALL_PORTS, ALL_PROTOCOLS
from .model.severity import Severity
from .model.subject import SubjectKind


def with_exposures(
    entries: Iterable[DeliveredFinding], recollection: Recollection, *, now: datetime
) -> tuple[list[DeliveredFinding], Exception | None]:
    """The findings, each with the exposures that it tells of; they are in the order of the calls.

    What one of them tells is not new to the next. And the last fault of ours: it takes no alert
    with it.
    """
    told = {resource: dict(it) for resource, it in recollection.told.items()}
    known = replace(recollection, told=told)
    # Where the memory could not be kept, there is nothing beside which to note it.
    unkept = {**recollection.unread, **recollection.unwritten}
    entries = [*entries]
    ended = frozenset(it.uid for entry in entries for it in _ended_by(entry))
    telling: list[DeliveredFinding] = []
    error: Exception | None = None
    for entry in entries:
        news: list[ExposureNews] = []
        if entry.finding.record and entry.finding.outcome is Outcome.SUCCEEDED:
            try:
                news = [*_Teller(entry, known, ended, now).news()]
            except Exception as fault:  # noqa: BLE001
                # Its alert names none, and the watch tells of them.
                error = fault
        for it in news:
            if it.told is not None:
                told.setdefault(it.resource, {})[it.key] = it.told
        kept = (replace(it, told=None) if it.resource in unkept else it for it in news)
        telling.append(replace(entry, exposures=tuple(kept)) if news else entry)
    return telling, error


@dataclass(frozen=True, slots=True)
class _Teller:
    """One finding, and what was told before it. `ended` are those that the delivery's calls end."""

    entry: DeliveredFinding
    recollection: Recollection
    ended: frozenset[str]
    now: datetime

    def news(self) -> Iterator[ExposureNews]:
        """What it opened, closed in part and ended; else what stands, of which it tells again."""
        moment, judgement = self.entry.moment, self.entry.finding.judgement
        opened = moment.opened if moment else ()
        said: set[str] = set()
        for life in opened:
            said.add(life.uid)
            yield self._opened(life)
        for life in _ended_by(self.entry):
            said.add(life.uid)
            yield self._closed(life)
        for life in moment.narrowed if moment else ():
            said.add(life.uid)
            yield self._narrowed(life)
        if judgement.world_open:
            for life in self._standing(only_lists=bool(opened)):
                if life.uid not in said:
                    said.add(life.uid)
                    yield self._opened(life)
        # The alert of what has ended does not name it.
        is_open = judgement.world_open and self.entry.ended is None
        if is_open or judgement.effect is Effect.CLOSES:
            beside = (it for it in self._shown_beside() if it.uid not in said)
            yield from (self._opened(it, is_beside=True) for it in beside)

    def _opened(self, life: ExposureLife, *, is_beside: bool = False) -> ExposureNews:
        """What the call opened, or stood before: new only to whoever was never told of it."""
        known = self.recollection.told_of(life)
        # What a look shows to have ended has no alert of its own, and that of an earlier delivery's
        # call, which came first, did not know of it.
        is_told = life.uid not in self.ended or (known is not None and known.is_closed)
        told = self._told_beside(life) if is_beside else self._told(life)
        told = replace(told, is_closed=life.closed is not None and is_told)
        if life.closed is not None:
            status = Status.RESOLVED
        else:
            status = Status.NEW if known is None else Status.IN_PROGRESS
        return self._news(life, Activity.CREATE if known is None else Activity.UPDATE, status, told)

    def _closed(self, life: ExposureLife) -> ExposureNews:
        told = self.recollection.told_of(life) or self._told(life)
        # Else a look had shown it: this is the call that explains it.
        activity = Activity.UPDATE if told.is_closed else Activity.CLOSE
        return self._news(life, activity, Status.RESOLVED, replace(told, is_closed=True))

    def _narrowed(self, life: ExposureLife) -> ExposureNews:
        if life.closed is not None and life.uid not in self.ended:
            # The call that ended the rest came first, and did not know of this part.
            return self._closed(life)
        # The alert of the end may be sent first: none says that what has ended stands.
        status = Status.IN_PROGRESS if life.closed is None else Status.RESOLVED
        return self._news(life, Activity.UPDATE, status, None)

    def _told(self, life: ExposureLife) -> Told:
        """As this alert tells it."""
        judgement = self.entry.finding.judgement
        if not judgement.world_open or life.resource != self._subject():
            return self._told_beside(life)
        known = self.recollection.told_of(life)
        return Told(
            uid=self.recollection.uid_of(life),
            at=self.now,
            severity=self._severity(life),
            reach=judgement.reach.reach if judgement.reach else Reach.UNKNOWN,
            worse_at=known.worse_at if known else None,
            is_accepted=judgement.acceptance.covers_all,
        )

    def _severity(self, life: ExposureLife) -> Severity:
        judgement = self.entry.finding.judgement
        if self.entry.ended is not None and life.closed is None:
            # The call's own rules are gone, which lowered it; others keep it open.
            return judgement.lowered_from or judgement.severity
        return judgement.severity

    def _told_beside(self, life: ExposureLife) -> Told:
        """As an alert tells it that is about something else: by the table."""
        judgement = self.entry.finding.judgement
        severity = life.severity
        if life.resource.kind is SubjectKind.PREFIX_LIST and judgement.world_open:
            # As bad as the rule that refers to it; what is behind one group lowers no list.
            severity = max(severity, judgement.lowered_from or judgement.severity)
        known = self.recollection.told_of(life)
        if known is None:
            return Told(uid=self.recollection.uid_of(life), at=self.now, severity=severity)
        return replace(known, at=self.now, severity=max(severity, known.severity))

    def _news(
        self, life: ExposureLife, activity: Activity, status: Status, told: Told | None
    ) -> ExposureNews:
        return ExposureNews(
            resource=life.resource,
            key=life.uid,
            uid=self.recollection.uid_of(life),
            activity=activity,
            status=status,
            told=told,
        )

    def _standing(self, *, only_lists: bool) -> Iterator[ExposureLife]:
        """What is open already on the ports that the finding is about, or by the lists it names."""
        finding = self.entry.finding
        openings = finding.judgement.opened.openings
        for life in () if only_lists else self._lives_of(self._subject()):
            if any(_meet(own, other) for own in life.openings for other in openings):
                yield life
        lists: Iterable[Resource] = ()
        if isinstance(finding.change, SecurityGroupChange):
            lists = prefix_lists_in(finding.change, finding)
        elif isinstance(finding.change, AttachmentChange):
            lists = (
                self._subject()._replace(kind=SubjectKind.PREFIX_LIST, id=it)
                for it in finding.lists
            )
        for resource in lists:
            yield from self._lives_of(resource)

    def _shown_beside(self) -> Iterator[ExposureLife]:
        """What the finding's look found, which the alert names as also or still open."""
        finding = self.entry.finding
        state = finding.seen
        if not (isinstance(state, GroupState) and state.has_all_rules):
            return
        if isinstance(finding.change, AttachmentChange):
            return
        for life in self._lives_of(state.resource):
            is_found = life.revealed.looked_by is LookedBy.DELIVERY
            if is_found and not life.closed and self.recollection.told_of(life) is None:
                yield life

    def _lives_of(self, resource: Resource) -> Iterator[ExposureLife]:
        """What is open of it now; of a finding that has ended, what stood at its call."""
        fold = self.recollection.folds.get(resource)
        called = self.entry.finding.called_at if self.entry.ended else None
        for life in fold.exposures if fold else ():
            if life.stood_at(called) if called else life.closed is None:
                yield life

    def _subject(self) -> Resource:
        subject = self.entry.finding.subject
        name = subject.id or subject.name or ""
        return Resource(
            kind=subject.kind, id=name, account_id=subject.account_id, region=subject.region
        )


def _ended_by(entry: DeliveredFinding) -> tuple[ExposureLife, ...]:
    return entry.moment.ended if entry.moment else ()


def _meet(one: Opening, other: Opening) -> bool:
    """Whether both are about some of the same ports."""
    if ALL_PROTOCOLS in (one.protocol, other.protocol):
        return True
    own, others = one.ports or ALL_PORTS, other.ports or ALL_PORTS
    is_same = one.protocol == other.protocol
    return is_same and own.first <= others.last and others.first <= own.last
