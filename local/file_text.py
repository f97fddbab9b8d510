"""Reads the text of a file piece by piece: gzipped or not, in UTF-8 or UTF-16."""

from __future__ import annotations

import codecs
import io
import json
import re
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

if TYPE_CHECKING:
    from zlib import _Decompress as Decompress

STANDARD_INPUT: Final = "-"

_PIECE: Final = 1 << 17
_GZIP: Final = b"\x1f\x8b"
# How other kinds of file begin that may hold records.
_OTHER_KINDS: Final = {
    b"PK\x03\x04": "is a zip archive: unpack it first",
    b"PK\x05\x06": "is a zip archive that holds nothing",
    _GZIP: "is gzipped twice: unpack it once",
    b"BZh": "is compressed with bzip2: unpack it first",
    b"\xfd7zXZ": "is compressed with xz: unpack it first",
    b"\x28\xb5\x2f\xfd": "is compressed with zstd: unpack it first",
    b"7z\xbc\xaf\x27\x1c": "is a 7-Zip archive: unpack it first",
    b"PAR1": "is a Parquet file: export the records as JSON",
}
_TAR: Final = (b"ustar", 257)
# The encodings that only a byte order mark tells; without one, JSON shows its own by its zeros.
_MARKED: Final = {"utf-16", "utf-32"}
# So many bytes tell what a file is.
_TELLING: Final = 262
# What Python makes of bytes that are not of the encoding.
_STRAY_BYTE: Final = re.compile("[\udc80-\udcff]")


class NotTextError(Exception):
    """The file holds no text at all."""


class DamagedFileError(Exception):
    """The rest of the file cannot be read. The text says what is wrong with it."""


def pieces_of_text(
    path: str, *, on_read: Callable[[int], object], on_stray_byte: Callable[[int], object]
) -> Iterator[str]:
    """The text of a file, or of standard input; nothing of an empty file.

    `on_read` is told of the bytes that were read. Bytes that are not of the encoding become U+FFFD,
    and `on_stray_byte` is told the number of the line. Raises NotTextError and DamagedFileError,
    after all that stands before.
    """
    pieces = _bytes_of(path, on_read)
    start = _start_of(pieces, _TELLING)
    line, reported = 1, 0
    for text in _decoded(start, pieces):
        if not text.isascii() and (stray := _STRAY_BYTE.search(text)):
            if (stray_in := line + text.count("\n", 0, stray.start())) != reported:
                on_stray_byte(stray_in)
                reported = stray_in
            yield _STRAY_BYTE.sub("\ufffd", text)
        else:
            yield text
        line += text.count("\n")


def _decoded(start: bytes, rest: Iterator[bytes]) -> Iterator[str]:
    decoder = _decoder_for(start)
    yield decoder.decode(start)
    for piece in rest:
        yield decoder.decode(piece)
    yield decoder.decode(b"", final=True)


def _start_of(pieces: Iterator[bytes], size: int) -> bytes:
    """As many pieces as make up so many bytes, if there are."""
    start = b""
    while len(start) < size and (piece := next(pieces, b"")):
        start += piece
    return start


def _decoder_for(start: bytes) -> codecs.IncrementalDecoder:
    for mark, kind in _OTHER_KINDS.items():
        if start.startswith(mark):
            raise DamagedFileError(kind)
    if start.startswith(*_TAR):
        raise DamagedFileError("is a tar archive: unpack it first")
    encoding = json.detect_encoding(start)
    # A zero byte in JSON is a damaged character, which takes only its own record along.
    if (
        b"\0" in start[:_TELLING]
        and encoding not in _MARKED
        and not start.decode(encoding, "replace").lstrip().startswith(("{", "["))
    ):
        raise NotTextError
    errors = "surrogateescape" if encoding.startswith("utf-8") else "replace"
    return codecs.getincrementaldecoder(encoding)(errors=errors)


def _bytes_of(path: str, on_read: Callable[[int], object]) -> Iterator[bytes]:
    """The bytes of the file, unpacked if it is gzipped; no empty piece."""
    try:
        if path == STANDARD_INPUT:
            # Whoever writes to a pipe may pause: what has come is read at once.
            stdin = cast("io.BufferedReader", sys.stdin.buffer)
            yield from _unpacked(_read_by(stdin.read1, on_read))
            return
        with Path(path).open("rb", buffering=0) as file:
            yield from _unpacked(_read_by(file.read, on_read))
    except OSError as error:
        raise DamagedFileError(error.strerror or str(error)) from None


def _read_by(read: Callable[[int], bytes], on_read: Callable[[int], object]) -> Iterator[bytes]:
    while piece := read(_PIECE):
        on_read(len(piece))
        yield piece


def _unpacked(pieces: Iterator[bytes]) -> Iterator[bytes]:
    start = _start_of(pieces, len(_GZIP))
    if start.startswith(_GZIP):
        yield from _gunzipped(start, pieces)
    elif start:
        yield start
        yield from pieces


def _gunzipped(packed: bytes, pieces: Iterator[bytes]) -> Iterator[bytes]:
    """What several gzip members hold, one after the other. The end of each is checked."""
    member = zlib.decompressobj(zlib.MAX_WBITS | 16)
    while True:
        before = member.copy()
        try:
            # In bounds, since a piece may unpack to a thousand times its size.
            unpacked = member.decompress(packed, _PIECE)
        except zlib.error as error:
            yield from _before_the_damage(before, packed)
            raise DamagedFileError(f"the gzip file is damaged: {error}") from None
        if unpacked:
            yield unpacked
        packed = member.unconsumed_tail
        if member.eof:
            packed = _next_member(member.unused_data, pieces)
            if not packed:
                return
            member = zlib.decompressobj(zlib.MAX_WBITS | 16)
        elif not packed and not unpacked and not (packed := next(pieces, b"")):
            raise DamagedFileError("the gzip file is cut off: copy it again")


def _before_the_damage(member: Decompress, packed: bytes) -> Iterator[bytes]:
    """What zlib keeps for itself when it finds damage in what it is given at once."""
    with suppress(zlib.error):
        for byte in packed:
            yield member.decompress(bytes((byte,)))


def _next_member(left: bytes, pieces: Iterator[bytes]) -> bytes:
    """What follows a member; nothing at the end, and for the zeros that some tools append."""
    left = left.lstrip(b"\0")
    while len(left) < len(_GZIP) and (more := next(pieces, b"")):
        left = (left + more).lstrip(b"\0")
    if left and not left.startswith(_GZIP):
        raise DamagedFileError("something else follows the gzip data in this file")
    return left
