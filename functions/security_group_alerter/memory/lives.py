"""The exposures of one resource: each begins with what one event opened, until it is closed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from hashlib import sha256

from ..model.exposure import Opening
from ..model.exposure_life import EndedHow, Event, ExposureLife, Resource
from ..model.severity import Severity
from .open_ports import OpenPorts, without
from .order import Step


@dataclass(slots=True, eq=False)
class Life:
    """An exposure while it is followed. `parts` are what of it is still open.

    `revealed` is the event by which it is known, and `found_by` names it where that is a look.
    `event_ids` are in order, and each is there once.
    """

    opened: Event | None
    revealed: Event
    severity: Severity
    openings: tuple[Opening, ...]
    parts: OpenPorts
    event_ids: dict[str, None]
    found_by: str | None = None
    closed: Event | None = None
    how: EndedHow | None = None

    def lose(self, gone: OpenPorts, event: Event, how: EndedHow) -> bool:
        """Take away what is gone of it; whether that was some of it."""
        if not any(bits & gone.get(key, 0) for key, bits in self.parts.items()):
            return False
        self.parts = without(self.parts, gone)
        self.event_ids[event.event_id] = None
        if not self.parts:
            self.closed, self.how = event, how
        return True


@dataclass(slots=True)
class Lives:
    """All exposures of a resource, in the order in which they began."""

    resource: Resource
    every: list[Life] = field(default_factory=list)
    still_open: list[Life] = field(default_factory=list)

    def close(self, gone: OpenPorts, event: Event, how: EndedHow) -> list[Life]:
        """Those of which an event closed a part."""
        touched = [life for life in self.still_open if life.lose(gone, event, how)]
        if any(life.closed for life in touched):
            self.still_open = [life for life in self.still_open if life.closed is None]
        return touched

    def open(
        self,
        step: Step,
        parts: OpenPorts,
        openings: tuple[Opening, ...],
        severity: Severity,
        found_by: str | None,
    ) -> Life:
        """An exposure begins."""
        if found_by is not None and any(found_by == life.found_by for life in self.every):
            # The rule was found open before, and closed since.
            found_by = f"{found_by} {step.event.event_id}"
        life = Life(
            opened=None if step.before_all else step.event,
            revealed=step.event,
            severity=severity,
            openings=openings,
            parts=parts,
            event_ids={} if step.before_all else {step.event.event_id: None},
            found_by=found_by,
        )
        self.every.append(life)
        self.still_open.append(life)
        return life

    def told(self) -> dict[str, ExposureLife]:
        """Each by its uid.

        What one event opened is one exposure; so is what it ended where only the end is known.
        """
        by_uid: dict[str, ExposureLife] = {}
        for life in map(self._exposure_life, self.every):
            known = by_uid.get(life.uid)
            by_uid[life.uid] = life if known is None else _joined(known, life)
        return by_uid

    def uids_of(self, lives: Iterable[Life]) -> Iterator[str]:
        """The uid of each, once."""
        yield from dict.fromkeys(map(self._uid_of, lives))

    def _exposure_life(self, life: Life) -> ExposureLife:
        return ExposureLife(
            uid=self._uid_of(life),
            resource=self.resource,
            opened=life.opened,
            closed=life.closed,
            closed_how=life.how,
            severity=life.severity,
            openings=life.openings,
            event_ids=tuple(life.event_ids),
        )

    def _uid_of(self, life: Life) -> str:
        named_by = life.opened or life.closed or life.revealed
        # The time, too: made-up records often share one id.
        event = (named_by.event_id, named_by.time.isoformat())
        resource = self.resource
        place = (resource.account_id or "", resource.region or "", resource.id)
        name = (*place, *(event if life.found_by is None else (life.found_by,)))
        return sha256("\n".join(name).encode(errors="surrogatepass")).hexdigest()[:32]


def _joined(first: ExposureLife, second: ExposureLife) -> ExposureLife:
    # If both are closed, then by the same event.
    still_open = first if first.closed is None else second
    return replace(
        first,
        closed=still_open.closed,
        closed_how=still_open.closed_how,
        severity=max(first.severity, second.severity),
        openings=(*first.openings, *second.openings),
        event_ids=tuple(dict.fromkeys((*first.event_ids, *second.event_ids))),
    )
