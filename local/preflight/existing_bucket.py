"""Checks an existing bucket that is to hold the trail: whether CloudTrail can write to it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from ..aws_errors import code_of, is_denied
from ..bucket_policy import BUCKET, policy_for
from ..checks import Check, Checks, ok, stop, warning
from ..policy_statements import Request, applies
from .plan import Plan

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

SUBJECT: Final = "existing bucket"
POLICY: Final = "bucket policy"
PERMISSIONS: Final = ("s3:ListBucket", "s3:GetBucketPolicy")
_COMPARE: Final = "Ask its owner to compare its policy with what `make bucket-policy` prints"
_ADD: Final = "Add what `make bucket-policy` prints to the bucket's policy"

# CloudTrail's requests do not have these, so that "deny unless equal to" denies them. The first is
# why no trail can be created for a bucket that denies unencrypted uploads.
# https://docs.aws.amazon.com/awscloudtrail/latest/userguide/create-s3-bucket-policy-for-cloudtrail.html
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
_ABSENT: Final = frozenset(
    {
        "s3:x-amz-server-side-encryption",
        "s3:x-amz-server-side-encryption-aws-kms-key-id",
        "aws:PrincipalAccount",
        "aws:PrincipalOrgID",
        "aws:PrincipalOrgPaths",
        "aws:SourceVpc",
        "aws:SourceVpce",
    }
)


def bucket_checks(client: S3Client, plan: Plan) -> Checks[None]:
    """The bucket, each statement that CloudTrail needs, and each that denies its requests."""
    name = plan.values[BUCKET]
    try:
        # An emulator may leave it out.
        region = client.head_bucket(Bucket=name).get("BucketRegion") or plan.deployment.region
    except ClientError as error:
        if code_of(error) == "404":
            yield stop(SUBJECT, f"the bucket {name} does not exist", f"Set another {BUCKET}")
            return
        if not is_denied(error):
            raise
        yield warning(SUBJECT, f"{name} exists, but you have no access to it", _COMPARE)
        return
    yield from _place_checks(name, region, plan)
    statements = _statements_of(client, name)
    if statements is None:
        yield warning(POLICY, f"you are not allowed to read the policy of {name}", _COMPARE)
        return
    for request in _requests_of_cloudtrail(plan):
        yield _need_check(request, statements)
    yield from _denial_checks(list(_requests_of_cloudtrail(plan)), statements)


def _place_checks(name: str, region: str, plan: Plan) -> Checks[None]:
    home, key = plan.deployment.region, plan.values.get("KmsKey", "none")
    if region != home and key != "none":
        # https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html
        yield stop(
            SUBJECT,
            f"{name} is in {region}, and the trail's KMS key would be in {home}: S3 needs both in "
            "the same Region",
            f"Deploy in {region}, name a bucket in {home}, or set --parameter KmsKey=none",
        )
    else:
        yield ok(SUBJECT, f"{name}, in {region}")


def _statements_of(client: S3Client, name: str) -> list[Mapping[str, Any]] | None:
    """The policy's statements; None if you are not allowed to read it."""
    try:
        policy = json.loads(client.get_bucket_policy(Bucket=name)["Policy"])
    except ClientError as error:
        if code_of(error) == "NoSuchBucketPolicy":
            return []
        # MethodNotAllowed: the bucket belongs to another account, and only that may read it.
        # https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketPolicy.html
        if is_denied(error) or code_of(error) == "MethodNotAllowed":
            return None
        raise
    statements = policy["Statement"]
    return statements if isinstance(statements, list) else [statements]


def _requests_of_cloudtrail(plan: Plan) -> Iterator[Request]:
    """CloudTrail's requests: exactly those that the template's own policy allows."""
    needed = policy_for(
        {**plan.values, "OrganizationId": plan.organization_id},
        management_account=plan.management_account_id,
        partition=plan.deployment.partition,
        region=plan.deployment.region,
    )
    always = {
        "aws:PrincipalIsAWSService": "true",
        "aws:PrincipalServiceName": "cloudtrail.amazonaws.com",
        "aws:SecureTransport": "true",
        "aws:SourceAccount": plan.management_account_id,
        "aws:SourceOrgID": plan.organization_id,
        "s3:TlsVersion": "1.2",
    }
    for statement in needed["Statement"]:
        if statement["Effect"] == "Allow":
            yield Request(
                principal=statement["Principal"]["Service"],
                action=statement["Action"],
                resource=statement["Resource"],
                context=always | statement["Condition"]["StringEquals"],
                absent=_ABSENT,
            )


def _need_check(request: Request, statements: list[Mapping[str, Any]]) -> Check:
    wanted = f"{request.action} on {request.resource}"
    answers = [
        (applies(statement, request), _name_of(number, statement))
        for number, statement in enumerate(statements, start=1)
        if statement.get("Effect") == "Allow"
    ]
    if names := [name for answer, name in answers if answer]:
        return ok(POLICY, f"{names[0]} lets CloudTrail call {wanted}")
    if names := [name for answer, name in answers if answer is None]:
        return warning(POLICY, f"{names[0]} may or may not let CloudTrail call {wanted}", _COMPARE)
    return stop(POLICY, f"no statement lets CloudTrail call {wanted}", _ADD)


def _denial_checks(requests: list[Request], statements: list[Mapping[str, Any]]) -> Checks[None]:
    for number, statement in enumerate(statements, start=1):
        if statement.get("Effect") != "Deny":
            continue
        answers = [applies(statement, request) for request in requests]
        name = _name_of(number, statement)
        if True in answers:
            yield stop(
                POLICY,
                f"{name} denies CloudTrail's requests, so that the trail cannot be created",
                f"Exempt AWS services: {_EXCEPTION}",
            )
        elif None in answers:
            yield warning(
                POLICY,
                f"{name} may or may not deny CloudTrail's requests",
                f"Check whether it does. If so, exempt AWS services: {_EXCEPTION}",
            )


_EXCEPTION: Final = '"Condition": {"BoolIfExists": {"aws:PrincipalIsAWSService": "false"}, …}'


def _name_of(number: int, statement: Mapping[str, Any]) -> str:
    return (
        f"statement {number} ({statement['Sid']})"
        if statement.get("Sid")
        else f"statement {number}"
    )
