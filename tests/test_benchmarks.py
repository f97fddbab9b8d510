"""What `make bench` decides: which Python it runs on, what it counts, and when it fails."""

import gzip
import json
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from benchmarks import archive, digest, interpreter, large_replay
from benchmarks.__main__ import RESULTS, verdict
from benchmarks.archive_report import JQ, JSON, ONE, TWO, ZLIB, archive_tables, missed
from benchmarks.bursts import most_in_a_second
from benchmarks.goals import ARCHIVE_GOALS, CONTEXT, GOALS
from benchmarks.report import table_of
from benchmarks.trail_files import TrailFiles
from benchmarks.year import Year, read_in_pieces
from local.filter_pattern import compile_pattern
from local.history.exposures import exposures_of, json_of
from local.history.trail_file import content_of
from local.records_in import File, Reader
from local.template import read_template, subscription_pattern

WRITTEN: Final[dict[str, Any]] = json.loads(RESULTS.read_text(encoding="utf-8"))
ALL_MET: Final = WRITTEN | {"measured": {name: goal.most for name, goal in GOALS.items()}}


def test_what_was_written_has_every_goal_and_what_stands_beside_them() -> None:
    assert list(WRITTEN["measured"]) == list(GOALS)
    assert list(WRITTEN["context"]) == list(CONTEXT)


def test_a_goal_that_is_met_exactly_is_met(capsys: pytest.CaptureFixture[str]) -> None:
    assert verdict(ALL_MET) == 0
    assert capsys.readouterr().err == ""
    assert "missed" not in table_of(ALL_MET)


@pytest.mark.parametrize("value", [None, 8.001], ids=["not-measured", "more"])
@pytest.mark.parametrize("name", ["messages_a_second"])
def test_a_goal_that_is_missed_is_named(
    name: str, value: float | None, capsys: pytest.CaptureFixture[str]
) -> None:
    results = ALL_MET | {"measured": ALL_MET["measured"] | {name: value}}

    assert verdict(results) == 1
    assert capsys.readouterr().err == f"missed: {GOALS[name].words} ({name})\n"
    [line] = [line for line in table_of(results).splitlines() if line.endswith("missed")]
    assert line.startswith(GOALS[name].words)


@pytest.mark.parametrize(
    ("times", "most"),
    [
        pytest.param([], 0, id="none"),
        pytest.param([5.0], 1, id="one"),
        pytest.param([0.0, 0.9, 1.1, 1.8], 3, id="across-the-full-second"),
        pytest.param([1.0, 0.5, 0.0], 2, id="a-second-apart-and-in-any-order"),
    ],
)
def test_the_busiest_second_begins_anywhere(times: list[float], most: int) -> None:
    assert most_in_a_second(times) == most


def test_a_digest_of_ten_thousand_events_is_in_time() -> None:
    written = json.loads(digest.RESULTS.read_text(encoding="utf-8"))

    assert written["measured"]["seconds"] < digest.GOAL_SECONDS
    # Half of what the function has.
    assert written["measured"]["megabytes"] < 256


def test_the_python_is_the_runtimes() -> None:
    function = read_template()["Resources"]["SecurityGroupAlerterFunction"]["Properties"]

    assert f"python{interpreter.runtime_version()}" == function["Runtime"]


def test_a_python_that_does_not_run_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As pyenv's shims do, where no version is set."""
    shim = tmp_path / "python9.9"
    shim.write_text("#!/bin/sh\necho 'command not found' >&2\nexit 127\n", encoding="utf-8")
    shim.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")

    assert interpreter.version_of("python9.9") == ""
    assert interpreter.version_of(interpreter.found("9.9")) == interpreter.version_of(
        sys.executable
    )


def test_fifty_records_of_the_large_file_are_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(large_replay, "MEGABYTES", 2)
    path = tmp_path / "log.json"

    large_replay.write_log_file(path)

    matches = compile_pattern(subscription_pattern()).matches
    found = [item for _, item in Reader().records_in([File(str(path))])]
    records = [item for item in found if isinstance(item, dict)]
    assert 2e6 < path.stat().st_size < 8e6
    assert sum(map(matches, records)) == large_replay.OURS
    assert len({record["eventID"] for record in records}) == len(records)


def way(processor_s: float, s: float = 10, mb: float = 50) -> dict[str, float]:
    return {"processor_s": processor_s, "s": s, "mb": mb}


def test_goals_of_an_archive_that_are_met_exactly_are_met() -> None:
    ways = {
        ONE: way(6),
        TWO: way(7, s=5.88, mb=120),
        ZLIB: way(4),
        JSON: way(24),
        JQ: way(48),
    }

    assert missed(ways) == []
    assert missed(ways | {ONE: way(6.01)}) == [
        ARCHIVE_GOALS[name].words
        for name in ("history_vs_json", "history_vs_jq", "history_vs_zlib")
    ]
    assert missed(ways | {TWO: way(7, s=5.89, mb=121)}) == [
        ARCHIVE_GOALS[name].words for name in ("two_vs_one", "history_mb")
    ]


def test_without_jq_its_goal_is_not_measured() -> None:
    kept = json.loads(archive.RESULTS.read_text(encoding="utf-8"))["archive"]
    del kept["ways"][JQ]

    assert ARCHIVE_GOALS["history_vs_jq"].words in missed(kept["ways"])
    assert "| **not measured** | 0.125 |" in archive_tables(kept)


def test_files_are_as_a_trail_writes_them(tmp_path: Path) -> None:
    ours = [json.dumps({"eventVersion": "1.11", "eventID": name}) for name in ("one", "two")]

    size = TrailFiles().write(tmp_path / "a.json.gz", 300_000, ours)

    unpacked = gzip.decompress((tmp_path / "a.json.gz").read_bytes())
    records = json.loads(unpacked)["Records"]
    assert len(unpacked) == size
    assert 280_000 < size < 320_000
    assert {it["eventID"] for it in records if len(it) == 2} == {"one", "two"}
    # One member of gzip, which the search reads.
    assert content_of(str(tmp_path / "a.json.gz")) == unpacked


def test_a_year_in_pieces_is_the_year_at_once(tmp_path: Path) -> None:
    year = Year(accounts=3, days=90, lives=200, gigabytes=0)

    months = [str(month) for month, _ in year.months(tmp_path)]
    in_pieces = read_in_pieces(reversed(months), workers=1)
    at_once = read_in_pieces([str(tmp_path)], workers=1)

    lives = exposures_of(in_pieces.statements)
    assert len(months) == 3
    assert len(lives) == 20
    assert any(
        it.opened and it.closed and it.opened.time.month < it.closed.time.month for it in lives
    )
    assert [*map(json_of, lives)] == [*map(json_of, exposures_of(at_once.statements))]
    assert in_pieces.problems == at_once.problems == []
    assert in_pieces.ours == at_once.ours
