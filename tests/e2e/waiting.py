"""Waiting for what is on its way."""

import time
from collections.abc import Callable
from typing import Final, TypeVar

T = TypeVar("T")

# An alert takes a second, a cold start included, on a machine that has nothing else to do.
PATIENCE_SECONDS: Final = 60


def wait_for(look: Callable[[], T | None], what: str) -> T:
    """What `look` returns, as soon as that is not None (or empty). Raises TimeoutError."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.05)
    raise TimeoutError(f"there was no {what} in {PATIENCE_SECONDS} s")
