"""What became of a delivery: returned, whatever it was, and never raised."""

import json
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Any

import pytest

from local.deliveries import deliveries_of
from security_group_alerter import alerting
from security_group_alerter.alerting import Alerter, PublishError, Report
from security_group_alerter.cloudtrail.payload import UndecodableDeliveryError
from security_group_alerter.judgement.findings import Standards
from security_group_alerter.messages import messages_of
from security_group_alerter.model.account import AccountFacts
from security_group_alerter.model.alert import Alert
from security_group_alerter.model.ledger import LedgerEntry
from security_group_alerter.model.message import Message, Noted, Sent
from security_group_alerter.model.presentation import Presentation
from security_group_alerter.model.seen import Mark, SeenAnswer
from security_group_alerter.model.time_left import TimeLeft
from tests.local.failures import payload_of
from tests.security_group_alerter.memories import Memories
from tests.security_group_alerter.openings import OPENING, by_different_people, event_id
from tests.stories import NOW, PRESENTATION

Publish = Callable[[Iterable[Message], TimeLeft], Iterator[Sent]]


def all_taken(messages: Iterable[Message], _time_left: TimeLeft) -> Iterator[Sent]:
    yield from (Sent(message=message) for message in messages)


def first_and_third_refused(messages: Iterable[Message], _time_left: TimeLeft) -> Iterator[Sent]:
    for number, message in enumerate(messages):
        yield Sent(message=message, refusal="too hot" if number in (0, 2) else None)


def broken_after_the_first(messages: Iterable[Message], _time_left: TimeLeft) -> Iterator[Sent]:
    yield Sent(message=next(iter(messages)))
    raise RuntimeError("unheard of")


def reported(payload: Any, publish: Publish, marks: list[str] | None = None) -> Report:
    """The report of an alerter that knows nothing and calls nobody but this."""
    memories = Memories()

    def note(alerted: Iterable[Mark], entries: Iterable[LedgerEntry], _most: int) -> Noted:
        if marks is not None:
            marks.extend(it.key for it in alerted)
        return Noted(unnoted=memories.note(entries))

    alerter = Alerter(
        standards=Standards(),
        problems=(),
        presentation=PRESENTATION,
        organization_id=None,
        facts_for=lambda _: AccountFacts(),
        alerted_among=lambda _: SeenAnswer(),
        publish=publish,
        recall=memories.recall,
        note=note,
    )
    return alerter.alert_on(payload, now=NOW, time_left=lambda: 120)


def test_everything_about_a_delivery_is_in_its_report() -> None:
    [delivery] = deliveries_of([OPENING])

    report = reported(delivery.payload, all_taken)

    assert report == Report(
        records=1,
        matched=1,
        alerts=1,
        world_open=1,
        oldest=datetime.fromisoformat(OPENING["eventTime"]),
        event_ids=(OPENING["eventID"],),
    )


def test_what_cannot_be_decoded_is_reported_and_not_raised() -> None:
    report = reported({"awslogs": {"data": "H4sI"}}, all_taken)

    assert isinstance(report.error, UndecodableDeliveryError)
    assert report == Report(error=report.error)
    assert set(report.counts().values()) == {0}


def test_what_is_refused_is_reported_by_name_and_the_rest_is_sent() -> None:
    # In the order of the calls; what has no time comes first.
    events = [json.dumps(it) for it in by_different_people(3)]
    marks: list[str] = []

    report = reported(payload_of(*events[:2], "no JSON", events[2]), first_and_third_refused, marks)

    assert (report.alerts, report.sends_failed) == (2, 2)
    assert report.event_ids == (event_id(0), event_id(2))
    assert marks == [event_id(0), event_id(2)]
    assert isinstance(report.error, PublishError)
    assert str(report.error) == (
        "not every alert was sent: "
        "HIGH: unreadable log event in 222233334444 (no event id): too hot; "
        "CRITICAL: tcp 22 (SSH) open to the whole IPv4 Internet in 222233334444, eu-central-1 by "
        f"jane.doe ({event_id(1)}): too hot"
    )


def test_a_fault_of_ours_while_sending_is_reported_with_what_was_sent_before() -> None:
    [delivery] = deliveries_of(by_different_people(3))
    marks: list[str] = []

    report = reported(delivery.payload, broken_after_the_first, marks)

    assert isinstance(report.error, RuntimeError)
    assert (report.records, report.matched, report.world_open) == (3, 3, 3)
    assert (report.alerts, report.sends_failed) == (1, 0)
    assert [*report.event_ids] == marks == [event_id(0)]


def test_a_fault_of_ours_in_the_words_of_one_alert_takes_no_other_with_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def faulty(alert: Alert, presentation: Presentation) -> Iterator[Message]:
        if alert.event_ids == (event_id(1),):
            raise RuntimeError("no words")
        return messages_of(alert, presentation)

    monkeypatch.setattr(alerting, "messages_of", faulty)
    [delivery] = deliveries_of(by_different_people(3))
    marks: list[str] = []

    report = reported(delivery.payload, all_taken, marks)

    assert isinstance(report.error, RuntimeError)
    assert (report.alerts, report.sends_failed) == (2, 0)
    assert [*report.event_ids] == marks == [event_id(0), event_id(2)]
