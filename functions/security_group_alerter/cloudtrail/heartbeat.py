"""The call that the stack makes on a schedule, as a dry run, to show that the log path works."""

from __future__ import annotations

from ..model import ids
from ..model.record import CloudTrailRecord, Outcome

# stacks/health.yaml schedules this call; a test holds the two equal.
HEARTBEAT_CALL = "CreateManagedPrefixList"


def is_heartbeat(record: CloudTrailRecord, role_arn: str | None) -> bool:
    """Whether this is our own heartbeat: by its role and account, which nobody else can put on."""
    return (
        role_arn is not None
        and record.event_name == HEARTBEAT_CALL
        and record.outcome is Outcome.DRY_RUN
        and record.principal.role_arn == role_arn
        and record.account_id == record.principal.account_id == ids.account_of_arn(role_arn)
    )
