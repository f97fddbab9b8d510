"""Messages as they wait in the failure queue.

https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
"""

import base64
import gzip
import json
from typing import Any, Final

LOG_STREAM: Final = "o-exampleorgid_222233334444_CloudTrail_eu-central-1"
POISON: Final = {"awslogs": {"data": "bm8gZ3ppcA=="}}
REFUSED: Final = {
    "errorType": "PublishError",
    "errorMessage": "1 of 3 alerts could not be sent",
    "stackTrace": ["  File handler.py, line 40, in lambda_handler"],
}


def payload_of(*messages: str, **members: Any) -> dict[str, Any]:
    """What CloudWatch Logs passes to Lambda."""
    data = {
        "messageType": "DATA_MESSAGE",
        "owner": "111122223333",
        "logGroup": "organization-trail",
        "logStream": LOG_STREAM,
        "subscriptionFilters": ["security-group-changes"],
        "logEvents": [
            {"id": str(index), "timestamp": 0, "message": message}
            for index, message in enumerate(messages)
        ],
        **members,
    }
    return {
        "awslogs": {"data": base64.b64encode(gzip.compress(json.dumps(data).encode())).decode()}
    }


def failure_of(payload: Any, **members: Any) -> str:
    """What Lambda sends to the queue when it gives a payload up."""
    record = {
        "version": "1.0",
        "timestamp": "2026-11-23T09:00:00.000Z",
        "requestContext": {
            "requestId": "e4b46cbf-b738-4f0b-8880-a18cdf61200e",
            "functionArn": "arn:aws:lambda:eu-central-1:111122223333:function:alerter:$LATEST",
            "condition": "RetriesExhausted",
            "approximateInvokeCount": 3,
        },
        "requestPayload": payload,
        "responseContext": {
            "statusCode": 200,
            "executedVersion": "$LATEST",
            "functionError": "Unhandled",
        },
        "responsePayload": REFUSED,
    }
    return json.dumps(record | members)
