"""Step 6f: each call is judged again by what stood in its group, by all that is known of that."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date
from functools import partial

from .ec2.reach import reach_of_group, reach_of_list
from .ending import closing_since, lists_since, with_attachment_ending, with_ending
from .judgement.attachments import attachment_finding
from .judgement.exposure import exposure_of, families_open_to_world
from .judgement.findings import Standards, judged_again, with_reach
from .judgement.looking import groups_in
from .judgement.moments import says_more
from .judgement.touched_ports import with_ranges
from .knowledge import Knowledge
from .memory.fold import Fold
from .memory.open_since import left_since
from .model.alert import DeliveredFinding
from .model.attachment import KnownGroup
from .model.change import AttachmentChange, PrefixListChange, SecurityGroupChange, TrailChange
from .model.dataclass import replace
from .model.exposure_life import Resource
from .model.finding import Finding
from .model.group_state import GroupReach, GroupState, PrefixListState, Reach
from .model.record import CloudTrailRecord, Outcome
from .model.rules import Peer, PeerKind, SecurityGroupRule
from .model.standing import Circumstances, Gone, Moment


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


def _judged_again(
    entry: DeliveredFinding, known: Knowledge, standards: Standards, today: date
) -> DeliveredFinding:
    finding = entry.finding
    record, change = finding.record, finding.change
    if record and isinstance(change, AttachmentChange):
        judge = partial(attachment_finding, record, change, standards, today=today)
        return _attachment_judged_again(entry, record, change, known, judge)
    resource = known.subjects.get(entry.keys[0])
    if not (resource and record and isinstance(change, SecurityGroupChange | PrefixListChange)):
        return entry
    moment = _moment_of(resource, record.call_id, known)
    look = known.look_at(resource)
    lists = _ranges_of_lists(entry, record, known)
    fold = known.recollection.folds.get(resource)
    entry = replace(
        entry,
        memory_failed=resource in known.recollection.unread,
        moment=moment,
        standing=fold.rules if fold else None,
    )
    if not (look or lists or (moment and says_more(change, moment))):
        return entry
    circumstances = Circumstances(moment=moment, look=look, lists=lists)
    finding = _with_reach(
        judged_again(finding, change, standards, today=today, known=circumstances)
    )
    return with_ending(replace(entry, finding=finding), resource, known.recollection)


def _attachment_judged_again(
    entry: DeliveredFinding,
    record: CloudTrailRecord,
    change: AttachmentChange,
    known: Knowledge,
    judge: Callable[..., Finding],
) -> DeliveredFinding:
    """By what stood in the groups and stands now, and by where they had been seen before."""
    resources = {it.id: it for it in groups_in(change, entry.finding)}
    lists = _ranges_of_lists(entry, record, known)
    groups = {
        group_id: group
        for group_id, resource in resources.items()
        if (group := _known_group(record, resource, known, lists))
    }
    finding = judge(known=groups)
    subject = resources.get(finding.subject.id or "")
    look = known.look_at(subject) if subject else None
    finding = _with_reach(replace(finding, look=look, lists=lists))
    entry = replace(
        entry,
        finding=finding,
        memory_failed=any(it in known.recollection.unread for it in resources.values()),
    )
    moment = _moment_of(subject, record.call_id, known) if subject else None
    if not (subject and moment):
        return entry
    return with_attachment_ending(entry, moment, subject, known.recollection)


def _known_group(
    record: CloudTrailRecord,
    resource: Resource,
    known: Knowledge,
    lists: Mapping[str, tuple[Peer, ...]],
) -> KnownGroup | None:
    """Rules that are not all there are may be enough; none at all says nothing, unless it does."""
    fold = known.recollection.folds.get(resource)
    if fold is None:
        return None
    moment = _moment_of(resource, record.call_id, known)
    closed: Gone | None = None
    if moment is None and record.outcome is not Outcome.SUCCEEDED:
        moment = _refused_at(record, fold)
    if moment is None:
        return None
    rules = tuple(it.rule for it in moment.after)
    left: tuple[SecurityGroupRule, ...] | None = None
    if record.outcome is Outcome.SUCCEEDED and record.event_time:
        opened = exposure_of(with_ranges(rules, lists))
        still = left_since(record.event_time, opened, resource, known.recollection)
        closed = None if still.is_world_open else closing_since(fold, record.event_time)
        lists_now = lists_since(lists, resource, known.recollection)
        left = with_ranges((it.rule for it in fold.rules), lists_now)
    is_known = moment.is_whole or bool(rules)
    return KnownGroup(
        rules=rules if is_known else None,
        lists=lists,
        attached_to=moment.attached,
        closed=closed,
        left=left,
    )


def _refused_at(record: CloudTrailRecord, fold: Fold) -> Moment:
    """What a group held that a refused call would have attached, which says nothing of it."""
    called = record.event_time
    after = (it for it in fold.rules if not (called and it.since and it.since.time > called))
    return Moment(after=tuple(after), is_whole=fold.is_whole, attached=fold.attached)


def _moment_of(resource: Resource, event_id: str | None, known: Knowledge) -> Moment | None:
    """What stood at a call; None where that is not known, as after the group's deletion."""
    fold = known.recollection.folds.get(resource)
    moment = fold.moments.get(event_id) if fold and event_id else None
    if moment is None or resource not in known.recollection.unread:
        return moment
    # What was not read may say more, unless a look saw everything.
    look = known.look_at(resource)
    saw_all = look is not None and look.state is not None and look.state.has_all_rules
    return replace(moment, is_whole=moment.is_whole and saw_all)


def _ranges_of_lists(
    entry: DeliveredFinding, record: CloudTrailRecord, known: Knowledge
) -> dict[str, tuple[Peer, ...]]:
    """The ranges that the prefix lists held at the call, of those that are known."""
    ranges: dict[str, tuple[Peer, ...]] = {}
    for resource in known.lists.get(entry.keys[0], ()):
        fold = known.recollection.folds.get(resource)
        held = fold.ranges_at(record.event_time) if fold else None
        if held is not None:
            ranges[resource.id] = held
    return ranges


def _with_reach(finding: Finding) -> Finding:
    judgement = finding.judgement
    if not judgement.world_open:
        return finding
    families = families_open_to_world(it.share for it in judgement.opened.openings)
    match finding.seen, finding.change:
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
