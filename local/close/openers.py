"""Which rules of a group open it to the Internet: those without which it is closed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from security_group_alerter.judgement.exposure import (
    exposure_of,
    families_open_to_world,
    internet_share_of,
)
from security_group_alerter.messages.rule_words import touches
from security_group_alerter.model.exposure import Breadth, Opening
from security_group_alerter.model.rules import ALL_PROTOCOLS, PeerKind

from .group import StandingRule

# All of the Internet has these bits in common: global IPv6 is 2000::/3.
_COMMON_BITS = {PeerKind.IPV4: 0, PeerKind.IPV6: 3}


def openings_in(rules: Iterable[StandingRule], *, port: int | None = None) -> list[Opening]:
    """What these rules open to the world together, on this port or on any."""
    return [
        opening
        for opening in exposure_of(it.rule for it in rules).openings
        if opening.share.breadth is Breadth.WORLD and (port is None or _has(opening, port))
    ]


def openers_in(rules: Sequence[StandingRule], *, port: int | None = None) -> list[StandingRule]:
    """The rules that have to go until nothing is open to the world on this port, or on any.

    The widest go first, and all that are as wide: slices of the Internet go together. Narrower
    ranges stay if nothing is open to the world without the wider ones.
    """
    left = list(rules)
    while openings := openings_in(left, port=port):
        openers = [it for it in left if any(_opens(it, opening) for opening in openings)]
        widest = min(map(_bits_of, openers))
        left = [it for it in left if it not in openers or _bits_of(it) > widest]
    return [it for it in rules if it not in left]


def breadth_of(standing: StandingRule) -> Breadth:
    """How much of the Internet a rule lets in by itself."""
    return internet_share_of((standing.rule.peer,)).breadth


def _has(opening: Opening, port: int) -> bool:
    # All protocols together have this port too; those that have no ports do not.
    if opening.ports is None:
        return opening.protocol == ALL_PROTOCOLS
    return opening.ports.first <= port <= opening.ports.last


def _opens(standing: StandingRule, opening: Opening) -> bool:
    """Whether a rule has a part in an opening, in an address family in which the world gets in."""
    is_in_family = standing.rule.peer.kind in families_open_to_world((opening.share,))
    is_public = breadth_of(standing) is not Breadth.PRIVATE
    return is_in_family and is_public and touches(standing.rule, opening)


def _bits_of(standing: StandingRule) -> int:
    """How many bits of an address a range fixes: the fewer, the wider."""
    peer = standing.rule.peer
    return int(peer.value.rpartition("/")[2]) - _COMMON_BITS[peer.kind]
