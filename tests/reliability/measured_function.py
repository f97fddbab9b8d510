"""One invocation in a process of its own: the payload comes in on standard input.

What it answers is one line of JSON: the function's counts, and the most memory that it held, in MB.
"""

import json
import os
import resource
import sys
from pathlib import Path

from local.lambda_context import lambda_context
from security_group_alerter.handlers import delivery as handler


def main() -> None:
    """Invoke it once."""
    payload = json.load(sys.stdin)
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    # Standard output is the function's log.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    tally = handler.lambda_handler(payload, lambda_context())
    with answers:
        json.dump({"tally": tally, "megabytes": peak_megabytes()}, answers)


def peak_megabytes() -> float:
    """The most that this process held."""
    status = Path("/proc/self/status")
    if status.exists():
        # On Linux getrusage would tell of the process that started this one, too.
        [line] = [it for it in status.read_text().splitlines() if it.startswith("VmHWM:")]
        return int(line.split()[1]) / 1024
    # macOS counts bytes.
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2


if __name__ == "__main__":
    main()
