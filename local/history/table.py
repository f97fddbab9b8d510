"""Exposures as a table for people."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from datetime import UTC, timedelta
from typing import Final

from security_group_alerter.messages.rule_words import traffic_words
from security_group_alerter.messages.text import listed, plural, safe
from security_group_alerter.model.exposure_life import Event, ExposureLife
from security_group_alerter.model.rules import ALL_PROTOCOLS
from security_group_alerter.model.subject import SubjectKind

from .exposures import standing_of

_MOST_OPENINGS: Final = 3
_HEADER: Final = (
    "OPENED",
    "CLOSED",
    "OPEN FOR",
    "SEVERITY",
    "ACCOUNT",
    "REGION",
    "IN",
    "WHAT",
    "BY",
)
# As many of these stand in the first line of a row that has several.
_FIRST: Final = 4
_INDENT: Final = "    "


def table_of(lives: Sequence[ExposureLife], width: int | None) -> Iterator[str]:
    """The lines of the table. Where one is longer than the width, each row has several."""
    rows = [_HEADER, *map(_row, lives)]
    lines = [*_in_columns(rows)]
    if width is None or max(map(len, lines)) <= width:
        yield from lines
        return
    for line, row in zip(_in_columns([row[:_FIRST] for row in rows]), rows, strict=True):
        yield line
        rest = "  ".join(filter(None, row[_FIRST:]))
        yield from textwrap.wrap(
            rest,
            max(width, 20),
            initial_indent=_INDENT,
            subsequent_indent=f"{_INDENT}  ",
            break_on_hyphens=False,
        )


def _in_columns(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(size) for cell, size in zip(row, widths, strict=True))
        yield "  ".join(cells).rstrip()


def totals_of(lives: Sequence[ExposureLife]) -> str:
    """How many there were in how many groups, how many are still open, and the longest one."""
    resources = {life.resource for life in lives}
    still_open = sum(life.closed is None for life in lives)
    longest = max(filter(None, map(standing_of, lives)), default=None)
    groups = sum(it.kind is SubjectKind.SECURITY_GROUP for it in resources)
    lists = len(resources) - groups
    where = " and ".join(
        plural(count, noun)
        for count, noun in ((groups, "security group"), (lists, "prefix list"))
        if count
    )
    words = f"{plural(len(lives), 'exposure')} in {where}, {still_open:,} still open."
    return f"{words} The longest that was closed: {duration_words(longest)}." if longest else words


def what_words(life: ExposureLife) -> str:
    """`tcp 22 (SSH)`: what was opened."""
    if life.resource.kind is SubjectKind.PREFIX_LIST:
        return "prefix list"
    words = [
        "all traffic" if it.protocol == ALL_PROTOCOLS else traffic_words(it.protocol, it.ports)
        for it in life.openings
    ]
    return listed(list(dict.fromkeys(words)), _MOST_OPENINGS)


def _row(life: ExposureLife) -> tuple[str, ...]:
    standing = standing_of(life)
    return (
        time_words(life.opened) or "before",
        time_words(life.closed) or "still open",
        duration_words(standing) if standing is not None else "",
        life.severity.name,
        life.resource.account_id or "",
        life.resource.region or "",
        safe(life.resource.id, 40),
        what_words(life),
        by_words(life.opened or life.closed),
    )


def time_words(event: Event | None) -> str | None:
    """`2026-11-17 08:55`, in UTC."""
    return f"{event.time.astimezone(UTC):%Y-%m-%d %H:%M}" if event else None


def by_words(event: Event | None) -> str:
    """The end of an ARN says who it was."""
    principal = (event.principal if event else None) or ""
    return safe(principal.split(":", 5)[-1] if principal.startswith("arn:") else principal, 60)


def duration_words(standing: timedelta) -> str:
    """`2 d 3 h`, `2 h 25 min`, `36 min`."""
    minutes = int(standing.total_seconds()) // 60
    days, hours = minutes // 1440, minutes // 60
    if days:
        return f"{days} d {hours % 24} h"
    return f"{hours} h {minutes % 60} min" if hours else f"{minutes} min"
