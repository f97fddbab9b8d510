"""Builds the world for handlers/daily_check.py: its settings, and the adapters that call AWS."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from ..aws import clients, health, operations_topic
from ..aws.check_memory import CheckMemory
from ..checking import DailyCheck, Topic
from ..model import ids
from ..model.health import Installation
from ..settings import check_settings_in


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
