"""What an error of AWS asks of whoever runs a command: sign in, get a permission, or try again."""

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

SIGN_IN: Final = "sign in to the stack's account (aws sso login, AWS_PROFILE, …)"
CREDENTIAL_ERRORS: Final = frozenset(
    {
        "ExpiredToken",
        "ExpiredTokenException",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidSignatureException",
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
        "403",  # HeadBucket, whose answer has no body
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
# Most refusals name the action; those of S3 do not always.
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
_ACTIONS: Final = {
    "GetBucketPolicy": "s3:GetBucketPolicy",
    "HeadBucket": "s3:ListBucket",
    "ListObjectsV2": "s3:ListBucket",
}
# As in: User (ARN) is not authorized to perform: logs:FilterLogEvents on resource (ARN)
_ACTION = re.compile(r"perform: ([a-z0-9-]+:[A-Za-z0-9]+)")


def code_of(error: ClientError) -> str:
    """AWS's name of the error."""
    return error.response.get("Error", {}).get("Code", "")


def is_denied(error: ClientError) -> bool:
    """Whether a permission is missing."""
    return code_of(error) in _DENIALS


def is_missing(error: ClientError) -> bool:
    """Whether what was asked for is not there."""
    return code_of(error) in _ABSENCES


def is_about_credentials(error: ClientError) -> bool:
    """Whether AWS does not know who asks, so that every other call would fail as well."""
    return code_of(error) in CREDENTIAL_ERRORS


def action_of(error: ClientError) -> str:
    """The permission that is missing, as a policy names it; else the operation."""
    message = error.response.get("Error", {}).get("Message", "")
    named = _ACTION.search(message)
    return named[1] if named else _ACTIONS.get(error.operation_name, error.operation_name)


def words_of(error: ClientError) -> str:
    """What was called and what AWS said, without a full stop."""
    message = error.response.get("Error", {}).get("Message", "")
    return f"{error.operation_name}: {message.rstrip('.') or code_of(error)}"


def problem_of(error: ClientError | BotoCoreError) -> tuple[str, str]:
    """Why AWS cannot be asked at all, and what to do."""
    if isinstance(error, NoRegionError):
        return "no Region", "Name it with --region, AWS_DEFAULT_REGION or samconfig.toml"
    if isinstance(error, NoCredentialsError):
        return "no AWS credentials", _sentence(SIGN_IN)
    if isinstance(error, ProfileNotFound):
        return str(error), "Name another with AWS_PROFILE, or in samconfig.toml"
    if isinstance(error, CredentialRetrievalError | SSOError | TokenRetrievalError):
        return str(error), _sentence(SIGN_IN)
    if isinstance(error, ClientError):
        if is_denied(error):
            return words_of(error), "Get the permission"
        return words_of(error), _sentence(SIGN_IN if is_about_credentials(error) else "try again")
    return str(error), f"Check the network and --region, or {SIGN_IN}"


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
