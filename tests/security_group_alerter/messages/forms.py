"""What a subscriber gets: messages taken apart, and what the texts in them are made of."""

import json
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from security_group_alerter.cloudtrail.changes import SecurityGroupChange
from security_group_alerter.judgement.findings import Finding
from security_group_alerter.messages import Message
from security_group_alerter.model.account import AccountFacts
from security_group_alerter.model.alert import Alert, alerts_of
from tests.security_group_alerter.builders import added
from tests.stories import NOW, SETTINGS, STORIES, story, told

FACTS: Final = AccountFacts(
    name="payments-production",
    state="ACTIVE",
    ou_path=("Root", "Workloads"),
    tags={"Owner": "payments"},
)
PLAIN: Final = replace(SETTINGS, access_portal_url=None, access_portal_role=None)
# One story of each API call.
CALLS: Final = [*{story(name)["eventName"]: name for name in STORIES}.values()]
RUNBOOK: Final = "https://wiki.example.com/security-groups#alerts"


def texts_of(message: Message) -> dict[str, str]:
    """The texts by protocol, as Amazon SNS takes them apart."""
    texts: dict[str, str] = json.loads(message.body)
    return texts


def chat(*findings: Finding, **told_with: Any) -> dict[str, Any]:
    """The one notification that comes of these findings."""
    notification: dict[str, Any] = json.loads(_only_text("https", *findings, **told_with))
    return notification


def sms(*findings: Finding, **told_with: Any) -> str:
    return _only_text("sms", *findings, **told_with)


def machine(*findings: Finding, **told_with: Any) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(_only_text("default", *findings, **told_with))
    return document


def opened(*rules: str, group_id: str = "sg-0123456789abcdef0", **members: object) -> Finding:
    """What one call adds to a group, with a group id as AWS makes them."""
    finding = added(*rules, **{"eventName": "AuthorizeSecurityGroupIngress"} | members)
    assert isinstance(finding.change, SecurityGroupChange)
    return replace(finding, change=replace(finding.change, group_id=group_id))


def without(finding: Finding, **fields: object) -> Finding:
    """The same finding, of a record in which these fields are as given."""
    return replace(finding, record=replace(finding.record, **fields))  # type: ignore[arg-type]


def renamed(finding: Finding, text: str) -> Finding:
    """The same finding, in which whatever was changed is called by this text."""
    names = ("group_id", "group_name", "vpc_id", "prefix_list_id", "prefix_list_name", "trail")
    change: Any = finding.change
    called = {name: text for name in names if hasattr(change, name)}
    return replace(finding, change=replace(change, **called))


def alert_of(*findings: Finding, seen_at: datetime = NOW) -> Alert:
    [alert] = alerts_of(findings, facts_for=lambda _: FACTS, organization_id=None, seen_at=seen_at)
    return alert


def _only_text(form: str, *findings: Finding, **told_with: Any) -> str:
    [message] = told(findings, **{"facts": FACTS} | told_with)
    return texts_of(message)[form]
