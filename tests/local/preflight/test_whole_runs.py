"""`python -m local.preflight` where all is well, and what it asks of AWS."""

import pytest

from local.preflight import __main__ as preflight
from local.preflight import steps
from tests.local.cloud import MANAGEMENT, REGION, STACK, Cloud, Terminal
from tests.local.control_tower import BUCKET, GROUP, TRAIL, make_bucket, make_trail
from tests.local.preflight.arrangements import (
    ALL_SERVICES,
    EMAILS,
    MEMBER,
    REUSE,
    THEIR_BUCKET,
    Preflight,
    be,
    command_in,
    key_for,
    make_log_group,
    policy_of,
)

# All is well.


def test_a_new_stack_in_good_order(aws: Cloud, run: Preflight) -> None:
    result = run(*EMAILS)

    assert result.status == 0
    assert result.err == ""
    assert not result.lines("warning")
    assert not result.lines("stop")
    assert "11 ok: ready to deploy.\nBuild and deploy:\n" in result.out
    assert command_in(result) == [
        *("make", "build", "&&", ".venv/sam/bin/sam", "deploy", "--config-env", "default"),
        *("--stack-name", STACK, "--region", REGION),
        *("--capabilities", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"),
        *("--resolve-s3", "--parameter-overrides"),
        *("AlertEmail=security@example.com", "OperationsEmail=operations@example.com"),
        f"OrganizationId={aws.organization_id}",
    ]


def test_a_control_tower_trail_is_reused(aws: Cloud, run: Preflight) -> None:
    make_trail(aws)
    make_log_group(aws, "somebody-elses")

    result = run(*REUSE)

    assert result.status == 0
    assert result.lines("warning") == result.lines("stop") == []
    assert (
        f"trails {TRAIL} runs, and records all changes in the organization and in all Regions"
        in result.lines("ok")
    )
    assert f"log group {GROUP}" in result.lines("ok")
    assert "subscription others use 1 of 2 filters" in result.lines("ok")
    assert f"ExistingTrailLogGroupName={GROUP}" in command_in(result)


def test_their_bucket_with_the_policy_that_bucket_policy_prints(
    aws: Cloud, run: Preflight, shell: Terminal
) -> None:
    from local import bucket_policy

    make_bucket(aws)
    printed = shell.run(bucket_policy.main, *THEIR_BUCKET).out
    aws.client("s3").put_bucket_policy(Bucket=BUCKET, Policy=printed)

    result = run(*THEIR_BUCKET)

    assert result.status == 0
    assert result.lines("warning") == result.lines("stop") == []
    assert f"existing bucket {BUCKET}, in {REGION}" in result.lines("ok")
    assert (
        f"bucket policy statement 3 (CloudTrailWritesForTheOrganization) lets CloudTrail call "
        f"s3:PutObject on arn:aws:s3:::{BUCKET}/AWSLogs/{aws.organization_id}/*"
        in result.lines("ok")
    )


def test_an_update_of_the_stack_that_is_there(aws: Cloud, run: Preflight) -> None:
    make_trail(aws, "organization-trail")
    aws.deployed(
        "UPDATE_COMPLETE",
        OrganizationId=aws.organization_id,
        AlertEmail="security@example.com",
        OperationsEmail="old@example.com",
        TrailName="organization-trail",
        GoneByNow="x",
    )
    aws.output(TrailArn=f"arn:aws:cloudtrail:{REGION}:{MANAGEMENT}:trail/organization-trail")

    result = run("--parameter", "OperationsEmail=new@example.com")

    assert result.status == 0
    assert result.lines("warning") == result.lines("stop") == []
    assert f"stack {STACK} is UPDATE_COMPLETE: it would be updated" in result.lines("ok")
    assert (
        "parameters the update changes OperationsEmail from old@example.com to new@example.com"
        in result.lines("ok")
    )
    assert (
        "parameters these stay as they are on the stack: "
        f"OrganizationId={aws.organization_id}, AlertEmail=security@example.com, 1 that have the "
        "template's defaults" in result.lines("ok")
    )
    assert "e-mail security@example.com: as before" in result.lines("ok")
    assert (
        "e-mail new@example.com: SNS will send a link to confirm the subscription"
        in result.lines("ok")
    )


# What is asked of AWS is what --help says.


def test_the_permissions_are_those_of_the_calls(
    aws: Cloud, run: Preflight, capsys: pytest.CaptureFixture[str]
) -> None:
    make_trail(aws)
    make_log_group(aws)
    policy = policy_of(aws)
    aws.client("s3").put_bucket_policy(Bucket=BUCKET, Policy=policy)
    arn = key_for(aws, *ALL_SERVICES)
    aws.calls.clear()

    run(*THEIR_BUCKET, "--parameter", f"KmsKey={arn}")
    run(*REUSE)
    be(MEMBER)(aws)
    run(*REUSE)

    # HeadBucket has no action of its own.
    asked = {it.replace("HeadBucket", "ListBucket") for it in aws.calls}
    assert asked == set(steps.PERMISSIONS)
    with pytest.raises(SystemExit, match="0"):
        preflight.main(["--help"])
    printed = capsys.readouterr().out.split()
    assert set(steps.PERMISSIONS) <= set(printed)
