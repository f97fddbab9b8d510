"""What stands behind a group: every row of the table in the design."""

from datetime import UTC, datetime
from typing import Any, Final

import pytest

from security_group_alerter.ec2.reach import reach_of_group
from security_group_alerter.model.exposure_life import Resource
from security_group_alerter.model.group_state import GroupState, NetworkInterface, Reach
from security_group_alerter.model.rules import PeerKind
from security_group_alerter.model.subject import SubjectKind

IPV4: Final = frozenset({PeerKind.IPV4})
IPV6: Final = frozenset({PeerKind.IPV6})
BOTH: Final = IPV4 | IPV6
NONE: Final = frozenset[PeerKind]()
OWN: Final = "222233334444"


def carried_by(*interfaces: NetworkInterface, **more: Any) -> GroupState:
    return GroupState(
        resource=Resource(
            kind=SubjectKind.SECURITY_GROUP, id="sg-1", account_id=OWN, region="eu-central-1"
        ),
        seen_at=datetime(2026, 11, 1, tzinfo=UTC),
        interfaces=interfaces,
        vpc_owner_id=more.pop("owner", OWN),
        **more,
    )


PRIVATE: Final = NetworkInterface(id="eni-1", used_as="instance", private_addresses=("10.0.0.5",))
PUBLIC: Final = NetworkInterface(id="eni-2", used_as="instance", public_ipv4=("203.0.113.9",))
GLOBAL: Final = NetworkInterface(id="eni-3", used_as="instance", ipv6=("2001:db8::5",))

# Group, families that a rule opens, reach, whether it may lower, a word of each reason.
TABLE: Final[dict[str, tuple[GroupState, frozenset[PeerKind], Reach, bool, tuple[str, ...]]]] = {
    "public-address": (carried_by(PRIVATE, PUBLIC), IPV4, Reach.PUBLIC, False, ()),
    "global-ipv6-address": (carried_by(GLOBAL), IPV6, Reach.PUBLIC, False, ()),
    "public-in-the-other-family": (carried_by(PUBLIC), IPV6, Reach.PRIVATE, True, ()),
    "global-ipv6-for-an-ipv4-rule": (carried_by(GLOBAL), IPV4, Reach.PRIVATE, True, ()),
    "opened-in-both": (carried_by(GLOBAL), BOTH, Reach.PUBLIC, False, ()),
    "opened-by-who-knows-what": (carried_by(PUBLIC), NONE, Reach.PUBLIC, False, ()),
    "opened-to-a-prefix-list": (
        carried_by(PUBLIC),
        frozenset({PeerKind.PREFIX_LIST}),
        Reach.PUBLIC,
        False,
        (),
    ),
    "private": (carried_by(PRIVATE), IPV4, Reach.PRIVATE, True, ()),
    "behind-a-network-load-balancer": (
        carried_by(PRIVATE, balancers=frozenset({"network_load_balancer"})),
        IPV4,
        Reach.PRIVATE,
        False,
        ("Network Load Balancer",),
    ),
    "behind-a-gateway-load-balancer": (
        carried_by(PRIVATE, balancers=frozenset({"gateway_load_balancer"})),
        IPV4,
        Reach.PRIVATE,
        False,
        ("Gateway Load Balancer",),
    ),
    "behind-a-global-accelerator": (
        carried_by(PRIVATE, balancers=frozenset({"global_accelerator_managed"})),
        IPV4,
        Reach.PRIVATE,
        False,
        ("Global Accelerator",),
    ),
    "in-another-accounts-vpc": (
        carried_by(PRIVATE, owner="333344445555"),
        IPV4,
        Reach.PRIVATE,
        False,
        ("account 333344445555 owns its VPC",),
    ),
    "associated-with-other-vpcs": (
        carried_by(PRIVATE, other_vpc_ids=("vpc-2",)),
        IPV4,
        Reach.PRIVATE,
        False,
        ("other VPCs (vpc-2)",),
    ),
    "everything-at-once": (
        carried_by(
            PRIVATE,
            owner="333344445555",
            other_vpc_ids=("vpc-2",),
            balancers=frozenset({"network_load_balancer", "gateway_load_balancer"}),
        ),
        IPV4,
        Reach.PRIVATE,
        False,
        ("vpc-2", "Network", "Gateway", "333344445555"),
    ),
    "default-group-of-private-instances": (
        carried_by(PRIVATE, is_default=True),
        IPV4,
        Reach.PRIVATE,
        True,
        (),
    ),
    "unattached": (carried_by(), IPV4, Reach.UNATTACHED, True, ()),
    "default-group-of-nothing": (
        carried_by(is_default=True),
        IPV4,
        Reach.UNKNOWN,
        False,
        ("default group",),
    ),
    "associated-and-nothing-shows": (
        carried_by(other_vpc_ids=("vpc-2",)),
        IPV4,
        Reach.UNKNOWN,
        False,
        ("vpc-2",),
    ),
    "not-complete": (
        carried_by(PRIVATE, is_complete=False, not_seen=("its rules could not be seen: x",)),
        IPV4,
        Reach.UNKNOWN,
        False,
        ("its rules",),
    ),
    "not-complete-though-public": (
        carried_by(PUBLIC, is_complete=False, not_seen=("its rules could not be seen: x",)),
        IPV4,
        Reach.UNKNOWN,
        False,
        ("its rules",),
    ),
    "what-decides-nothing-was-not-seen": (
        carried_by(PRIVATE, not_seen=("VPC Block Public Access could not be seen: x",)),
        IPV4,
        Reach.PRIVATE,
        True,
        (),
    ),
}


@pytest.mark.parametrize(
    ("state", "families", "reach", "lowers", "words"), TABLE.values(), ids=TABLE
)
def test_reach(
    state: GroupState,
    families: frozenset[PeerKind],
    reach: Reach,
    lowers: bool,
    words: tuple[str, ...],
) -> None:
    found = reach_of_group(state, families)

    assert (found.reach, found.may_lower) == (reach, lowers)
    assert len(found.reasons) == len(words)
    assert all(word in reason for word, reason in zip(words, found.reasons, strict=True))


def test_both_families_unless_told_otherwise() -> None:
    assert reach_of_group(carried_by(GLOBAL)).reach is Reach.PUBLIC
