"""Amazon EC2 and AWS STS of a scenario, as botocore's own clients see them."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.session import Session

from local.aws import emulated_aws
from local.scenarios.ec2_listings import UnknownCallError
from local.scenarios.member_accounts import SERVICES, MemberAccounts
from local.scenarios.reading import State, scenario_of

ACCOUNT: Final = "222233334444"
OTHER: Final = "333344445555"
REGION: Final = "eu-central-1"
NOW: Final = datetime(2026, 11, 17, 9, tzinfo=UTC)
ONE_TRY: Final = Config(retries={"total_max_attempts": 1})

WEB: Final = {
    "GroupId": "sg-0aaaaaaaaaaaaaaa1",
    "GroupName": "web",
    "Description": "Web servers",
    "VpcId": "vpc-0aaaaaaaaaaaaaaa1",
    "OwnerId": ACCOUNT,
    "Tags": [{"Key": "Name", "Value": "web"}, {"Key": "Team", "Value": "shop"}, {"Key": "old"}],
}
DATABASE: Final = {
    "GroupId": "sg-0aaaaaaaaaaaaaaa2",
    "GroupName": "database [1]",
    "VpcId": "vpc-0aaaaaaaaaaaaaaa2",
}
RULES: Final = [
    {
        "SecurityGroupRuleId": "sgr-0aaaaaaaaaaaaaaa1",
        "GroupId": "sg-0aaaaaaaaaaaaaaa1",
        "IsEgress": False,
        "IpProtocol": "tcp",
        "FromPort": 443,
        "ToPort": 443,
        "CidrIpv4": "0.0.0.0/0",
        "Description": "Customers",
    },
    {
        "SecurityGroupRuleId": "sgr-0aaaaaaaaaaaaaaa2",
        "GroupId": "sg-0aaaaaaaaaaaaaaa1",
        "IsEgress": False,
        "IpProtocol": "tcp",
        "FromPort": 443,
        "ToPort": 443,
        "CidrIpv6": "::/0",
        "Tags": [{"Key": "Ticket", "Value": "NET-17"}],
    },
    {
        "SecurityGroupRuleId": "sgr-0aaaaaaaaaaaaaaa3",
        "GroupId": "sg-0aaaaaaaaaaaaaaa2",
        "IsEgress": False,
        "IpProtocol": "tcp",
        "FromPort": 5432,
        "ToPort": 5432,
        "PrefixListId": "pl-0aaaaaaaaaaaaaaa1",
    },
    {
        "SecurityGroupRuleId": "sgr-0aaaaaaaaaaaaaaa4",
        "GroupId": "sg-0aaaaaaaaaaaaaaa2",
        "IsEgress": True,
        "IpProtocol": "-1",
        "ReferencedGroupInfo": {"GroupId": "sg-0aaaaaaaaaaaaaaa1", "UserId": ACCOUNT},
    },
]
INSTANCE: Final[dict[str, Any]] = {
    "NetworkInterfaceId": "eni-0aaaaaaaaaaaaaaa1",
    "VpcId": "vpc-0aaaaaaaaaaaaaaa1",
    "Groups": [{"GroupId": "sg-0aaaaaaaaaaaaaaa1", "GroupName": "web"}],
    "Attachment": {
        "InstanceId": "i-0aaaaaaaaaaaaaaa1",
        "InstanceOwnerId": ACCOUNT,
        "AttachTime": "2026-11-01T08:00:00Z",
        "DeleteOnTermination": True,
        "DeviceIndex": 0,
    },
    "Association": {"PublicIp": "198.51.100.7"},
    "TagSet": [{"Key": "Name", "Value": "shop-1"}],
}
BALANCER: Final = {
    "NetworkInterfaceId": "eni-0aaaaaaaaaaaaaaa2",
    "InterfaceType": "network_load_balancer",
    "VpcId": "vpc-0aaaaaaaaaaaaaaa3",
    "RequesterId": "amazon-elb",
    "Description": "ELB net/shop/0123456789abcdef",
}
LIST: Final = {
    "PrefixListId": "pl-0aaaaaaaaaaaaaaa1",
    "PrefixListName": "offices",
    "Version": 3,
    "Entries": [{"Cidr": f"203.0.113.{it}/32", "Description": f"Desk {it}"} for it in range(250)],
}
REGION_STATE: Final = {
    "SecurityGroups": [WEB, DATABASE],
    "SecurityGroupRules": RULES,
    "NetworkInterfaces": [INSTANCE, BALANCER],
    "ManagedPrefixLists": [LIST],
    "SecurityGroupVpcAssociations": [
        {"GroupId": "sg-0aaaaaaaaaaaaaaa1", "VpcId": "vpc-0aaaaaaaaaaaaaaa9"}
    ],
    "Vpcs": [{"VpcId": "vpc-0aaaaaaaaaaaaaaa2", "OwnerId": OTHER, "IsDefault": True}],
    "VpcBlockPublicAccessOptions": {
        "InternetGatewayBlockMode": "block-ingress",
        "LastUpdateTimestamp": "2026-11-01T08:00:00Z",
    },
}


def state_of(document: dict[str, Any]) -> State:
    scenario = scenario_of(
        {"scenario": [{"at": "2026-11-17T09:00:00Z", "state": document}]}, "here"
    )
    state = scenario.steps[0].state
    assert state is not None
    return state


@pytest.fixture(scope="module")
def accounts() -> Iterator[MemberAccounts]:
    made = MemberAccounts()
    with emulated_aws(but_for=SERVICES), made.reachable():
        yield made


@pytest.fixture(autouse=True)
def _as_written(accounts: MemberAccounts) -> None:
    accounts.change(state_of({ACCOUNT: {REGION: REGION_STATE}, OTHER: None}))
    accounts.turn_to(NOW)
    accounts._gaps.clear()


@pytest.fixture
def client() -> Callable[..., Any]:
    """Makes a client for Amazon EC2, with a role of the account."""
    return in_account


@pytest.fixture
def sts() -> Any:
    """A client for AWS STS, as the function has it."""
    return Session().create_client("sts", region_name=REGION)


def in_account(account_id: str = ACCOUNT, region: str = REGION) -> Any:
    sts: Any = Session().create_client("sts", region_name=REGION)
    credentials = sts.assume_role(
        RoleArn=f"arn:aws:iam::{account_id}:role/alerter/look", RoleSessionName="test"
    )["Credentials"]
    return Session().create_client(
        "ec2",
        region_name=region,
        aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials["SessionToken"],
        config=ONE_TRY,
    )


Client = Callable[..., Any]


def where(**filters: str | list[str]) -> list[dict[str, Any]]:
    """Filters by name, `_` for `-` and `__` for `.`."""
    return [
        {
            "Name": name.replace("__", ".").replace("_", "-"),
            "Values": [values] if isinstance(values, str) else values,
        }
        for name, values in filters.items()
    ]


# The role.


def test_the_session_is_of_the_role_in_its_account(sts: Any) -> None:
    answer = sts.assume_role(RoleArn=f"arn:aws:iam::{ACCOUNT}:role/a/b", RoleSessionName="me")

    user = answer["AssumedRoleUser"]
    assert user["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/b/me"
    assert answer["Credentials"]["Expiration"] > NOW + timedelta(minutes=59)
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200


@pytest.mark.parametrize(
    "role",
    [
        f"arn:aws:iam::{OTHER}:role/look",
        "arn:aws:iam::444455556666:role/look",
        "arn:aws:iam::aws:role/look",
    ],
    ids=["taken-away", "of-an-account-that-no-state-names", "of-no-account"],
)
def test_a_role_is_denied(sts: Any, role: str) -> None:
    with pytest.raises(ClientError) as caught:
        sts.assume_role(RoleArn=role, RoleSessionName="me")

    assert caught.value.response["Error"]["Code"] == "AccessDenied"
    assert role in str(caught.value)
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


def test_a_role_that_is_taken_away_ends_its_sessions(
    client: Client, accounts: MemberAccounts
) -> None:
    ec2 = client()
    accounts.change(state_of({ACCOUNT: None}))

    with pytest.raises(ClientError) as caught:
        ec2.describe_security_groups()

    assert caught.value.response["Error"]["Code"] == "UnauthorizedOperation"
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


def test_a_role_that_is_given_back_sees_what_stood(
    client: Client, accounts: MemberAccounts
) -> None:
    accounts.change(state_of({ACCOUNT: None}))
    accounts.change(state_of({ACCOUNT: {"us-east-1": {}}}))

    assert len(client().describe_security_groups()["SecurityGroups"]) == 2


def test_a_state_replaces_all_that_stood_in_its_region_and_nothing_elsewhere(
    client: Client, accounts: MemberAccounts
) -> None:
    accounts.change(state_of({ACCOUNT: {"us-east-1": {"SecurityGroups": [DATABASE]}}}))
    accounts.change(state_of({ACCOUNT: {REGION: {"NetworkInterfaces": [INSTANCE]}}}))

    assert client().describe_security_groups()["SecurityGroups"] == []
    assert len(client().describe_network_interfaces()["NetworkInterfaces"]) == 1
    assert len(client(region="us-east-1").describe_security_groups()["SecurityGroups"]) == 1


def test_calls_are_counted(client: Client, accounts: MemberAccounts) -> None:
    accounts.calls.clear()

    client(region="us-east-1").describe_vpcs()

    assert accounts.calls == [
        ("AssumeRole", ACCOUNT, REGION),
        ("DescribeVpcs", ACCOUNT, "us-east-1"),
    ]


# What stands.


def test_a_region_without_a_state_is_enabled_and_empty(client: Client) -> None:
    ec2 = client(region="ap-southeast-4")

    for operation, result in [
        ("describe_security_groups", "SecurityGroups"),
        ("describe_security_group_rules", "SecurityGroupRules"),
        ("describe_network_interfaces", "NetworkInterfaces"),
        ("describe_vpcs", "Vpcs"),
        ("describe_security_group_vpc_associations", "SecurityGroupVpcAssociations"),
        ("describe_managed_prefix_lists", "PrefixLists"),
        ("describe_tags", "Tags"),
    ]:
        assert getattr(ec2, operation)()[result] == []
    assert "ap-southeast-4" in [it["RegionName"] for it in ec2.describe_regions()["Regions"]]


def test_a_group_has_its_rules_in_both_forms(client: Client) -> None:
    web, database = client().describe_security_groups()["SecurityGroups"]

    customers = {"CidrIp": "0.0.0.0/0", "Description": "Customers"}
    assert web == WEB | {
        "IpPermissions": [
            {
                "IpProtocol": "tcp",
                "FromPort": 443,
                "ToPort": 443,
                "IpRanges": [customers],
                "Ipv6Ranges": [{"CidrIpv6": "::/0"}],
            }
        ],
        "IpPermissionsEgress": [],
    }
    assert database["OwnerId"] == ACCOUNT
    assert database["IpPermissions"][0]["PrefixListIds"] == [
        {"PrefixListId": "pl-0aaaaaaaaaaaaaaa1"}
    ]
    assert database["IpPermissionsEgress"] == [
        {
            "IpProtocol": "-1",
            "UserIdGroupPairs": [{"GroupId": "sg-0aaaaaaaaaaaaaaa1", "UserId": ACCOUNT}],
        }
    ]


def test_rules_are_as_the_state_has_them(client: Client) -> None:
    rules = client().describe_security_group_rules()["SecurityGroupRules"]

    assert rules == [
        {"GroupOwnerId": ACCOUNT, "FromPort": -1, "ToPort": -1, **rule} for rule in RULES
    ]


def test_interfaces_are_as_the_state_has_them(client: Client) -> None:
    instance, balancer = client().describe_network_interfaces()["NetworkInterfaces"]

    attached = instance["Attachment"].pop("AttachTime")
    assert attached == datetime(2026, 11, 1, 8, tzinfo=UTC)
    attachment = {key: it for key, it in INSTANCE["Attachment"].items() if key != "AttachTime"}
    assert instance == INSTANCE | {
        "Attachment": attachment,
        "InterfaceType": "interface",
        "OwnerId": ACCOUNT,
        "Status": "in-use",
    }
    assert balancer == {**BALANCER, "OwnerId": ACCOUNT, "Status": "in-use"}


def test_a_vpc_that_is_not_listed_belongs_to_the_account(client: Client) -> None:
    vpcs = client().describe_vpcs()["Vpcs"]

    assert {it["VpcId"]: (it["OwnerId"], it["IsDefault"]) for it in vpcs} == {
        "vpc-0aaaaaaaaaaaaaaa1": (ACCOUNT, False),
        "vpc-0aaaaaaaaaaaaaaa2": (OTHER, True),
        "vpc-0aaaaaaaaaaaaaaa3": (ACCOUNT, False),
    }
    [default] = client().describe_vpcs(Filters=where(is_default="true"))["Vpcs"]
    assert default["VpcId"] == "vpc-0aaaaaaaaaaaaaaa2"


def test_associations(client: Client) -> None:
    answer = client().describe_security_group_vpc_associations(
        Filters=where(group_id="sg-0aaaaaaaaaaaaaaa1", state="associated")
    )

    assert answer["SecurityGroupVpcAssociations"] == [
        {
            "GroupId": "sg-0aaaaaaaaaaaaaaa1",
            "VpcId": "vpc-0aaaaaaaaaaaaaaa9",
            "GroupOwnerId": ACCOUNT,
            "State": "associated",
        }
    ]


@pytest.mark.parametrize(
    ("region", "mode"), [(REGION, "block-ingress"), ("us-east-1", "off")], ids=["set", "not-set"]
)
def test_block_public_access(client: Client, region: str, mode: str) -> None:
    answer = client(region=region).describe_vpc_block_public_access_options()

    options = answer["VpcBlockPublicAccessOptions"]
    assert options["InternetGatewayBlockMode"] == mode
    assert (options["AwsAccountId"], options["AwsRegion"]) == (ACCOUNT, region)


def test_prefix_lists_and_their_entries(client: Client) -> None:
    ec2 = client()
    pages = ec2.get_paginator("get_managed_prefix_list_entries").paginate(
        PrefixListId="pl-0aaaaaaaaaaaaaaa1"
    )

    [offices] = ec2.describe_managed_prefix_lists(PrefixListIds=["pl-0aaaaaaaaaaaaaaa1"])[
        "PrefixLists"
    ]
    sizes = [len(page["Entries"]) for page in pages]

    assert offices == {
        "PrefixListId": "pl-0aaaaaaaaaaaaaaa1",
        "PrefixListName": "offices",
        "Version": 3,
        "State": "create-complete",
        "OwnerId": ACCOUNT,
    }
    assert sizes == [100, 100, 50]


def test_tags_of_everything(client: Client) -> None:
    tags = client().describe_tags()["Tags"]

    assert [(it["ResourceType"], it["ResourceId"], it["Key"], it["Value"]) for it in tags] == [
        ("security-group", "sg-0aaaaaaaaaaaaaaa1", "Name", "web"),
        ("security-group", "sg-0aaaaaaaaaaaaaaa1", "Team", "shop"),
        ("security-group", "sg-0aaaaaaaaaaaaaaa1", "old", ""),
        ("security-group-rule", "sgr-0aaaaaaaaaaaaaaa2", "Ticket", "NET-17"),
        ("network-interface", "eni-0aaaaaaaaaaaaaaa1", "Name", "shop-1"),
    ]


def test_regions(client: Client) -> None:
    ec2 = client()

    assert len(ec2.describe_regions(AllRegions=True)["Regions"]) > 15
    assert ec2.describe_regions(RegionNames=["eu-west-1"])["Regions"] == [
        {
            "RegionName": "eu-west-1",
            "Endpoint": "ec2.eu-west-1.amazonaws.com",
            "OptInStatus": "opt-in-not-required",
        }
    ]
    with pytest.raises(ClientError, match=r"InvalidParameterValue.*moon-west-1"):
        ec2.describe_regions(RegionNames=["moon-west-1"])


@pytest.mark.parametrize(
    ("written", "arrives"),
    [
        ('<b>&amp; "it\'s"', '<b>&amp; "it\'s"'),
        ("line\r\nnext\tcolumn", "line\r\nnext\tcolumn"),
        ("\u202egnp.exe 😀", "\u202egnp.exe 😀"),
        ("\x1b[31m\ud800\uffff", "\ufffd[31m\ufffd\ufffd"),
    ],
    ids=["markup", "white-space", "right-to-left", "what-xml-cannot-carry"],
)
def test_any_text_arrives(
    client: Client, accounts: MemberAccounts, written: str, arrives: str
) -> None:
    group = WEB | {"Tags": [{"Key": "Name", "Value": written}]}
    accounts.change(state_of({ACCOUNT: {REGION: {"SecurityGroups": [group]}}}))

    [group] = client().describe_security_groups()["SecurityGroups"]

    assert group["Tags"] == [{"Key": "Name", "Value": arrives}]


# Ids.


@pytest.mark.parametrize(
    ("operation", "parameter", "code"),
    [
        ("describe_security_groups", "GroupIds", "InvalidGroup.NotFound"),
        (
            "describe_security_group_rules",
            "SecurityGroupRuleIds",
            "InvalidSecurityGroupRuleId.NotFound",
        ),
        (
            "describe_network_interfaces",
            "NetworkInterfaceIds",
            "InvalidNetworkInterfaceID.NotFound",
        ),
        ("describe_vpcs", "VpcIds", "InvalidVpcID.NotFound"),
        ("describe_managed_prefix_lists", "PrefixListIds", "InvalidPrefixListID.NotFound"),
    ],
)
def test_an_id_that_is_not_there(client: Client, operation: str, parameter: str, code: str) -> None:
    with pytest.raises(ClientError, match="'x-0bbbbbbbbbbbbbbb1' does not exist") as caught:
        getattr(client(), operation)(**{parameter: ["x-0bbbbbbbbbbbbbbb1"]})

    assert caught.value.response["Error"]["Code"] == code
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


def test_entries_of_a_list_that_is_not_there(client: Client) -> None:
    with pytest.raises(ClientError, match=r"InvalidPrefixListID\.NotFound"):
        client().get_managed_prefix_list_entries(PrefixListId="pl-0bbbbbbbbbbbbbbb1")


def test_ids_choose(client: Client) -> None:
    groups = client().describe_security_groups(
        GroupIds=["sg-0aaaaaaaaaaaaaaa2", "sg-0aaaaaaaaaaaaaaa2"]
    )["SecurityGroups"]

    assert [it["GroupId"] for it in groups] == ["sg-0aaaaaaaaaaaaaaa2"]


# Filters.


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        ({"group_id": "sg-0aaaaaaaaaaaaaaa1"}, ["web"]),
        ({"group_id": ["sg-0aaaaaaaaaaaaaaa1", "sg-0aaaaaaaaaaaaaaa2"]}, ["web", "database [1]"]),
        ({"group_id": "sg-0bbbbbbbbbbbbbbb1"}, []),
        ({"group_id": ["sg-0aaaaaaaaaaaaaaa1"], "group_name": "database*"}, []),
        ({"group_name": "w?b"}, ["web"]),
        ({"group_name": "Web"}, []),
        ({"group_name": "database [1]"}, ["database [1]"]),
        ({"group_name": r"w\?b"}, []),
        ({"group_name": "*"}, ["web", "database [1]"]),
        ({"vpc_id": "vpc-0aaaaaaaaaaaaaaa1"}, ["web"]),
        ({"owner_id": ACCOUNT}, ["web", "database [1]"]),
        ({"ip_permission__prefix_list_id": "pl-0aaaaaaaaaaaaaaa1"}, ["database [1]"]),
        ({"egress__ip_permission__prefix_list_id": "pl-0aaaaaaaaaaaaaaa1"}, []),
        ({"tag:Name": "web"}, ["web"]),
        ({"tag:Name": "shop"}, []),
        ({"tag_key": "Team"}, ["web"]),
        ({"tag:old": ""}, ["web"]),
    ],
)
def test_filters_of_groups(
    client: Client, filters: dict[str, str | list[str]], names: list[str]
) -> None:
    groups = client().describe_security_groups(Filters=where(**filters))["SecurityGroups"]

    assert [it["GroupName"] for it in groups] == names


@pytest.mark.parametrize(
    ("filters", "ids"),
    [
        ({"group_id": "sg-0aaaaaaaaaaaaaaa1"}, ["1", "2"]),
        ({"security_group_rule_id": "sgr-0aaaaaaaaaaaaaaa3"}, ["3"]),
        ({"tag:Ticket": "NET-*"}, ["2"]),
    ],
)
def test_filters_of_rules(
    client: Client, filters: dict[str, str | list[str]], ids: list[str]
) -> None:
    rules = client().describe_security_group_rules(Filters=where(**filters))["SecurityGroupRules"]

    assert [it["SecurityGroupRuleId"][-1] for it in rules] == ids


@pytest.mark.parametrize(
    ("filters", "ids"),
    [
        ({"group_id": "sg-0aaaaaaaaaaaaaaa1"}, ["1"]),
        ({"group_id": "sg-0aaaaaaaaaaaaaaa2"}, []),
        ({"vpc_id": "vpc-0aaaaaaaaaaaaaaa3", "interface_type": "network_load_balancer"}, ["2"]),
        ({"interface_type": "interface"}, ["1"]),
        ({"network_interface_id": "eni-0aaaaaaaaaaaaaaa2"}, ["2"]),
        ({"attachment__instance_id": "i-0aaaaaaaaaaaaaaa1"}, ["1"]),
        ({"association__public_ip": "198.51.100.*"}, ["1"]),
        ({"requester_id": "amazon-elb"}, ["2"]),
        ({"tag_key": "Name"}, ["1"]),
    ],
)
def test_filters_of_interfaces(
    client: Client, filters: dict[str, str | list[str]], ids: list[str]
) -> None:
    interfaces = client().describe_network_interfaces(Filters=where(**filters))["NetworkInterfaces"]

    assert [it["NetworkInterfaceId"][-1] for it in interfaces] == ids


def test_filters_of_tags(client: Client) -> None:
    tags = client().describe_tags(
        Filters=where(resource_id="eni-0aaaaaaaaaaaaaaa1", key="Name", value="shop-*")
    )["Tags"]

    assert [it["Value"] for it in tags] == ["shop-1"]


def test_too_many_values(client: Client) -> None:
    values = [f"sg-{it:017x}" for it in range(201)]

    with pytest.raises(ClientError, match="FilterLimitExceeded"):
        client().describe_security_groups(Filters=where(group_id=values))


# Pages.


@pytest.fixture
def many(client: Client, accounts: MemberAccounts) -> Any:
    groups = [WEB | {"GroupId": f"sg-{it:017x}"} for it in range(12)]
    accounts.change(state_of({ACCOUNT: {REGION: {"SecurityGroups": groups}}}))
    return client()


def test_pages(many: Any) -> None:
    paginator = many.get_paginator("describe_security_groups")

    pages = list(paginator.paginate(PaginationConfig={"PageSize": 5}))

    assert [len(page["SecurityGroups"]) for page in pages] == [5, 5, 2]
    ids = [it["GroupId"] for page in pages for it in page["SecurityGroups"]]
    assert ids == [f"sg-{it:017x}" for it in range(12)]
    assert "NextToken" not in pages[-1]


def test_without_a_size_all_are_on_one_page(many: Any) -> None:
    answer = many.describe_security_groups()

    assert len(answer["SecurityGroups"]) == 12
    assert "NextToken" not in answer


@pytest.mark.parametrize("size", [5, 1000])
def test_size_of_a_page(many: Any, size: int) -> None:
    groups = many.describe_security_groups(MaxResults=size)["SecurityGroups"]

    assert len(groups) == min(size, 12)


def test_a_page_that_is_too_large(many: Any) -> None:
    with pytest.raises(ClientError, match="Expecting a value between 5 and 1000"):
        many.describe_security_groups(MaxResults=1001)


@pytest.mark.parametrize("token", ["other", "made-up", "é"])
def test_a_token_is_good_for_its_request(many: Any, token: str) -> None:
    if token == "other":
        token = many.describe_security_groups(MaxResults=5)["NextToken"]

    with pytest.raises(ClientError, match="InvalidPaginationToken"):
        many.describe_security_groups(MaxResults=6, NextToken=token)


def test_interfaces_by_id_have_no_pages(client: Client) -> None:
    with pytest.raises(ClientError, match="InvalidParameterCombination"):
        client().describe_network_interfaces(
            NetworkInterfaceIds=["eni-0aaaaaaaaaaaaaaa1"], MaxResults=5
        )


# What is not known.


@pytest.mark.parametrize(
    ("operation", "parameters", "said"),
    [
        ("describe_instances", {}, "DescribeInstances is not emulated"),
        (
            "describe_security_groups",
            {"Filters": where(ip_permission__cidr="0.0.0.0/0")},
            "DescribeSecurityGroups: the filter ip-permission.cidr is not emulated",
        ),
        (
            "describe_security_groups",
            {"GroupNames": ["web"]},
            "DescribeSecurityGroups: the parameter GroupName.1 is not emulated",
        ),
        (
            "get_managed_prefix_list_entries",
            {"PrefixListId": "pl-0aaaaaaaaaaaaaaa1", "TargetVersion": 1},
            "GetManagedPrefixListEntries: the parameter TargetVersion is not emulated",
        ),
    ],
    ids=["operation", "filter", "parameter", "version"],
)
def test_what_is_not_emulated_is_loud(
    client: Client,
    accounts: MemberAccounts,
    operation: str,
    parameters: dict[str, Any],
    said: str,
) -> None:
    with pytest.raises(UnknownCallError, match=said):
        getattr(client(), operation)(**parameters)

    with pytest.raises(UnknownCallError, match=said):
        accounts.raise_gaps()


def test_a_fault_of_the_emulation_is_loud(client: Client, accounts: MemberAccounts) -> None:
    ec2 = client()
    # What no scenario can say.
    accounts._states[ACCOUNT][REGION] = replace(
        accounts._states[ACCOUNT][REGION], security_group_rules=({},)
    )

    with pytest.raises(UnknownCallError, match=r"DescribeSecurityGroups: KeyError\('GroupId'\)"):
        ec2.describe_security_groups()

    with pytest.raises(UnknownCallError, match="KeyError"):
        accounts.raise_gaps()


def test_other_calls_of_sts_are_not_emulated(sts: Any) -> None:
    with pytest.raises(UnknownCallError, match="GetCallerIdentity is not emulated"):
        sts.get_caller_identity()


def test_the_functions_own_role_sees_nothing() -> None:
    ec2: Any = Session().create_client("ec2", region_name=REGION, config=ONE_TRY)

    with pytest.raises(UnknownCallError, match="without a role of the account"):
        ec2.describe_security_groups()


def test_nothing_is_left_of_it_afterwards() -> None:
    from botocore import handlers

    before = len(handlers.BUILTIN_HANDLERS)
    with MemberAccounts().reachable():
        assert len(handlers.BUILTIN_HANDLERS) == before + len(SERVICES)

    assert len(handlers.BUILTIN_HANDLERS) == before
