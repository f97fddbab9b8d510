"""The metric filters and alarms that CIS and Security Hub look for count what they should."""

from collections.abc import Mapping
from typing import Final

import pytest

from tests.e2e.emulator import Emulator
from tests.e2e.organization import OPENING, Organization
from tests.e2e.queues import Queue
from tests.e2e.stacks import Stack

pytestmark = pytest.mark.no_cover

# The older standard does not include the call with which the console edits rules.
EDITED: Final = "rule-edited-to-open-ssh-to-the-world"


def test_changes_are_counted(stack: Stack, queue: Queue, organization: Organization) -> None:
    opening, edited, read = (
        organization.record_of(OPENING),
        organization.record_of(EDITED),
        organization.record_of(OPENING, eventName="DescribeSecurityGroups"),
    )
    before = counted(stack)

    stack.put(opening, edited, read)

    after = counted(stack)
    queue.alerts_until(opening["eventID"], edited["eventID"])
    assert {name: after[name] - before[name] for name in after} == {
        "SecurityGroupChanges": 1,
        "SecurityGroupChangesCis5": 2,
    }


def test_the_first_change_in_a_row_trips_the_alarms(
    emulator: Emulator, stack: Stack, queue: Queue, organization: Organization
) -> None:
    alarms = {
        stack.resources()[name]
        for name in ("SecurityGroupChangesAlarm", "SecurityGroupChangesCis5Alarm")
    }
    for name in alarms:
        emulator.client("cloudwatch").set_alarm_state(
            AlarmName=name, StateValue="OK", StateReason="nothing has changed for a while"
        )
    record = organization.record_of(OPENING)

    stack.put(record)

    received = queue.notifications_until(record["eventID"])
    subjects = [notification.subject for notification in received if not notification.attributes]
    assert sorted(subjects) == sorted(f'ALARM: "{name}" in eu-central-1' for name in alarms)


def counted(stack: Stack) -> Mapping[str, float]:
    return {
        name: stack.sum_of(stack.name, name, [])
        for name in ("SecurityGroupChanges", "SecurityGroupChangesCis5")
    }
