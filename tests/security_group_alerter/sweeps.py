"""An organization to sweep: the real functions, moto's tables, an EC2 that answers a state."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import boto3

from local.aws import GROUP_MEMORY_TABLE, emulated_aws
from local.scenarios.member_accounts import SERVICES, MemberAccounts
from local.scenarios.reading import scenario_of
from security_group_alerter.aws.group_items import kept_in, key_of
from security_group_alerter.aws.group_memory import CLIENT_CONFIG, GroupMemoryTable
from security_group_alerter.aws.ledger import Ledger
from security_group_alerter.aws.sweep_items import SweptPlaces
from security_group_alerter.memory.fold import fold
from security_group_alerter.memory.statements import Statement
from security_group_alerter.model.exposure_life import ExposureLife, Resource
from security_group_alerter.model.ledger import Told
from security_group_alerter.model.subject import SubjectKind
from security_group_alerter.model.sweep import Place, SweepItem, SweptPlace
from security_group_alerter.planning import Planner, PlanReport
from security_group_alerter.sweeping import Sweep, SweepReport
from security_group_alerter.wiring.sweep import planner_for, sweep_for

NOW: Final = datetime(2026, 11, 20, 3, tzinfo=UTC)
ACCOUNT: Final = "222233334444"
OTHER: Final = "333344445555"
REGION: Final = "eu-central-1"
PLACE: Final = Place(account_id=ACCOUNT, region=REGION)
QUEUE_URL: Final = "https://sqs.eu-central-1.amazonaws.com/111122223333/sweep"
ROLE: Final = "alerter/look"
SECONDS: Final = 300.0


@dataclass
class Organization:
    """Its accounts, and what the functions keep. `items` are those that a plan sent."""

    accounts: MemberAccounts
    sweep: Sweep
    planner: Planner
    active: list[str] = field(default_factory=lambda: [ACCOUNT])
    items: list[SweepItem] = field(default_factory=list)
    now: datetime = NOW

    def __post_init__(self) -> None:
        client = boto3.client("dynamodb", config=CLIENT_CONFIG)
        self.table = client
        self.memory = GroupMemoryTable(client, table_name=GROUP_MEMORY_TABLE, sleep=lambda _: None)
        self.ledger = Ledger(client, table_name=GROUP_MEMORY_TABLE)
        self.places = SweptPlaces(client, table_name=GROUP_MEMORY_TABLE)
        self.planner = replace(self.planner, accounts=lambda _: self.active, send=self._send)

    def _send(self, items: Any) -> int:
        self.items = [*items]
        return len(self.items)

    def has(
        self, state: Mapping[str, Any] | None, account_id: str = ACCOUNT, region: str = REGION
    ) -> None:
        """From now on this stands there; None is an account that denies the role."""
        there = None if state is None else {region: state}
        step = {"at": "2026-11-17T09:00:00Z", "state": {account_id: there}}
        [read] = scenario_of({"scenario": [step]}, "here").steps
        assert read.state is not None
        self.accounts.change(read.state)

    def later(self, **time: float) -> None:
        self.now += timedelta(**time)

    def knows(self, *said: Statement, of: Resource) -> None:
        """Records have said this."""
        self.memory.recall({of: said}, at=(), now=self.now, seconds=60)

    def wrote_no_ledger(self, resource: Resource) -> None:
        """What is remembered of it was written by a version that had none."""
        self.table.update_item(
            TableName=GROUP_MEMORY_TABLE,
            Key={"resource": {"S": key_of(resource)}},
            UpdateExpression="REMOVE told, open_severity, looked_at",
        )

    def swept(
        self, *open_ids: str, place: Place = PLACE, seconds: float = SECONDS, again: bool = False
    ) -> SweepReport:
        item = SweepItem(place=place, open_ids=open_ids)
        report = self.sweep.run(item, now=self.now, time_left=lambda: seconds, is_again=again)
        self.accounts.raise_gaps()
        return report

    def planned(self, seconds: float = 900.0) -> PlanReport:
        report = self.planner.plan(now=self.now, time_left=lambda: seconds)
        self.accounts.raise_gaps()
        return report

    def items_in_table(self) -> dict[str, Any]:
        items = self.table.scan(TableName=GROUP_MEMORY_TABLE)["Items"]
        return {it["resource"]["S"]: it for it in items}

    def lives_of(self, resource: Resource) -> tuple[ExposureLife, ...]:
        item = self.items_in_table().get(key_of(resource))
        return fold(resource, kept_in(resource, item).memory).exposures

    def told_of(self, resource: Resource) -> list[Told]:
        return [*kept_in(resource, self.items_in_table()[key_of(resource)]).told.values()]

    @property
    def remembered(self) -> set[str]:
        """The groups and lists of which there is an item, by id."""
        return {it.rpartition("/")[2] for it in self.items_in_table() if not it.startswith("#")}

    def swept_place(self, place: Place = PLACE) -> SweptPlace:
        return self.places.of(place)


@contextmanager
def an_organization() -> Iterator[Organization]:
    accounts = MemberAccounts()
    with emulated_aws(look_role_name=ROLE, but_for=SERVICES), accounts.reachable():
        environment = {**os.environ, "SWEEP_QUEUE_URL": QUEUE_URL}
        yield Organization(accounts, sweep_for(environment), planner_for(environment))


def group(number: int, account_id: str = ACCOUNT, region: str = REGION) -> Resource:
    return Resource(
        kind=SubjectKind.SECURITY_GROUP,
        id=f"sg-{number:017x}",
        account_id=account_id,
        region=region,
    )


def prefix_list(number: int) -> Resource:
    return group(number)._replace(kind=SubjectKind.PREFIX_LIST, id=f"pl-{number:017x}")


def a_group(number: int) -> dict[str, Any]:
    return {"GroupId": group(number).id, "GroupName": f"g-{number}", "VpcId": "vpc-0aaaaaaaa"}


def a_rule(group_number: int, cidr: str = "0.0.0.0/0", port: int = 22, **more: Any) -> Any:
    """A rule whose id tells group and port."""
    peer = {} if "PrefixListId" in more else {"CidrIpv4": cidr}
    return {
        "SecurityGroupRuleId": f"sgr-{group_number:08x}{port:09x}",
        "GroupId": group(group_number).id,
        "IpProtocol": "tcp",
        "FromPort": port,
        "ToPort": port,
        "IsEgress": False,
        **peer,
        **more,
    }


def a_list(number: int, *cidrs: str) -> dict[str, Any]:
    return {
        "PrefixListId": prefix_list(number).id,
        "PrefixListName": f"l-{number}",
        "Version": 1,
        "Entries": [{"Cidr": cidr} for cidr in cidrs],
    }


def an_interface(*group_numbers: int, public: bool = False) -> dict[str, Any]:
    return {
        "NetworkInterfaceId": f"eni-{group_numbers[0]:017x}",
        "VpcId": "vpc-0aaaaaaaa",
        "Groups": [{"GroupId": group(it).id} for it in group_numbers],
        **({"Association": {"PublicIp": "198.51.100.7"}} if public else {}),
    }


def a_state(
    *rules: Any, interfaces: Any = (), lists: Any = (), groups: Any = None
) -> dict[str, Any]:
    """What stands in a Region: the groups of these rules, if no others are named."""
    numbers = {int(it["GroupId"][3:], 16) for it in rules} if groups is None else groups
    return {
        "SecurityGroups": [a_group(it) for it in sorted(numbers)],
        "SecurityGroupRules": [*rules],
        "NetworkInterfaces": [*interfaces],
        "ManagedPrefixLists": [*lists],
    }
