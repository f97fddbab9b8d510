"""Step 6e: each call is judged again by what stood in its group, by all that is known of that.

Known are what memory has of the group, what a look shows of it, and the delivery's other calls.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import field
from datetime import date, datetime, timedelta
from functools import partial
from itertools import takewhile
from operator import attrgetter
from typing import Protocol

from .ec2.reach import reach_of_group, reach_of_list
from .judgement.attachments import attachment_finding
from .judgement.exposure import families_open_to_world, internet_share_of
from .judgement.findings import Standards, finding_of, with_reach
from .judgement.looking import groups_in, prefix_lists_in, worth_a_look
from .judgement.moments import says_more
from .judgement.touched_ports import keeping_open
from .memory.fold import Fold
from .memory.recollection import Recollection
from .memory.statements import Statement, attached_of, seen_of, statements_of
from .model.alert import DeliveredFinding, Ended, StaysOpen
from .model.attachment import KnownGroup
from .model.change import AttachmentChange, PrefixListChange, SecurityGroupChange, TrailChange
from .model.dataclass import dataclass, replace
from .model.exposure import Breadth
from .model.exposure_life import EndedHow, Event, Resource
from .model.finding import Finding
from .model.group_state import GroupReach, GroupState, Look, Looked, PrefixListState, Reach
from .model.record import CloudTrailRecord, Outcome
from .model.rules import Peer, PeerKind, SecurityGroupRule
from .model.standing import Circumstances, Held, Moment
from .model.subject import SubjectKind

# In seconds, of what the function has left. The alerts come first: with less left than is kept
# for them, nobody looks, and memory is not asked.
LOOK_SECONDS = 10.0
RECALL_SECONDS = 15.0
KEPT_FOR_ALERTS = 45.0


Clock = Callable[[], datetime]


def clock_from(now: datetime, time_left: Callable[[], float]) -> Clock:
    """A clock that shows `now`, and goes on as what the function has left becomes less."""
    left = time_left()
    return lambda: now + timedelta(seconds=left - time_left())


class LookAt(Protocol):
    """Looks at groups and prefix lists, of which the worst come first. Never raises."""

    def __call__(self, resources: Sequence[Resource], *, clock: Clock, seconds: float) -> Looked:
        """What was seen, in at most so many seconds; and when EC2 was asked, by the clock."""


class Recall(Protocol):
    """Folds each resource by all that is known, and remembers what is said. Never raises."""

    def __call__(
        self,
        said: Mapping[Resource, Collection[Statement]],
        *,
        at: Collection[str],
        now: datetime,
        seconds: float,
    ) -> Recollection:
        """`at` are the ids of the events whose moments are asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Knowledge:
    """What is known of the groups and lists of a delivery. `looked` is None where nobody looks.

    `subjects` are those of which calls say something, by the key of the call's finding.
    """

    recollection: Recollection = Recollection()
    looked: Looked | None = None
    subjects: Mapping[str, Resource] = field(default_factory=dict)

    @property
    def failed_looks(self) -> int:
        """How many groups and lists should have been looked at, and were not seen whole."""
        if self.looked is None:
            return 0
        return len(self.looked.problems) + sum(not it.is_complete for it in _states_in(self.looked))


def _states_in(looked: Looked) -> Iterator[GroupState | PrefixListState]:
    yield from looked.groups.values()
    yield from looked.prefix_lists.values()


def known_of(
    found: Sequence[DeliveredFinding],
    *,
    look_at: LookAt | None,
    recall: Recall,
    now: datetime,
    time_left: Callable[[], float],
) -> Knowledge:
    """Look at what is worth it, and recall what the delivery names; nothing, if it names none."""
    clock = clock_from(now, time_left)
    said: dict[Resource, list[Statement]] = {}
    events: set[str] = set()
    subjects: dict[str, Resource] = {}
    for entry in found:
        for resource, statements in _said_by(entry.finding):
            said.setdefault(resource, []).extend(statements)
            subjects.setdefault(entry.keys[0], resource)
            # Those of one call are of one event.
            events.update(it.event.event_id for it in statements[:1])
    looked = None
    resources = worth_a_look(entry.finding for entry in found) if look_at else []
    if look_at and resources:
        seconds = min(LOOK_SECONDS, time_left() - KEPT_FOR_ALERTS)
        looked = look_at(resources, clock=clock, seconds=max(0.0, seconds))
        for state in _states_in(looked):
            said.setdefault(state.resource, []).extend(seen_of(state))
    if not said:
        return Knowledge(looked=looked)
    seconds = min(RECALL_SECONDS, time_left() - KEPT_FOR_ALERTS)
    recollection = recall(said, at=events, now=now, seconds=max(0.0, seconds))
    return Knowledge(recollection=recollection, looked=looked, subjects=subjects)


def with_knowledge(
    found: Sequence[DeliveredFinding], known: Knowledge, standards: Standards, *, today: date
) -> tuple[list[DeliveredFinding], Exception | None]:
    """The findings by all that is known, and the last fault of ours: it takes no alert with it."""
    judged: list[DeliveredFinding] = []
    error: Exception | None = None
    for entry in found:
        try:
            judged.append(_judged_again(entry, known, standards, today))
        except Exception as fault:  # noqa: BLE001
            # Then the call is judged by its record.
            error = fault
            judged.append(entry)
    return judged, error


def _said_by(finding: Finding) -> list[tuple[Resource, tuple[Statement, ...]]]:
    """What a call says of a group or list, and then, without a word, those that it names beside."""
    record, change = finding.record, finding.change
    if isinstance(change, AttachmentChange):
        attached = record and attached_of(record)
        return [(it, attached or ()) for it in groups_in(change, finding)]
    said = record and change and statements_of(record, change)
    if not said:
        return []
    lists = prefix_lists_in(change, finding) if isinstance(change, SecurityGroupChange) else ()
    return [said, *((it, ()) for it in lists)]


def _judged_again(
    entry: DeliveredFinding, known: Knowledge, standards: Standards, today: date
) -> DeliveredFinding:
    finding = entry.finding
    record, change = finding.record, finding.change
    if record and isinstance(change, AttachmentChange):
        judge = partial(attachment_finding, record, change, standards, today=today)
        return _attachment_judged_again(entry, change, known, judge)
    resource = known.subjects.get(entry.keys[0])
    if not (resource and record and isinstance(change, SecurityGroupChange | PrefixListChange)):
        return entry
    moment = _moment_of(resource, record.original_event_id or record.event_id, known)
    look = _look_at(resource, known.looked)
    lists = _ranges_of_lists(change, finding, known)
    memory_failed = resource in known.recollection.unread
    entry = replace(entry, memory_failed=memory_failed, moment=moment)
    if not (look or lists or (moment and says_more(change, moment))):
        return entry
    circumstances = Circumstances(moment=moment, look=look, lists=lists)
    finding = finding_of(record, change, standards, today=today, known=circumstances)
    ended = _ended_since(moment) or _ended_by_a_list(finding, resource, known)
    stays_open = _stays_open(finding, change, ended, resource, known) if ended else None
    in_part = ended is not None and ended.in_part
    return replace(
        entry,
        finding=_with_reach(finding),
        ended=None if stays_open else ended,
        stays_open=None if in_part else stays_open,
        revoked=_gone_of(change, known.recollection.folds[resource]) if in_part else entry.revoked,
    )


def _attachment_judged_again(
    entry: DeliveredFinding,
    change: AttachmentChange,
    known: Knowledge,
    judge: Callable[..., Finding],
) -> DeliveredFinding:
    """By what stood in the groups, and by where they had been seen before."""
    resources = {it.id: it for it in groups_in(change, entry.finding)}
    record = entry.finding.record
    event_id = (record.original_event_id or record.event_id) if record else None
    groups = {
        group_id: _known_group(moment)
        for group_id, resource in resources.items()
        if (moment := _moment_of(resource, event_id, known) or _refused_at(record, resource, known))
    }
    finding = judge(known=groups)
    subject = resources.get(finding.subject.id or "")
    look = _look_at(subject, known.looked) if subject else None
    return replace(
        entry,
        finding=_with_reach(replace(finding, look=look)),
        memory_failed=any(it in known.recollection.unread for it in resources.values()),
    )


def _refused_at(
    record: CloudTrailRecord | None, resource: Resource, known: Knowledge
) -> Moment | None:
    """What a group held that a refused call would have attached: nothing is said of it at the call.

    None of a call that was made, and where nothing is known.
    """
    fold = known.recollection.folds.get(resource)
    if fold is None or record is None or record.outcome is Outcome.SUCCEEDED:
        return None
    called = record.event_time
    after = (it for it in fold.rules if not (called and it.since and it.since.time > called))
    return Moment(after=tuple(after), is_whole=fold.is_whole, attached=fold.attached)


def _known_group(moment: Moment) -> KnownGroup:
    """Rules that are not all there are may be enough; none at all says nothing, unless it does."""
    rules = tuple(it.rule for it in moment.after)
    is_known = moment.is_whole or bool(rules)
    return KnownGroup(rules=rules if is_known else None, attached_to=moment.attached)


def _ended_since(moment: Moment | None) -> Ended | None:
    if moment is None:
        return None
    if moment.gone is not None:
        event = moment.gone.event
        return Ended(how=moment.gone.how, at=event.time, principal=event.principal)
    closings = [(it.closed, it.closed_how) for it in moment.opened if it.closed and it.closed_how]
    if not closings or len(closings) < len(moment.opened):
        return None
    event, how = max(closings, key=lambda it: it[0].time)
    return Ended(how=how, at=event.time, principal=event.principal, in_part=True)


def _gone_of(
    change: SecurityGroupChange | PrefixListChange, fold: Fold
) -> frozenset[SecurityGroupRule]:
    """The rules that a call added and that do not stand any more."""
    if not isinstance(change, SecurityGroupChange):
        return frozenset()
    standing: set[object] = {it.rule for it in fold.rules}
    standing |= {it.rule.rule_id for it in fold.rules}
    return frozenset(rule for rule in change.added if (rule.rule_id or rule) not in standing)


def _ended_by_a_list(finding: Finding, resource: Resource, known: Knowledge) -> Ended | None:
    """Where the rules stand, but the list that they refer to lets nobody in any more."""
    called = finding.record.event_time if finding.record else None
    fold, opened = known.recollection.folds.get(resource), finding.judgement.foremost
    if not (finding.lists and called and fold and opened.breadth >= Breadth.BROAD):
        return None
    rules = tuple(it.rule for it in fold.rules)
    if keeping_open(opened, rules, _lists_now(resource, known)):
        return None
    folds = (it for of, it in known.recollection.folds.items() if of.id in finding.lists)
    closings = (_closing_of(it.held, called, opened.breadth) for it in folds)
    event = max(filter(None, closings), default=None, key=attrgetter("time"))
    if event is None:
        return None
    how = EndedHow.SEEN if event.looked_by else EndedHow.PREFIX_LIST
    return Ended(how=how, at=event.time, principal=event.principal)


def _closing_of(held: Sequence[Held], called: datetime, breadth: Breadth) -> Event | None:
    """Since when a list holds less than it did at a call; None where it does not."""

    def is_less(it: Held) -> bool:
        is_later = it.since is not None and it.since.time > called
        return is_later and internet_share_of(it.ranges).breadth < breadth

    later = [*takewhile(is_less, reversed(held))]
    return later[-1].since if later else None


def _stays_open(
    finding: Finding,
    change: SecurityGroupChange | PrefixListChange,
    ended: Ended,
    resource: Resource,
    known: Knowledge,
) -> StaysOpen | None:
    """By what stands now, what is left of what the call opened although its rules are gone."""
    fold, judgement = known.recollection.folds[resource], finding.judgement
    if isinstance(change, PrefixListChange):
        left = internet_share_of(fold.ranges).breadth
        is_open = left >= judgement.listed.breadth >= Breadth.BROAD
        return StaysOpen(taken=ended, ranges=fold.ranges) if is_open else None
    rules = tuple(it.rule for it in fold.rules)
    keeping = keeping_open(judgement.foremost, rules, _lists_now(resource, known))
    if not keeping and ended.how is EndedHow.MODIFIED and not judgement.opened.openings:
        # It opened nothing, so the edit closed nothing.
        edited = {rule.rule_id for rule in change.added}
        keeping = tuple(rule for rule in rules if rule.rule_id in edited)
    return StaysOpen(taken=ended, rules=keeping) if keeping else None


def _moment_of(resource: Resource, event_id: str | None, known: Knowledge) -> Moment | None:
    """What stood at a call; None where that is not known, as after the group's deletion."""
    fold = known.recollection.folds.get(resource)
    moment = fold.moments.get(event_id) if fold and event_id else None
    if moment is None or resource not in known.recollection.unread:
        return moment
    # What was not read may say more, unless a look saw everything.
    look = _look_at(resource, known.looked)
    saw_all = look is not None and look.state is not None and look.state.has_all_rules
    return replace(moment, is_whole=moment.is_whole and saw_all)


def _look_at(resource: Resource, looked: Looked | None) -> Look | None:
    """What was seen of a resource, or why nothing; None where nobody looked at it."""
    if looked is None:
        return None
    state = looked.groups.get(resource) or looked.prefix_lists.get(resource)
    problem = looked.problems.get(resource)
    return Look(state=state, problem=problem) if state or problem else None


def _ranges_of_lists(
    change: SecurityGroupChange | PrefixListChange, finding: Finding, known: Knowledge
) -> dict[str, tuple[Peer, ...]]:
    """The ranges that the prefix lists held at the call, of those that are known."""
    if not isinstance(change, SecurityGroupChange):
        return {}
    ranges: dict[str, tuple[Peer, ...]] = {}
    for resource in prefix_lists_in(change, finding):
        fold = known.recollection.folds.get(resource)
        called = finding.record.event_time if finding.record else None
        held = fold.ranges_at(called) if fold else None
        if held is not None:
            ranges[resource.id] = held
    return ranges


def _lists_now(resource: Resource, known: Knowledge) -> dict[str, tuple[Peer, ...]]:
    """What the prefix lists hold that a group's rules may refer to, of those that are known."""
    return {
        it.id: fold.ranges
        for it, fold in known.recollection.folds.items()
        if it.kind is SubjectKind.PREFIX_LIST
        and (it.account_id, it.region) == (resource.account_id, resource.region)
        and fold.is_whole
    }


def _with_reach(finding: Finding) -> Finding:
    judgement = finding.judgement
    if not judgement.world_open:
        return finding
    families = families_open_to_world(it.share for it in judgement.opened.openings)
    match finding.look and finding.look.state, finding.change:
        case GroupState() as state, AttachmentChange(target=target):
            reach = _reach_where_attached(state, target, families)
        case GroupState() as state, _:
            reach = reach_of_group(state, families)
        case PrefixListState() as state, _:
            reach = reach_of_list(state)
        case _:
            reach = GroupReach(reach=Reach.UNKNOWN)
    if isinstance(finding.change, TrailChange | None) or finding.change.cannot_be_judged:
        # What cannot be judged is no less urgent for what stands behind the rest.
        return replace(finding, judgement=replace(judgement, reach=reach))
    return replace(finding, judgement=with_reach(judgement, reach))


def _reach_where_attached(
    state: GroupState, target: str | None, families: Collection[PeerKind]
) -> GroupReach:
    """What the call attached it to counts; EC2 may not show that yet."""
    there = tuple(it for it in state.interfaces if target in (it.id, it.used_by))
    if not there:
        return GroupReach(reach=Reach.UNKNOWN)
    return reach_of_group(replace(state, interfaces=there), families)
