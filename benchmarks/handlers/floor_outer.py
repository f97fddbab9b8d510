"""What no handler can do without: unpack the delivery."""

import base64
import gzip
import json
from typing import Any


def lambda_handler(event: dict[str, Any], context: object) -> int:
    """Unpack a delivery, and count its log events."""
    data = json.loads(gzip.decompress(base64.b64decode(event["awslogs"]["data"])))
    return len(data["logEvents"])
