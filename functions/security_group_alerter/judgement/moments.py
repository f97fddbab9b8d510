"""Step 6b: what a record leaves out: what stood just before the call, and what is left of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from ..model.alert import DeliveredFinding, Ended, StaysOpen
from ..model.change import Action, Change, PrefixListChange, SecurityGroupChange
from ..model.dataclass import replace
from ..model.exposure import Breadth, Exposure
from ..model.finding import Judgement, Left
from ..model.group_state import Look, PrefixListState
from ..model.rules import Peer, SecurityGroupRule
from ..model.standing import Circumstances, Moment, StandingRule
from .exposure import exposure_of, internet_share_of
from .severities import severity_of
from .touched_ports import keeping_open, left_open, part_of, standing_with, with_ranges


def says_more(change: SecurityGroupChange | PrefixListChange, moment: Moment) -> bool:
    """Whether the moment adds to what the call's record says."""
    if isinstance(change, PrefixListChange):
        is_restore = change.action is Action.RESTORE
        return is_restore or bool(moment.ranges_before or moment.ended or moment.lessened)
    if change.action is Action.ADD_RULES:
        return bool(moment.before or moment.lessened)
    return change.action in (Action.MODIFY_RULES, Action.REMOVE_RULES, Action.DELETE)


def may_decide(
    known: Circumstances, change: SecurityGroupChange | PrefixListChange, judgement: Judgement
) -> bool:
    """Whether a call may be judged otherwise than it was by its record alone."""
    moment = known.moment
    if isinstance(change, PrefixListChange) or known.lists or moment is None or moment.ended:
        return True
    if change.action is Action.ADD_RULES:
        return bool(moment.before and judgement.opened.openings)
    if change.action is Action.REMOVE_RULES and change.removed:
        return bool(judgement.closed.openings)
    return change.action in (Action.MODIFY_RULES, Action.REMOVE_RULES)


def completed(change: Change, known: Circumstances) -> Change:
    """The change, with what stood just before: the direction and contents of edited rules.

    The same for removed rules that the record names by their ids alone, and for the ranges that a
    restored version of a prefix list brought and took.
    """
    match change, known.moment:
        case SecurityGroupChange(), Moment() as moment:
            return _completed_group(change, moment)
        case PrefixListChange(action=Action.RESTORE), Moment() as moment:
            return _completed_restore(change, moment, known.look)
        case _:
            return change


def _completed_restore(
    change: PrefixListChange, moment: Moment, look: Look | None
) -> PrefixListChange:
    """The restored ranges are known of a list that was seen since it was made, or just after."""
    after: tuple[Peer, ...] | None = moment.ranges_after if moment.is_whole else None
    state = look and look.state
    if isinstance(state, PrefixListState) and state.has_all_rules and change.version is not None:
        # Each edit makes the next version.
        after = state.ranges if state.version == change.version + 1 else after
    if after is None:
        return change
    # What a look shows of an unknown list counts as brought by the call: it may be.
    before = moment.ranges_before if moment.is_whole else ()
    added = tuple(peer for peer in after if peer not in before)
    return replace(change, added=added, removed=tuple(it for it in before if it not in after))


def _completed_group(change: SecurityGroupChange, moment: Moment) -> SecurityGroupChange:
    if change.action is Action.MODIFY_RULES:
        before, after = _by_id(moment.before), _by_id(moment.after)
        added = tuple(_directed(rule, after.get(rule.rule_id)) for rule in change.added)
        edited = dict.fromkeys(rule.rule_id for rule in change.added)
        return replace(change, added=added, removed=_of_ids(edited, before))
    if change.action is Action.REMOVE_RULES and not (change.removed or change.matched_nothing):
        return replace(change, removed=_of_ids(change.rule_ids, _by_id(moment.before)))
    return change


def standing_beside(
    added: Sequence[SecurityGroupRule],
    moment: Moment | None,
    lists: Mapping[str, tuple[Peer, ...]],
) -> tuple[SecurityGroupRule, ...]:
    """The rules that stood beside those that the call added, and let somebody in on their ports.

    `lists` are what prefix lists held at the call, of those that are known.
    """
    if moment is None or not moment.before:
        return ()
    edited = {rule.rule_id for rule in added} - {None}
    rules = (it.rule for it in moment.before if it.rule.rule_id not in edited)
    return standing_with(added, rules, lists)


def _directed(rule: SecurityGroupRule, known: SecurityGroupRule | None) -> SecurityGroupRule:
    return rule if known is None else replace(rule, direction=known.direction)


def _by_id(standing: Iterable[StandingRule]) -> dict[str | None, SecurityGroupRule]:
    return {it.rule.rule_id: it.rule for it in standing if it.rule.rule_id is not None}


def _of_ids(
    rule_ids: Iterable[str | None], rules: Mapping[str | None, SecurityGroupRule]
) -> tuple[SecurityGroupRule, ...]:
    """The rules of these ids; none where one of them is not known, since part would mislead."""
    known = [rules.get(rule_id) for rule_id in rule_ids]
    return tuple(filter(None, known)) if None not in known else ()


# What was taken back in part.

# An exposure, without the ports of it that were closed since, even if they were opened again.
NeverClosed = Callable[[Exposure], Exposure]


def with_part_ended(
    entry: DeliveredFinding,
    ended: Ended,
    rules: Sequence[SecurityGroupRule],
    lists: Mapping[str, tuple[Peer, ...]],
    *,
    never_closed: NeverClosed = lambda exposure: exposure,
) -> DeliveredFinding:
    """The finding of a call on a group, by the rules that stand; it names those that do not.

    Where the worst of what the call opened was closed, it has ended, and the rest stays open. Where
    what is left is as severe, the finding is about that. Ports that were closed and opened again
    are not left: `never_closed` leaves them out.
    """
    opened = entry.finding.judgement.foremost
    if opened.breadth < Breadth.BROAD:
        return entry
    still = never_closed(opened)
    left = left_open(still, rules, lists)
    if severity_of(left) < severity_of(Exposure(openings=opened.openings)):
        keeping = keeping_open(still, rules, lists, in_part=True)
        stays_open = StaysOpen(taken=ended, rules=keeping) if keeping else None
        return replace(entry, ended=ended, stays_open=stays_open)
    taken = exposure_of(with_ranges(entry.revoked | entry.edited, entry.finding.lists))
    # Of another family of addresses, too.
    kept = part_of(still, taken.openings).openings
    broad = (it for it in taken.openings if it.share.breadth is not Breadth.WORLD)
    keeping = keeping_open(Exposure(openings=(*kept, *broad)), rules, lists, in_part=True)
    entry = replace(entry, stays_open=StaysOpen(taken=ended, rules=keeping))
    return about_what_is_left(entry, rules, lists, never_closed=never_closed)


def with_list_ended(
    entry: DeliveredFinding, ended: Ended, ranges: tuple[Peer, ...]
) -> DeliveredFinding:
    """The same of a call on a prefix list, by the ranges that it holds."""
    listed, now = entry.finding.judgement.listed, internet_share_of(ranges)
    if listed.breadth < Breadth.BROAD:
        return entry
    if now.breadth < listed.breadth:
        return replace(entry, ended=ended)
    if now == listed and now.breadth is Breadth.WORLD:
        return entry
    entry = replace(entry, stays_open=StaysOpen(taken=ended, ranges=ranges))
    return about_what_is_held(entry, ranges)


def about_what_is_left(
    entry: DeliveredFinding,
    rules: Iterable[SecurityGroupRule],
    lists: Mapping[str, tuple[Peer, ...]],
    *,
    never_closed: NeverClosed = lambda exposure: exposure,
) -> DeliveredFinding:
    """The finding is about what these rules leave open, where that is not what was opened."""
    opened = entry.finding.judgement.foremost
    still = never_closed(opened)
    rules = keeping_open(still, rules, lists, in_part=True)
    left, now = left_open(still, rules, lists), exposure_of(with_ranges(rules, lists))
    is_all = {*left.openings} >= {*opened.openings}
    # The ranges that are named are others, if no more.
    if now.breadth is not opened.breadth or (is_all and opened.breadth is Breadth.WORLD):
        return entry
    return _about(entry, Left(opened=left, rules=rules))


def about_what_is_held(entry: DeliveredFinding, ranges: tuple[Peer, ...]) -> DeliveredFinding:
    """The same of a prefix list, which holds these ranges."""
    now = internet_share_of(ranges)
    if now.breadth is not entry.finding.judgement.listed.breadth:
        return entry
    return _about(entry, Left(listed=now, ranges=ranges))


def _about(entry: DeliveredFinding, left: Left) -> DeliveredFinding:
    judgement = replace(entry.finding.judgement, left=left)
    return replace(entry, finding=replace(entry.finding, judgement=judgement))
