"""How many messages large changes become, and how large these are."""

import json
import re
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, Final

import pytest

from local.aws import SentAlert, Topic
from local.deliveries import deliveries_of
from local.lambda_context import lambda_context
from local.records_in import Record
from local.replayed_function import ReplayedFunction
from security_group_alerter.handlers import delivery as handler
from security_group_alerter.wiring import delivery as wiring
from security_group_alerter.wiring import sending
from tests.local.failures import payload_of
from tests.stories import story

# https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
LARGEST: Final = 256 * 1024
START: Final = datetime(2026, 11, 17, 8, 0, tzinfo=UTC)
TERRAFORM: Final = story("everything-opened-to-the-world") | {"errorCode": None}
# What a service opens, in one apply: five rules a group, each by a call of its own.
RULES: Final = (
    ("Ingress", "tcp", 443, "0.0.0.0/0"),
    ("Ingress", "tcp", 22, "10.20.0.0/16"),
    ("Ingress", "tcp", 9090, "10.30.0.0/16"),
    ("Ingress", "tcp", 5432, "203.0.113.0/24"),
    ("Egress", "-1", -1, "0.0.0.0/0"),
)


def applied(groups: int) -> list[Record]:
    """The calls of one apply, in order, some seconds apart."""
    return [
        called(group, direction, [(protocol, port, cidr)], number=group * len(RULES) + index)
        for group in range(groups)
        for index, (direction, protocol, port, cidr) in enumerate(RULES)
    ]


def called(
    group: int, direction: str, rules: list[tuple[str, int, str]], *, number: int = 0
) -> Record:
    """One call as CloudTrail records it today: what was asked for, and EC2's answer."""
    group_id = group_id_of(group)
    time = START + timedelta(seconds=number)
    permissions = [
        {
            "ipProtocol": protocol,
            "fromPort": port,
            "toPort": port,
            "groups": {},
            "ipRanges": {"items": [{"cidrIp": cidr, "description": "Managed by Terraform"}]},
            "ipv6Ranges": {},
            "prefixListIds": {},
        }
        for protocol, port, cidr in rules
    ]
    answered = [
        {
            "groupOwnerId": "333344445555",
            "groupId": group_id,
            "securityGroupRuleId": f"sgr-{number:08x}{index:09x}",
            "isEgress": direction == "Egress",
            "ipProtocol": protocol,
            "fromPort": port,
            "toPort": port,
            "cidrIpv4": cidr,
            "description": "Managed by Terraform",
        }
        for index, (protocol, port, cidr) in enumerate(rules)
    ]
    return TERRAFORM | {
        "eventID": f"5a1b7e10-0000-4000-8000-{number:012d}",
        "eventName": f"AuthorizeSecurityGroup{direction}",
        "eventTime": f"{time:%Y-%m-%dT%H:%M:%SZ}",
        "requestParameters": {"groupId": group_id, "ipPermissions": {"items": permissions}},
        "responseElements": {"_return": True, "securityGroupRuleSet": {"items": answered}},
    }


def group_id_of(group: int) -> str:
    return f"sg-{group + 1:017x}"


def sent(records: list[Record], topic: Topic) -> list[SentAlert]:
    [delivery] = deliveries_of(records)
    problems: list[str] = []
    ReplayedFunction().handle(delivery, problems)
    assert not problems
    return topic.take()


def size_of(alert: SentAlert) -> int:
    """In bytes, as they are sent: at least what Amazon SNS counts."""
    attributes = {
        name: {"DataType": "String", "StringValue": value}
        for name, value in alert.attributes.items()
    }
    return sum(len(json.dumps(it).encode()) for it in (alert.messages, alert.subject, attributes))


@pytest.fixture(scope="module")
def apply(topic: Topic) -> tuple[list[Record], list[SentAlert]]:
    """An apply of five hundred rules in a hundred groups, and what is told of it."""
    records = applied(groups=100)
    assert len(records) == 500
    return records, sent(records, topic)


Apply = tuple[list[Record], list[SentAlert]]


def test_apply_of_five_hundred_rules_becomes_a_handful_of_messages(apply: Apply) -> None:
    _, alerts = apply

    assert len(alerts) <= 10
    assert all(size_of(alert) < LARGEST for alert in alerts)


def test_what_could_page_is_told_apart_from_what_could_not(apply: Apply) -> None:
    _, alerts = apply

    told: Counter[tuple[str, str]] = Counter()
    for alert in alerts:
        told[alert.attributes["severity"], alert.attributes["world_open"]] += len(alert.event_ids)
    assert told == {("MEDIUM", "true"): 100, ("LOW", "false"): 400}


def test_every_event_is_told_once_and_in_the_order_of_the_calls(apply: Apply) -> None:
    records, alerts = apply
    order = {record["eventID"]: index for index, record in enumerate(records)}

    for severity in ("MEDIUM", "LOW"):
        of_this = [alert for alert in alerts if alert.attributes["severity"] == severity]
        ids = [event_id for alert in of_this for event_id in alert.event_ids]
        assert ids == sorted(ids, key=order.__getitem__)
    every_id = Counter(event_id for alert in alerts for event_id in alert.event_ids)
    assert every_id == Counter(order.keys())


def test_every_group_is_named_in_email_and_machine_form(apply: Apply) -> None:
    _, alerts = apply

    for alert in alerts:
        groups = list(dict.fromkeys(groups_of(alert)))
        assert all(group in alert.messages["email"] for group in groups)
        machine = json.loads(alert.messages["default"])
        written_out = [resource["uid"] for resource in machine["resources"]]
        assert written_out == [group for group in groups if group in set(written_out)]
        lines = machine["unmapped"]["further_calls"]
        assert set(groups) == {*written_out, *(group_in(line) for line in lines)}
    every_group = {group for alert in alerts for group in groups_of(alert)}
    assert every_group == {group_id_of(group) for group in range(100)}


def group_in(line: str) -> str:
    """The group that a line of a call's own names."""
    found = re.fullmatch(
        r"[0-9]+\. [0-9:]{8} UTC AuthorizeSecurityGroup(?:In|E)gress (sg-[0-9a-f]{17}): \S.*", line
    )
    assert found, line
    return found[1]


def groups_of(alert: SentAlert) -> Iterator[str]:
    """The group of each call, in order, by the number in its event's id."""
    for event_id in alert.event_ids:
        yield group_id_of(int(event_id[-12:]) // len(RULES))


def test_every_call_has_a_line_of_its_own_in_the_email(apply: Apply) -> None:
    _, alerts = apply

    for alert in alerts:
        changed = alert.messages["email"].partition("WHAT CHANGED\n")[2].partition("\n\n")[0]
        lines = changed.split("\n")
        further = json.loads(alert.messages["default"])["unmapped"]["further_calls"]
        assert len(further) == max(0, len(alert.event_ids) - MOST_WRITTEN_OUT)
        for number, group in enumerate(groups_of(alert), start=1):
            [line] = [line for line in lines if line.startswith(f"{number}. ")]
            if line in further:
                assert group_in(line) == group
            else:
                assert line.startswith(f"{number}. Auth")
                assert group in line


MOST_WRITTEN_OUT: Final = 50


@pytest.mark.usefixtures("forgotten")
def test_of_a_burst_the_fifty_worst_calls_are_written_out(topic: Topic) -> None:
    """All LOW: an edit of one account among calls that reach nobody outside."""
    private = [called(it, "Ingress", [("tcp", 22, "10.0.0.0/8")], number=it) for it in range(200)]
    public = called(200, "Ingress", [("tcp", 22, "8.8.8.8/32")], number=200)

    [alert] = sent([*private, public], topic)

    machine = json.loads(alert.messages["default"])
    assert len(machine["evidences"]) == MOST_WRITTEN_OUT
    assert len(machine["unmapped"]["further_calls"]) == 201 - MOST_WRITTEN_OUT
    assert group_id_of(200) in [resource["uid"] for resource in machine["resources"]]
    assert size_of(alert) < LARGEST


@pytest.fixture
def without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pace of sending has tests of its own."""
    clocks = {"time": time.time, "monotonic": time.monotonic}
    for module in (wiring, sending):
        monkeypatch.setattr(module, "time", SimpleNamespace(**clocks, sleep=lambda _: None))


@pytest.mark.usefixtures("forgotten", "quick_transactions", "without_pauses")
@pytest.mark.parametrize(
    "peers", [("0.0.0.0/0",), ("0.0.0.0/0", "10.0.0.0/8")], ids=["alike", "of-two-severities"]
)
def test_five_thousand_calls_of_five_principals_are_twenty_messages_at_most(
    peers: tuple[str, ...], topic: Topic
) -> None:
    records = [
        called(
            number,
            "Ingress",
            [("tcp", 443, peers[number % len(peers)])],
            number=number,
        )
        | {"userIdentity": TERRAFORM["userIdentity"] | {"userName": f"bot-{number % 5}"}}
        for number in range(5000)
    ]

    handler.lambda_handler(payload_of(*map(json.dumps, records)), lambda_context())

    alerts = topic.take()
    assert len(alerts) <= 20
    assert all(size_of(alert) < LARGEST for alert in alerts)
    every_id = [event_id for alert in alerts for event_id in alert.event_ids]
    assert sorted(every_id) == [record["eventID"] for record in records]
    for alert in alerts:
        for event_id in alert.event_ids:
            group = group_id_of(int(event_id[-12:]))
            assert group in alert.messages["email"]
            assert group in alert.messages["default"]


@pytest.mark.usefixtures("forgotten")
def test_call_of_fifty_nine_rules_is_one_message(topic: Topic) -> None:
    ports = [("tcp", port, "0.0.0.0/0") for port in range(8000, 8059)]

    [alert] = sent([called(0, "Ingress", ports, number=1001)], topic)

    assert size_of(alert) < LARGEST
    assert alert.messages["email"].count("+ ingress tcp 80") == 59
    [evidence] = json.loads(alert.messages["default"])["evidences"]
    assert len(evidence["data"]["rules_added"]) == 59


@pytest.mark.usefixtures("forgotten")
def test_largest_call_is_one_message(topic: Topic) -> None:
    """A group holds a thousand rules at the most, by AWS's quotas."""
    rules = [("tcp", port, "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff/128") for port in range(1000)]
    record: dict[str, Any] = called(0, "Ingress", [], number=1002)
    record["responseElements"] = {"omitted": True}
    record["requestParameters"]["ipPermissions"]["items"] = [
        {
            "ipProtocol": protocol,
            "fromPort": port,
            "toPort": port,
            "ipv6Ranges": {"items": [{"cidrIpv6": cidr}]},
        }
        for protocol, port, cidr in rules
    ]

    [alert] = sent([record], topic)

    assert size_of(alert) < LARGEST
    assert "more rules: see the CloudTrail event" in alert.messages["email"]
