"""Lambda's door: wires the road to AWS. No decisions are made here."""

from __future__ import annotations

import gc
import os
import time
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.logging import Logger
from aws_lambda_powertools.metrics import EphemeralMetrics

from ..alerting import Road, Tally
from ..aws import clients, seen_events
from ..aws import organization as enrichment
from ..aws import sns as publishing
from ..aws.organization import AccountDirectory
from ..aws.seen_events import SeenEvents
from ..aws.sns import Publisher
from ..judgement.accepted_openings import FILE as ACCEPTED_OPENINGS
from ..judgement.accepted_openings import accepted_openings_in
from ..settings import settings_from

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger()

METRICS_NAMESPACE = "SecurityGroupAlerter"


def clock() -> datetime:
    """The time at which records are seen, in UTC."""
    return datetime.now(UTC)


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, int]:
    """Alert on one CloudWatch Logs delivery, and return what became of it.

    Raises UndecodableDeliveryError, PublishError or SettingsError: Lambda tries again, and then the
    delivery waits in the failure queue.
    """
    logger.append_keys(function_request_id=context.aws_request_id)
    road, notices = road_and_notices()
    tally = Tally()
    try:
        road.run(
            event,
            tally,
            now=clock(),
            time_left=lambda: context.get_remaining_time_in_millis() / 1000,
            notices=notices,
        )
        # Told once a cold start, and again only if telling failed. A control message tells nothing.
        if tally.records:
            notices.clear()
    finally:
        _report(tally)
    return tally.counts()


def _report(tally: Tally) -> None:
    """Counts as a log line and, in embedded metric format, as metrics without own dimensions.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format.html
    """
    counts = tally.counts()
    logger.info("delivery read", extra={**counts, "event_ids": tally.event_ids})
    metrics = EphemeralMetrics(namespace=METRICS_NAMESPACE)
    for name, count in counts.items():
        metrics.add_metric(name=name.title().replace("_", ""), unit="Count", value=count)
    now = clock()
    for name, times in (("Lag", tally.oldest), ("HeartbeatLag", tally.newest_heartbeat)):
        if times is not None:
            metrics.add_metric(name=name, unit="Seconds", value=(now - times).total_seconds())
    metrics.flush_metrics()


@cache
def road_and_notices() -> tuple[Road, list[str]]:
    """Settings and clients, kept while the function is warm; what is wrong with the exceptions."""
    settings = settings_from(os.environ)
    accepted = accepted_openings_in(
        (Path(__file__).parents[1] / ACCEPTED_OPENINGS).read_text("utf-8"), today=clock().date()
    )
    with clients.session() as session:
        directory = AccountDirectory(
            session.create_client("organizations", config=enrichment.CLIENT_CONFIG),
            tag_names=settings.account_tags,
            clock=time.monotonic,
        )
        table = SeenEvents(
            session.create_client("dynamodb", config=seen_events.CLIENT_CONFIG),
            table_name=settings.seen_events_table,
            clock=time.time,
            sleep=time.sleep,
        )
        publisher = Publisher(
            session.create_client("sns", config=publishing.CLIENT_CONFIG),
            topic_arn=settings.alert_topic_arn,
            sleep=time.sleep,
        )
    road = Road(
        settings=settings,
        accepted=accepted,
        facts_for=directory.facts_for,
        table=table,
        publish=publisher.publish,
    )
    # What is there now stays for good: the garbage collector no longer goes through it, which was a
    # tenth of the work on 100 changes.
    gc.freeze()
    return road, list(accepted.problems)
