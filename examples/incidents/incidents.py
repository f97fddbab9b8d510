"""Opens an incident for each exposure, and resolves it: PagerDuty, Opsgenie, or Jira.

A Lambda function that is subscribed to the alert topic (template.yaml). It gets the machine form.
`unmapped.exposures` lists the exposures that an alert is about. Each has one uid from its first
alert to its last: this is the deduplication key of its incident. An alert about no exposure has a
uid of its own, `finding_info.uid`.

Whatever the service refuses is raised: Lambda tries again, and then keeps the alert in a queue.
"""

from __future__ import annotations

import base64
import json
import os
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple

import boto3

SOURCE = "security-group-alerter"
SECONDS_FOR_AN_ANSWER = 10
# https://developer.pagerduty.com/docs/send-alert-event
PAGERDUTY_SEVERITY = {"Critical": "critical", "High": "error", "Medium": "warning"}
# https://docs.opsgenie.com/docs/alert-api
PRIORITY = {"Critical": "P1", "High": "P2", "Medium": "P3", "Low": "P4"}
LONGEST_DESCRIPTION = 15_000
SEVERITIES = ("INFORMATIONAL", "LOW", "MEDIUM", "HIGH", "CRITICAL")
# https://schema.ocsf.io/1.5.0/classes/detection_finding
CREATE, RESOLVED = 1, 4
CLOSES = "closes"
# The label of an issue whose exposure is over.
JIRA_CLOSED = "security-group-closed"


def lambda_handler(event: Mapping[str, Any], _context: object) -> None:
    """One notification of Amazon SNS for each record."""
    service = SERVICES[os.environ["SERVICE"]]
    for record in event["Records"]:
        notification = record["Sns"]
        subject, finding = notification["Subject"], json.loads(notification["Message"])
        for uid in opened_in(finding):
            service.open(uid, subject, finding)
        for uid in resolved_in(finding):
            service.resolve(uid, subject)


def opened_in(finding: Mapping[str, Any]) -> list[str]:
    """The keys of the incidents that an alert opens, unless they are open."""
    severity = SEVERITIES.index(finding["severity"].upper())
    if severity < SEVERITIES.index(os.environ["MINIMUM_SEVERITY"]):
        return []
    exposures, uid = finding["unmapped"].get("exposures", []), finding["finding_info"]["uid"]
    if finding["unmapped"]["effect"] == CLOSES:
        # A closing is LOW. More severe is what the call let in instead, such as a broad range.
        return [f"added-{uid}"] if severity > SEVERITIES.index("LOW") else []
    # What was opened and is over already has an incident, too, that is resolved at once.
    opened = [
        it["uid"] for it in exposures if it["status_id"] != RESOLVED or it["activity_id"] == CREATE
    ]
    return opened if exposures else [uid]


def resolved_in(finding: Mapping[str, Any]) -> list[str]:
    """The keys of the incidents that are over with this alert, if there are any."""
    exposures = finding["unmapped"].get("exposures", [])
    return [it["uid"] for it in exposures if it["status_id"] == RESOLVED]


def open_in_pagerduty(uid: str, subject: str, finding: Mapping[str, Any]) -> None:
    """Trigger an alert of the Events API v2."""
    call(
        os.environ["ENDPOINT"],
        {
            "routing_key": key(),
            "event_action": "trigger",
            "dedup_key": uid,
            "payload": {
                "summary": subject,
                "source": finding["cloud"].get("account", {}).get("uid", SOURCE),
                "severity": PAGERDUTY_SEVERITY.get(finding["severity"], "info"),
                "custom_details": finding,
            },
        },
    )


def resolve_in_pagerduty(uid: str, _subject: str) -> None:
    """Resolve it. PagerDuty ignores that where nothing is open."""
    event = {"routing_key": key(), "event_action": "resolve", "dedup_key": uid}
    call(os.environ["ENDPOINT"], event)


def open_in_opsgenie(uid: str, subject: str, finding: Mapping[str, Any]) -> None:
    """Create an alert; the integration events of Jira Service Management have the same form."""
    call(
        os.environ["ENDPOINT"],
        {
            "message": subject,
            "alias": uid,
            "description": description_of(finding),
            "priority": PRIORITY.get(finding["severity"], "P5"),
            "source": SOURCE,
        },
        Authorization=f"GenieKey {key()}",
    )


def resolve_in_opsgenie(uid: str, subject: str) -> None:
    """Close the alert with this alias. It is taken, and then ignored, where none is open."""
    alias = urllib.parse.quote(uid, safe="")
    call(
        f"{os.environ['ENDPOINT']}/{alias}/close?identifierType=alias",
        {"source": SOURCE, "note": subject},
        Authorization=f"GenieKey {key()}",
    )


def open_in_jira(uid: str, subject: str, finding: Mapping[str, Any]) -> None:
    """Create an issue, unless one has the label. Jira has no deduplication key of its own."""
    if issue_in_jira(uid) is not None:
        return
    fields = {
        "project": {"key": os.environ["JIRA_PROJECT"]},
        "issuetype": {"name": os.environ["JIRA_ISSUE_TYPE"]},
        "summary": subject,
        "description": description_of(finding),
        "labels": [SOURCE, uid],
    }
    call_jira("issue", {"fields": fields})


def resolve_in_jira(uid: str, subject: str) -> None:
    """Comment on the issue, once. What its next status is, each project's workflow says."""
    issue = issue_in_jira(uid)
    if issue is None or JIRA_CLOSED in issue["fields"]["labels"]:
        return
    call_jira(f"issue/{issue['id']}/comment", {"body": subject})
    call_jira(f"issue/{issue['id']}", {"update": {"labels": [{"add": JIRA_CLOSED}]}}, method="PUT")


def issue_in_jira(uid: str) -> Any:
    """The issue with this label; None without one."""
    query = urllib.parse.urlencode(
        {"jql": f'labels = "{uid}"', "fields": "labels", "maxResults": 1}
    )
    found = call_jira(f"search/jql?{query}")
    return found["issues"][0] if found["issues"] else None


def call_jira(path: str, body: Mapping[str, Any] | None = None, method: str | None = None) -> Any:
    """A call of the site's API, as the user."""
    user = f"{os.environ['JIRA_USER']}:{key()}"
    authorization = f"Basic {base64.b64encode(user.encode()).decode()}"
    url = f"{os.environ['ENDPOINT']}/rest/api/2/{path}"
    return call(url, body, method, Authorization=authorization)


class Service(NamedTuple):
    """How incidents are opened and resolved. Both can be repeated."""

    open: Callable[[str, str, Mapping[str, Any]], None]
    resolve: Callable[[str, str], None]


SERVICES = {
    "PagerDuty": Service(open_in_pagerduty, resolve_in_pagerduty),
    "Opsgenie": Service(open_in_opsgenie, resolve_in_opsgenie),
    "JiraServiceManagement": Service(open_in_opsgenie, resolve_in_opsgenie),
    "Jira": Service(open_in_jira, resolve_in_jira),
}


def description_of(finding: Mapping[str, Any]) -> str:
    """What is open, where, who did it, how to undo it, and where to look."""
    return "\n".join(_lines_of(finding))[:LONGEST_DESCRIPTION]


def _lines_of(finding: Mapping[str, Any]) -> Iterator[str]:
    cloud, remediation = finding["cloud"], finding.get("remediation", {})
    account = cloud.get("account", {})
    yield finding["message"]
    yield f"Account: {account.get('name', '')} {account.get('uid', 'not known')}"
    yield f"Region: {cloud.get('region', 'not known')}"
    for evidence in finding.get("evidences", ()):
        data = evidence["data"]
        actor = data.get("actor") or finding["unmapped"].get("actor", {})
        user = actor.get("user", {})
        yield f"{data['phrase']}, by {user.get('uid') or user.get('name') or 'somebody'}"
    if "desc" in remediation:
        yield f"Undo: {remediation['desc']}"
    yield from remediation.get("references", ())


def call(
    url: str, body: Mapping[str, Any] | None = None, method: str | None = None, **headers: str
) -> Any:
    """POST the body, or GET without one. Returns the answer; raises HTTPError for a refusal."""
    request = urllib.request.Request(  # noqa: S310 - the template accepts https only
        url,
        None if body is None else json.dumps(body).encode(),
        {"Content-Type": "application/json", "Accept": "application/json", **headers},
        method=method,
    )
    with urllib.request.urlopen(  # noqa: S310
        request, timeout=SECONDS_FOR_AN_ANSWER
    ) as answer:
        return json.loads(answer.read() or "null")


@cache
def key() -> str:
    """The API key, from AWS Secrets Manager, once for each execution environment."""
    client: Any = boto3.client("secretsmanager")
    return str(client.get_secret_value(SecretId=os.environ["SECRET_ARN"])["SecretString"])
