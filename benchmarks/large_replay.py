"""Replays a log file of 200 MB, of which 50 records are ours, in a process of its own.

It runs in this environment's Python, as `make replay` does, and not in that of the function.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Final, NamedTuple

from .builds import ROOT
from .progress import say
from .workloads import EVENTS, messages

ROUNDS: Final = 3
MEGABYTES: Final = 200
OURS: Final = 50
# What fills the trail of a busy account. None of these calls is one that the alerter reports.
_CALLS: Final = ("AssumeRole", "Decrypt", "DescribeInstances", "GenerateDataKey", "PutObject")
_MODEL: Final = EVENTS / "ssh-opened-to-the-world-from-the-console.json"


class Replay(NamedTuple):
    """What one replay took: processor time, and the most memory."""

    seconds: float
    megabytes: float


def measured_replay() -> Replay:
    """The median of some replays."""
    with tempfile.TemporaryDirectory() as folder:
        say(f"writing a log file of {MEGABYTES} MB …")
        path = Path(folder, "log.json")
        write_log_file(path)
        replays = []
        for number in range(ROUNDS):
            say(f"replaying it, {number + 1} of {ROUNDS} …")
            replays.append(_replayed(path))
    return Replay(
        seconds=median(it.seconds for it in replays),
        megabytes=median(it.megabytes for it in replays),
    )


def write_log_file(path: Path) -> None:
    """As CloudTrail writes it, unpacked: records of ours at equal distances among others."""
    fillers, size = others(), 0
    with path.open("w", encoding="utf-8") as file:
        size += file.write('{"Records":[')
        for number, ours in enumerate(messages(OURS)):
            while size < MEGABYTES * 1e6 * number / OURS:
                size += file.write("".join(f"{it}," for it in islice(fillers, 1000)))
            size += file.write(f"{ours},")
        while size < MEGABYTES * 1e6:
            size += file.write("".join(f"{it}," for it in islice(fillers, 1000)))
        file.write(f"{next(fillers)}]}}")


def others() -> Iterator[str]:
    """Records that are not ours, without end."""
    record = json.loads(_MODEL.read_text(encoding="utf-8")) | {"eventID": "{id}"}
    texts = [json.dumps(record | {"eventName": name}, separators=(",", ":")) for name in _CALLS]
    number = 0
    while True:
        for text in texts:
            number += 1
            yield text.replace("{id}", f"decade00-0000-4000-8000-{number:012d}")


def _replayed(path: Path) -> Replay:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.replayed", path],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode or f" {OURS} matched" not in done.stderr:
        raise RuntimeError(f"the replay failed: {done.stderr}")
    return Replay(**json.loads(done.stdout))
