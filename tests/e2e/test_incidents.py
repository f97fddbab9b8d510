"""From a record in the trail's log group to an incident: examples/incidents beside the stack."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

import pytest

from tests.e2e.emulator import Emulator
from tests.e2e.organization import OPENING, Organization
from tests.e2e.queues import Queue
from tests.e2e.stacks import Stack
from tests.e2e.waiting import wait_for
from tests.incident_services import KEY, IncidentServices, incident_services
from tests.stories import ROOT

pytestmark = pytest.mark.no_cover

TEMPLATE: Final = ROOT / "examples/incidents/template.yaml"
# MEDIUM.
LEFT_OUT: Final = "https-opened-to-the-world"
CLOSING: Final = "ssh-closed-to-the-world"


@pytest.fixture(scope="module")
def services() -> Iterator[IncidentServices]:
    with incident_services() as services:
        yield services


@pytest.fixture(scope="module")
def incidents(emulator: Emulator, stack: Stack, services: IncidentServices) -> Iterator[Stack]:
    """The stack for PagerDuty. Its requests go to the loopback interface."""
    secrets = emulator.client("secretsmanager")
    secret = secrets.create_secret(Name="pagerduty", SecretString=KEY)
    incidents = replace(stack, template=TEMPLATE, name="incidents")
    emulator.sam(
        *("deploy", "--template-file", TEMPLATE, "--stack-name", incidents.name),
        *("--capabilities", "CAPABILITY_IAM", "--resolve-s3", "--no-confirm-changeset"),
        "--parameter-overrides",
        f"AlertTopicArn={stack.outputs['AlertTopicArn']}",
        f"OperationsTopicArn={stack.outputs['OperationsTopicArn']}",
        "Service=PagerDuty",
        "Endpoint=https://events.pagerduty.com/v2/enqueue",
        f"SecretArn={secret['ARN']}",
    )
    functions = emulator.client("lambda")
    name = incidents.outputs["FunctionName"]
    variables = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    functions.update_function_configuration(
        FunctionName=name,
        Environment={"Variables": variables | {"ENDPOINT": services.endpoint("PagerDuty")}},
    )
    yield incidents
    incidents.delete()
    secrets.delete_secret(SecretId=secret["ARN"], ForceDeleteWithoutRecovery=True)


def test_a_severe_alert_opens_an_incident_and_another_does_not(
    stack: Stack,
    incidents: Stack,
    services: IncidentServices,
    queue: Queue,
    organization: Organization,
) -> None:
    assert incidents.outputs
    severe, other = map(organization.record_of, [OPENING, LEFT_OUT])

    stack.put(other)
    queue.alerts_until(other["eventID"])
    stack.put(severe)

    [alert] = queue.alerts_until(severe["eventID"])
    [opened] = wait_for(lambda: services.opened, "incident")
    assert services.refused == []
    assert opened["dedup_key"] == alert.finding["finding_info"]["uid"]
    assert opened["payload"]["summary"] == alert.subject
    assert opened["payload"]["source"] == organization.account_id


def test_the_call_that_closes_it_resolves_the_incident(
    stack: Stack,
    incidents: Stack,
    services: IncidentServices,
    queue: Queue,
    organization: Organization,
) -> None:
    assert incidents.outputs
    opening = in_a_group_of_its_own(organization.record_of(OPENING))
    stack.put(opening)
    [alert] = queue.alerts_until(opening["eventID"])
    uid = alert.finding["finding_info"]["uid"]
    wait_for(lambda: uid in services.keys, "incident")

    closing = in_a_group_of_its_own(organization.record_of(CLOSING))
    stack.put(closing)

    [alert] = queue.alerts_until(closing["eventID"])
    assert alert.attributes["severity"] == "LOW"
    wait_for(lambda: uid in services.resolved, "end of the incident")
    assert services.refused == services.ignored == []


def in_a_group_of_its_own(record: dict[str, Any]) -> dict[str, Any]:
    """No other test knows it: a rule that is gone does not come again."""
    text = json.dumps(record).replace("0945dc6b613dff4fd", "0000000000001c1de")
    moved: dict[str, Any] = json.loads(text.replace("sgr-04e7c1a0be45da87b", "sgr-00000000001c1de"))
    return moved


def test_an_alert_that_is_refused_is_tried_again_and_kept(
    stack: Stack,
    incidents: Stack,
    services: IncidentServices,
    queue: Queue,
    organization: Organization,
) -> None:
    record = organization.record_of(OPENING)
    failures = Queue(stack.emulator, incidents.outputs["FailureQueueUrl"])
    stack.put(record)
    [alert] = queue.alerts_until(record["eventID"])
    uid = alert.finding["finding_info"]["uid"]
    wait_for(lambda: uid in services.keys, "incident")
    services.refuses = True

    # As Amazon SNS does. The emulator's tries only once.
    payload = {"Records": [{"Sns": {"Subject": alert.subject, "Message": alert.text}}]}
    incidents.invoke_asynchronously(payload)

    kept = json.loads(failures.next_message()["Body"])
    assert kept["requestPayload"] == payload
    assert services.refused == ["unavailable"] * 3
