"""One CloudTrail event, read.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from .dataclass import dataclass
from .principal import Principal, Session


class Outcome(StrEnum):
    """What became of a call. Only a call that succeeded changed anything."""

    SUCCEEDED = "succeeded"
    DENIED = "denied"
    FAILED = "failed"
    DRY_RUN = "dry run"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """What the message of an error says.

    `policy` is the kind of policy that refused the call, and its ARN where the message names it.
    """

    message: str | None = None
    resource_arn: str | None = None
    policy: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudTrailRecord:
    """One CloudTrail event. None is what is not in the record.

    `account_id` is the account that was changed, not the caller's; `event_time` has seconds.
    `original_event_id` is set when this record is CloudTrail's later update of that event.
    `is_network_activity` marks the copy of a call that a VPC endpoint saw, without its parameters.
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
    refusal: Refusal | None
    is_network_activity: bool
    original_event_id: str | None
    log_group: str | None
    request: Any
    response: Any

    @property
    def call_id(self) -> str | None:
        """The event that the call is known by: CloudTrail's update of an event is that event."""
        return self.original_event_id or self.event_id
