"""What a finding is about."""

from __future__ import annotations

from enum import StrEnum

from .dataclass import dataclass


class SubjectKind(StrEnum):
    """What was changed; subscriptions filter by it."""

    SECURITY_GROUP = "security-group"
    PREFIX_LIST = "prefix-list"
    TRAIL = "trail"
    UNREADABLE = "unreadable"
    CONFIGURATION = "configuration"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A security group, a prefix list or a trail, where it is. None is what is not recorded.

    `account_id` owns it: for a trail this is the account in which the call was made. A trail's `id`
    is what the call named, its name or its ARN.
    """

    kind: SubjectKind
    id: str | None = None
    name: str | None = None
    account_id: str | None = None
    region: str | None = None
