"""What a prefix list holds, step by step."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import field
from datetime import datetime

from ..judgement.exposure import internet_share_of
from ..judgement.severities import PREFIX_LIST_EDIT
from ..model.dataclass import dataclass
from ..model.exposure import Breadth, Opening, OpenPorts
from ..model.exposure_life import EndedHow, Event
from ..model.rules import Peer
from ..model.severity import Severity
from ..model.standing import Held, Snapshot
from .base import Base
from .open_ports import families_of
from .order import Silence, Step, look_version_name
from .standing_rules import Turn, ended_unseen
from .statements import (
    AccountLeft,
    Created,
    Deleted,
    RangesEdited,
    RulesUnknown,
    SeenGone,
    SeenRanges,
)


@dataclass(slots=True)
class StandingRanges:
    """The ranges of a prefix list, and what it held in each version that is known."""

    is_whole: bool = False
    # Since something whose contents are not recorded, and until a look.
    is_unknown: bool = False
    # Each with the event that added it; None where it stood before all that is known.
    standing: dict[Peer, Event | None] = field(default_factory=dict)
    versions: dict[int, tuple[Peer, ...]] = field(default_factory=dict)
    # By event id: how many of the ranges that it added stand.
    left_of: Counter[str] = field(default_factory=Counter)
    # The ids of the events of which ranges were taken away, since somebody asked.
    lessened: set[str] = field(default_factory=set)
    # What the list held after each step.
    held: list[Held] = field(default_factory=list)
    _open: OpenPorts = field(default_factory=dict)

    @classmethod
    def since(cls, base: Base) -> StandingRanges:
        """The ranges that the list held at the time of a base."""
        versions = dict(base.versions)
        ranges = cls(is_whole=base.is_whole, is_unknown=not base.is_whole, versions=versions)
        for it in base.ranges:
            ranges._add((it.peer,), it.since)
        ranges._notice(None)
        return ranges

    def follow(self, step: Step) -> Iterator[Turn]:
        """Apply what one event says, as one turn."""
        how = EndedHow.PREFIX_LIST
        found_by = step.found_by
        since = None if step.before_all else step.event
        for statement in step.statements:
            match statement:
                case SeenRanges():
                    how, found_by = EndedHow.SEEN, look_version_name(statement)
                    self._see(statement, step.silence)
                case RangesEdited():
                    self._edit(statement, since)
                case Deleted():
                    how = EndedHow.DELETED
                    self._remove([*self.standing])
                case SeenGone() | AccountLeft():
                    how = ended_unseen(statement)
                    self.is_whole = False
                    self._remove([it for it in self.standing if not step.silence.covers_range(it)])
                case Created() | RulesUnknown():
                    self.is_whole = isinstance(statement, Created)
                    self.is_unknown = not self.is_whole
                case _:
                    # A call that changed nothing of it.
                    pass
        self._notice(since)
        yield Turn(how, found_by)

    def open_ports(self) -> OpenPorts:
        """What is open now. It is the same object while nothing of it changes."""
        return self._open

    def openings(self, _new: OpenPorts, _before: OpenPorts) -> tuple[Opening, ...]:
        """The list as it stands."""
        return (Opening(protocol=None, ports=None, share=internet_share_of(self.standing)),)

    def severity(self, _openings: tuple[Opening, ...]) -> Severity:
        """How severe an open list is by the table."""
        return PREFIX_LIST_EDIT[Breadth.WORLD]

    def now(self) -> Snapshot:
        """What the list holds now."""
        return Snapshot((), tuple(self.standing), self.is_whole, is_missing=False)

    @property
    def past(self) -> tuple[()]:
        """A list has no rules."""
        return ()

    @property
    def attached(self) -> None:
        """A list is attached to nothing."""

    def attached_before(self, _time: datetime) -> None:
        """A list is attached to nothing."""

    def _notice(self, since: Event | None) -> None:
        ranges = tuple(self.standing)
        held = Held(since=since, ranges=ranges, is_whole=self.is_whole, is_unknown=self.is_unknown)
        self.held.append(held)
        # A list is open as a whole: its ports are those of the rules that refer to it.
        families = families_of(internet_share_of(self.standing))
        if len(families) != len(self._open) or any((None, it) not in self._open for it in families):
            self._open = {(None, family): 1 for family in families}

    def _edit(self, edit: RangesEdited, since: Event | None) -> None:
        if edit.restored_version is not None:
            restored = self.versions.get(edit.restored_version)
            if restored is None:
                # What it holds is not recorded: what was there counts as there.
                self.is_whole, self.is_unknown = False, True
            else:
                self._hold(restored, since)
        self._remove(edit.removed)
        self._add(edit.added, since)
        if edit.version is not None:
            self.versions[edit.version] = tuple(self.standing)

    def _see(self, look: SeenRanges, silence: Silence) -> None:
        self.is_whole, self.is_unknown = True, False
        silent = [it for it in self.standing if silence.covers_range(it)]
        shown = [it for it in look.ranges if not silence.covers_range(it)]
        self._hold([*silent, *shown], look.event)
        if look.version is not None and silence == Silence():
            self.versions[look.version] = tuple(self.standing)

    def _hold(self, ranges: Iterable[Peer], since: Event | None) -> None:
        """Exactly these are there."""
        held = dict.fromkeys(ranges)
        self._remove([it for it in self.standing if it not in held])
        self._add(held, since)

    def _add(self, ranges: Iterable[Peer], since: Event | None) -> None:
        for peer in ranges:
            if peer not in self.standing:
                self.standing[peer] = since
                if since is not None:
                    self.left_of[since.event_id] += 1

    def _remove(self, ranges: Iterable[Peer]) -> None:
        for peer in ranges:
            since = self.standing.pop(peer, None)
            if since is not None:
                self.left_of[since.event_id] -= 1
                self.lessened.add(since.event_id)
