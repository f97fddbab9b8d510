"""The digest: a day of an installation on one page, once a day.

The steps, in order: whether it has been sent; what is open, and what was closed and no digest has
named, from the ledger; what was alerted, from the table of alerted events; what could not be seen;
names; the message; and the marks of what was sent, after Amazon SNS took it. So a crash in between
may send it twice, and never loses it. What cannot be read is raised, for the retry; one group that
is broken is named.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any

from .judgement.accepted_openings import acceptance_of
from .judgement.reminders import LOOKED_AT_FROM
from .judgement.touched_ports import standing_on
from .knowledge import Recall
from .memory.fold import Fold
from .memory.recollection import Recollection
from .messages.digest import digest_message, key_of
from .model.acceptance import AcceptedOpening
from .model.change import Action, SecurityGroupChange
from .model.dataclass import dataclass, replace
from .model.digest import (
    LONGEST_WITHOUT_A_SWEEP,
    ChangeCount,
    Digest,
    NotSeen,
    OpenExposure,
)
from .model.exposure_life import ExposureLife, Resource
from .model.ledger import OpenGroup
from .model.message import DIGEST, Message, Sent
from .model.presentation import Presentation
from .model.seen import AlertedChange, Mark, SeenAnswer
from .model.subject import SubjectKind
from .model.sweep import SweptPlace
from .model.time_left import TimeLeft

# What changes have in common that are counted together.
_ALIKE = ("account_id", "call", "effect", "world_open", "principal", "is_machine_made")
_what_is_alike = attrgetter(*_ALIKE)
# A record is minutes late, or hours: what was closed so long before the last digest, and is not in
# it, is in this one.
LATE = timedelta(hours=24)
# So many days later the digest still knows that it is not the first.
DAYS_REMEMBERED = 7
# By which the table of alerted events knows each closing that a digest named.
_CLOSED_KEY = DIGEST + ":closed:{}"
# The watch looks at what is urgent every few minutes.
LONGEST_WITHOUT_A_LOOK = timedelta(hours=1)
# As many memories as one call reads.
READ_TOGETHER = 100
# The names of more accounts than this nobody reads. Each takes a call to AWS Organizations.
MOST_NAMED_ACCOUNTS = 40
# In seconds, of what the function has left: for names, and for the message.
KEPT_FOR_NAMES, KEPT_FOR_SENDING = 60.0, 45.0


class DigestError(RuntimeError):
    """Amazon SNS did not take the digest; says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestReport:
    """What became of a digest. `is_sent` is False where that of the day had been sent before.

    `table_failures` counts calls to the table of alerted events that failed: after one, the digest
    may be sent twice.
    """

    is_sent: bool
    open: int = 0
    closed: int = 0
    changes: int = 0
    not_seen: int = 0
    table_failures: int = 0

    def counts(self) -> dict[str, int]:
        """The numbers by their names."""
        return {
            "sent": int(self.is_sent),
            "open": self.open,
            "closed": self.closed,
            "changes": self.changes,
            "not_seen": self.not_seen,
            "table_failures": self.table_failures,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Digester:
    """The steps, for one installation.

    `not_swept` are the places that the sweep could not see, and `last_sweep` is when there was one.
    """

    presentation: Presentation
    organization_id: str | None
    has_looks: bool
    accepted: tuple[AcceptedOpening, ...]
    name_of: Callable[[str], str | None]
    alerted_among: Callable[[Iterable[str]], SeenAnswer]
    mark_alerted: Callable[[Iterable[Mark]], int]
    changes_between: Callable[[datetime, datetime], Iterable[AlertedChange | None]]
    open_groups: Callable[[], Iterable[OpenGroup]]
    recall: Recall
    not_swept: Callable[[], Iterable[SweptPlace]]
    last_sweep: Callable[[], datetime | None]
    publish: Callable[[Iterable[Message], TimeLeft], Iterator[Sent]]

    def send(self, *, until: datetime, time_left: TimeLeft) -> DigestReport:
        """Send the digest of the day that ends at `until`, unless it has been sent.

        Raises DigestError, and what DynamoDB says.
        """
        digest = Digest(
            since=_a_day_before(until, self.presentation),
            until=until,
            organization_id=self.organization_id,
            has_looks=self.has_looks,
        )
        key, *before = self._keys_of(digest)
        answer = self.alerted_among([key, *before])
        if key in answer.keys:
            return DigestReport(is_sent=False)
        # The first digest of an installation is of its day alone. Any other may follow one that
        # could not be sent.
        is_first = answer.is_sure and answer.keys.isdisjoint(before)
        late = timedelta() if is_first else LATE
        digest, marks = self._with_exposures(digest, late, time_left)
        digest = self._with_changes(digest)
        not_swept = [*map(_not_swept, self.not_swept())]
        not_looked_at = _not_looked_at(digest, not_swept) if self.has_looks else ()
        digest = replace(
            digest,
            last_sweep=self.last_sweep() if self.has_looks else None,
            not_seen=(*not_swept, *not_looked_at, *digest.not_seen),
        )
        digest = replace(digest, names=self._names(digest, time_left))
        message = digest_message(digest, self.presentation)
        for sent in self.publish([message], time_left):
            if sent.refusal is not None:
                raise DigestError(f"the digest was not sent: {sent.refusal}")
        failures = self.mark_alerted([*message.marks, *marks])
        return DigestReport(
            is_sent=True,
            open=len(digest.open),
            closed=len(digest.closed),
            changes=digest.changed,
            not_seen=len(digest.not_seen),
            table_failures=failures + (not answer.is_sure),
        )

    def _with_exposures(
        self, digest: Digest, late: timedelta, time_left: TimeLeft
    ) -> tuple[Digest, list[Mark]]:
        """What is open, oldest first; what was closed, the last first; what could not be read.

        And the marks of what was closed.
        """
        groups = list(self.open_groups())
        standing: list[OpenExposure] = []
        closed: dict[str, ExposureLife] = {}
        unread: list[NotSeen] = []
        for start in range(0, len(groups), READ_TOGETHER):
            batch = groups[start : start + READ_TOGETHER]
            known = self.recall(
                {it.resource: () for it in batch},
                at=(),
                now=digest.until,
                seconds=max(0.0, time_left() - KEPT_FOR_NAMES - KEPT_FOR_SENDING),
            )
            for group in batch:
                fold = known.folds.get(group.resource)
                if fold is None or group.resource in known.unread:
                    why = known.unread.get(group.resource) or "it could not be folded"
                    unread.append(_unread(group.resource, why))
                    continue
                try:
                    is_open = [*self._standing(group, fold, known, digest)]
                    is_over = {
                        _CLOSED_KEY.format(life.uid): life
                        for life in map(known.as_told, fold.exposures)
                        if _is_closed_in(life, digest, late)
                    }
                except Exception as fault:  # noqa: BLE001
                    # A fault of ours must not take the other groups with it.
                    unread.append(_unread(group.resource, f"{type(fault).__name__}: {fault}"))
                    continue
                standing += is_open
                closed |= is_over
        named = self.alerted_among(closed).keys if closed else frozenset()
        fresh = {key: life for key, life in closed.items() if key not in named}
        digest = replace(
            digest,
            open=tuple(sorted(standing, key=lambda it: (it.since, it.life.uid))),
            closed=tuple(sorted(fresh.values(), key=_closed_at, reverse=True)),
            not_seen=tuple(unread),
        )
        return digest, [*map(Mark, fresh)]

    def _standing(
        self, group: OpenGroup, fold: Fold, known: Recollection, digest: Digest
    ) -> Iterator[OpenExposure]:
        # As the watch counts days.
        today = digest.until.date()
        snooze = known.snoozed.get(group.resource)
        for life in fold.exposures:
            if life.closed is not None:
                continue
            told = known.told_of(life)
            named = known.as_told(life)
            is_snoozed = snooze is not None and snooze.quiets(named.uid, told, today=today)
            yield OpenExposure(
                life=named,
                told=told,
                looked_at=group.looked_at,
                snooze=snooze if is_snoozed else None,
                accepted=self._accepted(life, fold, digest),
            )

    def _accepted(
        self, life: ExposureLife, fold: Fold, digest: Digest
    ) -> tuple[AcceptedOpening, ...]:
        """The entries in force, where they cover every rule that keeps it open."""
        resource = life.resource
        rules = standing_on(life.openings, (it.rule for it in fold.rules))
        if resource.kind is not SubjectKind.SECURITY_GROUP or not rules:
            return ()
        change = SecurityGroupChange(action=Action.ADD_RULES, group_id=resource.id, added=rules)
        _, acceptance = acceptance_of(
            change,
            self.accepted,
            account_id=resource.account_id,
            region=resource.region,
            # As alerts are judged: by the day in UTC.
            today=digest.until.date(),
        )
        return acceptance.used if acceptance.covers_all else ()

    def _with_changes(self, digest: Digest) -> Digest:
        """What was alerted, alike together, the most first."""
        counts: Counter[tuple[Any, ...]] = Counter()
        not_known = 0
        for change in self.changes_between(digest.since, digest.until):
            if change is None:
                not_known += 1
            else:
                counts[_what_is_alike(change)] += 1
        changes = [
            ChangeCount(count=count, **dict(zip(_ALIKE, alike, strict=True)))
            for alike, count in counts.most_common()
        ]
        return replace(digest, changes=tuple(changes), not_known=not_known)

    def _keys_of(self, digest: Digest) -> Iterator[str]:
        """The key of the digest, and of those of the days before."""
        for days in range(DAYS_REMEMBERED + 1):
            until = digest.until - timedelta(days=days)
            yield key_of(replace(digest, until=until), self.presentation)

    def _names(self, digest: Digest, time_left: TimeLeft) -> Mapping[str, str]:
        """The names of the accounts that are likely to be shown, while there is time."""
        names: dict[str, str] = {}
        for account_id in _accounts_in(digest)[:MOST_NAMED_ACCOUNTS]:
            if time_left() < KEPT_FOR_SENDING:
                break
            name = self.name_of(account_id)
            if name:
                names[account_id] = name
        return names


def _a_day_before(until: datetime, presentation: Presentation) -> datetime:
    """The same time on the clock of the day before, also where the clock was changed between."""
    zone = presentation.time_zone
    day_before = until.astimezone(zone) - timedelta(days=1)
    return day_before.astimezone(until.tzinfo)


def _is_closed_in(life: ExposureLife, digest: Digest, late: timedelta) -> bool:
    return life.closed is not None and digest.since - late <= life.closed.time < digest.until


def _closed_at(life: ExposureLife) -> tuple[float, str]:
    return (life.closed.time.timestamp() if life.closed else 0.0), life.uid


def _unread(resource: Resource, why: str) -> NotSeen:
    return NotSeen(
        problem=f"{resource.id} is open, and what is known of it could not be read: {why}",
        account_id=resource.account_id,
        region=resource.region,
    )


def _not_swept(swept: SweptPlace) -> NotSeen:
    return NotSeen(
        problem=swept.problem or "the sweep did not say why",
        account_id=swept.place.account_id,
        region=swept.place.region,
        since=swept.problem_since,
    )


def _not_looked_at(digest: Digest, not_swept: Iterable[NotSeen]) -> Iterator[NotSeen]:
    """Where something is open, and looks at it fail: of what the sweep does not name already."""
    named = {(it.account_id, it.region) for it in not_swept}
    since: dict[tuple[str | None, str | None], datetime] = {}
    for it in digest.open:
        seen = it.looked_at or (it.told.at if it.told else it.since)
        # The watch looks every few minutes at what is urgent, and the sweep once a day at the rest.
        is_urgent = it.looked_at is None and it.life.severity >= LOOKED_AT_FROM
        longest = LONGEST_WITHOUT_A_LOOK if is_urgent else LONGEST_WITHOUT_A_SWEEP
        if digest.until - seen > longest:
            place = it.life.resource.account_id, it.life.resource.region
            since[place] = min(since.get(place, seen), seen)
    for (account_id, region), first in since.items():
        if named.isdisjoint({(account_id, region), (account_id, None)}):
            problem = "no look at what is open there succeeded"
            yield NotSeen(problem=problem, account_id=account_id, region=region, since=first)


def _accounts_in(digest: Digest) -> Sequence[str]:
    """What is open first, then where something was closed or changed, or could not be seen."""
    lives = (*(it.life for it in digest.open), *digest.closed)
    ids = (
        *(it.resource.account_id for it in lives),
        *(it.account_id for it in digest.changes),
        *(it.account_id for it in digest.not_seen),
    )
    return [*dict.fromkeys(it for it in ids if it)]
