"""What a call did to a security group."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from ...judgement.exposure import exposure_of
from ...model import ids
from ...model.change import Action, SecurityGroupChange
from ...model.exposure import Breadth
from ...model.finding import Effect, Finding
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
from ..people import NOT_RECORDED
from ..rule_words import (
    concern_of,
    direction_words,
    flow_words,
    openings_words,
    rule_words,
    worst_of,
)
from ..text import plural, safe
from ..undo import NOT_ENOUGH, NoUndoError, needed, undo_of
from .words import (
    ADDED,
    MISSED,
    REMOVED,
    Changed,
    Item,
    ItemList,
    Weakened,
    problem_lines,
)

_PROTOCOL = re.compile(r"[a-z0-9-]{1,10}")
_LOOKS = (
    (
        "What the group is attached to",
        "ec2 describe-network-interfaces --region {region} --filters Name=group-id,Values={ids}",
    ),
    (
        "Which rules the group has now",
        "ec2 describe-security-group-rules --region {region} --filters Name=group-id,Values={ids}",
    ),
)
# A rule with its place in the order of concern.
_Rated = Sequence[tuple[SecurityGroupRule, tuple[object, ...]]]


def security_group_changed(
    finding: Finding, change: SecurityGroupChange, limits: Limits
) -> Changed:
    """A group that was created, deleted or associated, or whose rules or descriptions changed."""
    done, to_do = _phrases(finding, change)
    added, removed, missed = (
        worst_of(rules, limits.rules, lambda rule: concern_of(exposure_of((rule,))))
        for rules in (change.added, change.removed, change.missed)
    )
    succeeded = finding.outcome is Outcome.SUCCEEDED
    acceptance = tuple(_acceptance_words(finding))
    group_name = change.group_name and f'"{safe(change.group_name)}"'
    group = _joined(change.group_id and safe(change.group_id, 80), group_name)
    return Changed(
        done=done,
        to_do=to_do,
        target=_joined(
            f"on {group or 'a group that is ' + NOT_RECORDED}",
            f"in {safe(change.vpc_id, 40)}" if change.vpc_id else None,
        ),
        called=_joined(change.group_id, change.group_name)
        or "a group that the record does not name",
        repeats_headline=not (change.added or change.removed),
        before=(f'Description: "{safe(change.group_description)}"',)
        if change.group_description
        else (),
        lists=(
            _item_list(ADDED, added, len(change.added)),
            _item_list(REMOVED, removed, len(change.removed)),
            _item_list(MISSED, missed, len(change.missed)),
        ),
        after=(*_rule_ids(change, limits), *problem_lines(change.problems, limits.rules)),
        notes=(*acceptance, *_notes(finding, change)) if succeeded else (),
        acceptance=acceptance,
        undo=undo_of(finding, lambda: _undo(change)),
        looked_at=ids.valid(ids.SECURITY_GROUP, change.group_id),
        looks=_LOOKS,
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
            "rules_removed": _rule_facts(removed, limits),
            "rules_not_found": _rule_facts(missed, limits),
            "rule_ids": [limits.cut(rule_id) for rule_id in change.rule_ids[: limits.rules]],
            "rules_not_listed": _rules_not_listed(change, limits.rules),
            "not_readable": [limits.cut(problem) for problem in change.problems[: limits.rules]],
            "is_omitted": change.is_omitted or None,
        },
    )


def _joined(*words: str | None) -> str:
    return " ".join(filter(None, words))


# The headline.


def _phrases(finding: Finding, change: SecurityGroupChange) -> tuple[str, str]:
    """(What was done, what was to be done) to the security group."""
    if change.action in (Action.ADD_RULES, Action.MODIFY_RULES):
        return _added_phrases(finding, change)
    if change.action is Action.REMOVE_RULES:
        return _removed_phrases(finding, change)
    name = safe(change.group_name or change.group_id or "", 60)
    vpc = safe(change.vpc_id or "of unrecorded id", 40)
    return {
        Action.CREATE: (f"security group {name} created", f"create security group {name}"),
        Action.DELETE: (f"security group {name} deleted", f"delete security group {name}"),
        Action.DESCRIBE_RULES: ("rule descriptions changed", "change rule descriptions"),
        Action.ASSOCIATE_VPC: (f"{name} associated with VPC {vpc}", f"associate VPC {vpc}"),
        Action.DISASSOCIATE_VPC: (
            f"{name} disassociated from VPC {vpc}",
            f"disassociate VPC {vpc}",
        ),
    }[change.action]


def _added_phrases(finding: Finding, change: SecurityGroupChange) -> tuple[str, str]:
    opened = finding.judgement.foremost
    is_edit = change.action is Action.MODIFY_RULES
    if change.is_omitted:
        verb = "edited" if is_edit else "added"
        return f"rules {verb}, but CloudTrail left them out: cannot judge", "change rules"
    if opened.breadth >= Breadth.BROAD:
        traffic, whom = openings_words(opened)
        to_do = f"open {traffic} to {whom}"
        # The record of an edit does not name the direction of the rule.
        return f"edit may {to_do}" if is_edit else f"{traffic} open to {whom}", to_do
    verb, past = ("edit", "edited") if is_edit else ("add", "added")
    done, to_do = _rules_phrases(change.added, verb, past)
    return (f"{done}, others unreadable: cannot judge" if change.problems else done), to_do


def _removed_phrases(finding: Finding, change: SecurityGroupChange) -> tuple[str, str]:
    if finding.judgement.closed.is_world_open:
        traffic, whom = openings_words(finding.judgement.closed)
        return (
            f"a world-open rule was removed: {traffic} from {whom}",
            f"remove a world-open rule: {traffic} from {whom}",
        )
    if change.removed:
        return _rules_phrases(change.removed, "remove", "removed")
    if change.matched_nothing:
        return "revoke that matched no rule: nothing changed", "remove rules"
    if change.is_omitted:
        return "rules removed, but CloudTrail left them out: cannot judge", "remove rules"
    count = plural(len(change.rule_ids), f"{change.direction} rule") if change.rule_ids else "rules"
    return f"{count} removed, contents not recorded", f"remove {count}"


def _rules_phrases(rules: tuple[SecurityGroupRule, ...], verb: str, past: str) -> tuple[str, str]:
    """(`ingress rule added: tcp 443 from 10.0.0.0/8`, `add …`), or the number of rules."""
    if not rules:
        return f"rules {past}", f"{verb} rules"
    kind = f"{direction_words(rules[0].direction)} rule"
    if len(rules) > 1:
        count = plural(len(rules), kind)
        return f"{count} {past}", f"{verb} {count}"
    return f"{kind} {past}: {flow_words(rules[0])}", f"{verb} {kind}: {flow_words(rules[0])}"


# The rules.


def _item_list(mark: str, rules: _Rated, count: int) -> ItemList:
    items = [
        Item(
            text=rule_words(rule),
            rule_id=safe(rule.rule_id, 40) if rule.rule_id else None,
            description=safe(rule.description) if rule.description else None,
            concern=concern,
        )
        for rule, concern in rules
    ]
    return ItemList(mark=mark, noun="rule", items=tuple(items), count=count)


def _rule_ids(change: SecurityGroupChange, limits: Limits) -> Iterator[str]:
    """The rules that are named by their ids alone."""
    if change.rule_ids and not change.removed:
        shown = " ".join(safe(rule_id, 40) for rule_id in change.rule_ids[: limits.rules])
        mark = MISSED if change.matched_nothing else REMOVED
        yield shown if change.action is Action.DESCRIBE_RULES else f"{mark} {shown}"


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


def _acceptance_words(finding: Finding) -> Iterator[str]:
    """Whose exceptions cover the opening, and which have run out."""
    acceptance = finding.judgement.acceptance
    how = "Accepted" if acceptance.covers_all else "Accepted in part"
    for entry in acceptance.used:
        yield f"{how} until {entry.expires} by {safe(entry.owner)}: {safe(entry.reason)}"
    for entry in acceptance.expired:
        yield (
            f"An acceptance by {safe(entry.owner)} ran out on {entry.expires} and no longer "
            f"counts: {safe(entry.reason)}"
        )


def _notes(finding: Finding, change: SecurityGroupChange) -> Iterator[str]:
    if change.action is Action.MODIFY_RULES:
        yield (
            "The record tells neither the direction of the rule nor what it allowed before. "
            "It is judged as ingress."
        )
    is_by_id = bool(change.rule_ids) and not (change.removed or change.matched_nothing)
    if change.action is Action.REMOVE_RULES and is_by_id:
        yield "The record names the rules by id only. What they allowed is not recorded."
    if change.is_omitted:
        yield "CloudTrail left the rules out, as it does over 100 KB. Look at the group itself."
    if finding.judgement.opened.has_prefix_lists:
        yield "The record does not tell which ranges the prefix list holds."
    if finding.judgement.effect is Effect.CLOSES:
        yield "A world-open rule was removed. Another may still stand on this group."


# The way back.


def _undo(change: SecurityGroupChange) -> list[str]:
    if change.action is Action.MODIFY_RULES:
        raise NoUndoError("what the rule allowed before is not recorded")
    if change.action is Action.DELETE:
        raise NoUndoError("a deleted group cannot be brought back")
    if change.matched_nothing:
        raise NoUndoError("nothing was removed")
    group_id = needed(ids.SECURITY_GROUP, change.group_id)
    if change.action is Action.CREATE:
        return ["ec2", "delete-security-group", "--group-id", group_id]
    if change.action in (Action.ASSOCIATE_VPC, Action.DISASSOCIATE_VPC):
        verb = "disassociate" if change.action is Action.ASSOCIATE_VPC else "associate"
        options = ["--group-id", group_id, "--vpc-id", needed(ids.VPC, change.vpc_id)]
        return ["ec2", f"{verb}-security-group-vpc", *options]
    if change.problems or change.is_omitted or change.action is Action.DESCRIBE_RULES:
        raise NoUndoError(NOT_ENOUGH)
    if change.action is Action.ADD_RULES:
        return _rules_command("revoke", change.added, group_id)
    return _rules_command("authorize", change.removed, group_id)


def _rules_command(verb: str, rules: Sequence[SecurityGroupRule], group_id: str) -> list[str]:
    directions = {rule.direction for rule in rules}
    if len(directions) != 1 or Direction.UNKNOWN in directions:
        raise NoUndoError(NOT_ENOUGH)
    command = ["ec2", f"{verb}-security-group-{directions.pop()}", "--group-id", group_id]
    rule_ids = [ids.valid(ids.SECURITY_GROUP_RULE, rule.rule_id) for rule in rules]
    if verb == "revoke" and all(rule_ids):
        return [*command, "--security-group-rule-ids", *filter(None, rule_ids)]
    permissions = [_ip_permission_of(rule) for rule in rules]
    return [*command, "--ip-permissions", json.dumps(permissions, separators=(",", ":"))]


def _ip_permission_of(rule: SecurityGroupRule) -> dict[str, Any]:
    """The rule as the AWS CLI takes it.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_IpPermission.html
    """
    permission: dict[str, Any] = {"IpProtocol": needed(_PROTOCOL, rule.protocol)}
    if rule.ports is not None:
        permission |= {"FromPort": rule.ports.first, "ToPort": rule.ports.last}
    elif rule.protocol in ICMP_PROTOCOLS:
        icmp = rule.icmp_type
        code = -1 if icmp is None or icmp.code is None else icmp.code
        permission |= {"FromPort": -1 if icmp is None else icmp.type, "ToPort": code}
    return permission | _peer_member_of(rule.peer)


def _peer_member_of(peer: Peer) -> dict[str, Any]:
    match peer.kind:
        case PeerKind.IPV4:
            return {"IpRanges": [{"CidrIp": peer.value}]}
        case PeerKind.IPV6:
            return {"Ipv6Ranges": [{"CidrIpv6": peer.value}]}
        case PeerKind.PREFIX_LIST:
            prefix_list_id = needed(ids.PREFIX_LIST, peer.value)
            return {"PrefixListIds": [{"PrefixListId": prefix_list_id}]}
        case PeerKind.SECURITY_GROUP:
            group_id = needed(ids.SECURITY_GROUP, peer.value)
            owner = {"UserId": peer.account_id} if peer.account_id else {}
            return {"UserIdGroupPairs": [{"GroupId": group_id, **owner}]}
