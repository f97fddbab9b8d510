"""What stands in a group beside what a call changed, and how long what it closed had stood."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from operator import itemgetter

from ...judgement.exposure import exposure_of, internet_share_of
from ...judgement.touched_ports import joined, left_open, part_of, standing_with, with_ranges
from ...model.alert import DeliveredFinding, Ended
from ...model.change import Action, AttachmentChange, SecurityGroupChange
from ...model.dataclass import replace
from ...model.exposure import Breadth, Exposure, Opening
from ...model.exposure_life import EndedHow, ExposureLife
from ...model.finding import Effect, Finding
from ...model.group_state import GroupState
from ...model.rules import Direction, Peer, PeerKind, SecurityGroupRule
from ...model.standing import Moment, StandingRule
from ...model.subject import SubjectKind
from ..attached import seen_words
from ..people import actor_words, clock_words, lag_words
from ..rule_words import concern_of, flow_words, held_words, traffic_words
from ..text import listed, plural, safe
from ..undo import taken_words, when_words

# EC2 is eventually consistent: of what was called so shortly before it, a look says nothing.
# https://docs.aws.amazon.com/ec2/latest/devguide/eventual-consistency.html
_SETTLING = timedelta(minutes=2)
_MOST_RULES = 5
_MOST_LIVES = 3
_NO_LONGER_THERE = "The group no longer exists; no DeleteSecurityGroup was seen."
_MAY_BE_OPEN = "Another rule may still keep the group open to the world."


def standing_notes(entry: DeliveredFinding, change: SecurityGroupChange) -> Iterator[str]:
    """What stood beside what the call changed, as far as that is known."""
    finding = entry.finding
    moment, judgement = finding.moment, finding.judgement
    if judgement.beside:
        rules = listed([standing_words(rule) for rule in judgement.beside], 3)
        is_as_it_was = entry.ended is None and judgement.left is None
        yield f"{'Open' if is_as_it_was else 'Was open'} together with what stood before: {rules}."
    if moment is not None:
        yield from lived_notes(moment.ended, moment.before, moment.after)
    if change.action is Action.DELETE:
        lives, before = (moment.ended, moment.before) if moment else ((), ())
        words = _traffic_in(it for life in lives for it in _left_of(life, before))
        if words:
            yield f"What was open to the world goes with the group: {listed([*words], 3)}."
        return
    left: tuple[SecurityGroupRule, ...] = ()
    is_part = moment is not None and judgement.closed.is_world_open and not moment.ended
    if moment is not None and is_part:
        left = standing_with(change.removed, _left_of_moment(entry, moment))
    if left:
        rules = listed([standing_words(rule) for rule in left], 3)
        yield f"The ports stay open to the world: {rules}."
    elif is_part or judgement.effect is Effect.CLOSES:
        yield from _still_open_notes(entry, change)
    elif judgement.opened.breadth >= Breadth.BROAD:
        yield from _also_open_notes(entry, change)


def stays_open_words(entry: DeliveredFinding) -> str | None:
    """`the rule was edited at 03:10:00 UTC, and the ports stay open: tcp 22 (SSH) from …`.

    None where what was taken back closed all that the call opened, or nothing of it.
    """
    stays = entry.stays_open
    if stays is None and not entry.revoked:
        return None
    if stays is not None and entry.ended is not None:
        rules = listed([standing_words(rule) for rule in stays.rules], 3)
        return f"part of what the call opened is still open: {rules}"
    if stays is None or (stays.taken.in_part and not stays.ranges):
        return None if entry.ended else _taken_in_part(entry)
    taken = taken_words(stays.taken, entry.finding.subject.kind)
    if stays.ranges:
        holds = "it still holds" if stays.taken.in_part else "what it holds is as broad: it holds"
        return f"{taken}, and {holds} {held_words(stays.ranges)}"
    rules = listed([standing_words(rule) for rule in stays.rules], 3)
    opened = entry.finding.judgement.opened
    if not opened.openings:
        return f"{taken}: {rules}"
    is_edit = stays.taken.how is EndedHow.MODIFIED
    if is_edit and concern_of(exposure_of(stays.rules)) > concern_of(opened):
        return f"{taken}, and more is open now: {rules}"
    some = "" if _keep_all_ports(stays.rules, opened, entry) else "some of "
    return f"{taken}, and {some}the ports stay open: {rules}"


def part_ended_words(entry: DeliveredFinding) -> str | None:
    """`revoked at 09:04:00 UTC: tcp 22 (SSH) from 0.0.0.0/0`: the worst, while the rest is open."""
    ended = entry.ended
    if ended is None or not (ended.in_part and entry.stays_open):
        return None
    rules, verbs = _taken_of(entry)
    if not rules:
        return _closed_by_another(ended)
    if ended.how is EndedHow.SEEN:
        return f"a look {when_words(ended)} no longer shows {rules}"
    return f"{verbs}{', the last' if ended.in_steps else ''} {when_words(ended)}: {rules}"


def _closed_by_another(ended: Ended) -> str:
    rule = f"another rule was {'edited' if ended.how is EndedHow.MODIFIED else 'revoked'}"
    return f"some of the ports were closed to the world when {rule} {when_words(ended)}"


def _taken_in_part(entry: DeliveredFinding) -> str | None:
    """`revoked since: tcp 22 (SSH) from 0.0.0.0/0; the rest of the call stands`."""
    stays, taken = entry.stays_open, entry.taken
    rules, verbs = _taken_of(entry)
    if not rules:
        return _closed_by_another(taken) if taken and entry.finding.judgement.left else None
    what = f"{verbs} since: {rules}"
    if taken is not None and taken.how is EndedHow.SEEN:
        what = f"a look {when_words(taken)} no longer shows {rules}"
    if stays is None or not stays.rules:
        is_attached = isinstance(entry.finding.change, AttachmentChange)
        return f"{what}; the rest {'is still open' if is_attached else 'of the call stands'}"
    gone = exposure_of(with_ranges(entry.revoked | entry.edited, entry.finding.lists))
    keep = "the ports stay open" if _keep_all_ports(stays.rules, gone, entry) else "still open"
    return f"{what}; {keep}: {_rules_words(stays.rules)}"


def _keep_all_ports(
    rules: Sequence[SecurityGroupRule], opened: Exposure, entry: DeliveredFinding
) -> bool:
    """Whether these rules keep open every port of an exposure."""
    kept = left_open(opened, rules, entry.finding.lists, any_family=True)
    ports = {(it.protocol, it.ports) for it in kept.openings}
    return ports >= {(it.protocol, it.ports) for it in joined(opened.openings)}


def _taken_of(entry: DeliveredFinding) -> tuple[str, str]:
    """Of the rules that do not stand as the call added them, the wide ones; what became of them.

    (`tcp 22 (SSH) from 0.0.0.0/0`, `revoked`), or `edited`, or `revoked or edited`.
    """
    lists = entry.finding.lists
    gone, edited = _wide_in(entry.revoked, lists), _wide_in(entry.edited, lists)
    verbs = " or ".join(verb for verb, it in (("revoked", gone), ("edited", edited)) if it)
    return _rules_words([*gone, *edited]), verbs


def standing_words(rule: SecurityGroupRule) -> str:
    """`tcp 22 (SSH) from 0.0.0.0/0 [sgr-…]`."""
    return f"{flow_words(rule)}{f' [{safe(rule.rule_id, 40)}]' if rule.rule_id else ''}"


def _left_of(life: ExposureLife, before: Iterable[StandingRule]) -> Sequence[Opening]:
    """What was still open of it just before the call; all of it where that is not known."""
    return (not life.is_closed_at_once and _open_by(before, life)) or life.openings


def _open_by(standing: Iterable[StandingRule], life: ExposureLife) -> Sequence[Opening]:
    """What of it these rules open."""
    inward = (it.rule for it in standing if it.rule.direction is not Direction.EGRESS)
    return part_of(exposure_of(inward), life.openings).openings


def _traffic_in(openings: Iterable[Opening]) -> dict[str, None]:
    return dict.fromkeys(traffic_words(it.protocol, it.ports) for it in openings)


def lived_notes(
    ended: Sequence[ExposureLife],
    before: Sequence[StandingRule] = (),
    after: Sequence[StandingRule] = (),
) -> Iterator[str]:
    """How long what the call ended had stood, and who had opened it.

    `before` and `after` are the rules that stood just before it and just after. What had been
    closed earlier is not named, also if a later call had opened it again.
    """
    for number, life in enumerate(ended[:_MOST_LIVES], 1):
        of_others = _traffic_in(it for later in ended[number:] for it in later.openings)
        if not life.is_closed_at_once:
            of_others |= _traffic_in(_open_by(after, life))
        all_words = _traffic_in(_left_of(life, before))
        words = [it for it in all_words if it not in of_others] or all_words
        is_list = life.resource.kind is SubjectKind.PREFIX_LIST
        what = "the prefix list" if is_list else listed([*words], 3)
        if life.opened is None or life.closed is None:
            they = "they" if len(words) > 1 and not is_list else "it"
            yield f"Closed: {what}. Since when {they} had been open to the world is not known."
            continue
        start = life.opened.time
        by = f", opened by {actor_words(life.opened.principal)}" if life.opened.principal else ""
        yield (
            f"Closed: {what}, open to the world for {lag_words(life.closed.time - start)}, since "
            f"{start.date()} {clock_words(start)}{by}."
        )
    rest = len(ended) - _MOST_LIVES
    if rest > 0:
        yield f"{plural(rest, 'more opening')} to the world ended with this call."


def _left_of_moment(entry: DeliveredFinding, moment: Moment) -> list[SecurityGroupRule]:
    """The rules that stood just after the call, and stand now, if that is known."""
    after = [it.rule for it in moment.after]
    if entry.standing is None or entry.standing is moment.after:
        return after
    now = {it.rule for it in entry.standing}
    return [rule for rule in after if rule in now]


def _still_open_notes(entry: DeliveredFinding, change: SecurityGroupChange) -> Iterator[str]:
    finding = entry.finding
    if entry.ended and entry.ended.how is EndedHow.DELETED:
        return
    rules, is_all = _others(entry, change)
    wide, unknown = _wide_in(rules, finding.lists), _unknown_lists(rules, finding.lists)
    if wide:
        yield f"Still open in the group: {_rules_words(wide)}."
    if unknown:
        names = listed([safe(it, 40) for it in unknown], 3)
        yield f"Other rules refer to prefix lists whose ranges are not known: {names}."
    if not is_all:
        moment = finding.moment
        is_missing = moment is not None and moment.is_missing and not moment.after
        yield _NO_LONGER_THERE if is_missing else _MAY_BE_OPEN
    elif not wide and not unknown:
        yield "Nothing else in the group is open to the Internet."


def _also_open_notes(entry: DeliveredFinding, change: SecurityGroupChange) -> Iterator[str]:
    """Only where every rule is known: half of it would look like all of it."""
    finding = entry.finding
    rules, is_all = _others(entry, change)
    beside = {*finding.judgement.beside}
    wide = [it for it in _wide_in(rules, finding.lists) if it not in beside] if is_all else []
    if wide:
        yield f"Also open in the group: {_rules_words(wide)}."


def _rules_words(rules: Sequence[SecurityGroupRule]) -> str:
    return listed([standing_words(rule) for rule in rules], _MOST_RULES)


def _others(
    entry: DeliveredFinding, change: SecurityGroupChange
) -> tuple[list[SecurityGroupRule], bool]:
    """The group's ingress rules that the call did not touch, and whether these are all."""
    finding = entry.finding
    state, moment = group_state_of(finding), finding.moment
    touched = [*change.added]
    rules: Iterable[SecurityGroupRule] = ()
    is_all = False
    if state is not None and state.has_all_rules:
        rules, is_all = state.rules, True
        if is_settling(finding):
            touched += change.removed
    elif moment is not None:
        rules, is_all = _left_of_moment(entry, moment), moment.is_whole
    ids, contents = {rule.rule_id for rule in touched} - {None}, {*touched}
    others = [
        rule
        for rule in rules
        if rule.direction is not Direction.EGRESS and not (rule.rule_id in ids or rule in contents)
    ]
    return others, is_all


def _wide_in(
    rules: Iterable[SecurityGroupRule], lists: Mapping[str, tuple[Peer, ...]]
) -> list[SecurityGroupRule]:
    """Those that let much of the Internet in, the worst first.

    Each alone: a group does not hold rules enough to be the world in narrower slices.
    """
    rated = []
    for rule in rules:
        share = internet_share_of(lists.get(rule.peer.value, (rule.peer,)))
        if share.breadth >= Breadth.BROAD:
            opening = Opening(protocol=rule.protocol, ports=rule.ports, share=share)
            rated.append((concern_of(Exposure(openings=(opening,))), rule))
    return [rule for _, rule in sorted(rated, key=itemgetter(0), reverse=True)]


def _unknown_lists(
    rules: Iterable[SecurityGroupRule], lists: Mapping[str, tuple[Peer, ...]]
) -> list[str]:
    peers = (rule.peer for rule in rules if rule.peer.kind is PeerKind.PREFIX_LIST)
    return [*dict.fromkeys(peer.value for peer in peers if peer.value not in lists)]


# What a look shows of the rules that a call added.


def group_state_of(finding: Finding) -> GroupState | None:
    """What a look showed of the group."""
    state = finding.seen
    return state if isinstance(state, GroupState) else None


def is_settling(finding: Finding) -> bool:
    """Whether the look came so soon after the call that it may not show what the call did."""
    state, called = group_state_of(finding), finding.called_at
    return bool(state and called and called > state.seen_at - _SETTLING)


def words_since(entry: DeliveredFinding) -> Callable[[SecurityGroupRule], str]:
    """Says what became of a rule that the call added, in brackets; empty while it stands."""
    state = group_state_of(entry.finding)
    # Of what only a look shows to be gone, nobody knows the call.
    taken = entry.taken
    revoked = frozenset() if taken and taken.how is EndedHow.SEEN else entry.revoked
    if state is None or not state.has_all_rules:
        if not (revoked or entry.edited):
            return lambda _: ""
        marks = dict.fromkeys(revoked, " (revoked since)")
        marks |= dict.fromkeys(entry.edited, " (edited since)")
        return lambda rule: marks.get(rule, "")
    there = {*state.rules}
    ids = {it.rule_id for it in state.rules} - {None}
    seen, is_new = f"seen at {seen_words(state.seen_at)}", is_settling(entry.finding)

    def since(rule: SecurityGroupRule) -> str:
        if rule in revoked:
            return " (revoked since)"
        if any(it in there for it in _in_each_direction(rule)):
            return ""
        if is_new:
            return " (not visible yet)"
        return f" (edited since, {seen})" if rule.rule_id in ids else f" (no longer there, {seen})"

    return since


def _in_each_direction(rule: SecurityGroupRule) -> tuple[SecurityGroupRule, ...]:
    """The rule, or both that it may be: the record of an edit may not name the direction."""
    if rule.direction is not Direction.UNKNOWN:
        return (rule,)
    directions = (Direction.INGRESS, Direction.EGRESS)
    return tuple(replace(rule, direction=direction) for direction in directions)
