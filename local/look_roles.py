"""Asks accounts whether they have the look role, and whether it lets the alerter in.

It is asked with a role that the person may assume in each account, such as the one that AWS
Organizations makes in accounts that it creates. The session may read roles, and nothing else.
https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_accounts_access.html
"""

from __future__ import annotations

import argparse
import json
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

from botocore.exceptions import ClientError

from security_group_alerter.messages.text import plural
from security_group_alerter.model.health import OrganizationAccount

from .aws_errors import code_of, is_about_credentials, words_of
from .checks import Check, Checks, ok, warning
from .deployment import CLIENT_CONFIG, Deployment
from .policy_statements import Request, applies
from .progress import progress

SUBJECT: Final = "looking"
PERMISSIONS: Final = ("iam:GetRole", "organizations:ListAccounts", "sts:AssumeRole")
THROUGH: Final = "OrganizationAccountAccessRole"
# Accounts that are asked without --all, and at once.
SAMPLE: Final = 10
_THREADS: Final = 8
_MOST_NAMED: Final = 20
_MAY_READ_ROLES: Final = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "iam:GetRole", "Resource": "*"}],
    }
)


def stack_set_of(stack: str) -> str:
    """The name of the stack set that makes the roles, as template.yaml has it."""
    return f"{stack}-look-role"


@dataclass(frozen=True, slots=True, kw_only=True)
class LookRole:
    """The role that every account should have, and whom it should let in."""

    # With its path, and without a slash before it.
    name: str
    partition: str
    alerter_account_id: str
    stack: str
    organization_id: str

    def arn_in(self, account_id: str) -> str:
        """The ARN that the function assumes."""
        return f"arn:{self.partition}:iam::{account_id}:role/{self.name}"

    @property
    def looking(self) -> str:
        """The pattern of the roles that look: their names are CloudFormation's."""
        where = f"arn:{self.partition}:iam::{self.alerter_account_id}"
        return f"{where}:role/security-group-alerter/{self.stack}/*"

    def lets_in(self, trust: dict[str, Any]) -> bool:
        """Whether a trust policy lets in the roles of the stack that look."""
        alerter = f"arn:{self.partition}:iam::{self.alerter_account_id}"
        request = Request(
            principal=f"{alerter}:root",
            action="sts:AssumeRole",
            resource="",
            context={
                "aws:PrincipalArn": self.looking,
                "aws:PrincipalAccount": self.alerter_account_id,
                "aws:PrincipalOrgID": self.organization_id,
            },
            absent=frozenset({"sts:ExternalId", "aws:MultiFactorAuthPresent"}),
        )
        # The resource is the role itself.
        found = {
            it["Effect"]: True
            for it in trust["Statement"]
            if applies({**it, "Resource": "*"}, request) is True
        }
        return found == {"Allow": True}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What an account answered. `unknown` says why it could not be asked."""

    account: OrganizationAccount
    problem: str | None = None
    unknown: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """How accounts are asked."""

    through: str = THROUGH
    is_complete: bool = False

    def chosen(self, accounts: Sequence[OrganizationAccount]) -> Sequence[OrganizationAccount]:
        """All of them, or a sample from the whole list."""
        if self.is_complete or len(accounts) <= SAMPLE:
            return accounts
        return [accounts[number * len(accounts) // SAMPLE] for number in range(SAMPLE)]


def add_look_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say how accounts are asked about the look role."""
    parser.add_argument(
        "--all",
        action="store_true",
        help=f"ask every account about the look role (default: {SAMPLE} of them)",
    )
    parser.add_argument(
        "--through",
        default=THROUGH,
        metavar="ROLE",
        help="the role with which you get into each account to ask; the session may read roles, "
        "and nothing else (default: %(default)s)",
    )


def asking_of(options: argparse.Namespace) -> Asking:
    """What these options say."""
    return Asking(through=options.through, is_complete=options.all)


def look_role_checks(
    deployment: Deployment,
    role: LookRole,
    accounts: Sequence[OrganizationAccount],
    *,
    own_account_id: str,
    asking: Asking,
) -> Checks[None]:
    """How many accounts have the role, and which do not, as far as they can be asked."""
    chosen = asking.chosen(accounts)
    questions = _Questions(deployment, role, own_account_id, asking.through)
    answers: list[Asked] = []
    with (
        progress(len(chosen), "account") as advance,
        ThreadPoolExecutor(min(_THREADS, len(chosen) or 1)) as pool,
    ):
        for answer in pool.map(questions.ask, chosen):
            answers.append(answer)
            advance(1)
    fine = [it for it in answers if it.problem is None and it.unknown is None]
    if fine:
        found = f"{len(fine):,} of {plural(len(chosen), 'account')} asked can be looked into"
        rest = len(accounts) - len(chosen)
        yield ok(SUBJECT, found, f"To ask the other {rest:,} as well: --all" if rest else "")
    unknown = [it for it in answers if it.unknown is not None]
    yield from problem_checks({it.account: it.problem for it in answers if it.problem is not None})
    if unknown:
        yield warning(
            SUBJECT,
            f"{plural(len(unknown), 'account')} could not be asked, such as "
            f"{unknown[0].account}: {unknown[0].unknown}",
            "Name a role that you may assume in every account: --through ROLE. Where the alerter "
            "cannot look, its alerts say so",
        )


def problem_checks(problems: dict[OrganizationAccount, str]) -> Iterator[Check]:
    """Each account that cannot be looked into, and why."""
    for number, (account, problem) in enumerate(problems.items()):
        if number == _MOST_NAMED:
            rest = plural(len(problems) - _MOST_NAMED, "more account")
            yield warning(SUBJECT, f"no look into {rest}", "See to those above first")
            return
        yield warning(
            SUBJECT,
            f"no look into {account}: {problem}",
            'docs/deploy.md, "Looking into accounts", says what the role needs',
        )


class _Questions:
    """Asks one account after the other; several threads may ask."""

    def __init__(
        self, deployment: Deployment, role: LookRole, own_account_id: str, through: str
    ) -> None:
        self._deployment = deployment
        self._role = role
        self._own_account_id = own_account_id
        self._through = through
        self._sts = deployment.client("sts")
        # A session makes one client at a time.
        self._lock = threading.Lock()

    def ask(self, account: OrganizationAccount) -> Asked:
        """Raises what is about the person's credentials or the connection."""
        try:
            return self._asked(account)
        except ClientError as error:
            if is_about_credentials(error):
                raise
            return Asked(account=account, unknown=words_of(error))

    def _asked(self, account: OrganizationAccount) -> Asked:
        client = self._iam_of(account.id)
        name = self._role.name.rpartition("/")[2]
        try:
            found = client.get_role(RoleName=name)["Role"]
        except ClientError as error:
            if code_of(error) != "NoSuchEntity":
                raise
            return Asked(account=account, problem=f"it has no role {name}")
        if found["Arn"] != self._role.arn_in(account.id):
            return Asked(account=account, problem=f"its role is {found['Arn']}, by another path")
        if not self._role.lets_in(found["AssumeRolePolicyDocument"]):
            return Asked(
                account=account,
                problem=f"the trust policy of its role {name} does not let in {self._role.looking}",
            )
        return Asked(account=account)

    def _iam_of(self, account_id: str) -> Any:
        keys: dict[str, str] = {}
        if account_id != self._own_account_id:
            answer = self._sts.assume_role(
                RoleArn=f"arn:{self._role.partition}:iam::{account_id}:role/{self._through}",
                RoleSessionName="security-group-alerter-check",
                Policy=_MAY_READ_ROLES,
                DurationSeconds=900,
            )["Credentials"]
            keys = {
                "aws_access_key_id": answer["AccessKeyId"],
                "aws_secret_access_key": answer["SecretAccessKey"],
                "aws_session_token": answer["SessionToken"],
            }
        make: Any = self._deployment.session.client
        with self._lock:
            return make("iam", region_name=self._deployment.region, config=CLIENT_CONFIG, **keys)
