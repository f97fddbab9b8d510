"""The words in which rules are told: one protocol, one network, however it was written."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from security_group_alerter.model.rules import (
    ALL_PORTS,
    PeerKind,
    PortRange,
    peer_of_cidr,
    protocol_of,
)
from tests.security_group_alerter.builders import calmly, rule


@pytest.mark.parametrize(
    ("written", "protocol"),
    [
        pytest.param("47", "47", id="gre-has-no-name-in-ec2"),
        pytest.param("50", "50", id="esp"),
        pytest.param("60", "60", id="sixty-is-not-six"),
        pytest.param("tcp", "tcp", id="tcp"),
        pytest.param("TCP", "tcp", id="tcp-in-capitals"),
        pytest.param(" tcp ", "tcp", id="tcp-with-spaces"),
        pytest.param("6", "tcp", id="tcp-by-number"),
        pytest.param("17", "udp", id="udp-by-number"),
        pytest.param("1", "icmp", id="icmp-by-number"),
        pytest.param("58", "icmpv6", id="icmpv6-by-number"),
        pytest.param("ICMPv6", "icmpv6", id="icmpv6-in-capitals"),
        pytest.param("-1", "-1", id="everything"),
        pytest.param("All", "-1", id="everything-by-name"),
    ],
)
def test_protocol_has_one_name(written: str, protocol: str) -> None:
    assert protocol_of(written) == protocol


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("0/0", id="short-hand"),
        pytest.param("anywhere", id="word"),
        pytest.param("pl-0123456789abcdef0", id="prefix-list"),
        pytest.param("10.0.0.0/33", id="prefix-too-long"),
        pytest.param("10.0.0.0/-1", id="prefix-below-zero"),
        pytest.param("010.0.0.0/8", id="octal-or-decimal"),
        pytest.param("10.0.0.0/8/8", id="two-prefixes"),
        pytest.param("::/0%eth0", id="scope-behind-the-prefix"),
        pytest.param("fe80::1%eth0", id="scope"),
        pytest.param("::%\n<!channel> all clear/128", id="hostile-text-as-scope"),
    ],
)
def test_what_is_no_cidr_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"does not appear to be|has a scope id"):
        peer_of_cidr(text)


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        pytest.param("10.1.2.3/8", PeerKind.IPV4, "10.0.0.0/8", id="host-bits-do-not-count"),
        pytest.param("0.0.0.0/0", PeerKind.IPV4, "0.0.0.0/0", id="world"),
        pytest.param("1.2.3.4/0", PeerKind.IPV4, "0.0.0.0/0", id="world-in-disguise"),
        pytest.param("0.0.0.0/0.0.0.0", PeerKind.IPV4, "0.0.0.0/0", id="world-as-netmask"),
        pytest.param(" 0.0.0.0/0\n", PeerKind.IPV4, "0.0.0.0/0", id="world-with-spaces"),
        pytest.param("192.0.2.1", PeerKind.IPV4, "192.0.2.1/32", id="bare-address"),
        pytest.param("::/0", PeerKind.IPV6, "::/0", id="ipv6-world"),
        pytest.param("2001:DB8::1/0", PeerKind.IPV6, "::/0", id="ipv6-world-in-disguise"),
        pytest.param("0:0::0/0", PeerKind.IPV6, "::/0", id="ipv6-world-in-full"),
        pytest.param("2001:DB8:0::/32", PeerKind.IPV6, "2001:db8::/32", id="ipv6-in-capitals"),
    ],
)
def test_network_counts_not_how_it_is_written(text: str, kind: PeerKind, value: str) -> None:
    peer = peer_of_cidr(text)

    assert (peer.kind, peer.value, str(peer.network)) == (kind, value, value)


@calmly
@given(
    st.text()
    | st.from_regex(r"[0-9a-f:.]{1,20}(%\S+)?/[0-9.]{1,3}", fullmatch=True)
    | st.ip_addresses().map(str)
)
def test_any_text_is_a_canonical_network_or_refused(text: str) -> None:
    try:
        peer = peer_of_cidr(text)
    except ValueError:
        return
    assert set(peer.value) <= set("0123456789abcdef:./")
    assert peer_of_cidr(peer.value) == peer


def test_rules_are_equal_when_they_let_the_same_through() -> None:
    ssh = rule("tcp 22 from sg-0a1b2c3d")

    assert ssh == replace(ssh, rule_id="sgr-1", description="for the office")
    assert ssh == replace(ssh, peer=replace(ssh.peer, account_id="111122223333"))
    assert ssh not in {
        rule("udp 22 from sg-0a1b2c3d"),
        rule("tcp 23 from sg-0a1b2c3d"),
        rule("tcp 22 from sg-4e5f6a7b"),
        rule("egress tcp 22 to sg-0a1b2c3d"),
    }


def test_both_ends_of_a_port_range_count() -> None:
    assert PortRange(22, 22).size == 1
    assert PortRange(20, 25).size == 6
    assert ALL_PORTS.size == 65536
