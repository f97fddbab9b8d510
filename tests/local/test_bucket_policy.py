"""`python -m local.bucket_policy`: the template's policy, filled in, before there is a stack."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from typing import Final

import pytest

from local import bucket_policy
from tests.local.cloud import (
    MANAGEMENT,
    REGION,
    Cloud,
    Run,
    Terminal,
    refusal,
)
from tests.stories import ROOT
from tests.template.policies import allows

BUCKET: Final = ("--parameter", "ExistingTrailBucketName=their-trail")
KNOWN: Final = (
    *BUCKET,
    "--parameter",
    "OrganizationId=o-exampleorgid",
    "--parameter",
    "ManagementAccountId=999988887777",
)

Print = Callable[..., Run]


@pytest.fixture
def run(aws: Cloud, shell: Terminal) -> Print:  # noqa: ARG001 - there before the first call
    return lambda *arguments: shell.run(bucket_policy.main, *arguments)


def test_the_organization_is_looked_up(aws: Cloud, run: Print) -> None:
    result = run(*BUCKET)

    assert (result.status, result.err) == (0, "")
    acl, management, organization = json.loads(result.out)["Statement"]
    assert acl["Resource"] == "arn:aws:s3:::their-trail"
    assert management["Resource"] == f"arn:aws:s3:::their-trail/AWSLogs/{MANAGEMENT}/*"
    assert organization["Resource"] == f"arn:aws:s3:::their-trail/AWSLogs/{aws.organization_id}/*"
    assert organization["Condition"]["StringEquals"] == {
        "s3:x-amz-acl": "bucket-owner-full-control",
        "aws:SourceArn": f"arn:aws:cloudtrail:{REGION}:{MANAGEMENT}:trail/organization-trail",
    }
    assert result.out.startswith('{\n  "Version": "2012-10-17",\n')


def test_what_is_given_is_not_looked_up(aws: Cloud, run: Print) -> None:
    result = run(*KNOWN, "--parameter", "TrailName=mine", "--region", "cn-north-1")

    _, management, organization = json.loads(result.out)["Statement"]
    assert aws.calls == set()
    assert management["Resource"] == "arn:aws-cn:s3:::their-trail/AWSLogs/999988887777/*"
    assert organization["Resource"] == "arn:aws-cn:s3:::their-trail/AWSLogs/o-exampleorgid/*"
    assert organization["Condition"]["StringEquals"]["aws:SourceArn"] == (
        "arn:aws-cn:cloudtrail:cn-north-1:999988887777:trail/mine"
    )


def test_samconfig_may_say_it_all(aws: Cloud, run: Print, shell: Terminal) -> None:
    shell.configure(
        '[default.deploy.parameters]\nstack_name = "a"\nregion = "eu-north-1"\n'
        'parameter_overrides = "ExistingTrailBucketName=b-b ManagementAccountId=999988887777 '
        'OrganizationId=o-exampleorgid"'
    )

    result = run()

    assert aws.calls == set()
    assert "arn:aws:cloudtrail:eu-north-1:999988887777:trail/organization-trail" in result.out
    assert "arn:aws:s3:::b-b/AWSLogs/o-exampleorgid/*" in result.out


@pytest.mark.parametrize(
    ("trail", "account", "is_allowed"),
    [
        pytest.param("organization-trail", "o-exampleorgid", True, id="the-organization"),
        pytest.param("organization-trail", "999988887777", True, id="the-management-account"),
        pytest.param("organization-trail", "222233334444", False, id="somebody-elses-folder"),
        pytest.param("another-trail", "o-exampleorgid", False, id="somebody-elses-trail"),
    ],
)
def test_cloudtrail_may_write_what_it_must(
    run: Print, *, trail: str, account: str, is_allowed: bool
) -> None:
    policy = json.loads(run(*KNOWN).out)

    assert is_allowed == allows(
        policy,
        action="s3:PutObject",
        resource=f"arn:aws:s3:::their-trail/AWSLogs/{account}/222233334444/CloudTrail/file.gz",
        principal="cloudtrail.amazonaws.com",
        given={
            "aws:SourceArn": f"arn:aws:cloudtrail:{REGION}:999988887777:trail/{trail}",
            "s3:x-amz-acl": "bucket-owner-full-control",
        },
    )


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        pytest.param(
            (),
            "ExistingTrailBucketName is not set: name the bucket with --parameter ",
            id="no-bucket",
        ),
        pytest.param(
            ("--parameter", "Bucket=b"), "template.yaml has no parameter Bucket: ", id="unknown"
        ),
        pytest.param(
            ("--parameter", "ExistingTrailBucketName=s3://b"),
            "ExistingTrailBucketName must be the name of a bucket, or empty",
            id="malformed",
        ),
        pytest.param(("--config-env", "mine"), "samconfig.toml names no stack for mine", id="env"),
    ],
)
def test_what_is_missing_is_named(run: Print, arguments: tuple[str, ...], line: str) -> None:
    result = run(*arguments)

    assert (result.status, result.out) == (2, "")
    assert result.err.startswith(f"bucket-policy: {line}")
    assert len(result.err.splitlines()) == 1


def test_configuration_that_is_no_toml(run: Print, shell: Terminal) -> None:
    shell.configure("version =")

    assert run(*BUCKET).err.startswith("bucket-policy: samconfig.toml: ")


def test_who_may_not_look_it_up_can_name_it(aws: Cloud, run: Print) -> None:
    aws.answers["DescribeOrganization"] = refusal(
        "DescribeOrganization", "AccessDeniedException", "You don't have permissions."
    )

    result = run(*BUCKET)

    assert (result.status, result.out) == (2, "")
    assert result.err == (
        "bucket-policy: DescribeOrganization: You don't have permissions. Get the permission; or "
        "set --parameter OrganizationId=… and --parameter ManagementAccountId=…\n"
    )


def test_as_a_program_without_an_account() -> None:
    mine = {name: text for name, text in os.environ.items() if not name.startswith("AWS_")}
    nobody = {
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }

    ended = subprocess.run(
        [sys.executable, "-m", "local.bucket_policy", *BUCKET, "--region", REGION],
        cwd=ROOT,
        env=mine | nobody,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith("bucket-policy: no AWS credentials were found. Sign in to the ")


def test_the_permissions_are_those_of_the_calls(
    aws: Cloud, run: Print, capsys: pytest.CaptureFixture[str]
) -> None:
    run(*BUCKET)

    assert aws.calls == set(bucket_policy.PERMISSIONS)
    with pytest.raises(SystemExit, match="0"):
        bucket_policy.main(["--help"])
    assert "\n  organizations:DescribeOrganization\n" in capsys.readouterr().out
