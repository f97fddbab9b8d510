"""Answers of DescribeNetworkInterfaces become interfaces: what each belongs to, and its addresses.

https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_NetworkInterface.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Any

from ..model.group_state import NetworkInterface
from .answers import Read, mapping_at, mappings_at, read, required_text_at, text_at
from .reach import GATEWAY_LOAD_BALANCER, GLOBAL_ACCELERATOR, NETWORK_LOAD_BALANCER

# The type tells what AWS made the interface for. Nobody else can make one of these types.
_BY_TYPE = {
    NETWORK_LOAD_BALANCER: "Network Load Balancer",
    GATEWAY_LOAD_BALANCER: "Gateway Load Balancer",
    GLOBAL_ACCELERATOR: "Global Accelerator",
    "gateway_load_balancer_endpoint": "Gateway Load Balancer endpoint",
    "vpc_endpoint": "VPC endpoint",
    "nat_gateway": "NAT gateway",
    "natGateway": "NAT gateway",
    "lambda": "Lambda function",
    "transit_gateway": "transit gateway",
    "api_gateway_managed": "API Gateway VPC link",
    "quicksight": "QuickSight",
    "iot_rules_managed": "AWS IoT rule",
    "aws_codestar_connections_managed": "AWS CodeConnections host",
}
# Other services are known by how they describe their interfaces; the group is an id or a name.
_BY_DESCRIPTION = (
    (r"ELB app/([^/]+)/.*", "Application Load Balancer"),
    (r"ELB net/([^/]+)/.*", "Network Load Balancer"),
    (r"ELB gwy/([^/]+)/.*", "Gateway Load Balancer"),
    (r"ELB ([^/]+)", "Classic Load Balancer"),
    (r"RDSNetworkInterface()", "RDS database"),
    (r"Network interface for DBProxy ?(.*)", "RDS proxy"),
    (r"ElastiCache[ +](.+)", "ElastiCache cluster"),
    (r"RedshiftNetworkInterface()", "Redshift cluster"),
    (r"DMSNetworkInterface()", "DMS replication instance"),
    (r"AWS Lambda VPC ENI-(.+)-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", "Lambda function"),
    (r"AWS Lambda VPC ENI[-: ]*(.*)", "Lambda function"),
    (r"EFS mount target for (\S+).*", "EFS mount target"),
    (r"VPC Endpoint Interface (\S+)", "VPC endpoint"),
    (r"Interface for NAT Gateway (\S+)", "NAT gateway"),
    (r"Network Interface for Transit Gateway Attachment (\S+)", "transit gateway"),
    (r"arn:[^:]+:ecs:[^:]*:[^:]*:attachment/(\S+)", "ECS task"),
    (r"Amazon EKS (.+)", "EKS cluster"),
    (r"aws-k8s-branch-eni()", "EKS pod"),
    (r"AWS ElasticMapReduce.* (\S+)", "EMR cluster"),
    (r"AWS created network interface for directory (\S+)", "directory"),
    (r"ES (.+)", "OpenSearch domain"),
    (r"Route 53 Resolver: ([^:]+).*", "Route 53 Resolver endpoint"),
    (r"CloudHSM ENI.*()", "CloudHSM"),
)
# What is left: whoever asked EC2 for the interface.
_BY_REQUESTER = {
    "amazon-elb": "load balancer",
    "amazon-rds": "RDS database",
    "amazon-redshift": "Redshift cluster",
    "amazon-elasticache": "ElastiCache cluster",
}
# Addresses that an interface on an Outpost may have as its customer-owned ones.
_INTERNAL = tuple(
    map(IPv4Network, ("10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.168.0.0/16"))
)
# https://www.iana.org/assignments/ipv6-address-space: global unicast.
_GLOBAL_IPV6 = IPv6Network("2000::/3")


def interfaces_in(items: Iterable[object]) -> Read[NetworkInterface]:
    """The interfaces, by each group that they carry."""
    return read(
        items,
        keys_in=lambda it: [
            required_text_at(group, "GroupId") for group in mappings_at(it, "Groups")
        ],
        value_in=interface_of,
    )


def balancers_in(items: Iterable[object]) -> Read[str]:
    """The types of these interfaces, by VPC."""
    return read(
        items,
        keys_in=lambda it: [required_text_at(it, "VpcId")],
        value_in=lambda it: required_text_at(it, "InterfaceType"),
    )


def interface_of(members: Mapping[str, Any]) -> NetworkInterface:
    """One interface. Raises ValueError when it is not as AWS documents it."""
    used_as, used_by = _use_of(members)
    addresses = mappings_at(members, "PrivateIpAddresses")
    private = [text_at(members, "PrivateIpAddress")]
    private += [text_at(address, "PrivateIpAddress") for address in addresses]
    associated = [mapping_at(it, "Association") for it in (members, *addresses)]
    public = [text_at(association, "PublicIp") for association in associated]
    return NetworkInterface(
        id=required_text_at(members, "NetworkInterfaceId"),
        used_as=used_as,
        used_by=used_by,
        owner_id=text_at(members, "OwnerId"),
        private_addresses=tuple(dict.fromkeys(filter(None, private))),
        public_ipv4=tuple(dict.fromkeys(it for it in public if it and _is_public(it))),
        ipv6=tuple(dict.fromkeys(_global_ipv6_of(members))),
    )


def _use_of(members: Mapping[str, Any]) -> tuple[str, str | None]:
    """What the interface belongs to, and that thing's id or name."""
    description = text_at(members, "Description") or ""
    described = next(
        (
            (used_as, match.group(1) or None)
            for pattern, used_as in _BY_DESCRIPTION
            if (match := re.fullmatch(pattern, description))
        ),
        None,
    )
    by_type = _BY_TYPE.get(text_at(members, "InterfaceType") or "")
    if by_type is not None:
        return by_type, described[1] if described else None
    # Before the description, which anybody may write; a service's own instance is not told by id.
    attachment = mapping_at(members, "Attachment")
    instance_id = text_at(attachment, "InstanceId")
    owner_id = text_at(attachment, "InstanceOwnerId") or ""
    if instance_id is not None and not owner_id.startswith("amazon-"):
        return "instance", instance_id
    if described is not None:
        return described
    requester = text_at(members, "RequesterId") or ""
    if requester in _BY_REQUESTER:
        return _BY_REQUESTER[requester], description or None
    if requester.startswith("amazon-") or members.get("RequesterManaged") is True:
        return "AWS service", description or None
    return "network interface", None


def _is_public(text: str) -> bool:
    address = IPv4Address(text)
    return not any(address in network for network in _INTERNAL)


def _global_ipv6_of(members: Mapping[str, Any]) -> Iterable[str]:
    """Single addresses, and the ranges that are delegated to the interface."""
    for item in mappings_at(members, "Ipv6Addresses"):
        text = required_text_at(item, "Ipv6Address")
        if IPv6Address(text) in _GLOBAL_IPV6:
            yield text
    for item in mappings_at(members, "Ipv6Prefixes"):
        text = required_text_at(item, "Ipv6Prefix")
        if IPv6Network(text, strict=False).subnet_of(_GLOBAL_IPV6):
            yield text
