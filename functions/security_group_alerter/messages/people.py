"""Who acted, how they came, and when: in the words of an alert."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from ..model.principal import Principal, Session, Tool
from .text import safe

NOT_RECORDED = "not in the record"

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
    if not principal.is_known:
        return NOT_RECORDED
    words = [_name_of(principal)] if principal.person or principal.role_name else []
    if principal.account_id and principal.account_id != account_id:
        words.append(f"of account {principal.account_id}")
    if principal.invoked_by and principal.invoked_by != principal.person:
        words.append(f"through {safe(principal.invoked_by, 60)}")
    return ", ".join(words) or safe(principal.arn or "")


def _name_of(principal: Principal) -> str:
    person = safe(principal.person or NOT_RECORDED, 100)
    if principal.permission_set:
        permission_set = safe(principal.permission_set, 60)
        return f"{person}, IAM Identity Center permission set {permission_set}"
    pattern = _BY_IDENTITY_TYPE.get(principal.identity_type or "", "{person}")
    name = pattern.replace("{person}", person)
    return f"{name} of role {safe(principal.role_name, 80)}" if principal.role_name else name


def session_words(session: Session) -> str:
    """`AWS console from 203.0.113.7`; the tool is what the user agent says."""
    address = safe(session.source_address, 80) if session.source_address else None
    if session.tool is Tool.SERVICE and address and address.endswith(".amazonaws.com"):
        return f"{session.tool} {address}"
    agent = session.tool or (safe(session.user_agent, 60) if session.user_agent else None)
    words = (str(agent) if agent else None, f"from {address}" if address else None)
    return " ".join(filter(None, words)) or NOT_RECORDED


def mfa_words(session: Session, principal: Principal) -> str:
    """Whether the session was opened with MFA, as far as AWS can see."""
    if session.mfa is not None:
        return "yes" if session.mfa else "no"
    if principal.permission_set or principal.identity_type in _MFA_UNSEEN:
        return "not visible to AWS in such a session"
    return NOT_RECORDED


# Whoever opened such a session showed who they are to somebody else, or to another role before.
_MFA_UNSEEN = (
    "AssumedRole",
    "SAMLUser",
    "WebIdentityUser",
    "FederatedUser",
    "IdentityCenterUser",
)


def distinct(words: Iterable[str], most: int = 3) -> str:
    """Every different one, the first few by name."""
    different = list(dict.fromkeys(words))
    rest = f"; and {len(different) - most:,} more" if len(different) > most else ""
    return "; ".join(different[:most]) + rest


def time_words(time: datetime, time_zone: ZoneInfo) -> str:
    """`2026-11-16 08:12:03 UTC`, and the same moment in the configured zone."""
    utc = f"{time:%Y-%m-%d %H:%M:%S} UTC"
    if time_zone.key == "UTC":
        return utc
    try:
        local = time.astimezone(time_zone)
    except OverflowError:  # the first or the last day that Python knows
        return utc
    day = "" if local.date() == time.date() else f"{local:%Y-%m-%d} "
    return f"{utc} ({day}{local:%H:%M:%S} {time_zone.key})"


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
