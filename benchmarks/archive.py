"""Reads an archive that it makes in each way that people read one, and compares processor time.

The archive is in files as a trail writes them. Every way runs in a process of its own, over the
same files; jq and DuckDB only if they are installed. `make bench-history` prints the table.
"""

from __future__ import annotations

import argparse
import gzip
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from time import perf_counter
from typing import Final, NamedTuple

from .builds import ROOT
from .large_replay import others
from .progress import say
from .workloads import messages

# 300 files of 6.5 MB make 2 GB.
FILES: Final = 300
_MEGABYTES: Final = 6.5
_OURS_IN_A_FILE: Final = 5
_ENTROPY: Final = 230

_READ_ALL: Final = "import sys\nfor path in sys.argv[1:]:\n    "
_FILTER: Final = (
    "[it for it in json.load(file)['Records'] if it['eventName'].endswith('SecurityGroupIngress')]"
)
_DUCKDB: Final = (
    "import duckdb, sys\n"
    "duckdb.execute('set threads to 1')\n"
    'print(duckdb.sql("select count(*) from (select unnest(Records) r from read_json(" + '
    'repr(sys.argv[1:]) + ", maximum_object_size=100000000)) where r.eventName like '
    "'%SecurityGroupIngress'\"))"
)


class Run(NamedTuple):
    """Processor time and time of a run, in seconds, and the most memory of a process, in MB."""

    processor: float
    elapsed: float
    megabytes: float


def main(arguments: list[str] | None = None) -> int:
    """Print the table. Returns 1 if a goal is missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.archive", description=__doc__)
    parser.add_argument("--files", type=int, default=FILES, help=f"default: {FILES}, some 2 GB")
    count = parser.parse_args(arguments).files
    with tempfile.TemporaryDirectory() as folder:
        say(f"writing an archive of {count} files …")
        paths = _write_archive(Path(folder), count)
        runs = {name: _measured(name, command) for name, command in _ways(paths, folder).items()}
    unpacked = runs["unpacking only, zlib"]
    print(f"{count} files, {count * _MEGABYTES / 1000:.1f} GB unpacked\n")
    print("| way | processor time, s | times unpacking | time, s | MB |")
    print("| --- | --- | --- | --- | --- |")
    for name, run in runs.items():
        ratio = run.processor / unpacked.processor
        print(
            f"| {name} | {run.processor:.2f} | {ratio:.2f} | {run.elapsed:.2f} | "
            f"{run.megabytes:.0f} |"
        )
    return 0 if all(_goals(runs)) else 1


def _goals(runs: dict[str, Run]) -> Iterator[bool]:
    """Print each goal and what was reached."""
    alone, both = runs["make history, one process"], runs["make history, two processes"]
    unpacked = runs["unpacking only, zlib"].processor
    goals = [
        (
            "times faster than json.load",
            runs["json.load of each file"].processor / alone.processor,
            4,
        ),
        ("times faster with two processes", alone.elapsed / both.elapsed, 1.7),
        ("of unpacking alone, as a share of it", unpacked / alone.processor, 1 / 1.5),
        ("MB left of 120", 120 - alone.megabytes, 0),
    ]
    if "zcat | jq" in runs:
        goals.append(("times faster than jq", runs["zcat | jq"].processor / alone.processor, 8))
    print()
    for words, reached, goal in goals:
        print(f"{reached:.2f} {words}: at least {goal:.2f}{'' if reached >= goal else ': MISSED'}")
        yield reached >= goal


def _ways(paths: list[str], folder: str) -> dict[str, list[str]]:
    python = [sys.executable, "-c"]
    history = [sys.executable, "-m", "local.history", "--json", "--workers"]
    ways = {
        "unpacking only, zlib": [
            *python,
            f"import gzip\n{_READ_ALL}gzip.open(path).read()",
            *paths,
        ],
        "unpacking only, isal": [
            *python,
            f"from isal import igzip\n{_READ_ALL}igzip.open(path).read()",
            *paths,
        ],
        "make history, one process": [*history, "1", folder],
        "make history, two processes": [*history, "2", folder],
        "json.load of each file": [
            *python,
            f"import gzip, json\n{_READ_ALL}with gzip.open(path) as file: {_FILTER}",
            *paths,
        ],
    }
    if shutil.which("jq"):
        query = '.Records[] | select(.eventName | endswith("SecurityGroupIngress"))'
        pipe = 'query="$1"; shift; zcat "$@" | jq -c "$query"'
        ways["zcat | jq"] = ["sh", "-c", pipe, "sh", query, *paths]
    if find_spec("duckdb"):
        ways["DuckDB read_json"] = [*python, _DUCKDB, *paths]
    return ways


def _measured(name: str, command: list[str]) -> Run:
    say(f"{name} …")
    began = perf_counter()
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT / "functions")},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{name} failed with status {process.returncode}")
    return Run(
        processor=usage.ru_utime + usage.ru_stime,
        elapsed=perf_counter() - began,
        megabytes=usage.ru_maxrss / 1024,
    )


def _write_archive(folder: Path, count: int) -> list[str]:
    """Records of ours among others, at random places that are the same each time."""
    chance = random.Random(17)  # noqa: S311
    ours, fillers = messages(count * _OURS_IN_A_FILE), _fillers(chance)
    paths = []
    for number in range(count):
        records = list(_about(_MEGABYTES * 1e6, fillers))
        for _ in range(_OURS_IN_A_FILE):
            records[chance.randrange(len(records))] = next(ours)
        path = folder / f"AWSLogs/222233334444/CloudTrail/eu-central-1/2026/11/17/{number}.json.gz"
        path.parent.mkdir(parents=True, exist_ok=True)
        text = '{"Records":[' + ",".join(records) + "]}"
        path.write_bytes(gzip.compress(text.encode(), mtime=0))
        paths.append(str(path))
    return paths


def _fillers(chance: random.Random) -> Iterator[str]:
    """Records that are not ours, which compress as those of a trail do: to a sixth."""
    for text in others():
        yield text.replace(
            '"tlsDetails"', f'"token":"{chance.randbytes(_ENTROPY).hex()}","tlsDetails"'
        )


def _about(size: float, fillers: Iterator[str]) -> Iterator[str]:
    while size > 0:
        for text in islice(fillers, 100):
            size -= len(text) + 1
            yield text


if __name__ == "__main__":
    sys.exit(main())
