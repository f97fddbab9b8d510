"""The stack as it was deployed: its outputs and parameters, read once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from botocore.exceptions import ClientError

from ..aws_errors import code_of
from ..checks import Checks, ok, stop, warning
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
# CloudTrail delivers every five minutes or so, where there is something to deliver.
DELIVERED_WITHIN: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployed:
    """The stack as it stands."""

    deployment: Deployment
    account_id: str
    outputs: Mapping[str, str]
    parameters: Mapping[str, str]
    made_at: datetime
    now: datetime

    @property
    def log_group_arn(self) -> str:
        """As CloudTrail and CloudWatch Logs name it in permissions, with all its streams."""
        where = f"{self.deployment.partition}:logs:{self.deployment.region}:{self.account_id}"
        return f"arn:{where}:log-group:{self.outputs['TrailLogGroupName']}:*"

    @property
    def is_young(self) -> bool:
        """Nothing may have come through yet."""
        return self.now - self.made_at < DELIVERED_WITHIN


def span_words(span: timedelta) -> str:
    """`40 s`, `7 min`, `3 h`, `2 days`: as exact as one wants to know it."""
    seconds = int(span.total_seconds())
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 2 * 3600:
        return f"{seconds // 60} min"
    return f"{seconds // 3600} h" if seconds < 48 * 3600 else f"{seconds // 86400} days"


def clock() -> datetime:
    """What the ages of all that is looked at are counted to."""
    return datetime.now(UTC)


def deployed_stack(deployment: Deployment, account_id: str) -> Checks[Deployed | None]:
    """The stack, if it is there and this program's."""
    name, client = deployment.stack, deployment.client("cloudformation")
    try:
        stack = client.describe_stacks(StackName=name)["Stacks"][0]
    except ClientError as error:
        if code_of(error) != "ValidationError":
            raise
        yield stop(
            "stack",
            f"there is no stack {name} in {deployment.region}",
            "Deploy it, or name account, Region and stack: AWS_PROFILE, --region, --stack",
        )
        return None
    status = stack["StackStatus"]
    outputs = {it["OutputKey"]: it["OutputValue"] for it in stack.get("Outputs", [])}
    missing = [output for output in OUTPUTS if output not in outputs]
    if missing:
        yield stop(
            "stack",
            f"{name} is {status} and has no output {', no '.join(missing)}",
            "Is it this program's, and fully deployed? See --stack; else: make deploy",
        )
        return None
    if status in _FINISHED:
        yield ok("stack", f"{name} in {deployment.region}, {status}")
    else:
        yield warning(
            "stack",
            f"{name} in {deployment.region} is {status}",
            f"What happened: aws cloudformation describe-stack-events --region {deployment.region} "
            f"--stack-name {name}",
        )
    return Deployed(
        deployment=deployment,
        account_id=account_id,
        outputs=outputs,
        parameters={it["ParameterKey"]: it["ParameterValue"] for it in stack.get("Parameters", [])},
        made_at=stack["CreationTime"],
        now=clock(),
    )
