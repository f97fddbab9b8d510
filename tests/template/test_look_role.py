"""The role with which the function looks into accounts: made, given, or none."""

import re
from dataclasses import replace
from typing import Any, Final

import boto3
import pytest
from botocore import xform_name
from botocore.session import get_session

from local.deployment import LONGEST_STACK_NAME
from local.look_roles import LookRole, stack_set_of
from local.template import LOOK_ROLE, read_template
from security_group_alerter.settings import delivery_settings_in
from tests.template.policies import allows
from tests.template.stack import ACCOUNT, ORGANIZATION, REGION, ROOT, STACK, Stack, deployed

CREATE: Final = {"LookRole": "create", "OrganizationalUnitIds": "r-ab12"}
# Deployed in a member account, beside a trail of the management account's.
IN_A_MEMBER: Final = {
    "ManagementAccountId": "999999999999",
    "ExistingTrailLogGroupName": "aws-controltower/CloudTrailLogs",
}
GIVEN: Final = "security/look"
NAME: Final = f"{STACK}-look-{REGION}"
MEMBER: Final = "222222222222"
FUNCTION: Final = "SecurityGroupAlerterFunction"


@pytest.fixture(scope="module")
def made() -> Stack:
    return deployed(**CREATE)


def name_of(stack: Stack) -> str | None:
    """What the function knows of the role."""
    return delivery_settings_in(
        stack.properties(FUNCTION)["Environment"]["Variables"]
    ).look_role_name


def role_of(stack: Stack) -> dict[str, Any]:
    """The policy of the function's role."""
    [policy] = stack.properties("SecurityGroupAlerterRole")["Policies"]
    document: dict[str, Any] = policy["PolicyDocument"]
    return document


def parameters_of(stack: Stack) -> dict[str, str]:
    """What every account's role is made with."""
    given = stack.properties("LookRoles")["Parameters"]
    return {it["ParameterKey"]: it["ParameterValue"] for it in given}


def test_by_default_nobody_looks(stack: Stack) -> None:
    assert name_of(stack) is None
    assert not stack.resources.keys() & {"LookRoles", "LookRoleHere", "LookRole"}
    assert "sts:AssumeRole" not in [it["Action"] for it in role_of(stack)["Statement"]]
    assert "LookRoleName" not in stack.outputs


def test_a_role_that_every_account_has_is_assumed_and_none_is_made() -> None:
    given = deployed(LookRole=GIVEN)

    assert name_of(given) == given.outputs["LookRoleName"]["Value"] == GIVEN
    assert not given.resources.keys() & {"LookRoles", "LookRoleHere", "LookRole"}


@pytest.mark.parametrize("parameters", [CREATE, {"LookRole": GIVEN}], ids=["made", "given"])
@pytest.mark.parametrize(
    ("role", "organization", "may"),
    [
        pytest.param(f"{MEMBER}:role/NAME", ORGANIZATION, True, id="a-member"),
        pytest.param(f"{ACCOUNT}:role/NAME", ORGANIZATION, True, id="the-stacks-own-account"),
        pytest.param(f"{MEMBER}:role/NAME-2", ORGANIZATION, False, id="another-role"),
        pytest.param(f"{MEMBER}:role/a/NAME", ORGANIZATION, False, id="another-path"),
        pytest.param(f"{MEMBER}:role/NAME", "o-anotherorgid", False, id="another-organization"),
        pytest.param(f"{MEMBER}:role/NAME", None, False, id="no-organization"),
    ],
)
def test_the_function_assumes_that_role_in_the_organization(
    parameters: dict[str, str], role: str, organization: str | None, may: bool
) -> None:
    stack = deployed(**parameters)
    arn = f"arn:aws:iam::{role.replace('NAME', str(name_of(stack)))}"
    key = {} if organization is None else {"aws:ResourceOrgID": organization}

    assert allows(role_of(stack), action="sts:AssumeRole", resource=arn, given=key) == may


def test_one_name_everywhere(made: Stack) -> None:
    assert name_of(made) == made.outputs["LookRoleName"]["Value"] == NAME
    assert parameters_of(made)["RoleName"] == NAME
    assert made.properties("LookRole")["RoleName"] == NAME


def test_the_stack_set_and_the_stacks_own_role_are_made_alike(made: Stack) -> None:
    template = read_template(LOOK_ROLE)
    own = made.properties("LookRoleHere")

    assert parameters_of(made) == own["Parameters"]
    assert parameters_of(made).keys() == template["Parameters"].keys()
    assert made.properties("LookRoles")["TemplateURL"] == own["TemplateURL"]
    # A stack set's template is used as it is: without a transform.
    assert "Transform" not in template


def test_every_account_gets_the_role_and_one_that_fails_stops_no_other(made: Stack) -> None:
    stack_set = made.properties("LookRoles")

    assert stack_set["PermissionModel"] == "SERVICE_MANAGED"
    assert stack_set["CallAs"] == "SELF"
    assert stack_set["AutoDeployment"] == {"Enabled": True, "RetainStacksOnAccountRemoval": False}
    assert stack_set["ManagedExecution"] == {"Active": True}
    assert stack_set["OperationPreferences"]["FailureTolerancePercentage"] == 100
    # A role has a name: in a second Region, it would be there already.
    assert stack_set["StackInstancesGroup"] == [
        {"DeploymentTargets": {"OrganizationalUnitIds": ["r-ab12"]}, "Regions": [REGION]}
    ]


def test_units_are_separated_by_commas() -> None:
    stack = deployed(LookRole="create", OrganizationalUnitIds="ou-ab12-11111111,ou-ab12-22222222")
    [group] = stack.properties("LookRoles")["StackInstancesGroup"]

    assert group["DeploymentTargets"]["OrganizationalUnitIds"] == [
        "ou-ab12-11111111",
        "ou-ab12-22222222",
    ]


def test_no_account_gets_two_roles_of_one_name() -> None:
    """Stack sets reach every account but the management account."""
    stack = deployed(**CREATE, **IN_A_MEMBER)

    assert stack.properties("LookRoles")["CallAs"] == "DELEGATED_ADMIN"
    assert not stack.resources.keys() & {"LookRoleHere", "LookRole"}


# Who may look, and at what.


def test_preflight_and_verify_know_the_role(made: Stack) -> None:
    role = LookRole(
        name=NAME,
        partition="aws",
        alerter_account_id=ACCOUNT,
        stack=STACK,
        organization_id=ORGANIZATION,
    )
    trust = made.properties("LookRole")["AssumeRolePolicyDocument"]

    assert made.properties("LookRoles")["StackSetName"] == stack_set_of(STACK)
    assert made.outputs["LookingRoles"]["Value"] == role.looking
    assert role.lets_in(trust)
    assert not replace(role, organization_id="o-anotherorgid").lets_in(trust)
    assert not replace(role, stack="another").lets_in(trust)


def test_every_role_that_looks_is_where_look_roles_expect_it(made: Stack) -> None:
    looking = made.outputs["LookingRoles"]["Value"]
    trust = made.properties("LookRole")["AssumeRolePolicyDocument"]
    [statement] = trust["Statement"]
    role = made.properties(FUNCTION)["Role"]

    assert statement["Condition"]["ArnLike"]["aws:PrincipalArn"] == looking
    assert role.startswith(looking.removesuffix("*"))
    # And no role of the stack is that does not look: the delivery's and the watch's do.
    paths = [it.get("Path") for it in made.of_type("AWS::IAM::Role").values()]
    assert [it for it in paths if it] == [f"/security-group-alerter/{STACK}/"] * 4
    looks = ("SecurityGroupAlerterRole", "WatchRole", "SweepPlanRole", "SweepRole")
    assert all("Path" in made.properties(name) for name in looks)


@pytest.mark.parametrize(
    ("account_id", "role", "organization", "may"),
    [
        pytest.param(ACCOUNT, None, ORGANIZATION, True, id="the-function"),
        pytest.param(
            ACCOUNT, f"security-group-alerter/{STACK}/next", ORGANIZATION, True, id="a-later-one"
        ),
        pytest.param(ACCOUNT, "admin", ORGANIZATION, False, id="another-role"),
        pytest.param(
            ACCOUNT, f"security-group-alerter/{STACK}-2/a", ORGANIZATION, False, id="another-stack"
        ),
        pytest.param(MEMBER, None, ORGANIZATION, False, id="another-account"),
        pytest.param(ACCOUNT, None, "o-anotherorgid", False, id="another-organization"),
    ],
)
def test_who_may_take_the_role(
    made: Stack, account_id: str, role: str | None, organization: str, may: bool
) -> None:
    trust = made.properties("LookRole")["AssumeRolePolicyDocument"]
    own = made.properties(FUNCTION)["Role"].partition(":role/")[2]
    [statement] = trust["Statement"]

    assert (
        allows(
            {"Statement": [statement | {"Resource": "*"}]},
            principal=f"arn:aws:iam::{account_id}:root",
            action="sts:AssumeRole",
            given={
                "aws:PrincipalArn": f"arn:aws:iam::{account_id}:role/{role or own}",
                "aws:PrincipalOrgID": organization,
            },
        )
        == may
    )


def test_it_may_do_what_a_look_does_and_no_more(made: Stack) -> None:
    [policy] = made.properties("LookRole")["Policies"]
    [statement] = policy["PolicyDocument"]["Statement"]
    look = (ROOT / "functions/security_group_alerter/aws/account_look.py").read_text("utf-8")
    calls = {
        f"ec2:{name}"
        for name in get_session().get_service_model("ec2").operation_names
        if re.search(rf"""(client\.|get_paginator\("){xform_name(name)}["(]""", look)
    }

    assert statement["Effect"] == "Allow"
    assert set(statement["Action"]) == calls
    assert len(calls) == len(statement["Action"]) > 8
    assert all(name.startswith(("ec2:Describe", "ec2:Get")) for name in calls)


@pytest.mark.parametrize(
    ("boundary", "of_a_member"),
    [
        pytest.param("", None, id="none"),
        pytest.param(
            f"arn:aws:iam::{ACCOUNT}:policy/platform/boundary",
            f"arn:aws:iam::{ACCOUNT}:policy/platform/boundary",
            id="the-accounts-own",
        ),
        pytest.param(
            f"arn:aws:iam::{MEMBER}:policy/boundary",
            f"arn:aws:iam::{ACCOUNT}:policy/boundary",
            id="of-the-account-of-the-role",
        ),
        pytest.param(
            "arn:aws:iam::aws:policy/ReadOnlyAccess",
            "arn:aws:iam::aws:policy/ReadOnlyAccess",
            id="of-aws",
        ),
    ],
)
def test_a_boundary_is_in_the_account_of_its_role(boundary: str, of_a_member: str | None) -> None:
    role = deployed(PermissionsBoundary=boundary, **CREATE).properties("LookRole")

    assert role.get("PermissionsBoundary") == of_a_member


def test_the_name_fits_iam_in_every_region() -> None:
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
    session = boto3.Session()
    regions = [
        region
        for partition in session.get_available_partitions()
        for region in session.get_available_regions("ec2", partition)
    ]

    assert max(len(f"{'s' * LONGEST_STACK_NAME}-look-{region}") for region in regions) <= 64
