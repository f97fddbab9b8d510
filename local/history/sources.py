"""Where records are read from: files on this machine, and what is fetched."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..records_in import File


class SourceError(Exception):
    """What was named cannot be read at all. The text says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Source:
    """A file to read, of so many bytes; with its content if it was fetched."""

    file: File
    size: int
    content: bytes | None = None


def size_of(file: File) -> int:
    """The bytes of a file; none of what has no size, or is not there."""
    try:
        return Path(file.path).stat().st_size
    except OSError:
        return 0
