"""Stack sets of the emulator act as those of AWS, because the look role depends on that."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import uuid4

import pytest

from local.deliveries import MANAGEMENT_ACCOUNT_ID, TRAIL_REGION
from tests.e2e.emulator import Emulator
from tests.e2e.organization import join, make_unit, move, root_of
from tests.e2e.waiting import wait_for

pytestmark = pytest.mark.no_cover

ANOTHER_REGION: Final = "eu-west-1"
# A role named by a parameter.
TEMPLATE: Final = {
    "Parameters": {"Name": {"Type": "String"}},
    "Resources": {
        "Role": {
            "Type": "AWS::IAM::Role",
            "Properties": {
                "RoleName": {"Ref": "Name"},
                "AssumeRolePolicyDocument": {
                    "Version": "2012-10-17",
                    "Statement": [
                        {
                            "Effect": "Allow",
                            "Principal": {"Service": "ec2.amazonaws.com"},
                            "Action": "sts:AssumeRole",
                        }
                    ],
                },
            },
        }
    },
}
NESTED: Final = {
    "Resources": {
        "Inside": {
            "Type": "AWS::CloudFormation::Stack",
            "Properties": {"TemplateURL": "https://example.com/template"},
        }
    }
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """An organizational unit with two accounts, and a stack with a stack set for it."""

    emulator: Emulator
    id: str
    account_ids: tuple[str, str]
    stack: str
    role: str

    def deploy(self, *, role: str = "", **changed: Any) -> None:
        """Create or update the stack. Raises RuntimeError, with the reasons, if that fails."""
        properties = {
            "StackSetName": self.stack,
            "PermissionModel": "SERVICE_MANAGED",
            "AutoDeployment": {"Enabled": True, "RetainStacksOnAccountRemoval": False},
            "Capabilities": ["CAPABILITY_NAMED_IAM"],
            "StackInstancesGroup": in_regions(TRAIL_REGION, unit_id=self.id),
            "Parameters": [{"ParameterKey": "Name", "ParameterValue": role or self.role}],
            "TemplateBody": json.dumps(TEMPLATE),
        } | changed
        resource = {"Type": "AWS::CloudFormation::StackSet", "Properties": properties}
        client = self.emulator.client("cloudformation")
        call = client.update_stack if self._status() else client.create_stack
        call(StackName=self.stack, TemplateBody=json.dumps({"Resources": {"Set": resource}}))
        status = wait_for(self._ended, "end of the deployment")
        if status not in {"CREATE_COMPLETE", "UPDATE_COMPLETE"}:
            events = client.describe_stack_events(StackName=self.stack)["StackEvents"]
            raise RuntimeError(*(it.get("ResourceStatusReason") for it in events))

    def delete(self) -> None:
        self.emulator.client("cloudformation").delete_stack(StackName=self.stack)
        wait_for(lambda: self._status() in {None, "DELETE_COMPLETE"}, "end of the stack")

    def _ended(self) -> str | None:
        status = self._status()
        return None if status is None or status.endswith("_IN_PROGRESS") else status

    def _status(self) -> str | None:
        stacks = self.emulator.client("cloudformation").describe_stacks()["Stacks"]
        found = [it["StackStatus"] for it in stacks if it["StackName"] == self.stack]
        return found[0] if found else None

    def roles(self, *account_ids: str) -> list[set[str]]:
        """The roles in each of these accounts."""
        clients = [self.emulator.client("iam", it) for it in account_ids or self.account_ids]
        return [{it["RoleName"] for it in client.list_roles()["Roles"]} for client in clients]


def in_regions(*regions: str, unit_id: str) -> list[Mapping[str, Any]]:
    targets = {"OrganizationalUnitIds": [unit_id]}
    return [{"DeploymentTargets": targets, "Regions": [*regions]}]


@pytest.fixture
def unit(emulator: Emulator) -> Iterator[Unit]:
    """A new one, whose stack goes with the test. StackSets have trusted access."""
    emulator.client("cloudformation").activate_organizations_access()
    unit_id = make_unit(emulator, root_of(emulator), "Unit")
    name = f"set-{uuid4()}"
    unit = Unit(
        emulator=emulator,
        id=unit_id,
        account_ids=(join(emulator, "first"), join(emulator, "second")),
        stack=name,
        role=f"role-of-{name}",
    )
    for account_id in unit.account_ids:
        move(emulator, account_id, unit_id)
    yield unit
    emulator.client("cloudformation").activate_organizations_access()
    unit.delete()


def test_an_update_reaches_every_account(unit: Unit) -> None:
    unit.deploy()
    assert unit.roles() == [{unit.role}, {unit.role}]

    renamed = f"renamed-{unit.role}"
    unit.deploy(role=renamed)

    assert unit.roles() == [{renamed}, {renamed}]


def test_other_targets_get_it_and_former_ones_lose_it(emulator: Emulator, unit: Unit) -> None:
    another = make_unit(emulator, unit.id, "Inside")
    first, second = unit.account_ids
    move(emulator, second, another)
    unit.deploy()
    assert unit.roles() == [{unit.role}, {unit.role}]

    unit.deploy(StackInstancesGroup=in_regions(TRAIL_REGION, unit_id=another))

    assert unit.roles(first, second) == [set(), {unit.role}]


def test_the_management_account_does_not_get_it(emulator: Emulator, unit: Unit) -> None:
    root_id = root_of(emulator)
    move(emulator, MANAGEMENT_ACCOUNT_ID, unit.id)

    unit.deploy()

    [own] = unit.roles(MANAGEMENT_ACCOUNT_ID)
    assert unit.role not in own
    move(emulator, MANAGEMENT_ACCOUNT_ID, root_id)


def test_a_closed_account_keeps_it_from_nobody_where_that_is_tolerated(
    emulator: Emulator, unit: Unit
) -> None:
    emulator.client("organizations").close_account(AccountId=unit.account_ids[0])

    unit.deploy(OperationPreferences={"FailureTolerancePercentage": 100})

    assert unit.roles() == [set(), {unit.role}]


def test_it_goes_with_its_stack(unit: Unit) -> None:
    unit.deploy()

    unit.delete()

    assert unit.roles() == [set(), set()]


# What AWS refuses. Nothing is left of it.


def assert_is_refused(unit: Unit, why: str, **changed: Any) -> None:
    with pytest.raises(RuntimeError, match=why):
        unit.deploy(**changed)
    assert unit.roles() == [set(), set()]


def test_without_trusted_access_it_is_refused(emulator: Emulator, unit: Unit) -> None:
    emulator.client("cloudformation").deactivate_organizations_access()

    assert_is_refused(unit, "You must enable organizations access")


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        pytest.param({"Capabilities": []}, "CAPABILITY_NAMED_IAM", id="capability"),
        pytest.param(
            {"StackInstancesGroup": in_regions(TRAIL_REGION, unit_id="ou-ab12-12345678")},
            "the organization has no unit ou-ab12-12345678",
            id="unit",
        ),
        pytest.param({"Parameters": []}, "has no Default", id="parameter"),
        pytest.param({"TemplateBody": json.dumps(NESTED)}, "nested stacks", id="nested-stack"),
    ],
)
def test_what_is_wrong_is_refused(unit: Unit, changed: dict[str, Any], why: str) -> None:
    assert_is_refused(unit, why, **changed)


def test_a_name_is_refused_in_a_second_region(unit: Unit) -> None:
    both = in_regions(TRAIL_REGION, ANOTHER_REGION, unit_id=unit.id)

    assert_is_refused(unit, "already exists", StackInstancesGroup=both)


def test_a_closed_account_is_refused_where_that_is_not_tolerated(
    emulator: Emulator, unit: Unit
) -> None:
    emulator.client("organizations").close_account(AccountId=unit.account_ids[0])

    assert_is_refused(unit, "the account is not active")
