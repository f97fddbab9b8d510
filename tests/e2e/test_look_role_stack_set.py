"""LookRole "create": the stack makes the role in every account, and looks with it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from local.deliveries import MANAGEMENT_ACCOUNT_ID, TRAIL_REGION
from tests.e2e.commands import make_call, run_on
from tests.e2e.emulator import Emulator
from tests.e2e.members import Member
from tests.e2e.organization import Organization, join, make_unit, move, root_of
from tests.e2e.queues import subscribed_queue
from tests.e2e.scenes import Scene, assert_nothing_seen, attached_in
from tests.e2e.stacks import Stack

pytestmark = pytest.mark.no_cover

ALERTER: Final = "alerter-that-makes-roles"
TRAIL: Final = "trail-of-the-alerter-that-makes-roles"
ROLE: Final = f"{ALERTER}-look-{TRAIL_REGION}"


@pytest.fixture(scope="module")
def retail(emulator: Emulator, organization: Organization) -> str:
    """An organizational unit. Returns its id."""
    assert organization.id
    return make_unit(emulator, root_of(emulator), "Retail")


@pytest.fixture(scope="module")
def shop(emulator: Emulator, retail: str) -> Member:
    """An account of the unit."""
    return joined(emulator, "shop", retail)


@pytest.fixture(scope="module")
def warehouse(emulator: Emulator, retail: str) -> Member:
    """An account of a unit in that unit, in another Region than the stack."""
    logistics = make_unit(emulator, retail, "Logistics")
    return joined(emulator, "warehouse", logistics, region="eu-west-1")


@pytest.fixture(scope="module")
def headquarters(emulator: Emulator) -> Member:
    """The management account, which no stack set reaches."""
    return Member(emulator=emulator, account_id=MANAGEMENT_ACCOUNT_ID)


@pytest.fixture(scope="module")
def stack(
    template: Path, organization: Organization, retail: str, shop: Member, warehouse: Member
) -> Stack:
    """A stack that makes the role in the accounts of the unit, and in its own."""
    assert not has_role(shop)
    assert not has_role(warehouse)
    emulator = shop.emulator
    emulator.client("cloudformation").activate_organizations_access()
    emulator.client("logs").create_log_group(logGroupName=TRAIL)
    stack = Stack(emulator, template, ALERTER, organization.id)
    stack.deploy(
        ExistingTrailLogGroupName=TRAIL,
        TrailName=TRAIL,
        KmsKey="none",
        LookRole="create",
        OrganizationalUnitIds=retail,
    )
    return stack


@pytest.fixture
def scene(stack: Stack, organization: Organization) -> Iterator[Scene]:
    with subscribed_queue(stack.emulator, stack.outputs["AlertTopicArn"]) as queue:
        yield Scene(stack=stack, queue=queue, organization=organization)


@pytest.fixture
def newcomer(emulator: Emulator, stack: Stack) -> Member:
    """An account that joins the organization after the stack was deployed."""
    assert stack.name
    return Member(emulator=emulator, account_id=join(emulator, "newcomer"))


def joined(emulator: Emulator, name: str, unit_id: str, region: str = TRAIL_REGION) -> Member:
    """A new account of the unit."""
    account_id = join(emulator, name)
    move(emulator, account_id, unit_id)
    return Member(emulator=emulator, account_id=account_id, region=region)


def has_role(member: Member) -> bool:
    """Whether the account has the role."""
    pages = member.emulator.client("iam", member.account_id).get_paginator("list_roles").paginate()
    return ROLE in {role["RoleName"] for page in pages for role in page["Roles"]}


# Where the role is.


def test_every_account_of_the_unit_has_the_role_and_the_own_account_too(
    stack: Stack, shop: Member, warehouse: Member, headquarters: Member, organization: Organization
) -> None:
    not_in_the_unit = Member(emulator=stack.emulator, account_id=organization.account_id)

    assert has_role(shop)
    assert has_role(warehouse)
    assert has_role(headquarters)
    assert not has_role(not_in_the_unit)
    assert stack.outputs["LookRoleName"] == ROLE


@pytest.mark.parametrize("account", ["shop", "warehouse", "headquarters"])
def test_the_public_instance_behind_a_group_is_named(
    scene: Scene, request: pytest.FixtureRequest, account: str
) -> None:
    member: Member = request.getfixturevalue(account)
    group = member.open_group("bastion-access")
    bastion = member.attach_instance(group, "bastion", is_public=True)

    alert = scene.alert_on_opening(group, member)

    assert alert.attributes["account_id"] == member.account_id
    assert alert.attributes["reach"] == "public"
    assert "open to the whole IPv4 Internet on 1 public instance" in alert.subject
    [attached] = attached_in(alert)
    assert attached["used_by"] == bastion.id
    assert attached["owner_id"] == member.account_id
    assert attached["public_ipv4"] == [bastion.public_address]


def test_an_account_that_comes_gets_the_role_and_one_that_leaves_loses_it(
    scene: Scene, emulator: Emulator, retail: str, newcomer: Member
) -> None:
    first, second, third = (newcomer.open_group(it) for it in ("first", "second", "third"))
    for group in (first, second, third):
        newcomer.attach_instance(group, "bastion", is_public=True)

    assert_nothing_seen(scene.alert_on_opening(first, newcomer), newcomer, ROLE)

    move(emulator, newcomer.account_id, retail)
    # What the function has tried once, it does not try again while it is warm.
    scene.stack.restart()
    assert scene.alert_on_opening(second, newcomer).attributes["reach"] == "public"

    move(
        emulator, newcomer.account_id, root_of(emulator)
    )  # the function is warm, and still has credentials
    assert_nothing_seen(scene.alert_on_opening(third, newcomer), newcomer, ROLE)


# What the commands say of it.


def test_verify_counts_the_accounts_that_have_the_role(stack: Stack) -> None:
    run = run_on(stack, "local.verify")

    assert "the role was made in 3 of " in run.out


def test_preflight_prints_the_command_that_gives_trusted_access(stack: Stack, retail: str) -> None:
    stack.emulator.client("cloudformation").deactivate_organizations_access()
    asked = ("--parameter", "LookRole=create", "--parameter", f"OrganizationalUnitIds={retail}")

    before = run_on(stack, "local.preflight", *asked)
    [stop] = before.lines("stop")
    make_call(stack.emulator, stop.partition(": aws ")[2])
    after = run_on(stack, "local.preflight", *asked)

    assert "trusted access is not enabled for StackSets" in stop
    assert after.lines("stop") == []
    assert "looking trusted access is enabled for StackSets" in after.lines("ok")


# At the end, since it ends the stack.


def test_the_roles_go_with_the_stack(
    stack: Stack, shop: Member, warehouse: Member, headquarters: Member
) -> None:
    assert all(map(has_role, (shop, warehouse, headquarters)))

    stack.delete()

    assert not any(map(has_role, (shop, warehouse, headquarters)))
