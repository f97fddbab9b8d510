"""A memory of groups in a dictionary, folded as the table's is."""

from collections.abc import Collection, Mapping
from datetime import datetime

from security_group_alerter.memory.fold import fold
from security_group_alerter.memory.group_memory import GroupMemory
from security_group_alerter.memory.recollection import Recollection
from security_group_alerter.memory.statements import Statement
from security_group_alerter.model.exposure_life import Resource


class Memories:
    """What is remembered of each group or list; nothing at first."""

    def __init__(self) -> None:
        self._kept: dict[Resource, GroupMemory] = {}

    def recall(
        self,
        said: Mapping[Resource, Collection[Statement]],
        *,
        at: Collection[str],
        now: datetime,
        seconds: float,
    ) -> Recollection:
        assert now.tzinfo is not None
        assert seconds >= 0
        for resource, statements in said.items():
            self._kept[resource] = self._kept.get(resource, GroupMemory()).adding(statements)
        return Recollection(
            folds={it: fold(it, self._kept[it], at=frozenset(at)) for it in said},
        )
