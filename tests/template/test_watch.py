"""stacks/watch.yaml: what the watch is told, may do, and when it runs."""

from typing import Any

import pytest

from security_group_alerter.aws.ledger_items import OPEN_INDEX
from security_group_alerter.aws.older_items import PROGRESS
from security_group_alerter.settings import WATCH, watch_settings_in
from security_group_alerter.watching import KEPT_FOR_ALERTS
from security_group_alerter.wiring.watch import LEASE_SECONDS, LONGEST_SECONDS
from tests.template.policies import allows
from tests.template.stack import ACCOUNT, REGION, SLACK, STACK, Stack, deployed

ROLE_NAME = "look-role"


def variables_of(stack: Stack) -> dict[str, str]:
    variables: dict[str, str] = stack.properties("WatchFunction")["Environment"]["Variables"]
    return variables


def policy_of(stack: Stack) -> dict[str, Any]:
    [policy] = stack.properties("WatchRole")["Policies"]
    document: dict[str, Any] = policy["PolicyDocument"]
    return document


@pytest.mark.parametrize("parameters", [{}, SLACK, {"KmsKey": "none"}, {"LookRole": ROLE_NAME}])
def test_the_watch_is_told_what_the_alerter_is_told(parameters: dict[str, str]) -> None:
    stack = deployed(**parameters)
    ours = variables_of(stack)
    alerters = stack.properties("SecurityGroupAlerterFunction")["Environment"]["Variables"]

    assert watch_settings_in(ours).group_memory_table == alerters["GROUP_MEMORY_TABLE"]
    assert {name for name in ours if name in WATCH} == {name for name in alerters if name in WATCH}
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
        f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/lambda/{STACK}-watch"
        ":log-stream:2026/11/20/[$LATEST]a"
    )
    role = f"arn:aws:iam::222233334444:role/{ROLE_NAME}"
    slots, lease, group = "#sending-slots", "#lease/watch", "222233334444/eu-central-1/sg-1"
    does = {
        ("sns:Publish", alerts, ""),
        ("sns:Publish", chat, ""),
        ("organizations:DescribeAccount", "*", ""),
        ("organizations:DescribeOrganizationalUnit", "*", ""),
        ("organizations:ListParents", "*", ""),
        ("organizations:ListTagsForResource", "*", ""),
        ("dynamodb:PutItem", seen, slots),
        ("dynamodb:BatchGetItem", memory, group),
        ("dynamodb:UpdateItem", memory, group),
        ("dynamodb:Query", f"{memory}/index/{OPEN_INDEX}", ""),
        ("dynamodb:PutItem", memory, lease),
        ("dynamodb:Scan", memory, ""),
        ("dynamodb:GetItem", memory, PROGRESS),
        ("dynamodb:PutItem", memory, PROGRESS),
        ("dynamodb:DeleteItem", memory, lease),
        ("sts:AssumeRole", role, ""),
        ("logs:CreateLogStream", log, ""),
        ("logs:PutLogEvents", log, ""),
    }
    never = {
        ("sns:Publish", operations, ""),
        ("sns:Subscribe", alerts, ""),
        ("dynamodb:PutItem", seen, "an-event"),
        ("dynamodb:BatchWriteItem", seen, "an-event"),
        ("dynamodb:PutItem", memory, group),
        ("dynamodb:DeleteItem", memory, group),
        ("dynamodb:Scan", seen, ""),
        ("sts:AssumeRole", f"{role}-2", ""),
        ("ec2:RevokeSecurityGroupIngress", "*", ""),
        ("logs:PutLogEvents", log.replace("-watch", ""), ""),
    }

    def may(action: str, resource: str, item: str) -> bool:
        given = {"dynamodb:LeadingKeys": item, "aws:ResourceOrgID": variables["ORGANIZATION_ID"]}
        return allows(
            policy_of(stack),
            action=action,
            resource=resource,
            given=given | {"kms:ViaService": f"sns.{REGION}.amazonaws.com"},
        )

    assert {call for call in does if may(*call)} == does
    assert {call for call in never if may(*call)} == set()
    actions = [it["Action"] for it in policy_of(stack)["Statement"]]
    granted = {it for one in actions for it in ([one] if isinstance(one, str) else one)}
    assert granted - {"kms:GenerateDataKey*", "kms:Decrypt"} == {action for action, _, _ in does}


def test_where_nobody_looks_it_may_assume_no_role(stack: Stack) -> None:
    assert "sts:AssumeRole" not in str(policy_of(stack))


def test_only_lambda_takes_its_role_and_only_the_scheduler_runs_it(stack: Stack) -> None:
    function = stack.properties("WatchSchedule")["Target"]["Arn"]
    [trust] = stack.properties("WatchRole")["AssumeRolePolicyDocument"]["Statement"]
    role = stack.properties("WatchScheduleRole")
    [scheduler] = role["AssumeRolePolicyDocument"]["Statement"]
    [policy] = role["Policies"]

    assert trust["Principal"] == {"Service": "lambda.amazonaws.com"}
    assert scheduler["Principal"] == {"Service": "scheduler.amazonaws.com"}
    assert scheduler["Condition"] == {"StringEquals": {"aws:SourceAccount": ACCOUNT}}
    assert stack.outputs["WatchFunctionName"]["Value"] == function.rpartition(":")[2]
    assert allows(policy["PolicyDocument"], action="lambda:InvokeFunction", resource=function)
    assert not allows(
        policy["PolicyDocument"], action="lambda:InvokeFunction", resource=f"{function}-2"
    )


def test_it_runs_every_quarter_of_an_hour_and_an_hour_without_it_is_an_alarm(
    stack: Stack,
) -> None:
    alarm = stack.properties("WatchMissingAlarm")

    assert stack.properties("WatchSchedule")["ScheduleExpression"] == "rate(15 minutes)"
    assert (alarm["Period"], alarm["EvaluationPeriods"]) == (3600, 1)
    assert (alarm["ComparisonOperator"], alarm["Threshold"]) == ("LessThanThreshold", 1)
    assert alarm["TreatMissingData"] == "breaching"
    assert alarm["OKActions"] == alarm["AlarmActions"]


def test_the_next_watch_is_the_retry(stack: Stack) -> None:
    retries = stack.properties("WatchRetries")

    assert (retries["Qualifier"], retries["MaximumRetryAttempts"]) == ("$LATEST", 0)


def test_a_watch_that_is_killed_holds_no_later_one_up(stack: Stack) -> None:
    timeout = stack.properties("WatchFunction")["Timeout"]

    assert timeout <= LEASE_SECONDS < 15 * 60
    assert timeout >= LONGEST_SECONDS + KEPT_FOR_ALERTS


@pytest.mark.parametrize("key", ["create", "none"])
def test_its_log_is_kept_and_encrypted_like_the_alerters(key: str) -> None:
    stack = deployed(KmsKey=key, FunctionLogRetentionInDays="30")
    ours, alerters = (
        stack.properties(name) for name in ("WatchLogGroup", "SecurityGroupAlerterLogGroup")
    )

    assert ours.pop("LogGroupName") != alerters.pop("LogGroupName")
    assert ours == alerters
    logging = stack.properties("WatchFunction")["LoggingConfig"]
    assert logging["LogGroup"] == f"/aws/lambda/{STACK}-watch"
