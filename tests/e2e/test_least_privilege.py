"""Every statement of the function's role is needed: without any of them, something is missing."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import pytest

from local.deliveries import deliveries_of
from tests.e2e.organization import OPENING, Organization
from tests.e2e.queues import Queue, subscribed_queue
from tests.e2e.roles import Role
from tests.e2e.stacks import Stack
from tests.e2e.waiting import wait_for

pytestmark = pytest.mark.no_cover

UNDECODABLE: Final = {"awslogs": {"data": "no delivery"}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A stack whose function lacks a statement, and where that is noticed."""

    stack: Stack
    organization: Organization
    queue: Queue
    chat: Queue
    failures: Queue


def nothing_is_sent_and_the_delivery_is_kept(scene: Scene) -> str:
    payload = payload_of(scene.organization.record_of(OPENING))

    scene.stack.invoke_asynchronously(payload)

    kept = json.loads(scene.failures.next_message()["Body"])
    assert kept["requestPayload"] == payload
    why = kept["responsePayload"]["errorMessage"]
    [(error, call)] = re.findall(r"\((\w+)\) when calling the (\w+) operation", why)
    assert scene.queue.alerts() == []
    return f"no alert; the delivery is in the failure queue, with {error} in {call}"


def chat_lacks_the_alert_and_the_delivery_is_kept(scene: Scene) -> str:
    record = scene.organization.record_of(OPENING)
    payload = payload_of(record)

    scene.stack.invoke_asynchronously(payload)

    kept = json.loads(scene.failures.next_message()["Body"])
    assert kept["requestPayload"] == payload
    why = kept["responsePayload"]["errorMessage"]
    [(error, call)] = re.findall(r"\((\w+)\) when calling the (\w+) operation", why)
    # Rather again with each retry than never.
    alert, *_ = scene.queue.alerts_until(record["eventID"])
    assert alert.event_ids == {record["eventID"]}
    assert scene.chat.alerts() == []
    return f"chat gets nothing; the delivery is in the failure queue, with {error} in {call}"


def the_account_has_no_name(scene: Scene) -> str:
    record = scene.organization.record_of(OPENING)

    scene.stack.restart()  # a warm function remembers the name
    try:
        scene.stack.put(record)
        [alert] = scene.queue.alerts_until(record["eventID"])
    finally:
        scene.stack.restart()  # or that it could not be had

    assert "account_name" not in alert.attributes
    assert alert.attributes["account_id"] == scene.organization.account_id
    [problem] = alert.finding["unmapped"]["not_available"]
    return f"the alert has no account name, OU and tags, and says: {problem}"


def an_alert_comes_again_and_says_that_it_may(scene: Scene) -> str:
    record = scene.organization.record_of(OPENING)

    scene.stack.put(record)
    [first] = scene.queue.alerts_until(record["eventID"])
    scene.stack.put(record)
    [second] = scene.queue.alerts_until(record["eventID"])

    assert first.finding["unmapped"]["may_repeat"]
    assert second.finding["unmapped"]["may_repeat"]
    return "the same event is alerted twice, each time saying that it may be a repeat"


def the_group_is_not_remembered(scene: Scene) -> str:
    record = scene.organization.record_of(OPENING)

    counts = scene.stack.invoke(payload_of(record))

    [alert] = scene.queue.alerts_until(record["eventID"])
    assert alert.event_ids == {record["eventID"]}
    assert counts["memory_failures"] == 1
    logged = scene.stack.logged_delivery(record["eventID"])
    assert logged
    assert logged["memory_failures"] == 1
    return (
        "the alert goes out, judged by its record alone; the log and the metric count"
        " 1 in memory_failures"
    )


def a_failed_delivery_is_not_kept(scene: Scene) -> str:
    # local/emulator.py counts it in Lambda's place: this shows that the statement is asked for.
    scene.stack.invoke_asynchronously(UNDECODABLE)

    name = "DestinationDeliveryFailures"
    function = [{"Name": "FunctionName", "Value": scene.stack.outputs["FunctionName"]}]
    lost = wait_for(lambda: scene.stack.sum_of("AWS/Lambda", name, function), name)
    assert scene.failures.messages() == []
    return f"a failing delivery does not reach the failure queue; {name} counts {lost:g}"


def alerts_leave_no_trace_in_the_log(scene: Scene) -> str:
    record = scene.organization.record_of(OPENING)

    counts = scene.stack.invoke(payload_of(record))

    assert counts["alerts"] == 1
    assert scene.stack.logged_delivery(record["eventID"]) is None
    return "the alert goes out, but the function's log, and with it its metrics, say nothing"


# Sid -> what is lost or degraded without it.
EFFECTS: Final[Mapping[str, Callable[[Scene], str]]] = {
    "PublishAlerts": nothing_is_sent_and_the_delivery_is_kept,
    "PublishToChat": chat_lacks_the_alert_and_the_delivery_is_kept,
    "NameTheAccount": the_account_has_no_name,
    "RememberWhatWasAlerted": an_alert_comes_again_and_says_that_it_may,
    "RememberTheGroups": the_group_is_not_remembered,
    "KeepFailedDeliveries": a_failed_delivery_is_not_kept,
    "WriteItsOwnLog": alerts_leave_no_trace_in_the_log,
    "UseTheKeyOfTheTopic": nothing_is_sent_and_the_delivery_is_kept,
}


def payload_of(record: Mapping[str, Any]) -> dict[str, Any]:
    """What CloudWatch Logs would hand to the function."""
    [delivery] = deliveries_of([dict(record)])
    return delivery.payload


@pytest.fixture(scope="module")
def role(stack: Stack) -> Role:
    return Role(stack.emulator, stack.resources()["SecurityGroupAlerterRole"])


@pytest.fixture
def scene(stack: Stack, organization: Organization, queue: Queue) -> Iterator[Scene]:
    failures = Queue(stack.emulator, stack.outputs["FailureQueueUrl"])
    with subscribed_queue(stack.emulator, stack.outputs["ChatTopicArn"]) as chat:
        yield Scene(
            stack=stack, organization=organization, queue=queue, chat=chat, failures=failures
        )


def test_the_table_has_every_statement(role: Role) -> None:
    assert role.sids == list(EFFECTS)


@pytest.mark.parametrize("sid", EFFECTS)
def test_without_one_statement_somebody_notices(
    role: Role, scene: Scene, noticed: dict[str, str], sid: str
) -> None:
    with role.without(sid):
        noticed[sid] = EFFECTS[sid](scene)
