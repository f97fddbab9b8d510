"""Prints the policy that an existing bucket needs for the trail, before or after the deployment.

Standard output is the policy as JSON, and nothing else: the text of the output TrailBucketPolicy in
template.yaml. You must set ExistingTrailBucketName (in samconfig.toml or with --parameter) and the
Region. The organization's ID and its management account are looked up, unless you set
OrganizationId and ManagementAccountId. Add these statements to those that the bucket already has.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Mapping
from typing import Any, Final, cast

from botocore.exceptions import BotoCoreError, ClientError

from .aws_errors import problem_of
from .deployment import (
    Deployment,
    DeploymentError,
    add_options,
    complaints,
    defaults,
    deployment_of,
    refuse_unknown,
)
from .program import run
from .sam_configuration import SamConfigurationError
from .template import read_template

OUTPUT: Final = "TrailBucketPolicy"
BUCKET: Final = "ExistingTrailBucketName"
PERMISSIONS: Final = ("organizations:DescribeOrganization",)


def main(arguments: list[str] | None = None) -> int:
    """Print the policy. Returns 2 if it cannot be made."""
    try:
        print(json.dumps(_policy_of(deployment_of(_options(arguments))), indent=2))
    except (DeploymentError, SamConfigurationError) as error:
        problem = str(error)
    except (ClientError, BotoCoreError) as error:
        problem = _sentence_for(error)
    else:
        return 0
    print(f"bucket-policy: {problem}", file=sys.stderr)
    return 2


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m local.bucket_policy",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="Permission needed, unless you set OrganizationId and ManagementAccountId:\n  "
        + "\n  ".join(PERMISSIONS)
        + "\nExit status: 0; 2 if the policy cannot be made.",
    )
    add_options(parser, with_parameters=True)
    return parser.parse_args(arguments)


def _policy_of(deployment: Deployment) -> dict[str, Any]:
    refuse_unknown(deployment.given)
    for name, complaint in complaints(deployment.given):
        raise DeploymentError(f"{name} {complaint.rstrip('.')}")
    values = {**defaults(), **deployment.given}
    if not values.get(BUCKET):
        raise DeploymentError(
            f"{BUCKET} is not set: name the bucket with --parameter {BUCKET}=… (if the stack "
            "creates the bucket, it also sets the policy)"
        )
    organization_id = values.get("OrganizationId")
    management_account = values.get("ManagementAccountId")
    if not organization_id or not management_account:
        found = deployment.client("organizations").describe_organization()["Organization"]
        organization_id = organization_id or found["Id"]
        management_account = management_account or found["MasterAccountId"]
    return policy_for(
        values | {"OrganizationId": organization_id},
        management_account=management_account,
        partition=deployment.partition,
        region=deployment.region,
    )


def policy_for(
    values: Mapping[str, str], *, management_account: str, partition: str, region: str
) -> dict[str, Any]:
    """The template's policy with these values filled in; `region` is the trail's home."""
    text = read_template()["Outputs"][OUTPUT]["Value"]["Fn::Sub"][0]
    known = {
        **values,
        "ManagementAccount": management_account,
        "AWS::Partition": partition,
        "AWS::Region": region,
    }
    filled = re.sub(r"\$\{([^}]+)\}", lambda name: known[name[1]], text)
    return cast("dict[str, Any]", json.loads(filled))


def _sentence_for(error: ClientError | BotoCoreError) -> str:
    problem, todo = problem_of(error)
    return (
        f"{problem}. {todo}; or set --parameter OrganizationId=… and "
        "--parameter ManagementAccountId=…"
    )


if __name__ == "__main__":
    run("bucket-policy", main)
