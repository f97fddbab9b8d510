"""The records of events/, and the pure part of the road: from log events to messages."""

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from security_group_alerter.alerting import Tally, findings_in
from security_group_alerter.cloudtrail.payload import Delivery, log_stream_of
from security_group_alerter.judgement.findings import Finding
from security_group_alerter.messages import Message, messages_of
from security_group_alerter.model.account import AccountFacts
from security_group_alerter.model.alert import alerts_of
from security_group_alerter.settings import Settings, settings_from

ROOT: Final = Path(__file__).parents[1]
EVENTS: Final = ROOT / "events"
STORIES: Final = sorted(path.stem for path in EVENTS.glob("*.json"))

ORGANIZATION: Final = "o-exampleorgid"
ACCOUNT: Final = "222233334444"
TOPIC_ARN: Final = "arn:aws:sns:eu-central-1:111122223333:alerts"
TRAIL_ARN: Final = "arn:aws:cloudtrail:eu-central-1:111122223333:trail/organization-trail"
NOW: Final = datetime(2026, 11, 23, 9, tzinfo=UTC)
# The variables that have to be set.
LEAST: Final = {"ALERT_TOPIC_ARN": TOPIC_ARN, "SEEN_EVENTS_TABLE": "seen-events"}
SETTINGS: Final = settings_from(
    LEAST
    | {
        "TRAIL_ARN": TRAIL_ARN,
        "TIME_ZONE": "Europe/Berlin",
        "ACCESS_PORTAL_URL": "https://d-1234567890.awsapps.com/start",
        "ACCESS_PORTAL_ROLE": "SecurityAudit",
    }
)


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
    return list(findings_in(delivery, SETTINGS, Tally()))


def told(
    findings: Iterable[Finding],
    *,
    facts: AccountFacts | None = None,
    settings: Settings = SETTINGS,
) -> Iterator[Message]:
    """What is sent because of these findings."""
    for alert in alerts_of(
        findings,
        facts_for=lambda _: facts or AccountFacts(),
        organization_id=settings.organization_id,
        seen_at=NOW,
    ):
        yield from messages_of(alert, settings)
