"""Amazon EC2's Describe calls, answered from a state: filters, pages and errors are AWS's.

What is not known here (an operation, a parameter, a filter) raises UnknownCallError: a gap in this
module must not look like an account in which nothing stands.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from ..service_models import session
from .region_state import Described, RegionState
from .shapes import model_of

# https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
_MOST_VALUES: Final = 200
# Where the model does not say it.
_SMALLEST_PAGE: Final = 5
_LARGEST_PAGE: Final = 1000
_FILTER: Final = re.compile(r"Filter\.(\d+)\.Name")
# Parameters that say how to ask, not what for.
_OF_THE_PROTOCOL: Final = {"Action", "Version", "DryRun", "NextToken", "MaxResults"}

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
class _Ids:
    """The parameter that names single items by id, and what is said of one that is not there."""

    parameter: str
    member: str
    error_code: str
    noun: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Listing:
    """An operation that lists things: the member of its answer, and how to choose among them."""

    result: str
    things: Callable[[Place, Request], Iterable[Described]]
    filters: Callable[[Place], Mapping[str, Values]]
    ids: _Ids | None = None
    parameters: frozenset[str] = frozenset()
    # Amazon EC2 has no pages of Regions.
    has_pages: bool = True


def answer(operation: str, request: Request, place: Place) -> dict[str, Any]:
    """What the operation returns, in the members of its model.

    Raises RefusedError for what AWS refuses, and UnknownCallError.
    """
    if operation == "DescribeVpcBlockPublicAccessOptions":
        _check_parameters(operation, request, frozenset())
        return {"VpcBlockPublicAccessOptions": place.state.block_public_access}
    listing = _LISTINGS.get(operation)
    if listing is None:
        raise UnknownCallError(f"{operation} is not emulated")
    named = {listing.ids.parameter} if listing.ids else set()
    _check_parameters(operation, request, listing.parameters | named)
    things = list(listing.things(place, request))
    if listing.ids:
        _check_combination(operation, request)
        things = _by_id(things, listing.ids, _members(request, listing.ids.parameter))
    for name, wanted in _filters_in(request).items():
        values_of = _values_for(operation, name, listing.filters(place))
        things = [it for it in things if _is_among(values_of(it), wanted)]
    if not listing.has_pages:
        return {listing.result: things}
    return _page(operation, request, listing.result, things)


def _check_parameters(operation: str, request: Request, known: frozenset[str]) -> None:
    for name in request:
        first = name.split(".")[0]
        if first not in _OF_THE_PROTOCOL | known | {"Filter"}:
            raise UnknownCallError(f"{operation}: the parameter {name} is not emulated")


def _check_combination(operation: str, request: Request) -> None:
    """Interfaces by their ids have no pages.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeNetworkInterfaces.html
    """
    if operation == "DescribeNetworkInterfaces" and {"NetworkInterfaceId.1", "MaxResults"} <= set(
        request
    ):
        raise RefusedError(
            "InvalidParameterCombination",
            "The parameter networkInterfaceIds cannot be used with the parameter maxResults",
        )


def _members(request: Request, parameter: str) -> list[str]:
    """The values of a parameter that is a list: `GroupId.1=…&GroupId.2=…`."""
    return [value for name, value in request.items() if name.split(".")[0] == parameter]


def _by_id(things: list[Described], ids: _Ids, wanted: list[str]) -> list[Described]:
    if not wanted:
        return things
    there = {it[ids.member]: it for it in things}
    for identifier in wanted:
        if identifier not in there:
            raise RefusedError(ids.error_code, f"The {ids.noun} '{identifier}' does not exist")
    return [there[identifier] for identifier in dict.fromkeys(wanted)]


# Filters: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Filtering.html


def _filters_in(request: Request) -> dict[str, list[str]]:
    """Name -> values. One of the values has to match, and each of the filters."""
    filters: dict[str, list[str]] = {}
    for parameter, name in request.items():
        if found := _FILTER.fullmatch(parameter):
            prefix = f"Filter.{found[1]}.Value."
            filters[name] = [it for key, it in request.items() if key.startswith(prefix)]
    if sum(map(len, filters.values())) > _MOST_VALUES:
        raise RefusedError(
            "FilterLimitExceeded",
            f"The maximum number of filter values specified on a single call is {_MOST_VALUES}",
        )
    return filters


def _values_for(operation: str, name: str, known: Mapping[str, Values]) -> Values:
    if name.startswith("tag:"):
        key = name.removeprefix("tag:")
        return lambda it: [tag["Value"] for tag in _tags_of(it) if tag["Key"] == key]
    if name not in known:
        raise UnknownCallError(f"{operation}: the filter {name} is not emulated")
    return known[name]


def _is_among(values: Iterable[object], wanted: Iterable[str]) -> bool:
    patterns = [_pattern_of(it) for it in wanted]
    return any(
        pattern.fullmatch(str(value).lower() if isinstance(value, bool) else str(value))
        for value in values
        for pattern in patterns
    )


@cache
def _pattern_of(value: str) -> re.Pattern[str]:
    r"""`*` stands for any characters and `?` for one; `\` before them takes that away."""
    wild = {"*": ".*", "?": "."}
    parts = re.findall(r"\\.|.", value, re.DOTALL)
    return re.compile("".join(wild.get(it, re.escape(it[-1])) for it in parts), re.DOTALL)


def _tags_of(thing: Described) -> list[dict[str, str]]:
    # Network interfaces have another name for them.
    tags: list[dict[str, str]] = [*thing.get("Tags", []), *thing.get("TagSet", [])]
    return tags


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
    "tag-key": lambda thing: [it["Key"] for it in _tags_of(thing)]
}


# Pages.


def _page(operation: str, request: Request, result: str, things: list[Any]) -> dict[str, Any]:
    size = _size_of_page(operation, request)
    asked = "&".join(f"{name}={it}" for name, it in sorted(request.items()) if name != "NextToken")
    size = len(things) if size is None else size
    start = _start_of_page(request.get("NextToken"), f"{operation}?{asked}")
    page: dict[str, Any] = {result: things[start : start + size]}
    if start + size < len(things):
        page["NextToken"] = _token_of(start + size, f"{operation}?{asked}")
    return page


def _size_of_page(operation: str, request: Request) -> int | None:
    """None for all, which is what AWS returns of most things if nobody says how many."""
    limits = _limits_of(operation)
    least, most = limits.get("min", _SMALLEST_PAGE), limits.get("max", _LARGEST_PAGE)
    if "MaxResults" not in request:
        return None if most == _LARGEST_PAGE else int(most)
    size = int(request["MaxResults"])
    if not least <= size <= most:
        raise RefusedError(
            "InvalidParameterValue",
            f"Value ( {size} ) for parameter maxResults is invalid. "
            f"Expecting a value between {least} and {most}.",
        )
    return size


def _limits_of(operation: str) -> Mapping[str, int]:
    shape = model_of("ec2").operation_model(operation).input_shape
    assert shape  # noqa: S101 (each of them takes parameters)
    limits: Mapping[str, int] = shape.members["MaxResults"].metadata
    return limits


def _token_of(start: int, asked: str) -> str:
    return urlsafe_b64encode(f"{start} {asked}".encode()).decode()


def _start_of_page(token: str | None, asked: str) -> int:
    """Where the page begins. A token is good for the request that it was given for."""
    if token is None:
        return 0
    try:
        start, _, rest = urlsafe_b64decode(token).decode().partition(" ")
    except ValueError:
        start, rest = "", ""
    if rest != asked:
        raise RefusedError("InvalidPaginationToken", "The pagination token is not valid.")
    return int(start)


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
            for tag in _tags_of(thing):
                yield {"ResourceId": thing[member], "ResourceType": resource_type, **tag}


def _regions(place: Place, request: Request) -> list[Described]:
    """Every Region is enabled."""
    names = {*session().get_available_regions("ec2"), place.region}
    wanted = _members(request, "RegionName")
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


_LISTINGS: Final[Mapping[str, _Listing]] = {
    "DescribeSecurityGroups": _Listing(
        result="SecurityGroups",
        things=_security_groups,
        filters=_filters_of_groups,
        ids=_Ids(
            parameter="GroupId",
            member="GroupId",
            error_code="InvalidGroup.NotFound",
            noun="security group",
        ),
    ),
    "DescribeSecurityGroupRules": _Listing(
        result="SecurityGroupRules",
        things=_of_state("security_group_rules"),
        filters=_always(
            {
                "group-id": _member("GroupId"),
                "security-group-rule-id": _member("SecurityGroupRuleId"),
                **_TAG_KEYS,
            }
        ),
        ids=_Ids(
            parameter="SecurityGroupRuleId",
            member="SecurityGroupRuleId",
            error_code="InvalidSecurityGroupRuleId.NotFound",
            noun="security group rule ID",
        ),
    ),
    "DescribeNetworkInterfaces": _Listing(
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
        ids=_Ids(
            parameter="NetworkInterfaceId",
            member="NetworkInterfaceId",
            error_code="InvalidNetworkInterfaceID.NotFound",
            noun="networkInterface ID",
        ),
        parameters=frozenset({"IncludeManagedResources"}),
    ),
    "DescribeVpcs": _Listing(
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
        ids=_Ids(
            parameter="VpcId", member="VpcId", error_code="InvalidVpcID.NotFound", noun="vpc ID"
        ),
    ),
    "DescribeSecurityGroupVpcAssociations": _Listing(
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
    "DescribeManagedPrefixLists": _Listing(
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
        ids=_Ids(
            parameter="PrefixListId",
            member="PrefixListId",
            error_code="InvalidPrefixListID.NotFound",
            noun="prefix list ID",
        ),
    ),
    "GetManagedPrefixListEntries": _Listing(
        result="Entries",
        things=_entries,
        filters=_always({}),
        parameters=frozenset({"PrefixListId"}),
    ),
    "DescribeTags": _Listing(
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
    "DescribeRegions": _Listing(
        result="Regions",
        things=_regions,
        filters=_always(
            {"opt-in-status": _member("OptInStatus"), "region-name": _member("RegionName")}
        ),
        parameters=frozenset({"AllRegions", "RegionName"}),
        has_pages=False,
    ),
}
