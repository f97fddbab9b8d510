"""What to look at to decide about a change of a security group: read-only commands."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from ...model import ids
from ...model.change import Action, SecurityGroupChange
from ...model.finding import Finding
from ...model.rules import Direction, PeerKind
from .group_undo import GROUP_NAME
from .standing_words import group_state_of
from .words import Look, event_looks, ranges_look

# In a filter's shorthand, commas and brackets would mean something, and a space at the end is lost.
_PLAIN_NAME = re.compile(r"(?!.* $)[a-zA-Z0-9._/(][a-zA-Z0-9 ._\-:/()#+;&!$]*")
_INTERFACES = (
    "NetworkInterfaces[].{Id:NetworkInterfaceId,Used_by:Description,Instance:Attachment.InstanceId,"
    "Public:Association.PublicIp,IPv6:Ipv6Addresses[0].Ipv6Address,Private:PrivateIpAddress}"
)
_RULES = (
    "SecurityGroupRules[].{Id:SecurityGroupRuleId,Egress:IsEgress,Protocol:IpProtocol,"
    "From:FromPort,To:ToPort,IPv4:CidrIpv4,IPv6:CidrIpv6,List:PrefixListId,"
    "Group:ReferencedGroupInfo.GroupId,Description:Description}"
)


def group_looks(finding: Finding, change: SecurityGroupChange) -> Iterator[Look]:
    """The commands, the most urgent first: only for what no look has shown."""
    group_id = ids.valid(ids.SECURITY_GROUP, change.group_id)
    for prefix_list_id in _prefix_lists(change):
        if prefix_list_id not in finding.lists:
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
        rules = Look(
            shows="Which rules the group has now",
            words=(
                *("ec2", "describe-security-group-rules"),
                *("--filters", "Name=group-id,Values={}"),
                *("--query", _RULES, "--output", "table"),
            ),
            value=group_id,
            takes_many=True,
            how_to_read="0.0.0.0/0 or ::/0 where Egress is False is open to the Internet.",
        )
        # Where the record does not show what was opened, the rules come first.
        is_shown = change.action is Action.ADD_RULES and not change.cannot_be_judged
        state = group_state_of(finding)
        # What a look has shown needs no command.
        looks = (
            (attached, state is not None and state.has_all_interfaces),
            (rules, state is not None and state.has_all_rules),
        )
        yield from (look for look, is_seen in looks[:: 1 if is_shown else -1] if not is_seen)
    elif (name := ids.valid(GROUP_NAME, change.group_name)) and change.group_id is None:
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
