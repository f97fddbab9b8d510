"""Once a day, what stands in every account and Region: a plan, and a sweep of each of them.

Two Lambda functions: `plan_handler` sends a message for each account and Region, and
`lambda_handler` sweeps what a message asks for.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.logging import Logger

from ..wiring.sweep import item_in, planner_for, sweep_for

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from ..planning import Planner
    from ..sweeping import Sweep

logger = Logger()


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Sweep what these messages ask for; returns which of them are to come again.

    https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html#services-sqs-batchfailurereporting
    Raises SettingsError: then all of them come again.
    """
    return handle(event, context, sweep(), clock=lambda: datetime.now(UTC))


def plan_handler(_event: object, context: LambdaContext) -> dict[str, int]:
    """Plan a sweep; returns how much there is to do.

    Raises SettingsError, and what AWS Organizations, DynamoDB and Amazon SQS raise: Lambda tries
    again, and an alarm reports it.
    """
    return plan(context, planner(), now=datetime.now(UTC))


@cache
def sweep() -> Sweep:
    """Settings and clients, kept while the function is warm."""
    return sweep_for(os.environ)


@cache
def planner() -> Planner:
    """Settings and clients, kept while the function is warm."""
    return planner_for(os.environ)


def handle(
    event: dict[str, Any], context: LambdaContext, sweep: Sweep, *, clock: Callable[[], datetime]
) -> dict[str, Any]:
    """The same with a sweep and a clock of the caller's."""
    logger.append_keys(function_request_id=context.aws_request_id)
    again = [
        it["messageId"] for it in event["Records"] if not _is_swept(it, context, sweep, clock())
    ]
    return {"batchItemFailures": [{"itemIdentifier": it} for it in again]}


def _is_swept(message: dict[str, Any], context: LambdaContext, sweep: Sweep, now: datetime) -> bool:
    """Whether nothing is left to do for a message."""

    def time_left() -> float:
        return context.get_remaining_time_in_millis() / 1000

    try:
        item = item_in(message["body"])
        is_again = int(message["attributes"]["ApproximateReceiveCount"]) > 1
        report = sweep.run(item, now=now, time_left=time_left, is_again=is_again)
    except Exception:
        # Whatever it is must not take the other messages with it. This one comes again, and then
        # waits in the dead-letter queue, of which an alarm tells.
        logger.exception("not swept", extra={"message_id": message["messageId"]})
        return False
    logger.info("swept", extra=report.summary())
    return report.problem is None


def plan(context: LambdaContext, planner: Planner, *, now: datetime) -> dict[str, int]:
    """The same with a planner and a clock of the caller's."""
    logger.append_keys(function_request_id=context.aws_request_id)
    report = planner.plan(now=now, time_left=lambda: context.get_remaining_time_in_millis() / 1000)
    logger.info("sweep planned", extra=report.counts())
    return report.counts()
