"""What preflight's tests find in the organization, and what they expect of a run."""

import json
import shlex
from collections.abc import Callable
from typing import Any, Final

from tests.local.cloud import MANAGEMENT, REGION, Cloud, Run
from tests.local.control_tower import BUCKET, GROUP, TRAIL, make_trail

MEMBER: Final = "222233334444"
ARN: Final = f"arn:aws:cloudtrail:{REGION}:{MANAGEMENT}:trail/{TRAIL}"
EMAILS: Final = (
    "--parameter",
    "AlertEmail=security@example.com",
    "--parameter",
    "OperationsEmail=operations@example.com",
)
REUSE: Final = (
    *EMAILS,
    "--parameter",
    f"ExistingTrailLogGroupName={GROUP}",
    "--parameter",
    f"TrailName={TRAIL}",
)
THEIR_BUCKET: Final = (*EMAILS, "--parameter", f"ExistingTrailBucketName={BUCKET}")


Preflight = Callable[..., Run]
Arrangement = Callable[[Cloud], None]
# A name, what is there, the arguments, and the line that is expected.
Row = tuple[str, Arrangement, tuple[str, ...], str]


def assert_stop(result: Run, line: str) -> None:
    assert result.status == 1
    assert [it for it in result.lines("stop") if line in it]
    assert "not ready to deploy" in result.out


def assert_warning(result: Run, line: str) -> None:
    assert [it for it in result.lines("warning") if line in it]
    assert result.status == bool(result.lines("stop"))


def command_in(run: Run) -> list[str]:
    """The words of the command that is printed at the end."""
    return shlex.split(run.out.splitlines()[-1])


def both(*arrangements: Arrangement) -> Arrangement:
    """One after the other."""

    def arrange(aws: Cloud) -> None:
        for each in arrangements:
            each(aws)

    return arrange


def nothing(_: Cloud) -> None:
    """Leave it as it is."""


def be(account_id: str) -> Arrangement:
    """Sign in to another account of the organization."""

    def arrange(aws: Cloud) -> None:
        found = aws.client("organizations").describe_organization()
        aws.answers["DescribeOrganization"] = lambda _: found
        aws.answers["GetCallerIdentity"] = lambda _: {
            "Account": account_id,
            "Arn": f"arn:aws:sts::{account_id}:assumed-role/deploy/me",
        }

    return arrange


def make_log_group(aws: Cloud, *filters: str) -> None:
    client = aws.client("logs")
    client.create_log_group(logGroupName=GROUP)
    # moto checks that a destination is there; what it is does not matter here.
    aws.answers["DescribeSubscriptionFilters"] = lambda _: {
        "subscriptionFilters": [
            {"filterName": name, "destinationArn": f"arn:aws:lambda:::function:{name}"}
            for name in filters
        ]
    }


def stopped_trail(aws: Cloud) -> None:
    make_trail(aws)
    make_log_group(aws)
    aws.client("cloudtrail").stop_logging(Name=TRAIL)


def full_group(aws: Cloud) -> None:
    make_trail(aws)
    make_log_group(aws, "to-the-siem", "to-the-lake")


def policy_of(aws: Cloud, *more: dict[str, Any], drop: str = "") -> str:
    from local.bucket_policy import policy_for
    from local.deployment import defaults

    values = defaults() | {
        "OrganizationId": aws.organization_id,
        "ExistingTrailBucketName": BUCKET,
    }
    policy = policy_for(values, management_account=MANAGEMENT, partition="aws", region=REGION)
    kept = [it for it in policy["Statement"] if not drop or drop not in it["Sid"]]
    return json.dumps({"Version": "2012-10-17", "Statement": [*kept, *more]})


ALL_SERVICES: Final = (
    "cloudtrail.amazonaws.com",
    "cloudwatch.amazonaws.com",
    "events.amazonaws.com",
    f"logs.{REGION}.amazonaws.com",
    "sns.amazonaws.com",
)


def key_for(aws: Cloud, *services: str, **asked: Any) -> str:
    statement = {"Effect": "Allow", "Principal": {"Service": list(services)}, "Action": "kms:*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement | {"Resource": "*"}]})
    key = aws.client("kms").create_key(Policy=policy, **asked)["KeyMetadata"]
    return str(key["Arn"])
