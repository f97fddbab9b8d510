"""Step 2: a JSON document becomes a CloudTrailRecord. Anything in it may be missing.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from ..model.record import CloudTrailRecord, Outcome
from .json_values import account_id_in, mapping_in, text_in
from .payload import LogStream
from .principals import principal_of, session_of
from .refusals import refusal_in

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
        refusal=refusal_in(text_in(document, "errorMessage")),
        # https://docs.aws.amazon.com/awscloudtrail/latest/userguide/logging-network-events-with-cloudtrail.html
        is_network_activity=text_in(document, "eventCategory") == "NetworkActivity"
        or text_in(document, "eventType") == "AwsVpceEvent",
        original_event_id=text_in(mapping_in(document, "addendum"), "originalEventID"),
        log_group=log_group,
        request=_object_in(document.get("requestParameters")),
        response=_object_in(document.get("responseElements")),
    )


def _object_in(value: object) -> Any:
    """The value, out of the JSON text in which Athena gives request and response."""
    try:
        return json.loads(value) if isinstance(value, str) else value
    except (ValueError, RecursionError):
        return value


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
