"""`make preflight` and `make verify` on the deployed stack; the fixes that verify prints work.

Not shown here, because the emulator does not have it: trusted access of CloudTrail, the time of the
trail's last delivery, and the heartbeat, because nothing is recorded. Verify waits for that of a
new stack, until a test counts one.
"""

from collections.abc import Callable
from typing import Final

import pytest

from security_group_alerter.settings import METRICS_NAMESPACE
from tests.e2e.commands import make_call, run_on
from tests.e2e.emulator import Emulator
from tests.e2e.organization import OPENING, Organization
from tests.e2e.stacks import Stack
from tests.local.cloud import Run

pytestmark = pytest.mark.no_cover

WELL: Final = {
    *("account", "stack", "trail", "accounts", "six-name pattern", "subscription", "permission"),
    *("topic", "heartbeat", "failure queue"),
}
# "accounts": the management account has made no call. "topic": nothing subscribes for chat.
NOT_SEEN: Final = {"to S3", "to CloudWatch Logs", "accounts", "topic"}


def test_preflight_says_that_it_would_be_updated(stack: Stack) -> None:
    run = run_on(stack, "local.preflight", "--parameter", "OperationsEmail=new@example.com")

    assert run.status == 0
    assert run.lines("stop") == []
    assert subjects_of(run, "warning") == {"trusted access"}
    assert f"stack {stack.name} is CREATE_COMPLETE: it would be updated" in run.lines("ok")
    assert "trails no other organization trail, so this one is the first copy: free" in run.lines(
        "ok"
    )
    assert "e-mail security@example.com: as before" in run.lines("ok")
    assert f"OrganizationId={stack.organization_id}" in run.out.splitlines()[-1]


def test_verify_of_a_new_stack_says_what_to_wait_for(stack: Stack) -> None:
    run = run_on(stack, "local.verify")

    assert run.status == 0, run
    assert subjects_of(run, "warning") == {"stack", "topic"}
    assert "and no heartbeat has arrived yet: the first takes about a quarter of an hour" in run.out


def test_verify_says_that_all_is_well(
    emulator: Emulator, stack: Stack, organization: Organization
) -> None:
    count_a_heartbeat(stack)
    stack.put(organization.record_of(OPENING))
    folder = f"AWSLogs/{organization.id}/{organization.account_id}"
    emulator.client("s3").put_object(
        Bucket=stack.outputs["TrailBucketName"], Key=f"{folder}/CloudTrail/file.json.gz"
    )

    run = run_on(stack, "local.verify")

    assert run.status == 0, run
    assert subjects_of(run, "ok") == WELL
    assert subjects_of(run, "warning") == NOT_SEEN
    assert f"payments-production ({organization.account_id})" in line_of(run, "six-name pattern")


def count_a_heartbeat(stack: Stack) -> None:
    """As the function does."""
    stack.emulator.client("cloudwatch").put_metric_data(
        Namespace=METRICS_NAMESPACE,
        MetricData=[
            {
                "MetricName": "Heartbeats",
                "Dimensions": [{"Name": "service", "Value": stack.name}],
                "Value": 1,
            }
        ],
    )


def without_filter(stack: Stack) -> None:
    stack.emulator.client("logs").delete_subscription_filter(
        logGroupName=stack.outputs["TrailLogGroupName"], filterName=stack.name
    )


def without_permission(stack: Stack) -> None:
    stack.emulator.client("lambda").remove_permission(
        FunctionName=stack.outputs["FunctionName"],
        StatementId=stack.resources()["LogsMayInvokeTheFunction"],
    )


def without_a_trail_that_runs(stack: Stack) -> None:
    stack.emulator.client("cloudtrail").stop_logging(Name=stack.outputs["TrailArn"])


@pytest.mark.parametrize(
    ("damage", "subject"),
    [
        (without_filter, "subscription"),
        (without_permission, "permission"),
        (without_a_trail_that_runs, "trail"),
    ],
)
def test_the_command_that_verify_prints_fixes_the_problem(
    stack: Stack, damage: Callable[[Stack], None], subject: str
) -> None:
    damage(stack)

    broken = run_on(stack, "local.verify")
    [found] = [line for line in broken.out.splitlines() if line.startswith("stop ")]
    make_call(stack.emulator, found.partition(": aws ")[2])
    fixed = run_on(stack, "local.verify")

    assert broken.status == 1
    assert subjects_of(broken, "stop") == {subject}
    assert fixed.status == 0
    assert fixed.lines("stop") == []


def subjects_of(run: Run, state: str) -> set[str]:
    """What was looked at, and is so: the second column."""
    lines = [line for line in run.out.splitlines() if line.startswith(f"{state} ")]
    return {line[9:29].strip() for line in lines}


def line_of(run: Run, subject: str) -> str:
    [line] = [line for line in run.out.splitlines() if line[9:29].strip() == subject]
    return line
