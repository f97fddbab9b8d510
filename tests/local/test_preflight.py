"""`python -m local.preflight` on an organization in moto: all is well, and whatever is not."""

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from botocore.exceptions import EndpointConnectionError, NoCredentialsError

from local.deployment import LONGEST_STACK_NAME
from local.preflight import __main__ as preflight
from local.sam_configuration import overrides_in
from tests.local.cloud import (
    MANAGEMENT,
    REGION,
    STACK,
    Cloud,
    Run,
    Terminal,
    refusal,
)
from tests.local.control_tower import BUCKET, GROUP, TRAIL, make_bucket, make_trail
from tests.stories import ROOT

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


@pytest.fixture
def run(aws: Cloud, shell: Terminal) -> Preflight:  # noqa: ARG001 - there before the first call
    return lambda *arguments: shell.run(preflight.main, *arguments)


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


def command_in(run: Run) -> list[str]:
    """The words of the command that is printed at the end."""
    return shlex.split(run.out.splitlines()[-1])


# All is well.


def test_a_new_stack_in_good_order(aws: Cloud, run: Preflight) -> None:
    result = run(*EMAILS)

    assert result.status == 0
    assert result.err == ""
    assert not result.lines("warning")
    assert not result.lines("stop")
    assert "10 ok: ready to deploy.\nBuild and deploy:\n" in result.out
    assert command_in(result) == [
        *("make", "build", "&&", ".venv/sam/bin/sam", "deploy", "--config-env", "default"),
        *("--stack-name", STACK, "--region", REGION),
        *("--capabilities", "CAPABILITY_IAM", "--resolve-s3", "--parameter-overrides"),
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
        GoneByNow="x",
    )
    aws.output(TrailArn=f"arn:aws:cloudtrail:{REGION}:{MANAGEMENT}:trail/organization-trail")

    result = run("--parameter", "OperationsEmail=new@example.com")

    assert result.status == 0
    assert result.lines("warning") == result.lines("stop") == []
    assert f"stack {STACK} is UPDATE_COMPLETE: it would be updated" in result.lines("ok")
    assert "e-mail security@example.com: as before" in result.lines("ok")
    assert (
        "e-mail new@example.com: SNS will send a link to confirm the subscription"
        in result.lines("ok")
    )


# Whatever stands in the way is one line, with what to do.

Arrangement = Callable[[Cloud], None]


def both(*arrangements: Arrangement) -> Arrangement:
    """One after the other."""

    def arrange(aws: Cloud) -> None:
        for each in arrangements:
            each(aws)

    return arrange


def nothing(_: Cloud) -> None:
    """Leave it as it is."""


def leave_the_organization(aws: Cloud) -> None:
    aws.answers["DescribeOrganization"] = refusal(
        "DescribeOrganization", "AWSOrganizationsNotInUseException"
    )


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


def bill_only(aws: Cloud) -> None:
    organization = aws.client("organizations").describe_organization()["Organization"]
    aws.answers["DescribeOrganization"] = lambda _: {
        "Organization": organization | {"FeatureSet": "CONSOLIDATED_BILLING"}
    }


def distrust_cloudtrail(aws: Cloud) -> None:
    aws.client("organizations").disable_aws_service_access(
        ServicePrincipal="cloudtrail.amazonaws.com"
    )


def five_trails(aws: Cloud) -> None:
    for number in range(5):
        make_trail(aws, f"trail-{number}", IsOrganizationTrail=False)


def group_without(*features: str) -> Arrangement:
    def arrange(aws: Cloud) -> None:
        changed: dict[str, Any] = dict.fromkeys(features, False)
        make_trail(aws, **changed)
        make_log_group(aws)

    return arrange


def select(**selectors: Any) -> Arrangement:
    def arrange(aws: Cloud) -> None:
        make_trail(aws)
        make_log_group(aws)
        aws.client("cloudtrail").put_event_selectors(TrailName=TRAIL, **selectors)

    return arrange


def advanced(**equals: str) -> Arrangement:
    fields = [{"Field": field, "Equals": [value]} for field, value in equals.items()]
    return select(AdvancedEventSelectors=[{"FieldSelectors": fields}])


def stopped_trail(aws: Cloud) -> None:
    make_trail(aws)
    make_log_group(aws)
    aws.client("cloudtrail").stop_logging(Name=TRAIL)


def full_group(aws: Cloud) -> None:
    make_trail(aws)
    make_log_group(aws, "to-the-siem", "to-the-lake")


def infrequent_group(aws: Cloud) -> None:
    """Keeps its class from nobody, unlike moto's."""
    make_trail(aws)
    group = {"logGroupName": GROUP, "logGroupClass": "INFREQUENT_ACCESS"}
    aws.answers["DescribeLogGroups"] = lambda _: {"logGroups": [group]}


def far_bucket(aws: Cloud) -> None:
    make_bucket(aws, region="eu-west-1")
    # moto's buckets have the Region of who asks.
    aws.answers["HeadBucket"] = lambda _: {"BucketRegion": "eu-west-1"}


def stack_is(status: str) -> Arrangement:
    return lambda aws: aws.deployed(status, OrganizationId=aws.organization_id)


def stack_with_a_trail(aws: Cloud) -> None:
    aws.deployed(OrganizationId=aws.organization_id)
    aws.output(TrailArn="arn:aws:cloudtrail:::trail/mine")


def trail_from_afar(aws: Cloud) -> None:
    """Its home is another Region, and its log group is here."""
    group = f"arn:aws:logs:{REGION}:{MANAGEMENT}:log-group:{GROUP}:*"
    make_trail(aws, region="us-east-1", CloudWatchLogsLogGroupArn=group)


STOPS: Final[list[tuple[str, Arrangement, tuple[str, ...], str]]] = [
    (
        "no-organization",
        leave_the_organization,
        EMAILS,
        f"organization account {MANAGEMENT} is not in an organization. Sign in to the management",
    ),
    (
        "features-not-all-on",
        bill_only,
        EMAILS,
        "has consolidated billing only. Enable all features (every member account must agree): "
        "aws organizations enable-all-features",
    ),
    (
        "another-organization",
        nothing,
        (*EMAILS, "--parameter", "OrganizationId=o-exampleorgid"),
        "organization OrganizationId is o-exampleorgid, but your account's organization has o-",
    ),
    (
        "another-management-account",
        nothing,
        (*EMAILS, "--parameter", f"ManagementAccountId={MEMBER}"),
        f"ManagementAccountId is {MEMBER}, but your account's organization has {MANAGEMENT}. ",
    ),
    (
        "id-not-known",
        lambda aws: aws.refuse("DescribeOrganization"),
        EMAILS,
        "organization its ID is unknown: you do not have the permission "
        "organizations:DescribeOrganization. Get the permission, or set the ID: --parameter "
        "OrganizationId=o-…",
    ),
    (
        "member-account",
        be(MEMBER),
        EMAILS,
        "account CloudFormation can create an organization trail only in the management account "
        f"({MANAGEMENT}), and this is {MEMBER}. Sign in there, or reuse",
    ),
    (
        "no-trusted-access",
        distrust_cloudtrail,
        EMAILS,
        "trusted access is not enabled for CloudTrail, and CloudFormation cannot enable it. In the "
        "management account: aws organizations enable-aws-service-access "
        "--service-principal cloudtrail.amazonaws.com",
    ),
    (
        "stack-that-failed",
        stack_is("ROLLBACK_COMPLETE"),
        EMAILS,
        f"stack {STACK} is ROLLBACK_COMPLETE and cannot be updated. Delete it: sam delete "
        f"--stack-name {STACK} --region {REGION}",
    ),
    (
        "stack-with-a-long-name",
        nothing,
        (*EMAILS, "--stack", "s" * (LONGEST_STACK_NAME + 1)),
        f"stack the name {'s' * 41} has 41 characters; with more than 40, the rules that watch the "
        "alerter are too long for EventBridge. Choose a shorter name with --stack, or",
    ),
    (
        "update-that-failed-twice",
        stack_is("UPDATE_ROLLBACK_FAILED"),
        EMAILS,
        "Finish the rollback first: aws cloudformation continue-update-rollback --region "
        f"{REGION} --stack-name",
    ),
    (
        "stack-that-is-being-changed",
        stack_is("UPDATE_IN_PROGRESS"),
        EMAILS,
        f"stack {STACK} is being changed (UPDATE_IN_PROGRESS). Wait until that has finished",
    ),
    (
        "five-trails",
        five_trails,
        EMAILS,
        f"trails {REGION} has 5 trails, and AWS allows 5: trail-0, trail-1, trail-2, trail-3, "
        "trail-4. Delete one, or reuse",
    ),
    (
        "trail-of-that-name",
        lambda aws: make_trail(aws, "organization-trail", IsOrganizationTrail=False),
        EMAILS,
        "trails a trail organization-trail that is not this stack's exists already: "
        "arn:aws:cloudtrail:",
    ),
    (
        "no-such-log-group",
        make_trail,
        REUSE,
        f"log group the log group {GROUP} does not exist in {REGION}. Deploy in the account and",
    ),
    (
        "log-group-of-another-class",
        infrequent_group,
        REUSE,
        f"log group {GROUP} has the log class INFREQUENT_ACCESS, without subscription and metric",
    ),
    (
        "no-free-subscription-filter",
        full_group,
        REUSE,
        "subscription the log group has 2 subscription filters, and AWS allows 2: to-the-siem → "
        "arn:aws:lambda:::function:to-the-siem, to-the-lake → ",
    ),
    (
        "reused-trail-without-the-organization",
        group_without("IsOrganizationTrail"),
        REUSE,
        f"trails with {TRAIL}, the alerter would miss changes: it is not an organization trail",
    ),
    (
        "reused-trail-of-one-region",
        group_without("IsMultiRegionTrail"),
        REUSE,
        f"it is not a multi-Region trail (it records only {REGION})",
    ),
    (
        "reused-trail-that-is-stopped",
        stopped_trail,
        REUSE,
        "it is stopped (aws cloudtrail start-logging starts it)",
    ),
    (
        "reused-trail-of-reading-calls",
        select(EventSelectors=[{"ReadWriteType": "ReadOnly", "IncludeManagementEvents": True}]),
        REUSE,
        "its event selectors leave out write management events",
    ),
    (
        "reused-trail-of-data-events",
        advanced(eventCategory="Data"),
        REUSE,
        "its event selectors leave out write management events",
    ),
    (
        "no-such-bucket",
        nothing,
        THEIR_BUCKET,
        f"existing bucket the bucket {BUCKET} does not exist. Set another ExistingTrailBucketName",
    ),
    (
        "bucket-without-a-policy",
        make_bucket,
        THEIR_BUCKET,
        f"bucket policy no statement lets CloudTrail call s3:GetBucketAcl on arn:aws:s3:::{BUCKET}."
        " Add what `make bucket-policy` prints to the bucket's policy",
    ),
    (
        "bucket-far-from-the-key",
        far_bucket,
        THEIR_BUCKET,
        f"existing bucket {BUCKET} is in eu-west-1, and the trail's KMS key would be in {REGION}",
    ),
    (
        "bucket-for-a-trail-that-is-not-made",
        full_group,
        (*REUSE, *THEIR_BUCKET),
        "parameters ExistingTrailBucketName is for a trail that this stack makes; with",
    ),
    (
        "address-that-is-none",
        nothing,
        ("--parameter", "AlertEmail=security@"),
        "parameters AlertEmail='security@' must be one e-mail address, or empty. Change it in "
        "samconfig.toml, or with --parameter AlertEmail=…",
    ),
    (
        "value-that-is-not-allowed",
        nothing,
        (*EMAILS, "--parameter", "LogRetentionInDays=4"),
        "parameters LogRetentionInDays='4' must be one of 1, 3, 5, 7,",
    ),
    (
        "number-that-is-none",
        nothing,
        (*EMAILS, "--parameter", "ArchiveTransitionInDays=soon"),
        "parameters ArchiveTransitionInDays='soon' must be a number from 0",
    ),
    (
        "parameters-that-do-not-go-together",
        nothing,
        (*EMAILS, "--parameter", "SlackChannelId=C07EZ1ABC23"),
        "parameters SlackChannelId needs SlackWorkspaceId",
    ),
    (
        "key-of-another-region",
        nothing,
        (*EMAILS, "--parameter", f"KmsKey=arn:aws:kms:eu-west-1:{MANAGEMENT}:key/1234abcd"),
        f"KMS key arn:aws:kms:eu-west-1:{MANAGEMENT}:key/1234abcd is not in {REGION}. Name",
    ),
    (
        "malformed-key",
        nothing,
        (*EMAILS, "--parameter", "KmsKey=arn:foo"),
        "parameters KmsKey='arn:foo'",
    ),
    (
        "no-such-key",
        nothing,
        (*EMAILS, "--parameter", f"KmsKey=arn:aws:kms:{REGION}:{MANAGEMENT}:key/1234abcd"),
        f"KMS key the key arn:aws:kms:{REGION}:{MANAGEMENT}:key/1234abcd does not exist. Name",
    ),
]


@pytest.mark.parametrize(
    ("arrange", "arguments", "line"), [pytest.param(*row, id=name) for name, *row in STOPS]
)
def test_what_stops_the_deployment(
    aws: Cloud, run: Preflight, arrange: Arrangement, arguments: tuple[str, ...], line: str
) -> None:
    arrange(aws)

    result = run(*arguments)

    assert result.status == 1
    assert [it for it in result.lines("stop") if line in it]
    assert "not ready to deploy" in result.out


WARNINGS: Final[list[tuple[str, Arrangement, tuple[str, ...], str]]] = [
    (
        "second-copy",
        make_trail,
        EMAILS,
        f"trails the organization already has the trail {TRAIL} ({REGION}); AWS charges $2 per "
        "100,000 management events for a second copy (the first is free). Reuse it instead: "
        f"--parameter ExistingTrailLogGroupName={GROUP} --parameter TrailName={TRAIL}",
    ),
    (
        "second-copy-of-a-trail-of-another-region",
        lambda aws: make_trail(aws, region="us-east-1"),
        EMAILS,
        f"Reuse it instead in account {MANAGEMENT}, Region us-east-1, where its log group is: "
        f"--parameter ExistingTrailLogGroupName={GROUP}",
    ),
    (
        "second-copy-of-a-delegated-administrators-trail",
        lambda aws: make_trail(
            aws,
            CloudWatchLogsLogGroupArn=f"arn:aws:logs:{REGION}:{MEMBER}:log-group:theirs:*",
        ),
        EMAILS,
        f"Reuse it instead in account {MEMBER}, Region {REGION}, where its log group is: "
        f"--parameter ExistingTrailLogGroupName=theirs --parameter TrailName={TRAIL} "
        f"--parameter ManagementAccountId={MANAGEMENT}",
    ),
    (
        "second-copy-of-a-trail-without-log-group",
        lambda aws: make_trail(aws, CloudWatchLogsLogGroupArn=None),
        EMAILS,
        "Reuse it instead: it has no log group, so add one first (aws cloudtrail update-trail "
        f"--name {ARN} --cloud-watch-logs-log-group-arn … --cloud-watch-logs-role-arn …)",
    ),
    (
        "trail-that-is-stopped",
        stopped_trail,
        EMAILS,
        "it is stopped, but when it runs, AWS charges $2 per 100,000",
    ),
    (
        "reused-under-another-name",
        both(make_trail, make_log_group),
        REUSE[:-2],
        f"TrailName is organization-trail, but {ARN} writes to the log group. Set its name, so "
        f"that tampering with it is CRITICAL: --parameter TrailName={TRAIL}",
    ),
    (
        "reused-from-another-home",
        both(trail_from_afar, make_log_group),
        REUSE,
        f"the trail's home is us-east-1, and the stack is in {REGION}. Tampering with it is",
    ),
    (
        "log-group-that-no-trail-feeds",
        make_log_group,
        REUSE,
        f"no trail that you can see from here writes to {GROUP}. Check that",
    ),
    (
        "reuse-instead-of-the-own-trail",
        both(make_trail, make_log_group, stack_with_a_trail),
        REUSE,
        "this update deletes the trail that the stack created: arn:aws:cloudtrail:::trail/mine",
    ),
    (
        "member-account-without-names",
        both(make_trail, make_log_group, be(MEMBER)),
        REUSE,
        "alerts will have the IDs of accounts, but not their names. In "
        f"{MANAGEMENT}: aws organizations "
        f"register-delegated-administrator --account-id {MEMBER}",
    ),
    (
        "nobody-is-alerted",
        nothing,
        (),
        "e-mail AlertEmail is empty: nobody gets the alerts until something subscribes to the "
        "topic. Set it: --parameter AlertEmail=security@example.com",
    ),
    (
        "nobody-learns-that-it-has-failed",
        nothing,
        (),
        "e-mail OperationsEmail is empty: nobody learns that the alerter itself has failed until",
    ),
    (
        "organization-that-one-may-not-see",
        lambda aws: aws.refuse("DescribeOrganization"),
        (*EMAILS, "--parameter", "OrganizationId=o-exampleorgid"),
        "organization could not be checked: you do not have the permission "
        "organizations:DescribeOrganization. Get",
    ),
    (
        "bucket-that-one-may-not-see",
        lambda aws: aws.refuse("HeadBucket", "403"),
        THEIR_BUCKET,
        f"existing bucket {BUCKET} exists, but you have no access to it. Ask its owner to "
        "compare its policy with what `make bucket-policy` prints",
    ),
    (
        "bucket-that-does-not-answer",
        lambda aws: aws.refuse("HeadBucket", "503"),
        THEIR_BUCKET,
        "existing bucket could not be checked: HeadBucket: no. Try again in a minute",
    ),
    (
        "bucket-of-another-account",
        both(make_bucket, lambda aws: aws.refuse("GetBucketPolicy", "MethodNotAllowed")),
        THEIR_BUCKET,
        f"bucket policy you are not allowed to read the policy of {BUCKET}. Ask its owner to",
    ),
]


@pytest.mark.parametrize(
    ("arrange", "arguments", "line"), [pytest.param(*row, id=name) for name, *row in WARNINGS]
)
def test_what_is_warned_of(
    aws: Cloud, run: Preflight, arrange: Arrangement, arguments: tuple[str, ...], line: str
) -> None:
    arrange(aws)

    result = run(*arguments)

    assert [it for it in result.lines("warning") if line in it]
    assert result.status == bool(result.lines("stop"))


def test_the_price_is_given_for_what_the_other_trail_recorded(aws: Cloud, run: Preflight) -> None:
    make_trail(aws)
    aws.client("cloudwatch").put_metric_data(
        Namespace="AWS/Logs",
        MetricData=[
            {
                "MetricName": "IncomingLogEvents",
                "Value": 97_000_000,
                "Timestamp": datetime.now(UTC) - timedelta(days=3),
                "Dimensions": [{"Name": "LogGroupName", "Value": GROUP}],
            }
        ],
    )

    (line,) = run(*EMAILS).lines("warning")

    assert "(the first is free): about $1,940 for the 97,000,000 events of the last 30 d" in line


@pytest.mark.parametrize(
    "arrange",
    [
        pytest.param(
            select(
                EventSelectors=[{"ReadWriteType": "WriteOnly", "IncludeManagementEvents": True}]
            ),
            id="writing-calls",
        ),
        pytest.param(advanced(eventCategory="Management"), id="advanced"),
        pytest.param(
            advanced(eventCategory="Management", readOnly="false"), id="advanced-writing-calls"
        ),
    ],
)
def test_trails_that_record_what_matters(aws: Cloud, run: Preflight, arrange: Arrangement) -> None:
    arrange(aws)

    assert run(*REUSE).lines("stop") == []


def test_the_stacks_own_filter_takes_no_place(aws: Cloud, run: Preflight) -> None:
    make_trail(aws)
    make_log_group(aws, STACK, "to-the-siem")

    assert "subscription others use 1 of 2 filters" in run(*REUSE).lines("ok")


def test_a_delegated_administrator_can_name_the_accounts(aws: Cloud, run: Preflight) -> None:
    make_trail(aws)
    make_log_group(aws)
    be(MEMBER)(aws)
    aws.answers["ListDelegatedAdministrators"] = lambda _: {
        "DelegatedAdministrators": [{"Id": MEMBER}]
    }

    result = run(*REUSE)

    assert "account a delegated administrator: alerts can name the accounts" in result.lines("ok")
    assert f"ManagementAccountId={MANAGEMENT}" in command_in(result)


# The bucket's policy, statement by statement.


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


DENY: Final = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*"}


@pytest.mark.parametrize(
    ("drop", "more", "state", "words"),
    [
        pytest.param(
            "ForTheOrganization",
            (),
            "stop",
            "no statement lets CloudTrail call s3:PutObject on arn:aws:s3:::their-trail/AWSLogs/o-",
            id="the-one-that-is-forgotten",
        ),
        pytest.param(
            "Writes",
            (
                {
                    "Effect": "Allow",
                    "Principal": {"Service": ["config.amazonaws.com", "cloudtrail.amazonaws.com"]},
                    "Action": ["s3:Get*", "s3:Put*"],
                    "Resource": f"arn:aws:s3:::{BUCKET}/*",
                },
            ),
            "ok",
            "statement 2 lets CloudTrail call s3:PutObject",
            id="a-wider-one-will-do",
        ),
        pytest.param(
            "Writes",
            (
                {
                    "Effect": "Allow",
                    "Principal": {"Service": "cloudtrail.amazonaws.com"},
                    "Action": "s3:PutObject",
                    "Resource": "*",
                    "Condition": {"StringEquals": {"aws:SourceArn": "arn:aws:cloudtrail:::other"}},
                },
            ),
            "stop",
            "no statement lets CloudTrail call s3:PutObject",
            id="for-another-trail",
        ),
        pytest.param(
            "Writes",
            (
                {
                    "Effect": "Allow",
                    "Principal": {"Service": "cloudtrail.amazonaws.com"},
                    "Action": "s3:PutObject",
                    "Resource": "*",
                    "Condition": {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}},
                },
            ),
            "warning",
            "statement 2 may or may not let CloudTrail call s3:PutObject",
            id="cannot-be-known",
        ),
        pytest.param(
            "",
            (
                DENY
                | {
                    "Sid": "Encrypted",
                    "Condition": {
                        "StringNotEquals": {"s3:x-amz-server-side-encryption": "aws:kms"}
                    },
                },
            ),
            "stop",
            "statement 4 (Encrypted) denies CloudTrail's requests",
            id="unencrypted-uploads-denied",
        ),
        pytest.param(
            "",
            (DENY | {"Condition": {"StringNotEquals": {"aws:PrincipalOrgID": "o-exampleorgid"}}},),
            "stop",
            "statement 4 denies CloudTrail's requests",
            id="others-than-the-organization-denied",
        ),
        pytest.param(
            "",
            (DENY | {"Condition": {"NotIpAddress": {"aws:SourceIp": "192.0.2.0/24"}}},),
            "warning",
            "statement 4 may or may not deny CloudTrail's requests",
            id="other-addresses-denied",
        ),
    ],
)
def test_the_policy_of_their_bucket(
    aws: Cloud,
    run: Preflight,
    *,
    drop: str,
    more: tuple[dict[str, Any], ...],
    state: str,
    words: str,
) -> None:
    make_bucket(aws)
    aws.client("s3").put_bucket_policy(Bucket=BUCKET, Policy=policy_of(aws, *more, drop=drop))

    result = run(*THEIR_BUCKET)

    assert [line for line in result.lines(state) if f"bucket policy {words}" in line]


@pytest.mark.parametrize(
    "condition",
    [
        pytest.param({"Bool": {"aws:SecureTransport": "false"}}, id="without-tls"),
        pytest.param({"NumericLessThan": {"s3:TlsVersion": "1.2"}}, id="old-tls"),
        pytest.param(
            {
                "StringNotEqualsIfExists": {"aws:PrincipalOrgID": "o-exampleorgid"},
                "BoolIfExists": {"aws:PrincipalIsAWSService": "false"},
            },
            id="services-excepted",
        ),
    ],
)
def test_denials_that_do_not_hit_cloudtrail(
    aws: Cloud, run: Preflight, condition: dict[str, Any]
) -> None:
    make_bucket(aws)
    policy = policy_of(aws, DENY | {"Condition": condition})
    aws.client("s3").put_bucket_policy(Bucket=BUCKET, Policy=policy)

    result = run(*THEIR_BUCKET)

    assert result.lines("warning") == result.lines("stop") == []


# A key of theirs.


def key_for(aws: Cloud, *services: str, **asked: Any) -> str:
    statement = {"Effect": "Allow", "Principal": {"Service": list(services)}, "Action": "kms:*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement | {"Resource": "*"}]})
    key = aws.client("kms").create_key(Policy=policy, **asked)["KeyMetadata"]
    return str(key["Arn"])


ALL_SERVICES: Final = (
    "cloudtrail.amazonaws.com",
    "cloudwatch.amazonaws.com",
    "events.amazonaws.com",
    f"logs.{REGION}.amazonaws.com",
    "sns.amazonaws.com",
)


def test_a_key_for_all_services(aws: Cloud, run: Preflight) -> None:
    arn = key_for(aws, *ALL_SERVICES)

    result = run(*EMAILS, "--parameter", f"KmsKey={arn}")

    assert f"KMS key {arn}" in result.lines("ok")
    assert result.lines("warning") == result.lines("stop") == []


def test_a_key_that_leaves_a_service_out(aws: Cloud, run: Preflight) -> None:
    arn = key_for(aws, *(it for it in ALL_SERVICES if "cloudwatch" not in it))

    (line,) = run(*EMAILS, "--parameter", f"KmsKey={arn}").lines("warning")

    assert line.startswith(
        "KMS key its policy does not name cloudwatch.amazonaws.com. Allow them to use"
    )


def test_a_key_that_is_off(aws: Cloud, run: Preflight) -> None:
    arn = key_for(aws, *ALL_SERVICES)
    aws.client("kms").disable_key(KeyId=arn.rpartition("/")[2])

    result = run(*EMAILS, "--parameter", f"KmsKey={arn}")

    assert result.lines("stop") == [f"KMS key {arn} is Disabled. Enable it, or name another"]


def test_a_key_of_the_wrong_kind(aws: Cloud, run: Preflight) -> None:
    arn = key_for(aws, *ALL_SERVICES, KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY")

    (line,) = run(*EMAILS, "--parameter", f"KmsKey={arn}").lines("stop")

    assert line.startswith(f"KMS key {arn} has the key spec RSA_2048. ")


# What may not be asked does not end the rest.


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


@pytest.mark.parametrize("operation", ["GetTrailStatus", "GetMetricStatistics"])
def test_the_price_is_given_whatever_else_may_not_be_asked(
    aws: Cloud, run: Preflight, operation: str
) -> None:
    make_trail(aws)
    aws.refuse(operation)

    (line,) = run(*EMAILS).lines("warning")

    assert "for a second copy (the first is free). Reuse it instead: --parameter" in line


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
@pytest.mark.parametrize("module", ["local.preflight", "local.verify"])
def test_as_a_program_without_an_account(
    module: str, environment: dict[str, str], line: str
) -> None:
    mine = {name: text for name, text in os.environ.items() if not name.startswith("AWS_")}
    nobody = {
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }

    ended = subprocess.run(
        [sys.executable, "-m", module],
        cwd=ROOT,
        env=mine | nobody | environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 1
    assert ended.stderr == ""
    assert ended.stdout.startswith(f"stop     account             {line}")


# Which parameters, and from where.


def test_samconfigs_environment_is_overlaid_by_the_command_line(
    aws: Cloud, run: Preflight, shell: Terminal
) -> None:
    shell.configure(
        '[staging.deploy.parameters]\nstack_name = "alerter-staging"\nregion = "eu-north-1"\n'
        'capabilities = "CAPABILITY_IAM"\nresolve_s3 = true\n'
        'parameter_overrides = ["AlertEmail=a@example.com", "TimeZone=Europe/Zurich"]'
    )

    result = run("--config-env", "staging", "--parameter", "AlertEmail=b@example.com")

    assert "Region eu-north-1 (from samconfig.toml, staging)" in result.lines("ok")
    assert command_in(result)[3:] == [
        *(".venv/sam/bin/sam", "deploy", "--config-env", "staging"),
        *("--stack-name", "alerter-staging", "--region", "eu-north-1", "--parameter-overrides"),
        *("AlertEmail=b@example.com", "TimeZone=Europe/Zurich"),
        f"OrganizationId={aws.organization_id}",
    ]


def test_the_profile_is_samconfigs(run: Preflight, shell: Terminal) -> None:
    shell.configure(f'[default.deploy.parameters]\nstack_name = "{STACK}"\nprofile = "nobodys"')

    assert run().lines("stop") == [
        "account The config profile (nobodys) could not be found. Name another profile in "
        "AWS_PROFILE or samconfig.toml"
    ]


def test_the_command_line_names_the_region(run: Preflight) -> None:
    assert "Region eu-west-1 (from --region)" in run("--region", "eu-west-1").lines("ok")


def test_the_command_is_quoted_for_the_shell_and_for_sam(aws: Cloud, run: Preflight) -> None:
    given = {
        "AlertEmail": "security@example.com",
        "AccountTags": "Owner, Cost Center",
        "RunbookUrl": "https://example.com/run?a=1&b='2'",
        "OperationsEmail": "",
    }

    result = run(*(it for pair in given.items() for it in ("--parameter", "=".join(pair))))

    words = command_in(result)
    overrides = words[words.index("--parameter-overrides") + 1 :]
    assert overrides_in({"parameter_overrides": overrides}) == given | {
        "OrganizationId": aws.organization_id
    }


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        pytest.param(
            ("--parameter", "AlertMail=a@example.com"),
            "template.yaml has no parameter AlertMail: do you mean AlertEmail?",
            id="mistyped",
        ),
        pytest.param(
            ("--parameter", "Nonsense=1"),
            "template.yaml has no parameter Nonsense: there are OrganizationId, ",
            id="unknown",
        ),
        pytest.param(
            ("--parameter", "AlertEmail"),
            "--parameter: expected Name=Value, found 'AlertEmail'",
            id="no-value",
        ),
        pytest.param(
            ("--config-env", "mine"), "samconfig.toml names no stack for mine: name it", id="env"
        ),
        pytest.param(
            ("--region", "the moon"), "'the moon' is no Region of AWS: see --region", id="region"
        ),
    ],
)
def test_options_that_make_no_sense(run: Preflight, arguments: tuple[str, ...], line: str) -> None:
    result = run(*arguments)

    assert result.status == 2
    assert result.out == ""
    assert result.err.startswith(f"preflight: {line}")
    assert len(result.err.splitlines()) == 1


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
    assert asked == set(preflight.PERMISSIONS)
    with pytest.raises(SystemExit, match="0"):
        preflight.main(["--help"])
    printed = capsys.readouterr().out.split()
    assert set(preflight.PERMISSIONS) <= set(printed)
