"""What ministack's EC2 lacks for looking into an account; local/emulator.py adds it.

An Elastic IP address does not show at its network interface, nor a prefix list in a rule; most
filters are ignored, and two calls are missing. Filters that are not evaluated here are refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import count, takewhile
from typing import Any, Final

from ministack.core import responses
from ministack.services import ec2

Answer = tuple[int, Mapping[str, str], bytes]
Record = dict[str, Any]
ValuesOf = Mapping[str, Callable[[Record], Iterable[str]]]

# Filter -> the values of a record, one of which must be asked for.
INTERFACE_FILTERS: Final[ValuesOf] = {
    "group-id": lambda interface: (group["GroupId"] for group in interface["Groups"]),
    "interface-type": lambda interface: [interface["InterfaceType"]],
    "vpc-id": lambda interface: [interface["VpcId"]],
}
GROUP_FILTERS: Final[ValuesOf] = {
    "group-id": lambda group: [group["GroupId"]],
    "ip-permission.prefix-list-id": lambda group: (
        prefix_list["PrefixListId"]
        for permission in group["IpPermissions"]
        for prefix_list in permission.get("PrefixListIds", [])
    ),
}
PREFIX_LIST_FILTERS: Final[ValuesOf] = {
    "owner-id": lambda prefix_list: [prefix_list["OwnerId"]],
    "prefix-list-id": lambda prefix_list: [prefix_list["PrefixListId"]],
}


def associate_address(original: Callable[..., Answer], request: Record) -> Answer:
    """AssociateAddress, also with a network interface."""
    answer = original(request)
    address = ec2._addresses[ec2._p(request, "AllocationId")]
    address["NetworkInterfaceId"] = ec2._p(request, "NetworkInterfaceId") or None
    return answer


def interface_xml(original: Callable[..., str], interface: Record, tag: str = "item") -> str:
    """A network interface, with its public address."""
    interface_id = interface["NetworkInterfaceId"]
    associations = "".join(
        f"<association><publicIp>{address['PublicIp']}</publicIp></association>"
        for address in ec2._addresses.values()
        if address["NetworkInterfaceId"] == interface_id
    )
    return original(interface, tag).replace("<groupSet>", f"{associations}<groupSet>", 1)


def permissions_in(
    original: Callable[..., list[Record]], request: Record, prefix: str
) -> list[Record]:
    """The permissions of a request, with the prefix lists in them."""
    permissions = original(request, prefix)
    for number, permission in enumerate(permissions, start=1):
        member = f"{prefix}.{number}.PrefixListIds"
        ids = (ec2._p(request, f"{member}.{index}.PrefixListId") for index in count(1))
        permission["PrefixListIds"] = [{"PrefixListId": it} for it in takewhile(bool, ids)]
    return permissions


def rule_xml(
    original: Callable[..., str], group_id: str, rule: Record, is_egress: bool = False
) -> str:
    """A rule, with the prefix list that it refers to, and nothing beside that."""
    text = original(group_id, rule, is_egress)
    if not rule.get("PrefixListIds"):
        return text
    [prefix_list] = rule["PrefixListIds"]
    referred_to = f"<prefixListId>{prefix_list['PrefixListId']}</prefixListId>"
    [before, after] = text.split("<isEgress>")
    return f"{before}{referred_to}<isEgress>{after}"


def describe_network_interfaces(original: Callable[..., Answer], request: Record) -> Answer:
    """DescribeNetworkInterfaces, with the filters of a look."""
    if not ec2._parse_filters(request):
        return original(request)
    found = _found(ec2._network_interfaces, request, INTERFACE_FILTERS)
    items = "".join(map(ec2._eni_fields_xml, found))
    return _listed("DescribeNetworkInterfacesResponse", "networkInterfaceSet", items)


def describe_security_groups(original: Callable[..., Answer], request: Record) -> Answer:
    """DescribeSecurityGroups, with the filters of a look."""
    if not ec2._parse_filters(request):
        return original(request)
    items = "".join(map(ec2._sg_xml, _found(ec2._security_groups, request, GROUP_FILTERS)))
    return _listed("DescribeSecurityGroupsResponse", "securityGroupInfo", items)


def describe_managed_prefix_lists(original: Callable[..., Answer], request: Record) -> Answer:
    """DescribeManagedPrefixLists, with the filters of a look, for lists of customers."""
    if not ec2._parse_filters(request):
        return original(request)
    items = "".join(
        map(ec2._prefix_list_xml, _found(ec2._prefix_lists, request, PREFIX_LIST_FILTERS))
    )
    return _listed("DescribeManagedPrefixListsResponse", "prefixListSet", items)


def _found(records: Any, request: Record, values_of: ValuesOf) -> list[Record]:
    """The records of the account and Region that match every filter. Raises KeyError for others."""
    asked = [(values_of[name], values) for name, values in ec2._parse_filters(request).items()]
    return [
        record
        for record in records.values()
        if all(not set(values).isdisjoint(of(record)) for of, values in asked)
    ]


def _listed(answer: str, element: str, items: str) -> Answer:
    response: Answer = ec2._xml(200, answer, f"<{element}>{items}</{element}>")
    return response


def describe_security_group_vpc_associations(_request: Record) -> Answer:
    """DescribeSecurityGroupVpcAssociations: nobody can make any."""
    return _listed(
        "DescribeSecurityGroupVpcAssociationsResponse", "securityGroupVpcAssociationSet", ""
    )


def describe_vpc_block_public_access_options(_request: Record) -> Answer:
    """DescribeVpcBlockPublicAccessOptions: nobody can turn it on."""
    options = {
        "awsAccountId": responses.get_account_id(),
        "awsRegion": responses.get_region(),
        "state": "default-state",
        "internetGatewayBlockMode": "off",
    }
    items = "".join(f"<{name}>{value}</{name}>" for name, value in options.items())
    return _listed(
        "DescribeVpcBlockPublicAccessOptionsResponse", "vpcBlockPublicAccessOptions", items
    )


CALLS: Final[Mapping[str, Callable[[Record], Answer]]] = {
    "DescribeSecurityGroupVpcAssociations": describe_security_group_vpc_associations,
    "DescribeVpcBlockPublicAccessOptions": describe_vpc_block_public_access_options,
}
# Where ministack has a function, its name there, and what is called instead.
REPLACEMENTS: Final[tuple[tuple[dict[str, Any], str, Callable[..., Any]], ...]] = (
    (ec2._ACTION_MAP, "AssociateAddress", associate_address),
    (ec2._ACTION_MAP, "DescribeManagedPrefixLists", describe_managed_prefix_lists),
    (ec2._ACTION_MAP, "DescribeNetworkInterfaces", describe_network_interfaces),
    (ec2._ACTION_MAP, "DescribeSecurityGroups", describe_security_groups),
    (vars(ec2), "_eni_fields_xml", interface_xml),
    (vars(ec2), "_parse_ip_permissions", permissions_in),
    (vars(ec2), "_sg_rule_xml", rule_xml),
)
