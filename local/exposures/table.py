"""What is open, as a table for people: a line for each, and what else is known of it below."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from security_group_alerter.messages.people import actor_words
from security_group_alerter.messages.text import plural, safe
from security_group_alerter.model.exposure_life import Event
from security_group_alerter.model.group_state import Reach
from security_group_alerter.model.severity import Severity

from ..history.table import duration_words, time_words, what_words
from .deployed_ledger import Exposure

WIDTH: Final = 100
_INDENT: Final = " " * 10
_HEADER: Final = ("SEVERITY", "OPEN FOR", "IN", "REGION", "ACCOUNT")
# Of the time, the id and the Region; the account's name gets what is left.
_WIDTHS: Final = (8, 20, 14)
_COLOURS: Final = {"CRITICAL": "1;31", "HIGH": "1;31", "MEDIUM": "1;33", "CLOSED": "32"}
_REACHES: Final = {
    Reach.PUBLIC: "attached to something with a public address",
    Reach.PRIVATE: "attached, without a public address",
    Reach.UNATTACHED: "attached to nothing",
    Reach.UNKNOWN: "what it is attached to is not known",
}


def order_of(exposure: Exposure) -> tuple[object, ...]:
    """The worst first, and of those the oldest."""
    life = exposure.life
    is_closed = life.closed is not None
    return (is_closed, -exposure.severity, exposure.since, life.resource.id, exposure.uid)


def table_of(
    exposures: Sequence[Exposure], names: Mapping[str, str], *, now: datetime, in_colour: bool
) -> Iterator[str]:
    """The lines, none longer than WIDTH. `names` are those of the accounts, by id."""
    rows = [_cells(exposure, names, now) for exposure in exposures]
    first = max(len(row[0]) for row in (_HEADER, *rows))
    yield _line(_HEADER, first)
    for exposure, row in zip(exposures, rows, strict=True):
        line = _line(row, first)
        word, _, rest = line.partition(" ")
        colour = _COLOURS.get(word) if in_colour else None
        yield f"\x1b[{colour}m{word}\x1b[0m {rest}" if colour else line
        for text in _details(exposure, now):
            yield from textwrap.wrap(
                text,
                WIDTH,
                initial_indent=_INDENT,
                subsequent_indent=f"{_INDENT}  ",
                break_on_hyphens=False,
            )


def totals_of(exposures: Sequence[Exposure], *, asked_for: str = "") -> str:
    """`3 open: 1 CRITICAL, 2 HIGH.`. `asked_for` are the options that leave some out."""
    still = [it for it in exposures if it.life.closed is None]
    counts = {it: sum(other.severity is it for other in still) for it in reversed(Severity)}
    parts = [f"{count:,} {severity.name}" for severity, count in counts.items() if count]
    closed = len(exposures) - len(still)
    words = f"{len(still):,} open: {', '.join(parts)}." if still else f"Nothing is open{asked_for}."
    return f"{words} {plural(closed, 'exposure')} closed by now." if closed else words


def _line(cells: Sequence[str], first: int) -> str:
    widths = (first, *_WIDTHS)
    fixed = (cell.ljust(width) for cell, width in zip(cells, widths, strict=False))
    line = "  ".join((*fixed, cells[-1])).rstrip()
    return line if len(line) <= WIDTH else f"{line[: WIDTH - 1]}…"


def _cells(exposure: Exposure, names: Mapping[str, str], now: datetime) -> tuple[str, ...]:
    life, resource = exposure.life, exposure.life.resource
    account_id = resource.account_id or "not recorded"
    until = life.closed.time if life.closed else now
    return (
        "CLOSED" if life.closed else exposure.severity.name,
        # Where its beginning is not known, it is at least that long.
        f"{'' if life.opened else '>'}{_standing_words(exposure, until)}",
        safe(resource.id, 20),
        safe(resource.region or "not recorded", 14),
        f"{account_id} {safe(names.get(account_id, ''), 60)}",
    )


def _standing_words(exposure: Exposure, until: datetime) -> str:
    words = duration_words(until - exposure.since)
    # `40 d 12 h` is too wide, and more exact than is useful.
    return words if len(words) < _WIDTHS[0] else " ".join(words.split()[:2])


def _details(exposure: Exposure, now: datetime) -> Iterator[str]:
    life = exposure.life
    since = f"since {time_words(life.opened)} UTC" if life.opened else _before(exposure)
    yield f"{what_words(life)}, {since}{_by(life.opened)}"
    if life.closed:
        yield f"closed {time_words(life.closed)} UTC{_by(life.closed)}"
        return
    if exposure.looked_at:
        yield f"{_reach_words(exposure)}; looked at {_ago(now - exposure.looked_at)}"
    else:
        yield "never looked at"
    if exposure.problem:
        yield f"not seen now: {safe(exposure.problem, 300)}"
    if exposure.told is None:
        yield "not reported yet"
    elif exposure.told.is_accepted:
        yield "accepted in accepted_openings.toml, when it was last reported"
    if exposure.is_snoozed(now.date()) and exposure.snooze:
        snooze = exposure.snooze
        yield f"snoozed until {snooze.until} by {actor_words(snooze.by)}: {safe(snooze.why)}"


def _reach_words(exposure: Exposure) -> str:
    """What it is attached to, and of when that is: the last look may have shown something else."""
    words, told = _REACHES[exposure.reach], exposure.told
    if exposure.is_seen or told is None or exposure.reach is Reach.UNKNOWN:
        return words
    return f"{words} when {'the first sweep found it' if told.is_quiet else 'last reported'}"


def _by(event: Event | None) -> str:
    return f" by {actor_words(event.principal)}" if event and event.principal else ""


def _before(exposure: Exposure) -> str:
    seen = f"{exposure.since.astimezone(UTC):%Y-%m-%d %H:%M}"
    return f"since before {seen} UTC, when it was first seen"


def _ago(span: timedelta) -> str:
    words = duration_words(span)
    return "just now" if words == "0 min" else f"{words} ago"
