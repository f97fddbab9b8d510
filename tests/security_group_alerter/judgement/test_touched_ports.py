"""What the ports that a call touches are open to: together with what was there, or alone."""

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from security_group_alerter.judgement.exposure import exposure_of, internet_share_of
from security_group_alerter.judgement.severities import severity_of
from security_group_alerter.judgement.touched_ports import (
    exposure_after,
    left_open,
    standing_with,
    with_ranges,
)
from security_group_alerter.model.exposure import Exposure, InternetShare
from security_group_alerter.model.rules import (
    ALL_PORTS,
    ALL_PROTOCOLS,
    Direction,
    Peer,
    SecurityGroupRule,
    peer_of_cidr,
)
from security_group_alerter.model.severity import Severity
from tests.security_group_alerter.builders import rule, rules


def judged(added: list[str], before: list[str]) -> Exposure:
    new, old = rules(*added), rules(*before)
    return exposure_after(new, standing_with(new, old))


def words_of(exposure: Exposure) -> list[str]:
    return sorted(
        f"{it.protocol} {f'{it.ports.first}-{it.ports.last}' if it.ports else '*'} "
        f"{it.share.breadth.name.lower()}"
        for it in exposure.openings
    )


# What stood before, what the call adds, what the ports are then open to, how severe that is.
CASES: Final = {
    "nothing-stood": (
        [],
        ["tcp 22 from 0.0.0.0/0"],
        ["tcp 22-22 world"],
        Severity.CRITICAL,
    ),
    "a-slice-that-completes-a-quarter": (
        ["tcp 22 from 32.0.0.0/4", "tcp 22 from 48.0.0.0/4", "tcp 22 from 64.0.0.0/4"],
        ["tcp 22 from 80.0.0.0/4"],
        ["tcp 22-22 world"],
        Severity.CRITICAL,
    ),
    "slices-of-other-ports-do-not-add-up": (
        ["tcp 23 from 0.0.0.0/1", "udp 22 from 0.0.0.0/1"],
        ["tcp 22 from 128.0.0.0/6"],
        ["tcp 22-22 broad"],
        Severity.HIGH,
    ),
    "a-narrower-range-on-a-port-that-is-open": (
        ["tcp 22 from 0.0.0.0/0"],
        ["tcp 22 from 8.8.8.0/24"],
        ["tcp 22-22 narrow"],
        Severity.LOW,
    ),
    "so-few-that-they-do-not-matter": (
        ["tcp 22 from 8.8.4.0/24"],
        ["tcp 22 from 8.8.8.0/24"],
        ["tcp 22-22 narrow"],
        Severity.LOW,
    ),
    "two-that-are-broad-together": (
        ["tcp 22 from 8.8.0.0/17"],
        ["tcp 22 from 8.8.128.0/17"],
        ["tcp 22-22 broad"],
        Severity.HIGH,
    ),
    "a-private-range-beside-the-world": (
        ["tcp 22 from 0.0.0.0/0"],
        ["tcp 22 from 10.0.0.0/8"],
        [],
        Severity.LOW,
    ),
    "the-world-on-a-port-that-is-open-already": (
        ["tcp 20-25 from 0.0.0.0/0"],
        ["tcp 22 from 0.0.0.0/0"],
        ["tcp 22-22 world"],
        Severity.CRITICAL,
    ),
    "open-in-part-and-new-in-part-is-one-opening": (
        ["tcp 22 from 0.0.0.0/0"],
        ["tcp 20-25 from 0.0.0.0/0"],
        ["tcp 20-25 world"],
        Severity.CRITICAL,
    ),
    "slices-of-one-port-of-a-range": (
        ["tcp 22 from 0.0.0.0/2"],
        ["tcp 20-25 from 64.0.0.0/4"],
        ["tcp 20-21 broad", "tcp 22-22 world", "tcp 23-25 broad"],
        Severity.CRITICAL,
    ),
    "a-slice-of-every-protocol-stood": (
        ["all from 0.0.0.0/2"],
        ["tcp 22 from 64.0.0.0/4"],
        ["tcp 22-22 world"],
        Severity.CRITICAL,
    ),
    "a-slice-for-every-protocol-comes-to-one-of-a-port": (
        ["tcp 22 from 0.0.0.0/2"],
        ["all from 64.0.0.0/4"],
        ["-1 * broad", "tcp 0-21 broad", "tcp 22-22 world", "tcp 23-65535 broad"],
        Severity.CRITICAL,
    ),
    "gre-in-two-slices": (
        ["47 from 0.0.0.0/2"],
        ["47 from 64.0.0.0/4"],
        ["47 * world"],
        Severity.HIGH,
    ),
    "egress-that-stood-does-not-count": (
        ["egress tcp 22 to 0.0.0.0/2"],
        ["tcp 22 from 64.0.0.0/4"],
        ["tcp 22-22 broad"],
        Severity.HIGH,
    ),
    "an-added-egress-rule-touches-no-port": (
        ["tcp 22 from 0.0.0.0/0"],
        ["egress tcp 22 to 0.0.0.0/0"],
        [],
        Severity.LOW,
    ),
    "ipv6-beside-ipv4": (
        ["tcp 22 from 0.0.0.0/0"],
        ["tcp 22 from ::/0"],
        ["tcp 22-22 world"],
        Severity.CRITICAL,
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_as_it_stands_just_after(case: str) -> None:
    before, added, openings, severity = CASES[case]

    exposure = judged(added, before)

    assert words_of(exposure) == openings
    assert severity_of(exposure) is severity


def test_a_rule_that_refers_to_a_known_list_is_its_ranges() -> None:
    [refers] = rules("tcp 22 from pl-0123456789abcdef0")
    ranges = tuple(map(peer_of_cidr, ("10.0.0.0/8", "0.0.0.0/0")))

    known = with_ranges([refers], {refers.peer.value: ranges})
    unknown = with_ranges([refers, *rules("tcp 22 from ::/0")], {"pl-another": ranges})

    assert [it.peer.value for it in known] == ["10.0.0.0/8", "0.0.0.0/0"]
    assert {it.ports for it in known} == {refers.ports}
    assert unknown == (refers, *rules("tcp 22 from ::/0"))


def test_an_unknown_list_stays_one_to_be_looked_at() -> None:
    exposure = judged(["tcp 22 from pl-0123456789abcdef0"], ["tcp 22 from 0.0.0.0/0"])

    assert exposure.has_prefix_lists
    assert not exposure.openings


# A plain, slow model.

CIDRS: Final = ("0.0.0.0/0", "0.0.0.0/2", "64.0.0.0/4", "8.8.8.0/24", "::/0", "10.0.0.0/8")
PORTS: Final = ("22", "20-25", "24-443", "0-65535")
SAMPLES: Final = (0, 19, 20, 21, 22, 23, 24, 25, 26, 443, 444, 65535)
PROTOCOLS: Final = ("tcp", "udp", ALL_PROTOCOLS)


@st.composite
def any_rules(draw: st.DrawFn) -> SecurityGroupRule:
    protocol = draw(st.sampled_from(["tcp", "tcp", "udp", "all"]))
    direction = draw(st.sampled_from(["", "", "", "egress "]))
    ports = "" if protocol == "all" else f" {draw(st.sampled_from(PORTS))}"
    to = "to" if direction else "from"
    return rule(f"{direction}{protocol}{ports} {to} {draw(st.sampled_from(CIDRS))}")


def share_at(given_rules: list[SecurityGroupRule], protocol: str, port: int) -> InternetShare:
    peers: list[Peer] = [
        it.peer
        for it in given_rules
        if it.direction is not Direction.EGRESS
        and it.protocol in (protocol, ALL_PROTOCOLS)
        and (it.ports or ALL_PORTS).first <= port <= (it.ports or ALL_PORTS).last
    ]
    return internet_share_of(peers)


def shown_at(exposure: Exposure, protocol: str, port: int) -> InternetShare:
    for named in (protocol, ALL_PROTOCOLS):
        for it in exposure.openings:
            ports = it.ports or ALL_PORTS
            if it.protocol == named and ports.first <= port <= ports.last:
                return it.share
    return InternetShare()


@given(st.lists(any_rules(), max_size=4), st.lists(any_rules(), min_size=1, max_size=4))
def test_port_by_port(before: list[SecurityGroupRule], added: list[SecurityGroupRule]) -> None:
    exposure = exposure_after(added, standing_with(added, before))

    for protocol in PROTOCOLS:
        for port in SAMPLES:
            alone, earlier = share_at(added, protocol, port), share_at(before, protocol, port)
            together = share_at([*added, *before], protocol, port)
            is_more = alone != InternetShare() and together != earlier
            assert shown_at(exposure, protocol, port) == (together if is_more else alone)


@given(st.lists(any_rules(), min_size=1, max_size=4))
def test_without_anything_before_it_is_what_the_call_adds(added: list[SecurityGroupRule]) -> None:
    assert exposure_after(added, ()) == exposure_of(added)


@pytest.mark.parametrize(
    ("opened", "standing", "left"),
    [
        pytest.param(
            ["tcp 22 from 0.0.0.0/0", "tcp 443 from 0.0.0.0/0"],
            ["tcp 443 from 0.0.0.0/0"],
            ["tcp 443-443 world"],
            id="one-port-of-two",
        ),
        pytest.param(
            ["tcp 20-30 from 0.0.0.0/0"],
            ["tcp 20-25 from 0.0.0.0/0", "tcp 26-30 from 0.0.0.0/1", "tcp 26-30 from 128.0.0.0/1"],
            ["tcp 20-30 world"],
            id="side-by-side",
        ),
        pytest.param(
            ["tcp 20-30 from 0.0.0.0/0"],
            ["tcp 20-22 from 0.0.0.0/0", "tcp 25-40 from 0.0.0.0/0"],
            ["tcp 20-22 world", "tcp 25-30 world"],
            id="with-a-gap",
        ),
        pytest.param(
            ["tcp 22 from 0.0.0.0/0"],
            ["all from 0.0.0.0/0", "tcp 0-1000 from 0.0.0.0/0"],
            ["tcp 22-22 world"],
            id="by-two-wider-rules",
        ),
        pytest.param(
            ["all from 0.0.0.0/0"],
            ["all from 0.0.0.0/0", "tcp 22 from 0.0.0.0/0"],
            ["-1 * world", "tcp 0-65535 world"],
            id="all-traffic",
        ),
        pytest.param(["tcp 22 from 0.0.0.0/0"], ["tcp 22 from 3.0.0.0/8"], [], id="only-a-cloud"),
        pytest.param(
            ["tcp 22 from 3.0.0.0/8"],
            ["tcp 22 from 0.0.0.0/0"],
            ["tcp 22-22 broad"],
            id="no-more-than-was-opened",
        ),
        pytest.param(["tcp 22 from 0.0.0.0/0"], [], [], id="nothing"),
    ],
)
def test_what_is_left_of_what_was_opened(
    opened: list[str], standing: list[str], left: list[str]
) -> None:
    assert words_of(left_open(exposure_of(rules(*opened)), rules(*standing), {})) == left
