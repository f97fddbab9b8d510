"""Stack sets, which ministack's CloudFormation lacks; local/emulator.py adds them.

A stack set deploys its template as a stack in each active account of organizational units, and
keeps it so when accounts come and go. Only those with service-managed permissions are here, of the
management account. What AWS refuses is refused, and so is what is not read.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-concepts.html
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final
from uuid import uuid4

from ministack.core import responses
from ministack.services import organizations
from ministack.services.cloudformation import _stack_events, _stacks, engine, handlers, helpers

Answer = tuple[int, Mapping[str, str], bytes]
Properties = Mapping[str, Any]
Request = dict[str, Any]
Resource = tuple[str, dict[str, Any]]
# An account and a Region.
Place = tuple[str, str]

READ: Final = {
    "AutoDeployment",
    "CallAs",
    "Capabilities",
    "Description",
    "ManagedExecution",
    "OperationPreferences",
    "Parameters",
    "PermissionModel",
    "StackInstancesGroup",
    "StackSetName",
    "TemplateBody",
    "TemplateURL",
}
# Of AutoDeployment and OperationPreferences, what is not so here.
AUTOMATIC: Final = {"Enabled": True, "RetainStacksOnAccountRemoval": False}
PREFERENCES: Final = {"FailureTolerancePercentage", "MaxConcurrentPercentage"}
NO_UPDATES: Final = "No updates are to be performed"

logger = logging.getLogger(__name__)


class RefusedError(ValueError):
    """AWS refuses it, too."""


@dataclass(slots=True, kw_only=True)
class StackSet:
    """A stack set of a management account, as it is now."""

    id: str
    owner: str
    name: str
    properties: Properties
    template: str

    @property
    def stack_name(self) -> str:
        """What its stack is called in each account."""
        return f"StackSet-{self.id.replace(':', '-')}"

    @property
    def places(self) -> set[Place]:
        """Where it has a stack, whatever became of it."""
        return {
            (account_id, region)
            for (account_id, region, name), stack in _stacks.to_dict().items()
            if name == self.stack_name and stack["StackStatus"] != "DELETE_COMPLETE"
        }

    @property
    def targets(self) -> set[Place]:
        """Where it should have one: in no management account, even if that is in a unit."""
        return {
            (account["Id"], region)
            for group in self.properties["StackInstancesGroup"]
            for account in _accounts_in(group["DeploymentTargets"]["OrganizationalUnitIds"])
            if account["Id"] != self.owner
            for region in group["Regions"]
        }


def _accounts_in(unit_ids: Iterable[str]) -> list[dict[str, Any]]:
    """The accounts of organizational units, and of those in them."""
    units = set(unit_ids)
    while (
        inside := {unit["Id"] for unit in organizations._ous.values() if unit["_ParentId"] in units}
        - units
    ):
        units |= inside
    return [it for it in organizations._accounts.values() if it["_ParentId"] in units]


# By id, and the management accounts that have given StackSets trusted access.
_stack_sets: Final[dict[str, StackSet]] = {}
_trusting: Final[set[str]] = set()


# AWS::CloudFormation::StackSet.


def make_stack_set(_logical_id: str, properties: Properties, _stack: str) -> Resource:
    """Make it, with its stacks. Its physical id is its id."""
    template = _checked_template(properties)
    owner, name = responses.get_account_id(), properties["StackSetName"]
    if any((it.owner, it.name) == (owner, name) for it in _stack_sets.values()):
        raise RefusedError(f"there is a stack set {name} already")
    stack_set = StackSet(
        id=f"{name}:{uuid4()}", owner=owner, name=name, properties=properties, template=template
    )
    _stack_sets[stack_set.id] = stack_set
    try:
        _deploy(stack_set)
    except RefusedError:
        delete_stack_set(stack_set.id, properties)
        raise
    return stack_set.id, {"StackSetId": stack_set.id}


def update_stack_set(
    stack_set_id: str, _old: object, properties: Properties, _stack: str
) -> Resource:
    """Update its stacks, make those of new targets, and delete those of former ones."""
    template = _checked_template(properties)
    stack_set = _stack_sets[stack_set_id]
    if stack_set.name != properties["StackSetName"]:
        raise NotImplementedError("another name, for which AWS makes another stack set")
    stack_set.properties, stack_set.template = properties, template
    _deploy(stack_set)
    return stack_set_id, {"StackSetId": stack_set_id}


def delete_stack_set(stack_set_id: str, _properties: object) -> None:
    """Delete it, with its stacks."""
    # One that could not be made has no id but that of its resource.
    if stack_set_id in _stack_sets:
        stack_set = _stack_sets[stack_set_id]
        problems = [_delete_stack(stack_set, place) for place in sorted(stack_set.places)]
        _end_operation(stack_set, problems, tolerated=0)
        del _stack_sets[stack_set_id]


def _checked_template(properties: Properties) -> str:
    """Its template. Raises RefusedError where AWS does, and NotImplementedError for the rest."""
    _require(properties)
    if responses.get_account_id() not in _trusting:
        raise RefusedError(
            "You must enable organizations access to operate a service managed stack set"
        )
    for group in properties["StackInstancesGroup"]:
        for unit_id in group["DeploymentTargets"]["OrganizationalUnitIds"]:
            if unit_id not in organizations._ous and unit_id not in organizations._roots:
                raise RefusedError(f"the organization has no unit {unit_id}")
    where = {it: properties[it] for it in ("TemplateBody", "TemplateURL") if it in properties}
    template, refusal = helpers._resolve_template(where)
    if not template:
        raise RefusedError(refusal[2].decode() if refusal else "it has no template")
    types = [it["Type"] for it in engine._parse_template(template)["Resources"].values()]
    if "AWS::CloudFormation::Stack" in types:
        raise RefusedError("service-managed stack sets cannot have nested stacks")
    body: str = template
    return body


def _require(properties: Properties) -> None:
    """Raise NotImplementedError for what is not as here."""
    unread = properties.keys() - READ
    unread |= properties.get("OperationPreferences", {}).keys() - PREFERENCES
    for group in properties["StackInstancesGroup"]:
        unread |= group.keys() - {"DeploymentTargets", "Regions"}
        unread |= group["DeploymentTargets"].keys() - {"OrganizationalUnitIds"}
    if (
        unread
        or properties["PermissionModel"] != "SERVICE_MANAGED"
        or properties["AutoDeployment"] != AUTOMATIC
        or properties.get("CallAs", "SELF") != "SELF"
        or "self" not in organizations._orgs
    ):
        raise NotImplementedError(f"a stack set such as {properties}")


# Operations: each ends before the emulator goes on, so that no two overlap.


def _deploy(stack_set: StackSet) -> None:
    """Make its stacks what it says. Raises RefusedError if more fail than it tolerates."""
    targets = stack_set.targets
    problems = [_delete_stack(stack_set, place) for place in sorted(stack_set.places - targets)]
    problems += [_deploy_stack(stack_set, place) for place in sorted(targets)]
    preferences = stack_set.properties.get("OperationPreferences", {})
    percentage = int(preferences.get("FailureTolerancePercentage", 0))
    _end_operation(stack_set, problems, tolerated=len(targets) * percentage // 100)


def _end_operation(stack_set: StackSet, problems: Iterable[str | None], *, tolerated: int) -> None:
    failed = [it for it in problems if it]
    for problem in failed:
        logger.warning("%s: %s", stack_set.name, problem)
    if len(failed) > tolerated:
        raise RefusedError(f"the stack set {stack_set.name} failed: {'; '.join(failed)}")


def _deploy_stack(stack_set: StackSet, place: Place) -> str | None:
    """Make or update its stack. Returns why it failed."""
    if organizations._accounts[place[0]]["Status"] != "ACTIVE":
        return f"{place}: the account is not active"
    request: Request = {
        "StackName": stack_set.stack_name,
        "TemplateBody": stack_set.template,
        "Capabilities": stack_set.properties.get("Capabilities", []),
    }
    for number, parameter in enumerate(stack_set.properties.get("Parameters", []), start=1):
        for name, value in parameter.items():
            request[f"Parameters.member.{number}.{name}"] = value
    is_there = place in stack_set.places
    return _made(handlers._update_stack if is_there else handlers._create_stack, request, place)


def _delete_stack(stack_set: StackSet, place: Place) -> str | None:
    """Delete its stack. Returns why it failed."""
    return _made(handlers._delete_stack, {"StackName": stack_set.stack_name}, place)


def _made(call: Callable[[Request], Answer], request: Request, place: Place) -> str | None:
    """Make a call there, and wait for what it starts. Returns why that failed."""
    with responses.request_scope(*place), ThreadPoolExecutor(max_workers=1) as beside:
        # Besides the event loop that runs here.
        context = contextvars.copy_context()
        status, _, body = beside.submit(
            context.run, asyncio.run, _with_what_it_starts(call, request)
        ).result()
        answer = body.decode()
        if status >= 400:
            return None if NO_UPDATES in answer else f"{place}: {answer}"
        stack = _stacks[request["StackName"]]
        if stack["StackStatus"] in {"CREATE_COMPLETE", "UPDATE_COMPLETE", "DELETE_COMPLETE"}:
            return None
        events = _stack_events[stack["StackId"]]
        failed = [it for it in events if it["ResourceStatus"].endswith("_FAILED")]
    return f"{place}: {failed[-1]['ResourceStatusReason']}"


async def _with_what_it_starts(call: Callable[[Request], Answer], request: Request) -> Answer:
    answer = call(request)
    await asyncio.gather(*(asyncio.all_tasks() - {asyncio.current_task()}))
    return answer


# Automatic deployment: accounts come, move and close.


def change_accounts(original: Callable[[Request], Answer], request: Request) -> Answer:
    """A call that changes which accounts a unit has, and what stack sets make of it."""
    answer = original(request)
    for stack_set in _stack_sets.values():
        if stack_set.owner == responses.get_account_id():
            _deploy(stack_set)
    return answer


# Calls of CloudFormation.


def activate_organizations_access(_request: Request) -> Answer:
    """ActivateOrganizationsAccess: give StackSets trusted access."""
    _trusting.add(responses.get_account_id())
    return _answered("ActivateOrganizationsAccess", "")


def deactivate_organizations_access(_request: Request) -> Answer:
    """DeactivateOrganizationsAccess: take it away. Stacks stay."""
    _trusting.discard(responses.get_account_id())
    return _answered("DeactivateOrganizationsAccess", "")


def describe_organizations_access(_request: Request) -> Answer:
    """DescribeOrganizationsAccess."""
    status = "ENABLED" if responses.get_account_id() in _trusting else "DISABLED"
    return _answered("DescribeOrganizationsAccess", f"<Status>{status}</Status>")


def list_stack_instances(request: Request) -> Answer:
    """ListStackInstances, on one page."""
    [name] = request["StackSetName"]
    [found] = [
        it
        for it in _stack_sets.values()
        if (it.owner, it.name) == (responses.get_account_id(), name)
    ]
    members = "".join(
        f"<member><Account>{account_id}</Account><Region>{region}</Region>"
        "<Status>CURRENT</Status></member>"
        for account_id, region in sorted(found.places)
    )
    return _answered("ListStackInstances", f"<Summaries>{members}</Summaries>")


def _answered(call: str, result: str) -> Answer:
    answer: Answer = helpers._xml(200, f"{call}Response", f"<{call}Result>{result}</{call}Result>")
    return answer


CALLS: Final[Mapping[str, Callable[[Request], Answer]]] = {
    "ActivateOrganizationsAccess": activate_organizations_access,
    "DeactivateOrganizationsAccess": deactivate_organizations_access,
    "DescribeOrganizationsAccess": describe_organizations_access,
    "ListStackInstances": list_stack_instances,
}
RESOURCE_TYPES: Final[Mapping[str, Mapping[str, Callable[..., Any]]]] = {
    "AWS::CloudFormation::StackSet": {
        "create": make_stack_set,
        "update": update_stack_set,
        "delete": delete_stack_set,
    }
}
# Where ministack has a function, its name there, and what is called instead.
REPLACEMENTS: Final[tuple[tuple[dict[str, Any], str, Callable[..., Any]], ...]] = tuple(
    (organizations._DISPATCH, call, change_accounts)
    for call in ("CloseAccount", "CreateAccount", "MoveAccount")
)
