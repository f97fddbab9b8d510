"""What a call did to a security group."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from operator import itemgetter
from typing import Any

from ...judgement.exposure import exposure_of
from ...judgement.touched_ports import standing_with
from ...model import ids
from ...model.alert import DeliveredFinding
from ...model.change import Action, RuleDescription, SecurityGroupChange
from ...model.exposure import Breadth, Exposure
from ...model.finding import Effect, Finding, Judgement
from ...model.record import Outcome
from ...model.rules import (
    ICMP_PROTOCOLS,
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
    openings_words,
    rule_words,
    touches,
    traffic_words,
    worst_of,
    worst_openings_in,
)
from ..text import listed, plural, safe
from ..undo import NOT_ENOUGH, NoUndoError, Step, needed, undo_of
from .words import (
    ADDED,
    MISSED,
    NOT_NAMED,
    REMOVED,
    WOULD_OPEN,
    Changed,
    Item,
    ItemList,
    Look,
    Weakened,
    acceptance_words,
    event_looks,
    problem_lines,
    ranges_look,
    rules_look,
    unknown_lines,
)

_PROTOCOL = re.compile(r"[a-z0-9-]{1,10}")
# Fewer characters than EC2 takes in either. To the AWS CLI, `-` begins an option, and `file://`
# names a file to be sent; `@`, `*` and `&amp;` mean something in a chat.
# https://docs.aws.amazon.com/cli/latest/userguide/cli-usage-parameters-file.html
_DESCRIPTION = re.compile(r"(?!.*://)[a-zA-Z0-9 ._\-:/(),+=;!$]{1,255}")
# In a filter's shorthand, commas and brackets would mean something, and a space at the end is lost.
_PLAIN_NAME = re.compile(r"(?!.* $)[a-zA-Z0-9._/(][a-zA-Z0-9 ._\-:/()#+;&!$]*")
_GROUP_NAME = re.compile(
    r"(?!-)(?!.*://)(?!.*&[a-zA-Z0-9#]+;)[a-zA-Z0-9 ._\-:/()#,\[\]+=&;{}!$]{1,255}"
)
_STEPS = (
    "Not planned? Close it now. The command removes only what was opened.",
    "Then find out what it reaches, and who has connected since: VPC flow logs, the host's logins.",
    "Planned? Narrow the range, or add it to accepted_openings.toml.",
)
_EDIT_STEPS = (
    "Look at the group's rules: an edited egress rule lets nobody in.",
    "Open to the Internet, and not planned? Remove the rule, or set it back.",
    "Then find out what it reaches, and who has connected since: VPC flow logs, the host's logins.",
)
_CANNOT_JUDGE_STEPS = (
    "Look at the group's rules now.",
    "Close what is open to the Internet and not planned.",
)
_UNSEEN_LIST_STEPS = (
    "Look at the ranges in the prefix list: the rule lets them in.",
    "Not planned? Close it now. The command removes only what was opened.",
)
_INTERFACES = (
    "NetworkInterfaces[].{Id:NetworkInterfaceId,Used_by:Description,Instance:Attachment.InstanceId,"
    "Public:Association.PublicIp,IPv6:Ipv6Addresses[0].Ipv6Address,Private:PrivateIpAddress}"
)
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
    return Changed(
        noun="Group",
        called=_called(change) or NOT_NAMED,
        within=safe(change.vpc_id, 40) if change.vpc_id else None,
        reasons=tuple(_reasons(finding, change)),
        repeats_headline=not (change.added or change.removed),
        lines=tuple(_lines(change, limits)),
        lists=tuple(
            _item_list(mark, rated, len(rules), entry.revoked)
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
        description=_description_of_worst(finding, [rule for rule, _ in _worst_first(added)]),
        notes=(*acceptance, *_notes(finding, change)),
        acceptance=acceptance,
        undo=undo_of(entry, lambda: _steps_back(entry, change)),
        looks=tuple(_looks(finding, change)),
        steps=_steps(finding, change),
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


def _called(change: SecurityGroupChange) -> str:
    name = change.group_name and f'"{safe(change.group_name)}"'
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
        is_accepted = opened is judgement.unaccepted and _is_accepted(rule, judgement)
        if is_accepted or not exposure_of((rule,)).openings:
            continue
        if any(touches(rule, opening) for opening in foremost):
            yield rule


def _worst_first(rated: _Rated) -> _Rated:
    return sorted(rated, key=itemgetter(1), reverse=True)


# The headline.


def security_group_phrases(finding: Finding, change: SecurityGroupChange) -> tuple[str, str]:
    """(What was done, what was to be done) to the security group."""
    if change.action in (Action.ADD_RULES, Action.MODIFY_RULES):
        return _added_phrases(finding, change)
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


def _added_phrases(finding: Finding, change: SecurityGroupChange) -> tuple[str, str]:
    judgement = finding.judgement
    opened, is_in_part = judgement.foremost, judgement.foremost is judgement.unaccepted
    is_edit = change.action is Action.MODIFY_RULES
    if change.is_omitted:
        verb = "edited" if is_edit else "added"
        return f"rules {verb}, but CloudTrail left them out: cannot judge", "change rules"
    if opened.breadth >= Breadth.BROAD:
        rules = judgement.unaccepted_rules if is_in_part else change.added
        traffic, whom = openings_words(opened, rules)
        if is_edit and _has_unknown_direction(change):
            # The record of an edit does not name the direction of the rule.
            return f"edit may open {traffic} to {whom}", f"edit a rule: {traffic}, {whom}"
        opens = f"edit opens {traffic} to {whom}" if is_edit else f"{traffic} open to {whom}"
        return opens, f"open {traffic} to {whom}"
    verb, past = ("edit", "edited") if is_edit else ("add", "added")
    if judgement.effect is Effect.CLOSES and judgement.closed.openings:
        traffic, whom = openings_words(judgement.closed, change.removed)
        return f"edit closes {traffic}, which was open to {whom}", "edit a rule"
    done, to_do = _rules_phrases(change.added, change.direction, verb, past)
    return (f"{done}, others unreadable: cannot judge" if change.problems else done), to_do


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


def _item_list(
    mark: str, rules: _Rated, count: int, revoked: frozenset[SecurityGroupRule]
) -> ItemList:
    items = [
        Item(
            text=f"{rule_words(rule)}{' (revoked since)' if rule in revoked else ''}",
            rule_id=safe(rule.rule_id, 40) if rule.rule_id else None,
            description=safe(rule.description) if rule.description else None,
            concern=concern,
        )
        for rule, concern in rules
    ]
    return ItemList(mark=mark, noun="rule", items=tuple(items), count=count)


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


def _notes(finding: Finding, change: SecurityGroupChange) -> Iterator[str]:
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
    yield from _standing_notes(finding, change)
    is_by_id = bool(change.rule_ids) and not (change.removed or change.matched_nothing)
    if change.action is Action.REMOVE_RULES and is_by_id:
        yield "The record names the rules by id only. What they allowed is not recorded."
    if change.is_omitted:
        yield "CloudTrail left the rules out, as it does over 100 KB. Look at the group itself."


def _has_unknown_direction(change: SecurityGroupChange) -> bool:
    return any(rule.direction is Direction.UNKNOWN for rule in change.added)


def _standing_notes(finding: Finding, change: SecurityGroupChange) -> Iterator[str]:
    """What stands beside what the call changed, as far as that is known."""
    moment, judgement = finding.moment, finding.judgement
    if judgement.beside:
        rules = listed([_standing_words(rule) for rule in judgement.beside], 3)
        yield f"Open together with what stood before: {rules}."
    is_whole = moment is not None and moment.is_whole
    if moment is not None and judgement.closed.is_world_open and not moment.ended:
        left = standing_with(change.removed, (it.rule for it in moment.after))
        rules = listed([_standing_words(rule) for rule in left], 3)
        yield f"The ports stay open to the world: {rules}."
    elif moment is not None and change.action is Action.DELETE:
        ended = (it for life in moment.ended for it in life.openings)
        words = dict.fromkeys(traffic_words(it.protocol, it.ports) for it in ended)
        if words:
            yield f"What was open to the world goes with the group: {listed([*words], 3)}."
    elif judgement.effect is Effect.CLOSES and not is_whole:
        yield "Another rule may still keep the group open to the world."


def _standing_words(rule: SecurityGroupRule) -> str:
    return f"{flow_words(rule)}{f' [{safe(rule.rule_id, 40)}]' if rule.rule_id else ''}"


def _reasons(finding: Finding, change: SecurityGroupChange) -> Iterator[str]:
    """Why it is as severe as it is, where no opening that is known says so."""
    if finding.outcome is not Outcome.SUCCEEDED:
        yield WOULD_OPEN
    elif change.cannot_be_judged:
        yield "the record does not show everything that changed"
    elif finding.judgement.opened.has_prefix_lists:
        yield "the ranges in the prefix list are not in the record: it may hold the world"


def _steps(finding: Finding, change: SecurityGroupChange) -> tuple[str, ...]:
    if change.cannot_be_judged:
        return _CANNOT_JUDGE_STEPS
    if change.action is Action.MODIFY_RULES and _has_unknown_direction(change):
        return _EDIT_STEPS
    is_unseen = finding.judgement.opened.has_prefix_lists and not finding.judgement.opened.openings
    return _UNSEEN_LIST_STEPS if is_unseen else _STEPS


# What to look at.


def _looks(finding: Finding, change: SecurityGroupChange) -> Iterator[Look]:
    group_id = ids.valid(ids.SECURITY_GROUP, change.group_id)
    for prefix_list_id in _prefix_lists(change):
        yield ranges_look(prefix_list_id)
    if group_id is not None:
        attached = Look(
            shows="What the group is attached to",
            words=(
                *("ec2", "describe-network-interfaces"),
                *("--filters", "Name=group-id,Values={}"),
                *("--query", _INTERFACES, "--output", "table"),
            ),
            value=group_id,
            takes_many=True,
            how_to_read="A row with a Public or IPv6 address can be reached from the Internet. "
            "No row: nothing uses the group.",
        )
        rules = rules_look(group_id)
        # Where the record does not show what was opened, the rules come first.
        is_shown = change.action is Action.ADD_RULES and not change.cannot_be_judged
        yield from (attached, rules) if is_shown else (rules, attached)
    elif (name := ids.valid(_GROUP_NAME, change.group_name)) and change.group_id is None:
        # Only this call finds a group by its name.
        is_plain = _PLAIN_NAME.fullmatch(name) is not None
        yield Look(
            shows="The group of this name, and its rules",
            words=(
                *("ec2", "describe-security-groups", "--filters"),
                "Name=group-name,Values={}" if is_plain else "{}",
                *("--query", "SecurityGroups[].{Id:GroupId,Vpc:VpcId,In:IpPermissions}"),
                *("--output", "table"),
            ),
            value=name if is_plain else json.dumps([{"Name": "group-name", "Values": [name]}]),
            how_to_read="0.0.0.0/0 or ::/0 is open to the Internet.",
        )
    elif not (change.group_id or change.group_name) and finding.record is not None:
        yield from event_looks(finding.record.event_id)


def _prefix_lists(change: SecurityGroupChange) -> Iterator[str]:
    for rule in change.added:
        if rule.peer.kind is PeerKind.PREFIX_LIST and rule.direction is not Direction.EGRESS:
            yield from filter(None, (ids.valid(ids.PREFIX_LIST, rule.peer.value),))


# The way back.


def _steps_back(entry: DeliveredFinding, change: SecurityGroupChange) -> Iterator[Step]:
    if change.action is Action.DELETE:
        raise NoUndoError("a deleted group cannot be brought back")
    if change.matched_nothing:
        raise NoUndoError("nothing was removed")
    if change.action is Action.CREATE:
        yield Step(words=["ec2", "delete-security-group", *_group_options(change)])
    elif change.action in (Action.ASSOCIATE_VPC, Action.DISASSOCIATE_VPC):
        yield _associated(change)
    elif change.action is Action.MODIFY_RULES:
        yield from _setting_back(entry, change)
    elif change.problems or change.is_omitted or change.action is Action.DESCRIBE_RULES:
        raise NoUndoError(NOT_ENOUGH)
    elif change.action is Action.ADD_RULES:
        yield from _revoking(entry, change)
    else:
        yield _authorizing(entry.finding, change)


def _group_options(change: SecurityGroupChange, *, may_be_name: bool = True) -> list[str]:
    """Not every call takes a group by its name."""
    if may_be_name and change.group_id is None and change.group_name is not None:
        if not _GROUP_NAME.fullmatch(change.group_name):
            raise NoUndoError("the group's name has characters that no command may hold")
        return ["--group-name", change.group_name]
    return ["--group-id", needed(ids.SECURITY_GROUP, change.group_id, "group id")]


def _associated(change: SecurityGroupChange) -> Step:
    verb, warning = "disassociate", None
    if change.action is Action.DISASSOCIATE_VPC:
        verb, warning = "associate", "this lets the VPC use the group again"
    group = _group_options(change, may_be_name=False)
    vpc = ["--vpc-id", needed(ids.VPC, change.vpc_id, "VPC id")]
    return Step(words=["ec2", f"{verb}-security-group-vpc", *group, *vpc], warning=warning)


def _revoking(entry: DeliveredFinding, change: SecurityGroupChange) -> Iterator[Step]:
    """First what is open to the Internet; then the whole call, where that is more."""
    left = [rule for rule in change.added if rule not in entry.revoked]
    judgement = entry.finding.judgement
    unaccepted = [rule for rule in left if not _is_accepted(rule, judgement)]
    opening = _open_to_the_internet(unaccepted, judgement.foremost)
    whole = f"Undo what is left of the call ({plural(len(left), 'rule')})"
    if not entry.revoked:
        whole = f"Undo the whole call ({plural(len(left), 'rule')})"
    if opening and len(opening) < len(left):
        is_in_part = judgement.foremost is judgement.unaccepted
        what = "open to the Internet and not accepted" if is_in_part else "open to the Internet"
        does = f"Close what is {what} ({plural(len(opening), 'rule')})"
        yield Step(words=_rules_command("revoke", opening, change), does=does)
        yield Step(words=_rules_command("revoke", left, change), does=whole)
    else:
        does_all = whole if entry.revoked else None
        yield Step(words=_rules_command("revoke", left, change), does=does_all)


def _open_to_the_internet(
    rules: Sequence[SecurityGroupRule], opened: Exposure
) -> list[SecurityGroupRule]:
    """The rules without which no port of these is open to much of the Internet."""
    wide = [opening for opening in opened.openings if opening.share.breadth >= Breadth.BROAD]
    openers = [
        rule
        for rule in rules
        if exposure_of((rule,)).openings and any(touches(rule, opening) for opening in wide)
    ]
    alone = [rule for rule in openers if exposure_of((rule,)).breadth >= Breadth.BROAD]
    rest = exposure_of({*openers} - {*alone})
    return openers if rest.breadth >= Breadth.BROAD else alone


def _is_accepted(rule: SecurityGroupRule, judgement: Judgement) -> bool:
    """Whether accepted openings cover the whole rule, where they do not cover the whole call."""
    if judgement.unaccepted is None or rule in judgement.unaccepted_rules:
        return False
    return not any(_is_part(left, rule) for left in judgement.unaccepted_rules)


def _is_part(part: SecurityGroupRule, rule: SecurityGroupRule) -> bool:
    """Whether these are some of the ports of the rule."""
    # The peer first: it tells a thousand rules apart the fastest.
    if part.peer.value != rule.peer.value or part.ports is None or rule.ports is None:
        return False
    is_within = rule.ports.first <= part.ports.first and part.ports.last <= rule.ports.last
    return is_within and replace(rule, ports=part.ports) == part


def _setting_back(entry: DeliveredFinding, change: SecurityGroupChange) -> Iterator[Step]:
    """First what is open to the Internet; then the contents that the edited rules had before."""
    if not change.removed:
        raise NoUndoError("what the rule allowed before is not in the record")
    opening = _open_to_the_internet(change.added, entry.finding.judgement.foremost)
    if opening:
        does = f"Remove what is open to the Internet ({plural(len(opening), 'rule')})"
        yield Step(words=_rules_command("revoke", opening, change), does=does)
    edits = [
        {
            "SecurityGroupRuleId": needed(ids.SECURITY_GROUP_RULE, rule.rule_id, "rule id"),
            "SecurityGroupRule": _rule_request_of(rule),
        }
        for rule in change.removed
    ]
    yield Step(
        words=[
            *("ec2", "modify-security-group-rules", *_group_options(change, may_be_name=False)),
            *("--security-group-rules", json.dumps(edits, separators=(",", ":"))),
        ],
        does=f"Set back what was edited ({plural(len(edits), 'rule')})",
        warning="this lets through again what the rule let through before",
    )


def _rule_request_of(rule: SecurityGroupRule) -> dict[str, Any]:
    """The contents of a rule as the AWS CLI takes them for an edit.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_SecurityGroupRuleRequest.html
    """
    permission = _ip_permission_of(rule, with_description=True)
    [(name, [member])] = [(it, permission.pop(it)) for it in _PEER_LISTS if it in permission]
    peer = member[_PEER_LISTS[name][0]]
    described = {"Description": member["Description"]} if "Description" in member else {}
    return permission | {_PEER_LISTS[name][1]: peer} | described


# Where a rule's peer stands in a permission, and in the contents of a rule.
_PEER_LISTS = {
    "IpRanges": ("CidrIp", "CidrIpv4"),
    "Ipv6Ranges": ("CidrIpv6", "CidrIpv6"),
    "PrefixListIds": ("PrefixListId", "PrefixListId"),
    "UserIdGroupPairs": ("GroupId", "ReferencedGroupId"),
}


def _authorizing(finding: Finding, change: SecurityGroupChange) -> Step:
    warning = "this lets the traffic through again"
    if finding.judgement.closed.is_world_open:
        warning = "this opens it to the world again"
    has_lost = any(
        rule.description and not _DESCRIPTION.fullmatch(rule.description) for rule in change.removed
    )
    does = "Put the rules back, but not every description: some cannot stand in a command"
    return Step(
        words=_rules_command("authorize", change.removed, change),
        does=does if has_lost else None,
        warning=warning,
    )


def _rules_command(
    verb: str, rules: Sequence[SecurityGroupRule], change: SecurityGroupChange
) -> list[str]:
    directions = {rule.direction for rule in rules}
    if len(directions) != 1 or Direction.UNKNOWN in directions:
        raise NoUndoError(NOT_ENOUGH)
    direction = directions.pop()
    group = _group_options(change, may_be_name=direction is Direction.INGRESS)
    command = ["ec2", f"{verb}-security-group-{direction}", *group]
    rule_ids = [ids.valid(ids.SECURITY_GROUP_RULE, rule.rule_id) for rule in rules]
    if verb == "revoke" and all(rule_ids):
        return [*command, "--security-group-rule-ids", *filter(None, rule_ids)]
    is_whole = verb == "authorize"
    permissions = [_ip_permission_of(rule, with_description=is_whole) for rule in rules]
    return [*command, "--ip-permissions", json.dumps(permissions, separators=(",", ":"))]


def _ip_permission_of(rule: SecurityGroupRule, *, with_description: bool) -> dict[str, Any]:
    """The rule as the AWS CLI takes it.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_IpPermission.html
    """
    permission: dict[str, Any] = {"IpProtocol": needed(_PROTOCOL, rule.protocol, "protocol")}
    if rule.ports is not None:
        permission |= {"FromPort": rule.ports.first, "ToPort": rule.ports.last}
    elif rule.protocol in ICMP_PROTOCOLS:
        icmp = rule.icmp_type
        code = -1 if icmp is None or icmp.code is None else icmp.code
        permission |= {"FromPort": -1 if icmp is None else icmp.type, "ToPort": code}
    name, member = _peer_member_of(rule.peer)
    if with_description and ids.valid(_DESCRIPTION, rule.description):
        member["Description"] = rule.description or ""
    return permission | {name: [member]}


def _peer_member_of(peer: Peer) -> tuple[str, dict[str, str]]:
    match peer.kind:
        case PeerKind.IPV4:
            return "IpRanges", {"CidrIp": peer.value}
        case PeerKind.IPV6:
            return "Ipv6Ranges", {"CidrIpv6": peer.value}
        case PeerKind.PREFIX_LIST:
            prefix_list_id = needed(ids.PREFIX_LIST, peer.value, "prefix list id")
            return "PrefixListIds", {"PrefixListId": prefix_list_id}
        case PeerKind.SECURITY_GROUP:
            group_id = needed(ids.SECURITY_GROUP, peer.value, "id of the group that it refers to")
            owner = {"UserId": peer.account_id} if peer.account_id else {}
            return "UserIdGroupPairs", {"GroupId": group_id, **owner}
