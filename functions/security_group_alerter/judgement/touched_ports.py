"""Step 6a: what the ports that a call touches are open to just after it.

What the call adds counts together with what was there: slices of the Internet add up. Where a call
adds nothing public to a port, what it adds counts alone.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby, pairwise, product
from operator import attrgetter, itemgetter

from ..model.dataclass import replace
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
from .exposure import (
    exposure_of,
    families_open_to_world,
    internet_share_of,
    may_be_broad,
)
from .severities import severity_of

_NOBODY = InternetShare()
_NO_LISTS: Mapping[str, tuple[Peer, ...]] = {}


def with_ranges(
    rules: Iterable[SecurityGroupRule], lists: Mapping[str, tuple[Peer, ...]]
) -> tuple[SecurityGroupRule, ...]:
    """The rules, with a rule for each range in place of one that refers to a known list."""
    if not lists:
        return tuple(rules)

    def ranges_of(rule: SecurityGroupRule) -> Iterator[SecurityGroupRule]:
        ranges = lists.get(rule.peer.value) if rule.peer.kind is PeerKind.PREFIX_LIST else None
        if ranges is None:
            yield rule
        else:
            yield from (replace(rule, peer=peer) for peer in ranges)

    return tuple(it for rule in rules for it in ranges_of(rule))


def standing_with(
    added: Sequence[SecurityGroupRule],
    before: Iterable[SecurityGroupRule],
    lists: Mapping[str, tuple[Peer, ...]] = _NO_LISTS,
) -> tuple[SecurityGroupRule, ...]:
    """Of the rules that stood before, those that let somebody in where the new ones do, too.

    None where all of them together are too few addresses to matter. `lists` are what prefix lists
    hold that the rules that stood before refer to.
    """
    exposure = exposure_of(added)
    if not exposure.openings:
        return ()
    touched = _Shares(exposure)
    beside = [(rule, with_ranges((rule,), lists)) for rule in before if touched.meet(rule)]
    ranges = (it for _, ranges in beside for it in ranges)
    if not may_be_broad(rule.peer for rule in (*added, *ranges)):
        return ()
    return tuple(rule for rule, ranges in beside if any(map(_is_public, ranges)))


def standing_on(
    openings: Sequence[Opening], rules: Iterable[SecurityGroupRule]
) -> tuple[SecurityGroupRule, ...]:
    """Of the rules, those that let somebody in where these openings are."""
    touched = _Shares(Exposure(openings=tuple(openings)))
    return tuple(rule for rule in rules if touched.meet(rule) and _is_public(rule))


def keeping_open(
    opened: Exposure,
    rules: Iterable[SecurityGroupRule],
    lists: Mapping[str, tuple[Peer, ...]],
    *,
    in_part: bool = False,
) -> tuple[SecurityGroupRule, ...]:
    """The rules by which what was opened is open as ever, on ports that weigh as much.

    `in_part` takes ports that weigh less, too. None where it is closed. Where some of them are
    enough alone, they are those.
    """
    touched = _Shares(opened)
    near = [(rule, with_ranges((rule,), lists)) for rule in rules if touched.meet(rule)]
    now = exposure_of(it for _, ranges in near for it in ranges)
    left = Exposure(openings=tuple(_as_open_as(opened, now)))
    is_less = severity_of(left) < severity_of(Exposure(openings=opened.openings))
    if not left.openings or (is_less and not in_part):
        return ()
    shares = _Shares(left)
    breadths = [(rule, exposure_of(it).breadth) for rule, it in near if shares.meet(rule)]
    public = tuple(rule for rule, breadth in breadths if breadth is not Breadth.PRIVATE)
    return tuple(rule for rule, breadth in breadths if breadth >= left.breadth) or public


def left_open(
    opened: Exposure,
    rules: Iterable[SecurityGroupRule],
    lists: Mapping[str, tuple[Peer, ...]],
    *,
    any_family: bool = False,
) -> Exposure:
    """What of what was opened these rules leave as broad, and to how much it is open by them.

    `any_family` takes ports that are open to the world in another family of addresses alone, too.
    """
    touched = _Shares(opened)
    near = with_ranges((rule for rule in rules if touched.meet(rule)), lists)
    left = joined(_as_open_as(opened, exposure_of(near), any_family=any_family))
    return Exposure(openings=tuple(dict.fromkeys(left)))


def joined(openings: Iterable[Opening]) -> Iterator[Opening]:
    """The openings, of which those that lie side by side and are open alike are one."""
    alike: dict[tuple[str | None, InternetShare], list[PortRange]] = {}
    for it in openings:
        if it.ports is None:
            yield it
        else:
            alike.setdefault((it.protocol, it.share), []).append(it.ports)
    for (protocol, share), every in alike.items():
        joined: list[PortRange] = []
        for ports in sorted(every, key=attrgetter("first")):
            if joined and ports.first <= joined[-1].last + 1:
                before = joined.pop()
                joined.append(PortRange(before.first, max(before.last, ports.last)))
            else:
                joined.append(ports)
        yield from (Opening(protocol=protocol, ports=it, share=share) for it in joined)


def _as_open_as(earlier: Exposure, now: Exposure, *, any_family: bool = False) -> Iterator[Opening]:
    """The ports of an exposure that are now open to as much as they were.

    What is open to more was opened by others.
    """
    for opening, other in product(earlier.openings, now.openings):
        protocols = {opening.protocol, other.protocol}
        is_same = len(protocols) == 1 or ALL_PROTOCOLS in protocols
        if not is_same or other.share.breadth < opening.share.breadth:
            continue
        families = families_open_to_world((opening.share,))
        if families and not (any_family or families & families_open_to_world((other.share,))):
            continue
        own, others = opening.ports or ALL_PORTS, other.ports or ALL_PORTS
        first, last = max(own.first, others.first), min(own.last, others.last)
        if first <= last:
            protocol = min(protocols - {ALL_PROTOCOLS}, default=ALL_PROTOCOLS, key=str)
            has_ports = opening.ports is not None or other.ports is not None
            ports = PortRange(first, last) if has_ports else None
            share = opening.share if _is_as_much(other.share, opening.share) else other.share
            yield Opening(protocol=protocol, ports=ports, share=share)


def _is_as_much(share: InternetShare, other: InternetShare) -> bool:
    """Whether one share is as broad as the other and more, or as much in each family."""
    if share.breadth is not other.breadth:
        return share.breadth > other.breadth
    return share.ipv4_share >= other.ipv4_share and share.ipv6_share >= other.ipv6_share


def exposure_after(
    added: Sequence[SecurityGroupRule], before: Sequence[SecurityGroupRule]
) -> Exposure:
    """What the ports of the added rules are open to; `before` are the rules standing with them."""
    alone = exposure_of(added)
    if not before:
        return alone
    exposures = (alone, exposure_of(before), exposure_of((*added, *before)))
    # By protocol: where what is open may change.
    cuts: dict[str | None, set[int]] = {}
    for opening in (opening for exposure in exposures for opening in exposure.openings):
        ports = opening.ports or ALL_PORTS
        cuts.setdefault(opening.protocol, set()).update((ports.first, ports.last + 1))
    everywhere = cuts.get(ALL_PROTOCOLS, set())
    shares = [_Shares(exposure) for exposure in exposures]
    openings = [
        opening
        for protocol, own in cuts.items()
        for opening in _openings_of(protocol, sorted(own | everywhere), shares)
    ]
    return replace(alone, openings=tuple(openings))


def _openings_of(
    protocol: str | None, cuts: Sequence[int], shares: Sequence[_Shares]
) -> Iterator[Opening]:
    """Where the call adds to what was there: all together; else what it adds, alone."""
    stretches: list[tuple[InternetShare, PortRange]] = []
    for first, after in pairwise(cuts):
        alone, earlier, together = (it.at(protocol, first) for it in shares)
        is_more = alone is not _NOBODY and together != earlier
        stretches.append((together if is_more else alone, PortRange(first, after - 1)))
    has_ports = protocol is None or protocol in PROTOCOLS_WITH_PORTS
    for share, alike in groupby(stretches, key=itemgetter(0)):
        ranges = [ports for _, ports in alike]
        if share is not _NOBODY:
            ports = PortRange(ranges[0].first, ranges[-1].last)
            yield Opening(protocol=protocol, ports=ports if has_ports else None, share=share)


class _Shares:
    """Looks up what each port of an exposure is open to."""

    def __init__(self, exposure: Exposure) -> None:
        # Of one protocol, openings do not overlap.
        self._openings: dict[str | None, list[tuple[int, int, InternetShare]]] = {}
        for opening in exposure.openings:
            ports = opening.ports or ALL_PORTS
            openings = self._openings.setdefault(opening.protocol, [])
            openings.append((ports.first, ports.last, opening.share))
        for openings in self._openings.values():
            openings.sort(key=itemgetter(0))

    def at(self, protocol: str | None, port: int) -> InternetShare:
        """As the protocol's own openings say, else those of every protocol."""
        for named in (protocol, ALL_PROTOCOLS):
            openings = self._openings.get(named, [])
            index = bisect_right(openings, port, key=itemgetter(0)) - 1
            if index >= 0 and port <= openings[index][1]:
                return openings[index][2]
        return _NOBODY

    def meet(self, rule: SecurityGroupRule) -> bool:
        """Whether a rule is about some of these ports."""
        if ALL_PROTOCOLS in self._openings or rule.protocol == ALL_PROTOCOLS:
            return bool(self._openings)
        ports = rule.ports or ALL_PORTS
        openings = self._openings.get(rule.protocol, [])
        index = bisect_right(openings, ports.last, key=itemgetter(0)) - 1
        return index >= 0 and ports.first <= openings[index][1]


def _is_public(rule: SecurityGroupRule) -> bool:
    is_inward = rule.direction is not Direction.EGRESS
    return is_inward and internet_share_of((rule.peer,)).breadth is not Breadth.PRIVATE


def part_of(exposure: Exposure, openings: Sequence[Opening]) -> Exposure:
    """What of an exposure lets the world in where these openings are."""
    parts = (
        part
        for own in exposure.openings
        if own.share.breadth is Breadth.WORLD
        for other in openings
        for part in _parts_in_both(own, other)
    )
    return Exposure(openings=tuple(dict.fromkeys(parts)))


def _parts_in_both(own: Opening, other: Opening) -> Iterator[Opening]:
    """The ports of `own` that are those of `other`, too."""
    if own.protocol != other.protocol and ALL_PROTOCOLS not in (own.protocol, other.protocol):
        return
    protocol = other.protocol if own.protocol == ALL_PROTOCOLS else own.protocol
    ports, others = own.ports or ALL_PORTS, other.ports or ALL_PORTS
    first, last = max(ports.first, others.first), min(ports.last, others.last)
    if first <= last:
        has_ports = protocol is None or protocol in PROTOCOLS_WITH_PORTS
        yield replace(own, protocol=protocol, ports=PortRange(first, last) if has_ports else None)
