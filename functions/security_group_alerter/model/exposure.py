"""What is open, and to how much of the public address space."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum

from .dataclass import dataclass
from .rules import PortRange

# (Protocol, IP version), and its ports as bits. A protocol without ports has all of them.
OpenPorts = Mapping[tuple[str | None, int], int]


class Breadth(IntEnum):
    """How much of the Internet something reaches. The order is that of concern."""

    PRIVATE = 0
    NARROW = 1
    BROAD = 2
    WORLD = 3


@dataclass(frozen=True, slots=True)
class InternetShare:
    """How much of the public IPv4 and IPv6 space, each from 0 to 1."""

    ipv4_share: float = 0.0
    ipv6_share: float = 0.0
    breadth: Breadth = Breadth.PRIVATE


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """One protocol and port range that public addresses reach, all of it equally.

    `protocol` is as in a rule; None means that it is not recorded. `ports` is None where the
    protocol has none. An opening of every protocol has protocol "-1".
    """

    protocol: str | None
    ports: PortRange | None
    share: InternetShare


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """What rules open to public addresses, and whether prefix lists stand for more, unseen."""

    openings: tuple[Opening, ...] = ()
    has_prefix_lists: bool = False

    @property
    def breadth(self) -> Breadth:
        """Of the widest opening."""
        if not self.openings:
            return Breadth.PRIVATE
        return max(opening.share.breadth for opening in self.openings)

    @property
    def is_world_open(self) -> bool:
        """Whether at least a quarter of either family's public space reaches some port."""
        return self.breadth is Breadth.WORLD
