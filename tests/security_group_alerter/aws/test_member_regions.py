"""Whole accounts and Regions, on the wire: what arrives, and what is said of the rest."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

import pytest

from security_group_alerter.aws.member_regions import CLIENT_CONFIG, MemberRegions
from security_group_alerter.model.sweep import Place
from tests.security_group_alerter.aws.ec2_wire import (
    ACCOUNT,
    ASSUME,
    ENTRIES,
    HOME,
    NOW,
    REGION,
    REGIONS,
    ROLE,
    Fault,
    Request,
    Wire,
    group,
    prefix_list,
    wired,
)

PLACE: Final = Place(account_id=ACCOUNT, region=REGION)
OTHER: Final = "333344445555"
RULES: Final = "DescribeSecurityGroupRules"
LISTS: Final = "DescribeManagedPrefixLists"
NO_ROLE: Final = f"the role {ROLE} does not exist in account {ACCOUNT}, or may not be assumed"
MAY_NOT_READ: Final = f"the role {ROLE} may not read it in account {ACCOUNT}"
NOT_READABLE: Final = "the answer of EC2 could not be read"


@pytest.fixture
def wire() -> Iterator[Wire]:
    with wired() as wire:
        yield wire


@pytest.fixture
def regions(wire: Wire) -> MemberRegions:
    return MemberRegions(wire.session, role_name=ROLE, clock=lambda: wire.now)


def fails(operation: str, fault: Fault, times: int = 100) -> object:
    left = [times]

    def choose(request: Request) -> Fault | None:
        if request.operation != operation or not left[0]:
            return None
        left[0] -= 1
        return fault

    return choose


def add_list(wire: Wire, number: int, *cidrs: str, owner: str = ACCOUNT) -> None:
    list_id = prefix_list(number).id
    wire.place.lists.append({"prefixListId": list_id, "ownerId": owner, "version": "1"})
    wire.place.entries[list_id] = [{"cidr": it} for it in cidrs]


def test_all_rules_and_the_own_lists(wire: Wire, regions: MemberRegions) -> None:
    for number in range(3):
        wire.place.add_rule(group(number).id)
    wire.place.add_rule(group(9).id, cidrIpv4="0.0.0.0/0", groupOwnerId=OTHER)
    add_list(wire, 1, "10.0.0.0/8", "10.0.0.0/9")
    add_list(wire, 2, "0.0.0.0/0", owner="AWS")

    found = regions.survey(PLACE, 60)

    assert found.problem is None
    assert found.rules.keys() == {group(it) for it in range(3)}
    assert {it: len(ranges) for it, ranges in found.ranges.items()} == {prefix_list(1): 2}


def test_an_empty_region_takes_three_calls(wire: Wire, regions: MemberRegions) -> None:
    regions.survey(PLACE, 60)

    assert wire.calls() == {ASSUME: 1, RULES: 1, LISTS: 1}


def test_credentials_serve_for_the_next_region(wire: Wire, regions: MemberRegions) -> None:
    for region in (REGION, "us-east-1", "ap-southeast-2"):
        regions.survey(Place(account_id=ACCOUNT, region=region), 60)

    assert wire.calls()[ASSUME] == 1


def test_more_rules_than_a_page_holds(wire: Wire, regions: MemberRegions) -> None:
    for number in range(2500):
        wire.place.add_rule(group(number // 10).id)

    found = regions.survey(PLACE, 60)

    assert sum(map(len, found.rules.values())) == 2500
    assert wire.calls()[RULES] == 3


@pytest.mark.parametrize("times", [1, 7], ids=["once", "seven-times"])
def test_throttling_is_waited_out(times: int, wire: Wire, regions: MemberRegions) -> None:
    wire.place.add_rule(group(1).id)
    wire.choose = fails(RULES, Fault.THROTTLED, times)  # type: ignore[assignment]

    found = regions.survey(PLACE, 60)

    assert found.problem is None
    assert [*found.rules] == [group(1)]


PROBLEMS: Final = {
    "no-role": (ASSUME, Fault.NO_ROLE, f"the rules: {NO_ROLE}"),
    "rules-throttled": (RULES, Fault.THROTTLED, "the rules: EC2 throttled the look"),
    "rules-denied": (RULES, Fault.DENIED, f"the rules: {MAY_NOT_READ}"),
    "rules-not-readable": (RULES, Fault.GARBLED, f"the rules: {NOT_READABLE}"),
    "region-off": (
        RULES,
        Fault.OFF,
        f"the rules: the Region {REGION} is not enabled in account {ACCOUNT}",
    ),
    "lists-denied": (LISTS, Fault.DENIED, f"the prefix lists: {MAY_NOT_READ}"),
    "entries-denied": (ENTRIES, Fault.DENIED, f"{prefix_list(1).id}: {MAY_NOT_READ}"),
}


@pytest.mark.parametrize("name", PROBLEMS)
def test_what_could_not_be_seen_is_said(name: str, wire: Wire, regions: MemberRegions) -> None:
    operation, fault, problem = PROBLEMS[name]
    add_list(wire, 1, "10.0.0.0/8")
    wire.choose = fails(operation, fault)  # type: ignore[assignment]

    assert regions.survey(PLACE, 60).problem == problem


def test_rest_of_a_region_is_seen_where_a_part_is_not(wire: Wire, regions: MemberRegions) -> None:
    wire.place.add_rule(group(1).id)
    wire.choose = fails(LISTS, Fault.DENIED)  # type: ignore[assignment]

    assert [*regions.survey(PLACE, 60).rules] == [group(1)]


@pytest.mark.parametrize("broken", [{"ipProtocol": ""}, {"groupId": ""}], ids=["a-rule", "a-stray"])
def test_rule_that_cannot_be_read_is_a_problem(
    broken: dict[str, str], wire: Wire, regions: MemberRegions
) -> None:
    wire.place.add_rule(group(1).id)
    wire.place.rules[0].update(broken)

    assert regions.survey(PLACE, 60).problem == f"the rules: {NOT_READABLE}"


def test_nothing_is_asked_without_time(wire: Wire, regions: MemberRegions) -> None:
    assert regions.survey(PLACE, 0).problem == "the rules: the look took too long"
    assert wire.requests == []


def test_more_groups_are_looked_at_than_by_an_alert(wire: Wire, regions: MemberRegions) -> None:
    resources = [group(it) for it in range(450)]
    for resource in resources[1:]:
        wire.place.add_group(resource.id)
        wire.place.add_rule(resource.id)

    def clock() -> datetime:
        return NOW + timedelta(minutes=len(wire.requests))

    looked = regions.look(resources, clock=clock, seconds=60)

    assert {*looked.groups} == {*resources[1:]}
    # Its rules were asked for in three calls, each after the one before.
    asked = sorted({it.seen_at for it in looked.groups.values()})
    assert len(asked) == 3
    assert looked.not_found == {group(0): asked[0]}
    assert looked.groups[group(449)].seen_at == asked[2]
    assert [it for it in looked.groups.values() if not it.has_all_rules] == []


def test_enabled_regions_of_each_account(wire: Wire, regions: MemberRegions) -> None:
    wire.places[ACCOUNT, HOME].regions = ["us-east-1", "eu-central-1"]
    wire.places[OTHER, HOME].regions = ["eu-central-1"]

    found = regions.regions_of([ACCOUNT, OTHER, "444455556666"], 60)

    assert found == {
        ACCOUNT: ("eu-central-1", "us-east-1"),
        OTHER: ("eu-central-1",),
        "444455556666": NOT_READABLE,
    }


@pytest.mark.parametrize(
    ("operation", "fault", "why"),
    [
        pytest.param(ASSUME, Fault.NO_ROLE, NO_ROLE, id="no-role"),
        pytest.param(REGIONS, Fault.DENIED, MAY_NOT_READ, id="an-old-role"),
        pytest.param(REGIONS, Fault.THROTTLED, "EC2 throttled the look", id="throttled"),
    ],
)
def test_regions_that_could_not_be_read(
    operation: str, fault: Fault, why: str, wire: Wire, regions: MemberRegions
) -> None:
    wire.places[ACCOUNT, HOME].regions = [REGION]
    wire.choose = fails(operation, fault)  # type: ignore[assignment]

    assert regions.regions_of([ACCOUNT], 60) == {ACCOUNT: why}


def test_no_regions_are_read_without_time(wire: Wire, regions: MemberRegions) -> None:
    assert regions.regions_of([ACCOUNT], 0) == {ACCOUNT: "the look took too long"}
    assert wire.requests == []


def test_it_is_more_patient_than_a_look() -> None:
    assert CLIENT_CONFIG.retries == {"mode": "standard", "total_max_attempts": 8}  # type: ignore[attr-defined]
