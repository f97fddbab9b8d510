"""What each Describe call of Amazon EC2 lists of a state, and the filters that choose among it.

https://docs.aws.amazon.com/AWSEC2/latest/APIReference/OperationList-query.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ..service_models import session
from .region_state import Described, RegionState

Request = Mapping[str, str]


class UnknownCallError(Exception):
    """A call that is not emulated. The text says what of it is not known."""


class RefusedError(Exception):
    """An error of AWS's: its code, and the message."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Place:
    """An account and Region, and what stands there."""

    account_id: str
    region: str
    state: RegionState


Values = Callable[[Described], Iterable[object]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ids:
    """The parameter that names single items by id, and what is said of one that is not there."""

    parameter: str
    member: str
    error_code: str
    noun: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """An operation that lists things: the member of its answer, and how to choose among them."""

    result: str
    things: Callable[[Place, Request], Iterable[Described]]
    filters: Callable[[Place], Mapping[str, Values]]
    ids: Ids | None = None
    parameters: frozenset[str] = frozenset()
    # Amazon EC2 has no pages of Regions.
    has_pages: bool = True


def tags_of(thing: Described) -> list[dict[str, str]]:
    """The tags of a thing, each with its key and value. Interfaces have another name for them."""
    tags = [*thing.get("Tags", []), *thing.get("TagSet", [])]
    return [{"Key": "", "Value": "", **tag} for tag in tags]


def members_of(request: Request, parameter: str) -> list[str]:
    """The values of a parameter that is a list: `GroupId.1=…&GroupId.2=…`."""
    return [value for name, value in request.items() if name.split(".")[0] == parameter]


def _member(*path: str) -> Values:
    """The values of a member, or of a member of a member; lists are gone through."""

    def values(thing: Any) -> Iterator[object]:
        level = [thing]
        for name in path:
            level = [it[name] for it in level if name in it]
            level = [x for it in level for x in (it if isinstance(it, list) else [it])]
        return iter(level)

    return values


_TAG_KEYS: Final[Mapping[str, Values]] = {
    "tag-key": lambda thing: [it["Key"] for it in tags_of(thing)]
}


# What each operation lists.


def _security_groups(place: Place, _: Request) -> Iterator[Described]:
    rules_of: dict[str, list[Described]] = {}
    for rule in place.state.security_group_rules:
        rules_of.setdefault(rule["GroupId"], []).append(rule)
    for group in place.state.security_groups:
        rules = rules_of.get(group["GroupId"], [])
        yield {
            **group,
            "IpPermissions": _permissions_of(it for it in rules if not it["IsEgress"]),
            "IpPermissionsEgress": _permissions_of(it for it in rules if it["IsEgress"]),
        }


# A member of a rule -> the list of a permission that it goes into.
_PEERS: Final = {
    "CidrIpv4": ("IpRanges", "CidrIp"),
    "CidrIpv6": ("Ipv6Ranges", "CidrIpv6"),
    "PrefixListId": ("PrefixListIds", "PrefixListId"),
}


def _permissions_of(rules: Iterable[Described]) -> list[dict[str, Any]]:
    """Rules in the older form: one permission for each protocol and range of ports."""
    permissions: dict[tuple[Any, ...], dict[str, Any]] = {}
    for rule in rules:
        ports = {} if rule["IpProtocol"] == "-1" else _only(rule, "FromPort", "ToPort")
        about = {"IpProtocol": rule["IpProtocol"], **ports}
        permission = permissions.setdefault((*about.values(),), about)
        described = _only(rule, "Description")
        for member, (name, key) in _PEERS.items():
            if member in rule:
                permission.setdefault(name, []).append({key: rule[member], **described})
        if group := rule.get("ReferencedGroupInfo"):
            pair = _only(group, "GroupId", "UserId", "VpcId", "VpcPeeringConnectionId")
            permission.setdefault("UserIdGroupPairs", []).append({**pair, **described})
    return list(permissions.values())


def _only(thing: Described, *names: str) -> dict[str, Any]:
    return {name: thing[name] for name in names if name in thing}


def _vpcs(place: Place, _: Request) -> list[Described]:
    """What is listed, and what things stand in: a VPC that is not listed is the account's."""
    listed = {it["VpcId"]: it for it in place.state.vpcs}
    standing = (*place.state.security_groups, *place.state.network_interfaces)
    for vpc_id in sorted({it["VpcId"] for it in standing if "VpcId" in it} - listed.keys()):
        listed[vpc_id] = {
            "VpcId": vpc_id,
            "OwnerId": place.account_id,
            "IsDefault": False,
            "State": "available",
        }
    return list(listed.values())


def _entries(place: Place, request: Request) -> Iterator[Described]:
    wanted = request["PrefixListId"]
    for prefix_list in place.state.managed_prefix_lists:
        if prefix_list["PrefixListId"] == wanted:
            yield from prefix_list["Entries"]
            return
    raise RefusedError(
        "InvalidPrefixListID.NotFound", f"The prefix list ID '{wanted}' does not exist"
    )


# A list of a state -> the id of its members, and what a tag calls them.
_TAGGED: Final = (
    ("security_groups", "GroupId", "security-group"),
    ("security_group_rules", "SecurityGroupRuleId", "security-group-rule"),
    ("network_interfaces", "NetworkInterfaceId", "network-interface"),
    ("managed_prefix_lists", "PrefixListId", "prefix-list"),
    ("vpcs", "VpcId", "vpc"),
)


def _tags(place: Place, _: Request) -> Iterator[Described]:
    for name, member, resource_type in _TAGGED:
        for thing in getattr(place.state, name):
            for tag in tags_of(thing):
                yield {"ResourceId": thing[member], "ResourceType": resource_type, **tag}


def _regions(place: Place, request: Request) -> list[Described]:
    """Every Region is enabled."""
    names = {*session().get_available_regions("ec2"), place.region}
    wanted = members_of(request, "RegionName")
    for name in wanted:
        if name not in names:
            raise RefusedError("InvalidParameterValue", f"Invalid region provided: {name}")
    return [
        {
            "RegionName": name,
            "Endpoint": f"ec2.{name}.amazonaws.com",
            "OptInStatus": "opt-in-not-required",
        }
        for name in sorted(wanted or names)
    ]


def _of_state(name: str) -> Callable[[Place, Request], Iterable[Described]]:
    def things(place: Place, _: Request) -> Iterable[Described]:
        described: tuple[Described, ...] = getattr(place.state, name)
        return described

    return things


def _always(filters: Mapping[str, Values]) -> Callable[[Place], Mapping[str, Values]]:
    return lambda _: filters


def _filters_of_groups(place: Place) -> Mapping[str, Values]:
    """Those by rules look where rules are read from."""

    def by_prefix_list(*, is_egress: bool) -> Values:
        return lambda group: [
            rule["PrefixListId"]
            for rule in place.state.security_group_rules
            if rule["GroupId"] == group["GroupId"]
            and rule["IsEgress"] == is_egress
            and "PrefixListId" in rule
        ]

    return {
        "group-id": _member("GroupId"),
        "group-name": _member("GroupName"),
        "vpc-id": _member("VpcId"),
        "owner-id": _member("OwnerId"),
        "ip-permission.prefix-list-id": by_prefix_list(is_egress=False),
        "egress.ip-permission.prefix-list-id": by_prefix_list(is_egress=True),
        **_TAG_KEYS,
    }


LISTINGS: Final[Mapping[str, Listing]] = {
    "DescribeSecurityGroups": Listing(
        result="SecurityGroups",
        things=_security_groups,
        filters=_filters_of_groups,
        ids=Ids(
            parameter="GroupId",
            member="GroupId",
            error_code="InvalidGroup.NotFound",
            noun="security group",
        ),
    ),
    "DescribeSecurityGroupRules": Listing(
        result="SecurityGroupRules",
        things=_of_state("security_group_rules"),
        filters=_always(
            {
                "group-id": _member("GroupId"),
                "security-group-rule-id": _member("SecurityGroupRuleId"),
                **_TAG_KEYS,
            }
        ),
        ids=Ids(
            parameter="SecurityGroupRuleId",
            member="SecurityGroupRuleId",
            error_code="InvalidSecurityGroupRuleId.NotFound",
            noun="security group rule ID",
        ),
    ),
    "DescribeNetworkInterfaces": Listing(
        result="NetworkInterfaces",
        things=_of_state("network_interfaces"),
        filters=_always(
            {
                "association.public-ip": _member("Association", "PublicIp"),
                "attachment.instance-id": _member("Attachment", "InstanceId"),
                "attachment.instance-owner-id": _member("Attachment", "InstanceOwnerId"),
                "description": _member("Description"),
                "group-id": _member("Groups", "GroupId"),
                "group-name": _member("Groups", "GroupName"),
                "interface-type": _member("InterfaceType"),
                "network-interface-id": _member("NetworkInterfaceId"),
                "owner-id": _member("OwnerId"),
                "requester-id": _member("RequesterId"),
                "status": _member("Status"),
                "subnet-id": _member("SubnetId"),
                "vpc-id": _member("VpcId"),
                **_TAG_KEYS,
            }
        ),
        ids=Ids(
            parameter="NetworkInterfaceId",
            member="NetworkInterfaceId",
            error_code="InvalidNetworkInterfaceID.NotFound",
            noun="networkInterface ID",
        ),
        parameters=frozenset({"IncludeManagedResources"}),
    ),
    "DescribeVpcs": Listing(
        result="Vpcs",
        things=_vpcs,
        filters=_always(
            {
                "is-default": _member("IsDefault"),
                "owner-id": _member("OwnerId"),
                "state": _member("State"),
                "vpc-id": _member("VpcId"),
                **_TAG_KEYS,
            }
        ),
        ids=Ids(
            parameter="VpcId", member="VpcId", error_code="InvalidVpcID.NotFound", noun="vpc ID"
        ),
    ),
    "DescribeSecurityGroupVpcAssociations": Listing(
        result="SecurityGroupVpcAssociations",
        things=_of_state("security_group_vpc_associations"),
        filters=_always(
            {
                "group-id": _member("GroupId"),
                "group-owner-id": _member("GroupOwnerId"),
                "state": _member("State"),
                "vpc-id": _member("VpcId"),
                "vpc-owner-id": _member("VpcOwnerId"),
            }
        ),
    ),
    "DescribeManagedPrefixLists": Listing(
        result="PrefixLists",
        things=_of_state("managed_prefix_lists"),
        filters=_always(
            {
                "owner-id": _member("OwnerId"),
                "prefix-list-id": _member("PrefixListId"),
                "prefix-list-name": _member("PrefixListName"),
                **_TAG_KEYS,
            }
        ),
        ids=Ids(
            parameter="PrefixListId",
            member="PrefixListId",
            error_code="InvalidPrefixListID.NotFound",
            noun="prefix list ID",
        ),
    ),
    "GetManagedPrefixListEntries": Listing(
        result="Entries",
        things=_entries,
        filters=_always({}),
        parameters=frozenset({"PrefixListId"}),
    ),
    "DescribeTags": Listing(
        result="Tags",
        things=_tags,
        filters=_always(
            {
                "key": _member("Key"),
                "resource-id": _member("ResourceId"),
                "resource-type": _member("ResourceType"),
                "value": _member("Value"),
            }
        ),
    ),
    "DescribeRegions": Listing(
        result="Regions",
        things=_regions,
        filters=_always(
            {"opt-in-status": _member("OptInStatus"), "region-name": _member("RegionName")}
        ),
        parameters=frozenset({"AllRegions", "RegionName"}),
        has_pages=False,
    ),
}
