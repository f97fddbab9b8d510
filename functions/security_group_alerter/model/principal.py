"""Who made a call, and how."""

from __future__ import annotations

from enum import StrEnum

from .dataclass import dataclass


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
    `invoked_by` is the AWS service that made the call for this principal, and `delegate` the
    account of a provider whose product did. `on_behalf_of` is the user of IAM Identity Center that
    the session serves, and `in_scope_of` the ARN of what the credentials were issued to, such as a
    function. `source_identity` was set when the role was assumed; `identity_provider` vouched for
    whoever assumed it.
    """

    identity_type: str | None = None
    person: str | None = None
    account_id: str | None = None
    arn: str | None = None
    role_name: str | None = None
    role_arn: str | None = None
    permission_set: str | None = None
    invoked_by: str | None = None
    source_identity: str | None = None
    on_behalf_of: str | None = None
    delegate: str | None = None
    in_scope_of: str | None = None
    identity_provider: str | None = None

    @property
    def is_known(self) -> bool:
        """Whether the record names anybody at all."""
        names = (self.person, self.arn, self.role_name, self.invoked_by)
        return any((*names, self.delegate, self.on_behalf_of))

    @property
    def service_linked_role(self) -> str | None:
        """`SERVICE/NAME` of the service-linked role that acted: nobody else can create one there.

        https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_create-service-linked-role.html
        """
        _, _, service_and_name = (self.role_arn or "").partition(":role/aws-service-role/")
        return service_and_name or None


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
