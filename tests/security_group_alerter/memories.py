"""A memory of groups in a dictionary, folded as the table's is."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

from security_group_alerter.memory.fold import fold
from security_group_alerter.memory.group_memory import GroupMemory
from security_group_alerter.memory.recollection import Recollection
from security_group_alerter.memory.statements import Statement
from security_group_alerter.model.exposure_life import Resource
from security_group_alerter.model.ledger import LedgerEntry, Told


class Memories:
    """What is remembered of each group or list; nothing at first."""

    def __init__(self) -> None:
        self._kept: dict[Resource, GroupMemory] = {}
        self.told: dict[Resource, dict[str, Told]] = {}

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
            told={it: dict(self.told[it]) for it in said if it in self.told},
        )

    def note(self, entries: Iterable[LedgerEntry]) -> int:
        for entry in entries:
            self.told.setdefault(entry.resource, {}).update(entry.told)
        return 0
