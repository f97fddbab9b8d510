"""The messages of the failure queue, in words and decoded."""

import json
from datetime import UTC, datetime
from typing import Any, Final
from unittest import mock

import pytest

from local.redrive.failed_deliveries import (
    FailedDelivery,
    Message,
    NoDeliveryError,
    contents_of,
    description_of,
    error_text,
    failed_delivery_of,
    in_clear,
)
from tests.local.failures import LOG_STREAM, POISON, REFUSED, failure_of, payload_of

RECORD: Final = {"eventName": "CreateSecurityGroup", "eventID": "1"}
PAYLOAD: Final = payload_of(json.dumps(RECORD), "no JSON")
SINCE: Final = datetime(2026, 11, 23, 9, 1, 2, tzinfo=UTC)


def message_of(body: str, error_message: str | None = None) -> Message:
    return Message(message_id="m-1", body=body, sent_at=SINCE, error_message=error_message)


def shown(body: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(in_clear(message_of(body)))
    return document


NO_DELIVERIES = [
    ("text", "test", "the body is not JSON: "),
    ("empty", "", "the body is not JSON: "),
    ("nested-too-deep", "[" * 100_000, "the body is not JSON: "),
    ("list", "[]", "the body is JSON, but not an object: list"),
    ("nothing", "{}", "neither Lambda's failure record nor a payload of CloudWatch Logs"),
    (
        "sns",
        json.dumps({"Type": "Notification", "TopicArn": "arn", "Message": failure_of(PAYLOAD)}),
        "an SNS notification",
    ),
    (
        "another-service-with-a-context",
        json.dumps({"requestContext": {"http": {}}, "requestPayload": PAYLOAD}),
        "neither Lambda's failure record nor a payload of CloudWatch Logs",
    ),
    (
        "payload-left-out",
        failure_of(None),
        "Lambda's failure record, without the payload: find the records of that time in the",
    ),
]


@pytest.mark.parametrize(
    ("body", "reason"), [pytest.param(body, reason, id=it) for it, body, reason in NO_DELIVERIES]
)
def test_no_delivery(body: str, reason: str) -> None:
    with pytest.raises(NoDeliveryError) as caught:
        failed_delivery_of(message_of(body))

    assert str(caught.value).startswith(reason)
    assert f"\n   no delivery {reason}" in description_of(message_of(body))
    assert shown(body)["no_delivery"].startswith(reason)
    assert shown(body)["raw"] == body


def test_record_of_a_failure() -> None:
    assert failed_delivery_of(message_of(failure_of(PAYLOAD))) == FailedDelivery(
        payload=PAYLOAD, error=REFUSED, condition="RetriesExhausted", tries=3
    )


def test_record_of_a_payload_that_the_function_never_saw() -> None:
    context = {"functionArn": "arn", "condition": "EventAgeExceeded", "approximateInvokeCount": 0}
    record = message_of(failure_of(PAYLOAD, requestContext=context, responsePayload=None))

    assert failed_delivery_of(record) == FailedDelivery(
        payload=PAYLOAD, condition="EventAgeExceeded", tries=0
    )
    assert ", after 0 tries (EventAgeExceeded)\n   error       not recorded" in description_of(
        record
    )


def test_record_that_says_little() -> None:
    record = failure_of(PAYLOAD, requestContext={"functionArn": "arn", "condition": 7})

    assert failed_delivery_of(message_of(record)) == FailedDelivery(payload=PAYLOAD, error=REFUSED)


def test_payload_as_a_dead_letter() -> None:
    letter = message_of(json.dumps(PAYLOAD), error_message="Task timed out")

    assert failed_delivery_of(letter) == FailedDelivery(payload=PAYLOAD, error="Task timed out")


def test_contents() -> None:
    contents = contents_of(PAYLOAD)

    assert (contents.records, contents.account_id) == (2, "222233334444")
    assert contents.log_stream == LOG_STREAM


def test_description() -> None:
    assert description_of(message_of(failure_of(PAYLOAD))) == (
        "in the queue since 2026-11-23 09:01:02 UTC, after 3 tries (RetriesExhausted)\n"
        "   error       PublishError: 1 of 3 alerts could not be sent\n"
        f"   contains    2 records of account 222233334444, log stream {LOG_STREAM}\n"
        "   message     m-1"
    )


@pytest.mark.parametrize(
    ("payload", "contents"),
    [
        pytest.param(
            POISON, "a payload that cannot be decoded: awslogs.data: expected base64", id="poison"
        ),
        pytest.param("text", "a payload that cannot be decoded: expected {", id="no-object"),
        pytest.param(
            payload_of("{}", logStream="mine"),
            "1 record of an unknown account, log stream mine",
            id="stream-that-is-not-cloudtrails",
        ),
        pytest.param(
            payload_of("{}", logStream=None), "1 record of an unknown account\n", id="no-stream"
        ),
        pytest.param(
            payload_of(messageType="CONTROL_MESSAGE"), "0 records of account", id="control-message"
        ),
    ],
)
def test_description_of_its_contents(payload: Any, contents: str) -> None:
    assert f"\n   contains    {contents}" in description_of(message_of(failure_of(payload)))


def test_description_of_a_single_try() -> None:
    context = {"functionArn": "arn", "approximateInvokeCount": 1}

    assert "UTC, after 1 try\n" in description_of(
        message_of(failure_of(PAYLOAD, requestContext=context))
    )


def test_no_text_can_break_a_line_or_hide() -> None:
    hostile = "\x1b[2J\n   done        all\u202e"
    context = {"functionArn": "arn", "condition": hostile}
    error = {"errorType": hostile, "errorMessage": hostile}
    payload = payload_of("{}", logStream=hostile)
    body = failure_of(payload, requestContext=context, responsePayload=error)

    lines = description_of(message_of(body)).split("\n")
    assert len(lines) == 4
    assert all(line.isprintable() for line in lines)
    assert in_clear(message_of(body)).isascii()


@pytest.mark.parametrize(
    ("error", "text"),
    [
        pytest.param({"errorMessage": "Task timed out"}, "Task timed out", id="no-type"),
        pytest.param({"errorType": "Runtime.ExitError"}, "Runtime.ExitError", id="no-message"),
        pytest.param({"other": 1}, '{"other": 1}', id="neither"),
        pytest.param(["a"], "['a']", id="list"),
        pytest.param(None, "not recorded", id="nothing"),
    ],
)
def test_error_in_a_line(error: Any, text: str) -> None:
    assert error_text(error) == text


def test_in_clear() -> None:
    document = shown(failure_of(PAYLOAD))

    log_events = document["delivery"].pop("logEvents")
    assert [log_event["message"] for log_event in log_events] == [RECORD, "no JSON"]
    assert document == {
        "message_id": "m-1",
        "in_the_queue_since": "2026-11-23T09:01:02+00:00",
        "condition": "RetriesExhausted",
        "tries": 3,
        "error": REFUSED,
        "delivery": {
            "messageType": "DATA_MESSAGE",
            "owner": "111122223333",
            "logGroup": "organization-trail",
            "logStream": LOG_STREAM,
            "subscriptionFilters": ["security-group-changes"],
        },
    }


def test_poison_in_clear_is_raw_with_the_reason() -> None:
    document = shown(failure_of(POISON))

    assert document["undecodable"].startswith("awslogs.data: expected base64 of gzip")
    assert document["raw"] == POISON


@pytest.mark.parametrize(
    "log_event",
    [
        pytest.param("a line", id="text"),
        pytest.param({"id": "1"}, id="without-message"),
        pytest.param({"message": {"eventName": "StopLogging"}}, id="message-that-is-an-object"),
        pytest.param({"message": "[" * 100_000}, id="message-nested-too-deep"),
    ],
)
def test_strange_log_event_in_clear_is_as_it_is(log_event: Any) -> None:
    document = shown(failure_of(payload_of(logEvents=[log_event])))

    assert document["delivery"]["logEvents"] == [log_event]


def test_control_message_in_clear() -> None:
    control = payload_of(messageType="CONTROL_MESSAGE", logEvents=None)

    assert shown(failure_of(control))["delivery"]["messageType"] == "CONTROL_MESSAGE"


# Python may read JSON that is nested more deeply than it can write: it depends on its version.


@pytest.mark.parametrize("depth", [*range(900, 1000, 10), 5_000, 50_000])
def test_however_deeply_nested_it_is_shown(depth: int) -> None:
    document = shown(failure_of(payload_of("[" * depth + "]" * depth)))

    assert ("delivery" in document) is ("raw" not in document)


def test_what_is_nested_too_deeply_to_be_written_is_raw(monkeypatch: pytest.MonkeyPatch) -> None:
    body = failure_of(PAYLOAD)
    written = json.dumps({"raw": body})
    monkeypatch.setattr(json, "dumps", mock.Mock(side_effect=[RecursionError, written]))

    assert in_clear(message_of(body)) == written
    assert json.dumps.call_args.args[0] == {  # type: ignore[attr-defined]
        "message_id": "m-1",
        "in_the_queue_since": "2026-11-23T09:01:02+00:00",
        "undecodable": "nested too deeply to be shown",
        "raw": body,
    }
