"""Checks every part of the deployed alert path, from trail to subscribers. Changes nothing.

Each check prints one line: ok, warning or stop, what was found, and what to do. Run it again after
a day: it can take 24 hours until the trail covers every account.
"""

from __future__ import annotations

import argparse
import sys
from typing import Final

from botocore.exceptions import BotoCoreError, ClientError

from ..aws_errors import problem_of
from ..checks import (
    Checks,
    State,
    guarded,
    ok,
    print_checks,
    stop,
    summary_of,
)
from ..deployment import Deployment, DeploymentError, add_options, deployment_of
from ..program import run
from ..sam_configuration import SamConfigurationError
from . import alert_path, change_search, deployed_stack, silent_accounts, trail_delivery

PERMISSIONS: Final = (
    *alert_path.PERMISSIONS,
    *change_search.PERMISSIONS,
    *deployed_stack.PERMISSIONS,
    *silent_accounts.PERMISSIONS,
    *trail_delivery.PERMISSIONS,
    "sts:GetCallerIdentity",
)


def main(arguments: list[str] | None = None) -> int:
    """Print the checks. Returns 1 after a stop, 2 if an option is wrong."""
    options = _options(arguments)
    try:
        deployment = deployment_of(options)
    except (DeploymentError, SamConfigurationError) as error:
        print(f"verify: {error}", file=sys.stderr)
        return 2
    except BotoCoreError as error:
        print(stop("account", *problem_of(error)))
        return 1
    counts, _ = print_checks(_checks(deployment, options.seconds))
    verdict = "all is well"
    if counts[State.STOP]:
        verdict = "something is broken"
    elif counts[State.WARNING]:
        verdict = "nothing is known to be broken, but see the warnings"
    print(f"\n{summary_of(counts)}: {verdict}.")
    return 1 if counts[State.STOP] else 0


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m local.verify",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="Permissions needed, all read-only (a check that lacks one says so):\n  "
        + "\n  ".join(sorted(PERMISSIONS))
        + "\nExit status: 0, also with warnings; 1 after a stop; 2 if an option is wrong.",
    )
    add_options(parser, with_parameters=False)
    parser.add_argument(
        "--seconds",
        type=float,
        default=change_search.SECONDS,
        metavar="N",
        help="search the records of the last day for at most N seconds (default: %(default)s)",
    )
    return parser.parse_args(arguments)


def _checks(deployment: Deployment, search_seconds: float) -> Checks[None]:
    try:
        caller = deployment.client("sts").get_caller_identity()
        yield ok("account", f"{caller['Account']}, as {caller['Arn']}")
        deployed = yield from guarded(
            "stack", deployed_stack.deployed_stack(deployment, caller["Account"])
        )
        if deployed is None:
            return
        trail = yield from guarded("trail", trail_delivery.described_trail(deployed))
        began_at = yield from guarded("trail", trail_delivery.trail_status(deployed))
        accounts = yield from guarded(
            silent_accounts.SUBJECT,
            silent_accounts.account_checks(deployed, trail, began_at or deployed.made_at),
        )
        yield from guarded(
            change_search.SUBJECT,
            change_search.search_checks(deployed, accounts or {}, search_seconds),
        )
        yield from alert_path.path_checks(deployed)
    except (ClientError, BotoCoreError) as error:
        yield stop("account", *problem_of(error))


if __name__ == "__main__":
    run("verify", main)
