"""The steps from a delivery to alerts, in order: a payload goes in, and a report comes out.

What the steps need of the world (accounts, the table of alerted events, Amazon SNS) is handed in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields
from datetime import date, datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from .aftermath import with_aftermath
from .cloudtrail.changes import UnreadableRecordError, change_of
from .cloudtrail.heartbeat import is_heartbeat
from .cloudtrail.payload import (
    Delivery,
    UndecodableDeliveryError,
    UnreadableMessageError,
    delivery_of,
    document_of,
)
from .cloudtrail.records import record_of
from .grouping import alerts_of
from .judgement.findings import (
    Standards,
    configuration_finding,
    finding_of,
    unreadable_finding,
)
from .knowledge import Knowledge, LookAt, Recall, known_of
from .messages import messages_of
from .model import ids
from .model.account import AccountFacts
from .model.alert import Alert, DeliveredFinding
from .model.dataclass import dataclass, replace
from .model.finding import Finding
from .model.message import Message, Sent
from .model.presentation import Presentation
from .model.record import CloudTrailRecord
from .model.seen import SeenAnswer
from .model.subject import SubjectKind
from .noting import Note, Noting
from .standing import with_knowledge
from .telling import with_exposures

if TYPE_CHECKING:
    from .model.time_left import TimeLeft


class PublishError(RuntimeError):
    """Some messages were not accepted; all others were sent. Names their events and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What became of a delivery.

    `matched` are the records that are ours, of which `duplicates` were alerted before. `alerts` are
    messages that Amazon SNS took, with the `event_ids` in them; `sends_failed` those it refused.
    `memory_failures` and `look_failures` are groups and lists that could not be remembered, or not
    be seen whole. `hours_to_close` is how long each exposure stood that a call ended. `oldest` is
    the time of the oldest call to be alerted. `error` says why the delivery has to come again:
    UndecodableDeliveryError, PublishError, or a fault of ours.
    """

    records: int = 0
    matched: int = 0
    alerts: int = 0
    world_open: int = 0
    unreadable: int = 0
    duplicates: int = 0
    enrichment_failures: int = 0
    memory_failures: int = 0
    look_failures: int = 0
    seen_table_failures: int = 0
    heartbeats: int = 0
    sends_failed: int = 0
    hours_to_close: tuple[float, ...] = ()
    oldest: datetime | None = None
    newest_heartbeat: datetime | None = None
    event_ids: tuple[str, ...] = ()
    error: Exception | None = None

    def counts(self) -> dict[str, int]:
        """The numbers by their names."""
        values = {item.name: getattr(self, item.name) for item in fields(self)}
        return {name: value for name, value in values.items() if isinstance(value, int)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeat:
    """Our own heartbeat, and when it was made."""

    time: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Alerter:
    """The steps, for one installation.

    `problems` are entries of our own configuration that are not in force. `publish` takes the
    messages one by one and yields what became of each. Without `look_at`, nobody looks.
    """

    standards: Standards
    problems: tuple[str, ...]
    presentation: Presentation
    organization_id: str | None
    facts_for: Callable[[str], AccountFacts]
    alerted_among: Callable[[Iterable[str]], SeenAnswer]
    publish: Callable[[Iterable[Message], TimeLeft], Iterator[Sent]]
    recall: Recall
    note: Note
    look_at: LookAt | None = None

    def alert_on(self, payload: Any, *, now: datetime, time_left: TimeLeft) -> Report:
        """Alert on one delivery, and on what is wrong with our own configuration."""
        try:
            read = self._read(payload, now.date())
        except UndecodableDeliveryError as error:
            return Report(error=error)
        found = [it for it in read if isinstance(it, DeliveredFinding)]
        notices = self._notices(now.date()) if read else []
        fresh, is_sure = self._not_alerted([*notices, *found])
        known, fault_before = self._known_of(fresh, now, time_left)
        judged, fault = with_knowledge(fresh, known, self.standards, today=now.date())
        ordered, fault_after = with_aftermath(judged)
        entries, fault_telling = with_exposures(ordered, known.recollection, now=now)
        alerts = list(
            alerts_of(
                entries,
                facts_for=self.facts_for,
                organization_id=self.organization_id,
                seen_at=now,
                may_repeat=not is_sure,
            )
        )
        sent = self._send(alerts, time_left, table_failures=0 if is_sure else 1)
        beats = [it.time for it in read if isinstance(it, Heartbeat)]
        calls = [it.finding for it in entries if it.finding.record is not None]
        return replace(
            sent,
            records=len(read),
            matched=len(found),
            duplicates=len(found) - sum(it.finding.record is not None for it in fresh),
            world_open=sum(finding.judgement.world_open for finding in calls),
            unreadable=sum(it.subject.kind is SubjectKind.UNREADABLE for it in calls),
            enrichment_failures=sum(bool(alert.account.problems) for alert in alerts),
            memory_failures=sent.memory_failures + known.recollection.failures,
            look_failures=known.failed_looks,
            error=sent.error or fault or fault_before or fault_after or fault_telling,
            heartbeats=len(beats),
            hours_to_close=tuple(_hours_to_close(entries)),
            oldest=min(filter(None, map(_time_of, calls)), default=None),
            newest_heartbeat=max(filter(None, beats), default=None),
        )

    def _read(self, payload: Any, today: date) -> list[DeliveredFinding | Heartbeat | None]:
        """What each log event is; nothing of a payload without any.

        Raises UndecodableDeliveryError.

        The text of a large delivery is let go with its last log event.
        """
        delivery = delivery_of(payload)
        if delivery is None:
            return []
        messages = delivery.messages
        return [finding_in(it, delivery, self.standards, today=today) for it in messages]

    def _notices(self, today: date) -> list[DeliveredFinding]:
        """What is wrong with our own configuration, known by its text and the day."""
        return [
            DeliveredFinding(
                finding=configuration_finding(problem),
                keys=(_key_of_text(f"{today}\n{problem}"),),
            )
            for problem in self.problems
        ]

    def _not_alerted(self, found: list[DeliveredFinding]) -> tuple[list[DeliveredFinding], bool]:
        """Each that has not been alerted once, and whether the table could say so."""
        if not found:
            return [], True
        once: dict[str, DeliveredFinding] = {}
        for entry in found:
            once.setdefault(entry.keys[0], entry)
        originals = {_original_of(entry.finding) for entry in found} - {None}
        answer = self.alerted_among([*once, *filter(None, originals)])
        fresh = [
            replace(entry, updates_alerted=True)
            if _original_of(entry.finding) in answer.keys
            else entry
            for key, entry in once.items()
            # Configuration stays wrong: it can wait for a table that answers, an event cannot.
            if key not in answer.keys and (answer.is_sure or entry.finding.record is not None)
        ]
        return fresh, answer.is_sure

    def _known_of(
        self, found: list[DeliveredFinding], now: datetime, time_left: TimeLeft
    ) -> tuple[Knowledge, Exception | None]:
        """What is known beside the records; a fault of ours in that must stop no alert."""
        try:
            known = known_of(
                found, look_at=self.look_at, recall=self.recall, now=now, time_left=time_left
            )
        except Exception as fault:  # noqa: BLE001
            return Knowledge(), fault
        return known, None

    def _send(self, alerts: list[Alert], time_left: TimeLeft, *, table_failures: int) -> Report:
        """Note what Amazon SNS took, after it took it: at the latest when sending ends or fails."""
        noting = Noting(self.note, table_failures)
        event_ids: list[str] = []
        refusals: list[str] = []
        taken = 0
        messages, error = self._worded(alerts)
        try:
            for sent in self.publish(messages, time_left):
                if sent.refusal is None:
                    taken += 1
                    event_ids += sent.message.event_ids
                    noting.add(sent.message)
                else:
                    refusals.append(f"{_named(sent.message)}: {sent.refusal}")
        except Exception as fault:  # noqa: BLE001
            # What was sent is noted and measured all the same; then the handler raises this.
            error = fault
        finally:
            noting.finish()
        if refusals and error is None:
            error = PublishError(f"not every alert was sent: {'; '.join(refusals)}")
        return Report(
            alerts=taken,
            sends_failed=len(refusals),
            seen_table_failures=noting.failures,
            memory_failures=noting.unnoted,
            event_ids=tuple(event_ids),
            error=error,
        )

    def _worded(self, alerts: list[Alert]) -> tuple[list[Message], Exception | None]:
        """The messages, and the last fault of ours: it must not take the other alerts with it."""
        messages: list[Message] = []
        error: Exception | None = None
        for alert in alerts:
            try:
                messages += messages_of(alert, self.presentation)
            except Exception as fault:  # noqa: BLE001
                error = fault
        return messages, error


def finding_in(
    message: str, delivery: Delivery, standards: Standards, *, today: date
) -> DeliveredFinding | Heartbeat | None:
    """Judge a log event; None when it is not ours. What cannot be read is a finding, too."""
    record = None
    try:
        record = record_of(document_of(message), delivery.log_stream, delivery.log_group)
        if is_heartbeat(record, standards.heartbeat_role_arn):
            return Heartbeat(time=record.event_time)
        change = change_of(record)
        if change is None:
            return None
        finding = finding_of(record, change, standards, today=today)
        return _delivered(finding, record, message)
    except UnreadableMessageError as error:
        problem, excerpt = str(error), message
    except UnreadableRecordError as error:
        problem, excerpt = str(error), error.excerpt
    except Exception as error:  # noqa: BLE001
        # A fault of ours in reading one record must neither hide it nor take others with it.
        problem, excerpt = f"{type(error).__name__}: {error}", message
    record = record or record_of({}, delivery.log_stream, delivery.log_group)
    return _delivered(unreadable_finding(record, problem, excerpt), record, message)


def _delivered(finding: Finding, record: CloudTrailRecord, message: str) -> DeliveredFinding:
    return DeliveredFinding(
        finding=finding,
        keys=(key_of(record, message),),
        event_ids=(record.event_id,) if record.event_id else (),
    )


def key_of(record: CloudTrailRecord, message: str) -> str:
    """What an event is known by when it comes again: its id, else what it says.

    An update that bore the id of what it updates would be taken for a repetition.
    """
    event_id = ids.valid(ids.EVENT, record.event_id)
    if event_id is None or event_id == record.original_event_id:
        return _key_of_text(message)
    return event_id


def _key_of_text(text: str) -> str:
    return f"sha256:{sha256(text.encode(errors='surrogatepass')).hexdigest()}"


def _time_of(finding: Finding) -> datetime | None:
    return None if finding.record is None else finding.record.event_time


def _hours_to_close(entries: Iterable[DeliveredFinding]) -> Iterator[float]:
    for life in (life for it in entries if it.moment for life in it.moment.ended):
        if life.hours_open is not None:
            yield life.hours_open


def _original_of(finding: Finding) -> str | None:
    """The event that a record of CloudTrail's is an update of."""
    record = finding.record
    return None if record is None else ids.valid(ids.EVENT, record.original_event_id)


def _named(message: Message) -> str:
    return f"{message.subject} ({', '.join(message.event_ids) or 'no event id'})"
