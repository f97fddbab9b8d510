"""Answers about rules and prefix list entries: what each opens, and whose could not be read."""

from typing import Any, Final

import pytest

from security_group_alerter.ec2.rules import ranges_in, rules_in
from security_group_alerter.model.rules import (
    ALL_PORTS,
    IcmpType,
    PortRange,
    SecurityGroupRule,
    ports_of,
)
from tests.security_group_alerter.builders import rule

SSH: Final[dict[str, Any]] = {
    "SecurityGroupRuleId": "sgr-1",
    "GroupId": "sg-1",
    "IsEgress": False,
    "IpProtocol": "tcp",
    "FromPort": 22,
    "ToPort": 22,
    "CidrIpv4": "0.0.0.0/0",
}
EVERYTHING: Final = SSH | {"IpProtocol": "-1", "FromPort": -1, "ToPort": -1}
NOBODY: Final = {key: value for key, value in SSH.items() if key != "CidrIpv4"}


@pytest.mark.parametrize(
    ("answered", "told"),
    [
        pytest.param(SSH, rule("tcp 22 from 0.0.0.0/0"), id="ssh-from-anywhere"),
        pytest.param(SSH | {"IpProtocol": "6"}, rule("tcp 22 from 0.0.0.0/0"), id="tcp-by-number"),
        pytest.param(EVERYTHING, rule("all from 0.0.0.0/0"), id="every-protocol"),
        pytest.param(
            EVERYTHING | {"IsEgress": True}, rule("egress all to 0.0.0.0/0"), id="all-egress"
        ),
        pytest.param(NOBODY | {"CidrIpv6": "::/0"}, rule("tcp 22 from ::/0"), id="ipv6"),
        pytest.param(NOBODY | {"PrefixListId": "pl-1"}, rule("tcp 22 from pl-1"), id="prefix-list"),
        pytest.param(
            NOBODY | {"ReferencedGroupInfo": {"GroupId": "sg-2", "UserId": "444455556666"}},
            rule("tcp 22 from sg-2"),
            id="another-group",
        ),
        pytest.param(
            SSH | {"IpProtocol": "icmp", "FromPort": 8, "ToPort": -1},
            rule("icmp 8 from 0.0.0.0/0"),
            id="ping",
        ),
    ],
)
def test_a_rule(answered: dict[str, Any], told: SecurityGroupRule) -> None:
    found = rules_in([answered])

    assert found.of("sg-1") == (told,)
    assert found.is_whole("sg-1")


def test_a_rule_keeps_its_id_its_description_and_the_account_of_its_peer() -> None:
    peer = {"GroupId": "sg-2", "UserId": "444455556666"}
    [found] = rules_in([NOBODY | {"ReferencedGroupInfo": peer, "Description": "from web"}]).of(
        "sg-1"
    )

    assert (found.rule_id, found.description) == ("sgr-1", "from web")
    assert found.peer.account_id == "444455556666"


@pytest.mark.parametrize(
    "answered",
    [
        pytest.param(SSH | {"IsEgress": None}, id="direction-is-missing"),
        pytest.param(SSH | {"IsEgress": "false"}, id="direction-is-text"),
        pytest.param(SSH | {"IpProtocol": ""}, id="no-protocol"),
        pytest.param(SSH | {"FromPort": "22"}, id="port-is-text"),
        pytest.param(SSH | {"ToPort": True}, id="port-is-true"),
        pytest.param(SSH | {"CidrIpv4": "anywhere"}, id="range-is-a-word"),
        pytest.param(SSH | {"SecurityGroupRuleId": None}, id="no-rule-id"),
        pytest.param(NOBODY, id="nobody-at-the-other-end"),
        pytest.param(NOBODY | {"ReferencedGroupInfo": "sg-2"}, id="group-is-text"),
    ],
)
def test_a_rule_that_cannot_be_read_leaves_only_its_group_not_whole(
    answered: dict[str, Any],
) -> None:
    found = rules_in([answered, SSH, SSH | {"GroupId": "sg-2"}])

    assert found.of("sg-1") == found.of("sg-2") == (rule("tcp 22 from 0.0.0.0/0"),)
    assert not found.is_whole("sg-1")
    assert found.is_whole("sg-2")


def test_the_ranges_of_a_list() -> None:
    found = ranges_in("pl-1", [{"Cidr": "10.0.0.0/8"}, {"Cidr": "2001:db8::/32"}])

    assert [it.value for it in found.of("pl-1")] == ["10.0.0.0/8", "2001:db8::/32"]
    assert found.is_whole("pl-1")


def test_a_range_that_cannot_be_read_leaves_its_list_not_whole() -> None:
    found = ranges_in("pl-1", [{"Cidr": "10.0.0.0/8"}, {"Cidr": "10.0.0.0/99"}])

    assert [it.value for it in found.of("pl-1")] == ["10.0.0.0/8"]
    assert not found.is_whole("pl-1")


@pytest.mark.parametrize(
    ("protocol", "first", "last", "ports", "icmp_type"),
    [
        pytest.param("tcp", 20, 25, PortRange(20, 25), None, id="some-ports"),
        pytest.param("udp", -1, -1, ALL_PORTS, None, id="minus-one-is-every-port"),
        pytest.param("tcp", None, None, ALL_PORTS, None, id="no-bounds"),
        pytest.param("tcp", 22, None, PortRange(22, 65535), None, id="no-upper-bound"),
        pytest.param("tcp", None, 22, PortRange(0, 22), None, id="no-lower-bound"),
        pytest.param("tcp", 22, 99999, PortRange(22, 65535), None, id="above-the-highest-port"),
        pytest.param("tcp", 25, 20, ALL_PORTS, None, id="bounds-the-wrong-way-round"),
        pytest.param(None, 22, 22, PortRange(22, 22), None, id="unknown-protocol"),
        pytest.param("-1", 22, 22, None, None, id="every-protocol-has-no-ports"),
        pytest.param("47", 22, 22, None, None, id="gre-has-no-ports"),
        pytest.param("icmp", 3, 4, None, IcmpType(3, 4), id="icmp-type-and-code"),
        pytest.param("icmpv6", 128, -1, None, IcmpType(128, None), id="icmp-every-code"),
        pytest.param("icmp", -1, -1, None, None, id="icmp-every-type"),
    ],
)
def test_ports_of(
    protocol: str | None,
    first: int | None,
    last: int | None,
    ports: PortRange | None,
    icmp_type: IcmpType | None,
) -> None:
    assert ports_of(protocol, first, last) == (ports, icmp_type)
