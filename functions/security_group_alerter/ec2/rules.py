"""Answers of DescribeSecurityGroupRules become rules, and prefix list entries become ranges."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..model.rules import (
    Direction,
    Peer,
    PeerKind,
    SecurityGroupRule,
    peer_of_cidr,
    ports_of,
    protocol_of,
)
from .answers import (
    Read,
    UnreadableAnswerError,
    mapping_at,
    number_at,
    read,
    required_text_at,
    text_at,
)


def rules_in(items: Iterable[object]) -> Read[SecurityGroupRule]:
    """The rules, by group.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_SecurityGroupRule.html
    """
    return read(items, keys_in=lambda it: [required_text_at(it, "GroupId")], value_in=rule_of)


def rule_of(members: Mapping[str, Any]) -> SecurityGroupRule:
    """One rule. Raises ValueError when it is not as AWS documents it."""
    protocol = protocol_of(required_text_at(members, "IpProtocol"))
    ports, icmp_type = ports_of(
        protocol, number_at(members, "FromPort"), number_at(members, "ToPort")
    )
    return SecurityGroupRule(
        direction=_direction_of(members.get("IsEgress")),
        protocol=protocol,
        ports=ports,
        icmp_type=icmp_type,
        peer=_peer_of(members),
        rule_id=required_text_at(members, "SecurityGroupRuleId"),
        description=text_at(members, "Description"),
    )


def ranges_in(prefix_list_id: str, entries: Iterable[object]) -> Read[Peer]:
    """The ranges of one prefix list.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_PrefixListEntry.html
    """
    return read(
        entries,
        keys_in=lambda _: [prefix_list_id],
        value_in=lambda it: peer_of_cidr(required_text_at(it, "Cidr")),
    )


def _direction_of(is_egress: object) -> Direction:
    if not isinstance(is_egress, bool):
        raise UnreadableAnswerError("IsEgress: expected true or false")
    return Direction.EGRESS if is_egress else Direction.INGRESS


def _peer_of(members: Mapping[str, Any]) -> Peer:
    cidr = text_at(members, "CidrIpv4") or text_at(members, "CidrIpv6")
    if cidr is not None:
        return peer_of_cidr(cidr)
    prefix_list_id = text_at(members, "PrefixListId")
    if prefix_list_id is not None:
        return Peer(kind=PeerKind.PREFIX_LIST, value=prefix_list_id)
    group = mapping_at(members, "ReferencedGroupInfo")
    return Peer(
        kind=PeerKind.SECURITY_GROUP,
        value=required_text_at(group, "GroupId"),
        account_id=text_at(group, "UserId"),
    )
