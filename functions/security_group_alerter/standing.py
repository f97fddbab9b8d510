"""Step 7: where several calls of a delivery name a group, each is judged by what stood at it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from .judgement.findings import Standards, finding_of
from .judgement.moments import says_more
from .memory.fold import fold
from .memory.statements import Statement, statements_of
from .model.alert import DeliveredFinding
from .model.change import SecurityGroupChange
from .model.exposure_life import Resource


def with_moments(
    found: Sequence[DeliveredFinding], standards: Standards, *, today: date
) -> list[DeliveredFinding]:
    """The findings of a delivery. A group that one call names is known by that record alone."""
    judged = list(found)
    for resource, said in _said_in(found).items():
        events = frozenset(it.event.event_id for statements in said.values() for it in statements)
        if len(events) == 1:
            continue
        together = {it for statements in said.values() for it in statements}
        moments = fold(resource, together, at=events).moments
        for index, statements in said.items():
            # There is none after the group's deletion.
            moment = moments.get(statements[0].event.event_id)
            record, change = found[index].finding.record, found[index].finding.change
            if moment is None or record is None or not isinstance(change, SecurityGroupChange):
                continue
            if says_more(change, moment):
                again = finding_of(record, change, standards, today=today, moment=moment)
                judged[index] = replace(found[index], finding=again)
    return judged


def _said_in(
    found: Sequence[DeliveredFinding],
) -> dict[Resource, dict[int, tuple[Statement, ...]]]:
    """What the findings say of each group, by their places."""
    said: dict[Resource, dict[int, tuple[Statement, ...]]] = {}
    for index, entry in enumerate(found):
        record, change = entry.finding.record, entry.finding.change
        if record is not None and isinstance(change, SecurityGroupChange):
            read = statements_of(record, change)
            if read is not None:
                said.setdefault(read[0], {})[index] = read[1]
    return said
