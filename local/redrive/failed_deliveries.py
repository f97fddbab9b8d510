"""Reads the messages of the failure queue: which delivery failed, why, and what it contains.

https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from security_group_alerter.cloudtrail.payload import (
    UndecodableDeliveryError,
    delivery_of,
    log_stream_of,
)
from security_group_alerter.messages.text import plural, safe

from ..awslogs import unpacked

_LONGEST_TEXT = 500


class NoDeliveryError(ValueError):
    """A message that contains no delivery to invoke the function with. The text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message of the queue. `error_message` is an attribute in a dead-letter queue."""

    message_id: str
    body: str
    sent_at: datetime
    error_message: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedDelivery:
    """The payload that failed, and what Lambda says about it; None if it does not say."""

    payload: Any
    error: Any = None
    condition: str | None = None
    tries: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """A decoded payload: how many records it has, from which account and log stream."""

    decoded: dict[str, Any]
    records: int
    account_id: str | None
    log_stream: str | None


def failed_delivery_of(message: Message) -> FailedDelivery:
    """The delivery in a message: in Lambda's failure record, or bare as in a dead-letter queue.

    Raises NoDeliveryError.
    """
    document = _document_of(message.body)
    if "awslogs" in document:
        return FailedDelivery(payload=document, error=message.error_message)
    context = document.get("requestContext")
    if not isinstance(context, dict) or "functionArn" not in context:
        raise NoDeliveryError(_stranger(document))
    if document.get("requestPayload") is None:
        # Lambda leaves it out when the record would be too large for the queue.
        raise NoDeliveryError(
            "Lambda's failure record, without the payload: find the records of that time in the "
            "trail's log group"
        )
    condition, tries = context.get("condition"), context.get("approximateInvokeCount")
    return FailedDelivery(
        payload=document["requestPayload"],
        error=document.get("responsePayload"),
        condition=condition if isinstance(condition, str) else None,
        tries=tries if isinstance(tries, int) else None,
    )


def contents_of(payload: Any) -> Contents:
    """Decode a payload as the function does. Raises UndecodableDeliveryError, as it does."""
    delivery = delivery_of(payload)
    decoded = unpacked(payload)
    log_stream = decoded.get("logStream")
    return Contents(
        decoded=decoded,
        records=len(delivery.messages) if delivery else 0,
        account_id=log_stream_of(log_stream).account_id,
        log_stream=log_stream if isinstance(log_stream, str) else None,
    )


def records_in(message: Message) -> int | None:
    """How many records are in it; None if the function can never decode it."""
    try:
        return contents_of(failed_delivery_of(message).payload).records
    except (NoDeliveryError, UndecodableDeliveryError):
        return None


def description_of(message: Message) -> str:
    """A message in a few lines. No text in it can break a line or hide a character."""
    when = f"in the queue since {message.sent_at:%Y-%m-%d %H:%M:%S} UTC"
    lines = {}
    try:
        delivery = failed_delivery_of(message)
    except NoDeliveryError as error:
        lines["no delivery"] = safe(str(error), _LONGEST_TEXT)
    else:
        when += _circumstances_of(delivery)
        lines["error"] = error_text(delivery.error)
        lines["contains"] = _contents_words(delivery.payload)
    lines["message"] = message.message_id
    return "\n".join((when, *(f"   {name:<11} {text}" for name, text in lines.items())))


def in_clear(message: Message) -> str:
    """The message as JSON with its records decoded; if that fails, as it is, with the reason."""
    document: dict[str, Any] = {
        "message_id": message.message_id,
        "in_the_queue_since": message.sent_at.isoformat(),
    }
    try:
        return json.dumps(document | _shown(message), indent=2)
    except NoDeliveryError as error:
        reason = {"no_delivery": str(error)}
    except RecursionError:
        reason = {"undecodable": "nested too deeply to be shown"}
    return json.dumps(document | reason | {"raw": message.body}, indent=2)


def error_text(error: Any) -> str:
    """The error of a function that failed, in one line: `PublishError: SNS refused …`."""
    if isinstance(error, dict):
        words = [str(error[key]) for key in ("errorType", "errorMessage") if error.get(key)]
        text = ": ".join(words) or json.dumps(error)
    else:
        text = "not recorded" if error is None else str(error)
    return safe(text, _LONGEST_TEXT)


def _document_of(body: str) -> dict[str, Any]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise NoDeliveryError(f"the body is not JSON: {error}") from None
    if not isinstance(document, dict):
        raise NoDeliveryError(f"the body is JSON, but not an object: {type(document).__name__}")
    return document


def _stranger(document: dict[str, Any]) -> str:
    if document.get("Type") == "Notification" and "TopicArn" in document:
        return "an SNS notification"
    return "neither Lambda's failure record nor a payload of CloudWatch Logs"


def _circumstances_of(delivery: FailedDelivery) -> str:
    """How Lambda gave up: `, after 3 tries (RetriesExhausted)`."""
    tries = "" if delivery.tries is None else f", after {_tries(delivery.tries)}"
    return tries + (f" ({safe(delivery.condition)})" if delivery.condition else "")


def _tries(count: int) -> str:
    return "1 try" if count == 1 else f"{count} tries"


def _contents_words(payload: Any) -> str:
    try:
        contents = contents_of(payload)
    except UndecodableDeliveryError as error:
        return f"a payload that cannot be decoded: {safe(str(error), _LONGEST_TEXT)}"
    account = f"account {contents.account_id}" if contents.account_id else "an unknown account"
    stream = "" if contents.log_stream is None else f", log stream {safe(contents.log_stream)}"
    return f"{plural(contents.records, 'record')} of {account}{stream}"


def _shown(message: Message) -> dict[str, Any]:
    delivery = failed_delivery_of(message)
    facts = {
        "condition": delivery.condition,
        "tries": delivery.tries,
        "error": delivery.error,
    }
    try:
        decoded = contents_of(delivery.payload).decoded
    except UndecodableDeliveryError as error:
        return facts | {"undecodable": str(error), "raw": delivery.payload}
    if isinstance(decoded.get("logEvents"), list):
        decoded["logEvents"] = [_parsed(log_event) for log_event in decoded["logEvents"]]
    return facts | {"delivery": decoded}


def _parsed(log_event: Any) -> Any:
    """The log event with its record parsed, if it is JSON."""
    try:
        return log_event | {"message": json.loads(log_event["message"])}
    except (LookupError, TypeError, ValueError, RecursionError):
        return log_event
