"""stacks/digest.yaml: what the digest is told, may do, and when it runs."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from local.lambda_context import lambda_context
from local.template import read_template
from security_group_alerter.aws.ledger_items import OPEN_INDEX
from security_group_alerter.aws.sns import RESERVED_SECONDS
from security_group_alerter.digesting import (
    KEPT_FOR_NAMES,
    KEPT_FOR_SENDING,
    Digester,
    DigestReport,
)
from security_group_alerter.handlers import digest as handler
from security_group_alerter.settings import DIGEST, digest_settings_in
from tests.template.policies import allows
from tests.template.stack import ACCOUNT, REGION, SLACK, STACK, Stack, deployed, is_accepted

ROLE_NAME = "look-role"


def variables_of(stack: Stack) -> dict[str, str]:
    variables: dict[str, str] = stack.properties("DigestFunction")["Environment"]["Variables"]
    return variables


def policy_of(stack: Stack) -> dict[str, Any]:
    [policy] = stack.properties("DigestRole")["Policies"]
    document: dict[str, Any] = policy["PolicyDocument"]
    return document


@pytest.mark.parametrize("parameters", [{}, SLACK, {"KmsKey": "none"}, {"LookRole": ROLE_NAME}])
def test_the_digest_is_told_what_the_alerter_is_told(parameters: dict[str, str]) -> None:
    stack = deployed(**parameters)
    ours = variables_of(stack)
    alerters = stack.properties("SecurityGroupAlerterFunction")["Environment"]["Variables"]

    assert digest_settings_in(ours).group_memory_table == alerters["GROUP_MEMORY_TABLE"]
    assert {name for name in ours if not name.startswith("POWERTOOLS_")} == set(DIGEST)
    assert ours == {name: alerters[name] for name in ours}


def test_it_may_do_what_it_does_and_no_more() -> None:
    stack = deployed(**SLACK, LookRole=ROLE_NAME)
    variables = variables_of(stack)
    alerts, chat = variables["ALERT_TOPIC_ARN"], variables["CHAT_TOPIC_ARN"]
    operations = stack.outputs["OperationsTopicArn"]["Value"]
    seen, memory = (
        f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{variables[name]}"
        for name in ("SEEN_EVENTS_TABLE", "GROUP_MEMORY_TABLE")
    )
    log = (
        f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/lambda/{STACK}-digest"
        ":log-stream:2026/11/20/[$LATEST]a"
    )
    group = "222233334444/eu-central-1/sg-1"
    does = {
        ("sns:Publish", alerts, ""),
        ("sns:Publish", chat, ""),
        ("organizations:DescribeAccount", "*", ""),
        ("dynamodb:Scan", seen, ""),
        ("dynamodb:BatchGetItem", seen, "digest:2026-11-24"),
        ("dynamodb:BatchWriteItem", seen, "digest:2026-11-24"),
        ("dynamodb:PutItem", seen, "#sending-slots"),
        ("dynamodb:BatchGetItem", memory, group),
        ("dynamodb:Query", f"{memory}/index/{OPEN_INDEX}", ""),
        ("logs:CreateLogStream", log, ""),
        ("logs:PutLogEvents", log, ""),
    }
    never = {
        ("sns:Publish", operations, ""),
        ("sns:Subscribe", alerts, ""),
        # An event that is put there would never be alerted on.
        ("dynamodb:BatchWriteItem", seen, "an-event"),
        ("dynamodb:PutItem", seen, "an-event"),
        ("dynamodb:DeleteItem", seen, "digest:2026-11-24"),
        ("dynamodb:UpdateItem", memory, group),
        ("dynamodb:PutItem", memory, group),
        ("dynamodb:Scan", memory, ""),
        ("sts:AssumeRole", f"arn:aws:iam::222233334444:role/{ROLE_NAME}", ""),
        ("logs:PutLogEvents", log.replace("-digest", ""), ""),
    }

    def may(action: str, resource: str, item: str) -> bool:
        given = {"dynamodb:LeadingKeys": item}
        return allows(policy_of(stack), action=action, resource=resource, given=given)

    assert {call for call in does if may(*call)} == does
    assert {call for call in never if may(*call)} == set()
    actions = [it["Action"] for it in policy_of(stack)["Statement"]]
    granted = {it for one in actions for it in ([one] if isinstance(one, str) else one)}
    assert granted - {"kms:GenerateDataKey*", "kms:Decrypt"} == {action for action, _, _ in does}


def test_only_lambda_takes_its_role_and_only_the_scheduler_runs_it(stack: Stack) -> None:
    function = stack.properties("DigestSchedule")["Target"]["Arn"]
    [trust] = stack.properties("DigestRole")["AssumeRolePolicyDocument"]["Statement"]
    role = stack.properties("DigestScheduleRole")
    [scheduler] = role["AssumeRolePolicyDocument"]["Statement"]
    [policy] = role["Policies"]

    assert trust["Principal"] == {"Service": "lambda.amazonaws.com"}
    assert scheduler["Principal"] == {"Service": "scheduler.amazonaws.com"}
    assert scheduler["Condition"] == {"StringEquals": {"aws:SourceAccount": ACCOUNT}}
    assert stack.outputs["DigestFunctionName"]["Value"] == function.rpartition(":")[2]
    assert allows(policy["PolicyDocument"], action="lambda:InvokeFunction", resource=function)
    assert not allows(
        policy["PolicyDocument"], action="lambda:InvokeFunction", resource=f"{function}-2"
    )


@pytest.mark.parametrize(
    ("parameters", "expression", "zone"),
    [
        ({}, "cron(0 7 * * ? *)", "UTC"),
        (
            {"DigestHour": "18", "TimeZone": "Europe/Zurich"},
            "cron(0 18 * * ? *)",
            "Europe/Zurich",
        ),
        ({"DigestHour": "0"}, "cron(0 0 * * ? *)", "UTC"),
    ],
)
def test_it_runs_at_its_hour_where_people_are(
    parameters: dict[str, str], expression: str, zone: str
) -> None:
    schedule = deployed(**parameters).properties("DigestSchedule")

    assert schedule["ScheduleExpression"] == expression
    assert schedule["ScheduleExpressionTimezone"] == zone
    assert schedule["FlexibleTimeWindow"] == {"Mode": "OFF"}


def test_hours_are_those_of_a_day_or_none() -> None:
    parameter = read_template()["Parameters"]["DigestHour"]

    assert is_accepted(parameter, "none")
    assert all(is_accepted(parameter, str(hour)) for hour in range(24))
    assert not is_accepted(parameter, "24")
    assert not is_accepted(parameter, "07")


def test_without_a_digest_there_is_nothing_of_it() -> None:
    stack = deployed(DigestHour="none")

    assert not [name for name in stack.resources if name.startswith("Digest")]
    assert "DigestFunctionName" not in stack.outputs


def test_the_function_is_told_the_time_for_which_it_was_scheduled(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    # https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html
    text = stack.properties("DigestSchedule")["Target"]["Input"]
    event = json.loads(text.replace("<aws.scheduler.scheduled-time>", "2026-11-24T06:00:00Z"))
    given: list[datetime] = []

    def send(_: Digester, *, until: datetime, time_left: object) -> DigestReport:
        assert time_left
        given.append(until)
        return DigestReport(is_sent=True)

    monkeypatch.setattr(Digester, "send", send)
    for name, value in variables_of(stack).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    handler.digester.cache_clear()
    handler.lambda_handler(event, lambda_context())
    handler.digester.cache_clear()

    assert given == [datetime(2026, 11, 24, 6, tzinfo=UTC)]


def test_two_missing_days_are_an_alarm(stack: Stack) -> None:
    alarm = stack.properties("DigestMissingAlarm")

    assert (alarm["Period"], alarm["EvaluationPeriods"]) == (24 * 3600, 2)
    assert (alarm["ComparisonOperator"], alarm["Threshold"]) == ("LessThanThreshold", 1)
    assert alarm["TreatMissingData"] == "breaching"
    assert alarm["OKActions"] == alarm["AlarmActions"]


def test_there_is_time_to_send_it(stack: Stack) -> None:
    timeout = stack.properties("DigestFunction")["Timeout"]

    assert RESERVED_SECONDS < KEPT_FOR_SENDING
    assert timeout > 2 * (KEPT_FOR_NAMES + KEPT_FOR_SENDING)


@pytest.mark.parametrize("key", ["create", "none"])
def test_its_log_is_kept_and_encrypted_like_the_alerters(key: str) -> None:
    stack = deployed(KmsKey=key, FunctionLogRetentionInDays="30")
    ours, alerters = (
        stack.properties(name) for name in ("DigestLogGroup", "SecurityGroupAlerterLogGroup")
    )

    assert ours.pop("LogGroupName") != alerters.pop("LogGroupName")
    assert ours == alerters
    logging = stack.properties("DigestFunction")["LoggingConfig"]
    assert logging["LogGroup"] == f"/aws/lambda/{STACK}-digest"
