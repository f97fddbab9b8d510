"""Checks, asks for what has no good default, keeps the answers, and deploys the stack.

First come the checks of preflight: credentials, Region, organization, trusted access. After a stop,
nothing is asked, saved or deployed. Then come three questions at most: whether to read an
organization trail that exists, and two e-mail addresses. A parameter that samconfig.toml or
--parameter sets is not asked for. A stack that exists keeps its values, so nothing is asked for it.
The other checks follow.

The answers, the stack's name and the Region are kept in samconfig.toml, in the environment that
--config-env names, where `sam deploy` and the next run read them. Then it runs `make build` and
`sam deploy`, which shows the changes and asks before it makes them.
"""

from __future__ import annotations

import argparse
import json
import shlex
import subprocess
import sys
from typing import Final

from botocore.exceptions import BotoCoreError

from ..aws_errors import problem_of
from ..checks import Checks, State, print_checks, stop, summary_of
from ..deployment import Deployment, DeploymentError, add_options, deployment_of, refuse_unknown
from ..look_roles import Asking
from ..preflight.parameters import parameter_checks
from ..preflight.plan import Plan
from ..preflight.steps import PERMISSIONS, ground_checks, plan_checks
from ..program import run
from ..sam_configuration import SAM_CONFIGURATION, SamConfigurationError
from .questions import DeclinedError, answers_to, open_questions
from .saved_configuration import ROOT, options_to_save, save

SAM: Final = ".venv/sam/bin/sam"
WHEN_INTERRUPTED: Final = (
    "samconfig.toml is as it was or complete, and a deployment that has begun goes on in "
    "CloudFormation"
)


def main(arguments: list[str] | None = None) -> int:
    """Deploy. Returns 1 after a stop, 2 if an option or an answer is missing, else SAM's status."""
    options = _options(arguments)
    try:
        deployment = deployment_of(options)
        refuse_unknown(deployment.given)
        _refuse_to_wait_for_nobody(deployment, is_asking=not options.yes)
        return _deploy(deployment, is_asking=not options.yes)
    except DeclinedError as error:
        print(f"deploy: {error}", file=sys.stderr)
        return 1
    except EOFError:
        print("\ndeploy: no answer; nothing was saved or deployed", file=sys.stderr)
    except (DeploymentError, SamConfigurationError) as error:
        print(f"deploy: {error}", file=sys.stderr)
    except BotoCoreError as error:
        print(stop("account", *problem_of(error)))
        return 1
    return 2


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m local.deploy",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="Permissions needed for the checks (a check that lacks one says so):\n  "
        + "\n  ".join(sorted(set(PERMISSIONS)))
        + "\nExit status: that of sam deploy; 1 after a stop; 2 if an "
        "option is wrong, or an answer is missing and nobody can be asked.",
    )
    add_options(parser, with_parameters=True)
    parser.add_argument(
        "--yes",
        action="store_true",
        help="ask nothing: what is not set is an error, and the changes are made without asking",
    )
    return parser.parse_args(arguments)


def _refuse_to_wait_for_nobody(deployment: Deployment, *, is_asking: bool) -> None:
    asks = is_asking and deployment.settings.get("confirm_changeset", True)
    if asks and not sys.stdin.isatty():
        raise DeploymentError(
            "nobody can be asked whether to make the changes, because standard input is not a "
            f"terminal: use --yes, or set confirm_changeset = false in {SAM_CONFIGURATION.name}"
        )


def _deploy(deployment: Deployment, *, is_asking: bool) -> int:
    counts, plan = print_checks(_checks_before_the_questions(deployment))
    if plan is None or counts[State.STOP]:
        print(f"\n{summary_of(counts)}: not ready to deploy; nothing was asked or changed.")
        return 1
    plan = _answered(plan, is_asking=is_asking)
    print()
    more, _ = print_checks(plan_checks(plan, Asking()))
    print(f"\n{summary_of(counts + more)}.")
    if more[State.STOP]:
        print("Not ready to deploy; nothing was saved or changed.")
        return 1
    _keep(plan)
    return _build_and_deploy(deployment.environment, is_asking=is_asking)


def _checks_before_the_questions(deployment: Deployment) -> Checks[Plan | None]:
    """Those of the ground, and what is wrong with parameters that are set already."""
    plan = yield from ground_checks(deployment)
    if plan is not None:
        for check in parameter_checks(plan.values):
            if check.state is State.STOP:
                yield check
    return plan


def _answered(plan: Plan, *, is_asking: bool) -> Plan:
    """The plan with the answers. DeploymentError if nobody is there to give them."""
    questions = open_questions(plan)
    if questions and not (is_asking and sys.stdin.isatty()):
        named = " ".join(f"--parameter {name}=…" for name in questions)
        raise DeploymentError(
            f"{', '.join(questions)}: not set, and nobody can be asked. Set them in "
            f"{SAM_CONFIGURATION.name}, or with {named} (empty for none)"
        )
    return plan.with_answers(answers_to(questions, plan, input))


def _keep(plan: Plan) -> None:
    """Save what samconfig.toml does not have yet, and say what."""
    environment = plan.deployment.environment
    options = options_to_save(plan.deployment, plan.parameters)
    if options:
        save(environment, options)
        print(f"Saved in {SAM_CONFIGURATION.name}, environment {environment}:")
        for name, value in options.items():
            for line in value if isinstance(value, list) else [f"{name} = {json.dumps(value)}"]:
                print(f"  {line}")


def _build_and_deploy(environment: str, *, is_asking: bool) -> int:
    confirmation = [] if is_asking else ["--no-confirm-changeset"]
    for command in (["make", "build"], [SAM, "deploy", "--config-env", environment, *confirmation]):
        print(f"\n$ {shlex.join(command)}", flush=True)
        status = subprocess.run(command, cwd=ROOT, check=False).returncode
        if status:
            print(f"deploy: {shlex.join(command)} ended with {status}", file=sys.stderr)
            return status
    print("\nDeployed. Follow the links in the e-mails from AWS, then run: make verify")
    return 0


if __name__ == "__main__":
    run("deploy", main, when_interrupted=WHEN_INTERRUPTED)
