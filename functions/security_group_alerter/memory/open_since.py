"""What was open in a group at a time, and never closed since, by its rules and its prefix lists.

The exposures say the same of what rules open by themselves, port by port, and cost less to ask.
What a list opens is an exposure of the list.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import NamedTuple

from ..judgement.severities import severity_of
from ..judgement.touched_ports import keeping_open, left_open
from ..model.exposure import Exposure
from ..model.exposure_life import EndedHow, Event, Resource
from ..model.rules import Peer, PeerKind
from ..model.standing import Gone
from ..model.subject import SubjectKind
from .recollection import Recollection

# So many rules may take turns in keeping something open; then what stands last decides.
MOST_TURNS = 50
_NOW = datetime.max.replace(tzinfo=UTC)


class _Closing(NamedTuple):
    """What may have closed something: a rule went, or a prefix list was edited (`by_list`)."""

    event: Event
    how: EndedHow
    by_list: bool = False


def left_since(
    time: datetime | None, opened: Exposure, resource: Resource, known: Recollection
) -> Exposure:
    """What of what was open at a time was never closed since, whichever rules have kept it open."""
    left = opened
    for _, still in _turns(time, opened, resource, known) if time else ():
        left = still
    return left


def closed_since(
    time: datetime, opened: Exposure, resource: Resource, known: Recollection
) -> tuple[Gone | None, bool]:
    """Where all was closed of what was open at a time, and whether an edit of a list did it.

    While a part was never closed that is less severe, where the worst was; None while that stands.
    """
    before = first = _left_after(time, opened, resource, known)
    worst: tuple[Gone | None, bool] = None, False
    for (event, how, by_list), left in _turns(time, first, resource, known):
        closed = Gone(event=event, how=how, in_steps=before != first), by_list
        if not left.openings:
            return closed
        if severity_of(left) < severity_of(first) == severity_of(before):
            worst = closed
        before = left
    return worst


def _turns(
    time: datetime, opened: Exposure, resource: Resource, known: Recollection
) -> Iterator[tuple[_Closing, Exposure]]:
    """Whatever took one of the rules that kept it open, or emptied its list, and what was left."""
    left, turns = opened, 0
    while left.openings and (closing := _next_closing(time, left, resource, known)):
        turns += 1
        if turns > MOST_TURNS:
            yield _last_closing(closing, resource, known), _left_after(_NOW, left, resource, known)
            return
        time = closing.event.time
        left = _left_after(time, left, resource, known)
        yield closing, left


def _last_closing(closing: _Closing, resource: Resource, known: Recollection) -> _Closing:
    """The last rule to go, if that was later."""
    rules = (_Closing(it.until, it.how) for it in known.folds[resource].past[-1:])
    return max(closing, *rules, key=lambda it: it.event.time)


def _next_closing(
    time: datetime, left: Exposure, resource: Resource, known: Recollection
) -> _Closing | None:
    fold = known.folds[resource]
    keeping = {
        *keeping_open(left, fold.rules_at(time), lists_at(time, resource, known), in_part=True)
    }
    gone = next((it for it in fold.gone_after(time) if it.rule in keeping), None)
    closings = [_Closing(gone.until, gone.how)] if gone else []
    by_list = (it.peer.value for it in keeping if it.peer.kind is PeerKind.PREFIX_LIST)
    folds = filter(None, (known.folds.get(_list(it, resource)) for it in by_list))
    edits = (held.since for it in folds for held in it.held if held.since)
    for event in (it for it in edits if it.time > time):
        how = EndedHow.SEEN if event.looked_by else EndedHow.PREFIX_LIST
        closings.append(_Closing(event, how, by_list=True))
    return min(closings, key=lambda it: it.event.time, default=None)


def lists_now(resource: Resource, known: Recollection) -> dict[str, tuple[Peer, ...]]:
    """What the prefix lists hold that a group's rules may refer to, of those that are known."""
    return {
        it.id: fold.ranges
        for it, fold in known.folds.items()
        if it.kind is SubjectKind.PREFIX_LIST
        and (it.account_id, it.region) == (resource.account_id, resource.region)
        and fold.is_whole
    }


def lists_at(
    time: datetime, resource: Resource, known: Recollection
) -> dict[str, tuple[Peer, ...]]:
    """What the prefix lists held, of those that are known, and what they hold now.

    What a list lets in again, it lets in by the rules that have referred to it all the time.
    """
    lists = lists_now(resource, known)
    return {
        it: tuple(dict.fromkeys((*(known.folds[_list(it, resource)].ranges_at(time) or ()), *now)))
        for it, now in lists.items()
    }


def _left_after(
    time: datetime, opened: Exposure, resource: Resource, known: Recollection
) -> Exposure:
    """What of what was open before is open after a time."""
    rules = known.folds[resource].rules_at(time)
    return left_open(opened, rules, lists_at(time, resource, known))


def _list(list_id: str, resource: Resource) -> Resource:
    """A prefix list that a group's rules refer to."""
    return resource._replace(kind=SubjectKind.PREFIX_LIST, id=list_id)
