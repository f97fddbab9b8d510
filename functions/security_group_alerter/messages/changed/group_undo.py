"""The way back from a change of a security group: the commands, the one that closes most first."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ...judgement.exposure import exposure_of
from ...judgement.touched_ports import with_ranges
from ...model import ids
from ...model.alert import DeliveredFinding
from ...model.change import Action, SecurityGroupChange
from ...model.compact_json import compact_json
from ...model.exposure import Breadth, Exposure
from ...model.exposure_life import EndedHow
from ...model.finding import Finding
from ...model.rules import ICMP_PROTOCOLS, Direction, Peer, PeerKind, SecurityGroupRule
from ..rule_words import touches
from ..text import plural
from ..undo import NOT_ENOUGH, NoUndoError, Step, needed

_PROTOCOL = re.compile(r"[a-z0-9-]{1,10}")
# Fewer characters than EC2 takes in either. To the AWS CLI, `-` begins an option, and `file://`
# names a file to be sent; `@`, `*` and `&amp;` mean something in a chat.
# https://docs.aws.amazon.com/cli/latest/userguide/cli-usage-parameters-file.html
_DESCRIPTION = re.compile(r"(?!.*://)[a-zA-Z0-9 ._\-:/(),+=;!$]{1,255}")
GROUP_NAME = re.compile(
    r"(?!-)(?!.*://)(?!.*&[a-zA-Z0-9#]+;)[a-zA-Z0-9 ._\-:/()#,\[\]+=&;{}!$]{1,255}"
)


def steps_back(entry: DeliveredFinding, change: SecurityGroupChange) -> Iterator[Step]:
    """The steps, in the order to take them. Raises NoUndoError where there is none."""
    if change.action is Action.DELETE:
        raise NoUndoError("a deleted group cannot be brought back")
    stays = entry.stays_open
    own = {rule.rule_id for rule in change.added} - {None}
    # A list that was emptied may be filled again: then all of the call's rules are left.
    is_rest = entry.ended is not None and entry.ended.how is not EndedHow.PREFIX_LIST
    if stays is not None and is_rest:
        does = f"Close what stays open ({plural(len(stays.rules), 'rule')})"
        yield Step(words=_rules_command("revoke", stays.rules, change), does=does)
        return
    by_others = stays is not None and not own.issuperset(rule.rule_id for rule in stays.rules)
    if stays is not None and by_others and not stays.taken.in_part:
        does = f"Close what keeps the ports open ({plural(len(stays.rules), 'rule')})"
        yield Step(words=_rules_command("revoke", stays.rules, change), does=does)
        return
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
        if not GROUP_NAME.fullmatch(change.group_name):
            raise NoUndoError("the group's name has characters that no command may hold")
        if change.vpc_id is not None:
            # EC2 looks for a name in the default VPC alone, where another group may have it.
            raise NoUndoError("the record names the group and its VPC, and a command needs its id")
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
    unaccepted = [rule for rule in left if not judgement.is_accepted(rule)]
    opening = _open_to_the_internet(unaccepted, judgement.foremost, entry.finding.lists)
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
    rules: Sequence[SecurityGroupRule], opened: Exposure, lists: Mapping[str, tuple[Peer, ...]]
) -> list[SecurityGroupRule]:
    """The rules without which no port of these is open to much of the Internet."""
    wide = [opening for opening in opened.openings if opening.share.breadth >= Breadth.BROAD]
    exposures = {rule: exposure_of(with_ranges((rule,), lists)) for rule in rules}
    openers = [
        rule
        for rule in rules
        if exposures[rule].openings and any(touches(rule, opening) for opening in wide)
    ]
    alone = [rule for rule in openers if exposures[rule].breadth >= Breadth.BROAD]
    rest = exposure_of(with_ranges({*openers} - {*alone}, lists))
    return openers if rest.breadth >= Breadth.BROAD else alone


def _setting_back(entry: DeliveredFinding, change: SecurityGroupChange) -> Iterator[Step]:
    """First what is open to the Internet; then the contents that the edited rules had before."""
    finding = entry.finding
    added = [rule for rule in change.added if rule not in entry.revoked]
    gone = {rule.rule_id for rule in entry.revoked}
    removed = [rule for rule in change.removed if rule.rule_id not in gone]
    opening = _open_to_the_internet(added, finding.judgement.foremost, finding.lists)
    has_directions = all(rule.direction is not Direction.UNKNOWN for rule in opening)
    if not removed and not (opening and has_directions):
        raise NoUndoError("what the rule allowed before is not in the record")
    if opening:
        count = plural(len(opening), "edited rule")
        does = f"Remove what is open to the Internet ({count}, also what it allowed before)"
        yield Step(words=_rules_command("revoke", opening, change), does=does)
    if not removed:
        return
    edits = [
        {
            "SecurityGroupRuleId": needed(ids.SECURITY_GROUP_RULE, rule.rule_id, "rule id"),
            "SecurityGroupRule": _rule_request_of(rule),
        }
        for rule in removed
    ]
    yield Step(
        words=[
            *("ec2", "modify-security-group-rules", *_group_options(change, may_be_name=False)),
            *("--security-group-rules", compact_json(edits)),
        ],
        does=f"Set back what was edited ({plural(len(edits), 'rule')})",
        warning=(
            "this opens it to the world again"
            if finding.judgement.closed.is_world_open
            else "this lets through again what the rule let through before"
        ),
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
    return [*command, "--ip-permissions", compact_json(permissions)]


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
