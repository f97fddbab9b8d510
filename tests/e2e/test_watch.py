"""The watch on a deployed stack: from an opening to its reminder, to a public address, to its end.

No clock can be moved there, so the past is: what the table says of a group gets older.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from local.deliveries import MANAGEMENT_ACCOUNT_ID
from security_group_alerter.aws.group_items import kept_in, key_of
from security_group_alerter.aws.ledger_items import value_of
from security_group_alerter.memory.codec import bytes_of
from security_group_alerter.memory.fold import fold
from security_group_alerter.memory.group_memory import GroupMemory
from security_group_alerter.memory.statements import Seen, Statement
from security_group_alerter.model.exposure_life import Resource
from security_group_alerter.model.ledger import Told
from security_group_alerter.model.subject import SubjectKind
from tests.e2e.emulator import Emulator
from tests.e2e.members import Group, Member
from tests.e2e.organization import Organization, join
from tests.e2e.queues import Notification, subscribed_queue
from tests.e2e.scenes import Scene
from tests.e2e.stacks import Stack
from tests.e2e.waiting import wait_for

pytestmark = pytest.mark.no_cover

ALERTER: Final = "alerter-that-watches"
TRAIL: Final = "trail-of-the-alerter-that-watches"
ROLE: Final = "look-role-of-the-watch"
AN_HOUR: Final = timedelta(hours=1, minutes=5)


@pytest.fixture(scope="module")
def stack(emulator: Emulator, template: Path, organization: Organization) -> Stack:
    """A stack that looks, beside the one of the other tests."""
    emulator.client("logs").create_log_group(logGroupName=TRAIL)
    stack = Stack(emulator, template, ALERTER, organization.id)
    stack.deploy(ExistingTrailLogGroupName=TRAIL, TrailName=TRAIL, KmsKey="none", LookRole=ROLE)
    return stack


@pytest.fixture(scope="module")
def member(emulator: Emulator, organization: Organization) -> Member:
    member = Member(emulator=emulator, account_id=join(emulator, "watched"))
    member.deploy_look_role(
        RoleName=ROLE,
        AlerterAccountId=MANAGEMENT_ACCOUNT_ID,
        AlerterStackName=ALERTER,
        OrganizationId=organization.id,
    )
    return member


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """The watch of a stack, and what it tells."""

    scene: Scene

    def run(self) -> dict[str, int]:
        """What the function returns."""
        stack = self.scene.stack
        answer = stack.emulator.client("lambda").invoke(
            FunctionName=stack.outputs["WatchFunctionName"], Payload=b"{}"
        )
        result: dict[str, int] = json.loads(answer["Payload"].read())
        assert "errorMessage" not in result, result
        return result

    def told(self) -> Notification:
        """The one message that this run of the watch sends."""
        assert self.run()["reports"] == 1
        [alert] = wait_for(self.scene.queue.alerts, "report")
        return alert

    def make_older(self, group: Group, member: Member, by: timedelta) -> None:
        """All that is known of a group happened so much earlier."""
        resource = Resource(
            kind=SubjectKind.SECURITY_GROUP,
            id=group.id,
            account_id=member.account_id,
            region=member.region,
        )
        stack = self.scene.stack
        dynamodb = stack.emulator.client("dynamodb")
        table = stack.resources()["GroupMemoryTable"]
        key = {"resource": {"S": key_of(resource)}}
        kept = kept_in(resource, dynamodb.get_item(TableName=table, Key=key)["Item"])
        assert kept.memory.base is None
        memory = GroupMemory(statements=frozenset(_older(it, by) for it in kept.memory.statements))
        # An exposure is called by its event and that one's time.
        before, after = (fold(resource, it).exposures for it in (kept.memory, memory))
        keys = {old.uid: new.uid for old, new in zip(before, after, strict=True)}
        told = {keys[uid]: value_of(_told_older(it, by)) for uid, it in kept.told.items()}
        dynamodb.update_item(
            TableName=table,
            Key=key,
            UpdateExpression="SET memory = :memory, told = :told",
            ExpressionAttributeValues={
                ":memory": {"B": bytes_of(memory)},
                ":told": {"M": told},
            },
        )


def _older(statement: Statement, by: timedelta) -> Statement:
    event = statement.event._replace(time=statement.event.time - by)
    if isinstance(statement, Seen):
        return replace(statement, event=event, seen_at=statement.seen_at - by)
    return replace(statement, event=event)


def _told_older(told: Told, by: timedelta) -> Told:
    times: dict[str, Any] = {
        name: time - by
        for name in ("at", "reminded_at", "worse_at")
        if (time := getattr(told, name)) is not None
    }
    return replace(told, **times)


@pytest.fixture
def watch(stack: Stack, organization: Organization) -> Iterator[Watch]:
    with subscribed_queue(stack.emulator, stack.outputs["AlertTopicArn"]) as queue:
        yield Watch(scene=Scene(stack=stack, queue=queue, organization=organization))


def exposures_in(alert: Notification) -> list[dict[str, Any]]:
    exposures: list[dict[str, Any]] = alert.finding["unmapped"]["exposures"]
    return exposures


def test_an_opening_is_followed_until_it_is_closed(watch: Watch, member: Member) -> None:
    group = member.open_group("followed")
    instance = member.attach_instance(group, "worker")
    opened = watch.scene.alert_on_opening(group, member)
    [exposure] = exposures_in(opened)
    assert (opened.attributes["severity"], opened.attributes["reach"]) == ("HIGH", "private")
    seen = watch.run()
    assert (seen["looked_at"], seen["open"], seen["reports"]) == (1, 1, 0)

    member.make_public(instance.interface_id)
    worse = watch.told()

    assert (worse.attributes["severity"], worse.attributes["reach"]) == ("CRITICAL", "public")
    assert worse.attributes["effect"] == "opens"
    assert exposures_in(worse) == [exposure | {"activity_id": 2, "status_id": 2}]
    assert watch.run()["reports"] == 0

    watch.make_older(group, member, AN_HOUR)
    reminder = watch.told()

    assert reminder.attributes["effect"] == "other"
    assert reminder.attributes["world_open"] == "true"
    assert exposures_in(reminder) == [exposure | {"activity_id": 2, "status_id": 2}]
    assert watch.run()["reports"] == 0

    member.ec2.revoke_security_group_ingress(GroupId=group.id, SecurityGroupRuleIds=[group.rule_id])
    # The record may still come.
    seen = watch.run()
    assert (seen["looked_at"], seen["open"], seen["reports"]) == (1, 0, 0)
    watch.make_older(group, member, AN_HOUR)
    closed = watch.told()

    assert closed.attributes["effect"] == "closes"
    assert closed.attributes["severity"] == "LOW"
    assert exposures_in(closed) == [exposure | {"activity_id": 3, "status_id": 4}]
    assert watch.run()["reports"] == 0
