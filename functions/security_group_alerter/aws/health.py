"""Reads what the daily check looks at: accounts, log streams, trail, subscriptions, metrics.

Each function raises what botocore raises. `make verify` reads by them, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from math import inf
from typing import TYPE_CHECKING, Any, TypeVar

from botocore.config import Config
from botocore.exceptions import ClientError

from ..cloudtrail.payload import log_stream_of
from ..model.dataclass import dataclass
from ..model.health import (
    Deliveries,
    NotSeen,
    OrganizationAccount,
    Subscription,
    SubscriptionState,
    TrailStatus,
)
from ..model.time_left import TimeLeft
from ..settings import METRICS_NAMESPACE

if TYPE_CHECKING:
    from mypy_boto3_cloudtrail import CloudTrailClient
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_cloudwatch.literals import StatisticType
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_organizations import OrganizationsClient
    from mypy_boto3_organizations.type_defs import AccountTypeDef
    from mypy_boto3_sns import SNSClient

# A call with all its attempts takes up to 30 seconds. Four attempts, because Organizations answers
# only some calls a second, of all programs of the organization together.
CLIENT_CONFIG = Config(
    connect_timeout=2, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 4}
)
# With less time than this left, no further page is read.
RESERVED_SECONDS = 90.0
# CloudWatch returns at most 1,440 points; this gives two weeks of them.
HEARTBEAT_PERIOD = timedelta(minutes=15)

_Page = TypeVar("_Page")


class OutOfTimeError(Exception):
    """There are more pages than can be read in time."""


def without_limit() -> float:
    """The time that a person has."""
    return inf


def active_accounts(
    client: OrganizationsClient, time_left: TimeLeft = without_limit
) -> list[OrganizationAccount]:
    """The accounts of the organization that can make calls."""
    pages = client.get_paginator("list_accounts").paginate()
    return [
        OrganizationAccount(id=it["Id"], name=it["Name"], joined_at=it["JoinedTimestamp"])
        for page in _in_time(pages, time_left)
        for it in page["Accounts"]
        if _state_of(it) == "ACTIVE"
    ]


def _state_of(account: AccountTypeDef) -> str:
    """Organizations returns State; Status is retired, and found in older responses.

    https://docs.aws.amazon.com/organizations/latest/APIReference/API_Account.html
    """
    return str(account.get("State") or account.get("Status"))


def newest_records(
    client: CloudWatchLogsClient, log_group: str, time_left: TimeLeft = without_limit
) -> dict[str, datetime]:
    """Account ID → the time of its newest record.

    CloudWatch Logs usually updates a stream's lastEventTimestamp within an hour.
    https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_LogStream.html
    """
    newest: dict[str, datetime] = {}
    pages = client.get_paginator("describe_log_streams").paginate(logGroupName=log_group)
    for page in _in_time(pages, time_left):
        for stream in page["logStreams"]:
            account_id = log_stream_of(stream["logStreamName"]).account_id
            if account_id and "lastEventTimestamp" in stream:
                time = datetime.fromtimestamp(stream["lastEventTimestamp"] / 1000, tz=UTC)
                newest[account_id] = max(time, newest.get(account_id, time))
    return newest


def trail_status(client: CloudTrailClient, trail_arn: str) -> TrailStatus | None:
    """None if there is no such trail, or this account cannot see it."""
    try:
        status = client.get_trail_status(Name=trail_arn)
    except ClientError as error:
        if _code_of(error) != "TrailNotFoundException":
            raise
        return None
    return TrailStatus(
        is_logging=status["IsLogging"],
        started_at=status.get("StartLoggingTime"),
        stopped_at=status.get("StopLoggingTime"),
        to_s3=Deliveries(
            last=status.get("LatestDeliveryTime"), error=status.get("LatestDeliveryError")
        ),
        to_logs=Deliveries(
            last=status.get("LatestCloudWatchLogsDeliveryTime"),
            error=status.get("LatestCloudWatchLogsDeliveryError"),
        ),
    )


# What AWS puts in place of an ARN.
# https://docs.aws.amazon.com/sns/latest/api/API_ListSubscriptionsByTopic.html
_STATES = {
    "PendingConfirmation": SubscriptionState.PENDING,
    "Deleted": SubscriptionState.DELETED,
}


def subscriptions_of(
    client: SNSClient, topic_arn: str, time_left: TimeLeft = without_limit
) -> list[Subscription]:
    """Every subscription of a topic."""
    pages = client.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic_arn)
    return [
        Subscription(
            protocol=it["Protocol"],
            endpoint=it["Endpoint"],
            state=_STATES.get(it["SubscriptionArn"], SubscriptionState.CONFIRMED),
        )
        for page in _in_time(pages, time_left)
        for it in page["Subscriptions"]
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One of the delivery function's metrics, of one stack."""

    stack: str
    name: str
    statistic: StatisticType


def newest_heartbeat(
    client: CloudWatchClient, stack: str, since: datetime, until: datetime
) -> datetime | None:
    """When the quarter of an hour began in which the newest heartbeat arrived."""
    beats = metric_points(
        client,
        Metric(stack=stack, name="Heartbeats", statistic="Sum"),
        since=since,
        until=until,
        period=HEARTBEAT_PERIOD,
    )
    return max((time for time, count in beats.items() if count), default=None)


def metric_points(
    client: CloudWatchClient, metric: Metric, *, since: datetime, until: datetime, period: timedelta
) -> dict[datetime, float]:
    """What was measured, by the time at which each period begins."""
    answer: Any = client.get_metric_statistics(
        Namespace=METRICS_NAMESPACE,
        MetricName=metric.name,
        Dimensions=[{"Name": "service", "Value": metric.stack}],
        StartTime=since,
        EndTime=until,
        Period=int(period.total_seconds()),
        Statistics=[metric.statistic],
    )
    return {point["Timestamp"]: point[metric.statistic] for point in answer["Datapoints"]}


def not_seen(error: Exception) -> NotSeen:
    """Why a look failed, in AWS's words."""
    if not isinstance(error, ClientError):
        return NotSeen(why=f"{type(error).__name__}: {error}")
    code = _code_of(error)
    message = error.response.get("Error", {}).get("Message", "")
    return NotSeen(
        why=f"{error.operation_name}: {code}: {message}".rstrip(": "),
        is_denied=code.startswith(("AccessDenied", "AuthorizationError")),
    )


def _code_of(error: ClientError) -> str:
    return error.response.get("Error", {}).get("Code", "")


def _in_time(pages: Iterable[_Page], time_left: TimeLeft) -> Iterator[_Page]:
    for page in pages:
        yield page
        if time_left() < RESERVED_SECONDS:
            raise OutOfTimeError("not every page could be read in time")
