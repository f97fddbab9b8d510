"""examples/incidents opens an incident for each exposure, and resolves it, as each service asks."""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final
from urllib.error import HTTPError

import boto3
import pytest
from moto import mock_aws

from examples.incidents import incidents
from local.template import read_template
from security_group_alerter.model.finding import Effect
from security_group_alerter.model.ledger import Activity, Status
from security_group_alerter.model.severity import Severity
from tests.incident_services import (
    JIRA_USER,
    KEY,
    SERVICES,
    IncidentServices,
    incident_services,
)
from tests.stories import ROOT

TEMPLATE: Final = ROOT / "examples/incidents/template.yaml"
GOLDEN: Final = ROOT / "tests/golden"
STORY: Final = "ssh-opened-to-the-world-from-the-console"
STORIES: Final = sorted(path.name.split(".")[0] for path in GOLDEN.glob("*.machine.json"))

Send = Callable[..., None]


@pytest.fixture
def services() -> Iterator[IncidentServices]:
    with incident_services() as services:
        yield services


@pytest.fixture
def send(services: IncidentServices, monkeypatch: pytest.MonkeyPatch) -> Iterator[Send]:
    """Hand an alert to the function, as Amazon SNS does, for a service."""
    incidents.key.cache_clear()
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    with mock_aws():
        secret: Any = boto3.client("secretsmanager")
        arn = secret.create_secret(Name="key", SecretString=KEY)["ARN"]

        def send(service: str, *alerts: tuple[str, str], **settings: str) -> None:
            parameters = {
                "SERVICE": service,
                "ENDPOINT": services.endpoint(service),
                "SECRET_ARN": arn,
                "MINIMUM_SEVERITY": "INFORMATIONAL",
                "JIRA_USER": JIRA_USER,
                "JIRA_PROJECT": "SEC",
                "JIRA_ISSUE_TYPE": "Task",
            }
            for name, value in (parameters | settings).items():
                monkeypatch.setenv(name, value)
            records = [{"Sns": {"Subject": subject, "Message": text}} for subject, text in alerts]
            incidents.lambda_handler({"Records": records}, None)

        yield send
    incidents.key.cache_clear()


def alert_of(story: str) -> tuple[str, str]:
    """Subject and machine form."""
    attributes = json.loads((GOLDEN / f"{story}.attributes.json").read_text("utf-8"))
    return attributes["subject"], (GOLDEN / f"{story}.machine.json").read_text("utf-8")


def finding_of(story: str) -> dict[str, Any]:
    finding: dict[str, Any] = json.loads(alert_of(story)[1])
    return finding


def uid_of(story: str) -> str:
    uid: str = finding_of(story)["finding_info"]["uid"]
    return uid


NEW: Final = (1, 1)
STANDS: Final = (2, 2)
OVER: Final = (3, 4)
OPENED_AND_OVER: Final = (1, 4)


def alert_about(
    effect: str, severity: str = "Critical", uid: str = "of-its-own", **exposures: tuple[int, int]
) -> tuple[str, str]:
    """Of these exposures, by uid: what is told of each, and what is to be done about it."""
    finding = finding_of(STORY)
    finding["severity"] = severity
    finding["finding_info"]["uid"] = uid
    finding["unmapped"] |= {
        "effect": effect,
        "exposures": [
            {"uid": uid, "activity_id": activity, "status_id": status}
            for uid, (activity, status) in exposures.items()
        ],
    }
    return f"{severity.upper()}: {effect}", json.dumps(finding)


Alert = tuple[str, str]
# What is sent, from which severity on, which incidents are there then, and which are resolved.
LIVES: Final[dict[str, tuple[list[Alert], str, list[str], list[str]]]] = {
    "opened": ([alert_about("opens", ssh=NEW)], "HIGH", ["ssh"], []),
    "opened-and-closed": (
        [alert_about("opens", ssh=NEW), alert_about("closes", "Low", ssh=OVER)],
        "HIGH",
        ["ssh"],
        ["ssh"],
    ),
    "reminders-open-nothing-else": (
        [
            alert_about("opens", ssh=NEW),
            alert_about("other", ssh=STANDS),
            alert_about("other", ssh=STANDS),
            alert_about("closes", "Low", ssh=OVER),
        ],
        "HIGH",
        ["ssh"],
        ["ssh"],
    ),
    "a-reminder-opens-what-was-not-severe-before": (
        [alert_about("opens", "Medium", ssh=NEW), alert_about("opens", "High", ssh=STANDS)],
        "HIGH",
        ["ssh"],
        [],
    ),
    "the-end-of-what-has-no-incident": ([alert_about("closes", "Low", ssh=OVER)], "LOW", [], []),
    "a-part-of-it-closed": (
        [alert_about("opens", ssh=NEW), alert_about("closes", "Low", ssh=STANDS)],
        "HIGH",
        ["ssh"],
        [],
    ),
    "not-severe-enough": ([alert_about("opens", "Medium", web=NEW)], "HIGH", [], []),
    "several-in-one-alert-by-the-list": (
        [alert_about("opens", "High", ssh=NEW, rdp=NEW), alert_about("closes", "Low", rdp=OVER)],
        "HIGH",
        ["ssh", "rdp"],
        ["rdp"],
    ),
    "several-closed-by-one-call": (
        [
            alert_about("opens", ssh=NEW),
            alert_about("opens", rdp=NEW),
            alert_about("closes", "Low", ssh=OVER, web=OVER, rdp=OVER),
        ],
        "HIGH",
        ["ssh", "rdp"],
        ["ssh", "rdp"],
    ),
    "an-edit-that-moves-the-world": (
        [alert_about("opens", ssh=NEW), alert_about("opens", rdp=NEW, ssh=OVER)],
        "HIGH",
        ["ssh", "rdp"],
        ["ssh"],
    ),
    "an-edit-to-a-port-that-is-not-severe": (
        [alert_about("opens", ssh=NEW), alert_about("opens", "Medium", web=NEW, ssh=OVER)],
        "HIGH",
        ["ssh"],
        ["ssh"],
    ),
    "over-when-it-was-judged": (
        [alert_about("opens", "High", ssh=OPENED_AND_OVER)],
        "HIGH",
        ["ssh"],
        ["ssh"],
    ),
    "closed-to-the-world-and-open-to-a-cloud": (
        [alert_about("opens", ssh=NEW), alert_about("closes", "High", uid="ssh", ssh=OVER)],
        "HIGH",
        ["ssh", "added-ssh"],
        ["ssh"],
    ),
    "about-no-exposure": ([alert_about("other", uid="trail")], "HIGH", ["trail"], []),
}


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize(("alerts", "minimum", "opened", "resolved"), LIVES.values(), ids=LIVES)
def test_one_incident_for_the_life_of_an_exposure(
    *,
    services: IncidentServices,
    send: Send,
    service: str,
    alerts: list[Alert],
    minimum: str,
    opened: list[str],
    resolved: list[str],
) -> None:
    for alert in alerts:
        send(service, alert, MINIMUM_SEVERITY=minimum)
        # Amazon SNS may send it twice, and Lambda may try again.
        send(service, alert, MINIMUM_SEVERITY=minimum)

    assert services.refused == []
    assert services.keys == opened
    assert [*dict.fromkeys(services.resolved)] == resolved


def test_jira_gets_one_comment_and_a_label(services: IncidentServices, send: Send) -> None:
    closed = alert_about("closes", "Low", ssh=OVER)
    send("Jira", alert_about("opens", ssh=NEW))

    send("Jira", closed, closed)

    assert services.comments == [("ssh", "LOW: closes")]
    [issue] = services.opened
    assert issue["fields"]["labels"] == ["security-group-alerter", "ssh", "security-group-closed"]


@pytest.mark.parametrize(
    ("service", "path"),
    [
        ("Opsgenie", r"POST /v2/alerts/ssh/close.*"),
        ("Jira", r"POST /rest/api/2/issue/\d+/comment"),
        ("Jira", r"PUT /rest/api/2/issue/\d+"),
    ],
)
def test_an_end_that_is_refused_is_raised_and_tried_again(
    services: IncidentServices, send: Send, service: str, path: str
) -> None:
    send(service, alert_about("opens", ssh=NEW))
    services.refuses_path = path

    with pytest.raises(HTTPError):
        send(service, alert_about("closes", "Low", ssh=OVER))
    assert services.resolved == []

    services.refuses_path = None
    send(service, alert_about("closes", "Low", ssh=OVER))
    assert services.resolved == ["ssh"]


@pytest.mark.parametrize("service", SERVICES)
def test_every_alert_becomes_an_incident_in_the_services_format(
    services: IncidentServices, send: Send, service: str
) -> None:
    for story in STORIES:
        send(service, alert_of(story))

    assert services.refused == []
    # What several alerts tell of one exposure is one incident, and a closing is none.
    opening = [it for it in STORIES if finding_of(it)["unmapped"]["effect"] != "closes"]
    assert services.keys == [*dict.fromkeys(uid_of(story) for story in opening)]
    assert len(services.keys) > len(STORIES) // 2
    assert (
        services.ignored + services.resolved
        == [uid_of(story) for story in STORIES if story not in opening][
            : None if service != "Jira" else 0
        ]
    )


@pytest.mark.parametrize("service", SERVICES)
def test_an_alert_that_is_sent_again_opens_nothing(
    services: IncidentServices, send: Send, service: str
) -> None:
    send(service, alert_of(STORY))
    send(service, alert_of(STORY), alert_of(STORIES[0]))

    assert services.keys == [uid_of(STORY), uid_of(STORIES[0])]


@pytest.mark.parametrize("service", SERVICES)
def test_what_the_service_refuses_is_raised(
    services: IncidentServices, send: Send, service: str
) -> None:
    services.refuses = True

    with pytest.raises(HTTPError):
        send(service, alert_of(STORY))

    assert services.opened == []


@pytest.mark.parametrize("service", SERVICES)
def test_a_wrong_key_is_refused(send: Send, service: str) -> None:
    secret: Any = boto3.client("secretsmanager")
    secret.put_secret_value(SecretId="key", SecretString="wrong")

    with pytest.raises(HTTPError, match="401"):
        send(service, alert_of(STORY))


@pytest.mark.parametrize(
    ("severity", "in_pagerduty", "in_opsgenie"),
    [
        ("Critical", "critical", "P1"),
        ("High", "error", "P2"),
        ("Medium", "warning", "P3"),
        ("Low", "info", "P4"),
        ("Informational", "info", "P5"),
    ],
)
def test_how_urgent_it_is(
    services: IncidentServices, send: Send, severity: str, in_pagerduty: str, in_opsgenie: str
) -> None:
    assert severity.upper() in Severity.__members__
    subject, text = alert_of(STORY)
    alert = (subject, json.dumps(json.loads(text) | {"severity": severity}))

    send("PagerDuty", alert)
    assert services.opened.pop()["payload"]["severity"] == in_pagerduty
    send("Opsgenie", alert)
    assert services.opened.pop()["priority"] == in_opsgenie


def test_what_an_issue_says(services: IncidentServices, send: Send) -> None:
    subject, text = alert_of(STORY)
    finding = json.loads(text)

    send("Jira", (subject, text))

    [request] = services.opened
    fields = request["fields"]
    assert fields["project"] == {"key": "SEC"}
    assert fields["issuetype"] == {"name": "Task"}
    assert fields["summary"] == subject
    assert fields["labels"] == ["security-group-alerter", uid_of(STORY)]
    what, account, region, call, undo, *links = fields["description"].splitlines()
    assert what == finding["message"]
    assert account == "Account: payments-production 222233334444"
    assert region == "Region: eu-central-1"
    assert call.endswith("/jane.doe@example.com")
    assert undo.startswith("Undo: aws ec2 revoke-security-group-ingress ")
    assert links == finding["remediation"]["references"]


def test_what_is_not_known_is_not_needed(services: IncidentServices, send: Send) -> None:
    # An alert about the alerter's own configuration has no account, Region and calls.
    finding = json.loads(alert_of(STORY)[1])
    for name in ("resources", "remediation"):
        del finding[name]
    finding |= {"cloud": {"provider": "AWS"}, "evidences": [{"data": {"phrase": "expired"}}]}

    for service in SERVICES:
        send(service, ("MEDIUM: an accepted opening is not valid", json.dumps(finding)))
        assert services.opened.pop()

    assert services.refused == []


def test_a_long_description_is_cut(services: IncidentServices, send: Send) -> None:
    subject, text = alert_of(STORY)
    finding = json.loads(text)
    finding["remediation"]["desc"] = "x" * incidents.LONGEST_DESCRIPTION

    send("Opsgenie", (subject, json.dumps(finding)))

    assert len(services.opened[0]["description"]) == incidents.LONGEST_DESCRIPTION


# The template.


def template() -> dict[str, Any]:
    return read_template(TEMPLATE)


def test_the_template_knows_the_services_and_the_settings() -> None:
    function = template()["Resources"]["Function"]["Properties"]
    module, _, name = function["Handler"].partition(".")
    source = Path(incidents.__file__).read_text("utf-8")

    assert tuple(template()["Parameters"]["Service"]["AllowedValues"]) == SERVICES
    assert tuple(incidents.SERVICES) == SERVICES
    assert (TEMPLATE.parent / function["CodeUri"] / f"{module}.py").samefile(incidents.__file__)
    assert name == incidents.lambda_handler.__name__
    for variable in function["Environment"]["Variables"]:
        assert f'os.environ["{variable}"]' in source or f"os.environ['{variable}']" in source


def test_the_template_uses_severities_as_the_alerts_have_them() -> None:
    rows = template()["Mappings"]["SeveritiesFrom"]

    assert rows == read_template()["Mappings"]["SeveritiesFrom"]
    assert template()["Parameters"]["MinimumSeverity"]["AllowedValues"] == list(rows)
    assert list(incidents.SEVERITIES) == list(Severity.__members__) == list(rows)
    assert rows["INFORMATIONAL"]["AndAbove"] == list(rows)


def test_what_may_close_an_exposure_is_sent_to_the_function_whatever_its_severity() -> None:
    events = template()["Resources"]["Function"]["Properties"]["Events"]
    policy = events["Alerts"]["Properties"]["FilterPolicy"]["$or"]

    assert policy[1] == {"effect": [Effect.CLOSES.value, Effect.OPENS.value]}
    assert incidents.CLOSES == Effect.CLOSES
    assert (incidents.CREATE, incidents.RESOLVED) == (Activity.CREATE, Status.RESOLVED)


def test_no_key_is_a_parameter() -> None:
    # It would be in the template's history, and in the function's configuration.
    assert not [name for name in template()["Parameters"] if "Key" in name or "Token" in name]
    assert KEY not in str(dict(os.environ))
