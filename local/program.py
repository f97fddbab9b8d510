"""Runs a command as a program: its result is the exit status; a closed pipe is not an error."""

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
    """Run it and exit; with the status `when_closed` if nobody reads its output any more."""
    try:
        status = main()
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader has had enough: `| head`. Without this, Python prints an error as it exits.
        # https://docs.python.org/3/library/signal.html#note-on-sigpipe
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = when_closed
    except KeyboardInterrupt:
        print(f"{name}: interrupted; {when_interrupted}", file=sys.stderr)
        status = 130
    sys.exit(status)
