"""Looks, before a deployment, at whatever would make it fail or cost too much. Changes nothing.

The stack's parameters are samconfig.toml's, overlaid by --parameter; of a stack that is there
already, those that it has. Each check is one line: ok, warning or stop, what was found, and what
to do. At the end stands the command that deploys, with the parameters filled in.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from . import existing_bucket, existing_trails
from .aws_errors import code_of, is_denied, problem_of
from .bucket_policy import BUCKET
from .checks import Check, Checks, State, guarded, ok, print_checks, stop, summary_of, warning
from .deployment import (
    Deployment,
    DeploymentError,
    Plan,
    add_options,
    broken_rules,
    complaints,
    defaults,
    deployment_of,
    refuse_unknown,
)
from .encryption_key import PERMISSIONS as KEY_PERMISSIONS
from .encryption_key import SUBJECT as KEY
from .encryption_key import key_checks
from .program import run
from .sam_configuration import SamConfigurationError, override
from .template import read_template

if TYPE_CHECKING:
    from mypy_boto3_organizations import OrganizationsClient

CLOUDTRAIL: Final = "cloudtrail.amazonaws.com"
PERMISSIONS: Final = (
    "cloudformation:DescribeStacks",
    *existing_trails.PERMISSIONS,
    *KEY_PERMISSIONS,
    "organizations:DescribeOrganization",
    "organizations:ListAWSServiceAccessForOrganization",
    "organizations:ListDelegatedAdministrators",
    *existing_bucket.PERMISSIONS,
    "sts:GetCallerIdentity",
)
# What `sam deploy` needs, where the environment in samconfig.toml does not say it.
_SAM_OPTIONS: Final = {
    "capabilities": "--capabilities CAPABILITY_IAM",
    "resolve_s3": "--resolve-s3",
}
# A stack in one of these cannot be updated.
# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html
_REMOVE_FIRST: Final = {"CREATE_FAILED", "DELETE_FAILED", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """What is deployed already: nothing, at first."""

    parameters: Mapping[str, str] = field(default_factory=dict)
    trail_arn: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Organization:
    """Whose accounts the trail is to record."""

    id: str
    management_account_id: str


def main(arguments: list[str] | None = None) -> int:
    """Print the checks and the command; 1 after a stop, 2 when the options make no sense."""
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
        epilog="Permissions, all of them reading (a check that lacks one says so):\n  "
        + "\n  ".join(sorted(PERMISSIONS))
        + "\nExit status: 0, also with warnings; 1 after a stop; 2 when the options make no sense.",
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
        verdict = "can be deployed, if the warnings are meant so"
    print(f"\n{summary_of(counts)}: {verdict}.")
    if plan is not None:
        print("When the stops are gone:" if is_stopped else "Build and deploy:")
        print(f"  make build && {deploy_command(plan)}")
    return 1 if is_stopped else 0


def _checks(deployment: Deployment) -> Checks[Plan | None]:
    """Every check, in the order in which one decides over the next; the plan, if there can be."""
    try:
        caller = deployment.client("sts").get_caller_identity()
        account_id = caller["Account"]
        yield ok("account", f"{account_id}, as {caller['Arn']}")
        yield ok("Region", f"{deployment.region} (from {deployment.region_is_from})")
        stack = (yield from guarded("stack", _stack(deployment))) or Stack()
        values = {**defaults(), **stack.parameters, **deployment.given}
        yield from _parameter_checks(values)
        organization = yield from guarded(
            "organization", _organization(deployment, values, account_id)
        )
        if organization is None:
            return None
        plan = Plan(
            deployment=deployment,
            deployed=stack.parameters,
            values=values | {"OrganizationId": values.get("OrganizationId") or organization.id},
            account_id=account_id,
            organization_id=organization.id,
            management_account_id=organization.management_account_id,
            own_trail_arn=stack.trail_arn,
        )
        yield from _checks_of(plan)
    except (ClientError, BotoCoreError) as error:
        yield stop("account", *problem_of(error))
        return None
    return plan


def _checks_of(plan: Plan) -> Checks[None]:
    organizations = plan.deployment.client("organizations")
    if plan.makes_trail:
        yield from guarded("trusted access", _trusted_access_checks(organizations))
    yield from guarded("account", _place_checks(organizations, plan))
    yield from guarded(existing_trails.TRAILS, existing_trails.trail_checks(plan))
    if not plan.makes_trail:
        yield from guarded(existing_trails.LOG_GROUP, existing_trails.log_group_checks(plan))
    elif plan.values.get(BUCKET):
        checks = existing_bucket.bucket_checks(plan.deployment.client("s3"), plan)
        yield from guarded(existing_bucket.SUBJECT, checks)
    if plan.values.get("KmsKey", "").startswith("arn:"):
        yield from guarded(KEY, key_checks(plan))
    yield from _email_checks(plan)


# What is there.


def _stack(deployment: Deployment) -> Checks[Stack]:
    """The stack that would be made or updated."""
    name = deployment.stack
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
    # A parameter that this version does not have any more is not handed on.
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
            f"Remove it: sam delete --stack-name {name} --region {deployment.region}",
        )
    if status == "UPDATE_ROLLBACK_FAILED":
        return stop(
            "stack",
            f"{name} is {status}",
            f"First: aws cloudformation continue-update-rollback --region {deployment.region} "
            f"--stack-name {name}",
        )
    if status.endswith("_IN_PROGRESS") and status != "REVIEW_IN_PROGRESS":
        return stop("stack", f"{name} is being changed ({status})", "Wait until that is done")
    return ok("stack", f"{name} is {status}: it would be updated")


def _parameter_checks(values: Mapping[str, str]) -> Checks[None]:
    """What CloudFormation would refuse, in its own words."""
    refused = [
        stop(
            "parameters",
            f"{name}={values[name]!r} {complaint.rstrip('.')}",
            f"Change it in samconfig.toml, or with --parameter {name}=…",
        )
        for name, complaint in complaints(values)
    ] + [
        stop("parameters", rule.rstrip("."), "Change samconfig.toml, or name them with --parameter")
        for rule in broken_rules(values)
    ]
    yield from refused or [ok("parameters", "all of a form that CloudFormation takes")]


def _organization(
    deployment: Deployment, values: Mapping[str, str], account_id: str
) -> Checks[Organization | None]:
    """The organization that the account is in, and whether it can have an organization trail."""
    try:
        found = deployment.client("organizations").describe_organization()["Organization"]
    except ClientError as error:
        if code_of(error) == "AWSOrganizationsNotInUseException":
            yield stop(
                "organization",
                f"account {account_id} is in no organization",
                "Sign in to the management account of one",
            )
            return None
        if not is_denied(error):
            raise
        return (yield from _organization_as_given(values, account_id))
    organization = Organization(id=found["Id"], management_account_id=found["MasterAccountId"])
    yield from _agreement_checks(organization, values)
    if found["FeatureSet"] != "ALL":
        yield stop(
            "organization",
            f"{organization.id} has consolidated billing only",
            "Enable all features (every member account must agree): "
            "aws organizations enable-all-features",
        )
    else:
        yield ok("organization", f"{organization.id}, all features are on")
    return organization


def _organization_as_given(
    values: Mapping[str, str], account_id: str
) -> Checks[Organization | None]:
    """Nobody tells us of it: the parameters have to."""
    if not values.get("OrganizationId"):
        yield stop(
            "organization",
            "its id is not known, and organizations:DescribeOrganization is not allowed",
            "Allow it, or name the id: --parameter OrganizationId=o-…",
        )
        return None
    yield warning(
        "organization",
        "could not be looked at: organizations:DescribeOrganization is not allowed",
        "Allow it, or look for yourself whether the id is right and all features are on",
    )
    return Organization(
        id=values["OrganizationId"],
        management_account_id=values.get("ManagementAccountId") or account_id,
    )


def _agreement_checks(organization: Organization, values: Mapping[str, str]) -> Checks[None]:
    for name, actual in (
        ("OrganizationId", organization.id),
        ("ManagementAccountId", organization.management_account_id),
    ):
        if values.get(name) and values[name] != actual:
            yield stop(
                "organization",
                f"{name} is {values[name]}, but your account's organization has {actual}",
                f"Sign in to the other organization, or --parameter {name}={actual}",
            )


def _place_checks(client: OrganizationsClient, plan: Plan) -> Checks[None]:
    """Whether this account may do what the plan wants of it."""
    if plan.account_id == plan.management_account_id:
        yield ok("account", "the organization's management account")
        return
    if plan.makes_trail:
        # Not from a delegated administrator either: CloudFormation starts the trail by its name.
        # https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-delegated-administrator.html
        yield stop(
            "account",
            f"CloudFormation makes an organization trail in the management account only "
            f"({plan.management_account_id}), and this is {plan.account_id}",
            "Sign in there, or reuse a trail whose log group is here: "
            "--parameter ExistingTrailLogGroupName=…",
        )
        return
    delegated = {
        administrator["Id"]
        for page in client.get_paginator("list_delegated_administrators").paginate()
        for administrator in page["DelegatedAdministrators"]
    }
    if plan.account_id in delegated:
        yield ok("account", "a delegated administrator, so alerts can name the accounts")
    else:
        yield warning(
            "account",
            "not the management account and no delegated administrator: alerts will have the ids "
            "of accounts, no names",
            f"From {plan.management_account_id}: aws organizations "
            f"register-delegated-administrator --account-id {plan.account_id} "
            f"--service-principal {CLOUDTRAIL}",
        )


def _trusted_access_checks(client: OrganizationsClient) -> Checks[None]:
    trusted = {
        service["ServicePrincipal"]
        for page in client.get_paginator("list_aws_service_access_for_organization").paginate()
        for service in page["EnabledServicePrincipals"]
    }
    if CLOUDTRAIL in trusted:
        yield ok("trusted access", "CloudTrail is a trusted service of the organization")
    else:
        yield stop(
            "trusted access",
            "CloudTrail is no trusted service of the organization, and CloudFormation cannot make "
            "it one",
            "In the management account: aws organizations enable-aws-service-access "
            f"--service-principal {CLOUDTRAIL}",
        )


def _email_checks(plan: Plan) -> Checks[None]:
    refused = dict(complaints(plan.values))
    for name, what in (
        ("AlertEmail", "gets the alerts"),
        ("OperationsEmail", "hears that the alerter itself is ill"),
    ):
        address = plan.values.get(name)
        if not address:
            yield warning(
                "e-mail",
                f"{name} is empty: nobody {what} until something subscribes to the topic",
                f"Name one: --parameter {name}=security@example.com",
            )
        elif name not in refused:
            known = plan.deployed.get(name) == address
            how = "as before" if known else "will get a link from SNS, to be followed once"
            yield ok("e-mail", f"{address}: {how}")


# The command.


def deploy_command(plan: Plan) -> str:
    """The whole `sam deploy`, with what samconfig.toml and the command line gave, for a shell."""
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
