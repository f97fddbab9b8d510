"""Reads only the records of some calls out of a trail's file, as fast as it unpacks.

A search for the names of the calls decides what is parsed. It relies on how CloudTrail writes its
files: on one line, `{"Records":[…]}`, each record beginning with `eventVersion`, and names without
escapes. A file of another form is left to the reader that knows all of them.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

_zlib: Any = zlib
with suppress(ImportError):
    # Twice as fast as zlib.
    from isal import isal_zlib as _zlib

# CloudTrail's files are far smaller. What is larger is read piece by piece.
LARGEST: Final = 48 * 1024 * 1024
# More than this, glibc always returns.
_LARGEST_KEPT: Final = 31 * 1024 * 1024
_GZIP: Final = b"\x1f\x8b"
_BEGIN, _END = b'{"Records":[', b"]}"
_RECORD: Final = b'{"eventVersion"'
_NEXT: Final = b"}," + _RECORD


def keep_freed_memory() -> None:
    """Let this process reuse memory from file to file.

    glibc returns blocks to the system that are larger than any that was freed before. To get the
    memory again for each file costs as much time as to unpack it.
    https://man7.org/linux/man-pages/man3/mallopt.3.html (M_MMAP_THRESHOLD)
    """
    block = bytes(_LARGEST_KEPT)
    del block


class UnusualFileError(Exception):
    """The file does not have the form that CloudTrail writes, or is damaged."""


class RecordSearch:
    """Finds the records of calls with these names."""

    def __init__(self, names: Iterable[str]) -> None:
        either = "|".join(map(re.escape, sorted(names)))
        self._hit = re.compile(rf'"eventName"\s*:\s*"(?:{either})"'.encode())

    def records_in(self, data: bytes, number: int) -> Iterator[dict[str, Any]]:
        """The records in the content of a file, of so many in all. Raises UnusualFileError."""
        position = 0
        for hit in self._hit.finditer(data):
            if hit.start() < position:
                continue
            # A record that does not follow another one, nor begins the file, lies within one.
            if not position and number != data.count(_NEXT) + data.startswith(_BEGIN + _RECORD):
                raise UnusualFileError
            start = data.rfind(_RECORD, position, hit.start())
            following = data.find(_NEXT, hit.end())
            position = following + 1 if following >= 0 else len(data) - len(_END)
            try:
                record = json.loads(data[start:position]) if start >= 0 else None
            except (ValueError, RecursionError):
                record = None
            if not isinstance(record, dict):
                raise UnusualFileError
            yield record


def content_of(path: str) -> bytes:
    """The content of a file. Raises UnusualFileError, or OSError."""
    if not Path(path).is_file():
        # What a pipe gives can be read only once.
        raise UnusualFileError
    return unpacked(Path(path).read_bytes())


def unpacked(packed: bytes) -> bytes:
    """The content of a file that has these bytes. Raises UnusualFileError."""
    data = (_inflated(packed) if packed.startswith(_GZIP) else packed).strip()
    if len(data) > LARGEST or not (data.startswith(_BEGIN) and data.endswith(_END)):
        raise UnusualFileError
    return data


def number_of_records(data: bytes) -> int:
    """How many records are in the content of a file."""
    return data.count(_RECORD)


def _inflated(packed: bytes) -> bytes:
    member = _zlib.decompressobj(zlib.MAX_WBITS | 16)
    try:
        data: bytes = member.decompress(packed, LARGEST + 1)
    except _zlib.error:
        raise UnusualFileError from None
    # Cut off, larger than is read at once, or with another member behind it.
    if not member.eof or member.unused_data:
        raise UnusualFileError
    return data
