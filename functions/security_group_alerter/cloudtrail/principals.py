"""Step 2a: `userIdentity` and what the call came with become a Principal: who, really, and how.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..model.principal import Principal, Session, Tool
from .json_values import account_id_in, flag_in, mapping_in, text_in

# Roles of IAM Identity Center are called AWSReservedSSO_<permission set>_<16 hex digits>, and the
# session name is the person's user name.
# https://docs.aws.amazon.com/singlesignon/latest/userguide/referencingpermissionsets.html
_IDENTITY_CENTER_ROLE = "AWSReservedSSO_"


# In this order: Terraform and the CLI are written with an SDK and say so further back.
_TOOL_BY_USER_AGENT: tuple[tuple[str, Tool], ...] = (
    ("terraform", Tool.TERRAFORM),
    ("opentofu", Tool.TERRAFORM),
    ("cloudformation.amazonaws.com", Tool.CLOUDFORMATION),
    ("aws-cli/", Tool.CLI),
    ("console.amazonaws.com", Tool.CONSOLE),
    ("console.ec2.amazonaws.com", Tool.CONSOLE),
    ("signin.amazonaws.com", Tool.CONSOLE),
    ("aws-sdk-", Tool.SDK),
    ("boto3/", Tool.SDK),
    ("botocore/", Tool.SDK),
    (".amazonaws.com", Tool.SERVICE),
)


def principal_of(identity: Mapping[str, Any]) -> Principal:
    """Resolve `userIdentity` of any type, even of none."""
    identity_type = text_in(identity, "type")
    session_context = mapping_in(identity, "sessionContext")
    issuer = mapping_in(session_context, "sessionIssuer")
    arn = text_in(identity, "arn")
    role_name = text_in(issuer, "userName") if text_in(issuer, "type") == "Role" else None
    if role_name is None and identity_type == "AssumedRole":
        role_name = _arn_part(arn, 1)
    return Principal(
        identity_type=identity_type,
        person=_person_of(identity, identity_type, arn),
        account_id=account_id_in(identity, "accountId"),
        arn=arn,
        role_name=role_name,
        role_arn=text_in(issuer, "arn") if text_in(issuer, "type") == "Role" else None,
        permission_set=_permission_set_of(role_name),
        invoked_by=text_in(identity, "invokedBy"),
        source_identity=text_in(session_context, "sourceIdentity"),
        on_behalf_of=text_in(mapping_in(identity, "onBehalfOf"), "userId"),
        delegate=account_id_in(mapping_in(identity, "invokedByDelegate"), "accountId"),
        in_scope_of=_scope_of(mapping_in(identity, "inScopeOf")),
        identity_provider=text_in(identity, "identityProvider")
        or text_in(mapping_in(session_context, "webIdFederationData"), "federatedProvider"),
    )


def _scope_of(scope: Mapping[str, Any]) -> str | None:
    return text_in(scope, "credentialsIssuedTo") or text_in(scope, "sourceArn")


def session_of(document: Mapping[str, Any]) -> Session:
    """Read the address, the tool, the key and MFA from a whole CloudTrail record."""
    identity = mapping_in(document, "userIdentity")
    user_agent = text_in(document, "userAgent")
    return Session(
        source_address=text_in(document, "sourceIPAddress"),
        tool=_tool_of(
            user_agent,
            invoked_by=text_in(identity, "invokedBy"),
            from_console=text_in(document, "sessionCredentialFromConsole") == "true",
        ),
        user_agent=user_agent,
        access_key_id=text_in(identity, "accessKeyId"),
        mfa=_mfa_of(identity),
    )


def _person_of(
    identity: Mapping[str, Any], identity_type: str | None, arn: str | None
) -> str | None:
    if identity_type == "Root":
        return "root user"
    if identity_type == "IdentityCenterUser":
        return text_in(mapping_in(identity, "onBehalfOf"), "userId")
    if identity_type == "AWSService":
        return text_in(identity, "invokedBy")
    named = text_in(identity, "userName")
    if identity_type == "AssumedRole":
        # principalId is <role id>:<session name>, also where the ARN is missing.
        named = _arn_part(arn, 2) or _after_colon(text_in(identity, "principalId"))
    return named or _arn_part(arn, -1) or text_in(identity, "principalId")


def _permission_set_of(role_name: str | None) -> str | None:
    if role_name is None or not role_name.startswith(_IDENTITY_CENTER_ROLE):
        return None
    return role_name.removeprefix(_IDENTITY_CENTER_ROLE).rpartition("_")[0] or None


def _mfa_of(identity: Mapping[str, Any]) -> bool | None:
    """True or False only where AWS itself authenticated: IAM users and root."""
    attributes = mapping_in(mapping_in(identity, "sessionContext"), "attributes")
    authenticated = flag_in(attributes, "mfaAuthenticated")
    if authenticated is False and text_in(identity, "type") not in ("IAMUser", "Root"):
        return None
    return authenticated


def _tool_of(user_agent: str | None, *, invoked_by: str | None, from_console: bool) -> Tool | None:
    if invoked_by is not None and ".amazonaws.com" in invoked_by:
        by_formation = invoked_by.startswith("cloudformation.")
        return Tool.CLOUDFORMATION if by_formation else Tool.SERVICE
    agent = (user_agent or "").lower()
    by_agent = next((tool for mark, tool in _TOOL_BY_USER_AGENT if mark in agent), None)
    # A browser's agent names no tool; since 2024 only this member shows the console.
    return by_agent or (Tool.CONSOLE if from_console else None)


def _arn_part(arn: str | None, index: int) -> str | None:
    """The part of an ARN's resource: `assumed-role/<role>/<session>`, `user/<path>/<name>`."""
    parts = arn.split(":", 5)[-1].split("/") if arn is not None else []
    return next(iter(parts[index:]), None) or None


def _after_colon(principal_id: str | None) -> str | None:
    return (principal_id or "").partition(":")[2] or None
