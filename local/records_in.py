"""Reads CloudTrail records from files, in all the forms that people have them in."""

from __future__ import annotations

import gzip
import json
import sys
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

STANDARD_INPUT = "-"
_FOLDER_PATTERNS = ("*.json", "*.jsonl", "*.json.gz")


class UnreadableFileError(Exception):
    """A path cannot be read as records. The text names it, and says what was expected."""


@dataclass(frozen=True, slots=True)
class Payload:
    """A payload of CloudWatch Logs for Lambda, unchanged, and where it was found."""

    where: str
    awslogs: dict[str, Any]


Record = dict[str, Any]


def paths_in(path: str) -> list[str]:
    """The files that a path names: the path itself, or the files in a folder, in order.

    Raises UnreadableFileError if a folder has no files to read.
    """
    try:
        if path == STANDARD_INPUT or not Path(path).is_dir():
            return [path]
        found = {file for pattern in _FOLDER_PATTERNS for file in Path(path).rglob(pattern)}
        files = sorted(str(file) for file in found if not file.is_dir())
    except OSError as error:
        raise UnreadableFileError(f"{path}: {error.strerror}") from None
    if not files:
        raise UnreadableFileError(
            f"{path}: no {', '.join(_FOLDER_PATTERNS)} in this folder: to read other files, name "
            "them"
        )
    return files


def records_in(path: str) -> Iterator[Record | Payload]:
    """The records of one file, or of standard input. Raises UnreadableFileError."""
    text = _text_of(path)
    # Not splitlines: a JSON string may contain characters that Python takes for line ends.
    lines = [(number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
    try:
        if len(lines) > 1 and _is_json(lines[0][1]):
            yield from _records_in_lines(path, lines)
        else:
            yield from _records_in_text(path, text)
    except RecursionError:
        raise UnreadableFileError(f"{path}: JSON nested too deeply to be read") from None


def _records_in_lines(path: str, lines: list[tuple[int, str]]) -> Iterator[Record | Payload]:
    """The records of all lines that can be read; then UnreadableFileError if others cannot."""
    problems: list[str] = []
    for number, line in lines:
        try:
            yield from _records_in_text(f"{path}, line {number}", line)
        except UnreadableFileError as error:
            problems.append(str(error))
    if problems:
        more = f" (and {len(problems) - 1:,} more lines)" if len(problems) > 1 else ""
        raise UnreadableFileError(f"{problems[0]}{more}; the other lines are replayed")


def _text_of(path: str) -> str:
    try:
        content = sys.stdin.buffer.read() if path == STANDARD_INPUT else Path(path).read_bytes()
        if content.startswith(b"\x1f\x8b"):
            content = gzip.decompress(content)
        return content.decode("utf-8-sig")
    except OSError as error:
        raise UnreadableFileError(f"{path}: {error.strerror or error}") from None
    except EOFError:
        raise UnreadableFileError(f"{path}: the gzip file is cut off: copy it again") from None
    except zlib.error as error:
        raise UnreadableFileError(f"{path}: the gzip file is damaged: {error}") from None
    except UnicodeDecodeError as error:
        raise UnreadableFileError(f"{path}: expected UTF-8 text: {error}") from None


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _records_in_text(where: str, text: str) -> Iterator[Record | Payload]:
    try:
        document = json.loads(text)
    except ValueError as error:
        raise UnreadableFileError(f"{where}: expected JSON: {error}") from None
    yield from _records_in_document(where, document)


def _records_in_document(where: str, document: object) -> Iterator[Record | Payload]:
    """Unwrap records: S3 files, EventBridge events, `aws cloudtrail lookup-events` output."""
    if isinstance(document, list):
        for item in document:
            yield from _records_in_document(where, item)
    elif not isinstance(document, dict):
        raise UnreadableFileError(
            f"{where}: expected a CloudTrail record, found {type(document).__name__}"
        )
    elif isinstance(document.get("Records"), list):
        yield from _records_in_document(where, document["Records"])
    elif "awslogs" in document:
        yield Payload(where, document)
    elif isinstance(document.get("detail"), dict) and "detail-type" in document:
        yield document["detail"]
    elif isinstance(document.get("Events"), list):
        for index, event in enumerate(document["Events"]):
            text = event.get("CloudTrailEvent") if isinstance(event, dict) else None
            if not isinstance(text, str):
                raise UnreadableFileError(
                    f"{where}, Events[{index}]: expected CloudTrailEvent, a record as JSON text"
                )
            yield from _records_in_text(f"{where}, Events[{index}].CloudTrailEvent", text)
    else:
        yield document
