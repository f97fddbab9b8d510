"""All that is kept of one security group or prefix list."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from .statements import Statement


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupMemory:
    """What records said of one security group or prefix list. Nothing is known at first."""

    statements: frozenset[Statement] = frozenset()

    def adding(self, statements: Iterable[Statement]) -> GroupMemory:
        """The memory with these, too."""
        return GroupMemory(statements=self.statements.union(statements))
