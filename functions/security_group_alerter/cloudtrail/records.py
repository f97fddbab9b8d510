"""Step 2: a JSON document becomes a CloudTrailRecord. Anything in it may be missing.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from .json_values import account_id_in, mapping_in, text_in
from .payload import LogStream
from .principals import Principal, Session, principal_of, session_of


class Outcome(StrEnum):
    """What became of a call. Only a call that succeeded changed anything."""

    SUCCEEDED = "succeeded"
    DENIED = "denied"
    FAILED = "failed"
    DRY_RUN = "dry run"


# EC2's codes come as Client.<code> or Server.<code>; a code of no other table is a failure.
# https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
_OUTCOME_BY_ERROR_CODE = {
    "UnauthorizedOperation": Outcome.DENIED,
    "AccessDenied": Outcome.DENIED,
    "AccessDeniedException": Outcome.DENIED,
    "AuthFailure": Outcome.DENIED,
    "UnauthorizedAccess": Outcome.DENIED,
    "DryRunOperation": Outcome.DRY_RUN,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudTrailRecord:
    """One CloudTrail event. None is what the record does not tell.

    `account_id` is the account that was changed, not the caller's; `event_time` has seconds.
    `original_event_id` is set when this record is CloudTrail's later update of that event.
    """

    event_id: str | None
    event_name: str | None
    event_source: str | None
    event_time: datetime | None
    region: str | None
    account_id: str | None
    organization_id: str | None
    principal: Principal
    session: Session
    outcome: Outcome
    error_code: str | None
    error_message: str | None
    original_event_id: str | None
    log_group: str | None
    request: Any
    response: Any


def record_of(
    document: Mapping[str, Any], log_stream: LogStream, log_group: str | None = None
) -> CloudTrailRecord:
    """Read one CloudTrail record that came through this log stream."""
    principal = principal_of(mapping_in(document, "userIdentity"))
    error_code = text_in(document, "errorCode")
    return CloudTrailRecord(
        event_id=text_in(document, "eventID"),
        event_name=text_in(document, "eventName"),
        event_source=text_in(document, "eventSource"),
        event_time=_time_of(text_in(document, "eventTime")),
        region=text_in(document, "awsRegion"),
        account_id=(
            account_id_in(document, "recipientAccountId")
            or log_stream.account_id
            or principal.account_id
        ),
        organization_id=log_stream.organization_id,
        principal=principal,
        session=session_of(document),
        outcome=_outcome_of(error_code),
        error_code=error_code,
        error_message=text_in(document, "errorMessage"),
        original_event_id=text_in(mapping_in(document, "addendum"), "originalEventID"),
        log_group=log_group,
        request=document.get("requestParameters"),
        response=document.get("responseElements"),
    )


def _outcome_of(error_code: str | None) -> Outcome:
    if error_code is None:
        return Outcome.SUCCEEDED
    bare = error_code.removeprefix("Client.").removeprefix("Server.")
    # A VPC endpoint's policy refuses with VpceAccessDenied.
    return _OUTCOME_BY_ERROR_CODE.get(bare.removeprefix("Vpce"), Outcome.FAILED)


def _time_of(text: str | None) -> datetime | None:
    try:
        time = datetime.fromisoformat(text or "")
        return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
