"""The function's own look, at what a scenario says."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, Final

import pytest

from local.aws import emulated_aws
from local.scenarios.member_accounts import SERVICES, MemberAccounts
from local.scenarios.reading import scenario_of
from security_group_alerter.aws import clients
from security_group_alerter.aws import member_account as adapter
from security_group_alerter.model.exposure_life import Resource
from security_group_alerter.model.group_state import InternetGatewayBlockMode, Looked
from security_group_alerter.model.subject import SubjectKind

ACCOUNT: Final = "222233334444"
REGION: Final = "eu-central-1"
NOW: Final = datetime(2026, 11, 17, 9, tzinfo=UTC)
ROLE: Final = "alerter/look"
PREFIX_LIST: Final = Resource(
    kind=SubjectKind.PREFIX_LIST, id="pl-0aaaaaaaaaaaaaaa1", account_id=ACCOUNT, region=REGION
)


def group(number: int, account_id: str = ACCOUNT, region: str = REGION) -> Resource:
    return Resource(
        kind=SubjectKind.SECURITY_GROUP,
        id=f"sg-{number:017x}",
        account_id=account_id,
        region=region,
    )


def a_group(number: int) -> dict[str, Any]:
    return {"GroupId": group(number).id, "GroupName": f"g-{number}", "VpcId": "vpc-0aaaaaaaa"}


def a_rule(number: int, group_number: int, **peer: str) -> dict[str, Any]:
    return {
        "SecurityGroupRuleId": f"sgr-{number:017x}",
        "GroupId": group(group_number).id,
        "IpProtocol": "tcp",
        "FromPort": 22,
        "ToPort": 22,
        "IsEgress": False,
        **peer,
    }


def an_interface(number: int, *groups: int, **members: Any) -> dict[str, Any]:
    return {
        "NetworkInterfaceId": f"eni-{number:017x}",
        "VpcId": "vpc-0aaaaaaaa",
        "Groups": [{"GroupId": group(it).id} for it in groups],
        **members,
    }


Look = Callable[..., Looked]


@pytest.fixture
def look() -> Iterator[Look]:
    """Looks at resources, in accounts where this stands."""
    accounts = MemberAccounts()

    def look(state: dict[str, Any], *resources: Resource) -> Looked:
        step = {"at": "2026-11-17T09:00:00Z", "state": state}
        [read] = scenario_of({"scenario": [step]}, "here").steps
        assert read.state is not None
        accounts.change(read.state)
        looked = members.look(resources, clock=lambda: NOW, seconds=10)
        accounts.raise_gaps()
        return looked

    with emulated_aws(but_for=SERVICES), accounts.reachable():
        members = adapter.MemberAccounts(clients.session(), role_name=ROLE, clock=time.monotonic)
        yield look


def test_a_group_with_all_that_stands_behind_it(look: Look) -> None:
    public = {"Association": {"PublicIp": "198.51.100.7"}, "Attachment": {"InstanceId": "i-1"}}
    state = {
        "SecurityGroups": [a_group(1), a_group(2)],
        "SecurityGroupRules": [a_rule(1, 1, CidrIpv4="0.0.0.0/0"), a_rule(2, 2, CidrIpv6="::/0")],
        "NetworkInterfaces": [
            an_interface(1, 1, 2, **public),
            an_interface(2, InterfaceType="network_load_balancer"),
        ],
        "SecurityGroupVpcAssociations": [{"GroupId": group(1).id, "VpcId": "vpc-0bbbbbbbb"}],
        "Vpcs": [{"VpcId": "vpc-0aaaaaaaa", "OwnerId": "666677778888"}],
        "VpcBlockPublicAccessOptions": {"InternetGatewayBlockMode": "block-ingress"},
    }

    looked = look({ACCOUNT: {REGION: state}}, group(1))

    assert looked.problems == {}
    seen = looked.groups[group(1)]
    assert (seen.name, seen.vpc_id, seen.is_complete) == ("g-1", "vpc-0aaaaaaaa", True)
    assert [it.rule_id for it in seen.rules] == [f"sgr-{1:017x}"]
    assert [it.public_ipv4 for it in seen.interfaces] == [("198.51.100.7",)]
    assert seen.block_mode is InternetGatewayBlockMode.INGRESS


def test_a_prefix_list_and_the_groups_that_refer_to_it(look: Look) -> None:
    state = {
        "SecurityGroups": [a_group(1), a_group(2)],
        "SecurityGroupRules": [a_rule(1, 1, PrefixListId=PREFIX_LIST.id)],
        "ManagedPrefixLists": [
            {
                "PrefixListId": PREFIX_LIST.id,
                "PrefixListName": "offices",
                "Version": 3,
                "Entries": [{"Cidr": f"203.0.{it}.0/24"} for it in range(120)],
            }
        ],
    }

    looked = look({ACCOUNT: {REGION: state}}, PREFIX_LIST)

    seen = looked.prefix_lists[PREFIX_LIST]
    assert (seen.name, seen.version, len(seen.ranges)) == ("offices", 3, 120)
    assert [it.resource for it in seen.groups] == [group(1)]


def test_as_many_rules_as_a_group_can_have(look: Look) -> None:
    rules = [a_rule(it, 1, CidrIpv4=f"10.0.{it // 256}.{it % 256}/32") for it in range(2001)]
    state = {"SecurityGroups": [a_group(1)], "SecurityGroupRules": rules}

    looked = look({ACCOUNT: {REGION: state}}, group(1))

    assert len(looked.groups[group(1)].rules) == 2001


def test_what_cannot_be_seen(look: Look) -> None:
    """A role that is denied, a group that is not there, a Region in which nothing stands."""
    denied, gone = group(1, "333344445555"), group(1, region="us-east-1")

    looked = look({ACCOUNT: {REGION: {}}, "333344445555": None}, group(1), denied, gone)

    assert looked.groups == {}
    assert "333344445555" in looked.problems[denied]
    assert looked.problems.keys() == {group(1), denied, gone}


def test_a_role_that_is_taken_away_while_the_function_is_warm(look: Look) -> None:
    state = {"SecurityGroups": [a_group(1)]}

    first = look({ACCOUNT: {REGION: state}}, group(1))
    second = look({ACCOUNT: None}, group(1))

    assert first.problems == {}
    assert ROLE in second.problems[group(1)]
