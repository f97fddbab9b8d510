"""Every form in which people have CloudTrail records, and every way in which a file can be bad."""

import base64
import gzip
import io
import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import pytest

from local.records_in import Payload, UnreadableFileError, paths_in, records_in

ONE: Final = {"eventID": "1", "eventName": "CreateSecurityGroup"}
TWO: Final = {"eventID": "2", "eventName": "DeleteSecurityGroup"}
AWSLOGS: Final = {"awslogs": {"data": "H4sI"}}

Read = list[dict[str, Any] | Payload]


def read(path: Path) -> Read:
    return list(records_in(str(path)))


def written(folder: Path, content: str | bytes, name: str = "file.json") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def lines(*documents: object) -> str:
    return "".join(f"{json.dumps(document)}\n" for document in documents)


FORMS: Final[dict[str, tuple[str | bytes, list[object]]]] = {
    "one-record": (json.dumps(ONE), [ONE]),
    "one-record-written-for-people": (json.dumps(ONE, indent=2), [ONE]),
    "file-of-an-s3-trail": (json.dumps({"Records": [ONE, TWO]}), [ONE, TWO]),
    "file-of-an-s3-trail-gzipped": (
        gzip.compress(json.dumps({"Records": [ONE, TWO]}).encode()),
        [ONE, TWO],
    ),
    "file-of-an-s3-trail-without-records": (json.dumps({"Records": []}), []),
    "list": (json.dumps([ONE, TWO]), [ONE, TWO]),
    "json-lines": (lines(ONE, TWO), [ONE, TWO]),
    "json-lines-with-windows-ends": (lines(ONE, TWO).replace("\n", "\r\n"), [ONE, TWO]),
    "json-lines-with-empty-lines": (f"\n{lines(ONE)}\n \n{lines(TWO)}\n", [ONE, TWO]),
    "json-lines-of-every-form": (
        lines({"Records": [ONE]}, {"detail-type": "", "detail": TWO}),
        [ONE, TWO],
    ),
    "json-lines-gzipped": (gzip.compress(lines(ONE, TWO).encode()), [ONE, TWO]),
    "json-lines-with-ends-of-lines-in-a-text": (
        '{"eventID": "\u2028"}\n{"eventID": "\x85"}\n{"eventID": "\u2029"}\n',
        [{"eventID": "\u2028"}, {"eventID": "\x85"}, {"eventID": "\u2029"}],
    ),
    "byte-order-mark": (b"\xef\xbb\xbf" + json.dumps(ONE).encode(), [ONE]),
    "eventbridge": (
        json.dumps({"version": "0", "detail-type": "AWS API Call via CloudTrail", "detail": ONE}),
        [ONE],
    ),
    "a-record-that-has-a-detail": (json.dumps(ONE | {"detail": TWO}), [ONE | {"detail": TWO}]),
    "lookup-events-of-the-cli": (
        json.dumps(
            {"Events": [{"EventId": "1", "CloudTrailEvent": json.dumps(it)} for it in (ONE, TWO)]}
        ),
        [ONE, TWO],
    ),
}


@pytest.mark.parametrize(("content", "records"), FORMS.values(), ids=FORMS)
def test_every_form(content: str | bytes, records: Read, tmp_path: Path) -> None:
    assert read(written(tmp_path, content)) == records


def test_a_payload_is_kept_as_it_is(tmp_path: Path) -> None:
    path = written(tmp_path, json.dumps(AWSLOGS))

    assert read(path) == [Payload(str(path), AWSLOGS)]


def test_payloads_in_lines_are_told_apart(tmp_path: Path) -> None:
    path = written(tmp_path, lines(AWSLOGS, AWSLOGS))

    assert read(path) == [Payload(f"{path}, line {it}", AWSLOGS) for it in (1, 2)]


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    content = gzip.compress(json.dumps(ONE).encode())
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(content)))

    assert list(records_in("-")) == [ONE]


SOUND: Final = gzip.compress(json.dumps(ONE).encode() * 100)
# What the file holds -> what is read before it fails, and what is said after the file's name.
BAD: Final[dict[str, tuple[str | bytes, list[object], str]]] = {
    "empty": ("", [], ": expected JSON: Expecting value"),
    "blank": (" \n\n", [], ": expected JSON: Expecting value"),
    "text": ("Nov 23 09:00:00 host sshd", [], ": expected JSON: Expecting value"),
    "many-lines-of-text": ("a\nb\n", [], ": expected JSON: Expecting value"),
    "cut-off": (json.dumps(ONE, indent=2)[:-1], [], ": expected JSON: Expecting"),
    "one-number": ("5", [], ": expected a CloudTrail record, found int"),
    "null": ("null", [], ": expected a CloudTrail record, found NoneType"),
    "a-text-among-records": (
        json.dumps({"Records": [ONE, "two"]}),
        [ONE],
        ": expected a CloudTrail record, found str",
    ),
    "bad-second-line": (
        f"{lines(ONE)}{{\n{lines(TWO)}",
        [ONE, TWO],
        ", line 2: expected JSON: Expecting",
    ),
    "two-bad-lines": (
        f"{lines(ONE)}{{\n[\n{lines(TWO)}",
        [ONE, TWO],
        ", line 2: expected JSON: Expecting",
    ),
    "last-line-still-being-written": (lines(ONE, TWO)[:-9], [ONE], ", line 2: expected JSON: "),
    "not-utf-8": (b'{"eventID": "\xe9"}', [], ": expected UTF-8 text: "),
    "utf-16": (json.dumps(ONE).encode("utf-16"), [], ": expected UTF-8 text: "),
    "gzip-cut-off": (SOUND[:-10], [], ": the gzip file is cut off: copy it again"),
    "gzip-damaged": (SOUND[:10] + b"\xff" + SOUND[11:], [], ": the gzip file is damaged: "),
    "gzip-with-a-wrong-sum": (SOUND[:-8] + b"\0" * 8, [], ": CRC check failed"),
    "gzip-of-something-else": (gzip.compress(b"\x89PNG"), [], ": expected UTF-8 text: "),
    "gzip-with-rubbish-behind": (SOUND + b"rubbish", [], ": Not a gzipped file"),
    "too-deep": ("[" * 100_000, [], ": JSON nested too deeply to be read"),
    "too-deep-to-unwrap": ("[" * 5000 + "]" * 5000, [], ": JSON nested too deeply to be read"),
    "too-deep-in-a-line": (
        f"{lines(ONE)}{'[' * 100_000}",
        [ONE],
        ": JSON nested too deeply to be read",
    ),
    "lookup-events-without-the-record": (
        json.dumps({"Events": [{"CloudTrailEvent": json.dumps(ONE)}, {"EventId": "2"}]}),
        [ONE],
        ", Events[1]: expected CloudTrailEvent, a record as JSON text",
    ),
    "lookup-events-of-something-else": (
        json.dumps({"Events": ["2"]}),
        [],
        ", Events[0]: expected CloudTrailEvent, a record as JSON text",
    ),
    "lookup-events-with-a-broken-record": (
        json.dumps({"Events": [{"CloudTrailEvent": "{"}]}),
        [],
        ", Events[0].CloudTrailEvent: expected JSON: Expecting",
    ),
    "lookup-events-with-no-record": (
        json.dumps({"Events": [{"CloudTrailEvent": "5"}]}),
        [],
        ", Events[0].CloudTrailEvent: expected a CloudTrail record, found int",
    ),
}


@pytest.mark.parametrize(("content", "before", "problem"), BAD.values(), ids=BAD)
def test_bad_files(content: str | bytes, before: Read, problem: str, tmp_path: Path) -> None:
    path = written(tmp_path, content)
    found: Read = []

    with pytest.raises(UnreadableFileError) as raised:
        found.extend(records_in(str(path)))

    assert found == before
    assert str(raised.value).startswith(f"{path}{problem}")
    assert "\n" not in str(raised.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError, match=r"gone\.json: No such file or directory"):
        read(tmp_path / "gone.json")


def test_a_file_that_is_a_folder(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError, match="Is a directory"):
        read(tmp_path)


def test_a_folder_is_its_files_in_order(tmp_path: Path) -> None:
    (tmp_path / "2026" / "11").mkdir(parents=True)
    (tmp_path / "a-folder.json").mkdir()
    taken = [
        written(tmp_path, "", "2026/11/digest.json.gz"),
        written(tmp_path, "", "b.json"),
        written(tmp_path, "", "c.jsonl"),
    ]
    for name in ("README.md", "a.json.bak", "a.gz", "json", "d.JSONX"):
        written(tmp_path, "", name)

    assert paths_in(str(tmp_path)) == [str(path) for path in taken]


@pytest.mark.parametrize("path", ["-", "record.json", "gone/record.json", "record.txt"])
def test_whatever_is_no_folder_is_a_file(path: str) -> None:
    # Also one of another name: whoever names it means it.
    assert paths_in(path) == [path]


def test_a_folder_without_records(tmp_path: Path) -> None:
    written(tmp_path, "", "README.md")

    with pytest.raises(UnreadableFileError) as raised:
        paths_in(str(tmp_path))

    assert str(raised.value) == (
        f"{tmp_path}: no *.json, *.jsonl, *.json.gz in this folder: to read other files, name them"
    )


def test_a_name_that_no_file_system_takes() -> None:
    with pytest.raises(UnreadableFileError, match="File name too long"):
        paths_in("x" * 5000)


def test_base64_is_not_taken_for_json(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError, match="expected JSON"):
        read(written(tmp_path, base64.b64encode(SOUND)))
