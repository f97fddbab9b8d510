"""What the table of alerted events answers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenAnswer:
    """The keys that have been alerted; `is_sure` is False when not all could be looked up."""

    keys: frozenset[str] = frozenset()
    is_sure: bool = True
