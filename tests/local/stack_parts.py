"""The parts of a deployed stack in moto: all is well, a month after the deployment.

The function is not one of them: moto would run it in Docker, for each record of the log group. The
subscription filter and the permission that lead to it are in lists here.
"""

import json
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final
from unittest import mock

from local.template import subscription_pattern
from tests.local.cloud import MANAGEMENT, REGION, STACK, Cloud

MEMBER: Final = "222233334444"
BUCKET: Final = "trail-bucket"
TRAIL: Final = "organization-trail"
LOG_GROUP: Final = "trail-log-group"
FUNCTION: Final = f"{STACK}-SecurityGroupAlerterFunction-1A2B3C"
TRAIL_ARN: Final = f"arn:aws:cloudtrail:{REGION}:{MANAGEMENT}:trail/{TRAIL}"
LOG_GROUP_ARN: Final = f"arn:aws:logs:{REGION}:{MANAGEMENT}:log-group:{LOG_GROUP}:*"


@dataclass
class StackParts:
    """What tests look at and break."""

    cloud: Cloud
    topics: dict[str, str]
    queue_url: str
    filters: list[dict[str, Any]] = field(default_factory=list)
    permissions: list[dict[str, Any]] = field(default_factory=list)

    def put_record(
        self, account_id: str, name: str, *, ago: timedelta = timedelta(hours=1)
    ) -> None:
        """A record of an account, in its log stream."""
        logs = self.cloud.client("logs")
        stream = f"{self.cloud.organization_id}_{account_id}_CloudTrail_{REGION}"
        if not logs.describe_log_streams(logGroupName=LOG_GROUP, logStreamNamePrefix=stream)[
            "logStreams"
        ]:
            logs.create_log_stream(logGroupName=LOG_GROUP, logStreamName=stream)
        record = {"eventName": name, "recipientAccountId": account_id}
        time = int((self.cloud.now - ago).timestamp() * 1000)
        logs.put_log_events(
            logGroupName=LOG_GROUP,
            logStreamName=stream,
            logEvents=[{"timestamp": time, "message": json.dumps(record)}],
        )

    def put_file(self, account_id: str) -> None:
        """An account's folder in the archive."""
        key = f"AWSLogs/{self.cloud.organization_id}/{account_id}/CloudTrail/{REGION}/2026/file.gz"
        self.cloud.client("s3").put_object(Bucket=BUCKET, Key=key, Body=b"")

    def measure(self, name: str, value: float, *, ago: timedelta) -> None:
        """A data point of one of the function's metrics."""
        self.cloud.client("cloudwatch").put_metric_data(
            Namespace="SecurityGroupAlerter",
            MetricData=[
                {
                    "MetricName": name,
                    "Value": value,
                    "Timestamp": self.cloud.now - ago,
                    "Dimensions": [{"Name": "service", "Value": STACK}],
                }
            ],
        )


def add_account(cloud: Cloud, account_id: str, name: str) -> None:
    from moto.organizations import utils

    with mock.patch.object(utils, "make_random_account_id", return_value=account_id):
        cloud.client("organizations").create_account(AccountName=name, Email=f"{name}@example.com")


def healthy_parts(cloud: Cloud) -> StackParts:
    """Every part, in good health."""
    add_account(cloud, MEMBER, "payments-production")
    cloud.client("s3").create_bucket(
        Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION}
    )
    cloud.client("logs").create_log_group(logGroupName=LOG_GROUP)
    _make_trail(cloud)
    sns = cloud.client("sns")
    topics = {name: sns.create_topic(Name=name)["TopicArn"] for name in ("alerts", "operations")}
    for arn in topics.values():
        sns.subscribe(TopicArn=arn, Protocol="email", Endpoint="security@example.com")
    queue_url = cloud.client("sqs").create_queue(QueueName="failures")["QueueUrl"]
    cloud.deployed(OrganizationId=cloud.organization_id, TrailName=TRAIL)
    cloud.output(
        AlertTopicArn=topics["alerts"],
        OperationsTopicArn=topics["operations"],
        FunctionName=FUNCTION,
        FailureQueueUrl=queue_url,
        TrailArn=TRAIL_ARN,
        TrailLogGroupName=LOG_GROUP,
        TrailBucketName=BUCKET,
    )
    parts = StackParts(cloud, topics, queue_url)
    _lead_to_the_function(parts)
    for account_id in (MANAGEMENT, MEMBER):
        parts.put_record(account_id, "RunInstances")
        parts.put_file(account_id)
    for minutes in range(2, 60, 5):
        parts.measure("Heartbeats", 1, ago=timedelta(minutes=minutes))
        parts.measure("HeartbeatLag", 300 + minutes, ago=timedelta(minutes=minutes))
    parts.measure("Lag", 402, ago=timedelta(minutes=20))
    cloud.calls.clear()
    return parts


def _make_trail(cloud: Cloud) -> None:
    client = cloud.client("cloudtrail")
    client.create_trail(
        Name=TRAIL,
        S3BucketName=BUCKET,
        IsOrganizationTrail=True,
        IsMultiRegionTrail=True,
        CloudWatchLogsLogGroupArn=LOG_GROUP_ARN,
    )
    client.start_logging(Name=TRAIL)
    set_status(cloud)


def set_status(cloud: Cloud, **status: Any) -> None:
    """What GetTrailStatus returns: moto knows no delivery to CloudWatch Logs, and no error."""
    now = cloud.now
    cloud.answers["GetTrailStatus"] = lambda _: {
        "IsLogging": True,
        "StartLoggingTime": now - timedelta(days=30),
        "LatestDeliveryTime": now - timedelta(minutes=4),
        "LatestCloudWatchLogsDeliveryTime": now - timedelta(minutes=3),
        **status,
    }


def _lead_to_the_function(parts: StackParts) -> None:
    function = f"arn:aws:lambda:{REGION}:{MANAGEMENT}:function:{FUNCTION}"
    parts.filters.append(
        {
            "filterName": STACK,
            "filterPattern": subscription_pattern(),
            "destinationArn": function,
        }
    )
    # As Lambda writes what AddPermission adds.
    parts.permissions.append(
        {
            "Sid": "LogsMayInvokeTheFunction",
            "Effect": "Allow",
            "Principal": {"Service": "logs.amazonaws.com"},
            "Action": "lambda:InvokeFunction",
            "Resource": function,
            "Condition": {
                "StringEquals": {"AWS:SourceAccount": MANAGEMENT},
                "ArnLike": {"AWS:SourceArn": LOG_GROUP_ARN},
            },
        }
    )
    parts.cloud.answers["DescribeSubscriptionFilters"] = lambda _: {
        "subscriptionFilters": parts.filters
    }
    parts.cloud.answers["GetPolicy"] = lambda _: {
        "Policy": json.dumps({"Version": "2012-10-17", "Statement": parts.permissions})
    }
