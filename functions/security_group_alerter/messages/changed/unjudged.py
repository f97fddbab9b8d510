"""What is reported without a change: a record that cannot be read, and our own configuration."""

from __future__ import annotations

from ...model.origin import ConfigurationProblem, UnreadableRecord
from ...model.record import CloudTrailRecord
from ..limits import Limits
from ..members import without_empty
from ..text import safe
from ..undo import NOT_ENOUGH, Undo
from .words import Changed, event_looks

# What to do once it is found, by what the call changes.
_LOOK_AT_IT = {
    "group": "Look at the group's rules, and close what is open to the Internet and not planned.",
    "prefix list": "Look at what the prefix list holds, and take out what is not planned.",
    "trail": "Check that the trail still logs every account and Region: make verify does.",
}


def record_unreadable(origin: UnreadableRecord, limits: Limits) -> Changed:
    """A record, or a log event that is not a record at all."""
    noun = _noun_of(origin.record)
    looks = tuple(event_looks(origin.record.event_id, noun=noun))
    by_command = "by the command above, or " if looks else ""
    is_call = origin.record.event_name is not None
    what = "The call succeeded, and what it did" if is_call else "What happened"
    find_it = (
        f"{what} is not known here: find the {noun} {by_command}in CloudTrail's event history."
    )
    return Changed(
        problem=safe(origin.problem, 300),
        after=(
            f"! The record could not be read: {safe(origin.problem)}",
            f"  It says: {safe(origin.excerpt, min(1500, 5 * limits.text))}",
        ),
        undo=Undo(reason=NOT_ENOUGH),
        looks=looks,
        steps=(find_it, _LOOK_AT_IT[noun]),
        facts=without_empty(
            unreadable=limits.cut(origin.problem), excerpt=limits.cut(origin.excerpt)
        ),
    )


def _noun_of(record: CloudTrailRecord) -> str:
    if record.event_source == "cloudtrail.amazonaws.com":
        return "trail"
    return "prefix list" if "PrefixList" in (record.event_name or "") else "group"


def configuration_wrong(origin: ConfigurationProblem, limits: Limits) -> Changed:
    """An entry of accepted_openings.toml that is not in force."""
    return Changed(
        name="Accepted openings",
        problem=safe(origin.problem, 300),
        after=(f"! {safe(origin.problem, 500)}",),
        notes=("Fix it in accepted_openings.toml and deploy: until then, it accepts nothing.",),
        undo=Undo(reason=NOT_ENOUGH),
        facts=without_empty(unreadable=limits.cut(origin.problem)),
    )


def unjudged_phrase(origin: UnreadableRecord | ConfigurationProblem) -> str:
    """The headline of either."""
    if isinstance(origin, ConfigurationProblem):
        return "an accepted opening is not in force"
    name = origin.record.event_name
    return f"unreadable record of {safe(name, 60)}" if name else "unreadable log event"
