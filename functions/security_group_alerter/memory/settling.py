"""A memory is kept small: what was said long ago is folded into its base."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from ..judgement.exposure import internet_share_of
from ..model.dataclass import replace
from ..model.exposure import Breadth
from ..model.exposure_life import Resource
from ..model.rules import Direction, SecurityGroupRule
from .base import Base, Life, StandingRange
from .fold import Story
from .group_memory import GroupMemory
from .standing_rules import StandingRules
from .statements import Created, Look, Statement, protocols_in

# CloudTrail delivers most records within minutes. One that is later than this is judged alone.
KEPT_AS_SAID = timedelta(hours=48)
CLOSED_KEPT = timedelta(days=90)
# A memory that is too large keeps less of it, as said: at last nothing.
_LESS = (timedelta(hours=12), timedelta(hours=2), timedelta(minutes=15), None)


def settled(
    resource: Resource,
    memory: GroupMemory,
    *,
    now: datetime,
    kept: timedelta | None = KEPT_AS_SAID,
) -> GroupMemory:
    """The memory, with what is older than `kept` in its base; None is all that was said.

    The age is counted from the last statement, but none counts as later than now: what comes late,
    but in order, is not forgotten one by one.
    """
    if not memory.statements:
        return memory
    last = min(now, max(it.event.time for it in memory.statements))
    time = _end_of(memory.statements) if kept is None else last - kept
    time = _outside_looks(time, memory.statements)
    old = frozenset(it for it in memory.statements if it.event.time < time)
    if not old:
        return memory
    base = _base_of(resource, replace(memory, statements=old), time, last - CLOSED_KEPT)
    return GroupMemory(base=base, statements=memory.statements - old)


def smaller(resource: Resource, memory: GroupMemory, *, now: datetime) -> Iterator[GroupMemory]:
    """The memory, settled, and then with less and less in it."""
    memory = settled(resource, memory, now=now)
    yield memory
    for kept in _LESS:
        memory = settled(resource, memory, now=now, kept=kept)
        yield memory
    if memory.base is not None:
        for base in _with_less(memory.base):
            yield replace(memory, base=base)


def _with_less(base: Base) -> Iterator[Base]:
    """Old exposures go first; then what decides least about what is open."""
    ends = sorted(life.closed.time for life in base.lives if life.closed)
    while ends:
        last = ends[(len(ends) - 1) // 2]
        base = replace(base, lives=tuple(it for it in base.lives if not _is_closed_by(it, last)))
        yield base
        ends = [end for end in ends if end > last]
    base = replace(base, versions=())
    yield base
    plain = tuple(replace(it, rule=replace(it.rule, description=None)) for it in base.rules)
    base = replace(base, rules=plain)
    yield base
    public = tuple(it for it in base.rules if _lets_the_public_in(it.rule))
    yield replace(base, rules=public, is_whole=False)


def _is_closed_by(life: Life, time: datetime) -> bool:
    return life.closed is not None and life.closed.time <= time


def _lets_the_public_in(rule: SecurityGroupRule) -> bool:
    is_inward = rule.direction is not Direction.EGRESS
    return is_inward and internet_share_of((rule.peer,)).breadth is not Breadth.PRIVATE


def _end_of(statements: Iterable[Statement]) -> datetime:
    """A time after all of these."""
    ends = [it.seen_at if isinstance(it, Look) else it.event.time for it in statements]
    return max(ends) + timedelta(microseconds=1)


def _outside_looks(time: datetime, statements: Iterable[Statement]) -> datetime:
    """The time, or an earlier one, at which no look waits for what records say."""
    looks = [it for it in statements if isinstance(it, Look)]
    for look in sorted(looks, key=lambda it: it.event.time, reverse=True):
        if look.event.time < time <= look.seen_at:
            time = look.event.time
    return time


def _base_of(resource: Resource, memory: GroupMemory, time: datetime, closed_by: datetime) -> Base:
    """All that came of a memory, of whose exposures old ones are forgotten."""
    story = Story.of(resource, memory)
    before = memory.base or Base(time=time)
    base = Base(
        time=time,
        is_whole=story.standing.is_whole,
        is_begun=before.is_begun or any(map(_is_beginning, memory.statements)),
        is_deleted=story.is_deleted,
        attached=story.standing.attached,
        protocols=before.protocols | protocols_in(memory.statements),
        lives=tuple(it for it in story.lives.every if not _is_closed_by(it, closed_by)),
    )
    if isinstance(story.standing, StandingRules):
        return replace(base, rules=tuple(story.standing.standing.values()))
    ranges = story.standing.standing.items()
    return replace(
        base,
        ranges=tuple(StandingRange(peer=peer, since=since) for peer, since in ranges),
        versions=tuple(story.standing.versions.items()),
    )


_BEGINNINGS = Created | Look


def _is_beginning(statement: Statement) -> bool:
    return isinstance(statement, _BEGINNINGS)
