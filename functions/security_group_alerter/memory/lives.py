"""The exposures of one resource: each begins with what one event opened, until it is closed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import field
from hashlib import sha256

from ..model.dataclass import dataclass, replace
from ..model.exposure import Opening, OpenPorts
from ..model.exposure_life import EndedHow, Event, ExposureLife, Resource
from ..model.severity import Severity
from .base import Life
from .open_ports import together, without
from .order import Step
from .statements import RuleThere


@dataclass(slots=True)
class Lives:
    """All exposures of a resource, in the order in which they began. Each has a number."""

    resource: Resource
    every: list[Life] = field(default_factory=list)
    _still_open: dict[int, None] = field(default_factory=dict)

    def add(self, life: Life) -> int:
        """One more; returns its number."""
        number = len(self.every)
        self.every.append(life)
        if life.closed is None:
            self._still_open[number] = None
        return number

    def close(self, gone: OpenPorts, event: Event, how: EndedHow) -> list[int]:
        """Take away what is open no more; returns those of which this was a part."""
        touched = [
            number
            for number in self._still_open
            if any(bits & gone.get(key, 0) for key, bits in self.every[number].parts.items())
        ]
        for number in touched:
            life = self.every[number]
            parts = without(life.parts, gone)
            event_ids = tuple(dict.fromkeys((*life.event_ids, event.event_id)))
            life = replace(life, parts=parts, event_ids=event_ids)
            if not parts:
                life = replace(life, closed=event, how=how)
                del self._still_open[number]
            self.every[number] = life
        return touched

    def open(
        self,
        step: Step,
        parts: OpenPorts,
        openings: tuple[Opening, ...],
        severity: Severity,
        found_by: str | None,
    ) -> int:
        """An exposure begins; returns its number."""
        if found_by is not None and any(found_by == life.found_by for life in self.every):
            # The rule was found open before, and closed since.
            found_by = f"{found_by} {step.event.event_id}"
        return self.add(
            Life(
                opened=None if step.before_all else step.event,
                revealed=step.event,
                severity=severity,
                openings=openings,
                parts=parts,
                event_ids=() if step.before_all else (step.event.event_id,),
                found_by=found_by,
                rule_ids=tuple(_ids_of_added(step)),
            )
        )

    def by_uid(self) -> dict[str, ExposureLife]:
        """Each by its uid.

        What one event opened is one exposure; so is what it ended where only the end is known.
        """
        by_uid: dict[str, ExposureLife] = {}
        for life in map(self._exposure_life, self.every):
            known = by_uid.get(life.uid)
            by_uid[life.uid] = life if known is None else _joined(known, life)
        return by_uid

    def uids_of(self, numbers: Iterable[int]) -> Iterator[str]:
        """The uid of each, once."""
        yield from dict.fromkeys(self._uid_of(self.every[number]) for number in numbers)

    def _exposure_life(self, life: Life) -> ExposureLife:
        return ExposureLife(
            uid=self._uid_of(life),
            resource=self.resource,
            opened=life.opened,
            revealed=life.revealed,
            closed=life.closed,
            closed_how=life.how,
            severity=life.severity,
            openings=life.openings,
            parts=life.parts,
            event_ids=life.event_ids,
            other_uids=tuple(self._other_uids_of(life)),
        )

    def _uid_of(self, life: Life) -> str:
        if life.found_by is not None:
            return self._uid(life.found_by)
        return self._uid_by_event(life.opened or life.closed or life.revealed)

    def _other_uids_of(self, life: Life) -> Iterator[str]:
        """Found by a look at one of its rules, or known by its end alone."""
        if life.opened is not None and life.found_by is None:
            yield from map(self._uid, life.rule_ids)
            if life.closed is not None:
                yield self._uid_by_event(life.closed)

    def _uid_by_event(self, event: Event) -> str:
        # The time, too: made-up records often share one id.
        return self._uid(event.event_id, event.time.isoformat())

    def _uid(self, *name: str) -> str:
        resource = self.resource
        place = (resource.account_id or "", resource.region or "", resource.id)
        text = "\n".join((*place, *name))
        return sha256(text.encode(errors="surrogatepass")).hexdigest()[:32]


def _ids_of_added(step: Step) -> Iterator[str]:
    for statement in step.statements:
        if isinstance(statement, RuleThere) and statement.rule_id is not None:
            yield statement.rule_id


def _joined(first: ExposureLife, second: ExposureLife) -> ExposureLife:
    # If both are closed, then by the same event.
    still_open = first if first.closed is None else second
    return replace(
        first,
        closed=still_open.closed,
        closed_how=still_open.closed_how,
        severity=max(first.severity, second.severity),
        openings=(*first.openings, *second.openings),
        parts=together(first.parts, second.parts),
        event_ids=tuple(dict.fromkeys((*first.event_ids, *second.event_ids))),
        other_uids=tuple(dict.fromkeys((*first.other_uids, *second.other_uids))),
    )
