"""stacks/sweep.yaml: what both functions are told, may do, and when they run."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo, available_timezones

import pytest

from security_group_alerter.aws.ledger_items import OPEN_INDEX
from security_group_alerter.aws.sweep_items import key_of
from security_group_alerter.model.sweep import Place
from security_group_alerter.planning import KEPT_FOR_SENDING
from security_group_alerter.settings import PLAN, SWEEP, plan_settings_in, sweep_settings_in
from security_group_alerter.sweeping import KEPT_FOR_MEMORY, KEPT_FOR_NOTES
from tests.template.policies import allows
from tests.template.stack import ACCOUNT, ORGANIZATION, REGION, STACK, Stack, deployed

LOOK: Final = {"LookRole": "look/it"}
CREATE: Final = {"LookRole": "create", "OrganizationalUnitIds": "r-ab12"}
FUNCTIONS: Final = ("SweepPlan", "Sweep")
HOUR: Final = 4


@pytest.fixture(scope="module")
def sweeping() -> Stack:
    """A stack that looks."""
    return deployed(**LOOK)


def variables_of(stack: Stack, function: str) -> dict[str, str]:
    found: dict[str, str] = stack.properties(f"{function}Function")["Environment"]["Variables"]
    return found


def policy_of(stack: Stack, function: str) -> dict[str, Any]:
    [policy] = stack.properties(f"{function}Role")["Policies"]
    document: dict[str, Any] = policy["PolicyDocument"]
    return document


def test_there_is_no_sweep_where_nobody_may_look() -> None:
    stack = deployed(LookRole="none")

    assert not [it for it in stack.resources if it.startswith("Sweep")]
    assert "SweepPlanFunctionName" not in stack.outputs


@pytest.mark.parametrize("parameters", [LOOK, CREATE, LOOK | {"KmsKey": "none"}])
def test_both_get_the_settings_that_they_read(parameters: dict[str, str]) -> None:
    stack = deployed(**parameters)
    alerter = stack.properties("SecurityGroupAlerterFunction")["Environment"]["Variables"]

    for function, table in (("SweepPlan", PLAN), ("Sweep", SWEEP)):
        ours = variables_of(stack, function)
        assert {it for it in ours if not it.startswith("POWERTOOLS_")} == set(table)
        assert all(ours[it] == alerter[it] for it in ours if it != "SWEEP_QUEUE_URL")
    settings = plan_settings_in(variables_of(stack, "SweepPlan"))
    assert sweep_settings_in(variables_of(stack, "Sweep")).look_role_name == settings.look_role_name
    assert "-SweepQueue-" in settings.sweep_queue_url


def arns_of(stack: Stack) -> dict[str, str]:
    names = variables_of(stack, "SweepPlan")
    return {
        "table": f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{names['GROUP_MEMORY_TABLE']}",
        "queue": stack.properties("SweepMessages")["EventSourceArn"],
        "role": f"arn:aws:iam::222233334444:role/{names['LOOK_ROLE_NAME']}",
    }


def log_of(name: str) -> str:
    group = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/lambda/{STACK}-{name}"
    return f"{group}:log-stream:2026/11/20/[$LATEST]a"


def granted_in(policy: dict[str, Any]) -> set[str]:
    actions = [it["Action"] for it in policy["Statement"]]
    return {it for one in actions for it in ([one] if isinstance(one, str) else one)}


def test_plan_may_do_what_it_does_and_no_more(sweeping: Stack) -> None:
    arns = arns_of(sweeping)
    policy = policy_of(sweeping, "SweepPlan")
    table, log = arns["table"], log_of("sweep-plan")
    does = {
        ("organizations:ListAccounts", "*"),
        ("sts:AssumeRole", arns["role"]),
        ("dynamodb:Query", f"{table}/index/{OPEN_INDEX}"),
        ("dynamodb:BatchGetItem", table),
        ("dynamodb:UpdateItem", table),
        ("dynamodb:DeleteItem", table),
        ("sqs:SendMessage", arns["queue"]),
        ("logs:CreateLogStream", log),
        ("logs:PutLogEvents", log),
    }
    never = {
        ("organizations:CloseAccount", "*"),
        ("sts:AssumeRole", f"{arns['role']}-2"),
        ("dynamodb:Query", table),
        ("dynamodb:Scan", table),
        ("dynamodb:UpdateItem", f"{table}-2"),
        ("sqs:ReceiveMessage", arns["queue"]),
        ("sqs:SendMessage", f"{arns['queue']}-2"),
        ("logs:PutLogEvents", log_of("sweep")),
    }
    place = key_of(Place(account_id=ACCOUNT, region=REGION))

    def may(
        action: str, resource: str, item: str = place, organization: str = ORGANIZATION
    ) -> bool:
        given = {"dynamodb:LeadingKeys": item, "aws:ResourceOrgID": organization}
        return allows(policy, action=action, resource=resource, given=given)

    assert {call for call in does if may(*call)} == does
    assert {call for call in never if may(*call)} == set()
    # No group is forgotten, and no other organization is looked into.
    assert not may("dynamodb:DeleteItem", table, f"{ACCOUNT}/{REGION}/sg-0123456789abcdef0")
    assert not may("sts:AssumeRole", arns["role"], organization="o-anotherorgid")
    assert granted_in(policy) == {action for action, _ in does}


def test_sweep_may_do_what_it_does_and_no_more(sweeping: Stack) -> None:
    arns = arns_of(sweeping)
    policy = policy_of(sweeping, "Sweep")
    log = log_of("sweep")
    does = {
        ("sts:AssumeRole", arns["role"]),
        *((f"dynamodb:{it}", arns["table"]) for it in ("BatchGetItem", "GetItem", "UpdateItem")),
        *(
            (f"sqs:{it}", arns["queue"])
            for it in ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes")
        ),
        ("logs:CreateLogStream", log),
        ("logs:PutLogEvents", log),
    }
    never = {
        ("sts:AssumeRole", f"{arns['role']}-2"),
        ("dynamodb:DeleteItem", arns["table"]),
        ("dynamodb:GetItem", f"{arns['table']}-2"),
        ("sqs:SendMessage", arns["queue"]),
        ("sqs:ReceiveMessage", f"{arns['queue']}-2"),
        ("logs:PutLogEvents", log_of("sweep-plan")),
    }

    def may(action: str, resource: str, organization: str = ORGANIZATION) -> bool:
        given = {"aws:ResourceOrgID": organization}
        return allows(policy, action=action, resource=resource, given=given)

    assert {call for call in does if may(*call)} == does
    assert {call for call in never if may(*call)} == set()
    assert not may("sts:AssumeRole", arns["role"], "o-anotherorgid")
    assert granted_in(policy) == {action for action, _ in does}


def test_only_lambda_takes_their_roles_and_only_the_scheduler_runs_the_plan(
    sweeping: Stack,
) -> None:
    for function in FUNCTIONS:
        role = sweeping.properties(f"{function}Role")
        [trust] = role["AssumeRolePolicyDocument"]["Statement"]
        assert trust["Principal"] == {"Service": "lambda.amazonaws.com"}
    planned = sweeping.properties("SweepSchedule")["Target"]["Arn"]
    role = sweeping.properties("SweepScheduleRole")
    [scheduler] = role["AssumeRolePolicyDocument"]["Statement"]
    [policy] = role["Policies"]
    assert scheduler["Principal"] == {"Service": "scheduler.amazonaws.com"}
    assert scheduler["Condition"] == {"StringEquals": {"aws:SourceAccount": ACCOUNT}}
    assert sweeping.outputs["SweepPlanFunctionName"]["Value"] == planned.rpartition(":")[2]
    assert allows(policy["PolicyDocument"], action="lambda:InvokeFunction", resource=planned)
    assert not allows(
        policy["PolicyDocument"], action="lambda:InvokeFunction", resource=f"{planned}-2"
    )


def test_message_that_fails_three_times_waits_where_an_alarm_sees_it(sweeping: Stack) -> None:
    queue = sweeping.properties("SweepQueue")
    redrive = queue["RedrivePolicy"]
    alarm = sweeping.properties("SweepItemsFailedAlarm")

    assert redrive["maxReceiveCount"] == 3
    assert "-SweepFailureQueue-" in redrive["deadLetterTargetArn"]
    [dimension] = alarm["Dimensions"]
    assert redrive["deadLetterTargetArn"].endswith(f":{dimension['Value']}")
    assert (alarm["MetricName"], alarm["Threshold"]) == ("ApproximateNumberOfMessagesVisible", 1)
    for name in ("SweepQueue", "SweepFailureQueue"):
        [statement] = sweeping.properties(f"{name}Policy")["PolicyDocument"]["Statement"]
        assert statement["Effect"] == "Deny"
        assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_messages_come_one_at_a_time_and_those_that_failed_alone_come_again(
    sweeping: Stack,
) -> None:
    mapping = sweeping.properties("SweepMessages")
    timeout = sweeping.properties("SweepFunction")["Timeout"]

    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    # A place that is throttled, or that the function dies of, takes no other place's try with it.
    assert mapping["BatchSize"] == 1
    assert mapping["ScalingConfig"] == {"MaximumConcurrency": 10}
    # https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
    assert sweeping.properties("SweepQueue")["VisibilityTimeout"] >= 6 * timeout
    assert KEPT_FOR_NOTES < KEPT_FOR_MEMORY < timeout / 2
    assert sweeping.properties("SweepPlanFunction")["Timeout"] > 2 * KEPT_FOR_SENDING


def test_it_runs_once_a_night_and_a_day_without_it_is_an_alarm(sweeping: Stack) -> None:
    schedule = sweeping.properties("SweepSchedule")
    alarm = sweeping.properties("SweepMissingAlarm")

    assert schedule["ScheduleExpression"] == f"cron(0 {HOUR} * * ? *)"
    assert schedule["ScheduleExpressionTimezone"] == "UTC"
    # The day on which clocks go back has 25 hours.
    assert alarm["Period"] * alarm["EvaluationPeriods"] == 26 * 3600
    assert (alarm["ComparisonOperator"], alarm["Threshold"]) == ("LessThanThreshold", 1)
    assert alarm["TreatMissingData"] == "breaching"
    [dimension] = alarm["Dimensions"]
    assert schedule["Target"]["Arn"].endswith(f":{dimension['Value']}")


def test_no_time_zone_leaves_out_a_night() -> None:
    """EventBridge Scheduler skips an hour that does not exist where clocks go forward."""
    nights = [datetime(2027, 1, 1, HOUR, tzinfo=UTC) + timedelta(days=day) for day in range(366)]
    for name in available_timezones():
        zone = ZoneInfo(name)
        for night in nights:
            there = night.replace(tzinfo=zone)
            assert there.astimezone(UTC).astimezone(zone) == there, (name, night)


@pytest.mark.parametrize("key", ["create", "none"])
def test_their_logs_are_kept_and_encrypted_like_the_alerters(key: str) -> None:
    stack = deployed(**LOOK, KmsKey=key, FunctionLogRetentionInDays="30")
    alerters = stack.properties("SecurityGroupAlerterLogGroup")

    for function, name in zip(FUNCTIONS, ("sweep-plan", "sweep"), strict=True):
        ours = stack.properties(f"{function}LogGroup")
        assert ours == alerters | {"LogGroupName": f"/aws/lambda/{STACK}-{name}"}
        logging = stack.properties(f"{function}Function")["LoggingConfig"]
        assert logging["LogGroup"] == f"/aws/lambda/{STACK}-{name}"
