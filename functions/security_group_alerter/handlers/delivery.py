"""The log path: CloudWatch Logs delivers CloudTrail records to this Lambda function."""

from __future__ import annotations

import gc
import os
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.logging import Logger
from aws_lambda_powertools.metrics import EphemeralMetrics

from ..settings import METRICS_NAMESPACE
from ..wiring.delivery import delivery_alerter

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from ..alerting import Alerter, Report

logger = Logger()


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, int]:
    """Alert on one CloudWatch Logs delivery, and return what became of it.

    Raises UndecodableDeliveryError, PublishError or SettingsError: Lambda tries again, and then the
    delivery waits in the failure queue.
    """
    return handle(event, context, alerter(), now=datetime.now(UTC))


@cache
def alerter() -> Alerter:
    """Settings and clients, kept while the function is warm."""
    made = delivery_alerter(os.environ, today=datetime.now(UTC).date())
    # What is there by now stays: the garbage collector need not go through it.
    gc.freeze()
    return made


def handle(
    event: dict[str, Any], context: LambdaContext, alerter: Alerter, *, now: datetime
) -> dict[str, int]:
    """The same with an alerter and a clock of the caller's."""
    logger.append_keys(function_request_id=context.aws_request_id)
    report = alerter.alert_on(
        event, now=now, time_left=lambda: context.get_remaining_time_in_millis() / 1000
    )
    _measure(report, now)
    if report.error is not None:
        raise report.error
    return report.counts()


def _measure(report: Report, now: datetime) -> None:
    """Counts as a log line and, in embedded metric format, as metrics without own dimensions.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format.html
    """
    counts = report.counts()
    logger.info("delivery read", extra={**counts, "event_ids": [*report.event_ids]})
    metrics = EphemeralMetrics(namespace=METRICS_NAMESPACE)
    for name, count in counts.items():
        metrics.add_metric(name=name.title().replace("_", ""), unit="Count", value=count)
    for name, time in (("Lag", report.oldest), ("HeartbeatLag", report.newest_heartbeat)):
        if time is not None:
            metrics.add_metric(name=name, unit="Seconds", value=(now - time).total_seconds())
    for hours in report.hours_to_close:
        metrics.add_metric(name="HoursToClose", unit="Count", value=hours)
    metrics.flush_metrics()
