"""What a call changed, in words, commands and facts: one module for each kind of change."""

from __future__ import annotations

from ...model.alert import DeliveredFinding
from ...model.change import (
    AttachmentChange,
    Change,
    PrefixListChange,
    SecurityGroupChange,
    TrailChange,
)
from ...model.finding import Finding
from ...model.origin import (
    ConfigurationProblem,
    Observation,
    Observed,
    RecordedCall,
    UnreadableRecord,
)
from ...model.record import Outcome
from ..limits import Limits
from .attachment import attachment_phrases, groups_attached
from .observation import closed_phrase, observed_change, observed_end
from .prefix_list import prefix_list_changed, prefix_list_phrases
from .security_group import security_group_changed, security_group_phrases
from .trail import trail_changed, trail_phrases
from .unjudged import configuration_wrong, record_unreadable, unjudged_phrase
from .words import Changed

_REFUSED = {
    Outcome.DENIED: "denied attempt to",
    Outcome.FAILED: "failed attempt to",
    Outcome.DRY_RUN: "dry run (nothing changed) to",
}


def changed_by(entry: DeliveredFinding, limits: Limits) -> Changed:
    """All that the forms say of one finding."""
    match entry.finding.origin:
        case RecordedCall(change=change):
            return _changed_by(entry, change, limits)
        case Observation(change=change) as origin:
            return observed_change(entry, origin, _changed_by(entry, change, limits))
        case UnreadableRecord() as origin:
            return record_unreadable(origin, limits)
        case ConfigurationProblem() as origin:
            return configuration_wrong(origin, limits)


def _changed_by(entry: DeliveredFinding, change: Change, limits: Limits) -> Changed:
    match change:
        case SecurityGroupChange():
            return security_group_changed(entry, change, limits)
        case AttachmentChange():
            return groups_attached(entry, change, limits)
        case PrefixListChange():
            return prefix_list_changed(entry, change, limits)
        case TrailChange():
            return trail_changed(entry, change, limits)


def phrase_of(finding: Finding, *, stood: str | None = None) -> str:
    """What was done, or what was attempted and not done: the headline.

    `stood` is how long what was opened stood, if it had ended when it was judged.
    """
    origin = finding.origin
    if isinstance(origin, UnreadableRecord | ConfigurationProblem):
        return unjudged_phrase(origin)
    if isinstance(origin, Observation) and origin.what is Observed.CLOSED:
        return closed_phrase(finding, origin)
    done, to_do = _phrases(finding, origin.change, stood)
    if finding.judgement.acceptance.covers_all:
        return f"accepted: {done}"
    refused = _REFUSED.get(finding.outcome)
    return f"{refused} {to_do}" if refused else done


def end_of(finding: Finding) -> str:
    """What ends the headline of an observation, after what stands behind the group."""
    return observed_end(finding, finding.observed) if finding.observed else ""


def _phrases(finding: Finding, change: Change, stood: str | None) -> tuple[str, str]:
    """(What was done, what was to be done)."""
    match change:
        case SecurityGroupChange():
            return security_group_phrases(finding, change, stood)
        case AttachmentChange():
            return attachment_phrases(finding, change, stood)
        case PrefixListChange():
            return prefix_list_phrases(finding, change, stood)
        case TrailChange():
            return trail_phrases(finding, change)
