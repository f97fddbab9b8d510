"""The organization: its features, CloudTrail's access to it, and the role of this account."""

from typing import Final

import pytest

from tests.local.cloud import MANAGEMENT, Cloud, refusal
from tests.local.control_tower import make_trail
from tests.local.preflight.arrangements import (
    EMAILS,
    MEMBER,
    REUSE,
    Arrangement,
    Preflight,
    Row,
    assert_stop,
    assert_warning,
    be,
    both,
    command_in,
    make_log_group,
    nothing,
)


def leave_the_organization(aws: Cloud) -> None:
    aws.answers["DescribeOrganization"] = refusal(
        "DescribeOrganization", "AWSOrganizationsNotInUseException"
    )


def bill_only(aws: Cloud) -> None:
    organization = aws.client("organizations").describe_organization()["Organization"]
    aws.answers["DescribeOrganization"] = lambda _: {
        "Organization": organization | {"FeatureSet": "CONSOLIDATED_BILLING"}
    }


def distrust_cloudtrail(aws: Cloud) -> None:
    aws.client("organizations").disable_aws_service_access(
        ServicePrincipal="cloudtrail.amazonaws.com"
    )


STOPS: Final[list[Row]] = [
    (
        "no-organization",
        leave_the_organization,
        EMAILS,
        f"organization account {MANAGEMENT} is not in an organization. Sign in to the management",
    ),
    (
        "features-not-all-on",
        bill_only,
        EMAILS,
        "has consolidated billing only. Enable all features (every member account must agree): "
        "aws organizations enable-all-features",
    ),
    (
        "another-organization",
        nothing,
        (*EMAILS, "--parameter", "OrganizationId=o-exampleorgid"),
        "organization OrganizationId is o-exampleorgid, but your account's organization has o-",
    ),
    (
        "another-management-account",
        nothing,
        (*EMAILS, "--parameter", f"ManagementAccountId={MEMBER}"),
        f"ManagementAccountId is {MEMBER}, but your account's organization has {MANAGEMENT}. ",
    ),
    (
        "id-not-known",
        lambda aws: aws.refuse("DescribeOrganization"),
        EMAILS,
        "organization its ID is unknown: you do not have the permission "
        "organizations:DescribeOrganization. Get the permission, or set the ID: --parameter "
        "OrganizationId=o-…",
    ),
    (
        "member-account",
        be(MEMBER),
        EMAILS,
        "account CloudFormation can create an organization trail only in the management account "
        f"({MANAGEMENT}), and this is {MEMBER}. Sign in there, or reuse",
    ),
    (
        "no-trusted-access",
        distrust_cloudtrail,
        EMAILS,
        "trusted access is not enabled for CloudTrail, and CloudFormation cannot enable it. In the "
        "management account: aws organizations enable-aws-service-access "
        "--service-principal cloudtrail.amazonaws.com",
    ),
]


@pytest.mark.parametrize(
    ("arrange", "arguments", "line"), [pytest.param(*row, id=name) for name, *row in STOPS]
)
def test_what_stops_the_deployment(
    aws: Cloud, run: Preflight, arrange: Arrangement, arguments: tuple[str, ...], line: str
) -> None:
    arrange(aws)

    assert_stop(run(*arguments), line)


WARNINGS: Final[list[Row]] = [
    (
        "member-account-without-names",
        both(make_trail, make_log_group, be(MEMBER)),
        REUSE,
        "alerts will have the IDs of accounts, but not their names. In "
        f"{MANAGEMENT}: aws organizations "
        f"register-delegated-administrator --account-id {MEMBER}",
    ),
    (
        "organization-that-one-may-not-see",
        lambda aws: aws.refuse("DescribeOrganization"),
        (*EMAILS, "--parameter", "OrganizationId=o-exampleorgid"),
        "organization could not be checked: you do not have the permission "
        "organizations:DescribeOrganization. Get",
    ),
]


@pytest.mark.parametrize(
    ("arrange", "arguments", "line"), [pytest.param(*row, id=name) for name, *row in WARNINGS]
)
def test_what_is_warned_of(
    aws: Cloud, run: Preflight, arrange: Arrangement, arguments: tuple[str, ...], line: str
) -> None:
    arrange(aws)

    assert_warning(run(*arguments), line)


def test_a_delegated_administrator_can_name_the_accounts(aws: Cloud, run: Preflight) -> None:
    make_trail(aws)
    make_log_group(aws)
    be(MEMBER)(aws)
    aws.answers["ListDelegatedAdministrators"] = lambda _: {
        "DelegatedAdministrators": [{"Id": MEMBER}]
    }

    result = run(*REUSE)

    assert "account a delegated administrator: alerts can name the accounts" in result.lines("ok")
    assert f"ManagementAccountId={MANAGEMENT}" in command_in(result)
