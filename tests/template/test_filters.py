"""Which records trip the alarm, and which reach the function."""

import re

import pytest
from botocore.loaders import create_loader

from local.filter_pattern import MAX_LENGTH, compile_pattern
from security_group_alerter.cloudtrail.attachments import groups_attached
from security_group_alerter.cloudtrail.changes import READERS
from tests.stories import STORIES, findings_of, story
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
# The services whose calls are named like ours.
SERVICES = (
    *("ec2", "cloudtrail", "organizations", "events"),
    # Calls on the role that CloudTrail writes with do not come through.
    "iam",
    # Other rules.
    *("elbv2", "waf", "waf-regional", "wafv2", "vpc-lattice", "network-firewall", "s3control"),
    *("rds", "docdb", "neptune", "elasticache", "memorydb", "redshift", "dax", "lightsail"),
)
# A wildcard, or a name that means something else elsewhere, lets them through.
NOT_READ = {
    # From before VPCs.
    ("rds", "AuthorizeDBSecurityGroupIngress"),
    ("rds", "RevokeDBSecurityGroupIngress"),
    ("elasticache", "AuthorizeCacheSecurityGroupIngress"),
    ("elasticache", "RevokeCacheSecurityGroupIngress"),
    ("redshift", "AuthorizeClusterSecurityGroupIngress"),
    ("redshift", "RevokeClusterSecurityGroupIngress"),
    ("cloudtrail", "CreateTrail"),
    ("elbv2", "DeleteRule"),
    ("waf", "DeleteRule"),
    ("waf-regional", "DeleteRule"),
    ("vpc-lattice", "DeleteRule"),
}
# Of the calls that can set groups, among much else, only those that do come through.
SETS_GROUPS: dict[str, object] = {
    "requestParameters": {"groupSet": {"items": [{"groupId": "sg-0945dc6b613dff4fd"}]}}
}
ATTACHING = sorted(name for name, reader in READERS.items() if reader.read is groups_attached)
NOT_OURS = [
    "CreateSecurityGroups",
    "DeleteManagedPrefixLists",
    "DescribeSecurityGroupRules",
    "DescribeSecurityGroups",
    "DescribeManagedPrefixLists",
    "EnableAWSServiceAccess",
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
    return {name for name in READERS if compiled.matches({"eventName": name} | SETS_GROUPS)}


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
    assert len(names) == len(set(names)) == 3


def test_the_topic_of_the_tripwire_has_a_subscriber(stack: Stack) -> None:
    # CloudWatch.10 requires one. test_subscriptions.py shows that it gets none of these messages.
    topics = [it["TopicArn"] for it in stack.of_type("AWS::SNS::Subscription").values()]

    assert topics == [stack.outputs["AlertTopicArn"]["Value"]]


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
    record = {"eventName": event_name} | (SETS_GROUPS if event_name in ATTACHING else {})

    assert pattern.matches({**record, "eventSource": "ec2.amazonaws.com"})
    # The function drops what it does not need. A record without its source is not lost before.
    assert pattern.matches(record)


@pytest.mark.parametrize(
    "request_parameters",
    [
        pytest.param({"groupSet": {"items": []}}, id="no-group"),
        pytest.param({"groupSet": {}}, id="an-empty-set"),
        pytest.param({"groupSet": {"items": [{"groupName": "web"}]}}, id="a-group-without-id"),
        pytest.param({"sourceDestCheck": {"value": False}}, id="another-attribute"),
        pytest.param({"userData": "<sensitiveDataRemoved>"}, id="user-data"),
        pytest.param(None, id="nothing"),
    ],
)
@pytest.mark.parametrize("event_name", ATTACHING)
def test_a_call_that_sets_something_else_costs_no_invocation(
    subscription: str, event_name: str, request_parameters: object
) -> None:
    pattern = compile_pattern(subscription)

    assert not pattern.matches({"eventName": event_name, "requestParameters": request_parameters})


@pytest.mark.parametrize("event_name", ["CreateNetworkInterface", "RunInstances"])
def test_groups_alone_do_not_make_a_call_ours(subscription: str, event_name: str) -> None:
    assert not compile_pattern(subscription).matches({"eventName": event_name} | SETS_GROUPS)


@pytest.mark.parametrize("name", [it for it in STORIES if story(it)["eventName"] in ATTACHING])
def test_stories_of_attaching_come_through(subscription: str, name: str) -> None:
    assert compile_pattern(subscription).matches(story(name))


def test_every_term_is_there_for_a_call_that_is_read(subscription: str) -> None:
    # The one with terms of its own stands in double parentheses.
    for term in re.findall(r"\(\(.*?\)\)\)|\([^()]*\)", subscription):
        assert names_that_match(f"{{{term}}}"), term
    [both] = re.findall(r"\(\(.*?\)\)\)", subscription)
    assert names_that_match(f"{{{both}}}") == {*ATTACHING}


def test_beside_what_is_read_little_comes_through_and_no_reading_call(subscription: str) -> None:
    matches = compile_pattern(subscription).matches
    calls = {
        (service, name)
        for service in SERVICES
        for name in create_loader().load_service_model(service, "service-2")["operations"]
        if matches({"eventName": name} | SETS_GROUPS)
    }

    ours = {(reader.service, name) for name, reader in READERS.items()}
    assert ours <= calls
    # The function drops them: a test of its own says so.
    assert calls - ours == NOT_READ
    assert not [name for _, name in calls if name.startswith(("Describe", "Get", "List"))]


@pytest.mark.parametrize(("service", "event_name"), sorted(NOT_READ))
def test_the_function_drops_what_it_does_not_read(service: str, event_name: str) -> None:
    assert findings_of({"eventName": event_name, "eventSource": f"{service}.amazonaws.com"}) == []


@pytest.mark.parametrize("event_name", [it for it, at in READERS.items() if at.service == "events"])
def test_the_function_drops_calls_on_other_rules(event_name: str) -> None:
    record = {
        "eventName": event_name,
        "eventSource": "events.amazonaws.com",
        "requestParameters": {"name": "nightly-backup", "rule": "nightly-backup"},
    }

    assert findings_of(record) == []


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
