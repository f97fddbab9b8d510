"""Checks the organization: its features, CloudTrail's access, and the role of this account."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from botocore.exceptions import ClientError

from ..aws_errors import code_of, is_denied
from ..checks import Checks, ok, stop, warning
from ..deployment import Deployment
from .plan import Plan

if TYPE_CHECKING:
    from mypy_boto3_organizations import OrganizationsClient

PERMISSIONS: Final = (
    "organizations:DescribeOrganization",
    "organizations:ListAWSServiceAccessForOrganization",
    "organizations:ListDelegatedAdministrators",
)
CLOUDTRAIL: Final = "cloudtrail.amazonaws.com"


@dataclass(frozen=True, slots=True, kw_only=True)
class Organization:
    """The organization whose accounts the trail records."""

    id: str
    management_account_id: str


def organization_of(
    deployment: Deployment, values: Mapping[str, str], account_id: str
) -> Checks[Organization | None]:
    """The organization that the account is in, and whether it can have an organization trail."""
    try:
        found = deployment.client("organizations").describe_organization()["Organization"]
    except ClientError as error:
        if code_of(error) == "AWSOrganizationsNotInUseException":
            yield stop(
                "organization",
                f"account {account_id} is not in an organization",
                "Sign in to the management account of an organization",
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
        yield ok("organization", f"{organization.id}, all features are enabled")
    return organization


def _organization_as_given(
    values: Mapping[str, str], account_id: str
) -> Checks[Organization | None]:
    """What the parameters say of the organization, since AWS does not let us ask."""
    if not values.get("OrganizationId"):
        yield stop(
            "organization",
            "its ID is unknown: you do not have the permission organizations:DescribeOrganization",
            "Get the permission, or set the ID: --parameter OrganizationId=o-…",
        )
        return None
    yield warning(
        "organization",
        "could not be checked: you do not have the permission organizations:DescribeOrganization",
        "Get the permission, or check yourself that the ID is right and all features are enabled",
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
                f"Sign in to the other organization, or set --parameter {name}={actual}",
            )


def place_checks(client: OrganizationsClient, plan: Plan) -> Checks[None]:
    """Whether the plan can be carried out in this account."""
    if plan.account_id == plan.management_account_id:
        yield ok("account", "the organization's management account")
        return
    if plan.makes_trail:
        # A delegated administrator cannot either: CloudFormation starts the trail by its name.
        # https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-delegated-administrator.html
        yield stop(
            "account",
            "CloudFormation can create an organization trail only in the management account "
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
        yield ok("account", "a delegated administrator: alerts can name the accounts")
    else:
        yield warning(
            "account",
            "neither the management account nor a delegated administrator: alerts will have the "
            "IDs of accounts, but not their names",
            f"In {plan.management_account_id}: aws organizations "
            f"register-delegated-administrator --account-id {plan.account_id} "
            f"--service-principal {CLOUDTRAIL}",
        )


def trusted_access_checks(client: OrganizationsClient) -> Checks[None]:
    """Whether CloudTrail has the access to the organization that such a trail needs."""
    trusted = {
        service["ServicePrincipal"]
        for page in client.get_paginator("list_aws_service_access_for_organization").paginate()
        for service in page["EnabledServicePrincipals"]
    }
    if CLOUDTRAIL in trusted:
        yield ok("trusted access", "is enabled for CloudTrail")
    else:
        yield stop(
            "trusted access",
            "is not enabled for CloudTrail, and CloudFormation cannot enable it",
            "In the management account: aws organizations enable-aws-service-access "
            f"--service-principal {CLOUDTRAIL}",
        )
