"""Every form in which people have CloudTrail records, and every way in which a file can be bad."""

import errno
import gzip
import io
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import pytest

from local import file_text
from local.awslogs import log_events_in, packed
from local.records_in import File, Payload, Reader, is_record
from tests.local.replay_inputs import (
    BAD,
    BOTH,
    DELIVERY,
    FORMS,
    GZIPPED,
    ONE,
    PAYLOADS,
    TEXT,
    TWO,
    content_of,
    lines,
    pretty,
    record,
    zipped,
)


def written(folder: Path, form: object, name: str = "file.json") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content_of(form))
    return path


def read(*paths: Path | str) -> tuple[list[object], Reader]:
    reader = Reader()
    files = reader.files_in([str(path) for path in paths])
    return [item for _, item in reader.records_in(files)], reader


@pytest.fixture(params=[None, 1, 100], ids=["at-once", "byte-by-byte", "in-pieces"])
def _in_pieces(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """However the pieces fall, the records are the same."""
    if request.param:
        monkeypatch.setattr(file_text, "_PIECE", request.param)


@pytest.mark.usefixtures("_in_pieces")
@pytest.mark.parametrize(("form", "records"), FORMS.values(), ids=FORMS)
def test_every_form(form: object, records: Sequence[object], tmp_path: Path) -> None:
    found, reader = read(written(tmp_path, form))

    assert found == records
    assert reader.problems == []


@pytest.mark.parametrize(("form", "records"), PAYLOADS.values(), ids=PAYLOADS)
def test_a_payload_stays_one(form: object, records: Sequence[object], tmp_path: Path) -> None:
    path = written(tmp_path, form)

    [payload], reader = read(path)

    assert isinstance(payload, Payload)
    assert payload.where.startswith(f"{path}, ")
    assert log_events_in(payload.awslogs) == records
    assert reader.problems == []


def test_payloads_in_lines_are_told_apart(tmp_path: Path) -> None:
    payload = packed(DELIVERY)
    path = written(tmp_path, lines(payload, payload))

    assert read(path)[0] == [Payload(f"{path}, line {it}", payload) for it in (1, 2)]


def test_a_payload_that_cannot_be_decoded_is_left_to_the_function(tmp_path: Path) -> None:
    path = written(tmp_path, {"awslogs": {"data": "H4sI"}})

    assert read(path)[0] == [Payload(f"{path}, line 1", {"awslogs": {"data": "H4sI"}})]


RECORDS: Final[dict[str, tuple[dict[str, object], bool]]] = {
    "whole": (ONE, True),
    "without-an-identity": ({k: v for k, v in ONE.items() if k != "userIdentity"}, True),
    "without-an-id": (ONE | {"eventID": None}, True),
    "without-a-time": (ONE | {"eventTime": None}, True),
    "of-an-odd-time": (ONE | {"eventTime": 5}, True),
    "of-a-vpc-endpoint": (ONE | {"eventCategory": "NetworkActivity"}, True),
    "a-name-and-a-source": ({"eventName": "StopLogging", "eventSource": "ec2…"}, False),
    "a-name-and-an-id": ({"eventName": "StopLogging", "eventID": "1"}, False),
    "a-name-and-a-time": ({"eventName": "StopLogging", "eventTime": "2026"}, False),
    "without-a-name": (ONE | {"eventName": None}, False),
    "of-a-table": (ONE | {"eventSource": "aws:dynamodb"}, False),
    "nothing": ({}, False),
}


@pytest.mark.parametrize(("document", "it_is"), RECORDS.values(), ids=RECORDS)
def test_what_a_record_is(document: dict[str, object], it_is: bool) -> None:
    assert is_record(document) == it_is


@pytest.mark.usefixtures("_in_pieces")
@pytest.mark.parametrize(("form", "records", "problems"), BAD.values(), ids=BAD)
def test_bad_files(
    form: object, records: Sequence[object], problems: list[str], tmp_path: Path
) -> None:
    path = written(tmp_path, form)

    found, reader = read(path)

    assert found == records
    assert len(reader.problems) == len(problems)
    for said, problem in zip(reader.problems, problems, strict=True):
        assert said.startswith(f"{path}{problem}")
        assert "\n" not in said


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    assert read(tmp_path / "gone.json")[1].problems == [
        f"{tmp_path}/gone.json: No such file or directory"
    ]


def test_a_file_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other files are read."""
    secret, other = written(tmp_path, TEXT, "1"), written(tmp_path, TEXT, "2")
    opened = Path.open

    def refused(path: Path, *arguments: Any, **options: Any) -> Any:
        if path == secret:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return opened(path, *arguments, **options)

    monkeypatch.setattr(Path, "open", refused)

    found, reader = read(secret, other)

    assert found == [ONE]
    assert reader.problems == [f"{secret}: Permission denied"]


def test_a_name_that_no_file_system_takes() -> None:
    name = "x" * 5000

    assert read(name)[1].problems == [f"{name}: File name too long"]


@pytest.fixture
def standard_input(monkeypatch: pytest.MonkeyPatch) -> io.BytesIO:
    content = io.BytesIO()
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=content))
    return content


def test_standard_input(standard_input: io.BytesIO) -> None:
    standard_input.write(GZIPPED)
    standard_input.seek(0)

    assert read("-")[0] == BOTH


def test_standard_input_of_nothing(standard_input: io.BytesIO) -> None:
    assert standard_input.getvalue() == b""

    assert read("-")[1].problems == ["standard input: is empty"]


def test_how_much_was_read_is_told(tmp_path: Path) -> None:
    path = written(tmp_path, gzip.compress(os.urandom(300_000).hex().encode()))
    steps: list[int] = []
    reader = Reader(on_read=steps.append)

    list(reader.records_in([File(str(path))]))

    assert len(steps) > 1
    assert sum(steps) == path.stat().st_size


# Folders.


def test_a_folder_is_its_files_by_what_they_hold(tmp_path: Path) -> None:
    taken = {
        "2026/11/000000.gz": gzip.compress(f"2026-11-24T09:01:00.000Z {TEXT}\n".encode()),
        "A.JSON": TEXT,
        "a.json.cloudtrail": TEXT,
        "b.log": TEXT,
        "c.ndjson": TEXT,
        "d": pretty(TEXT),
        "notes-with-a-record.txt": f"Look:\n{TEXT}\n",
    }
    passed_over = {
        "digest.json.gz": gzip.compress(b'{"digestStartTime": "t"}'),
        "Config/ConfigWritabilityCheckFile": "",
    }
    for name, content in (taken | passed_over).items():
        written(tmp_path, content, name)
    others = {
        "README.md": '# Logs\n\n```json\n{"a": 1}\n```\n[link](x)\n',
        "flow-log.gz": gzip.compress(b"2 123456789010 eni-1 ACCEPT OK\n"),
        "image.png": b"\x89PNG\r\n\x1a\n\0\0",
    }
    left_out = [str(written(tmp_path, content, name)) for name, content in others.items()]
    (tmp_path / "nowhere").symlink_to(tmp_path / "gone")

    found, reader = read(tmp_path)

    assert found == [ONE] * len(taken)
    assert sorted(reader.left_out) == sorted([*left_out, f"{tmp_path}/nowhere"])
    assert reader.problems == [
        f"{tmp_path}/notes-with-a-record.txt, line 1: expected JSON, found 'Look:'"
    ]


def test_what_may_be_missed_in_a_folder_is_a_problem(tmp_path: Path) -> None:
    written(tmp_path, TEXT, "0.json")
    written(tmp_path, "", "1.json")
    written(tmp_path, '{"a": 1', "2.json")
    written(tmp_path, {"hello": 1}, "3.json")
    written(tmp_path, zipped(b""), "4.zip")
    written(tmp_path, GZIPPED[:5], "5.json.gz")

    found, reader = read(tmp_path)

    assert found == [ONE]
    assert reader.left_out == []
    assert [it.removeprefix(f"{tmp_path}/").partition(":")[0] for it in reader.problems] == [
        "1.json",
        "2.json, line 1",
        "3.json",
        "4.zip",
        "5.json.gz",
    ]


def test_a_folder_of_something_else(tmp_path: Path) -> None:
    path = written(tmp_path, "hello", "README.md")

    found, reader = read(tmp_path)

    assert found == []
    assert reader.left_out == [str(path)]
    assert reader.problems == [
        f"{tmp_path}: expected CloudTrail records, found files of other kinds only"
    ]


def test_a_folder_without_files(tmp_path: Path) -> None:
    (tmp_path / "2026").mkdir()

    assert read(tmp_path)[1].problems == [f"{tmp_path}: the folder holds no files"]


def test_a_folder_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(path: str) -> Any:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)

    monkeypatch.setattr(os, "scandir", refused)

    assert read(tmp_path)[1].problems == [f"{tmp_path}: Permission denied"]


def test_links_are_followed_but_not_in_circles(tmp_path: Path) -> None:
    elsewhere = written(tmp_path, TEXT, "elsewhere/1.json").parent
    folder = written(tmp_path, json.dumps(TWO), "folder/2.json").parent
    (folder / "more").symlink_to(elsewhere)
    (folder / "itself").symlink_to(folder)
    (elsewhere / "back").symlink_to(folder)

    found, reader = read(folder)

    assert found == [TWO, ONE]
    assert (reader.left_out, reader.problems) == ([], [])


def test_a_pipe_in_a_folder_is_left_out(tmp_path: Path) -> None:
    """Whoever opens it waits for somebody to write."""
    written(tmp_path, TEXT)
    os.mkfifo(tmp_path / "pipe")

    found, reader = read(tmp_path)

    assert found == [ONE]
    assert reader.left_out == [f"{tmp_path}/pipe"]


def test_files_come_in_the_order_of_the_paths_and_in_folders_of_the_names(tmp_path: Path) -> None:
    for number, name in enumerate(("b/1", "b/2/x", "a", "c")):
        written(tmp_path, record(number), name)

    found, _ = read(tmp_path / "c", tmp_path / "b", tmp_path / "a")

    assert [it["eventID"] for it in found if isinstance(it, dict)] == [
        "id-3",
        "id-0",
        "id-1",
        "id-2",
    ]
