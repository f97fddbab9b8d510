"""The stack that is deployed, or is to be deployed: its name, Region and parameters."""

from __future__ import annotations

import argparse
import difflib
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import boto3
from botocore.config import Config
from botocore.exceptions import NoRegionError, UnknownRegionError

from .sam_configuration import SAM_CONFIGURATION, deploy_settings, overrides_in
from .template import read_template

# Short timeouts, so that a missing answer is reported soon. Enough retries for throttling.
CLIENT_CONFIG: Final = Config(
    connect_timeout=5, read_timeout=30, retries={"total_max_attempts": 5, "mode": "standard"}
)

# With longer names, the rules in stacks/health.yaml exceed EventBridge's limits.
LONGEST_STACK_NAME: Final = 40


class DeploymentError(Exception):
    """The options cannot be used. The text says why, and what can be done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """Settings from samconfig.toml and the command line. `given` are parameters of the stack."""

    environment: str
    settings: Mapping[str, Any]
    stack: str
    region: str
    region_is_from: str
    partition: str
    given: Mapping[str, str]
    session: boto3.Session

    @property
    def url_suffix(self) -> str:
        """The end of AWS's domain names and of some service principals, named as in CloudFormation.

        https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/pseudo-parameter-reference.html
        """
        return "amazonaws.com.cn" if self.partition == "aws-cn" else "amazonaws.com"

    def client(self, service: str, region: str | None = None) -> Any:
        """A client in the Region of the stack, or in another one."""
        make: Any = self.session.client
        return make(service, region_name=region or self.region, config=CLIENT_CONFIG)


def add_options(parser: argparse.ArgumentParser, *, with_parameters: bool) -> None:
    """Add the options that choose a deployment."""
    parser.add_argument(
        "--config-env",
        default="default",
        metavar="NAME",
        help="the environment in samconfig.toml, as for sam deploy (default: default)",
    )
    parser.add_argument("--stack", metavar="NAME", help="default: the one in samconfig.toml")
    parser.add_argument(
        "--region",
        metavar="R",
        help="default: the one in samconfig.toml, else the one in your AWS settings",
    )
    if with_parameters:
        parser.add_argument(
            "--parameter",
            action="append",
            default=[],
            metavar="NAME=VALUE",
            help="a parameter of the stack, overrides samconfig.toml; may be repeated",
        )


def deployment_of(options: argparse.Namespace) -> Deployment:
    """What the options and samconfig.toml choose. DeploymentError if they are not enough."""
    settings = deploy_settings(options.config_env)
    session = session_for(options, settings)
    if session.region_name is None:
        raise NoRegionError
    try:
        partition = session.get_partition_for_region(session.region_name)
    except UnknownRegionError:
        raise DeploymentError(
            f"{session.region_name!r} is not an AWS Region: see --region"
        ) from None
    stack = options.stack or settings.get("stack_name")
    if stack is None:
        raise DeploymentError(
            f"{SAM_CONFIGURATION.name} names no stack for {options.config_env}: name it with "
            "--stack, or an environment of the file with --config-env"
        )
    return Deployment(
        environment=options.config_env,
        settings=settings,
        stack=stack,
        region=session.region_name,
        region_is_from=_region_is_from(options, settings),
        partition=partition,
        given=overrides_in(settings) | _named(getattr(options, "parameter", [])),
        session=session,
    )


def missing_sam_options(settings: Mapping[str, Any]) -> dict[str, str | bool]:
    """Options that `sam deploy` needs, and that samconfig.toml does not set."""
    missing: dict[str, str | bool] = {}
    if not settings.get("capabilities"):
        missing["capabilities"] = "CAPABILITY_NAMED_IAM CAPABILITY_AUTO_EXPAND"
    if not settings.get("resolve_s3") and not settings.get("s3_bucket"):
        missing["resolve_s3"] = True
    return missing


def session_for(options: argparse.Namespace, settings: Mapping[str, Any]) -> boto3.Session:
    """Use the profile in samconfig.toml, and its Region unless the command line names one."""
    region = options.region or settings.get("region")
    return boto3.Session(region_name=region, profile_name=settings.get("profile"))


def _region_is_from(options: argparse.Namespace, settings: Mapping[str, Any]) -> str:
    if options.region:
        return "--region"
    if settings.get("region"):
        return f"{SAM_CONFIGURATION.name}, {options.config_env}"
    return "AWS_DEFAULT_REGION" if os.environ.get("AWS_DEFAULT_REGION") else "your AWS profile"


def _named(arguments: list[str]) -> dict[str, str]:
    """Arguments of the form Name=Value. The value may be empty."""
    for argument in arguments:
        if "=" not in argument:
            raise DeploymentError(f"--parameter: expected Name=Value, found {argument!r}")
    return {name: value for name, _, value in (argument.partition("=") for argument in arguments)}


# The parameters, as template.yaml declares them.


def refuse_unknown(given: Mapping[str, str]) -> None:
    """DeploymentError for a parameter that template.yaml does not have."""
    declared = read_template()["Parameters"]
    for name in given:
        if name not in declared:
            near = difflib.get_close_matches(name, declared, n=1)
            hint = f"do you mean {near[0]}?" if near else f"there are {', '.join(declared)}"
            raise DeploymentError(f"template.yaml has no parameter {name}: {hint}")


def defaults() -> dict[str, str]:
    """The values of parameters that are not given."""
    declared = read_template()["Parameters"]
    return {name: str(spec["Default"]) for name, spec in declared.items() if "Default" in spec}


def complaints(values: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Parameters that CloudFormation would refuse: the name and the reason."""
    template = read_template()
    for name, spec in template["Parameters"].items():
        if name in values and not _is_accepted(values[name], spec):
            yield name, spec.get("ConstraintDescription") or _bounds_of(spec)


def broken_rules(values: Mapping[str, str]) -> Iterator[str]:
    """Messages of the template's Rules about parameters that do not fit together."""
    for rule in read_template().get("Rules", {}).values():
        if _holds(rule.get("RuleCondition", True), values):
            for assertion in rule["Assertions"]:
                if not _holds(assertion["Assert"], values):
                    yield assertion["AssertDescription"]


def _holds(condition: Any, values: Mapping[str, str]) -> bool:
    """A condition of a rule. Only the functions that template.yaml uses there are known."""
    if isinstance(condition, bool):
        return condition
    ((function, arguments),) = condition.items()
    if function == "Fn::Not":
        return not _holds(arguments[0], values)
    if function == "Fn::Equals":
        left, right = (
            values.get(it["Ref"], "") if isinstance(it, dict) else str(it) for it in arguments
        )
        return left == right
    raise ValueError(f"a rule of template.yaml uses {function}: expected Fn::Not or Fn::Equals")


def _is_accepted(value: str, spec: Mapping[str, Any]) -> bool:
    if spec["Type"] == "Number" and not value.isdecimal():
        return False
    allowed = {str(it) for it in spec.get("AllowedValues", [value])}
    return (
        value in allowed
        # CloudFormation matches the whole value.
        and re.fullmatch(spec.get("AllowedPattern", ".*"), value, re.DOTALL) is not None
        and len(value) >= spec.get("MinLength", 0)
        and len(value) <= spec.get("MaxLength", len(value))
        and ("MinValue" not in spec or int(value) >= spec["MinValue"])
    )


def _bounds_of(spec: Mapping[str, Any]) -> str:
    if "AllowedValues" in spec:
        return f"must be one of {', '.join(map(str, spec['AllowedValues']))}."
    return f"must be a number from {spec.get('MinValue', 0)}."
