"""Builds the world for a handler: its settings, and the adapters that call AWS."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import date
from pathlib import Path

from .alerting import Alerter
from .aws import clients, organization, seen_events, sns
from .aws.organization import AccountDirectory
from .aws.seen_events import SeenEvents
from .aws.sns import Publisher
from .judgement.accepted_openings import FILE as ACCEPTED_OPENINGS
from .judgement.accepted_openings import accepted_openings_in
from .judgement.findings import Standards
from .settings import delivery_settings_in


def delivery_alerter(environment: Mapping[str, str], *, today: date) -> Alerter:
    """What handlers/delivery.py needs. Accepted openings are checked as of `today`.

    Raises SettingsError.
    """
    settings = delivery_settings_in(environment)
    # A byte that is not UTF-8 shows in its own entry: it must not stop every delivery.
    text = (Path(__file__).parent / ACCEPTED_OPENINGS).read_text("utf-8", errors="replace")
    accepted = accepted_openings_in(text, today=today)
    session = clients.session()
    directory = AccountDirectory(
        session.create_client("organizations", config=organization.CLIENT_CONFIG),
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
        session.create_client("sns", config=sns.CLIENT_CONFIG),
        topic_arn=settings.alert_topic_arn,
        sleep=time.sleep,
    )
    return Alerter(
        standards=Standards(
            trail_arn=settings.trail_arn,
            heartbeat_role_arn=settings.heartbeat_role_arn,
            accepted=accepted.entries,
        ),
        problems=accepted.problems,
        presentation=settings.presentation,
        organization_id=settings.organization_id,
        facts_for=directory.facts_for,
        alerted_among=table.among,
        mark_alerted=table.mark,
        publish=publisher.publish,
    )
