"""Lists what is open to the Internet now, by the ledger of the deployed stack: the worst first.

The ledger is what the alerter's functions have read in CloudTrail and seen in the accounts. Nothing
is changed.

With --look, it looks at each group again, with your credentials, which assume a role in each
account; what has been closed is listed, too. The stack's own look role lets only the stack's
functions in: with --role, name one that you may assume, and that may read security groups, their
rules and network interfaces.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import Session

from security_group_alerter.messages.text import plural
from security_group_alerter.model.severity import Severity

from ..arguments import account_id, severity
from ..aws_errors import problem_of, words_of
from ..deployment import Deployment, DeploymentError, add_options, deployment_of
from ..history.exposures import members_of
from ..program import run
from ..progress import progress
from ..sam_configuration import SamConfigurationError
from .deployed_ledger import (
    PERMISSIONS,
    ROLE_OUTPUT,
    TABLE_OUTPUT,
    DeployedLedger,
    Exposure,
    KeptGroup,
    outputs_of,
)
from .looking import looked_again
from .table import order_of, table_of, totals_of


def main(arguments: list[str] | None = None) -> int:
    """List them. Returns 2 if they could not be read, or not all of them."""
    options = _options(arguments)
    try:
        return _list(options)
    except (DeploymentError, SamConfigurationError) as error:
        problem = str(error)
    except (ClientError, BotoCoreError) as error:
        what, todo = problem_of(error)
        problem = f"{what}. {todo}"
    _say(" ".join(problem.split()))
    return 2


def clock() -> datetime:
    """The time that all ages are counted from."""
    return datetime.now(UTC)


def _say(words: str) -> None:
    print(f"exposures: {words}", file=sys.stderr)


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m local.exposures",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=f"You need {', '.join(PERMISSIONS)}, and for\nthe names of accounts "
        "organizations:ListAccounts; with --look, sts:AssumeRole.\n\nExit status: 0; 2 if the "
        "ledger could not be read, or not all of it (the rest is printed).",
    )
    parser.add_argument("--json", action="store_true", help="print JSON Lines, an exposure a line")
    parser.add_argument("--look", action="store_true", help="look again at each group")
    parser.add_argument(
        "--role", metavar="NAME", help="with --look: the role to assume, instead of the stack's"
    )
    parser.add_argument(
        "--account",
        type=account_id,
        action="append",
        default=[],
        metavar="ID",
        help="only those of this account; repeat it for several",
    )
    parser.add_argument(
        "--severity",
        type=severity,
        default=Severity.INFORMATIONAL,
        metavar="SEVERITY",
        help=f"leave out what is less severe: {', '.join(Severity.__members__)}",
    )
    add_options(parser, with_parameters=False)
    options = parser.parse_args(arguments)
    if options.role and not options.look:
        parser.error("--role goes with --look")
    return options


def _list(options: argparse.Namespace) -> int:
    deployment, now = deployment_of(options), clock()
    outputs = outputs_of(deployment)
    role_name = options.role or outputs.get(ROLE_OUTPUT)
    if options.look and not role_name:
        raise DeploymentError("the stack has no look role (LookRole none): name one with --role")
    problems: list[str] = []
    ledger = DeployedLedger(deployment.client("dynamodb"), outputs[TABLE_OUTPUT])
    resources = {
        resource: looked_at
        for resource, looked_at in ledger.open_resources().items()
        if not options.account or resource.account_id in options.account
    }
    with progress(len(resources), " groups") as advance:
        groups = ledger.read(resources, problems, advance=advance)
    found = _exposures(groups, deployment, role_name if options.look else None, now)
    exposures = sorted((it for it in found if it.severity >= options.severity), key=order_of)
    names = _names(deployment) if exposures else {}
    if options.json:
        sys.stdout.writelines(f"{json.dumps(_members(it, names, now))}\n" for it in exposures)
    else:
        if exposures:
            in_colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
            lines = table_of(exposures, names, now=now, in_colour=in_colour)
            sys.stdout.writelines(f"{line}\n" for line in lines)
            print()
        print(totals_of(exposures, asked_for=_asked_for(options)))
    sys.stdout.flush()
    not_seen = sum(it.problem is not None for it in exposures)
    if not_seen and options.look:
        _say(f"of {plural(not_seen, 'exposure')}, not everything could be seen now")
    for problem in problems:
        _say(problem)
    return 2 if problems or not_seen else 0


def _asked_for(options: argparse.Namespace) -> str:
    """` with --severity CRITICAL`, so that nobody takes what is left out for closed."""
    chosen = [f"--account {it}" for it in options.account]
    if options.severity > Severity.INFORMATIONAL:
        chosen.append(f"--severity {options.severity.name}")
    return f" with {' '.join(chosen)}" if chosen else ""


def _exposures(
    groups: Sequence[KeptGroup], deployment: Deployment, role_name: str | None, now: datetime
) -> list[Exposure]:
    if role_name is None:
        return [exposure for group in groups for exposure in group.exposures()]
    session = Session(profile=deployment.settings.get("profile"))
    session.set_config_variable("region", deployment.region)
    with progress(len(groups), " groups") as advance:
        # Nothing is kept of it: a minute more or less is the same.
        looked = looked_again(
            groups, session, role_name=role_name, clock=lambda: now, advance=advance
        )
        return [*looked]


def _names(deployment: Deployment) -> dict[str, str]:
    """The names of the organization's accounts; none where they cannot be had."""
    pages = deployment.client("organizations").get_paginator("list_accounts").paginate()
    try:
        return {it["Id"]: it.get("Name", "") for page in pages for it in page["Accounts"]}
    except (ClientError, BotoCoreError) as error:
        words = words_of(error) if isinstance(error, ClientError) else str(error)
        _say(f"without the names of accounts: {words}")
        return {}


def _members(exposure: Exposure, names: dict[str, str], now: datetime) -> dict[str, Any]:
    """As make history prints it, and what was reported of it."""
    told, snooze = exposure.told, exposure.snooze if exposure.is_snoozed(now.date()) else None
    return members_of(exposure.life) | {
        "uid": exposure.uid,
        "account_name": names.get(exposure.life.resource.account_id or ""),
        "severity": exposure.severity.name,
        "reach": exposure.reach.value,
        "told_at": _time(told.at) if told else None,
        "accepted": told.is_accepted if told else None,
        "looked_at": _time(exposure.looked_at) if exposure.looked_at else None,
        "problem": exposure.problem,
        "snoozed": snooze and {"until": f"{snooze.until}", "by": snooze.by, "why": snooze.why},
    }


def _time(time: datetime) -> str:
    return f"{time.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


if __name__ == "__main__":
    run("exposures", main)
