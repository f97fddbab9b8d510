"""The Lambda function in this process with a clock of its own, and its subscription filter."""

from __future__ import annotations

import os
import sys
from contextlib import redirect_stdout
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from .deliveries import Delivery
from .filter_pattern import compile_pattern
from .lambda_context import lambda_context
from .records_in import Record
from .template import subscription_pattern

if TYPE_CHECKING:
    from security_group_alerter.alerting import Alerter

CLOUDTRAIL_LATENCY: Final = timedelta(minutes=5)


class SubscriptionFilter:
    """The subscription filter of template.yaml, which decides on most records by their name."""

    def __init__(self) -> None:
        self._pattern = compile_pattern(subscription_pattern())
        self._may_match: dict[str, bool] = {}

    def matches(self, record: Record) -> bool:
        """Whether CloudWatch Logs delivers this record."""
        name = record["eventName"]
        may_match = self._may_match.get(name)
        if may_match is None:
            may_match = self._may_match[name] = self._pattern.may_match({"eventName": name})
        return may_match and self._pattern.matches(record)


class ReplayedFunction:
    """The Lambda function, as warm as it is after the deliveries that it got.

    Needs `emulated_aws`. Raises SettingsError.
    """

    def __init__(self) -> None:
        # The function logs to standard output, which belongs to the alerts here.
        with redirect_stdout(sys.stderr):
            from security_group_alerter.handlers import delivery as handler
        self._handler = handler
        self._alerter: Alerter | None = None
        self._now = datetime.min.replace(tzinfo=UTC)

    def handle(
        self, delivery: Delivery, problems: list[str], *, now: datetime | None = None
    ) -> dict[str, int]:
        """What became of one delivery. A payload that cannot be decoded becomes a problem.

        Without `now`, the clock stands where the delivery would have come.
        """
        from security_group_alerter.cloudtrail.payload import UndecodableDeliveryError
        from security_group_alerter.wiring.delivery import delivery_alerter

        if now is None:
            now = _later(delivery.newest or datetime.now(UTC))
        self._now = now
        if self._alerter is None:
            self._alerter = delivery_alerter(os.environ, today=now.date(), clock=self._clock)
        context = lambda_context("replay")
        try:
            return self._handler.handle(delivery.payload, context, self._alerter, now=now)
        except UndecodableDeliveryError as error:
            problems.append(f"{delivery.where}: {error}")
            return {}

    def _clock(self) -> float:
        return self._now.timestamp()


def _later(time: datetime) -> datetime:
    try:
        return time + CLOUDTRAIL_LATENCY
    except OverflowError:
        return time
