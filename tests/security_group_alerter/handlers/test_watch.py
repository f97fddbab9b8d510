"""The watch as AWS Lambda runs it, with an AWS emulator behind it."""

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final
from unittest import mock

import boto3
import pytest

from local.aws import GROUP_MEMORY_TABLE, SentAlert, Topic, emulated_aws
from local.deliveries import deliveries_of
from local.lambda_context import lambda_context
from local.scenarios.member_accounts import SERVICES, MemberAccounts
from local.scenarios.playing import LOOK_ROLE_NAME
from local.scenarios.reading import scenario_of
from security_group_alerter.aws.ledger import Ledger
from security_group_alerter.handlers import delivery
from security_group_alerter.handlers import watch as handler
from security_group_alerter.model.ledger import KEPT_WHEN_CLOSED
from security_group_alerter.settings import METRICS_NAMESPACE, SettingsError
from security_group_alerter.watching import WatchError
from tests.conftest import cold_start
from tests.stories import ROOT

LIFE: Final = scenario_of(
    json.loads((ROOT / "events/lifetimes/two-days-open.json").read_text()), "two-days-open"
)
CONTEXT: Final = lambda_context("request-1", seconds_left=300)
STATES: Final = [it.state for it in LIFE.steps if it.state]
TOLD_AT: Final = next(it.at for it in LIFE.steps if it.trail)


class World:
    """One account in which one group was opened, and the topic."""

    def __init__(self, topic: Topic, accounts: MemberAccounts) -> None:
        self.topic = topic
        self.accounts = accounts

    def watch(self, now: datetime) -> list[SentAlert]:
        """What one watch reports, as cold as it is after some minutes."""
        handler.warm_watcher.cache_clear()
        self.accounts.turn_to(now)
        self.counts = handler.handle(CONTEXT, handler.warm_watcher(), now=now)
        self.topic.forget_pace()
        return self.topic.take()


@pytest.fixture
def world() -> Iterator[World]:
    accounts = MemberAccounts()
    with (
        cold_start(),
        emulated_aws(look_role_name=LOOK_ROLE_NAME, but_for=SERVICES) as topic,
        accounts.reachable(),
    ):
        accounts.turn_to(TOLD_AT)
        accounts.change(STATES[0] or {})
        [step] = [it for it in LIFE.steps if it.trail][:1]
        [payload] = deliveries_of(step.trail or ())
        delivery.handle(payload.payload, CONTEXT, delivery.alerter(), now=TOLD_AT)
        assert len(topic.take()) == 1
        topic.forget_pace()
        yield World(topic, accounts)
    handler.warm_watcher.cache_clear()


def after(**length: float) -> datetime:
    return TOLD_AT + timedelta(**length)


def test_a_reminder_is_sent_once(world: World) -> None:
    assert not world.watch(after(minutes=59))

    [reminder] = world.watch(after(hours=1))

    assert reminder.subject.startswith("CRITICAL: tcp 3389 (RDP)")
    assert reminder.event_ids == []
    assert world.counts["reports"] == world.counts["looked_at"] == world.counts["open"] == 1
    assert not world.watch(after(hours=1))


def test_an_end_is_told_once_and_let_go_when_the_digest_has_it(world: World) -> None:
    world.accounts.change(STATES[1] or {})
    assert not world.watch(after(minutes=30))

    [end] = world.watch(after(minutes=45))

    assert end.attributes["effect"] == "closes"
    assert not world.watch(after(minutes=45))
    assert world.counts["groups"] == 1
    world.watch(after(hours=1) + KEPT_WHEN_CLOSED)
    assert not world.watch(after(hours=1) + KEPT_WHEN_CLOSED)
    assert world.counts["groups"] == 0


def test_what_is_denied_is_counted_and_said(world: World) -> None:
    world.accounts.change(dict.fromkeys(STATES[0] or {}))

    [reminder] = world.watch(after(hours=1))

    assert world.counts["look_failures"] == 1
    assert reminder.attributes["reach"] == "unknown"
    text = reminder.messages["email"]
    assert "could not be looked at" in " ".join(text.split())


def test_what_is_refused_is_raised_and_comes_again(world: World) -> None:
    boto3.client("sns").delete_topic(TopicArn=world.topic.arn)
    for _ in range(2):
        with pytest.raises(WatchError, match="still open"):
            world.watch(after(hours=1))


def test_a_table_that_is_down_is_raised(world: World) -> None:
    boto3.client("dynamodb").delete_table(TableName=GROUP_MEMORY_TABLE)

    with pytest.raises(Exception, match="ResourceNotFoundException"):
        world.watch(after(hours=1))


def test_one_watch_at_a_time(world: World) -> None:
    ledger = Ledger(boto3.client("dynamodb"), table_name=GROUP_MEMORY_TABLE)
    assert ledger.take_lease("watch", now=after(hours=1), seconds=300)

    assert not world.watch(after(hours=1))
    assert (world.counts["had_lease"], world.counts["groups"]) == (0, 0)

    # Whoever held it was killed.
    assert len(world.watch(after(hours=1, seconds=300))) == 1


def test_nobody_looks_without_a_role(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOOK_ROLE_NAME", "")

    [reminder] = world.watch(after(hours=1))

    assert world.counts["looked_at"] == 0
    assert reminder.attributes["reach"] == "unknown"


def test_chat_gets_what_is_bad_enough(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    chat = Topic(boto3.client("sns").create_topic(Name="chat")["TopicArn"], world.topic._dynamodb)
    monkeypatch.setenv("CHAT_TOPIC_ARN", chat.arn)

    assert len(world.watch(after(hours=1))) == 1

    assert len(chat.take()) == 1


Measured = Callable[[], dict[str, list[float]]]


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Measured:
    def read() -> dict[str, list[float]]:
        lines = [line for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]
        emf = json.loads(lines[-1])
        [directive] = emf["_aws"]["CloudWatchMetrics"]
        assert directive["Namespace"] == METRICS_NAMESPACE
        return {it["Name"]: emf[it["Name"]] for it in directive["Metrics"]}

    monkeypatch.setenv("POWERTOOLS_METRICS_DISABLED", "false")
    return read


def test_what_is_open_is_measured(world: World, measured: Measured) -> None:
    world.watch(after(hours=1))

    metrics = measured()
    assert metrics["OpenCritical"] == [1]
    assert metrics["OpenHigh"] == metrics["OpenMedium"] == [0]
    # It was opened some minutes before it was told.
    assert 1 < metrics["OldestOpenHours"][0] < 1.2
    assert "HoursToClose" not in metrics


def test_what_is_closed_is_measured(world: World, measured: Measured) -> None:
    world.accounts.change(STATES[1] or {})
    world.watch(after(minutes=30))
    world.watch(after(minutes=45))

    metrics = measured()
    assert metrics["OpenCritical"] == [0]
    assert 0 < metrics["HoursToClose"][0] < 1
    assert "OldestOpenHours" not in metrics


@pytest.mark.usefixtures("world")
def test_a_watch_that_fails_is_measured_as_well(measured: Measured) -> None:
    watcher = replace(handler.warm_watcher(), publish=mock.Mock(side_effect=RuntimeError("no")))

    with pytest.raises(RuntimeError, match="no"):
        handler.handle(CONTEXT, watcher, now=after(hours=1))

    assert measured()["OpenCritical"] == [1]


@pytest.mark.usefixtures("world")
def test_lambda_watches() -> None:
    counts = handler.lambda_handler({}, CONTEXT)

    assert counts["had_lease"] == 1
    assert handler.warm_watcher() is handler.warm_watcher()


def test_a_setting_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    handler.warm_watcher.cache_clear()
    for name in ("GROUP_MEMORY_TABLE", "ALERT_TOPIC_ARN"):
        monkeypatch.delenv(name, raising=False)
    event: Any = {}

    with pytest.raises(SettingsError, match="GROUP_MEMORY_TABLE is not set"):
        handler.lambda_handler(event, CONTEXT)
    assert "GROUP_MEMORY_TABLE" not in os.environ
