"""The bucket of another team that is to hold the trail, and its policy."""

from typing import Any, Final

import pytest

from tests.local.cloud import REGION, Cloud
from tests.local.control_tower import BUCKET, make_bucket
from tests.local.preflight.arrangements import (
    THEIR_BUCKET,
    Arrangement,
    Preflight,
    Row,
    assert_stop,
    assert_warning,
    both,
    nothing,
    policy_of,
)


def far_bucket(aws: Cloud) -> None:
    make_bucket(aws, region="eu-west-1")
    # moto's buckets have the Region of who asks.
    aws.answers["HeadBucket"] = lambda _: {"BucketRegion": "eu-west-1"}


STOPS: Final[list[Row]] = [
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
]


@pytest.mark.parametrize(
    ("arrange", "arguments", "line"), [pytest.param(*row, id=name) for name, *row in STOPS]
)
def test_what_stops_the_deployment(
    aws: Cloud, run: Preflight, arrange: Arrangement, arguments: tuple[str, ...], line: str
) -> None:
    arrange(aws)

    assert_stop(run(*arguments), line)


WARNINGS: Final[list[Row]] = [
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

    assert_warning(run(*arguments), line)


# Its policy, statement by statement.


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
