"""Reads an archive that it makes in each way that people read one, and compares processor time.

The archive is in files as a trail writes them. Every way runs in a process of its own, over the
same files; jq and DuckDB only if they are installed. `make bench-history` prints the tables, and
with `ARGS=--year` those of a year of an organization. Exits with 1 if a goal is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any, Final

from .archive_report import (
    DUCKDB,
    ISAL,
    JQ,
    JSON,
    ONE,
    TWO,
    ZLIB,
    archive_tables,
    missed,
    year_table,
)
from .builds import ROOT
from .goals import ARCHIVE_GOALS
from .machine import machine, warn_of_load
from .progress import say
from .trail_files import TrailFiles
from .workloads import messages
from .year import Year, measured_year

RESULTS: Final = Path(__file__).parent / "archive_results.json"
# 300 files of 6.5 MB make 2 GB.
FILES: Final = 300
_BYTES: Final = 6.5e6
_OURS_IN_A_FILE: Final = 5
# The slow ways run once.
_ROUNDS: Final = {ZLIB: 3, ISAL: 3, ONE: 3, TWO: 3}

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


def main(arguments: list[str] | None = None) -> int:
    """Measure, print, and keep what was measured of the whole."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.archive",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--files",
        type=int,
        default=FILES,
        help=f"default: {FILES}, some 2 GB; with fewer, nothing is kept",
    )
    parser.add_argument("--year", action="store_true", help="read a year, 20 GB, month by month")
    options = parser.parse_args(arguments)
    warn_of_load()
    if options.year:
        results = _origin() | measured_year(Year())
        _keep("year", results)
        print(year_table(results))
        return 0 if ARCHIVE_GOALS["history_mb"].is_met_by(results["mb"]) else 1
    results = _origin() | measured_archive(options.files)
    if options.files == FILES:
        _keep("archive", results)
    print(archive_tables(results))
    for words in missed(results["ways"]):
        print(f"missed: {words}", file=sys.stderr)
    return 1 if missed(results["ways"]) else 0


def measured_archive(files: int) -> dict[str, Any]:
    """Each way, over the same files."""
    with tempfile.TemporaryDirectory() as folder:
        say(f"writing an archive of {files} files …")
        # In another process, since a process that is started begins with this one's peak of memory.
        with ProcessPoolExecutor(1) as pool:
            paths, size = pool.submit(write_archive, Path(folder), files).result()
        ways = _ways(paths, folder)
        runs: dict[str, list[dict[str, float]]] = {name: [] for name in ways}
        for number in range(max(_ROUNDS.values())):
            for name, command in ways.items():
                if number < _ROUNDS.get(name, 1):
                    runs[name].append(_measured(name, command))
    return {
        "files": files,
        "gb": size / 1e9,
        "ways": {
            name: {what: round(median(it[what] for it in of_name), 3) for what in of_name[0]}
            for name, of_name in runs.items()
        },
    }


def write_archive(folder: Path, files: int) -> tuple[list[str], int]:
    """A day of one account; returns the paths, and how large it is unpacked."""
    trail, ours = TrailFiles(), messages(files * _OURS_IN_A_FILE)
    day = folder / "AWSLogs/222233334444/CloudTrail/eu-central-1/2026/11/17"
    day.mkdir(parents=True)
    paths = [day / f"{number}.json.gz" for number in range(files)]
    size = sum(trail.write(path, _BYTES, islice(ours, _OURS_IN_A_FILE)) for path in paths)
    return [str(path) for path in paths], size


def _ways(paths: Iterable[str], folder: str) -> dict[str, list[str]]:
    python = [sys.executable, "-c"]
    history = [sys.executable, "-m", "local.history", "--json", "--workers"]
    with_gzip = f"import gzip\n{_READ_ALL}gzip.open(path).read()"
    with_isal = f"from isal import igzip\n{_READ_ALL}igzip.open(path).read()"
    with_json = f"import gzip, json\n{_READ_ALL}with gzip.open(path) as file: {_FILTER}"
    ways = {
        ZLIB: [*python, with_gzip, *paths],
        ISAL: [*python, with_isal, *paths],
        ONE: [*history, "1", folder],
        TWO: [*history, "2", folder],
        JSON: [*python, with_json, *paths],
    }
    if shutil.which("jq"):
        query = '.Records[] | select(.eventName | endswith("SecurityGroupIngress"))'
        pipe = 'query="$1"; shift; zcat "$@" | jq -c "$query"'
        ways[JQ] = ["sh", "-c", pipe, "sh", query, *paths]
    if find_spec("duckdb"):
        ways[DUCKDB] = [*python, _DUCKDB, *paths]
    return ways


def _measured(name: str, command: list[str]) -> dict[str, float]:
    """Processor time and time in seconds, and the most memory of one process in MB."""
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
    return {
        "processor_s": usage.ru_utime + usage.ru_stime,
        "s": perf_counter() - began,
        "mb": usage.ru_maxrss / 1024,
    }


def _origin() -> dict[str, Any]:
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "python": platform.python_version(),
        "machine": machine(),
    }


def _keep(what: str, results: dict[str, Any]) -> None:
    kept = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    RESULTS.write_text(f"{json.dumps(kept | {what: results}, indent=2)}\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
