"""What a deployment would do: every parameter's value, where, and for which organization."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..deployment import Deployment


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The deployment as it would be done."""

    deployment: Deployment
    values: Mapping[str, str]
    # Those of the stack that is there already; empty when there is none.
    deployed: Mapping[str, str]
    account_id: str
    organization_id: str
    management_account_id: str
    # ARN of the trail that the stack has made already, if it is there.
    own_trail_arn: str | None

    @property
    def makes_trail(self) -> bool:
        """Else it reads the log group of an existing one."""
        return not self.values.get("ExistingTrailLogGroupName")

    @property
    def trail_arn(self) -> str:
        """Of the trail that is made or read, if that lives in the Region of the stack."""
        where = f"{self.deployment.partition}:cloudtrail:{self.deployment.region}"
        return f"arn:{where}:{self.management_account_id}:trail/{self.values['TrailName']}"
