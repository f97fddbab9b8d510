"""What stands behind a group, and whether it may lower a severity."""

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any, Final

import pytest

from security_group_alerter.ec2.reach import is_public_in_both, reach_of_group
from security_group_alerter.model.exposure_life import Resource
from security_group_alerter.model.group_state import GroupReach, GroupState, NetworkInterface, Reach
from security_group_alerter.model.rules import PeerKind
from security_group_alerter.model.subject import SubjectKind

NOW: Final = datetime(2026, 11, 23, 12, tzinfo=UTC)
GROUP: Final = Resource(
    kind=SubjectKind.SECURITY_GROUP, id="sg-1", account_id="111122223333", region="eu-central-1"
)
PRIVATE: Final = NetworkInterface(id="eni-1", used_as="instance", private_addresses=("10.0.0.1",))
PUBLIC_4: Final = NetworkInterface(id="eni-2", used_as="instance", public_ipv4=("3.120.0.1",))
PUBLIC_6: Final = NetworkInterface(id="eni-3", used_as="instance", ipv6=("2001:db8::1",))
OWNER: Final = {"vpc_owner_id": "111122223333"}
V4, V6, LIST, PEER_GROUP = (
    PeerKind.IPV4,
    PeerKind.IPV6,
    PeerKind.PREFIX_LIST,
    PeerKind.SECURITY_GROUP,
)


def reach(
    *interfaces: NetworkInterface, families: Collection[PeerKind], **state: Any
) -> GroupReach:
    return reach_of_group(
        GroupState(resource=GROUP, seen_at=NOW, interfaces=interfaces, **state), families
    )


@pytest.mark.parametrize(
    ("interface", "families", "expected"),
    [
        pytest.param(PUBLIC_4, {V4}, Reach.PUBLIC, id="ipv4-opened-and-public-in-ipv4"),
        pytest.param(PUBLIC_4, {V6}, Reach.PRIVATE, id="ipv6-opened-but-public-in-ipv4-only"),
        pytest.param(PUBLIC_6, {V6}, Reach.PUBLIC, id="ipv6-opened-and-public-in-ipv6"),
        pytest.param(PUBLIC_6, {V4}, Reach.PRIVATE, id="ipv4-opened-but-public-in-ipv6-only"),
        pytest.param(PUBLIC_6, {V4, V6}, Reach.PUBLIC, id="both-opened-and-public-in-one"),
        pytest.param(PUBLIC_6, {}, Reach.PUBLIC, id="no-family-told-so-both-count"),
        pytest.param(PUBLIC_6, {LIST}, Reach.PUBLIC, id="a-list-may-hold-both"),
        pytest.param(PUBLIC_6, {LIST, V4}, Reach.PUBLIC, id="a-list-beside-ipv4-may-hold-both"),
        pytest.param(PUBLIC_6, {PEER_GROUP, V4}, Reach.PRIVATE, id="a-group-adds-no-family"),
        pytest.param(PRIVATE, {V4, V6}, Reach.PRIVATE, id="no-public-address-at-all"),
    ],
)
def test_public_counts_only_in_the_family_that_is_opened(
    interface: NetworkInterface, families: set[PeerKind], expected: Reach
) -> None:
    found = reach(PRIVATE, interface, families=families, **OWNER)

    assert found.reach is expected
    assert found.may_lower is (expected is Reach.PRIVATE)
    assert not found.reasons


@pytest.mark.parametrize(
    ("state", "why"),
    [
        pytest.param(
            {"balancers": {"network_load_balancer"}},
            "its VPC has a Network Load Balancer, which keeps the client's address",
            id="network-load-balancer",
        ),
        pytest.param(
            {"balancers": {"gateway_load_balancer"}},
            "its VPC has a Gateway Load Balancer",
            id="gateway-load-balancer",
        ),
        pytest.param(
            {"balancers": {"global_accelerator_managed"}},
            "its VPC has a Global Accelerator, which keeps the client's address",
            id="global-accelerator",
        ),
        pytest.param(
            {"vpc_owner_id": "444455556666"},
            "account 444455556666 owns its VPC, and the load balancers of that account do not show",
            id="shared-vpc",
        ),
        pytest.param(
            {"other_vpc_ids": ("vpc-2", "vpc-3")},
            "it is associated with other VPCs (vpc-2, vpc-3)",
            id="associated",
        ),
    ],
)
def test_private_but_not_lowered(state: dict[str, Any], why: str) -> None:
    found = reach(PRIVATE, families={V4}, **(OWNER | state))

    assert found == GroupReach(reach=Reach.PRIVATE, may_lower=False, reasons=(why,))


def test_every_reason_is_told() -> None:
    kinds = frozenset({"network_load_balancer", "global_accelerator_managed"})
    found = reach(
        PRIVATE, families={V4}, balancers=kinds, vpc_owner_id="444455556666", other_vpc_ids=("v",)
    )

    assert len(found.reasons) == 4


def test_a_default_group_that_something_private_carries_is_private() -> None:
    assert reach(PRIVATE, families={V4}, is_default=True, **OWNER).may_lower


def test_without_interfaces_it_is_unattached() -> None:
    assert reach(families={V4}) == GroupReach(reach=Reach.UNATTACHED, may_lower=True)


@pytest.mark.parametrize(
    ("state", "words"),
    [
        pytest.param({"is_default": True}, ["it is its VPC's default group"], id="default"),
        pytest.param({"other_vpc_ids": ("vpc-2",)}, ["it is associated with"], id="associated"),
        pytest.param(
            {"is_default": True, "other_vpc_ids": ("vpc-2",)},
            ["it is associated with", "it is its VPC's default group"],
            id="both",
        ),
    ],
)
def test_never_called_unattached(state: dict[str, Any], words: list[str]) -> None:
    found = reach(families={V4}, **state)

    assert (found.reach, found.may_lower) == (Reach.UNKNOWN, False)
    assert all(it.startswith(word) for it, word in zip(found.reasons, words, strict=True))


@pytest.mark.parametrize(
    "interfaces",
    [
        pytest.param([], id="none-seen"),
        pytest.param([PRIVATE], id="a-private-one-seen"),
        pytest.param([PUBLIC_4], id="a-public-one-seen"),
    ],
)
def test_a_look_that_is_not_complete_leaves_it_unknown(interfaces: list[NetworkInterface]) -> None:
    found = reach(*interfaces, families={V4}, is_complete=False, not_seen=("its rules: no",))

    assert found == GroupReach(reach=Reach.UNKNOWN, may_lower=False, reasons=("its rules: no",))


@pytest.mark.parametrize(
    ("interfaces", "is_so"),
    [
        pytest.param([], False, id="no-interface"),
        pytest.param([PUBLIC_4, PRIVATE], False, id="ipv4-only"),
        pytest.param([PUBLIC_6], False, id="ipv6-only"),
        pytest.param([PUBLIC_4, PUBLIC_6], True, id="each-in-one-family"),
    ],
)
def test_public_in_both(interfaces: list[NetworkInterface], is_so: bool) -> None:
    assert is_public_in_both(interfaces) is is_so
