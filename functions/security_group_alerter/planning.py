"""The steps of a sweep's plan, in order: accounts, Regions, end what is gone, send the rest.

What stands where nobody can look any more ends here: in accounts that left the organization or
were suspended, and in Regions that were switched off. The sweep itself is in sweeping.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from .knowledge import Recall
from .memory.statements import account_left
from .model.dataclass import dataclass
from .model.exposure_life import Resource
from .model.ledger import OpenGroup
from .model.sweep import Place, SweepItem, SweptPlace
from .model.time_left import TimeLeft

# The enabled Regions of an account; in words, why they could not be read.
Regions = tuple[str, ...] | str
# In seconds, of what the function has left when it begins to ask for Regions.
KEPT_FOR_SENDING = 240.0
# A message of Amazon SQS has 256 KB.
MOST_OPEN_IN_ITEM = 5000


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanReport:
    """What a plan came to: how many accounts, items and problems there are.

    `left` are groups and lists that were open, and that nobody can look at any more.
    """

    accounts: int
    items: int
    left: int
    problems: int

    def counts(self) -> dict[str, int]:
        """For the log, and for whoever asked for the sweep."""
        return {
            "accounts": self.accounts,
            "items": self.items,
            "left": self.left,
            "problems": self.problems,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Planner:
    """What there is to sweep: the active accounts of the organization, and their enabled Regions.

    `regions_of` has the Regions of each account, or says in words why they could not be read. It
    never raises. `not_swept` are places with a problem.
    """

    accounts: Callable[[TimeLeft], Iterable[str]]
    regions_of: Callable[[Sequence[str], float], Mapping[str, Regions]]
    open_groups: Callable[[], Iterable[OpenGroup]]
    not_swept: Callable[[], Iterable[SweptPlace]]
    recall: Recall
    send: Callable[[Iterable[SweepItem]], int]
    note_problem: Callable[[Place, str, datetime], None]
    forget: Callable[[Place], None]

    def plan(self, *, now: datetime, time_left: TimeLeft) -> PlanReport:
        """Send an item for each account and Region, and end what stands in no such place.

        Raises what reading accounts and ledger raises, and what sending raises.
        """
        accounts = sorted(set(self.accounts(time_left)))
        seconds = max(0.0, time_left() - KEPT_FOR_SENDING)
        regions = self.regions_of(accounts, seconds)
        open_ids: dict[Place, list[str]] = {}
        left: list[Resource] = []
        for group in self.open_groups():
            resource = group.resource
            if resource.account_id is None or resource.region is None:
                # Nobody knows where it is.
                continue
            place = Place(account_id=resource.account_id, region=resource.region)
            if _is_left(place, regions):
                left.append(resource)
            else:
                open_ids.setdefault(place, []).append(resource.id)
        self._end(left, now, time_left)
        unknown = {it: why for it, why in regions.items() if isinstance(why, str)}
        for place in (it.place for it in self.not_swept()):
            if _is_left(place, regions) or (
                place.region is None and place.account_id not in unknown
            ):
                self.forget(place)
        for account_id, why in unknown.items():
            self.note_problem(Place(account_id=account_id), why, now)
        items = self.send(_items_of(regions, open_ids))
        return PlanReport(
            accounts=len(accounts), items=items, left=len(left), problems=len(unknown)
        )

    def _end(self, left: Sequence[Resource], now: datetime, time_left: TimeLeft) -> None:
        if left:
            said = dict.fromkeys(left, (account_left(now),))
            seconds = max(0.0, time_left() - KEPT_FOR_SENDING)
            # What this cannot write, the plan of the next day does.
            self.recall(said, at=(), now=now, seconds=seconds)


def _is_left(place: Place, regions: Mapping[str, Regions]) -> bool:
    """Whether nobody can look there: the account is not active, or its Region is not enabled."""
    enabled = regions.get(place.account_id)
    if enabled is None:
        return True
    return isinstance(enabled, tuple) and place.region not in (None, *enabled)


def _items_of(
    regions: Mapping[str, Regions], open_ids: Mapping[Place, Sequence[str]]
) -> Iterator[SweepItem]:
    """The Regions of an account one after the other: its credentials serve for several."""
    for account_id, enabled in regions.items():
        for region in enabled if isinstance(enabled, tuple) else ():
            place = Place(account_id=account_id, region=region)
            ids_there = open_ids.get(place, ())
            for start in range(0, max(1, len(ids_there)), MOST_OPEN_IN_ITEM):
                some = ids_there[start : start + MOST_OPEN_IN_ITEM]
                yield SweepItem(place=place, open_ids=tuple(some))
