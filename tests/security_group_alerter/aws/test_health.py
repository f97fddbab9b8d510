"""What the daily check reads of AWS, from moto and from answers that moto does not give."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError

from security_group_alerter.aws import health
from security_group_alerter.model.health import (
    Deliveries,
    NotSeen,
    Subscription,
    SubscriptionState,
)
from tests.local.cloud import MANAGEMENT, STACK, Cloud, cloud, refusal
from tests.local.stack_parts import (
    LOG_GROUP,
    MEMBER,
    TRAIL,
    TRAIL_ARN,
    StackParts,
    add_account,
    healthy_parts,
    set_status,
)

CLOSED: Final = "555566667777"
JOINED: Final = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def parts() -> Iterator[StackParts]:
    with cloud() as aws:
        yield healthy_parts(aws)


def accounts_of(aws: Cloud) -> dict[str, str]:
    return {it.id: it.name for it in health.active_accounts(aws.client("organizations"))}


def test_active_accounts_are_listed_with_their_names(parts: StackParts) -> None:
    add_account(parts.cloud, CLOSED, "closed")
    parts.cloud.client("organizations").close_account(AccountId=CLOSED)

    assert accounts_of(parts.cloud) == {MANAGEMENT: "master", MEMBER: "payments-production"}


@pytest.mark.parametrize(
    ("states", "is_listed"),
    [
        ({"State": "ACTIVE"}, True),
        ({"Status": "ACTIVE"}, True),
        ({"State": "SUSPENDED", "Status": "ACTIVE"}, False),
        ({"State": "PENDING_CLOSURE"}, False),
        ({"Status": "SUSPENDED"}, False),
    ],
)
def test_the_state_decides(parts: StackParts, states: dict[str, str], is_listed: bool) -> None:
    account = {"Id": MEMBER, "Name": "it", "JoinedTimestamp": JOINED, **states}
    parts.cloud.answers["ListAccounts"] = lambda _: {"Accounts": [account]}

    assert accounts_of(parts.cloud) == ({MEMBER: "it"} if is_listed else {})


def pages_of_accounts(aws: Cloud, count: int) -> list[dict[str, Any]]:
    """Organizations gives twenty a page. Returns the requests that are made."""
    requests: list[dict[str, Any]] = []

    def answer(request: dict[str, Any]) -> Any:
        requests.append(request)
        first = int(request.get("NextToken", 0))
        accounts = [
            {"Id": f"{number:012}", "Name": "it", "State": "ACTIVE", "JoinedTimestamp": JOINED}
            for number in range(first, min(first + 20, count))
        ]
        more = {"NextToken": str(first + 20)} if first + 20 < count else {}
        return {"Accounts": accounts, **more}

    aws.answers["ListAccounts"] = answer
    return requests


def test_every_page_is_read(parts: StackParts) -> None:
    requests = pages_of_accounts(parts.cloud, 1000)

    assert len(accounts_of(parts.cloud)) == 1000
    assert len(requests) == 50


def test_pages_that_take_too_long_are_an_error_and_not_a_shorter_list(parts: StackParts) -> None:
    requests = pages_of_accounts(parts.cloud, 1000)
    seconds = iter((300.0, 200.0, 89.0))

    with pytest.raises(health.OutOfTimeError) as raised:
        health.active_accounts(parts.cloud.client("organizations"), lambda: next(seconds))

    assert len(requests) == 3
    assert health.not_seen(raised.value) == NotSeen(
        why="OutOfTimeError: not every page could be read in time"
    )


def test_the_newest_record_of_each_account(parts: StackParts) -> None:
    stream = f"{parts.cloud.organization_id}_{MEMBER}_CloudTrail_eu-central-1"
    parts.cloud.answers["DescribeLogStreams"] = lambda _: {
        "logStreams": [
            {"logStreamName": name, **last}
            for name, last in (
                (stream, {"lastEventTimestamp": 1_000}),
                (f"{stream}_2", {"lastEventTimestamp": 3_000}),
                (f"{stream}_3", {"lastEventTimestamp": 2_000}),
                (f"{MANAGEMENT}_CloudTrail_eu-central-1", {}),
                ("another-programs", {"lastEventTimestamp": 9_000}),
            )
        ]
    }

    newest = health.newest_records(parts.cloud.client("logs"), LOG_GROUP)

    assert newest == {MEMBER: datetime.fromtimestamp(3, tz=UTC)}


def test_the_trail(parts: StackParts) -> None:
    error = "AccessDenied"
    set_status(parts.cloud, LatestDeliveryError=error, StopLoggingTime=JOINED)

    status = health.trail_status(parts.cloud.client("cloudtrail"), TRAIL_ARN)

    assert status is not None
    assert status.is_logging
    assert status.stopped_at == JOINED
    assert status.to_s3 == Deliveries(last=parts.cloud.now - timedelta(minutes=4), error=error)
    assert status.to_logs == Deliveries(last=parts.cloud.now - timedelta(minutes=3))


def test_a_trail_that_is_gone_and_one_that_may_not_be_seen(parts: StackParts) -> None:
    client = parts.cloud.client("cloudtrail")
    del parts.cloud.answers["GetTrailStatus"]
    client.delete_trail(Name=TRAIL)

    assert health.trail_status(client, TRAIL_ARN) is None

    parts.cloud.refuse("GetTrailStatus")
    with pytest.raises(ClientError, match="AccessDenied"):
        health.trail_status(client, TRAIL_ARN)


def test_subscriptions(parts: StackParts) -> None:
    listed = parts.cloud.client("sns").list_subscriptions_by_topic(TopicArn=parts.topics["alerts"])
    [confirmed] = listed["Subscriptions"]
    parts.cloud.answers["ListSubscriptionsByTopic"] = lambda _: {
        "Subscriptions": [
            confirmed,
            {"SubscriptionArn": "PendingConfirmation", "Protocol": "email", "Endpoint": "a@b.c"},
            {"SubscriptionArn": "Deleted", "Protocol": "sms", "Endpoint": "+4179"},
        ]
    }

    found = health.subscriptions_of(parts.cloud.client("sns"), parts.topics["alerts"])

    assert [it.state for it in found] == list(SubscriptionState)
    assert found[1] == Subscription(
        protocol="email", endpoint="a@b.c", state=SubscriptionState.PENDING
    )


def test_the_newest_heartbeat(parts: StackParts) -> None:
    client, now = parts.cloud.client("cloudwatch"), parts.cloud.now

    def newest(stack: str) -> datetime | None:
        return health.newest_heartbeat(client, stack, now - timedelta(days=14), now)

    beat = newest(STACK)
    assert beat is not None
    assert now - timedelta(minutes=2) - health.HEARTBEAT_PERIOD <= beat <= now
    assert newest("another-stack") is None


def test_two_weeks_of_heartbeats_fit_into_one_answer(parts: StackParts) -> None:
    requests: list[dict[str, Any]] = []

    def answer(request: dict[str, Any]) -> Any:
        requests.append(request)
        # A point without a beat: the function ran, and got other records.
        return {"Datapoints": [{"Timestamp": JOINED, "Sum": 0.0}]}

    parts.cloud.answers["GetMetricStatistics"] = answer
    until = parts.cloud.now

    client = parts.cloud.client("cloudwatch")
    assert health.newest_heartbeat(client, STACK, until - timedelta(days=14), until) is None

    [request] = requests
    span = request["EndTime"] - request["StartTime"]
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricStatistics.html
    assert span.total_seconds() / request["Period"] <= 1440


@pytest.mark.parametrize(
    ("operation", "code", "message", "expected"),
    [
        (
            "ListAccounts",
            "AccessDeniedException",
            "You don't have permissions to access this resource.",
            NotSeen(
                why=(
                    "ListAccounts: AccessDeniedException: You don't have permissions to access "
                    "this resource."
                ),
                is_denied=True,
            ),
        ),
        (
            "ListSubscriptionsByTopic",
            "AuthorizationError",
            "",
            NotSeen(why="ListSubscriptionsByTopic: AuthorizationError", is_denied=True),
        ),
        (
            "ListAccounts",
            "TooManyRequestsException",
            "slower",
            NotSeen(why="ListAccounts: TooManyRequestsException: slower"),
        ),
    ],
)
def test_why_a_look_failed(operation: str, code: str, message: str, expected: NotSeen) -> None:
    with pytest.raises(ClientError) as raised:
        refusal(operation, code, message)({})

    assert health.not_seen(raised.value) == expected


def test_why_nothing_answered() -> None:
    why = health.not_seen(ConnectTimeoutError(endpoint_url="https://organizations")).why

    assert why.startswith("ConnectTimeoutError: ")
    assert "https://organizations" in why
