"""What was answered becomes states; what was not is said, and nothing is made of it."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

import pytest

from security_group_alerter.ec2.answers import Unseen
from security_group_alerter.ec2.groups import (
    Answers,
    groups_in,
    in_doubt,
    lists_in,
    names_in,
    other_vpcs_in,
    states_of,
    vpc_owners_in,
)
from security_group_alerter.ec2.interfaces import balancers_in, interfaces_in
from security_group_alerter.ec2.rules import ranges_in, rules_in
from security_group_alerter.model.exposure_life import Resource
from security_group_alerter.model.group_state import (
    GroupState,
    InternetGatewayBlockMode,
    PrefixListState,
)
from security_group_alerter.model.subject import SubjectKind
from tests.member_accounts import group, instance, interface, public, rule, vpc

SG: Final = "sg-0123456789abcdef0"
PL: Final = "pl-0123456789abcdef0"
VPC: Final = "vpc-0aaaaaaaaaaaaaaaa"
NOW: Final = datetime(2026, 11, 1, tzinfo=UTC)
WHY: Final = Unseen("EC2 throttled the look")
UNREADABLE: Final = "the answer of EC2 could not be read"


def resource(identifier: str) -> Resource:
    kind = SubjectKind.PREFIX_LIST if identifier.startswith("pl-") else SubjectKind.SECURITY_GROUP
    return Resource(kind=kind, id=identifier, account_id="222233334444", region="eu-central-1")


def answers(**more: Any) -> Answers:
    """A private instance, and all that was asked for."""
    return replace(
        Answers(
            groups=groups_in([group(SG, Tags=[{"Key": "a", "Value": "b"}, {"Key": "c"}])]),
            rules=rules_in([rule("sgr-1", SG)]),
            interfaces=interfaces_in([interface("eni-1", SG, **instance("i-1"))]),
            other_vpcs=other_vpcs_in([]),
            vpc_owners=vpc_owners_in([vpc()]),
            balancers=balancers_in([]),
            block_mode=InternetGatewayBlockMode.OFF,
            names={"i-1": "<bastion>"},
        ),
        **more,
    )


def state_of(identifier: str, answered: Answers) -> Any:
    [state] = states_of([resource(identifier)], answered, seen_at=NOW)
    return state


def test_whole_group() -> None:
    state = state_of(SG, answers())

    assert isinstance(state, GroupState)
    assert state.is_complete
    assert state.has_all_rules
    assert state.not_seen == ()
    assert (state.name, state.vpc_id, state.vpc_owner_id) == ("web", VPC, "222233334444")
    assert state.tags == {"a": "b", "c": ""}
    assert [it.rule_id for it in state.rules] == ["sgr-1"]
    assert [(it.used_by, it.name) for it in state.interfaces] == [("i-1", "<bastion>")]
    assert state.seen_at == NOW
    assert state.block_mode is InternetGatewayBlockMode.OFF
    assert not state.is_default


def test_default_group() -> None:
    state = state_of(SG, answers(groups=groups_in([group(SG, GroupName="default")])))

    assert state.is_default


# What was answered otherwise; whether rules and reach can be relied on; what is said.
PARTS: Final[dict[str, tuple[dict[str, Any], bool, tuple[str, ...]]]] = {
    "group": (
        {"groups": WHY},
        False,
        (f"its name, VPC and tags could not be seen: {WHY.why}", "its VPC"),
    ),
    "group-unreadable": (
        {"groups": groups_in([group(SG, Tags="none")])},
        False,
        (f"its name, VPC and tags could not be seen: {UNREADABLE}", "its VPC could not"),
    ),
    "rules": ({"rules": WHY}, False, (f"its rules could not be seen: {WHY.why}",)),
    "a-rule-unreadable": (
        {"rules": rules_in([rule("sgr-1", SG, IpProtocol=None)])},
        False,
        (f"its rules could not be seen: {UNREADABLE}",),
    ),
    "interfaces": (
        {"interfaces": WHY},
        False,
        (f"its network interfaces could not be seen: {WHY.why}",),
    ),
    "associations": (
        {"other_vpcs": WHY},
        False,
        (f"whether it is associated with other VPCs could not be seen: {WHY.why}",),
    ),
    "associations-late": (
        {"other_vpcs": None},
        False,
        ("whether it is associated with other VPCs could not be seen: the look took too long",),
    ),
    "owner-of-the-vpc": (
        {"vpc_owners": WHY},
        False,
        (f"who owns its VPC could not be seen: {WHY.why}",),
    ),
    "vpc-that-is-not-listed": (
        {"vpc_owners": vpc_owners_in([])},
        False,
        ("who owns its VPC could not be seen: EC2 does not know the VPC",),
    ),
    "balancers": (
        {"balancers": WHY},
        False,
        ("whether load balancers or accelerators of its VPC lead to it could not be seen",),
    ),
    "group-without-a-vpc": (
        {"groups": groups_in([group(SG, VpcId=None)])},
        False,
        (f"its VPC could not be seen: {UNREADABLE}",),
    ),
    "block-public-access": (
        {"block_mode": WHY},
        True,
        (f"VPC Block Public Access could not be seen: {WHY.why}",),
    ),
    "names": ({"names": {}}, True, ()),
    "region-off-halfway": (
        {"interfaces": None, "block_mode": None, "otherwise": "the Region is off"},
        False,
        (
            "its network interfaces could not be seen: the Region is off",
            "VPC Block Public Access could not be seen: the Region is off",
        ),
    ),
}


@pytest.mark.parametrize(("more", "complete", "said"), PARTS.values(), ids=PARTS)
def test_part_that_was_not_seen(
    more: dict[str, Any], complete: bool, said: tuple[str, ...]
) -> None:
    state = state_of(SG, answers(**more))

    assert isinstance(state, GroupState)
    assert state.is_complete is complete
    assert state.has_all_rules is ("rules" not in more)
    assert len(state.not_seen) == len(said)
    assert all(it.startswith(start) for it, start in zip(state.not_seen, said, strict=True))


@pytest.mark.parametrize("block_mode", [None, WHY])
def test_nothing_seen_is_no_state(block_mode: Any) -> None:
    nothing = Answers(otherwise="the role may not be assumed", block_mode=block_mode)

    assert state_of(SG, nothing) == (resource(SG), "the role may not be assumed")
    refused = Answers(groups=WHY, rules=WHY, interfaces=WHY)
    assert state_of(SG, refused) == (resource(SG), WHY.why)


def test_group_that_is_not_there() -> None:
    nothing = answers(groups=groups_in([]), rules=rules_in([]), interfaces=interfaces_in([]))

    assert state_of(SG, nothing) == (resource(SG), "EC2 does not know the group (any more)")


def test_public_in_both_families_needs_no_look_at_the_vpc() -> None:
    both = {**public(), "Ipv6Addresses": [{"Ipv6Address": "2001:db8::5"}]}
    answered = answers(
        interfaces=interfaces_in([interface("eni-1", SG, **both)]),
        other_vpcs=None,
        vpc_owners=None,
        balancers=None,
    )

    assert in_doubt(answered, [SG]) == []
    assert state_of(SG, answered).is_complete


def test_in_doubt() -> None:
    assert in_doubt(answers(), [SG, "sg-2"]) == [SG, "sg-2"]
    assert in_doubt(answers(interfaces=interfaces_in([None])), [SG]) == []
    assert in_doubt(answers(interfaces=WHY), [SG]) == []


def test_unattached_group_needs_no_vpc() -> None:
    answered = answers(interfaces=interfaces_in([]), vpc_owners=None, balancers=None)

    assert state_of(SG, answered).is_complete


ASSOCIATIONS: Final[dict[str, tuple[dict[str, Any], tuple[str, ...]]]] = {
    "associated": ({"VpcId": "vpc-2", "State": "associated"}, ("vpc-2",)),
    "under-way": ({"VpcId": "vpc-2", "State": "associating"}, ("vpc-2",)),
    "being-taken-away": ({"VpcId": "vpc-2", "State": "disassociating"}, ("vpc-2",)),
    "taken-away": ({"VpcId": "vpc-2", "State": "disassociated"}, ()),
    "failed": ({"VpcId": "vpc-2", "State": "association-failed"}, ()),
    "its-own": ({"VpcId": VPC, "State": "associated"}, ()),
    "state-unknown": ({"VpcId": "vpc-2"}, ("vpc-2",)),
}


@pytest.mark.parametrize(("members", "vpcs"), ASSOCIATIONS.values(), ids=ASSOCIATIONS)
def test_other_vpcs(members: dict[str, Any], vpcs: tuple[str, ...]) -> None:
    state = state_of(SG, answers(other_vpcs=other_vpcs_in([{"GroupId": SG, **members}])))

    assert state.other_vpc_ids == vpcs
    assert state.is_complete


def test_names_that_cannot_be_read_are_left_out() -> None:
    tags = [{"ResourceId": "i-1", "Value": "a"}, {"ResourceId": "i-2"}, None]

    assert names_in(tags) == {"i-1": "a"}


# Prefix lists.


def list_answers(**more: Any) -> Answers:
    """A list of the world, to which one group of two refers."""
    refers = rule("sgr-1", SG, PrefixListId=PL)
    another = rule("sgr-2", "sg-2", PrefixListId="pl-2")
    egress = rule("sgr-3", "sg-2", PrefixListId=PL, IsEgress=True)
    return answers(
        **{
            "groups": groups_in([group(SG), group("sg-2")]),
            "rules": rules_in([refers, another, egress]),
            "lists": lists_in([{"PrefixListId": PL, "PrefixListName": "offices", "Version": 3}]),
            "ranges": {PL: ranges_in(PL, [{"Cidr": "0.0.0.0/0"}])},
            "referring": (SG, "sg-2"),
            **more,
        }
    )


def test_whole_list() -> None:
    state = state_of(PL, list_answers())

    assert isinstance(state, PrefixListState)
    assert (state.name, state.version) == ("offices", 3)
    assert [it.value for it in state.ranges] == ["0.0.0.0/0"]
    assert [it.resource for it in state.groups] == [resource(SG)]
    assert state.is_complete
    assert state.has_all_rules
    assert state.not_seen == ()


LIST_PARTS: Final[dict[str, tuple[dict[str, Any], bool, tuple[str, ...]]]] = {
    "list": ({"lists": WHY}, True, ("its name and version",)),
    "ranges": ({"ranges": {PL: WHY}}, False, ("its ranges",)),
    "ranges-late": (
        {"ranges": {}},
        False,
        ("its ranges could not be seen: the look took too long",),
    ),
    "a-range-unreadable": (
        {"ranges": {PL: ranges_in(PL, [{"Cidr": "all"}])}},
        False,
        (f"its ranges could not be seen: {UNREADABLE}",),
    ),
    "groups-that-refer": ({"referring": WHY}, True, ("which groups refer to it",)),
    "groups-that-refer-late": ({"referring": None}, True, ("which groups refer to it",)),
    "too-many-refer": (
        {"more_referring": Unseen("only 200 of 300 groups are looked at")},
        True,
        ("some groups that may refer to it could not be seen: only 200 of 300",),
    ),
    "a-group-gone": (
        {"referring": (SG, "sg-3")},
        True,
        ("group sg-3, which may refer to it, could not be seen: EC2 does not know",),
    ),
}


@pytest.mark.parametrize(("more", "has_ranges", "said"), LIST_PARTS.values(), ids=LIST_PARTS)
def test_part_of_a_list_that_was_not_seen(
    more: dict[str, Any], has_ranges: bool, said: tuple[str, ...]
) -> None:
    state = state_of(PL, list_answers(**more))

    assert isinstance(state, PrefixListState)
    assert not state.is_complete
    assert state.has_all_rules is has_ranges
    assert len(state.not_seen) == len(said)
    assert all(it.startswith(start) for it, start in zip(state.not_seen, said, strict=True))


def test_a_group_whose_rules_were_not_seen_may_refer() -> None:
    state = state_of(PL, list_answers(rules=WHY))

    assert [it.resource.id for it in state.groups] == [SG, "sg-2"]
    assert not state.is_complete


def test_list_of_which_nothing_was_seen() -> None:
    assert state_of(PL, Answers(lists=WHY)) == (resource(PL), WHY.why)
    assert state_of(PL, Answers()) == (resource(PL), "the look took too long")
    gone = list_answers(lists=lists_in([]))
    assert state_of(PL, gone) == (resource(PL), "EC2 does not know the prefix list (any more)")


@pytest.mark.parametrize("version", [None, "3"])
def test_list_without_a_version(version: Any) -> None:
    lists = lists_in([{"PrefixListId": PL, "Version": version}])

    assert state_of(PL, list_answers(lists=lists)).version is None
