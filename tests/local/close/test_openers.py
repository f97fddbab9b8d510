"""Which rules have to go until nothing is open to the world: no more than that, and no fewer."""

from ipaddress import ip_network
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.close.group import StandingRule
from local.close.openers import openers_in, openings_in
from security_group_alerter.ec2.rules import rule_of

ANYWHERE: Final = "0.0.0.0/0"


def standing(
    number: int, cidr: str = ANYWHERE, port: int | tuple[int, int] = 22, protocol: str = "tcp"
) -> StandingRule:
    first, last = port if isinstance(port, tuple) else (port, port)
    peer: dict[str, Any] = {"CidrIpv6" if ":" in cidr else "CidrIpv4": cidr}
    if cidr.startswith("pl-"):
        peer = {"PrefixListId": cidr}
    if cidr.startswith("sg-"):
        peer = {"ReferencedGroupInfo": {"GroupId": cidr}}
    listed: dict[str, Any] = {
        "SecurityGroupRuleId": f"sgr-{number:017x}",
        "GroupId": "sg-0123456789abcdef0",
        "IsEgress": False,
        "IpProtocol": protocol,
        "FromPort": first,
        "ToPort": last,
        **peer,
    }
    return StandingRule(rule=rule_of(listed), listed=listed)


Rule = tuple[Any, ...]
# What stands, the port that is asked for, and which of them have to go, by their index.
CASES: Final[dict[str, tuple[list[Rule], int | None, list[int]]]] = {
    # Not at all.
    "nothing-stands": ([], None, []),
    "an-office": ([("8.8.8.0/24",)], None, []),
    "a-broad-range-is-not-the-world": ([("3.0.0.0/8",)], None, []),
    "private-ranges-however-wide": ([("10.0.0.0/8",), ("240.0.0.0/4",)], None, []),
    "a-prefix-list-cannot-be-judged": ([("pl-0123456789abcdef0",)], None, []),
    "another-group": ([("sg-0123456789abcdef1",)], None, []),
    "another-port-is-asked-for": ([(ANYWHERE, 443)], 22, []),
    "icmp-has-no-port": ([(ANYWHERE, -1, "icmp")], 22, []),
    # One rule.
    "ssh-from-anywhere": ([(ANYWHERE,)], None, [0]),
    "half-the-internet": ([("128.0.0.0/1",)], None, [0]),
    "ipv6": ([("::/0",)], None, [0]),
    "all-of-global-ipv6": ([("2000::/3",)], None, [0]),
    "icmp": ([(ANYWHERE, -1, "icmp")], None, [0]),
    "the-port-that-is-asked-for": ([(ANYWHERE, 443), (ANYWHERE, 22)], 22, [1]),
    "a-range-of-ports-that-has-it": ([(ANYWHERE, (20, 25))], 22, [0]),
    "all-traffic-has-every-port": ([(ANYWHERE, -1, "-1")], 22, [0]),
    # Others stay.
    "the-office-stays": ([(ANYWHERE,), ("8.8.8.0/24",), ("10.0.0.0/8",)], None, [0]),
    "a-broad-range-beside-it-stays": ([("3.0.0.0/8",), (ANYWHERE,)], None, [1]),
    "the-lists-and-groups-stay": (
        [("pl-0123456789abcdef0",), (ANYWHERE,), ("sg-0123456789abcdef1",)],
        None,
        [1],
    ),
    "ipv4-that-is-narrow-stays-when-ipv6-is-open": ([("::/0",), ("3.0.0.0/8",)], None, [0]),
    # Several.
    "both-families": ([(ANYWHERE,), ("::/0",)], None, [0, 1]),
    "twice-in-two-ways": ([(ANYWHERE, -1, "-1"), (ANYWHERE,)], None, [0, 1]),
    "a-half-behind-the-whole": ([(ANYWHERE,), ("0.0.0.0/1",)], None, [0, 1]),
    # Slices.
    "two-eighths-go-together": ([("0.0.0.0/3",), ("32.0.0.0/3",)], None, [0, 1]),
    "one-eighth-is-not-the-world": ([("32.0.0.0/3",)], None, []),
    "the-office-in-a-slice-stays": (
        [("32.0.0.0/3",), ("34.1.2.0/24",), ("64.0.0.0/3",)],
        None,
        [0, 2],
    ),
    "slices-on-two-ports-are-no-quarter-on-either": (
        [("32.0.0.0/3", 22), ("64.0.0.0/3", 443)],
        None,
        [],
    ),
    "where-their-ports-meet-they-are": (
        [("32.0.0.0/3", (20, 30)), ("64.0.0.0/3", (22, 40))],
        None,
        [0, 1],
    ),
    "a-private-range-wider-than-the-slices-stays": (
        [("10.0.0.0/8",), *((f"{it}.0.0.0/9",) for it in range(20, 120))]
        + [(f"{it}.128.0.0/9",) for it in range(20, 120)],
        None,
        [*range(1, 201)],
    ),
    "narrower-slices-stay-when-the-wider-ones-are-gone": (
        [("32.0.0.0/3",), ("64.0.0.0/4",), ("80.0.0.0/4",)],
        None,
        [0],
    ),
    "all-traffic-slice-and-ssh-slice": (
        [("32.0.0.0/3", -1, "-1"), ("64.0.0.0/3",)],
        None,
        [0, 1],
    ),
}


@pytest.mark.parametrize(("rules", "port", "going"), CASES.values(), ids=CASES)
def test_what_has_to_go(rules: list[Rule], port: int | None, going: list[int]) -> None:
    stand = [standing(number, *it) for number, it in enumerate(rules)]

    assert openers_in(stand, port=port) == [stand[it] for it in going]


CIDRS: Final = st.one_of(
    st.builds(
        lambda address, bits: str(ip_network((address, bits), strict=False)),
        st.integers(0, 2**32 - 1),
        st.integers(0, 8),
    ),
    st.builds(
        lambda address, bits: str(ip_network((address | 1 << 125, bits), strict=False)),
        st.integers(0, 2**128 - 1),
        st.integers(1, 8),
    ),
)
PORTS: Final = st.tuples(st.integers(1, 30), st.integers(0, 10)).map(lambda it: (it[0], sum(it)))
RULES: Final = st.lists(
    st.builds(standing, st.just(0), CIDRS, PORTS, st.sampled_from(["tcp", "udp", "-1"])),
    max_size=12,
).map(lambda some: [standing(n, *_again(it)) for n, it in enumerate(some)])


def _again(it: StandingRule) -> Rule:
    cidr = it.listed.get("CidrIpv4") or it.listed["CidrIpv6"]
    return cidr, (it.listed["FromPort"], it.listed["ToPort"]), it.listed["IpProtocol"]


@given(RULES, st.none() | st.integers(1, 40))
def test_without_them_it_is_closed_and_with_the_last_of_them_it_is_not(
    rules: list[StandingRule], port: int | None
) -> None:
    going = openers_in(rules, port=port)
    left = [it for it in rules if it not in going]

    assert not openings_in(left, port=port)
    assert bool(going) == bool(openings_in(rules, port=port))
    if going:
        # The narrowest of those that go, all as wide as each other, are needed.
        narrowest = max(going, key=_bits)
        needed = [it for it in going if _bits(it) == _bits(narrowest)]
        assert openings_in([*left, *needed], port=port)


def _bits(it: StandingRule) -> int:
    network = it.rule.peer.network
    assert network is not None
    return network.prefixlen - (3 if network.version == 6 else 0)
