"""Step 6g: whether what a call did has ended since, or stays open by something else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import partial
from operator import attrgetter

from .judgement.exposure import internet_share_of
from .judgement.moments import (
    NeverClosed,
    about_what_is_held,
    about_what_is_left,
    with_list_ended,
    with_part_ended,
)
from .judgement.severities import severity_of
from .judgement.touched_ports import keeping_open, left_open
from .memory.fold import Fold
from .memory.open_ports import closed_and_not
from .memory.open_since import closed_since, left_since, lists_at, lists_now
from .memory.recollection import Recollection
from .model.alert import DeliveredFinding, Ended, StaysOpen
from .model.change import SecurityGroupChange
from .model.dataclass import replace
from .model.exposure import Breadth, Exposure
from .model.exposure_life import EndedHow, ExposureLife, Resource
from .model.finding import Finding
from .model.rules import Direction, Peer, PeerKind, SecurityGroupRule
from .model.standing import Gone, Moment, StandingRule


def with_ending(
    entry: DeliveredFinding, resource: Resource, known: Recollection
) -> DeliveredFinding:
    """The finding of a call on a group or list, with what became of what it did.

    Where all of that stands, it stays as it is, but for ports that a list no longer opens. Where a
    part was taken back, _ended_in_part says which. Where all was, but other rules keep the ports
    open, these are in `stays_open`. Else it has `ended`, and `stays_open` names what is open still
    and less severe.
    """
    finding, moment = entry.finding, entry.moment
    if finding.lists:
        entry = replace(entry, changed_lists=_changed_lists(finding, resource, known))
    if isinstance(finding.change, SecurityGroupChange) and moment and moment.lessened:
        entry = _with_taken(entry, finding.change.added, known.folds[resource])
    ended = _ended_since(finding, moment, resource, known)
    if ended is None:
        return _about_what_is_left_now(entry, resource, known)
    if ended.in_part:
        return _ended_in_part(entry, ended, resource, known)
    stays_open = _stays_open(entry, ended, resource, known)
    if stays_open:
        entry = replace(entry, stays_open=stays_open)
        if stays_open.ranges:
            return about_what_is_held(entry, stays_open.ranges)
        lists = lists_now(resource, known)
        never_closed = _never_closed(entry, resource, known)
        return about_what_is_left(entry, stays_open.rules, lists, never_closed=never_closed)
    part = _part_open(entry, resource, known)
    if part and not finding.lists and moment and moment.lessened:
        # What is open still may have been edited later.
        ended = ended_by(moment.lessened)
    # The rule that refers to a list most often stands as it was.
    is_edited = ended.how is not EndedHow.PREFIX_LIST and _is_edited(finding, known, resource)
    ended = replace(ended, is_edited=is_edited)
    stays_open = StaysOpen(taken=ended, rules=part) if part else None
    return replace(entry, ended=ended, stays_open=stays_open)


def closing_since(fold: Fold, called: datetime) -> Gone | None:
    """How the last was closed of what a group's own rules had open at a call; None while open."""
    return _closing_of_all(it for it in fold.exposures if it.stood_at(called))


def with_attachment_ending(
    entry: DeliveredFinding, moment: Moment, resource: Resource, known: Recollection
) -> DeliveredFinding:
    """The finding of a call that attached an open group, with how that was closed, or a part.

    Unless all of it was closed, whatever is open now on its ports counts as open still, whoever
    opened it.
    """
    finding, fold, called = entry.finding, known.folds[resource], entry.finding.called_at
    opening = (it for it in finding.judgement.groups if it.opens)
    group = next((it for it in opening if it.group_id == resource.id), None)
    closed, by_list = _closed_with_lists(finding, resource, known)
    closed = closed or (group and group.closed) or moment.lessened
    ended = ended_by(closed) if closed else None
    if group and group.closed:
        return replace(entry, ended=ended)
    rules = tuple(it.rule for it in fold.rules)
    lists = lists_since(finding.lists, resource, known)
    if ended and by_list:
        still = left_since(called, finding.judgement.opened, resource, known)
        part = keeping_open(still, rules, lists, in_part=True)
        if not part:
            return replace(entry, ended=ended, finding=_with_all_closed(finding, resource.id))
        return replace(entry, ended=ended, stays_open=StaysOpen(taken=ended, rules=part))
    if group is None or (group.left is None and moment.lessened is None):
        return entry
    stood = [it.rule for it in moment.after if it.rule.direction is not Direction.EGRESS]
    entry = _with_taken(entry, stood, fold)
    if not (entry.revoked or entry.edited or fold.is_deleted):
        return about_what_is_left(entry, rules, lists)
    how = EndedHow.REVOKED if entry.revoked else EndedHow.MODIFIED
    if fold.is_deleted:
        how = EndedHow.DELETED
    # What is left may be as broad: then no alert says when the rest went.
    ended = ended or Ended(how=how, at=None)
    if group.is_closed:
        return replace(entry, ended=ended)
    return with_part_ended(entry, replace(ended, in_part=True), rules, lists)


def _with_all_closed(finding: Finding, group_id: str) -> Finding:
    """The finding, where nothing is left of what stood open in one of the groups.

    What was opened there since belongs to the calls that did so.
    """
    groups = (
        replace(it, left=Exposure()) if it.group_id == group_id else it
        for it in finding.judgement.groups
    )
    return replace(finding, judgement=replace(finding.judgement, groups=tuple(groups)))


def lists_since(
    lists: Mapping[str, tuple[Peer, ...]], resource: Resource, known: Recollection
) -> dict[str, tuple[Peer, ...]]:
    """What the prefix lists hold now that a group's rules may refer to, else held at a call."""
    return {**lists, **lists_now(resource, known)}


def _closing_of_all(lives: Iterable[ExposureLife]) -> Gone | None:
    """How the last of what a call opened was closed; None while something of it is open."""
    lives = [*lives]
    # The first of its events opened it.
    in_steps = len({name for it in lives for name in it.event_ids[1:]}) > 1
    closings = [
        Gone(event=it.closed, how=it.closed_how, in_steps=in_steps)
        for it in lives
        if it.closed and it.closed_how
    ]
    if len(closings) < len(lives):
        return None
    return max(closings, key=lambda it: it.event.time, default=None)


def _ended_since(
    finding: Finding, moment: Moment | None, resource: Resource, known: Recollection
) -> Ended | None:
    """How what a call opened was closed, else how what it added went: all of that, or a part.

    Another rule may have kept open for longer what it opened, and harmless rules of its own may
    have stood for longer. None where all of it stands.
    """
    closing = _closing_of_all(moment.opened) if moment and moment.opened else None
    gone = moment.gone if moment else None
    own = closing or gone or (moment.lessened if moment else None)
    with_lists, by_list = _closed_with_lists(finding, resource, known)
    last = with_lists or own
    if last is None:
        return None
    # A rule stands as it was that refers to an emptied list.
    is_whole = own is None or gone is not None or (by_list and not closing)
    return replace(ended_by(last), in_part=not is_whole)


def ended_by(gone: Gone) -> Ended:
    """How it ended, as a finding has it."""
    event = gone.event
    return Ended(how=gone.how, at=event.time, principal=event.principal, in_steps=gone.in_steps)


def _ended_in_part(
    entry: DeliveredFinding,
    ended: Ended,
    resource: Resource,
    known: Recollection,
) -> DeliveredFinding:
    """A part of what a call added is gone, or of what it completed that others had added."""
    finding, fold = entry.finding, known.folds[resource]
    change = finding.change
    if not isinstance(change, SecurityGroupChange):
        return with_list_ended(entry, ended, () if _is_closed(entry) else fold.ranges)
    lists = lists_since(finding.lists, resource, known)
    own = _own_standing(entry, resource, known)
    rules = tuple(it.rule for it in fold.rules if it.rule in own or not _is_since(it, ended, entry))
    never_closed = _never_closed(entry, resource, known)
    return with_part_ended(entry, ended, rules, lists, never_closed=never_closed)


def _with_taken(
    entry: DeliveredFinding, rules: Iterable[SecurityGroupRule], fold: Fold
) -> DeliveredFinding:
    """The finding with those of these rules that do not stand any more as they did."""
    now = _as_they_stand(rules, fold)
    # What went with its group was not revoked.
    deleted = {it.rule for it in fold.past if it.how is EndedHow.DELETED}
    return replace(
        entry,
        revoked=frozenset(rule for rule, it in now.items() if it is None and rule not in deleted),
        edited=frozenset(rule for rule, it in now.items() if it not in (None, rule)),
    )


def _as_they_stand(
    rules: Iterable[SecurityGroupRule], fold: Fold
) -> dict[SecurityGroupRule, SecurityGroupRule | None]:
    """What each of these rules is now, by its id if it has one; None where it is gone."""
    standing: dict[object, SecurityGroupRule] = {it.rule: it.rule for it in fold.rules}
    # What has the id of a rule that was revoked is no edit of it, in whatever record.
    revoked = {it.rule.rule_id for it in fold.past if it.how is EndedHow.REVOKED}
    by_id = {it.rule.rule_id: it.rule for it in fold.rules if it.rule.rule_id}
    standing |= {rule_id: rule for rule_id, rule in by_id.items() if rule_id not in revoked}
    return {rule: standing.get(rule.rule_id or rule) for rule in rules}


def _is_since(standing: StandingRule, ended: Ended, entry: DeliveredFinding) -> bool:
    """Whether it was added after a part had ended: then that is open by the call that did so.

    Of what the call opened to the world, by itself or by a list, it is known port by port what was
    closed.
    """
    if entry.finding.lists or (entry.moment and entry.moment.opened):
        return False
    return bool(ended.at and standing.since and standing.since.time >= ended.at)


def _never_closed(entry: DeliveredFinding, resource: Resource, known: Recollection) -> NeverClosed:
    """Leaves out what the call opened to the world by itself and was closed since."""
    finding, lives = entry.finding, entry.moment.opened if entry.moment else ()
    lists = lists_since(finding.lists, resource, known)
    called = finding.called_at

    def never_closed(opened: Exposure) -> Exposure:
        if finding.lists and called:
            return left_since(called, opened, resource, known)
        closed, rest = closed_and_not(opened, lives)
        if _is_closed(entry):
            # What others had opened before is theirs, but for what the call's own rules let in.
            rest = left_open(rest, _own_standing(entry, resource, known), lists)
        kept = _kept_by_lists(closed, entry, resource, known)
        return replace(rest, openings=(*rest.openings, *kept.openings))

    return never_closed


def _own_standing(
    entry: DeliveredFinding, resource: Resource, known: Recollection
) -> set[SecurityGroupRule]:
    """The rules that the call added, as they stand now."""
    change = entry.finding.change
    added = change.added if isinstance(change, SecurityGroupChange) else ()
    return {*filter(None, _as_they_stand(added, known.folds[resource]).values())}


def _kept_by_lists(
    closed: Exposure, entry: DeliveredFinding, resource: Resource, known: Recollection
) -> Exposure:
    """What rules by prefix lists kept open of what was closed but for them.

    What a list opens is its own exposure, and none of the group's.
    """
    last = entry.moment.lessened if entry.moment else None
    if last is None or not closed.openings:
        return Exposure()
    time = last.event.time
    rules = known.folds[resource].rules_at(time)
    by_list = [rule for rule in rules if rule.peer.kind is PeerKind.PREFIX_LIST]
    kept = left_open(closed, by_list, lists_at(time, resource, known))
    return left_since(time, kept, resource, known)


def _is_closed(entry: DeliveredFinding) -> bool:
    """Whether all that the call opened to the world by itself was closed."""
    lives = entry.moment.opened if entry.moment else ()
    return bool(lives) and all(it.closed for it in lives)


def _closed_with_lists(
    finding: Finding, resource: Resource, known: Recollection
) -> tuple[Gone | None, bool]:
    """Where that was closed which a call opened, or attached, and refers to prefix lists.

    And whether an edit of a list did it. The rules and the lists of that time count, whoever had
    added them.
    """
    called, opened = finding.called_at, finding.judgement.foremost
    if not (
        finding.lists and called and opened.breadth >= Breadth.BROAD and resource in known.folds
    ):
        return None, False
    return closed_since(called, opened, resource, known)


def _is_edited(finding: Finding, known: Recollection, resource: Resource) -> bool:
    """Whether rules that a call added stand still, by their ids."""
    change = finding.change
    added = change.added if isinstance(change, SecurityGroupChange) else ()
    with_ids = (rule for rule in added if rule.rule_id)
    return any(_as_they_stand(with_ids, known.folds[resource]).values())


def _about_what_is_left_now(
    entry: DeliveredFinding, resource: Resource, known: Recollection
) -> DeliveredFinding:
    """The finding, without what a call opened together with others that do not let it in any more.

    These are rules that stood before, and prefix lists.
    """
    finding, fold = entry.finding, known.folds[resource]
    gone = {*finding.judgement.beside} - {it.rule for it in fold.rules}
    if not (finding.lists or gone):
        return entry
    rules, lists = [it.rule for it in fold.rules], lists_since(finding.lists, resource, known)
    never_closed = partial(left_since, finding.called_at, resource=resource, known=known)
    return about_what_is_left(entry, rules, lists, never_closed=never_closed)


def _stays_open(
    entry: DeliveredFinding, ended: Ended, resource: Resource, known: Recollection
) -> StaysOpen | None:
    """By what stands now, what is left of what the call opened although its rules are gone.

    What was closed and opened again belongs to the call that did so.
    """
    finding, fold = entry.finding, known.folds[resource]
    judgement, change = finding.judgement, finding.change
    if not isinstance(change, SecurityGroupChange):
        left = internet_share_of(fold.ranges).breadth
        is_open = not _is_closed(entry) and left >= judgement.listed.breadth >= Breadth.BROAD
        return StaysOpen(taken=ended, ranges=fold.ranges) if is_open else None
    own = _own_standing(entry, resource, known)
    rules = tuple(it.rule for it in fold.rules if it.rule in own or not _is_since(it, ended, entry))
    still = _never_closed(entry, resource, known)(judgement.foremost)
    is_less = severity_of(still) < severity_of(judgement.foremost)
    keeping = () if is_less else keeping_open(still, rules, lists_now(resource, known))
    if not keeping and ended.how is EndedHow.MODIFIED and not judgement.opened.openings:
        # It opened nothing, so the edit closed nothing.
        keeping = tuple(rule for rule in rules if rule in own)
    if not keeping:
        return None
    return StaysOpen(taken=_as_of_the_last_edit(ended, finding, keeping, fold), rules=keeping)


def _as_of_the_last_edit(
    ended: Ended, finding: Finding, left: Iterable[SecurityGroupRule], fold: Fold
) -> Ended:
    """Of the rules that are left, the last edit made the call's own what they are."""
    change = finding.change
    own = {it.rule_id for it in change.added} if isinstance(change, SecurityGroupChange) else set()
    edited = own & {rule.rule_id for rule in left} - {None}
    edits = [it.since for it in fold.rules if it.since and it.rule.rule_id in edited]
    if ended.how is not EndedHow.MODIFIED or not edits:
        return ended
    last = max(edits, key=attrgetter("time"))
    in_steps = ended.in_steps or last.time != ended.at
    return replace(ended, at=last.time, principal=last.principal, in_steps=in_steps)


def _part_open(
    entry: DeliveredFinding, resource: Resource, known: Recollection
) -> tuple[SecurityGroupRule, ...]:
    """By what a part of what the call opened is open still, where the worst of that was closed.

    What other calls had opened before is theirs.
    """
    if entry.moment is None or all(it.closed for it in entry.moment.opened):
        return ()
    still = _never_closed(entry, resource, known)(entry.finding.judgement.opened)
    rules = (it.rule for it in known.folds[resource].rules)
    lists = lists_since(entry.finding.lists, resource, known)
    return keeping_open(still, rules, lists, in_part=True)


def _changed_lists(finding: Finding, resource: Resource, known: Recollection) -> frozenset[str]:
    """Those that hold something else by now, and those of which nobody knows what they hold."""
    now = lists_now(resource, known)
    return frozenset(it for it, held in finding.lists.items() if {*now.get(it, ())} != {*held})
