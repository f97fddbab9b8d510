"""Runs a command as a program: its answer is the exit status, and a closed pipe is no error."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import NoReturn


def run(
    name: str,
    main: Callable[[], int],
    *,
    when_interrupted: str = "nothing was changed",
    when_closed: int = 1,
) -> NoReturn:
    """Run it and end the process; with `when_closed` when nobody reads any more."""
    try:
        status = main()
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever reads has read enough: `| head`. Else Python complains when it closes the stream.
        # https://docs.python.org/3/library/signal.html#note-on-sigpipe
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = when_closed
    except KeyboardInterrupt:
        print(f"{name}: interrupted; {when_interrupted}", file=sys.stderr)
        status = 130
    sys.exit(status)
