"""What a deployment would do: every parameter's value, where, and for which organization."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from ..deployment import Deployment


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The deployment as it would be done."""

    deployment: Deployment
    values: Mapping[str, str]
    # The parameters of the deployed stack; empty if there is none.
    deployed: Mapping[str, str]
    account_id: str
    organization_id: str
    management_account_id: str
    # ARN of the trail that the deployed stack has created, if any.
    own_trail_arn: str | None

    @property
    def makes_trail(self) -> bool:
        """Whether the stack creates a trail. If not, it reads the log group of an existing one."""
        return not self.values.get("ExistingTrailLogGroupName")

    @property
    def trail_arn(self) -> str:
        """ARN of the trail that is created or read, if its home is the Region of the stack."""
        where = f"{self.deployment.partition}:cloudtrail:{self.deployment.region}"
        return f"arn:{where}:{self.management_account_id}:trail/{self.values['TrailName']}"

    @property
    def parameters(self) -> dict[str, str]:
        """Those that the deployment has to name: all that were given, and what AWS has told."""
        found = {"OrganizationId": self.values["OrganizationId"]}
        if not self.makes_trail and self.account_id != self.management_account_id:
            found["ManagementAccountId"] = self.management_account_id
        return {**self.deployment.given, **found}

    def with_answers(self, answers: Mapping[str, str]) -> Plan:
        """The plan in which these parameters are given, too."""
        given = {**self.deployment.given, **answers}
        return replace(
            self,
            deployment=replace(self.deployment, given=given),
            values={**self.values, **answers},
        )
