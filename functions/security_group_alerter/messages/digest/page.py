"""What a digest says, worked out once: sections of entries, for the forms to lay out.

It is read on a phone, in the morning. Times are in the zone of the installation, which stands once
at the top, and are not repeated in UTC.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, tzinfo
from typing import TypeVar

from ...model.dataclass import dataclass, replace
from ...model.digest import Digest, NotSeen, OpenExposure
from ...model.exposure import Exposure
from ...model.exposure_life import LOOKS_BACK, EndedHow, Event, ExposureLife, LookedBy, Resource
from ...model.group_state import Reach
from ...model.ledger import Snooze
from ...model.presentation import Presentation
from ...model.subject import SubjectKind
from ..people import actor_words, bound_words, lag_words
from ..rule_words import internet_share_words, openings_words
from ..text import listed, plural, safe
from .changes import counts_by_account

LONGEST_SUBJECT = 99
# What fits one SMS: see messages/sms.py.
LONGEST_SMS = 140
_LONGEST_PROBLEM = 200
_NAMED_REGIONS = 3
_NAMED_REASONS = 3
_REACHES = {
    Reach.PUBLIC: "public",
    Reach.PRIVATE: "no public address",
    Reach.UNATTACHED: "attached to nothing",
    Reach.UNKNOWN: "reach not known",
}
_ENDED = {
    EndedHow.REVOKED: "revoked",
    EndedHow.MODIFIED: "edited",
    EndedHow.DELETED: "deleted with the group",
    EndedHow.PREFIX_LIST: "the list was edited",
    EndedHow.ACCOUNT_LEFT: "the account left, or its Region was switched off",
}
_CHANGES = {
    "CHANGES": False,
    "CHANGES BY AWS SERVICES, CLOUDFORMATION AND CONTROLLERS": True,
}
_Item = TypeVar("_Item")


@dataclass(frozen=True, slots=True)
class Entry:
    """One line, and what there is to add to it: with `is_list`, each detail is one of several."""

    head: str
    details: tuple[str, ...] = ()
    is_list: bool = False


@dataclass(frozen=True, slots=True)
class Section:
    """A list under its title; `rest` counts what is left out of it."""

    title: str
    entries: tuple[Entry, ...]
    rest: str | None = None
    is_numbered: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What every form of a digest says.

    `headline` sums it up, `period` says of which time it is, and `doubt`, where something could not
    be seen, that there may be more.
    """

    digest: Digest
    presentation: Presentation
    subject: str
    headline: str
    headlines: tuple[str, ...]
    period: str
    doubt: str
    sections: tuple[Section, ...]


def page_of(digest: Digest, presentation: Presentation, most: int) -> Page:
    """At most so many entries of each list are written out."""
    words = _Words(digest, presentation.time_zone)
    headlines = tuple(_headlines(digest))
    day = f"Digest of {digest.until.astimezone(presentation.time_zone):%a %d %b}: "
    subject = next(
        (it for it in headlines if len(_START + day + it) <= LONGEST_SUBJECT), headlines[-1]
    )
    return Page(
        digest=digest,
        presentation=presentation,
        subject=f"{_START}{day}{subject}",
        headline=headlines[0],
        headlines=headlines,
        period=words.period(),
        doubt=words.doubt(),
        sections=tuple(it for it in words.sections(most) if it.entries or it.rest),
    )


def sms_of(page: Page) -> str:
    """One line."""
    start = "INFORMATIONAL "
    oldest = next((it.since for it in page.digest.standing), None)
    age = f"oldest {lag_words(page.digest.until - oldest)}" if oldest else ""
    lines = (f"{start}{_aged(it, end)}" for it in page.headlines for end in (age, ""))
    return next((it for it in lines if len(it) <= LONGEST_SMS), f"{start}{page.headlines[-1]}")


def _aged(headline: str, age: str) -> str:
    """The age of what is open stands beside it, not beside what could not be seen."""
    is_open, *rest = headline.split(", ")
    return ", ".join(filter(None, (is_open, age, *rest)))


_START = "INFORMATIONAL: "


def _headlines(digest: Digest) -> Iterator[str]:
    """`3 open to the world (1 CRITICAL), 1 closed, 58 changes`; then in fewer words."""
    standing = digest.standing
    worst = max((it.severity for it in standing), default=None)
    of_worst = sum(it.severity is worst for it in standing)
    count = f"{len(standing):,}" if standing else "nothing"
    name = f" ({of_worst:,} {worst.name})" if worst is not None else ""
    closed = f"{len(digest.closed):,} closed" if digest.closed else ""
    # Refused calls count: they are calls, and changed nothing.
    changes = plural(digest.changed, "call") if digest.changed else "no calls"
    not_seen = f"{plural(len(digest.not_seen), 'place')} not seen" if digest.not_seen else ""
    swept = "no sweep" if digest.has_looks and not digest.is_swept else ""
    start = f"{count} open to the world"
    yield ", ".join(filter(None, (f"{start}{name}", swept, closed, changes, not_seen)))
    yield ", ".join(filter(None, (start, swept, closed, changes)))
    yield start


@dataclass(frozen=True, slots=True)
class _Words:
    """A digest, and the zone in which its times are shown."""

    digest: Digest
    zone: tzinfo

    def period(self) -> str:
        since, until = (self._local(it) for it in (self.digest.since, self.digest.until))
        return (
            f"From {since:%a %d %b %Y, %H:%M} to {until:%a %d %b, %H:%M}. "
            f"All times are {self.zone}."
        )

    def doubt(self) -> str:
        digest = self.digest
        count = len(digest.not_seen)
        missing = f"{plural(count, 'place')} could not be seen (the last section)"
        if not digest.has_looks:
            more = f", and {missing}" if count else ""
            return f"There may be more: nobody looks into the accounts (LookRole is none){more}."
        if not digest.is_swept:
            since = f"since {self._moment(digest.last_sweep)}" if digest.last_sweep else "yet"
            more = f" {missing[0].upper()}{missing[1:]}." if count else ""
            return f"No sweep {since}: this page may be incomplete.{more}"
        return (
            f"There may be more: {missing}."
            if count
            else "Everything that should be seen was seen."
        )

    def sections(self, most: int) -> Iterator[Section]:
        digest = self.digest
        yield self._open(digest.standing, most)
        closed = [(it, it.closed) for it in digest.closed if it.closed]
        yield _section("CLOSED", closed, most, self._closed, "the last first")
        snoozed = [(it, it.snooze) for it in digest.snoozed if it.snooze]
        snoozed.sort(key=lambda it: it[1].until)
        yield _section("SNOOZED", snoozed, most, self._snoozed)
        yield _section("ACCEPTED", digest.accepted, most, self._accepted)
        yield from self._changes(most)
        not_seen = _section("", _together(digest.not_seen), most, self._not_seen)
        yield replace(not_seen, title=f"NOT SEEN: {plural(len(digest.not_seen), 'place')}")

    def _changes(self, most: int) -> Iterator[Section]:
        """Those that people made, and those that machines made; by account, the most first."""
        for title, is_machine_made in _CHANGES.items():
            changes = [it for it in self.digest.changes if it.is_machine_made is is_machine_made]
            counts = counts_by_account(changes, self.account)
            left = len(counts) - most
            yield Section(
                f"{title}: {sum(it.count for it in changes):,}",
                tuple(Entry(*it, is_list=True) for it in counts[:most]),
                f"and {plural(left, 'more account')}" if left > 0 else None,
            )
        if self.digest.not_known:
            # An older version marked them, or one that was newer, and is no longer there.
            title = f"CHANGES OF WHICH ONLY THE ID IS REMEMBERED: {self.digest.not_known:,}"
            yield Section(title, (), "another version of the alerter reported them")

    def account(self, account_id: str | None) -> str:
        """`payments-production (222233334444)`."""
        name = self.digest.names.get(account_id or "")
        own = safe(account_id or "an account that is not recorded", 40)
        return f"{safe(name, 60)} ({own})" if name else own

    def _open(self, standing: Sequence[OpenExposure], most: int) -> Section:
        """The worst, and of these the oldest first."""
        worst_first = sorted(standing, key=lambda it: it.severity, reverse=True)
        worst = {it.life.uid for it in worst_first[:most]}
        shown = [it for it in standing if it.life.uid in worst]
        left = Counter(it.severity for it in worst_first[most:])
        counts = [f"{count:,} {severity.name}" for severity, count in sorted(left.items())[::-1]]
        return Section(
            f"OPEN TO THE WORLD: {len(standing):,}{_ordered(standing, 'the oldest first')}",
            tuple(self._opened(it) for it in shown),
            f"and {left.total():,} more: {listed(counts, len(counts))}" if left else None,
            is_numbered=True,
        )

    def _opened(self, exposure: OpenExposure) -> Entry:
        told, looked = exposure.told, exposure.looked_at
        reach = _REACHES[exposure.reach]
        if told is not None and exposure.reach is not Reach.UNKNOWN:
            # The last look may have shown another.
            reach += f" when {'the first sweep found it' if told.is_quiet else 'last reported'}"
        seen = f"looked at {self._moment(looked)}" if looked else "nobody has looked at it"
        return Entry(
            f"{exposure.severity.name}, {self._age(exposure)}: {exposed_words(exposure.life)}",
            (self._place(exposure.life.resource), self._since(exposure.life), f"{reach}; {seen}"),
        )

    def _age(self, exposure: OpenExposure) -> str:
        since = "" if exposure.life.opened else "at least "
        return f"for {since}{lag_words(self.digest.until - exposure.since)}"

    def _since(self, life: ExposureLife) -> str:
        event = life.opened or life.revealed
        looker = event.looked_by
        time = self._moment(event.time + LOOKS_BACK if looker else event.time)
        if looker is LookedBy.FIRST_SWEEP:
            return f"found by the first sweep {time}; opened before, by whom is not known"
        if looker is not None:
            return f"found by a look {time}; no call was seen that opened it"
        if life.opened is None:
            return f"open before {time}; since when is not known"
        by = f" by {actor_words(event.principal)}" if event.principal else ""
        return f"opened {time}{by}"

    def _closed(self, closed: tuple[ExposureLife, Event]) -> Entry:
        life, event = closed
        how = _ENDED.get(life.closed_how or EndedHow.SEEN)
        by = f"{how} by {actor_words(event.principal)}" if how and event.principal else how
        when, at_most = f"closed {self._moment(event.time)}", ""
        if life.closed_before is not None:
            when, at_most = f"closed before {self._moment(life.closed_before)}", "at most "
            by = "no call was seen that closed it"
        lasted_words = bound_words if at_most else lag_words
        start, end = life.opened, life.closed_before or event.time
        lasted = (
            f"open for {at_most}{lasted_words(end - start.time)}"
            if start
            else "since when is not known"
        )
        return Entry(
            f"{lasted}: {exposed_words(life)}",
            (
                self._place(life.resource),
                f"{when}; {by}",
                *((self._since(life),) if start else ()),
            ),
        )

    def _snoozed(self, snoozed: tuple[OpenExposure, Snooze]) -> Entry:
        exposure, snooze = snoozed
        return Entry(
            f"until {snooze.until}: {exposure.severity.name}, {exposed_words(exposure.life)}",
            (
                self._place(exposure.life.resource),
                f"{self._since(exposure.life)}; snoozed by {actor_words(snooze.by)}: "
                f"{safe(snooze.why)}",
            ),
        )

    def _accepted(self, exposure: OpenExposure) -> Entry:
        ends = min(it.expires for it in exposure.accepted)
        reasons = dict.fromkeys(
            f"accepted for {safe(it.owner, 60)}: {safe(it.reason)}" for it in exposure.accepted
        )
        return Entry(
            f"until {ends}: {exposed_words(exposure.life)}",
            (self._place(exposure.life.resource), *[*reasons][:_NAMED_REASONS]),
        )

    def _not_seen(self, places: Sequence[NotSeen]) -> Entry:
        """What is wrong in one account, and in which of its Regions."""
        first = places[0]
        where = self.account(first.account_id) if first.account_id else "anywhere"
        regions = listed([safe(it.region, 40) for it in places if it.region], _NAMED_REGIONS)
        since = min((it.since for it in places if it.since), default=None)
        return Entry(
            ", ".join(filter(None, (where, regions))),
            (
                f"{safe(first.problem, _LONGEST_PROBLEM)}"
                f"{f'; since {self._moment(since)}' if since else ''}",
            ),
        )

    def _place(self, resource: Resource) -> str:
        region = safe(resource.region or "Region not recorded", 40)
        return f"{safe(resource.id, 80)} in {self.account(resource.account_id)}, {region}"

    def _moment(self, time: datetime) -> str:
        """`Tue 17 Nov 09:55`; with the year where it is another one."""
        local = self._local(time)
        is_this_year = local.year == self._local(self.digest.until).year
        return f"{local:%a %d %b %H:%M}" if is_this_year else f"{local:%d %b %Y %H:%M}"

    def _local(self, time: datetime) -> datetime:
        try:
            return time.astimezone(self.zone)
        except OverflowError:  # the first or the last day that Python knows
            return time


def _together(places: Iterable[NotSeen]) -> list[list[NotSeen]]:
    """Those of one account with one problem, together."""
    alike: dict[object, list[NotSeen]] = {}
    for place in places:
        alike.setdefault((place.account_id, place.problem), []).append(place)
    return [*alike.values()]


def exposed_words(life: ExposureLife) -> str:
    """`tcp 22 (SSH) to the whole Internet`; of a list, how much of the Internet it holds."""
    if life.resource.kind is SubjectKind.PREFIX_LIST:
        widest = max(life.openings, key=lambda it: it.share.ipv4_share + it.share.ipv6_share)
        return f"a prefix list that holds {internet_share_words(widest.share)}"
    what, whom = openings_words(Exposure(openings=life.openings), ())
    return f"{what} to {whom}"


def _section(
    title: str,
    items: Sequence[_Item],
    most: int,
    entry_of: Callable[[_Item], Entry],
    order: str = "",
) -> Section:
    left = len(items) - most
    return Section(
        f"{title}: {len(items):,}{_ordered(items, order)}",
        tuple(map(entry_of, items[:most])),
        f"and {left:,} more" if left > 0 else None,
    )


def _ordered(items: Sequence[object], order: str) -> str:
    return f", {order}" if order and len(items) > 1 else ""
