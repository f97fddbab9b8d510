"""All that is kept of one security group or prefix list."""

from __future__ import annotations

from collections.abc import Iterable

from ..model.dataclass import dataclass
from .base import Base
from .statements import Statement


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupMemory:
    """What was said of one security group or prefix list. Nothing is known at first.

    Of the time before that of the base, the base is all that is known.
    """

    base: Base | None = None
    statements: frozenset[Statement] = frozenset()

    def adding(self, statements: Iterable[Statement]) -> GroupMemory:
        """The memory with these, too. What is said of the time before the base adds nothing."""
        base = self.base
        newer = (it for it in statements if base is None or it.event.time >= base.time)
        return GroupMemory(base=base, statements=self.statements.union(newer))
