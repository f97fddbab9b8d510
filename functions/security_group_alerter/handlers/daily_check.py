"""Once a day: whether accounts, trail, subscriptions and heartbeat are still there.

Its imports are its own. The delivery function must not load them in its cold start.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING

from aws_lambda_powertools.logging import Logger

from ..checking import DailyCheck
from ..wiring.daily_check import check_for

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger()


def lambda_handler(_event: object, context: LambdaContext) -> dict[str, int]:
    """Check, and return how much was reported.

    Raises SettingsError, and what Amazon SNS and DynamoDB raise: Lambda tries again, and an alarm
    reports it.
    """
    return handle(context, daily_check(), now=datetime.now(UTC))


@cache
def daily_check() -> DailyCheck:
    """Settings and clients, kept while the function is warm."""
    return check_for(os.environ)


def handle(context: LambdaContext, check: DailyCheck, *, now: datetime) -> dict[str, int]:
    """The same with a check and a clock of the caller's."""
    logger.append_keys(function_request_id=context.aws_request_id)
    report = check.run(now=now, time_left=lambda: context.get_remaining_time_in_millis() / 1000)
    logger.info("daily check done", extra={**report.counts(), "seen": dict(report.sizes)})
    return report.counts()
