"""Who acted, how they came, and when: in the words of an alert."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta, tzinfo

from ..model.account import AccountFacts, Fact
from ..model.principal import Principal, Session, Tool
from .text import safe

NOT_RECORDED = "not in the record"
# What CloudTrail writes for a service that acts without a name.
_INSIDE_AWS = "AWS Internal"

_BY_IDENTITY_TYPE = {
    "IAMUser": "IAM user {person}",
    "Root": "the root user",
    "AssumedRole": "session {person}",
    "AWSService": "AWS service {person}",
    "FederatedUser": "federated user {person}",
    "SAMLUser": "SAML user {person}",
    "WebIdentityUser": "web identity user {person}",
    "IdentityCenterUser": "IAM Identity Center user {person}",
    "AWSAccount": "{person}",
}


def principal_words(principal: Principal, account_id: str | None) -> str:
    """`jane.doe@example.com, IAM Identity Center permission set NetworkAdministrator`.

    The caller's account is named when it is not `account_id`, the one that was changed.
    """
    return ", ".join((_name_of(principal), *_stands_behind(principal, account_id)))


def _name_of(principal: Principal) -> str:
    if not (principal.person or principal.role_name):
        if principal.arn:
            return safe(principal.arn)
        is_known = principal.invoked_by or principal.delegate or principal.on_behalf_of
        return "a principal that the record does not name" if is_known else NOT_RECORDED
    person = safe(principal.person or NOT_RECORDED, 100)
    if principal.permission_set:
        permission_set = safe(principal.permission_set, 60)
        return f"{person}, IAM Identity Center permission set {permission_set}"
    pattern = _BY_IDENTITY_TYPE.get(principal.identity_type or "", "{person}")
    name = pattern.replace("{person}", person)
    return f"{name} of role {safe(principal.role_name, 80)}" if principal.role_name else name


def _stands_behind(principal: Principal, account_id: str | None) -> Iterator[str]:
    """What distinguishes two people who share a session's name."""
    if principal.account_id and principal.account_id != account_id:
        yield f"of account {principal.account_id}"
    if principal.invoked_by == _INSIDE_AWS:
        yield "through an AWS service"
    elif principal.invoked_by and principal.invoked_by != principal.person:
        yield f"through {safe(principal.invoked_by, 60)}"
    if principal.delegate:
        yield f"through the product provider's account {principal.delegate}"
    if principal.on_behalf_of and principal.on_behalf_of != principal.person:
        yield f"on behalf of IAM Identity Center user {safe(principal.on_behalf_of, 60)}"
    if principal.source_identity:
        yield f"source identity {safe(principal.source_identity, 64)}"
    if principal.in_scope_of:
        yield f"with credentials issued to {safe(principal.in_scope_of, 120)}"
    if principal.identity_provider:
        provider = principal.identity_provider.rpartition("-provider/")[2]
        yield f"signed in through {safe(provider, 80)}"


# What IAM Identity Center calls the role of a permission set.
_OF_PERMISSION_SET = re.compile(r"AWSReservedSSO_(.+)_[0-9a-f]{16}")


def actor_words(principal: str) -> str:
    """`jane@example.com of role deploy`: whom an ARN names, or what else names a principal.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html
    """
    resource = principal.split(":", 5)[-1] if principal.startswith("arn:") else principal
    kind, *names = resource.split("/")
    if kind == "assumed-role" and len(names) == 2:
        role, session = names
        permission_set = _OF_PERMISSION_SET.fullmatch(role)
        of = f"permission set {permission_set[1]}" if permission_set else f"role {role}"
        return f"{safe(session, 100)} of {safe(of, 80)}"
    if kind == "user" and names:
        return f"IAM user {safe(names[-1], 100)}"
    return "the root user" if resource == "root" else safe(principal, 120)


def person_words(principal: Principal) -> str:
    """Who it was, in a few characters, for a subject; empty where nobody is named."""
    return safe((principal.person or principal.role_name or "").partition("@")[0], 40)


def session_words(session: Session, principal: Principal) -> str:
    """`AWS console from 203.0.113.7`; the tool is what the user agent says.

    Empty where it would repeat what is said of the principal.
    """
    address = session.source_address
    if address is None and session.user_agent is None:
        return f"address {NOT_RECORDED}" if principal.is_known else ""
    if address == _INSIDE_AWS or (address is None and session.user_agent == _INSIDE_AWS):
        return "" if principal.invoked_by == _INSIDE_AWS else "through an AWS service"
    if address is not None and address in (principal.invoked_by, principal.person):
        return ""
    if session.tool is Tool.SERVICE and address and address.endswith(".amazonaws.com"):
        return f"through {safe(address, 80)}"
    agent = session.tool or _agent_words(session.user_agent)
    words = (str(agent) if agent else None, f"from {safe(address, 80)}" if address else None)
    return " ".join(filter(None, words))


def _agent_words(user_agent: str | None) -> str | None:
    if user_agent is None or user_agent == _INSIDE_AWS:
        return None
    return "a web browser" if user_agent.startswith("Mozilla/") else safe(user_agent, 60)


def mfa_words(session: Session) -> str:
    """Whether the session was opened with MFA, as far as AWS can see."""
    if session.mfa is None:
        return NOT_RECORDED
    return "yes" if session.mfa else "no"


def distinct(words: Iterable[str], most: int = 3) -> str:
    """Every different one, the first few by name."""
    different = list(dict.fromkeys(words))
    rest = f"; and {len(different) - most:,} more" if len(different) > most else ""
    return "; ".join(different[:most]) + rest


def clock_words(time: datetime) -> str:
    """`08:12:03 UTC`."""
    return f"{time.time().isoformat('seconds')} UTC"


def time_words(time: datetime, time_zone: tzinfo) -> str:
    """`2026-11-16 08:12:03 UTC`, and the same moment in the configured zone."""
    utc = f"{time.date()} {clock_words(time)}"
    if str(time_zone) == "UTC":
        return utc
    try:
        local = time.astimezone(time_zone)
    except OverflowError:  # the first or the last day that Python knows
        return utc
    day = "" if local.date() == time.date() else f"{local:%Y-%m-%d} "
    return f"{utc} ({day}{local:%H:%M:%S} {time_zone})"


def lag_words(lag: timedelta) -> str:
    """`4 min 58 s`: the two largest units that are not nought."""
    seconds = max(0, int(lag.total_seconds()))
    units = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))
    parts: list[str] = []
    for unit, size in units:
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2]) or "0 s"


def age_words(age: timedelta) -> str:
    """`25 h`, `3 d`: how long, in one unit, for a headline."""
    hours = int(age.total_seconds()) // 3600
    if hours < 1:
        return lag_words(timedelta(minutes=int(age.total_seconds()) // 60))
    return f"{hours} h" if hours < 48 else f"{hours // 24} d"


def bound_words(age: timedelta) -> str:
    """`1 h 2 min`: what it was at most, in full minutes, or hours, and never less."""
    minutes = -(-age // timedelta(minutes=1))
    hours = -(-age // timedelta(hours=1))
    return lag_words(timedelta(hours=hours) if hours > 24 else timedelta(minutes=minutes))


_FACTS = {
    Fact.NAME: "the account's name",
    Fact.OU: "its OU",
    Fact.TAGS: "its tags",
}
_WHY_UNKNOWN = {
    "AccessDeniedException": "the function may not ask AWS Organizations",
    "AccountNotFoundException": "the organization does not have this account",
    "AWSOrganizationsNotInUseException": "this account is not in an organization",
    "TooManyRequestsException": "AWS Organizations was asked too often",
    "ConnectTimeoutError": "AWS Organizations did not answer in time",
    "ReadTimeoutError": "AWS Organizations did not answer in time",
    "EndpointConnectionError": "AWS Organizations could not be reached",
}


def unknown_facts_words(account: AccountFacts) -> str | None:
    """`the account's name: the organization does not have this account`; None when all is known."""
    problems = [
        f"{_FACTS[problem.fact]}: "
        f"{_WHY_UNKNOWN.get(problem.error) or f'AWS Organizations said {safe(problem.error, 60)}'}"
        for problem in account.problems
    ]
    return "; ".join(problems) or None
