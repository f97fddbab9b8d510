"""What an interface belongs to, in AWS's words, and which addresses lead to it."""

from typing import Any, Final

import pytest

from security_group_alerter.ec2.interfaces import balancers_in, interfaces_in
from security_group_alerter.model.group_state import NetworkInterface
from tests.member_accounts import instance, interface, public

SG: Final = "sg-0123456789abcdef0"
UUID: Final = "30bb1fd5-e726-4d80-9ff2-52fd62cd548c"
ECS: Final = f"arn:aws:ecs:eu-central-1:222233334444:attachment/{UUID}"
AMAZON: Final = {"Attachment": {"InstanceOwnerId": "amazon-elb", "InstanceId": "i-0elb"}}


def described(text: str, **more: Any) -> dict[str, Any]:
    return {"Description": text, **more}


USES: Final[dict[str, tuple[dict[str, Any], tuple[str, str | None]]]] = {
    "instance": (instance("i-0123456789abcdef0"), ("instance", "i-0123456789abcdef0")),
    "instance-that-poses-as-a-database": (
        described("RDSNetworkInterface", **instance("i-1")),
        ("instance", "i-1"),
    ),
    "node-of-eks": (described("aws-K8S-i-0123", **instance("i-0123")), ("instance", "i-0123")),
    "application-load-balancer": (
        described("ELB app/shop/65132a64d3888e29", RequesterId="amazon-elb", **AMAZON),
        ("Application Load Balancer", "shop"),
    ),
    "network-load-balancer": (
        described("ELB net/ingest/65132a64d3888e29", InterfaceType="network_load_balancer"),
        ("Network Load Balancer", "ingest"),
    ),
    "gateway-load-balancer": (
        described("ELB gwy/firewall/65132a64d3888e29", InterfaceType="gateway_load_balancer"),
        ("Gateway Load Balancer", "firewall"),
    ),
    "classic-load-balancer": (
        described("ELB old-shop", **AMAZON),
        ("Classic Load Balancer", "old-shop"),
    ),
    "load-balancer-without-description": (
        {"RequesterId": "amazon-elb"},
        ("load balancer", None),
    ),
    "database": (described("RDSNetworkInterface"), ("RDS database", None)),
    "database-by-requester": ({"RequesterId": "amazon-rds"}, ("RDS database", None)),
    "elasticache": (described("ElastiCache sessions-001"), ("ElastiCache cluster", "sessions-001")),
    "elasticache-as-it-was": (described("ElastiCache+old"), ("ElastiCache cluster", "old")),
    "redshift": (described("RedshiftNetworkInterface"), ("Redshift cluster", None)),
    "redshift-by-requester": (
        described("new words", RequesterId="amazon-redshift"),
        ("Redshift cluster", "new words"),
    ),
    "lambda": (
        described(f"AWS Lambda VPC ENI-resize-images-{UUID}", InterfaceType="lambda"),
        ("Lambda function", "resize-images"),
    ),
    "lambda-as-it-was": (
        described("AWS Lambda VPC ENI: 1234"),
        ("Lambda function", "1234"),
    ),
    "lambda-without-description": ({"InterfaceType": "lambda"}, ("Lambda function", None)),
    "vpc-endpoint": (
        described("VPC Endpoint Interface vpce-0af0", InterfaceType="vpc_endpoint"),
        ("VPC endpoint", "vpce-0af0"),
    ),
    "nat-gateway": (
        described("Interface for NAT Gateway nat-09f6", InterfaceType="nat_gateway"),
        ("NAT gateway", "nat-09f6"),
    ),
    "efs": (described("EFS mount target for fs-0a1b (fsmt-0c)"), ("EFS mount target", "fs-0a1b")),
    "eks": (described("Amazon EKS production"), ("EKS cluster", "production")),
    "eks-pod": (described("aws-k8s-branch-eni", InterfaceType="branch"), ("EKS pod", None)),
    "ecs": (described(ECS), ("ECS task", UUID)),
    "transit-gateway": (
        described(
            "Network Interface for Transit Gateway Attachment tgw-attach-0f",
            InterfaceType="transit_gateway",
        ),
        ("transit gateway", "tgw-attach-0f"),
    ),
    "global-accelerator": (
        {"InterfaceType": "global_accelerator_managed"},
        ("Global Accelerator", None),
    ),
    "api-gateway": ({"InterfaceType": "api_gateway_managed"}, ("API Gateway VPC link", None)),
    "a-service-that-we-do-not-know": (
        described("Amazon Something", RequesterId="amazon-aws"),
        ("AWS service", "Amazon Something"),
    ),
    "managed-by-whom-it-does-not-say": ({"RequesterManaged": True}, ("AWS service", None)),
    "a-type-that-we-do-not-know": (
        {"InterfaceType": "quantum", **instance("i-1")},
        ("instance", "i-1"),
    ),
    "attached-to-nothing": (described("spare"), ("network interface", None)),
}


@pytest.mark.parametrize(("members", "use"), USES.values(), ids=USES)
def test_use(members: dict[str, Any], use: tuple[str, str | None]) -> None:
    [found] = interfaces_in([interface("eni-1", SG) | members]).of(SG)

    assert (found.used_as, found.used_by) == use


ADDRESSES: Final[dict[str, tuple[dict[str, Any], dict[str, Any]]]] = {
    "private": ({}, {"public_ipv4": (), "ipv6": (), "private_addresses": ("10.0.0.5",)}),
    "elastic-ip": (public(), {"public_ipv4": ("203.0.113.9",)}),
    "on-a-secondary-address": (
        {"PrivateIpAddresses": [{"PrivateIpAddress": "10.0.0.6", **public("198.51.100.7")}]},
        {"public_ipv4": ("198.51.100.7",), "private_addresses": ("10.0.0.5", "10.0.0.6")},
    ),
    "the-same-twice": (
        {**public(), "PrivateIpAddresses": [public()]},
        {"public_ipv4": ("203.0.113.9",)},
    ),
    "customer-owned": (
        {"Association": {"PublicIp": "192.168.63.5", "CustomerOwnedIp": "192.168.63.5"}},
        {"public_ipv4": ()},
    ),
    "customer-owned-only": (
        {"Association": {"PublicIp": "", "CustomerOwnedIp": "172.16.3.5"}},
        {"public_ipv4": ()},
    ),
    "carrier": ({"Association": {"CarrierIp": "155.146.1.7"}}, {"public_ipv4": ()}),
    "global-ipv6": (
        {"Ipv6Addresses": [{"Ipv6Address": "2001:db8::5"}]},
        {"ipv6": ("2001:db8::5",)},
    ),
    "unique-local-ipv6": ({"Ipv6Addresses": [{"Ipv6Address": "fd00::5"}]}, {"ipv6": ()}),
    "delegated-ipv6": (
        {"Ipv6Prefixes": [{"Ipv6Prefix": "2600:1f18::/80"}, {"Ipv6Prefix": "fd00::/80"}]},
        {"ipv6": ("2600:1f18::/80",)},
    ),
    "no-address-at-all": (
        {"PrivateIpAddress": None, "PrivateIpAddresses": None},
        {"private_addresses": (), "public_ipv4": ()},
    ),
}


@pytest.mark.parametrize(("members", "expected"), ADDRESSES.values(), ids=ADDRESSES)
def test_addresses(members: dict[str, Any], expected: dict[str, Any]) -> None:
    [found] = interfaces_in([interface("eni-1", SG) | members]).of(SG)

    assert {name: getattr(found, name) for name in expected} == expected


STRANGE: Final[dict[str, dict[str, Any]]] = {
    "no-id": {"NetworkInterfaceId": None},
    "addresses-are-text": {"PrivateIpAddresses": "10.0.0.5"},
    "association-is-text": {"Association": "203.0.113.9"},
    "public-address-is-none": {"Association": {"PublicIp": "nowhere"}},
    "ipv6-is-none": {"Ipv6Addresses": [{"Ipv6Address": "::g"}]},
    "ipv6-is-missing": {"Ipv6Addresses": [{}]},
    "prefix-is-none": {"Ipv6Prefixes": [{"Ipv6Prefix": "::/200"}]},
    "attachment-is-text": {"Attachment": "i-1"},
}


@pytest.mark.parametrize("members", STRANGE.values(), ids=STRANGE)
def test_strange_interface_leaves_its_groups_in_doubt(members: dict[str, Any]) -> None:
    found = interfaces_in([interface("eni-1", SG, "sg-2") | members, interface("eni-2", "sg-3")])

    assert [found.is_whole(it) for it in (SG, "sg-2", "sg-3")] == [False, False, True]


@pytest.mark.parametrize("groups", [None, [], "sg-1", [None], [{}]])
def test_an_interface_of_no_group_leaves_every_group_in_doubt(groups: object) -> None:
    found = interfaces_in([interface("eni-1") | {"Groups": groups}])

    assert not found.is_whole(SG)


def test_an_interface_belongs_to_each_of_its_groups() -> None:
    found = interfaces_in([interface("eni-1", SG, "sg-2", **public())])

    assert found.of(SG) == found.of("sg-2")
    assert found.of("sg-3") == found.of(None) == ()
    assert found.of(SG) == (
        NetworkInterface(
            id="eni-1",
            used_as="network interface",
            owner_id="222233334444",
            private_addresses=("10.0.0.5",),
            public_ipv4=("203.0.113.9",),
        ),
    )


def test_balancers_of_a_vpc() -> None:
    found = balancers_in([interface("eni-1", InterfaceType="network_load_balancer")])

    assert found.of("vpc-0aaaaaaaaaaaaaaaa") == ("network_load_balancer",)
    assert not balancers_in([{"VpcId": "vpc-1"}]).is_whole("vpc-1")
