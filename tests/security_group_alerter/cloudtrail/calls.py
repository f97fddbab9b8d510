"""Calls as CloudTrail records them: who asks what of EC2, and how EC2 writes it down."""

import re
from collections.abc import Callable, Sequence
from typing import Any

from security_group_alerter.cloudtrail.changes import change_of
from security_group_alerter.model.change import Change, SecurityGroupChange
from security_group_alerter.model.rules import PeerKind, SecurityGroupRule
from tests.security_group_alerter.builders import record, rule

INGRESS = "AuthorizeSecurityGroupIngress"
REVOKE = "RevokeSecurityGroupIngress"
MODIFY = "ModifySecurityGroupRules"
GROUP = {"groupId": "sg-0945dc6b613dff4fd"}
OMITTED = {"reason": "requestParameters too large", "omitted": True, "originalSize": 118264}
SSH = rule("tcp 22 from 0.0.0.0/0")
HTTPS = rule("tcp 443 from 0.0.0.0/0")


def change(
    event_name: str, request: object, response: object = None, **members: object
) -> Change | None:
    return change_of(
        record(
            eventName=event_name,
            requestParameters=request,
            responseElements=response,
            **{"eventSource": "ec2.amazonaws.com", **members},
        )
    )


def group_change(
    event_name: str, request: object, response: object = None, **members: object
) -> SecurityGroupChange:
    read = change(event_name, request, response, **members)
    assert isinstance(read, SecurityGroupChange)
    return read


Json = Any
Told = tuple[str, Json, Json]


def traffic(rule: SecurityGroupRule) -> Json:
    """Protocol and ports as EC2 answers them: -1 where there are none."""
    first = last = -1
    if rule.ports:
        first, last = rule.ports.first, rule.ports.last
    elif rule.icmp_type:
        first = rule.icmp_type.type
    return {"ipProtocol": rule.protocol, "fromPort": first, "toPort": last}


def api_permission(rule: SecurityGroupRule) -> Json:
    # https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_IpPermission.html
    lists: dict[PeerKind, tuple[str, str]] = {
        PeerKind.SECURITY_GROUP: ("groups", "groupId"),
        PeerKind.IPV4: ("ipRanges", "cidrIp"),
        PeerKind.IPV6: ("ipv6Ranges", "cidrIpv6"),
        PeerKind.PREFIX_LIST: ("prefixListIds", "prefixListId"),
    }
    permission = {**traffic(rule), **{name: [] for name, _ in lists.values()}}
    name, member = lists[rule.peer.kind]
    return {**permission, name: [{member: rule.peer.value, "description": rule.description}]}


def api_rule(rule: SecurityGroupRule) -> Json:
    # https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_SecurityGroupRuleRequest.html
    member = {
        PeerKind.SECURITY_GROUP: "referencedGroupId",
        PeerKind.IPV4: "cidrIpv4",
        PeerKind.IPV6: "cidrIpv6",
        PeerKind.PREFIX_LIST: "prefixListId",
    }[rule.peer.kind]
    return {**traffic(rule), member: rule.peer.value, "description": rule.description}


def revoked(rule: SecurityGroupRule) -> Json:
    # https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RevokedSecurityGroupRule.html
    ids = {**GROUP, "securityGroupRuleId": "sgr-0a1b2c3d"}
    return {**ids, "isEgress": False, **api_rule(rule)}


def answered(rule: SecurityGroupRule) -> Json:
    # https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_SecurityGroupRule.html
    members = revoked(rule)
    if "referencedGroupId" in members:
        members["referencedGroupInfo"] = {"groupId": members.pop("referencedGroupId")}
    return members


def asked(rules: Sequence[SecurityGroupRule]) -> Json:
    return {**GROUP, "ipPermissions": [api_permission(rule) for rule in rules]}


def edited(rules: Sequence[SecurityGroupRule]) -> Json:
    updates = [
        {"securityGroupRuleId": "sgr-0a1b2c3d", "securityGroupRule": api_rule(rule)}
        for rule in rules
    ]
    return {**GROUP, "securityGroupRule": updates}


def rewritten(
    value: Json, as_list: Callable[[list[Json]], Json], as_scalar: Callable[[Json], Json]
) -> Json:
    """The same with its lists and scalars in other words, from the inside out."""
    if isinstance(value, list):
        return as_list([rewritten(item, as_list, as_scalar) for item in value])
    if isinstance(value, dict):
        return {key: rewritten(member, as_list, as_scalar) for key, member in value.items()}
    return as_scalar(value)


def same(value: Json) -> Json:
    return value


def one_or_many(items: list[Json]) -> Json:
    return items[0] if len(items) == 1 else items


EMPTY: Json = {}


def older(value: Json, empty: Json = EMPTY) -> Json:
    """EC2's older serializer: a list is `{"items": […]}`, and an empty one `{}`, or whatever."""
    return rewritten(value, lambda items: {"items": items} if items else empty, same)


def newer(value: Json, tag: int | None = None) -> Json:
    """Its newer one: PascalCase; a list of one is that one; text like a number is a number."""
    if isinstance(value, list):
        items = [newer(item, number) for number, item in enumerate(value, 1)]
        return one_or_many(items) if items else ""
    if isinstance(value, dict):
        pascal = {key[:1].upper() + key[1:]: newer(member) for key, member in value.items()}
        return pascal | ({"tag": tag} if tag else {})
    if isinstance(value, str) and re.fullmatch(r"-?\d+", value):
        value = int(value)
    return {"content": value, "tag": tag} if tag else value


def newer_answer(value: Json) -> Json:
    """And its responses: camelCase, a list is `{"item": …}`."""
    return rewritten(value, lambda items: {"item": one_or_many(items)} if items else "", same)


def lone(value: Json) -> Json:
    """No list around a lone object."""
    return rewritten(value, one_or_many, same)


def by_number(value: Json) -> Json:
    """IANA's numbers for protocols."""
    numbers = {"icmp": "1", "tcp": "6", "udp": "17", "icmpv6": "58"}
    return rewritten(value, list, lambda scalar: numbers.get(scalar, scalar))
