"""The alerter's health: what it remembers, what failed, and whether records still arrive."""

import json
import re
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.session import get_session
from botocore.validate import ParamValidator

from local.aws import GROUP_MEMORY_TABLE, SEEN_EVENTS_TABLE, emulated_aws
from local.filter_pattern import compile_pattern
from security_group_alerter.alerting import Report
from security_group_alerter.aws.group_items import KEPT
from security_group_alerter.aws.group_memory import GroupMemoryTable
from security_group_alerter.aws.seen_events import SeenEvents
from security_group_alerter.aws.sns import RESERVED_SECONDS
from security_group_alerter.cloudtrail.changes import READERS
from security_group_alerter.cloudtrail.heartbeat import HEARTBEAT_CALL
from security_group_alerter.handlers import delivery as handler
from security_group_alerter.handlers import watch
from security_group_alerter.model.seen import Mark
from security_group_alerter.model.severity import Severity
from security_group_alerter.settings import METRICS_NAMESPACE
from security_group_alerter.watching import WatchReport
from tests.security_group_alerter.aws.table_wire import NOW, closed
from tests.security_group_alerter.aws.table_wire import resource as group_of
from tests.template.policies import allows
from tests.template.stack import ACCOUNT, REGION, ROOT, SLACK, STACK, TEAMS, Stack, deployed

CLOUDWATCH = "cloudwatch.amazonaws.com"
OUR_ALARM = f"arn:aws:cloudwatch:eu-central-1:{ACCOUNT}:alarm:alerter-FailureQueueAlarm"


def test_what_the_function_writes_fits_the_table_and_is_forgotten_again(stack: Stack) -> None:
    table = stack.properties("SeenEventsTable")
    [key] = table["KeySchema"]
    with emulated_aws():
        client = boto3.client("dynamodb")
        SeenEvents(
            client, table_name=SEEN_EVENTS_TABLE, clock=lambda: 0, sleep=lambda _: None
        ).mark([Mark("event-1")])
        [item] = client.scan(TableName=SEEN_EVENTS_TABLE)["Items"]

    names = {key["AttributeName"], table["TimeToLiveSpecification"]["AttributeName"]}
    assert item.keys() == names | {"change"}
    assert table["TimeToLiveSpecification"]["Enabled"] is True
    [forgotten] = item[table["TimeToLiveSpecification"]["AttributeName"]].values()
    # At least as long as anything can come again: the failure queue keeps it the longest.
    kept = stack.properties("FailureQueue")["MessageRetentionPeriod"]
    assert int(str(forgotten)) >= max(48 * 3600, kept)


def test_what_is_remembered_fits_its_table(stack: Stack) -> None:
    table = stack.properties("GroupMemoryTable")
    [key] = table["KeySchema"]
    group = group_of(0)
    with emulated_aws():
        client = boto3.client("dynamodb")
        recollection = GroupMemoryTable(
            client, table_name=GROUP_MEMORY_TABLE, sleep=lambda _: None
        ).recall({group: [closed("closed")]}, at=(), now=NOW, seconds=60)
        [item] = client.scan(TableName=GROUP_MEMORY_TABLE)["Items"]

    assert not recollection.unwritten
    expires = table["TimeToLiveSpecification"]["AttributeName"]
    assert item.keys() == {key["AttributeName"], expires, "version", "memory", "told"} | {
        "open_severity",
        "looked_at",
    }
    assert table["TimeToLiveSpecification"]["Enabled"] is True
    [forgotten] = item[expires].values()
    assert int(str(forgotten)) == (NOW + KEPT).timestamp()


def test_failure_queue_has_an_alarm_that_counts_what_somebody_is_looking_at(stack: Stack) -> None:
    alarm = stack.properties("FailureQueueAlarm")
    failures = stack.properties("SecurityGroupAlerterFailures")
    metrics = {
        metric["MetricStat"]["Metric"]["MetricName"]: metric["MetricStat"]["Metric"]
        for metric in alarm["Metrics"]
        if "MetricStat" in metric
    }

    assert metrics.keys() == {
        "ApproximateNumberOfMessagesVisible",
        "ApproximateNumberOfMessagesNotVisible",
    }
    for metric in metrics.values():
        [dimension] = metric["Dimensions"]
        destination = failures["DestinationConfig"]["OnFailure"]["Destination"]
        assert destination.endswith(f":{dimension['Value']}")
    assert (alarm["ComparisonOperator"], alarm["Threshold"]) == ("GreaterThanOrEqualToThreshold", 1)
    assert alarm["AlarmActions"] == [stack.outputs["OperationsTopicArn"]["Value"]]


def test_alarms_may_publish_to_the_operations_topic_and_others_may_not(stack: Stack) -> None:
    topic = stack.outputs["OperationsTopicArn"]["Value"]
    policy = stack.properties("OperationsTopicPolicy")["PolicyDocument"]

    def may(principal: str, account: str, alarm: str = OUR_ALARM) -> bool:
        given = {"aws:SourceAccount": account, "aws:SourceArn": alarm}
        return allows(
            policy, principal=principal, action="sns:Publish", resource=topic, given=given
        )

    assert may(CLOUDWATCH, ACCOUNT)
    assert not may(CLOUDWATCH, "999999999999")
    assert not may(CLOUDWATCH, ACCOUNT, OUR_ALARM.replace(ACCOUNT, "999999999999"))
    assert not may("s3.amazonaws.com", ACCOUNT)


@pytest.mark.parametrize(
    ("address", "endpoints"),
    [pytest.param("", [], id="nobody"), pytest.param("ops@example.com", ["ops@example.com"])],
)
def test_operations_mail_goes_to_the_address_that_is_given(
    address: str, endpoints: list[str]
) -> None:
    stack = deployed(OperationsEmail=address)
    subscriptions = stack.of_type("AWS::SNS::Subscription").values()

    assert [subscription["Endpoint"] for subscription in subscriptions] == endpoints


def test_heartbeat_is_a_dry_run_of_a_call_that_the_function_gets(stack: Stack) -> None:
    target = stack.properties("Heartbeat")["Target"]
    request = json.loads(target["Input"])
    service, _, call = target["Arn"].rpartition(":")
    operation = get_session().get_service_model("ec2").operation_model(HEARTBEAT_CALL)

    assert service == "arn:aws:scheduler:::aws-sdk:ec2"
    assert call == HEARTBEAT_CALL[:1].lower() + HEARTBEAT_CALL[1:]
    assert HEARTBEAT_CALL in READERS
    assert request["DryRun"] is True
    assert operation.input_shape is not None
    assert not ParamValidator().validate(request, operation.input_shape).has_errors()
    assert target["RetryPolicy"]["MaximumRetryAttempts"] == 0


def test_heartbeat_is_known_by_a_role_that_only_the_scheduler_can_assume(stack: Stack) -> None:
    role = stack.properties("HeartbeatRole")
    trust = role["AssumeRolePolicyDocument"]
    [policy] = role["Policies"]
    variables = stack.properties("SecurityGroupAlerterFunction")["Environment"]["Variables"]

    assert variables["HEARTBEAT_ROLE_ARN"] == stack.properties("Heartbeat")["Target"]["RoleArn"]
    [statement] = trust["Statement"]
    assert statement["Principal"] == {"Service": "scheduler.amazonaws.com"}
    assert statement["Condition"] == {
        "StringEquals": {
            "aws:SourceAccount": ACCOUNT,
            "aws:SourceArn": f"arn:aws:scheduler:{REGION}:{ACCOUNT}:schedule-group/default",
        }
    }
    # The schedule is in that group.
    assert "GroupName" not in stack.properties("Heartbeat")
    ours = f"arn:aws:ec2:{REGION}:{ACCOUNT}:prefix-list/*"
    for action, resource, is_allowed in (
        (HEARTBEAT_CALL, ours, True),
        (HEARTBEAT_CALL, ours.replace(REGION, "us-east-1"), False),
        (HEARTBEAT_CALL, ours.replace(ACCOUNT, "222222222222"), False),
        ("ModifyManagedPrefixList", ours, False),
    ):
        document = policy["PolicyDocument"]
        assert allows(document, action=f"ec2:{action}", resource=resource) == is_allowed


# The alarms.

FUNCTION = {"FunctionName"}
METRICS = {
    "WatchFailedAlarm": ("AWS/Lambda", "Errors", FUNCTION),
    "WatchMissingAlarm": ("AWS/Lambda", "Invocations", FUNCTION),
    "FailureQueueAlarm": None,
    "FunctionErrorsAlarm": ("AWS/Lambda", "Errors", FUNCTION),
    "FunctionThrottlesAlarm": ("AWS/Lambda", "Throttles", FUNCTION),
    "FunctionDurationAlarm": ("AWS/Lambda", "Duration", FUNCTION),
    "DroppedDeliveriesAlarm": ("AWS/Lambda", "AsyncEventsDropped", FUNCTION),
    "FailureQueueUnreachableAlarm": ("AWS/Lambda", "DestinationDeliveryFailures", FUNCTION),
    "SubscriptionErrorsAlarm": (
        "AWS/Logs",
        "DeliveryErrors",
        {"LogGroupName", "DestinationType", "FilterName"},
    ),
    "SubscriptionThrottlesAlarm": (
        "AWS/Logs",
        "DeliveryThrottling",
        {"LogGroupName", "DestinationType", "FilterName"},
    ),
    "LogGroupErrorsAlarm": ("AWS/Logs", "DeliveryErrors", {"LogGroupName"}),
    "LogGroupThrottlesAlarm": ("AWS/Logs", "DeliveryThrottling", {"LogGroupName"}),
    **{
        f"{name}PathTamperingFailedAlarm": ("AWS/Events", "FailedInvocations", {"RuleName"})
        for name in ("Trail", "Log", "Function", "Alert")
    },
    "AlertsNotDeliveredAlarm": ("AWS/SNS", "NumberOfNotificationsFailed", {"TopicName"}),
    "ChatNotDeliveredAlarm": ("AWS/SNS", "NumberOfNotificationsFailed", {"TopicName"}),
    "TrailLogRoleChangesAlarm": (STACK, "TrailLogRoleChanges", set()),
    "UnreadableRecordsAlarm": ("SecurityGroupAlerter", "Unreadable", {"service"}),
    "HeartbeatAlarm": ("SecurityGroupAlerter", "Heartbeats", {"service"}),
    "DailyCheckFailedAlarm": ("AWS/Lambda", "Errors", FUNCTION),
    "DailyCheckMissingAlarm": ("AWS/Lambda", "Invocations", FUNCTION),
    "DigestFailedAlarm": ("AWS/Lambda", "Errors", FUNCTION),
    "DigestMissingAlarm": ("AWS/Lambda", "Invocations", FUNCTION),
}
# What they look for is silence.
GO_OFF_WITHOUT_DATA = {
    "HeartbeatAlarm",
    "DailyCheckMissingAlarm",
    "WatchMissingAlarm",
    "DigestMissingAlarm",
}
TRIPWIRES = {"SecurityGroupChangesAlarm", "SecurityGroupChangesCis5Alarm"}
# Made only with a chat channel.
ONLY_WITH_CHAT = {"ChatNotDeliveredAlarm"}
TOPICS_OF_ALERTS = ("AlertTopicArn", "ChatTopicArn")
ALL_CHANGES = "All changes, newest first"


def test_problems_go_to_the_operations_topic_and_changes_to_the_alert_topic(
    stack: Stack, chatty: Stack
) -> None:
    alarms = chatty.of_type("AWS::CloudWatch::Alarm")
    operations = chatty.outputs["OperationsTopicArn"]["Value"]
    alerts = chatty.outputs["AlertTopicArn"]["Value"]

    assert alarms.keys() == METRICS.keys() | TRIPWIRES
    assert stack.of_type("AWS::CloudWatch::Alarm").keys() == alarms.keys() - ONLY_WITH_CHAT
    assert {name: alarm["AlarmActions"] for name, alarm in alarms.items()} == {
        name: [alerts if name in TRIPWIRES else operations] for name in alarms
    }
    assert all(alarm["AlarmDescription"] for alarm in alarms.values())


@pytest.mark.parametrize("name", [name for name, metric in METRICS.items() if metric])
def test_an_alarm_watches_a_metric_that_exists(chatty: Stack, name: str) -> None:
    alarm = chatty.properties(name)
    metric = METRICS[name]
    topic = "ChatTopicArn" if name in ONLY_WITH_CHAT else "AlertTopicArn"
    functions = (it for it in ("DailyCheck", "Watch", "Digest") if name.startswith(it))
    function = f"{next(functions, '')}FunctionName"
    assert metric is not None
    named = {it["Name"]: it["Value"] for it in alarm.get("Dimensions", [])}
    things = {
        "FunctionName": chatty.outputs[function]["Value"],
        "TopicName": chatty.outputs[topic]["Value"].rpartition(":")[2],
        "LogGroupName": chatty.outputs["TrailLogGroupName"]["Value"],
        "FilterName": chatty.properties("SecurityGroupChangesSubscription")["FilterName"],
        "DestinationType": "Lambda",
        "RuleName": f"{STACK}-{name.removesuffix('FailedAlarm')}",
        "service": chatty.properties("SecurityGroupAlerterFunction")["Environment"]["Variables"][
            "POWERTOOLS_SERVICE_NAME"
        ],
    }

    assert (alarm["Namespace"], alarm["MetricName"], set(named)) == metric
    assert named == {name: things[name] for name in named}


def test_alarms_and_dashboard_name_metrics_that_the_function_writes(
    stack: Stack, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    variables = stack.properties("SecurityGroupAlerterFunction")["Environment"]["Variables"]
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", variables["POWERTOOLS_SERVICE_NAME"])
    now = datetime.now(UTC)
    handler._measure(Report(oldest=now, newest_heartbeat=now, hours_to_close=(1.0,)), now)
    followed = WatchReport(oldest=now, open_by_severity=dict.fromkeys(Severity, 1))
    watch._measure(followed, now)
    written = [
        line for line in map(json.loads, capsys.readouterr().out.splitlines()) if "_aws" in line
    ]
    blobs = [metrics for line in written for metrics in line["_aws"]["CloudWatchMetrics"]]
    names = {metric["Name"] for blob in blobs for metric in blob["Metrics"]}

    assert {blob["Namespace"] for blob in blobs} == {METRICS_NAMESPACE}
    assert all(blob["Dimensions"] == [["service"]] for blob in blobs)
    assert {line["service"] for line in written} == {STACK}
    assert {
        name for it in METRICS.values() if it and it[0] == METRICS_NAMESPACE for name in it[1:2]
    } <= names
    assert {
        name for namespace, name in metrics_on(stack) if namespace == METRICS_NAMESPACE
    } <= names


def test_an_alarm_names_commands_and_queries_that_exist(chatty: Stack) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = {f"make {name}" for name in re.findall(r"(?m)^([a-z0-9-]+):.*## ", makefile)}
    queries = {
        query["Name"].removeprefix(f"{STACK}/")
        for query in chatty.of_type("AWS::Logs::QueryDefinition").values()
    }
    texts = [it["AlarmDescription"] for it in chatty.of_type("AWS::CloudWatch::Alarm").values()]
    named = {name for text in texts for name in re.findall(r'"([^"]+)"', text)}

    assert named == {"make verify", "make redrive", "make exposures", ALL_CHANGES}
    assert named <= targets | queries
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
    assert max(map(len, texts)) <= 1024


def test_silence_is_an_alarm_and_its_end_is_reported(stack: Stack) -> None:
    alarm = stack.properties("HeartbeatAlarm")
    minutes = int(re.findall(r"\d+", stack.properties("Heartbeat")["ScheduleExpression"])[0])

    assert (alarm["ComparisonOperator"], alarm["Threshold"]) == ("LessThanThreshold", 1)
    assert alarm["TreatMissingData"] == "breaching"
    assert alarm["OKActions"] == alarm["AlarmActions"]
    # CloudTrail may be late: a few beats must be missed.
    assert alarm["Period"] * alarm["EvaluationPeriods"] >= 5 * minutes * 60


def test_each_tampering_rule_has_an_alarm_for_what_it_cannot_report(chatty: Stack) -> None:
    rules = {rule["Name"] for rule in chatty.of_type("AWS::Events::Rule").values()}
    watched = {
        dimension["Value"]
        for alarm in chatty.of_type("AWS::CloudWatch::Alarm").values()
        for dimension in alarm.get("Dimensions", [])
        if alarm.get("MetricName") == "FailedInvocations"
    }

    assert watched == rules


def test_no_other_alarm_goes_off_without_data(chatty: Stack) -> None:
    for name, alarm in chatty.of_type("AWS::CloudWatch::Alarm").items():
        if name not in GO_OFF_WITHOUT_DATA:
            assert alarm["TreatMissingData"] == "notBreaching", name
            assert alarm["ComparisonOperator"] == "GreaterThanOrEqualToThreshold", name


def test_the_alarm_on_duration_goes_off_before_the_function_stops_itself(stack: Stack) -> None:
    seconds = stack.properties("SecurityGroupAlerterFunction")["Timeout"]
    alarm = stack.properties("FunctionDurationAlarm")

    assert alarm["Statistic"] == "Maximum"
    assert alarm["Threshold"] / 1000 < seconds - RESERVED_SECONDS


PUT, ROLE = "PutRolePolicy", f"{STACK}-TrailLogRole-1A2B3C4D"


@pytest.mark.parametrize(
    ("call", "role", "service", "is_counted"),
    [
        *((call, ROLE, "iam", True) for call in (PUT, "DeleteRolePolicy", "DeleteRole")),
        *((call, ROLE, "iam", True) for call in ("AttachRolePolicy", "DetachRolePolicy")),
        ("PutRolePermissionsBoundary", ROLE, "iam", True),
        ("UpdateAssumeRolePolicy", ROLE, "iam", True),
        (PUT, f"{ROLE}-2", "iam", False),
        (PUT, ROLE, "ec2", False),
        ("GetRolePolicy", ROLE, "iam", False),
        ("ListRolePolicies", ROLE, "iam", False),
    ],
)
def test_changes_to_the_role_that_cloudtrail_writes_with_are_counted(
    stack: Stack, call: str, role: str, service: str, is_counted: bool
) -> None:
    properties = stack.properties("TrailLogRoleChangesMetricFilter")
    [metric] = properties["MetricTransformations"]
    record = {
        "eventSource": f"{service}.amazonaws.com",
        "eventName": call,
        "requestParameters": {"roleName": role},
    }

    assert compile_pattern(properties["FilterPattern"]).matches(record) == is_counted
    alarm = stack.properties("TrailLogRoleChangesAlarm")
    assert (metric["MetricNamespace"], metric["MetricName"]) == (
        alarm["Namespace"],
        alarm["MetricName"],
    )
    # What the trail is made with.
    assert stack.properties("Trail")["CloudWatchLogsRoleArn"].endswith(f"/{ROLE}")


# The dashboard and the queries.


def widgets_of(stack: Stack) -> list[dict[str, Any]]:
    widgets: list[dict[str, Any]] = json.loads(stack.properties("Dashboard")["DashboardBody"])[
        "widgets"
    ]
    return widgets


def metrics_on(stack: Stack) -> set[tuple[str, str]]:
    """Namespace and name of each metric on the dashboard; "." repeats what stands above it."""
    found = set()
    for widget in widgets_of(stack):
        namespace = name = ""
        for metric in widget["properties"].get("metrics", []):
            namespace = namespace if metric[0] == "." else metric[0]
            name = metric[1]
            found.add((namespace, name))
    return found


def test_the_dashboard_shows_what_one_asks_first(stack: Stack) -> None:
    shown = {name for _, name in metrics_on(stack)}

    assert {"Matched", "WorldOpen", "Lag", "HeartbeatLag", "Heartbeats", "Errors"} <= shown
    assert {widget["properties"]["region"] for widget in widgets_of(stack)} == {REGION}
    assert {widget["type"] for widget in widgets_of(stack)} == {"metric", "log"}


@pytest.mark.parametrize("channels", [{}, SLACK, SLACK | TEAMS])
def test_the_dashboard_shows_undelivered_alerts_of_each_topic(channels: dict[str, str]) -> None:
    stack = deployed(**channels)
    topics = [it["Value"] for name, it in stack.outputs.items() if name in TOPICS_OF_ALERTS]
    [failures] = [it for it in widgets_of(stack) if it["properties"]["title"] == "Failures"]
    shown = [metric for metric in whole_metrics_in(failures) if metric[0] == "AWS/SNS"]

    assert shown == [
        ["AWS/SNS", "NumberOfNotificationsFailed", "TopicName", arn.rpartition(":")[2]]
        for arn in topics
    ]
    assert len(topics) == (2 if channels else 1)


def whole_metrics_in(widget: dict[str, Any]) -> list[list[str]]:
    """Namespace, name and dimensions of each metric; "." repeats what stands above it."""
    found: list[list[str]] = [[]]
    for metric in widget["properties"]["metrics"]:
        texts = [it for it in metric if isinstance(it, str)]
        found.append([found[-1][i] if it == "." else it for i, it in enumerate(texts)])
    return found[1:]


def test_the_dashboard_has_no_holes_and_nothing_on_top_of_each_other(stack: Stack) -> None:
    cells = [
        (x, y)
        for widget in widgets_of(stack)
        for x in range(widget["x"], widget["x"] + widget["width"])
        for y in range(widget["y"], widget["y"] + widget["height"])
    ]

    assert len(cells) == len(set(cells)) == 24 * (1 + max(y for _, y in cells))


def queries_of(stack: Stack) -> dict[str, str]:
    """Name -> text of the saved queries, and of the dashboard's."""
    saved = stack.of_type("AWS::Logs::QueryDefinition").values()
    shown = (widget["properties"] for widget in widgets_of(stack) if widget["type"] == "log")
    return {query["Name"]: query["QueryString"] for query in saved} | {
        properties["title"]: properties["query"] for properties in shown
    }


def test_three_queries_are_saved(stack: Stack) -> None:
    assert {query["Name"] for query in stack.of_type("AWS::Logs::QueryDefinition").values()} == {
        f"{STACK}/{ALL_CHANGES}",
        f"{STACK}/History of a security group",
        f"{STACK}/Who opened security groups to the world",
    }


def test_all_changes_names_every_call_that_is_read(stack: Stack) -> None:
    query = queries_of(stack)[f"{STACK}/{ALL_CHANGES}"]
    [names] = re.findall(r"filter eventName in \[(.*?)\]", query, re.DOTALL)

    assert sorted(re.findall(r'"(\w+)"', names)) == sorted(READERS)


def test_all_changes_leaves_out_the_heartbeats(stack: Stack) -> None:
    query = queries_of(stack)[f"{STACK}/{ALL_CHANGES}"]

    assert f'eventName != "{HEARTBEAT_CALL}"' in query
    assert 'errorCode != "Client.DryRunOperation"' in query
    # A call without an error has no code to compare.
    assert "isempty(errorCode)" in query


@pytest.mark.parametrize(
    ("text", "is_found"),
    [
        ('{"cidrIp":"0.0.0.0/0"}', True),
        ('{"cidrIpv6":"::/0"}', True),
        ('{"cidrIp":"1.2.3.4/0"}', True),
        ('{"cidrIp":"128.0.0.0/1"}', True),
        ('{"cidrIpv6":"2000::/3"}', True),
        ('{"cidrIp":"10.0.0.0/8"}', False),
        ('{"cidrIp":"203.0.113.7/32"}', False),
        ('{"cidrIp":"192.0.2.0/30"}', False),
    ],
)
def test_searches_for_openings_find_the_world_in_a_record(
    stack: Stack, text: str, is_found: bool
) -> None:
    patterns = {
        pattern
        for query in queries_of(stack).values()
        for pattern in re.findall(r'@message like /(".*")/', query)
    }

    assert len(patterns) == 1  # the dashboard's and the saved one
    assert bool(re.search(patterns.pop().replace("\\/", "/"), text)) == is_found


def test_searches_for_openings_name_calls_that_are_read(stack: Stack) -> None:
    for name, query in queries_of(stack).items():
        for call in re.findall(r"['\"]([A-Z]\w+(?:Group|Prefix)\w+)['\"]", query):
            assert call in READERS, name
