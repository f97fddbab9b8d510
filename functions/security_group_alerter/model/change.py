"""What one API call did: to a security group, what carries it, a prefix list or a trail."""

from __future__ import annotations

from datetime import datetime
from enum import IntEnum, StrEnum, auto

from .dataclass import dataclass
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
    ATTACH = "attach"


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleDescription:
    """A new description of one rule, which is named by its id or by its contents; None is none."""

    text: str | None
    rule: SecurityGroupRule | None = None
    rule_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SecurityGroupChange:
    """What one call did to one security group, or would have done if it was refused.

    `missed` are rules that a revoke named and EC2 did not find. `rule_ids` are rules that the
    record names by id, `descriptions` the new ones. `removed_none` says that EC2 answered a revoke
    with an empty list of what went. `unknown_parameters` are names of parameters that the reader
    does not know. `problems` are the parts of the rule set that could not be read, and `is_omitted`
    says that CloudTrail left it out: either way the change cannot be judged whole.
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
    descriptions: tuple[RuleDescription, ...] = ()
    unknown_parameters: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    is_omitted: bool = False

    @property
    def matched_nothing(self) -> bool:
        """Whether this revoke succeeded and removed nothing."""
        return bool(self.missed or self.removed_none) and not self.removed

    @property
    def is_unreadable(self) -> bool:
        """Whether the record lacks what this action needs, though CloudTrail omitted nothing."""
        names_group = bool(self.group_id or self.group_name)
        if self.is_omitted or (self.unknown_parameters and names_group):
            return False
        if self.action in (Action.ADD_RULES, Action.MODIFY_RULES):
            return not self.added
        if self.action is Action.REMOVE_RULES:
            return not (self.removed or self.missed or self.rule_ids)
        return not (names_group or self.rule_ids)

    @property
    def cannot_be_judged(self) -> bool:
        """Whether part of what the call did is not known."""
        if self.problems or self.is_omitted:
            return True
        if not self.unknown_parameters:
            return False
        rules = self.added or self.removed or self.missed or self.rule_ids
        return not rules and self.action in (
            Action.ADD_RULES,
            Action.REMOVE_RULES,
            Action.MODIFY_RULES,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PrefixListChange:
    """What one call did to one managed prefix list: ranges, which any rule may refer to.

    `version` is the list's version before the call; `restored_version` the one brought back.
    `new_name`, `max_entries` and `ipam_sync` (whether IPAM fills the list from now on) are what an
    edit set. `unknown_parameters` are names of parameters that the reader does not know.
    """

    action: Action
    prefix_list_id: str | None
    prefix_list_name: str | None = None
    version: int | None = None
    restored_version: int | None = None
    added: tuple[Peer, ...] = ()
    removed: tuple[Peer, ...] = ()
    new_name: str | None = None
    max_entries: int | None = None
    ipam_sync: bool | None = None
    unknown_parameters: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    is_omitted: bool = False

    @property
    def is_unreadable(self) -> bool:
        """Whether the record lacks what this action needs, though CloudTrail omitted nothing."""
        if self.is_omitted or self.added or self.removed:
            return False
        if self.problems or self.prefix_list_id is None:
            return True
        needed = {
            Action.MODIFY: self._sets_something or self.unknown_parameters,
            Action.RESTORE: self.restored_version or self.unknown_parameters,
        }
        return not needed.get(self.action, True)

    @property
    def cannot_be_judged(self) -> bool:
        """Whether part of what the call did is not known."""
        is_unknown = bool(self.unknown_parameters) and not (
            self.added or self.removed or self._sets_something
        )
        is_edit = self.action in (Action.CREATE, Action.MODIFY)
        return bool(self.problems) or self.is_omitted or (is_edit and is_unknown)

    @property
    def _sets_something(self) -> bool:
        settings = (self.new_name, self.max_entries, self.ipam_sync)
        return any(setting is not None for setting in settings)


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachmentChange:
    """The security groups that one call set on a network interface or on an instance.

    `group_ids` are all the groups that it has from then on: also those that it had before, which
    are not recorded. `unknown_parameters` are names of parameters that the reader does not know,
    `problems` what could not be read.
    """

    action: Action = Action.ATTACH
    group_ids: tuple[str, ...]
    interface_id: str | None = None
    instance_id: str | None = None
    unknown_parameters: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()

    @property
    def target(self) -> str | None:
        """The id of the network interface or of the instance."""
        return self.interface_id or self.instance_id

    @property
    def is_unreadable(self) -> bool:
        """Whether the record names no group, though the call set some."""
        return not self.group_ids

    @property
    def cannot_be_judged(self) -> bool:
        """Whether some of the groups are not known."""
        return bool(self.problems)


class TrailAction(StrEnum):
    """What a call does to a trail."""

    STOP = "stop"
    DELETE = "delete"
    UPDATE = "update"
    SELECT_EVENTS = "select events"
    DISABLE_TRUSTED_ACCESS = "disable trusted access"
    REGISTER_ADMINISTRATOR = "register delegated administrator"
    LEAVE_ORGANIZATION = "leave organization"
    REMOVE_ACCOUNT = "remove account from organization"
    # What watches the alerter: the rules that report tampering with it.
    DELETE_RULE = "delete rule"
    DISABLE_RULE = "disable rule"
    REMOVE_TARGETS = "remove targets of rule"
    PUT_RULE = "put rule"
    PUT_TARGETS = "put targets of rule"


class Blinding(IntEnum):
    """One way in which a trail, or what watches the alerter, no longer sees what it should.

    The order is that of concern.
    """

    SOME_MANAGEMENT_EVENTS = auto()
    NOT_EVERY_REGION = auto()
    READING_CALLS_ONLY = auto()
    NO_MANAGEMENT_EVENTS = auto()
    RULE_SILENT = auto()
    OTHER_LOG_GROUP = auto()
    NO_LOG_GROUP = auto()
    NO_MEMBER_ACCOUNTS = auto()
    STOPPED = auto()
    NO_TRUSTED_ACCESS = auto()
    DELETED = auto()


# What such a call sets, as CloudTrail names it: text, a flag or a list of texts.
TrailSetting = tuple[str, str | bool | tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrailChange:
    """What one call did to one trail, which is named as it was called: by short name or by ARN.

    `log_group_arn` is the log group that the call sets: "" takes it away, None leaves it.
    `settings` is everything that the call sets. `member_account_id` is the account that a call on
    the organization is about. `rule` is the one of EventBridge that a call on such a rule names: it
    reports tampering with the alerter. `problems` are what could not be read.
    """

    action: TrailAction
    trail: str | None = None
    rule: str | None = None
    member_account_id: str | None = None
    settings: tuple[TrailSetting, ...] = ()
    blinded: tuple[Blinding, ...] = ()
    log_group_arn: str | None = None
    problems: tuple[str, ...] = ()

    @property
    def is_unreadable(self) -> bool:
        """Whether the record lacks the trail's name, or what becomes of the trail."""
        return bool(self.problems) or (self.trail is None and self.action in _ON_A_TRAIL)


_ON_A_TRAIL = frozenset(
    {TrailAction.STOP, TrailAction.DELETE, TrailAction.UPDATE, TrailAction.SELECT_EVENTS}
)


Change = SecurityGroupChange | AttachmentChange | PrefixListChange | TrailChange


# Which of the calls of one second counts as the earlier one: CloudTrail's time has no more. Memory
# folds what is said in this order, and alerts name calls in it.

# What is new has nothing before it, and a rule that is gone and there again is there.
NEW, GONE, THERE, EDITED = range(4)
# As what is deleted.
LAST = 2**63
# The time, the rank within its second, what tells two of a rank apart, and 1 for what comes later.
Key = tuple[datetime, int, str, int]

_RANKS: dict[object, int] = {
    Action.CREATE: NEW,
    Action.REMOVE_RULES: GONE,
    Action.ADD_RULES: THERE,
    Action.DELETE: LAST,
    TrailAction.DELETE: LAST,
}


def rank_of(change: Change) -> int:
    """Where a call stands within its second."""
    rank = _RANKS.get(change.action)
    if rank is not None:
        return rank
    return rank_of_version(change.version) if isinstance(change, PrefixListChange) else EDITED


def rank_of_version(version: int | None) -> int:
    """Where the edit that made a version of a prefix list stands."""
    return GONE + (version or 0)


def key_of_gone(own: Key, named: Key) -> Key:
    """Where a rule is gone by its id, which was last named then.

    Ids are not used twice: nothing that names the rule can come later in that second.
    """
    return max(own, (*named[:3], 1)) if named[0] == own[0] else own
