"""The alerter's own health: what it remembers, what failed, whether the road is open."""

import json

import boto3
import pytest
from botocore.session import get_session
from botocore.validate import ParamValidator

from local.aws import SEEN_EVENTS_TABLE, emulated_aws
from security_group_alerter.changes import READERS
from security_group_alerter.pipeline import HEARTBEAT
from security_group_alerter.seen_events import SeenEvents
from tests.template.policies import allows
from tests.template.stack import ACCOUNT, Stack, deployed

CLOUDWATCH = "cloudwatch.amazonaws.com"
OUR_ALARM = f"arn:aws:cloudwatch:eu-central-1:{ACCOUNT}:alarm:alerter-FailureQueueAlarm"


def test_what_the_function_writes_fits_the_table_and_is_forgotten_again(stack: Stack) -> None:
    table = stack.properties("SeenEventsTable")
    [key] = table["KeySchema"]
    with emulated_aws():
        client = boto3.client("dynamodb")
        SeenEvents(
            client, table_name=SEEN_EVENTS_TABLE, clock=lambda: 0, sleep=lambda _: None
        ).mark(["event-1"])
        [item] = client.scan(TableName=SEEN_EVENTS_TABLE)["Items"]

    assert item.keys() == {key["AttributeName"], table["TimeToLiveSpecification"]["AttributeName"]}
    assert table["TimeToLiveSpecification"]["Enabled"] is True
    [forgotten] = item[table["TimeToLiveSpecification"]["AttributeName"]].values()
    # At least as long as anything can come again: the failure queue keeps it the longest.
    kept = stack.properties("FailureQueue")["MessageRetentionPeriod"]
    assert int(str(forgotten)) >= max(48 * 3600, kept)


def test_failure_queue_has_an_alarm_that_counts_what_somebody_is_looking_at(stack: Stack) -> None:
    alarm = stack.properties("FailureQueueAlarm")
    queue = stack.properties("SecurityGroupAlerterFunction")["EventInvokeConfig"]
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
        destination = queue["DestinationConfig"]["OnFailure"]["Destination"]
        assert destination.endswith(f":{dimension['Value']}")
    assert (alarm["ComparisonOperator"], alarm["Threshold"]) == ("GreaterThanOrEqualToThreshold", 1)
    assert alarm["AlarmActions"] == [stack.outputs["OperationsTopicArn"]["Value"]]


def test_alarms_may_tell_the_operations_topic_and_others_may_not(stack: Stack) -> None:
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
    assert not may("events.amazonaws.com", ACCOUNT)


@pytest.mark.parametrize(
    ("address", "endpoints"),
    [pytest.param("", [], id="nobody"), pytest.param("ops@example.com", ["ops@example.com"])],
)
def test_operations_mail_is_for_who_wants_it(address: str, endpoints: list[str]) -> None:
    stack = deployed(OperationsEmail=address)
    subscriptions = stack.of_type("AWS::SNS::Subscription").values()

    assert [subscription["Endpoint"] for subscription in subscriptions] == endpoints


def test_heartbeat_is_a_dry_run_of_a_call_that_the_function_gets(stack: Stack) -> None:
    target = stack.properties("Heartbeat")["Target"]
    request = json.loads(target["Input"])
    service, _, call = target["Arn"].rpartition(":")
    operation = get_session().get_service_model("ec2").operation_model(HEARTBEAT)

    assert service == "arn:aws:scheduler:::aws-sdk:ec2"
    assert call == HEARTBEAT[:1].lower() + HEARTBEAT[1:]
    assert HEARTBEAT in READERS
    assert request["DryRun"] is True
    assert operation.input_shape is not None
    assert not ParamValidator().validate(request, operation.input_shape).has_errors()
    assert target["RetryPolicy"]["MaximumRetryAttempts"] == 0


def test_heartbeat_is_known_by_a_role_that_only_the_scheduler_can_put_on(stack: Stack) -> None:
    role = stack.properties("HeartbeatRole")
    trust = role["AssumeRolePolicyDocument"]
    [policy] = role["Policies"]
    variables = stack.properties("SecurityGroupAlerterFunction")["Environment"]["Variables"]

    assert variables["HEARTBEAT_ROLE_ARN"] == stack.properties("Heartbeat")["Target"]["RoleArn"]
    [statement] = trust["Statement"]
    assert statement["Principal"] == {"Service": "scheduler.amazonaws.com"}
    assert statement["Condition"] == {"StringEquals": {"aws:SourceAccount": ACCOUNT}}
    assert allows(policy["PolicyDocument"], action=f"ec2:{HEARTBEAT}")
    assert not allows(policy["PolicyDocument"], action="ec2:ModifyManagedPrefixList")
