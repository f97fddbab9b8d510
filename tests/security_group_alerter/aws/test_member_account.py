"""Looks into member accounts: what arrives, what is said of the rest, and what is kept."""

import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final
from unittest import mock

import pytest

from security_group_alerter.aws import member_clients
from security_group_alerter.aws.account_look import BLOCK_MODE_SECONDS, FILTER_VALUES
from security_group_alerter.aws.member_account import (
    MOST_RESOURCES,
)
from security_group_alerter.aws.member_clients import (
    MOST_ACCOUNTS,
    RENEWED_BEFORE_SECONDS,
    SESSION_SECONDS,
    THREADS,
    MemberClients,
    Recent,
)
from security_group_alerter.ec2.groups import TOO_SLOW, UNKNOWN_GROUP, UNKNOWN_LIST
from security_group_alerter.model.exposure_life import Resource
from security_group_alerter.model.group_state import InternetGatewayBlockMode, Looked
from security_group_alerter.model.subject import SubjectKind
from tests.security_group_alerter.aws.ec2_wire import (
    ACCOUNT,
    ASSUME,
    BLOCK_MODE,
    ENTRIES,
    HOME,
    NOW,
    REGION,
    ROLE,
    VPC,
    Fault,
    Place,
    Request,
    Wire,
    assumed,
    group,
    prefix_list,
    wired,
)

OTHER: Final = "333344445555"
INSTANCE: Final = "i-00000001"
MAY_NOT_READ: Final = f"the role {ROLE} may not read it in account {ACCOUNT}"
NOT_ENABLED: Final = f"the Region {REGION} is not enabled in account {ACCOUNT}"
NO_ROLE: Final = f"the role {ROLE} does not exist in account {ACCOUNT}, or may not be assumed"
NOT_READABLE: Final = "the answer of EC2 could not be read"

GROUPS: Final = "DescribeSecurityGroups"
RULES: Final = "DescribeSecurityGroupRules"
INTERFACES: Final = "DescribeNetworkInterfaces"
ASSOCIATIONS: Final = "DescribeSecurityGroupVpcAssociations"
VPCS: Final = "DescribeVpcs"
TAGS: Final = "DescribeTags"
LISTS: Final = "DescribeManagedPrefixLists"


@pytest.fixture
def wire() -> Iterator[Wire]:
    with wired() as wire:
        yield wire


def furnish(place: Place, *numbers: int) -> None:
    """Groups with SSH open to the world, each carried by an instance with a private address."""
    place.vpcs.append({"vpcId": VPC, "ownerId": ACCOUNT})
    place.tags.append({"key": "Name", "resourceId": INSTANCE, "value": "bastion"})
    for number in numbers:
        it = group(number).id
        place.add_group(it)
        place.add_rule(it)
        place.add_interface(it, attachment={"instanceId": INSTANCE, "instanceOwnerId": ACCOUNT})


def furnish_list(place: Place, number: int, *group_numbers: int) -> None:
    """A prefix list of one range, and groups with a rule that refers to it."""
    it = prefix_list(number).id
    place.lists.append({"prefixListId": it, "prefixListName": "offices", "version": "3"})
    place.entries[it] = [{"cidr": "203.0.113.0/24"}]
    for group_number in group_numbers:
        place.add_group(group(group_number).id)
        place.add_rule(group(group_number).id, prefixListId=it)


def fault_at(operation: str, fault: Fault | str, account_id: str = ACCOUNT) -> Any:
    """Goes wrong each time, in this account."""
    return lambda it: (
        fault if (it.operation, it.account_id or account_id) == (operation, account_id) else None
    )


# What is there.


def test_groups_and_lists_of_several_accounts_and_regions(wire: Wire) -> None:
    furnish(wire.place, 1, 2)
    furnish_list(wire.place, 1, 3)
    furnish(wire.places[OTHER, REGION], 1)
    furnish(wire.places[ACCOUNT, HOME], 1)
    resources = [group(1), group(2), prefix_list(1), group(1, OTHER), group(1, ACCOUNT, HOME)]

    looked = wire.look(*resources, group(1))

    assert looked.problems == {}
    assert looked.groups.keys() | looked.prefix_lists.keys() == set(resources)
    assert looked.calls == len(wire.requests)
    for state in looked.groups.values():
        assert state.is_complete
        assert state.seen_at == NOW
        assert [it.peer.value for it in state.rules] == ["0.0.0.0/0"]
        assert [it.name for it in state.interfaces] == ["bastion"]
        assert state.vpc_owner_id == ACCOUNT
        assert state.block_mode is InternetGatewayBlockMode.OFF
    offices = looked.prefix_lists[prefix_list(1)]
    assert (offices.name, offices.version, offices.is_complete) == ("offices", 3, True)
    assert [it.value for it in offices.ranges] == ["203.0.113.0/24"]
    assert [it.resource for it in offices.groups] == [group(3)]


def test_each_account_answers_to_its_own_role(wire: Wire) -> None:
    wire.places[ACCOUNT, REGION].add_group("sg-00000001", groupName="ours")
    wire.places[OTHER, REGION].add_group("sg-00000001", groupName="theirs")

    looked = wire.look(group(1), group(1, OTHER))

    assert looked.groups[group(1)].name == "ours"
    assert looked.groups[group(1, OTHER)].name == "theirs"
    roles = {it.asked["RoleArn"] for it in wire.requests if it.operation == ASSUME}
    assert roles == {f"arn:aws:iam::{it}:role/{ROLE}" for it in (ACCOUNT, OTHER)}
    assert {it.region for it in wire.requests if it.operation == ASSUME} == {HOME}


def test_an_interface_of_two_groups_belongs_to_both_and_its_balancers_show(wire: Wire) -> None:
    furnish(wire.place, 1, 2)
    wire.place.add_interface(group(1).id, group(2).id)
    wire.place.add_interface(interfaceType="network_load_balancer")
    wire.place.associations.append(
        {"groupId": group(1).id, "vpcId": "vpc-00000002", "state": "associated"}
    )

    looked = wire.look(group(1), group(2))

    assert [len(looked.groups[group(it)].interfaces) for it in (1, 2)] == [2, 2]
    assert looked.groups[group(1)].balancers == {"network_load_balancer"}
    assert looked.groups[group(1)].other_vpc_ids == ("vpc-00000002",)
    assert looked.groups[group(2)].other_vpc_ids == ()


def test_a_public_group_needs_no_look_at_its_vpc(wire: Wire) -> None:
    wire.place.add_group(group(1).id)
    wire.place.add_interface(
        group(1).id,
        association={"publicIp": "198.51.100.7"},
        ipv6AddressesSet=[{"ipv6Address": "2001:db8::7"}],
    )

    assert wire.look(group(1)).groups[group(1)].is_complete
    assert not wire.calls().keys() & {ASSOCIATIONS, VPCS, TAGS}


def test_a_group_that_nothing_carries_needs_no_look_at_its_vpc(wire: Wire) -> None:
    wire.place.add_group(group(1).id)

    assert wire.look(group(1)).groups[group(1)].is_complete
    assert wire.calls()[ASSOCIATIONS] == 1
    assert not wire.calls().keys() & {VPCS, TAGS}


def test_a_group_and_a_list_that_are_gone(wire: Wire) -> None:
    problems = wire.look(group(1), prefix_list(1)).problems

    assert problems == {group(1): UNKNOWN_GROUP, prefix_list(1): UNKNOWN_LIST}


def test_of_two_lists_each_shows_only_the_groups_that_refer_to_it(wire: Wire) -> None:
    furnish_list(wire.place, 1, 1)
    furnish_list(wire.place, 2, 2)

    lists = wire.look(prefix_list(1), prefix_list(2)).prefix_lists

    assert [it.resource for it in lists[prefix_list(1)].groups] == [group(1)]
    assert [it.resource for it in lists[prefix_list(2)].groups] == [group(2)]


def test_a_list_without_groups_is_asked_about_no_groups(wire: Wire) -> None:
    furnish_list(wire.place, 1)

    assert wire.look(prefix_list(1)).prefix_lists[prefix_list(1)].is_complete
    assert set(wire.calls()) == {ASSUME, LISTS, ENTRIES, GROUPS}


# What is not looked at.


def test_of_a_hundred_the_twenty_worst_are_looked_at(wire: Wire) -> None:
    resources = [group(it, f"{it % 3:012}") for it in range(100)]
    for it in resources:
        wire.places[str(it.account_id), REGION].add_group(it.id)

    looked = wire.look(*resources)

    assert looked.groups.keys() == set(resources[:MOST_RESOURCES])
    assert looked.problems == dict.fromkeys(
        resources[MOST_RESOURCES:], "not looked at: only the 20 worst are"
    )


class Minutes:
    """A clock on which each request to EC2 takes a minute."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def __call__(self) -> datetime:
        return NOW + timedelta(minutes=len(self._wire.requests))

    def of(self, operation: str) -> list[datetime]:
        """When each of these calls began."""
        operations = enumerate(it.operation for it in self._wire.requests)
        return [NOW + timedelta(minutes=at) for at, name in operations if name == operation]


def test_each_look_counts_from_when_its_rules_were_asked_for(wire: Wire) -> None:
    furnish(wire.place, 1)
    furnish_list(wire.place, 1, 3)
    furnish(wire.places[OTHER, REGION], 1)
    clock = Minutes(wire)

    with mock.patch("threading.Thread.start", side_effect=RuntimeError):  # one after the other
        looked = wire.look(prefix_list(1), group(1), group(2), group(1, OTHER), clock=clock)

    first, second = clock.of(RULES)
    assert looked.groups[group(1)].seen_at == first
    assert looked.groups[group(1, OTHER)].seen_at == second
    assert looked.not_found == {group(2): first}
    [found] = looked.prefix_lists.values()
    assert [found.seen_at] == clock.of(ENTRIES)
    assert [it.seen_at for it in found.groups] == [first]


def test_what_was_never_asked_for_counts_from_the_beginning(wire: Wire) -> None:
    furnish(wire.place, 1)
    wire.choose = fault_at(ASSUME, Fault.NO_ROLE)

    looked = wire.look(prefix_list(1), group(1), clock=Minutes(wire))

    assert looked.problems.keys() == {prefix_list(1), group(1)}
    assert looked.not_found == {}


@pytest.mark.parametrize(
    ("resource", "words"),
    [
        pytest.param(group(1)._replace(id="web"), "only its name is known", id="a name only"),
        pytest.param(prefix_list(1)._replace(id="offices"), "only its name", id="a list's name"),
        pytest.param(prefix_list(1)._replace(id="sg-00000001"), "only its", id="a group as a list"),
        pytest.param(group(1, None), "its account or Region is not known", id="no account"),
        pytest.param(group(1, region=None), "its account or Region is not known", id="no Region"),
        pytest.param(group(1, "*"), "its account or Region is not known", id="no such account"),
        pytest.param(group(1, region="x/../"), "its account or Region", id="no such Region"),
        pytest.param(
            group(1)._replace(kind=SubjectKind.TRAIL), "it is neither a security group", id="trail"
        ),
    ],
)
def test_what_cannot_be_looked_at_is_said_and_takes_no_place(
    wire: Wire, resource: Resource, words: str
) -> None:
    groups = [group(it) for it in range(MOST_RESOURCES)]
    for it in groups:
        wire.place.add_group(it.id)

    looked = wire.look(resource, *groups)

    assert looked.groups.keys() == set(groups)
    assert looked.problems.keys() == {resource}
    assert looked.problems[resource].startswith(f"not looked at: {words}")


def test_nothing_to_look_at(wire: Wire) -> None:
    assert wire.look() == Looked()
    assert wire.requests == []


# What goes wrong.

WORDS: Final = {
    Fault.DENIED: MAY_NOT_READ,
    Fault.THROTTLED: "EC2 throttled the look",
    Fault.BROKEN: "EC2 could not answer",
    Fault.WRONG: "EC2 could not answer",
    Fault.OFF: NOT_ENABLED,
    Fault.NOT_SUBSCRIBED: NOT_ENABLED,
    Fault.NO_ENDPOINT: NOT_ENABLED,
    Fault.RESET: "the connection to EC2 failed",
    Fault.TIMED_OUT: "EC2 did not answer in time",
    Fault.NOT_CONNECTED: "EC2 did not answer in time",
    Fault.GARBLED: NOT_READABLE,
    Fault.EMPTY: NOT_READABLE,
}
OF_EVERY_CALL: Final = {
    Fault.OFF,
    Fault.NOT_SUBSCRIBED,
    Fault.NO_ENDPOINT,
    Fault.TIMED_OUT,
    Fault.NOT_CONNECTED,
}
# What is missing of a group without this call, in the order of the calls.
OF_GROUP: Final = {
    GROUPS: "its name, VPC and tags",
    RULES: "its rules",
    INTERFACES: "its network interfaces",
    ASSOCIATIONS: "whether it is associated with other VPCs",
    VPCS: "who owns its VPC",
    BLOCK_MODE: "VPC Block Public Access",
    TAGS: None,
}
OF_LIST: Final = {
    LISTS: "its name and version",
    ENTRIES: "its ranges",
    GROUPS: "which groups refer to it",
}


@pytest.mark.parametrize("fault", WORDS, ids=lambda it: it.name.lower())
@pytest.mark.parametrize("operation", OF_GROUP)
def test_a_call_about_groups_goes_wrong(wire: Wire, operation: str, fault: Fault) -> None:
    furnish(wire.place, 1, 2)
    furnish(wire.places[OTHER, REGION], 1)
    wire.choose = fault_at(operation, fault)

    looked = wire.look(group(1), group(2), group(1, OTHER))

    assert looked.groups[group(1, OTHER)].not_seen == ()
    assert looked.groups[group(1, OTHER)].is_complete
    if operation == GROUPS and fault in OF_EVERY_CALL:
        assert looked.problems == dict.fromkeys([group(1), group(2)], WORDS[fault])
        return
    assert looked.problems == {}
    for state in (looked.groups[group(1)], looked.groups[group(2)]):
        what = OF_GROUP[operation]
        if what is None:
            # Without Name tags an instance is called by its id.
            assert state.not_seen == ()
            assert [(it.used_by, it.name) for it in state.interfaces] == [(INSTANCE, None)]
        else:
            assert f"{what} could not be seen: {WORDS[fault]}" in state.not_seen
        assert state.is_complete == (operation in {BLOCK_MODE, TAGS})
        assert state.has_all_rules == (
            operation != RULES and not (operation == GROUPS and fault in OF_EVERY_CALL)
        )


@pytest.mark.parametrize("fault", WORDS, ids=lambda it: it.name.lower())
@pytest.mark.parametrize("operation", OF_LIST)
def test_a_call_about_lists_goes_wrong(wire: Wire, operation: str, fault: Fault) -> None:
    furnish_list(wire.place, 1)
    furnish(wire.places[OTHER, REGION], 1)
    wire.choose = fault_at(operation, fault)

    looked = wire.look(prefix_list(1), group(1, OTHER))

    assert looked.groups[group(1, OTHER)].is_complete
    if operation == LISTS and fault in OF_EVERY_CALL:
        assert looked.problems == {prefix_list(1): WORDS[fault]}
        return
    state = looked.prefix_lists[prefix_list(1)]
    assert f"{OF_LIST[operation]} could not be seen: {WORDS[fault]}" in state.not_seen
    assert not state.is_complete
    assert state.has_all_rules == (operation != ENTRIES)


NO_CREDENTIALS: Final = "<AssumeRoleResponse><AssumeRoleResult/></AssumeRoleResponse>"


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        pytest.param(Fault.NO_ROLE, NO_ROLE, id="no such role, or not ours"),
        pytest.param(Fault.THROTTLED, "AWS STS throttled the look", id="throttled"),
        pytest.param(Fault.BROKEN, "AWS STS could not answer", id="500"),
        pytest.param(Fault.EXPIRED, "AWS STS could not answer", id="the function's own expired"),
        pytest.param(Fault.RESET, "the connection to AWS STS failed", id="reset"),
        pytest.param(Fault.NO_ENDPOINT, "the connection to AWS STS failed", id="no endpoint"),
        pytest.param(Fault.TIMED_OUT, "AWS STS did not answer in time", id="timed out"),
        pytest.param(Fault.GARBLED, "the answer of AWS STS could not be read", id="garbled"),
        pytest.param(
            Fault.EMPTY, "the answer of AWS STS could not be read", id="nothing of an answer"
        ),
        pytest.param(NO_CREDENTIALS, "the answer of AWS STS could not be read", id="nothing in it"),
        pytest.param(assumed(""), "the answer of AWS STS could not be read", id="no key"),
        pytest.param(assumed("A", ""), "the answer of AWS STS could not be read", id="no secret"),
        pytest.param(
            assumed("A", "s", ""), "the answer of AWS STS could not be read", id="no token"
        ),
    ],
)
def test_the_role_cannot_be_assumed(wire: Wire, fault: Fault | str, words: str) -> None:
    furnish(wire.places[OTHER, REGION], 1)
    arn = f"arn:aws:iam::{ACCOUNT}:role/{ROLE}"
    wire.choose = lambda it: fault if it.asked.get("RoleArn") == arn else None

    looked = wire.look(group(1), prefix_list(1), group(1, OTHER))

    assert looked.problems == dict.fromkeys([group(1), prefix_list(1)], words)
    assert looked.groups.keys() == {group(1, OTHER)}


def test_there_can_be_no_client_for_a_region(wire: Wire) -> None:
    furnish(wire.place, 1)
    nowhere = group(1, region="eu-" + "x" * 70)

    looked = wire.look(nowhere, group(1))

    assert looked.problems == {nowhere: "EC2 could not answer"}
    assert looked.groups[group(1)].is_complete


@pytest.mark.parametrize(
    ("operation", "member", "what"),
    [
        pytest.param(BLOCK_MODE, "", "VPC Block Public Access", id="a mode that nobody knows"),
        pytest.param(VPCS, "<vpcSet/>", "who owns its VPC", id="a VPC that is gone"),
    ],
)
def test_an_answer_of_another_kind(wire: Wire, operation: str, member: str, what: str) -> None:
    furnish(wire.place, 1)
    wire.place.block_mode = "block-sideways"
    wire.choose = fault_at(operation, f"<Response>{member}</Response>") if member else wire.choose

    not_seen = wire.look(group(1)).groups[group(1)].not_seen

    assert any(it.startswith(f"{what} could not be seen") for it in not_seen)


def test_a_group_without_an_id_may_be_one_that_refers(wire: Wire) -> None:
    furnish_list(wire.place, 1, 1)
    item = f"<item><groupId>{group(1).id}</groupId></item>"
    answers = iter([f"<R><securityGroupInfo>{item}<item/></securityGroupInfo></R>"])
    wire.choose = lambda it: next(answers, None) if it.operation == GROUPS else None

    state = wire.look(prefix_list(1)).prefix_lists[prefix_list(1)]

    assert [it.resource for it in state.groups] == [group(1)]
    assert state.not_seen == (
        f"some groups that may refer to it could not be seen: {NOT_READABLE}",
    )


# Credentials.


def test_credentials_are_kept_until_shortly_before_they_expire(wire: Wire) -> None:
    furnish(wire.place, 1)
    wire.look(group(1))
    wire.now += SESSION_SECONDS - RENEWED_BEFORE_SECONDS - 1
    wire.look(group(1))
    assert wire.calls()[ASSUME] == 1

    wire.now += 1
    assert wire.look(group(1)).problems == {}
    assert wire.calls()[ASSUME] == 2


@pytest.mark.parametrize("fault", [Fault.DENIED, Fault.OFF, Fault.EXPIRED])
def test_kept_credentials_that_died_are_renewed_once(wire: Wire, fault: Fault) -> None:
    furnish(wire.place, 1)
    wire.look(group(1))
    old = wire.requests[-1].key
    wire.choose = lambda it: fault if it.key == old else None

    again = wire.look(group(1))

    assert again.groups[group(1)].is_complete
    assert wire.calls()[ASSUME] == 2
    assert len([it for it in wire.requests[-again.calls :] if it.key == old]) == 1


@pytest.mark.parametrize(
    ("fault", "words", "tries"),
    [
        pytest.param(Fault.DENIED, MAY_NOT_READ, 1, id="the role may not"),
        pytest.param(Fault.OFF, NOT_ENABLED, 1, id="the Region was switched off"),
        pytest.param(Fault.EXPIRED, "EC2 could not answer", 1, id="the clock is wrong"),
        pytest.param(Fault.THROTTLED, "EC2 throttled the look", 0, id="nothing to renew"),
    ],
)
def test_credentials_are_not_renewed_twice(
    wire: Wire, fault: Fault, words: str, tries: int
) -> None:
    furnish(wire.place, 1)
    wire.look(group(1))
    wire.choose = lambda it: fault if it.account_id else None

    looked = wire.look(group(1))

    assert looked.problems == {group(1): words}
    assert wire.calls()[ASSUME] == 1 + tries


def test_the_role_was_deleted_since(wire: Wire) -> None:
    furnish(wire.place, 1)
    wire.look(group(1))
    wire.choose = lambda it: Fault.DENIED if it.account_id else Fault.NO_ROLE

    assert wire.look(group(1)).problems == {group(1): NO_ROLE}


def test_the_region_used_longest_ago_is_forgotten_first(wire: Wire) -> None:
    made: list[object] = []
    wire.session.register("creating-client-class", lambda **_: made.append(1))
    with mock.patch.object(member_clients, "MOST_CLIENTS", 2):
        clients = MemberClients(wire.session, role_name=ROLE, clock=lambda: 0.0)
    first, _ = clients.ec2("xx-test-1"), clients.ec2("xx-test-2")
    assert clients.ec2("xx-test-1") is first

    clients.ec2("xx-test-3")
    assert clients.ec2("xx-test-1") is first
    assert len(made) == 3
    clients.ec2("xx-test-2")
    assert len(made) == 4


def test_the_account_looked_at_longest_ago_is_forgotten_first(wire: Wire) -> None:
    clients = MemberClients(wire.session, role_name=ROLE, clock=lambda: 0.0)
    accounts = [f"{it:012}" for it in range(MOST_ACCOUNTS + 1)]
    assert all(clients.act_as(it, renew=False) for it in accounts)

    assert not clients.act_as(accounts[-1], renew=False)
    assert not clients.act_as(accounts[1], renew=False)
    assert clients.act_as(accounts[0], renew=False)
    assert clients.act_as(accounts[2], renew=False)
    assert wire.calls()[ASSUME] == MOST_ACCOUNTS + 3


def test_of_recent_values_those_used_last_are_kept_until_they_expire() -> None:
    now = [0.0]
    recent = Recent[str](2, lambda: now[0])
    recent.put("a", "1", 10)
    recent.put("b", "2")
    assert recent.get("a") == "1"
    recent.put("c", "3")

    assert [recent.get(it) for it in "abc"] == ["1", None, "3"]
    now[0] = 10
    assert [recent.get(it) for it in "abc"] == [None, None, "3"]


def test_the_block_mode_is_asked_for_once_an_hour(wire: Wire) -> None:
    furnish(wire.place, 1)
    wire.look(group(1))
    wire.place.block_mode = "block-ingress"
    wire.now += BLOCK_MODE_SECONDS - 1
    assert wire.look(group(1)).groups[group(1)].block_mode is InternetGatewayBlockMode.OFF
    assert wire.calls()[BLOCK_MODE] == 1

    wire.now += 1
    looked = wire.look(group(1))
    assert looked.groups[group(1)].block_mode is InternetGatewayBlockMode.INGRESS
    assert wire.calls()[BLOCK_MODE] == 2


# Pages.


def test_a_thousand_rules_and_more(wire: Wire) -> None:
    furnish(wire.place, 1)
    for _ in range(1000):
        wire.place.add_rule(group(1).id)

    looked = wire.look(group(1))

    assert len(looked.groups[group(1)].rules) == 1001
    assert wire.calls()[RULES] == 2
    assert looked.calls == len(wire.requests)


@pytest.mark.parametrize(
    ("count", "pages"),
    [pytest.param(500, 1, id="500 on one page"), pytest.param(1001, 2, id="one more than a page")],
)
def test_many_interfaces(wire: Wire, count: int, pages: int) -> None:
    wire.place.add_group(group(1).id)
    for _ in range(count):
        wire.place.add_interface(group(1).id, association={"publicIp": "198.51.100.7"})

    looked = wire.look(group(1))

    assert len(looked.groups[group(1)].interfaces) == count
    asked = [it for it in wire.requests if it.asked.get("Filter.1.Name") == "group-id"]
    assert len([it for it in asked if it.operation == INTERFACES]) == pages


def test_a_prefix_list_of_a_thousand_ranges(wire: Wire) -> None:
    furnish_list(wire.place, 1)
    wire.place.entries[prefix_list(1).id] = [
        {"cidr": f"10.{it // 256}.{it % 256}.0/24"} for it in range(1000)
    ]

    assert len(wire.look(prefix_list(1)).prefix_lists[prefix_list(1)].ranges) == 1000
    assert wire.calls()[ENTRIES] == 10


def test_a_page_in_the_middle_goes_wrong_and_nothing_counts_as_whole(wire: Wire) -> None:
    furnish(wire.place, 1)
    for _ in range(1000):
        wire.place.add_rule(group(1).id)
    wire.choose = lambda it: Fault.BROKEN if "NextToken" in it.asked else None

    state = wire.look(group(1)).groups[group(1)]

    assert not state.has_all_rules
    assert state.not_seen == ("its rules could not be seen: EC2 could not answer",)


def test_of_many_groups_that_refer_some_are_looked_at(wire: Wire) -> None:
    furnish_list(wire.place, 1, *range(FILTER_VALUES + 1))
    # With this one it takes two filters, and both find the interface.
    more, last = group(FILTER_VALUES + 1), group(FILTER_VALUES - 1)
    furnish(wire.place, FILTER_VALUES + 1)
    wire.place.add_interface(more.id, last.id)

    looked = wire.look(prefix_list(1), more)

    state = looked.prefix_lists[prefix_list(1)]
    assert len(state.groups) == FILTER_VALUES
    assert state.not_seen == (
        "some groups that may refer to it could not be seen: only 200 of 201 groups are looked at",
    )
    assert [len(it.interfaces) for it in state.groups if it.resource == last] == [1]
    assert looked.groups[more].is_complete
    assert len(looked.groups[more].interfaces) == 2
    assert wire.calls()[RULES] == 2


def test_of_many_instances_those_with_public_addresses_are_named(wire: Wire) -> None:
    furnish(wire.place, 1)
    wire.place.tags.append({"key": "Name", "resourceId": "i-public", "value": "shop"})
    for number in range(FILTER_VALUES):
        wire.place.add_interface(group(1).id, attachment={"instanceId": f"i-{number}"})
    wire.place.add_interface(
        group(1).id,
        attachment={"instanceId": "i-public"},
        association={"publicIp": "198.51.100.7"},
    )

    interfaces = wire.look(group(1)).groups[group(1)].interfaces

    assert [it.name for it in interfaces if it.public_ipv4] == ["shop"]
    assert wire.calls()[TAGS] == 1


# Time and threads.


def test_a_call_that_hangs_keeps_nothing_else_from_arriving(wire: Wire) -> None:
    furnish(wire.place, 1)
    furnish(wire.places[OTHER, REGION], 1)
    released, ended = threading.Event(), threading.Event()

    def hang(request: Request) -> None:
        if (request.operation, request.account_id) == (RULES, ACCOUNT):
            released.wait(10)
            # By the time it answers, the look is over.
            wire.now += 100
            ended.set()

    # A first client takes a while to make.
    wire.look(group(1, OTHER), group(1))
    wire.choose = hang
    looked = wire.look(group(1, OTHER), group(1), seconds=0.25)
    released.set()

    assert looked.groups[group(1, OTHER)].is_complete
    state = looked.groups[group(1)]
    assert state.name == "web"
    assert f"its rules could not be seen: {TOO_SLOW}" in state.not_seen
    assert not state.is_complete
    assert ended.wait(10)


def test_after_the_deadline_nothing_more_is_asked(wire: Wire) -> None:
    furnish(wire.place, 1)

    def take_long(request: Request) -> None:
        wire.now += 11 if request.operation == INTERFACES else 0

    wire.choose = take_long
    looked = wire.look(group(1), seconds=60)

    assert wire.requests[-1].operation == INTERFACES
    assert f"its network interfaces could not be seen: {TOO_SLOW}" in (
        looked.groups[group(1)].not_seen
    )


def test_there_is_no_time(wire: Wire) -> None:
    assert wire.look(group(1), seconds=0).problems == {group(1): TOO_SLOW}
    assert wire.requests == []


def test_more_accounts_than_threads(wire: Wire) -> None:
    resources = [group(1, f"{it:012}") for it in range(MOST_RESOURCES)]
    for it in resources:
        furnish(wire.places[str(it.account_id), REGION], 1)
    threads = set()
    wire.choose = lambda _: threads.add(threading.get_ident())

    assert wire.look(*resources).groups.keys() == set(resources)
    assert 1 <= len(threads) <= THREADS


def test_without_threads_one_look_comes_after_the_other(wire: Wire) -> None:
    resources = [group(1), group(1, OTHER)]
    for it in resources:
        furnish(wire.places[str(it.account_id), REGION], 1)
    threads = set()
    wire.choose = lambda _: threads.add(threading.get_ident())

    with mock.patch.object(
        threading.Thread, "start", side_effect=RuntimeError("can't start new thread")
    ):
        looked = wire.look(*resources)

    assert looked.groups.keys() == set(resources)
    assert threads == {threading.get_ident()}
