"""As in the documentation of Powertools for AWS Lambda: each change is reported exactly once.

https://docs.aws.amazon.com/powertools/python/latest/utilities/idempotency/
"""

import json
import os
from typing import Any

import boto3
from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.data_classes import CloudWatchLogsEvent, event_source
from aws_lambda_powertools.utilities.idempotency import (
    DynamoDBPersistenceLayer,
    IdempotencyConfig,
    idempotent_function,
)
from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger()
tracer = Tracer()
metrics = Metrics(namespace="SecurityGroupChanges")
sns = boto3.client("sns")
persistence_layer = DynamoDBPersistenceLayer(table_name=os.environ["SEEN_EVENTS_TABLE"])
config = IdempotencyConfig(event_key_jmespath="eventID")


@tracer.capture_method
@idempotent_function(  # type: ignore[untyped-decorator]
    data_keyword_argument="record", config=config, persistence_store=persistence_layer
)
def report(record: dict[str, Any]) -> None:
    """Send a message for one record."""
    sns.publish(
        TopicArn=os.environ["ALERT_TOPIC_ARN"],
        Subject=f"Security group change: {record['eventName']}",
        Message=json.dumps(record, indent=2),
    )
    metrics.add_metric(name="Changes", unit=MetricUnit.Count, value=1)


@logger.inject_lambda_context
@tracer.capture_lambda_handler
@metrics.log_metrics
@event_source(data_class=CloudWatchLogsEvent)
def lambda_handler(event: CloudWatchLogsEvent, context: LambdaContext) -> None:
    """Report every record."""
    config.register_lambda_context(context)
    for log_event in event.parse_logs_data().log_events:
        report(record=json.loads(log_event.message))
