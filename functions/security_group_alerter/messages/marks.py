"""What is remembered of the events of an alert once Amazon SNS has taken it."""

from __future__ import annotations

from collections.abc import Iterator

from ..judgement.machine_made import machine_of
from ..model.alert import Alert
from ..model.finding import Finding
from ..model.seen import AlertedChange, Mark


def marks_of(alert: Alert) -> Iterator[Mark]:
    """A mark for each key of each event; the first of an event says what it was."""
    who, is_machine_made = _who(alert)
    for entry in alert.delivered:
        change = _change_of(entry.finding, who, is_machine_made)
        for key in entry.keys:
            yield Mark(key, change)
            change = None


def _who(alert: Alert) -> tuple[str | None, bool]:
    """Who made the calls, and whether that is a machine."""
    principal = alert.principal
    if principal is None:
        return None, False
    machine = machine_of(principal)
    names = (machine, principal.arn, principal.person, principal.role_name)
    return next(filter(None, names), None), machine is not None


def _change_of(finding: Finding, who: str | None, is_machine_made: bool) -> AlertedChange | None:
    """None of what is not a call."""
    record, subject, judgement = finding.record, finding.subject, finding.judgement
    if record is None:
        return None
    return AlertedChange(
        kind=subject.kind,
        severity=judgement.severity,
        effect=judgement.effect,
        world_open=judgement.world_open,
        at=record.event_time,
        account_id=subject.account_id,
        region=subject.region,
        call=record.event_name,
        principal=who,
        is_machine_made=is_machine_made,
    )
