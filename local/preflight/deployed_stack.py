"""Checks the stack that would be created or updated."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from botocore.exceptions import ClientError

from ..aws_errors import code_of
from ..checks import Check, Checks, ok, stop
from ..deployment import LONGEST_STACK_NAME, Deployment
from ..template import read_template

PERMISSIONS: Final = ("cloudformation:DescribeStacks",)
# https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateStack.html
STACK_NAME: Final = re.compile(r"[a-zA-Z][-a-zA-Z0-9]*")
# A stack in one of these states cannot be updated.
# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html
_REMOVE_FIRST: Final = {"CREATE_FAILED", "DELETE_FAILED", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """What the deployed stack has; nothing if there is no stack yet."""

    parameters: Mapping[str, str] = field(default_factory=dict)
    trail_arn: str | None = None


def stack_checks(deployment: Deployment) -> Checks[Stack]:
    """The stack that would be created or updated."""
    name = deployment.stack
    if not STACK_NAME.fullmatch(name):
        yield stop(
            "stack",
            f"the name {name!r} has other characters than letters, digits and hyphens, or does not "
            "begin with a letter",
            "Choose another name with --stack, or with stack_name in samconfig.toml",
        )
    if len(name) > LONGEST_STACK_NAME:
        yield stop(
            "stack",
            f"the name {name} has {len(name)} characters; with more than {LONGEST_STACK_NAME}, the "
            "rules that watch the alerter are too long for EventBridge",
            "Choose a shorter name with --stack, or with stack_name in samconfig.toml",
        )
    try:
        found = deployment.client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]
    except ClientError as error:
        if code_of(error) != "ValidationError":
            raise
        yield ok("stack", f"{name} is new in {deployment.region}")
        return Stack()
    yield _status_check(deployment, found["StackStatus"])
    parameters = {it["ParameterKey"]: it["ParameterValue"] for it in found.get("Parameters", [])}
    outputs = {it["OutputKey"]: it["OutputValue"] for it in found.get("Outputs", [])}
    makes_trail = not parameters.get("ExistingTrailLogGroupName")
    # Parameters that this version no longer has are left out.
    known = read_template()["Parameters"]
    return Stack(
        parameters={name: value for name, value in parameters.items() if name in known},
        trail_arn=outputs.get("TrailArn") if makes_trail else None,
    )


def _status_check(deployment: Deployment, status: str) -> Check:
    name = deployment.stack
    if status in _REMOVE_FIRST:
        return stop(
            "stack",
            f"{name} is {status} and cannot be updated",
            f"Delete it: sam delete --stack-name {name} --region {deployment.region}",
        )
    if status == "UPDATE_ROLLBACK_FAILED":
        return stop(
            "stack",
            f"{name} is {status}",
            "Finish the rollback first: aws cloudformation continue-update-rollback --region "
            f"{deployment.region} --stack-name {name}",
        )
    if status.endswith("_IN_PROGRESS") and status != "REVIEW_IN_PROGRESS":
        return stop("stack", f"{name} is being changed ({status})", "Wait until that has finished")
    return ok("stack", f"{name} is {status}: it would be updated")
