"""How many instructions the function executes for a change: by the machine, and by Python.

Counts do not depend on what else the machine does. Those of the machine are counted by valgrind
(cachegrind), which simulates the processor: hardware counters are rarely available in virtual
machines. The function runs in the client of the runtime API, warm, with deliveries of 100 changes;
its AWS calls are answered in the process, so that TLS and the kernel do not count.
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
from typing import Final

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


def machine_instructions(made: Setup) -> float | None:
    """For a change; None where valgrind is not installed."""
    if shutil.which(VALGRIND) is None:
        say(f"{VALGRIND} is not installed: machine instructions are not counted")
        return None
    say("machine instructions, with valgrind …")
    with ThreadPoolExecutor() as threads:
        fewer, more = threads.map(lambda times: _counted(made, times), (_FEWER, _MORE))
    return (more - fewer) / (_MORE - _FEWER) / SIZE


def _counted(made: Setup, times: int) -> int:
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder, "valgrind.log")
        under = (
            *(VALGRIND, "--tool=cachegrind", "--cache-sim=no"),
            *("--cachegrind-out-file=/dev/null", f"--log-file={log}"),
        )
        with made.started("alerter_without_network", under=under) as function:
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
