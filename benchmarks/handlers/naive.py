"""As in a tutorial: clients at import, and for each change one look-up and one message."""

import base64
import gzip
import json
import os
from typing import Any

import boto3

organizations = boto3.client("organizations")
sns = boto3.client("sns")


def lambda_handler(event: dict[str, Any], context: object) -> None:
    """Send a message for every record."""
    data = json.loads(gzip.decompress(base64.b64decode(event["awslogs"]["data"])))
    for log_event in data["logEvents"]:
        record = json.loads(log_event["message"])
        account_id = record["recipientAccountId"]
        account = organizations.describe_account(AccountId=account_id)["Account"]
        sns.publish(
            TopicArn=os.environ["ALERT_TOPIC_ARN"],
            Subject=f"Security group change: {record['eventName']}",
            Message=(
                f"Account: {account['Name']} ({account_id})\n"
                f"Region: {record['awsRegion']}\n"
                f"Event: {record['eventName']}\n"
                f"User: {record['userIdentity'].get('arn')}\n"
                f"Time: {record['eventTime']}\n"
                f"Request: {json.dumps(record.get('requestParameters'), indent=2)}\n"
            ),
        )
