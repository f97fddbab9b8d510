"""The daily check: what is reported from day to day, and what happens when a look fails."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final

import pytest

from security_group_alerter.checking import (
    MEMORY,
    RESERVED_SECONDS,
    DailyCheck,
    Topic,
    compared,
)
from security_group_alerter.judgement.health import (
    ACCOUNTS,
    HEARTBEAT,
    TRAIL,
    subscription_findings,
)
from security_group_alerter.model.health import (
    Deliveries,
    Findings,
    HealthReport,
    Memory,
    Notice,
    NotSeen,
    OrganizationAccount,
    Problem,
    ProblemKind,
    Remembered,
    Subscription,
    SubscriptionState,
    TrailStatus,
)
from tests.security_group_alerter.health_samples import (
    HERE,
    NOW,
    TRAIL_NAME,
    account,
    ago,
    email,
    remembered,
    silence,
    status,
)

SILENT: Final = ProblemKind.SILENT_ACCOUNT
REFUSED: Final = NotSeen(why="no")


def found(*problems: Problem, known: frozenset[str] = frozenset()) -> dict[str, Any]:
    return {ACCOUNTS: Findings(problems=problems, known=known)}


# What is reported: (begun, lasting, ended).


@pytest.mark.parametrize(
    ("before", "problem", "reported"),
    [
        pytest.param(None, silence(), "begun", id="first-run"),
        pytest.param(None, silence(since=ago(days=6)), "", id="not-long-enough"),
        pytest.param(
            remembered(silence(), reported=None), silence(), "begun", id="long-enough-by-now"
        ),
        pytest.param(remembered(silence(), reported=ago(days=1)), silence(), "", id="yesterday"),
        pytest.param(remembered(silence(), reported=ago(days=6)), silence(), "", id="six-days"),
        pytest.param(
            remembered(silence(), reported=ago(days=7)), silence(), "lasting", id="seven-days"
        ),
        # A run that comes a few minutes early is the seventh day's all the same.
        pytest.param(
            remembered(silence(), reported=ago(days=6, hours=23, minutes=50)),
            silence(),
            "lasting",
            id="seven-days-a-little-early",
        ),
        pytest.param(
            remembered(silence(), reported=ago(days=60)), silence(), "lasting", id="after-an-outage"
        ),
        pytest.param(remembered(silence(), reported=ago(days=3)), None, "ended", id="over"),
        # Nobody was told that it began.
        pytest.param(remembered(silence(), reported=None), None, "", id="over-before-its-time"),
        # The trail was started again: it has not been silent for a week since then.
        pytest.param(
            remembered(silence(), reported=ago(days=2)),
            silence(since=ago(days=1)),
            "",
            id="still-silent-after-the-trail-was-restarted",
        ),
    ],
)
def test_from_day_to_day(before: Remembered | None, problem: Problem | None, reported: str) -> None:
    seen = found(*([problem] if problem else []))

    report, after = compared([before] if before else [], seen, NOW)

    assert {name: count for name, count in report.counts().items() if count} == (
        {reported: 1} if reported else {}
    )
    assert len(after) == (1 if problem else 0)
    if reported in {"begun", "lasting"}:
        assert after[0].reported == NOW
    elif problem:
        assert after[0].reported == (before.reported if before else None)


def test_a_problem_without_a_beginning_counts_from_when_it_was_first_seen() -> None:
    pending = subscription_findings(
        [email("a@example.com", SubscriptionState.PENDING)], "the topic", needs_one=False
    )
    first, memory = compared([], {"the topic": pending}, ago(days=1))
    second, memory = compared(memory, {"the topic": pending}, NOW)

    assert first == HealthReport(sizes={"the topic": 2})
    [begun] = second.begun
    assert begun.since == ago(days=1)
    assert [it.reported for it in memory] == [NOW]


def test_a_beginning_that_is_forgotten_elsewhere_is_remembered() -> None:
    beat = Problem(kind=ProblemKind.NO_HEARTBEAT, look=HEARTBEAT, name=HEARTBEAT, title="beat")
    before = remembered(beat, reported=ago(days=20), since=ago(days=21))

    [lasting] = compared([before], {HEARTBEAT: Findings(problems=(beat,))}, NOW)[0].lasting

    assert lasting.since == ago(days=21)


def test_problems_of_a_kind_are_repeated_together() -> None:
    """Fifty accounts that fell silent on as many days are one message a week."""
    before = [remembered(silence(number), reported=ago(days=number)) for number in range(1, 8)]
    other = Problem(kind=ProblemKind.NOT_TO_S3, look=TRAIL, name=TRAIL_NAME, title=TRAIL_NAME)
    before.append(remembered(other, reported=ago(days=3)))
    seen = found(*(silence(number) for number in range(1, 8)))
    seen[TRAIL] = Findings(problems=(other,))

    report, after = compared(before, seen, NOW)
    quiet, _ = compared(after, seen, NOW + timedelta(days=1))

    assert {it.problem.kind for it in report.lasting} == {SILENT}
    assert len(report.lasting) == 7
    assert quiet.counts() == {"begun": 0, "lasting": 0, "ended": 0}


def test_a_new_problem_is_not_among_those_that_last() -> None:
    before = [remembered(silence(1), reported=ago(days=7))]

    report, _ = compared(before, found(silence(1), silence(2)), NOW)

    assert [it.problem.name for it in report.begun] == [account(2).id]
    assert [it.problem.name for it in report.lasting] == [account(1).id]


@pytest.mark.parametrize(("known", "is_gone"), [({account(1).id}, False), (set(), True)])
def test_an_account_that_speaks_and_one_that_left(known: set[str], is_gone: bool) -> None:
    before = [remembered(silence(), reported=ago(days=1))]

    report, _ = compared(before, found(known=frozenset(known)), NOW)

    assert [it.is_gone for it in report.ended] == [is_gone]


def test_what_was_found_before_a_look_failed_is_neither_over_nor_repeated() -> None:
    before = [remembered(silence(), reported=ago(days=9))]

    report, after = compared(before, {ACCOUNTS: REFUSED}, NOW)
    later, _ = compared(after, found(silence()), NOW + timedelta(days=1))

    assert [it.problem.kind for it in report.begun] == [ProblemKind.NOT_CHECKED]
    assert report.begun[0].problem.details == "no"
    assert (report.lasting, report.ended) == ((), ())
    assert before[0] in after
    assert [it.problem.kind for it in later.lasting] == [SILENT]
    assert [it.entry.kind for it in later.ended] == [ProblemKind.NOT_CHECKED]


@pytest.mark.parametrize(("is_said_once", "weeks"), [(False, [1, 1, 1]), (True, [1, 0, 0])])
def test_a_look_that_keeps_failing_is_repeated_unless_it_is_meant_to_fail(
    is_said_once: bool, weeks: list[int]
) -> None:
    seen: Mapping[str, Any] = {ACCOUNTS: replace(REFUSED, is_said_once=is_said_once)}
    memory: tuple[Remembered, ...] = ()
    counts = []
    for week in range(3):
        report, memory = compared(memory, seen, NOW + timedelta(days=7 * week))
        counts.append(len(report.begun) + len(report.lasting))

    assert counts == weeks


def test_what_is_looked_at_no_more_is_forgotten() -> None:
    """A chat topic that the stack has no more."""
    before = [remembered(silence(look="the chat topic"), reported=ago(days=1))]

    report, after = compared(before, found(), NOW)

    assert report.counts() == {"begun": 0, "lasting": 0, "ended": 0}
    assert after == ()


# The whole check.


class NoAnswerError(Exception):
    pass


@dataclass
class World:
    """What the check looks at, and what became of it. Whatever is in `failing` raises."""

    accounts: list[OrganizationAccount] = field(default_factory=lambda: [account(1), account(2)])
    newest: dict[str, datetime] = field(
        default_factory=lambda: {account(number).id: ago(minutes=9) for number in (1, 2)}
    )
    status: TrailStatus | None = field(default_factory=status)
    beat: datetime | None = field(default_factory=lambda: ago(minutes=9))
    subscriptions: list[Subscription] = field(default_factory=lambda: [email("a@example.com")])
    memory: Memory = Memory()
    failing: set[str] = field(default_factory=set)
    is_denied: bool = False
    may_list_accounts: bool = True
    sent: list[Notice] = field(default_factory=list)
    spans: list[timedelta] = field(default_factory=list)

    def answer(self, name: str) -> Callable[..., Any]:
        def answer(*_: Any) -> Any:
            if name in self.failing:
                raise NoAnswerError(name)
            return getattr(self, name)

        return answer

    def live_until(self, now: datetime) -> None:
        """What came every few minutes goes on."""
        late = Deliveries(last=now - timedelta(minutes=4))
        self.status = status(to_s3=late, to_logs=late)
        self.beat = now - timedelta(minutes=9)
        self.newest = dict.fromkeys(self.newest, now)

    def remember(self, memory: Memory, _now: datetime) -> None:
        self.answer("remember")() if "remember" in self.failing else None
        self.memory = memory

    def send(self, notice: Notice) -> None:
        self.answer("send")() if "send" in self.failing else None
        self.sent.append(notice)

    def run(self, *, now: datetime = NOW, seconds: float = 300.0) -> HealthReport:
        check = DailyCheck(
            installation=HERE,
            trail_name=TRAIL_NAME,
            may_list_accounts=self.may_list_accounts,
            trail_status=self.answer("status"),
            newest_heartbeat=self.answer("beat"),
            topics=[Topic(words="the alert topic", subscriptions=self.answer("subscriptions"))],
            accounts=self.answer("accounts"),
            newest_records=self.answer("newest"),
            explain=lambda error: NotSeen(why=f"{error} failed", is_denied=self.is_denied),
            recall=self.answer("memory"),
            remember=self.remember,
            send=self.send,
        )
        return check.run(now=now, time_left=lambda: seconds)


def test_when_all_is_well_nothing_is_sent() -> None:
    world = World()

    report = world.run()

    assert report.counts() == {"begun": 0, "lasting": 0, "ended": 0}
    assert report.sizes[ACCOUNTS] == 2
    assert world.sent == []
    assert world.memory == Memory(watched_since=ago(days=100), entries=())


def test_a_problem_from_its_beginning_to_its_end() -> None:
    world = World()
    del world.newest[account(2).id]

    said = []
    for day in range(10):
        now = NOW + timedelta(days=day)
        world.live_until(now)
        if day == 9:
            world.newest[account(2).id] = now
        said.append([name for name, count in world.run(now=now).counts().items() if count])

    assert said == [["begun"], [], [], [], [], [], [], ["lasting"], [], ["ended"]]
    assert [notice.text.count("account-2 (000000000002)") for notice in world.sent] == [1, 1, 1]


def test_accounts_are_expected_from_the_first_run_on_or_from_when_the_trail_was_started() -> None:
    fresh = World(newest={}, status=status(started_at=ago(days=1)))
    restarted = replace(fresh, memory=Memory(watched_since=ago(days=50)))
    unknown = World(newest={}, failing={"status"})

    assert fresh.run().counts()["begun"] == 0
    assert restarted.run().counts()["begun"] == 2
    # Only that the trail could not be checked.
    assert unknown.run().counts()["begun"] == 1
    assert unknown.memory.watched_since == NOW


LOOKS: Final = {
    "status": TRAIL,
    "beat": HEARTBEAT,
    "subscriptions": "the alert topic",
    "accounts": ACCOUNTS,
    "newest": ACCOUNTS,
    "memory": MEMORY,
}


@pytest.mark.parametrize("name", LOOKS)
def test_a_look_that_fails_is_reported_and_hides_no_other(name: str) -> None:
    world = World(
        newest={},
        status=None,
        beat=ago(hours=5),
        subscriptions=[],
        memory=Memory(
            watched_since=ago(days=50),
            entries=tuple(
                Remembered(kind=ProblemKind.NO_SUBSCRIBER, look=it, name=it, title=it, since=NOW)
                for it in ["the alert topic"]
            ),
        ),
        failing={name},
    )

    report = world.run(now=NOW + timedelta(days=1))

    kinds = [it.problem.kind for it in report.begun]
    whole = {
        ProblemKind.NO_TRAIL: TRAIL,
        ProblemKind.NO_HEARTBEAT: HEARTBEAT,
        ProblemKind.NO_SUBSCRIBER: "the alert topic",
        SILENT: ACCOUNTS,
    }
    # Without its memory, it first sees what has no beginning.
    waits = {ProblemKind.NO_SUBSCRIBER, SILENT} if name == "memory" else set()
    left = {kind for kind, look in whole.items() if look != LOOKS[name]} - waits
    assert set(kinds) == left | {ProblemKind.NOT_CHECKED}
    [notice] = world.sent
    assert f"- {LOOKS[name]}, since now: {name} failed\n" in notice.text


def test_everything_that_fails_is_one_message() -> None:
    world = World(failing=set(LOOKS))

    world.run()

    [notice] = world.sent
    assert notice.subject == "Security group alerter: 5 failed checks"


def test_what_does_not_fit_into_the_time_is_reported() -> None:
    world = World()

    report = world.run(seconds=RESERVED_SECONDS - 1)

    assert {it.problem.details for it in report.begun} == {"the time ran out before it"}
    assert len(world.sent) == 1


@pytest.mark.parametrize(
    ("may_list_accounts", "is_denied", "messages"),
    [
        pytest.param(True, True, 2, id="management-account-that-is-denied"),
        pytest.param(False, True, 1, id="member-account"),
        pytest.param(False, False, 2, id="member-account-that-is-throttled"),
    ],
)
def test_where_accounts_cannot_be_listed_it_says_so_once(
    may_list_accounts: bool, is_denied: bool, messages: int
) -> None:
    world = World(may_list_accounts=may_list_accounts, is_denied=is_denied, failing={"accounts"})
    week = timedelta(days=7)
    world.run()
    world.live_until(NOW + week)

    world.run(now=NOW + week)

    assert len(world.sent) == messages
    assert ("(this is not repeated)" in world.sent[0].text) == (messages == 1)


def test_what_was_not_sent_is_not_remembered_and_comes_again() -> None:
    world = World(status=None, failing={"send"})

    with pytest.raises(NoAnswerError):
        world.run()
    assert world.memory == Memory()
    world.failing.clear()
    world.run()

    assert len(world.sent) == 1


def test_what_was_sent_but_not_remembered_is_sent_again() -> None:
    world = World(status=None, failing={"remember"})

    for _ in range(2):
        with pytest.raises(NoAnswerError):
            world.run()

    assert len(world.sent) == 2
