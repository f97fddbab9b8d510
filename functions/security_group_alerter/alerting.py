"""The whole road on one screen: a payload goes in at the top, messages come out at the bottom."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from hashlib import sha256
from typing import Any, Protocol

from .cloudtrail.changes import UnreadableRecordError, change_of
from .cloudtrail.payload import (
    Delivery,
    LogStream,
    UnreadableMessageError,
    delivery_of,
    document_of,
)
from .cloudtrail.records import CloudTrailRecord, Outcome, record_of
from .judgement.accepted_openings import AcceptedOpenings
from .judgement.findings import (
    Finding,
    FindingKind,
    configuration_finding,
    finding_of,
    unreadable_finding,
    with_acceptance,
)
from .messages import Message, messages_of
from .model.account import AccountFacts
from .model.alert import Alert, alerts_of
from .settings import Settings

# As many events as one call to the table can mark.
MARKED_TOGETHER = 25
# After so many failures in one delivery the table is left alone: each may take 15 seconds, which
# the alerts need more.
ENOUGH_TABLE_FAILURES = 3
# What the table takes for a key; every eventID of CloudTrail does.
_EVENT_ID = re.compile(r"[0-9A-Za-z-]{1,100}")
# The call that the stack's schedule makes, as a dry run, to show that the whole road is open.
HEARTBEAT = "CreateManagedPrefixList"


@dataclass(slots=True, kw_only=True)
class Tally:
    """What became of a delivery. It is filled as the road is gone, so that it holds on failure too.

    `matched` are the records that are ours, of which `duplicates` were alerted before. `alerts` are
    messages that Amazon SNS took, with the `event_ids` in them; `sends_failed` those it refused.
    `oldest` is the time of the oldest call to be alerted.
    """

    records: int = 0
    matched: int = 0
    alerts: int = 0
    world_open: int = 0
    unreadable: int = 0
    duplicates: int = 0
    enrichment_failures: int = 0
    seen_table_failures: int = 0
    heartbeats: int = 0
    sends_failed: int = 0
    oldest: datetime | None = None
    newest_heartbeat: datetime | None = None
    event_ids: list[str] = field(default_factory=list)

    def counts(self) -> dict[str, int]:
        """The numbers by their names."""
        values = {item.name: getattr(self, item.name) for item in fields(self)}
        return {name: value for name, value in values.items() if isinstance(value, int)}


class Answer(Protocol):
    """seen_events.SeenAnswer."""

    @property
    def keys(self) -> frozenset[str]:
        """Those that have been alerted."""

    @property
    def is_sure(self) -> bool:
        """Whether all could be looked up."""


class Table(Protocol):
    """Remembers which events have been alerted: seen_events.SeenEvents."""

    def among(self, keys: Iterable[str]) -> Answer:
        """Which of these have been."""

    def mark(self, keys: Iterable[str]) -> int:
        """Remember these, and return how many writes failed."""


class Sender(Protocol):
    """Sends messages: publishing.Publisher.publish."""

    def __call__(
        self,
        messages: Iterable[Message],
        *,
        on_accepted: Callable[[Message], None],
        on_refused: Callable[[Message], None],
        time_left: Callable[[], float],
    ) -> None:
        """Send them all, and tell of each; raise at the end when one was refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Road:
    """The steps in order, with what they need of the world handed in."""

    settings: Settings
    accepted: AcceptedOpenings
    facts_for: Callable[[str], AccountFacts]
    table: Table
    publish: Sender

    def run(
        self,
        payload: Any,
        tally: Tally,
        *,
        now: datetime,
        time_left: Callable[[], float],
        notices: Iterable[str] = (),
    ) -> None:
        """Alert on one delivery, and on what is wrong with the alerter's own configuration.

        Raises when the delivery cannot be decoded, or when not every alert could be sent.
        """
        delivery = delivery_of(payload)
        if delivery is None:
            return
        findings = [
            with_acceptance(finding, self.accepted.entries, today=now.date())
            for finding in findings_in(delivery, self.settings, tally)
        ]
        fresh, is_sure = self._not_alerted_yet(findings, tally)
        nobody = record_of({}, LogStream())
        alerts = list(
            alerts_of(
                [*(configuration_finding(nobody, notice) for notice in notices), *fresh],
                facts_for=self.facts_for,
                organization_id=self.settings.organization_id,
                seen_at=now,
                may_repeat=not is_sure,
            )
        )
        _count(tally, delivery, findings, fresh, alerts)
        self._send(alerts, tally, time_left)

    def _not_alerted_yet(self, findings: list[Finding], tally: Tally) -> tuple[list[Finding], bool]:
        """The findings that have not been alerted, and whether the table could tell."""
        if not findings:
            return [], True
        once: dict[str, Finding] = {}
        for finding in findings:
            once.setdefault(finding.key, finding)
        originals = (finding.record.original_event_id or "" for finding in findings)
        answer = self.table.among([*once, *filter(_EVENT_ID.fullmatch, originals)])
        tally.seen_table_failures += not answer.is_sure
        fresh = [
            replace(finding, updates_alerted=True)
            if finding.record.original_event_id in answer.keys
            else finding
            for key, finding in once.items()
            if key not in answer.keys
        ]
        return fresh, answer.is_sure

    def _send(self, alerts: list[Alert], tally: Tally, time_left: Callable[[], float]) -> None:
        """Mark what Amazon SNS took, after it took it: at the latest when sending ends or fails."""
        taken: list[str] = []

        def mark(least: int) -> None:
            while len(taken) >= least:
                if tally.seen_table_failures < ENOUGH_TABLE_FAILURES:
                    tally.seen_table_failures += self.table.mark(taken[:MARKED_TOGETHER])
                del taken[:MARKED_TOGETHER]

        def on_accepted(message: Message) -> None:
            tally.alerts += 1
            tally.event_ids += message.event_ids
            taken.extend(message.keys)
            mark(least=MARKED_TOGETHER)

        def on_refused(_message: Message) -> None:
            tally.sends_failed += 1

        messages = (message for alert in alerts for message in messages_of(alert, self.settings))
        try:
            self.publish(
                messages, on_accepted=on_accepted, on_refused=on_refused, time_left=time_left
            )
        finally:
            mark(least=1)


def findings_in(delivery: Delivery, settings: Settings, tally: Tally) -> Iterator[Finding]:
    """Judge every log event that is ours, in order. One that cannot be read is told as such."""
    # Made once for all, as there is one delivery: 10 µs less a change.
    unread = record_of({}, delivery.log_stream, delivery.log_group)
    for message in delivery.messages:
        finding = _finding_in(message, delivery, settings, tally, unread)
        if finding is not None:
            yield finding


def _finding_in(
    message: str, delivery: Delivery, settings: Settings, tally: Tally, unread: CloudTrailRecord
) -> Finding | None:
    record = unread
    try:
        record = record_of(document_of(message), delivery.log_stream, delivery.log_group)
        if is_heartbeat(record, settings.heartbeat_role_arn):
            tally.heartbeats += 1
            tally.newest_heartbeat = record.event_time or tally.newest_heartbeat
            return None
        change = change_of(record)
        if change is None:
            return None
        finding = finding_of(record, change, trail_arn=settings.trail_arn)
    except UnreadableMessageError as error:
        finding = unreadable_finding(record, str(error), excerpt=message)
    except UnreadableRecordError as error:
        # What matters comes first: the envelope alone would fill an alert.
        told = {"requestParameters": record.request, "responseElements": record.response}
        finding = unreadable_finding(record, str(error), excerpt=json.dumps(told))
    except Exception as error:  # noqa: BLE001
        # A fault of ours in reading one record must neither hide it nor take the others with it.
        problem = f"{type(error).__name__}: {error}"
        finding = unreadable_finding(record, problem, excerpt=message)
    return replace(finding, key=key_of(record, message))


def key_of(record: CloudTrailRecord, message: str) -> str:
    """What an event is known by when it comes again: its id, else what it says.

    An update that bore the id of what it updates would be taken for a repetition.
    """
    event_id = record.event_id or ""
    if _EVENT_ID.fullmatch(event_id) and event_id != record.original_event_id:
        return event_id
    return f"sha256:{sha256(message.encode(errors='surrogatepass')).hexdigest()}"


def is_heartbeat(record: CloudTrailRecord, role_arn: str | None) -> bool:
    """Whether this is our own heartbeat: by its role and account, which nobody else can put on."""
    return (
        role_arn is not None
        and record.event_name == HEARTBEAT
        and record.outcome is Outcome.DRY_RUN
        and record.principal.role_arn == role_arn
        and record.account_id == record.principal.account_id == role_arn.split(":")[4]
    )


def _count(
    tally: Tally,
    delivery: Delivery,
    findings: list[Finding],
    fresh: list[Finding],
    alerts: list[Alert],
) -> None:
    tally.records += len(delivery.messages)
    tally.matched += len(findings)
    tally.duplicates += len(findings) - len(fresh)
    tally.world_open += sum(finding.world_open for finding in fresh)
    tally.unreadable += sum(finding.kind is FindingKind.UNREADABLE for finding in fresh)
    tally.enrichment_failures += sum(bool(alert.account.problems) for alert in alerts)
    times = (finding.record.event_time for finding in fresh)
    tally.oldest = min(filter(None, times), default=None)
