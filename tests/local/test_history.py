"""`python -m local.history`: the same as from parsing everything, however the files are."""

import gzip
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.history.__main__ import main
from local.history.reading import NAMES
from local.history.trail_file import (
    LARGEST,
    RecordSearch,
    UnusualFileError,
    content_of,
    number_of_records,
)
from tests.stories import ROOT, STORIES, story

OPENED: Final = story("ssh-opened-to-the-world-from-the-console")
CLOSED: Final = story("ssh-closed-to-the-world")
NOISE: Final = {"eventVersion": "1.11", "eventName": "RunInstances", "eventID": "n"}


def written(path: Path, *records: dict[str, Any], gzipped: bool = True) -> Path:
    """A file as CloudTrail writes it."""
    ordered = [{"eventVersion": "1.11", **it} for it in records]
    text = json.dumps({"Records": ordered}, separators=(",", ":")).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(text) if gzipped else text)
    return path


def history(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, list[Any], str]:
    """(Exit status, exposures, standard error)."""
    status = main(["--json", "--workers", "1", *map(str, arguments)])
    out, err = capsys.readouterr()
    return status, [json.loads(line) for line in out.splitlines()], err


def test_an_exposure_from_the_call_that_opens_to_the_call_that_closes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written(tmp_path / "b.json.gz", CLOSED, NOISE)
    written(tmp_path / "a.json.gz", NOISE, OPENED)

    status, [exposure], err = history(capsys, tmp_path)

    assert status == 0
    assert exposure.pop("uid")
    assert exposure == {
        "account_id": "222233334444",
        "region": "eu-central-1",
        "resource_id": "sg-0945dc6b613dff4fd",
        "opened_at": "2026-11-17T08:55:12Z",
        "opened_by": OPENED["userIdentity"]["arn"],
        "opened_event_id": OPENED["eventID"],
        "closed_at": "2026-11-17T11:20:45Z",
        "closed_by": CLOSED["userIdentity"]["arn"],
        "closed_event_id": CLOSED["eventID"],
        "closed_how": "revoked",
        "seconds_open": 8733,
        "worst_severity": "CRITICAL",
        "openings": [
            {
                "protocol": "tcp",
                "first_port": 22,
                "last_port": 22,
                "ipv4_share": 1.0,
                "ipv6_share": 0.0,
            }
        ],
        "event_ids": [OPENED["eventID"], CLOSED["eventID"]],
    }
    assert err.startswith("2 files, ")
    assert err.endswith("4 records, 2 ours, 1 exposure, 0 open, 0 broken files\n")


def test_an_end_without_its_beginning_stands_first(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    earlier = OPENED | {
        "eventID": "earlier",
        "eventTime": "2026-11-01T00:00:00Z",
        "requestParameters": {
            "groupId": "sg-00000000000000001",
            "ipPermissions": {"items": [SSH_FROM_ANYWHERE]},
        },
        "responseElements": {"_return": True},
    }
    written(tmp_path / "a.json.gz", earlier, CLOSED)

    _, exposures, _ = history(capsys, tmp_path)

    assert [(it["opened_at"], it["seconds_open"]) for it in exposures] == [
        (None, None),
        ("2026-11-01T00:00:00Z", None),
    ]


SSH_FROM_ANYWHERE: Final = {
    "ipProtocol": "tcp",
    "fromPort": 22,
    "toPort": 22,
    "ipRanges": {"items": [{"cidrIp": "0.0.0.0/0"}]},
}


def test_any_order_of_files_gives_the_same_bytes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = [written(tmp_path / f"{name}.gz", story(name)) for name in STORIES]
    outputs = set()
    for seed in range(3):
        random.Random(seed).shuffle(paths)
        main(["--json", "--workers", "1", *map(str, paths)])
        outputs.add(capsys.readouterr().out)

    assert len(outputs) == 1


def test_as_many_processes_as_you_like(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in STORIES:
        written(tmp_path / f"{name}.gz", story(name))
    main(["--json", "--workers", "1", str(tmp_path)])
    alone = capsys.readouterr()
    main(["--json", "--workers", "2", str(tmp_path)])

    assert capsys.readouterr() == alone


# The files of an archive.


@pytest.mark.parametrize(
    ("arguments", "files"),
    [
        ([], 3),
        (["--account", "222233334444"], 2),
        (["--region", "us-east-1"], 1),
        (["--since", "2026-11-18"], 1),
        (["--until", "2026-11-17"], 2),
        (["--account", "999999999999"], 0),
    ],
)
@pytest.mark.parametrize("organization", ["o-exampleorgid/", ""])
def test_files_are_chosen_by_name(
    arguments: list[str],
    files: int,
    organization: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for place in (
        "222233334444/CloudTrail/eu-central-1/2026/11/17",
        "222233334444/CloudTrail/us-east-1/2026/11/17",
        "444455556666/CloudTrail/eu-central-1/2026/11/18",
    ):
        written(tmp_path / "AWSLogs" / f"{organization}{place}" / "a.json.gz", NOISE)

    _, _, err = history(capsys, *arguments, tmp_path)

    assert err.startswith(f"{files} file")


@pytest.mark.parametrize(
    ("arguments", "count"),
    [
        (["--severity", "high"], 1),
        (["--since", "2026-11-17"], 1),
        (["--since", "2026-11-18"], 0),
        (["--until", "2026-11-17"], 0),
        (["--account", "222233334444"], 1),
        (["--account", "999999999999"], 0),
        (["--region", "us-east-1"], 0),
    ],
)
def test_exposures_are_chosen_by_what_they_are(
    arguments: list[str], count: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(tmp_path / "a.json.gz", OPENED, CLOSED)

    _, exposures, _ = history(capsys, *arguments, path)

    assert len(exposures) == count


# Forms that CloudTrail does not write, and damage.


def test_other_forms_are_read_as_replay_reads_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "lines.jsonl").write_text(f"{json.dumps(OPENED)}\n{json.dumps(CLOSED)}\n")
    (tmp_path / "README.md").write_text("# Notes")
    (tmp_path / "digest.json").write_text(json.dumps({"digestStartTime": "2026-11-17T00:00:00Z"}))

    status, exposures, err = history(capsys, tmp_path)

    assert (status, len(exposures)) == (0, 1)
    assert "left out 1 file with something else" in err


DAMAGED: Final[dict[str, tuple[Callable[[bytes], bytes], str]]] = {
    "cut-off": (
        lambda data: data[:-20],
        "the gzip file is cut off: copy it again",
    ),
    "not-json": (
        lambda _: gzip.compress(
            b'{"Records":[{"eventVersion":"1.11","eventName":"CreateSecurityGroup",]}'
        ),
        "expected JSON",
    ),
    "empty": (lambda _: b"", "is empty"),
}


@pytest.mark.parametrize("damage", DAMAGED)
def test_a_broken_file_is_named_and_the_others_are_read(
    damage: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spoil, words = DAMAGED[damage]
    whole = written(tmp_path / "whole.json.gz", OPENED)
    broken = tmp_path / "broken.json.gz"
    broken.write_bytes(spoil(whole.read_bytes()))

    status, exposures, err = history(capsys, tmp_path)

    assert (status, len(exposures)) == (2, 1)
    assert f"history: {broken}" in err
    assert words in err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--since", "yesterday"], "expected a day such as 2026-11-01, found yesterday"),
        (["--account", "12"], "expected an account id of 12 digits, found 12"),
        (["--severity", "bad"], "expected one of INFORMATIONAL, LOW, MEDIUM, HIGH, CRITICAL"),
        (["--workers", "0"], "expected a number from 1, found 0"),
        (["--since", "2026-11-02", "--until", "2026-11-01"], "expected a day after --since"),
    ],
)
def test_options_that_do_not_fit(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as exited:
        main([*arguments, "a.json"])

    assert exited.value.code == 2
    assert words in capsys.readouterr().err


def test_a_path_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    status, exposures, err = history(capsys, "nowhere.json")

    assert (status, exposures) == (2, [])
    assert "history: nowhere.json: No such file or directory" in err


def test_a_record_of_no_known_form_is_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    odd = OPENED | {"requestParameters": None, "responseElements": None}

    status, exposures, err = history(capsys, written(tmp_path / "a.json.gz", odd))

    assert (status, exposures) == (0, [])
    assert "1 record of ours in no form that is known: `make replay` shows what is there" in err


# The search.


def as_found(data: bytes) -> list[Any]:
    return list(RecordSearch(NAMES).records_in(data, number_of_records(data)))


def by_parsing(data: bytes) -> list[Any]:
    return [it for it in json.loads(data)["Records"] if it.get("eventName") in NAMES]


@st.composite
def trail_files(draw: st.DrawFn) -> bytes:
    """Records in which the names of calls stand anywhere, also where no call is meant."""
    names = st.sampled_from([*sorted(NAMES)[:3], "RunInstances"])
    texts = st.sampled_from(
        ['"eventName":"CreateSecurityGroup"', '{"eventVersion"', "},{", "]}", "ü", "\\", '"']
    )
    inner = st.dictionaries(
        st.sampled_from(["eventName", "eventVersion", "x"]), st.one_of(names, texts), max_size=3
    )
    records = [
        {
            "eventVersion": "1.11",
            draw(st.sampled_from(["requestParameters", "additionalEventData"])): draw(
                st.one_of(inner, texts, st.lists(inner, max_size=2))
            ),
            "eventName": draw(names),
            "eventID": str(number),
        }
        for number in range(draw(st.integers(0, 5)))
    ]
    return json.dumps({"Records": records}, separators=(",", ":")).encode()


@given(data=trail_files())
def test_the_search_finds_what_parsing_finds_or_says_that_it_cannot(
    data: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "search.json"
    path.write_bytes(data)
    try:
        found = as_found(content_of(str(path)))
    except UnusualFileError:
        return

    assert [it for it in found if it.get("eventName") in NAMES] == by_parsing(data)


def test_the_search_reads_what_cloudtrail_writes(tmp_path: Path) -> None:
    path = written(tmp_path / "a.json.gz", NOISE, OPENED, NOISE, NOISE, CLOSED)

    found = as_found(content_of(str(path)))

    assert [it["eventID"] for it in found] == [OPENED["eventID"], CLOSED["eventID"]]


def test_what_is_larger_than_a_trail_writes_is_not_read_at_once(tmp_path: Path) -> None:
    path = tmp_path / "large.json.gz"
    path.write_bytes(gzip.compress(b" " * (LARGEST + 1), 1))

    with pytest.raises(UnusualFileError):
        content_of(str(path))


# As people see it.


def test_the_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(
        tmp_path / "a.json.gz", OPENED, CLOSED, story("prefix-list-widened-to-the-world")
    )

    main(["--workers", "1", str(path)])

    assert capsys.readouterr().out.splitlines() == [
        "OPENED            CLOSED            OPEN FOR    SEVERITY  ACCOUNT       REGION        "
        "IN                    WHAT          BY",
        "2026-11-17 08:55  2026-11-17 11:20  2 h 25 min  CRITICAL  222233334444  eu-central-1  "
        "sg-0945dc6b613dff4fd  tcp 22 (SSH)  assumed-role/"
        "AWSReservedSSO_NetworkAdministrator_0123456789…",
        "2026-11-18 07:58  still open                    HIGH      666677778888  eu-central-1  "
        "pl-0ea25ce5b71db88c9  prefix list   assumed-role/network-automation/nightly-sync",
        "",
        "2 exposures in 1 security group and 1 prefix list, 1 still open. "
        "The longest that was closed: 2 h 25 min.",
    ]


def test_the_table_on_a_narrow_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path / "a.json.gz", OPENED, CLOSED)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)

    main(["--workers", "1", str(path)])

    assert capsys.readouterr().out.splitlines()[:-2] == [
        "OPENED            CLOSED            OPEN FOR    SEVERITY",
        "    ACCOUNT  REGION  IN  WHAT  BY",
        "2026-11-17 08:55  2026-11-17 11:20  2 h 25 min  CRITICAL",
        "    222233334444  eu-central-1  sg-0945dc6b613dff4fd  tcp 22 (SSH)",
        "      assumed-role/AWSReservedSSO_NetworkAdministrator_0123456789…",
    ]


def test_without_a_path_there_is_a_sample(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    assert main(["--workers", "1"]) == 0
    first = capsys.readouterr()
    main(["--workers", "1"])

    assert capsys.readouterr().out == first.out
    # The archive is gone, the pages stay.
    pages = [path.read_text() for path in tmp_path.rglob("*") if path.is_file()]
    assert len(pages) == 2
    assert pages[0] == pages[1]
    assert "this is a sample archive, 30 accounts over 90 days" in first.err
    assert "300 exposures in " in first.out


# Whoever starts the tests may ignore interruptions, which every process under them then does.
INTERRUPTIBLE: Final = (
    "import runpy, signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    "runpy.run_module('local.history', run_name='__main__', alter_sys=True)"
)


def test_an_interruption_prints_what_was_found(tmp_path: Path) -> None:
    """Of a pipe that nobody closes, the reader waits for more."""
    written(tmp_path / "a.json.gz", OPENED)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    command = [sys.executable, "-c", INTERRUPTIBLE, "--workers", "1", "--json"]
    process = subprocess.Popen(
        [*command, str(tmp_path / "a.json.gz"), str(pipe)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": "functions"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with pipe.open("wb"):
        # Opening the pipe waits until it is read: by then, the file before it has been.
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)

    assert process.returncode == 130
    assert json.loads(out)["opened_event_id"] == OPENED["eventID"]
    assert "interrupted: this is partial" in err


def test_what_a_group_is_attached_to_is_no_part_of_its_history() -> None:
    assert "AuthorizeSecurityGroupIngress" in NAMES
    assert not [name for name in NAMES if name.endswith("Attribute")]
