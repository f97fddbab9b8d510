"""What Amazon SNS took is noted in few writes, and what was told never after its marks."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from security_group_alerter.model.exposure_life import Resource
from security_group_alerter.model.ledger import Activity, ExposureNews, LedgerEntry, Status, Told
from security_group_alerter.model.message import Message, Noted
from security_group_alerter.model.seen import Mark
from security_group_alerter.model.severity import Severity
from security_group_alerter.model.subject import SubjectKind
from security_group_alerter.noting import ENOUGH_TABLE_FAILURES, NOTED_TOGETHER, Noting

NOW: Final = datetime(2026, 11, 28, 3, 12, 9, tzinfo=UTC)


def group(number: int) -> Resource:
    return Resource(
        kind=SubjectKind.SECURITY_GROUP,
        id=f"sg-{number:017x}",
        account_id="222233334444",
        region="eu-central-1",
    )


def news(of: int, uid: str = "", *, is_told: bool = True, is_closed: bool = False) -> ExposureNews:
    uid = uid or f"exposure-of-{of}"
    told = Told(uid=uid, at=NOW, severity=Severity.CRITICAL, is_closed=is_closed)
    return ExposureNews(
        resource=group(of),
        key=uid,
        uid=uid,
        activity=Activity.CREATE,
        status=Status.NEW,
        told=told if is_told else None,
    )


def message(events: Iterable[object], *exposures: ExposureNews) -> Message:
    return Message(
        subject="",
        attributes={},
        body="{}",
        event_ids=(),
        marks=tuple(Mark(f"event-{it}") for it in events),
        exposures=exposures,
    )


@dataclass
class Tables:
    """Both, and what each call wrote; the marks of the first calls fail."""

    fails: int = 0
    calls: list[tuple[list[str], list[LedgerEntry]]] = field(default_factory=list)

    def note(
        self, marks: Sequence[Mark], entries: Sequence[LedgerEntry], most_failures: int
    ) -> Noted:
        self.calls.append(([it.key for it in marks], [*entries]))
        assert most_failures > 0 or not marks
        failures = min(self.fails, most_failures, len(marks))
        self.fails -= failures
        return Noted(failures=failures, unnoted=failures and len(entries))

    @property
    def sizes(self) -> list[tuple[int, int]]:
        """How many marks and groups each call wrote."""
        return [(len(marks), len(entries)) for marks, entries in self.calls]


def noted(tables: Tables, *messages: Message, failures: int = 0) -> Noting:
    noting = Noting(tables.note, failures)
    for it in messages:
        noting.add(it)
    noting.finish()
    return noting


@pytest.mark.parametrize(
    ("messages", "sizes"),
    [
        pytest.param([], [], id="nothing-was-sent"),
        pytest.param([message([1], news(1))], [(1, 1)], id="an-opening"),
        pytest.param([message([1], news(1, is_told=False))], [(1, 0)], id="nothing-new-of-it"),
        pytest.param([message([]), message([])], [], id="nothing-to-note"),
        pytest.param(
            [message([it], news(it)) for it in range(50)], [(50, 50)], id="as-many-as-go-together"
        ),
        pytest.param(
            [message([it], news(it)) for it in range(51)], [(50, 50), (1, 1)], id="one-more"
        ),
        pytest.param(
            [message([it], news(1, f"exposure-{it}")) for it in range(100)],
            [(99, 1), (1, 1)],
            id="of-one-group",
        ),
        pytest.param([message(range(250))], [(100, 0), (100, 0), (50, 0)], id="of-a-large-alert"),
        pytest.param(
            [message(range(60), *map(news, range(250)))],
            [(50, 250), (10, 0)],
            id="of-many-groups",
        ),
        pytest.param(
            [message(range(100), *map(news, range(100)))], [(100, 100)], id="of-a-hundred-groups"
        ),
    ],
)
def test_few_writes_take_all(messages: list[Message], sizes: list[tuple[int, int]]) -> None:
    tables = Tables()

    noting = noted(tables, *messages)

    assert tables.sizes == sizes
    assert (noting.failures, noting.unnoted) == (0, 0)


def test_what_waits_is_less_than_a_write() -> None:
    tables = Tables()
    noting = Noting(tables.note, 0)

    for number in range(NOTED_TOGETHER - 1):
        noting.add(message([number]))
    assert tables.calls == []
    noting.add(message([NOTED_TOGETHER]))

    assert tables.sizes == [(NOTED_TOGETHER, 0)]


MESSAGES: Final = st.lists(
    st.tuples(st.integers(0, 150), st.sets(st.integers(0, 200))), max_size=8
).map(
    lambda sizes: [
        message(
            (f"{number}-{event}" for event in range(events)),
            *(news(it, f"{number}-{it}") for it in sorted(groups)),
        )
        for number, (events, groups) in enumerate(sizes)
    ]
)


@given(MESSAGES)
def test_nothing_is_told_after_it_was_marked(messages: list[Message]) -> None:
    tables = Tables()

    noted(tables, *messages)

    written: dict[str, int] = {}
    for number, (marks, entries) in enumerate(tables.calls):
        for key in (*marks, *(uid for entry in entries for uid in entry.told)):
            assert written.setdefault(key, number) == number, "written twice"
    keys = [mark.key for it in messages for mark in it.marks]
    uids = [news.key for it in messages for news in it.exposures]
    assert written.keys() == {*keys, *uids}
    for it in messages:
        told = [written[news.key] for news in it.exposures]
        assert max(told, default=0) <= min((written[mark.key] for mark in it.marks), default=10**6)


@pytest.mark.parametrize("between", [0, NOTED_TOGETHER], ids=["in-one-write", "in-a-later-write"])
def test_an_end_that_was_told_before_its_beginning_is_not_forgotten(between: int) -> None:
    tables = Tables()

    noted(
        tables,
        message(["end"], news(1, "one", is_closed=True)),
        message(range(between)),
        message(["beginning"], news(1, "one")),
    )

    *_, (_, [entry]) = tables.calls
    assert entry.told["one"].is_closed


def test_a_table_that_fails_is_left_alone_and_what_was_told_is_noted() -> None:
    tables = Tables(fails=10)

    noting = noted(tables, *(message(range(it, it + 100), news(it)) for it in range(0, 500, 100)))

    assert noting.failures == ENOUGH_TABLE_FAILURES
    assert noting.unnoted == 1
    assert tables.sizes == [(99, 1), (0, 4)]


def test_what_failed_before_counts() -> None:
    tables = Tables(fails=10)

    noting = noted(tables, message(range(300)), failures=2)

    assert noting.failures == ENOUGH_TABLE_FAILURES
    assert tables.sizes == [(100, 0)]
