"""What a call changed, in words, commands and facts: one module for each kind of change."""

from __future__ import annotations

from ...model.change import Change, PrefixListChange, SecurityGroupChange, TrailChange
from ...model.finding import Finding
from ...model.origin import ConfigurationProblem, RecordedCall, UnreadableRecord
from ..limits import Limits
from .prefix_list import prefix_list_changed
from .security_group import security_group_changed
from .trail import trail_changed
from .unjudged import configuration_wrong, record_unreadable
from .words import Changed


def changed_by(finding: Finding, limits: Limits) -> Changed:
    """What the finding reports."""
    match finding.origin:
        case RecordedCall(change=change):
            return _changed_by_call(finding, change, limits)
        case UnreadableRecord() as origin:
            return record_unreadable(origin, limits)
        case ConfigurationProblem() as origin:
            return configuration_wrong(origin, limits)


def _changed_by_call(finding: Finding, change: Change, limits: Limits) -> Changed:
    match change:
        case SecurityGroupChange():
            return security_group_changed(finding, change, limits)
        case PrefixListChange():
            return prefix_list_changed(finding, change, limits)
        case TrailChange():
            return trail_changed(finding, change, limits)
