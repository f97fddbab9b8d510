"""What no reader of records can do without: unpack the delivery, and parse every record."""

import base64
import gzip
import json
from typing import Any


def lambda_handler(event: dict[str, Any], context: object) -> int:
    """Unpack a delivery and its records, and count these."""
    data = json.loads(gzip.decompress(base64.b64decode(event["awslogs"]["data"])))
    return len([json.loads(log_event["message"]) for log_event in data["logEvents"]])
