"""The whole road on one screen: a payload goes in at the top, messages come out at the bottom."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .accounts import AccountFacts
from .alerts import alerts_of
from .changes import UnreadableRecordError, change_of
from .findings import Finding, FindingKind, finding_of, unreadable_finding
from .messages import Message, messages_of
from .payload import Delivery, UnreadableMessageError, delivery_of, document_of
from .records import record_of
from .settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What became of a delivery: how many records came, how many were ours, how many were told."""

    records: int = 0
    matched: int = 0
    alerts: int = 0
    world_open: int = 0
    unreadable: int = 0


def run(
    payload: Any,
    *,
    settings: Settings,
    now: datetime,
    facts_for: Callable[[str], AccountFacts],
    publish: Callable[[Iterable[Message]], int],
) -> Summary:
    """Alert on one delivery. Raises when it cannot be decoded, or not every alert could be sent."""
    delivery = delivery_of(payload)
    if delivery is None:
        return Summary()
    findings = list(findings_in(delivery, settings))
    alerts = list(
        alerts_of(
            findings,
            facts_for=facts_for,
            organization_id=settings.organization_id,
            seen_at=now,
        )
    )
    sent = publish(message for alert in alerts for message in messages_of(alert, settings))
    return Summary(
        records=len(delivery.messages),
        matched=len(findings),
        alerts=sent,
        world_open=sum(finding.world_open for finding in findings),
        unreadable=sum(finding.kind is FindingKind.UNREADABLE for finding in findings),
    )


def findings_in(delivery: Delivery, settings: Settings) -> Iterator[Finding]:
    """Judge every log event that is ours, in order. One that cannot be read is told as such."""
    for message in delivery.messages:
        record = record_of({}, delivery.log_stream, delivery.log_group)
        try:
            record = record_of(document_of(message), delivery.log_stream, delivery.log_group)
            change = change_of(record)
        except (UnreadableMessageError, UnreadableRecordError) as error:
            yield unreadable_finding(record, str(error), excerpt=message)
        else:
            if change is not None:
                yield finding_of(record, change, trail_arn=settings.trail_arn)
