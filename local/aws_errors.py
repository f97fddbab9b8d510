"""Turns an AWS error into advice: sign in, get a permission, or try again."""

from __future__ import annotations

import re
from typing import Final

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    NoCredentialsError,
    NoRegionError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
)

from security_group_alerter.cloudtrail.refusals import refusal_in

SIGN_IN: Final = "sign in to the stack's account (aws sso login, AWS_PROFILE, …)"
CREDENTIAL_ERRORS: Final = frozenset(
    {
        "ExpiredToken",
        "ExpiredTokenException",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "InvalidToken",  # S3
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
_DENIALS: Final = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "AuthorizationError",  # SNS
        "AuthorizationErrorException",
        "UnauthorizedOperation",
        "403",  # HeadBucket: its response has no body
    }
)
_ABSENCES: Final = frozenset(
    {
        "AWS.SimpleQueueService.NonExistentQueue",
        "NoSuchBucket",
        "NotFound",  # SNS
        "NotFoundException",
        "QueueDoesNotExist",
        "ResourceNotFoundException",
    }
)
# Most denials name the action; those of S3 do not always.
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
_ACTIONS: Final = {
    "GetBucketPolicy": "s3:GetBucketPolicy",
    "HeadBucket": "s3:ListBucket",
    "ListObjectsV2": "s3:ListBucket",
}
# As in: User (ARN) is not authorized to perform: logs:FilterLogEvents on resource (ARN)
_ACTION = re.compile(r"perform: ([a-z0-9-]+:[A-Za-z0-9]+)")


def code_of(error: ClientError) -> str:
    """The error code."""
    return error.response.get("Error", {}).get("Code", "")


def is_denied(error: ClientError) -> bool:
    """Whether a permission is missing."""
    return code_of(error) in _DENIALS


def is_missing(error: ClientError) -> bool:
    """Whether the resource does not exist."""
    return code_of(error) in _ABSENCES


def is_about_credentials(error: ClientError) -> bool:
    """Whether the credentials are not valid, so that every other call fails too."""
    return code_of(error) in CREDENTIAL_ERRORS


def action_of(error: ClientError) -> str:
    """The missing permission, as a policy names it; the operation if AWS does not say."""
    message = error.response.get("Error", {}).get("Message", "")
    named = _ACTION.search(message)
    return named[1] if named else _ACTIONS.get(error.operation_name, error.operation_name)


def words_of(error: ClientError) -> str:
    """The operation and AWS's message, without the final period and what only STS can decode."""
    refusal = refusal_in(error.response.get("Error", {}).get("Message"))
    message = (refusal and refusal.message) or code_of(error)
    return f"{error.operation_name}: {message.rstrip('.')}"


def problem_of(error: ClientError | BotoCoreError, *, sign_in: str = SIGN_IN) -> tuple[str, str]:
    """Why AWS cannot be called at all, and what to do."""
    if isinstance(error, NoRegionError):
        return "no Region is set", "Set it with --region, AWS_DEFAULT_REGION or samconfig.toml"
    if isinstance(error, NoCredentialsError):
        return "no AWS credentials were found", _sentence(sign_in)
    if isinstance(error, ProfileNotFound):
        return str(error), "Name another profile in AWS_PROFILE or samconfig.toml"
    if isinstance(error, CredentialRetrievalError | SSOError | TokenRetrievalError):
        return str(error), _sentence(sign_in)
    if isinstance(error, ClientError):
        if is_denied(error):
            return words_of(error), "Get the permission"
        return words_of(error), _sentence(sign_in if is_about_credentials(error) else "try again")
    return str(error), f"Check the network and --region, or {sign_in}"


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
