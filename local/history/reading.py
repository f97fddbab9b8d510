"""Files become statements, on as many processes as there are cores."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from security_group_alerter.cloudtrail.attachments import groups_attached
from security_group_alerter.cloudtrail.changes import READERS, UnreadableRecordError, change_of
from security_group_alerter.cloudtrail.payload import LogStream
from security_group_alerter.cloudtrail.records import record_of
from security_group_alerter.memory.statements import Statement, statements_of
from security_group_alerter.model.exposure_life import Resource

from ..awslogs import log_events_in
from ..records_in import File, Payload, Reader
from .archive import Selection
from .trail_file import (
    RecordSearch,
    UnusualFileError,
    content_of,
    keep_freed_memory,
    number_of_records,
)

# Only these say what is open. What is done to a trail is no exposure, nor what carries a group.
NAMES: Final = frozenset(
    name
    for name, reader in READERS.items()
    if reader.service == "ec2" and reader.read is not groups_attached
)
# So many bytes go to a process at once: enough that handing them over costs nothing.
_BYTES_TOGETHER: Final = 4 * 1024 * 1024


@dataclass(slots=True)
class Found:
    """What files hold: statements by resource, and what there is to say about the files.

    `bytes` are those of the files as they are stored. `ours` are the records of calls that say
    what is open, `unreadable` those among them of no known form. `unusual` are the files that the
    search does not read.
    """

    statements: dict[Resource, set[Statement]] = field(default_factory=dict)
    files: int = 0
    bytes: int = 0
    records: int = 0
    ours: int = 0
    unreadable: int = 0
    problems: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    unusual: list[File] = field(default_factory=list)
    is_complete: bool = True

    def add(self, other: Found) -> None:
        """Take what was found elsewhere, too."""
        for resource, statements in other.statements.items():
            self.statements.setdefault(resource, set()).update(statements)
        self.files += other.files
        self.bytes += other.bytes
        self.records += other.records
        self.ours += other.ours
        self.unreadable += other.unreadable
        self.problems += other.problems
        self.left_out += other.left_out
        self.unusual += other.unusual


def read(
    files: Iterable[File], selection: Selection, *, workers: int, on_read: Callable[[int], object]
) -> Found:
    """Read all files. `on_read` is called with the number of bytes whenever some were read.

    An interruption ends the reading, and what was found until then is returned as not complete.
    """
    found = Found()
    files = list(files)
    chunks = list(_chunks_of(files))
    try:
        for part in _parts(chunks, selection, min(workers, len(chunks))):
            found.add(part)
            on_read(part.bytes)
        unusual = {file.path for file in found.unusual}
        usual = {file.folder for file in files if file.path not in unusual}
        _read_unusual(found, selection, usual, on_read)
    except KeyboardInterrupt:
        found.is_complete = False
    return found


def _parts(chunks: list[list[File]], selection: Selection, workers: int) -> Iterator[Found]:
    if workers <= 1:
        keep_freed_memory()
        yield from (_read_chunk([file], selection) for chunk in chunks for file in chunk)
        return
    with ProcessPoolExecutor(workers, initializer=_begin) as pool:
        try:
            yield from pool.map(_read_chunk, chunks, [selection] * len(chunks))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _begin() -> None:
    keep_freed_memory()
    # An interruption reaches every process of the terminal: the one that began decides.
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _chunks_of(files: Iterable[File]) -> Iterator[list[File]]:
    chunk: list[File] = []
    size = 0
    for file in files:
        chunk.append(file)
        size += size_of(file)
        if size >= _BYTES_TOGETHER:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def size_of(file: File) -> int:
    """The bytes of a file; none of what has no size, or is not there."""
    try:
        return Path(file.path).stat().st_size
    except OSError:
        return 0


def _read_chunk(files: list[File], selection: Selection) -> Found:
    found = Found()
    search = RecordSearch(NAMES)
    for file in files:
        found.files += 1
        try:
            data = content_of(file.path)
            number = number_of_records(data)
            records = list(search.records_in(data, number))
        except (UnusualFileError, OSError):
            found.unusual.append(file)
            continue
        found.bytes += size_of(file)
        found.records += number
        for record in records:
            _take(record, selection, found)
    return found


def _read_unusual(
    found: Found,
    selection: Selection,
    folders: Iterable[str | None],
    on_read: Callable[[int], object],
) -> None:
    """By the reader that knows all forms, and says what is wrong with a file."""

    def count(size: int) -> None:
        found.bytes += size
        on_read(size)

    reader = Reader(found.problems, found.left_out, count)
    for _, item in reader.records_in(found.unusual, ours=folders):
        for record in log_events_in(item.awslogs) if isinstance(item, Payload) else [item]:
            found.records += 1
            if isinstance(record, dict):
                _take(record, selection, found)


def _take(document: dict[str, Any], selection: Selection, found: Found) -> None:
    if document.get("eventName") not in NAMES:
        return
    record = record_of(document, LogStream())
    if not selection.takes(record.account_id, record.region):
        return
    try:
        change = change_of(record)
    except UnreadableRecordError:
        found.ours += 1
        found.unreadable += 1
        return
    said = None if change is None else statements_of(record, change)
    found.ours += change is not None
    if said is not None:
        resource, statements = said
        found.statements.setdefault(resource, set()).update(statements)
