"""Why the severity is what it is, where it comes from what was opened."""

from __future__ import annotations

from collections.abc import Iterator

from ..judgement.severities import PortClass, ports_in, ratings_of, sensitive_ports_of
from ..model.alert import DeliveredFinding
from ..model.exposure_life import EndedHow
from ..model.finding import Judgement
from ..model.group_state import Reach
from ..model.rules import ALL_PROTOCOLS
from ..model.severity import Severity
from .attached import no_address_words, seen_words
from .people import actor_words, lag_words
from .rule_words import worst_openings_in
from .text import listed

_WHY = {
    PortClass.EVERYTHING: "every protocol and port is open",
    PortClass.OTHER: "only a website's ports are meant for everybody",
    PortClass.WEB: "a website's port may be meant to be public",
    PortClass.ICMP: "ICMP can show which hosts are there",
}

_WITHOUT_PORTS = "a protocol without ports, such as a tunnel's, is not meant for everybody"


def reasons_for(judgement: Judgement) -> Iterator[str]:
    """A clause for each; none below MEDIUM, nor where the severity comes from something else."""
    ratings = ratings_of(judgement.foremost)
    severity = max((rating.severity for rating in ratings), default=Severity.LOW)
    rated = judgement.lowered_from or judgement.severity
    if severity is not rated or severity < Severity.MEDIUM:
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
    elif all(opening.ports is None and opening.protocol for opening in openings) and (
        PortClass.OTHER in classes
    ):
        yield _WITHOUT_PORTS
    else:
        yield from [_WHY[port_class] for port_class in _WHY if port_class in classes][:1]


def lowered_words(entry: DeliveredFinding) -> str | None:
    """`HIGH instead of CRITICAL: no network interface with a public address uses the group`."""
    judgement = entry.finding.judgement
    why = [*_mitigations(entry)]
    if judgement.lowered_from is None or not why:
        return None
    names = f"{judgement.severity.name} instead of {judgement.lowered_from.name}"
    return f"{names}: {', and '.join(why)}"


def _mitigations(entry: DeliveredFinding) -> Iterator[str]:
    reach, ended, record = entry.finding.judgement.reach, entry.ended, entry.finding.record
    if reach is not None and reach.may_lower:
        if reach.reach is Reach.PRIVATE:
            yield no_address_words(entry.finding)
        if reach.reach is Reach.UNATTACHED:
            yield "nothing is attached to the group"
    if ended is None:
        return
    whole = "the last of it" if ended.in_steps else "it"
    what = "the worst of it" if entry.stays_open else whole
    if ended.how is EndedHow.SEEN and ended.at is not None:
        yield f"a look at {seen_words(ended.at)} no longer shows {what}"
        return
    called = record.event_time if record else None
    later = f"{lag_words(ended.at - called)} later" if ended.at and called else "since"
    by = f" by {actor_words(ended.principal)}" if ended.principal else ""
    yield f"{what} was closed {later}{by}"
