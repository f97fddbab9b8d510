"""What Lambda is handed, and what of it is a delivery, a control message or a reason to shout."""

import base64
import gzip
import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from security_group_alerter.cloudtrail.payload import (
    Delivery,
    LogStream,
    UndecodableDeliveryError,
    UnreadableMessageError,
    delivery_of,
    document_of,
    log_stream_of,
)
from tests.security_group_alerter.builders import calmly

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda values: st.lists(values) | st.dictionaries(st.text(), values),
    max_leaves=8,
)
STREAM = "o-exampleorgid_222233334444_CloudTrail_eu-central-1"
DATA: dict[str, Any] = {
    "messageType": "DATA_MESSAGE",
    "owner": "111122223333",
    "logGroup": "organization-trail",
    "logStream": STREAM,
    "subscriptionFilters": ["security-group-changes"],
    "logEvents": [
        {"id": "1", "timestamp": 1795000000000, "message": '{"eventName": "CreateSecurityGroup"}'},
        {"id": "2", "timestamp": 1795000000001, "message": "the second"},
    ],
}
CONTROL = {**DATA, "messageType": "CONTROL_MESSAGE", "logEvents": [{"message": "CWL CONTROL …"}]}


def awslogs(text: str | bytes) -> dict[str, Any]:
    """A payload with this text in it, packed as CloudWatch Logs packs it."""
    packed = gzip.compress(text.encode() if isinstance(text, str) else text)
    return {"awslogs": {"data": base64.b64encode(packed).decode()}}


def payload(**members: Any) -> dict[str, Any]:
    return awslogs(json.dumps({**DATA, **members}))


def test_control_message_is_no_delivery() -> None:
    assert delivery_of(awslogs(json.dumps(CONTROL))) is None


def test_delivery_keeps_its_messages_in_order_as_the_text_that_they_are() -> None:
    assert delivery_of(payload()) == Delivery(
        log_group="organization-trail",
        log_stream=LogStream(organization_id="o-exampleorgid", account_id="222233334444"),
        messages=('{"eventName": "CreateSecurityGroup"}', "the second"),
    )


def test_delivery_survives_what_it_does_not_need() -> None:
    delivery = delivery_of(awslogs('{"logEvents": [], "policyLevel": "ACCOUNT", "logGroup": 7}'))

    assert delivery == Delivery(log_group=None, log_stream=LogStream(), messages=())


@pytest.mark.parametrize(
    "log_event",
    [
        pytest.param({"id": "1", "eventName": "StopLogging"}, id="without-message"),
        pytest.param({"message": {"eventName": "StopLogging"}}, id="message-that-is-an-object"),
        pytest.param({}, id="nothing-at-all"),
        pytest.param("a line", id="text"),
        pytest.param(None, id="null"),
        pytest.param([], id="list"),
    ],
)
def test_log_event_without_text_is_told_as_unreadable_and_shown(log_event: object) -> None:
    delivery = delivery_of(payload(logEvents=[log_event, {"message": "{}"}]))

    assert delivery is not None
    strange, following = delivery.messages
    assert json.dumps(log_event) in strange
    with pytest.raises(UnreadableMessageError):
        document_of(strange)
    assert document_of(following) == {}


@pytest.mark.parametrize(
    ("payload", "complaint"),
    [
        pytest.param(None, "found NoneType", id="nothing"),
        pytest.param("awslogs", "found str", id="text"),
        pytest.param([{"awslogs": {}}], "found list", id="list"),
        pytest.param({"Records": []}, "awslogs.data: .*KeyError", id="s3-notification"),
        pytest.param({"awslogs": None}, "awslogs.data: ", id="null"),
        pytest.param({"awslogs": {}}, "awslogs.data: .*KeyError", id="no-data"),
        pytest.param({"awslogs": {"data": 7}}, "awslogs.data: ", id="number"),
        pytest.param({"awslogs": {"data": "not base64"}}, "awslogs.data: ", id="no-base64"),
        pytest.param({"awslogs": {"data": "e30="}}, "awslogs.data: ", id="not-zipped"),
        pytest.param(awslogs(b"\xff\xfe"), "awslogs.data: .*Unicode", id="no-utf-8"),
        pytest.param(awslogs("{"), "awslogs.data: .*JSON", id="cut-short"),
        pytest.param(awslogs("[1]"), "awslogs.data: ", id="no-object"),
        pytest.param(awslogs("null"), "awslogs.data: ", id="json-null"),
        pytest.param(awslogs("[" * 99_999), "awslogs.data: .*Recursion", id="nested-too-deep"),
        pytest.param(awslogs("{}"), "logEvents: .*NoneType", id="no-log-events"),
        pytest.param(payload(logEvents={}), "logEvents: .*dict", id="log-events-no-list"),
    ],
)
def test_anything_else_is_an_error_that_says_where(payload: object, complaint: str) -> None:
    with pytest.raises(UndecodableDeliveryError, match=complaint):
        delivery_of(payload)


@calmly
@given(JSON, JSON)
def test_any_json_is_a_delivery_a_control_message_or_that_error(outer: Any, inner: Any) -> None:
    for strange in (outer, awslogs(json.dumps(inner)), payload(logStream=outer, logEvents=inner)):
        try:
            delivery = delivery_of(strange)
        except UndecodableDeliveryError:
            continue
        assert delivery is None or all(isinstance(text, str) for text in delivery.messages)


@pytest.mark.parametrize(
    ("name", "organization_id", "account_id"),
    [
        pytest.param(None, None, None, id="no-name"),
        pytest.param(["a"], None, None, id="name-that-is-no-text"),
        pytest.param("", None, None, id="empty"),
        pytest.param("my-stream", None, None, id="somebody-elses-stream"),
        pytest.param(f"copy-of-{STREAM}", None, None, id="something-before-it"),
        pytest.param(f"{STREAM}_x", None, None, id="something-behind-it"),
        pytest.param("12345_CloudTrail_us-east-1", None, None, id="account-too-short"),
        pytest.param(STREAM, "o-exampleorgid", "222233334444", id="member-account"),
        pytest.param(f"{STREAM}_2", "o-exampleorgid", "222233334444", id="second-stream"),
        pytest.param(f"{STREAM}_17", "o-exampleorgid", "222233334444", id="seventeenth-stream"),
        pytest.param(
            "o-exampleorgid_011122223333_CloudTrail_us-gov-west-1",
            "o-exampleorgid",
            "011122223333",
            id="account-that-starts-with-zero-in-govcloud",
        ),
        pytest.param(
            "111122223333_CloudTrail_cn-north-1_3", None, "111122223333", id="no-organization"
        ),
    ],
)
def test_log_stream_tells_organization_and_account(
    name: object, organization_id: str | None, account_id: str | None
) -> None:
    assert log_stream_of(name) == LogStream(organization_id=organization_id, account_id=account_id)


def test_log_event_that_cannot_even_be_shown_takes_no_other_with_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # JSON that is read so deep may be too deep to be written again where the stack is fuller.
    nested: list[Any] = []
    for _ in range(100_000):
        nested = [nested]
    log_events = [{"deep": nested}, {"message": "the second"}]
    monkeypatch.setattr(
        "security_group_alerter.cloudtrail.payload._decoded", lambda _: {"logEvents": log_events}
    )

    delivery = delivery_of({})

    assert delivery is not None
    first, second = delivery.messages
    assert "nested too deeply to be shown" in first
    with pytest.raises(UnreadableMessageError):
        document_of(first)
    assert second == "the second"


@pytest.mark.parametrize(
    ("message", "complaint"),
    [
        pytest.param("", "not JSON", id="empty"),
        pytest.param("CWL CONTROL MESSAGE: …", "not JSON", id="plain-text"),
        pytest.param('{"eventName": "Auth', "not JSON", id="cut-short"),
        pytest.param('{"a": 1} {"b": 2}', "not JSON", id="two-objects"),
        pytest.param('{"a":' * 99_999, "not JSON", id="nested-too-deep"),
        pytest.param('{"a": ' + "9" * 5000 + "}", "not JSON", id="number-too-long"),
        pytest.param("null", "not an object: NoneType", id="null"),
        pytest.param("42", "not an object: int", id="number"),
        pytest.param('"{}"', "not an object: str", id="json-in-json"),
        pytest.param("[{}]", "not an object: list", id="list"),
    ],
)
def test_message_that_is_no_json_object_is_unreadable(message: str, complaint: str) -> None:
    with pytest.raises(UnreadableMessageError, match=complaint):
        document_of(message)


def test_message_that_is_a_json_object_is_read() -> None:
    assert document_of(' {"eventName": "StopLogging"}\n') == {"eventName": "StopLogging"}


@calmly
@given(st.text() | JSON.map(json.dumps))
def test_any_message_is_an_object_or_that_error(message: str) -> None:
    with suppress(UnreadableMessageError):
        assert isinstance(document_of(message), dict)
