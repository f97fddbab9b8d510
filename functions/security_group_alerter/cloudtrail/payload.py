"""Step 1: Lambda's payload becomes a delivery of CloudWatch Logs log events.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/SubscriptionFilters.html#LambdaFunctionExample
"""

from __future__ import annotations

import json
import re
import zlib
from base64 import b64decode
from collections.abc import Mapping
from typing import Any

from ..model import ids
from ..model.dataclass import dataclass

# https://docs.aws.amazon.com/awscloudtrail/latest/userguide/send-cloudtrail-events-to-cloudwatch-logs.html
# A member account's stream of an organization trail starts with the organization's id; a number
# follows when CloudTrail writes several streams.
_LOG_STREAM = re.compile(
    rf"(?:(?P<organization_id>{ids.ORGANIZATION.pattern})_)?(?P<account_id>{ids.ACCOUNT.pattern})"
    rf"_CloudTrail_{ids.REGION.pattern}(?:_[0-9]+)?"
)
# zlib's word for gzip; it takes a bare zlib stream as well.
_GZIP = zlib.MAX_WBITS | 32


class UndecodableDeliveryError(ValueError):
    """The payload is not a CloudWatch Logs delivery. It must be kept, not dropped."""


class UnreadableMessageError(ValueError):
    """One log event of a delivery is not a JSON object. The rest of the delivery is fine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogStream:
    """What the name of a CloudTrail log stream says; None is what it does not say."""

    organization_id: str | None = None
    account_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """The log events of one log stream, in order, as the text that they carry."""

    log_group: str | None
    log_stream: LogStream
    messages: tuple[str, ...]


def delivery_of(payload: Any) -> Delivery | None:
    """Decode `{"awslogs": {"data": base64(gzip(json))}}`; None for a control message.

    Raises UndecodableDeliveryError when the payload is of no such form.
    """
    decoded = _decoded(payload)
    if decoded.get("messageType") == "CONTROL_MESSAGE":
        return None
    log_events = decoded.get("logEvents")
    if not isinstance(log_events, list):
        raise UndecodableDeliveryError(
            f"logEvents: expected a list of log events, found {type(log_events).__name__}"
        )
    log_group = decoded.get("logGroup")
    return Delivery(
        log_group=log_group if isinstance(log_group, str) else None,
        log_stream=log_stream_of(decoded.get("logStream")),
        messages=tuple(_message_of(log_event) for log_event in log_events),
    )


def log_stream_of(name: object) -> LogStream:
    """`<org-id>_<account>_CloudTrail_<region>[_N]`, the first part only for an organization."""
    found = _LOG_STREAM.fullmatch(name) if isinstance(name, str) else None
    return LogStream(**found.groupdict()) if found else LogStream()


def document_of(message: str) -> dict[str, Any]:
    """The JSON object in a log event. Raises UnreadableMessageError, never anything else."""
    try:
        document = json.loads(message)
    except (ValueError, RecursionError) as error:
        raise UnreadableMessageError(f"the log event is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise UnreadableMessageError(
            f"the log event is JSON, but not an object: {type(document).__name__}"
        )
    return document


def _decoded(payload: Any) -> dict[str, Any]:
    if not isinstance(payload, Mapping):
        raise UndecodableDeliveryError(
            f'expected {{"awslogs": {{"data": …}}}}, found {type(payload).__name__}'
        )
    try:
        # Powertools has a data class for it, whose import takes 25 ms in a cold start.
        packed = b64decode(payload["awslogs"]["data"])
        decoded = {**json.loads(zlib.decompress(packed, _GZIP).decode())}
    except Exception as error:
        # base64, zlib, UTF-8, JSON, a missing key: whichever layer failed, the delivery has to
        # reach the failure queue whole, under a name that says so.
        raise UndecodableDeliveryError(
            f"awslogs.data: expected base64 of gzip of a JSON object, "
            f"found {type(error).__name__}: {error}"
        ) from error
    return decoded


def _message_of(log_event: object) -> str:
    """The text of a log event; one that has none is shown whole, as a list: no record looks so."""
    message = log_event.get("message") if isinstance(log_event, dict) else None
    if isinstance(message, str):
        return message
    try:
        return json.dumps([log_event])
    except RecursionError:
        return "[a log event without a message, nested too deeply to be shown]"
