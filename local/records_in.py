"""Reads CloudTrail records from files and folders, in all the forms that people have them in."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from .awslogs import packed
from .file_text import STANDARD_INPUT, DamagedFileError, NotTextError, pieces_of_text
from .json_stream import JsonStream

# So many of a kind are named; the others are counted.
MOST_NAMED: Final = 10
EXPECTED_OF_A_RECORD: Final = "expected eventName with eventTime, and eventID or userIdentity"
_TOO_DEEP: Final = "JSON nested too deeply to be read"

# The key of a document that local/scenarios plays.
SCENARIO: Final = "scenario"
# Objects that hold records in a list -> what else stands in them when the list is empty. They are
# log files, Lambda's events, and what these print: lookup-events; filter-log-events and
# get-log-events; receive-message; get-query-results.
_LISTS: Final[Mapping[str, frozenset[str]]] = {
    "Records": frozenset(),
    "Events": frozenset({"NextToken"}),
    "events": frozenset(
        {"searchedLogStreams", "nextToken", "nextForwardToken", "nextBackwardToken"}
    ),
    "Messages": frozenset(),
    "logEvents": frozenset({"owner", "logGroup", "logStream", "subscriptionFilters"}),
    "results": frozenset({"statistics", "status", "encryptionKey", "queryLanguage"}),
}
# Objects that hold one thing, in an object or as JSON text: an event of lookup-events; a row of
# Logs Insights; a log event; what Amazon SNS and Amazon SQS send, as Lambda gets it too; what
# Lambda keeps of a failed invocation.
_WRAPPERS: Final = (
    "CloudTrailEvent",
    "@message",
    "message",
    "Sns",
    "Message",
    "Body",
    "body",
    "requestPayload",
)
# Keys that only objects without records have which belong into a trail's bucket.
_KEYS_BESIDE_RECORDS: Final = (
    "digestStartTime",
    "insightDetails",
    "s3ObjectKey",
    "configurationItem",
    "configurationItems",
    "configSnapshotId",
)
# AWS Config writes an empty file to test its permissions: only the name tells.
_EMPTY_ON_PURPOSE: Final = "ConfigWritabilityCheckFile"

Record = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Payload:
    """A payload of CloudWatch Logs for Lambda, and where it was found."""

    where: str
    awslogs: dict[str, Any]


@dataclass(frozen=True, slots=True)
class File:
    """A file to read; and the folder that was named, if it was found in one.

    `copy` is where to open what is not on this machine.
    """

    path: str
    folder: str | None = None
    copy: str | None = None

    @property
    def name(self) -> str:
        """What people know it by."""
        return "standard input" if self.path == STANDARD_INPUT else self.path


@dataclass(slots=True)
class Reader:
    """Reads files, and keeps what there is to say about them.

    `problems` are what could not be read, a line each; `left_out` the files of folders that hold
    something else. `on_read` is called with the number of bytes whenever some were read.
    `on_scenario` is called with each scenario and its place; without it, a scenario is no record.
    """

    problems: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    on_read: Callable[[int], object] = id
    on_scenario: Callable[[dict[str, Any], str], object] | None = None

    def files_in(self, paths: Iterable[str]) -> list[File]:
        """The files that the paths name, in order: the path itself, or all that a folder holds."""
        files: list[File] = []
        for path in paths:
            if _is_folder(path):
                files += self._files_in_folder(path)
            else:
                files.append(File(path))
        return files

    def _files_in_folder(self, folder: str) -> list[File]:
        def report(error: OSError) -> None:
            self.problems.append(f"{error.filename}: {error.strerror}")

        before = len(self.problems)
        walk = _without_loops(os.walk(folder, onerror=report, followlinks=True))
        found = sorted(str(Path(parent, name)) for parent, _, names in walk for name in names)
        # Whoever opens a pipe waits for somebody to write. And a link may lead nowhere.
        files = [File(path, folder) for path in found if Path(path).is_file()]
        self.left_out += sorted({*found} - {file.path for file in files})
        if not found and len(self.problems) == before:
            self.problems.append(f"{folder}: the folder holds no files")
        return files

    def records_in(
        self, files: Iterable[File], *, ours: Iterable[str | None] = ()
    ) -> Iterator[tuple[File, Record | Payload]]:
        """The records of all files, each with its file. `ours` are folders that hold others."""
        is_ours_by_folder = dict.fromkeys(ours, True)
        for file in files:
            content = _Content(file, self.on_scenario)
            for item in content.records(self.on_read):
                yield file, item
            is_ours = file.folder is None or not content.is_of_something_else()
            is_ours_by_folder[file.folder] = is_ours_by_folder.get(file.folder, False) or is_ours
            if is_ours:
                self.problems += content.problems()
            else:
                self.left_out.append(file.path)
        self.problems += (
            f"{folder}: expected CloudTrail records, found files of other kinds only"
            for folder, is_ours in is_ours_by_folder.items()
            if not is_ours
        )


def _without_loops(
    walk: Iterator[tuple[str, list[str], list[str]]],
) -> Iterator[tuple[str, list[str], list[str]]]:
    """A walk that follows links, and enters each folder once."""
    entered: set[Path] = set()
    for parent, folders, names in walk:
        folder = Path(parent).resolve()
        if folder in entered:
            folders.clear()
        else:
            entered.add(folder)
            yield parent, folders, names


def _is_folder(path: str) -> bool:
    try:
        return path != STANDARD_INPUT and Path(path).is_dir()
    except OSError:
        return False


class _Content:
    """What is in a file: its records, and what else there is."""

    def __init__(
        self, file: File, on_scenario: Callable[[dict[str, Any], str], object] | None
    ) -> None:
        self._file = file
        self._on_scenario = on_scenario
        self._is_text = True
        self._is_blank = True
        # It is JSON, or something of CloudTrail's is in it, or something around that.
        self._is_ours = False
        self._damage: str | None = None
        self._unreadable = _Few()
        self._other_documents = _Few()

    def records(self, on_read: Callable[[int], object]) -> Iterator[Record | Payload]:
        """The records in order. What else is there is kept for `problems`."""
        stream = JsonStream(self._pieces(on_read), is_known=is_known, report=self._report)
        is_silent = True
        for value in stream.values():
            is_silent = False
            if isinstance(value, dict) and is_record(value):
                self._is_ours = True
                yield value
            else:
                self._is_ours = self._is_ours or is_known(value)
                try:
                    for item in self._unwrapped(value, stream.place):
                        self._is_ours = True
                        yield item
                except RecursionError:
                    self._report(stream.place, _TOO_DEEP)
        self._is_blank = not stream.has_text
        if is_silent and not (stream.begins_as_json or self._is_blank or self._unreadable.count):
            self._report("line 1", "expected JSON, found brackets and commas only")
        self._is_ours = self._is_ours or stream.begins_as_json

    def is_of_something_else(self) -> bool:
        """Whether neither its records nor their absence would be missed."""
        is_empty = self._is_blank and self._is_text
        return not (self._is_ours or is_empty or self._damage)

    def problems(self) -> list[str]:
        """What could not be read, a line each."""
        name, others = self._file.name, self._other_documents
        if not self._is_text:
            return [f"{name}: expected JSON, found something that is not text"]
        found = [f"{name}, {it}" for it in self._unreadable.named]
        if more := self._unreadable.count - len(found):
            found.append(f"{name}: {more:,} more like {'this' if more == 1 else 'these'}")
        if others.count:
            are = (
                "document is not a CloudTrail record"
                if others.count == 1
                else ("documents are not CloudTrail records")
            )
            found.append(f"{name}: {others.count:,} {are}: {EXPECTED_OF_A_RECORD} ({others})")
        if self._damage:
            found.append(f"{name}: {self._damage}")
        elif self._is_blank and not found and Path(self._file.path).name != _EMPTY_ON_PURPOSE:
            found.append(f"{name}: is empty")
        return found

    def _pieces(self, on_read: Callable[[int], object]) -> Iterator[str]:
        try:
            yield from pieces_of_text(
                self._file.copy or self._file.path,
                on_read=on_read,
                on_stray_byte=self._report_stray_byte,
            )
        except NotTextError:
            self._is_text = False
        except DamagedFileError as error:
            self._damage = str(error)

    def _report_stray_byte(self, line: int) -> None:
        self._report(f"line {line}", "expected UTF-8 text; other bytes are read as \ufffd")

    def _report(self, place: str, what: str) -> None:
        # Where the rest of the file is missing, that the JSON ends too early is said already.
        if self._damage is None:
            self._unreadable.add(f"{place}: {what}")

    def _unwrapped(self, value: object, place: str) -> Iterator[Record | Payload]:
        """The records in whatever is around them, as deep as it goes."""
        if isinstance(value, str) and _is_json(value):
            try:
                inner = json.loads(value)
            except ValueError as error:
                self._report(place, f"expected JSON: {error}")
            else:
                yield from self._unwrapped(inner, place)
        elif isinstance(value, list) and (row := _row_of(value)):
            yield from self._in_object(row, place)
        elif isinstance(value, list):
            for number, member in enumerate(value):
                yield from self._unwrapped(member, f"{place}[{number}]")
        elif isinstance(value, dict):
            yield from self._in_object(value, place)
        else:
            self._other_documents.add(place)

    def _in_object(self, value: dict[str, Any], place: str) -> Iterator[Record | Payload]:
        if is_record(value):
            yield value
        elif self._on_scenario and SCENARIO in value:
            self._is_ours = True
            self._on_scenario(value, f"{self._file.name}, {place}")
        elif "awslogs" in value:
            yield Payload(f"{self._file.name}, {place}", value)
        elif _is_delivery(value):
            yield Payload(f"{self._file.name}, {place}", packed(value))
        elif is_passed_over(value):
            return
        elif (inside := _inside(value)) is not None:
            for key, member in inside:
                yield from self._unwrapped(member, f"{place}, {key}")
        elif missing := _missing_in(value):
            self._report(place, f"expected {missing}")
        else:
            self._other_documents.add(place)


class _Few:
    """The first few of what may be many, and how many there are."""

    def __init__(self) -> None:
        self.named: list[str] = []
        self.count = 0

    def add(self, words: str) -> None:
        self.count += 1
        if len(self.named) < MOST_NAMED:
            self.named.append(words)

    def __str__(self) -> str:
        more = self.count - len(self.named)
        return ", ".join(self.named) + (f" and {more:,} more" if more else "")


def is_record(document: Mapping[str, Any]) -> bool:
    """Whether this is a CloudTrail record, even one of which a part is missing.

    It has the name of a call, and two of its time, its id and who made it: a list of calls with
    their names is no trail. Events of other services come from sources such as `aws:s3`.
    """
    name, source = document.get("eventName"), document.get("eventSource")
    return (
        isinstance(name, str)
        and [document.get(key) for key in ("eventTime", "eventID", "userIdentity")].count(None) < 2
        and not (isinstance(source, str) and source.startswith("aws:"))
        and document.get("eventCategory") != "Insight"
    )


def is_passed_over(document: Mapping[str, Any]) -> bool:
    """Whether this belongs into a trail's bucket beside the records, and holds none.

    Digests, Insights events, notifications of Amazon S3 and of CloudTrail, and AWS Config's files.
    """
    return (
        any(key in document for key in _KEYS_BESIDE_RECORDS)
        or document.get("eventCategory") == "Insight"
        or document.get("eventType") == "AwsCloudTrailInsight"
        or document.get("eventSource") == "aws:s3"
        or document.get("source") == "aws.s3"
        or document.get("Event") == "s3:TestEvent"
    )


def is_known(value: object) -> bool:
    """Whether this holds records, or is passed over."""
    return isinstance(value, dict) and (
        is_record(value)
        or "awslogs" in value
        or _is_delivery(value)
        or is_passed_over(value)
        or _inside(value) is not None
        or _missing_in(value) is not None
    )


def _is_delivery(document: Mapping[str, Any]) -> bool:
    """Whether this is what a payload decodes to."""
    return document.get("messageType") in {"DATA_MESSAGE", "CONTROL_MESSAGE"} and isinstance(
        document.get("logEvents"), list
    )


def _inside(document: Mapping[str, Any]) -> list[tuple[str, object]] | None:
    """What is in an envelope, each with its place; None if this is not one."""
    for key, beside in _LISTS.items():
        members = document.get(key)
        if isinstance(members, list) and (members or _is_empty_list_of_ours(document, key, beside)):
            return [(f"{key}[{number}]", member) for number, member in enumerate(members)]
    if "detail-type" in document and "detail" in document:
        return [("detail", document["detail"])]
    for key in _WRAPPERS:
        if isinstance(inner := document.get(key), dict) or _is_json(inner):
            return [(key, inner)]
    return None


def _is_empty_list_of_ours(document: Mapping[str, Any], key: str, beside: frozenset[str]) -> bool:
    # Many things print "results", and a query that still runs has none yet.
    is_final = key != "results" or document.get("status") == "Complete"
    return is_final and document.keys() - {key} <= beside


def _row_of(cells: list[Any]) -> dict[str, Any] | None:
    """A row as Logs Insights prints it, `[{"field": …, "value": …}]`, as an object."""
    if not all(isinstance(cell, dict) and cell.keys() == {"field", "value"} for cell in cells):
        return None
    return {str(cell["field"]): cell["value"] for cell in cells}


def _missing_in(document: Mapping[str, Any]) -> str | None:
    """What had to be asked for, or is lost: the record is not in it."""
    if "EventId" in document:
        return "CloudTrailEvent, a record as JSON text"
    if document.get("results") == [] and "status" in document:
        return f"the results of a query that is Complete, found {str(document['status'])[:40]!r}"
    return "the field @message in the query" if "@ptr" in document else None


def _is_json(value: object) -> bool:
    return isinstance(value, str) and value.lstrip()[:1] in {"{", "[", '"'}
