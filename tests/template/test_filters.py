"""Which records trip the alarm, and which reach the function."""

import pytest

from local.filter_pattern import MAX_LENGTH, compile_pattern
from security_group_alerter.cloudtrail.changes import READERS
from tests.template.stack import Stack

# https://docs.aws.amazon.com/securityhub/latest/userguide/cloudwatch-controls.html#cloudwatch-10
# "additional fields or terms cannot be added": to the letter.
SECURITY_HUB_CLOUDWATCH_10 = (
    "{($.eventName=AuthorizeSecurityGroupIngress) || ($.eventName=AuthorizeSecurityGroupEgress) || "
    "($.eventName=RevokeSecurityGroupIngress) || ($.eventName=RevokeSecurityGroupEgress) || "
    "($.eventName=CreateSecurityGroup) || ($.eventName=DeleteSecurityGroup)}"
)
SIX = {
    "AuthorizeSecurityGroupIngress",
    "AuthorizeSecurityGroupEgress",
    "RevokeSecurityGroupIngress",
    "RevokeSecurityGroupEgress",
    "CreateSecurityGroup",
    "DeleteSecurityGroup",
}
# CIS AWS Foundations Benchmark 5.0, 4.10, and later.
CIS_5 = SIX | {"ModifySecurityGroupRules"}
NOT_OURS = [
    "AuthorizeDBSecurityGroupIngress",
    "CreateSecurityGroups",
    "DescribeSecurityGroupRules",
    "DescribeSecurityGroups",
    "GetManagedPrefixListEntries",
    "RunInstances",
    "StartLogging",
    "createsecuritygroup",
]


def test_metric_filter_is_security_hubs_to_the_letter(stack: Stack) -> None:
    pattern = stack.properties("SecurityGroupChangesMetricFilter")["FilterPattern"]

    assert pattern == SECURITY_HUB_CLOUDWATCH_10
    assert names_that_match(pattern) == SIX


def test_the_other_metric_filter_is_that_of_newer_cis(stack: Stack) -> None:
    pattern = stack.properties("SecurityGroupChangesCis5MetricFilter")["FilterPattern"]

    assert names_that_match(pattern) == CIS_5
    assert pattern.count("||") == len(CIS_5) - 1


def names_that_match(pattern: str) -> set[str]:
    compiled = compile_pattern(pattern)
    return {name for name in READERS if compiled.matches({"eventName": name})}


@pytest.mark.parametrize(
    ("metric_filter", "alarm_name"),
    [
        ("SecurityGroupChangesMetricFilter", "SecurityGroupChangesAlarm"),
        ("SecurityGroupChangesCis5MetricFilter", "SecurityGroupChangesCis5Alarm"),
    ],
)
def test_one_change_trips_the_alarm_and_silence_rearms_it(
    stack: Stack, metric_filter: str, alarm_name: str
) -> None:
    [metric] = stack.properties(metric_filter)["MetricTransformations"]
    alarm = stack.properties(alarm_name)

    assert (alarm["Namespace"], alarm["MetricName"]) == (
        metric["MetricNamespace"],
        metric["MetricName"],
    )
    assert alarm["ComparisonOperator"] == "GreaterThanOrEqualToThreshold"
    assert alarm["Threshold"] == int(metric["MetricValue"]) == 1
    assert alarm["TreatMissingData"] == "notBreaching"
    assert alarm["AlarmActions"] == [stack.outputs["AlertTopicArn"]["Value"]]


def test_the_alarms_have_metrics_of_their_own(stack: Stack) -> None:
    filters = stack.of_type("AWS::Logs::MetricFilter").values()

    names = [metric["MetricName"] for it in filters for metric in it["MetricTransformations"]]
    assert len(names) == len(set(names)) == 2


def test_the_tripwire_has_a_subscriber_that_does_not_get_its_messages(stack: Stack) -> None:
    # CloudWatch.10 requires a subscription. Messages of alarms have no attribute to match.
    [subscription] = [
        it
        for it in stack.of_type("AWS::SNS::Subscription").values()
        if it["TopicArn"] == stack.outputs["AlertTopicArn"]["Value"]
    ]

    assert subscription["FilterPolicyScope"] == "MessageAttributes"
    assert subscription["FilterPolicy"]["severity"]


def test_all_filters_read_the_trail_and_none_the_functions_own_log(stack: Stack) -> None:
    # Lambda's recursion detection does not see a function that reads its own log.
    filters = stack.of_type("AWS::Logs::MetricFilter") | stack.of_type(
        "AWS::Logs::SubscriptionFilter"
    )
    trail_log_group = stack.outputs["TrailLogGroupName"]["Value"]

    assert {filter_["LogGroupName"] for filter_ in filters.values()} == {trail_log_group}
    assert stack.properties("Trail")["CloudWatchLogsLogGroupArn"].split(":")[6] == trail_log_group
    assert stack.outputs["FunctionLogGroupName"]["Value"] != trail_log_group


@pytest.fixture
def subscription(stack: Stack) -> str:
    pattern: str = stack.properties("SecurityGroupChangesSubscription")["FilterPattern"]
    return pattern


def test_subscription_fits(subscription: str) -> None:
    assert len(subscription) < MAX_LENGTH


@pytest.mark.parametrize("event_name", READERS)
def test_every_call_that_is_read_reaches_the_function(subscription: str, event_name: str) -> None:
    pattern = compile_pattern(subscription)

    assert pattern.matches({"eventName": event_name, "eventSource": "ec2.amazonaws.com"})
    # The function drops what it does not need. A record without its source is not lost before.
    assert pattern.matches({"eventName": event_name})


def test_subscription_names_nothing_that_is_not_read(subscription: str) -> None:
    names = [term.partition("=")[2].rstrip(")}") for term in subscription.split(" || ")]

    assert sorted(names) == sorted(READERS)


@pytest.mark.parametrize("event_name", NOT_OURS)
def test_no_other_call_costs_an_invocation(subscription: str, event_name: str) -> None:
    assert not compile_pattern(subscription).matches({"eventName": event_name})


@pytest.mark.parametrize(
    "record",
    [
        pytest.param({}, id="empty"),
        pytest.param({"eventName": None}, id="null"),
        pytest.param({"eventName": {"value": "CreateSecurityGroup"}}, id="object"),
        pytest.param({"requestParameters": {"eventName": "CreateSecurityGroup"}}, id="deeper"),
    ],
)
def test_only_the_records_own_name_counts(subscription: str, record: dict[str, object]) -> None:
    assert not compile_pattern(subscription).matches(record)
