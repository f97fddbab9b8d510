"""Step 3d: the ways in which EC2 writes a rule down become SecurityGroupRules.

CloudTrail records what the caller sent and what EC2 answered, and EC2 has several serializers:
nested `ipPermissions`, flat parameters, a response's `securityGroupRuleSet`, and the PascalCase
`<Call>Request` of its newer calls. They differ in the names and in how deep things lie, so one
reader knows every spelling of a member and reads all of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..model.dataclass import dataclass, replace
from ..model.rules import (
    Direction,
    IcmpType,
    Peer,
    PeerKind,
    PortRange,
    SecurityGroupRule,
    peer_of_cidr,
    ports_of,
    protocol_of,
)
from .json_values import account_id_in, flag_in, text_in

_CIDR_MEMBERS = ("cidrIp", "cidrIpv4", "cidrIpv6")
# A referenced group is written flat in a request, and as an object in lists and responses.
_GROUP_MEMBERS = ("referencedGroupId", "sourceSecurityGroupId", "sourceSecurityGroupName")
_GROUP_LISTS = ("groups", "userIdGroupPairs")
_PEER_LISTS = ("ipRanges", "ipv6Ranges", "prefixListIds", *_GROUP_LISTS)
_OWN_PEER_MEMBERS = frozenset(
    (*_CIDR_MEMBERS, *_GROUP_MEMBERS, "prefixListId", "referencedGroupInfo")
)
# What makes of a request a rule of its own, instead of a list of them.
FLAT_MEMBERS = _OWN_PEER_MEMBERS | {"ipProtocol"}
# What means nothing: every serializer writes it in its own way.
_EMPTY: tuple[Any, ...] = (None, "", {}, [])


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """The rules in a part of a record, and what in it could not be read, with its path."""

    rules: tuple[SecurityGroupRule, ...] = ()
    problems: tuple[str, ...] = ()


def members_of(value: object) -> Mapping[str, Any]:
    """An object's members with lowerCamel names, whichever serializer wrote it; else none."""
    if not isinstance(value, dict):
        return {}
    # Capital letters come before small ones.
    if min(value, default="a") < "a":
        return {key[:1].lower() + key[1:]: member for key, member in value.items()}
    return value


def items_in(value: object) -> list[Any]:
    """A list, in any of EC2's ways: array, `{"items": …}`, `{"item": …}`, one object, "" or {}."""
    members = members_of(value)
    if "items" in members or "item" in members:
        return items_in_array(members.get("items", members.get("item")))
    return items_in_array(value)


def items_in_array(value: object) -> list[Any]:
    """The elements of an array; a lone object counts as one, an empty thing as none."""
    if isinstance(value, list):
        return value
    return [] if value in _EMPTY else [value]


def parameters_of(value: object, wrapper: str) -> Mapping[str, Any]:
    """Request parameters or response elements, taken out of `<Call>Request|Response` if need be."""
    members = members_of(value)
    wrapped = wrapper[:1].lower() + wrapper[1:]
    return members_of(members[wrapped]) if wrapped in members else members


def was_omitted(*parts: Mapping[str, Any]) -> bool:
    """CloudTrail leaves out request or response over 100 KB, and writes `omitted: true` instead.

    https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
    """
    return any(flag_in(part, "omitted") for part in parts)


def unknown_in(request: Mapping[str, Any], known: frozenset[str]) -> tuple[str, ...]:
    """The names of parameters that a reader does not know: AWS adds some from time to time."""
    return tuple(
        name for name, value in request.items() if name not in known and value not in _EMPTY
    )


# What any request may carry, and what stands in the place of one that was omitted.
ANY_REQUEST = frozenset(
    {"clientToken", "dryRun", "tag", "tagSpecification", "tagSpecifications"}
    | {"tagSpecificationSet", "xmlns", "omitted", "originalSize", "reason"}
)


def permissions_reading(parameters: Mapping[str, Any], direction: Direction) -> Reading:
    """The rules of a request: its nested permissions and its flat one."""
    reading = rules_reading(parameters.get("ipPermissions"), direction, "ipPermissions")
    if not _has_any(parameters, FLAT_MEMBERS):
        return reading
    return joined(reading, rules_reading([parameters], direction, "requestParameters"))


def rules_reading(value: object, direction: Direction, path: str) -> Reading:
    """The rules of a list of permissions or of flat rules. The path names what fails."""
    rules: list[SecurityGroupRule] = []
    problems: list[str] = []
    for index, item in enumerate(items_in(value)):
        where = f"{path}[{index}]"
        if isinstance(item, dict):
            rules.extend(_rules_in(members_of(item), direction, where, problems))
        else:
            problems.append(f"{where}: expected an object, found {type(item).__name__}")
    return Reading(rules=tuple(rules), problems=tuple(problems))


def joined(first: Reading, second: Reading) -> Reading:
    """What is in either: every rule once, the first's where they are equal."""
    rules = dict.fromkeys(first.rules + second.rules)
    return Reading(rules=tuple(rules), problems=first.problems + second.problems)


def reading_of(request: Reading, response: Reading) -> Reading:
    """The response wins where it is whole: it is canonical and has the rule ids.

    Else both are read, and a request that is whole fills every gap. A response with fewer rules
    than were asked for was cut: a call that succeeded did all that it was asked. Either way, what
    one says of a rule and the other does not (its description, whose group it refers to) is taken
    from the other.
    """
    response = completed(response, request)
    if response.problems and request.rules and not request.problems:
        return joined(Reading(rules=response.rules), request)
    is_cut = len(response.rules) < len(set(request.rules))
    is_whole = response.rules and not response.problems and not is_cut
    return response if is_whole else joined(response, request)


def completed(reading: Reading, other: Reading) -> Reading:
    """The same rules, each with what only the other reading says of it."""
    others = {rule: rule for rule in other.rules}
    rules = tuple(_completed(rule, others.get(rule, rule)) for rule in reading.rules)
    return Reading(rules=rules, problems=reading.problems)


def _completed(rule: SecurityGroupRule, other: SecurityGroupRule) -> SecurityGroupRule:
    lacks_account = rule.peer.account_id is None and other.peer.account_id is not None
    lacks_description = rule.description is None and other.description is not None
    if not (lacks_account or lacks_description):
        return rule
    return replace(
        rule,
        peer=other.peer if lacks_account else rule.peer,
        description=rule.description or other.description,
    )


def _rules_in(
    permission: Mapping[str, Any], direction: Direction, where: str, problems: list[str]
) -> Iterator[SecurityGroupRule]:
    try:
        protocol = _protocol_in(permission)
        ports, icmp_type = _ports_in(permission, protocol)
    except ValueError as error:
        problems.append(f"{where}: {error}")
        return
    is_egress = flag_in(permission, "isEgress")
    if is_egress is not None:
        direction = Direction.EGRESS if is_egress else Direction.INGRESS
    for peer, description in _peers_in(permission, where, problems):
        yield SecurityGroupRule(
            direction=direction,
            protocol=protocol,
            ports=ports,
            icmp_type=icmp_type,
            peer=peer,
            rule_id=text_in(permission, "securityGroupRuleId"),
            description=description,
        )


def _peers_in(
    permission: Mapping[str, Any], where: str, problems: list[str]
) -> Iterator[tuple[Peer, str | None]]:
    """Every peer with its description: the permission's own, then those in its lists."""
    places = [
        (members_of({"referencedGroupInfo": item} if name in _GROUP_LISTS else item), item, name)
        for name in _PEER_LISTS
        if name in permission
        for item in items_in(permission[name])
    ]
    if not places or _has_any(permission, _OWN_PEER_MEMBERS):
        places.insert(0, (permission, permission, "peer"))
    for members, item, name in places:
        try:
            peers = [*_own_peers_in(members)]
        except ValueError as error:
            problems.append(f"{where}.{name}: {error}")
            continue
        if not peers:
            problems.append(f"{where}.{name}: expected a CIDR, a prefix list or a group")
        yield from ((peer, text_in(members_of(item), "description")) for peer in peers)


def _has_any(members: Mapping[str, Any], names: frozenset[str]) -> bool:
    return any(members[name] not in _EMPTY for name in names & members.keys())


def _own_peers_in(members: Mapping[str, Any]) -> Iterator[Peer]:
    for name in _CIDR_MEMBERS:
        if members.get(name) not in _EMPTY:
            yield peer_of_cidr(_text_at(members, name))
    if members.get("prefixListId") not in _EMPTY:
        yield Peer(kind=PeerKind.PREFIX_LIST, value=_text_at(members, "prefixListId"))
    group = members_of(members.get("referencedGroupInfo"))
    named = (
        text_in(group, "groupId")
        or text_in(group, "groupName")
        or next(filter(None, (text_in(members, name) for name in _GROUP_MEMBERS)), None)
    )
    if named is not None:
        owner = account_id_in(group, "userId") or account_id_in(
            members, "sourceSecurityGroupOwnerId"
        )
        yield Peer(kind=PeerKind.SECURITY_GROUP, value=named, account_id=owner)


def _protocol_in(permission: Mapping[str, Any]) -> str | None:
    if permission.get("ipProtocol") in _EMPTY:
        return None
    return protocol_of(_text_at(permission, "ipProtocol"))


def _ports_in(
    permission: Mapping[str, Any], protocol: str | None
) -> tuple[PortRange | None, IcmpType | None]:
    first, last = _number_in(permission, "fromPort"), _number_in(permission, "toPort")
    return ports_of(protocol, first, last)


def _number_in(members: Mapping[str, Any], name: str) -> int | None:
    """A port, or an ICMP type or code; None when it is missing."""
    if members.get(name) in _EMPTY:
        return None
    text = _text_at(members, name)
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"{name}: expected a whole number, found {text[:100]!r}") from None


def _text_at(members: Mapping[str, Any], name: str) -> str:
    text = text_in(members, name)
    if text is None:
        raise ValueError(f"{name}: expected text, found {type(members[name]).__name__}")
    return text
