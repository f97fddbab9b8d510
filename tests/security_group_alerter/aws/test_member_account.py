"""What a look shows, what it costs, and that it is over in time whatever AWS does."""

import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, Final

import boto3
import pytest
from botocore.config import Config
from moto import mock_aws

from security_group_alerter.aws import account_look, clients, member_clients
from security_group_alerter.aws.member_account import MemberAccounts
from security_group_alerter.aws.member_clients import CLIENT_CONFIG, Recent
from security_group_alerter.ec2.reach import reach_of_group
from security_group_alerter.model.exposure_life import Resource
from security_group_alerter.model.group_state import InternetGatewayBlockMode, Looked, Reach
from security_group_alerter.model.rules import PeerKind
from security_group_alerter.model.subject import SubjectKind
from tests.member_accounts import (
    FAULTS,
    MemberWorld,
    group,
    instance,
    interface,
    member_accounts,
    public,
    rule,
    vpc,
)

NOW: Final = datetime(2026, 11, 1, 12, tzinfo=UTC)
REGION: Final = "eu-central-1"
ROLE: Final = "look/SecurityGroupLook"
OWN: Final = "222233334444"
OTHER: Final = "333344445555"
SG: Final = "sg-0123456789abcdef0"
SG_OF_OTHER: Final = "sg-0123456789abcdef1"
PL: Final = "pl-0123456789abcdef0"
FAST: Final = Config(connect_timeout=5, read_timeout=1.5, retries={"total_max_attempts": 1})
PATIENT: Final = 8.0


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[MemberWorld]:
    """Two accounts, each with a group on a private instance."""
    made = MemberWorld(accounts={OWN: {REGION: account(SG)}, OTHER: {REGION: account(SG_OF_OTHER)}})
    with member_accounts(made):
        for name, value in {
            "AWS_ENDPOINT_URL": made.url,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "AKIAFUNCTION",
            "AWS_SECRET_ACCESS_KEY": "none",
        }.items():
            monkeypatch.setenv(name, value)
        yield made


@pytest.fixture
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither patience nor second attempts."""
    monkeypatch.setattr(member_clients, "CLIENT_CONFIG", FAST)


def account(group_id: str, **more: Any) -> dict[str, Any]:
    return {
        "SecurityGroups": [group(group_id)],
        "SecurityGroupRules": [rule("sgr-0123456789abcdef0", group_id)],
        "NetworkInterfaces": [interface("eni-1", group_id, **instance("i-1"))],
        "Vpcs": [vpc()],
        "Tags": [{"ResourceId": "i-1", "Key": "Name", "Value": "bastion"}],
        **more,
    }


def resource(
    identifier: str, account_id: str | None = OWN, region: str | None = REGION
) -> Resource:
    kind = SubjectKind.PREFIX_LIST if identifier.startswith("pl-") else SubjectKind.SECURITY_GROUP
    return Resource(kind=kind, id=identifier, account_id=account_id, region=region)


MINE: Final = resource(SG)
THEIRS: Final = resource(SG_OF_OTHER, OTHER)


def accounts(clock: Any = time.monotonic) -> MemberAccounts:
    return MemberAccounts(clients.session(), role_name=ROLE, clock=clock)


def looked(*resources: Resource, seconds: float = PATIENT) -> Looked:
    return accounts().look(resources, now=NOW, seconds=seconds)


# What is seen.


def test_private_instance(world: MemberWorld) -> None:
    found = looked(MINE)

    state = found.groups[MINE]
    assert found.problems == {}
    assert state.is_complete
    assert (state.name, state.vpc_owner_id, state.seen_at) == ("web", OWN, NOW)
    assert state.block_mode is InternetGatewayBlockMode.OFF
    assert [(it.used_by, it.name) for it in state.interfaces] == [("i-1", "bastion")]
    assert reach_of_group(state).reach is Reach.PRIVATE
    assert found.calls == sum(world.calls.values()) == 9
    assert world.operations() == Counter(
        AssumeRole=1,
        DescribeSecurityGroups=1,
        DescribeSecurityGroupRules=1,
        DescribeNetworkInterfaces=2,
        DescribeSecurityGroupVpcAssociations=1,
        DescribeVpcs=1,
        DescribeVpcBlockPublicAccessOptions=1,
        DescribeTags=1,
    )


def test_unattached_group_costs_less(world: MemberWorld) -> None:
    world.accounts[OWN] = {REGION: account(SG, NetworkInterfaces=[])}

    found = looked(MINE)

    assert reach_of_group(found.groups[MINE]).reach is Reach.UNATTACHED
    assert not {"DescribeVpcs", "DescribeTags"} & world.operations().keys()
    assert found.calls == 6


def test_public_in_both_families_asks_nothing_about_the_vpc(world: MemberWorld) -> None:
    both = interface("eni-1", SG, Ipv6Addresses=[{"Ipv6Address": "2001:db8::5"}], **public())
    world.accounts[OWN] = {REGION: account(SG, NetworkInterfaces=[both])}

    found = looked(MINE)

    assert reach_of_group(found.groups[MINE]).reach is Reach.PUBLIC
    assert found.calls == 5


def test_what_leads_to_it(world: MemberWorld) -> None:
    balancer = interface("eni-9", InterfaceType="network_load_balancer")
    world.accounts[OWN] = {
        REGION: account(
            SG,
            NetworkInterfaces=[interface("eni-1", SG), balancer],
            Vpcs=[vpc(owner=OTHER)],
            SecurityGroupVpcAssociations=[{"GroupId": SG, "VpcId": "vpc-2", "State": "associated"}],
            VpcBlockPublicAccessOptions={"InternetGatewayBlockMode": "block-ingress"},
        )
    }

    state = looked(MINE).groups[MINE]

    assert state.balancers == {"network_load_balancer"}
    assert (state.vpc_owner_id, state.other_vpc_ids) == (OTHER, ("vpc-2",))
    assert state.block_mode is InternetGatewayBlockMode.INGRESS
    assert len(state.interfaces) == 1


def test_prefix_list_and_the_groups_that_refer_to_it(world: MemberWorld) -> None:
    refers = rule("sgr-0123456789abcdef1", SG, PrefixListId=PL)
    world.accounts[OWN] = {
        REGION: account(
            SG,
            SecurityGroupRules=[refers],
            NetworkInterfaces=[interface("eni-1", SG, **public())],
            PrefixLists=[{"PrefixListId": PL, "PrefixListName": "world", "Version": 7}],
            Entries={PL: [{"Cidr": f"{number}.0.0.0/8"} for number in range(1, 151)]},
        )
    }

    found = looked(resource(PL))

    state = found.prefix_lists[resource(PL)]
    assert state.is_complete
    assert (state.name, state.version, len(state.ranges)) == ("world", 7, 150)
    assert [it.resource for it in state.groups] == [MINE]
    assert reach_of_group(state.groups[0], {PeerKind.IPV4}).reach is Reach.PUBLIC
    # Of 100 entries each.
    assert world.operations()["GetManagedPrefixListEntries"] == 2
    assert found.groups == {}


def test_prefix_list_that_nobody_refers_to(world: MemberWorld) -> None:
    lists = [{"PrefixListId": PL, "Version": 1}]
    world.accounts[OWN] = {REGION: account(SG, PrefixLists=lists, Entries={PL: []})}

    state = looked(resource(PL)).prefix_lists[resource(PL)]

    assert state.is_complete
    assert not state.groups
    assert not state.ranges


def test_prefix_list_to_which_more_refer_than_are_looked_at(world: MemberWorld) -> None:
    groups = [f"sg-{number:017x}" for number in range(300)]
    world.accounts[OWN] = {
        REGION: {
            "SecurityGroups": [group(it) for it in groups],
            "SecurityGroupRules": [rule(f"sgr-{it[3:]}", it, PrefixListId=PL) for it in groups],
            "PrefixLists": [{"PrefixListId": PL, "Version": 1}],
            "Entries": {PL: []},
        }
    }

    state = looked(resource(PL)).prefix_lists[resource(PL)]

    assert len(state.groups) == 200
    assert not state.is_complete
    assert state.not_seen[0].endswith("only 200 of 300 groups are looked at")
    assert all(it.is_complete for it in state.groups)


def test_large_group(world: MemberWorld) -> None:
    """1,000 rules, 500 interfaces."""
    rules = [
        rule(f"sgr-{number:017x}", SG, CidrIpv4=f"10.{number // 250}.{number % 250}.0/24")
        for number in range(1000)
    ]
    tags = [
        {"ResourceId": f"i-{number}", "Key": "Name", "Value": f"n-{number}"}
        for number in range(500)
    ]
    carriers = [interface(f"eni-{it}", SG, **instance(f"i-{it}")) for it in range(499)]
    carriers.append(interface("eni-499", SG, **instance("i-499"), **public()))
    world.accounts[OWN] = {
        REGION: account(SG, SecurityGroupRules=rules, NetworkInterfaces=carriers, Tags=tags)
    }

    state = looked(MINE).groups[MINE]

    assert state.is_complete
    assert (len(state.rules), len(state.interfaces)) == (1000, 500)
    assert world.operations()["DescribeTags"] == 1
    # The public one is among those whose names are asked for.
    assert state.interfaces[-1].name == "n-499"
    assert sum(it.name is not None for it in state.interfaces) == 200


def test_pages(world: MemberWorld) -> None:
    world.most_a_page = 7
    rules = [rule(f"sgr-{number:017x}", SG, FromPort=number, ToPort=number) for number in range(50)]
    carriers = [interface(f"eni-{it}", SG) for it in range(30)]
    world.accounts[OWN] = {
        REGION: account(SG, SecurityGroupRules=rules, NetworkInterfaces=carriers)
    }

    found = looked(MINE)

    state = found.groups[MINE]
    assert (len(state.rules), len(state.interfaces)) == (50, 30)
    assert world.operations()["DescribeSecurityGroupRules"] == 8
    assert found.calls == sum(world.calls.values())


def test_hostile_names_pass_as_they_are(world: MemberWorld) -> None:
    hostile = "<b>`rm -rf`\u202e|@here"
    world.accounts[OWN] = {
        REGION: account(
            SG,
            SecurityGroups=[
                group(SG, GroupName=hostile, Tags=[{"Key": hostile, "Value": hostile}])
            ],
            Tags=[{"ResourceId": "i-1", "Key": "Name", "Value": hostile}],
        )
    }

    state = looked(MINE).groups[MINE]

    assert (state.name, state.tags, state.interfaces[0].name) == (
        hostile,
        {hostile: hostile},
        hostile,
    )


def test_groups_of_one_account_and_region_share_their_calls(world: MemberWorld) -> None:
    groups = [f"sg-{number:017x}" for number in range(20)]
    world.accounts[OWN] = {
        REGION: {
            "SecurityGroups": [group(it) for it in groups],
            "SecurityGroupRules": [rule(f"sgr-{it[3:]}", it) for it in groups],
            "NetworkInterfaces": [interface("eni-1", *groups[:5])],
            "Vpcs": [vpc()],
        }
    }

    found = looked(*map(resource, groups))

    assert len(found.groups) == 20
    assert all(it.is_complete and len(it.rules) == 1 for it in found.groups.values())
    assert found.calls == 8


def test_only_the_worst_are_looked_at(world: MemberWorld) -> None:
    resources = [resource(f"sg-{number:017x}") for number in range(100)]
    world.accounts[OWN] = {REGION: {"SecurityGroups": [group(it.id) for it in resources]}}

    found = looked(*resources, *resources)

    assert list(found.groups) == resources[:20]
    assert set(found.problems) == set(resources[20:])
    assert set(found.problems.values()) == {"not looked at: only the 20 worst of a delivery are"}


NOT_LOOKED_AT: Final[dict[str, tuple[Resource, str]]] = {
    "a-trail": (
        Resource(kind=SubjectKind.TRAIL, id="trail", account_id=OWN, region=REGION),
        "not looked at: it is neither a security group nor a prefix list",
    ),
    "no-account": (resource(SG, None), "not looked at: its account or Region is not known"),
    "no-region": (resource(SG, OWN, None), "not looked at: its account or Region is not known"),
    "account-that-is-none": (
        resource(SG, "1:role/x"),
        "not looked at: its account or Region is not known",
    ),
    "region-that-is-none": (
        resource(SG, OWN, "evil.example/"),
        "not looked at: its account or Region is not known",
    ),
    "known-by-name": (
        resource("launch-wizard-1"),
        "not looked at: only its name is known, and others may have the same",
    ),
}


@pytest.mark.usefixtures("world")
@pytest.mark.parametrize(("it", "said"), NOT_LOOKED_AT.values(), ids=NOT_LOOKED_AT)
def test_what_cannot_be_looked_at(it: Resource, said: str) -> None:
    found = looked(it, MINE)

    assert found.problems == {it: said}
    assert MINE in found.groups


def test_nothing_to_look_at(world: MemberWorld) -> None:
    assert looked() == Looked()
    assert not world.calls


# Whose credentials.


def test_each_call_is_signed_as_the_account_that_it_is_about(world: MemberWorld) -> None:
    found = looked(MINE, THEIRS)

    assert set(found.groups) == {MINE, THEIRS}
    assert {account_id for account_id, _, _ in world.calls} == {OWN, OTHER}
    assert world.operations(OWN) == world.operations(OTHER)


@pytest.mark.usefixtures("world")
def test_the_function_itself_stays_who_it_is() -> None:
    session = clients.session()
    MemberAccounts(session, role_name=ROLE, clock=time.monotonic).look(
        [MINE], now=NOW, seconds=PATIENT
    )

    assert session.get_credentials().access_key == "AKIAFUNCTION"


@pytest.mark.usefixtures("world")
def test_one_sts_call_an_account_while_warm() -> None:
    now = [1000.0]
    looking = accounts(lambda: now[0])
    first = looking.look([MINE], now=NOW, seconds=PATIENT)

    again = looking.look([MINE], now=NOW, seconds=PATIENT)

    # Neither the role nor the account's settings are asked for again.
    assert (first.calls, again.calls) == (9, 7)
    now[0] += member_clients.SESSION_SECONDS - member_clients.RENEWED_BEFORE_SECONDS
    assert looking.look([MINE], now=NOW, seconds=PATIENT).calls == 8
    now[0] += account_look.BLOCK_MODE_SECONDS
    assert looking.look([MINE], now=NOW, seconds=PATIENT).calls == 9


def test_credentials_that_died_with_the_role_are_renewed_once(world: MemberWorld) -> None:
    looking = accounts()
    looking.look([MINE], now=NOW, seconds=PATIENT)
    world.revoked.add(f"ASIA{OWN}X1")

    found = looking.look([MINE], now=NOW, seconds=PATIENT)

    assert found.groups[MINE].is_complete
    assert world.operations()["AssumeRole"] == 2
    # The refused call, and AssumeRole.
    assert found.calls == 9


def test_role_that_was_taken_away_while_warm(world: MemberWorld) -> None:
    looking = accounts()
    looking.look([MINE], now=NOW, seconds=PATIENT)
    world.accounts[OWN] = None

    found = looking.look([MINE], now=NOW, seconds=PATIENT)

    assert found.groups == {}
    assert found.problems == {
        MINE: f"the role {ROLE} does not exist in account {OWN}, or may not be assumed"
    }


def test_what_is_kept_is_bounded() -> None:
    now = [0.0]
    recent = Recent[str](2, lambda: now[0])
    recent.put("a", "A", 10.0)
    recent.put("b", "B")
    assert recent.get("a") == "A"
    recent.put("c", "C")

    assert [recent.get(key) for key in "abc"] == ["A", None, "C"]
    now[0] = 10.0
    assert [recent.get(key) for key in "abc"] == [None, None, "C"]


def test_regional_sts_and_short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-south-2")
    client = clients.session().create_client("sts", config=CLIENT_CONFIG)

    assert client.meta.endpoint_url == "https://sts.eu-south-2.amazonaws.com"
    config = client.meta.config
    assert (config.connect_timeout, config.read_timeout) == (1, 2)
    assert config.retries == {"mode": "standard", "total_max_attempts": 2}


def test_the_roles_partition_is_the_functions(
    world: MemberWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "cn-north-1")
    arns: list[str] = []
    answer = world.answer

    def answered(key: str, region: str, form: dict[str, str]) -> tuple[int, bytes]:
        arns.append(form.get("RoleArn", ""))
        return answer(key, region, form)

    monkeypatch.setattr(world, "answer", answered)

    looked(MINE)

    assert arns[0] == f"arn:aws-cn:iam::{OWN}:role/{ROLE}"


def test_against_moto(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two accounts of moto: groups, rules and instances as it makes them."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "none")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    with mock_aws():
        role = boto3.client("sts").assume_role(
            RoleArn=f"arn:aws:iam::{OTHER}:role/{ROLE}", RoleSessionName="builder"
        )["Credentials"]
        ec2 = boto3.client(
            "ec2",
            aws_access_key_id=role["AccessKeyId"],
            aws_secret_access_key=role["SecretAccessKey"],
            aws_session_token=role["SessionToken"],
        )
        made = ec2.create_security_group(GroupName="ssh", Description="d")["GroupId"]
        ec2.authorize_security_group_ingress(
            GroupId=made, IpProtocol="tcp", FromPort=22, ToPort=22, CidrIp="0.0.0.0/0"
        )
        subnet = ec2.describe_subnets()["Subnets"][0]["SubnetId"]
        carrier = {"DeviceIndex": 0, "SubnetId": subnet, "AssociatePublicIpAddress": True}
        ec2.run_instances(
            ImageId="ami-12c6146b",
            MinCount=1,
            MaxCount=1,
            NetworkInterfaces=[{**carrier, "Groups": [made]}],
        )
        theirs, missing = resource(made, OTHER), resource(made, OWN)

        found = looked(theirs, missing)

    state = found.groups[theirs]
    assert state.name == "ssh"
    assert [(it.protocol, it.peer.value) for it in state.rules if it.ports] == [
        ("tcp", "0.0.0.0/0")
    ]
    [it] = state.interfaces
    assert it.used_as == "instance"
    assert it.public_ipv4
    # moto knows no associations: the look is not complete.
    assert not state.is_complete
    assert state.has_all_rules
    assert found.problems == {missing: "EC2 does not know the group (any more)"}


# What goes wrong.

NO_ROLE: Final = f"the role {ROLE} does not exist in account {OWN}, or may not be assumed"
UNREADABLE: Final = "the answer of {} could not be read"
OFF: Final = f"the Region {REGION} is not enabled in account {OWN}"
# By fault: what is said when it happens to AssumeRole, and to a call of EC2.
WORDS: Final = {
    "denied": (NO_ROLE, f"the role {ROLE} may not read it in account {OWN}"),
    "throttled": ("AWS STS throttled the look", "EC2 throttled the look"),
    "internal-error": ("AWS STS could not answer", "EC2 could not answer"),
    "region-off": ("AWS STS could not answer", OFF),
    "reset": ("the connection to AWS STS failed", "the connection to EC2 failed"),
    "hang": ("AWS STS did not answer in time", "EC2 did not answer in time"),
    "malformed": (UNREADABLE.format("AWS STS"), UNREADABLE.format("EC2")),
    "no-body": (UNREADABLE.format("AWS STS"), UNREADABLE.format("EC2")),
    "nothing-in-it": (UNREADABLE.format("AWS STS"), UNREADABLE.format("EC2")),
}
# By operation: what a group is then not known by, the first word of it.
OF_A_GROUP: Final = {
    "DescribeSecurityGroups": "its name, VPC and tags",
    "DescribeSecurityGroupRules": "its rules",
    "DescribeNetworkInterfaces": "its network interfaces",
    "DescribeSecurityGroupVpcAssociations": "whether it is associated with other VPCs",
    "DescribeVpcs": "who owns its VPC",
    "DescribeVpcBlockPublicAccessOptions": "VPC Block Public Access",
    "DescribeTags": None,
}
OF_A_LIST: Final = {
    "DescribeManagedPrefixLists": "its name and version",
    "GetManagedPrefixListEntries": "its ranges",
    "DescribeSecurityGroups": "which groups refer to it",
}


def test_every_fault_has_its_words() -> None:
    assert WORDS.keys() == FAULTS.keys()


@pytest.mark.usefixtures("fast")
@pytest.mark.parametrize("fault", FAULTS)
def test_role_that_cannot_be_assumed(world: MemberWorld, fault: str) -> None:
    world.faults[OWN, "AssumeRole"] = fault

    found = looked(MINE, THEIRS)

    assert found.problems == {MINE: WORDS[fault][0]}
    assert found.groups[THEIRS].is_complete
    assert found.calls == sum(world.calls.values())


@pytest.mark.usefixtures("fast")
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("operation", OF_A_GROUP)
def test_call_that_fails(world: MemberWorld, operation: str, fault: str) -> None:
    world.faults[OWN, operation] = fault
    part, why = OF_A_GROUP[operation], WORDS[fault][1]

    found = looked(MINE, THEIRS)

    # The other account's is as ever.
    assert found.groups[THEIRS].is_complete
    assert found.groups[THEIRS].not_seen == ()
    if operation == "DescribeSecurityGroups" and fault in {"region-off", "hang"}:
        # The first: nothing else was asked.
        assert found.problems == {MINE: why}
        return
    assert found.problems == {}
    state = found.groups[MINE]
    if part is None:
        assert state.is_complete
        assert [it.used_by for it in state.interfaces] == ["i-1"]
        return
    assert f"{part} could not be seen: {why}" in state.not_seen
    is_cosmetic = operation == "DescribeVpcBlockPublicAccessOptions"
    assert state.is_complete is is_cosmetic
    assert reach_of_group(state).reach is (Reach.PRIVATE if is_cosmetic else Reach.UNKNOWN)
    has_rules = operation not in {"DescribeSecurityGroupRules", "DescribeSecurityGroups"}
    assert state.has_all_rules or not has_rules


@pytest.mark.usefixtures("fast")
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("operation", OF_A_LIST)
def test_call_about_a_list_that_fails(world: MemberWorld, operation: str, fault: str) -> None:
    """A group of the same account and Region that refers to it is asked for besides."""
    lists = [{"PrefixListId": PL, "Version": 1}]
    refers = rule("sgr-0123456789abcdef0", SG, PrefixListId=PL)
    world.accounts[OWN] = {
        REGION: account(
            SG,
            PrefixLists=lists,
            Entries={PL: [{"Cidr": "0.0.0.0/0"}]},
            SecurityGroupRules=[refers],
        )
    }
    world.faults[OWN, operation] = fault
    world.times[OWN, operation] = 1
    why = WORDS[fault][1]

    found = looked(resource(PL), THEIRS)

    assert found.groups[THEIRS].is_complete
    if operation == "DescribeManagedPrefixLists" and fault in {"region-off", "hang"}:
        assert found.problems == {resource(PL): why}
        return
    state = found.prefix_lists[resource(PL)]
    assert not state.is_complete
    assert f"{OF_A_LIST[operation]} could not be seen: {why}" in state.not_seen


@pytest.mark.usefixtures("fast")
@pytest.mark.parametrize("fault", FAULTS)
def test_second_page_that_fails(
    world: MemberWorld, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    """Half of the rules are not rules that stand alone."""
    world.most_a_page = 5
    rules = [rule(f"sgr-{number:017x}", SG, FromPort=number, ToPort=number) for number in range(9)]
    world.accounts[OWN] = {REGION: account(SG, SecurityGroupRules=rules)}
    answer = world.answer

    def answered(key: str, region: str, form: dict[str, str]) -> tuple[int, bytes]:
        is_second = form["Action"] == "DescribeSecurityGroupRules" and "NextToken" in form
        return FAULTS[fault](world, form["Action"]) if is_second else answer(key, region, form)

    monkeypatch.setattr(world, "answer", answered)

    state = looked(MINE).groups[MINE]

    assert state.rules == ()
    assert not state.has_all_rules
    assert not state.is_complete
    assert f"its rules could not be seen: {WORDS[fault][1]}" in state.not_seen


@pytest.mark.usefixtures("fast")
def test_groups_that_refer_and_cannot_be_read(world: MemberWorld) -> None:
    refers = rule("sgr-0123456789abcdef0", SG, PrefixListId=PL)
    world.accounts[OWN] = {
        REGION: account(
            SG,
            SecurityGroups=[group(SG, Tags=[{"Value": "without a key"}])],
            SecurityGroupRules=[refers],
            PrefixLists=[{"PrefixListId": PL, "Version": 1}],
            Entries={PL: []},
        )
    }

    state = looked(resource(PL)).prefix_lists[resource(PL)]

    assert not state.is_complete
    assert "some groups that may refer to it could not be seen" in state.not_seen[0]


@pytest.mark.usefixtures("fast")
@pytest.mark.parametrize(
    "options", [{}, {"InternetGatewayBlockMode": "block-moon"}, {"State": "x"}]
)
def test_block_mode_that_we_do_not_know(world: MemberWorld, options: dict[str, str]) -> None:
    world.accounts[OWN] = {REGION: account(SG, VpcBlockPublicAccessOptions=options)}

    state = looked(MINE).groups[MINE]

    assert state.is_complete
    assert state.block_mode is None
    assert state.not_seen == (
        "VPC Block Public Access could not be seen: the answer of EC2 could not be read",
    )


def test_attempts(world: MemberWorld) -> None:
    """One failure of each call is made good, with the waits and attempts of the function."""
    world.faults["", "DescribeSecurityGroupRules"] = "reset"
    world.times["", "DescribeSecurityGroupRules"] = 1

    assert looked(MINE).groups[MINE].is_complete
    assert world.operations()["DescribeSecurityGroupRules"] == 2


@pytest.mark.usefixtures("world")
def test_region_that_nobody_answers_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_EC2", "http://127.0.0.1:9")

    assert looked(MINE).problems == {MINE: OFF}


@pytest.mark.usefixtures("world")
def test_sts_that_nobody_answers_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:9")

    assert looked(MINE).problems == {MINE: "the connection to AWS STS failed"}


class NoClients:
    """A session that makes none of a service."""

    def __init__(self, service: str) -> None:
        self._service = service
        self._session = clients.session()

    def create_client(self, service: str, **more: Any) -> Any:
        if service == self._service:
            raise RuntimeError("no such service")
        return self._session.create_client(service, **more)


@pytest.mark.usefixtures("world")
@pytest.mark.parametrize(
    ("service", "said"), [("sts", "AWS STS could not answer"), ("ec2", "EC2 could not answer")]
)
def test_client_that_cannot_be_made(service: str, said: str) -> None:
    looking = MemberAccounts(NoClients(service), role_name=ROLE, clock=time.monotonic)

    assert looking.look([MINE], now=NOW, seconds=PATIENT).problems == {MINE: said}


# Time.


@pytest.mark.parametrize("operation", ["AssumeRole", "DescribeSecurityGroups", "DescribeVpcs"])
def test_deadline_holds_while_threads_hang(world: MemberWorld, operation: str) -> None:
    """With the waits of the function: two attempts of two seconds would be longer."""
    world.faults[OWN, operation] = "hang"
    started = time.monotonic()

    found = looked(MINE, THEIRS, seconds=1.0)

    assert 0.9 < time.monotonic() - started < 1.9
    assert found.groups[THEIRS].is_complete
    late = "the look took too long"
    if operation == "DescribeVpcs":
        state = found.groups[MINE]
        assert state.has_all_rules
        assert not state.is_complete
        assert f"who owns its VPC could not be seen: {late}" in state.not_seen
    else:
        assert found.problems == {MINE: late}


def test_no_time_at_all(world: MemberWorld) -> None:
    found = looked(MINE, seconds=0.0)

    assert found.problems == {MINE: "the look took too long"}
    assert not world.calls


def test_ten_seconds_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[float] = []

    def run(_: Any, __: Sequence[Any], deadline: float) -> None:
        asked.append(deadline)

    monkeypatch.setattr(MemberAccounts, "_run", run)
    accounts(lambda: 100.0).look([MINE], now=NOW, seconds=500.0)

    assert asked == [110.0]


def test_twenty_accounts_at_once(world: MemberWorld) -> None:
    resources = [resource(f"sg-{number:017x}", f"{number:012d}") for number in range(20)]
    world.accounts = {it.account_id or "": {REGION: account(it.id)} for it in resources}
    world.latency = 0.02

    found = looked(*resources)

    assert list(found.groups) == resources
    assert all(it.is_complete for it in found.groups.values())
    assert found.calls == 180


@pytest.mark.usefixtures("fast")
def test_accounts_that_hang_keep_no_other_waiting_for_long(world: MemberWorld) -> None:
    """More of them than threads, and worse."""
    resources = [resource(f"sg-{number:017x}", f"{number:012d}") for number in range(20)]
    world.accounts = {it.account_id or "": {REGION: account(it.id)} for it in resources}
    for it in resources[:16]:
        world.faults[it.account_id or "", "DescribeSecurityGroups"] = "hang"

    found = looked(*resources)

    assert list(found.groups) == resources[16:]
    assert set(found.problems.values()) == {"EC2 did not answer in time"}


@pytest.mark.usefixtures("world")
def test_machine_without_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    class Thread(threading.Thread):
        def start(self) -> None:
            raise RuntimeError("can't start new thread")

    # Not for the server.
    name = "security_group_alerter.aws.member_account.threading"
    monkeypatch.setattr(name, SimpleNamespace(Thread=Thread))

    assert set(looked(MINE, THEIRS).groups) == {MINE, THEIRS}


@pytest.mark.usefixtures("fast")
def test_role_without_credentials(world: MemberWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    nothing = b"<AssumeRoleResponse><AssumeRoleResult/></AssumeRoleResponse>"
    monkeypatch.setattr(world, "answer", lambda *_: (200, nothing))

    assert looked(MINE).problems == {MINE: UNREADABLE.format("AWS STS")}
