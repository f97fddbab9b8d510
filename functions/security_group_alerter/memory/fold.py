"""The fold: statements about one resource, in the order of time, yield its rules and exposures.

An exposure is what one event opened to the world: the protocols, ports and address families that
were not open before it and are after it. It ends when none of them is open any more. A part that
was closed and is opened again belongs to the exposure of the event that opened it again.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from datetime import datetime

from ..model.dataclass import dataclass, replace
from ..model.exposure import OpenPorts
from ..model.exposure_life import EndedHow, ExposureLife, Resource
from ..model.rules import Peer, SecurityGroupRule
from ..model.standing import Gone, Held, Moment, PastRule, Snapshot, StandingRule
from ..model.subject import SubjectKind
from .group_memory import GroupMemory
from .lives import Lives
from .open_ports import naming, without
from .order import Step, steps_of
from .standing_ranges import StandingRanges
from .standing_rules import StandingRules, Turn
from .statements import Attached, Statement, directions_in, protocols_in


@dataclass(frozen=True, slots=True, kw_only=True)
class Fold:
    """What stands, by all that is known, and every exposure that there was.

    `is_whole` says that all of it is known, `is_missing` that the last look did not find it, and
    `is_deleted` that a call deleted it.
    `attached` are the network interfaces and instances that the last look showed; None where there
    was no look. `moments` are what stood at the events asked for, by their ids, and `held` what a
    prefix list held, in the order of time; `past` are the rules that are gone.
    """

    rules: tuple[StandingRule, ...] = ()
    ranges: tuple[Peer, ...] = ()
    is_whole: bool = False
    # Known only while the look is remembered as it was said.
    is_missing: bool = field(default=False, compare=False)
    is_deleted: bool = field(default=False, compare=False)
    attached: frozenset[str] | None = None
    exposures: tuple[ExposureLife, ...] = ()
    moments: Mapping[str, Moment] = field(default_factory=dict)
    # Both are shorter where the beginning was folded into a base.
    held: tuple[Held, ...] = field(default=(), compare=False)
    past: tuple[PastRule, ...] = field(default=(), compare=False)

    def rules_at(self, time: datetime) -> list[SecurityGroupRule]:
        """The rules that stood after a time, as far as seconds tell."""
        every: list[StandingRule | PastRule] = [*self.rules, *self.gone_after(time)]
        return [it.rule for it in every if not (it.since and it.since.time > time)]

    def gone_after(self, time: datetime) -> tuple[PastRule, ...]:
        """The rules that went later, in the order of time."""
        return self.past[bisect_right(self.past, time, key=_until) :]

    def ranges_at(self, time: datetime | None) -> tuple[Peer, ...] | None:
        """What a list held at a time, or holds now; None where not all of that is known."""
        known = [it for it in self.held if not (time and it.since and it.since.time > time)]
        held = known[-1] if known else Held()
        is_known = (held.is_whole or self.is_whole) and not held.is_unknown
        return held.ranges if is_known else None


def _until(rule: PastRule) -> datetime:
    return rule.until.time


def fold(
    resource: Resource,
    statements: GroupMemory | Iterable[Statement],
    *,
    at: frozenset[str] = frozenset(),
) -> Fold:
    """Fold the statements about one resource, in whatever order and however often they came.

    `at` are the ids of the events whose moments are asked for.
    """
    memory = statements
    if not isinstance(memory, GroupMemory):
        memory = GroupMemory().adding(memory)
    story = Story.of(resource, memory, at)
    return story.fold()


@dataclass(slots=True)
class Story:
    """What becomes of a resource step by step, and of each exposure."""

    lives: Lives
    standing: StandingRules | StandingRanges
    at: frozenset[str] = frozenset()
    is_deleted: bool = False
    moments: dict[str, _MomentSoFar] = field(default_factory=dict)
    # How many exposures there had been when an event attached the group, by its id.
    lives_when_attached: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, resource: Resource, memory: GroupMemory, at: frozenset[str] = frozenset()) -> Story:
        """What became of a resource, by all that is known of it."""
        base, said = memory.base, memory.statements
        protocols = protocols_in(said)
        story = cls(Lives(resource), _standing_of(resource, memory, protocols), at)
        if base is None:
            story.follow(steps_of(said))
            return story
        story.is_deleted = base.is_deleted
        for life in base.lives:
            parts = naming(life.parts, protocols - base.protocols)
            story.lives.add(replace(life, parts=parts))
        named: set[object] = {it.peer for it in base.ranges}
        named |= {it for one in base.rules for it in (one.rule, one.rule.rule_id)} - {None}
        story.follow(steps_of(said, named=named, is_begun=base.is_begun))
        return story

    def follow(self, steps: Iterable[Step]) -> None:
        """Go through the steps, which are in the order of time, until the resource is deleted."""
        is_open = self.standing.open_ports()
        # Of the time after the last step, where somebody asked for it.
        now: Snapshot | None = None
        for step in steps:
            if self.is_deleted:
                return
            moment, now = self._moment_at(step, now), None
            how = EndedHow.REVOKED
            touched: list[int] = []
            for turn in self.standing.follow(step):
                before, is_open, how = is_open, self.standing.open_ports(), turn.how
                if is_open is not before:
                    touched += self._touched(step, turn, before, is_open)
            if moment is not None:
                moment.lives += touched
                moment.now = now = self.standing.now()
            self._note_gone(step, how, touched)
            self.is_deleted = how is EndedHow.DELETED

    def fold(self) -> Fold:
        """All that came of it."""
        by_uid = self.lives.by_uid()
        now = self.standing.now()
        return Fold(
            rules=now.rules,
            ranges=now.ranges,
            is_whole=now.is_whole,
            is_missing=now.is_missing,
            is_deleted=self.is_deleted,
            attached=self.standing.attached,
            exposures=tuple(by_uid.values()),
            moments={it: self._moment_of(it, by_uid) for it in self.moments},
            held=tuple(self.standing.held),
            past=tuple(self.standing.past),
        )

    def _moment_at(self, step: Step, now: Snapshot | None) -> _MomentSoFar | None:
        """The moment of a step that has not been followed; None where nobody asks for it."""
        name = step.event.event_id
        if step.before_all or name not in self.at:
            return None
        if name not in self.moments:
            attached = self.standing.attached_before(step.event.time)
            now = now or self.standing.now()
            self.moments[name] = _MomentSoFar(now, now, attached)
            if isinstance(step.statements[0], Attached):
                self.lives_when_attached[name] = len(self.lives.every)
        return self.moments[name]

    def _touched(
        self, step: Step, turn: Turn, before: OpenPorts, is_open: OpenPorts
    ) -> Iterator[int]:
        """The exposures that a turn closed a part of, and the one that it opened."""
        gone, new = without(before, is_open), without(is_open, before)
        if gone:
            yield from self.lives.close(gone, step.event, turn.how)
        if new:
            openings = self.standing.openings(new, before)
            severity = self.standing.severity(openings)
            yield self.lives.open(step, new, openings, severity, turn.found_by)

    def _note_gone(self, step: Step, how: EndedHow, touched: Sequence[int]) -> None:
        """Of what events added, or opened, this step took some: the last, if none does later."""
        if self.standing.lessened:
            for moment in self._moments_before(step, self.standing.lessened):
                moment.gone = Gone(event=step.event, how=how, in_steps=moment.gone is not None)
            self.standing.lessened.clear()
        if touched and self.moments:
            self._note_closed(step, how, touched)

    def _note_closed(self, step: Step, how: EndedHow, touched: Sequence[int]) -> None:
        """Of what events opened to the world or attached, this step closed a part, or all of it."""
        lives = self.lives_when_attached.items()
        names = {name for name, count in lives if any(number < count for number in touched)}
        for number in touched:
            opened = self.lives.every[number].opened
            if opened is not None and opened is not step.event:
                names.add(opened.event_id)
        for moment in self._moments_before(step, names) if names else ():
            moment.closed = Gone(event=step.event, how=how, in_steps=moment.closed is not None)

    def _moments_before(self, step: Step, names: Iterable[str]) -> Iterator[_MomentSoFar]:
        """The moments of these events; an update of an event names again what that added."""
        moments = (self.moments.get(name) for name in names if name != step.event.event_id)
        return filter(None, moments)

    def _moment_of(self, name: str, by_uid: Mapping[str, ExposureLife]) -> Moment:
        so_far = self.moments[name]
        lives = [by_uid[uid] for uid in self.lives.uids_of(so_far.lives)] if so_far.lives else []
        opened, ended, narrowed = _by_what_became(lives, name) if lives else ((), (), ())
        return Moment(
            before=so_far.earlier.rules,
            after=so_far.now.rules,
            ranges_before=so_far.earlier.ranges,
            ranges_after=so_far.now.ranges,
            is_whole=so_far.now.is_whole,
            attached=so_far.attached,
            opened=opened,
            ended=ended,
            narrowed=narrowed,
            gone=None if self.standing.left_of[name] else so_far.gone,
            lessened=so_far.closed or so_far.gone,
        )


def _by_what_became(
    lives: Iterable[ExposureLife], name: str
) -> tuple[tuple[ExposureLife, ...], tuple[ExposureLife, ...], tuple[ExposureLife, ...]]:
    """Those that an event opened, those that it ended, and those of which it closed a part."""
    opened = tuple(it for it in lives if it.opened and it.opened.event_id == name)
    ended = tuple(it for it in lives if it.closed and it.closed.event_id == name)
    return opened, ended, tuple(it for it in lives if it not in opened and it not in ended)


def _standing_of(
    resource: Resource, memory: GroupMemory, protocols: frozenset[str | None]
) -> StandingRules | StandingRanges:
    """What stands when the story begins."""
    base = memory.base
    if resource.kind is SubjectKind.PREFIX_LIST:
        return StandingRanges() if base is None else StandingRanges.since(base)
    directions = directions_in(memory.statements)
    if base is None:
        return StandingRules(directions, protocols)
    return StandingRules.since(base, directions, base.protocols | protocols)


@dataclass(slots=True)
class _MomentSoFar:
    """A moment while its steps are followed: one event may be several."""

    earlier: Snapshot
    now: Snapshot
    attached: frozenset[str] | None
    lives: list[int] = field(default_factory=list)
    gone: Gone | None = None
    closed: Gone | None = None
