"""What the watch reports of an exposure: each row of docs/alerts.md, and each boundary."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

import pytest

from security_group_alerter.judgement.findings import Standards
from security_group_alerter.judgement.observations import (
    StandingExposure,
    standing_group,
    standing_list,
)
from security_group_alerter.judgement.reminders import (
    Circumstances,
    is_settled,
    report_of_closed,
    report_of_open,
)
from security_group_alerter.model.acceptance import Acceptance
from security_group_alerter.model.exposure_life import EndedHow
from security_group_alerter.model.finding import Finding
from security_group_alerter.model.group_state import GroupReach, Look, PrefixListState, Reach
from security_group_alerter.model.ledger import Snooze, Told
from security_group_alerter.model.origin import Observed
from security_group_alerter.model.severity import Severity
from tests.security_group_alerter.builders import peer, rules, with_judgement
from tests.security_group_alerter.lives import (
    OPENED_AT,
    PREFIX_LIST,
    TOLD_AT,
    UID,
    a_call,
    a_life,
    a_look,
    a_told,
    after,
    ended,
    found_by,
)
from tests.security_group_alerter.messages.looks import list_state, state

CRITICAL, HIGH, MEDIUM = Severity.CRITICAL, Severity.HIGH, Severity.MEDIUM
PUBLIC, PRIVATE, UNATTACHED, UNKNOWN = (
    Reach.PUBLIC,
    Reach.PRIVATE,
    Reach.UNATTACHED,
    Reach.UNKNOWN,
)
LIFE: Final = a_life()
MINUTE: Final = timedelta(minutes=1)
SECOND: Final = timedelta(seconds=1)


def judged(severity: Severity = CRITICAL, reach: Reach = PUBLIC, **members: Any) -> Finding:
    """SSH from everywhere, as it is judged now."""
    standing = StandingExposure(life=LIFE, look=None, reach=GroupReach(reach=reach), at=TOLD_AT)
    found = standing_group(standing, rules("tcp 22 from 0.0.0.0/0"), Standards())
    return with_judgement(found, severity=severity, **members)


ACCEPTED: Final = judged(Severity.INFORMATIONAL, acceptance=Acceptance(covers_all=True))


def report(
    now: datetime,
    told: Told | None,
    finding: Finding | None = None,
    *,
    snooze: Snooze | None = None,
    was_seen: bool = True,
    seen_before: datetime | None = None,
) -> Observed | None:
    known = Circumstances(
        told=told, snooze=snooze, was_seen=was_seen, now=now, seen_before=seen_before
    )
    return report_of_open(LIFE, finding or judged(), known)


def snoozed(until: str, *uids: str) -> Snooze:
    day = datetime.fromisoformat(until).date()
    return Snooze(until=day, by="jane", why="migration", uids=frozenset(uids or (UID,)))


# Reminders.


@pytest.mark.parametrize(
    ("severity", "waited", "expected"),
    [
        pytest.param(CRITICAL, timedelta(minutes=59), None, id="critical-after-59-minutes"),
        pytest.param(
            CRITICAL, timedelta(minutes=60), Observed.STILL_OPEN, id="critical-after-an-hour"
        ),
        pytest.param(HIGH, timedelta(hours=24) - SECOND, None, id="high-within-a-day"),
        pytest.param(HIGH, timedelta(hours=24), Observed.STILL_OPEN, id="high-after-a-day"),
        pytest.param(MEDIUM, timedelta(days=365), None, id="medium-is-in-the-digest-only"),
        pytest.param(Severity.LOW, timedelta(days=365), None, id="lowered-to-low"),
    ],
)
def test_the_first_reminder(
    severity: Severity, waited: timedelta, expected: Observed | None
) -> None:
    told = a_told(severity=severity)

    assert report(TOLD_AT + waited, told, judged(severity)) is expected


@pytest.mark.parametrize("severity", [CRITICAL, HIGH])
@pytest.mark.parametrize(
    ("waited", "expected"),
    [
        pytest.param(timedelta(days=7) - SECOND, None, id="within-a-week"),
        pytest.param(timedelta(days=7), Observed.STILL_OPEN, id="after-a-week"),
    ],
)
def test_the_next_reminder(
    severity: Severity, waited: timedelta, expected: Observed | None
) -> None:
    told = a_told(severity=severity, reminded_at=after(hours=24))

    assert report(after(hours=24) + waited, told, judged(severity)) is expected


def test_a_reminder_counts_from_when_it_was_told_not_from_when_it_was_opened() -> None:
    assert report(after(OPENED_AT, hours=1), a_told()) is None


def test_it_is_as_urgent_as_it_is_now_not_as_it_was_told() -> None:
    told = a_told(severity=HIGH, reach=PRIVATE)

    # It was lowered when it was told, and is not seen now.
    assert report(after(hours=1), told, judged(CRITICAL, UNKNOWN)) is Observed.STILL_OPEN


@pytest.mark.parametrize(
    ("waited", "expected"),
    [
        pytest.param(timedelta(weeks=4) - SECOND, Observed.STILL_OPEN, id="within-four-weeks"),
        pytest.param(timedelta(weeks=4), None, id="after-four-weeks"),
    ],
)
def test_where_nobody_can_look_reminders_end(waited: timedelta, expected: Observed | None) -> None:
    told = a_told(reach=UNKNOWN, reminded_at=after(days=14))
    finding = judged(reach=UNKNOWN)

    assert report(TOLD_AT + waited, told, finding, was_seen=False) is expected
    assert report(TOLD_AT + waited, told, finding) is Observed.STILL_OPEN


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        pytest.param(list_state(state()), Observed.STILL_OPEN, id="a-group-refers-to-it"),
        pytest.param(list_state(), None, id="no-group-refers-to-it"),
        pytest.param(
            list_state(is_complete=False), Observed.STILL_OPEN, id="not-all-groups-were-seen"
        ),
        pytest.param(None, Observed.STILL_OPEN, id="nobody-looked"),
    ],
)
def test_a_prefix_list_is_reminded_of_while_something_refers_to_it(
    seen: PrefixListState | None, expected: Observed | None
) -> None:
    life = replace(LIFE, resource=PREFIX_LIST, severity=HIGH)
    look = Look(state=seen) if seen else None
    reach = GroupReach(reach=UNKNOWN)
    standing = StandingExposure(life=life, look=look, reach=reach, at=TOLD_AT)
    finding = standing_list(standing, (peer("0.0.0.0/0"),))
    told = a_told(severity=HIGH, reach=UNKNOWN)
    known = Circumstances(told=told, snooze=None, was_seen=seen is not None, now=after(hours=24))

    assert report_of_open(life, finding, known) is expected


@pytest.mark.parametrize(
    ("unseen", "expected"),
    [
        pytest.param(timedelta(minutes=59), None, id="for-less-than-an-hour"),
        pytest.param(timedelta(minutes=60), Observed.STILL_OPEN, id="for-an-hour"),
        pytest.param(timedelta(weeks=4) - SECOND, Observed.STILL_OPEN, id="for-almost-four-weeks"),
        pytest.param(timedelta(weeks=4), None, id="for-four-weeks"),
    ],
)
@pytest.mark.parametrize("told", [a_told(severity=MEDIUM, reach=UNATTACHED), a_told()])
def test_what_cannot_be_looked_at_any_more_counts_as_the_trail_says(
    told: Told, unseen: timedelta, expected: Observed | None
) -> None:
    seen_before = after(days=60)
    finding = judged(reach=UNKNOWN)

    now = seen_before + unseen
    assert report(now, told, finding, was_seen=False, seen_before=seen_before) is expected


def test_a_list_that_cannot_be_looked_at_any_more_is_as_severe_as_it_was() -> None:
    told, finding = a_told(), judged(HIGH, UNKNOWN)

    assert report(after(minutes=60), told, finding, was_seen=False) is Observed.STILL_OPEN


# What keeps quiet.


@pytest.mark.parametrize(
    ("snooze", "expected"),
    [
        pytest.param(snoozed("2026-11-24"), None, id="up-to-its-day"),
        pytest.param(snoozed("2026-11-23"), None, id="on-its-day"),
        pytest.param(snoozed("2026-11-22"), Observed.STILL_OPEN, id="on-the-day-after"),
        pytest.param(snoozed("2026-11-24", "f" * 32), Observed.STILL_OPEN, id="another-exposure"),
    ],
)
def test_a_snooze(snooze: Snooze, expected: Observed | None) -> None:
    assert report(after(hours=2), a_told(), snooze=snooze) is expected


def test_what_became_worse_since_it_was_snoozed_is_reminded_of() -> None:
    snooze = replace(snoozed("2026-11-24"), at=after(minutes=30))
    before, since = (a_told(worse_at=after(minutes=it)) for it in (20, 40))

    assert report(after(hours=2), before, snooze=snooze) is None
    assert report(after(hours=2), since, snooze=snooze) is Observed.STILL_OPEN


def test_what_is_snoozed_under_the_uid_it_was_told_under_is_quiet() -> None:
    told = a_told(uid="a" * 32)

    assert report(after(hours=2), told, snooze=snoozed("2026-11-24", "a" * 32)) is None


def test_what_stood_before_anybody_looked_is_quiet() -> None:
    assert report(after(days=365), a_told(is_quiet=True)) is None


def test_what_is_accepted_is_quiet() -> None:
    told = a_told(severity=Severity.INFORMATIONAL, is_accepted=True)

    assert report(after(days=365), told, ACCEPTED) is None
    # Accepted since.
    assert report(after(days=365), a_told(), ACCEPTED) is None


# Worse.


@pytest.mark.parametrize(
    ("told", "now", "expected"),
    [
        pytest.param((HIGH, PRIVATE), (CRITICAL, PUBLIC), Observed.WORSE, id="private-to-public"),
        pytest.param((MEDIUM, UNATTACHED), (CRITICAL, PUBLIC), Observed.WORSE, id="attached"),
        pytest.param((MEDIUM, UNATTACHED), (HIGH, PRIVATE), Observed.WORSE, id="lowered-less"),
        pytest.param(
            (CRITICAL, PRIVATE), (CRITICAL, PUBLIC), Observed.WORSE, id="public-and-as-severe"
        ),
        pytest.param((HIGH, PRIVATE), (CRITICAL, PRIVATE), Observed.WORSE, id="a-balancer-came"),
        pytest.param((CRITICAL, PUBLIC), (CRITICAL, PUBLIC), None, id="the-same"),
        pytest.param((CRITICAL, PUBLIC), (HIGH, PRIVATE), None, id="better"),
        pytest.param((HIGH, UNKNOWN), (CRITICAL, PUBLIC), None, id="told-as-unknown"),
        pytest.param((HIGH, PRIVATE), (CRITICAL, UNKNOWN), None, id="cannot-be-seen-now"),
    ],
)
def test_it_became_worse(
    told: tuple[Severity, Reach], now: tuple[Severity, Reach], expected: Observed | None
) -> None:
    severity, reach = told

    assert report(after(minutes=15), a_told(severity=severity, reach=reach), judged(*now)) is (
        expected
    )


def test_what_was_not_seen_whole_did_not_become_worse() -> None:
    told = a_told(severity=HIGH, reach=PRIVATE)

    assert report(after(minutes=15), told, was_seen=False) is None


@pytest.mark.parametrize(
    ("waited", "expected"),
    [
        pytest.param(timedelta(hours=24) - SECOND, None, id="within-a-day"),
        pytest.param(timedelta(hours=24), Observed.WORSE, id="after-a-day"),
    ],
)
def test_it_becomes_worse_once_a_day(waited: timedelta, expected: Observed | None) -> None:
    reminded_at = after(hours=20)
    told = a_told(severity=HIGH, reach=PRIVATE, worse_at=TOLD_AT, reminded_at=reminded_at)

    assert report(TOLD_AT + waited, told) is expected


def test_what_became_worse_again_within_a_day_is_reminded_of() -> None:
    told = a_told(severity=HIGH, reach=PRIVATE, worse_at=TOLD_AT)

    assert report(after(minutes=59), told) is None
    assert report(after(minutes=60), told) is Observed.STILL_OPEN


@pytest.mark.parametrize(
    ("told", "snooze"),
    [
        pytest.param({"is_quiet": True}, None, id="quiet"),
        pytest.param({}, snoozed("2027-01-01"), id="snoozed"),
    ],
)
def test_worse_is_told_of_what_is_quiet_as_well(
    told: dict[str, Any], snooze: Snooze | None
) -> None:
    private = a_told(severity=HIGH, reach=PRIVATE, **told)

    assert report(after(minutes=15), private, snooze=snooze) is Observed.WORSE


# An acceptance that ran out.


def test_an_acceptance_ran_out() -> None:
    told = a_told(severity=Severity.INFORMATIONAL, is_accepted=True)

    assert report(after(minutes=15), told) is Observed.ACCEPTANCE_ENDED
    # Whoever put off the reminders knew of an accepted opening.
    assert (
        report(after(minutes=15), told, snooze=snoozed("2027-01-01")) is Observed.ACCEPTANCE_ENDED
    )


def test_an_acceptance_that_ran_out_is_told_where_nobody_can_look() -> None:
    told = a_told(severity=Severity.INFORMATIONAL, is_accepted=True, reach=UNKNOWN)

    assert report(after(days=100), told, was_seen=False) is Observed.ACCEPTANCE_ENDED


# What nobody was told of.

LOOKED_AT: Final = after(minutes=30)


@pytest.mark.parametrize("told", [None, a_told(is_closed=True)], ids=["never", "as-closed"])
@pytest.mark.parametrize(
    ("life", "now", "expected"),
    [
        pytest.param(
            found_by(a_look(LOOKED_AT)), LOOKED_AT + 15 * MINUTE - SECOND, None, id="too-early"
        ),
        pytest.param(
            found_by(a_look(LOOKED_AT)),
            LOOKED_AT + 15 * MINUTE,
            Observed.FOUND,
            id="a-quarter-of-an-hour-after-the-look",
        ),
        pytest.param(
            found_by(a_look(LOOKED_AT, "sweep")),
            LOOKED_AT + 15 * MINUTE,
            Observed.FOUND,
            id="found-by-a-sweep",
        ),
        pytest.param(LIFE, OPENED_AT + 60 * MINUTE - SECOND, None, id="its-alert-may-come"),
        pytest.param(LIFE, OPENED_AT + 60 * MINUTE, Observed.FOUND, id="its-alert-never-came"),
    ],
)
def test_what_nobody_was_told_of(
    life: Any, now: datetime, expected: Observed | None, told: Told | None
) -> None:
    known = Circumstances(told=told, snooze=None, was_seen=True, now=now)

    assert report_of_open(life, judged(), known) is expected


# Its end.


def end_of(life: Any, now: datetime, told: Told | None) -> Observed | None:
    known = Circumstances(told=told, snooze=None, was_seen=False, now=now)
    return report_of_closed(life, known)


BY_LOOK: Final = ended(LIFE, a_look(LOOKED_AT))
BY_CALL: Final = ended(LIFE, a_call(LOOKED_AT, "e-2"))


@pytest.mark.parametrize(
    ("life", "waited", "expected"),
    [
        pytest.param(BY_LOOK, 15 * MINUTE - SECOND, None, id="seen-and-too-early"),
        pytest.param(BY_LOOK, 15 * MINUTE, Observed.CLOSED, id="seen-a-quarter-of-an-hour-ago"),
        pytest.param(BY_CALL, 60 * MINUTE - SECOND, None, id="the-alert-of-the-call-may-come"),
        pytest.param(BY_CALL, 60 * MINUTE, Observed.CLOSED, id="the-alert-of-the-call-never-came"),
        pytest.param(LIFE, 60 * MINUTE, None, id="it-stands"),
    ],
)
def test_its_end(life: Any, waited: timedelta, expected: Observed | None) -> None:
    assert end_of(life, LOOKED_AT + waited, a_told()) is expected


@pytest.mark.parametrize(
    ("life", "told", "settled"),
    [
        pytest.param(BY_CALL, None, True, id="never-told"),
        pytest.param(BY_CALL, a_told(is_closed=True), True, id="told"),
        pytest.param(BY_LOOK, a_told(is_quiet=True), True, id="quiet-and-only-seen"),
        pytest.param(BY_CALL, a_told(is_quiet=True), False, id="quiet-and-closed-by-a-call"),
        pytest.param(BY_LOOK, a_told(), False, id="to-be-told"),
        pytest.param(LIFE, a_told(is_quiet=True), False, id="quiet-and-still-open"),
        pytest.param(
            replace(BY_LOOK, closed_how=EndedHow.ACCOUNT_LEFT), a_told(), True, id="account-left"
        ),
    ],
)
def test_what_is_settled(life: Any, told: Told | None, *, settled: bool) -> None:
    assert is_settled(life, told) is settled
    if settled:
        assert end_of(life, after(days=30), told) is None


def test_an_end_by_deletion_is_a_call_s() -> None:
    deleted = ended(LIFE, a_call(LOOKED_AT, "e-3"), EndedHow.DELETED)

    assert end_of(deleted, LOOKED_AT + 59 * MINUTE, a_told()) is None
