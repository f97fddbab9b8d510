"""The payload that CloudWatch Logs hands to Lambda: packs what it says, and unpacks it.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/SubscriptionFilters.html#LambdaFunctionExample
"""

from __future__ import annotations

import base64
import gzip
import json
import zlib
from typing import Any


def packed(delivery: dict[str, Any]) -> dict[str, Any]:
    """A payload of this delivery; of the same delivery always the same."""
    # The time in gzip's header would make each one different.
    data = gzip.compress(json.dumps(delivery).encode(), mtime=0)
    return {"awslogs": {"data": base64.b64encode(data).decode()}}


def log_events_in(payload: dict[str, Any]) -> list[object]:
    """The documents in a payload's log events; None for what is not JSON.

    Nothing of a control message, nor where the payload cannot be decoded: the function says why.
    """
    try:
        data = json.loads(gzip.decompress(base64.b64decode(payload["awslogs"]["data"])))
        if data.get("messageType") == "CONTROL_MESSAGE":
            return []
        return [_document_of(log_event) for log_event in data["logEvents"]]
    except (
        ValueError,
        LookupError,
        TypeError,
        AttributeError,
        OSError,
        EOFError,
        zlib.error,
        RecursionError,
    ):
        return []


def _document_of(log_event: Any) -> object:
    try:
        return json.loads(log_event["message"])
    except (ValueError, LookupError, TypeError, RecursionError):
        return None
