"""The deployed stack: its outputs and parameters, read once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from botocore.exceptions import ClientError

from security_group_alerter.judgement.health import DELIVERED_WITHIN

from ..aws_errors import code_of
from ..checks import Check, Checks, ok, stop, warning
from ..deployment import Deployment

PERMISSIONS: Final = ("cloudformation:DescribeStacks",)
# Outputs of template.yaml.
OUTPUTS: Final = (
    "AlertTopicArn",
    "FailureQueueUrl",
    "FunctionName",
    "OperationsTopicArn",
    "TrailArn",
    "TrailLogGroupName",
)
_FINISHED: Final = {"CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployed:
    """The stack as it is now."""

    deployment: Deployment
    account_id: str
    outputs: Mapping[str, str]
    parameters: Mapping[str, str]
    made_at: datetime
    # The last time that anything in it was changed.
    changed_at: datetime
    now: datetime

    @property
    def log_group_arn(self) -> str:
        """The log group with all its streams, as CloudTrail and permissions name it."""
        where = f"{self.deployment.partition}:logs:{self.deployment.region}:{self.account_id}"
        return f"arn:{where}:log-group:{self.outputs['TrailLogGroupName']}:*"

    @property
    def is_young(self) -> bool:
        """Whether it is so new that nothing may have arrived yet."""
        return self.now - self.made_at < DELIVERED_WITHIN


def span_words(span: timedelta) -> str:
    """`40 s`, `7 min`, `3 h`, `2 days`: no more exact than is useful."""
    seconds = int(span.total_seconds())
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 2 * 3600:
        return f"{seconds // 60} min"
    return f"{seconds // 3600} h" if seconds < 48 * 3600 else f"{seconds // 86400} days"


def clock() -> datetime:
    """The time that all ages are counted from."""
    return datetime.now(UTC)


def waiting_check(deployed: Deployed) -> Check:
    """A stack that is so new that nothing has arrived: what to wait for, and until when."""
    until = deployed.made_at + DELIVERED_WITHIN
    return warning(
        "stack",
        f"it was made {span_words(deployed.now - deployed.made_at)} ago, and no heartbeat has "
        "arrived yet: the first takes about a quarter of an hour",
        f"Wait for it, and run make verify again. From {until:%H:%M} UTC on, its absence is an "
        "error",
    )


def deployed_stack(deployment: Deployment, account_id: str) -> Checks[Deployed | None]:
    """The stack, if it exists and is the alerter's."""
    name, client = deployment.stack, deployment.client("cloudformation")
    try:
        stack = client.describe_stacks(StackName=name)["Stacks"][0]
    except ClientError as error:
        if code_of(error) != "ValidationError":
            raise
        yield stop(
            "stack",
            f"the stack {name} does not exist in {deployment.region}",
            "Deploy it, or set another account, Region or stack: AWS_PROFILE, --region, --stack",
        )
        return None
    status = stack["StackStatus"]
    outputs = {it["OutputKey"]: it["OutputValue"] for it in stack.get("Outputs", [])}
    missing = [output for output in OUTPUTS if output not in outputs]
    if missing:
        yield stop(
            "stack",
            f"{name} is {status} and lacks the outputs {', '.join(missing)}",
            "Name the alerter's stack with --stack, or deploy it completely: make deploy",
        )
        return None
    if status in _FINISHED:
        yield ok("stack", f"{name} in {deployment.region}, {status}")
    else:
        yield warning(
            "stack",
            f"{name} in {deployment.region} is {status}",
            "See what happened: aws cloudformation describe-stack-events --region "
            f"{deployment.region} --stack-name {name}",
        )
    return Deployed(
        deployment=deployment,
        account_id=account_id,
        outputs=outputs,
        parameters={it["ParameterKey"]: it["ParameterValue"] for it in stack.get("Parameters", [])},
        made_at=stack["CreationTime"],
        changed_at=stack.get("LastUpdatedTime", stack["CreationTime"]),
        now=clock(),
    )
