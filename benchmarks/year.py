"""A year of an organization, made and read month by month: the disk holds one month at a time.

What is carried from month to month is what the records say of each group. The reader is a process
of its own; this one writes a month, waits until it was read, and deletes it.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from multiprocessing import Pipe, Process
from multiprocessing.connection import Connection
from pathlib import Path
from resource import RUSAGE_CHILDREN, RUSAGE_SELF, getrusage
from time import perf_counter
from typing import Any, Final

from local.history.archive import Selection
from local.history.exposures import exposures_of
from local.history.reading import Found, read
from local.history.sample import Organization
from local.records_in import Reader

from .progress import say
from .trail_files import TrailFiles

# One opening in so many is to the world. The others are to private addresses.
_TO_THE_WORLD: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Year:
    """About five changes of groups an account and day, each in the file of its hour."""

    accounts: int = 50
    days: int = 365
    lives: int = 45_000
    gigabytes: float = 20

    def months(self, folder: Path) -> Iterator[tuple[Path, int]]:
        """Write a month; yields its folder, and how large it is unpacked."""
        trail, files = TrailFiles(), self._files()
        size = 1e9 * self.gigabytes / len(files)
        for month, paths in groupby(sorted(files, key=_month_of), _month_of):
            written = 0
            for path in paths:
                within = folder / month / path
                within.parent.mkdir(parents=True, exist_ok=True)
                written += trail.write(within, size, files[path])
            yield folder / month, written

    def _files(self) -> dict[Path, list[str]]:
        organization = Organization(
            accounts=self.accounts,
            start=datetime(2026, 1, 1, tzinfo=UTC),
            days=self.days,
            lives=self.lives,
        )
        files: dict[Path, list[str]] = {}
        for path, record in organization.records():
            text = json.dumps(record, separators=(",", ":"))
            # The last digits of an event's id are twice the number of its life, or one more.
            if int(record["eventID"][-12:], 16) // 2 % _TO_THE_WORLD:
                text = text.replace('"0.0.0.0/0"', '"10.20.0.0/16"')
            files.setdefault(path, []).append(text)
        return files


def _month_of(path: Path) -> str:
    year, month = path.parts[-4:-2]
    return f"{year}-{month}"


def read_in_pieces(folders: Iterable[str], workers: int) -> Found:
    """What all folders say, one after the other; each is read before the next is asked for."""
    found = Found()
    for folder in folders:
        reader = Reader()
        files = reader.files_in([folder])
        found.add(read(files, Selection(), workers=workers, on_read=id))
        found.problems += reader.problems
    return found


def measured_year(year: Year) -> dict[str, Any]:
    """What it takes to read it with a process for each core."""
    ours, theirs = Pipe()
    # Started before there is a month, so that its memory is its own.
    reader = Process(target=_reader, args=(theirs,))
    reader.start()
    theirs.close()
    size = 0
    with tempfile.TemporaryDirectory() as folder:
        for month, written in year.months(Path(folder)):
            say(f"reading {month.name} …")
            ours.send(str(month))
            ours.recv()
            shutil.rmtree(month)
            size += written
    ours.send(None)
    results: dict[str, Any] = ours.recv()
    reader.join()
    return {"accounts": year.accounts, "gb": size / 1e9, **results}


def _reader(pipe: Connection) -> None:
    """Read each folder that is sent, and answer; send what it took."""
    seconds = 0.0

    def folders() -> Iterator[str]:
        nonlocal seconds
        while folder := pipe.recv():
            began = perf_counter()
            yield folder
            seconds += perf_counter() - began
            pipe.send(True)

    found = read_in_pieces(folders(), os.cpu_count() or 1)
    began = perf_counter()
    lives = exposures_of(found.statements)
    seconds += perf_counter() - began
    if found.problems:
        raise SystemExit("\n".join(found.problems))
    usages = [getrusage(who) for who in (RUSAGE_SELF, RUSAGE_CHILDREN)]
    pipe.send(
        {
            "files": found.files,
            "records": found.records,
            "ours": found.ours,
            "exposures": len(lives),
            "s": seconds,
            "processor_s": sum(it.ru_utime + it.ru_stime for it in usages),
            "mb": max(it.ru_maxrss for it in usages) / 1024,
        }
    )
