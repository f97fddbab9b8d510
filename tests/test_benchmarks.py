"""What `make bench` decides: which Python it runs on, what it counts, and when it fails."""

import json
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from benchmarks import interpreter, large_replay
from benchmarks.__main__ import RESULTS, verdict
from benchmarks.bursts import most_in_a_second
from benchmarks.goals import CONTEXT, GOALS
from benchmarks.report import table_of
from local.filter_pattern import compile_pattern
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
