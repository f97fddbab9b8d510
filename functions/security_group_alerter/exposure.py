"""Step 4: rules become an Exposure: which ports, to how much of the Internet.

The measure is the share of the publicly routable address space that the union of the rules reaches
on a port. So it does not matter how a range is split, ordered or written down.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_network
from itertools import pairwise

from .security_group_rules import (
    ALL_PORTS,
    ALL_PROTOCOLS,
    PROTOCOLS_WITH_PORTS,
    Direction,
    Peer,
    PeerKind,
    PortRange,
    SecurityGroupRule,
)

# At least a quarter of the public space of either family is "the world": 0.0.0.0/0, one half of it
# alone, ::/0, 2000::/3. Broad is a /16 of IPv4, a /28 of IPv6 (of 2000::/3, hence 28 - 3 bits).
WORLD_SHARE = 4
BROAD_SHARE = {4: 2**16, 6: 2**25}

# What the public Internet does not route. Blocks of these registries that are globally reachable
# (anycast services such as 192.31.196.0/24) stay in.
# https://www.iana.org/assignments/iana-ipv4-special-registry
# https://www.iana.org/assignments/iana-ipv6-special-registry
_SPECIAL_IPV4 = (
    "0.0.0.0/8",  # this network
    "10.0.0.0/8",  # private use
    "100.64.0.0/10",  # shared address space of carriers
    "127.0.0.0/8",  # loopback
    "169.254.0.0/16",  # link-local
    "172.16.0.0/12",  # private use
    "192.0.0.0/24",  # IETF protocol assignments
    "192.0.2.0/24",  # documentation
    "192.88.99.0/24",  # 6to4 relays, deprecated
    "192.168.0.0/16",  # private use
    "198.18.0.0/15",  # benchmarking
    "198.51.100.0/24",  # documentation
    "203.0.113.0/24",  # documentation
    "224.0.0.0/4",  # multicast
    "240.0.0.0/4",  # reserved, and broadcast
)
_SPECIAL_IPV6 = (
    "2001::/23",  # IETF protocol assignments: Teredo, benchmarking, ORCHID
    "2001:db8::/32",  # documentation
    "2002::/16",  # 6to4
    "3fff::/20",  # documentation
)
# IANA has assigned global unicast addresses in 2000::/3 only.
_GLOBAL_UNICAST_IPV6 = "2000::/3"

_Span = tuple[int, int]


class Breadth(IntEnum):
    """How much of the Internet something reaches. The order is that of concern."""

    PRIVATE = 0
    NARROW = 1
    BROAD = 2
    WORLD = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """How much of the public IPv4 and IPv6 space, each from 0 to 1."""

    ipv4_share: float = 0.0
    ipv6_share: float = 0.0
    breadth: Breadth = Breadth.PRIVATE


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """One protocol and port range that public addresses reach, all of it equally.

    `protocol` is as in a rule; None means that the record does not tell it. `ports` is None where
    the protocol has none. An opening of every protocol has protocol "-1".
    """

    protocol: str | None
    ports: PortRange | None
    reach: Reach


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """What rules open to public addresses, and whether prefix lists stand for more, unseen."""

    openings: tuple[Opening, ...] = ()
    has_prefix_lists: bool = False

    @property
    def is_world_open(self) -> bool:
        """Whether at least a quarter of either family's public space reaches some port."""
        return any(opening.reach.breadth is Breadth.WORLD for opening in self.openings)


def exposure_of(rules: Iterable[SecurityGroupRule]) -> Exposure:
    """Judge ingress rules together; rules of unknown direction count as ingress, egress not."""
    inward = [rule for rule in rules if rule.direction is not Direction.EGRESS]
    public = [(rule, rule.peer) for rule in inward if any(_public_spans_of(rule.peer))]
    by_protocol: dict[str | None, list[tuple[PortRange, Peer]]] = {}
    for rule, peer in public:
        by_protocol.setdefault(rule.protocol, []).append((rule.ports or ALL_PORTS, peer))
    everything = by_protocol.get(ALL_PROTOCOLS, [])
    openings = [
        opening
        for protocol, ports_and_peers in by_protocol.items()
        for opening in _openings_of(
            protocol,
            ports_and_peers if protocol == ALL_PROTOCOLS else ports_and_peers + everything,
        )
    ]
    return Exposure(
        openings=tuple(openings),
        has_prefix_lists=any(rule.peer.kind is PeerKind.PREFIX_LIST for rule in inward),
    )


def reach_of(peers: Iterable[Peer]) -> Reach:
    """How much of the Internet these peers are together, each address counted once."""
    spans: dict[int, list[_Span]] = {4: [], 6: []}
    for peer in peers:
        for version, first, last in _public_spans_of(peer):
            spans[version].append((first, last))
    ipv4, ipv6 = _count(spans[4]), _count(spans[6])
    return Reach(
        ipv4_share=ipv4 / _PUBLIC_TOTAL[4],
        ipv6_share=ipv6 / _PUBLIC_TOTAL[6],
        breadth=max(_breadth_of(ipv4, 4), _breadth_of(ipv6, 6)),
    )


def _openings_of(
    protocol: str | None, ports_and_peers: list[tuple[PortRange, Peer]]
) -> Iterator[Opening]:
    """Cut the port axis where a range begins or ends; between two cuts all ports are alike."""
    if protocol is not None and protocol not in PROTOCOLS_WITH_PORTS:
        reach = reach_of(peer for _, peer in ports_and_peers)
        yield Opening(protocol=protocol, ports=None, reach=reach)
        return
    cuts = {ports.first for ports, _ in ports_and_peers}
    cuts |= {ports.last + 1 for ports, _ in ports_and_peers}
    alike: list[tuple[PortRange, Reach]] = []
    for first, after in pairwise(sorted(cuts)):
        peers = {peer for ports, peer in ports_and_peers if ports.first <= first <= ports.last}
        if not peers:
            continue
        reach = reach_of(peers)
        if alike and alike[-1][0].last == first - 1 and alike[-1][1] == reach:
            first = alike.pop()[0].first
        alike.append((PortRange(first, after - 1), reach))
    yield from (Opening(protocol=protocol, ports=ports, reach=reach) for ports, reach in alike)


@lru_cache(maxsize=1024)
def _public_spans_of(peer: Peer) -> tuple[tuple[int, int, int], ...]:
    """The publicly routable parts of a CIDR as (IP version, first, last); none for other peers."""
    if peer.network is None:
        return ()
    first, last = _span_of(peer.network)
    version = peer.network.version
    return tuple(
        (version, max(first, low), min(last, high))
        for low, high in _PUBLIC_SPANS[version]
        if first <= high and low <= last
    )


def _span_of(network: IPv4Network | IPv6Network) -> _Span:
    return int(network.network_address), int(network.broadcast_address)


def _count(spans: Iterable[_Span]) -> int:
    """How many addresses the spans hold together."""
    count, counted_to = 0, -1
    for first, last in sorted(spans):
        if last > counted_to:
            count += last - max(first - 1, counted_to)
            counted_to = last
    return count


def _breadth_of(count: int, version: int) -> Breadth:
    """Compared as whole numbers, so that a quarter is exactly a quarter."""
    total = _PUBLIC_TOTAL[version]
    if count * WORLD_SHARE >= total:
        return Breadth.WORLD
    if count * BROAD_SHARE[version] >= total:
        return Breadth.BROAD
    return Breadth.NARROW if count else Breadth.PRIVATE


def _without(whole: str, special: Iterable[str]) -> tuple[_Span, ...]:
    """What is left of a network without the special blocks in it."""
    start, end = _span_of(ip_network(whole))
    left: list[_Span] = []
    for first, last in sorted(_span_of(ip_network(block)) for block in special):
        if first > start:
            left.append((start, first - 1))
        start = last + 1
    return (*left, (start, end)) if start <= end else tuple(left)


_PUBLIC_SPANS = {
    4: _without("0.0.0.0/0", _SPECIAL_IPV4),
    6: _without(_GLOBAL_UNICAST_IPV6, _SPECIAL_IPV6),
}
_PUBLIC_TOTAL = {version: _count(spans) for version, spans in _PUBLIC_SPANS.items()}
