"""What is open, and what was told of it, in the table of group memories."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from unittest import mock

import boto3
import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError
from hypothesis import given
from hypothesis import strategies as st
from mypy_boto3_dynamodb import DynamoDBClient

from local.aws import GROUP_MEMORY_TABLE, emulated_aws
from security_group_alerter.aws.group_items import key_of, resource_of
from security_group_alerter.aws.group_memory import GroupMemoryTable
from security_group_alerter.aws.ledger import MOST_IN_CALL, MOST_IN_UPDATE, Ledger
from security_group_alerter.aws.ledger_items import (
    snooze_in,
    told_in,
    value_of,
    value_of_snooze,
)
from security_group_alerter.memory.recollection import Recollection
from security_group_alerter.memory.statements import RuleGone, RuleThere, Seen, Statement
from security_group_alerter.model.exposure_life import Event, Resource
from security_group_alerter.model.group_state import Reach
from security_group_alerter.model.ledger import LedgerEntry, OpenGroup, Snooze, Told
from security_group_alerter.model.severity import Severity
from security_group_alerter.model.subject import SubjectKind
from tests.security_group_alerter.builders import rule

NOW: Final = datetime(2026, 11, 28, 3, 12, 9, tzinfo=UTC)
SSH: Final = "tcp 22 from 0.0.0.0/0"
WEB: Final = "tcp 443 from 0.0.0.0/0"
TOLD: Final = Told(uid="u-1", at=NOW, severity=Severity.CRITICAL, reach=Reach.PUBLIC)


def group(number: int) -> Resource:
    return Resource(
        kind=SubjectKind.SECURITY_GROUP,
        id=f"sg-{number:017x}",
        account_id="222233334444",
        region="eu-central-1",
    )


def event(name: str, minutes: float = 0) -> Event:
    return Event(event_id=name, time=NOW + timedelta(minutes=minutes), principal="arn:…:user/jane")


def there(text: str, minutes: float = 0) -> Statement:
    return RuleThere(event=event(f"there {text}", minutes), rule=rule(text))


def gone(text: str, minutes: float) -> Statement:
    return RuleGone(event=event(f"gone {text}", minutes), rule=rule(text))


class Table:
    """The table, with memory and ledger as the functions use them."""

    def __init__(self) -> None:
        self.client: DynamoDBClient = boto3.client("dynamodb")
        self.ledger = Ledger(self.client, table_name=GROUP_MEMORY_TABLE)
        self._memory = GroupMemoryTable(
            self.client, table_name=GROUP_MEMORY_TABLE, sleep=lambda _: None
        )

    def recall(self, said: dict[Resource, list[Statement]]) -> Recollection:
        return self._memory.recall(said, at=(), now=NOW, seconds=60)

    def open_groups(self) -> list[OpenGroup]:
        return [*self.ledger.open_groups()]


@pytest.fixture
def table() -> Iterator[Table]:
    with emulated_aws():
        yield Table()


def test_what_was_told_is_read_with_the_memory(table: Table) -> None:
    table.recall({group(1): [there(SSH)]})
    closed = replace(TOLD, uid="u-2", is_closed=True)

    assert table.ledger.note([LedgerEntry(resource=group(1), told={"u-1": TOLD})]) == 0
    assert table.ledger.note([LedgerEntry(resource=group(1), told={"u-2": closed})]) == 0

    assert table.recall({group(1): []}).told == {group(1): {"u-1": TOLD, "u-2": closed}}


def test_what_a_first_sweep_found_takes_nothing_from_what_was_told(table: Table) -> None:
    """A delivery told of one of the two since the sweep read what was told."""
    quiet = replace(TOLD, is_quiet=True, reach=Reach.PRIVATE)
    table.recall({group(1): [there(SSH)]})
    table.ledger.note([LedgerEntry(resource=group(1), told={"u-1": TOLD})])

    told = {"u-1": quiet, "u-2": quiet}
    assert table.ledger.note([LedgerEntry(resource=group(1), told=told)]) == 0

    assert table.recall({group(1): []}).told == {group(1): {"u-1": TOLD, "u-2": quiet}}


def test_the_end_of_what_a_first_sweep_found_is_noted(table: Table) -> None:
    quiet = replace(TOLD, is_quiet=True)
    over = replace(quiet, is_closed=True)
    table.recall({group(1): [there(SSH)]})
    table.ledger.note([LedgerEntry(resource=group(1), told={"u-1": quiet})])
    table.ledger.note([LedgerEntry(resource=group(1), told={"u-1": over})])

    assert table.recall({group(1): []}).told == {group(1): {"u-1": over}}


def test_a_memory_that_is_written_leaves_what_was_told(table: Table) -> None:
    table.recall({group(1): [there(SSH)]})
    table.ledger.note([LedgerEntry(resource=group(1), told={"u-1": TOLD})])

    recollection = table.recall({group(1): [gone(SSH, 5)]})

    assert recollection.told == {group(1): {"u-1": TOLD}}


def test_what_is_forgotten_is_gone(table: Table) -> None:
    table.recall({group(1): [there(SSH)]})
    table.ledger.note([LedgerEntry(resource=group(1), told={"u-1": TOLD, "u-2": TOLD})])

    table.ledger.note([LedgerEntry(resource=group(1), forgotten=("u-1",))])

    assert table.recall({group(1): []}).told[group(1)].keys() == {"u-2"}


def test_nothing_is_noted_of_a_group_that_is_not_remembered(table: Table) -> None:
    table.recall({group(1): [there(SSH)]})
    entries = [LedgerEntry(resource=group(it), told={"u": TOLD}) for it in (1, 2)]

    # The others are noted all the same.
    assert table.ledger.note(entries) == 1
    assert table.recall({group(1): [], group(2): []}).told == {group(1): {"u": TOLD}}


def test_hundreds_of_groups_are_noted_in_few_calls(table: Table) -> None:
    count = 2 * MOST_IN_CALL + 1
    table.recall({group(it): [there(SSH)] for it in range(count)})
    entries = [LedgerEntry(resource=group(it), told={"u": TOLD}) for it in range(count)]

    with mock.patch.object(
        table.client, "transact_write_items", wraps=table.client.transact_write_items
    ) as call:
        assert table.ledger.note(entries) == 0

    assert call.call_count == 2
    assert len(table.recall({group(it): [] for it in range(count)}).told) == count


@pytest.mark.parametrize("count", [1, 3])
def test_a_table_that_is_down_is_counted(table: Table, count: int) -> None:
    down = ConnectTimeoutError(endpoint_url="https://dynamodb.eu-central-1.amazonaws.com")
    entries = [LedgerEntry(resource=group(it), told={"u": TOLD}) for it in range(count)]

    with (
        mock.patch.object(table.client, "transact_write_items", side_effect=down),
        mock.patch.object(table.client, "update_item", side_effect=down),
    ):
        assert table.ledger.note(entries) == count


def test_the_largest_update_is_no_larger_than_dynamodb_takes(table: Table) -> None:
    quiet = replace(TOLD, is_quiet=True)
    told = {f"{number:032x}": quiet for number in range(MOST_IN_UPDATE)}

    update = table.ledger.update_of(LedgerEntry(resource=group(1), told=told))

    # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
    assert len(update["UpdateExpression"]) <= 4096


BUSY: Final[Any] = {"Error": {"Code": "ThrottlingException"}}


@pytest.mark.parametrize(
    ("refused", "tried", "failed"),
    [
        pytest.param({0, 1, 2, 3, 4}, [0, 1, 2], 5, id="a-table-that-is-busy"),
        pytest.param({1, 2, 4}, [0, 1, 2, 3, 4], 3, id="some-groups"),
    ],
)
def test_groups_that_are_refused_take_no_others_with_them(
    refused: set[int], tried: list[int], failed: int, table: Table
) -> None:
    table.recall({group(it): [there(SSH)] for it in range(5)})
    entries = [LedgerEntry(resource=group(it), told={"u": TOLD}) for it in range(5)]
    keys = [key_of(group(it)) for it in range(5)]
    ledger = Ledger(table.client, table_name=GROUP_MEMORY_TABLE, sleep=lambda _: None)
    update_item = table.client.update_item
    calls: list[int] = []

    def update(**asked: Any) -> Any:
        number = keys.index(asked["Key"]["resource"]["S"])
        calls.append(number)
        if number in refused:
            raise ClientError(BUSY, "UpdateItem")
        return update_item(**asked)

    busy = ClientError(BUSY, "TransactWriteItems")
    with (
        mock.patch.object(table.client, "transact_write_items", side_effect=busy),
        mock.patch.object(table.client, "update_item", side_effect=update),
    ):
        assert ledger.note(entries) == failed

    assert [*dict.fromkeys(calls)] == tried


# What is open.


def test_what_is_open_comes_by_severity_and_by_the_oldest_look(table: Table) -> None:
    table.recall(
        {
            group(1): [there(WEB)],
            group(2): [there(SSH)],
            group(3): [there(SSH)],
            group(4): [there("tcp 443 from 10.0.0.0/8")],
        }
    )
    table.ledger.note([LedgerEntry(resource=group(2), looked_at=NOW)])

    assert table.open_groups() == [
        OpenGroup(resource=group(3), severity=Severity.CRITICAL, looked_at=None),
        OpenGroup(resource=group(2), severity=Severity.CRITICAL, looked_at=NOW),
        OpenGroup(resource=group(1), severity=Severity.MEDIUM, looked_at=None),
    ]


def test_a_look_is_when_it_was_last_looked_at(table: Table) -> None:
    look = Seen(
        event=event("look:1", -2), seen_at=NOW, rules=(replace(rule(SSH), rule_id="sgr-1"),)
    )
    table.recall({group(1): [look]})

    assert [it.looked_at for it in table.open_groups()] == [NOW]


def test_what_was_closed_stays_until_the_watch_lets_it_go(table: Table) -> None:
    table.recall({group(1): [there(SSH)]})
    assert group(1) not in table.recall({group(1): [gone(SSH, 5)]}).versions
    version = table.recall({group(1): []}).versions[group(1)]

    assert [it.resource for it in table.open_groups()] == [group(1)]
    table.ledger.let_go(group(1), version=version)
    assert table.open_groups() == []


def test_what_was_opened_again_in_the_meantime_is_not_let_go(table: Table) -> None:
    table.recall({group(1): [there(SSH)]})
    table.recall({group(1): [gone(SSH, 5)]})
    version = table.recall({group(1): []}).versions[group(1)]
    table.recall({group(1): [there(WEB, 6)]})

    table.ledger.let_go(group(1), version=version)

    assert [it.resource for it in table.open_groups()] == [group(1)]


def test_a_table_that_is_not_there_is_an_error(table: Table) -> None:
    table.client.delete_table(TableName=GROUP_MEMORY_TABLE)

    with pytest.raises(ClientError):
        table.open_groups()
    with pytest.raises(ClientError):
        table.ledger.let_go(group(1), version=1)
    with pytest.raises(ClientError):
        table.ledger.take_lease("watch", now=NOW, seconds=60)


# One at a time.


def test_a_lease_is_one_s_own_until_it_ends(table: Table) -> None:
    later = NOW + timedelta(seconds=60)

    assert table.ledger.take_lease("watch", now=NOW, seconds=60)
    assert not table.ledger.take_lease("watch", now=NOW + timedelta(seconds=59), seconds=60)
    assert table.ledger.take_lease("sweep", now=NOW, seconds=60)
    assert table.ledger.take_lease("watch", now=later, seconds=60)
    table.ledger.end_lease("watch")
    assert table.ledger.take_lease("watch", now=later, seconds=60)


def test_a_lease_is_no_group(table: Table) -> None:
    table.ledger.take_lease("watch", now=NOW, seconds=60)

    assert table.open_groups() == []


# The forms.

TIMES: Final = st.datetimes(timezones=st.just(UTC), min_value=datetime(2000, 1, 1))  # noqa: DTZ001
ANY_TOLD: Final = st.builds(
    Told,
    uid=st.text(max_size=40),
    at=TIMES,
    severity=st.sampled_from(Severity),
    reach=st.sampled_from(Reach),
    reminded_at=st.none() | TIMES,
    worse_at=st.none() | TIMES,
    is_accepted=st.booleans(),
    is_quiet=st.booleans(),
    is_closed=st.booleans(),
)


@given(st.dictionaries(st.text(min_size=1), ANY_TOLD, max_size=3))
def test_what_was_told_is_read_as_it_was_written(told: dict[str, Told]) -> None:
    item: dict[str, Any] = {"told": {"M": {uid: value_of(it) for uid, it in told.items()}}}

    read = told_in(item)

    assert read.keys() == told.keys()
    for uid, it in told.items():
        for name in ("at", "reminded_at", "worse_at"):
            written, found = getattr(it, name), getattr(read[uid], name)
            assert (written is None) == (found is None)
            assert written is None or abs(written - found) < timedelta(milliseconds=1)
        at_once = replace(it, at=NOW, reminded_at=None, worse_at=None)
        assert replace(read[uid], at=NOW, reminded_at=None, worse_at=None) == at_once


def test_a_snooze_is_read_as_it_was_written() -> None:
    snooze = Snooze(
        until=date(2026, 12, 24), by="jane", why="a fair", uids=frozenset({"u-1", "u-2"})
    )

    assert snooze_in({"snoozed": value_of_snooze(snooze)}) == snooze
    assert snooze_in({}) is None
    assert snooze_in(None) is None


@pytest.mark.parametrize(
    "resource",
    [
        group(1),
        group(1)._replace(account_id=None, region=None),
        group(1)._replace(id="web / servers"),
        group(1)._replace(kind=SubjectKind.PREFIX_LIST, id="pl-0123456789abcdef0"),
        group(1)._replace(kind=SubjectKind.PREFIX_LIST, id="offices: Ünna"),
    ],
    ids=["a-group", "nowhere", "a-name", "a-list", "the-name-of-a-list"],
)
def test_a_key_says_what_it_is_of(resource: Resource) -> None:
    assert resource_of(key_of(resource)) == resource


@pytest.mark.parametrize(
    "key",
    ["#lease/watch", "", "222233334444/eu-central-1/", key_of(group(1)._replace(id="ü" * 400))],
)
def test_other_keys_are_of_no_group(key: str) -> None:
    assert resource_of(key) is None


def test_what_is_known_by_a_digest_of_its_name_alone_is_not_listed(table: Table) -> None:
    unnamed = group(1)._replace(id="a name of more than a thousand characters " * 40)

    table.recall({unnamed: [there(SSH)], group(2): [there(SSH)]})

    assert [it.resource for it in table.open_groups()] == [group(2)]


# More than one expression holds.


@pytest.mark.parametrize(
    ("told", "forgotten", "parts"),
    [
        (0, 0, [(0, 0)]),
        (100, 0, [(100, 0)]),
        (60, 60, [(60, 40), (0, 20)]),
        (250, 130, [(100, 0), (100, 0), (50, 0), (0, 100), (0, 30)]),
        (0, 250, [(0, 100), (0, 100), (0, 50)]),
    ],
)
def test_many_exposures_of_a_group_take_several_updates(
    told: int, forgotten: int, parts: list[tuple[int, int]]
) -> None:
    entry = LedgerEntry(
        resource=group(1),
        told={f"u-{it}": TOLD for it in range(told)},
        forgotten=tuple(f"gone-{it}" for it in range(forgotten)),
        looked_at=NOW,
    )

    found = [*entry.parts(100)]

    assert [(len(it.told), len(it.forgotten)) for it in found] == parts
    assert {uid for it in found for uid in it.told} == entry.told.keys()
    assert [uid for it in found for uid in it.forgotten] == [*entry.forgotten]
    assert [it.looked_at for it in found] == [NOW] + [None] * (len(parts) - 1)


def test_all_of_many_exposures_are_noted(table: Table) -> None:
    table.recall({group(it): [there(SSH)] for it in (1, 2)})
    told = {f"{number:032x}": replace(TOLD, uid=f"{number:032x}") for number in range(130)}

    assert table.ledger.note([LedgerEntry(resource=group(it), told=told) for it in (1, 2)]) == 0

    recalled = table.recall({group(1): [], group(2): []})
    assert recalled.told == {group(1): told, group(2): told}


def test_what_was_closed_a_short_while_ago_is_listed_for_the_digest(table: Table) -> None:
    table.recall({group(1): [there(SSH, -60), gone(SSH, -30)]})
    table.recall({group(2): [there(SSH, -60 * 70), gone(SSH, -60 * 60)]})

    assert [it.resource for it in table.open_groups()] == [group(1)]


def test_when_it_was_looked_at_never_goes_back(table: Table) -> None:
    table.recall({group(1): [there(SSH)]})
    table.ledger.note([LedgerEntry(resource=group(1), looked_at=NOW)])

    table.recall({group(1): [there(WEB, 1)]})

    assert [it.looked_at for it in table.open_groups()] == [NOW]


def test_what_only_a_digest_of_its_name_tells_is_not_listed(table: Table) -> None:
    table.recall({group(1)._replace(id="\u00fc" * 255): [there(SSH)], group(2): [there(SSH)]})

    assert [it.resource for it in table.open_groups()] == [group(2)]
