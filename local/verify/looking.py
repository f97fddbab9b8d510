"""Names the accounts into which the alerter cannot look, as far as that can be seen from here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from security_group_alerter.aws.health import active_accounts
from security_group_alerter.messages.text import plural
from security_group_alerter.model.health import OrganizationAccount

from ..checks import Checks, looked_up, ok
from ..look_roles import PERMISSIONS as LOOK_PERMISSIONS
from ..look_roles import SUBJECT, Asking, LookRole, look_role_checks, problem_checks, stack_set_of
from .deployed_stack import Deployed

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.type_defs import StackInstanceSummaryTypeDef

PERMISSIONS: Final = (*LOOK_PERMISSIONS, "cloudformation:ListStackInstances")


def look_checks(deployed: Deployed, asking: Asking) -> Checks[None]:
    """Each account that has no role, or whose role keeps the alerter out.

    What a service control policy denies there cannot be seen from here: alerts say it.
    """
    name = deployed.outputs.get("LookRoleName")
    if name is None:
        return
    organizations: Any = deployed.deployment.client("organizations")
    accounts = yield from looked_up(SUBJECT, lambda: active_accounts(organizations))
    if accounts is None:
        return
    is_made = deployed.parameters.get("LookRole") == "create"
    if is_made:
        yield from _stack_set_checks(deployed, accounts)
    if asking.is_complete or not is_made:
        role = LookRole(
            name=name,
            partition=deployed.deployment.partition,
            alerter_account_id=deployed.account_id,
            stack=deployed.deployment.stack,
            organization_id=deployed.parameters["OrganizationId"],
        )
        yield from look_role_checks(
            deployed.deployment,
            role,
            accounts,
            own_account_id=deployed.account_id,
            asking=asking,
        )


def _stack_set_checks(deployed: Deployed, accounts: list[OrganizationAccount]) -> Checks[None]:
    """In which accounts the stack set has made the role."""
    management_account_id = deployed.parameters.get("ManagementAccountId") or deployed.account_id
    is_management = management_account_id == deployed.account_id
    client = deployed.deployment.client("cloudformation")
    pages = client.get_paginator("list_stack_instances").paginate(
        StackSetName=stack_set_of(deployed.deployment.stack),
        CallAs="SELF" if is_management else "DELEGATED_ADMIN",
    )
    instances = {it["Account"]: it for page in pages for it in page["Summaries"]}
    problems = {
        account: problem
        for account in accounts
        # The stack itself has made it in the management account.
        if not (is_management and account.id == management_account_id)
        and (problem := _problem_of(account.id, instances, management_account_id))
    }
    found = f"the role was made in {len(accounts) - len(problems):,} of "
    yield ok(SUBJECT, found + plural(len(accounts), "active account"))
    yield from problem_checks(problems)


def _problem_of(
    account_id: str,
    instances: Mapping[str, StackInstanceSummaryTypeDef],
    management_account_id: str,
) -> str:
    if account_id == management_account_id:
        return "stack sets do not reach the management account"
    instance = instances.get(account_id)
    if instance is None:
        return "it is in none of OrganizationalUnitIds, or joined a moment ago"
    if instance.get("Status") == "CURRENT":
        return ""
    reason = instance.get("StatusReason") or "no reason is given"
    return f"the stack set is {instance.get('Status')} there: {reason}"
