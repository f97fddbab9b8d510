"""The whole road on one screen: a payload goes in at the top, messages come out at the bottom."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .accepted_openings import AcceptedOpenings
from .accounts import AccountFacts
from .alerts import alerts_of
from .changes import UnreadableRecordError, change_of
from .findings import (
    Finding,
    FindingKind,
    configuration_finding,
    finding_of,
    unreadable_finding,
    with_acceptance,
)
from .messages import Message, messages_of
from .payload import Delivery, LogStream, UnreadableMessageError, delivery_of, document_of
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Road:
    """The steps in order, with what they need of the world handed in."""

    settings: Settings
    accepted: AcceptedOpenings
    facts_for: Callable[[str], AccountFacts]
    publish: Callable[[Iterable[Message]], int]

    def run(self, payload: Any, *, now: datetime, notices: Iterable[str] = ()) -> Summary:
        """Alert on one delivery, and on what is wrong with the alerter's own configuration.

        Raises when the delivery cannot be decoded, or when not every alert could be sent.
        """
        delivery = delivery_of(payload)
        if delivery is None:
            return Summary()
        findings = [
            with_acceptance(finding, self.accepted.entries, today=now.date())
            for finding in findings_in(delivery, self.settings)
        ]
        nobody = record_of({}, LogStream())
        alerts = alerts_of(
            [*(configuration_finding(nobody, notice) for notice in notices), *findings],
            facts_for=self.facts_for,
            organization_id=self.settings.organization_id,
            seen_at=now,
        )
        sent = self.publish(
            message for alert in alerts for message in messages_of(alert, self.settings)
        )
        return Summary(
            records=len(delivery.messages),
            matched=len(findings),
            alerts=sent,
            world_open=sum(finding.world_open for finding in findings),
            unreadable=sum(finding.kind is FindingKind.UNREADABLE for finding in findings),
        )


def findings_in(delivery: Delivery, settings: Settings) -> Iterator[Finding]:
    """Judge every log event that is ours, in order. One that cannot be read is told as such."""
    found = (_finding_in(message, delivery, settings) for message in delivery.messages)
    return (finding for finding in found if finding is not None)


def _finding_in(message: str, delivery: Delivery, settings: Settings) -> Finding | None:
    came_by = (delivery.log_stream, delivery.log_group)
    try:
        record = record_of(document_of(message), *came_by)
    except UnreadableMessageError as error:
        return unreadable_finding(record_of({}, *came_by), str(error), excerpt=message)
    try:
        change = change_of(record)
    except UnreadableRecordError as error:
        return unreadable_finding(record, str(error), excerpt=message)
    if change is None:
        return None
    return finding_of(record, change, trail_arn=settings.trail_arn)
