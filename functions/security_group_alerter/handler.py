"""Lambda's door: wires the road to AWS. No decisions are made here."""

from __future__ import annotations

import os
import time
from dataclasses import asdict
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
from aws_lambda_powertools.logging import Logger

from .accepted_openings import FILE as ACCEPTED_OPENINGS
from .accepted_openings import accepted_openings_in
from .enrichment import CLIENT_CONFIG, AccountDirectory
from .pipeline import Road
from .publishing import publish
from .settings import settings_from

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger()


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
    summary = asdict(road.run(event, now=clock(), notices=notices))
    # Told once a cold start, and again only if telling failed. A control message tells nothing.
    if summary["records"]:
        notices.clear()
    logger.info("delivery read", extra=summary)
    return summary


@cache
def road_and_notices() -> tuple[Road, list[str]]:
    """Settings and clients, kept while the function is warm; what is wrong with the exceptions."""
    settings = settings_from(os.environ)
    accepted = accepted_openings_in(
        (Path(__file__).parent / ACCEPTED_OPENINGS).read_text("utf-8"), today=clock().date()
    )
    session = boto3.Session()
    directory = AccountDirectory(
        session.client("organizations", config=CLIENT_CONFIG),
        tag_names=settings.account_tags,
        clock=time.monotonic,
    )
    road = Road(
        settings=settings,
        accepted=accepted,
        facts_for=directory.facts_for,
        publish=partial(publish, topic_arn=settings.alert_topic_arn, client=session.client("sns")),
    )
    return road, list(accepted.problems)
