"""Opens an incident for each alert: in PagerDuty, Opsgenie, Jira Service Management or Jira.

A Lambda function that is subscribed to the alert topic (template.yaml). It gets the machine form.
`finding_info.uid` is the same whenever the same alert is sent, so it is the deduplication key.
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
from typing import Any

import boto3

SOURCE = "security-group-alerter"
SECONDS_FOR_AN_ANSWER = 10
# https://developer.pagerduty.com/docs/send-alert-event
PAGERDUTY_SEVERITY = {"Critical": "critical", "High": "error", "Medium": "warning"}
# https://docs.opsgenie.com/docs/alert-api
PRIORITY = {"Critical": "P1", "High": "P2", "Medium": "P3", "Low": "P4"}
LONGEST_DESCRIPTION = 15_000


def lambda_handler(event: Mapping[str, Any], _context: object) -> None:
    """One notification of Amazon SNS for each record."""
    for record in event["Records"]:
        notification = record["Sns"]
        finding = json.loads(notification["Message"])
        OPEN[os.environ["SERVICE"]](notification["Subject"], finding)


def open_in_pagerduty(subject: str, finding: Mapping[str, Any]) -> None:
    """Trigger an alert of the Events API v2."""
    call(
        os.environ["ENDPOINT"],
        {
            "routing_key": key(),
            "event_action": "trigger",
            "dedup_key": finding["finding_info"]["uid"],
            "payload": {
                "summary": subject,
                "source": finding["cloud"].get("account", {}).get("uid", SOURCE),
                "severity": PAGERDUTY_SEVERITY.get(finding["severity"], "info"),
                "custom_details": finding,
            },
        },
    )


def open_in_opsgenie(subject: str, finding: Mapping[str, Any]) -> None:
    """Create an alert; the integration events of Jira Service Management have the same form."""
    call(
        os.environ["ENDPOINT"],
        {
            "message": subject,
            "alias": finding["finding_info"]["uid"],
            "description": description_of(finding),
            "priority": PRIORITY.get(finding["severity"], "P5"),
            "source": SOURCE,
        },
        Authorization=f"GenieKey {key()}",
    )


def open_in_jira(subject: str, finding: Mapping[str, Any]) -> None:
    """Create an issue, unless one has the label. Jira has no deduplication key of its own."""
    site, uid = os.environ["ENDPOINT"], finding["finding_info"]["uid"]
    user = f"{os.environ['JIRA_USER']}:{key()}"
    authorization = f"Basic {base64.b64encode(user.encode()).decode()}"
    query = urllib.parse.urlencode(
        {"jql": f'labels = "{uid}"', "fields": "labels", "maxResults": 1}
    )
    found = call(f"{site}/rest/api/2/search/jql?{query}", Authorization=authorization)
    if found["issues"]:
        return
    call(
        f"{site}/rest/api/2/issue",
        {
            "fields": {
                "project": {"key": os.environ["JIRA_PROJECT"]},
                "issuetype": {"name": os.environ["JIRA_ISSUE_TYPE"]},
                "summary": subject,
                "description": description_of(finding),
                "labels": [SOURCE, uid],
            }
        },
        Authorization=authorization,
    )


OPEN: dict[str, Callable[[str, Mapping[str, Any]], None]] = {
    "PagerDuty": open_in_pagerduty,
    "Opsgenie": open_in_opsgenie,
    "JiraServiceManagement": open_in_opsgenie,
    "Jira": open_in_jira,
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


def call(url: str, body: Mapping[str, Any] | None = None, **headers: str) -> Any:
    """POST the body, or GET without one. Returns the answer; raises HTTPError for a refusal."""
    request = urllib.request.Request(  # noqa: S310 - the template accepts https only
        url,
        None if body is None else json.dumps(body).encode(),
        {"Content-Type": "application/json", "Accept": "application/json", **headers},
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
