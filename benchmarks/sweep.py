"""Measures a sweep: its AWS calls, the seconds that its functions run, and what that costs.

    PYTHONPATH=functions python -m benchmarks.sweep [--accounts N]

Every account has 17 Regions: two that it uses, with 50 security groups each, of which two are open
to the world, and 15 with nothing but a default group. Swept are the first night, of which all is
new, and the second, which is like every other. Writes benchmarks/sweep.json for 1,000 accounts.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from unittest import mock

from security_group_alerter.aws.sweep_queue import THREADS as SENDERS
from security_group_alerter.aws.sweep_queue import item_in
from security_group_alerter.planning import Planner
from security_group_alerter.sweeping import Sweep
from security_group_alerter.wiring.sweep import planner_for, sweep_for

from .progress import say
from .sweep_world import REGIONS, World

RESULTS: Final = Path(__file__).parent / "sweep.json"
ACCOUNTS: Final = 1000
LATENCY: Final = 0.05
NIGHT: Final = datetime(2026, 11, 20, 3, tzinfo=UTC)
# stacks/sweep.yaml: MaximumConcurrency, BatchSize and MemorySize. A test holds them equal.
FUNCTIONS: Final = 10
BATCH: Final = 1
MEMORY_GB: Final = 0.5
# https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html
PROCESSOR: Final = 512 / 1769
# List prices in us-east-1, November 2026, in US dollars: arm64, on demand.
A_GB_SECOND: Final = 0.0000133334
A_MILLION_INVOCATIONS: Final = 0.20
A_MILLION_SQS_REQUESTS: Final = 0.40
A_MILLION_READ_UNITS: Final = 0.125
A_MILLION_WRITE_UNITS: Final = 0.625
A_GB_OF_LOGS: Final = 0.50
# Of a function's log: a line for each place, and Lambda's own for each invocation.
LOG_BYTES_A_PLACE: Final = 400
LOG_BYTES_AN_INVOCATION: Final = 700
ENVIRONMENT: Final = {
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_ACCESS_KEY_ID": "none",
    "AWS_SECRET_ACCESS_KEY": "none",
    "GROUP_MEMORY_TABLE": "group-memory",
    "LOOK_ROLE_NAME": "look",
    "SWEEP_QUEUE_URL": "https://sqs.eu-central-1.amazonaws.com/111122223333/sweep",
}


def main(arguments: list[str] | None = None) -> int:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sweep", description=__doc__)
    parser.add_argument("--accounts", type=int, default=ACCOUNTS, metavar="N")
    accounts = parser.parse_args(arguments).accounts
    results = measured(accounts)
    print(json.dumps(results, indent=2))
    if accounts == ACCOUNTS:
        RESULTS.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    return 0


def measured(accounts: int, *, functions: int = FUNCTIONS) -> dict[str, Any]:
    """Of the first night and of the next: calls, seconds and cost."""
    world = World(accounts)
    with mock.patch.dict(os.environ, ENVIRONMENT), world.reachable():
        nights = {
            # Every night begins with cold functions.
            name: _night(
                world,
                planner_for(os.environ),
                [sweep_for(os.environ) for _ in range(functions)],
                NIGHT + timedelta(days=number),
            )
            for number, name in enumerate(("first", "next"))
        }
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "python": sys.version.split()[0],
        "accounts": accounts,
        "regions": len(REGIONS),
        "latency": LATENCY,
        "items_in_table": Counter("#sweep" if it[0] == "#" else "group" for it in world.items),
        **nights,
    }


def _night(world: World, planner: Planner, sweeps: list[Sweep], now: datetime) -> dict[str, Any]:
    world.calls.clear()
    world.messages.clear()
    world.read_units = world.write_units = 0
    spent = _Spent(world)
    planner.plan(now=now, time_left=lambda: 900.0)
    planned, plan_processor = dict(world.calls), spent.processor()
    say(f"planned: {len(world.messages)} messages")
    world.calls.clear()
    spent = _Spent(world)
    batches = [
        world.messages[start : start + BATCH] for start in range(0, len(world.messages), BATCH)
    ]
    for number, batch in enumerate(batches):
        sweep = sweeps[number % len(sweeps)]
        for message in batch:
            report = sweep.run(item_in(message), now=now, time_left=lambda: 300.0)
            if report.problem is not None:
                raise RuntimeError(f"not swept: {report}")
        if number % 500 == 499:
            say(f"swept: {number + 1} of {len(batches)} batches")
    processor = spent.processor()
    swept = dict(world.calls)
    calls = sum(swept.values())
    seconds = calls * LATENCY + processor / PROCESSOR
    return {
        "plan": {
            "calls": planned,
            "seconds": round(_plan_seconds(planned) + plan_processor / PROCESSOR, 1),
        },
        "sweep": {
            "places": len(world.messages),
            "calls": swept,
            "calls_a_place": round(calls / len(world.messages), 2),
            "processor_seconds": round(processor, 1),
            "function_seconds": round(seconds),
            "minutes_with_ten_functions": round(seconds / FUNCTIONS / 60, 1),
            "read_units": world.read_units,
            "write_units": world.write_units,
        },
        "dollars": _dollars(world, len(batches), seconds),
    }


class _Spent:
    """Processor time since then, without what the answers took to make."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._started = time.process_time() - world.answering

    def processor(self) -> float:
        return time.process_time() - self._world.answering - self._started


def _plan_seconds(calls: dict[str, int]) -> float:
    """One after the other, but for Regions and messages: eight at a time."""
    at_once = ("AssumeRole", "DescribeRegions", "SendMessageBatch")
    waits = sum(count / (SENDERS if name in at_once else 1) for name, count in calls.items())
    return waits * LATENCY


def _dollars(world: World, batches: int, seconds: float) -> dict[str, float]:
    """Of one night."""
    places = len(world.messages)
    # Sent by ten, received and deleted by batch.
    requests = places / 10 + 2 * batches
    logs = places * LOG_BYTES_A_PLACE + batches * LOG_BYTES_AN_INVOCATION
    parts = {
        "lambda": seconds * MEMORY_GB * A_GB_SECOND + batches / 1e6 * A_MILLION_INVOCATIONS,
        "dynamodb": world.read_units / 1e6 * A_MILLION_READ_UNITS
        + world.write_units / 1e6 * A_MILLION_WRITE_UNITS,
        "sqs": requests / 1e6 * A_MILLION_SQS_REQUESTS,
        "logs": logs / 1e9 * A_GB_OF_LOGS,
    }
    return {name: round(it, 5) for name, it in {**parts, "total": sum(parts.values())}.items()}


if __name__ == "__main__":
    sys.exit(main())
