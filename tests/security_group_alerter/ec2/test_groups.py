"""What was answered about an account and Region, put together by group and prefix list."""

from datetime import UTC, datetime
from typing import Any, Final

import pytest

from security_group_alerter.ec2.answers import Unseen
from security_group_alerter.ec2.groups import (
    TOO_SLOW,
    UNKNOWN_GROUP,
    UNKNOWN_LIST,
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
from security_group_alerter.ec2.reach import reach_of_group
from security_group_alerter.ec2.rules import ranges_in, rules_in
from security_group_alerter.model.exposure_life import Resource
from security_group_alerter.model.group_state import (
    GroupState,
    InternetGatewayBlockMode,
    PrefixListState,
    Reach,
)
from security_group_alerter.model.subject import SubjectKind
from tests.security_group_alerter.builders import rule

NOW: Final = datetime(2026, 11, 23, 12, tzinfo=UTC)
GROUP: Final = Resource(
    kind=SubjectKind.SECURITY_GROUP, id="sg-1", account_id="111122223333", region="eu-central-1"
)
LIST: Final = GROUP._replace(kind=SubjectKind.PREFIX_LIST, id="pl-1")
DENIED: Final = Unseen("the role may not call it")
WEB: Final = {"GroupId": "sg-1", "GroupName": "web", "VpcId": "vpc-1", "Tags": []}
SSH: Final = {
    "SecurityGroupRuleId": "sgr-1",
    "GroupId": "sg-1",
    "IsEgress": False,
    "IpProtocol": "tcp",
    "FromPort": 22,
    "ToPort": 22,
    "PrefixListId": "pl-1",
}
INSTANCE: Final = {
    "NetworkInterfaceId": "eni-1",
    "Groups": [{"GroupId": "sg-1"}],
    "Attachment": {"InstanceId": "i-1"},
}
PUBLIC: Final = INSTANCE | {
    "Association": {"PublicIp": "3.120.0.1"},
    "Ipv6Addresses": [{"Ipv6Address": "2600:1f14::1"}],
}
VPC_PARTS: Final = [
    "whether it is associated with other VPCs",
    "who owns its VPC",
    "whether load balancers or accelerators of its VPC lead to it",
]


def answered(**parts: Any) -> Answers:
    """All that is asked about a group with one private instance, but for these parts."""
    whole: dict[str, Any] = {
        "groups": groups_in([WEB]),
        "rules": rules_in([SSH]),
        "interfaces": interfaces_in([INSTANCE]),
        "other_vpcs": other_vpcs_in([]),
        "vpc_owners": vpc_owners_in([{"VpcId": "vpc-1", "OwnerId": "111122223333"}]),
        "balancers": balancers_in([]),
        "block_mode": InternetGatewayBlockMode.OFF,
        "names": {"i-1": "bastion"},
        "lists": lists_in([{"PrefixListId": "pl-1", "PrefixListName": "offices", "Version": 3}]),
        "ranges": {"pl-1": ranges_in("pl-1", [{"Cidr": "10.0.0.0/8"}])},
        "referring": ("sg-1",),
    }
    return Answers(**(whole | parts))


def state(**parts: Any) -> GroupState:
    [found] = states_of([GROUP], answered(**parts), begun=NOW)
    assert isinstance(found, GroupState)
    return found


def list_state(**parts: Any) -> PrefixListState:
    [found] = states_of([LIST], answered(**parts), begun=NOW)
    assert isinstance(found, PrefixListState)
    return found


def missed(found: GroupState | PrefixListState) -> list[str]:
    return [it.partition(" could not be seen: ")[0] for it in found.not_seen]


def test_a_group_that_is_wholly_seen() -> None:
    tags = [{"Key": "team", "Value": "shop"}]
    found = state(groups=groups_in([WEB | {"Tags": tags}]))

    assert (found.name, found.vpc_id, found.tags) == ("web", "vpc-1", {"team": "shop"})
    assert found.rules == (rule("tcp 22 from pl-1"),)
    assert [(it.used_by, it.name) for it in found.interfaces] == [("i-1", "bastion")]
    assert found.vpc_owner_id == "111122223333"
    assert found.block_mode is InternetGatewayBlockMode.OFF
    assert found.is_complete
    assert found.has_all_rules
    assert not found.is_default
    assert found.not_seen == ()
    assert reach_of_group(found).may_lower


def test_without_a_name_tag_an_instance_has_no_name() -> None:
    assert state(names={}).interfaces[0].name is None


ALL_OF_GROUP: Final = ("groups", "rules", "interfaces")


@pytest.mark.parametrize(
    ("parts", "why"),
    [
        pytest.param(dict.fromkeys(ALL_OF_GROUP, DENIED), DENIED.why, id="every-call-is-denied"),
        pytest.param(dict.fromkeys(ALL_OF_GROUP), TOO_SLOW, id="nothing-was-asked-in-time"),
        pytest.param(
            dict.fromkeys(ALL_OF_GROUP) | {"otherwise": "no role"}, "no role", id="nobody-could-ask"
        ),
        pytest.param({"groups": groups_in([])}, UNKNOWN_GROUP, id="deleted-meanwhile"),
    ],
)
def test_a_group_of_which_nothing_is_seen(parts: dict[str, Any], why: str) -> None:
    assert [*states_of([GROUP], answered(**parts), begun=NOW)] == [(GROUP, why)]


@pytest.mark.parametrize(
    ("parts", "words", "has_all_rules"),
    [
        pytest.param(
            {"groups": DENIED, "interfaces": interfaces_in([PUBLIC])},
            ["its name, VPC and tags"],
            True,
            id="name-denied",
        ),
        pytest.param(
            {"groups": DENIED}, ["its name, VPC and tags", "its VPC"], True, id="vpc-unknown"
        ),
        pytest.param({"rules": DENIED}, ["its rules"], False, id="rules-denied"),
        pytest.param(
            {"rules": rules_in([SSH, SSH | {"IpProtocol": 7}])},
            ["its rules"],
            False,
            id="a-rule-is-unreadable",
        ),
        pytest.param({"interfaces": None}, ["its network interfaces"], True, id="interfaces-late"),
        pytest.param(
            {"interfaces": interfaces_in([INSTANCE, INSTANCE | {"NetworkInterfaceId": 7}])},
            ["its network interfaces"],
            True,
            id="an-interface-is-unreadable",
        ),
        pytest.param(
            {"other_vpcs": None, "vpc_owners": None, "balancers": None},
            VPC_PARTS,
            True,
            id="vpc-late",
        ),
        pytest.param({"vpc_owners": vpc_owners_in([])}, VPC_PARTS[1:2], True, id="no-such-vpc"),
        pytest.param(
            {"balancers": balancers_in([{"VpcId": "vpc-1"}])},
            VPC_PARTS[2:],
            True,
            id="a-balancer-is-unreadable",
        ),
    ],
)
def test_what_is_not_seen_leaves_the_reach_unknown(
    parts: dict[str, Any], words: list[str], has_all_rules: bool
) -> None:
    found = state(**parts)

    assert missed(found) == words
    assert not found.is_complete
    assert found.has_all_rules is has_all_rules
    assert reach_of_group(found).reach is Reach.UNKNOWN
    assert reach_of_group(found).reasons == found.not_seen


def test_why_something_was_not_seen() -> None:
    assert state(rules=DENIED).not_seen == (
        "its rules could not be seen: the role may not call it",
    )
    assert state(balancers=None, otherwise="it broke off").not_seen == (
        f"{VPC_PARTS[2]} could not be seen: it broke off",
    )
    assert state(vpc_owners=vpc_owners_in([])).not_seen == (
        "who owns its VPC could not be seen: EC2 does not know the VPC",
    )


@pytest.mark.parametrize(
    ("block_mode", "why"),
    [
        pytest.param(DENIED, DENIED.why, id="denied"),
        pytest.param(None, TOO_SLOW, id="late"),
    ],
)
def test_block_public_access_decides_nothing(block_mode: Unseen | None, why: str) -> None:
    found = state(block_mode=block_mode)

    assert found.not_seen == (f"VPC Block Public Access could not be seen: {why}",)
    assert found.block_mode is None
    assert found.is_complete
    assert reach_of_group(found).reach is Reach.PRIVATE


def test_for_a_group_that_is_public_in_both_families_nothing_is_asked_of_its_vpc() -> None:
    found = state(
        interfaces=interfaces_in([PUBLIC]), other_vpcs=None, vpc_owners=None, balancers=None
    )

    assert found.is_complete
    assert reach_of_group(found).reach is Reach.PUBLIC


def test_for_a_group_without_interfaces_only_associations_count() -> None:
    found = state(interfaces=interfaces_in([]), vpc_owners=None, balancers=None)

    assert found.is_complete
    assert reach_of_group(found).reach is Reach.UNATTACHED


@pytest.mark.parametrize(
    ("name", "reach"),
    [
        pytest.param("default", Reach.UNKNOWN, id="the-default-group"),
        pytest.param("default-of-ours", Reach.UNATTACHED, id="one-that-is-only-called-so"),
    ],
)
def test_the_default_group_is_never_unattached(name: str, reach: Reach) -> None:
    found = state(interfaces=interfaces_in([]), groups=groups_in([WEB | {"GroupName": name}]))

    assert reach_of_group(found).reach is reach


@pytest.mark.parametrize(
    ("association", "others"),
    [
        pytest.param({"State": "associated"}, ("vpc-2",), id="associated"),
        pytest.param({"State": "associating"}, ("vpc-2",), id="on-its-way"),
        pytest.param({"State": "disassociating"}, ("vpc-2",), id="not-gone-yet"),
        pytest.param({"State": "disassociation-failed"}, ("vpc-2",), id="could-not-go"),
        pytest.param({"State": "disassociated"}, (), id="gone"),
        pytest.param({"State": "association-failed"}, (), id="never-came"),
        pytest.param({"State": ["disassociated"]}, ("vpc-2",), id="state-is-unreadable"),
        pytest.param({"VpcId": "vpc-1"}, (), id="its-own-vpc"),
    ],
)
def test_associations(association: dict[str, Any], others: tuple[str, ...]) -> None:
    answer = {"GroupId": "sg-1", "VpcId": "vpc-2", "State": "associated"} | association
    found = state(other_vpcs=other_vpcs_in([answer, answer]), interfaces=interfaces_in([]))

    assert found.other_vpc_ids == others
    assert found.is_complete
    assert reach_of_group(found).reach is (Reach.UNKNOWN if others else Reach.UNATTACHED)


def test_an_association_that_cannot_be_read_leaves_it_not_complete() -> None:
    found = state(other_vpcs=other_vpcs_in(["text"]))

    assert missed(found) == VPC_PARTS[:1]


@pytest.mark.parametrize(
    "parts",
    [
        pytest.param({"balancers": balancers_in([{"VpcId": "vpc-1", "InterfaceType": it}])}, id=it)
        for it in ("network_load_balancer", "gateway_load_balancer", "global_accelerator_managed")
    ]
    + [
        pytest.param(
            {"vpc_owners": vpc_owners_in([{"VpcId": "vpc-1", "OwnerId": "444455556666"}])},
            id="shared-vpc",
        )
    ],
)
def test_private_but_not_lowered(parts: dict[str, Any]) -> None:
    found = reach_of_group(state(**parts))

    assert (found.reach, found.may_lower) == (Reach.PRIVATE, False)


def test_a_balancer_of_another_vpc_does_not_count() -> None:
    other = balancers_in([{"VpcId": "vpc-2", "InterfaceType": "network_load_balancer"}])

    assert reach_of_group(state(balancers=other)).may_lower


@pytest.mark.parametrize(
    ("interfaces", "doubted"),
    [
        pytest.param(interfaces_in([INSTANCE]), ["sg-1", "sg-2"], id="private-or-none"),
        pytest.param(interfaces_in([PUBLIC]), ["sg-2"], id="public-in-both"),
        pytest.param(
            interfaces_in([INSTANCE | {"NetworkInterfaceId": 7}]), ["sg-2"], id="unreadable"
        ),
        pytest.param(DENIED, [], id="denied"),
        pytest.param(None, [], id="late"),
    ],
)
def test_whose_reach_depends_on_the_vpc(interfaces: Any, doubted: list[str]) -> None:
    assert in_doubt(Answers(interfaces=interfaces), ["sg-1", "sg-2"]) == doubted


def test_names_that_cannot_be_read_are_left_out() -> None:
    named = {"ResourceId": "i-1", "Value": "bastion"}

    assert names_in([named, {"ResourceId": "i-2", "Value": ""}, "text"]) == {"i-1": "bastion"}


# Prefix lists.


def test_a_list_that_is_wholly_seen() -> None:
    found = list_state()

    assert (found.name, found.version) == ("offices", 3)
    assert [it.value for it in found.ranges] == ["10.0.0.0/8"]
    assert [it.resource for it in found.groups] == [GROUP]
    assert found.is_complete
    assert found.has_all_rules
    assert found.not_seen == ()


def test_a_list_without_versions() -> None:
    of_aws = lists_in([{"PrefixListId": "pl-1", "PrefixListName": "com.amazonaws.s3"}])

    assert list_state(lists=of_aws).version is None


@pytest.mark.parametrize(
    ("parts", "why"),
    [
        pytest.param({"lists": DENIED, "ranges": {"pl-1": DENIED}}, DENIED.why, id="denied"),
        pytest.param({"lists": None, "ranges": {}}, TOO_SLOW, id="late"),
        pytest.param({"lists": lists_in([])}, UNKNOWN_LIST, id="deleted-meanwhile"),
    ],
)
def test_a_list_of_which_nothing_is_seen(parts: dict[str, Any], why: str) -> None:
    assert [*states_of([LIST], answered(**parts), begun=NOW)] == [(LIST, why)]


@pytest.mark.parametrize(
    ("parts", "words", "has_all_rules"),
    [
        pytest.param({"lists": DENIED}, ["its name and version"], True, id="name-denied"),
        pytest.param({"ranges": {"pl-1": DENIED}}, ["its ranges"], False, id="ranges-denied"),
        pytest.param({"ranges": {}}, ["its ranges"], False, id="ranges-late"),
        pytest.param({"referring": None}, ["which groups refer to it"], True, id="groups-late"),
        pytest.param({"referring": DENIED}, ["which groups refer to it"], True, id="groups-denied"),
        pytest.param(
            {"more_referring": Unseen("too many")},
            ["some groups that may refer to it"],
            True,
            id="too-many-groups",
        ),
        pytest.param(
            {"referring": ("sg-1", "sg-gone")},
            ["group sg-gone, which may refer to it,"],
            True,
            id="a-group-is-gone",
        ),
        pytest.param({"balancers": DENIED}, [], True, id="a-group-is-not-complete"),
    ],
)
def test_a_list_that_is_seen_in_part(
    parts: dict[str, Any], words: list[str], has_all_rules: bool
) -> None:
    found = list_state(**parts)

    assert missed(found) == words
    assert not found.is_complete
    assert found.has_all_rules is has_all_rules


@pytest.mark.parametrize(
    ("rules", "groups"),
    [
        pytest.param([SSH], ["sg-1"], id="refers"),
        pytest.param([SSH | {"PrefixListId": "pl-2"}], [], id="refers-to-another-list"),
        pytest.param([SSH | {"IsEgress": True}], [], id="refers-on-the-way-out-only"),
        pytest.param([SSH | {"CidrIpv4": "0.0.0.0/0"}], [], id="refers-to-no-list"),
        pytest.param([], [], id="has-no-rule-any-more"),
        pytest.param([SSH | {"IpProtocol": 7}], ["sg-1"], id="unreadable-so-it-may-refer"),
    ],
)
def test_which_groups_refer_to_a_list(rules: list[object], groups: list[str]) -> None:
    found = list_state(rules=rules_in(rules))

    assert [it.resource.id for it in found.groups] == groups


def test_groups_and_lists_come_in_the_order_asked_for() -> None:
    found = [*states_of([LIST, GROUP], answered(), begun=NOW)]

    assert [type(it) for it in found] == [PrefixListState, GroupState]
