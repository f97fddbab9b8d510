"""Once a day: the digest. Its imports are its own, as those of the daily check are."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.logging import Logger

from ..digesting import Digester
from ..wiring.digest import digester_for

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger()


def lambda_handler(event: Mapping[str, Any], context: LambdaContext) -> dict[str, int]:
    """Send the digest of the day, and return what is in it.

    `event` has the `time` for which it was scheduled, so that the days of two digests meet, however
    late a function starts. Raises SettingsError, DigestError, and what DynamoDB raises: Lambda
    tries again, and an alarm reports it.
    """
    return handle(context, digester(), until=_scheduled(event) or datetime.now(UTC))


@cache
def digester() -> Digester:
    """Settings and clients, kept while the function is warm."""
    return digester_for(os.environ, today=datetime.now(UTC).date())


def handle(context: LambdaContext, digester: Digester, *, until: datetime) -> dict[str, int]:
    """The same with a digester and a clock of the caller's."""
    logger.append_keys(function_request_id=context.aws_request_id)
    report = digester.send(
        until=until, time_left=lambda: context.get_remaining_time_in_millis() / 1000
    )
    logger.info("digest done", extra=report.counts())
    return report.counts()


def _scheduled(event: Mapping[str, Any]) -> datetime | None:
    """None where a person invokes the function, and gives no time."""
    time = event.get("time")
    return datetime.fromisoformat(time).astimezone(UTC) if time else None
