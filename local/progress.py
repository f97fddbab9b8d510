"""A bar for what takes long, on a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

# A bar for less would only flicker, in seconds.
_DELAY: Final = 0.5


@contextmanager
def progress(total: int | None, unit: str) -> Iterator[Callable[[int], object]]:
    """Show a bar when it takes long; yields what is to be called with each step."""
    if not sys.stderr.isatty():
        yield id
        return
    from tqdm import tqdm

    with tqdm(total=total, unit=unit, unit_scale=True, delay=_DELAY, leave=False) as bar:
        yield bar.update
