"""What stands behind a group, and whether it may lower a severity."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from ..model.group_state import (
    GroupReach,
    GroupState,
    NetworkInterface,
    PrefixListState,
    Reach,
)
from ..model.rules import PeerKind

# Types of interfaces.
# https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_NetworkInterface.html
NETWORK_LOAD_BALANCER = "network_load_balancer"
GATEWAY_LOAD_BALANCER = "gateway_load_balancer"
GLOBAL_ACCELERATOR = "global_accelerator_managed"
# Those of a VPC through which the Internet may come to an interface without a public address.
BALANCERS = (NETWORK_LOAD_BALANCER, GATEWAY_LOAD_BALANCER, GLOBAL_ACCELERATOR)

FAMILIES = frozenset({PeerKind.IPV4, PeerKind.IPV6})
# Why an interface without a public address may be reached all the same.
# https://docs.aws.amazon.com/elasticloadbalancing/latest/network/edit-target-group-attributes.html#client-ip-preservation
_WAYS_IN = {
    NETWORK_LOAD_BALANCER: "its VPC has a Network Load Balancer, which keeps the client's address",
    GATEWAY_LOAD_BALANCER: "its VPC has a Gateway Load Balancer",
    GLOBAL_ACCELERATOR: "its VPC has a Global Accelerator, which keeps the client's address",
}
_DEFAULT_GROUP = "it is its VPC's default group, which every new interface without another one gets"


def reach_of_group(state: GroupState, families: Collection[PeerKind] = FAMILIES) -> GroupReach:
    """What stands behind the group, for what comes in the address families that a rule opens.

    Without a family, or with a prefix list (whose contents are unknown), both count.
    """
    if not state.is_complete:
        return GroupReach(reach=Reach.UNKNOWN, reasons=state.not_seen)
    asked = FAMILIES.intersection(families)
    if not asked or PeerKind.PREFIX_LIST in families:
        asked = FAMILIES
    if any(is_public(interface, family) for interface in state.interfaces for family in asked):
        return GroupReach(reach=Reach.PUBLIC)
    reasons = tuple(_reasons_not_to_lower(state))
    if state.interfaces:
        return GroupReach(reach=Reach.PRIVATE, may_lower=not reasons, reasons=reasons)
    # Interfaces in another account's VPC do not show, and the next one may be there in a minute.
    if state.other_vpc_ids or state.is_default:
        return GroupReach(reach=Reach.UNKNOWN, reasons=reasons)
    return GroupReach(reach=Reach.UNATTACHED, may_lower=True)


def reach_of_list(state: PrefixListState) -> GroupReach:
    """What stands behind a prefix list: the worst of the groups that refer to it. Lowers nothing.

    What is not known of one group counts for more than that nothing public is behind another.
    """
    reaches = {reach_of_group(group).reach for group in state.groups}
    for reach in (Reach.PUBLIC, Reach.UNKNOWN, Reach.PRIVATE):
        if reach in reaches:
            return GroupReach(reach=reach)
    is_known = state.is_complete
    return GroupReach(reach=Reach.UNATTACHED if is_known else Reach.UNKNOWN)


def is_public(interface: NetworkInterface, family: PeerKind) -> bool:
    """Whether it has a public IPv4 address, or a global IPv6 address.

    Routes are not read: whether a subnet is public says too little.
    """
    return bool(interface.public_ipv4 if family is PeerKind.IPV4 else interface.ipv6)


def is_public_in_both(interfaces: Collection[NetworkInterface]) -> bool:
    """Whether some have a public IPv4 address and some a global IPv6 address."""
    return all(any(is_public(it, family) for it in interfaces) for family in FAMILIES)


def _reasons_not_to_lower(state: GroupState) -> Iterator[str]:
    if state.other_vpc_ids:
        yield f"it is associated with other VPCs ({', '.join(state.other_vpc_ids)})"
    if not state.interfaces:
        if state.is_default:
            yield _DEFAULT_GROUP
        return
    for kind, reason in _WAYS_IN.items():
        if kind in state.balancers:
            yield reason
    if state.vpc_owner_id not in {None, state.resource.account_id}:
        yield (
            f"account {state.vpc_owner_id} owns its VPC, and the load balancers of that account "
            "do not show"
        )
