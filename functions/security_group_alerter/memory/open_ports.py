"""What is open to the world, as a set of protocols, ports and address families.

The ports of a protocol in a family are the bits of one integer, so that sets are added and taken
away port by port. Every other protocol than those named stands under "-1".
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from ..judgement.exposure import WORLD_SHARE
from ..model.dataclass import replace
from ..model.exposure import Breadth, Exposure, InternetShare, Opening, OpenPorts
from ..model.exposure_life import ExposureLife
from ..model.rules import (
    ALL_PORTS,
    ALL_PROTOCOLS,
    PROTOCOLS_WITH_PORTS,
    PortRange,
    SecurityGroupRule,
)

FAMILIES = (4, 6)


def open_ports_of(exposure: Exposure, protocols: Iterable[str | None]) -> OpenPorts:
    """What of an exposure the world reaches. `protocols` are all that can be named in the group.

    A rule of every protocol opens each of them, and all the others.
    """
    ports: dict[tuple[str | None, int], int] = {}
    for opening in exposure.openings:
        is_all = opening.protocol == ALL_PROTOCOLS
        bits = bits_of(opening.ports or ALL_PORTS)
        for family in families_of(opening.share):
            for protocol in {opening.protocol, *protocols} if is_all else (opening.protocol,):
                ports[protocol, family] = ports.get((protocol, family), 0) | bits
    return ports


def naming(ports: OpenPorts, protocols: Iterable[str | None]) -> OpenPorts:
    """The same, where these protocols stood among all others until now."""
    named = {
        (protocol, family): ports[ALL_PROTOCOLS, family]
        for protocol in protocols
        for family in FAMILIES
        if (ALL_PROTOCOLS, family) in ports
    }
    return {**ports, **named}


def ports_of(
    rules: Iterable[SecurityGroupRule], protocols: Iterable[str | None]
) -> Mapping[str | None, int]:
    """The ports that these rules are about, by protocol, as bits.

    A rule of every protocol is about all ports of each of them, and of all the others.
    """
    ports: dict[str | None, int] = {}
    for rule in rules:
        is_all = rule.protocol == ALL_PROTOCOLS
        bits = bits_of(rule.ports or ALL_PORTS)
        for protocol in {ALL_PROTOCOLS, *protocols} if is_all else (rule.protocol,):
            ports[protocol] = ports.get(protocol, 0) | bits
    return ports


def replaced(before: OpenPorts, now: OpenPorts, ports: Mapping[str | None, int]) -> OpenPorts:
    """What was open before, with what is open now on these ports."""
    left = dict(before)
    for protocol, bits in ports.items():
        for key in ((protocol, family) for family in FAMILIES):
            is_open = left.pop(key, 0) & ~bits | now.get(key, 0) & bits
            if is_open:
                left[key] = is_open
    return left


def families_of(share: InternetShare) -> tuple[int, ...]:
    """The address families of which the world gets in."""
    if share.breadth is not Breadth.WORLD:
        return ()
    return tuple(family for family in FAMILIES if _share_in(share, family) * WORLD_SHARE >= 1)


def together(*every: OpenPorts) -> OpenPorts:
    """What is open by any of them."""
    ports: dict[tuple[str | None, int], int] = {}
    for key, bits in (it for one in every for it in one.items()):
        ports[key] = ports.get(key, 0) | bits
    return ports


def without(ports: OpenPorts, others: OpenPorts) -> OpenPorts:
    """What is open, less what is in the other set."""
    left = {key: bits & ~others.get(key, 0) for key, bits in ports.items()}
    return {key: bits for key, bits in left.items() if bits}


def openings_in(exposure: Exposure, new: OpenPorts, before: OpenPorts) -> Iterator[Opening]:
    """The openings of an exposure that are new. A family that was open before counts as zero."""
    for opening in exposure.openings:
        bits = bits_of(opening.ports or ALL_PORTS)
        ipv4, ipv6 = (bits & new.get((opening.protocol, family), 0) for family in FAMILIES)
        has_ports = opening.protocol is None or opening.protocol in PROTOCOLS_WITH_PORTS
        both = ipv4 & ipv6
        for alike in filter(None, (both, ipv4 & ~both, ipv6 & ~both)):
            shares = {
                family: _share_in(opening.share, family)
                for family in FAMILIES
                if not alike & before.get((opening.protocol, family), 0)
            }
            share = InternetShare(
                ipv4_share=shares.get(4, 0.0), ipv6_share=shares.get(6, 0.0), breadth=Breadth.WORLD
            )
            for ports in ranges_of(alike):
                yield Opening(
                    protocol=opening.protocol, ports=ports if has_ports else None, share=share
                )


def closed_and_not(
    exposure: Exposure, lives: Collection[ExposureLife]
) -> tuple[Exposure, Exposure]:
    """What of an exposure was closed of these lives, whatever opened it again; and the rest.

    Families of addresses count apart.
    """
    named = {protocol for life in lives for protocol, _ in life.parts}
    opened = Exposure(openings=tuple(it for life in lives for it in life.openings))
    closed = without(open_ports_of(opened, named), together(*(it.parts for it in lives)))
    if not closed:
        return Exposure(), exposure
    world = [it for it in exposure.openings if it.share.breadth is Breadth.WORLD]
    if any(protocol == ALL_PROTOCOLS for protocol, _ in closed):
        # Of every protocol, those are left that are open by their own names.
        everything = [it for it in world if it.protocol == ALL_PROTOCOLS]
        world += (replace(it, protocol=one) for it in everything for one in named)
    of_world = Exposure(openings=tuple(world))
    before = open_ports_of(of_world, named)
    rest = without(before, closed)
    gone = without(before, rest)
    others = (it for it in exposure.openings if it.share.breadth is not Breadth.WORLD)
    return (
        Exposure(openings=tuple(openings_in(of_world, gone, rest))),
        replace(exposure, openings=(*openings_in(of_world, rest, closed), *others)),
    )


def bits_of(ports: PortRange) -> int:
    """A range of ports as bits."""
    return (1 << ports.last + 1) - (1 << ports.first)


def ranges_of(bits: int) -> Iterator[PortRange]:
    """The runs of ports in a set of bits, in order."""
    first = 0
    while bits:
        gap = (bits & -bits).bit_length() - 1
        first, bits = first + gap, bits >> gap
        length = (~bits & bits + 1).bit_length() - 1
        yield PortRange(first, first + length - 1)
        first, bits = first + length, bits >> length


def _share_in(share: InternetShare, family: int) -> float:
    return share.ipv4_share if family == 4 else share.ipv6_share
