"""What AWS refused, in one line: why, and what to do."""

from __future__ import annotations

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

from ..aws_errors import code_of, is_about_credentials, is_denied, words_of

_SIGN_IN: Final = "sign in (aws sso login, AWS_PROFILE, …)"
_ADVICE: Final = {
    "AuthorizationHeaderMalformed": "set AWS_DEFAULT_REGION to the bucket's Region",
    "IllegalLocationConstraintException": "set AWS_DEFAULT_REGION to the bucket's Region",
    "InvalidObjectState": "restore it from its storage class first",
    "PermanentRedirect": "set AWS_DEFAULT_REGION to the bucket's Region",
    "ValidationError": "check --stack, and the account and Region of your AWS settings",
}


def reason_of(error: ClientError | BotoCoreError, needed: str) -> str:
    """What is wrong and what to do; `needed` are the permissions, for when one is missing."""
    if isinstance(error, NoCredentialsError):
        return f"no AWS credentials were found: {_SIGN_IN}"
    if isinstance(error, NoRegionError):
        return "no Region is set: set AWS_DEFAULT_REGION, or the Region in samconfig.toml"
    if isinstance(error, ClientError) and is_denied(error):
        return f"{words_of(error)}: {needed}"
    if isinstance(error, ClientError) and code_of(error) in _ADVICE:
        return f"{words_of(error)}: {_ADVICE[code_of(error)]}"
    words = words_of(error) if isinstance(error, ClientError) else str(error)
    line = " ".join(words.split())
    return f"{line}: {_SIGN_IN}" if is_final(error) else line


def is_final(error: ClientError | BotoCoreError) -> bool:
    """Whether whatever else is asked would be refused as well."""
    return (
        is_about_credentials(error)
        if isinstance(error, ClientError)
        else isinstance(
            error,
            NoCredentialsError
            | CredentialRetrievalError
            | ProfileNotFound
            | SSOError
            | TokenRetrievalError,
        )
    )
