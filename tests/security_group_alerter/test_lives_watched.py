"""Any life of a group, through alerting and watch: each thing is told once, and nothing is silent.

Rules come and go with and without a record, records are late and in any order, looks are denied,
and deliveries come again.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import count
from typing import Any, Final

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from security_group_alerter.judgement.reminders import (
    AFTER_A_CALL,
    AFTER_A_LOOK,
    FIRST_REMINDER,
    NEXT_REMINDER,
)
from security_group_alerter.memory.recollection import Recollection
from security_group_alerter.model.exposure_life import LOOKS_BACK, ExposureLife
from security_group_alerter.model.ledger import Activity, ExposureNews, Status
from security_group_alerter.model.message import Message
from security_group_alerter.model.rules import SecurityGroupRule
from security_group_alerter.model.severity import Severity
from tests.security_group_alerter.installation import (
    GROUP,
    INSIDE,
    PRIVATE,
    PUBLIC,
    RDP,
    SSH,
    START,
    WEB,
    Installation,
    Record,
    closed,
    edited,
    group_state,
    numbered,
    opened,
    resource,
)

EVERY: Final = timedelta(minutes=15)
# Slices of the Internet among them: three of these are more than a quarter of it.
TEXTS: Final = (
    SSH,
    RDP,
    WEB,
    INSIDE,
    "tcp 20-25 from 0.0.0.0/0",
    "tcp 22 from 32.0.0.0/3",
    "tcp 22 from 64.0.0.0/3",
)
INTERFACES: Final = {"public": (PUBLIC,), "private": (PRIVATE,), "unattached": ()}


@dataclass(slots=True)
class Due:
    """Records that are on their way."""

    at: datetime
    records: list[Record]


@dataclass(slots=True)
class Life:
    """The group as it is, what is on its way, and all that was told, with its times."""

    installation: Installation = field(default_factory=lambda: Installation(group_state()))
    now: datetime = START
    rules: dict[str, SecurityGroupRule] = field(default_factory=dict)
    waiting: list[Due] = field(default_factory=list)
    delivered: list[list[Record]] = field(default_factory=list)
    told: list[tuple[datetime, Message, ExposureNews]] = field(default_factory=list)
    numbers: Any = field(default_factory=lambda: count(1))
    reach: str = "public"
    seen_at: datetime = START

    def step(self, verb: str, text: str, which: int, minutes: int) -> None:
        {
            "open": self.open,
            "close": self.close,
            "edit": self.edit,
            "open-unseen": self.open_unseen,
            "close-unseen": self.close_unseen,
            "again": self.again,
            "reach": self.change_reach,
            "deny": self.deny,
            "wait": self.wait,
        }[verb](text, which, minutes)
        # No two calls are made in one second.
        self.now += timedelta(seconds=7)
        self.show()

    def show(self) -> None:
        interfaces = INTERFACES[self.reach]
        self.installation.show(group_state(*self.rules.values(), interfaces=interfaces))

    def open(self, text: str, _: int, minutes: int) -> None:
        number = next(self.numbers)
        rule = numbered(text, number)
        self.rules[rule.rule_id or ""] = rule
        self.record(opened(rule, time=self.now, event_id=event_id(number)), minutes)

    def open_unseen(self, text: str, _: int, _minutes: int) -> None:
        rule = numbered(text, next(self.numbers))
        self.rules[rule.rule_id or ""] = rule

    def close(self, _: str, which: int, minutes: int) -> None:
        if self.rules:
            rule = self.rules.pop([*self.rules][which % len(self.rules)])
            number = next(self.numbers)
            self.record(closed(rule, time=self.now, event_id=event_id(number)), minutes)

    def close_unseen(self, _: str, which: int, _minutes: int) -> None:
        if self.rules:
            del self.rules[[*self.rules][which % len(self.rules)]]

    def edit(self, text: str, which: int, minutes: int) -> None:
        if self.rules:
            rule_id = [*self.rules][which % len(self.rules)]
            rule = self.rules[rule_id] = replace(numbered(text, 0), rule_id=rule_id)
            number = next(self.numbers)
            self.record(edited(rule, time=self.now, event_id=event_id(number)), minutes)

    def again(self, _: str, which: int, _minutes: int) -> None:
        """Feeding the same events twice changes nothing."""
        if self.delivered:
            memories = self.installation.memories
            before = memories.statements_of(resource()), memories.copy().told
            records = self.delivered[which % len(self.delivered)]
            self.installation.looks, looks = False, self.installation.looks
            assert not self.installation.deliver(*records, now=self.now)
            self.installation.looks = looks
            assert (memories.statements_of(resource()), memories.told) == before

    def change_reach(self, _: str, which: int, _minutes: int) -> None:
        self.reach = [*INTERFACES][which % len(INTERFACES)]

    def deny(self, _: str, which: int, _minutes: int) -> None:
        self.installation.problems = {GROUP: "the role was denied"} if which % 2 else {}

    def record(self, record: Record, minutes: int) -> None:
        self.waiting.append(Due(self.now + timedelta(minutes=minutes % 16), [record]))

    def wait(self, _: str, which: int, minutes: int) -> None:
        """Time passes, in which the watch runs and records come."""
        self.pass_time(timedelta(minutes=minutes), EVERY)
        if which % 5 == 0:
            self.pass_time(timedelta(hours=26), timedelta(hours=1))

    def pass_time(self, length: timedelta, every: timedelta) -> None:
        end, watch_at = self.now + length, self.now + every
        while self.now < end:
            self.now = max(self.now, min([end, watch_at, *(it.at for it in self.waiting)]))
            self.deliver()
            if self.now >= watch_at:
                self.watch()
                watch_at += every

    def deliver(self) -> None:
        records = [it for due in self.waiting if due.at <= self.now for it in due.records]
        self.waiting = [due for due in self.waiting if due.at > self.now]
        if records:
            self.delivered.append(records)
            self.keep(self.installation.deliver(*records, now=self.now))

    def watch(self) -> None:
        self.keep(self.installation.watch(self.now))
        if not self.installation.problems:
            self.seen_at = self.now
        for life in self.installation.memories.fold_of(resource()).exposures:
            if life.closed is None:
                self.assert_not_silent(life)
        # Twice at one time is once.
        assert not self.installation.watch(self.now)

    def keep(self, messages: list[Message]) -> None:
        self.told += [(self.now, message, it) for message in messages for it in message.exposures]

    def told_of(self, life: ExposureLife) -> list[tuple[datetime, Message, ExposureNews]]:
        memories = self.installation.memories
        fold = {resource(): memories.fold_of(resource())}
        known = Recollection(folds=fold, told=memories.told).told_of(life)
        return [it for it in self.told if known and it[2].uid == known.uid]

    def assert_not_silent(self, life: ExposureLife) -> None:
        told = self.told_of(life)
        by_look = life.revealed.looked_by is not None
        if not told:
            wait = LOOKS_BACK + AFTER_A_LOOK if by_look else AFTER_A_CALL
            assert self.now < life.revealed.time + wait, "never told"
            return
        is_seen = not self.installation.problems
        lowered = {"public": 0, "private": 1, "unattached": 2}[self.reach] if is_seen else 0
        first = FIRST_REMINDER.get(Severity(life.severity - lowered))
        at, _, news = told[-1]
        is_reminder = len(told) > 1 and news.activity is Activity.UPDATE
        if first is not None:
            # One look that fails is no reason to remind.
            since = at if is_seen else max(at, self.seen_at)
            assert self.now - since < (NEXT_REMINDER if is_reminder else first), "silent"

    def end(self) -> None:
        """All that is on its way comes, and the watch runs until nothing is left to be told."""
        self.installation.problems = {}
        self.pass_time(timedelta(minutes=16), EVERY)
        self.pass_time(timedelta(hours=3), EVERY)
        self.pass_time(timedelta(hours=48), timedelta(hours=4))


def event_id(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012d}"


VERBS: Final = (
    *("open", "open", "close", "edit", "open-unseen", "close-unseen"),
    *("again", "reach", "deny", "wait", "wait", "wait"),
)
STEPS: Final = st.lists(
    st.tuples(
        st.sampled_from(VERBS),
        st.sampled_from(TEXTS),
        st.integers(0, 9),
        st.integers(0, 130),
    ),
    max_size=14,
)


@given(STEPS)
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_life_is_told_once(steps: list[tuple[str, str, int, int]]) -> None:
    life = Life()
    for step in steps:
        life.step(*step)
    life.end()

    stands: dict[str, bool] = {}
    for _, _, news in life.told:
        # Only what turns out to stand after all is opened again after its end was told.
        if news.activity is Activity.CREATE:
            assert not stands.get(news.uid), "opened twice"
        if news.activity is Activity.CLOSE:
            assert stands.get(news.uid, True), "closed twice"
        if news.told is not None:
            stands[news.uid] = not news.told.is_closed
    for exposure in life.installation.memories.fold_of(resource()).exposures:
        told = life.told_of(exposure)
        if told:
            is_over = told[-1][2].status is Status.RESOLVED
            assert is_over == (exposure.closed is not None), "the end was not told"
