"""Marks and what was told are written to both tables at once; else, to each by itself."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final
from unittest import mock

import boto3
import pytest
from botocore.awsrequest import AWSPreparedRequest
from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError
from moto.core.models import botocore_stubber

from local.aws import GROUP_MEMORY_TABLE, SEEN_EVENTS_TABLE, emulated_aws
from security_group_alerter.aws.alert_notes import AlertNotes
from security_group_alerter.aws.group_memory import CLIENT_CONFIG, GroupMemoryTable
from security_group_alerter.aws.ledger import MOST_IN_UPDATE, Ledger
from security_group_alerter.aws.seen_events import SeenEvents
from security_group_alerter.memory.statements import RuleThere
from security_group_alerter.model.exposure_life import Event, Resource
from security_group_alerter.model.ledger import LedgerEntry, Told
from security_group_alerter.model.message import Noted
from security_group_alerter.model.seen import Mark
from security_group_alerter.model.severity import Severity
from security_group_alerter.model.subject import SubjectKind
from tests.security_group_alerter.builders import rule

NOW: Final = datetime(2026, 11, 28, 3, 12, 9, tzinfo=UTC)
TOLD: Final = Told(uid="u-1", at=NOW, severity=Severity.CRITICAL)
TOGETHER, MARK, TELL = "TransactWriteItems", "BatchWriteItem", "UpdateItem"
UNANSWERED: Final = ReadTimeoutError(endpoint_url="https://dynamodb")


def group(number: int) -> Resource:
    return Resource(
        kind=SubjectKind.SECURITY_GROUP,
        id=f"sg-{number:017x}",
        account_id="222233334444",
        region="eu-central-1",
    )


def entry(number: int, exposures: int = 1) -> LedgerEntry:
    return LedgerEntry(resource=group(number), told={f"u-{it}": TOLD for it in range(exposures)})


def marks(number: int) -> list[Mark]:
    return [Mark(f"event-{it:03}") for it in range(number)]


class Tables:
    """Both tables; `calls` are made in turn, and those of an operation may fail."""

    def __init__(self) -> None:
        self.client = boto3.client("dynamodb", config=CLIENT_CONFIG)
        self.calls: list[tuple[str, int]] = []
        self.failing: dict[str, Exception] = {}
        self.memory = GroupMemoryTable(
            self.client, table_name=GROUP_MEMORY_TABLE, sleep=lambda _: None
        )
        self.events = SeenEvents(
            self.client,
            table_name=SEEN_EVENTS_TABLE,
            clock=NOW.timestamp,
            sleep=lambda _: None,
        )
        ledger = Ledger(self.client, table_name=GROUP_MEMORY_TABLE, sleep=lambda _: None)
        self.notes = AlertNotes(self.client, events=self.events, ledger=ledger)
        self._make = self.client._make_api_call  # type: ignore[attr-defined]

    def remember(self, *numbers: int) -> None:
        """Of these groups there is a memory, beside which to note something."""
        event = Event(event_id="opening", time=NOW, principal="arn:…:user/jane")
        there = RuleThere(event=event, rule=rule("tcp 22 from 0.0.0.0/0"))
        said = {group(it): [there] for it in numbers}
        self.memory.recall(said, at=(), now=NOW, seconds=60)

    def note(self, marks: list[Mark], entries: list[LedgerEntry], most_failures: int = 3) -> Noted:
        with mock.patch.object(self.client, "_make_api_call", self._called):
            return self.notes.note(marks, entries, most_failures)

    def _called(self, operation: str, asked: dict[str, Any]) -> Any:
        [items] = asked.get("RequestItems", {"": asked.get("TransactItems", [asked])}).values()
        self.calls.append((operation, len(items)))
        if operation in self.failing:
            raise self.failing[operation]
        return self._make(operation, asked)

    def marked(self, number: int) -> int:
        """How many of the first events are."""
        return len(self.events.among(it.key for it in marks(number)).keys)

    def told(self, *numbers: int) -> dict[int, int]:
        """Of how many exposures of each group it was noted what was told."""
        recalled = self.memory.recall({group(it): [] for it in numbers}, at=(), now=NOW, seconds=60)
        return {it: len(recalled.told.get(group(it), {})) for it in numbers}


@pytest.fixture
def tables() -> Iterator[Tables]:
    with emulated_aws():
        yield Tables()


@pytest.mark.parametrize(
    ("events", "groups", "calls"),
    [
        pytest.param(0, 0, [], id="nothing"),
        pytest.param(1, 1, [(TOGETHER, 2)], id="an-opening"),
        pytest.param(25, 0, [(MARK, 25)], id="marks-of-one-cheaper-call"),
        pytest.param(26, 0, [(TOGETHER, 26)], id="marks-of-two-such-calls"),
        pytest.param(60, 40, [(TOGETHER, 100)], id="as-many-as-go-together"),
        pytest.param(60, 41, [(TOGETHER, 100), (MARK, 1)], id="one-more"),
        pytest.param(150, 3, [(TOGETHER, 100), (TOGETHER, 53)], id="many-events"),
        pytest.param(2, 101, [(TOGETHER, 100), (TOGETHER, 3)], id="many-groups"),
        pytest.param(0, 2, [(TOGETHER, 2)], id="what-was-told-alone"),
        pytest.param(0, 1, [(TELL, 1)], id="what-was-told-of-one-group-alone"),
    ],
)
def test_all_is_written_in_few_calls(
    events: int, groups: int, calls: list[tuple[str, int]], tables: Tables
) -> None:
    tables.remember(*range(groups))

    assert tables.note(marks(events), [entry(it) for it in range(groups)]) == Noted()

    assert tables.calls == calls
    assert tables.marked(events) == events
    assert tables.told(*range(groups)) == dict.fromkeys(range(groups), 1)


def test_an_event_that_is_marked_twice_is_in_a_transaction_once(tables: Tables) -> None:
    tables.remember(1)

    assert tables.note([*marks(2), *marks(2)], [entry(1)]) == Noted()

    assert tables.calls == [(TOGETHER, 3)]


def test_more_exposures_than_an_update_takes_are_noted_before(tables: Tables) -> None:
    tables.remember(1, 2)

    assert tables.note(marks(3), [entry(1, MOST_IN_UPDATE + 1), entry(2)]) == Noted()

    assert tables.calls == [(TELL, 1), (TELL, 1), (TOGETHER, 4)]
    assert tables.told(1, 2) == {1: MOST_IN_UPDATE + 1, 2: 1}


def test_a_group_that_is_not_remembered_keeps_nothing_else_from_being_written(
    tables: Tables,
) -> None:
    tables.remember(1)

    assert tables.note(marks(30), [entry(1), entry(2)]) == Noted(unnoted=1)

    assert tables.calls == [(TOGETHER, 32), *[(TELL, 1)] * 3, (TOGETHER, 31)]
    assert tables.told(1, 2) == {1: 1, 2: 0}
    assert tables.marked(30) == 30


@pytest.mark.parametrize(
    "reason",
    [
        "ConditionalCheckFailed",
        "ItemCollectionSizeLimitExceeded",
        "ProvisionedThroughputExceeded",
        "ThrottlingError",
        "TransactionConflict",
        "ValidationError",
        "AccessDeniedException",
    ],
)
def test_a_transaction_that_is_cancelled_loses_nothing(reason: str, tables: Tables) -> None:
    tables.remember(1)
    answer: Any = {
        "Error": {"Code": "TransactionCanceledException", "Message": f"… [{reason}, None]"},
        "CancellationReasons": [{"Code": reason}, {"Code": "None"}],
    }
    tables.failing[TOGETHER] = ClientError(answer, TOGETHER)

    assert tables.note(marks(1), [entry(1)]) == Noted()

    assert tables.calls == [(TOGETHER, 2), (TELL, 1), (MARK, 1)]
    assert (tables.marked(1), tables.told(1)) == (1, {1: 1})


def test_where_nobody_answers_the_time_is_left_to_the_marks(tables: Tables) -> None:
    tables.remember(1)
    tables.failing[TOGETHER] = UNANSWERED

    assert tables.note(marks(30), [entry(1)]) == Noted(failures=1, unnoted=1)

    assert tables.calls == [(TOGETHER, 31), (MARK, 25), (MARK, 5)]
    assert tables.marked(30) == 30


@pytest.mark.parametrize("most", [1, 2, 3])
def test_a_table_that_is_down_is_given_up(most: int, tables: Tables) -> None:
    tables.failing = {TOGETHER: UNANSWERED, MARK: UNANSWERED}

    assert tables.note(marks(300), [], most) == Noted(failures=most)

    assert len(tables.calls) == most


def test_what_was_told_is_noted_where_marks_are_given_up(tables: Tables) -> None:
    tables.remember(*range(101))
    tables.failing[MARK] = UNANSWERED
    entries = [entry(it) for it in range(101)]

    assert tables.note(marks(0), entries, 0) == Noted()

    assert sum(tables.told(*range(101)).values()) == 101


# A transaction that comes again within ten minutes is done once, if its token is the same.
# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
@pytest.mark.parametrize("is_done", [False, True], ids=["never-arrived", "lost-its-answer"])
def test_a_retry_of_the_client_bears_the_same_token(is_done: bool, tables: Tables) -> None:
    tables.remember(1)
    tokens: list[str] = []
    lost = drops_the_first(tokens, is_done=is_done)
    # Before moto.
    tables.client.meta.events.register_first("before-send.dynamodb.TransactWriteItems", lost)

    assert tables.note(marks(2), [entry(1)]) == Noted()

    assert len(tokens) == 2
    assert len({*tokens}) == 1
    assert tokens[0]
    assert (tables.marked(2), tables.told(1)) == (2, {1: 1})


def drops_the_first(tokens: list[str], *, is_done: bool) -> Any:
    """A connection that is dropped, at the first request."""

    def sent(request: AWSPreparedRequest, event_name: str, **_: object) -> None:
        body: Any = request.body
        tokens.append(json.loads(body)["ClientRequestToken"])
        if len(tokens) == 1:
            if is_done:
                assert botocore_stubber(event_name, request) is not None
            raise ConnectionClosedError(endpoint_url=request.url)

    return sent
