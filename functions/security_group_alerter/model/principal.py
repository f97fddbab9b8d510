"""Who made a call, and how."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Tool(StrEnum):
    """How a call was made, as its user agent says. Whoever makes the call can type that."""

    CONSOLE = "AWS console"
    CLI = "AWS CLI"
    SDK = "AWS SDK"
    TERRAFORM = "Terraform"
    CLOUDFORMATION = "CloudFormation"
    SERVICE = "AWS service"


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Who acted. Every field may be None: CloudTrail leaves out what it does not know.

    `person` is the human or program behind the credentials: a user name, a session name.
    `invoked_by` is the AWS service that made the call for this principal.
    """

    identity_type: str | None = None
    person: str | None = None
    account_id: str | None = None
    arn: str | None = None
    role_name: str | None = None
    role_arn: str | None = None
    permission_set: str | None = None
    invoked_by: str | None = None

    @property
    def is_known(self) -> bool:
        """Whether the record names anybody at all."""
        return bool(self.person or self.arn or self.role_name or self.invoked_by)


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """How the principal came: what may differ from call to call of one principal.

    `mfa` is None where CloudTrail does not know, as for every federated session.
    """

    source_address: str | None = None
    tool: Tool | None = None
    user_agent: str | None = None
    access_key_id: str | None = None
    mfa: bool | None = None
