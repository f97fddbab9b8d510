"""What a reader must not overlook in a finding: what its record does not tell, and what follows."""

from __future__ import annotations

from collections.abc import Iterator

from ..cloudtrail.changes import Action, PrefixListChange, SecurityGroupChange
from ..cloudtrail.records import Outcome
from ..judgement.findings import (
    Effect,
    Finding,
    FindingKind,
    PortClass,
    Severity,
    judgements_of,
    ports_in,
    sensitive_ports_of,
)
from ..model.rules import ALL_PROTOCOLS
from .rule_words import worst_openings_in
from .text import listed, safe

_WHY = {
    PortClass.EVERYTHING: "every protocol and port is open",
    PortClass.OTHER: "it is not a public website's port",
    PortClass.WEB: "a website's port may be meant to be public",
    PortClass.ICMP: "ICMP can show which hosts are there",
}


def notes_on(finding: Finding) -> Iterator[str]:
    """Sentences. For a call that was refused there are none: nothing follows from it."""
    change = finding.change
    if finding.kind is FindingKind.CONFIGURATION:
        yield "The other entries hold. Mend it in accepted_openings.toml, and deploy."
    if finding.record.outcome is not Outcome.SUCCEEDED:
        return
    if isinstance(change, SecurityGroupChange):
        yield from acceptance_words(finding)
        yield from _group_notes(finding, change)
    elif isinstance(change, PrefixListChange):
        yield from _prefix_list_notes(finding, change)
    yield from (f"{words[:1].upper()}{words[1:]}." for words in finding.blinded)


def reasons_for(finding: Finding) -> Iterator[str]:
    """Why the severity is what it is, where it comes from what was opened."""
    judgements = judgements_of(finding.opened)
    severity = max((judgement.severity for judgement in judgements), default=Severity.LOW)
    if severity is not finding.severity or severity < Severity.MEDIUM:
        return
    worst = [judgement for judgement in judgements if judgement.severity is severity]
    classes = {judgement.port_class for judgement in worst}
    openings = worst_openings_in(finding.opened)
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


def acceptance_words(finding: Finding) -> Iterator[str]:
    """Whose exceptions cover the opening, and which have run out."""
    how = "Accepted" if finding.severity is Severity.INFORMATIONAL else "Accepted in part"
    for entry in finding.accepted:
        yield f"{how} until {entry.expires} by {safe(entry.owner)}: {safe(entry.reason)}"
    for entry in finding.expired:
        yield (
            f"An acceptance by {safe(entry.owner)} ran out on {entry.expires} and no longer "
            f"counts: {safe(entry.reason)}"
        )


def _group_notes(finding: Finding, change: SecurityGroupChange) -> Iterator[str]:
    if change.action is Action.MODIFY_RULES:
        yield (
            "The record tells neither the direction of the rule nor what it allowed before. "
            "It is judged as ingress."
        )
    if change.action is Action.REMOVE_RULES and change.rule_ids and not change.removed:
        yield "The record names the rules by id only. What they allowed is not recorded."
    if change.is_omitted:
        yield "CloudTrail left the rules out, as it does over 100 KB. Look at the group itself."
    if finding.opened.has_prefix_lists:
        yield "The record does not tell which ranges the prefix list holds."
    if finding.effect is Effect.CLOSES:
        yield "A world-open rule was removed. Another may still stand on this group."


def _prefix_list_notes(finding: Finding, change: PrefixListChange) -> Iterator[str]:
    if change.is_omitted:
        yield "CloudTrail left the ranges out. Look at the prefix list itself."
    if change.action is Action.RESTORE:
        yield "The record does not tell which ranges the restored version holds."
    if change.added and change.action is Action.MODIFY:
        yield "Every rule that refers to this list now lets the added ranges through."
    if finding.effect is Effect.CLOSES:
        yield "A world-wide range was removed from the list. Another may still stand in it."
