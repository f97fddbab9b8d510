"""Counts what the function does for a delivery, in a process where nothing else runs.

It prints a line of JSON: for each size of a delivery that it is given, the AWS calls by operation
and the bytecode instructions of a warm invocation.
"""

import json
import os
import sys
from collections import Counter
from collections.abc import Callable
from types import FrameType
from typing import Any

from botocore.client import BaseClient

from benchmarks.handlers import without_network
from benchmarks.workloads import delivery
from local.lambda_context import lambda_context

calls: Counter[str] = Counter()


def main(sizes: list[int]) -> None:
    """Invoke it, and count."""
    told = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    # Standard output is the function's log.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    BaseClient._make_api_call = counted  # type: ignore[attr-defined]
    # From Python 3.12 on, code is counted from its second run under a tracer on.
    counted_in(delivery(100))
    with told:
        json.dump({size: counted_in(delivery(size)) for size in sizes}, told)


def counted_in(payload: dict[str, Any]) -> dict[str, Any]:
    calls.clear()
    instructions = instructions_of(
        lambda: without_network.lambda_handler(payload, lambda_context())
    )
    return {"calls": dict(calls), "instructions": instructions}


def counted(client: BaseClient, operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
    calls[operation] += 1
    return without_network.answer(client, operation, parameters)


def instructions_of(function: Callable[[], object]) -> int:
    count = 0

    def trace(frame: FrameType, event: str, _: object) -> Any:
        nonlocal count
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        count += event == "opcode"
        return trace

    sys.settrace(trace)
    try:
        function()
    finally:
        sys.settrace(None)
    return count


if __name__ == "__main__":
    main([int(size) for size in sys.argv[1:]])
