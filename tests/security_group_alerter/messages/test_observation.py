"""What the watch reports, as each form says it."""

import json
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from security_group_alerter.following import Followed, followed_of
from security_group_alerter.grouping import alerts_of
from security_group_alerter.judgement.findings import Standards
from security_group_alerter.judgement.observations import (
    StandingExposure,
    closed,
    observed,
    standing_group,
    standing_list,
)
from security_group_alerter.memory.fold import fold
from security_group_alerter.memory.recollection import Recollection
from security_group_alerter.memory.statements import RuleThere, Statement, seen_gone
from security_group_alerter.messages import messages_of
from security_group_alerter.messages.people import bound_words
from security_group_alerter.model.exposure_life import EndedHow, ExposureLife, LookedBy
from security_group_alerter.model.finding import Finding
from security_group_alerter.model.group_state import (
    GroupReach,
    GroupState,
    Look,
    Looked,
    PrefixListState,
    Reach,
)
from security_group_alerter.model.ledger import OpenGroup, Told
from security_group_alerter.model.message import LARGEST_MESSAGE, Message
from security_group_alerter.model.origin import Observed
from security_group_alerter.model.severity import Severity
from security_group_alerter.model.standing import Moment
from tests.security_group_alerter.builders import calmly, peer
from tests.security_group_alerter.lives import (
    GROUP,
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
from tests.security_group_alerter.messages.forms import FACTS, PLAIN, texts_of
from tests.security_group_alerter.messages.looks import (
    BASTION,
    SSH_RULE,
    list_state,
    state,
)
from tests.security_group_alerter.messages.test_hostile_text import TRICKS
from tests.security_group_alerter.messages.test_machine import assert_valid

NOW: Final = after(hours=1)
PUBLIC: Final = GroupReach(reach=Reach.PUBLIC)
LIFE: Final = a_life()
PRIVATE: Final = a_told(severity=Severity.HIGH, reach=Reach.PRIVATE)
BEFORE: Final = "tcp 22 (SSH) open to the whole IPv4 Internet"


def found(
    what: Observed,
    told: Told | None = None,
    *,
    life: ExposureLife = LIFE,
    seen: GroupState | None = None,
    reach: GroupReach = PUBLIC,
) -> Followed:
    """What the watch found of a group that SSH is open in."""
    standing = StandingExposure(
        life=life, look=Look(state=seen) if seen else None, reach=reach, at=NOW
    )
    if what is Observed.CLOSED:
        finding = closed(standing, told, Moment(is_whole=True))
    else:
        finding = observed(standing_group(standing, [SSH_RULE], Standards()), what, told)
    return Followed(life=life, uid=told.uid if told else life.uid, told=told, finding=finding)


def of_list(
    what: Observed, seen: PrefixListState | None, life: ExposureLife | None = None
) -> Followed:
    life = life or replace(LIFE, resource=PREFIX_LIST)
    look = Look(state=seen) if seen else Look(problem="the role was denied")
    standing = StandingExposure(life=life, look=look, reach=PUBLIC, at=NOW)
    told = a_told()
    if what is Observed.CLOSED:
        finding = closed(standing, told, Moment())
    else:
        ranges = (peer("0.0.0.0/0"), peer("10.0.0.0/8"))
        finding = observed(standing_list(standing, ranges), what, told)
    return Followed(life=life, uid=UID, told=told, finding=finding)


def message_of(*found: Followed, now: datetime = NOW) -> Message:
    findings = [(it, it.finding) for it in found]
    [alert] = alerts_of(
        [it.delivered(finding, now=now) for it, finding in findings if finding],
        facts_for=lambda _: FACTS,
        organization_id="o-exampleorgid",
        seen_at=now,
    )
    [message] = messages_of(alert, PLAIN)
    return message


def email(*found: Followed) -> str:
    return " ".join(texts_of(message_of(*found))["email"].split())


SEEN: Final = state(BASTION)
REMINDER: Final = found(Observed.STILL_OPEN, a_told(), seen=SEEN)
WORSE: Final = found(Observed.WORSE, PRIVATE, seen=SEEN)
FOUND: Final = found(Observed.FOUND, life=found_by(a_look(TOLD_AT)), seen=SEEN)
ACCEPTANCE_ENDED: Final = found(
    Observed.ACCEPTANCE_ENDED, a_told(severity=Severity.INFORMATIONAL, is_accepted=True), seen=SEEN
)
CLOSED: Final = found(Observed.CLOSED, a_told(), life=ended(LIFE, a_look(after(minutes=40))))
KINDS: Final = {
    "still-open": REMINDER,
    "worse": WORSE,
    "found": FOUND,
    "acceptance-ended": ACCEPTANCE_ENDED,
    "closed": CLOSED,
    "found-by-a-call-s-record": found(Observed.FOUND, seen=SEEN),
    "found-by-a-sweep": found(Observed.FOUND, life=found_by(a_look(TOLD_AT, "sweep")), seen=SEEN),
    "found-after-its-end": found(Observed.FOUND, a_told(is_closed=True), seen=SEEN),
    "not-looked-at": found(Observed.STILL_OPEN, a_told(), reach=GroupReach(reach=Reach.UNKNOWN)),
    "last-reminder": found(
        Observed.STILL_OPEN,
        a_told(at=NOW - timedelta(days=21)),
        reach=GroupReach(reach=Reach.UNKNOWN),
    ),
    "looked-at-weeks-later": found(
        Observed.STILL_OPEN, a_told(at=NOW - timedelta(days=35)), seen=SEEN
    ),
    "public-since-it-was-reported": found(
        Observed.STILL_OPEN, replace(PRIVATE, worse_at=TOLD_AT), seen=SEEN
    ),
    "a-list-that-was-edited": of_list(
        Observed.CLOSED,
        None,
        ended(
            replace(LIFE, resource=PREFIX_LIST),
            a_call(after(minutes=40), "e-2"),
            EndedHow.PREFIX_LIST,
        ),
    ),
    "worse-than-nobody-was-told": found(Observed.WORSE, seen=SEEN),
    "as-public-and-more-severe": found(
        Observed.WORSE, replace(PRIVATE, reach=Reach.PUBLIC), seen=SEEN
    ),
    "closed-by-a-call": found(
        Observed.CLOSED, a_told(), life=ended(LIFE, a_call(after(minutes=40), "e-2"))
    ),
    "closed-ports": found(
        Observed.CLOSED,
        a_told(),
        life=ended(
            a_life("tcp 22 from 0.0.0.0/0", "tcp 3389 from 0.0.0.0/0"),
            a_call(after(minutes=40), "e-2"),
        ),
    ),
    "closed-by-nobody-knows-whom": found(
        Observed.CLOSED,
        a_told(),
        life=ended(
            a_life(opened=a_call(principal=None)),
            a_call(after(minutes=40), "e-2", principal=None),
            EndedHow.DELETED,
        ),
    ),
    "closed-and-its-beginning-unknown": found(
        Observed.CLOSED, a_told(), life=ended(found_by(a_look(TOLD_AT)), a_look(NOW))
    ),
    "never-was": found(
        Observed.CLOSED,
        a_told(),
        life=replace(ended(found_by(a_call(), severity=Severity.HIGH), a_call()), openings=()),
    ),
    "a-list": of_list(Observed.STILL_OPEN, list_state(state(BASTION))),
    "a-list-of-no-version": of_list(Observed.STILL_OPEN, list_state(version=None)),
    "a-list-not-looked-at": of_list(Observed.STILL_OPEN, None),
    "a-list-closed": of_list(Observed.CLOSED, None),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_form_says_it(kind: str) -> None:
    message = message_of(KINDS[kind])

    assert len(message.subject) < 100
    assert message.subject.startswith(f"{message.attributes['severity']}: ")
    assert message.size <= LARGEST_MESSAGE
    texts = texts_of(message)
    assert texts.keys() == {"default", "email", "https", "sms"}
    assert all(texts.values())
    document = json.loads(texts["default"])
    assert_valid(document)
    [exposure] = document["unmapped"]["exposures"]
    assert document["finding_info"]["uid"] == exposure["uid"] == UID
    assert (document["activity_id"], document["status_id"]) == (
        exposure["activity_id"],
        exposure["status_id"],
    )
    for form in ("email", "https", "sms"):
        assert "None" not in texts[form]


@pytest.mark.parametrize(
    ("kind", "severity", "effect", "world_open", "news"),
    [
        ("still-open", "CRITICAL", "other", "true", (2, 2)),
        ("worse", "CRITICAL", "opens", "true", (2, 2)),
        ("found", "CRITICAL", "opens", "true", (1, 1)),
        ("acceptance-ended", "CRITICAL", "other", "true", (2, 2)),
        ("closed", "LOW", "closes", "false", (3, 4)),
        ("a-list", "HIGH", "other", "true", (2, 2)),
    ],
)
def test_what_subscriptions_filter_by(
    kind: str, severity: str, effect: str, world_open: str, news: tuple[int, int]
) -> None:
    message = message_of(KINDS[kind])

    attributes = message.attributes
    assert (attributes["severity"], attributes["effect"]) == (severity, effect)
    assert attributes["world_open"] == world_open
    # There exactly where something is open.
    assert ("reach" in attributes) == (world_open == "true")
    assert (attributes["account_id"], attributes["region"]) == ("111122223333", "eu-central-1")
    document = json.loads(texts_of(message)["default"])
    assert (document["activity_id"], document["status_id"]) == news


@pytest.mark.parametrize(
    ("kind", "subject"),
    [
        ("still-open", f"CRITICAL: {BEFORE}, still open after 1 h"),
        ("worse", f"CRITICAL: {BEFORE}, no longer private"),
        ("as-public-and-more-severe", f"CRITICAL: {BEFORE}, was HIGH before"),
        ("found", f"CRITICAL: {BEFORE} (public), found open"),
        ("found-by-a-call-s-record", f"CRITICAL: {BEFORE}, not reported before"),
        ("found-after-its-end", f"CRITICAL: {BEFORE}, reported as closed"),
        ("acceptance-ended", f"CRITICAL: {BEFORE}, no longer accepted"),
    ],
)
def test_the_subjects_of_one_life_begin_alike(kind: str, subject: str) -> None:
    """So that they stand together where mails are sorted by subject."""
    assert message_of(KINDS[kind]).subject.startswith(subject)


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("still-open", "Reported at 2026-11-23 03:12:44 UTC as CRITICAL, public."),
        ("still-open", "If it stays open, the next reminder comes in 7 days."),
        ("still-open", "make snooze"),
        ("still-open", "Opened by: jane"),
        ("found", "A look found it. No call that opened it was seen."),
        ("found-by-a-sweep", "A sweep found it. No call"),
        ("not-looked-at", "It could not be looked at: this is what CloudTrail recorded"),
        ("closed", "A look at 2026-11-23 03:52:44 UTC no longer showed it: it was closed"),
        ("closed", "Closed before: 2026-11-23 03:52:44 UTC"),
        ("closed-by-a-call", "Closed: 2026-11-23 03:52:44 UTC"),
        ("last-reminder", ", last reminder after 1 h"),
        (
            "last-reminder",
            "This is the last reminder. The alerter cannot look into this account, so it stops "
            "reminding you after 4 weeks.",
        ),
        (
            "still-open",
            """make snooze ARGS="sg-0123456789abcdef0 --until YYYY-MM-DD --why '...'\"""",
        ),
        ("a-list", """make snooze ARGS="pl-0123456789abcdef0 --until YYYY-MM-DD --why '...'\""""),
        ("public-since-it-was-reported", ", public now, still open after 1 h"),
        (
            "a-list-that-was-edited",
            "- the whole IPv4 Internet in the list, opened 2026-11-23 03:05:12 UTC by jane of role "
            "deploy, closed 2026-11-23 03:52:44 UTC",
        ),
        ("looked-at-weeks-later", "the next reminder comes in 7 days."),
        ("closed-by-a-call", "Closed at 2026-11-23 03:52:44 UTC by jane"),
        ("closed-by-a-call", "tcp 22 (SSH), which was open to the whole IPv4 Internet, is closed"),
        (
            "closed-ports",
            "tcp 22 (SSH) and tcp 3389 (RDP), which were open to the whole IPv4 Internet, are "
            "closed",
        ),
        (
            "closed-by-nobody-knows-whom",
            "Closed at 2026-11-23 03:52:44 UTC: the group was deleted.",
        ),
        ("never-was", "what was reported as open was never open to the world"),
        ("a-list", "modify-managed-prefix-list"),
        ("a-list", "--remove-entries Cidr=0.0.0.0/0"),
        ("a-list-of-no-version", "which was not seen"),
        (
            "a-list-closed",
            "prefix list pl-0123456789abcdef0, which was open to the world, is closed",
        ),
    ],
)
def test_what_the_mail_says(kind: str, words: str) -> None:
    assert words in email(KINDS[kind])


@pytest.mark.parametrize(
    "kind", [kind for kind in KINDS if "closed" in kind or kind == "never-was"]
)
def test_nothing_is_opened_again_by_what_is_over(kind: str) -> None:
    message = message_of(KINDS[kind])

    remediation = json.loads(texts_of(message)["default"])["remediation"]
    assert remediation["desc"] == "No command: it is closed."
    assert "authorize-security-group" not in message.body


def test_many_reminders_are_one_message_with_a_uid_of_its_own() -> None:
    lives = [a_life(uid=f"{number:032x}") for number in range(60)]
    reminders = [
        found(Observed.STILL_OPEN, a_told(uid=life.uid), life=life, seen=SEEN) for life in lives
    ]

    document = json.loads(texts_of(message_of(*reminders))["default"])

    assert_valid(document)
    uids = {it["uid"] for it in document["unmapped"]["exposures"]}
    assert uids == {life.uid for life in lives}
    assert document["finding_info"]["uid"] not in uids


@given(st.sampled_from(TRICKS), st.sampled_from(sorted(KINDS)))
@calmly
def test_hostile_names_are_only_text(trick: str, kind: str) -> None:
    hostile = KINDS[kind]
    finding = hostile.finding
    assert finding is not None
    origin: Any = finding.origin
    principal = a_call(OPENED_AT, principal=trick)
    life = replace(hostile.life, opened=principal if hostile.life.opened else None)
    if life.closed is not None:
        life = replace(life, closed=life.closed._replace(principal=trick))
    named: Finding = replace(
        finding,
        subject=replace(finding.subject, name=trick),
        origin=replace(origin, life=life),
    )
    message = message_of(replace(hostile, life=life, finding=named))

    texts = texts_of(message)
    assert_valid(json.loads(texts["default"]))
    assert message.subject.isprintable()
    assert len(message.subject) < 100
    assert texts["sms"].isascii()
    chat = json.dumps(json.loads(texts["https"]))
    assert "<!" not in chat
    assert "<@" not in chat
    lines = texts["email"].splitlines()
    assert sum(line.startswith("Subject:") for line in lines) == 0


def test_of_several_that_are_over_each_says_what_and_when() -> None:
    seen_at = after(OPENED_AT, hours=1, seconds=8)
    over = [
        found(
            Observed.CLOSED,
            a_told(uid=uid),
            life=ended(
                a_life(text, uid=uid, resource=GROUP._replace(id=f"sg-{uid}")), a_look(seen_at)
            ),
        )
        for uid, text in (("1" * 17, "tcp 22 from 0.0.0.0/0"), ("2" * 17, "tcp 3389 from ::/0"))
    ]

    text = email(*over)

    assert text.startswith("LOW: Closed: 2 openings in 2 groups, the first: tcp 22 (SSH), which ")
    assert texts_of(message_of(*over))["sms"].startswith("LOW Closed: 2 openings in 2 groups")
    assert (
        "2. Closed on sg-22222222222222222 "
        "- ingress tcp 3389 (RDP) from the whole IPv6 Internet, opened 2026-11-23 03:05:12 UTC "
    ) in text
    assert "- ingress tcp 22 (SSH) from the whole IPv4 Internet, opened " in text
    assert ", closed before 2026-11-23 04:05:20 UTC 2. " in text
    # Never below what it may have been.
    assert "after at most 1 h 1 min" in text


def test_of_several_that_are_over_what_a_look_found_was_opened_before() -> None:
    by_look = a_life(uid="2" * 17, opened=a_look(OPENED_AT))
    over = [
        found(Observed.CLOSED, a_told(uid=life.uid), life=ended(life, a_call(NOW)))
        for life in (LIFE, by_look)
    ]

    text = email(*over)

    assert "the whole IPv4 Internet, opened 2026-11-23 03:05:12 UTC by " in text
    assert "the whole IPv4 Internet, opened before 2026-11-23 " in text


@pytest.mark.parametrize(
    ("age", "words"),
    [
        (timedelta(hours=1), "1 h"),
        (timedelta(hours=1, seconds=1), "1 h 1 min"),
        (timedelta(hours=27, minutes=15), "1 d 4 h"),
        (timedelta(), "0 s"),
    ],
)
def test_what_it_was_at_most_is_rounded_up(age: timedelta, words: str) -> None:
    assert bound_words(age) == words


def test_a_group_that_no_longer_exists() -> None:
    memory: list[Statement] = [
        RuleThere(event=a_call(), rule=SSH_RULE),
        seen_gone(after(OPENED_AT, hours=2), LookedBy.WATCH),
    ]
    known = Recollection(folds={GROUP: fold(GROUP, memory)}, told={})
    [life] = known.folds[GROUP].exposures
    known = replace(known, told={GROUP: {life.uid: a_told(uid=life.uid)}})

    group = OpenGroup(resource=GROUP, severity=Severity.CRITICAL, looked_at=None)
    [over] = followed_of(group, known, Looked(), Standards(), now=after(OPENED_AT, hours=3))

    assert "The group no longer exists; no DeleteSecurityGroup was seen." in email(over)


@pytest.mark.parametrize(
    ("kind", "last"),
    [("still-open", SEEN.seen_at), ("not-looked-at", OPENED_AT), ("closed", after(minutes=40))],
)
def test_one_uid_keeps_its_beginning_and_says_when_it_was_last_seen(
    kind: str, last: datetime
) -> None:
    document = json.loads(texts_of(message_of(KINDS[kind]))["default"])

    info = document["finding_info"]
    assert info["first_seen_time"] == OPENED_AT.timestamp() * 1000
    assert info["last_seen_time"] == last.timestamp() * 1000
