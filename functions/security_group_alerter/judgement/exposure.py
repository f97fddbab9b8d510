"""Step 4: rules become an Exposure: which ports, to how much of the Internet.

The measure is the share of the publicly routable address space that the union of the rules reaches
on a port. So it does not matter how a range is split, ordered or written down.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_network
from itertools import accumulate, groupby, pairwise
from operator import itemgetter

from ..model.exposure import Breadth, Exposure, InternetShare, Opening
from ..model.rules import (
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
# What so few rules expose is remembered while the function is warm.
MOST_REMEMBERED = 8

# What the public Internet does not route. Blocks of these registries that are globally reachable
# (anycast services such as 192.31.196.0/24) stay in; the few that lie within a block that is not
# (192.0.0.9/32, 2001:20::/28) go with it.
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

_NOTHING = Exposure()

# IP version, and how many public addresses stand before: where a span begins, or the next one does.
_Edge = tuple[int, int]
_Span = tuple[_Edge, _Edge]


def exposure_of(rules: Iterable[SecurityGroupRule]) -> Exposure:
    """Judge ingress rules together; rules of unknown direction count as ingress, egress not."""
    inward = tuple(rule for rule in rules if rule.direction is not Direction.EGRESS)
    if not inward:
        return _NOTHING
    if len(inward) > MOST_REMEMBERED:
        return _exposure_of(inward)
    return _remembered_exposure_of(inward)


# Few rules are new, and each is judged once and worded four times. Large calls are left out: a few
# hundred of a thousand rules each would fill the memory.
@lru_cache(maxsize=256)
def _remembered_exposure_of(inward: tuple[SecurityGroupRule, ...]) -> Exposure:
    return _exposure_of(inward)


def _exposure_of(inward: tuple[SecurityGroupRule, ...]) -> Exposure:
    by_protocol: dict[str | None, list[tuple[PortRange, _Span]]] = {}
    for rule in inward:
        span = _public_span_of(rule.peer)
        if span is not None:
            by_protocol.setdefault(rule.protocol, []).append((rule.ports or ALL_PORTS, span))
    counted = _Union(span for protocol in by_protocol.values() for _, span in protocol)
    # A rule of every protocol counts on each port of each protocol.
    for _, span in by_protocol.get(ALL_PROTOCOLS, []):
        counted.change(span, +1)
    openings = [
        opening
        for protocol, ports_and_spans in by_protocol.items()
        for opening in _openings_of(protocol, ports_and_spans, counted)
    ]
    return Exposure(
        openings=tuple(openings),
        has_prefix_lists=any(rule.peer.kind is PeerKind.PREFIX_LIST for rule in inward),
    )


def internet_share_of(peers: Iterable[Peer]) -> InternetShare:
    """How much of the Internet these peers are together, each address counted once."""
    counts = {4: 0, 6: 0}
    counted_to: _Edge = (0, 0)
    for start, end in sorted(filter(None, map(_public_span_of, peers))):
        first = max(start, counted_to)
        if first < end:
            counts[end[0]] += end[1] - first[1]
            counted_to = end
    return _share_of_counts(counts)


def may_be_broad(peers: Iterable[Peer]) -> bool:
    """Whether these peers are enough addresses to be broad, each counted as often as it is."""
    counts = {4: 0, 6: 0}
    for network in (peer.network for peer in peers if peer.network is not None):
        counts[network.version] += 1 << (network.max_prefixlen - network.prefixlen)
    return any(counts[it] * BROAD_SHARE[it] >= total for it, total in _PUBLIC_TOTAL.items())


def is_enough_for_world(addresses: int, version: int) -> bool:
    """Whether so many addresses of an IP version may be the world, if each of them is public."""
    return addresses * WORLD_SHARE >= _PUBLIC_TOTAL[version]


def families_open_to_world(shares: Iterable[InternetShare]) -> frozenset[PeerKind]:
    """The address families of which the world gets in, by one of these shares."""
    return frozenset(
        family
        for share in shares
        for family, part in ((PeerKind.IPV4, share.ipv4_share), (PeerKind.IPV6, share.ipv6_share))
        if part * WORLD_SHARE >= 1
    )


def addresses_in(share: InternetShare) -> int:
    """How many public IPv4 addresses that is; IPv6 is too large to count by address."""
    return round(share.ipv4_share * _PUBLIC_TOTAL[4])


def _openings_of(
    protocol: str | None, ports_and_spans: Iterable[tuple[PortRange, _Span]], counted: _Union
) -> Iterator[Opening]:
    """Go along the ports: where a range begins its span comes, after its end it goes again."""
    changes: dict[int, list[tuple[_Span, int]]] = {ALL_PORTS.first: [], ALL_PORTS.last + 1: []}
    for ports, span in ports_and_spans:
        changes.setdefault(ports.first, []).append((span, +1))
        changes.setdefault(ports.last + 1, []).append((span, -1))
    shares: dict[int, InternetShare] = {}
    for port in sorted(changes):
        for span, by in changes[port]:
            counted.change(span, by)
        shares[port] = counted.share
    stretches = [(first, after - 1, shares[first]) for first, after in pairwise(shares)]
    has_ports = protocol is None or protocol in PROTOCOLS_WITH_PORTS
    for share, alike in groupby(stretches, key=itemgetter(2)):
        ranges = list(alike)
        if share.breadth is not Breadth.PRIVATE:
            ports = PortRange(ranges[0][0], ranges[-1][1])
            yield Opening(protocol=protocol, ports=ports if has_ports else None, share=share)


class _Union:
    """Counts the public addresses of spans that come and go, those of several spans once.

    The edges of all spans cut the address space into pieces, which a span covers whole or not at
    all; so a change costs as many steps as there are pieces in that span.
    """

    def __init__(self, spans: Iterable[_Span]) -> None:
        self._edges = sorted({edge for span in spans for edge in span})
        self._covers = [0] * len(self._edges)
        self._counts = {4: 0, 6: 0}

    def change(self, span: _Span, by: int) -> None:
        """Add a span (+1), or take it away again (-1)."""
        start, end = span
        for piece in range(bisect_left(self._edges, start), bisect_left(self._edges, end)):
            before = self._covers[piece]
            self._covers[piece] = before + by
            if not before or not before + by:
                (version, first), (_, after) = self._edges[piece : piece + 2]
                self._counts[version] += by * (after - first)

    @property
    def share(self) -> InternetShare:
        """What those that are there amount to."""
        return _share_of_counts(self._counts)


def _share_of_counts(counts: Mapping[int, int]) -> InternetShare:
    """How much so many public addresses of each IP version are."""
    return InternetShare(
        ipv4_share=counts[4] / _PUBLIC_TOTAL[4],
        ipv6_share=counts[6] / _PUBLIC_TOTAL[6],
        breadth=max(_breadth_of(counts[4], 4), _breadth_of(counts[6], 6)),
    )


def _public_span_of(peer: Peer) -> _Span | None:
    """The publicly routable part of a CIDR, as one span; None where there is none."""
    network = peer.network
    if network is None:
        return None
    first, after = _addresses_of(network)
    start, end = _public_before(first, network.version), _public_before(after, network.version)
    return ((network.version, start), (network.version, end)) if start < end else None


def _public_before(address: int, version: int) -> int:
    """How many public addresses stand before this one."""
    begun = bisect_left(_PUBLIC_BEGINS[version], address)
    if not begun:
        return 0
    (first, after), before = _PUBLIC_SPANS[version][begun - 1], _PUBLIC_COUNTS[version][begun - 1]
    return before + min(address, after) - first


def _addresses_of(network: IPv4Network | IPv6Network) -> tuple[int, int]:
    """The first address, and the one after the last."""
    first = int(network.network_address)
    return first, first + (1 << (network.max_prefixlen - network.prefixlen))


def _breadth_of(count: int, version: int) -> Breadth:
    """Compared as whole numbers, so that a quarter is exactly a quarter."""
    total = _PUBLIC_TOTAL[version]
    if count * WORLD_SHARE >= total:
        return Breadth.WORLD
    if count * BROAD_SHARE[version] >= total:
        return Breadth.BROAD
    return Breadth.NARROW if count else Breadth.PRIVATE


def _without(whole: str, special: Iterable[str]) -> Iterator[tuple[int, int]]:
    """What is left of a network without the special blocks in it, which do not overlap."""
    start, end = _addresses_of(ip_network(whole))
    for first, after in sorted(_addresses_of(ip_network(block)) for block in special):
        if first > start:
            yield start, first
        start = after
    if start < end:
        yield start, end


_PUBLIC_SPANS = {
    4: tuple(_without("0.0.0.0/0", _SPECIAL_IPV4)),
    6: tuple(_without(_GLOBAL_UNICAST_IPV6, _SPECIAL_IPV6)),
}
_PUBLIC_BEGINS = {version: [first for first, _ in its] for version, its in _PUBLIC_SPANS.items()}
# How many public addresses stand before each span, and at last all.
_PUBLIC_COUNTS = {
    version: tuple(accumulate((after - first for first, after in its), initial=0))
    for version, its in _PUBLIC_SPANS.items()
}
_PUBLIC_TOTAL = {version: counts[-1] for version, counts in _PUBLIC_COUNTS.items()}
