"""What AWS does not answer does not end the rest; without credentials, nothing begins."""

import os
import subprocess
import sys
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError, NoCredentialsError

from tests.local.cloud import REGION, Cloud, refusal
from tests.local.control_tower import make_trail
from tests.local.preflight.arrangements import EMAILS, REUSE, Preflight, make_log_group
from tests.stories import ROOT


@pytest.mark.parametrize(
    ("operation", "subject", "action"),
    [
        ("DescribeStacks", "stack", "cloudformation:DescribeStacks"),
        (
            "ListAWSServiceAccessForOrganization",
            "trusted access",
            "organizations:ListAWSServiceAccessForOrganization",
        ),
        ("DescribeTrails", "trails", "cloudtrail:DescribeTrails"),
        ("DescribeLogGroups", "log group", "logs:DescribeLogGroups"),
    ],
)
def test_a_missing_permission_is_a_warning(
    aws: Cloud, run: Preflight, operation: str, subject: str, action: str
) -> None:
    make_trail(aws)
    make_log_group(aws)
    message = f"User: arn:aws:iam::1:user/me is not authorized to perform: {action} on resource: *"
    aws.answers[operation] = refusal(operation, "AccessDeniedException", message)

    result = run(*(REUSE if operation == "DescribeLogGroups" else EMAILS))

    assert result.status == 0
    assert (
        f"{subject} could not be checked: you do not have the permission {action}. Get the "
        "permission, or check this yourself" in result.lines("warning")
    )
    assert result.lines("ok")[-1].startswith("e-mail operations@example.com: SNS will send")
    assert "sam deploy" in result.out


def test_a_service_that_fails_is_a_warning(aws: Cloud, run: Preflight) -> None:
    aws.answers["DescribeTrails"] = refusal("DescribeTrails", "InternalFailure", "Sorry.")

    assert run(*EMAILS).lines("warning") == [
        "trails could not be checked: DescribeTrails: Sorry. Try again in a minute"
    ]


def test_a_service_that_does_not_answer_is_a_warning(aws: Cloud, run: Preflight) -> None:
    def answer(_: Any) -> Any:
        raise EndpointConnectionError(endpoint_url="https://cloudtrail")

    aws.answers["DescribeTrails"] = answer

    (line,) = run(*EMAILS).lines("warning")

    assert line.endswith('"https://cloudtrail". Check the network and --region')


@pytest.mark.parametrize("operation", ["GetCallerIdentity", "DescribeTrails"])
def test_expired_credentials_end_it(aws: Cloud, run: Preflight, operation: str) -> None:
    message = "The security token included in the request is expired"
    aws.answers[operation] = refusal(operation, "ExpiredTokenException", message)

    result = run(*EMAILS)

    assert result.status == 1
    assert result.lines("stop") == [
        f"account {operation}: {message}. Sign in to the stack's account (aws sso login, "
        "AWS_PROFILE, …)"
    ]


def test_no_credentials_end_it(aws: Cloud, run: Preflight) -> None:
    def answer(_: Any) -> Any:
        raise NoCredentialsError

    aws.answers["GetCallerIdentity"] = answer

    result = run(*EMAILS)

    assert result.status == 1
    assert result.lines("stop")[0].startswith("account no AWS credentials were found. Sign in")


@pytest.mark.parametrize(
    ("environment", "line"),
    [
        pytest.param(
            {},
            "no Region is set. Set it with --region, AWS_DEFAULT_REGION or samconfig.toml",
            id="region",
        ),
        pytest.param(
            {"AWS_DEFAULT_REGION": REGION}, "no AWS credentials were found. Sign in", id="sign-in"
        ),
        pytest.param(
            {"AWS_PROFILE": "x"},
            "The config profile (x) could not be found. Name another profile in AWS_PROFILE",
            id="profile",
        ),
    ],
)
@pytest.mark.parametrize(
    ("command", "status", "state", "verdict"),
    [
        (["local.preflight"], 1, "stop", ""),
        (["local.deploy", "--yes"], 1, "stop", ""),
        (
            ["local.verify"],
            2,
            "warning",
            ": nothing could be checked, so whether the alerter works is not known.\n",
        ),
    ],
    ids=["preflight", "deploy", "verify"],
)
def test_as_a_program_without_an_account(
    *,
    command: list[str],
    status: int,
    state: str,
    verdict: str,
    environment: dict[str, str],
    line: str,
) -> None:
    mine = {name: text for name, text in os.environ.items() if not name.startswith("AWS_")}
    nobody = {
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }

    ended = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=ROOT,
        env=mine | nobody | environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == status
    assert ended.stderr == ""
    assert ended.stdout.startswith(f"{state:<9}account             {line}")
    assert ended.stdout.endswith(verdict)
