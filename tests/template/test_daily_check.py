"""stacks/daily-check.yaml: what the check is told, may do, and when it runs."""

from typing import Any

import pytest

from security_group_alerter.aws.check_memory import KEPT_SECONDS, KEY
from security_group_alerter.aws.health import CLIENT_CONFIG
from security_group_alerter.aws.health import RESERVED_SECONDS as FOR_PAGES
from security_group_alerter.checking import REPEATED_AFTER
from security_group_alerter.checking import RESERVED_SECONDS as FOR_LOOKS
from security_group_alerter.settings import CHECK, check_settings_in
from tests.template.policies import allows
from tests.template.stack import ACCOUNT, REGION, SLACK, STACK, Stack, deployed

MANAGEMENT = "999999999999"
CONTROL_TOWER = "aws-controltower/CloudTrailLogs"


def variables_of(stack: Stack) -> dict[str, str]:
    variables: dict[str, str] = stack.properties("DailyCheckFunction")["Environment"]["Variables"]
    return variables


def policy_of(stack: Stack) -> dict[str, Any]:
    [policy] = stack.properties("DailyCheckRole")["Policies"]
    document: dict[str, Any] = policy["PolicyDocument"]
    return document


def test_the_check_gets_the_settings_that_it_reads(stack: Stack) -> None:
    ours = {name for name in variables_of(stack) if not name.startswith("POWERTOOLS_")}

    assert ours == set(CHECK)


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        SLACK,
        {"KmsKey": "none"},
        {"ExistingTrailLogGroupName": CONTROL_TOWER},
        {"ManagementAccountId": MANAGEMENT},
        {"RunbookUrl": "https://wiki.example.com/alerter"},
    ],
)
def test_the_check_is_told_what_there_is(parameters: dict[str, str]) -> None:
    stack = deployed(**parameters)
    settings = check_settings_in(variables_of(stack))
    alerter = stack.properties("SecurityGroupAlerterFunction")["Environment"]["Variables"]

    assert settings.stack_name == STACK == alerter["POWERTOOLS_SERVICE_NAME"]
    assert settings.trail_arn == stack.outputs["TrailArn"]["Value"]
    assert settings.trail_log_group == stack.outputs["TrailLogGroupName"]["Value"]
    assert settings.alert_topic_arn == stack.outputs["AlertTopicArn"]["Value"]
    assert settings.operations_topic_arn == stack.outputs["OperationsTopicArn"]["Value"]
    assert (settings.chat_topic_arn or "") == stack.outputs.get("ChatTopicArn", {"Value": ""})[
        "Value"
    ]
    assert settings.seen_events_table == alerter["SEEN_EVENTS_TABLE"]
    assert (settings.runbook_url or "") == alerter["RUNBOOK_URL"]


def test_it_may_do_what_it_does_and_no_more(chatty: Stack) -> None:
    variables = variables_of(chatty)
    trail, group = variables["TRAIL_ARN"], variables["TRAIL_LOG_GROUP"]
    topics = [variables[f"{it}_TOPIC_ARN"] for it in ("ALERT", "CHAT", "OPERATIONS")]
    alerts, _, operations = topics
    trail_group = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{group}:*"
    table = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{variables['SEEN_EVENTS_TABLE']}"
    log = (
        f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/lambda/{STACK}-daily-check"
        ":log-stream:2026/11/20/[$LATEST]a"
    )
    does = {
        ("organizations:ListAccounts", "*"),
        ("logs:DescribeLogStreams", trail_group),
        ("cloudtrail:GetTrailStatus", trail),
        *(("sns:ListSubscriptionsByTopic", topic) for topic in topics),
        ("cloudwatch:GetMetricStatistics", "*"),
        ("dynamodb:GetItem", table),
        ("dynamodb:PutItem", table),
        ("sns:Publish", operations),
        ("logs:CreateLogStream", log),
        ("logs:PutLogEvents", log),
    }
    never = {
        ("organizations:CloseAccount", "*"),
        ("logs:FilterLogEvents", trail_group),
        ("logs:DescribeLogStreams", trail_group.replace(group, f"{group}-2")),
        ("cloudtrail:GetTrailStatus", f"{trail}-2"),
        ("cloudtrail:StopLogging", trail),
        ("sns:Publish", alerts),
        ("sns:Subscribe", operations),
        ("cloudwatch:PutMetricData", "*"),
        ("dynamodb:GetItem", f"{table}-2"),
        ("dynamodb:DeleteItem", table),
        ("dynamodb:BatchWriteItem", table),
        ("logs:PutLogEvents", log.replace("-daily-check", "")),
    }

    def may(action: str, resource: str, item: str = KEY) -> bool:
        given = {"dynamodb:LeadingKeys": item}
        return allows(policy_of(chatty), action=action, resource=resource, given=given)

    assert {call for call in does if may(*call)} == does
    assert {call for call in never if may(*call)} == set()
    # An event that is put there would never be alerted on.
    assert not may("dynamodb:PutItem", table, "an-event")
    statements = policy_of(chatty)["Statement"]
    actions = [it["Action"] for it in statements]
    granted = {it for one in actions for it in ([one] if isinstance(one, str) else one)}
    assert granted == {action for action, _ in does}
    assert {it["Sid"] for it in statements if it["Resource"] == "*"} == {
        "ListTheAccounts",
        "SeeTheHeartbeat",
    }


def test_only_lambda_takes_its_role_and_only_the_scheduler_runs_it(stack: Stack) -> None:
    function = stack.properties("DailyCheckSchedule")["Target"]["Arn"]
    [trust] = stack.properties("DailyCheckRole")["AssumeRolePolicyDocument"]["Statement"]
    role = stack.properties("DailyCheckScheduleRole")
    [scheduler] = role["AssumeRolePolicyDocument"]["Statement"]
    [policy] = role["Policies"]

    assert trust["Principal"] == {"Service": "lambda.amazonaws.com"}
    assert scheduler["Principal"] == {"Service": "scheduler.amazonaws.com"}
    assert scheduler["Condition"] == {"StringEquals": {"aws:SourceAccount": ACCOUNT}}
    assert stack.outputs["DailyCheckFunctionName"]["Value"] == function.rpartition(":")[2]
    assert allows(policy["PolicyDocument"], action="lambda:InvokeFunction", resource=function)
    assert not allows(
        policy["PolicyDocument"], action="lambda:InvokeFunction", resource=f"{function}-2"
    )


def test_it_runs_once_a_day_and_two_missing_days_are_an_alarm(stack: Stack) -> None:
    alarm = stack.properties("DailyCheckMissingAlarm")

    assert stack.properties("DailyCheckSchedule")["ScheduleExpression"] == "rate(1 day)"
    assert (alarm["Period"], alarm["EvaluationPeriods"]) == (24 * 3600, 2)
    assert (alarm["ComparisonOperator"], alarm["Threshold"]) == ("LessThanThreshold", 1)
    assert alarm["TreatMissingData"] == "breaching"
    assert alarm["OKActions"] == alarm["AlarmActions"]
    # What it remembers outlives an outage of itself.
    assert REPEATED_AFTER.total_seconds() * 4 < KEPT_SECONDS


def test_a_check_ends_in_time_whatever_does_not_answer(stack: Stack) -> None:
    timeout = stack.properties("DailyCheckFunction")["Timeout"]
    config: Any = CLIENT_CONFIG
    attempts = config.retries["total_max_attempts"]
    a_call = attempts * (config.connect_timeout + config.read_timeout)

    # A look that begins at the last moment, then the message, then the memory.
    assert FOR_LOOKS == FOR_PAGES
    assert a_call * 3 <= FOR_LOOKS < timeout


@pytest.mark.parametrize("key", ["create", "none"])
def test_its_log_is_kept_and_encrypted_like_the_alerters(key: str) -> None:
    stack = deployed(KmsKey=key, FunctionLogRetentionInDays="30")
    ours, alerters = (
        stack.properties(name) for name in ("DailyCheckLogGroup", "SecurityGroupAlerterLogGroup")
    )

    assert ours.pop("LogGroupName") != alerters.pop("LogGroupName")
    assert ours == alerters
    logging = stack.properties("DailyCheckFunction")["LoggingConfig"]
    assert logging["LogGroup"] == f"/aws/lambda/{STACK}-daily-check"
