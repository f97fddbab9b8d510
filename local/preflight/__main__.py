"""Checks, before a deployment, what would make it fail or cost too much. Changes nothing.

The stack's parameters come from samconfig.toml; --parameter overrides them. If the stack exists, it
keeps the values of all other parameters. Each check prints one line: ok, warning or stop, what was
found, and what to do. The last line is the command that deploys the stack with these parameters.
"""

from __future__ import annotations

import argparse
import shlex
import sys

from botocore.exceptions import BotoCoreError

from ..aws_errors import problem_of
from ..checks import Checks, State, print_checks, stop, summary_of
from ..deployment import (
    Deployment,
    DeploymentError,
    add_options,
    deployment_of,
    missing_sam_options,
    refuse_unknown,
)
from ..look_roles import Asking, add_look_options, asking_of
from ..program import run
from ..sam_configuration import SamConfigurationError, override
from .plan import Plan
from .steps import PERMISSIONS, ground_checks, plan_checks


def main(arguments: list[str] | None = None) -> int:
    """Print the checks and the command. Returns 1 after a stop, 2 if an option is wrong."""
    options = _options(arguments)
    try:
        deployment = deployment_of(options)
        refuse_unknown(deployment.given)
    except (DeploymentError, SamConfigurationError) as error:
        print(f"preflight: {error}", file=sys.stderr)
        return 2
    except BotoCoreError as error:
        print(stop("account", *problem_of(error)))
        return 1
    return _report(deployment, asking_of(options))


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m local.preflight",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="Permissions needed; nothing is changed (a check that lacks one says so):\n  "
        + "\n  ".join(sorted(set(PERMISSIONS)))
        + "\nExit status: 0, also with warnings; 1 after a stop; 2 if an option is wrong.",
    )
    add_options(parser, with_parameters=True)
    add_look_options(parser)
    return parser.parse_args(arguments)


def _report(deployment: Deployment, asking: Asking) -> int:
    counts, plan = print_checks(_checks(deployment, asking))
    is_stopped = bool(counts[State.STOP])
    verdict = "ready to deploy"
    if is_stopped:
        verdict = "not ready to deploy"
    elif counts[State.WARNING]:
        verdict = "can be deployed, if you accept the warnings"
    print(f"\n{summary_of(counts)}: {verdict}.")
    if plan is not None:
        print("After you have fixed the stops:" if is_stopped else "Build and deploy:")
        print(f"  make build && {deploy_command(plan)}")
    return 1 if is_stopped else 0


def _checks(deployment: Deployment, asking: Asking) -> Checks[Plan | None]:
    plan = yield from ground_checks(deployment)
    if plan is not None:
        yield from plan_checks(plan, asking)
    return plan


# The command.


def deploy_command(plan: Plan) -> str:
    """The complete `sam deploy`, with all parameters that were given, quoted for a shell."""
    deployment = plan.deployment
    missing = {
        f"--{name.replace('_', '-')}": value if isinstance(value, str) else ""
        for name, value in missing_sam_options(deployment.settings).items()
    }
    words = [
        *(".venv/sam/bin/sam", "deploy", "--config-env", deployment.environment),
        *("--stack-name", deployment.stack, "--region", deployment.region),
        *(word for option, value in missing.items() for word in (option, *value.split())),
        "--parameter-overrides",
        *(override(name, value) for name, value in plan.parameters.items()),
    ]
    return shlex.join(words)


if __name__ == "__main__":
    run("preflight", main)
