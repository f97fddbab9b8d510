"""The watch: what is told of what is open, once; and what it notes, whatever fails."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import chain, repeat
from typing import Any, Final

import pytest

from security_group_alerter import following, watching
from security_group_alerter.ec2.groups import UNKNOWN_GROUP
from security_group_alerter.judgement.accepted_openings import accepted_openings_in
from security_group_alerter.judgement.findings import Standards
from security_group_alerter.messages import messages_of
from security_group_alerter.model.group_state import Reach
from security_group_alerter.model.ledger import KEPT_WHEN_CLOSED, OpenGroup, Told
from security_group_alerter.model.message import Message, Sent
from security_group_alerter.model.severity import Severity
from security_group_alerter.watching import LONGEST_TAKING_UP, WatchError, WatchReport
from tests.security_group_alerter.installation import (
    GROUP,
    INSIDE,
    LIST,
    PRIVATE,
    RDP,
    SSH,
    START,
    WEB,
    Installation,
    at,
    closed,
    edited,
    group_state,
    list_edited,
    list_state,
    news_in,
    numbered,
    opened,
    resource,
)

SSH_1: Final = numbered(SSH, 1)
RDP_2: Final = numbered(RDP, 2)
WEB_3: Final = numbered(WEB, 3)
OTHER: Final = "sg-0fedcba9876543210"
REMINDED: Final = ("UPDATE", "IN_PROGRESS")
FOUND: Final = ("CREATE", "NEW")
CLOSED: Final = ("CLOSE", "RESOLVED")
ACCEPTED: Final = """
[[opening]]
account = "222233334444"
protocol = "tcp"
ports = [22]
peers = ["0.0.0.0/0"]
owner = "jane"
reason = "bastion"
expires = 2026-11-24
"""


def standards(text: str = ACCEPTED) -> Standards:
    accepted = accepted_openings_in(text, today=START.date())
    assert not accepted.problems
    return Standards(accepted=accepted.entries)


def told_in(installation: Installation, of: str = GROUP) -> list[Told]:
    return [*installation.memories.told[resource(of)].values()]


@pytest.fixture
def installation() -> Installation:
    """SSH was opened on a public instance, and told five minutes later."""
    installation = Installation(group_state(SSH_1))
    installation.deliver(opened(SSH_1), now=at(5))
    return installation


# What is told, each once.


def test_it_still_stands(installation: Installation) -> None:
    assert not installation.watch(at(64))

    [message] = installation.watch(at(65))

    assert news_in([message]) == [REMINDED]
    assert message.subject.startswith("CRITICAL: ")
    assert (message.event_ids, message.marks) == ((), ())
    assert message.attributes | {"effect": "other", "world_open": "true"} == message.attributes
    assert not installation.watch(at(65))
    assert not installation.watch(at(65 + 7 * 24 * 60 - 1))
    assert len(installation.watch(at(65 + 7 * 24 * 60))) == 1
    [told] = told_in(installation)
    assert told.at == at(5)


def test_it_became_public(installation: Installation) -> None:
    installation.show(group_state(SSH_1, interfaces=(PRIVATE,)))
    # Nobody is told of what became better: it was told as public.
    assert not installation.watch(at(20))
    assert len(installation.watch(at(29 * 60))) == 1
    installation.show(group_state(SSH_1))

    [message] = installation.watch(at(30 * 60))

    assert message.attributes | {"effect": "opens", "reach": "public"} == message.attributes
    [told] = told_in(installation)
    assert (told.at, told.worse_at, told.reminded_at) == (at(30 * 60), at(30 * 60), None)
    assert (told.severity, told.reach) == (Severity.CRITICAL, Reach.PUBLIC)
    assert not installation.watch(at(30 * 60 + 15))


def test_it_was_closed_without_a_record(installation: Installation) -> None:
    installation.show(group_state())

    # The record may come yet.
    assert not installation.watch(at(30))
    assert installation.report.looked_at == 1
    [message] = installation.watch(at(45))

    assert news_in([message]) == [CLOSED]
    assert message.attributes["effect"] == "closes"
    [hours] = installation.report.hours_to_close
    assert hours == pytest.approx(28 / 60)
    assert not installation.watch(at(46))
    assert installation.report.hours_to_close == ()


def test_it_was_closed_by_a_call_whose_alert_never_came(installation: Installation) -> None:
    installation.refuses = lambda _: "no such topic"
    installation.deliver(closed(SSH_1, time=at(30)), now=at(35))
    installation.refuses = lambda _: None
    installation.show(group_state())

    assert not installation.watch(at(89))
    [message] = installation.watch(at(90))

    assert news_in([message]) == [CLOSED]


def test_it_was_opened_without_a_record(installation: Installation) -> None:
    installation.show(group_state(SSH_1, RDP_2))

    assert not installation.watch(at(20))
    [message] = installation.watch(at(35))

    assert news_in([message]) == [FOUND]
    assert message.attributes["effect"] == "opens"
    assert not installation.watch(at(36))


def test_it_was_opened_by_a_call_whose_alert_never_came() -> None:
    installation = Installation(group_state(SSH_1))
    installation.refuses = lambda _: "no such topic"
    installation.deliver(opened(SSH_1), now=at(5))
    installation.refuses = lambda _: None

    assert not installation.watch(at(59))
    [message] = installation.watch(at(60))

    assert news_in([message]) == [FOUND]


def test_its_acceptance_ran_out() -> None:
    installation = Installation(group_state(SSH_1))
    installation.standards = standards()
    installation.deliver(opened(SSH_1), now=at(5))
    assert not installation.watch(at(600))

    [message] = installation.watch(at(15 * 60))

    assert message.attributes["effect"] == "other"
    assert news_in([message]) == [REMINDED]
    [told] = told_in(installation)
    assert not told.is_accepted
    assert told.at == at(15 * 60)


def test_what_is_accepted_in_part_is_as_severe_as_the_rest() -> None:
    web = numbered("tcp 8080 from 0.0.0.0/0", 4)
    installation = Installation(group_state(SSH_1, web))
    installation.standards = standards()
    installation.deliver(opened(SSH_1, web), now=at(5))

    # HIGH: after a day, when the acceptance has run out as well.
    assert not installation.watch(at(14 * 60))
    [message] = installation.watch(at(15 * 60))
    assert message.attributes["severity"] == "CRITICAL"


def test_what_was_told_and_never_was() -> None:
    """An edit whose direction was not known turns out to have been of an egress rule."""
    quiet = Installation(looks=False)
    edit = edited(SSH_1, time=at(), event_id="e-1")
    assert len(news_in(quiet.deliver(edit, now=at(5)))) == 1
    quiet.looks = True
    quiet.show(group_state(numbered("egress tcp 22 to 0.0.0.0/0", 1)))
    assert not quiet.watch(at(20))

    [message] = quiet.watch(at(66))

    assert news_in([message]) == [CLOSED]
    assert "was never open to the world" in message.subject
    assert not quiet.watch(at(67))
    # Nothing is left of it.
    assert told_in(quiet) == []


def test_what_a_late_record_shows_never_was() -> None:
    quiet = Installation(looks=False)
    edit = edited(numbered("tcp 22 from 0.0.0.0/1", 1), time=at(), event_id="e-1")
    assert len(news_in(quiet.deliver(edit, now=at(5)))) == 1
    rule = numbered("egress tcp 22 to 0.0.0.0/0", 1)
    late = opened(rule, time=at(-1), event_id="e-0")
    quiet.deliver(late | {"eventName": "AuthorizeSecurityGroupEgress"}, now=at(9))

    [message] = quiet.watch(at(66))

    assert news_in([message]) == [CLOSED]
    assert "was never open to the world" in message.subject
    assert not quiet.watch(at(67))


def test_what_a_revoke_by_id_shows_never_was() -> None:
    quiet = Installation(looks=False)
    assert len(news_in(quiet.deliver(edited(SSH_1, time=at(), event_id="e-1"), now=at(5)))) == 1
    revoke = closed(SSH_1, time=at(8)) | {"eventName": "RevokeSecurityGroupEgress"}
    quiet.deliver(revoke, now=at(9))

    [message] = quiet.watch(at(66))

    assert news_in([message]) == [CLOSED]
    assert "was never open to the world" in message.subject


def test_what_a_late_record_explains_keeps_its_uid(installation: Installation) -> None:
    """Also where the alert of that record is not sent yet."""
    installation.show(group_state(SSH_1, RDP_2))
    installation.watch(at(20))
    [found] = installation.watch(at(35))
    installation.refuses = lambda _: "no such topic"
    installation.deliver(opened(RDP_2, time=at(10), event_id="e-2"), now=at(40))
    installation.refuses = lambda _: None

    assert not installation.watch(at(41))

    [life] = [
        it
        for it in installation.memories.fold_of(resource()).exposures
        if it.opened and it.opened.event_id == "e-2"
    ]
    told = installation.memories.told[resource()]
    assert told[life.uid].uid == found.exposures[0].uid
    assert found.exposures[0].key not in told


def test_a_call_that_came_while_the_watch_ran_is_what_closed_it(
    installation: Installation,
) -> None:
    """Memory takes it three minutes; its record comes later."""
    installation.show(group_state())
    left = chain([300.0], repeat(120.0))
    installation.watcher().watch(now=at(20), time_left=lambda: next(left))

    [message] = installation.deliver(closed(SSH_1, time=at(22)), now=at(26))

    assert news_in([message]) == [CLOSED]
    [life] = installation.memories.fold_of(resource()).exposures
    assert life.closed is not None
    assert life.closed.event_id == "e-2"
    assert not installation.watch(at(60))


# What is looked at.


def test_the_oldest_look_comes_first() -> None:
    states = [group_state(SSH_1, resource=resource(it)) for it in (GROUP, OTHER)]
    installation = Installation(*states)
    installation.deliver(opened(SSH_1), now=at(5))
    installation.deliver(opened(SSH_1, time=at(1), event_id="e-2", group=OTHER), now=at(6))
    installation.watch(at(20))
    installation.problems = {GROUP: "denied"}
    installation.watch(at(35))
    installation.problems = {}
    installation.looked_for.clear()

    installation.watch(at(50))

    # It was not seen the last time.
    assert [it.id for it in installation.looked_for] == [GROUP, OTHER]


def test_nobody_looks_at_what_is_medium_or_over() -> None:
    installation = Installation(group_state(WEB_3))
    installation.deliver(opened(WEB_3), now=at(5))
    installation.looked_for.clear()

    assert not installation.watch(at(3000))

    assert not installation.looked_for
    assert installation.report.open_by_severity[Severity.MEDIUM] == 1


def test_a_look_that_shows_nothing_new_is_not_remembered(installation: Installation) -> None:
    before = installation.memories.statements_of(resource())

    installation.watch(at(20))

    assert installation.memories.statements_of(resource()) == before
    [group] = installation.memories.open_groups()
    assert group.looked_at == at(20)


def test_a_look_at_other_interfaces_is_remembered(installation: Installation) -> None:
    installation.show(group_state(SSH_1, interfaces=(replace(PRIVATE, id="eni-2"),)))
    before = installation.memories.statements_of(resource())

    installation.watch(at(20))

    assert len(installation.memories.statements_of(resource()) - before) == 1


def test_a_look_in_part_says_nothing_of_rules(installation: Installation) -> None:
    installation.show(group_state(has_all_rules=False, is_complete=False))

    assert not installation.watch(at(30))
    [message] = installation.watch(at(65))

    assert news_in([message]) == [REMINDED]
    assert installation.report.open == 1


def test_where_it_is_denied_it_reminds_by_what_the_trail_said(installation: Installation) -> None:
    installation.problems = {GROUP: "the role was denied"}

    [message] = installation.watch(at(65))

    assert message.attributes["reach"] == "unknown"
    assert installation.report.look_failures == 1
    assert news_in([message]) == [REMINDED]


def test_without_a_role_reminders_end_after_four_weeks() -> None:
    installation = Installation(looks=False)
    installation.deliver(opened(SSH_1), now=at(5))

    reminders = [it for day in range(60) for it in installation.watch(at(66) + timedelta(days=day))]

    assert len(reminders) == 4
    says = ["This is the last reminder" in it.body for it in reminders]
    assert says == [False, False, False, True]


def test_a_prefix_list_is_followed_as_well() -> None:
    group = group_state(numbered(f"tcp 22 from {LIST}", 5))
    installation = Installation(list_state("0.0.0.0/0", groups=(group,)))
    installation.deliver(list_edited(add="0.0.0.0/0", time=at(), event_id="l-1"), now=at(5))

    [reminder] = installation.watch(at(66))
    assert reminder.attributes["kind"] == "prefix-list"
    assert reminder.attributes["severity"] == "CRITICAL"
    installation.show(list_state("10.0.0.0/8", groups=(group,)))
    assert not installation.watch(at(80))

    [end] = installation.watch(at(95))

    assert news_in([end]) == [CLOSED]


def test_a_prefix_list_that_nobody_can_look_at() -> None:
    installation = Installation(looks=False)
    installation.deliver(list_edited(add="0.0.0.0/0", time=at(), event_id="l-1"), now=at(5))

    [reminder] = installation.watch(at(25 * 60))

    assert reminder.attributes["reach"] == "unknown"
    assert "a command needs the list's version" in reminder.body


def test_many_reminders_of_one_kind_are_one_message() -> None:
    groups = [f"sg-{number:017x}" for number in range(40)]
    installation = Installation(*(group_state(SSH_1, resource=resource(it)) for it in groups))
    for number, group in enumerate(groups):
        installation.deliver(
            opened(SSH_1, time=at(), event_id=f"e-{number}", group=group), now=at(5)
        )

    [message] = installation.watch(at(66))

    assert len(message.exposures) == 40
    assert installation.report.reports == 40
    assert installation.report.alerts == 1


# What is over.


def test_what_is_over_stays_in_the_ledger_for_the_digest(installation: Installation) -> None:
    installation.show(group_state())
    installation.deliver(closed(SSH_1, time=at(30)), now=at(35))

    installation.watch(at(30) + KEPT_WHEN_CLOSED - timedelta(seconds=1))
    assert installation.open_ids == [GROUP]
    installation.watch(at(30) + KEPT_WHEN_CLOSED)
    assert installation.open_ids == []


def test_what_is_not_told_yet_stays_in_the_ledger(installation: Installation) -> None:
    installation.show(group_state())
    installation.watch(at(30))
    installation.refuses = lambda _: "no such topic"

    installation.watched(at(30) + timedelta(hours=60))
    assert installation.open_ids == [GROUP]
    installation.refuses = lambda _: None
    installation.watch(at(30) + timedelta(hours=61))
    installation.watch(at(30) + timedelta(hours=61))
    assert installation.open_ids == []


def test_what_changed_meanwhile_is_not_let_go(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    installation.show(group_state())
    installation.deliver(closed(SSH_1, time=at(30)), now=at(35))
    let_go = installation.memories.let_go

    def later(of: Any, version: int) -> None:
        installation.deliver(opened(RDP_2, time=at(3999), event_id="e-3"), now=at(4000))
        let_go(of, version)

    monkeypatch.setattr(type(installation.memories), "let_go", lambda _, *asked: later(*asked))
    installation.watch(at(4000))

    assert installation.open_ids == [GROUP]


# What fails.


def test_a_report_that_is_refused_comes_again(installation: Installation) -> None:
    installation.refuses = lambda _: "no such topic"

    assert not installation.watched(at(65))

    error = installation.report.error
    assert isinstance(error, WatchError)
    assert "no such topic" in str(error)
    assert (installation.report.sends_failed, installation.report.alerts) == (1, 0)
    installation.refuses = lambda _: None
    assert len(installation.watch(at(66))) == 1


def two_groups() -> Installation:
    """One of them CRITICAL and one HIGH, reminders of both of which are due after a day."""
    states = [
        group_state(SSH_1),
        group_state(SSH_1, resource=resource(OTHER), interfaces=(PRIVATE,)),
    ]
    installation = Installation(*states)
    installation.deliver(opened(SSH_1), now=at(5))
    installation.deliver(opened(SSH_1, event_id="e-2", group=OTHER), now=at(5))
    return installation


def test_one_that_is_refused_leaves_the_other() -> None:
    installation = two_groups()
    installation.refuses = lambda it: "no" if it.subject.startswith("HIGH") else None

    [critical] = installation.watched(at(25 * 60))

    assert critical.subject.startswith("CRITICAL")
    installation.refuses = lambda _: None
    [high] = installation.watch(at(25 * 60))
    assert high.subject.startswith("HIGH")


def test_sending_breaks_off_in_the_middle(monkeypatch: pytest.MonkeyPatch) -> None:
    installation = two_groups()
    publish = Installation._publish

    def breaking(self: Installation, messages: Any, time_left: Any) -> Iterator[Sent]:
        yield next(publish(self, messages, time_left))
        raise RuntimeError("unheard of")

    with monkeypatch.context() as patch:
        patch.setattr(Installation, "_publish", breaking)
        assert len(installation.watched(at(25 * 60))) == 1
    assert str(installation.report.error) == "unheard of"

    # What was sent is noted.
    assert len(installation.watch(at(25 * 60))) == 1
    assert not installation.watch(at(25 * 60))


def test_a_fault_in_wording_one_leaves_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    installation = two_groups()

    def faulty(alert: Any, presentation: Any) -> Iterator[Message]:
        if alert.severity is Severity.CRITICAL:
            raise RuntimeError("unheard of")
        return messages_of(alert, presentation)

    with monkeypatch.context() as patch:
        patch.setattr(watching, "messages_of", faulty)
        [high] = installation.watched(at(25 * 60))
    assert high.subject.startswith("HIGH")
    assert str(installation.report.error) == "unheard of"
    assert len(installation.watch(at(25 * 60))) == 1


def test_what_cannot_be_noted_is_counted_and_comes_again(installation: Installation) -> None:
    installation.memories.unnoted = {resource()}

    assert len(installation.watched(at(65))) == 1
    assert installation.report.memory_failures == 1
    # An alarm: each watch sends it until then. Twice rather than never.
    assert isinstance(installation.report.error, WatchError)
    assert len(installation.watched(at(66))) == 1
    installation.memories.unnoted = set()
    assert len(installation.watch(at(67))) == 1
    assert not installation.watch(at(68))


@pytest.mark.parametrize("failing", ["unread", "unwritten"])
def test_a_group_whose_memory_is_broken_leaves_the_others(failing: str) -> None:
    installation = two_groups()
    getattr(installation.memories, failing)[resource()] = "broken"

    sent = installation.watched(at(25 * 60))

    # What could not be written was read.
    assert isinstance(installation.report.error, WatchError)
    assert len(sent) == (1 if failing == "unread" else 2)
    assert installation.report.memory_failures >= 1
    assert installation.open_ids == [GROUP, OTHER]


def test_a_ledger_that_is_down_is_raised(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(_: object) -> Any:
        raise ConnectionError("the table is down")

    with monkeypatch.context() as patch:
        patch.setattr(type(installation.memories), "open_groups", down)
        with pytest.raises(ConnectionError):
            installation.watched(at(65))
    # And nobody holds the lease.
    assert len(installation.watch(at(65))) == 1


def test_what_cannot_be_let_go_is_told_after_all_that_is_noted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    installation = two_groups()
    installation.show(group_state())
    installation.deliver(closed(SSH_1, time=at(30), event_id="e-3"), now=at(35))

    def down(*_: object) -> Any:
        raise ConnectionError("the table is down")

    with monkeypatch.context() as patch:
        patch.setattr(type(installation.memories), "let_go", down)
        [high] = installation.watched(at(4000))
    assert high.subject.startswith("HIGH")
    assert isinstance(installation.report.error, ConnectionError)
    assert not installation.watch(at(4000))
    assert installation.open_ids == [OTHER]


def test_what_an_older_version_left_cannot_be_taken_up(installation: Installation) -> None:
    taken_up: list[float] = []

    def take_up(_: datetime, seconds: float) -> None:
        taken_up.append(seconds)
        raise ConnectionError("the table cannot be scanned")

    watcher = replace(installation.watcher(), take_up=take_up)

    report = watcher.watch(now=at(65), time_left=lambda: 300)

    # What is listed already is followed all the same.
    assert isinstance(report.error, ConnectionError)
    assert len(installation.sent) == 2
    assert taken_up == [LONGEST_TAKING_UP]


def test_another_watch_is_running(installation: Installation) -> None:
    installation.memories.is_leased = True

    assert not installation.watch(at(65))

    assert installation.report == WatchReport(had_lease=False)
    assert installation.report.counts()["had_lease"] == 0


def test_nothing_is_open() -> None:
    installation = Installation(group_state(numbered(INSIDE, 1)))
    installation.deliver(opened(numbered(INSIDE, 1)), now=at(5))

    assert not installation.watch(at(65))

    assert installation.report == WatchReport(
        open_by_severity=dict.fromkeys((Severity.CRITICAL, Severity.HIGH, Severity.MEDIUM), 0)
    )


def test_what_is_open_is_counted() -> None:
    installation = two_groups()

    installation.watch(at(30))

    report = installation.report
    assert (report.groups, report.open, report.looked_at) == (2, 2, 2)
    assert report.open_by_severity[Severity.CRITICAL] == 2
    assert report.oldest == START


# What could not be seen.


def test_what_cannot_be_looked_at_any_more_changes_nothing_of_what_was_told() -> None:
    private = Installation(group_state(SSH_1, interfaces=(PRIVATE,)))
    private.deliver(opened(SSH_1), now=at(5))
    assert not private.watch(at(50))
    private.problems[GROUP] = "the role may not be assumed"
    # After an hour in which nobody saw it, it counts as what the trail says.
    assert not private.watch(at(105))
    [reminder] = private.watch(at(110))
    assert "It could not be looked at since 2026-11-24 09:50:00 UTC" in reminder.body
    assert reminder.attributes | {"severity": "CRITICAL", "reach": "unknown"} == (
        reminder.attributes
    )
    [told] = told_in(private)
    assert (told.severity, told.reach) == (Severity.HIGH, Reach.PRIVATE)

    private.problems.clear()
    private.show(group_state(SSH_1))

    [worse] = private.watch(at(5 + 25 * 60))
    assert worse.attributes["reach"] == "public"


def test_a_group_that_is_gone_without_a_record_is_closed(installation: Installation) -> None:
    installation.problems[GROUP] = UNKNOWN_GROUP

    # The record may still come.
    assert not installation.watch(at(30))
    assert installation.report.look_failures == 0

    [closed] = installation.watch(at(45))
    assert closed.attributes["effect"] == "closes"
    assert not installation.watch(at(60))


def test_a_fault_in_one_group_takes_no_other_with_it(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = "sg-0f00000000000000f"
    installation.show(group_state(SSH_1, resource=resource(other)))
    installation.deliver(opened(SSH_1, event_id="e-2", group=other), now=at(6))
    followed_of = following.followed_of

    def faulty(of: OpenGroup, *args: Any, **more: Any) -> Any:
        if of.resource.id == GROUP:
            raise ZeroDivisionError
        return followed_of(of, *args, **more)

    monkeypatch.setattr(watching, "followed_of", faulty)

    [message] = installation.watched(at(66))

    assert isinstance(installation.report.error, ZeroDivisionError)
    assert other in message.body
    # It is not over because it could not be followed.
    assert {it.resource.id for it in installation.memories.open_groups()} == {GROUP, other}


def test_an_edit_that_leaves_less_open_tells_of_it_once() -> None:
    installation = Installation(looks=False)
    installation.deliver(opened(numbered("tcp 0-65535 from 0.0.0.0/0", 1)), now=at(5))

    [message] = installation.deliver(
        edited(numbered("tcp 22 from 0.0.0.0/0", 1), time=at(6)), now=at(10)
    )

    assert news_in([message]) == [REMINDED]


def test_what_nobody_was_told_of_is_new_when_it_becomes_worse() -> None:
    installation = Installation(group_state(SSH_1, interfaces=(PRIVATE,)))
    installation.deliver(opened(SSH_1), now=at(5))
    [(of, told)] = installation.memories.told.items()
    # As a first sweep notes it.
    installation.memories.told[of] = {uid: replace(it, is_quiet=True) for uid, it in told.items()}
    installation.show(group_state(SSH_1))

    [message] = installation.watch(at(20))

    [news] = message.exposures
    assert (news.activity.name, news.status.name) == ("CREATE", "NEW")
    assert "Reported at" not in message.body
