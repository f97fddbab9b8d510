"""Step 6e: what is known of the groups and lists of a delivery, beside what its records say.

Known are what memory has of a group, what a look shows of it, and the delivery's other calls.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from .judgement.looking import (
    groups_in,
    may_add_up,
    prefix_lists_in,
    prefix_lists_of,
    worth_a_look,
)
from .memory.fold import Fold
from .memory.recollection import Recollection
from .memory.statements import Statement, attached_of, seen_of, statements_of
from .model.alert import DeliveredFinding
from .model.change import AttachmentChange, SecurityGroupChange
from .model.dataclass import dataclass
from .model.exposure_life import Resource
from .model.finding import Finding
from .model.group_state import Look, Looked
from .model.standing import Moment

if TYPE_CHECKING:
    from .model.time_left import TimeLeft

# In seconds, of what the function has left. The alerts come first: with less left than is kept
# for them, nobody looks, and memory is not asked.
LOOK_SECONDS = 10.0
RECALL_SECONDS = 15.0
KEPT_FOR_ALERTS = 45.0


Clock = Callable[[], datetime]


def clock_from(now: datetime, time_left: TimeLeft) -> Clock:
    """A clock that shows `now`, and goes on as what the function has left becomes less."""
    left = time_left()
    return lambda: now + timedelta(seconds=left - time_left())


class LookAt(Protocol):
    """Looks at groups and prefix lists, of which the worst come first. Never raises."""

    def __call__(self, resources: Sequence[Resource], *, clock: Clock, seconds: float) -> Looked:
        """What was seen, in at most so many seconds; and when EC2 was asked, by the clock."""


class Recall(Protocol):
    """Folds each resource by all that is known, and remembers what is said. Never raises."""

    def __call__(
        self,
        said: Mapping[Resource, Collection[Statement]],
        *,
        at: Collection[str],
        now: datetime,
        seconds: float,
    ) -> Recollection:
        """`at` are the ids of the events whose moments are asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Knowledge:
    """What is known of the groups and lists of a delivery. `looked` is None where nobody looks.

    `subjects` are those of which calls say something, by the key of the call's finding. So are
    `lists`: the prefix lists that count in what the call added or attached, or beside it.
    """

    recollection: Recollection = Recollection()
    looked: Looked | None = None
    subjects: Mapping[str, Resource] = field(default_factory=dict)
    lists: Mapping[str, Sequence[Resource]] = field(default_factory=dict)

    @property
    def failed_looks(self) -> int:
        """How many groups and lists should have been looked at, and were not seen whole.

        One that is not there any more was looked at.
        """
        if self.looked is None:
            return 0
        in_part = sum(not it.is_complete for it in self.looked.states)
        return len(self.looked.failed) + in_part

    def look_at(self, resource: Resource) -> Look | None:
        """What was seen of a resource, or why nothing; None where nobody looked at it."""
        return self.looked.look_at(resource) if self.looked else None


def known_of(
    found: Sequence[DeliveredFinding],
    *,
    look_at: LookAt | None,
    recall: Recall,
    now: datetime,
    time_left: TimeLeft,
) -> Knowledge:
    """Look at what is worth it, and recall what the delivery names; nothing, if it names none."""
    clock = clock_from(now, time_left)
    said: dict[Resource, list[Statement]] = {}
    events: set[str] = set()
    subjects: dict[str, Resource] = {}
    for entry in found:
        for resource, statements in _said_by(entry.finding):
            said.setdefault(resource, []).extend(statements)
            subjects.setdefault(entry.keys[0], resource)
            # Those of one call are of one event.
            events.update(it.event.event_id for it in statements[:1])
    looked = None
    resources = worth_a_look(entry.finding for entry in found) if look_at else []
    if look_at and resources:
        seconds = min(LOOK_SECONDS, time_left() - KEPT_FOR_ALERTS)
        looked = look_at(resources, clock=clock, seconds=max(0.0, seconds))
        for state in looked.states:
            said.setdefault(state.resource, []).extend(seen_of(state))
    if not said:
        return Knowledge(looked=looked)
    seconds = min(RECALL_SECONDS, time_left() - KEPT_FOR_ALERTS)
    recollection = recall(said, at=events, now=now, seconds=max(0.0, seconds))
    lists: dict[str, list[Resource]] = {}
    for entry in found:
        subject = subjects.get(entry.keys[0])
        if subject and (named := _lists_of(entry.finding, subject, recollection)):
            lists[entry.keys[0]] = named
    more = {it: () for named in lists.values() for it in named if it not in said}
    if more:
        seconds = min(RECALL_SECONDS, time_left() - KEPT_FOR_ALERTS)
        listed = recall(more, at=(), now=now, seconds=max(0.0, seconds))
        recollection = recollection.updated(listed)
    return Knowledge(recollection=recollection, looked=looked, subjects=subjects, lists=lists)


def _lists_of(finding: Finding, resource: Resource, known: Recollection) -> list[Resource]:
    """The prefix lists that may count in what a call added, removed or attached.

    By what is remembered of the group: they may keep open what the call opened or closed.
    """
    record, change = finding.record, finding.change
    event_id = (record and record.call_id) or ""
    if isinstance(change, AttachmentChange):
        folds = filter(None, (known.folds.get(it) for it in groups_in(change, finding)))
        # Of a refused call there is no moment.
        standing = (
            it.moments[event_id].after if event_id in it.moments else it.rules for it in folds
        )
        return [*prefix_lists_of((it.rule for rules in standing for it in rules), finding)]
    if not (isinstance(change, SecurityGroupChange) and may_add_up(finding)):
        return []
    fold = known.folds.get(resource) or Fold()
    moment = fold.moments.get(event_id) or Moment()
    beside = [it.rule for it in (*moment.before, *fold.rules)]
    past = (it.rule for it in fold.past)
    return [*prefix_lists_of((*change.added, *beside, *past), finding)]


def _said_by(finding: Finding) -> list[tuple[Resource, tuple[Statement, ...]]]:
    """What a call says of a group or list, and then, without a word, those that it names beside."""
    record, change = finding.record, finding.change
    if isinstance(change, AttachmentChange):
        attached = record and attached_of(record)
        return [(it, attached or ()) for it in groups_in(change, finding)]
    said = record and change and statements_of(record, change)
    if not said:
        return []
    if not (finding.judgement.opened.has_prefix_lists and isinstance(change, SecurityGroupChange)):
        return [said]
    return [said, *((it, ()) for it in prefix_lists_in(change, finding))]
