"""How much of the Internet reaches which ports: tables, and an independent count to agree with."""

from collections.abc import Iterable
from dataclasses import replace
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Network,
    collapse_addresses,
    ip_network,
    summarize_address_range,
)
from itertools import pairwise
from typing import TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from security_group_alerter.judgement.exposure import exposure_of, internet_share_of
from security_group_alerter.model.exposure import Breadth, Exposure, InternetShare
from security_group_alerter.model.rules import (
    ALL_PROTOCOLS,
    Direction,
    PortRange,
    SecurityGroupRule,
    peer_of_cidr,
)
from tests.security_group_alerter.builders import (
    NEAR_PORTS,
    calmly,
    ip_networks,
    lists_of_rules,
    peer,
    rule,
    rules,
)

# https://www.iana.org/assignments/iana-ipv4-special-registry
# https://www.iana.org/assignments/iana-ipv6-special-registry (what lies in 2000::/3)
# Block -> "globally reachable"; None is "N/A".
SPECIAL_PURPOSE = {
    "0.0.0.0/8": False,
    "0.0.0.0/32": False,
    "10.0.0.0/8": False,
    "100.64.0.0/10": False,
    "127.0.0.0/8": False,
    "169.254.0.0/16": False,
    "172.16.0.0/12": False,
    "192.0.0.0/24": False,
    "192.0.0.0/29": False,
    "192.0.0.8/32": False,
    "192.0.0.9/32": True,
    "192.0.0.10/32": True,
    "192.0.0.170/32": False,
    "192.0.0.171/32": False,
    "192.0.2.0/24": False,
    "192.31.196.0/24": True,
    "192.52.193.0/24": True,
    "192.88.99.0/24": None,
    "192.168.0.0/16": False,
    "192.175.48.0/24": True,
    "198.18.0.0/15": False,
    "198.51.100.0/24": False,
    "203.0.113.0/24": False,
    "240.0.0.0/4": False,
    "255.255.255.255/32": False,
    "2001::/23": False,
    "2001::/32": None,
    "2001:1::1/128": True,
    "2001:1::2/128": True,
    "2001:1::3/128": True,
    "2001:2::/48": False,
    "2001:3::/32": True,
    "2001:4:112::/48": True,
    "2001:10::/28": None,
    "2001:20::/28": True,
    "2001:30::/28": True,
    "2001:db8::/32": False,
    "2002::/16": None,
    "2620:4f:8000::/48": True,
    "3fff::/20": False,
}
# https://www.iana.org/assignments/multicast-addresses, a registry of its own.
MULTICAST = "224.0.0.0/4"

PUBLIC_IPV4 = 3_702_258_432
PUBLIC_IPV6 = 2**125 - 2**105 - 2**96 - 2**112 - 2**108

NOT_PUBLIC = {
    "private-use-from-10": "10.0.0.0/8",
    "private-use-from-172": "172.16.0.0/12",
    "private-use-from-192": "192.168.0.0/16",
    "carrier-nat": "100.64.0.0/10",
    "loopback": "127.0.0.1/32",
    "instance-metadata": "169.254.169.254/32",
    "documentation": "203.0.113.0/24",
    "multicast-and-reserved": "224.0.0.0/3",
    "this-network": "0.0.0.0/8",
    "unique-local-ipv6": "fc00::/7",
    "link-local-ipv6": "fe80::/10",
    "multicast-ipv6": "ff00::/8",
    "upper-half-of-ipv6-holds-nothing-routable": "8000::/1",
    "ipv6-before-global-unicast": "::/3",
    "ipv6-after-global-unicast": "4000::/2",
    "ipv4-mapped-ipv6": "::ffff:0:0/96",
    "documentation-ipv6": "2001:db8::/32",
    "6to4": "2002::/16",
    "a-prefix-list": "pl-0123456789abcdef0",
    "a-group": "sg-0123456789abcdef0",
}

NARROW = {
    "one-address": "8.8.8.8/32",
    "an-office": "8.8.8.0/24",
    "half-of-what-is-broad": "16.0.0.0/17",
    "one-ipv6-address": "2600::1/128",
    "a-site-of-ipv6": "2600::/48",
    "half-of-what-is-broad-in-ipv6": "2600::/29",
    "the-last-address-before-multicast": "223.255.255.255/32",
}
BROAD = {
    "sixteen-bits": "16.0.0.0/16",
    "a-whole-cloud-provider": "3.0.0.0/8",
    "an-eighth-of-ipv4": "32.0.0.0/3",
    "the-quarter-of-ipv4-that-is-half-reserved": "192.0.0.0/2",
    "twenty-eight-bits-of-ipv6": "2600::/28",
    "an-eighth-of-ipv6": "3000::/6",
    "a-quarter-of-ipv6-but-for-its-special-blocks": "2000::/5",
}
WORLD = {
    "all-of-ipv4": "0.0.0.0/0",
    "all-of-ipv4-in-disguise": "1.2.3.4/0",
    "all-of-ipv4-behind-a-private-address": "10.0.0.1/0",
    "lower-half-of-ipv4": "0.0.0.0/1",
    "upper-half-of-ipv4": "128.0.0.0/1",
    "a-quarter-of-ipv4": "64.0.0.0/2",
    "all-of-ipv6": "::/0",
    "all-of-ipv6-in-disguise": "fe80::1/0",
    "the-half-of-ipv6-that-is-routed": "::/1",
    "global-unicast": "2000::/3",
    "a-quarter-of-ipv6": "2800::/5",
}

UNIONS = {
    "private-networks-add-up-to-nothing": (
        ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"],
        Breadth.PRIVATE,
    ),
    "the-same-network-many-times": (["16.0.0.0/17"] * 9, Breadth.NARROW),
    "a-network-and-parts-of-it": (["16.0.0.0/17", "16.0.0.0/24", "16.0.1.1/32"], Breadth.NARROW),
    "eighths-of-either-family-do-not-add-up": (["32.0.0.0/3", "3000::/6"], Breadth.BROAD),
    "two-neighbours-make-a-broad-one": (["16.0.0.0/17", "16.0.128.0/17"], Breadth.BROAD),
    "two-apart-make-a-broad-one": (["16.0.0.0/17", "99.0.0.0/17"], Breadth.BROAD),
    "two-eighths-make-a-world": (["32.0.0.0/3", "64.0.0.0/3"], Breadth.WORLD),
    "both-halves": (["0.0.0.0/1", "128.0.0.0/1"], Breadth.WORLD),
    "broad-but-for-the-private-half-of-it": (["172.16.0.0/12", "172.32.0.0/17"], Breadth.NARROW),
}

# What one call opens, and to whom: (protocol, ports) -> breadth; nothing else is open.
CALLS: dict[str, tuple[list[str], dict[tuple[str | None, str | None], Breadth]]] = {
    "no-rules-at-all": ([], {}),
    "egress-to-the-world": (["egress all to 0.0.0.0/0", "egress tcp 22 to ::/0"], {}),
    "private-networks-and-groups": (["all from 10.0.0.0/8", "tcp 22 from sg-1"], {}),
    "a-prefix-list-shows-no-ranges": (["tcp 22 from pl-1"], {}),
    "https-for-the-world-and-ssh-from-inside": (
        ["tcp 443 from 0.0.0.0/0", "tcp 22 from 10.0.0.0/8"],
        {("tcp", "443-443"): Breadth.WORLD},
    ),
    "https-for-the-world-and-ssh-for-one": (
        ["tcp 443 from 0.0.0.0/0", "tcp 22 from 8.8.8.8/32"],
        {("tcp", "22-22"): Breadth.NARROW, ("tcp", "443-443"): Breadth.WORLD},
    ),
    "tcp-and-udp-are-apart": (
        ["tcp 53 from 32.0.0.0/3", "udp 53 from 64.0.0.0/3"],
        {("tcp", "53-53"): Breadth.BROAD, ("udp", "53-53"): Breadth.BROAD},
    ),
    "edited-rule-of-unknown-direction": (
        ["unknown tcp 22 from 0.0.0.0/0"],
        {("tcp", "22-22"): Breadth.WORLD},
    ),
    "eighths-that-overlap-on-a-few-ports": (
        ["tcp 20-25 from 32.0.0.0/3", "tcp 22-30 from 64.0.0.0/3"],
        {
            ("tcp", "20-21"): Breadth.BROAD,
            ("tcp", "22-25"): Breadth.WORLD,
            ("tcp", "26-30"): Breadth.BROAD,
        },
    ),
    "ports-side-by-side-are-one-range": (
        ["tcp 20-21 from 0.0.0.0/0", "tcp 22 from 0.0.0.0/0"],
        {("tcp", "20-22"): Breadth.WORLD},
    ),
    "ports-apart-are-two-ranges": (
        ["tcp 20 from 0.0.0.0/0", "tcp 22 from 0.0.0.0/0"],
        {("tcp", "20-20"): Breadth.WORLD, ("tcp", "22-22"): Breadth.WORLD},
    ),
    "the-first-and-the-last-port": (
        ["tcp 0 from 0.0.0.0/0", "tcp 65535 from ::/0"],
        {("tcp", "0-0"): Breadth.WORLD, ("tcp", "65535-65535"): Breadth.WORLD},
    ),
    "everything": (["all from 0.0.0.0/0"], {("-1", None): Breadth.WORLD}),
    "everything-from-an-eighth-and-ssh-from-another": (
        ["all from 32.0.0.0/3", "tcp 22 from 64.0.0.0/3"],
        {
            ("-1", None): Breadth.BROAD,
            ("tcp", "0-21"): Breadth.BROAD,
            ("tcp", "22-22"): Breadth.WORLD,
            ("tcp", "23-65535"): Breadth.BROAD,
        },
    ),
    "everything-from-an-eighth-and-ping-from-another": (
        ["all from 32.0.0.0/3", "icmp from 64.0.0.0/3"],
        {("-1", None): Breadth.BROAD, ("icmp", None): Breadth.WORLD},
    ),
    "tunnels-have-no-ports": (["47 from 0.0.0.0/0"], {("47", None): Breadth.WORLD}),
    "icmp-types-are-no-ports": (["icmp 8 from 0.0.0.0/0"], {("icmp", None): Breadth.WORLD}),
    "ping-over-either-family": (
        ["icmp from 0.0.0.0/0", "icmpv6 from ::/0"],
        {("icmp", None): Breadth.WORLD, ("icmpv6", None): Breadth.WORLD},
    ),
    "unrecorded-protocol": (["? 22 from 0.0.0.0/0"], {(None, "22-22"): Breadth.WORLD}),
}


@pytest.mark.parametrize("cidr", NOT_PUBLIC.values(), ids=NOT_PUBLIC)
def test_not_public(cidr: str) -> None:
    assert internet_share_of([peer(cidr)]) == InternetShare()


@pytest.mark.parametrize(
    ("cidr", "breadth"),
    [
        pytest.param(cidr, breadth, id=story)
        for breadth, table in (
            (Breadth.NARROW, NARROW),
            (Breadth.BROAD, BROAD),
            (Breadth.WORLD, WORLD),
        )
        for story, cidr in table.items()
    ],
)
def test_breadth_of_one_network(cidr: str, breadth: Breadth) -> None:
    assert internet_share_of([peer(cidr)]).breadth is breadth


@pytest.mark.parametrize(("cidrs", "breadth"), UNIONS.values(), ids=UNIONS)
def test_breadth_of_a_union(cidrs: list[str], breadth: Breadth) -> None:
    assert internet_share_of(map(peer, cidrs)).breadth is breadth


@pytest.mark.parametrize(("texts", "openings"), CALLS.values(), ids=CALLS)
def test_what_one_call_opens(
    texts: list[str], openings: dict[tuple[str | None, str | None], Breadth]
) -> None:
    exposure = exposure_of(rules(*texts))

    assert {
        (opening.protocol, _words(opening.ports)): opening.share.breadth
        for opening in exposure.openings
    } == openings
    assert exposure.is_world_open == (Breadth.WORLD in openings.values())


def _words(ports: PortRange | None) -> str | None:
    return f"{ports.first}-{ports.last}" if ports else None


def test_both_halves_are_the_whole_world_on_the_ports_that_they_share() -> None:
    # Half of the world alone is world-open as well, but its share says that it is a half.
    exposure = exposure_of(rules("tcp 20-25 from 0.0.0.0/1", "tcp 22-30 from 128.0.0.0/1"))

    assert {_words(opening.ports): opening.share for opening in exposure.openings} == {
        "20-21": internet_share_of([peer("0.0.0.0/1")]),
        "22-25": internet_share_of([peer("0.0.0.0/0")]),
        "26-30": internet_share_of([peer("128.0.0.0/1")]),
    }


@pytest.mark.parametrize(
    ("text", "stands_for_more"),
    [
        ("tcp 22 from 0.0.0.0/0", False),
        ("tcp 22 from sg-1", False),
        ("egress tcp 22 to pl-1", False),
        ("tcp 22 from pl-1", True),
        ("unknown tcp 22 from pl-1", True),
    ],
)
def test_prefix_list_as_ingress_peer_stands_for_more(text: str, stands_for_more: bool) -> None:
    assert exposure_of([rule(text)]).has_prefix_lists is stands_for_more


# Thresholds ---------------------------------------------------------------------------------------


def _first_public(count: int) -> list[str]:
    """So many addresses from 11.0.0.0 on, a stretch that is public for 1.4 thousand million."""
    first = IPv4Address("11.0.0.0")
    return [str(network) for network in summarize_address_range(first, first + count - 1)]


@pytest.mark.parametrize(
    ("count", "breadth"),
    [
        (1, Breadth.NARROW),
        (PUBLIC_IPV4 // 2**16, Breadth.NARROW),  # rounded down: a little less than 1/65,536
        (PUBLIC_IPV4 // 2**16 + 1, Breadth.BROAD),
        (PUBLIC_IPV4 // 4 - 1, Breadth.BROAD),
        (PUBLIC_IPV4 // 4, Breadth.WORLD),  # a whole number
    ],
)
def test_thresholds_are_exact(count: int, breadth: Breadth) -> None:
    share = internet_share_of(map(peer, _first_public(count)))

    assert share == InternetShare(ipv4_share=count / PUBLIC_IPV4, breadth=breadth)


# An independent count: the standard library's networks instead of spans of numbers ----------------

Network = TypeVar("Network", IPv4Network, IPv6Network)


def _public_networks(whole: Network, special: Iterable[Network]) -> list[Network]:
    left = [whole]
    for block in collapse_addresses(special):
        around = next((network for network in left if block.subnet_of(network)), None)
        if around is not None:
            left.remove(around)
            left += around.address_exclude(block)
    return left


def _count(networks: Iterable[Network], public: Iterable[Network]) -> int:
    """Two networks that overlap are one within the other: the smaller is what they share."""
    return sum(
        min(network.num_addresses, part.num_addresses)
        for network in collapse_addresses(networks)
        for part in public
        if network.overlaps(part)
    )


NOT_REACHABLE = [block for block, reachable in SPECIAL_PURPOSE.items() if not reachable]
PUBLIC_NETWORKS_IPV4 = _public_networks(
    IPv4Network("0.0.0.0/0"),
    [IPv4Network(block) for block in (*NOT_REACHABLE, MULTICAST) if ":" not in block],
)
PUBLIC_NETWORKS_IPV6 = _public_networks(
    IPv6Network("2000::/3"), [IPv6Network(block) for block in NOT_REACHABLE if ":" in block]
)


def counted(networks: Iterable[IPv4Network | IPv6Network]) -> InternetShare:
    """The share of these networks together."""
    listed = list(networks)
    ipv4 = _count([n for n in listed if isinstance(n, IPv4Network)], PUBLIC_NETWORKS_IPV4)
    ipv6 = _count([n for n in listed if isinstance(n, IPv6Network)], PUBLIC_NETWORKS_IPV6)
    if 4 * ipv4 >= PUBLIC_IPV4 or 4 * ipv6 >= PUBLIC_IPV6:
        breadth = Breadth.WORLD
    elif 2**16 * ipv4 >= PUBLIC_IPV4 or 2**25 * ipv6 >= PUBLIC_IPV6:
        breadth = Breadth.BROAD
    else:
        breadth = Breadth.NARROW if ipv4 or ipv6 else Breadth.PRIVATE
    return InternetShare(
        ipv4_share=ipv4 / PUBLIC_IPV4, ipv6_share=ipv6 / PUBLIC_IPV6, breadth=breadth
    )


PROTOCOLS_AND_PORTS = [
    *((protocol, port) for protocol in (None, "tcp", "udp") for port in NEAR_PORTS),
    *((protocol, 0) for protocol in ("icmp", "icmpv6", "47", ALL_PROTOCOLS)),
]


def reach_at(exposure: Exposure, protocol: str | None, port: int) -> InternetShare:
    """Who reaches this port: as its own opening says, else that of every protocol."""
    for opening in exposure.openings:
        if opening.protocol == protocol and (
            opening.ports is None or opening.ports.first <= port <= opening.ports.last
        ):
            return opening.share
    return InternetShare() if protocol == ALL_PROTOCOLS else reach_at(exposure, ALL_PROTOCOLS, port)


def test_public_addresses_are_as_many_as_iana_leaves() -> None:
    assert sum(network.num_addresses for network in PUBLIC_NETWORKS_IPV4) == PUBLIC_IPV4
    assert sum(network.num_addresses for network in PUBLIC_NETWORKS_IPV6) == PUBLIC_IPV6
    assert internet_share_of([peer("8.8.8.8/32")]).ipv4_share == 1 / PUBLIC_IPV4
    assert internet_share_of([peer("2600::/64")]).ipv6_share == 2**64 / PUBLIC_IPV6


@pytest.mark.parametrize("block", [*SPECIAL_PURPOSE, MULTICAST])
def test_special_block_is_public_when_it_is_globally_reachable(block: str) -> None:
    # One that is reachable within one that is not goes with that one: so does 192.0.0.9/32.
    assert internet_share_of([peer(block)]) == counted([ip_network(block)])


@calmly
@given(st.lists(ip_networks() | st.sampled_from([*SPECIAL_PURPOSE]).map(ip_network), max_size=20))
def test_reach_agrees_with_an_independent_count(
    networks: list[IPv4Network | IPv6Network],
) -> None:
    assert internet_share_of(peer_of_cidr(str(network)) for network in networks) == counted(
        networks
    )


@calmly
@given(lists_of_rules())
def test_every_port_agrees_with_an_independent_count(listed: list[SecurityGroupRule]) -> None:
    exposure = exposure_of(listed)

    for protocol, port in PROTOCOLS_AND_PORTS:
        networks = [
            rule.peer.network
            for rule in listed
            if rule.direction is not Direction.EGRESS
            and rule.protocol in (protocol, ALL_PROTOCOLS)
            and (rule.ports is None or rule.ports.first <= port <= rule.ports.last)
            and rule.peer.network is not None
        ]
        assert reach_at(exposure, protocol, port) == counted(networks)


# What must not matter, and what must --------------------------------------------------------------


@calmly
@given(lists_of_rules(), st.data())
def test_order_and_duplicates_do_not_matter(
    listed: list[SecurityGroupRule], data: st.DataObject
) -> None:
    again = data.draw(st.lists(st.sampled_from(listed), max_size=4) if listed else st.just([]))
    shuffled = data.draw(st.permutations(listed + again))

    assert set(exposure_of(shuffled).openings) == set(exposure_of(listed).openings)


@calmly
@given(lists_of_rules(), st.integers(1, 3))
def test_how_a_network_is_split_does_not_matter(listed: list[SecurityGroupRule], bits: int) -> None:
    split = [
        replace(rule, peer=peer_of_cidr(str(part)))
        for rule in listed
        if (network := rule.peer.network) is not None
        for part in network.subnets(
            prefixlen_diff=min(bits, network.max_prefixlen - network.prefixlen)
        )
    ]

    assert exposure_of(split).openings == exposure_of(listed).openings


@calmly
@given(lists_of_rules(), st.integers(0, 65535))
def test_how_a_port_range_is_split_does_not_matter(
    listed: list[SecurityGroupRule], cut: int
) -> None:
    split = [
        replace(rule, ports=ports)
        for rule in listed
        for ports in (
            [PortRange(rule.ports.first, cut), PortRange(cut + 1, rule.ports.last)]
            if rule.ports and rule.ports.first <= cut < rule.ports.last
            else [rule.ports]
        )
    ]

    assert exposure_of(split).openings == exposure_of(listed).openings


@calmly
@given(lists_of_rules(), lists_of_rules())
def test_more_rules_never_open_less(
    before: list[SecurityGroupRule], more: list[SecurityGroupRule]
) -> None:
    less, greater = exposure_of(before), exposure_of(before + more)

    for protocol, port in PROTOCOLS_AND_PORTS:
        one, other = reach_at(less, protocol, port), reach_at(greater, protocol, port)
        assert one.ipv4_share <= other.ipv4_share
        assert one.ipv6_share <= other.ipv6_share
        assert one.breadth <= other.breadth
    assert less.is_world_open <= greater.is_world_open
    assert less.has_prefix_lists <= greater.has_prefix_lists


@calmly
@given(lists_of_rules())
def test_openings_of_a_protocol_are_in_order_apart_and_as_long_as_can_be(
    listed: list[SecurityGroupRule],
) -> None:
    openings = exposure_of(listed).openings

    assert all(opening.share.breadth is not Breadth.PRIVATE for opening in openings)
    for one, other in pairwise(openings):
        if one.protocol == other.protocol:
            assert one.ports is not None
            assert other.ports is not None
            assert one.ports.last < other.ports.first
            assert one.ports.last + 1 < other.ports.first or one.share != other.share
