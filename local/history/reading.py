"""Files become statements, on as many processes as there are cores."""

from __future__ import annotations

import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, field
from itertools import chain
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any, Final

from security_group_alerter.cloudtrail.attachments import groups_attached
from security_group_alerter.cloudtrail.changes import READERS, UnreadableRecordError, change_of
from security_group_alerter.cloudtrail.payload import LogStream
from security_group_alerter.cloudtrail.records import record_of
from security_group_alerter.memory.statements import Statement, statements_of
from security_group_alerter.model.exposure_life import Resource

from ..awslogs import log_events_in
from ..records_in import File, Payload, Reader
from .archive import Selection
from .sources import Source, size_of
from .trail_file import (
    RecordSearch,
    UnusualFileError,
    content_of,
    keep_freed_memory,
    number_of_records,
    unpacked,
)

if TYPE_CHECKING:
    from .downloads import Downloads

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
    search does not read, `usual_in` the folders of all others.
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
    usual_in: set[str | None] = field(default_factory=set)
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
        self.usual_in |= other.usual_in


def read(
    files: Iterable[File],
    selection: Selection,
    *,
    workers: int,
    on_read: Callable[[int], object],
    downloads: Downloads | None = None,
) -> Found:
    """Read all files, and what is to be downloaded.

    `on_read` is called with the number of bytes whenever some were read. An interruption ends the
    reading, and what was found until then is returned as not complete.
    """
    found = Found()
    local = [Source(file, size_of(file)) for file in files]
    size = sum(it.size for it in local) + (downloads.size if downloads else 0)
    sources = chain(local, downloads.sources() if downloads else ())
    workers = min(workers, -(-size // _BYTES_TOGETHER))
    try:
        for part in _parts(sources, selection, workers, has_threads=downloads is not None):
            found.add(part)
            on_read(part.bytes)
        _read_unusual(found, selection, downloads, on_read)
    except KeyboardInterrupt:
        found.is_complete = False
    if downloads:
        found.problems += downloads.problems
    return found


def _parts(
    sources: Iterable[Source], selection: Selection, workers: int, *, has_threads: bool
) -> Iterator[Found]:
    if workers <= 1:
        keep_freed_memory()
        yield from (_read_chunk([source], selection) for source in sources)
        return
    # A process that is forked while threads run may wait for ever for what one of them held.
    context = get_context("spawn") if has_threads else None
    with ProcessPoolExecutor(workers, context, _begin) as pool:
        waiting: deque[Future[Found]] = deque()
        try:
            # What was downloaded takes memory until it is read; a path takes none.
            ahead = workers if has_threads else 4 * workers
            for chunk in _chunks_of(sources):
                waiting.append(pool.submit(_read_chunk, chunk, selection))
                if len(waiting) > ahead:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _begin() -> None:
    keep_freed_memory()
    # An interruption reaches every process of the terminal: the one that began decides.
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _chunks_of(sources: Iterable[Source]) -> Iterator[list[Source]]:
    chunk: list[Source] = []
    size = 0
    for source in sources:
        chunk.append(source)
        size += source.size
        if size >= _BYTES_TOGETHER:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def _read_chunk(sources: list[Source], selection: Selection) -> Found:
    found = Found()
    search = RecordSearch(NAMES)
    for source in sources:
        file, content = source.file, source.content
        found.files += 1
        try:
            data = content_of(file.path) if content is None else unpacked(content)
            number = number_of_records(data)
            records = list(search.records_in(data, number))
        except (UnusualFileError, OSError):
            found.unusual.append(file)
            continue
        found.usual_in.add(file.folder)
        found.bytes += source.size
        found.records += number
        for record in records:
            _take(record, selection, found)
    return found


def _read_unusual(
    found: Found,
    selection: Selection,
    downloads: Downloads | None,
    on_read: Callable[[int], object],
) -> None:
    """By the reader that knows all forms, and says what is wrong with a file."""

    def count(size: int) -> None:
        found.bytes += size
        on_read(size)

    reader = Reader(found.problems, found.left_out, count)
    files = downloads.copied(found.unusual) if downloads else found.unusual
    for _, item in reader.records_in(files, ours=found.usual_in):
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
