"""Network interfaces: what each belongs to, and from where it can be reached."""

from typing import Any, Final

import pytest

from security_group_alerter.ec2.interfaces import balancers_in, interface_of, interfaces_in

BARE: Final[dict[str, Any]] = {
    "NetworkInterfaceId": "eni-1",
    "Groups": [{"GroupId": "sg-1", "GroupName": "web"}],
    "OwnerId": "111122223333",
    "InterfaceType": "interface",
    "Description": "",
    "PrivateIpAddress": "10.0.0.1",
}
UUID: Final = "0aa1bb2c-0123-4567-89ab-0123456789ab"
BY_SERVICE: Final = {"RequesterManaged": True, "RequesterId": "123456789012"}


def described(text: str) -> dict[str, Any]:
    return {"Description": text, **BY_SERVICE}


@pytest.mark.parametrize(
    ("members", "used_as", "used_by"),
    [
        pytest.param({}, "network interface", None, id="nothing-is-known"),
        pytest.param(
            {"Attachment": {"InstanceId": "i-1", "InstanceOwnerId": "111122223333"}},
            "instance",
            "i-1",
            id="instance",
        ),
        pytest.param(
            {"Attachment": {"InstanceId": "i-1"}, "Description": "ELB app/forged/1"},
            "instance",
            "i-1",
            id="instance-whose-description-is-forged",
        ),
        pytest.param(
            {"Attachment": {"InstanceId": "i-1", "InstanceOwnerId": "amazon-elb"}}
            | described("ELB app/shop/50dc6c495c0c9188"),
            "Application Load Balancer",
            "shop",
            id="application-load-balancer-on-an-instance-of-amazon",
        ),
        pytest.param(
            described("ELB classic-shop"), "Classic Load Balancer", "classic-shop", id="elb"
        ),
        pytest.param(
            {"InterfaceType": "network_load_balancer"} | described("ELB net/shop/50dc6c495c0c9188"),
            "Network Load Balancer",
            "shop",
            id="network-load-balancer-by-type",
        ),
        pytest.param(
            {"InterfaceType": "natGateway", "Description": "renamed"},
            "NAT gateway",
            None,
            id="nat-gateway-by-its-older-type",
        ),
        pytest.param(described("RDSNetworkInterface"), "RDS database", None, id="rds-has-no-name"),
        pytest.param(
            {"InterfaceType": "lambda"} | described(f"AWS Lambda VPC ENI-pay-bills-{UUID}"),
            "Lambda function",
            "pay-bills",
            id="lambda-without-its-uuid",
        ),
        pytest.param(
            described("AWS Lambda VPC ENI: pay"), "Lambda function", "pay", id="lambda-of-old"
        ),
        pytest.param(
            described("EFS mount target for fs-1 (fsmt-1)"), "EFS mount target", "fs-1", id="efs"
        ),
        pytest.param(
            described("arn:aws:ecs:eu-central-1:111122223333:attachment/0aa1"),
            "ECS task",
            "0aa1",
            id="ecs-task",
        ),
        pytest.param(
            {"RequesterId": "amazon-rds", "Description": "something new"},
            "RDS database",
            "something new",
            id="known-by-its-requester",
        ),
        pytest.param(
            {"RequesterId": "amazon-new-service"}, "AWS service", None, id="unknown-requester"
        ),
        pytest.param(described("brand new"), "AWS service", "brand new", id="managed-by-aws"),
    ],
)
def test_what_it_belongs_to(members: dict[str, Any], used_as: str, used_by: str | None) -> None:
    found = interface_of(BARE | members)

    assert (found.used_as, found.used_by) == (used_as, used_by)


@pytest.mark.parametrize(
    ("members", "public_ipv4", "ipv6"),
    [
        pytest.param({}, (), (), id="private"),
        pytest.param({"Association": {"PublicIp": "3.120.0.1"}}, ("3.120.0.1",), (), id="public"),
        pytest.param(
            {
                "Association": {"PublicIp": "3.120.0.1"},
                "PrivateIpAddresses": [
                    {"PrivateIpAddress": "10.0.0.1", "Association": {"PublicIp": "3.120.0.1"}},
                    {"PrivateIpAddress": "10.0.0.2", "Association": {"PublicIp": "3.120.0.2"}},
                ],
            },
            ("3.120.0.1", "3.120.0.2"),
            (),
            id="a-second-address-is-public-too-and-none-is-told-twice",
        ),
        pytest.param(
            {"Association": {"PublicIp": "10.9.0.1"}}, (), (), id="customer-owned-on-an-outpost"
        ),
        pytest.param({"Association": {"CarrierIp": "155.146.0.1"}}, (), (), id="of-a-carrier-only"),
        pytest.param(
            {"Ipv6Addresses": [{"Ipv6Address": "2600:1f14::1"}, {"Ipv6Address": "fd00::1"}]},
            (),
            ("2600:1f14::1",),
            id="a-unique-local-ipv6-address-is-not-global",
        ),
        pytest.param(
            {"Ipv6Prefixes": [{"Ipv6Prefix": "2600:1f14::/80"}, {"Ipv6Prefix": "fd00::/80"}]},
            (),
            ("2600:1f14::/80",),
            id="delegated-ipv6-ranges",
        ),
    ],
)
def test_its_public_addresses(
    members: dict[str, Any], public_ipv4: tuple[str, ...], ipv6: tuple[str, ...]
) -> None:
    found = interface_of(BARE | members)

    assert (found.public_ipv4, found.ipv6) == (public_ipv4, ipv6)


def test_its_private_addresses_and_its_owner() -> None:
    more = [{"PrivateIpAddress": "10.0.0.1"}, {"PrivateIpAddress": "10.0.0.2"}]
    found = interface_of(BARE | {"PrivateIpAddresses": more})

    assert found.private_addresses == ("10.0.0.1", "10.0.0.2")
    assert found.owner_id == "111122223333"


def test_an_interface_belongs_to_each_of_its_groups() -> None:
    found = interfaces_in([BARE | {"Groups": [{"GroupId": "sg-1"}, {"GroupId": "sg-2"}]}])

    assert [it.id for it in found.of("sg-1")] == [it.id for it in found.of("sg-2")] == ["eni-1"]


@pytest.mark.parametrize(
    "members",
    [
        pytest.param({"NetworkInterfaceId": None}, id="no-id"),
        pytest.param({"Association": {"PublicIp": "everywhere"}}, id="address-is-a-word"),
        pytest.param({"Ipv6Addresses": [{"Ipv6Address": "3.120.0.1"}]}, id="ipv4-as-ipv6"),
        pytest.param({"Ipv6Prefixes": [{}]}, id="empty-range"),
        pytest.param({"Attachment": "i-1"}, id="attachment-is-text"),
    ],
)
def test_what_cannot_be_read_leaves_its_group_not_whole(members: dict[str, Any]) -> None:
    found = interfaces_in([BARE | members])

    assert not found.of("sg-1")
    assert not found.is_whole("sg-1")
    assert found.is_whole("sg-2")


def test_the_balancers_of_a_vpc() -> None:
    found = balancers_in(
        [
            {"VpcId": "vpc-1", "InterfaceType": "network_load_balancer"},
            {"VpcId": "vpc-2", "InterfaceType": None},
        ]
    )

    assert found.of("vpc-1") == ("network_load_balancer",)
    assert found.is_whole("vpc-1")
    assert not found.is_whole("vpc-2")
