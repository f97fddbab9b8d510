"""Looks into member accounts: what stands behind a group, by roles that are really assumed.

A stack in each account makes the role from stacks/look-role.yaml, as a person would who names it in
LookRole. test_look_role_stack_set.py lets the alerter's stack make them.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from local.deliveries import MANAGEMENT_ACCOUNT_ID
from tests.e2e.emulator import Emulator
from tests.e2e.members import Member
from tests.e2e.organization import Organization, join
from tests.e2e.queues import Notification, subscribed_queue
from tests.e2e.roles import Role
from tests.e2e.scenes import Scene, assert_nothing_seen, attached_in, look_in
from tests.e2e.stacks import Stack
from tests.stories import story

pytestmark = pytest.mark.no_cover

ALERTER: Final = "alerter-that-looks"
TRAIL: Final = "trail-of-the-alerter-that-looks"
ROLE: Final = "security-group-alerter-look"
ANOTHER_REGION: Final = "eu-west-1"
# An account that never joined.
OUTSIDE: Final = "999988887777"
WIDENED: Final = "prefix-list-widened-to-the-world"


@pytest.fixture(scope="module")
def stack(emulator: Emulator, template: Path, organization: Organization) -> Stack:
    """A stack that looks, beside the one of the other tests."""
    emulator.client("logs").create_log_group(logGroupName=TRAIL)
    stack = Stack(emulator, template, ALERTER, organization.id)
    stack.deploy(ExistingTrailLogGroupName=TRAIL, TrailName=TRAIL, KmsKey="none", LookRole=ROLE)
    return stack


@pytest.fixture
def scene(stack: Stack, organization: Organization) -> Iterator[Scene]:
    with subscribed_queue(stack.emulator, stack.outputs["AlertTopicArn"]) as queue:
        yield Scene(stack=stack, queue=queue, organization=organization)


def with_look_role(member: Member, organization: Organization, **changed: str) -> Member:
    """The account, after the role was made there, as the alerter needs it or `changed`."""
    parameters = {
        "RoleName": ROLE,
        "AlerterAccountId": MANAGEMENT_ACCOUNT_ID,
        "AlerterStackName": ALERTER,
        "OrganizationId": organization.id,
    }
    member.deploy_look_role(**(parameters | changed))
    return member


@pytest.fixture(scope="module")
def payments(emulator: Emulator, organization: Organization) -> Member:
    member = Member(emulator=emulator, account_id=organization.account_id)
    return with_look_role(member, organization)


@pytest.fixture(scope="module")
def logistics(emulator: Emulator, organization: Organization) -> Member:
    """In another Region than the stack of its role: IAM is global."""
    member = Member(
        emulator=emulator, account_id=join(emulator, "logistics"), region=ANOTHER_REGION
    )
    return with_look_role(member, organization)


@pytest.fixture
def newcomer(emulator: Emulator, organization: Organization) -> Member:
    """An account of the organization, still without the role."""
    assert organization.id
    return Member(emulator=emulator, account_id=join(emulator, "newcomer"))


# What is seen.


def test_the_public_instance_behind_a_group_is_named(scene: Scene, payments: Member) -> None:
    group = payments.open_group("bastion-access")
    worker = payments.attach_instance(group, "worker")
    bastion = payments.attach_instance(group, "bastion", is_public=True)

    alert = scene.alert_on_opening(group, payments)

    assert alert.attributes["severity"] == "CRITICAL"
    assert alert.attributes["reach"] == "public"
    assert "open to the whole IPv4 Internet on 1 public instance" in alert.subject
    assert attached_in(alert) == [
        {
            "used_as": "instance",
            "used_by": bastion.id,
            "name": "bastion",
            "owner_id": payments.account_id,
            "private_addresses": [bastion.private_address],
            "public_ipv4": [bastion.public_address],
        },
        {
            "used_as": "instance",
            "used_by": worker.id,
            "name": "worker",
            "owner_id": payments.account_id,
            "private_addresses": [worker.private_address],
        },
    ]
    look = look_in(alert)
    assert look.pop("seen_at")
    assert look == {
        "resource_id": group.id,
        "reach": "public",
        "is_complete": True,
        "name": "bastion-access",
        "vpc_id": group.vpc_id,
        "attached": 2,
        "attached_public": 1,
        "block_public_access": "off",
    }


def test_what_is_private_in_another_account_and_region_is_named(
    scene: Scene, logistics: Member
) -> None:
    group = logistics.open_group("warehouse")
    scanner = logistics.attach_instance(group, "scanner")

    alert = scene.alert_on_opening(group, logistics)

    assert alert.attributes["account_name"] == "logistics"
    assert alert.attributes["region"] == ANOTHER_REGION
    assert alert.attributes["reach"] == "private"
    [attached] = attached_in(alert)
    assert attached["used_by"] == scanner.id
    assert attached["private_addresses"] == [scanner.private_address]
    assert "public_ipv4" not in attached
    assert look_in(alert)["is_complete"]


def test_a_group_that_nothing_uses_is_unattached(scene: Scene, logistics: Member) -> None:
    group = logistics.open_group("left-over")

    alert = scene.alert_on_opening(group, logistics)

    assert alert.attributes["severity"] == "MEDIUM"
    assert alert.attributes["reach"] == "unattached"
    assert attached_in(alert) == []
    assert look_in(alert)["attached"] == 0


def test_each_account_of_one_delivery_is_seen(
    scene: Scene, payments: Member, logistics: Member
) -> None:
    access, warehouse = payments.open_group("access"), logistics.open_group("at-once")
    bastion = payments.attach_instance(access, "bastion", is_public=True)
    scanner = logistics.attach_instance(warehouse, "scanner")
    records = [scene.opening_of(access, payments), scene.opening_of(warehouse, logistics)]

    scene.stack.put(*records)

    alerts = scene.queue.alerts_until(*(record["eventID"] for record in records))
    seen = {
        alert.attributes["account_id"]: (
            alert.attributes["reach"],
            [it["used_by"] for it in attached_in(alert)],
        )
        for alert in alerts
    }
    assert seen == {
        payments.account_id: ("public", [bastion.id]),
        logistics.account_id: ("private", [scanner.id]),
    }


def test_the_group_that_refers_to_a_widened_list_is_named(scene: Scene, payments: Member) -> None:
    prefix_list_id, group_id, instance_id = list_that_reaches_an_instance(payments)

    alert = scene.alert_on(widening_of(prefix_list_id, scene, payments))

    assert alert.attributes["reach"] == "public"
    look = look_in(alert)
    assert look["is_complete"]
    assert look["ranges"] == ["0.0.0.0/1", "128.0.0.0/1"]
    assert look["referred_to_by"] == [group_id]
    [attached] = attached_in(alert)
    assert attached["used_by"] == instance_id


def list_that_reaches_an_instance(member: Member) -> tuple[str, str, str]:
    """A prefix list, the group that refers to it, and the public instance behind the group."""
    prefix_list_id = member.ec2.create_managed_prefix_list(
        PrefixListName="partner-networks",
        AddressFamily="IPv4",
        MaxEntries=20,
        Entries=[{"Cidr": "0.0.0.0/1"}, {"Cidr": "128.0.0.0/1"}],
    )["PrefixList"]["PrefixListId"]
    group = member.open_group("partners")
    member.ec2.authorize_security_group_ingress(
        GroupId=group.id,
        IpPermissions=[
            {
                "IpProtocol": "tcp",
                "FromPort": 5432,
                "ToPort": 5432,
                "PrefixListIds": [{"PrefixListId": prefix_list_id}],
            }
        ],
    )
    instance = member.attach_instance(group, "gateway", is_public=True)
    return prefix_list_id, group.id, instance.id


def widening_of(prefix_list_id: str, scene: Scene, member: Member) -> dict[str, Any]:
    """The record of the call that let the Internet into the list."""
    asked = story(WIDENED)["requestParameters"]["ModifyManagedPrefixListRequest"]
    return scene.organization.record_of(
        WIDENED,
        recipientAccountId=member.account_id,
        requestParameters={
            "ModifyManagedPrefixListRequest": asked | {"PrefixListId": prefix_list_id}
        },
    )


# What is not seen: the alert comes without it, and says why.


def test_the_role_is_taken_away(scene: Scene, newcomer: Member) -> None:
    with_look_role(newcomer, scene.organization)
    first, second = newcomer.open_group("first"), newcomer.open_group("second")
    for group in (first, second):
        newcomer.attach_instance(group, "bastion", is_public=True)
    seen = scene.alert_on_opening(first, newcomer)
    assert seen.attributes["reach"] == "public"

    newcomer.delete_look_role()  # the function is warm, and still has credentials
    alert = scene.alert_on_opening(second, newcomer)

    assert_nothing_seen(alert, newcomer, ROLE)


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"AlerterStackName": "another-alerter"}, id="another-stack"),
        pytest.param({"AlerterAccountId": OUTSIDE}, id="another-account"),
        pytest.param({"OrganizationId": "o-another0organization"}, id="another-organization"),
        pytest.param({"RoleName": "another-role"}, id="another-name"),
    ],
)
def test_a_role_that_trusts_somebody_else_lets_nobody_in(
    scene: Scene, newcomer: Member, changed: dict[str, str]
) -> None:
    with_look_role(newcomer, scene.organization, **changed)
    group = newcomer.open_group("closed-to-us")

    alert = scene.alert_on_opening(group, newcomer)

    assert_nothing_seen(alert, newcomer, ROLE)


def test_the_function_assumes_no_role_outside_its_organization(
    emulator: Emulator, scene: Scene
) -> None:
    outsider = Member(emulator=emulator, account_id=OUTSIDE)
    with_look_role(outsider, scene.organization)
    group = outsider.open_group("not-ours")

    alert = scene.alert_on_opening(group, outsider)

    assert_nothing_seen(alert, outsider, ROLE)


# Least privilege.


def test_without_its_statement_the_function_sees_nothing(
    scene: Scene, payments: Member, noticed: dict[str, str]
) -> None:
    group = payments.open_group("not-looked-at")
    payments.attach_instance(group, "bastion", is_public=True)
    role = Role(payments.emulator, scene.stack.resources()["SecurityGroupAlerterRole"])

    scene.stack.restart()  # a warm function has credentials
    with role.without("LookIntoAccounts"):
        alert = scene.alert_on_opening(group, payments)

    problem = assert_nothing_seen(alert, payments, ROLE)
    noticed["LookIntoAccounts"] = f"the alert goes out, and says: {problem}"


# Action of the look role -> what the alert says was not seen.
OF_GROUPS: Final[Mapping[str, str]] = {
    "ec2:DescribeNetworkInterfaces": "its network interfaces",
    "ec2:DescribeSecurityGroupRules": "its rules",
    "ec2:DescribeSecurityGroups": "its name, VPC and tags",
    "ec2:DescribeSecurityGroupVpcAssociations": "whether it is associated with other VPCs",
    "ec2:DescribeVpcBlockPublicAccessOptions": "VPC Block Public Access",
    "ec2:DescribeVpcs": "who owns its VPC",
}
OF_LISTS: Final[Mapping[str, str]] = {
    "ec2:DescribeManagedPrefixLists": "its name and version",
    "ec2:GetManagedPrefixListEntries": "its ranges",
}
OF_NAMES: Final = "ec2:DescribeTags"
# No alert needs it: test_sweep.py.
OF_THE_SWEEP: Final = "ec2:DescribeRegions"
# Reach does not depend on it.
BLOCK_MODE: Final = "ec2:DescribeVpcBlockPublicAccessOptions"


def test_the_tables_have_every_action(payments: Member) -> None:
    role = Role(payments.emulator, ROLE, payments.account_id)

    assert role.sids == ["Look"]
    assert set(role.actions("Look")) == {*OF_GROUPS, *OF_LISTS, OF_NAMES, OF_THE_SWEEP}


def without_action(action: str, newcomer: Member, organization: Organization) -> None:
    """Make the role, and take the action from it."""
    with_look_role(newcomer, organization)
    Role(newcomer.emulator, ROLE, newcomer.account_id).take("Look", action)


@pytest.mark.parametrize("action", OF_GROUPS)
def test_without_an_action_the_alert_says_what_of_the_group_is_missing(
    scene: Scene, newcomer: Member, noticed: dict[str, str], action: str
) -> None:
    without_action(action, newcomer, scene.organization)
    group = newcomer.open_group("seen-in-part")
    newcomer.attach_instance(group, "bastion", is_public=True)

    alert = scene.alert_on_opening(group, newcomer)

    assert alert.attributes["severity"] == "CRITICAL"
    assert alert.attributes["reach"] == ("public" if action == BLOCK_MODE else "unknown")
    noticed[action] = assert_says_what_is_missing(alert, OF_GROUPS[action], newcomer)


@pytest.mark.parametrize("action", OF_LISTS)
def test_without_an_action_the_alert_says_what_of_the_list_is_missing(
    scene: Scene, newcomer: Member, noticed: dict[str, str], action: str
) -> None:
    without_action(action, newcomer, scene.organization)
    prefix_list_id, _, _ = list_that_reaches_an_instance(newcomer)

    alert = scene.alert_on(widening_of(prefix_list_id, scene, newcomer))

    noticed[action] = assert_says_what_is_missing(alert, OF_LISTS[action], newcomer)


def assert_says_what_is_missing(alert: Notification, what: str, member: Member) -> str:
    """Returns what to note of it."""
    why = f"the role {ROLE} may not read it in account {member.account_id}"
    said = f"{what} could not be seen: {why}"
    assert said in look_in(alert)["not_seen"]
    return f"the alert goes out, and says: {said}"


def test_without_tags_an_instance_goes_by_its_id(
    scene: Scene, newcomer: Member, noticed: dict[str, str]
) -> None:
    without_action(OF_NAMES, newcomer, scene.organization)
    group = newcomer.open_group("seen-without-names")
    bastion = newcomer.attach_instance(group, "bastion", is_public=True)

    alert = scene.alert_on_opening(group, newcomer)

    assert alert.attributes["reach"] == "public"
    [attached] = attached_in(alert)
    assert attached["used_by"] == bastion.id
    assert "name" not in attached
    noticed[OF_NAMES] = "the alert calls the instance by its id, without its name"
