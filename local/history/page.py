"""Exposures as one page for people: without scripts, and without anything from elsewhere."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Final

from security_group_alerter.messages.rule_words import internet_share_words
from security_group_alerter.messages.text import listed, plural, safe
from security_group_alerter.model.exposure_life import Event, ExposureLife
from security_group_alerter.model.severity import Severity

from .exposures import standing_of
from .table import by_words, duration_words, time_words, what_words

RECORDS: Final = "the CloudTrail records that were read"
_HERE: Final = Path(__file__).parent
_MOST_WORST: Final = 10
_WEEK: Final = timedelta(days=7)
_MINUTE: Final = timedelta(minutes=1)


def write_page(
    path: Path, lives: Sequence[ExposureLife], *, source: str = RECORDS, is_partial: bool
) -> None:
    """Write the page beside the path, and put it in its place when it is whole. Raises OSError."""
    text = page_of(lives, source=source, is_partial=is_partial)
    beside = path.with_name(f".{path.name}.part")
    try:
        beside.write_text(text, "utf-8")
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def page_of(lives: Sequence[ExposureLife], *, source: str = RECORDS, is_partial: bool) -> str:
    """The page as HTML. Every text that comes from records is escaped.

    `source` says by what the exposures are known.
    """
    # Slow to import, and most runs write no page.
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined
    )
    period = _Period.of(lives)
    rows = [_Row(life, period) for life in lives]
    worst = sorted(rows, key=lambda row: (row.life.severity, row.stood), reverse=True)
    return environment.get_template(
        "page.html"
    ).render(
        # Ours, and nothing of it comes from records.
        css=Markup((_HERE / "page.css").read_text("utf-8")),  # noqa: S704
        first_day=period.first_day,
        last_day=period.last_day,
        source=source,
        is_partial=is_partial,
        figures=list(_figures(lives, period)),
        severities=[it.name for it in sorted({it.severity for it in lives}, reverse=True)],
        accounts=list(_accounts(rows)),
        weeks=list(_weeks(lives)),
        worst=worst[:_MOST_WORST],
        rows=rows,
    )


@dataclass(frozen=True, slots=True)
class _Period:
    """From the first event of an exposure to the last one."""

    first: datetime
    last: datetime

    @classmethod
    def of(cls, lives: Iterable[ExposureLife]) -> _Period:
        times = [event.time for life in lives for event in (life.opened, life.closed) if event]
        return cls(min(times, default=_NEVER), max(times, default=_NEVER))

    @property
    def first_day(self) -> date:
        return self.first.astimezone(UTC).date()

    @property
    def last_day(self) -> date:
        return self.last.astimezone(UTC).date()

    def percent(self, start: datetime, end: datetime) -> float:
        """How much of the period lies between, in percent."""
        return round(100 * ((end - start) / max(self.last - self.first, _MINUTE)), 3)


_NEVER: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class _Row:
    """One exposure, as the page shows it."""

    life: ExposureLife
    period: _Period

    @property
    def start(self) -> datetime:
        return self.life.opened.time if self.life.opened else self.period.first

    @property
    def end(self) -> datetime:
        return self.life.closed.time if self.life.closed else self.period.last

    @property
    def stood(self) -> timedelta:
        return self.end - self.start

    @property
    def severity(self) -> str:
        return self.life.severity.name

    @property
    def account(self) -> str:
        return self.life.resource.account_id or "not recorded"

    @property
    def region(self) -> str:
        return safe(self.life.resource.region or "not recorded", 40)

    @property
    def resource(self) -> str:
        return safe(self.life.resource.id, 80)

    @property
    def opened(self) -> str | None:
        return time_words(self.life.opened)

    @property
    def closed(self) -> str | None:
        return time_words(self.life.closed)

    @property
    def standing(self) -> str:
        known = standing_of(self.life)
        if known is not None:
            return duration_words(known)
        if self.life.opened is None:
            return "since before the records"
        return f"{duration_words(self.stood)} and still open"

    @cached_property
    def what(self) -> str:
        return what_words(self.life)

    @cached_property
    def headline(self) -> str:
        shares = dict.fromkeys(internet_share_words(it.share) for it in self.life.openings)
        return f"{self.what} open to {listed([*shares], 2)}"

    @property
    def place(self) -> str:
        return f"in {self.resource} of account {self.account}, {self.region}"

    @property
    def opened_words(self) -> str:
        return _event_words("Opened", self.life.opened) or "Opened before the records begin"

    @property
    def closed_words(self) -> str:
        how = f", {self.life.closed_how.value}" if self.life.closed_how else ""
        return f"{_event_words('Closed', self.life.closed) or 'Still open'}{how}"

    @property
    def event_ids(self) -> list[str]:
        return [safe(event_id, 100) for event_id in self.life.event_ids]

    @property
    def is_open(self) -> bool:
        return self.life.closed is None


def _event_words(what: str, event: Event | None) -> str | None:
    if event is None:
        return None
    who = by_words(event)
    return f"{what} {time_words(event)}{f' by {who}' if who else ''}"


@dataclass(frozen=True, slots=True)
class _Figure:
    what: str
    value: str


def _figures(lives: Sequence[ExposureLife], period: _Period) -> Iterator[_Figure]:
    yield _Figure("exposures", f"{len(lives):,}")
    yield _Figure("still open", f"{sum(it.closed is None for it in lives):,}")
    for severity in (Severity.CRITICAL, Severity.HIGH):
        yield _Figure(severity.name, f"{sum(it.severity is severity for it in lives):,}")
    yield _Figure("groups and lists", f"{len({it.resource for it in lives}):,}")
    yield _Figure("accounts", f"{len({it.resource.account_id for it in lives}):,}")
    stood = sorted(filter(None, map(standing_of, lives)))
    if stood:
        yield _Figure("median until closed", duration_words(stood[len(stood) // 2]))
        yield _Figure("longest until closed", duration_words(stood[-1]))
    yield _Figure("days", f"{(period.last_day - period.first_day).days + 1:,}")


@dataclass(frozen=True, slots=True)
class _Bar:
    severity: str
    title: str
    left: float
    width: float
    lane: int
    is_open: bool


@dataclass(frozen=True, slots=True)
class _Account:
    """An account's bars, which do not overlap within a lane."""

    name: str
    words: str
    bars: list[_Bar]
    lanes: int


def _accounts(rows: Sequence[_Row]) -> Iterator[_Account]:
    by_account: dict[str, list[_Row]] = {}
    for row in rows:
        by_account.setdefault(row.account, []).append(row)
    for name, own in sorted(by_account.items()):
        # Until when each lane is taken.
        lanes: list[datetime] = []
        bars = [_bar(row, lanes) for row in sorted(own, key=lambda row: row.start)]
        still_open = sum(row.is_open for row in own)
        words = f"{plural(len(own), 'exposure')}, {still_open:,} still open"
        yield _Account(name=name, words=words, bars=bars, lanes=len(lanes))


def _bar(row: _Row, lanes: list[datetime]) -> _Bar:
    lane = next((it for it, until in enumerate(lanes) if until < row.start), len(lanes))
    lanes[lane : lane + 1] = [row.end]
    return _Bar(
        severity=row.severity,
        title=f"{row.severity}: {row.what} in {row.resource}, {row.standing}",
        left=row.period.percent(row.period.first, row.start),
        width=row.period.percent(row.start, row.end),
        lane=lane,
        is_open=row.is_open,
    )


@dataclass(frozen=True, slots=True)
class _Week:
    day: date
    opened: int
    closed: int
    opened_share: float
    closed_share: float


def _weeks(lives: Iterable[ExposureLife]) -> Iterator[_Week]:
    """From the first week in which something happened to the last one, from Monday."""
    opened = Counter(_monday(life.opened.time) for life in lives if life.opened)
    closed = Counter(_monday(life.closed.time) for life in lives if life.closed)
    most = max((*opened.values(), *closed.values()), default=1)
    week, last = min((*opened, *closed), default=None), max((*opened, *closed), default=None)
    while week is not None and last is not None and week <= last:
        yield _Week(
            day=week,
            opened=opened[week],
            closed=closed[week],
            opened_share=round(100 * opened[week] / most, 1),
            closed_share=round(100 * closed[week] / most, 1),
        )
        week += _WEEK


def _monday(time: datetime) -> date:
    day = time.astimezone(UTC).date()
    return day - timedelta(days=day.weekday())
