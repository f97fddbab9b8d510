"""What a failure of a look means, in words for someone who does not know error codes.

https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
"""

from __future__ import annotations

from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
    ReadTimeoutError,
)
from botocore.exceptions import ConnectionError as BotocoreConnectionError
from botocore.parsers import ResponseParserError

from ..ec2.answers import UnreadableAnswerError

_THROTTLED = frozenset(
    {"RequestLimitExceeded", "RequestThrottled", "RequestThrottledException", "SlowDown"}
    | {"Throttling", "ThrottlingException", "ThrottledException", "TooManyRequestsException"}
)
_REFUSED = frozenset({"UnauthorizedOperation", "AccessDenied", "AccessDeniedException"})
# What EC2 says to credentials that hold elsewhere.
_REGION_OFF = frozenset(
    {"AuthFailure", "OptInRequired", "InvalidClientTokenId", "UnrecognizedClientException"}
)
_EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired"})


def problem_of_role(error: Exception, role_name: str, account_id: str) -> str:
    """Why the role could not be assumed."""
    if _code_of(error) in _REFUSED:
        return f"the role {role_name} does not exist in account {account_id}, or may not be assumed"
    return _problem_of("AWS STS", error)


def problem_of_call(error: Exception, role_name: str, account_id: str, region: str) -> str:
    """Why EC2 did not answer a call."""
    if _code_of(error) in _REFUSED:
        return f"the role {role_name} may not read it in account {account_id}"
    if _is_of_region(error):
        return f"the Region {region} is not enabled in account {account_id}"
    return _problem_of("EC2", error)


def is_of_every_call(error: Exception) -> bool:
    """Whether EC2 would not answer the next call in this account and Region either."""
    return _is_of_region(error) or isinstance(error, ConnectTimeoutError | ReadTimeoutError)


def may_be_of_credentials(error: Exception) -> bool:
    """Whether new credentials may help: old ones die with a role, and it may have been remade."""
    return _code_of(error) in _REFUSED | _REGION_OFF | _EXPIRED


def _is_of_region(error: Exception) -> bool:
    return _code_of(error) in _REGION_OFF or isinstance(error, EndpointConnectionError)


def _code_of(error: Exception) -> str | None:
    return error.response.get("Error", {}).get("Code") if isinstance(error, ClientError) else None


def _problem_of(service: str, error: Exception) -> str:
    if _code_of(error) in _THROTTLED:
        return f"{service} throttled the look"
    match error:
        case ConnectTimeoutError() | ReadTimeoutError():
            return f"{service} did not answer in time"
        case HTTPClientError() | BotocoreConnectionError():
            return f"the connection to {service} failed"
        # A KeyError is botocore's, of an answer that lacks its frame.
        case ResponseParserError() | UnreadableAnswerError() | KeyError():
            return f"the answer of {service} could not be read"
        case _:
            return f"{service} could not answer"
