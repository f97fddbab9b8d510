"""Checks every part of the deployed alert path, from trail to subscribers. Changes nothing.

Each check prints one line: ok, warning or stop, what was found, and what to do. Before the first
heartbeat of a new stack, one line says how long to wait, and what needs records is not checked. Run
it again after a day: it can take 24 hours until the trail covers every account.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from typing import Final

from botocore.exceptions import BotoCoreError, ClientError

from .. import look_roles
from ..aws_errors import problem_of
from ..checks import Checks, State, guarded, ok, print_checks, summary_of, warning
from ..deployment import DeploymentError, add_options, deployment_of
from ..look_roles import Asking, add_look_options, asking_of
from ..program import run
from ..sam_configuration import SamConfigurationError
from . import alert_path, change_search, deployed_stack, looking, silent_accounts, trail_delivery
from .deployed_stack import Deployed

PERMISSIONS: Final = (
    *alert_path.PERMISSIONS,
    *change_search.PERMISSIONS,
    *deployed_stack.PERMISSIONS,
    *looking.PERMISSIONS,
    *silent_accounts.PERMISSIONS,
    *trail_delivery.PERMISSIONS,
    "sts:GetCallerIdentity",
)


def main(arguments: list[str] | None = None) -> int:
    """Print the checks. Returns 1 after a stop, 2 if an option is wrong or AWS cannot be asked."""
    options = _options(arguments)
    try:
        counts, is_complete = print_checks(_checks(options))
    except (DeploymentError, SamConfigurationError) as error:
        print(f"verify: {error}", file=sys.stderr)
        return 2
    print(f"\n{summary_of(counts)}: {_verdict(counts, is_complete=is_complete)}.")
    if counts[State.STOP]:
        return 1
    return 0 if is_complete else 2


def _verdict(counts: Counter[State], *, is_complete: bool) -> str:
    unknown = f"{'not everything' if counts[State.OK] else 'nothing'} could be checked"
    if counts[State.STOP]:
        return "something is broken" if is_complete else f"something is broken, and {unknown}"
    if not is_complete:
        return f"{unknown}, so whether the alerter works is not known"
    if counts[State.WARNING]:
        return "nothing is known to be broken, but see the warnings"
    return "all is well"


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m local.verify",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="Permissions needed; nothing is changed (a check that lacks one says so):\n  "
        + "\n  ".join(sorted(set(PERMISSIONS)))
        + "\nExit status: 0, also with warnings; 1 after a stop; 2 if an option is wrong, or AWS "
        "cannot be asked (no credentials, for example).",
    )
    add_options(parser, with_parameters=False)
    parser.add_argument(
        "--seconds",
        type=float,
        default=change_search.SECONDS,
        metavar="N",
        help="search the records of the last day for at most N seconds (default: %(default)s)",
    )
    add_look_options(parser)
    return parser.parse_args(arguments)


def _checks(options: argparse.Namespace) -> Checks[bool]:
    """Every check. Returns whether AWS could be asked to the end."""
    try:
        deployment = deployment_of(options)
        caller = deployment.client("sts").get_caller_identity()
        yield ok("account", f"{caller['Account']}, as {caller['Arn']}")
        found = deployed_stack.deployed_stack(deployment, caller["Account"])
        deployed = yield from guarded("stack", found)
        if deployed is not None:
            yield from _checks_of(deployed, options.seconds, asking_of(options))
    except (ClientError, BotoCoreError) as error:
        # Not a stop: this says nothing about the alerter.
        yield warning("account", *problem_of(error))
        return False
    return deployed is not None


def _checks_of(deployed: Deployed, search_seconds: float, asking: Asking) -> Checks[None]:
    beats = yield from guarded(alert_path.HEARTBEAT, alert_path.heartbeats(deployed))
    is_waiting = beats is not None and not beats and deployed.is_young
    if is_waiting:
        yield deployed_stack.waiting_check(deployed)
    trail = yield from guarded("trail", trail_delivery.described_trail(deployed))
    status = trail_delivery.trail_status(deployed, is_waiting=is_waiting)
    began_at = yield from guarded("trail", status)
    if not is_waiting:
        accounts = yield from guarded(
            silent_accounts.SUBJECT,
            silent_accounts.account_checks(deployed, trail, began_at or deployed.made_at),
        )
        yield from guarded(
            change_search.SUBJECT,
            change_search.search_checks(deployed, accounts or {}, search_seconds),
        )
    yield from alert_path.path_checks(deployed, None if is_waiting else beats)
    yield from guarded(look_roles.SUBJECT, looking.look_checks(deployed, asking))


if __name__ == "__main__":
    run("verify", main)
