"""Measures the function, prints the results beside its goals, and writes results.json.

Exits with 1 if a goal is missed, and names it; with 2 where nothing can be measured.
"""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

from .bursts import Bursts, measured_bursts
from .goals import CONTEXT, GOALS
from .instructions import Instructions, bytecode_instructions, machine_instructions
from .interpreter import runtime_version, version_of
from .large_replay import Replay, measured_replay
from .look import Look, measured_look
from .machine import machine, warn_of_load
from .progress import say
from .report import missed, table_of
from .rounds import Rounds, measured_rounds
from .setups import PYTHON, setup

RESULTS: Final = Path(__file__).parent / "results.json"


class Found(NamedTuple):
    """All that is measured."""

    rounds: Rounds
    bursts: Bursts
    instructions: Instructions
    bytecodes: float
    look: Look
    replay: Replay
    zip_mb: float


def main() -> int:
    """Measure, write, print."""
    if not sys.platform.startswith("linux"):
        print(
            "make bench needs Linux: the client of Lambda's runtime API has no wheels for other "
            "systems.",
            file=sys.stderr,
        )
        return 2
    say(which_python())
    warn_of_load()
    with setup() as made:
        found = Found(
            rounds=measured_rounds(made),
            bursts=measured_bursts(made),
            instructions=machine_instructions(made),
            bytecodes=bytecode_instructions(made),
            look=measured_look(made),
            replay=measured_replay(),
            zip_mb=made.zip_mb,
        )
        names = list(made.handlers)
    results = {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "python": _python("platform.python_version()"),
        "machine": machine(),
        "measured": _rounded(_measured(found)),
        "context": _rounded(_context(found)),
        "medians": {name: _medians(found.rounds, name) for name in names},
    }
    RESULTS.write_text(f"{json.dumps(results, indent=2)}\n", encoding="utf-8")
    print(table_of(results))
    return verdict(results)


def verdict(results: dict[str, Any]) -> int:
    """Name the goals that are missed; 1 if there are any."""
    names = missed(results)
    for name in names:
        print(f"missed: {GOALS[name].words} ({name})", file=sys.stderr)
    return 1 if names else 0


def which_python() -> str:
    """The Python that the function runs on, and whether it is the runtime's."""
    wanted, version = runtime_version(), version_of(PYTHON)
    path = _python("getattr(sys, '_base_executable', sys.executable)")
    words = f"measuring on Python {_python('platform.python_version()')}, {path}"
    if version != wanted:
        words += f": WARNING: no Python {wanted} that runs was found, which Lambda would use"
    return words


def _python(expression: str) -> str:
    script = f"import platform, sys; print({expression})"
    done = subprocess.run([PYTHON, "-c", script], stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout.strip()


def _measured(found: Found) -> dict[str, float | None]:
    rounds, bursts, instructions = found.rounds, found.bursts, found.instructions
    values = {
        "messages_a_second": bursts.most_in_a_second,
        "messages_of_5000_openings": bursts.messages_of_5000_openings,
        "unnamed_of_5000": bursts.unnamed_of_5000,
        "kb_a_change_w100": bursts.kb_a_change[100],
        "kb_a_change_w5000": bursts.kb_a_change[5000],
        "seconds_w5000": bursts.seconds_w5000,
        "mb_w5000": bursts.mb_w5000,
        "warm_vs_naive": rounds.ratio("alerter", "naive", "w100"),
        "warm_vs_powertools": rounds.ratio("alerter", "powertools", "w100"),
        "memory_vs_without": rounds.ratio("alerter", "alerter_without_memory", "w100"),
        "cold_vs_naive": rounds.ratio("alerter", "naive", "cold"),
        "cold_vs_powertools": rounds.ratio("alerter", "powertools", "cold"),
        "instructions_a_change": instructions.without_memory,
        "look_seconds": found.look.seconds,
        "replay_mb": found.replay.megabytes,
        "replay_seconds": found.replay.seconds,
    }
    return {name: values[name] for name in GOALS}


def _context(found: Found) -> dict[str, float | None]:
    rounds, bursts, look = found.rounds, found.bursts, found.look
    values = {
        "seconds_w5000_without": bursts.seconds_w5000_without_memory,
        "without_vs_naive": rounds.ratio("alerter_without_memory", "naive", "w100"),
        "without_vs_powertools": rounds.ratio("alerter_without_memory", "powertools", "w100"),
        "memory_alone_vs_without": rounds.ratio(
            "alerter_without_ledger", "alerter_without_memory", "w100"
        ),
        "messages_of_5000": bursts.messages_of_5000,
        "warm_vs_naive_w1": rounds.ratio("alerter", "naive", "w1"),
        "without_network_vs_parsing": rounds.ratio(
            "alerter_without_network", "floor_messages", "w100"
        ),
        "aws_calls": rounds.median_of("alerter", "calls"),
        "look_calls": look.calls,
        "look_processor_seconds": look.processor_seconds,
        "look_seconds_warm": look.seconds_warm,
        "growth": bursts.growth,
        "memory_vs_naive": rounds.ratio("alerter", "naive", "mb"),
        "zip_mb": found.zip_mb,
        "init_after_mtime_change": rounds.ratio("alerter_after_mtime_change", "alerter", "init"),
        "instructions_with_memory": found.instructions.with_memory,
        "bytecodes_a_change": found.bytecodes / 1000,
    }
    return {name: values[name] for name in CONTEXT}


def _medians(rounds: Rounds, name: str) -> dict[str, float | None]:
    times = {what: rounds.median_of(name, what) for what in ("init", "cold", "w1", "w100")}
    found = {f"{what}_ms": None if value is None else 1000 * value for what, value in times.items()}
    return _rounded(found | {"peak_mb": rounds.median_of(name, "mb")}, digits=2)


def _rounded(values: dict[str, float | None], digits: int = 3) -> dict[str, float | None]:
    return {name: None if value is None else round(value, digits) for name, value in values.items()}


if __name__ == "__main__":
    sys.exit(main())
