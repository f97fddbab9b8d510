"""Says what is measured at the moment, on standard error."""

from __future__ import annotations

import sys
import time
from typing import Final

_STARTED: Final = time.monotonic()


def say(words: str) -> None:
    """A line with the seconds since the start."""
    print(f"{time.monotonic() - _STARTED:4.0f} s  {words}", file=sys.stderr, flush=True)
