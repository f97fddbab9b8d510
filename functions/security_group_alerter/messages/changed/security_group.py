"""What a call did to a security group."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from operator import itemgetter
from typing import Any

from ...judgement.exposure import exposure_of
from ...judgement.touched_ports import with_ranges
from ...model.alert import DeliveredFinding
from ...model.change import Action, RuleDescription, SecurityGroupChange
from ...model.exposure import Breadth
from ...model.finding import Effect, Finding, Judgement
from ...model.group_state import GroupState
from ...model.record import Outcome
from ...model.rules import (
    Direction,
    Peer,
    PeerKind,
    SecurityGroupRule,
)
from ..limits import Limits
from ..members import without_empty
from ..rule_words import (
    concern_of,
    direction_words,
    flow_words,
    held_words,
    openings_words,
    rule_words,
    touches,
    was_or_were,
    worst_of,
    worst_openings_in,
)
from ..text import plural, safe
from ..undo import Undo, undo_of
from .group_looks import group_looks
from .group_undo import steps_back
from .standing_words import group_state_of, standing_notes, words_since
from .words import (
    ADDED,
    MISSED,
    NOT_NAMED,
    REMOVED,
    WOULD_OPEN,
    Changed,
    Item,
    ItemList,
    Weakened,
    acceptance_words,
    problem_lines,
    unknown_lines,
)

_CLOSE = "Not planned? Close it now."
_PLANNED = "Planned? Narrow the range, or add it to accepted_openings.toml."
_EDIT_STEPS = (
    "Look at the group's rules: an edited egress rule lets nobody in.",
    "Open to the Internet, and not planned? Remove the rule, or set it back.",
    "Then find out what it reaches, and who has connected since: VPC flow logs, the host's logins.",
)
_CANNOT_JUDGE_STEPS = (
    "Look at the group's rules now.",
    "Close what is open to the Internet and not planned.",
)
_UNSEEN_LIST_STEP = "Look at the ranges in the prefix list: the rule lets them in."
# A rule with its place in the order of concern.
_Rated = Sequence[tuple[SecurityGroupRule, tuple[object, ...]]]


def security_group_changed(
    entry: DeliveredFinding, change: SecurityGroupChange, limits: Limits
) -> Changed:
    """A group that was created, deleted or associated, or whose rules or descriptions changed."""
    finding = entry.finding
    added, removed, missed = (
        worst_of(rules, limits.rules, lambda rule: concern_of(exposure_of((rule,))))
        for rules in (change.added, change.removed, change.missed)
    )
    acceptance = tuple(acceptance_words(finding.judgement.acceptance))
    undo = undo_of(entry, lambda: steps_back(entry, change))
    state = group_state_of(finding)
    vpc_id = state.vpc_id if state else None
    if change.action not in (Action.ASSOCIATE_VPC, Action.DISASSOCIATE_VPC):
        # Those name another VPC than the group's own.
        vpc_id = change.vpc_id or vpc_id
    return Changed(
        noun="Group",
        called=_called(change, state) or NOT_NAMED,
        within=safe(vpc_id, 40) if vpc_id else None,
        reasons=tuple(_reasons(finding, change)),
        repeats_headline=not (change.added or change.removed),
        lines=tuple(_lines(change, limits)),
        lists=tuple(
            _item_list(mark, rated, len(rules), entry)
            for mark, rated, rules in (
                (ADDED, added, change.added),
                (REMOVED, removed, change.removed),
                (MISSED, missed, change.missed),
            )
            if rules
        ),
        after=(
            *_rule_ids(change, limits),
            *problem_lines(change.problems, limits.rules),
            *unknown_lines(change.unknown_parameters),
        ),
        description=_description_of_worst(finding, _worst_first(entry, added)),
        notes=(*acceptance, *_notes(entry, change)),
        acceptance=acceptance,
        undo=undo,
        looks=tuple(group_looks(finding, change)),
        steps=_steps(entry, change, undo),
        resource_type="AWS::EC2::SecurityGroup",
        weakens=Weakened.FIREWALL
        if any(rule.direction is not Direction.EGRESS for rule in change.added)
        else None,
        facts={
            "action": change.action,
            "group_id": limits.cut(change.group_id),
            "group_name": limits.cut(change.group_name),
            "group_description": limits.cut(change.group_description),
            "vpc_id": limits.cut(change.vpc_id),
            "rules_added": _rule_facts(added, limits),
            "rules_revoked_since": len(entry.revoked) or None,
            "rules_removed": _rule_facts(removed, limits),
            "rules_not_found": _rule_facts(missed, limits),
            "rule_ids": [limits.cut(rule_id) for rule_id in change.rule_ids[: limits.rules]],
            "descriptions": [
                _description_facts(it, limits) for it in change.descriptions[: limits.rules]
            ],
            "rules_not_listed": _rules_not_listed(change, limits.rules),
            "unknown_parameters": [limits.cut(name) for name in change.unknown_parameters[:10]],
            "not_readable": [limits.cut(problem) for problem in change.problems[: limits.rules]],
            "is_omitted": change.is_omitted or None,
        },
    )


def _called(change: SecurityGroupChange, state: GroupState | None) -> str:
    known = change.group_name or (state.name if state else None)
    name = f'"{safe(known)}"' if known else None
    return " ".join(filter(None, (change.group_id and safe(change.group_id, 80), name)))


def _description_of_worst(finding: Finding, worst_first: list[SecurityGroupRule]) -> str | None:
    """Of the rules that the headline is about: another's would seem to be theirs."""
    judgement = finding.judgement
    about: Iterable[SecurityGroupRule] = worst_first[:1]
    if judgement.foremost.breadth >= Breadth.BROAD:
        about = _openers([rule for rule in worst_first if rule.description], judgement)
    return next((safe(rule.description) for rule in about if rule.description), None)


def _openers(
    rules: Sequence[SecurityGroupRule], judgement: Judgement
) -> Iterator[SecurityGroupRule]:
    """Those that let something in where it is open the widest, or where that weighs the most.

    Where a part of what was opened is accepted, the rest is meant.
    """
    opened = judgement.foremost
    widest, weighty = opened.breadth, {*worst_openings_in(opened)}
    foremost = [it for it in opened.openings if it.share.breadth is widest or it in weighty]
    for rule in rules:
        if opened is judgement.unaccepted and judgement.is_accepted(rule):
            continue
        if not exposure_of((rule,)).openings:
            continue
        if any(touches(rule, opening) for opening in foremost):
            yield rule


def _worst_first(entry: DeliveredFinding, rated: _Rated) -> list[SecurityGroupRule]:
    """The worst first; while something stands, of that."""
    in_order = [rule for rule, _ in sorted(rated, key=itemgetter(1), reverse=True)]
    if entry.ended or not (entry.revoked or entry.edited):
        return in_order
    return [rule for rule in in_order if rule not in entry.revoked | entry.edited]


# The headline.


def security_group_phrases(
    finding: Finding, change: SecurityGroupChange, stood: str | None
) -> tuple[str, str]:
    """(What was done, what was to be done) to the security group; `stood` is of what had ended."""
    if change.action in (Action.ADD_RULES, Action.MODIFY_RULES):
        return _added_phrases(finding, change, stood)
    if change.action is Action.REMOVE_RULES:
        return _removed_phrases(finding, change)
    name = safe(change.group_name or change.group_id or "", 60)
    group = f"security group {name}" if name else "a security group that is not named"
    vpc = f"VPC {safe(change.vpc_id, 40)}" if change.vpc_id else "a VPC that is not named"
    return {
        Action.CREATE: (f"{group} created", f"create {group}"),
        Action.DELETE: (f"{group} deleted", f"delete {group}"),
        Action.DESCRIBE_RULES: ("rule descriptions changed", "change rule descriptions"),
        Action.ASSOCIATE_VPC: (f"{group} associated with {vpc}", f"associate {group} with {vpc}"),
        Action.DISASSOCIATE_VPC: (
            f"{group} disassociated from {vpc}",
            f"disassociate {group} from {vpc}",
        ),
    }[change.action]


def _added_phrases(
    finding: Finding, change: SecurityGroupChange, stood: str | None
) -> tuple[str, str]:
    judgement = finding.judgement
    opened, is_in_part = judgement.foremost, judgement.foremost is judgement.unaccepted
    is_edit = change.action is Action.MODIFY_RULES
    if change.is_omitted:
        verb = "edited" if is_edit else "added"
        return f"rules {verb}, but CloudTrail left them out: cannot judge", "change rules"
    if opened.breadth >= Breadth.BROAD:
        rules = judgement.unaccepted_rules if is_in_part else change.added
        # What stood beside them counts in what is open.
        openers = judgement.left.rules if judgement.left else (*rules, *judgement.beside)
        traffic, whom = openings_words(opened, with_ranges(openers, finding.lists))
        if is_edit and _has_unknown_direction(change):
            # The record of an edit does not name the direction of the rule.
            return f"edit may open {traffic} to {whom}", f"edit a rule: {traffic}, {whom}"
        what = f"{traffic} to {whom}"
        if is_edit and _is_part_of_before(judgement, change):
            return _left_phrases(judgement, traffic, whom, stood)
        if is_edit:
            return (
                f"edit {'opens' if stood is None else 'opened'} {what}{stood or ''}",
                f"open {what}",
            )
        is_open = "open" if stood is None else f"{was_or_were(opened)} open"
        return f"{traffic} {is_open} to {whom}{stood or ''}", f"open {what}"
    verb, past = ("edit", "edited") if is_edit else ("add", "added")
    if judgement.effect is Effect.CLOSES and judgement.closed.openings:
        traffic, whom = openings_words(judgement.closed, change.removed)
        was = was_or_were(judgement.closed)
        return f"edit closes {traffic}, which {was} open to {whom}", "edit a rule"
    done, to_do = _rules_phrases(change.added, change.direction, verb, past)
    return (f"{done}, others unreadable: cannot judge" if change.problems else done), to_do


def _is_part_of_before(judgement: Judgement, change: SecurityGroupChange) -> bool:
    """Whether an edit lets in a part of what the rules let in before, and nobody else."""
    both = exposure_of((*change.removed, *change.added))
    return not judgement.beside and both == judgement.closed


def _left_phrases(
    judgement: Judgement, traffic: str, whom: str, stood: str | None
) -> tuple[str, str]:
    """Of an edit that opens nothing."""
    if judgement.opened.breadth < judgement.closed.breadth:
        done = f"narrow{'s' if stood is None else 'ed'} {traffic} to {whom}{stood or ''}"
        return f"edit {done}", f"narrow {traffic} to {whom}"
    done = f"{'leaves' if stood is None else 'left'} {traffic} open to {whom}{stood or ''}"
    return f"edit {done}", f"leave {traffic} open to {whom}"


def _removed_phrases(finding: Finding, change: SecurityGroupChange) -> tuple[str, str]:
    if finding.judgement.closed.is_world_open:
        traffic, whom = openings_words(finding.judgement.closed, change.removed)
        return (
            f"a world-open rule was removed: {traffic} from {whom}",
            f"remove a world-open rule: {traffic} from {whom}",
        )
    if change.removed:
        return _rules_phrases(change.removed, change.direction, "remove", "removed")
    if change.matched_nothing:
        return "revoke matched no rule: nothing changed", "remove rules"
    if change.is_omitted:
        return "rules removed, but CloudTrail left them out: cannot judge", "remove rules"
    kind = f"{change.direction} rule"
    count = plural(len(change.rule_ids), kind) if change.rule_ids else f"{kind}s"
    return f"{count} removed, contents not recorded", f"remove {count}"


def _rules_phrases(
    rules: tuple[SecurityGroupRule, ...], direction: Direction, verb: str, past: str
) -> tuple[str, str]:
    """(`ingress rule added: tcp 443 from 10.0.0.0/8`, `add …`), or the number of rules."""
    if not rules:
        kind = "rules" if direction is Direction.UNKNOWN else f"{direction} rules"
        return f"{kind} {past}", f"{verb} {kind}"
    kind = f"{direction_words(rules[0].direction)} rule"
    if len(rules) > 1:
        count = plural(len(rules), kind)
        return f"{count} {past}", f"{verb} {count}"
    return f"{kind} {past}: {flow_words(rules[0])}", f"{verb} {kind}: {flow_words(rules[0])}"


# The rules.


def _item_list(mark: str, rules: _Rated, count: int, entry: DeliveredFinding) -> ItemList:
    since = words_since(entry)
    items = [
        Item(
            text=f"{rule_words(rule)}{_ranges_words(rule, entry)}"
            f"{since(rule) if mark == ADDED else ''}",
            rule_id=safe(rule.rule_id, 40) if rule.rule_id else None,
            description=safe(rule.description) if rule.description else None,
            concern=concern,
        )
        for rule, concern in rules
    ]
    return ItemList(mark=mark, noun="rule", items=tuple(items), count=count)


def _ranges_words(rule: SecurityGroupRule, entry: DeliveredFinding) -> str:
    """What the prefix list holds, or held, that a rule refers to, where that is known."""
    list_id = rule.peer.value if rule.peer.kind is PeerKind.PREFIX_LIST else ""
    ranges = entry.finding.lists.get(list_id)
    verb = "held" if list_id in entry.changed_lists else "holds"
    return "" if ranges is None else f", which {verb} {held_words(ranges)}"


def _lines(change: SecurityGroupChange, limits: Limits) -> Iterator[str]:
    """The description of a new group, and new descriptions of rules."""
    if change.group_description:
        yield f'Description: "{safe(change.group_description)}"'
    for it in change.descriptions[: limits.rules]:
        rule = flow_words(it.rule) if it.rule else safe(it.rule_id or "", 40)
        yield f'{rule}: "{safe(it.text)}"' if it.text else f"{rule}: description removed"
    left = len(change.descriptions) - limits.rules
    if left > 0:
        yield f"and {plural(left, 'more description')}: see the CloudTrail event"


def _rule_ids(change: SecurityGroupChange, limits: Limits) -> Iterator[str]:
    """The rules that are named by their ids alone."""
    if change.action is Action.REMOVE_RULES and change.rule_ids and not change.removed:
        shown = " ".join(safe(rule_id, 40) for rule_id in change.rule_ids[: limits.rules])
        yield f"{MISSED if change.matched_nothing else REMOVED} {shown}"


def _description_facts(described: RuleDescription, limits: Limits) -> dict[str, Any]:
    rule = described.rule
    return without_empty(
        rule_id=limits.cut(described.rule_id),
        rule=_rule_facts([(rule, ())], limits)[0] if rule else None,
        description=limits.cut(described.text),
    )


def _rule_facts(rules: _Rated, limits: Limits) -> list[dict[str, Any]]:
    return [
        without_empty(
            direction=rule.direction,
            protocol=rule.protocol,
            first_port=rule.ports.first if rule.ports else None,
            last_port=rule.ports.last if rule.ports else None,
            icmp_type=rule.icmp_type.type if rule.icmp_type else None,
            icmp_code=rule.icmp_type.code if rule.icmp_type else None,
            peer=_peer_facts(rule.peer, limits),
            rule_id=limits.cut(rule.rule_id),
            description=limits.cut(rule.description),
        )
        for rule, _ in rules
    ]


def _peer_facts(peer: Peer, limits: Limits) -> dict[str, Any]:
    return without_empty(kind=peer.kind, value=limits.cut(peer.value), account_id=peer.account_id)


def _rules_not_listed(change: SecurityGroupChange, most: int) -> int | None:
    lists = (change.added, change.removed, change.missed)
    return sum(max(0, len(rules) - most) for rules in lists) or None


# What a reader must not overlook.


def _notes(entry: DeliveredFinding, change: SecurityGroupChange) -> Iterator[str]:
    finding = entry.finding
    record = finding.record
    if finding.outcome is not Outcome.SUCCEEDED:
        is_duplicate = ((record and record.error_code) or "").endswith(
            "InvalidPermission.Duplicate"
        )
        if is_duplicate and finding.judgement.would_open_world:
            yield (
                "The group has this rule already: an earlier call opened it to the world."
                if len(change.added) == 1
                else "The group has one of these rules already, from an earlier call: it may be "
                "open to the world."
            )
        return
    if change.action is Action.MODIFY_RULES and _has_unknown_direction(change):
        yield (
            "The record shows neither the direction of the rule nor what it allowed before. "
            "It is judged as ingress."
        )
    yield from standing_notes(entry, change)
    is_by_id = bool(change.rule_ids) and not (change.removed or change.matched_nothing)
    if change.action is Action.REMOVE_RULES and is_by_id:
        yield "The record names the rules by id only. What they allowed is not recorded."
    if change.is_omitted:
        yield "CloudTrail left the rules out, as it does over 100 KB. Look at the group itself."


def _has_unknown_direction(change: SecurityGroupChange) -> bool:
    return any(rule.direction is Direction.UNKNOWN for rule in change.added)


def _reasons(finding: Finding, change: SecurityGroupChange) -> Iterator[str]:
    """Why it is as severe as it is, where no opening that is known says so."""
    if finding.outcome is not Outcome.SUCCEEDED:
        yield WOULD_OPEN
    elif change.cannot_be_judged:
        yield "the record does not show everything that changed"
    elif finding.judgement.opened.has_prefix_lists:
        yield "the ranges in the prefix list are not in the record: it may hold the world"


def _steps(entry: DeliveredFinding, change: SecurityGroupChange, undo: Undo) -> tuple[str, ...]:
    """What whoever is woken has to do: first, what closes it."""
    finding = entry.finding
    if change.cannot_be_judged:
        return _CANNOT_JUDGE_STEPS
    if change.action is Action.MODIFY_RULES and _has_unknown_direction(change):
        return _EDIT_STEPS
    close = _CLOSE
    if change.action is Action.MODIFY_RULES and change.removed:
        close = "Not planned? Remove the rule, or set it back."
    elif undo.commands and change.action is Action.ADD_RULES and not _is_of_others(entry):
        close += " The command removes only what the call added."
    if finding.judgement.opened.has_prefix_lists and not finding.judgement.opened.openings:
        return _UNSEEN_LIST_STEP, close
    return close, *_connected(finding), _PLANNED


def _is_of_others(entry: DeliveredFinding) -> bool:
    """Whether the command closes what other calls opened, too."""
    stays = entry.stays_open
    return stays is not None and (entry.ended is not None or not stays.taken.in_part)


def _connected(finding: Finding) -> Iterator[str]:
    """Who may have used it; nobody, where a look showed that nothing uses the group."""
    state = group_state_of(finding)
    is_seen = state is not None and state.has_all_interfaces
    if state is not None and is_seen and not state.interfaces:
        return
    reaches = "" if is_seen else "what it reaches, and "
    yield f"Then find out {reaches}who has connected since: VPC flow logs, the host's logins."
