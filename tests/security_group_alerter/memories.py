"""A memory of groups in a dictionary, folded as the table's is; and the ledger beside it."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime

from security_group_alerter.memory.fold import Fold, fold
from security_group_alerter.memory.group_memory import GroupMemory
from security_group_alerter.memory.recollection import Recollection
from security_group_alerter.memory.statements import Look, Statement
from security_group_alerter.model.exposure_life import Resource
from security_group_alerter.model.ledger import LedgerEntry, OpenGroup, Snooze, Told
from security_group_alerter.model.severity import Severity


@dataclass(slots=True)
class _Listed:
    """Where a group stands in the index of what is open."""

    severity: Severity
    looked_at: datetime | None


@dataclass(slots=True)
class Memories:
    """What is remembered of each group or list; nothing at first.

    `unread` and `unwritten` fail, and why; whatever is in `unnoted` cannot be noted.
    """

    told: dict[Resource, dict[str, Told]] = field(default_factory=dict)
    snoozed: dict[Resource, Snooze] = field(default_factory=dict)
    unread: dict[Resource, str] = field(default_factory=dict)
    unwritten: dict[Resource, str] = field(default_factory=dict)
    unnoted: set[Resource] = field(default_factory=set)
    is_leased: bool = False
    _kept: dict[Resource, GroupMemory] = field(default_factory=dict)
    _versions: dict[Resource, int] = field(default_factory=dict)
    _listed: dict[Resource, _Listed] = field(default_factory=dict)

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
        folds: dict[Resource, Fold] = {}
        versions: dict[Resource, int] = {}
        for resource, statements in said.items():
            kept = GroupMemory() if resource in self.unread else self._memory_of(resource)
            memory = kept.adding(statements)
            folds[resource] = fold(resource, memory, at=frozenset(at))
            if resource in {**self.unread, **self.unwritten}:
                continue
            if memory != kept:
                self._write(resource, memory, folds[resource])
            elif resource in self._versions:
                versions[resource] = self._versions[resource]
        return Recollection(
            folds=folds,
            told={it: dict(self.told[it]) for it in said if it in self.told},
            snoozed={it: self.snoozed[it] for it in said if it in self.snoozed},
            versions=versions,
            unread={it: why for it, why in self.unread.items() if it in said},
            unwritten={it: why for it, why in self.unwritten.items() if it in said},
        )

    def statements_of(self, resource: Resource) -> frozenset[Statement]:
        return frozenset(self._memory_of(resource).statements)

    def fold_of(self, resource: Resource) -> Fold:
        return fold(resource, self._memory_of(resource))

    @property
    def resources(self) -> list[Resource]:
        return [*self._kept]

    def _memory_of(self, resource: Resource) -> GroupMemory:
        return self._kept.get(resource, GroupMemory())

    def _write(self, resource: Resource, memory: GroupMemory, folded: Fold) -> None:
        self._kept[resource] = memory
        self._versions[resource] = self._versions.get(resource, 0) + 1
        self.told.setdefault(resource, {})
        standing = [life.severity for life in folded.exposures if life.closed is None]
        if standing:
            looks = [it.seen_at for it in memory.statements if isinstance(it, Look)]
            self._listed[resource] = _Listed(max(standing), max(looks, default=None))

    def note(self, entries: Iterable[LedgerEntry]) -> int:
        failures = 0
        for entry in entries:
            if entry.resource in self.unnoted or entry.resource not in self._versions:
                failures += 1
                continue
            told = self.told[entry.resource]
            told.update(entry.told)
            for uid in entry.forgotten:
                told.pop(uid, None)
            if entry.looked_at is not None and entry.resource in self._listed:
                self._listed[entry.resource].looked_at = entry.looked_at
        return failures

    # The ledger.

    def open_groups(self) -> Iterator[OpenGroup]:
        groups = [
            OpenGroup(resource=resource, severity=it.severity, looked_at=it.looked_at)
            for resource, it in self._listed.items()
        ]
        yield from sorted(groups, key=_place_of)

    def let_go(self, resource: Resource, version: int) -> None:
        if self._versions[resource] == version:
            self._listed.pop(resource, None)

    @contextmanager
    def lease(self, _now: datetime) -> Iterator[bool]:
        if self.is_leased:
            yield False
            return
        self.is_leased = True
        try:
            yield True
        finally:
            self.is_leased = False

    def copy(self) -> "Memories":
        """The same, of which nothing changes with it."""
        return replace(
            self,
            told={it: dict(told) for it, told in self.told.items()},
            _kept=dict(self._kept),
            _versions=dict(self._versions),
            _listed={it: replace(listed) for it, listed in self._listed.items()},
        )


def _place_of(group: OpenGroup) -> tuple[int, float]:
    """As the index has them."""
    return -group.severity, group.looked_at.timestamp() if group.looked_at else 0.0
