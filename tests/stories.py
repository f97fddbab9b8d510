"""The records of events/, and the pure part of the alert path: from log events to messages."""

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from security_group_alerter.alerting import finding_in
from security_group_alerter.cloudtrail.payload import Delivery, log_stream_of
from security_group_alerter.grouping import alerts_of
from security_group_alerter.judgement.findings import Standards
from security_group_alerter.messages import messages_of
from security_group_alerter.model.account import AccountFacts
from security_group_alerter.model.alert import DeliveredFinding
from security_group_alerter.model.finding import Finding
from security_group_alerter.model.message import Message
from security_group_alerter.model.presentation import Presentation

ROOT: Final = Path(__file__).parents[1]
EVENTS: Final = ROOT / "events"
STORIES: Final = sorted(path.stem for path in EVENTS.glob("*.json"))

ORGANIZATION: Final = "o-exampleorgid"
ACCOUNT: Final = "222233334444"
TOPIC_ARN: Final = "arn:aws:sns:eu-central-1:111122223333:alerts"
TRAIL_ARN: Final = "arn:aws:cloudtrail:eu-central-1:111122223333:trail/organization-trail"
NOW: Final = datetime(2026, 11, 23, 9, tzinfo=UTC)
# The variables that have to be set.
LEAST: Final = {
    "ALERT_TOPIC_ARN": TOPIC_ARN,
    "SEEN_EVENTS_TABLE": "seen-events",
    "GROUP_MEMORY_TABLE": "group-memory",
}
PRESENTATION: Final = Presentation(
    time_zone=ZoneInfo("Europe/Berlin"),
    access_portal_url="https://d-1234567890.awsapps.com/start",
    access_portal_role="SecurityAudit",
)
STANDARDS: Final = Standards(trail_arn=TRAIL_ARN)


def story(name: str) -> dict[str, Any]:
    """A record of events/."""
    record: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text(encoding="utf-8"))
    return record


def findings_of(*log_events: str | dict[str, Any]) -> list[Finding]:
    """What is found in a delivery of these log events; a record is one in JSON."""
    delivery = Delivery(
        log_group="organization-trail",
        log_stream=log_stream_of(f"{ORGANIZATION}_{ACCOUNT}_CloudTrail_eu-central-1"),
        messages=tuple(
            log_event if isinstance(log_event, str) else json.dumps(log_event)
            for log_event in log_events
        ),
    )
    read = (finding_in(it, delivery, STANDARDS, today=NOW.date()) for it in delivery.messages)
    return [it.finding for it in read if isinstance(it, DeliveredFinding)]


def delivered(findings: Iterable[Finding]) -> list[DeliveredFinding]:
    """These findings, as if each had come with a delivery."""
    return [
        DeliveredFinding(
            finding=it,
            keys=(f"{number}: {it.origin}",),
            event_ids=(it.record.event_id,) if it.record and it.record.event_id else (),
        )
        for number, it in enumerate(findings)
    ]


def told(
    findings: Iterable[Finding],
    *,
    facts: AccountFacts | None = None,
    presentation: Presentation = PRESENTATION,
) -> Iterator[Message]:
    """What is sent because of these findings."""
    for alert in alerts_of(
        delivered(findings),
        facts_for=lambda _: facts or AccountFacts(),
        organization_id=None,
        seen_at=NOW,
    ):
        yield from messages_of(alert, presentation)
