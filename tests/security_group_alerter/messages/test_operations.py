"""The mail of the daily check, as the person who gets it reads it."""

from dataclasses import replace
from typing import Any, Final

import pytest

from security_group_alerter.judgement.health import ACCOUNTS, HEARTBEAT, TRAIL
from security_group_alerter.messages.operations import (
    ANCHOR,
    LONGEST_SUBJECT,
    MOST_NAMED,
    notice_of,
)
from security_group_alerter.model.health import (
    Ended,
    HealthReport,
    Installation,
    Lasting,
    Notice,
    Problem,
    ProblemKind,
)
from tests.security_group_alerter.health_samples import (
    HERE,
    NOW,
    TRAIL_NAME,
    account,
    ago,
    remembered,
    silence,
)
from tests.stories import ROOT

SIZES: Final = {ACCOUNTS: 57}


def lasting(kind: ProblemKind, **details: Any) -> Lasting:
    problem = Problem(kind=kind, look=TRAIL, name="it", title="it", **details)
    return Lasting(problem=problem, since=ago(days=1))


def silent(count: int) -> tuple[Lasting, ...]:
    return tuple(
        Lasting(problem=silence(number), since=ago(days=7 + number)) for number in range(count)
    )


def notice(**report: Any) -> Notice:
    made = notice_of(HealthReport(sizes=SIZES, **report), HERE, NOW)
    assert made is not None
    return made


def test_the_whole_mail() -> None:
    broken = Problem(
        kind=ProblemKind.NOT_TO_LOGS,
        look=TRAIL,
        name=TRAIL_NAME,
        title=TRAIL_NAME,
        details="Access denied. Check the permissions for your role.",
    )
    begun = Lasting(problem=broken, since=ago(hours=30))
    never = Lasting(
        problem=replace(silence(3), details="no record was ever seen"), since=ago(days=9)
    )
    spoke, left = (
        Ended(entry=remembered(silence(number), reported=ago(days=3)), is_gone=is_gone)
        for number, is_gone in ((4, False), (5, True))
    )

    made = notice(begun=(begun, never), lasting=silent(1), ended=(spoke, left))

    assert made.subject == (
        "Security group alerter: trail does not reach CloudWatch Logs, a silent account"
    )
    assert (
        made.text
        == """\
The daily check of security-group-alerter (account 111122223333, eu-central-1)
at 2026-11-28 07:00 UTC has something to report.

NEW

The trail does not deliver to CloudWatch Logs. Nothing is alerted on.
- organization-trail, since 2026-11-27 01:00 UTC, 30 h ago: Access denied. Check the permissions \
for your role.
To do: Compare TrailLogRole, the log group and the key's policy with template.yaml.

1 of 57 active accounts: nothing has come from them for 7 days or more.
- account-3 (000000000003), since 2026-11-19 07:00 UTC, 9 days ago: no record was ever seen
To do: If an account is in use, check that it has the trail (aws cloudtrail describe-trails, in \
that account), and that the organization still trusts CloudTrail (make preflight).

STILL SO (repeated every 7 days)

1 of 57 active accounts: nothing has come from them for 7 days or more.
- account-0 (000000000000), since 2026-11-21 07:00 UTC, 7 days ago
To do: If an account is in use, check that it has the trail (aws cloudtrail describe-trails, in \
that account), and that the organization still trusts CloudTrail (make preflight).

OVER
- account-4 (000000000004) is seen again (the problem began 2026-11-20 07:00 UTC, 8 days ago)
- account-5 (000000000005) is not an active account of the organization any more (the problem \
began 2026-11-20 07:00 UTC, 8 days ago)

TO LOOK CLOSER
In a checkout of the alerter, with credentials of account 111122223333:
make verify ARGS="--stack security-group-alerter --region eu-central-1"
It checks every part now, and says how to fix what is broken.
Runbook: docs/runbook.md#the-daily-check-found-something
"""
    )


def test_nothing_to_say_is_no_mail() -> None:
    assert notice_of(HealthReport(sizes=SIZES), HERE, NOW) is None


@pytest.mark.parametrize("count", [1, MOST_NAMED, MOST_NAMED + 1, 1000])
def test_twenty_accounts_are_named_and_the_others_counted(count: int) -> None:
    text = notice(begun=silent(count)).text
    named = [line for line in text.splitlines() if line.startswith("- account-")]

    assert f"\n{count:,} of 57 active accounts: " in text
    assert len(named) == min(count, MOST_NAMED)
    # What fell silent last is the likeliest to have a cause that can be found.
    assert named[0].startswith("- account-0 ")
    assert (f"- and {count - MOST_NAMED:,} more\n" in text) == (count > MOST_NAMED)
    # What Amazon SNS carries.
    assert len(text.encode()) < 16 * 1024


def test_many_ends_are_counted_too() -> None:
    ends = [
        Ended(entry=remembered(silence(number), reported=NOW), is_gone=False)
        for number in range(25)
    ]

    assert "- and 5 more\n" in notice(ended=tuple(ends)).text


K = ProblemKind


@pytest.mark.parametrize(
    ("report", "subject"),
    [
        ({"begun": silent(1)}, "a silent account"),
        ({"begun": silent(1200)}, "1,200 silent accounts"),
        ({"lasting": silent(2)}, "still 2 silent accounts"),
        # What lasts is in the text.
        ({"begun": silent(1), "lasting": (lasting(K.NO_TRAIL),)}, "a silent account"),
        (
            {"begun": (*silent(3), lasting(K.TRAIL_STOPPED))},
            "trail stopped, 3 silent accounts",
        ),
        (
            {"ended": (Ended(entry=remembered(silence(), reported=NOW), is_gone=False),)},
            "1 problem over",
        ),
        (
            {"begun": tuple(lasting(kind) for kind in ProblemKind)},
            "no trail, trail stopped, trail does not reach CloudWatch Logs, and more",
        ),
    ],
)
def test_the_subject_says_what_is_new_the_worst_first(report: Any, subject: str) -> None:
    assert notice(**report).subject == f"Security group alerter: {subject}"


@pytest.mark.parametrize("kind", ProblemKind)
@pytest.mark.parametrize("count", [1, 2, 100_000])
def test_every_kind_has_its_words(kind: ProblemKind, count: int) -> None:
    some = tuple([lasting(kind)] * count)
    gone = [
        Ended(entry=remembered(some[0].problem, reported=NOW), is_gone=it) for it in (False, True)
    ]

    for made in (notice(begun=some), notice(lasting=some), notice(ended=tuple(gone))):
        # https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
        assert len(made.subject) <= LONGEST_SUBJECT < 100
        assert made.subject.isascii()
        assert made.subject.isprintable()
    assert "To do: " in notice(begun=some).text
    assert notice(ended=tuple(gone)).text.count("- it ") == 2


def test_the_longest_subjects_fit() -> None:
    some = [lasting(kind) for kind in ProblemKind]

    for first in range(len(some)):
        assert len(notice(begun=tuple(some[first:] * 20_000)).subject) <= LONGEST_SUBJECT


def test_what_others_typed_breaks_no_line_and_makes_no_link() -> None:
    hostile = silence(title="x\nOVER\n- all is well https://evil.example \u202e")
    refused = lasting(ProblemKind.NOT_CHECKED, details="a\nb" * 1000)

    text = notice(
        begun=(Lasting(problem=hostile, since=ago(days=8)), refused),
        ended=(Ended(entry=remembered(hostile, reported=NOW), is_gone=False),),
    ).text

    assert text.count("\nOVER\n") == 1
    assert "https://evil" not in text
    assert "\u202e" not in text
    assert len(text) < 4000


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        (None, f"docs/runbook.md#{ANCHOR}"),
        ("https://wiki.example.com/alerter", f"https://wiki.example.com/alerter#{ANCHOR}"),
        ("https://wiki.example.com/#alerter", "https://wiki.example.com/#alerter"),
    ],
)
def test_the_runbook_is_the_installations(url: str | None, shown: str) -> None:
    place = Installation(stack="a", account_id="1", region="eu-central-1", runbook_url=url)
    made = notice_of(HealthReport(begun=silent(1), sizes=SIZES), place, NOW)

    assert made is not None
    assert made.text.endswith(f"\nRunbook: {shown}\n")


def test_the_runbook_has_the_chapter() -> None:
    headings = [
        line.lstrip("# ").lower().replace(" ", "-")
        for line in (ROOT / "docs/runbook.md").read_text("utf-8").splitlines()
        if line.startswith("#")
    ]

    assert ANCHOR in headings


@pytest.mark.parametrize(
    ("since", "words"),
    [
        (NOW, "since now"),
        (ago(minutes=75), "since 2026-11-28 05:45 UTC, 75 min ago"),
        (ago(hours=47), "since 2026-11-26 08:00 UTC, 47 h ago"),
        (ago(days=2), "since 2026-11-26 07:00 UTC, 2 days ago"),
    ],
)
def test_times_are_as_exact_as_is_useful(since: Any, words: str) -> None:
    problem = Problem(
        kind=ProblemKind.NO_HEARTBEAT, look=HEARTBEAT, name="it", title=account(1).name
    )

    assert f"- account-1, {words}\n" in notice(begun=(Lasting(problem=problem, since=since),)).text
