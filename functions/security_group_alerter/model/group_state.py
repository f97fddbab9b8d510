"""What a look shows: a security group or a prefix list as it is now, and what stands behind it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from dataclasses import field
from datetime import datetime
from enum import StrEnum

from .dataclass import dataclass
from .exposure_life import Resource
from .rules import Peer, SecurityGroupRule


class Reach(StrEnum):
    """What stands behind a group."""

    PUBLIC = "public"
    PRIVATE = "private"
    UNATTACHED = "unattached"
    UNKNOWN = "unknown"


class InternetGatewayBlockMode(StrEnum):
    """VPC Block Public Access, of one account and Region.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_VpcBlockPublicAccessOptions.html
    """

    OFF = "off"
    BIDIRECTIONAL = "block-bidirectional"
    INGRESS = "block-ingress"


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkInterface:
    """A network interface that carries the group.

    `used_as` is what it belongs to, in AWS's words (`instance`, `Application Load Balancer`, `RDS
    database`); `used_by` that thing's id or name, and `name` its Name tag. `owner_id` is the
    account of the interface. `ipv6` are global addresses.
    """

    id: str
    used_as: str
    used_by: str | None = None
    name: str | None = None
    owner_id: str | None = None
    private_addresses: tuple[str, ...] = ()
    public_ipv4: tuple[str, ...] = ()
    ipv6: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupState:
    """A security group as a look found it.

    `is_complete` is False where a part could not be read on which its rules or its reach depend;
    `has_all_rules` and `has_all_interfaces` then say what, at least, was read to the end.
    `not_seen` says in words what could not be seen and why, also of what decides nothing.
    `vpc_owner_id` is the account of the VPC. `other_vpc_ids` are VPCs that it is associated with.
    `balancers` are the interface types of the VPC's load balancers and accelerators that may lead
    to a private interface (`network_load_balancer`, `gateway_load_balancer`,
    `global_accelerator_managed`). `block_mode` is None where it could not be read.
    """

    resource: Resource
    seen_at: datetime
    name: str | None = None
    vpc_id: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    rules: tuple[SecurityGroupRule, ...] = ()
    interfaces: tuple[NetworkInterface, ...] = ()
    is_default: bool = False
    vpc_owner_id: str | None = None
    other_vpc_ids: tuple[str, ...] = ()
    balancers: frozenset[str] = frozenset()
    block_mode: InternetGatewayBlockMode | None = None
    is_complete: bool = True
    has_all_rules: bool = False
    has_all_interfaces: bool = False
    not_seen: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupReach:
    """What stands behind a group, in the address families that a rule opens.

    `may_lower` says whether a severity may be lowered for it; where not, and it is not public,
    `reasons` say why, in words.
    """

    reach: Reach
    may_lower: bool = False
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PrefixListState:
    """A prefix list as a look found it, and the groups with an ingress rule that refers to it.

    `is_complete` is False where a part could not be read; `has_all_rules` then says that the
    ranges, at least, were read to the end. `not_seen` says in words what was not seen, and why.
    """

    resource: Resource
    seen_at: datetime
    name: str | None = None
    version: int | None = None
    ranges: tuple[Peer, ...] = ()
    groups: tuple[GroupState, ...] = ()
    is_complete: bool = True
    has_all_rules: bool = False
    not_seen: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """A look, after the call, at the group or prefix list that a finding is about.

    `state` is None where nothing was seen of it; `problem` then says why, in words.
    """

    state: GroupState | PrefixListState | None = None
    problem: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What the looks of one delivery showed.

    `problems` say in words, by resource, why nothing was seen of it: `the role … may not be assumed
    in this account`. `not_found` are those of them that EC2 answered not to know, and
    when it was asked.
    """

    groups: Mapping[Resource, GroupState] = field(default_factory=dict)
    prefix_lists: Mapping[Resource, PrefixListState] = field(default_factory=dict)
    problems: Mapping[Resource, str] = field(default_factory=dict)
    not_found: Mapping[Resource, datetime] = field(default_factory=dict)
    calls: int = 0

    @property
    def states(self) -> Iterator[GroupState | PrefixListState]:
        """All that was seen: groups first."""
        yield from self.groups.values()
        yield from self.prefix_lists.values()

    @property
    def failed(self) -> Set[Resource]:
        """What could not be seen. What is not there any more was looked at."""
        return self.problems.keys() - self.not_found.keys()

    def look_at(self, resource: Resource) -> Look | None:
        """What was seen of a resource, or why nothing; None where nobody looked at it."""
        state = self.groups.get(resource) or self.prefix_lists.get(resource)
        problem = self.problems.get(resource)
        return Look(state=state, problem=problem) if state or problem else None
