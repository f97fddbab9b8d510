"""Looking into accounts: off, with roles that a stack set makes, or with a role that is there."""

import json
from typing import Any, Final

import pytest

from local.deployment import NAMED_IAM
from local.look_roles import SAMPLE
from local.preflight.looking import STACK_SETS
from tests.local.cloud import MANAGEMENT, REGION, STACK, Cloud, Terminal, refusal
from tests.local.control_tower import make_trail
from tests.local.member_roles import LOOK, PARAMETERS, give_role, trust_of
from tests.local.preflight.arrangements import (
    EMAILS,
    MEMBER,
    REUSE,
    Arrangement,
    Preflight,
    assert_stop,
    assert_warning,
    be,
    make_log_group,
    nothing,
)
from tests.local.stack_parts import add_account

CREATE: Final = (*EMAILS, "--parameter", "LookRole=create")
# Followed by OrganizationalUnitIds=…
UNITS: Final = ("--parameter", "LookRole=create", "--parameter")
GIVEN: Final = (*EMAILS, *PARAMETERS)
NAMED: Final = f"payments-production ({MEMBER})"


def root_of(aws: Cloud) -> str:
    return str(aws.client("organizations").list_roots()["Roots"][0]["Id"])


def unit_in(aws: Cloud) -> str:
    client = aws.client("organizations")
    made = client.create_organizational_unit(ParentId=root_of(aws), Name="Workloads")
    return str(made["OrganizationalUnit"]["Id"])


def trust_stack_sets(aws: Cloud, status: str = "ENABLED", call_as: str = "SELF") -> None:
    aws.answers["DescribeOrganizationsAccess"] = lambda request: {
        "Status": status if request["CallAs"] == call_as else "DISABLED"
    }


def delegate(aws: Cloud) -> None:
    """Beside a trail of the management account, in a member that administers stack sets."""
    make_trail(aws)
    make_log_group(aws)
    trust_stack_sets(aws, call_as="DELEGATED_ADMIN")
    be(MEMBER)(aws)
    aws.answers["ListDelegatedAdministrators"] = lambda request: {
        "DelegatedAdministrators": [{"Id": MEMBER}]
        if request.get("ServicePrincipal", STACK_SETS) == STACK_SETS
        else []
    }


def nobody_is_delegated(aws: Cloud) -> None:
    delegate(aws)
    aws.answers["ListDelegatedAdministrators"] = lambda _: {"DelegatedAdministrators": []}


def add_member(aws: Cloud) -> None:
    add_account(aws, MEMBER, "payments-production")


# Off.


def test_off_says_how_to_turn_it_on(aws: Cloud, run: Preflight) -> None:
    assert (
        "looking off: alerts do not say what a security group is attached to. To turn it on for "
        "the whole organization: --parameter LookRole=create --parameter "
        f"OrganizationalUnitIds={root_of(aws)}" in run(*EMAILS).lines("ok")
    )


def test_off_asks_for_no_permission(aws: Cloud, run: Preflight) -> None:
    aws.refuse("ListRoots")

    result = run(*EMAILS)

    assert result.lines("warning") == []
    assert [it for it in result.lines("ok") if it.endswith("OrganizationalUnitIds=r-…")]


# Roles that a stack set makes.


def test_the_whole_organization(aws: Cloud, run: Preflight) -> None:
    trust_stack_sets(aws)
    root = root_of(aws)

    result = run(*EMAILS, *UNITS, f"OrganizationalUnitIds={root}")

    assert result.status == 0
    assert result.lines("warning") == []
    assert "looking trusted access is enabled for StackSets" in result.lines("ok")
    assert f"looking every account gets the role, from the root {root} down" in result.lines("ok")


def test_a_part_of_the_organization(aws: Cloud, run: Preflight) -> None:
    trust_stack_sets(aws)
    unit = unit_in(aws)

    result = run(*EMAILS, *UNITS, f"OrganizationalUnitIds={unit}")

    assert result.status == 0
    assert (
        f"looking accounts in {unit} get the role, and others do not. For the whole organization: "
        f"--parameter OrganizationalUnitIds={root_of(aws)}, its root" in result.lines("ok")
    )


def test_a_delegated_administrator_of_stack_sets(aws: Cloud, run: Preflight) -> None:
    delegate(aws)

    result = run(*REUSE, *UNITS, f"OrganizationalUnitIds={root_of(aws)}")

    assert result.status == 0
    assert "looking trusted access is enabled for StackSets" in result.lines("ok")
    assert [
        it
        for it in result.lines("warning")
        if f"looking stack sets do not reach the management account, {MANAGEMENT}. To look" in it
    ]


STOPS: Final[list[tuple[str, Arrangement, tuple[str, ...], str]]] = [
    (
        "no-unit",
        trust_stack_sets,
        CREATE,
        'parameters LookRole "create" needs OrganizationalUnitIds: the ID of the',
    ),
    (
        "no-unit-and-the-root-is-shown",
        trust_stack_sets,
        CREATE,
        "looking OrganizationalUnitIds is empty. For the whole organization: --parameter "
        "OrganizationalUnitIds=r-",
    ),
    (
        "unit-of-another-organization",
        trust_stack_sets,
        (*EMAILS, *UNITS, "OrganizationalUnitIds=ou-ab12-11111111"),
        "looking the organization has no unit ou-ab12-11111111. For the whole organization:",
    ),
    (
        "unit-that-is-no-id",
        trust_stack_sets,
        (*EMAILS, *UNITS, "OrganizationalUnitIds=Workloads"),
        "parameters OrganizationalUnitIds='Workloads' must be IDs of organizational units",
    ),
    (
        "no-trusted-access",
        lambda aws: trust_stack_sets(aws, "DISABLED"),
        (*EMAILS, *UNITS, "OrganizationalUnitIds=r-ab12"),
        "looking trusted access is not enabled for StackSets, and CloudFormation cannot enable it. "
        "In the management account: aws cloudformation activate-organizations-access "
        f"--region {REGION}",
    ),
    (
        "member-that-may-not-deploy-stack-sets",
        nobody_is_delegated,
        (*REUSE, *UNITS, "OrganizationalUnitIds=r-ab12"),
        f"looking account {MEMBER} may not deploy stack sets to the organization. In {MANAGEMENT}: "
        f"aws organizations register-delegated-administrator --account-id {MEMBER} "
        "--service-principal member.org.stacksets.cloudformation.amazonaws.com",
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


def test_a_role_with_a_name_needs_its_capability(
    aws: Cloud, run: Preflight, shell: Terminal
) -> None:
    trust_stack_sets(aws)
    shell.configure(
        f'[default.deploy.parameters]\nstack_name = "{STACK}"\n'
        'capabilities = "CAPABILITY_IAM CAPABILITY_AUTO_EXPAND"\n'
    )

    assert_stop(
        run(*EMAILS, *UNITS, f"OrganizationalUnitIds={root_of(aws)}"),
        f"looking samconfig.toml has capabilities without {NAMED_IAM}, which a role with a name "
        f'needs. Set capabilities = "{NAMED_IAM} CAPABILITY_AUTO_EXPAND" there',
    )


def test_units_that_cannot_be_asked_for_are_a_warning(aws: Cloud, run: Preflight) -> None:
    trust_stack_sets(aws)
    aws.refuse("DescribeOrganizationalUnit")

    assert_warning(
        run(*EMAILS, *UNITS, "OrganizationalUnitIds=ou-ab12-11111111"),
        "looking could not be checked: you do not have the permission DescribeOrganizationalUnit",
    )


# A role that is there.


def test_a_role_that_every_account_has(aws: Cloud, run: Preflight) -> None:
    add_member(aws)
    for account_id in (MANAGEMENT, MEMBER):
        give_role(aws, account_id)

    result = run(*GIVEN)

    assert result.status == 0
    assert result.lines("warning") == []
    assert "looking 2 of 2 accounts asked can be looked into" in result.lines("ok")


def other_trust(**changed: Any) -> Arrangement:
    def arrange(aws: Cloud) -> None:
        give_role(aws, MEMBER, LOOK, trust_of(aws, **changed))

    return arrange


def denied(aws: Cloud) -> None:
    give_role(aws, MEMBER, LOOK, trust_of(aws), trust_of(aws, Effect="Deny", Condition={}))


PROBLEMS: Final[list[tuple[str, Arrangement, str]]] = [
    ("no-role", nothing, "it has no role look"),
    (
        "another-path",
        lambda aws: give_role(aws, MEMBER, "audit/look"),
        f"its role is arn:aws:iam::{MEMBER}:role/audit/look, by another path",
    ),
    *(
        (
            name,
            arrange,
            f"the trust policy of its role look does not let in arn:aws:iam::{MANAGEMENT}:role/"
            f"security-group-alerter/{STACK}/*",
        )
        for name, arrange in (
            (
                "another-stack",
                other_trust(
                    Condition={"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/x/alerter/*"}}
                ),
            ),
            ("another-account", other_trust(Principal={"AWS": f"arn:aws:iam::{MEMBER}:root"})),
            ("an-external-id", other_trust(Condition={"StringEquals": {"sts:ExternalId": "x"}})),
            ("denied", denied),
        )
    ),
]


@pytest.mark.parametrize(
    ("arrange", "problem"), [pytest.param(*row, id=name) for name, *row in PROBLEMS]
)
def test_an_account_that_cannot_be_looked_into_is_named(
    aws: Cloud, run: Preflight, arrange: Arrangement, problem: str
) -> None:
    add_member(aws)
    give_role(aws, MANAGEMENT)
    arrange(aws)

    result = run(*GIVEN)

    assert_warning(result, f"looking no look into {NAMED}: {problem}. docs/deploy.md, ")
    assert "looking 1 of 2 accounts asked can be looked into" in result.lines("ok")


@pytest.mark.parametrize("operation", ["AssumeRole", "GetRole"])
def test_an_account_that_cannot_be_asked_is_not_called_blind(
    aws: Cloud, run: Preflight, operation: str
) -> None:
    add_member(aws)
    aws.answers[operation] = refusal(operation, "AccessDenied", "User: me is not authorized.")
    if operation == "AssumeRole":
        give_role(aws, MANAGEMENT)

    result = run(*GIVEN)

    assert not [it for it in result.lines("warning") if "no look into" in it]
    [line] = [it for it in result.lines("warning") if it.startswith("looking ")]
    assert f": {operation}: User: me is not authorized. Name a role that you may assume" in line


def test_the_person_may_read_roles_there_and_nothing_else(aws: Cloud, run: Preflight) -> None:
    add_member(aws)
    asked: list[dict[str, Any]] = []

    def answer(request: dict[str, Any]) -> Any:
        asked.append(request)
        return refusal("AssumeRole", "AccessDenied")(request)

    aws.answers["AssumeRole"] = answer
    run(*GIVEN, "--through", "AWSControlTowerExecution")

    [request] = asked
    assert request["RoleArn"] == f"arn:aws:iam::{MEMBER}:role/AWSControlTowerExecution"
    [statement] = json.loads(request["Policy"])["Statement"]
    assert statement["Action"] == "iam:GetRole"


def test_credentials_that_ran_out_stop_it(aws: Cloud, run: Preflight) -> None:
    add_member(aws)
    aws.refuse("AssumeRole", "ExpiredToken")

    assert_stop(run(*GIVEN), "account AssumeRole: no. Sign in")


MANY: Final = 24


@pytest.fixture
def many(aws: Cloud) -> Cloud:
    """An organization with a look role in no account."""
    for number in range(MANY - 1):
        add_account(aws, f"{number:012}", f"account-{number}")
    return aws


def test_a_sample_is_asked_first(many: Cloud, run: Preflight) -> None:
    give_role(many, MANAGEMENT)

    result = run(*GIVEN)

    assert (
        f"looking 1 of {SAMPLE} accounts asked can be looked into. To ask the other "
        f"{MANY - SAMPLE} as well: --all" in result.lines("ok")
    )
    assert len([it for it in result.lines("warning") if "no look into" in it]) == SAMPLE - 1


@pytest.mark.usefixtures("many")
def test_all_are_asked_and_some_are_named(run: Preflight) -> None:
    result = run(*GIVEN, "--all")

    warnings = [it for it in result.lines("warning") if "no look into" in it]
    assert len(warnings) == 21
    assert (
        warnings[-1] == f"looking no look into {MANY - 20} more accounts. See to those above first"
    )
    assert not [it for it in result.lines("ok") if it.startswith("looking ")]


def test_accounts_that_cannot_be_listed_are_a_warning(aws: Cloud, run: Preflight) -> None:
    aws.refuse("ListAccounts")

    assert_warning(
        run(*GIVEN), "looking could not be checked: you do not have the permission ListAccounts"
    )


# The Region.


def test_a_region_that_is_off_in_new_accounts(aws: Cloud, run: Preflight) -> None:
    aws.answers["DescribeRegions"] = lambda it: {
        "Regions": [{"RegionName": it["RegionNames"][0], "OptInStatus": "opted-in"}]
    }

    assert_warning(
        run(*GIVEN),
        f"looking {REGION} is disabled in an account until somebody enables it, and the alerter",
    )
