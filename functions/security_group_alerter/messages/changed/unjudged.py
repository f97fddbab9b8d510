"""What is reported without a change: a record that cannot be read, and our own configuration."""

from __future__ import annotations

from ...model.origin import ConfigurationProblem, UnreadableRecord
from ..limits import Limits
from ..members import without_empty
from ..text import safe
from ..undo import NOT_ENOUGH, Undo
from .words import Changed


def record_unreadable(origin: UnreadableRecord, limits: Limits) -> Changed:
    """A record, or a log event that is not a record at all."""
    name = origin.record.event_name
    return Changed(
        done=f"unreadable record of {safe(name, 60)}" if name else "unreadable log event",
        problem=safe(origin.problem, 300),
        after=(
            f"! The record could not be read: {safe(origin.problem)}",
            f"  It says: {safe(origin.excerpt, min(1500, 5 * limits.text))}",
        ),
        undo=Undo(reason=NOT_ENOUGH),
        facts=without_empty(
            unreadable=limits.cut(origin.problem), excerpt=limits.cut(origin.excerpt)
        ),
    )


def configuration_wrong(origin: ConfigurationProblem, limits: Limits) -> Changed:
    """An entry of accepted_openings.toml that is not in force."""
    return Changed(
        name="Accepted openings",
        done="an accepted opening is not in force",
        problem=safe(origin.problem, 300),
        after=(f"! {safe(origin.problem, 500)}",),
        notes=("Until it is mended in accepted_openings.toml and deployed, it accepts nothing.",),
        undo=Undo(reason=NOT_ENOUGH),
        facts=without_empty(unreadable=limits.cut(origin.problem)),
    )
