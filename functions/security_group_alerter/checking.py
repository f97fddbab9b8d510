"""The steps of the daily check, in order: look, compare with what was reported, report, remember.

What the steps need of the world is handed in. A look that fails is reported as such: it hides
nothing that the others find.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

from .judgement.health import (
    ACCOUNTS,
    HEARTBEAT,
    TRAIL,
    account_findings,
    heartbeat_findings,
    subscription_findings,
    trail_findings,
)
from .messages.operations import notice_of
from .model.dataclass import dataclass, replace
from .model.health import (
    Ended,
    Findings,
    HealthReport,
    Installation,
    Lasting,
    Memory,
    Notice,
    NotSeen,
    OrganizationAccount,
    Problem,
    ProblemKind,
    Remembered,
    Subscription,
    TrailStatus,
)
from .model.time_left import TimeLeft

MEMORY = "what was reported before"
# A week, as a check counts it that may come a little early.
REPEATED_AFTER = timedelta(days=7) - timedelta(hours=1)
# No look begins later. One takes up to 30 seconds, and so does each of reporting and remembering.
RESERVED_SECONDS = 90.0
# CloudWatch keeps what was counted by the minute for 15 days.
HEARTBEATS_LOOKED_BACK = timedelta(days=14)

Fact = TypeVar("Fact")
Key = tuple[str, str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """A topic, by the words for it. `needs_one`: somebody has to be subscribed to it."""

    words: str
    subscriptions: Callable[[TimeLeft], Sequence[Subscription]]
    needs_one: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class DailyCheck:
    """The steps, for one installation.

    `may_list_accounts` is whether AWS Organizations should let this account list the others.
    `explain` says why a look failed.
    """

    installation: Installation
    trail_name: str
    may_list_accounts: bool
    trail_status: Callable[[], TrailStatus | None]
    newest_heartbeat: Callable[[datetime, datetime], datetime | None]
    topics: Sequence[Topic]
    accounts: Callable[[TimeLeft], Sequence[OrganizationAccount]]
    newest_records: Callable[[TimeLeft], Mapping[str, datetime]]
    explain: Callable[[Exception], NotSeen]
    recall: Callable[[], Memory]
    remember: Callable[[Memory, datetime], None]
    send: Callable[[Notice], None]

    def run(self, *, now: datetime, time_left: TimeLeft) -> HealthReport:
        """Check once. Raises what sending and remembering raise."""
        looked = partial(self._looked, time_left)
        recalled = looked(self.recall)
        memory = Memory() if isinstance(recalled, NotSeen) else recalled
        status = looked(self.trail_status)
        seen: dict[str, Findings | NotSeen] = {
            MEMORY: recalled if isinstance(recalled, NotSeen) else Findings(),
            TRAIL: status
            if isinstance(status, NotSeen)
            else trail_findings(status, self.trail_name, now=now),
            HEARTBEAT: looked(partial(self._heartbeat, now)),
        }
        for topic in self.topics:
            seen[topic.words] = looked(partial(_subscriptions, topic, time_left))
        started_at = status.started_at if isinstance(status, TrailStatus) else None
        watched_since = memory.watched_since or started_at or now
        seen[ACCOUNTS] = self._said_once_elsewhere(
            looked(partial(self._accounts, watched_since, now, time_left))
        )
        report, entries = compared(memory.entries, seen, now)
        notice = notice_of(report, self.installation, now)
        if notice is not None:
            self.send(notice)
        # After the message: a duplicate is better than a loss.
        self.remember(Memory(watched_since=watched_since, entries=entries), now)
        return report

    def _looked(self, time_left: TimeLeft, look: Callable[[], Fact]) -> Fact | NotSeen:
        if time_left() < RESERVED_SECONDS:
            return NotSeen(why="the time ran out before it")
        try:
            return look()
        except Exception as error:  # noqa: BLE001 - whatever it is must not hide the other looks
            return self.explain(error)

    def _heartbeat(self, now: datetime) -> Findings:
        newest = self.newest_heartbeat(now - HEARTBEATS_LOOKED_BACK, now)
        return heartbeat_findings(newest, now=now)

    def _accounts(self, watched_since: datetime, now: datetime, time_left: TimeLeft) -> Findings:
        accounts = self.accounts(time_left)
        newest = self.newest_records(time_left)
        return account_findings(accounts, newest, watched_since=watched_since, now=now)

    def _said_once_elsewhere(self, found: Findings | NotSeen) -> Findings | NotSeen:
        """Where accounts cannot be listed by design, one message about that is enough."""
        if isinstance(found, NotSeen) and found.is_denied and not self.may_list_accounts:
            return replace(found, is_said_once=True)
        return found


def _subscriptions(topic: Topic, time_left: TimeLeft) -> Findings:
    found = topic.subscriptions(time_left)
    return subscription_findings(found, topic.words, needs_one=topic.needs_one)


def compared(
    before: Iterable[Remembered], seen: Mapping[str, Findings | NotSeen], now: datetime
) -> tuple[HealthReport, tuple[Remembered, ...]]:
    """What to report now, and what to remember.

    A problem is reported when it begins, every week while it lasts, and when it is over. What a
    look found before it failed is neither over nor repeated.
    """
    old = {entry.key: entry for entry in before}
    problems = [it for look, found in seen.items() for it in _problems_in(look, found)]
    entries: dict[Key, Remembered] = {}
    begun: list[Lasting] = []
    reported: list[Lasting] = []
    for problem in problems:
        entry = _entry_of(problem, old, now)
        known = Lasting(problem=problem, since=entry.since)
        if entry.reported is not None:
            reported.append(known)
        elif now - entry.since >= problem.patience:
            begun.append(known)
            entry = replace(entry, reported=now)
        entries[entry.key] = entry
    due = _due_kinds(reported, entries, now)
    lasting = [it for it in reported if it.problem.kind in due and not it.problem.is_said_once]
    for it in lasting:
        key = key_of(it.problem)
        entries[key] = replace(entries[key], reported=now)
    kept, ended = _without_problem([it for it in old.values() if it.key not in entries], seen)
    report = HealthReport(
        begun=tuple(begun),
        lasting=tuple(lasting),
        ended=tuple(ended),
        sizes={look: len(it.known) for look, it in seen.items() if isinstance(it, Findings)},
    )
    return report, (*entries.values(), *kept)


def _without_problem(
    entries: Iterable[Remembered], seen: Mapping[str, Findings | NotSeen]
) -> tuple[list[Remembered], list[Ended]]:
    """Of entries that no look found again: those to keep, since theirs failed, and those over."""
    kept: list[Remembered] = []
    ended: list[Ended] = []
    for entry in entries:
        found = seen.get(entry.look)
        if isinstance(found, NotSeen):
            kept.append(entry)
        elif found is not None and entry.reported is not None:
            ended.append(Ended(entry=entry, is_gone=entry.name not in found.known))
    return kept, ended


def _problems_in(look: str, found: Findings | NotSeen) -> Iterable[Problem]:
    if isinstance(found, Findings):
        return found.problems
    return (
        Problem(
            kind=ProblemKind.NOT_CHECKED,
            look=look,
            name=look,
            title=look,
            details=found.why,
            is_said_once=found.is_said_once,
        ),
    )


def key_of(problem: Problem) -> Key:
    """As `Remembered.key`."""
    return (problem.kind, problem.look, problem.name)


def _entry_of(problem: Problem, old: Mapping[Key, Remembered], now: datetime) -> Remembered:
    known = old.get(key_of(problem))
    return Remembered(
        kind=problem.kind,
        look=problem.look,
        name=problem.name,
        title=problem.title,
        since=problem.since or (known.since if known else now),
        reported=known.reported if known else None,
    )


def _due_kinds(
    reported: Iterable[Lasting], entries: Mapping[Key, Remembered], now: datetime
) -> set[ProblemKind]:
    """The kinds to repeat: one message a week has all problems of a kind."""
    return {
        it.problem.kind
        for it in reported
        if (last := entries[key_of(it.problem)].reported) is not None
        and now - last >= REPEATED_AFTER
        and not it.problem.is_said_once
    }
