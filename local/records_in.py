"""Reads CloudTrail records from files, in every form in which people have them."""

from __future__ import annotations

import gzip
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

STANDARD_INPUT = "-"
_FOLDER_PATTERNS = ("*.json", "*.jsonl", "*.json.gz")


class UnreadableFileError(Exception):
    """A path cannot be read as records. The text names it, says why and what was expected."""


@dataclass(frozen=True, slots=True)
class Payload:
    """What CloudWatch Logs hands to Lambda, kept as it was."""

    awslogs: dict[str, Any]


Record = dict[str, Any]


def paths_in(path: str) -> list[str]:
    """The files that a path stands for: itself, or what a folder holds, in order.

    Raises UnreadableFileError when there is nothing of that name.
    """
    if path == STANDARD_INPUT or not Path(path).is_dir():
        return [path]
    found = {file for pattern in _FOLDER_PATTERNS for file in Path(path).rglob(pattern)}
    if not found:
        raise UnreadableFileError(f"{path}: no {', '.join(_FOLDER_PATTERNS)} in this folder")
    return [str(file) for file in sorted(found)]


def records_in(path: str) -> Iterator[Record | Payload]:
    """The records of one file, or of standard input. Raises UnreadableFileError."""
    text = _text_of(path)
    try:
        document = json.loads(text)
    except RecursionError:
        raise UnreadableFileError(f"{path}: JSON nested too deeply to be read") from None
    except ValueError as error:
        if "\n" not in text.strip():
            raise UnreadableFileError(f"{path}: expected JSON: {error}") from None
        yield from _records_in_lines(path, text)
        return
    yield from _records_in_document(path, document)


def _text_of(path: str) -> str:
    try:
        content = sys.stdin.buffer.read() if path == STANDARD_INPUT else Path(path).read_bytes()
        if content.startswith(b"\x1f\x8b"):
            content = gzip.decompress(content)
        return content.decode("utf-8-sig")
    except OSError as error:
        raise UnreadableFileError(f"{path}: {error.strerror or error}") from None
    except EOFError:
        raise UnreadableFileError(f"{path}: the gzip file is cut off") from None
    except UnicodeDecodeError as error:
        raise UnreadableFileError(f"{path}: expected UTF-8 text: {error}") from None


def _records_in_lines(path: str, text: str) -> Iterator[Record | Payload]:
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        where = f"{path}, line {number}"
        try:
            document = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise UnreadableFileError(f"{where}: expected JSON on each line: {error}") from None
        yield from _records_in_document(where, document)


def _records_in_document(where: str, document: object) -> Iterator[Record | Payload]:
    """Whatever wraps records, taken off: S3 files, EventBridge, `aws cloudtrail lookup-events`."""
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
        yield Payload(document)
    elif isinstance(document.get("detail"), dict) and "detail-type" in document:
        yield document["detail"]
    elif isinstance(document.get("Events"), list):
        events = document["Events"]
        yield from (json.loads(event["CloudTrailEvent"]) for event in events)
    else:
        yield document
