"""A stack that looks into accounts, and what its alerts say of that."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from tests.e2e.members import Group, Member
from tests.e2e.organization import OPENING, Organization
from tests.e2e.queues import Notification, Queue
from tests.e2e.stacks import Stack
from tests.stories import story


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A stack that looks, and a queue that gets its alerts."""

    stack: Stack
    queue: Queue
    organization: Organization

    def opening_of(self, group: Group, member: Member) -> dict[str, Any]:
        """The record of the call that opened the group."""
        recorded = story(OPENING)
        [rule] = recorded["responseElements"]["securityGroupRuleSet"]["items"]
        text = json.dumps(
            replace(self.organization, account_id=member.account_id).record_of(OPENING)
        )
        for before, now in (
            (recorded["requestParameters"]["groupId"], group.id),
            (rule["securityGroupRuleId"], group.rule_id),
            (recorded["awsRegion"], member.region),
        ):
            text = text.replace(before, now)
        record: dict[str, Any] = json.loads(text)
        return record

    def alert_on_opening(self, group: Group, member: Member) -> Notification:
        """What is sent when the call that opened the group is recorded."""
        return self.alert_on(self.opening_of(group, member))

    def alert_on(self, record: Mapping[str, Any]) -> Notification:
        """What is sent when the call is recorded."""
        self.stack.put(record)
        [alert] = self.queue.alerts_until(record["eventID"])
        return alert


def look_in(alert: Notification) -> dict[str, Any]:
    """What the alert says of the one look."""
    [look] = alert.finding["unmapped"]["looks"]
    found: dict[str, Any] = look
    return found


def attached_in(alert: Notification) -> list[dict[str, Any]]:
    """The network interfaces that the alert names."""
    return [
        resource["data"]
        for resource in alert.finding["resources"]
        if resource["type"] == "AWS::EC2::NetworkInterface"
    ]


def assert_nothing_seen(alert: Notification, member: Member, role: str) -> str:
    """Returns what the alert says of it."""
    assert alert.attributes["severity"] == "CRITICAL"
    assert alert.attributes["account_id"] == member.account_id
    assert alert.attributes["reach"] == "unknown"
    assert attached_in(alert) == []
    problem: str = look_in(alert)["problem"]
    assert problem == (
        f"the role {role} does not exist in account {member.account_id}, or may not be assumed"
    )
    return problem
