"""The time that a function has left."""

from __future__ import annotations

from collections.abc import Callable

# In seconds, until Lambda ends the invocation.
TimeLeft = Callable[[], float]
