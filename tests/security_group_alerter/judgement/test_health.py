"""What counts as a problem of the alerter, and from when on."""

from datetime import datetime, timedelta
from typing import Any, Final

import pytest

from security_group_alerter.judgement.health import (
    BEATS_WITHIN,
    CONFIRMED_WITHIN,
    DELIVERED_WITHIN,
    HEARTBEAT,
    SILENT_AFTER,
    account_findings,
    heartbeat_findings,
    subscription_findings,
    trail_findings,
)
from security_group_alerter.model.health import (
    Deliveries,
    Findings,
    ProblemKind,
    Subscription,
    SubscriptionState,
    TrailStatus,
)
from tests.security_group_alerter.health_samples import (
    NOW,
    TRAIL_NAME,
    account,
    ago,
    email,
    status,
)

LONG_WATCHED: Final = ago(days=300)
PENDING, DELETED = SubscriptionState.PENDING, SubscriptionState.DELETED


def due(findings: Findings) -> list[ProblemKind]:
    """What would be reported now, if nothing was remembered."""
    return [it.kind for it in findings.problems if NOW - (it.since or NOW) >= it.patience]


@pytest.mark.parametrize(
    ("newest", "joined_at", "watched_since", "since"),
    [
        pytest.param(ago(minutes=5), ago(days=400), LONG_WATCHED, None, id="speaks"),
        pytest.param(ago(days=6, hours=23), ago(days=400), LONG_WATCHED, None, id="six-days"),
        pytest.param(ago(days=7), ago(days=400), LONG_WATCHED, ago(days=7), id="seven-days"),
        pytest.param(None, ago(days=400), LONG_WATCHED, LONG_WATCHED, id="never-seen"),
        pytest.param(None, ago(days=8), LONG_WATCHED, ago(days=8), id="never-seen-since-it-joined"),
        pytest.param(None, ago(days=6), LONG_WATCHED, None, id="new-account"),
        pytest.param(None, ago(days=400), ago(days=6), None, id="new-trail"),
        pytest.param(None, ago(days=400), ago(days=7), ago(days=7), id="trail-of-a-week"),
        # A record from before it joined: of the trail that it had then, or of an account that left.
        pytest.param(ago(days=9), ago(days=2), LONG_WATCHED, ago(days=9), id="rejoined"),
    ],
)
def test_a_silent_account(
    newest: datetime | None,
    joined_at: datetime,
    watched_since: datetime,
    since: datetime | None,
) -> None:
    one = account(1, joined_at=joined_at)
    records = {} if newest is None else {one.id: newest}

    found = account_findings([one], records, watched_since=watched_since, now=NOW)

    assert due(found) == ([] if since is None else [ProblemKind.SILENT_ACCOUNT])
    assert since is None or found.problems[0].since == since
    assert found.known == {one.id}


def test_an_account_that_waits_for_its_week_is_known_to_be_silent() -> None:
    """So that one that was reported is not over when the trail is started again."""
    found = account_findings([account(1)], {}, watched_since=ago(days=1), now=NOW)

    assert [it.patience for it in found.problems] == [SILENT_AFTER]
    assert [it.details for it in found.problems] == ["no record was ever seen"]


def test_records_of_accounts_that_are_not_active_count_for_nothing() -> None:
    newest = {account(1).id: ago(minutes=1), account(2).id: ago(days=90)}

    found = account_findings([account(1)], newest, watched_since=LONG_WATCHED, now=NOW)

    assert found == Findings(known=frozenset({account(1).id}))


K = ProblemKind


@pytest.mark.parametrize(
    ("trail", "kinds"),
    [
        pytest.param(status(), [], id="well"),
        pytest.param(None, [K.NO_TRAIL], id="deleted"),
        pytest.param(
            status(is_logging=False, stopped_at=ago(minutes=1)), [K.TRAIL_STOPPED], id="stopped"
        ),
        pytest.param(status(is_logging=False), [K.TRAIL_STOPPED], id="never-started"),
        pytest.param(
            status(to_s3=Deliveries(last=ago(minutes=4), error="AccessDenied")),
            [K.NOT_TO_S3],
            id="s3-refuses",
        ),
        pytest.param(
            status(to_s3=Deliveries(error="NoSuchBucket")), [K.NOT_TO_S3], id="s3-always-refused"
        ),
        pytest.param(
            status(to_logs=Deliveries(last=ago(hours=5), error="Access denied.")),
            [K.NOT_TO_LOGS],
            id="logs-refuse",
        ),
        pytest.param(status(to_logs=Deliveries(last=ago(minutes=59))), [], id="logs-are-slow"),
        pytest.param(status(to_logs=Deliveries(last=ago(minutes=61))), [K.NOT_TO_LOGS], id="late"),
        pytest.param(
            status(to_logs=Deliveries(last=ago(days=2)), to_s3=Deliveries(last=ago(days=3))),
            [K.NOT_TO_LOGS, K.NOT_TO_S3],
            id="nothing-for-days",
        ),
        # It may be new: this counts from when it is first seen.
        pytest.param(status(to_logs=Deliveries(), to_s3=Deliveries()), [], id="nothing-yet"),
    ],
)
def test_a_trail(trail: TrailStatus | None, kinds: list[ProblemKind]) -> None:
    found = trail_findings(trail, TRAIL_NAME, now=NOW)

    assert due(found) == kinds
    assert found.known == {TRAIL_NAME}


def test_nothing_delivered_yet_is_a_problem_the_next_day() -> None:
    found = trail_findings(status(to_s3=Deliveries()), TRAIL_NAME, now=NOW)

    [problem] = found.problems
    assert (problem.since, problem.patience) == (None, DELIVERED_WITHIN)


@pytest.mark.parametrize(
    ("newest", "kinds"),
    [
        pytest.param(ago(minutes=20), [], id="beats"),
        pytest.param(ago(hours=1), [], id="beat-in-the-last-hour"),
        pytest.param(ago(minutes=75), [K.NO_HEARTBEAT], id="stopped"),
        # The stack may be new.
        pytest.param(None, [], id="never-seen"),
    ],
)
def test_a_heartbeat(newest: datetime | None, kinds: list[ProblemKind]) -> None:
    assert due(heartbeat_findings(newest, now=NOW)) == kinds


def test_a_heartbeat_that_never_came_is_a_problem_the_next_day() -> None:
    [problem] = heartbeat_findings(None, now=NOW).problems

    assert (problem.since, problem.patience) == (None, BEATS_WITHIN)
    assert (problem.look, problem.name) == (HEARTBEAT, HEARTBEAT)


@pytest.mark.parametrize(
    ("subscriptions", "needs_one", "kinds"),
    [
        pytest.param([email("a@example.com")], True, [], id="confirmed"),
        pytest.param([], True, [K.NO_SUBSCRIBER], id="nobody"),
        pytest.param([], False, [], id="nobody-is-needed"),
        pytest.param([email("a@example.com", DELETED)], True, [K.NO_SUBSCRIBER], id="unsubscribed"),
        pytest.param(
            [email("a@example.com", PENDING)],
            True,
            [K.NOT_CONFIRMED, K.NO_SUBSCRIBER],
            id="only-pending",
        ),
        pytest.param(
            [email("a@example.com"), email("b@example.com", PENDING)],
            True,
            [K.NOT_CONFIRMED],
            id="one-of-two-pending",
        ),
        # SNS lists an address twice that was subscribed again.
        pytest.param(
            [email("b@example.com", PENDING), email("b@example.com", PENDING)],
            False,
            [K.NOT_CONFIRMED],
            id="pending-twice",
        ),
    ],
)
def test_subscriptions(
    subscriptions: list[Subscription], needs_one: bool, kinds: list[ProblemKind]
) -> None:
    found = subscription_findings(subscriptions, "the alert topic", needs_one=needs_one)

    assert [it.kind for it in found.problems] == kinds
    assert {(it.since, it.patience) for it in found.problems} <= {(None, CONFIRMED_WITHIN)}
    assert timedelta(hours=20) < CONFIRMED_WITHIN < timedelta(days=1)


@pytest.mark.parametrize(
    ("protocol", "endpoint", "shown"),
    [
        ("email", "oncall@example.com", "email oncall@example.com"),
        ("sms", "+41790000000", "sms +41790000000"),
        ("sqs", "arn:aws:sqs:eu-central-1:1:q", "sqs arn:aws:sqs:eu-central-1:1:q"),
        ("https", "https://events.example.com/integration/SECRET/x", "https events.example.com"),
        ("https", "https://user:SECRET@events.example.com", "https events.example.com"),
        ("https", "https://events.example.com?key=SECRET", "https events.example.com"),
    ],
)
def test_no_secret_of_an_endpoint_is_shown_or_remembered(
    protocol: str, endpoint: str, shown: str
) -> None:
    pending = Subscription(protocol=protocol, endpoint=endpoint, state=PENDING)

    [problem] = subscription_findings([pending], "the topic", needs_one=False).problems

    assert problem.title == f"{shown}, on the topic"
    assert "SECRET" not in repr(problem)


def test_two_endpoints_of_one_host_are_two_problems() -> None:
    pending: list[Any] = [
        Subscription(protocol="https", endpoint=f"https://example.com/{path}", state=PENDING)
        for path in ("a", "b")
    ]

    found = subscription_findings(pending, "the topic", needs_one=False)

    assert len({it.name for it in found.problems}) == 2
