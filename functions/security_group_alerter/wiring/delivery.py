"""Builds the world for handlers/delivery.py: its settings, and the adapters that call AWS."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import date
from functools import partial

from ..alerting import Alerter
from ..aws import clients, group_memory
from ..aws.alert_notes import AlertNotes
from ..aws.group_memory import GroupMemoryTable
from ..aws.ledger import Ledger
from ..aws.seen_events import SeenEvents
from ..judgement.findings import Standards
from ..messages import is_for_chat
from ..settings import delivery_settings_in
from . import sending


def delivery_alerter(
    environment: Mapping[str, str], *, today: date, clock: Callable[[], float] = time.time
) -> Alerter:
    """What handlers/delivery.py needs. Accepted openings are checked as of `today`.

    `clock` gives the seconds since 1970 at which events are marked. Raises SettingsError.
    """
    settings = delivery_settings_in(environment)
    accepted = sending.accepted_openings(today)
    session = clients.session()
    # One for both tables: each client loads a CA bundle of its own.
    dynamodb = session.create_client("dynamodb", config=group_memory.CLIENT_CONFIG)
    events = SeenEvents(
        dynamodb, table_name=settings.seen_events_table, clock=clock, sleep=time.sleep
    )
    memory = GroupMemoryTable(dynamodb, table_name=settings.group_memory_table, sleep=time.sleep)
    ledger = Ledger(dynamodb, table_name=settings.group_memory_table)
    directory = sending.account_directory(session, tag_names=settings.account_tags)
    chat = partial(is_for_chat, minimum=settings.minimum_chat_severity)
    publisher = sending.publisher(session, dynamodb, settings, is_for_chat=chat)
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
        alerted_among=events.among,
        publish=publisher.publish,
        recall=memory.recall,
        note=AlertNotes(dynamodb, events=events, ledger=ledger).note,
        look_at=sending.look_at(session, settings.look_role_name),
    )
