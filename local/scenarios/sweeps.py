"""The sweep in this process: the real plan and the real sweep, with a queue between them."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from contextlib import redirect_stdout
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from ..deliveries import MANAGEMENT_ACCOUNT_ID, TRAIL_REGION
from ..lambda_context import lambda_context
from .member_accounts import MemberAccounts

if TYPE_CHECKING:
    from security_group_alerter.model.sweep import SweepItem
    from security_group_alerter.planning import Planner
    from security_group_alerter.sweeping import Sweep

# Nothing is sent there.
_QUEUE_URL: Final = f"https://sqs.{TRAIL_REGION}.amazonaws.com/{MANAGEMENT_ACCOUNT_ID}/sweep"


class Sweeps:
    """Both functions, as warm as they are after earlier sweeps. Needs `emulated_aws`.

    A sweep goes through the accounts and Regions that states have named until then, and no others.
    """

    def __init__(self, accounts: MemberAccounts) -> None:
        self._accounts = accounts
        self._functions: tuple[Planner, Sweep] | None = None

    def run(self, *, now: datetime) -> None:
        """Plan, and sweep what is planned. Raises SettingsError."""
        # The functions log to standard output, which belongs to the alerts here.
        with redirect_stdout(sys.stderr):
            from security_group_alerter.aws.sweep_queue import body_of
            from security_group_alerter.handlers import sweep as handler
            from security_group_alerter.wiring.sweep import planner_for, sweep_for
        if self._functions is None:
            environment = {**os.environ, "SWEEP_QUEUE_URL": _QUEUE_URL}
            self._functions = planner_for(environment), sweep_for(environment)
        planner, sweep = self._functions
        open_groups = planner.open_groups
        named = {it: {*regions} for it, regions in self._accounts.named.items()}
        items: list[SweepItem] = []

        def send(planned: Iterable[SweepItem]) -> int:
            items.extend(it for it in planned if it.place.region in named[it.place.account_id])
            return len(items)

        planner = replace(
            planner,
            accounts=lambda _: named,
            open_groups=lambda: [it for it in open_groups() if it.resource.account_id in named],
            send=send,
        )
        handler.plan(lambda_context("plan", seconds_left=900), planner, now=now)
        event = {"Records": [_message(number, body_of(it)) for number, it in enumerate(items)]}
        handler.handle(event, lambda_context("sweep", seconds_left=300), sweep, clock=lambda: now)


def _message(number: int, body: str) -> dict[str, Any]:
    """As AWS Lambda gets it from Amazon SQS."""
    return {
        "messageId": str(number),
        "body": body,
        "attributes": {"ApproximateReceiveCount": "1"},
    }
