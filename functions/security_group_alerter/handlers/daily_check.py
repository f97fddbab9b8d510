"""Once a day: whether accounts, trail, subscriptions and heartbeat are still there.

Its imports are its own. The delivery function must not load them in its cold start.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache, partial
from typing import TYPE_CHECKING

from aws_lambda_powertools.logging import Logger

from ..aws import clients, health, operations_topic
from ..aws.check_memory import CheckMemory
from ..checking import DailyCheck, Topic
from ..model import ids
from ..model.health import Installation
from ..settings import check_settings_in

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


def check_for(environment: Mapping[str, str]) -> DailyCheck:
    """What the check needs. Raises SettingsError."""
    settings = check_settings_in(environment)
    session = clients.session()
    config = health.CLIENT_CONFIG
    trail_arn = settings.trail_arn
    trail_region = trail_arn.split(":")[3]
    cloudtrail = session.create_client("cloudtrail", region_name=trail_region, config=config)
    cloudwatch = session.create_client("cloudwatch", config=config)
    organizations = session.create_client("organizations", config=config)
    logs = session.create_client("logs", config=config)
    sns = session.create_client("sns", config=config)
    memory = CheckMemory(
        session.create_client("dynamodb", config=config), table_name=settings.seen_events_table
    )
    account_id = ids.account_of_arn(settings.operations_topic_arn)
    chat = settings.chat_topic_arn
    topics = [
        Topic(
            words="the alert topic",
            subscriptions=partial(health.subscriptions_of, sns, settings.alert_topic_arn),
        ),
        *(
            [
                Topic(
                    words="the chat topic",
                    subscriptions=partial(health.subscriptions_of, sns, chat),
                )
            ]
            if chat
            else []
        ),
        Topic(
            words="the operations topic",
            subscriptions=partial(health.subscriptions_of, sns, settings.operations_topic_arn),
            # Without a subscriber, nobody would read that there is none.
            needs_one=False,
        ),
    ]
    return DailyCheck(
        installation=Installation(
            stack=settings.stack_name,
            account_id=account_id,
            region=settings.operations_topic_arn.split(":")[3],
            runbook_url=settings.runbook_url,
        ),
        trail_name=trail_arn.rpartition("/")[2],
        # The management account owns the trail.
        may_list_accounts=ids.account_of_arn(trail_arn) == account_id,
        trail_status=partial(health.trail_status, cloudtrail, trail_arn),
        newest_heartbeat=partial(health.newest_heartbeat, cloudwatch, settings.stack_name),
        topics=topics,
        accounts=partial(health.active_accounts, organizations),
        newest_records=partial(health.newest_records, logs, settings.trail_log_group),
        explain=health.not_seen,
        recall=memory.recall,
        remember=memory.remember,
        send=partial(operations_topic.publish, sns, settings.operations_topic_arn),
    )
