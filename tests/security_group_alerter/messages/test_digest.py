"""The digest: the day as somebody reads it with coffee, in every form, whatever happened."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from jsonschema import Draft202012Validator

from security_group_alerter.messages import is_for_chat
from security_group_alerter.messages.digest import MOST_ENTRIES, digest_message
from security_group_alerter.messages.digest.changes import MOST_PRINCIPALS
from security_group_alerter.messages.digest.page import LONGEST_SMS, LONGEST_SUBJECT
from security_group_alerter.model.digest import ChangeCount, Digest, NotSeen, OpenExposure
from security_group_alerter.model.exposure_life import EndedHow
from security_group_alerter.model.group_state import Reach
from security_group_alerter.model.message import LARGEST_MESSAGE
from security_group_alerter.model.presentation import Presentation
from security_group_alerter.model.seen import Mark
from security_group_alerter.model.severity import Severity
from tests.security_group_alerter.messages.digests import (
    ACCEPTED,
    BERLIN,
    BUSY,
    BY_MACHINES,
    BY_TERRAFORM,
    CLOSED,
    DAY,
    JANE,
    LIST,
    NAMES,
    NOT_SEEN,
    OPENED_TWICE,
    SNOOZED,
    SSH,
    SWEPT,
    UNTIL,
    WEB,
    ended,
    event,
    forms,
    found_by,
    group,
    life,
)
from tests.security_group_alerter.messages.test_hostile_text import HOSTILE
from tests.security_group_alerter.messages.test_machine import assert_valid, empty_members_of
from tests.stories import ROOT

CHAT: Final = Draft202012Validator(
    json.loads((ROOT / "tests/schemas/custom_notification.schema.json").read_text("utf-8"))
)
DAYS: Final = {
    "busy": BUSY,
    "quiet": DAY,
    "nothing-looked-at": replace(BUSY, has_looks=False),
    "of-an-organization": replace(BUSY, organization_id="o-exampleorgid"),
    "only-not-seen": replace(DAY, not_seen=NOT_SEEN),
}


def email(digest: Digest, presentation: Presentation = BERLIN) -> str:
    return forms(digest, presentation)["email"]


def section(digest: Digest, title: str) -> list[str]:
    """The lines under the title that begins so."""
    [found] = [it for it in email(digest).split("\n\n") if it.startswith(title)]
    return found.rstrip("\n").split("\n")[1:]


# What is said ------------------------------------------------------------------------------------


def test_when_nothing_is_open_and_nothing_happened_it_is_three_lines() -> None:
    assert email(DAY) == (
        "INFORMATIONAL: nothing open to the world, no calls\n"
        "From Mon 23 Nov 2026, 07:00 to Tue 24 Nov, 07:00. All times are Europe/Berlin.\n"
        "Everything that should be seen was seen.\n"
    )


def test_a_busy_day() -> None:
    assert email(BUSY).partition("\n\n")[0] == (
        "INFORMATIONAL: 4 open to the world (2 CRITICAL), 1 closed, 44 calls, 2 places not seen\n"
        "From Mon 23 Nov 2026, 07:00 to Tue 24 Nov, 07:00. All times are Europe/Berlin.\n"
        "There may be more: 2 places could not be seen (the last section)."
    )
    titles = [it.split("\n")[0] for it in email(BUSY).split("\n\n")[1:]]
    assert titles == [
        "OPEN TO THE WORLD: 4, the oldest first",
        "CLOSED: 1",
        "SNOOZED: 1",
        "ACCEPTED: 1",
        "CHANGES: 18",
        "CHANGES BY AWS SERVICES, CLOUDFORMATION AND CONTROLLERS: 23",
        "CHANGES OF WHICH ONLY THE ID IS REMEMBERED: 3",
        "NOT SEEN: 2 places",
    ]


def test_who_does_not_look_says_so() -> None:
    told = email(replace(DAY, has_looks=False)).split("\n")[2]

    assert told == "There may be more: nobody looks into the accounts (LookRole is none)."


def test_what_is_open_says_how_bad_since_when_where_who_and_what_is_behind_it() -> None:
    assert section(replace(DAY, open=(SSH,), names=NAMES), "OPEN") == [
        "1. CRITICAL, for 3 d: tcp 22 (SSH) to the whole IPv4 Internet",
        "  sg-00000000000000001 in payments-production (222233334444), eu-central-1",
        "  opened Sat 21 Nov 07:00 by jane.doe@example.com of permission set NetworkAdministrator",
        "  public when last reported; looked at Tue 24 Nov 06:48",
    ]


SINCE: Final[dict[str, tuple[dict[str, Any], str, str]]] = {
    "another-year": (
        {"opened": event("e", timedelta(days=400))},
        "for 400 d",
        "opened 20 Oct 2025 08:00",
    ),
    "first-sweep": (
        found_by("first-sweep", timedelta(hours=30)),
        "for 1 d 6 h",
        "found by the first sweep Mon 23 Nov 01:02; opened before, by whom is not known",
    ),
    "a-look-of-the-watch": (
        found_by("watch", timedelta(hours=30)),
        "for 1 d 6 h",
        "found by a look Mon 23 Nov 01:02; no call was seen that opened it",
    ),
    "stood-before-the-first-call": (
        {"opened": None, "revealed": event("e", timedelta(hours=30), JANE)},
        "for at least 1 d 6 h",
        "open before Mon 23 Nov 01:00; since when is not known",
    ),
    "stood-before-the-first-sweep": (
        {"opened": None, "revealed": event("first-sweep:1", timedelta(hours=30))},
        "for at least 1 d 6 h",
        "found by the first sweep Mon 23 Nov 01:02; opened before, by whom is not known",
    ),
}


@pytest.mark.parametrize(("members", "age", "since"), SINCE.values(), ids=list(SINCE))
def test_since_when(members: dict[str, Any], age: str, since: str) -> None:
    lines = section(replace(DAY, open=(replace(SSH, life=replace(SSH.life, **members)),)), "OPEN")

    assert lines[0].startswith(f"1. CRITICAL, {age}: ")
    assert lines[2] == f"  {since}"


REACHES: Final = {
    "public": (SSH, "public when last reported; looked at Tue 24 Nov 06:48"),
    "private": (
        SWEPT,
        "no public address when the first sweep found it; looked at Tue 24 Nov 03:00",
    ),
    "not-looked-at": (LIST, "reach not known; nobody has looked at it"),
    "never-told": (WEB, "reach not known; nobody has looked at it"),
    "unattached": (
        replace(SWEPT, told=replace(SWEPT.told or pytest.fail("nothing"), reach=Reach.UNATTACHED)),
        "attached to nothing when the first sweep found it; looked at Tue 24 Nov 03:00",
    ),
}


@pytest.mark.parametrize(("exposure", "words"), REACHES.values(), ids=list(REACHES))
def test_what_stands_behind_it(exposure: OpenExposure, words: str) -> None:
    assert section(replace(DAY, open=(exposure,)), "OPEN")[3] == f"  {words}"


def test_severity_is_the_one_last_told_or_that_of_the_table() -> None:
    lowered = replace(SSH, told=replace(SSH.told or pytest.fail("nothing"), severity=Severity.HIGH))

    assert (lowered.severity, WEB.severity) == (Severity.HIGH, Severity.MEDIUM)
    assert ACCEPTED.severity is Severity.CRITICAL


def test_a_list_says_how_much_of_the_internet_it_holds() -> None:
    head, where, *_ = section(replace(DAY, open=(LIST,)), "OPEN")

    assert head == "1. HIGH, for 5 h: a prefix list that holds the whole IPv4 Internet"
    assert where == "  pl-0123456789abcdef0 in 222233334444, eu-central-1"


def test_where_a_record_did_not_say() -> None:
    nowhere = group(1, None)._replace(region=None)
    [_, where, *_] = section(
        replace(DAY, open=(replace(SSH, life=replace(SSH.life, resource=nowhere)),)), "OPEN"
    )

    assert where == (
        "  sg-00000000000000001 in an account that is not recorded, Region not recorded"
    )


ENDS: Final[dict[str, tuple[dict[str, Any], list[str]]]] = {
    "revoked": (
        ended(EndedHow.REVOKED, timedelta(hours=6)),
        [
            "- open for 3 h 12 min: tcp 22 (SSH) to the whole IPv4 Internet",
            "  closed Tue 24 Nov 01:00; revoked by jane.doe@example.com of permission set "
            "NetworkAdministrator",
            "  opened Mon 23 Nov 21:48 by jane.doe@example.com of permission set "
            "NetworkAdministrator",
        ],
    ),
    "deleted-by-nobody-known": (
        ended(EndedHow.DELETED, timedelta(hours=6), None) | {"opened": None},
        [
            "- since when is not known: tcp 22 (SSH) to the whole IPv4 Internet",
            "  closed Tue 24 Nov 01:00; deleted with the group",
        ],
    ),
    "in-the-console-without-a-record": (
        ended(EndedHow.SEEN, timedelta(hours=6), None, "watch:1") | {"opened": None},
        [
            "- since when is not known: tcp 22 (SSH) to the whole IPv4 Internet",
            "  closed before Tue 24 Nov 01:02; no call was seen that closed it",
        ],
    ),
    "some-time-before-a-look": (
        ended(EndedHow.SEEN, timedelta(hours=6), None, "watch:1"),
        [
            "- open for at most 3 h 14 min: tcp 22 (SSH) to the whole IPv4 Internet",
            "  closed before Tue 24 Nov 01:02; no call was seen that closed it",
            "  opened Mon 23 Nov 21:48 by jane.doe@example.com of permission set "
            "NetworkAdministrator",
        ],
    ),
    "with-its-account": (
        ended(EndedHow.ACCOUNT_LEFT, timedelta(hours=6), None, "sweep:1"),
        [
            "- open for 3 h 12 min: tcp 22 (SSH) to the whole IPv4 Internet",
            "  closed Tue 24 Nov 01:00; the account left, or its Region was switched off",
            "  opened Mon 23 Nov 21:48 by jane.doe@example.com of permission set "
            "NetworkAdministrator",
        ],
    ),
}


@pytest.mark.parametrize(("members", "words"), ENDS.values(), ids=list(ENDS))
def test_what_was_closed_says_how_fast_and_by_whom(
    members: dict[str, Any], words: list[str]
) -> None:
    head, where, *rest = section(replace(DAY, closed=(replace(CLOSED, **members),)), "CLOSED")

    assert [head, *rest] == words
    assert where == "  sg-00000000000000007 in 222233334444, eu-central-1"


def test_what_is_snoozed_and_accepted_says_until_when_and_why() -> None:
    later = replace(
        SNOOZED, snooze=replace(SNOOZED.snooze or pytest.fail("nothing"), until=date.max)
    )
    day = replace(DAY, open=(later, SNOOZED, ACCEPTED))

    heads = [it for it in section(day, "SNOOZED: 2") if it.startswith("- ")]
    assert heads == [
        "- until 2026-12-01: CRITICAL, tcp 3389 (RDP) to the whole IPv4 Internet",
        "- until 9999-12-31: CRITICAL, tcp 3389 (RDP) to the whole IPv4 Internet",
    ]
    assert section(day, "SNOOZED")[2].endswith(
        "; snoozed by IAM user frank: the vendor migrates until then"
    )
    assert section(day, "ACCEPTED: 1") == [
        "- until 2027-03-01: tcp 25 (SMTP) to the whole IPv4 Internet",
        "  sg-00000000000000006 in 222233334444, eu-central-1",
        "  accepted for mail-team: the mail gateway takes mail from everywhere",
    ]
    # Neither counts as open: nobody is asked to do anything.
    assert "nothing open to the world" in forms(day)["sms"]


def test_changes_are_counted_by_account_principal_and_call() -> None:
    assert section(BUSY, "CHANGES: ") == [
        "- payments-staging (333344445555): 14",
        "  IAM user terraform: 14 AuthorizeSecurityGroupIngress",
        "- payments-production (222233334444): 3",
        "  jane.doe@example.com of permission set NetworkAdministrator: "
        "2 AuthorizeSecurityGroupIngress and 1 RevokeSecurityGroupIngress "
        "(2 opened to the world, 1 closed)",
        "- data-platform (444455556666): 1",
        "  nobody that the record names: 1 AuthorizeSecurityGroupIngress (1 refused)",
    ]
    assert section(BUSY, "CHANGES BY AWS SERVICES") == [
        "- payments-staging (333344445555): 23",
        "  eks.amazonaws.com: 23 AuthorizeSecurityGroupIngress",
    ]


def test_many_principals_of_an_account_are_counted_together() -> None:
    changes = tuple(
        replace(BY_TERRAFORM, count=20 - it, principal=f"person-{it}", call=None)
        for it in range(MOST_PRINCIPALS + 2)
    )

    lines = section(replace(DAY, changes=changes), "CHANGES")

    assert lines[1] == "  person-0: 20 unreadable record"
    assert lines[-1] == "  2 others: 29"
    assert len(lines) == 1 + MOST_PRINCIPALS + 1


def test_what_could_not_be_seen_stands_together_by_account_and_problem() -> None:
    regions = ("eu-west-1", "eu-west-2", "eu-west-3", "us-east-1")
    places = [replace(NOT_SEEN[0], region=it) for it in regions]
    broken = NotSeen(problem="what is known of it could not be read")

    assert section(replace(DAY, not_seen=(*places, broken)), "NOT SEEN: 5 places") == [
        "- 444455556666, eu-west-1, eu-west-2, eu-west-3 and 1 more",
        "  the role security-group-alerter-look may not be assumed; since Sun 22 Nov 07:00",
        "- anywhere",
        "  what is known of it could not be read",
    ]


# Every form --------------------------------------------------------------------------------------


@pytest.mark.parametrize("day", DAYS.values(), ids=list(DAYS))
def test_forms_are_valid(day: Digest) -> None:
    message, texts = digest_message(day, BERLIN), forms(day)

    CHAT.validate(json.loads(texts["https"]))
    document = json.loads(texts["default"])
    assert_valid(document)
    assert not empty_members_of(document)
    assert "\n" not in texts["sms"]
    assert len(texts["sms"]) <= LONGEST_SMS
    assert len(message.subject) <= LONGEST_SUBJECT


def test_attributes_are_those_of_the_contract() -> None:
    message = digest_message(BUSY, BERLIN)

    assert message.attributes == {
        "severity": "INFORMATIONAL",
        "world_open": "false",
        "effect": "other",
        "kind": "digest",
    }
    assert is_for_chat(message, minimum=Severity.CRITICAL)
    assert (message.event_ids, message.exposures) == ((), ())


@pytest.mark.parametrize(
    ("zone", "day"), [("Europe/Berlin", "2026-11-24"), ("Pacific/Honolulu", "2026-11-23")]
)
def test_it_is_known_by_its_day_where_people_are(zone: str, day: str) -> None:
    message = digest_message(BUSY, Presentation(time_zone=ZoneInfo(zone)))

    assert message.marks == (Mark(f"digest:{day}"),)
    assert json.loads(json.loads(message.body)["default"])["finding_info"]["uid"] == (
        f"digest:{day}"
    )


def test_subject_and_sms() -> None:
    assert digest_message(BUSY, BERLIN).subject == (
        "INFORMATIONAL: Digest of Tue 24 Nov: 4 open to the world, 1 closed, 44 calls"
    )
    assert forms(BUSY)["sms"] == (
        "INFORMATIONAL 4 open to the world (2 CRITICAL), oldest 400 d, 1 closed, 44 calls, "
        "2 places not seen"
    )


def test_counts_of_millions_fit_the_subject_and_the_sms() -> None:
    crowd = tuple(replace(BY_TERRAFORM, count=10**45) for _ in range(3))
    day = replace(BUSY, changes=crowd, not_seen=NOT_SEEN * 5_000)

    assert digest_message(day, BERLIN).subject == (
        "INFORMATIONAL: Digest of Tue 24 Nov: 4 open to the world"
    )
    assert len(forms(day)["sms"]) <= LONGEST_SMS
    more = replace(day, closed=(CLOSED,), changes=(replace(BY_TERRAFORM, count=10**90),))
    assert forms(more)["sms"] == "INFORMATIONAL 4 open to the world, oldest 400 d"


def test_machine_form_names_exposures_by_uid_and_neither_opens_nor_closes_one() -> None:
    document = json.loads(forms(BUSY)["default"])
    digest = document["unmapped"]["digest"]

    assert "exposures" not in document["unmapped"]
    assert digest["counts"] == {
        "open": 4,
        "snoozed": 1,
        "accepted": 1,
        "closed": 1,
        "changes": 44,
        "changes_not_known": 3,
        "not_seen": 2,
    }
    by_uid = {it["uid"]: it for it in digest["open"]}
    assert by_uid["uid-1"]["reach"] == "public"
    assert by_uid["uid-6"]["accepted_until"] == "2027-03-01"
    assert by_uid["uid-5"]["snoozed_until"] == "2026-12-01"
    assert by_uid["uid-4"]["opened"] == {
        "looked_by": "first-sweep",
        "time": "2026-11-18T02:00:00Z",
    }
    [closed] = digest["closed"]
    assert (closed["closed_how"], closed["seconds_open"]) == ("revoked", 11520)
    assert digest["account_names"] == NAMES


def test_chat_has_a_line_for_each_entry_until_it_is_full() -> None:
    lines = json.loads(forms(BUSY)["https"])["content"]["description"].split("\n")
    assert lines[3] == (
        "• MEDIUM, for 400 d: tcp 443 (HTTPS) to the whole Internet "
        "(sg-00000000000000002 in payments-staging (333344445555), eu-central-1)"
    )
    assert lines[-1].startswith("• data-platform (444455556666), eu-west-1")

    also = replace(BY_TERRAFORM, account_id=OPENED_TWICE.account_id)
    day = replace(DAY, changes=(also, OPENED_TWICE), names=NAMES)
    assert " and 1 more)" in json.loads(forms(day)["https"])["content"]["description"]

    crowd = json.loads(forms(replace(BUSY, open=(SSH,) * 60))["https"])["content"]["description"]
    assert crowd.endswith("\n… the rest is in the e-mail and the machine form.")


# Much of it --------------------------------------------------------------------------------------


def crowd_of(number: int, severity: Severity = Severity.MEDIUM) -> tuple[OpenExposure, ...]:
    return tuple(
        OpenExposure(
            life=life(
                "tcp 443 from 0.0.0.0/0",
                number=1000 + it,
                ago=timedelta(days=1000 - it),
                severity=severity,
            )
        )
        for it in range(number)
    )


def test_of_a_long_list_the_worst_are_named_oldest_first_and_the_others_counted() -> None:
    old = crowd_of(MOST_ENTRIES[0] + 30)
    day = replace(DAY, open=(*old, SWEPT, SSH, LIST))

    lines = section(day, f"OPEN TO THE WORLD: {len(old) + 3}")

    heads = [it.partition(":")[0] for it in lines if not it.startswith(" ")]
    assert heads[-5:] == [
        "47. MEDIUM, for 954 d",
        "48. CRITICAL, for 6 d 4 h",
        "49. CRITICAL, for 3 d",
        "50. HIGH, for 5 h",
        "- and 33 more",
    ]
    assert lines[-1] == "- and 33 more: 33 MEDIUM"


@pytest.mark.parametrize(
    ("members", "title", "rest"),
    [
        ({"closed": (CLOSED,) * 60}, "CLOSED: 60, the last first", "- and 10 more"),
        (
            {"changes": tuple(replace(OPENED_TWICE, account_id=f"{it:012}") for it in range(60))},
            "CHANGES: 120",
            "- and 10 more accounts",
        ),
        (
            {"changes": (replace(BY_MACHINES, principal=None),)},
            "CHANGES BY AWS SERVICES",
            "  nobody that the record names: 23 AuthorizeSecurityGroupIngress",
        ),
        (
            {"not_seen": tuple(replace(NOT_SEEN[0], account_id=f"{it:012}") for it in range(51))},
            "NOT SEEN: 51 places",
            "- and 1 more",
        ),
    ],
    ids=["closed", "accounts", "machines", "not-seen"],
)
def test_long_lists_are_cut_and_counted(members: dict[str, Any], title: str, rest: str) -> None:
    assert section(replace(DAY, **members), title)[-1] == rest


def test_the_largest_day_fits() -> None:
    day = replace(
        BUSY,
        open=(*crowd_of(5000), *[SNOOZED] * 500, *[ACCEPTED] * 500),
        closed=(CLOSED,) * 1000,
        changes=tuple(replace(OPENED_TWICE, principal=f"{it}") for it in range(10_000)),
        not_seen=NOT_SEEN * 5000,
    )

    message = digest_message(day, BERLIN)

    assert message.size <= LARGEST_MESSAGE
    assert "OPEN TO THE WORLD: 5,000, the oldest first" in json.loads(message.body)["email"]


# Somebody else's text ----------------------------------------------------------------------------


def with_text(text: Callable[[], str]) -> Digest:
    """A busy day in which everybody is called so, and every place, and every reason."""

    def renamed(exposure: OpenExposure) -> OpenExposure:
        snooze, accepted = exposure.snooze, exposure.accepted
        return replace(
            exposure,
            life=relived(exposure.life),
            snooze=snooze and replace(snooze, by=text(), why=text()),
            accepted=tuple(replace(it, owner=text(), reason=text()) for it in accepted),
        )

    def relived(it: Any) -> Any:
        resource = it.resource._replace(id=text(), account_id=text(), region=text())
        opened = it.opened._replace(principal=text())
        closed = it.closed and it.closed._replace(principal=text(), event_id=text())
        openings = tuple(
            replace(opening, protocol=text() if opening.ports is None else opening.protocol)
            for opening in it.openings
        )
        return replace(it, resource=resource, opened=opened, closed=closed, openings=openings)

    def counted(it: ChangeCount) -> ChangeCount:
        return replace(it, account_id=text(), principal=text(), call=text())

    return replace(
        BUSY,
        open=tuple(map(renamed, BUSY.open)),
        closed=tuple(map(relived, BUSY.closed)),
        changes=tuple(map(counted, BUSY.changes)),
        not_seen=tuple(
            replace(it, problem=text(), account_id=text(), region=text()) for it in NOT_SEEN
        ),
        names={it: text() for it in NAMES},
    )


@given(text=HOSTILE)
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
def test_hostile_text_is_only_text(text: str) -> None:
    numbers = iter(range(10_000))
    # What is too long as a whole is tried below.
    day = with_text(lambda: f"{text[:100]}{next(numbers)}")
    harmless = with_text(lambda: f"x{next(numbers)}")

    message, texts = digest_message(day, BERLIN), forms(day)

    assert message.size <= LARGEST_MESSAGE
    # Nothing in it begins a line of its own, or ends one.
    kinds = [line[:2] for line in texts["email"].split("\n")]
    assert kinds == [line[:2] for line in email(harmless).split("\n")]
    assert all(line.isprintable() for line in texts["email"].split("\n"))
    assert "://" not in texts["email"]
    assert texts["sms"].isascii()
    notification = json.loads(texts["https"])
    CHAT.validate(notification)
    for line in notification["content"]["description"].split("\n"):
        assert not set(line[1:].rstrip("*")) & {*"<>`~|@[]&#"}
    assert_valid(json.loads(texts["default"]))


@pytest.mark.parametrize("year", [1, 9999])
def test_the_first_and_the_last_day_that_python_knows(year: int) -> None:
    edge = datetime(year, 1, 1, tzinfo=UTC) if year == 1 else datetime.max.replace(tzinfo=UTC)
    for zone in ("Pacific/Honolulu", "Pacific/Auckland"):
        opened = (SSH.life.opened or pytest.fail("nothing"))._replace(time=edge)
        exposure = replace(SSH, life=replace(SSH.life, opened=opened))
        told = email(replace(DAY, open=(exposure,)), Presentation(time_zone=ZoneInfo(zone)))
        assert "opened " in told


def test_many_entries_that_are_long_are_cut_until_they_fit() -> None:
    long = "\U0001f600" * 300
    day = with_text(lambda: long)
    crowd = replace(day, open=day.open * 40, closed=day.closed * 200, not_seen=day.not_seen * 99)

    message = digest_message(crowd, BERLIN)

    assert message.size <= LARGEST_MESSAGE
    assert "\n- and " in json.loads(message.body)["email"]
    assert UNTIL.year == 2026
