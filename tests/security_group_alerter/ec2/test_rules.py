"""Rules and ranges, as EC2 answers them now."""

from typing import Any, Final

import pytest

from security_group_alerter.ec2.rules import ranges_in, rules_in
from security_group_alerter.model.rules import (
    ALL_PORTS,
    Direction,
    IcmpType,
    Peer,
    PeerKind,
    PortRange,
    SecurityGroupRule,
    peer_of_cidr,
)
from tests.member_accounts import rule

SG: Final = "sg-0123456789abcdef0"
WORLD: Final = peer_of_cidr("0.0.0.0/0")
ANOTHER: Final = {"GroupId": "sg-0fedcba9876543210", "UserId": "333344445555"}

READ: Final[dict[str, tuple[dict[str, Any], dict[str, Any]]]] = {
    "ssh-from-anywhere": ({}, {"ports": PortRange(22, 22), "peer": WORLD}),
    "egress": ({"IsEgress": True}, {"direction": Direction.EGRESS, "ports": PortRange(22, 22)}),
    "all-of-ipv6": ({"CidrIpv6": "::/0"}, {"peer": peer_of_cidr("::/0")}),
    "host-bits-behind-the-prefix": ({"CidrIpv4": "1.2.3.4/0"}, {"peer": WORLD}),
    "every-protocol": (
        {"IpProtocol": "-1", "FromPort": -1, "ToPort": -1},
        {"protocol": "-1", "ports": None},
    ),
    "tcp-without-ports": ({"FromPort": -1, "ToPort": -1}, {"ports": ALL_PORTS}),
    "ports-left-out": ({"FromPort": None, "ToPort": None}, {"ports": ALL_PORTS}),
    "protocol-by-number": ({"IpProtocol": "6"}, {"protocol": "tcp"}),
    "icmp-echo": (
        {"IpProtocol": "icmp", "FromPort": 8, "ToPort": -1},
        {"protocol": "icmp", "ports": None, "icmp_type": IcmpType(8, None)},
    ),
    "icmp-all": (
        {"IpProtocol": "icmp", "FromPort": -1, "ToPort": -1},
        {"protocol": "icmp", "ports": None, "icmp_type": None},
    ),
    "gre": ({"IpProtocol": "47", "FromPort": 0, "ToPort": 0}, {"protocol": "47", "ports": None}),
    "prefix-list": (
        {"PrefixListId": "pl-0123456789abcdef0"},
        {"peer": Peer(kind=PeerKind.PREFIX_LIST, value="pl-0123456789abcdef0")},
    ),
    "another-accounts-group": (
        {"ReferencedGroupInfo": ANOTHER},
        {"peer": Peer(kind=PeerKind.SECURITY_GROUP, value=ANOTHER["GroupId"])},
    ),
    "hostile-description": ({"Description": "<b>\n\u202e"}, {"description": "<b>\n\u202e"}),
}


@pytest.mark.parametrize(("members", "expected"), READ.values(), ids=READ)
def test_rule(members: dict[str, Any], expected: dict[str, Any]) -> None:
    found = rules_in([rule("sgr-0123456789abcdef0", SG, **members)])

    [it] = found.of(SG)
    assert it.rule_id == "sgr-0123456789abcdef0"
    assert {name: getattr(it, name) for name in expected} == expected
    assert found.is_whole(SG)


def test_whose_group_is_referred_to() -> None:
    [it] = rules_in([rule("sgr-1", SG, ReferencedGroupInfo=ANOTHER)]).of(SG)

    assert it.peer.account_id == "333344445555"


# What EC2 does not answer, but may one day, or an interceptor does.
STRANGE: Final[dict[str, dict[str, Any]]] = {
    "no-id": {"SecurityGroupRuleId": None},
    "no-direction": {"IsEgress": None},
    "direction-as-text": {"IsEgress": "false"},
    "no-protocol": {"IpProtocol": ""},
    "protocol-as-number": {"IpProtocol": 6},
    "port-as-text": {"FromPort": "22"},
    "port-as-boolean": {"ToPort": True},
    "no-peer": {"CidrIpv4": None},
    "peer-is-no-network": {"CidrIpv4": "0.0.0.0/33"},
    "peer-is-a-list": {"CidrIpv4": ["0.0.0.0/0"]},
    "group-is-text": {"CidrIpv4": None, "ReferencedGroupInfo": "sg-1"},
    "description-is-a-number": {"Description": 5},
}


@pytest.mark.parametrize("members", STRANGE.values(), ids=STRANGE)
def test_strange_rule_leaves_its_group_in_doubt_and_no_other(members: dict[str, Any]) -> None:
    good, other = rule("sgr-2", SG), rule("sgr-3", "sg-2")
    found = rules_in([rule("sgr-1", SG) | members, good, other])

    assert [it.rule_id for it in found.of(SG)] == ["sgr-2"]
    assert not found.is_whole(SG)
    assert found.is_whole("sg-2")


@pytest.mark.parametrize("item", [None, "rule", 5, [], rule("sgr-1", SG) | {"GroupId": None}])
def test_a_rule_of_nobody_leaves_every_group_in_doubt(item: object) -> None:
    found = rules_in([item, rule("sgr-2", SG)])

    assert [it.rule_id for it in found.of(SG)] == ["sgr-2"]
    assert not found.is_whole(SG)
    assert not found.is_whole("sg-2")


def test_ranges() -> None:
    entries = [{"Cidr": "3.0.0.0/8", "Description": "x"}, {"Cidr": "::/0"}]

    found = ranges_in("pl-1", entries)

    assert found.of("pl-1") == (peer_of_cidr("3.0.0.0/8"), peer_of_cidr("::/0"))
    assert found.is_whole("pl-1")
    assert not ranges_in("pl-1", [{"Cidr": "all"}]).is_whole("pl-1")


def test_rules_are_those_that_records_tell() -> None:
    [it] = rules_in([rule("sgr-1", SG)]).of(SG)

    assert it == SecurityGroupRule(
        direction=Direction.INGRESS,
        protocol="tcp",
        ports=PortRange(22, 22),
        icmp_type=None,
        peer=WORLD,
    )
