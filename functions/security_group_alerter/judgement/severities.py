"""Step 5: an exposure becomes a severity, by a table that a security engineer may tune."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum

from ..model.dataclass import dataclass
from ..model.exposure import Breadth, Exposure, Opening
from ..model.group_state import GroupReach, Reach
from ..model.rules import ALL_PROTOCOLS, ICMP_PROTOCOLS, PortRange
from ..model.severity import Severity
from .sensitive_ports import SensitivePort, sensitive_ports_in


class PortClass(StrEnum):
    """What kind of ports an opening reaches."""

    EVERYTHING = "everything"
    SENSITIVE = "sensitive"
    OTHER = "other"
    WEB = "web"
    ICMP = "icmp"


# --- What a security engineer may tune -----------------------------------------------------------

# Ports that are sensitive stand in sensitive_ports.py. These are the ones meant to be public:
WEB_PORTS = {"tcp": (PortRange(80, 80), PortRange(443, 443)), "udp": (PortRange(443, 443),)}

# So many ports at once are as good as all of them: nobody serves a thousand services on purpose.
EVERYTHING_PORTS = 1024

SEVERITY: dict[PortClass, dict[Breadth, Severity]] = {
    PortClass.EVERYTHING: {Breadth.WORLD: Severity.CRITICAL, Breadth.BROAD: Severity.HIGH},
    PortClass.SENSITIVE: {Breadth.WORLD: Severity.CRITICAL, Breadth.BROAD: Severity.HIGH},
    PortClass.OTHER: {Breadth.WORLD: Severity.HIGH, Breadth.BROAD: Severity.MEDIUM},
    PortClass.WEB: {Breadth.WORLD: Severity.MEDIUM, Breadth.BROAD: Severity.LOW},
    PortClass.ICMP: {Breadth.WORLD: Severity.MEDIUM, Breadth.BROAD: Severity.LOW},
}
# Any rule that refers to the list opens with it, on ports that are not in the record.
PREFIX_LIST_EDIT = {Breadth.WORLD: Severity.HIGH, Breadth.BROAD: Severity.MEDIUM}
# What a prefix list holds is not recorded where it is used or restored.
UNSEEN_PREFIX_LIST = Severity.MEDIUM
CANNOT_JUDGE = Severity.HIGH
# A refused call changes nothing. But who tries to open the world, or to blind a trail, may try
# again with other credentials.
REFUSED = Severity.INFORMATIONAL
DENIED_WORLD_OPENING = Severity.MEDIUM
REFUSED_BLINDING = Severity.HIGH
DESCRIPTIONS_ONLY = MATCHED_NOTHING = Severity.INFORMATIONAL
# IPAM then changes the list's ranges without a call of anybody's.
HANDED_TO_IPAM = Severity.MEDIUM
# Whoever stops or blinds the trail puts this alerter out, too.
OWN_TRAIL_BLINDED = Severity.CRITICAL
TRAIL_BLINDED = OWN_TRAIL_CHANGED = Severity.MEDIUM
# An account whose calls are no longer recorded, or that may change the organization's trails.
ORGANIZATION_CHANGED = Severity.MEDIUM
# CloudTrail repeats in each account what was done to the organization's trail: that is reported
# where it was done, and a thousand accounts must not page a thousand times.
REPEATED_BY_CLOUDTRAIL = Severity.LOW
# What the organization has accepted is reported, and wakes nobody.
ACCEPTED = Severity.INFORMATIONAL
# An entry of accepted_openings.toml that is not in force makes for more alerts, not for fewer.
NOT_IN_FORCE = Severity.MEDIUM
ANY_OTHER_CHANGE = Severity.LOW
# What nothing is attached to can wait, but may be attached at any minute.
MOST_WHEN_UNATTACHED = Severity.MEDIUM
# What had ended when it was judged is one lower, but for what the world had been let in by.
LEAST_WHEN_ENDED = {Breadth.WORLD: Severity.MEDIUM, Breadth.BROAD: Severity.LOW}

# -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Rating:
    """One cell of the table that openings fall into."""

    severity: Severity
    port_class: PortClass
    openings: tuple[Opening, ...]


def ratings_of(exposure: Exposure) -> tuple[Rating, ...]:
    """Every cell of the table that the openings fall into: the worst of them is the severity."""
    if not exposure.openings:
        return ()
    ratings = [
        Rating(
            severity=SEVERITY[port_class].get(opening.share.breadth, ANY_OTHER_CHANGE),
            port_class=port_class,
            openings=(opening,),
        )
        for opening in exposure.openings
        for port_class in port_classes_of(opening)
    ]
    if ports_in(exposure.openings) >= EVERYTHING_PORTS:
        ratings += _ratings_together(exposure.openings)
    return tuple(ratings)


def _ratings_together(openings: Sequence[Opening]) -> Iterator[Rating]:
    """The cells that openings fall into which are as good as all ports together."""
    for breadth, severity in SEVERITY[PortClass.EVERYTHING].items():
        wide = tuple(it for it in openings if it.ports is not None and it.share.breadth >= breadth)
        if ports_in(wide) >= EVERYTHING_PORTS:
            yield Rating(severity=severity, port_class=PortClass.EVERYTHING, openings=wide)


def severity_of(exposure: Exposure) -> Severity:
    """The worst cell of the table that the openings fall into."""
    cells = [rating.severity for rating in ratings_of(exposure)]
    if exposure.has_prefix_lists:
        cells.append(UNSEEN_PREFIX_LIST)
    return max(cells, default=ANY_OTHER_CHANGE)


def severity_when_ended(severity: Severity, breadth: Breadth) -> Severity:
    """The severity of what had ended when it was judged, and had been as broad as this."""
    least = LEAST_WHEN_ENDED.get(breadth)
    return severity if least is None else min(severity, Severity(max(least, severity - 1)))


def severity_with_reach(severity: Severity, reach: GroupReach) -> Severity:
    """The severity of what is open to the world, with what stands behind it. The watch looks again.

    One lower where no interface has a public address, and none that the Internet may use instead.
    """
    if not reach.may_lower or severity <= ACCEPTED:
        return severity
    if reach.reach is Reach.UNATTACHED:
        return min(severity, MOST_WHEN_UNATTACHED)
    return Severity(severity - 1) if reach.reach is Reach.PRIVATE else severity


def ports_in(openings: Iterable[Opening]) -> int:
    """How many ports these are, of every protocol."""
    return sum(opening.ports.size for opening in openings if opening.ports is not None)


def sensitive_ports_of(opening: Opening) -> tuple[SensitivePort, ...]:
    """The sensitive ports among an opening's; none where it has no ports."""
    return sensitive_ports_in(opening.protocol, opening.ports) if opening.ports else ()


def port_classes_of(opening: Opening) -> Iterator[PortClass]:
    """What kinds of ports an opening reaches."""
    if opening.protocol == ALL_PROTOCOLS:
        yield PortClass.EVERYTHING
    elif opening.protocol in ICMP_PROTOCOLS:
        yield PortClass.ICMP
    else:
        if sensitive_ports_of(opening):
            yield PortClass.SENSITIVE
        web_ports = WEB_PORTS.get(opening.protocol or "", ())
        yield PortClass.WEB if opening.ports in web_ports else PortClass.OTHER
