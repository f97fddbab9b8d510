"""Prints exposures in the form that was asked for, and what there is to say about the reading."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from security_group_alerter.messages.text import plural
from security_group_alerter.model.exposure_life import ExposureLife

from .exposures import json_of
from .page import RECORDS, write_page
from .table import table_of, totals_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What came of a reading.

    `read` counts in words what was read, `broken` is a noun for what could not be; `notes` and
    `problems` are lines about it. `source` says by what the exposures are known.
    """

    read: str
    broken: str
    source: str = RECORDS
    notes: Sequence[str] = ()
    problems: list[str] = field(default_factory=list)
    is_complete: bool = True


def print_exposures(
    lives: Sequence[ExposureLife], reading: Reading, *, as_json: bool, html: Path | None
) -> int:
    """Print exposures, and to standard error a summary. Returns the exit status."""
    if as_json:
        sys.stdout.writelines(f"{json_of(life)}\n" for life in lives)
    elif lives:
        width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
        sys.stdout.writelines(f"{line}\n" for line in table_of(lives, width))
        print(f"\n{totals_of(lives)}")
    sys.stdout.flush()
    problems = list(reading.problems)
    if html is not None:
        try:
            is_partial = bool(problems) or not reading.is_complete
            write_page(html, lives, source=reading.source, is_partial=is_partial)
            say(f"wrote the page {html}")
        except OSError as error:
            problems.append(f"{html}: cannot be written: {error.strerror}")
    still_open = sum(life.closed is None for life in lives)
    print(
        f"{reading.read}, {plural(len(lives), 'exposure')}, {still_open:,} open, "
        f"{plural(len(problems), reading.broken)}",
        file=sys.stderr,
    )
    for line in (*reading.notes, *problems):
        say(line)
    if not reading.is_complete:
        say("interrupted: this is partial, what was found until then")
        return 130
    return 2 if problems else 0


def say(words: str) -> None:
    """Print a line to standard error."""
    print(f"history: {words}", file=sys.stderr)
