"""Accepted openings from the file to the words, by way of the handler."""

import json
import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest

from local.aws import SentAlert, Topic, emulated_aws
from local.deliveries import deliveries_of
from local.lambda_context import lambda_context
from security_group_alerter.handlers import delivery as handler
from security_group_alerter.judgement import findings
from security_group_alerter.model.severity import Severity
from security_group_alerter.wiring import delivery as wiring
from security_group_alerter.wiring import sending
from tests.stories import story

CONTEXT: Final = lambda_context("request-1")
SSH: Final = story("ssh-opened-to-the-world-from-the-console")
WEB_AND_SSH: Final = story("https-from-the-world-and-ssh-from-inside")
# Accounts, Regions and groups are those of the two stories.
ENTRY: Final = """
[[opening]]
account = "222233334444"
protocol = "tcp"
ports = [22]
peers = ["0.0.0.0/0"]
owner = "bastion@example.com"
reason = "The vendor's jump host. TICKET-7"
expires = 2026-11-30
"""
WEB_ENTRY: Final = ENTRY.replace("222233334444", "333344445555").replace("[22]", "[443]")
SEEN: Final = datetime(2026, 11, 20, 12, tzinfo=UTC)

Alerter = Callable[..., list[SentAlert]]


@pytest.fixture
def topic(cold_function: None) -> Iterator[Topic]:
    assert cold_function is None
    with emulated_aws() as topic:
        yield topic


@pytest.fixture
def alerts_with(topic: Topic, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Alerter:
    """What a cold function sends because of some records, when the file holds this text."""
    file = tmp_path / "accepted_openings.toml"
    monkeypatch.setattr(sending, "ACCEPTED_OPENINGS", str(file))

    def alerts(text: str, *records: dict[str, Any]) -> list[SentAlert]:
        file.write_text(text, encoding="utf-8")
        alerter = wiring.delivery_alerter(os.environ, today=SEEN.date())
        for record in records:
            [delivery] = deliveries_of([record])
            handler.handle(delivery.payload, CONTEXT, alerter, now=SEEN)
        return topic.take()

    return alerts


def test_wholly_accepted_is_informational_and_stays_open_to_the_world(alerts_with: Alerter) -> None:
    [alert] = alerts_with(ENTRY, SSH)

    assert alert.attributes["severity"] == "INFORMATIONAL"
    assert alert.attributes["world_open"] == "true"
    assert alert.subject.startswith("INFORMATIONAL: accepted: tcp 22 (SSH) open to")
    words = "Accepted until 2026-11-30 by bastion@example.com: The vendor's jump host. TICKET-7"
    email = " ".join(alert.messages["email"].split())
    assert words in email
    assert "Why " not in email
    assert (
        words.replace("@", "\uff20")
        in json.loads(alert.messages["https"])["content"]["description"]
    )
    [evidence] = json.loads(alert.messages["default"])["evidences"]
    assert evidence["data"]["acceptance"] == [words]


def test_wholly_accepted_says_so_whatever_severity_it_is_given(
    alerts_with: Alerter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(findings, "ACCEPTED", Severity.LOW)

    [alert] = alerts_with(ENTRY, SSH)

    assert alert.attributes["severity"] == "LOW"
    assert alert.subject.startswith("LOW: accepted: tcp 22 (SSH) open to")
    assert "Accepted until 2026-11-30 by bastion@example.com" in alert.messages["email"]
    assert "Accepted in part" not in alert.messages["email"]


def test_partly_accepted_is_judged_by_the_rest(alerts_with: Alerter) -> None:
    [alert] = alerts_with(WEB_ENTRY, WEB_AND_SSH)

    # What is left is SSH from 10.0.0.0/8.
    assert alert.attributes["severity"] == "LOW"
    assert "Accepted in part until 2026-11-30" in alert.messages["email"]


def test_an_exception_that_ran_out_says_so_and_no_longer_counts(alerts_with: Alerter) -> None:
    [alert] = alerts_with(ENTRY.replace("2026-11-30", "2026-11-19"), SSH)

    assert alert.attributes["severity"] == "CRITICAL"
    words = "An acceptance by bastion@example.com ran out on 2026-11-19 and no longer counts"
    assert words in " ".join(alert.messages["email"].split())


@pytest.mark.parametrize(
    "record",
    [
        pytest.param(story("ssh-closed-to-the-world"), id="the-end-of-the-opening"),
        pytest.param(story("opening-to-the-world-denied"), id="denied"),
        pytest.param(story("prefix-list-widened-to-the-world"), id="prefix-list"),
    ],
)
def test_what_is_no_opening_of_a_group_is_not_touched(
    alerts_with: Alerter, record: dict[str, Any]
) -> None:
    [alert] = alerts_with(ENTRY.replace("ports = [22]\n", "").replace('"tcp"', '"-1"'), record)

    assert alert.attributes["severity"] != "INFORMATIONAL"
    assert "ccepted" not in alert.messages["email"]


def test_a_malformed_entry_is_told_once_and_the_others_hold(alerts_with: Alerter) -> None:
    broken = ENTRY + ENTRY.replace("owner =", "ower =")

    first, second = alerts_with(broken, SSH)

    notice, opening = sorted((first, second), key=lambda alert: alert.attributes["kind"])
    assert notice.attributes["kind"] == "configuration"
    assert notice.attributes["severity"] == "MEDIUM"
    assert "accepted_openings.toml, entry 2, ower: no such field" in notice.messages["email"]
    assert opening.attributes["severity"] == "INFORMATIONAL"


def test_a_byte_that_is_not_utf_8_stops_no_delivery(
    alerts_with: Alerter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "latin-1.toml"
    file.write_bytes(ENTRY.replace("vendor", "Händler").encode("latin-1"))
    [plain] = alerts_with("", SSH)
    monkeypatch.setattr(sending, "ACCEPTED_OPENINGS", str(file))

    alerter = wiring.delivery_alerter(os.environ, today=SEEN.date())

    assert plain.attributes["severity"] == "CRITICAL"
    [entry] = alerter.standards.accepted
    assert entry.reason == "The H\ufffdndler's jump host. TICKET-7"


def test_the_notice_is_not_told_again_on_the_same_day(alerts_with: Alerter) -> None:
    broken = ENTRY.replace("owner =", "ower =")
    later = SSH | {"eventTime": "2026-11-20T10:00:00Z", "eventID": "later"}

    alerts = alerts_with(broken, SSH) + alerts_with(broken, later)

    kinds = [alert.attributes["kind"] for alert in alerts]
    assert kinds.count("configuration") == 1
    assert kinds.count("security-group") == 2
