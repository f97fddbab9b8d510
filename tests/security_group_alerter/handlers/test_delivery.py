"""The handler, with an AWS emulator behind it: what goes in, what comes out, what is kept."""

import base64
import gzip
import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import ModuleType
from typing import Any, Final
from unittest import mock

import boto3
import pytest
from mypy_boto3_sqs import SQSClient

from local.aws import SEEN_EVENTS_TABLE, Topic, emulated_aws
from local.deliveries import deliveries_of
from local.lambda_context import lambda_context
from security_group_alerter import knowledge, standing
from security_group_alerter.alerting import PublishError, Report
from security_group_alerter.aws import clients
from security_group_alerter.cloudtrail.heartbeat import HEARTBEAT_CALL
from security_group_alerter.cloudtrail.payload import UndecodableDeliveryError
from security_group_alerter.handlers import delivery as handler
from security_group_alerter.judgement.accepted_openings import AcceptedOpenings
from security_group_alerter.settings import METRICS_NAMESPACE, SettingsError
from security_group_alerter.wiring import sending
from tests.security_group_alerter.openings import event_id, with_id
from tests.stories import story

CONTEXT: Final = lambda_context("request-1")
# What becomes of a delivery, when nothing does.
NOTHING: Final = Report().counts()
OPENING: Final = story("ssh-opened-to-the-world-from-the-console")
CREATION: Final = story("group-created-with-tags-by-an-aws-service")


@pytest.fixture
def topic(cold_function: None) -> Iterator[Topic]:
    """A topic of its own and a cold start for each test."""
    assert cold_function is None
    with emulated_aws() as topic:
        yield topic


def invoke(*records: dict[str, Any]) -> dict[str, int]:
    [delivery] = deliveries_of(records)
    return handler.lambda_handler(delivery.payload, CONTEXT)


def payload_of(data: object) -> dict[str, Any]:
    packed = gzip.compress(json.dumps(data).encode())
    return {"awslogs": {"data": base64.b64encode(packed).decode()}}


def test_an_alert_is_sent_and_counted(topic: Topic) -> None:
    summary = invoke(OPENING)

    assert summary == NOTHING | {"records": 1, "matched": 1, "alerts": 1, "world_open": 1}
    [alert] = topic.take()
    assert alert.subject.startswith("CRITICAL: ")
    assert alert.event_ids == [OPENING["eventID"]]


class Queue:
    """A queue that is subscribed to the topic."""

    def __init__(self, topic: Topic, name: str, **attributes: str) -> None:
        self._client: SQSClient = boto3.client("sqs")
        self._url = self._client.create_queue(QueueName=name)["QueueUrl"]
        arn = self._client.get_queue_attributes(QueueUrl=self._url, AttributeNames=["QueueArn"])
        boto3.client("sns").subscribe(
            TopicArn=topic.arn,
            Protocol="sqs",
            Endpoint=arn["Attributes"]["QueueArn"],
            Attributes=attributes,
        )

    def received(self) -> list[Any]:
        answer = self._client.receive_message(
            QueueUrl=self._url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
        )
        return list(answer.get("Messages", ()))


def test_a_queue_gets_the_machine_form_and_the_attributes(topic: Topic) -> None:
    queue = Queue(topic, "raw", RawMessageDelivery="true")

    invoke(OPENING)

    [message] = queue.received()
    [alert] = topic.take()
    assert message["Body"] == alert.messages["default"]
    assert OPENING["eventID"] in message["Body"]
    attributes = {
        name: value["StringValue"] for name, value in message["MessageAttributes"].items()
    }
    assert attributes == alert.attributes
    # https://docs.aws.amazon.com/sns/latest/dg/sns-message-attributes.html: with raw delivery, a
    # message of more than ten attributes is discarded.
    assert 0 < len(attributes) <= 10


def test_a_queue_without_raw_delivery_gets_it_wrapped(topic: Topic) -> None:
    queue = Queue(topic, "wrapped")

    invoke(OPENING)

    [message] = queue.received()
    [alert] = topic.take()
    envelope = json.loads(message["Body"])
    assert envelope["Message"] == alert.messages["default"]
    assert envelope["Subject"] == alert.subject
    assert envelope["MessageAttributes"]["world_open"] == {"Type": "String", "Value": "true"}


def test_a_subscriber_hears_only_what_it_asked_for(topic: Topic) -> None:
    queue = Queue(
        topic,
        "world",
        RawMessageDelivery="true",
        FilterPolicy=json.dumps({"world_open": ["true"], "severity": ["CRITICAL", "HIGH"]}),
    )

    invoke(CREATION)
    invoke(OPENING)

    [message] = queue.received()
    assert message["MessageAttributes"]["severity"]["StringValue"] == "CRITICAL"


@pytest.mark.usefixtures("topic")
def test_a_warm_function_makes_nothing_anew() -> None:
    with mock.patch.object(clients, "session", wraps=clients.session) as session:
        for _ in range(3):
            invoke(OPENING)

    assert session.call_count == 1


CONTROL_MESSAGE: Final = payload_of(
    {
        "messageType": "CONTROL_MESSAGE",
        "owner": "CloudwatchLogs",
        "logGroup": "",
        "logStream": "",
        "subscriptionFilters": [],
        "logEvents": [
            {
                "id": "",
                "timestamp": 0,
                "message": "CWL CONTROL MESSAGE: Checking health of destination Lambda.",
            }
        ],
    }
)


def test_a_control_message_is_answered_and_ignored(topic: Topic) -> None:
    summary = handler.lambda_handler(CONTROL_MESSAGE, CONTEXT)

    assert summary == NOTHING
    assert set(summary.values()) == {0}
    assert topic.take() == []


def test_what_is_wrong_with_the_exceptions_is_told_once_and_not_to_a_control_message(
    topic: Topic, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = AcceptedOpenings(problems=("entry 1 has no owner",))
    monkeypatch.setattr(sending, "accepted_openings_in", lambda _text, **_: wrong)

    handler.lambda_handler(CONTROL_MESSAGE, CONTEXT)
    assert topic.take() == []

    invoke_later(OPENING)
    kinds = [alert.attributes["kind"] for alert in topic.take()]
    assert kinds == ["configuration", "security-group"]

    invoke_later(CREATION)
    assert [alert.attributes["kind"] for alert in topic.take()] == ["security-group"]


def test_a_log_event_that_is_no_record_is_told_and_the_rest_goes_on(topic: Topic) -> None:
    payload = payload_of(
        {
            "messageType": "DATA_MESSAGE",
            "logEvents": [{"message": it} for it in ("no JSON", json.dumps(OPENING))],
        }
    )

    summary = handler.lambda_handler(payload, CONTEXT)

    assert summary == NOTHING | {
        "records": 2,
        "matched": 2,
        "alerts": 2,
        "world_open": 1,
        "unreadable": 1,
    }
    assert [alert.attributes["kind"] for alert in topic.take()] == ["unreadable", "security-group"]


@pytest.mark.parametrize(
    "event",
    [
        pytest.param({}, id="empty"),
        pytest.param({"awslogs": {"data": "H4sI"}}, id="cut-off"),
        pytest.param({"Records": []}, id="from-another-service"),
        pytest.param(payload_of({"messageType": "DATA_MESSAGE"}), id="without-log-events"),
        pytest.param(payload_of([]), id="of-another-shape"),
    ],
)
def test_what_cannot_be_decoded_is_raised_and_not_lost(event: dict[str, Any], topic: Topic) -> None:
    with pytest.raises(UndecodableDeliveryError):
        handler.lambda_handler(event, CONTEXT)

    assert topic.take() == []


def test_what_could_not_be_sent_is_raised(topic: Topic) -> None:
    boto3.client("sns").delete_topic(TopicArn=topic.arn)

    with pytest.raises(PublishError, match=OPENING["eventID"]):
        invoke(OPENING)


@pytest.mark.usefixtures("topic")
def test_wrong_settings_are_raised_at_every_call_until_they_are_right(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TIME_ZONE", "Mars")
    for _ in range(2):
        with pytest.raises(SettingsError, match="TIME_ZONE='Mars'"):
            invoke(OPENING)

    monkeypatch.setenv("TIME_ZONE", "Europe/Berlin")
    assert invoke(OPENING)["alerts"] == 1


@pytest.mark.usefixtures("topic")
def test_each_delivery_is_one_line_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)

    invoke(OPENING)

    [line] = [vars(it) for it in caplog.records if it.module == "delivery"]
    expected = {"records": 1, "matched": 1, "alerts": 1, "world_open": 1}
    assert {name: line[name] for name in ("msg", "event_ids", *NOTHING)} == NOTHING | expected | {
        "msg": "delivery read",
        "event_ids": [OPENING["eventID"]],
    }


def test_what_could_not_be_sent_is_a_line_in_the_log_as_well(
    topic: Topic, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    boto3.client("sns").delete_topic(TopicArn=topic.arn)

    with pytest.raises(PublishError):
        invoke(OPENING)

    [line] = [vars(it) for it in caplog.records if it.module == "delivery"]
    assert (line["matched"], line["alerts"], line["sends_failed"]) == (1, 0, 1)
    assert line["event_ids"] == []


def test_the_log_holds_event_ids_and_nothing_else_of_a_record(
    topic: Topic, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.INFO)

    invoke(OPENING, OPENING | {"eventID": "4e1d", "requestParameters": "broken"})
    handler.lambda_handler(payload_of({"logEvents": [{"message": "no JSON"}]}), CONTEXT)

    assert [alert.attributes["severity"] for alert in topic.take()] == ["CRITICAL", "HIGH"]
    logged = "".join([repr(vars(it)) for it in caplog.records] + [*capsys.readouterr()])
    assert OPENING["eventID"] in logged
    for text in {*texts_in(OPENING), "broken", "no JSON"} - {OPENING["eventID"]}:
        assert text not in logged


def texts_in(value: Any) -> Iterator[str]:
    """Every text of a record that is long enough to mean something."""
    for member in value.values() if isinstance(value, dict) else value:
        if isinstance(member, dict | list):
            yield from texts_in(member)
        elif isinstance(member, str) and len(member) > 5:
            yield member


# The metrics. https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/
# CloudWatch_Embedded_Metric_Format_Specification.html

OPENED_AT: Final = datetime.fromisoformat(OPENING["eventTime"])
COUNTS: Final = {
    "Records": 0,
    "Matched": 0,
    "Alerts": 0,
    "WorldOpen": 0,
    "Unreadable": 0,
    "Duplicates": 0,
    "EnrichmentFailures": 0,
    "MemoryFailures": 0,
    "LookFailures": 0,
    "SeenTableFailures": 0,
    "Heartbeats": 0,
    "SendsFailed": 0,
}


Measured = Callable[[], dict[str, float]]


@pytest.fixture
def measured(
    topic: Topic, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Measured:
    """The metrics of the last invocation, by name."""
    assert topic.arn
    monkeypatch.delenv("POWERTOOLS_METRICS_DISABLED")

    def read() -> dict[str, float]:
        lines = [line for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]
        [emf] = map(json.loads, lines)
        [directive] = emf["_aws"]["CloudWatchMetrics"]
        assert directive["Namespace"] == METRICS_NAMESPACE
        # The service, which is always the same: each combination of values is paid for.
        assert directive["Dimensions"] == [["service"]]
        assert emf["service"] == "security-group-alerter"
        units = {it["Name"]: it["Unit"] for it in directive["Metrics"]}
        assert units == COUNTS.fromkeys(COUNTS, "Count") | {
            name: "Seconds" for name in ("Lag", "HeartbeatLag") if name in units
        }
        assert emf.keys() == {"_aws", "service", *units}
        return {name: value for name in units for value in emf[name]}

    return read


def invoke_later(*records: dict[str, Any]) -> dict[str, int]:
    """The same some minutes after the opening."""
    [delivery] = deliveries_of(records)
    now = OPENED_AT + timedelta(seconds=290)
    return handler.handle(delivery.payload, CONTEXT, handler.alerter(), now=now)


def test_an_alert_is_measured_with_its_lag(measured: Measured) -> None:
    later = OPENED_AT + timedelta(seconds=60)

    invoke_later(OPENING | {"eventID": "4e1d", "eventTime": later.isoformat()}, OPENING)

    # What counts is how late the latest was.
    once = {"Records": 2, "Matched": 2, "Alerts": 1, "WorldOpen": 2}
    assert measured() == COUNTS | once | {"Lag": 290}


def test_a_repetition_has_no_lag(measured: Measured) -> None:
    invoke(OPENING)
    measured()

    invoke(OPENING)

    assert measured() == COUNTS | {"Records": 1, "Matched": 1, "Duplicates": 1}


def test_a_record_without_a_time_has_no_lag(measured: Measured) -> None:
    handler.lambda_handler(payload_of({"logEvents": [{"message": "no JSON"}]}), CONTEXT)

    assert measured() == COUNTS | {"Records": 1, "Matched": 1, "Alerts": 1, "Unreadable": 1}


def test_a_heartbeat_has_a_lag_of_its_own(
    measured: Measured, monkeypatch: pytest.MonkeyPatch
) -> None:
    role = OPENING["userIdentity"]["sessionContext"]["sessionIssuer"]["arn"]
    monkeypatch.setenv("HEARTBEAT_ROLE_ARN", role)

    invoke_later(OPENING | {"eventName": HEARTBEAT_CALL, "errorCode": "Client.DryRunOperation"})

    assert measured() == COUNTS | {"Records": 1, "Heartbeats": 1, "HeartbeatLag": 290}


def test_a_heartbeat_without_a_time_is_counted(
    measured: Measured, monkeypatch: pytest.MonkeyPatch
) -> None:
    role = OPENING["userIdentity"]["sessionContext"]["sessionIssuer"]["arn"]
    monkeypatch.setenv("HEARTBEAT_ROLE_ARN", role)
    heartbeat = {
        "eventName": HEARTBEAT_CALL,
        "errorCode": "Client.DryRunOperation",
        "eventTime": None,
    }

    invoke_later(OPENING | heartbeat)

    assert measured() == COUNTS | {"Records": 1, "Heartbeats": 1}


def test_failures_are_measured(topic: Topic, measured: Measured) -> None:
    boto3.client("sns").delete_topic(TopicArn=topic.arn)
    boto3.client("dynamodb").delete_table(TableName=SEEN_EVENTS_TABLE)
    stranger = OPENING | {"recipientAccountId": "999999999999"}

    with pytest.raises(PublishError):
        invoke_later(stranger)

    failures = {"SendsFailed": 1, "SeenTableFailures": 1, "EnrichmentFailures": 1}
    assert measured() == COUNTS | failures | {
        "Records": 1,
        "Matched": 1,
        "WorldOpen": 1,
        "Lag": 290,
    }


def test_a_fault_of_ours_while_sending_is_measured_and_raised(measured: Measured) -> None:
    broken = mock.Mock(side_effect=RuntimeError("unheard of"))
    alerter = replace(handler.alerter(), publish=broken)
    [delivery] = deliveries_of([OPENING])

    with pytest.raises(RuntimeError, match="unheard of"):
        handler.handle(delivery.payload, CONTEXT, alerter, now=OPENED_AT)

    assert measured() == COUNTS | {"Records": 1, "Matched": 1, "WorldOpen": 1, "Lag": 0}


@pytest.mark.parametrize(
    ("module", "step"),
    [(standing, "judged_again"), (knowledge, "statements_of")],
    ids=["judged_again", "statements_of"],
)
def test_a_fault_of_ours_in_judging_calls_together_is_raised_after_the_alerts(
    module: ModuleType, step: str, topic: Topic, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, step, mock.Mock(side_effect=RuntimeError("unheard of")))
    later = with_id(OPENING, event_id(1)) | {"eventTime": "2026-11-17T08:55:13Z"}
    [delivery] = deliveries_of([OPENING, later])

    with pytest.raises(RuntimeError, match="unheard of"):
        handler.handle(delivery.payload, CONTEXT, handler.alerter(), now=OPENED_AT)

    told = [it for alert in topic.take() for it in alert.event_ids]
    assert sorted(told) == sorted([OPENING["eventID"], later["eventID"]])


def test_a_delivery_that_cannot_be_decoded_is_measured(measured: Measured) -> None:
    with pytest.raises(UndecodableDeliveryError):
        handler.lambda_handler({}, CONTEXT)

    assert measured() == COUNTS


@pytest.mark.usefixtures("topic")
def test_the_clock_is_in_utc() -> None:
    before = datetime.now(UTC)
    with mock.patch.object(handler, "handle") as handled:
        handler.lambda_handler({}, CONTEXT)

    now = handled.call_args.kwargs["now"]
    assert now.utcoffset() == timedelta(0)
    assert before <= now <= datetime.now(UTC)
