"""Runs a command as a program: its result is the exit status; a closed pipe is not an error."""

from __future__ import annotations

import errno
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
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        # Else Python tries once more as it exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        print(f"{name}: no space is left where its output goes", file=sys.stderr)
        status = 1
    except Exception as error:
        if not _is_no_answer_of_aws(error):
            raise
        print(
            f"{name}: what answered is not AWS: its answer cannot be read. A proxy may have "
            "answered instead: check HTTPS_PROXY and the network",
            file=sys.stderr,
        )
        status = 2
    sys.exit(status)


def _is_no_answer_of_aws(error: Exception) -> bool:
    # botocore takes its time to import, and replay does without.
    from botocore.parsers import ResponseParserError

    return isinstance(error, ResponseParserError)
