"""The steps of a sweep, in order: survey, recall, look closer at what matters, remember.

A sweep goes through one account and Region. It only writes: the watch reports.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import datetime

from .ec2.reach import reach_of_group, reach_of_list
from .judgement.exposure import exposure_of, families_open_to_world, internet_share_of
from .judgement.severities import severity_with_reach
from .knowledge import LookAt, Recall, clock_from
from .memory.fold import Fold
from .memory.recollection import Recollection
from .memory.statements import Seen, Statement, seen_gone, seen_of
from .model import ids
from .model.dataclass import dataclass
from .model.exposure import Breadth
from .model.exposure_life import ExposureLife, LookedBy, Resource
from .model.group_state import GroupReach, GroupState, Looked, PrefixListState
from .model.ledger import LedgerEntry, Told
from .model.rules import Peer, SecurityGroupRule
from .model.subject import SubjectKind
from .model.sweep import Place, Survey, SweepItem, SweptPlace
from .model.time_left import TimeLeft

# In seconds, of what the function has left: nothing is asked of EC2 later, and memory comes last.
KEPT_FOR_MEMORY = 40.0
KEPT_FOR_NOTES = 10.0
EARLIER_TRY_DIED = "an earlier try did not come to its end"
_FORMS = {
    SubjectKind.SECURITY_GROUP: ids.SECURITY_GROUP,
    SubjectKind.PREFIX_LIST: ids.PREFIX_LIST,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepReport:
    """What a sweep of one place found. `problem` says why it did not see, or note, all."""

    place: Place
    surveyed: int = 0
    looked_at: int = 0
    open: int = 0
    written: int = 0
    problem: str | None = None
    # Whether all that is open was seen and kept, whatever else could not be seen of it.
    is_kept: bool = True

    def summary(self) -> dict[str, object]:
        """For the log."""
        return {
            "account_id": self.place.account_id,
            "region": self.place.region,
            "surveyed": self.surveyed,
            "looked_at": self.looked_at,
            "open": self.open,
            "written": self.written,
            "problem": self.problem,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """The sweep of one account and Region at a time.

    `survey` and `look_at` never raise. `swept_before` is how far earlier sweeps came, and
    `note_swept`, `note_surveyed` and `note_problem` how far this one did.
    """

    survey: Callable[[Place, float], Survey]
    look_at: LookAt
    recall: Recall
    note: Callable[[Iterable[LedgerEntry]], int]
    swept_before: Callable[[Place], SweptPlace]
    note_swept: Callable[[Place, datetime], None]
    note_surveyed: Callable[[Place, datetime], None]
    note_problem: Callable[[Place, str, datetime], None]

    def run(
        self, item: SweepItem, *, now: datetime, time_left: TimeLeft, is_again: bool = False
    ) -> SweepReport:
        """Sweep a place. `is_again` says that an earlier try did not say how it ended.

        What could not be seen is noted, and in the report: it is to be tried again. Raises what
        reading and writing these notes raise.
        """
        place = item.place
        before = self.swept_before(place)
        if is_again and before.problem is None:
            self.note_problem(place, EARLIER_TRY_DIED, now)
        by = LookedBy.FIRST_SWEEP if before.first_at is None else LookedBy.SWEEP
        report = self._swept(item, by, now, time_left)
        if report.problem is not None:
            self.note_problem(place, report.problem, now)
            if report.is_kept:
                self.note_surveyed(place, now)
        else:
            self.note_swept(place, now)
        return report

    def _swept(
        self, item: SweepItem, by: LookedBy, now: datetime, time_left: TimeLeft
    ) -> SweepReport:
        clock = clock_from(now, time_left)
        survey = self.survey(item.place, max(0.0, time_left() - KEPT_FOR_MEMORY))
        surveyed = [*survey.rules, *survey.ranges]
        known_open = [*_resources_of(item)]
        known = self._recall(dict.fromkeys([*known_open, *surveyed], ()), now, time_left)
        matters = list(dict.fromkeys([*known_open, *_what_matters(survey, known)]))
        looked = Looked()
        if matters:
            seconds = max(0.0, time_left() - KEPT_FOR_MEMORY)
            looked = self.look_at(matters, clock=clock, seconds=seconds)
        said = _said_by(looked, known, by)
        noted = self._recall(said, now, time_left)
        failures = self.note(_entries_of(looked, noted, said, now))
        kept = not (failures or known.failures or noted.failures)
        return SweepReport(
            place=item.place,
            surveyed=len(surveyed),
            looked_at=len(matters),
            open=sum(map(_is_open, noted.folds.values())),
            written=sum(map(bool, said.values())),
            problem=survey.problem or _problem_of(looked, (known, noted), failures),
            is_kept=kept and survey.problem is None and _all_rules_seen(looked),
        )

    def _recall(
        self, said: Mapping[Resource, Collection[Statement]], now: datetime, time_left: TimeLeft
    ) -> Recollection:
        if not said:
            return Recollection()
        seconds = max(0.0, time_left() - KEPT_FOR_NOTES)
        return self.recall(said, at=(), now=now, seconds=seconds)


def _resources_of(item: SweepItem) -> Iterator[Resource]:
    place = item.place
    for name in item.open_ids:
        for kind, form in _FORMS.items():
            if form.fullmatch(name):
                yield Resource(kind=kind, id=name, account_id=place.account_id, region=place.region)


def _what_matters(survey: Survey, known: Recollection) -> Iterator[Resource]:
    """What is open, was open by all that is known, or is known and has changed.

    A quiet group of which nobody ever heard is not remembered: there are too many of them.
    """
    for resource, rules in survey.rules.items():
        fold = _fold_of(resource, known)
        is_news = resource in known.versions and not _has_rules(fold, rules)
        if is_news or _is_open(fold) or exposure_of(rules).is_world_open:
            yield resource
    for resource, ranges in survey.ranges.items():
        fold = _fold_of(resource, known)
        is_news = resource in known.versions and not _has_ranges(fold, ranges)
        if is_news or _is_open(fold) or internet_share_of(ranges).breadth is Breadth.WORLD:
            yield resource


def _fold_of(resource: Resource, known: Recollection) -> Fold:
    """Nothing, where it could not be folded."""
    return known.folds.get(resource, Fold())


def _is_open(fold: Fold) -> bool:
    return any(life.closed is None for life in fold.exposures)


def _has_rules(fold: Fold, rules: Iterable[SecurityGroupRule]) -> bool:
    """Whether these rules are all that is known, with their ids."""
    standing = {it.rule.rule_id: it.rule for it in fold.rules}
    return fold.is_whole and standing == {it.rule_id: it for it in rules}


def _has_ranges(fold: Fold, ranges: Iterable[Peer]) -> bool:
    return fold.is_whole and set(fold.ranges) == set(ranges)


def _said_by(
    looked: Looked, known: Recollection, by: LookedBy
) -> dict[Resource, tuple[Statement, ...]]:
    """What is new to memory, of all that was looked at: nothing where it knows that already."""
    said: dict[Resource, tuple[Statement, ...]] = {}
    for state in looked.states:
        seen = seen_of(state, by=by)
        is_known = bool(seen) and _is_known(state, seen[0], _fold_of(state.resource, known))
        said[state.resource] = () if is_known else seen
    for resource, asked_at in looked.not_found.items():
        fold = _fold_of(resource, known)
        said[resource] = (seen_gone(asked_at, by),) if fold.rules or fold.ranges else ()
    return said


def _is_known(state: GroupState | PrefixListState, seen: Statement, fold: Fold) -> bool:
    if isinstance(state, PrefixListState):
        return _has_ranges(fold, state.ranges)
    is_attached_alike = isinstance(seen, Seen) and seen.attached == fold.attached
    return is_attached_alike and _has_rules(fold, state.rules)


def _entries_of(
    looked: Looked,
    noted: Recollection,
    said: Mapping[Resource, Collection[Statement]],
    now: datetime,
) -> Iterator[LedgerEntry]:
    """That it was looked at, and that nobody is to be told of what a first sweep found open."""
    for state in looked.states:
        resource = state.resource
        if resource in noted.unread:
            # What was told of it is not known.
            continue
        standing = [life for life in _fold_of(resource, noted).exposures if life.closed is None]
        told = {
            life.uid: _told_quietly(life, state, now) for life in standing if _is_quiet(life, noted)
        }
        is_unchanged = bool(standing) and not said[resource]
        if told or is_unchanged:
            looked_at = state.seen_at if is_unchanged else None
            yield LedgerEntry(resource=resource, told=told, looked_at=looked_at)


def _is_quiet(life: ExposureLife, noted: Recollection) -> bool:
    is_found = life.revealed.looked_by is LookedBy.FIRST_SWEEP
    return is_found and noted.told_of(life) is None


def _told_quietly(life: ExposureLife, state: GroupState | PrefixListState, now: datetime) -> Told:
    """As if it had been told, so that the watch reports only what becomes worse."""
    reach = _reach_of(life, state)
    return Told(
        uid=life.uid,
        at=now,
        severity=severity_with_reach(life.severity, reach),
        reach=reach.reach,
        is_quiet=True,
    )


def _reach_of(life: ExposureLife, state: GroupState | PrefixListState) -> GroupReach:
    if isinstance(state, PrefixListState):
        return reach_of_list(state)
    return reach_of_group(state, families_open_to_world(it.share for it in life.openings))


def _all_rules_seen(looked: Looked) -> bool:
    """Whether the rules, at least, of all that was looked at were seen."""
    return not looked.failed and all(state.has_all_rules for state in looked.states)


def _problem_of(looked: Looked, recalled: Iterable[Recollection], failures: int) -> str | None:
    """The first of what went wrong, in words."""
    for resource, why in looked.problems.items():
        if resource in looked.failed:
            return f"{resource.id}: {why}"
    for state in looked.states:
        if not state.is_complete:
            return f"{state.resource.id}: {state.not_seen[0]}"
    for it in recalled:
        for resource, why in (*it.unread.items(), *it.unwritten.items()):
            return f"what is remembered of {resource.id}: {why}"
    return f"the ledger could not note {failures} groups" if failures else None
