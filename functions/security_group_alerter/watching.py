"""The watch: follows what is open to the world, from when it was told until it is closed.

The steps, in order: what is open comes from the ledger; what is urgent is looked at, the oldest
look first; each exposure is judged as it is now, and what is to be told of it is sent, once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import field, fields
from datetime import datetime

from .following import Followed, followed_of
from .grouping import alerts_of
from .judgement.findings import Standards
from .judgement.reminders import LOOKED_AT_FROM
from .knowledge import Clock, LookAt, Recall, clock_from
from .memory.fold import Fold
from .memory.recollection import Recollection
from .memory.statements import Statement, carriers_of, seen_gone, seen_of
from .messages import messages_of
from .model.account import AccountFacts
from .model.dataclass import dataclass
from .model.exposure_life import LookedBy, Resource
from .model.group_state import GroupState, Looked, PrefixListState
from .model.ledger import KEPT_WHEN_CLOSED, LedgerEntry, OpenGroup, Told, entries_of
from .model.message import Message, Sent
from .model.origin import Observed
from .model.presentation import Presentation
from .model.severity import Severity
from .model.time_left import TimeLeft

# In seconds, of what the function has left: for the alerts and what is written after them.
KEPT_FOR_ALERTS = 60.0
LONGEST_TAKING_UP = 60.0
# As severe as what is open to the world is, by the table.
_OPEN = (Severity.CRITICAL, Severity.HIGH, Severity.MEDIUM)


class WatchError(RuntimeError):
    """Not all of it could be told, or noted; the next watch tells it again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchReport:
    """What a watch found. Without the lease, somebody else watches, and nothing is done.

    `open` counts exposures, by severity in `open_by_severity`; `hours_to_close` are of those that
    were told to be closed. `oldest` is since when the oldest is known to be open.
    """

    had_lease: bool = True
    groups: int = 0
    open: int = 0
    looked_at: int = 0
    look_failures: int = 0
    memory_failures: int = 0
    alerts: int = 0
    reports: int = 0
    sends_failed: int = 0
    oldest: datetime | None = None
    open_by_severity: Mapping[Severity, int] = field(default_factory=dict)
    hours_to_close: tuple[float, ...] = ()
    error: Exception | None = None

    def counts(self) -> dict[str, int]:
        """The numbers by their names."""
        values = {item.name: getattr(self, item.name) for item in fields(self)}
        return {name: int(value) for name, value in values.items() if isinstance(value, int)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Watcher:
    """The steps, for one installation. Without `look_at`, what the trail said has to do.

    `lease` is held while this watches; it says whether nobody else does. `take_up` lists what an
    older version left open, in so many seconds. `note` never raises, and says of how many groups it
    failed.
    """

    standards: Standards
    presentation: Presentation
    organization_id: str | None
    facts_for: Callable[[str], AccountFacts]
    lease: Callable[[datetime], AbstractContextManager[bool]]
    take_up: Callable[[datetime, float], None]
    open_groups: Callable[[], Iterable[OpenGroup]]
    recall: Recall
    note: Callable[[Iterable[LedgerEntry]], int]
    let_go: Callable[[Resource, int], None]
    publish: Callable[[Iterable[Message], TimeLeft], Iterator[Sent]]
    look_at: LookAt | None = None

    def watch(self, *, now: datetime, time_left: TimeLeft) -> WatchReport:
        """Watch once. Raises what DynamoDB says where the ledger cannot be read at all."""
        with self.lease(now) as is_ours:
            return self._watch(now, time_left) if is_ours else WatchReport(had_lease=False)

    def _watch(self, now: datetime, time_left: TimeLeft) -> WatchReport:
        clock = clock_from(now, time_left)
        not_taken_up = self._take_up(now, time_left)
        groups = list(self.open_groups())
        known, looked = self._known_of(groups, clock, time_left)
        # Looks take minutes: what is told now is judged by what they showed.
        now = clock()
        followed, faults = self._followed(groups, known, looked, now)
        sent, error = self._send(followed, now, time_left)
        error = error or next(iter(faults.values()), None) or not_taken_up
        entries = _entries(groups, followed, sent, known, looked)
        failures = known.failures + self.note(entries)
        judged = [it for it in groups if it.resource not in {**faults, **known.unread}]
        fault = self._let_go(_over(judged, followed, known, now))
        if failures and error is None:
            error = WatchError(f"what is remembered of {failures} groups was not read or written")
        is_open = [it for it in followed if it.life.closed is None]
        taken = [it for it in sent if it.refusal is None]
        return WatchReport(
            groups=len(groups),
            open=len(is_open),
            looked_at=len(looked.groups) + len(looked.prefix_lists),
            look_failures=len(looked.failed),
            memory_failures=failures,
            alerts=len(taken),
            reports=sum(len(it.message.exposures) for it in taken),
            sends_failed=len(sent) - len(taken),
            oldest=min((it.life.opened.time for it in is_open if it.life.opened), default=None),
            open_by_severity={
                severity: sum(it.life.severity is severity for it in is_open) for severity in _OPEN
            },
            hours_to_close=tuple(_hours_to_close(followed)),
            error=error or fault,
        )

    def _take_up(self, now: datetime, time_left: TimeLeft) -> Exception | None:
        """What went wrong: what is listed already is followed all the same."""
        try:
            self.take_up(now, min(LONGEST_TAKING_UP, time_left() - KEPT_FOR_ALERTS))
        except Exception as fault:  # noqa: BLE001
            return fault
        return None

    def _known_of(
        self, groups: list[OpenGroup], clock: Clock, time_left: TimeLeft
    ) -> tuple[Recollection, Looked]:
        """What is remembered of each, with what looks show that is new."""

        def seconds() -> float:
            return max(0.0, time_left() - KEPT_FOR_ALERTS)

        resources: dict[Resource, tuple[Statement, ...]] = {it.resource: () for it in groups}
        known = self.recall(resources, at=(), now=clock(), seconds=seconds())
        urgent = [it for it in groups if it.severity >= LOOKED_AT_FROM and _stands(it, known)]
        if self.look_at is None or not urgent:
            return known, Looked()
        urgent.sort(key=lambda it: it.looked_at.timestamp() if it.looked_at else 0.0)
        looked = self.look_at([it.resource for it in urgent], clock=clock, seconds=seconds())
        said = {
            state.resource: seen_of(state, LookedBy.WATCH)
            for state in looked.states
            if _is_new(state, known.folds.get(state.resource))
        }
        said |= {it: (seen_gone(at, LookedBy.WATCH),) for it, at in looked.not_found.items()}
        if not any(said.values()):
            return known, looked
        # What changed nothing is not written: forty looks an hour would be most of a memory.
        newer = self.recall(said, at=(), now=clock(), seconds=seconds())
        return known.updated(newer), looked

    def _followed(
        self, groups: Iterable[OpenGroup], known: Recollection, looked: Looked, now: datetime
    ) -> tuple[list[Followed], dict[Resource, Exception]]:
        """Each exposure, and the faults of ours: they must not take the other groups with them."""
        followed: list[Followed] = []
        faults: dict[Resource, Exception] = {}
        for group in groups:
            try:
                followed += followed_of(group, known, looked, self.standards, now=now)
            except Exception as fault:  # noqa: BLE001
                faults[group.resource] = fault
        return followed, faults

    def _send(
        self, followed: Iterable[Followed], now: datetime, time_left: TimeLeft
    ) -> tuple[list[Sent], Exception | None]:
        sent: list[Sent] = []
        messages, error = self._worded(followed, now)
        try:
            for it in self.publish(messages, time_left):
                sent.append(it)  # noqa: PERF402 - what was sent before a fault counts
        except Exception as fault:  # noqa: BLE001
            # What was sent is noted all the same; then the handler raises this.
            error = fault
        refusals = [f"{it.message.subject}: {it.refusal}" for it in sent if it.refusal is not None]
        if refusals and error is None:
            error = WatchError(f"not every report was sent: {'; '.join(refusals)}")
        return sent, error

    def _let_go(self, over: Iterable[tuple[Resource, int]]) -> Exception | None:
        """The last fault: what is listed longer than needed loses nothing, but is to be known."""
        error: Exception | None = None
        for resource, version in over:
            try:
                self.let_go(resource, version)
            except Exception as fault:  # noqa: BLE001
                error = fault
        return error

    def _worded(
        self, followed: Iterable[Followed], now: datetime
    ) -> tuple[list[Message], Exception | None]:
        """The messages, and the last fault of ours: it must not take the other alerts with it."""
        messages: list[Message] = []
        error: Exception | None = None
        alerts = alerts_of(
            [it.delivered(it.finding, now=now) for it in followed if it.finding],
            facts_for=self.facts_for,
            organization_id=self.organization_id,
            seen_at=now,
        )
        for alert in alerts:
            try:
                messages += messages_of(alert, self.presentation)
            except Exception as fault:  # noqa: BLE001
                error = fault
        return messages, error


def _stands(group: OpenGroup, known: Recollection) -> bool:
    fold = known.folds.get(group.resource)
    return fold is None or any(life.closed is None for life in fold.exposures)


def _is_new(state: GroupState | PrefixListState, fold: Fold | None) -> bool:
    """Whether a look shows anything that is not known."""
    if fold is None or not fold.is_whole or not state.has_all_rules:
        return state.has_all_rules
    if isinstance(state, PrefixListState):
        return {*state.ranges} != {*fold.ranges}
    known = {(it.rule.rule_id, it.rule) for it in fold.rules}
    return known != {(it.rule_id, it) for it in state.rules} or carriers_of(state) != fold.attached


def _entries(
    groups: Iterable[OpenGroup],
    followed: Iterable[Followed],
    sent: Iterable[Sent],
    known: Recollection,
    looked: Looked,
) -> list[LedgerEntry]:
    """What to note of each group: what was told, under the uids of now, and when it was seen."""
    told: dict[Resource, dict[str, Told]] = {}
    lives: dict[Resource, set[str]] = {}
    # Under which something was told that is kept under another uid now, or that is over.
    earlier: set[str] = set()
    for by_uid in known.told.values():
        earlier.update(it.uid for it in by_uid.values() if it.is_closed)
    for it in followed:
        lives.setdefault(it.life.resource, set()).add(it.life.uid)
        earlier.update((it.uid, *it.life.other_uids))
        if it.told is not None and it.life.uid not in known.told[it.life.resource]:
            # It was told while less was known.
            told.setdefault(it.life.resource, {})[it.life.uid] = it.told
    for entry in entries_of(news for it in sent if not it.refusal for news in it.message.exposures):
        told.setdefault(entry.resource, {}).update(entry.told)
    seen = {it.resource: it.seen_at for it in looked.states if it.has_all_rules}
    entries = [
        LedgerEntry(
            resource=resource,
            told=told.get(resource, {}),
            forgotten=tuple(
                uid
                for uid, it in known.told.get(resource, {}).items()
                if uid not in lives.get(resource, ()) and not earlier.isdisjoint((uid, it.uid))
            ),
            looked_at=seen.get(resource),
        )
        for resource in (group.resource for group in groups)
        if resource not in known.unread
    ]
    return [it for it in entries if it.told or it.forgotten or it.looked_at]


def _over(
    groups: Iterable[OpenGroup],
    followed: Iterable[Followed],
    known: Recollection,
    now: datetime,
) -> Iterator[tuple[Resource, int]]:
    """What of these groups the ledger need not list any more, with the version of its memory."""
    waiting = {
        it.life.resource
        for it in followed
        if not it.is_settled
        or it.life.closed is None
        or it.life.closed.time + KEPT_WHEN_CLOSED > now
    }
    for resource in (group.resource for group in groups):
        version = known.versions.get(resource)
        if version is not None and resource not in waiting:
            yield resource, version


def _hours_to_close(followed: Iterable[Followed]) -> Iterator[float]:
    for it in followed:
        origin, hours = it.finding.observed if it.finding else None, it.life.hours_open
        if origin and origin.what is Observed.CLOSED and hours is not None:
            yield hours
