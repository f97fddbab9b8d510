"""Checks what LookRole needs: StackSets' access, the units, the Region, or the role itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from security_group_alerter.aws.health import active_accounts

from ..aws_errors import code_of
from ..checks import Check, Checks, guarded, looked_up, ok, stop, warning
from ..deployment import NAMED_IAM
from ..look_roles import PERMISSIONS as LOOK_PERMISSIONS
from ..look_roles import SUBJECT, Asking, LookRole, look_role_checks
from .plan import Plan

if TYPE_CHECKING:
    from mypy_boto3_organizations import OrganizationsClient

PERMISSIONS: Final = (
    *LOOK_PERMISSIONS,
    "cloudformation:DescribeOrganizationsAccess",
    "ec2:DescribeRegions",
    "organizations:DescribeOrganizationalUnit",
    "organizations:ListDelegatedAdministrators",
    "organizations:ListRoots",
)
STACK_SETS: Final = "member.org.stacksets.cloudformation.amazonaws.com"
_NO_UNIT: Final = {"InvalidInputException", "OrganizationalUnitNotFoundException"}


def look_checks(plan: Plan, asking: Asking) -> Checks[None]:
    """Whether accounts can be looked into, in the way that LookRole says."""
    look_role = plan.values["LookRole"]
    if look_role == "none":
        yield _off_check(plan)
        return
    yield from guarded(SUBJECT, _region_checks(plan))
    if look_role == "create":
        yield from _capability_checks(plan)
        yield from guarded(SUBJECT, _stack_set_checks(plan))
        yield from guarded(SUBJECT, _unit_checks(plan))
    else:
        yield from guarded(SUBJECT, _given_role_checks(plan, asking))


def _off_check(plan: Plan) -> Check:
    root_id = None
    with suppress(ClientError):
        root_id = _root_id_of(plan.deployment.client("organizations"))
    return ok(
        SUBJECT,
        "off: alerts do not say what a security group is attached to",
        "To turn it on for the whole organization: --parameter LookRole=create --parameter "
        f"OrganizationalUnitIds={root_id or 'r-…'}",
    )


def _region_checks(plan: Plan) -> Checks[None]:
    """A stack set deploys, and STS answers, only in Regions that an account has enabled.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-opt-in-regions.html
    """
    region = plan.deployment.region
    [found] = plan.deployment.client("ec2").describe_regions(RegionNames=[region])["Regions"]
    if found["OptInStatus"] != "opt-in-not-required":
        yield warning(
            SUBJECT,
            f"{region} is disabled in an account until somebody enables it, and the alerter cannot "
            "look into accounts in which it is disabled",
            "Enable it in every account: aws account enable-region --region-name "
            f"{region} --account-id …",
        )


def _capability_checks(plan: Plan) -> Iterator[Check]:
    given = plan.deployment.settings.get("capabilities")
    if given and NAMED_IAM not in given:
        yield stop(
            SUBJECT,
            f"samconfig.toml has capabilities without {NAMED_IAM}, which a role with a name needs",
            f'Set capabilities = "{NAMED_IAM} CAPABILITY_AUTO_EXPAND" there',
        )


def _stack_set_checks(plan: Plan) -> Checks[None]:
    """Whether this account may deploy stack sets to the organization."""
    is_management = plan.account_id == plan.management_account_id
    client = plan.deployment.client("cloudformation")
    call_as = "SELF" if is_management else "DELEGATED_ADMIN"
    status = client.describe_organizations_access(CallAs=call_as)["Status"]
    if status == "ENABLED":
        yield ok(SUBJECT, "trusted access is enabled for StackSets")
    else:
        yield stop(
            SUBJECT,
            "trusted access is not enabled for StackSets, and CloudFormation cannot enable it",
            "In the management account: aws cloudformation activate-organizations-access "
            f"--region {plan.deployment.region}",
        )
    if is_management:
        return
    delegated = {
        it["Id"]
        for page in plan.deployment.client("organizations")
        .get_paginator("list_delegated_administrators")
        .paginate(ServicePrincipal=STACK_SETS)
        for it in page["DelegatedAdministrators"]
    }
    if plan.account_id not in delegated:
        yield stop(
            SUBJECT,
            f"account {plan.account_id} may not deploy stack sets to the organization",
            f"In {plan.management_account_id}: aws organizations register-delegated-administrator "
            f"--account-id {plan.account_id} --service-principal {STACK_SETS}",
        )
    yield warning(
        SUBJECT,
        f"stack sets do not reach the management account, {plan.management_account_id}",
        "To look into it as well, deploy stacks/look-role.yaml there, as docs/deploy.md shows",
    )


def _unit_checks(plan: Plan) -> Checks[None]:
    """Whether the organizational units exist."""
    client = plan.deployment.client("organizations")
    root_id = _root_id_of(client)
    named = plan.values["OrganizationalUnitIds"]
    unit_ids = named.split(",") if named else []
    missing = [it for it in unit_ids if it != root_id and not _is_unit(client, it)]
    if missing or not unit_ids:
        yield stop(
            SUBJECT,
            f"the organization has no unit {', '.join(missing)}"
            if missing
            else "OrganizationalUnitIds is empty",
            f"For the whole organization: --parameter OrganizationalUnitIds={root_id}, its root",
        )
    elif root_id in unit_ids:
        yield ok(SUBJECT, f"every account gets the role, from the root {root_id} down")
    else:
        yield ok(
            SUBJECT,
            f"accounts in {', '.join(unit_ids)} get the role, and others do not",
            f"For the whole organization: --parameter OrganizationalUnitIds={root_id}, its root",
        )


def _root_id_of(client: OrganizationsClient) -> str:
    return client.list_roots()["Roots"][0]["Id"]


def _is_unit(client: OrganizationsClient, unit_id: str) -> bool:
    try:
        client.describe_organizational_unit(OrganizationalUnitId=unit_id)
    except ClientError as error:
        if code_of(error) not in _NO_UNIT:
            raise
        return False
    return True


def _given_role_checks(plan: Plan, asking: Asking) -> Checks[None]:
    """Whether the role is in the accounts, and lets the alerter in."""
    organizations: Any = plan.deployment.client("organizations")
    accounts = yield from looked_up(SUBJECT, lambda: active_accounts(organizations))
    if accounts is not None:
        role = LookRole(
            name=plan.values["LookRole"],
            partition=plan.deployment.partition,
            alerter_account_id=plan.account_id,
            stack=plan.deployment.stack,
            organization_id=plan.organization_id,
        )
        yield from look_role_checks(
            plan.deployment, role, accounts, own_account_id=plan.account_id, asking=asking
        )
