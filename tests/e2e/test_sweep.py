"""A sweep of two accounts and two Regions: plan, queue, sweep and table, on a deployed stack."""

from pathlib import Path
from typing import Any, Final

import pytest

from local.deliveries import MANAGEMENT_ACCOUNT_ID, TRAIL_REGION
from tests.e2e.commands import run_on
from tests.e2e.emulator import Emulator
from tests.e2e.members import Group, Member
from tests.e2e.organization import Organization, join
from tests.e2e.roles import Role
from tests.e2e.stacks import Stack
from tests.e2e.waiting import wait_for

pytestmark = pytest.mark.no_cover

ALERTER: Final = "alerter-that-sweeps"
TRAIL: Final = "trail-of-the-alerter-that-sweeps"
ROLE: Final = "security-group-alerter-sweep"
ANOTHER_REGION: Final = "eu-west-1"


@pytest.fixture(scope="module")
def stack(emulator: Emulator, template: Path, organization: Organization) -> Stack:
    emulator.client("logs").create_log_group(logGroupName=TRAIL)
    stack = Stack(emulator, template, ALERTER, organization.id)
    stack.deploy(ExistingTrailLogGroupName=TRAIL, TrailName=TRAIL, KmsKey="none", LookRole=ROLE)
    return stack


def member_of(emulator: Emulator, organization: Organization, name: str, region: str) -> Member:
    """An account that has the look role."""
    member = Member(emulator=emulator, account_id=join(emulator, name), region=region)
    member.deploy_look_role(
        RoleName=ROLE,
        AlerterAccountId=MANAGEMENT_ACCOUNT_ID,
        AlerterStackName=ALERTER,
        OrganizationId=organization.id,
    )
    return member


@pytest.fixture(scope="module")
def finance(emulator: Emulator, organization: Organization) -> Member:
    return member_of(emulator, organization, "finance", TRAIL_REGION)


@pytest.fixture(scope="module")
def research(emulator: Emulator, organization: Organization) -> Member:
    return member_of(emulator, organization, "research", ANOTHER_REGION)


def item_of(stack: Stack, key: str) -> Any:
    table = stack.resources()["GroupMemoryTable"]
    answer = stack.emulator.client("dynamodb").get_item(
        TableName=table, Key={"resource": {"S": key}}
    )
    return answer.get("Item")


def key_of(group: Group, member: Member) -> str:
    return f"{member.account_id}/{member.region}/{group.id}"


def swept(stack: Stack, member: Member) -> Any:
    """The item of the member's place, once it was swept."""
    key = f"#sweep/{member.account_id}/{member.region}"
    found = wait_for(lambda: item_of(stack, key), f"sweep of {member.region}")
    assert "problem" not in found, found
    return found


def test_what_stands_open_in_two_accounts_and_two_regions_is_found(
    stack: Stack, finance: Member, research: Member
) -> None:
    before = finance.open_group("ledger-access")
    elsewhere = research.open_group("cluster-access")
    research.attach_instance(elsewhere, "head-node", is_public=True)

    ran = run_on(stack, "local.sweep")

    assert "sweeps of an account and Region are on the way" in ran.out
    # Other accounts of the emulator's organization do not have this role.
    assert ran.status == 1
    for member in (finance, research):
        assert "first_at" in swept(stack, member)
    quiet = {}
    for group, member in ((before, finance), (elsewhere, research)):
        [told] = item_of(stack, key_of(group, member))["told"]["M"].values()
        assert told["M"]["is_quiet"] == {"BOOL": True}
        quiet[group.id] = told["M"]["severity"]["S"], told["M"]["reach"]["S"]
    assert quiet == {before.id: ("MEDIUM", "unattached"), elsewhere.id: ("CRITICAL", "public")}


def test_group_that_is_deleted_without_a_record_is_known_as_gone(
    stack: Stack, finance: Member
) -> None:
    group = finance.open_group("to-be-deleted")
    run_on(stack, "local.sweep")
    key = key_of(group, finance)
    first = wait_for(lambda: item_of(stack, key), "what the sweep saw")
    finance.ec2.delete_security_group(GroupId=group.id)

    run_on(stack, "local.sweep")

    def changed() -> Any:
        item = item_of(stack, key)
        return item if item["version"] != first["version"] else None

    # It is in the index until the watch has told of it.
    assert "expires" in wait_for(changed, "end of the group")


def test_account_that_cannot_be_swept_is_named(
    stack: Stack, emulator: Emulator, organization: Organization, noticed: dict[str, str]
) -> None:
    newcomer = join(emulator, "without-the-role")
    narrowed = member_of(emulator, organization, "role-of-another-version", TRAIL_REGION)
    Role(emulator, ROLE, narrowed.account_id).take("Look", "ec2:DescribeRegions")

    run_on(stack, "local.sweep")

    for account_id, why in (
        (newcomer, f"the role {ROLE} does not exist in account {newcomer}, or may not be assumed"),
        (narrowed.account_id, f"the role {ROLE} may not read it in account {narrowed.account_id}"),
    ):
        named = item_of(stack, f"#sweep/{account_id}")
        assert named["problem"] == {"S": why}
        assert named["open_severity"] == {"S": "#not-swept"}
    noticed["ec2:DescribeRegions"] = f"the account is not swept, and its item says: {why}"
