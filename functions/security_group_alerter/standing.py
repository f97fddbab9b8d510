"""Step 6c: where several calls of a delivery name a group, each is judged by what stood at it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date

from .judgement.findings import Standards, finding_of
from .judgement.moments import says_more
from .memory.fold import fold
from .memory.statements import Statement, statements_of
from .model.alert import DeliveredFinding
from .model.change import SecurityGroupChange
from .model.exposure_life import Resource
from .model.standing import Moment


def with_moments(
    found: Sequence[DeliveredFinding], standards: Standards, *, today: date
) -> tuple[list[DeliveredFinding], Exception | None]:
    """The findings of a delivery, and the last fault of ours: it takes no alert with it.

    A group that one call names is known by that record alone.
    """
    judged = list(found)
    error: Exception | None = None
    for resource, said in _said_in(found).items():
        try:
            for index, moment in _moments_in(resource, said):
                judged[index] = _judged_at(moment, found[index], standards, today)
        except Exception as fault:  # noqa: BLE001
            # Then each call on the group is judged by its record.
            error = fault
            for index in said:
                judged[index] = found[index]
    return judged, error


def _moments_in(
    resource: Resource, said: Mapping[int, tuple[Statement, ...]]
) -> Iterator[tuple[int, Moment]]:
    """What stood at each call on a group, by its place; after the group's deletion nothing did."""
    events = {index: statements[0].event.event_id for index, statements in said.items()}
    if len({*events.values()}) == 1:
        return
    together = {it for statements in said.values() for it in statements}
    moments = fold(resource, together, at=frozenset(events.values())).moments
    for index, event_id in events.items():
        if event_id in moments:
            # Other deliveries may hold more calls on the group.
            yield index, replace(moments[event_id], is_whole=False)


def _judged_at(
    moment: Moment, entry: DeliveredFinding, standards: Standards, today: date
) -> DeliveredFinding:
    record, change = entry.finding.record, entry.finding.change
    if not (record and isinstance(change, SecurityGroupChange) and says_more(change, moment)):
        return entry
    again = finding_of(record, change, standards, today=today, moment=moment)
    return replace(entry, finding=again)


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
