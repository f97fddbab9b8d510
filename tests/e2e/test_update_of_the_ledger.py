"""A stack that remembers groups and keeps no ledger of them is updated: its table is kept."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from local.template import read_template
from security_group_alerter.aws.group_items import key_of
from security_group_alerter.aws.ledger_items import OPEN_INDEX
from security_group_alerter.memory.codec import bytes_of
from security_group_alerter.memory.group_memory import GroupMemory
from security_group_alerter.memory.statements import RuleGone, RuleThere, Statement
from security_group_alerter.model.exposure_life import Event, Resource
from security_group_alerter.model.subject import SubjectKind
from tests.e2e.emulator import Emulator
from tests.e2e.organization import Organization
from tests.e2e.queues import subscribed_queue
from tests.e2e.stacks import Stack
from tests.e2e.waiting import wait_for
from tests.security_group_alerter.builders import rule

pytestmark = pytest.mark.no_cover

ALERTER: Final = "alerter-without-a-ledger"
TRAIL: Final = "trail-of-the-alerter-without-a-ledger"
PARAMETERS: Final = {
    "ExistingTrailLogGroupName": TRAIL,
    "TrailName": TRAIL,
    "KmsKey": "none",
    "AlertEmail": "security@example.com",
}
TABLE: Final = "GroupMemoryTable"
# What came with the ledger.
STACKS: Final = {"Watch", "Sweep", "Digest"}

SSH: Final = replace(rule("tcp 22 from 0.0.0.0/0"), rule_id="sgr-0123456789abcdef0")


def group(number: int) -> Resource:
    return Resource(
        kind=SubjectKind.SECURITY_GROUP,
        id=f"sg-{number:017x}",
        account_id="222233334444",
        region="eu-central-1",
    )


def event(name: str, hours_ago: float) -> Event:
    return Event(event_id=name, time=datetime.now(UTC) - timedelta(hours=hours_ago))


def older_item(resource: Resource, *statements: Statement, **attributes: Any) -> dict[str, Any]:
    """As that version wrote it: it has no other attributes."""
    memory = GroupMemory(statements=frozenset(statements))
    return {
        "resource": {"S": key_of(resource)},
        "version": {"N": str(len(statements))},
        "memory": {"B": bytes_of(memory)},
        **attributes,
    }


OPENED: Final = RuleThere(event=event("opened", 3), rule=SSH, rule_id=SSH.rule_id)
OPEN: Final = older_item(group(1), OPENED)
CLOSED: Final = older_item(
    group(2),
    RuleThere(event=event("opened", 70), rule=SSH, rule_id=SSH.rule_id),
    RuleGone(event=event("closed", 60), rule=SSH, rule_id=SSH.rule_id),
    expires={"N": "1893456000"},
)


def without_a_ledger(template: Path) -> Path:
    """The template as it was when groups were remembered, and nothing was followed."""
    older = read_template(template)
    properties = older["Resources"][TABLE]["Properties"]
    del properties["GlobalSecondaryIndexes"]
    key = {it["AttributeName"] for it in properties["KeySchema"]}
    properties["AttributeDefinitions"] = [
        it for it in properties["AttributeDefinitions"] if it["AttributeName"] in key
    ]
    for part in ("Resources", "Outputs"):
        older[part] = {
            name: it
            for name, it in older[part].items()
            if name not in STACKS and not any(f'["{stack}"' in json.dumps(it) for stack in STACKS)
        }
    path = template.with_name("template-without-a-ledger.json")
    path.write_text(json.dumps(older), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def stack(emulator: Emulator, template: Path, organization: Organization) -> Stack:
    """A stack of that version, which remembers two groups."""
    emulator.client("logs").create_log_group(logGroupName=TRAIL)
    stack = Stack(emulator, template, ALERTER, organization.id)
    replace(stack, template=without_a_ledger(template)).deploy(**PARAMETERS)
    for item in (OPEN, CLOSED):
        emulator.client("dynamodb").put_item(TableName=stack.resources()[TABLE], Item=item)
    return stack


def table_of(stack: Stack) -> dict[str, Any]:
    table: dict[str, Any] = stack.emulator.client("dynamodb").describe_table(
        TableName=stack.resources()[TABLE]
    )["Table"]
    return table


def items_of(stack: Stack) -> Mapping[str, Any]:
    items = stack.emulator.client("dynamodb").scan(TableName=stack.resources()[TABLE])["Items"]
    return {it["resource"]["S"]: it for it in items}


@pytest.fixture(scope="module")
def before(stack: Stack) -> dict[str, Any]:
    """The table, before the update to this version."""
    before = table_of(stack)
    assert STACKS.isdisjoint(stack.resources())
    stack.deploy(**PARAMETERS)
    return before


def test_the_table_is_kept_and_gets_its_index(stack: Stack, before: dict[str, Any]) -> None:
    now = table_of(stack)

    assert not before.get("GlobalSecondaryIndexes")
    [index] = now["GlobalSecondaryIndexes"]
    assert (index["IndexName"], index["IndexStatus"]) == (OPEN_INDEX, "ACTIVE")
    for kept in ("TableName", "TableId", "TableArn", "KeySchema"):
        assert now[kept] == before[kept]
    items = items_of(stack)
    assert [items[it["resource"]["S"]] for it in (OPEN, CLOSED)] == [OPEN, CLOSED]


@pytest.fixture
def told(stack: Stack, before: dict[str, Any]) -> Iterator[list[Any]]:
    """What the watch of the new version tells when it runs twice."""
    assert before
    function = stack.outputs["WatchFunctionName"]
    with subscribed_queue(stack.emulator, stack.outputs["AlertTopicArn"]) as queue:
        reports = []
        for _ in range(2):
            answer = stack.emulator.client("lambda").invoke(FunctionName=function, Payload=b"{}")
            counts = json.loads(answer["Payload"].read())
            assert counts["open"] == 1, counts
            reports.append(counts["reports"])
        assert reports == [1, 0]
        yield wait_for(queue.alerts, "report")


def test_what_was_open_before_it_is_followed(stack: Stack, told: list[Any]) -> None:
    [reminder] = told

    # That version's alert said that it was opened: this is the first reminder.
    assert reminder.attributes["severity"] == "CRITICAL"
    assert reminder.attributes["effect"] == "other"
    assert group(1).id in reminder.text
    items = items_of(stack)
    assert items[key_of(group(1))]["open_severity"] == {"S": "CRITICAL"}
    assert items[key_of(group(2))] == CLOSED
