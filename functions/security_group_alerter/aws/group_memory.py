"""What is remembered of each security group and prefix list. Reads and writes a DynamoDB table.

A delivery reads what is known of the groups that it names, adds what it says, and writes back what
that changed, if nobody else wrote in between. Adding is repeatable: a delivery that comes again
after a crash, or after an answer that was lost, finds what it says there, and writes nothing.

A table that fails stops no alert and takes no longer than it is given: a group whose memory cannot
be read is folded from the delivery alone. So is one whose memory is broken, or written by a newer
version of this code. That memory is left as it is: what this delivery says would be all that is
left of it. It is counted at every delivery, until a newer version reads it, somebody deletes the
item, or it expires.
https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from datetime import datetime
from itertools import chain
from typing import TYPE_CHECKING, Any

from botocore.config import Config
from botocore.exceptions import ClientError

from ..memory.fold import Fold, fold
from ..memory.group_memory import GroupMemory
from ..memory.recollection import Recollection
from ..memory.statements import Statement
from ..model.dataclass import dataclass
from ..model.exposure_life import Resource
from .group_items import Kept, kept_in, key_of, update_of

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

CLIENT_CONFIG = Config(
    connect_timeout=1,
    read_timeout=2,
    retries={"mode": "standard", "total_max_attempts": 2},
    # A quarter of the processor time of calls with a hundred items; DynamoDB checks them as well.
    parameter_validation=False,
)
# Both attempts, and up to a second between them. With less time than this left, no call is made.
LONGEST_CALL = 7.0
# Items in a call, to read or to write.
MOST_IN_CALL = 100
# A transaction has 4 MB, of which attributes that this code does not know may take a part.
LARGEST_TRANSACTION = 3_000_000
# Calls for each hundred groups beyond the one that reads and the one that writes.
MOST_RETRIES = 4

_READ = "#resource, version, memory, told, snoozed, looked_at"
# A write that came between, or is just being made.
_CONFLICTS = {
    "ConditionalCheckFailed",
    "ConditionalCheckFailedException",
    "TransactionConflict",
    "TransactionConflictException",
}
_THROTTLED = {
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "ThrottlingException",
    "TransactionInProgressException",
}


class GroupMemoryTable:
    """The table. `clock` is monotonic, in seconds; `client` should be made with CLIENT_CONFIG."""

    def __init__(
        self,
        client: DynamoDBClient,
        *,
        table_name: str,
        sleep: Callable[[float], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._table_name = table_name
        self._sleep = sleep
        self._clock = clock

    def recall(
        self,
        said: Mapping[Resource, Collection[Statement]],
        *,
        at: Collection[str],
        now: datetime,
        seconds: float,
    ) -> Recollection:
        """Fold each resource by all that is known, and remember what is said of it. Never raises.

        `at` are the ids of the events whose moments are asked for. It takes at most `seconds`, and
        reads nothing in less than LONGEST_CALL. The first resources are read, folded and written
        first; what there is no time for is folded from what is said alone.
        """
        groups = [_Group(it, tuple(statements)) for it, statements in said.items()]
        allowance = _Allowance(
            deadline=self._clock() + seconds,
            retries=MOST_RETRIES * -(-len(groups) // MOST_IN_CALL),
            clock=self._clock,
            sleep=self._sleep,
        )
        recall = _Recall(self._client, self._table_name, allowance, frozenset(at), now)
        recall.read(groups)
        recall.write(groups)
        return Recollection(
            folds={it.resource: it.fold for it in groups if it.fold is not None},
            told={it.resource: it.kept.told for it in groups if it.kept.told},
            snoozed={it.resource: it.kept.snoozed for it in groups if it.kept.snoozed},
            versions={
                it.resource: it.kept.version
                for it in groups
                if it.kept.version is not None and it.is_as_read
            },
            unread={it.resource: it.unread for it in groups if it.unread is not None},
            unwritten={it.resource: it.unwritten for it in groups if it.unwritten is not None},
            broken=frozenset(it.resource for it in groups if it.is_broken),
        )


@dataclass(slots=True, eq=False)
class _Group:
    """A group or a list, and what becomes of it. `update` is the change that is to be written."""

    resource: Resource
    statements: tuple[Statement, ...]
    key: str = field(init=False)
    kept: Kept = Kept()
    fold: Fold | None = None
    update: dict[str, Any] | None = None
    unread: str | None = None
    unwritten: str | None = None
    is_broken: bool = False

    def __post_init__(self) -> None:
        self.key = key_of(self.resource)

    @property
    def is_as_read(self) -> bool:
        """Whether it was read and understood, and nothing is to be written."""
        return self.update is None and self.unread is None and self.unwritten is None


@dataclass(frozen=True, slots=True)
class _Batch:
    """Groups that are written in one call; `is_stale` asks for them to be read again before."""

    groups: Sequence[_Group]
    is_retry: bool = False
    is_stale: bool = False


class _GivenUpError(Exception):
    """The time or the number of calls does not allow another one."""


@dataclass(slots=True)
class _Allowance:
    """The time and the number of calls that one recall may take."""

    deadline: float
    retries: int
    clock: Callable[[], float]
    sleep: Callable[[float], None]
    _wait: float = 0.05

    def take(self, *, is_retry: bool) -> None:
        """Wait for the turn of a call; raises _GivenUpError where none is allowed."""
        wait = 0.0
        if is_retry:
            if not self.retries:
                raise _GivenUpError("the table was busy at every try")
            self.retries -= 1
            wait = self._wait
            self._wait = min(2 * wait, 1.0)
        self.check(wait + LONGEST_CALL)
        if wait:
            self.sleep(wait)

    def check(self, seconds: float = 0.0) -> None:
        """Raise _GivenUpError unless so much time is left."""
        if self.clock() + seconds > self.deadline:
            raise _GivenUpError("the time ran out")


class _Recall:
    """One recall: what is read and written of the table."""

    def __init__(
        self,
        client: DynamoDBClient,
        table_name: str,
        allowance: _Allowance,
        at: frozenset[str],
        now: datetime,
    ) -> None:
        self._client = client
        self._table_name = table_name
        self._allowance = allowance
        self._at = at
        self._now = now

    def read(self, groups: Sequence[_Group]) -> None:
        """Fold each with what the table has of it; where it has no answer, alone."""
        try:
            for start in range(0, len(groups), MOST_IN_CALL):
                for group, item in self._items_of(groups[start : start + MOST_IN_CALL]):
                    self._take(group, item)
        except Exception as error:  # noqa: BLE001
            # Whatever it is must stop no alert; and a table that is down takes long to say so.
            for group in groups:
                if group.fold is None and group.unread is None:
                    group.unread = _why(error)
        for group in groups:
            if group.fold is None:
                self._fold_alone(group)

    def write(self, groups: Iterable[_Group]) -> None:
        """Write those that changed."""
        waiting = deque(_batches_of(groups))
        while waiting:
            batch = waiting.popleft()
            try:
                waiting += self._offer(batch)
            except Exception as error:  # noqa: BLE001 - as above
                left = chain(batch.groups, *(it.groups for it in waiting))
                for group in left:
                    if group.update is not None:
                        group.unwritten = _why(error)
                return

    def _items_of(
        self, groups: Iterable[_Group], *, is_retry: bool = False
    ) -> Iterator[tuple[_Group, Any]]:
        """Each group with its item, or None, as the table answers."""
        left = {group.key: group for group in groups}
        while left:
            self._allowance.take(is_retry=is_retry)
            answer: Any = self._client.batch_get_item(
                RequestItems={
                    self._table_name: {
                        "Keys": [{"resource": {"S": key}} for key in left],
                        "ProjectionExpression": _READ,
                        # A word that DynamoDB reserves.
                        "ExpressionAttributeNames": {"#resource": "resource"},
                        "ConsistentRead": True,
                    }
                }
            )
            items = {
                it["resource"]["S"]: it for it in answer["Responses"].get(self._table_name, [])
            }
            unread = answer.get("UnprocessedKeys", {}).get(self._table_name, {}).get("Keys", [])
            again = {key["resource"]["S"]: left.pop(key["resource"]["S"]) for key in unread}
            for key, group in left.items():
                # To fold a memory of thousands of statements takes its time, too.
                self._allowance.check()
                yield group, items.get(key)
            left, is_retry = again, True

    def _take(self, group: _Group, item: Any) -> None:
        """Add what is said to what is kept, fold it, and prepare what is to be written."""
        group.update = None
        try:
            kept = group.kept = kept_in(group.resource, item)
            memory = kept.memory.adding(group.statements)
            group.fold = fold(group.resource, memory, at=self._at)
        except Exception as error:  # noqa: BLE001 - one broken item must not take others with it
            group.is_broken = True
            if group.fold is None:
                group.unread = _why(error)
            else:
                group.unwritten = _why(error)
            return
        # What an older version left open is in no index until it is written once more.
        if memory != kept.memory or (kept.is_told_unsaid and kept.told):
            self._prepare(group, kept, memory, group.fold)

    def _prepare(self, group: _Group, kept: Kept, memory: GroupMemory, folded: Fold) -> None:
        try:
            group.update = update_of(group.resource, kept, memory, folded, self._now)
        except Exception as error:  # noqa: BLE001 - as above
            group.is_broken = True
            group.unwritten = _why(error)

    def _fold_alone(self, group: _Group) -> None:
        try:
            memory = GroupMemory().adding(group.statements)
            group.fold = fold(group.resource, memory, at=self._at)
        except Exception as error:  # noqa: BLE001
            # A fault of ours: then the call is judged by its record.
            group.unread = _why(error)

    def _offer(self, batch: _Batch) -> Iterable[_Batch]:
        """Write a batch; what of it has to be offered again, and how."""
        if batch.is_stale:
            for group, item in self._items_of(batch.groups, is_retry=True):
                self._take(group, item)
        groups = [group for group in batch.groups if group.update is not None]
        if not groups:
            return ()
        self._allowance.take(is_retry=batch.is_retry)
        try:
            self._put(groups)
        except ClientError as error:
            return _again(groups, error)
        return ()

    def _put(self, groups: Sequence[_Group]) -> None:
        updates: list[Any] = [
            {
                "TableName": self._table_name,
                "Key": {"resource": {"S": it.key}},
                **(it.update or {}),
            }
            for it in groups
        ]
        if len(updates) == 1:
            # A transaction of one would cost twice as much.
            self._client.update_item(**updates[0])
        else:
            self._client.transact_write_items(TransactItems=[{"Update": it} for it in updates])


def _again(groups: Sequence[_Group], error: ClientError) -> list[_Batch]:
    """How to offer again what was refused; what would be refused again is unwritten.

    A transaction writes all or nothing. Of one that was cancelled, groups that nothing is wrong
    with go together again, those in which somebody else wrote are read again, and each of the
    others is tried by itself.
    """
    reasons: Any = error.response.get("CancellationReasons", ())
    is_cancelled = len(reasons) == len(groups)
    codes = [it.get("Code") for it in reasons] if is_cancelled else [_code_of(error)] * len(groups)
    together: list[_Group] = []
    stale: list[_Group] = []
    alone: list[_Group] = []
    for group, code in zip(groups, codes, strict=True):
        if code in _CONFLICTS:
            stale.append(group)
        elif code == "None" or (code in _THROTTLED and not is_cancelled):
            together.append(group)
        elif is_cancelled:
            alone.append(group)
        else:
            group.unwritten = _why(error)
    batches = [_Batch(together, is_retry=True), _Batch(stale, is_retry=True, is_stale=True)]
    batches += [_Batch([group], is_retry=True) for group in alone]
    return [batch for batch in batches if batch.groups]


def _batches_of(groups: Iterable[_Group]) -> Iterator[_Batch]:
    """As many of those that changed as a transaction takes."""
    batch: list[_Group] = []
    size = 0
    for group in groups:
        if group.update is None:
            continue
        own = len(group.update["ExpressionAttributeValues"][":memory"]["B"])
        if batch and (len(batch) == MOST_IN_CALL or size + own > LARGEST_TRANSACTION):
            yield _Batch(batch)
            batch, size = [], 0
        batch.append(group)
        size += own
    if batch:
        yield _Batch(batch)


def _code_of(error: ClientError) -> str:
    return error.response.get("Error", {}).get("Code", "")


def _why(error: Exception) -> str:
    return str(error) if isinstance(error, _GivenUpError) else f"{type(error).__name__}: {error}"
