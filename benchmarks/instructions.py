"""How many instructions the function executes for a change: by the machine, and by Python.

Counts do not depend on what else the machine does. Those of the machine are counted by valgrind
(cachegrind), which simulates the processor: hardware counters are rarely available in virtual
machines. The function runs in the client of the runtime API, warm, with deliveries of 100 changes;
its AWS calls are answered in the process, so that TLS and the kernel do not count. It is counted
with the memory of groups, and without.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, NamedTuple

from .builds import ROOT
from .progress import say
from .setups import PYTHON, Setup
from .workloads import delivery

VALGRIND: Final = "valgrind"
SIZE: Final = 100
# Two processes get so many deliveries: the difference is that of warm ones.
_FEWER, _MORE = 2, 5
# valgrind --tool=cachegrind writes: ==123== I   refs:      1,391,221,057
_COUNTED: Final = re.compile(r"\bI\s+refs:\s+([\d,]+)")


class Instructions(NamedTuple):
    """For a change, in millions; None where valgrind is not installed."""

    with_memory: float | None = None
    without_memory: float | None = None


def machine_instructions(made: Setup) -> Instructions:
    """Count them."""
    if shutil.which(VALGRIND) is None:
        say(f"{VALGRIND} is not installed: machine instructions are not counted")
        return Instructions()
    say("machine instructions, with valgrind …")
    return Instructions(
        with_memory=_of_a_change(made, "alerter_without_network"),
        without_memory=_of_a_change(made, "alerter_without_both"),
    )


def _of_a_change(made: Setup, name: str) -> float:
    with ThreadPoolExecutor() as threads:
        fewer, more = threads.map(lambda times: _counted(made, name, times), (_FEWER, _MORE))
    return (more - fewer) / (_MORE - _FEWER) / SIZE / 1e6


def _counted(made: Setup, name: str, times: int) -> int:
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder, "valgrind.log")
        under = (
            *(VALGRIND, "--tool=cachegrind", "--cache-sim=no"),
            *("--cachegrind-out-file=/dev/null", f"--log-file={log}"),
        )
        with made.started(name, under=under) as function:
            for _ in range(times):
                function.invoke(delivery(SIZE))
        [count] = _COUNTED.findall(log.read_text(encoding="utf-8"))
    return int(count.replace(",", ""))


def bytecode_instructions(made: Setup) -> float:
    """For a change: what tests/test_speed.py holds to a limit, with the Python to measure on."""
    say("bytecode instructions …")
    folder, _ = made.handlers["alerter_without_network"]
    done = subprocess.run(
        [PYTHON, "-m", "tests.speed_probe", str(SIZE)],
        cwd=ROOT,
        env={**made.environment, "PYTHONPATH": os.pathsep.join((str(folder), str(ROOT)))},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    found = json.loads(done.stdout)
    return float(found[str(SIZE)]["instructions"]) / SIZE
