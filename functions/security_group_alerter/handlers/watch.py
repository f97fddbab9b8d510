"""Every 15 minutes: follows what is open to the world until it is closed."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING

from aws_lambda_powertools.logging import Logger
from aws_lambda_powertools.metrics import EphemeralMetrics

from ..settings import METRICS_NAMESPACE
from ..wiring.watch import watcher

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from ..watching import Watcher, WatchReport

logger = Logger()


def lambda_handler(_event: object, context: LambdaContext) -> dict[str, int]:
    """Watch once, and return what was found.

    Raises WatchError, SettingsError, and what DynamoDB raises where the ledger cannot be read: an
    alarm reports it, and the next watch does what this one could not.
    """
    return handle(context, warm_watcher(), now=datetime.now(UTC))


@cache
def warm_watcher() -> Watcher:
    """Settings and clients, kept while the function is warm."""
    return watcher(os.environ, today=datetime.now(UTC).date())


def handle(context: LambdaContext, watcher: Watcher, *, now: datetime) -> dict[str, int]:
    """The same with a watcher and a clock of the caller's."""
    logger.append_keys(function_request_id=context.aws_request_id)
    report = watcher.watch(now=now, time_left=lambda: context.get_remaining_time_in_millis() / 1000)
    if report.had_lease:
        _measure(report, now)
    else:
        logger.warning("another watch is still running")
    if report.error is not None:
        raise report.error
    return report.counts()


def _measure(report: WatchReport, now: datetime) -> None:
    """Counts as a log line, and what is open as metrics without own dimensions."""
    counts = report.counts()
    logger.info("watched", extra=counts)
    metrics = EphemeralMetrics(namespace=METRICS_NAMESPACE)
    for severity, count in report.open_by_severity.items():
        metrics.add_metric(name=f"Open{severity.name.title()}", unit="Count", value=count)
    if report.oldest is not None:
        hours = (now - report.oldest).total_seconds() / 3600
        metrics.add_metric(name="OldestOpenHours", unit="Count", value=hours)
    for hours in report.hours_to_close:
        metrics.add_metric(name="HoursToClose", unit="Count", value=hours)
    metrics.flush_metrics()
