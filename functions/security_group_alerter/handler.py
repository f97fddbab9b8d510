"""Lambda's door: wires the road to AWS. No decisions are made here."""

from __future__ import annotations

import os
import time
from dataclasses import asdict
from datetime import UTC, datetime
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import boto3
from aws_lambda_powertools.logging import Logger

from . import pipeline
from .enrichment import CLIENT_CONFIG, AccountDirectory
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
    summary = asdict(road()(event, now=clock()))
    logger.info("delivery read", extra=summary)
    return summary


@cache
def road() -> partial[pipeline.Summary]:
    """Settings and clients, made once and kept while the function is warm."""
    settings = settings_from(os.environ)
    session = boto3.Session()
    directory = AccountDirectory(
        session.client("organizations", config=CLIENT_CONFIG),
        tag_names=settings.account_tags,
        clock=time.monotonic,
    )
    return partial(
        pipeline.run,
        settings=settings,
        facts_for=directory.facts_for,
        publish=partial(publish, topic_arn=settings.alert_topic_arn, client=session.client("sns")),
    )
