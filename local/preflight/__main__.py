"""Checks, before a deployment, what would make it fail or cost too much. Changes nothing.

The stack's parameters come from samconfig.toml; --parameter overrides them. If the stack exists, it
keeps the values of all other parameters. Each check prints one line: ok, warning or stop, what was
found, and what to do. The last line is the command that deploys the stack with these parameters.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from ..aws_errors import code_of, problem_of
from ..bucket_policy import BUCKET
from ..checks import Check, Checks, State, guarded, ok, print_checks, stop, summary_of, warning
from ..deployment import (
    LONGEST_STACK_NAME,
    Deployment,
    DeploymentError,
    add_options,
    broken_rules,
    complaints,
    defaults,
    deployment_of,
    refuse_unknown,
)
from ..program import run
from ..sam_configuration import SamConfigurationError, override
from ..template import read_template
from . import encryption_key, existing_bucket, existing_trails, organization
from .plan import Plan

PERMISSIONS: Final = (
    "cloudformation:DescribeStacks",
    *existing_trails.PERMISSIONS,
    *encryption_key.PERMISSIONS,
    *organization.PERMISSIONS,
    *existing_bucket.PERMISSIONS,
    "sts:GetCallerIdentity",
)
# Options that `sam deploy` needs, unless the environment in samconfig.toml sets them.
_SAM_OPTIONS: Final = {
    "capabilities": "--capabilities CAPABILITY_IAM CAPABILITY_AUTO_EXPAND",
    "resolve_s3": "--resolve-s3",
}
# A stack in one of these states cannot be updated.
# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html
_REMOVE_FIRST: Final = {"CREATE_FAILED", "DELETE_FAILED", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """What the deployed stack has; nothing if there is no stack yet."""

    parameters: Mapping[str, str] = field(default_factory=dict)
    trail_arn: str | None = None


def main(arguments: list[str] | None = None) -> int:
    """Print the checks and the command. Returns 1 after a stop, 2 if an option is wrong."""
    options = _options(arguments)
    try:
        deployment = deployment_of(options)
        refuse_unknown(deployment.given)
    except (DeploymentError, SamConfigurationError) as error:
        print(f"preflight: {error}", file=sys.stderr)
        return 2
    except BotoCoreError as error:
        print(stop("account", *problem_of(error)))
        return 1
    return _report(deployment)


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m local.preflight",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="Permissions needed, all read-only (a check that lacks one says so):\n  "
        + "\n  ".join(sorted(PERMISSIONS))
        + "\nExit status: 0, also with warnings; 1 after a stop; 2 if an option is wrong.",
    )
    add_options(parser, with_parameters=True)
    return parser.parse_args(arguments)


def _report(deployment: Deployment) -> int:
    counts, plan = print_checks(_checks(deployment))
    is_stopped = bool(counts[State.STOP])
    verdict = "ready to deploy"
    if is_stopped:
        verdict = "not ready to deploy"
    elif counts[State.WARNING]:
        verdict = "can be deployed, if you accept the warnings"
    print(f"\n{summary_of(counts)}: {verdict}.")
    if plan is not None:
        print("After you have fixed the stops:" if is_stopped else "Build and deploy:")
        print(f"  make build && {deploy_command(plan)}")
    return 1 if is_stopped else 0


def _checks(deployment: Deployment) -> Checks[Plan | None]:
    """Every check; some decide which others follow. Returns the plan, if there can be one."""
    try:
        caller = deployment.client("sts").get_caller_identity()
        account_id = caller["Account"]
        yield ok("account", f"{account_id}, as {caller['Arn']}")
        yield ok("Region", f"{deployment.region} (from {deployment.region_is_from})")
        stack = (yield from guarded("stack", _stack(deployment))) or Stack()
        values = {**defaults(), **stack.parameters, **deployment.given}
        yield from _parameter_checks(values)
        yield from _chat_checks(deployment, values)
        found = yield from guarded(
            "organization", organization.organization_of(deployment, values, account_id)
        )
        if found is None:
            return None
        plan = Plan(
            deployment=deployment,
            deployed=stack.parameters,
            values=values | {"OrganizationId": values.get("OrganizationId") or found.id},
            account_id=account_id,
            organization_id=found.id,
            management_account_id=found.management_account_id,
            own_trail_arn=stack.trail_arn,
        )
        yield from _checks_of(plan)
    except (ClientError, BotoCoreError) as error:
        yield stop("account", *problem_of(error))
        return None
    return plan


def _checks_of(plan: Plan) -> Checks[None]:
    client = plan.deployment.client("organizations")
    if plan.makes_trail:
        yield from guarded("trusted access", organization.trusted_access_checks(client))
    yield from guarded("account", organization.place_checks(client, plan))
    yield from guarded(existing_trails.TRAILS, existing_trails.trail_checks(plan))
    if not plan.makes_trail:
        yield from guarded(existing_trails.LOG_GROUP, existing_trails.log_group_checks(plan))
    elif plan.values.get(BUCKET):
        checks = existing_bucket.bucket_checks(plan.deployment.client("s3"), plan)
        yield from guarded(existing_bucket.SUBJECT, checks)
    if "KmsKey" not in dict(complaints(plan.values)) and plan.values["KmsKey"].startswith("arn:"):
        yield from guarded(encryption_key.SUBJECT, encryption_key.key_checks(plan))
    yield from _email_checks(plan)


# What is deployed.


def _stack(deployment: Deployment) -> Checks[Stack]:
    """The stack that would be created or updated."""
    name = deployment.stack
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


def _parameter_checks(values: Mapping[str, str]) -> Checks[None]:
    """What CloudFormation would refuse, in the template's own words."""
    refused = [
        stop(
            "parameters",
            f"{name}={values[name]!r} {complaint.rstrip('.')}",
            f"Change it in samconfig.toml, or with --parameter {name}=…",
        )
        for name, complaint in complaints(values)
    ] + [
        stop("parameters", rule.rstrip("."), "Change samconfig.toml, or set them with --parameter")
        for rule in broken_rules(values)
    ]
    yield from refused or [ok("parameters", "all valid")]


def _chat_checks(deployment: Deployment, values: Mapping[str, str]) -> Checks[None]:
    """Elsewhere than in the partition aws, the template makes no channel."""
    for name, what in (("SlackWorkspaceId", "Slack"), ("TeamsTenantId", "Microsoft Teams")):
        if values.get(name) and deployment.partition != "aws":
            yield warning(
                "chat",
                f"{what} gets nothing: Amazon Q Developer in chat applications is not available "
                f"in {deployment.region}",
                f"Subscribe something else to the alert topic, and leave {name} empty",
            )


def _email_checks(plan: Plan) -> Checks[None]:
    refused = dict(complaints(plan.values))
    for name, what in (
        ("AlertEmail", "gets the alerts"),
        ("OperationsEmail", "learns that the alerter itself has failed"),
    ):
        address = plan.values.get(name)
        if not address:
            yield warning(
                "e-mail",
                f"{name} is empty: nobody {what} until something subscribes to the topic",
                f"Set it: --parameter {name}=security@example.com",
            )
        elif name not in refused:
            known = plan.deployed.get(name) == address
            how = "as before" if known else "SNS will send a link to confirm the subscription"
            yield ok("e-mail", f"{address}: {how}")


# The command.


def deploy_command(plan: Plan) -> str:
    """The complete `sam deploy`, with all parameters that were given, quoted for a shell."""
    deployment = plan.deployment
    parameters = {**deployment.given, "OrganizationId": plan.values["OrganizationId"]}
    if not plan.makes_trail and plan.account_id != plan.management_account_id:
        parameters["ManagementAccountId"] = plan.management_account_id
    settings: Mapping[str, Any] = deployment.settings
    words = [
        *(".venv/sam/bin/sam", "deploy", "--config-env", deployment.environment),
        *("--stack-name", deployment.stack, "--region", deployment.region),
        *(
            word
            for name, option in _SAM_OPTIONS.items()
            if not settings.get(name)
            for word in option.split()
        ),
        "--parameter-overrides",
        *(override(name, value) for name, value in parameters.items()),
    ]
    return shlex.join(words)


if __name__ == "__main__":
    run("preflight", main)
