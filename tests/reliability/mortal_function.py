"""The function in processes of its own, which end at a given AWS call as if Lambda had ended them.

A line of JSON on standard input is an invocation: `payload`, `at` (the number of an AWS call; none
for 0) and `when` (before or after). The line that answers is the exit status: 0 for success, 1 when
it raised, 9 when it was killed. Each runs in a fork, so that the imports are paid for once.
"""

import json
import os
import sys
from contextlib import suppress
from itertools import count
from typing import Any

from botocore import handlers

from local.lambda_context import lambda_context
from security_group_alerter.handlers import delivery as handler
from tests.reliability.small_delivery import in_batches

KILLED = 9


class _Killer:
    """Ends the process at an AWS call."""

    def __init__(self) -> None:
        self.at, self.when = 0, ""
        self._sent, self._received = count(1), count(1)

    def before(self, **_: object) -> None:
        if next(self._sent) == self.at and self.when == "before":
            os._exit(KILLED)

    def after(self, **_: object) -> None:
        if next(self._received) == self.at and self.when == "after":
            os._exit(KILLED)


def main() -> None:
    """Serve until standard input ends."""
    killer = _Killer()
    handlers.BUILTIN_HANDLERS.append(("before-send", killer.before))
    handlers.BUILTIN_HANDLERS.append(("response-received", killer.after))
    handler.alerter()
    with in_batches():
        for line in sys.stdin:
            invocation = json.loads(line)
            killer.at, killer.when = invocation["at"], invocation["when"]
            child = os.fork()
            if not child:
                _invoke(invocation["payload"])
            _, status = os.waitpid(child, 0)
            sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
            sys.stdout.flush()


def _invoke(payload: dict[str, Any]) -> None:
    # Standard output belongs to the answers.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    status = 1
    with suppress(Exception):
        handler.lambda_handler(payload, lambda_context())
        status = 0
    os._exit(status)


if __name__ == "__main__":
    main()
