"""A security group rule, flat: direction, protocol, ports, peer.

https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_SecurityGroupRule.html
"""

from __future__ import annotations

from dataclasses import field
from enum import StrEnum
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import NamedTuple

from .dataclass import dataclass

ALL_PROTOCOLS = "-1"
HIGHEST_PORT = 65535

# https://www.iana.org/assignments/protocol-numbers: the four that EC2 knows by name.
_PROTOCOL_NAMES = {"1": "icmp", "6": "tcp", "17": "udp", "58": "icmpv6", "all": ALL_PROTOCOLS}
PROTOCOLS_WITH_PORTS = frozenset({"tcp", "udp"})
ICMP_PROTOCOLS = frozenset({"icmp", "icmpv6"})


class Direction(StrEnum):
    """Which way a rule lets traffic through; a ModifySecurityGroupRules record does not say."""

    INGRESS = "ingress"
    EGRESS = "egress"
    UNKNOWN = "unknown"


class PeerKind(StrEnum):
    """What the other end of a rule is."""

    IPV4 = "IPv4"
    IPV6 = "IPv6"
    PREFIX_LIST = "prefix list"
    SECURITY_GROUP = "security group"


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """The other end of a rule. `value` is a canonical CIDR, a prefix list id or a group."""

    # The value tells peers apart well enough. Rules are hashed often, and enums have a slow hash.
    kind: PeerKind = field(hash=False)
    value: str
    network: IPv4Network | IPv6Network | None = field(default=None, compare=False)
    account_id: str | None = field(default=None, compare=False)


class PortRange(NamedTuple):
    """Ports from `first` to `last`, both included, 0 to 65535."""

    # A tuple, since ranges are compared and hashed by the thousand.

    first: int
    last: int

    @property
    def size(self) -> int:
        """How many ports these are."""
        return self.last - self.first + 1


ALL_PORTS = PortRange(0, HIGHEST_PORT)


@dataclass(frozen=True, slots=True)
class IcmpType:
    """An ICMP type and code, which EC2 calls fromPort and toPort; code None is every code."""

    type: int
    code: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SecurityGroupRule:
    """One direction, protocol, port range and peer. Two rules are equal when these four are.

    `protocol` is tcp, udp, icmp, icmpv6, an IANA number, "-1" for every protocol, or None when it
    is not recorded. `ports` is None for a protocol without ports, `icmp_type` None for every
    type.
    """

    direction: Direction
    protocol: str | None
    ports: PortRange | None
    icmp_type: IcmpType | None
    peer: Peer
    rule_id: str | None = field(default=None, compare=False)
    description: str | None = field(default=None, compare=False)

    def __hash__(self) -> int:
        # What tells rules apart well enough: they are hashed often.
        return hash((self.protocol, self.ports and self.ports.first, self.peer.value))


def protocol_of(text: str) -> str:
    """The canonical name of a protocol: `6`, `TCP` and `tcp` are one."""
    lowered = text.strip().lower()
    if lowered.isdecimal():
        lowered = lowered.lstrip("0") or "0"
    return _PROTOCOL_NAMES.get(lowered, lowered)


def ports_of(
    protocol: str | None, first: int | None, last: int | None
) -> tuple[PortRange | None, IcmpType | None]:
    """What EC2 calls fromPort and toPort: the ports, or for ICMP the type and code.

    EC2 writes -1 for every one. Where a bound is missing, it is taken as all that it could be.
    """
    first, last = (None if bound is None or bound < 0 else bound for bound in (first, last))
    if protocol in ICMP_PROTOCOLS:
        return None, IcmpType(first, last) if first is not None else None
    if protocol is not None and protocol not in PROTOCOLS_WITH_PORTS:
        return None, None
    ports = PortRange(
        0 if first is None else min(first, HIGHEST_PORT),
        HIGHEST_PORT if last is None else min(last, HIGHEST_PORT),
    )
    return ports if ports.first <= ports.last else ALL_PORTS, None


def peer_of_cidr(text: str) -> Peer:
    """The peer that a CIDR names, whatever stands behind its prefix: 1.2.3.4/0 is 0.0.0.0/0.

    Raises ValueError when the text is not a CIDR.
    """
    return _peer_of_cidr(text.strip())


@lru_cache(maxsize=256)
def _peer_of_cidr(text: str) -> Peer:
    if "%" in text:
        # A scope id, which Python takes, and in which any text may stand.
        raise ValueError(f"{text!r} has a scope id")
    network = ip_network(text, strict=False)
    kind = PeerKind.IPV4 if network.version == 4 else PeerKind.IPV6
    return Peer(kind=kind, value=str(network), network=network)
