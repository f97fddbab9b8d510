"""What a look showed to stand behind a security group, in words: what carries it, and its reach."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime

from ..judgement.exposure import families_open_to_world
from ..model.finding import Finding
from ..model.group_state import (
    GroupState,
    InternetGatewayBlockMode,
    NetworkInterface,
    PrefixListState,
    Reach,
)
from ..model.rules import PeerKind
from ..model.subject import SubjectKind
from .text import listed, plural, safe

MOST_INTERFACES = 5
# Of one interface, so many addresses of a kind.
_MOST_ADDRESSES = 3
_FAMILIES = frozenset({PeerKind.IPV4, PeerKind.IPV6})
_FAMILY_NAMES = {PeerKind.IPV4: "public IPv4", PeerKind.IPV6: "global IPv6"}
# What is called by the name of its service has no plural.
_SERVICES = frozenset({"AWS service", "CloudHSM", "QuickSight"})
_PLURALS = {"directory": "directories"}
# https://docs.aws.amazon.com/vpc/latest/userguide/security-vpc-bpa-basics.html
_BLOCK_MODES = {
    InternetGatewayBlockMode.BIDIRECTIONAL: (
        "VPC Block Public Access is on and blocks all traffic to and from internet gateways in "
        "this Region, except in excluded VPCs and subnets."
    ),
    InternetGatewayBlockMode.INGRESS: (
        "VPC Block Public Access is on and blocks all traffic from the Internet to the VPCs in "
        "this Region, except in excluded VPCs and subnets."
    ),
}


def families_of(finding: Finding) -> frozenset[PeerKind]:
    """The address families that matter: those open to the world, else those open to anybody.

    Both where that is not known.
    """
    judgement = finding.judgement
    shares = [judgement.listed, *(opening.share for opening in judgement.opened.openings)]
    anybody = {
        PeerKind.IPV4: any(share.ipv4_share for share in shares),
        PeerKind.IPV6: any(share.ipv6_share for share in shares),
    }
    some = frozenset(family for family, is_open in anybody.items() if is_open)
    return families_open_to_world(shares) or some or _FAMILIES


def is_public(interface: NetworkInterface, families: Collection[PeerKind]) -> bool:
    """Whether it has an address that the Internet reaches, in one of these families."""
    has_ipv4 = PeerKind.IPV4 in families and interface.public_ipv4
    return bool(has_ipv4 or (PeerKind.IPV6 in families and interface.ipv6))


def things_words(interfaces: Sequence[NetworkInterface], adjective: str) -> str:
    """`2 public instances`: what the interfaces belong to, each once.

    `3 public interfaces` where they belong to different kinds of things.
    """
    count = len(interfaces)
    kind, *others = dict.fromkeys(safe(it.used_as, 60) for it in interfaces)
    if others:
        return plural(count, f"{adjective} interface")
    things = {it.used_by for it in interfaces}
    if kind in _SERVICES or (None in things and count > 1):
        kind = kind if kind.endswith(" interface") else f"{kind} interface"
        return plural(count, f"{adjective} {kind}")
    many = _PLURALS.get(kind, f"{kind}s")
    return f"{len(things):,} {adjective} {kind if len(things) == 1 else many}"


def carriers_words(
    interfaces: Sequence[NetworkInterface], families: Collection[PeerKind]
) -> Iterator[str]:
    """`2 public instances`, then `1 private RDS database`."""
    public = [it for it in interfaces if is_public(it, families)]
    rest = [it for it in interfaces if not is_public(it, families)]
    if public:
        yield things_words(public, "public")
    if rest:
        yield things_words(rest, _adjective_of(rest))


def _adjective_of(rest: Iterable[NetworkInterface]) -> str:
    """What has a public address, but of a family that is not open, is not private either."""
    return "other" if any(is_public(it, _FAMILIES) for it in rest) else "private"


# The reach, as the end of a headline.


def reach_ends(finding: Finding) -> tuple[str, ...]:
    """How a headline may end, the fullest first: ` on 2 public instances`, ` (public)`.

    Nothing where it is not known what stands behind what was opened.
    """
    reach = finding.judgement.reach
    if reach is None or reach.reach is Reach.UNKNOWN:
        return ()
    is_list = finding.subject.kind is SubjectKind.PREFIX_LIST
    interfaces, families = interfaces_behind(finding), families_of(finding)
    if reach.reach is Reach.PUBLIC:
        public = [it for it in interfaces if is_public(it, families)]
        if not public:
            return (" (public)",)
        which = things_words(public, "public")
        return f", which reaches {which}" if is_list else f" on {which}", " (public)"
    if reach.reach is Reach.PRIVATE:
        return tuple(_private_ends(interfaces, families))
    if is_list and not _groups_of(finding):
        return ", no security group refers to it", " (not referred to)"
    return ", nothing attached", " (unattached)"


def _private_ends(
    interfaces: Sequence[NetworkInterface], families: Collection[PeerKind]
) -> Iterator[str]:
    nothing = f", no {_address_words(interfaces, families)} behind it"
    if interfaces:
        yield f"{nothing} ({things_words(interfaces, _adjective_of(interfaces))})"
    yield nothing
    yield " (private)"


def _address_words(interfaces: Sequence[NetworkInterface], families: Collection[PeerKind]) -> str:
    """What there is none of: only of one family where there are addresses of the other."""
    if any(is_public(it, _FAMILIES) for it in interfaces) and len(families) == 1:
        return f"{_FAMILY_NAMES[next(iter(families))]} address"
    return "public address"


def interfaces_behind(finding: Finding) -> tuple[NetworkInterface, ...]:
    """What carries the group, or any of the groups that refer to the list; each once."""
    states = _groups_of(finding)
    return tuple({it.id: it for state in states for it in state.interfaces}.values())


def _groups_of(finding: Finding) -> tuple[GroupState, ...]:
    state = finding.seen
    if isinstance(state, PrefixListState):
        return state.groups
    return (state,) if state else ()


def no_address_words(finding: Finding) -> str:
    """Why what has no public address is less urgent."""
    address = _address_words(interfaces_behind(finding), families_of(finding))
    return f"no network interface with a {address} uses the group"


# What carries a group, in lines.


def attached_lines(state: GroupState, families: Collection[PeerKind]) -> Iterator[str]:
    """What carries the group: how many interfaces, and the first of them."""
    interfaces = _public_first(state.interfaces, families)
    yield _count_words(interfaces, families, state)
    yield from (f"  {interface_words(it)}" for it in interfaces[:MOST_INTERFACES])
    rest = interfaces[MOST_INTERFACES:]
    if rest:
        public = sum(is_public(it, families) for it in rest)
        yield f"  and {len(rest):,} more, {_of_them(public, len(rest))}"
    if state.block_mode in _BLOCK_MODES:
        yield _BLOCK_MODES[state.block_mode]


def although_words(finding: Finding) -> str | None:
    """Why the group may be reached although nothing public is seen to carry it."""
    reach, state = finding.judgement.reach, finding.seen
    # What of a look is missing is said as what was not seen.
    if reach is None or not reach.reasons or state is None or not state.is_complete:
        return None
    has_some = bool(interfaces_behind(finding))
    may_be = "A private address may be reached" if has_some else "The group may be in use"
    return f"{may_be} all the same: {listed([safe(it, 300) for it in reach.reasons], 3)}"


def _public_first(
    interfaces: Iterable[NetworkInterface], families: Collection[PeerKind]
) -> list[NetworkInterface]:
    return sorted(interfaces, key=lambda it: not is_public(it, families))


def _count_words(
    interfaces: Sequence[NetworkInterface], families: Collection[PeerKind], state: GroupState
) -> str:
    seen = f"seen at {seen_words(state.seen_at)}"
    if not interfaces:
        return f"No network interface uses the group, as {seen}."
    public = sum(is_public(it, families) for it in interfaces)
    count = plural(len(interfaces), "network interface")
    perhaps = "" if state.has_all_interfaces else " (perhaps not all)"
    return f"{count}{perhaps}, {_of_them(public, len(interfaces))}, {seen}:"


def _of_them(public: int, count: int) -> str:
    if not public:
        return "none of them public" if count > 1 else "not public"
    if public == count:
        return "all of them public" if count > 1 else "public"
    return f"{public:,} of them public"


def seen_words(time: datetime) -> str:
    """`03:12 UTC`: when a look was taken."""
    return f"{time:%H:%M} UTC"


def interface_words(interface: NetworkInterface) -> str:
    """`instance i-… "bastion": public 203.0.113.9, private 10.0.1.5`."""
    addresses = (
        ("public", interface.public_ipv4),
        ("IPv6", interface.ipv6),
        ("private", interface.private_addresses),
    )
    words = ", ".join(f"{kind} {_addresses_words(values)}" for kind, values in addresses if values)
    return f"{thing_words(interface)}: {words or 'no address'}"


def thing_words(interface: NetworkInterface) -> str:
    """`instance i-… "bastion"`: what the interface belongs to, in AWS's words."""
    called = interface.used_by or interface.id
    name = f' "{safe(interface.name, 60)}"' if interface.name else ""
    return f"{safe(interface.used_as, 60)} {safe(called, 80)}{name}"


def _addresses_words(addresses: Sequence[str]) -> str:
    shown = ", ".join(safe(it, 60) for it in addresses[:_MOST_ADDRESSES])
    rest = len(addresses) - _MOST_ADDRESSES
    return f"{shown} and {rest:,} more" if rest > 0 else shown


def attached_in_short(state: GroupState, families: Collection[PeerKind]) -> str:
    """`2 public instances: i-… "bastion" (203.0.113.9), i-… and 3 more`: one line of a chat."""
    if not state.interfaces:
        return "nothing" if state.has_all_interfaces else "not seen"
    interfaces = _public_first(state.interfaces, families)
    words = [_in_short(it, families) for it in interfaces[:2]]
    rest = len(interfaces) - len(words)
    more = f" and {rest:,} more" if rest else ""
    perhaps = "" if state.has_all_interfaces else "; perhaps not all"
    return (
        f"{' and '.join(carriers_words(interfaces, families))}: {', '.join(words)}{more}{perhaps}"
    )


def _in_short(interface: NetworkInterface, families: Collection[PeerKind]) -> str:
    addresses = (
        *(interface.public_ipv4 if PeerKind.IPV4 in families else ()),
        *(interface.ipv6 if PeerKind.IPV6 in families else ()),
        *interface.private_addresses,
    )
    where = f" ({safe(addresses[0], 60)})" if addresses else ""
    return f"{thing_words(interface)}{where}"


def group_words(state: GroupState, families: Collection[PeerKind]) -> str:
    """`sg-… "web" in vpc-…: 2 public instances`: one of several groups, in a line."""
    name = f' "{safe(state.name, 60)}"' if state.name else ""
    vpc = f" in {safe(state.vpc_id, 40)}" if state.vpc_id else ""
    carriers = " and ".join(carriers_words(state.interfaces, families))
    nothing = "nothing attached" if state.has_all_interfaces else "what uses it was not seen"
    return f"{safe(state.resource.id, 40)}{name}{vpc}: {carriers or nothing}"
