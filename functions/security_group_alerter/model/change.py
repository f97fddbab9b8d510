"""What one API call did: to a security group, a managed prefix list or a trail."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, StrEnum, auto

from .rules import Direction, Peer, SecurityGroupRule


class Action(StrEnum):
    """What a call does; the values stand in the machine form."""

    CREATE = "create"
    DELETE = "delete"
    ADD_RULES = "add rules"
    REMOVE_RULES = "remove rules"
    MODIFY_RULES = "modify rules"
    DESCRIBE_RULES = "update rule descriptions"
    ASSOCIATE_VPC = "associate VPC"
    DISASSOCIATE_VPC = "disassociate VPC"
    RESTORE = "restore version"
    MODIFY = "modify"


@dataclass(frozen=True, slots=True, kw_only=True)
class SecurityGroupChange:
    """What one call did to one security group, or would have done if it was refused.

    `missed` are rules that a revoke named and EC2 did not find. `rule_ids` are rules that the
    record names by id. `removed_none` says that EC2 answered a revoke with an empty list of what
    went. `problems` are the parts of the rule set that could not be read, and `is_omitted` says
    that CloudTrail left it out: either way the change cannot be judged whole.
    """

    action: Action
    group_id: str | None
    group_name: str | None = None
    group_description: str | None = None
    vpc_id: str | None = None
    direction: Direction = Direction.UNKNOWN
    added: tuple[SecurityGroupRule, ...] = ()
    removed: tuple[SecurityGroupRule, ...] = ()
    missed: tuple[SecurityGroupRule, ...] = ()
    rule_ids: tuple[str, ...] = ()
    removed_none: bool = False
    problems: tuple[str, ...] = ()
    is_omitted: bool = False

    @property
    def matched_nothing(self) -> bool:
        """Whether this revoke succeeded and removed nothing."""
        return bool(self.missed or self.removed_none) and not self.removed

    @property
    def is_unreadable(self) -> bool:
        """Whether the record lacks what this action needs, though CloudTrail omitted nothing."""
        if self.is_omitted:
            return False
        if self.action in (Action.ADD_RULES, Action.MODIFY_RULES):
            return not self.added
        if self.action is Action.REMOVE_RULES:
            return not (self.removed or self.missed or self.rule_ids)
        return not (self.group_id or self.group_name or self.rule_ids)


@dataclass(frozen=True, slots=True, kw_only=True)
class PrefixListChange:
    """What one call did to one managed prefix list: ranges, which any rule may refer to.

    `version` is the list's version before the call; `restored_version` the one brought back.
    """

    action: Action
    prefix_list_id: str | None
    prefix_list_name: str | None = None
    version: int | None = None
    restored_version: int | None = None
    added: tuple[Peer, ...] = ()
    removed: tuple[Peer, ...] = ()
    problems: tuple[str, ...] = ()
    is_omitted: bool = False

    @property
    def is_unreadable(self) -> bool:
        """Whether the record names neither ranges nor a list, though CloudTrail omitted nothing."""
        if self.is_omitted or self.added or self.removed:
            return False
        return bool(self.problems) or self.prefix_list_id is None


class TrailAction(StrEnum):
    """What a call does to a trail."""

    STOP = "stop"
    DELETE = "delete"
    UPDATE = "update"
    SELECT_EVENTS = "select events"


class Blinding(Enum):
    """One way in which a trail no longer sees what it should."""

    STOPPED = auto()
    DELETED = auto()
    NOT_EVERY_REGION = auto()
    NO_MEMBER_ACCOUNTS = auto()
    NO_LOG_GROUP = auto()
    OTHER_LOG_GROUP = auto()
    READING_CALLS_ONLY = auto()
    SOME_MANAGEMENT_EVENTS = auto()
    NO_MANAGEMENT_EVENTS = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class TrailChange:
    """What one call did to one trail, which is named as it was called: by short name or by ARN.

    `log_group_arn` is the log group that the call sets: "" takes it away, None leaves it.
    `problems` are what could not be read.
    """

    action: TrailAction
    trail: str | None
    blinded: tuple[Blinding, ...] = ()
    log_group_arn: str | None = None
    problems: tuple[str, ...] = ()

    @property
    def is_unreadable(self) -> bool:
        """Whether the record lacks the trail's name, or what becomes of the trail."""
        return self.trail is None or bool(self.problems)


Change = SecurityGroupChange | PrefixListChange | TrailChange
