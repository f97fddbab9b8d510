"""Why the severity is what it is, where it comes from what was opened."""

from __future__ import annotations

from collections.abc import Iterator

from ..judgement.severities import PortClass, ports_in, ratings_of, sensitive_ports_of
from ..model.finding import Judgement
from ..model.rules import ALL_PROTOCOLS
from ..model.severity import Severity
from .rule_words import worst_openings_in
from .text import listed

_WHY = {
    PortClass.EVERYTHING: "every protocol and port is open",
    PortClass.OTHER: "it is not a public website's port",
    PortClass.WEB: "a website's port may be meant to be public",
    PortClass.ICMP: "ICMP can show which hosts are there",
}


def reasons_for(judgement: Judgement) -> Iterator[str]:
    """A clause for each; none below MEDIUM, nor where the severity comes from something else."""
    ratings = ratings_of(judgement.foremost)
    severity = max((rating.severity for rating in ratings), default=Severity.LOW)
    if severity is not judgement.severity or severity < Severity.MEDIUM:
        return
    classes = {rating.port_class for rating in ratings if rating.severity is severity}
    openings = worst_openings_in(judgement.foremost)
    if PortClass.EVERYTHING in classes:
        is_all = any(opening.protocol == ALL_PROTOCOLS for opening in openings)
        yield _WHY[PortClass.EVERYTHING] if is_all else f"{ports_in(openings):,} ports at once"
    elif PortClass.SENSITIVE in classes:
        names_by_reason: dict[str, dict[str, None]] = {}
        for port in (port for opening in openings for port in sensitive_ports_of(opening)):
            names_by_reason.setdefault(port.reason, {})[port.name] = None
        for reason, names in list(names_by_reason.items())[:3]:
            yield f"{listed(list(names), 3)}, {reason}"
    else:
        yield from [_WHY[port_class] for port_class in _WHY if port_class in classes][:1]
