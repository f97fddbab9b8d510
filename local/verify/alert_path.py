"""Checks the path from log group to subscribers: filter, permission, topics, heartbeat."""

from __future__ import annotations

import json
import shlex
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from security_group_alerter.aws.health import Metric, metric_points, subscriptions_of
from security_group_alerter.messages.text import plural
from security_group_alerter.model.health import Subscription, SubscriptionState

from ..aws_errors import code_of
from ..checks import Check, Checks, guarded, ok, stop, warning
from ..policy_statements import Request, applies
from ..template import subscription_pattern
from .deployed_stack import Deployed, span_words

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch.literals import StatisticType

PERMISSIONS: Final = (
    "cloudwatch:GetMetricStatistics",
    "lambda:GetPolicy",
    "logs:DescribeSubscriptionFilters",
    "sns:ListSubscriptionsByTopic",
    "sqs:GetQueueAttributes",
)
HEARTBEAT: Final = "heartbeat"
# When heartbeats arrived, and how many.
Beats = dict[datetime, float]
# Made only with a chat channel.
CHAT_TOPIC: Final = "ChatTopicArn"
# The parameters whose addresses the stack itself subscribes.
_EMAILS: Final = {"AlertTopicArn": "AlertEmail", "OperationsTopicArn": "OperationsEmail"}
# By then an address has followed its link, or SNS has deleted the subscription.
# https://aws.amazon.com/about-aws/whats-new/2023/05/amazon-sns-automatic-deletion-unconfirmed-subscriptions/
CONFIRMED_WITHIN: Final = timedelta(hours=48)
# The heartbeat alarm waits as long.
BEATS_WITHIN: Final = timedelta(minutes=30)


def path_checks(deployed: Deployed, beats: Beats | None) -> Checks[None]:
    """Every part, from the log group on; without the heartbeat if it is None."""
    yield from guarded("subscription", _subscription_checks(deployed))
    yield from guarded("permission", _permission_checks(deployed))
    for output in ("AlertTopicArn", CHAT_TOPIC, "OperationsTopicArn"):
        if output in deployed.outputs:
            yield from guarded("topic", _topic_checks(deployed, output))
    if beats is not None:
        yield from guarded(HEARTBEAT, _heartbeat_checks(deployed, beats))
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
        principal=f"logs.{deployed.deployment.url_suffix}",
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
            f"--action {request.action} --principal {request.principal} "
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


def _topic_checks(deployed: Deployed, output: str) -> Checks[None]:
    client, topic_arn = deployed.deployment.client("sns"), deployed.outputs[output]
    name = topic_arn.rpartition(":")[2]
    subscriptions = subscriptions_of(client, topic_arn)
    parameter = _EMAILS.get(output, "")
    own = deployed.parameters.get(parameter, "")
    for it in subscriptions:
        yield _subscriber_check(deployed, it, topic_arn, is_own=it.endpoint == own)
    if own and own not in {it.endpoint for it in subscriptions}:
        yield stop(
            "topic",
            f"email {own} is not subscribed to {name} any more, and gets nothing from it. Nobody "
            "confirmed the subscription in time, or it was deleted",
            "CloudFormation does not notice. Deploy without the address, then with it: "
            f'make deploy ARGS="--parameter {parameter}=", and '
            f'make deploy ARGS="--parameter {parameter}={own}"',
        )
    elif not subscriptions:
        todo = f"Subscribe: {_subscribe(deployed, topic_arn, 'security@example.com')}"
        if output == CHAT_TOPIC:
            todo = (
                "Amazon Q Developer in chat applications subscribes by itself: in its console, "
                "check the workspace or team, and the channel's topics"
            )
        yield warning("topic", f"nobody has subscribed to {name}", todo)


def _subscriber_check(
    deployed: Deployed, subscription: Subscription, topic_arn: str, *, is_own: bool
) -> Check:
    """A subscription. `is_own`: the stack has made it, when it was last changed or before."""
    name = topic_arn.rpartition(":")[2]
    subscriber = f"{subscription.protocol} {subscription.endpoint}"
    if subscription.state is SubscriptionState.DELETED:
        return warning("topic", f"{subscriber} has unsubscribed from {name}", "Subscribe again")
    if subscription.state is not SubscriptionState.PENDING:
        return ok("topic", f"{subscriber} is subscribed to {name}")
    if is_own and deployed.now - deployed.changed_at > CONFIRMED_WITHIN:
        # https://repost.aws/knowledge-center/sns-email-subscription-disabled
        return stop(
            "topic",
            f"{subscriber} gets nothing from {name}: its subscription has to be confirmed again, "
            "as SNS demands after more than 10 e-mails in a second. After 48 hours SNS deletes it",
            "Follow the link in the newest e-mail from AWS. To have it sent again: "
            f"{_subscribe(deployed, topic_arn, subscription.endpoint)}",
        )
    return warning(
        "topic",
        f"{subscriber} has not confirmed its subscription, and gets nothing from {name}",
        "Follow the link in the e-mail from AWS. If it has expired, subscribe again",
    )


def _subscribe(deployed: Deployed, topic_arn: str, address: str) -> str:
    return (
        f"aws sns subscribe --region {deployed.deployment.region} --topic-arn {topic_arn} "
        f"--protocol email --notification-endpoint {address}"
    )


# Its health.


def heartbeats(deployed: Deployed) -> Checks[Beats]:
    """How many have arrived in each minute of the last hour."""
    yield from ()
    return {time: count for time, count in _metric(deployed, "Heartbeats", "Sum").items() if count}


def _heartbeat_checks(deployed: Deployed, beats: Beats) -> Checks[None]:
    if not beats:
        yield stop(
            HEARTBEAT,
            "none has arrived in the last hour",
            "Changes may go unseen: fix what is broken above, the trail first",
        )
        return
    newest, lags = max(beats), _metric(deployed, "HeartbeatLag", "Maximum")
    age = deployed.now - newest
    lag = f", {span_words(timedelta(seconds=lags[max(lags)]))} after the call" if lags else ""
    found = f"the last one arrived {span_words(age)} ago{lag}"
    if age > BEATS_WITHIN:
        yield warning(
            HEARTBEAT,
            found,
            "One is sent every 5 minutes: check again, and look at the dashboard",
        )
    else:
        yield ok(HEARTBEAT, f"{found}; {int(sum(beats.values()))} in the last hour")
    slowest = _metric(deployed, "Lag", "Maximum")
    if slowest:
        yield ok(
            "lag",
            f"the slowest record of the last hour arrived "
            f"{span_words(timedelta(seconds=max(slowest.values())))} after its call",
        )


def _metric(deployed: Deployed, name: str, statistic: StatisticType) -> dict[datetime, float]:
    """The last hour of one of the function's metrics, by minute."""
    return metric_points(
        deployed.deployment.client("cloudwatch"),
        Metric(stack=deployed.deployment.stack, name=name, statistic=statistic),
        since=deployed.now - timedelta(hours=1),
        until=deployed.now,
        period=timedelta(minutes=1),
    )


def _queue_checks(deployed: Deployed) -> Checks[None]:
    attributes = deployed.deployment.client("sqs").get_queue_attributes(
        QueueUrl=deployed.outputs["FailureQueueUrl"],
        AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"],
    )["Attributes"]
    waiting = sum(map(int, attributes.values()))
    if waiting:
        yield stop(
            "failure queue",
            f"{plural(waiting, 'message')} in it, each a delivery that failed for good: the "
            "changes in it may not have been alerted on",
            "List them, and try them again: make redrive",
        )
    else:
        yield ok("failure queue", "empty")
