"""What was answered about one account and Region becomes the state of each group and list."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import field
from datetime import datetime
from typing import Any, TypeVar

from ..model.dataclass import dataclass, replace
from ..model.exposure_life import Resource
from ..model.group_state import (
    GroupState,
    InternetGatewayBlockMode,
    NetworkInterface,
    PrefixListState,
)
from ..model.rules import Direction, Peer, PeerKind, SecurityGroupRule
from ..model.subject import SubjectKind
from .answers import (
    UNREADABLE,
    Read,
    UnreadableAnswerError,
    Unseen,
    mappings_at,
    read,
    required_text_at,
    tags_at,
    text_at,
)
from .reach import is_public_in_both

_Value = TypeVar("_Value")
UNKNOWN_GROUP = "EC2 does not know the group (any more)"
UNKNOWN_LIST = "EC2 does not know the prefix list (any more)"
NOT_FOUND = frozenset({UNKNOWN_GROUP, UNKNOWN_LIST})
TOO_SLOW = "the look took too long"
# In these states, an association lets the group carry interfaces of the VPC no longer, or not yet.
# https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_SecurityGroupVpcAssociation.html
_NOT_ASSOCIATED = ("association-failed", "disassociated")
# The name is EC2's own: nobody may give it to a group.
_DEFAULT = "default"


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupFacts:
    """What a group says of itself."""

    name: str | None
    vpc_id: str | None
    tags: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ListFacts:
    """What a prefix list says of itself."""

    name: str | None
    version: int | None


Answer = Read[_Value] | Unseen | None


@dataclass(slots=True, kw_only=True)
class Answers:
    """What EC2 answered about one account and Region; None is what was not asked (yet).

    `otherwise` says why a thing was not asked that should have been. `names` are Name tags by
    instance. `referring` are groups that refer to a prefix list; `more_referring` says why these
    are not all. `regions` are those that are enabled in the account. `asked_at` is when the call
    began that asked for the rules of a group, or for the ranges of a list, by its id.
    """

    groups: Answer[GroupFacts] = None
    rules: Answer[SecurityGroupRule] = None
    interfaces: Answer[NetworkInterface] = None
    other_vpcs: Answer[str] = None
    vpc_owners: Answer[str] = None
    balancers: Answer[str] = None
    block_mode: InternetGatewayBlockMode | Unseen | None = None
    names: Mapping[str, str] = field(default_factory=dict)
    lists: Answer[ListFacts] = None
    ranges: Mapping[str, Read[Peer] | Unseen] = field(default_factory=dict)
    referring: tuple[str, ...] | Unseen | None = None
    more_referring: Unseen | None = None
    regions: tuple[str, ...] | Unseen | None = None
    asked_at: Mapping[str, datetime] = field(default_factory=dict)
    otherwise: str = TOO_SLOW


def groups_in(items: Iterable[object]) -> Read[GroupFacts]:
    """What the groups say of themselves, by group."""
    return read(
        items,
        keys_in=lambda it: [required_text_at(it, "GroupId")],
        value_in=lambda it: GroupFacts(
            name=text_at(it, "GroupName"), vpc_id=text_at(it, "VpcId"), tags=tags_at(it, "Tags")
        ),
    )


def lists_in(items: Iterable[object]) -> Read[ListFacts]:
    """What the prefix lists say of themselves, by list."""
    return read(
        items, keys_in=lambda it: [required_text_at(it, "PrefixListId")], value_in=_list_facts
    )


def _list_facts(members: Mapping[str, Any]) -> ListFacts:
    version = members.get("Version")
    return ListFacts(
        name=text_at(members, "PrefixListName"),
        version=version if isinstance(version, int) else None,
    )


def other_vpcs_in(items: Iterable[object]) -> Read[str]:
    """The VPCs with which a group is associated beside its own, by group."""
    return read(
        [it for it in items if not (isinstance(it, dict) and it.get("State") in _NOT_ASSOCIATED)],
        keys_in=lambda it: [required_text_at(it, "GroupId")],
        value_in=lambda it: required_text_at(it, "VpcId"),
    )


def vpc_owners_in(items: Iterable[object]) -> Read[str]:
    """The account that owns a VPC, by VPC."""
    return read(
        items,
        keys_in=lambda it: [required_text_at(it, "VpcId")],
        value_in=lambda it: required_text_at(it, "OwnerId"),
    )


def names_in(items: Iterable[object]) -> dict[str, str]:
    """The values of Name tags, by what has them. What cannot be read is left out."""
    found = read(
        items,
        keys_in=lambda it: [required_text_at(it, "ResourceId")],
        value_in=lambda it: required_text_at(it, "Value"),
    )
    return {key: values[0] for key, values in found.values.items()}


def regions_in(answer: Mapping[str, Any]) -> tuple[str, ...]:
    """The names of the Regions in an answer. Raises UnreadableAnswerError."""
    names = [required_text_at(it, "RegionName") for it in mappings_at(answer, "Regions")]
    if not names:
        raise UnreadableAnswerError("Regions is missing or empty")
    return tuple(sorted(names))


def in_doubt(answers: Answers, group_ids: Iterable[str]) -> list[str]:
    """The groups whose reach depends on what else is in their VPC."""
    interfaces = answers.interfaces
    if not isinstance(interfaces, Read):
        return []
    return [
        group_id
        for group_id in group_ids
        if interfaces.is_whole(group_id) and not is_public_in_both(interfaces.of(group_id))
    ]


def states_of(
    resources: Iterable[Resource], answers: Answers, *, begun: datetime
) -> Iterator[GroupState | PrefixListState | tuple[Resource, str]]:
    """The state of each group and prefix list, or in words why nothing was seen of it.

    `begun` is when the look was: what was never asked for counts as seen then.
    """
    for resource in resources:
        seen_at = answers.asked_at.get(resource.id, begun)
        if resource.kind is SubjectKind.PREFIX_LIST:
            yield _list_state(resource, answers, seen_at)
        else:
            yield _group_state(resource, answers, seen_at)


def _group_state(
    resource: Resource, answers: Answers, seen_at: datetime
) -> GroupState | tuple[Resource, str]:
    parts = [
        answer or Unseen(answers.otherwise)
        for answer in (answers.groups, answers.rules, answers.interfaces)
    ]
    if all(isinstance(part, Unseen) for part in parts):
        return resource, next(part.why for part in parts if isinstance(part, Unseen))
    reading = _Reading(resource.id, answers.otherwise)
    facts = reading.all_of(answers.groups, "its name, VPC and tags")
    if not facts and not reading.not_seen:
        return resource, UNKNOWN_GROUP
    rules = reading.all_of(answers.rules, "its rules")
    has_all_rules = reading.was_whole
    interfaces = reading.all_of(answers.interfaces, "its network interfaces")
    state = GroupState(
        resource=resource,
        seen_at=seen_at,
        name=facts[0].name if facts else None,
        vpc_id=facts[0].vpc_id if facts else None,
        tags=facts[0].tags if facts else {},
        rules=rules,
        interfaces=tuple(_named(it, answers.names) for it in interfaces),
        is_default=bool(facts) and facts[0].name == _DEFAULT,
        has_all_rules=has_all_rules,
        has_all_interfaces=reading.was_whole,
    )
    if resource.id in in_doubt(answers, [resource.id]):
        state = _with_vpc(state, answers, reading)
    block_mode = answers.block_mode or Unseen(answers.otherwise)
    is_complete = not reading.not_seen
    if isinstance(block_mode, Unseen):
        reading.miss("VPC Block Public Access", block_mode.why)
    return replace(
        state,
        block_mode=None if isinstance(block_mode, Unseen) else block_mode,
        is_complete=is_complete,
        not_seen=tuple(reading.not_seen),
    )


def _with_vpc(state: GroupState, answers: Answers, reading: _Reading) -> GroupState:
    """With what in and beside its VPC may lead to the group's interfaces."""
    associated = reading.all_of(answers.other_vpcs, "whether it is associated with other VPCs")
    state = replace(
        state,
        other_vpc_ids=tuple(dict.fromkeys(it for it in associated if it != state.vpc_id)),
    )
    if not state.interfaces:
        return state
    if state.vpc_id is None:
        reading.miss("its VPC", UNREADABLE)
        return state
    of_vpc = _Reading(state.vpc_id, reading.otherwise)
    owners = of_vpc.all_of(answers.vpc_owners, "who owns its VPC")
    if not owners and not of_vpc.not_seen:
        of_vpc.miss("who owns its VPC", "EC2 does not know the VPC")
    balancers = of_vpc.all_of(
        answers.balancers, "whether load balancers or accelerators of its VPC lead to it"
    )
    reading.not_seen += of_vpc.not_seen
    return replace(
        state, vpc_owner_id=owners[0] if owners else None, balancers=frozenset(balancers)
    )


def _list_state(
    resource: Resource, answers: Answers, seen_at: datetime
) -> PrefixListState | tuple[Resource, str]:
    ranges = answers.ranges.get(resource.id)
    lists = answers.lists or Unseen(answers.otherwise)
    if isinstance(lists, Unseen) and not isinstance(ranges, Read):
        return resource, lists.why
    reading = _Reading(resource.id, answers.otherwise)
    facts = reading.all_of(lists, "its name and version")
    if not facts and not reading.not_seen:
        return resource, UNKNOWN_LIST
    peers = reading.all_of(ranges, "its ranges")
    has_all_rules = reading.was_whole
    groups = tuple(_groups_referring_to(resource, answers, seen_at, reading))
    return PrefixListState(
        resource=resource,
        seen_at=seen_at,
        name=facts[0].name if facts else None,
        version=facts[0].version if facts else None,
        ranges=peers,
        groups=groups,
        is_complete=not reading.not_seen and all(group.is_complete for group in groups),
        has_all_rules=has_all_rules,
        not_seen=tuple(reading.not_seen),
    )


def _groups_referring_to(
    prefix_list: Resource, answers: Answers, seen_at: datetime, reading: _Reading
) -> Iterator[GroupState]:
    referring = Unseen(answers.otherwise) if answers.referring is None else answers.referring
    what = "which groups refer to it"
    if isinstance(referring, Unseen):
        reading.miss(what, referring.why)
        return
    if answers.more_referring is not None:
        reading.miss("some groups that may refer to it", answers.more_referring.why)
    for group_id in referring:
        resource = prefix_list._replace(kind=SubjectKind.SECURITY_GROUP, id=group_id)
        state = _group_state(resource, answers, answers.asked_at.get(group_id, seen_at))
        if not isinstance(state, GroupState):
            reading.miss(f"group {group_id}, which may refer to it,", state[1])
        # Several lists are asked for at once. A group whose rules are not all known may refer.
        elif not state.has_all_rules or _refers(state.rules, prefix_list.id):
            yield state


def _refers(rules: Collection[SecurityGroupRule], prefix_list_id: str) -> bool:
    return any(
        rule.direction is Direction.INGRESS
        and rule.peer.kind is PeerKind.PREFIX_LIST
        and rule.peer.value == prefix_list_id
        for rule in rules
    )


class _Reading:
    """Takes out of answers what belongs to one group, VPC or list, and notes what is missing."""

    def __init__(self, key: str, otherwise: str) -> None:
        self._key = key
        self.otherwise = otherwise
        self.not_seen: list[str] = []
        # Whether what was taken last was all there is.
        self.was_whole = True

    def all_of(self, answer: Answer[_Value], what: str) -> tuple[_Value, ...]:
        """What was read of it; `what` names it where that is not all."""
        if not isinstance(answer, Read):
            self.was_whole = False
            self.miss(what, answer.why if answer is not None else self.otherwise)
            return ()
        self.was_whole = answer.is_whole(self._key)
        if not self.was_whole:
            self.miss(what, UNREADABLE)
        return answer.of(self._key)

    def miss(self, what: str, why: str) -> None:
        """Note what was not seen, and why."""
        self.not_seen.append(f"{what} could not be seen: {why}")


def _named(interface: NetworkInterface, names: Mapping[str, str]) -> NetworkInterface:
    name = names.get(interface.used_by or "")
    return interface if name is None else replace(interface, name=name)
