"""Checks the path from log group to subscribers: filter, permission, topics, heartbeat."""

from __future__ import annotations

import json
import shlex
from datetime import datetime, timedelta
from typing import Any, Final

from botocore.exceptions import ClientError

from security_group_alerter.messages.text import plural
from security_group_alerter.settings import METRICS_NAMESPACE

from ..aws_errors import code_of
from ..checks import Checks, guarded, ok, stop, warning
from ..policy_statements import Request, applies
from ..template import subscription_pattern
from .deployed_stack import Deployed, span_words

PERMISSIONS: Final = (
    "cloudwatch:GetMetricStatistics",
    "lambda:GetPolicy",
    "logs:DescribeSubscriptionFilters",
    "sns:ListSubscriptionsByTopic",
    "sqs:GetQueueAttributes",
)
# The heartbeat alarm waits as long.
BEATS_WITHIN: Final = timedelta(minutes=30)


def path_checks(deployed: Deployed) -> Checks[None]:
    """Every part, from the log group on."""
    yield from guarded("subscription", _subscription_checks(deployed))
    yield from guarded("permission", _permission_checks(deployed))
    for output in ("AlertTopicArn", "OperationsTopicArn"):
        yield from guarded("topic", _topic_checks(deployed, deployed.outputs[output]))
    yield from guarded("heartbeat", _heartbeat_checks(deployed))
    yield from guarded("failure queue", _queue_checks(deployed))


# From the log group to the subscribers.


def _subscription_checks(deployed: Deployed) -> Checks[None]:
    name, group = deployed.deployment.stack, deployed.outputs["TrailLogGroupName"]
    filters = deployed.deployment.client("logs").describe_subscription_filters(logGroupName=group)
    found = [it for it in filters["subscriptionFilters"] if it["filterName"] == name]
    target = _function_arn(deployed)
    # CloudFormation compares templates, not resources: deploying again would change nothing.
    again = shlex.join(
        [
            *("aws", "logs", "put-subscription-filter", "--region", deployed.deployment.region),
            *("--log-group-name", group, "--filter-name", name, "--destination-arn", target),
            *("--filter-pattern", " ".join(subscription_pattern().split())),
        ]
    )
    if not found:
        yield stop(
            "subscription",
            f"{group} has no subscription filter {name}: the function gets nothing",
            f"Create it again: {again}",
        )
    elif found[0]["destinationArn"] != target:
        yield stop(
            "subscription",
            f"{name} delivers to {found[0]['destinationArn']}, not to {target}",
            f"Correct it: {again}",
        )
    elif found[0]["filterPattern"].split() != subscription_pattern().split():
        yield warning(
            "subscription",
            f"the pattern of {name} is not the one in this template.yaml",
            "Deploy this version, or verify with the version that is deployed",
        )
    else:
        yield ok("subscription", f"{name} on {group} delivers to {target}")


def _permission_checks(deployed: Deployed) -> Checks[None]:
    function = deployed.outputs["FunctionName"]
    try:
        policy = deployed.deployment.client("lambda").get_policy(FunctionName=function)["Policy"]
        statements = json.loads(policy)["Statement"]
    except ClientError as error:
        if code_of(error) != "ResourceNotFoundException":
            raise
        statements = []
    request = Request(
        # In China the name has another ending.
        service=f"logs.{deployed.deployment.url_suffix}",
        action="lambda:InvokeFunction",
        resource="",
        context={
            "aws:SourceArn": deployed.log_group_arn,
            "aws:SourceAccount": deployed.account_id,
        },
    )
    if any(_lets_in(statement, request) for statement in statements):
        yield ok("permission", f"CloudWatch Logs may invoke {function} for the log group")
    else:
        yield stop(
            "permission",
            f"CloudWatch Logs may not invoke {function} for {deployed.log_group_arn}: what it "
            "would deliver is lost",
            "Allow it: aws lambda add-permission --statement-id LogsMayInvokeTheFunction "
            f"--region {deployed.deployment.region} --function-name {function} "
            f"--action {request.action} --principal {request.service} "
            f"--source-account {deployed.account_id} --source-arn '{deployed.log_group_arn}'",
        )


def _function_arn(deployed: Deployed) -> str:
    where = f"{deployed.deployment.partition}:lambda:{deployed.deployment.region}"
    return f"arn:{where}:{deployed.account_id}:function:{deployed.outputs['FunctionName']}"


def _lets_in(statement: dict[str, Any], request: Request) -> bool:
    # The resource is the function itself: nothing else has this policy.
    return (
        statement["Effect"] == "Allow" and applies({**statement, "Resource": "*"}, request) is True
    )


def _topic_checks(deployed: Deployed, topic_arn: str) -> Checks[None]:
    client = deployed.deployment.client("sns")
    name = topic_arn.rpartition(":")[2]
    subscriptions = [
        it
        for page in client.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic_arn)
        for it in page["Subscriptions"]
    ]
    if not subscriptions:
        yield warning(
            "topic",
            f"nobody has subscribed to {name}",
            f"Subscribe: aws sns subscribe --region {deployed.deployment.region} --topic-arn "
            f"{topic_arn} --protocol email --notification-endpoint security@example.com",
        )
    for it in subscriptions:
        subscriber = f"{it['Protocol']} {it['Endpoint']}"
        # What AWS puts in place of an ARN.
        # https://docs.aws.amazon.com/sns/latest/api/API_ListSubscriptionsByTopic.html
        if it["SubscriptionArn"] == "PendingConfirmation":
            yield warning(
                "topic",
                f"{subscriber} has not confirmed its subscription, and gets nothing from {name}",
                "Follow the link in the e-mail from AWS. If it has expired, subscribe again",
            )
        elif it["SubscriptionArn"] == "Deleted":
            yield warning("topic", f"{subscriber} has unsubscribed from {name}", "Subscribe again")
        else:
            yield ok("topic", f"{subscriber} is subscribed to {name}")


# Its health.


def _heartbeat_checks(deployed: Deployed) -> Checks[None]:
    beats = _metric(deployed, "Heartbeats", "Sum")
    lags = _metric(deployed, "HeartbeatLag", "Maximum")
    newest = max((time for time, count in beats.items() if count), default=None)
    if newest is None:
        found = "none has arrived in the last hour"
        if deployed.is_young:
            yield warning("heartbeat", found, "The stack is new: check again in half an hour")
        else:
            yield stop(
                "heartbeat",
                found,
                "Changes may go unseen: fix what is broken above, the trail first",
            )
        return
    age = deployed.now - newest
    lag = f", {span_words(timedelta(seconds=lags[max(lags)]))} after the call" if lags else ""
    found = f"the last one arrived {span_words(age)} ago{lag}"
    if age > BEATS_WITHIN:
        yield warning(
            "heartbeat",
            found,
            "One is sent every 5 minutes: check again, and look at the dashboard",
        )
    else:
        yield ok("heartbeat", f"{found}; {int(sum(beats.values()))} in the last hour")
    slowest = _metric(deployed, "Lag", "Maximum")
    if slowest:
        yield ok(
            "lag",
            f"the slowest record of the last hour arrived "
            f"{span_words(timedelta(seconds=max(slowest.values())))} after its call",
        )


def _metric(deployed: Deployed, name: str, statistic: str) -> dict[datetime, float]:
    """The last hour of one of the function's metrics, by minute."""
    answer = deployed.deployment.client("cloudwatch").get_metric_statistics(
        Namespace=METRICS_NAMESPACE,
        MetricName=name,
        Dimensions=[{"Name": "service", "Value": deployed.deployment.stack}],
        StartTime=deployed.now - timedelta(hours=1),
        EndTime=deployed.now,
        Period=60,
        Statistics=[statistic],
    )
    return {point["Timestamp"]: point[statistic] for point in answer["Datapoints"]}


def _queue_checks(deployed: Deployed) -> Checks[None]:
    attributes = deployed.deployment.client("sqs").get_queue_attributes(
        QueueUrl=deployed.outputs["FailureQueueUrl"],
        AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"],
    )["Attributes"]
    waiting = sum(map(int, attributes.values()))
    if waiting:
        yield stop(
            "failure queue",
            f"{plural(waiting, 'message')} in it: deliveries that failed for good, without alerts",
            "List them, and try them again: make redrive",
        )
    else:
        yield ok("failure queue", "empty")
