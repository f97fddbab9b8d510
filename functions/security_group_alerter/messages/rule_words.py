"""Rules, ports and shares of the Internet, in the words of an alert."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import TypeVar

from ..judgement.exposure import addresses_in, internet_share_of
from ..judgement.sensitive_ports import sensitive_ports_in
from ..judgement.severities import ratings_of, sensitive_ports_of, severity_of
from ..model.exposure import Breadth, Exposure, InternetShare, Opening
from ..model.rules import (
    ALL_PORTS,
    ALL_PROTOCOLS,
    Direction,
    IcmpType,
    Peer,
    PeerKind,
    PortRange,
    SecurityGroupRule,
)
from .text import listed, safe

# https://www.iana.org/assignments/protocol-numbers
_PROTOCOLS = {
    "2": "IGMP",
    "4": "IP-in-IP",
    "41": "IPv6-in-IP",
    "47": "GRE",
    "50": "ESP",
    "51": "AH",
    "89": "OSPF",
    "132": "SCTP",
}
# Ports that are not sensitive, but that people know by name.
_PORTS = {
    ("tcp", 25): "SMTP",
    ("tcp", 53): "DNS",
    ("udp", 53): "DNS",
    ("tcp", 80): "HTTP",
    ("udp", 123): "NTP",
    ("tcp", 443): "HTTPS",
    ("udp", 443): "HTTP/3",
}
# https://www.iana.org/assignments/icmp-parameters, …/icmpv6-parameters
_ICMP_TYPES = {("icmp", 8): "echo request (ping)", ("icmpv6", 128): "echo request (ping)"}
_DIRECTIONS = {
    Direction.INGRESS: ("ingress", "from"),
    Direction.EGRESS: ("egress", "to"),
    Direction.UNKNOWN: ("ingress or egress", "from/to"),
}
MOST_SERVICES = 3
_Item = TypeVar("_Item")


def rule_words(rule: SecurityGroupRule) -> str:
    """`ingress tcp 22 (SSH) from 0.0.0.0/0, the whole IPv4 Internet`."""
    return f"{direction_words(rule.direction)} {flow_words(rule)}{amount_words(rule.peer)}"


def direction_words(direction: Direction) -> str:
    """`ingress`, `egress`, or both where the record does not say."""
    return _DIRECTIONS[direction][0]


def flow_words(rule: SecurityGroupRule) -> str:
    """`tcp 22 (SSH) from 0.0.0.0/0`."""
    traffic = traffic_words(rule.protocol, rule.ports, rule.icmp_type)
    return f"{traffic} {_DIRECTIONS[rule.direction][1]} {peer_words(rule.peer)}"


def traffic_words(
    protocol: str | None, ports: PortRange | None, icmp_type: IcmpType | None = None
) -> str:
    """`tcp 22 (SSH)`, `all traffic`, `udp 5000-5999`, `icmp type 3`, `protocol 47 (GRE)`."""
    if protocol == ALL_PROTOCOLS:
        return "all traffic"
    if ports is not None:
        name = protocol or "a protocol that is not in the record, port"
        if ports == ALL_PORTS:
            return f"{name}, all ports"
        services = service_names(protocol, ports)
        return f"{name} {port_words(ports)}{f' ({services})' if services else ''}"
    if protocol in ("icmp", "icmpv6"):
        return f"{protocol}{_icmp_type_words(protocol, icmp_type)}"
    number = safe(protocol or "", 20)
    known = _PROTOCOLS.get(number)
    return f"protocol {number}{f' ({known})' if known else ''}"


def port_words(ports: PortRange) -> str:
    """`22`, or `20-25`."""
    return str(ports.first) if ports.first == ports.last else f"{ports.first}-{ports.last}"


def service_names(protocol: str | None, ports: PortRange) -> str:
    """The services known on these ports, a few of them by name."""
    names = [sensitive.name for sensitive in sensitive_ports_in(protocol, ports)]
    if not names and ports.first == ports.last:
        names = [_PORTS[protocol or "", ports.first]] if (protocol, ports.first) in _PORTS else []
    return listed(list(dict.fromkeys(names)), MOST_SERVICES)


def peer_words(peer: Peer) -> str:
    """`0.0.0.0/0`, `prefix list pl-…`, `security group sg-… of account …`."""
    if peer.kind is PeerKind.PREFIX_LIST:
        return f"prefix list {safe(peer.value, 80)}"
    if peer.kind is PeerKind.SECURITY_GROUP:
        owner = f" of account {peer.account_id}" if peer.account_id else ""
        return f"security group {safe(peer.value, 80)}{owner}"
    return peer.value


def held_words(ranges: Sequence[Peer]) -> str:
    """`0.0.0.0/0, 10.0.0.0/8 and 3 more`, or `nothing`: what a list holds, the widest first."""
    widest = sorted(ranges, key=lambda it: width_of(internet_share_of((it,))), reverse=True)
    return listed([it.value for it in widest], 3) or "nothing"


# A burst names the same few ranges over and over.
@lru_cache(maxsize=256)
def amount_words(peer: Peer) -> str:
    """What a CIDR amounts to where that is not plain: `, 57% of the IPv4 Internet`."""
    if peer.network is None:
        return ""
    share = internet_share_of((peer,))
    if share.breadth is Breadth.NARROW:
        return ""
    if share.breadth is Breadth.BROAD and share.ipv4_share:
        return f", {_count_words(addresses_in(share))} addresses"
    return f", {internet_share_words(share)}"


def internet_share_words(share: InternetShare) -> str:
    """`the whole Internet`, `57% of the IPv4 Internet`, `no public addresses`."""
    if share.ipv4_share == share.ipv6_share == 1:
        return "the whole Internet"
    shares = ((share.ipv4_share, "IPv4"), (share.ipv6_share, "IPv6"))
    parts = [f"{_share_words(share)} {family} Internet" for share, family in shares if share]
    return " and ".join(parts) or "no public addresses"


def whom_words(share: InternetShare, peers: Iterable[Peer]) -> str:
    """How much of the Internet, and what less than the world is: `3.0.0.0/8, 16.7 million …`."""
    if share.breadth is Breadth.WORLD:
        return internet_share_words(share)
    public = {peer.value for peer in peers if internet_share_of((peer,)).breadth > Breadth.PRIVATE}
    ranges = public.pop() if len(public) == 1 else f"{len(public):,} public ranges"
    if share.ipv6_share:
        return f"{ranges}, {internet_share_words(share)}"
    return f"{ranges}, {_count_words(addresses_in(share))} addresses"


def openings_words(exposure: Exposure, rules: Iterable[SecurityGroupRule]) -> tuple[str, str]:
    """What weighs the most, and to how much it is open: (`tcp 22 (SSH)`, `the whole Internet`).

    `rules` are those that open it.
    """
    alike = _foremost_of(exposure)
    # Another rule's ranges may be wider, on a port that weighs less.
    openers = [rule for rule in rules if any(touches(rule, opening) for opening in alike)]
    whom = whom_words(alike[0].share, (rule.peer for rule in openers))
    return listed(_traffic_in(alike), MOST_SERVICES), whom


def was_or_were(exposure: Exposure) -> str:
    """The verb of what `openings_words` names."""
    return "was" if len(_traffic_in(_foremost_of(exposure))) == 1 else "were"


def _foremost_of(exposure: Exposure) -> list[Opening]:
    """Of what weighs the most, what is open to as much: that must be true of each of them."""
    worst = sorted(worst_openings_in(exposure), key=_concern_of, reverse=True)
    return [opening for opening in worst if opening.share == worst[0].share]


def _traffic_in(openings: Sequence[Opening]) -> list[str]:
    if openings[0].protocol == ALL_PROTOCOLS:
        return ["all traffic"]
    return [*dict.fromkeys(traffic_words(it.protocol, it.ports) for it in openings)]


def touches(rule: SecurityGroupRule, opening: Opening) -> bool:
    """Whether a rule lets something in on the ports of an opening, or on some of them."""
    is_egress = rule.direction is Direction.EGRESS
    if is_egress or rule.protocol not in (opening.protocol, ALL_PROTOCOLS):
        return False
    ports, opened = rule.ports or ALL_PORTS, opening.ports or ALL_PORTS
    return ports.first <= opened.last and opened.first <= ports.last


def worst_openings_in(exposure: Exposure) -> list[Opening]:
    """Those that the severity comes from, each once."""
    ratings = ratings_of(exposure)
    severity = max(rating.severity for rating in ratings)
    worst = (rating for rating in ratings if rating.severity is severity)
    return list(dict.fromkeys(opening for rating in worst for opening in rating.openings))


def concern_of(exposure: Exposure) -> tuple[object, ...]:
    """What orders exposures: the severity, then how wide and how sensitive the worst of it is."""
    if not exposure.openings:
        return ()
    return (severity_of(exposure), *max(map(_concern_of, worst_openings_in(exposure))))


def width_of(share: InternetShare) -> tuple[Breadth, float]:
    """What orders shares."""
    return share.breadth, share.ipv4_share + share.ipv6_share


def worst_of(
    items: Sequence[_Item], most: int, concern: Callable[[_Item], tuple[object, ...]]
) -> list[tuple[_Item, tuple[object, ...]]]:
    """At most so many, each with its concern: all of them as they are, or else the worst first."""
    if len(items) == 1 <= most:
        return [(items[0], ())]
    rated = [(item, concern(item)) for item in items]
    return rated if len(rated) <= most else sorted(rated, key=itemgetter(1), reverse=True)[:most]


def _concern_of(opening: Opening) -> tuple[bool, Breadth, bool, float]:
    return (
        opening.protocol == ALL_PROTOCOLS,
        opening.share.breadth,
        bool(sensitive_ports_of(opening)),
        opening.share.ipv4_share + opening.share.ipv6_share,
    )


def _count_words(count: int) -> str:
    """`16.7 million`, `65,536`: three digits, never more than there are."""
    for size, name in ((10**9, "billion"), (10**6, "million")):
        if count >= size:
            places = 3 - len(str(count // size))
            return f"{count * 10**places // size / 10**places:g} {name}"
    return f"{count:,}"


def _share_words(share: float) -> str:
    if share == 1:
        return "the whole"
    percent = share * 100
    return f"{percent:.0f}% of the" if percent >= 1 else f"{percent:.2g}% of the"


def _icmp_type_words(protocol: str, icmp_type: IcmpType | None) -> str:
    if icmp_type is None:
        return ""
    code = "" if icmp_type.code is None else f" code {icmp_type.code}"
    known = _ICMP_TYPES.get((protocol, icmp_type.type))
    return f" {known}" if known else f" type {icmp_type.type}{code}"
