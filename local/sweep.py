"""Sweeps every account and Region now, instead of waiting for the night.

It invokes the deployed function that plans a sweep, and says how much there is to do. The functions
of the stack then read the security groups of all accounts, which takes minutes to hours, and
remember what is open. They send no alerts and change no group.
"""

from __future__ import annotations

import argparse
import json
import sys
from contextlib import suppress
from typing import Any, Final

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from security_group_alerter.messages.text import plural

from .aws_errors import code_of, problem_of
from .deployment import Deployment, DeploymentError, add_options, deployment_of
from .program import run
from .redrive.failed_deliveries import error_text
from .sam_configuration import SamConfigurationError

# Output of template.yaml.
OUTPUT: Final = "SweepPlanFunctionName"
# The function's timeout, and a margin for the network. A retry would plan twice.
LAMBDA_CONFIG: Final = Config(
    connect_timeout=10,
    read_timeout=930,
    tcp_keepalive=True,
    retries={"total_max_attempts": 1, "mode": "standard"},
)


class SweepError(Exception):
    """There is no sweep. The text says why, and what to do."""


def main(arguments: list[str] | None = None) -> int:
    """Plan a sweep, and print what it comes to. Returns 1 if some accounts cannot be swept."""
    options = _options(arguments)
    try:
        deployment = deployment_of(options)
        counts = _planned(deployment, options.function or _function_of(deployment))
    except (SweepError, DeploymentError, SamConfigurationError) as error:
        problem = str(error)
    except (ClientError, BotoCoreError) as error:
        problem = ". ".join(problem_of(error))
    else:
        print(_summary_of(counts))
        return 1 if counts.get("problems") else 0
    print(f"sweep: {' '.join(problem.split())}", file=sys.stderr)
    return 2


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m local.sweep",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="Needs cloudformation:DescribeStacks and lambda:InvokeFunction. Exit status: 0; 1 "
        "if accounts cannot be looked into; 2 if nothing is swept.",
    )
    add_options(parser, with_parameters=False)
    parser.add_argument("--function", metavar="NAME", help="instead of the stack's function")
    return parser.parse_args(arguments)


def _function_of(deployment: Deployment) -> str:
    try:
        found = deployment.client("cloudformation").describe_stacks(StackName=deployment.stack)
    except ClientError as error:
        if code_of(error) != "ValidationError":
            raise
        raise SweepError(
            f"there is no stack {deployment.stack} in {deployment.region}: name it with --stack "
            "and --region"
        ) from None
    outputs = found["Stacks"][0].get("Outputs", [])
    for output in outputs:
        if output["OutputKey"] == OUTPUT:
            return str(output["OutputValue"])
    raise SweepError(
        f"the stack {deployment.stack} does not sweep: set LookRole, and deploy it again "
        "(docs/deploy.md, Looking into accounts)"
    )


def _planned(deployment: Deployment, function: str) -> dict[str, int]:
    """What the function counts. Raises SweepError if it fails."""
    client = deployment.session.client(
        "lambda", region_name=deployment.region, config=LAMBDA_CONFIG
    )
    answer = client.invoke(FunctionName=function, InvocationType="RequestResponse", Payload=b"{}")
    said: Any = answer["Payload"].read().decode(errors="replace")
    with suppress(ValueError):
        said = json.loads(said)
    if answer.get("FunctionError") or not isinstance(said, dict):
        raise SweepError(f"the function {function} failed: {error_text(said)}")
    return said


def _summary_of(counts: dict[str, int]) -> str:
    accounts, items = counts.get("accounts", 0), counts.get("items", 0)
    lines = [
        f"{plural(accounts, 'account')}: {plural(items, 'sweep')} of an account and Region "
        f"{'is' if items == 1 else 'are'} on the way."
    ]
    if left := counts.get("left"):
        lines.append(
            f"{plural(left, 'group')} that {'was' if left == 1 else 'were'} open: the account left "
            "the organization, or the Region was switched off. What was open there has ended."
        )
    if problems := counts.get("problems"):
        lines.append(
            f"{plural(problems, 'account')} cannot be looked into: make verify says which and why."
        )
    return "\n".join(lines)


if __name__ == "__main__":
    run("sweep", main, when_interrupted="a sweep that was asked for goes on")
