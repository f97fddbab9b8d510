"""All checks before a deployment: first those of the ground, then those of the parameters."""

from __future__ import annotations

from typing import Final

from botocore.exceptions import BotoCoreError, ClientError

from ..aws_errors import problem_of
from ..bucket_policy import BUCKET
from ..checks import Checks, guarded, ok, stop
from ..deployment import Deployment, complaints, defaults
from ..look_roles import Asking
from . import (
    deployed_stack,
    encryption_key,
    existing_bucket,
    existing_trails,
    looking,
    organization,
)
from .event_patterns import pattern_check
from .parameters import chat_checks, email_checks, parameter_checks, update_checks
from .plan import Plan

PERMISSIONS: Final = (
    *deployed_stack.PERMISSIONS,
    *existing_trails.PERMISSIONS,
    *encryption_key.PERMISSIONS,
    *organization.PERMISSIONS,
    *existing_bucket.PERMISSIONS,
    *looking.PERMISSIONS,
    "sts:GetCallerIdentity",
)


def ground_checks(deployment: Deployment) -> Checks[Plan | None]:
    """Who asks, where, and of which organization. Returns the plan, if there can be one."""
    try:
        caller = deployment.client("sts").get_caller_identity()
        account_id = caller["Account"]
        yield ok("account", f"{account_id}, as {caller['Arn']}")
        yield ok("Region", f"{deployment.region} (from {deployment.region_is_from})")
        stack = (
            yield from guarded("stack", deployed_stack.stack_checks(deployment))
        ) or deployed_stack.Stack()
        values = {**defaults(), **stack.parameters, **deployment.given}
        found = yield from guarded(
            "organization", organization.organization_of(deployment, values, account_id)
        )
        if found is None:
            yield from parameter_checks(values)
            yield from chat_checks(deployment, values)
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
        client = deployment.client("organizations")
        if plan.makes_trail:
            yield from guarded("trusted access", organization.trusted_access_checks(client))
        yield from guarded("account", organization.place_checks(client, plan))
    except (ClientError, BotoCoreError) as error:
        yield stop("account", *problem_of(error))
        return None
    return plan


def plan_checks(plan: Plan, asking: Asking) -> Checks[None]:
    """Whether these parameters can be deployed there."""
    try:
        yield from _plan_checks(plan, asking)
    except (ClientError, BotoCoreError) as error:
        yield stop("account", *problem_of(error))


def _plan_checks(plan: Plan, asking: Asking) -> Checks[None]:
    values, refused = plan.values, dict(complaints(plan.values))
    yield from parameter_checks(values)
    yield from update_checks(plan)
    yield from chat_checks(plan.deployment, values)
    if "TrailName" not in refused:
        yield pattern_check(plan)
    yield from guarded(existing_trails.TRAILS, existing_trails.trail_checks(plan))
    if not plan.makes_trail:
        yield from guarded(existing_trails.LOG_GROUP, existing_trails.log_group_checks(plan))
    elif values.get(BUCKET):
        checks = existing_bucket.bucket_checks(plan.deployment.client("s3"), plan)
        yield from guarded(existing_bucket.SUBJECT, checks)
    if "KmsKey" not in refused and values["KmsKey"].startswith("arn:"):
        yield from guarded(encryption_key.SUBJECT, encryption_key.key_checks(plan))
    if "LookRole" not in refused and "OrganizationalUnitIds" not in refused:
        yield from looking.look_checks(plan, asking)
    yield from email_checks(plan)
