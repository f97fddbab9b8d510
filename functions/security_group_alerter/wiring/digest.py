"""Builds the world for handlers/digest.py: its settings, and the adapters that call AWS."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path

from ..aws import clients, group_memory, organization, sns
from ..aws.group_memory import GroupMemoryTable
from ..aws.ledger import Ledger
from ..aws.organization import AccountDirectory
from ..aws.seen_events import SeenEvents
from ..aws.sending_slots import SendingSlots
from ..aws.sns import Publisher, Topics
from ..aws.sweep_items import SweptPlaces
from ..digesting import Digester
from ..judgement.accepted_openings import FILE as ACCEPTED_OPENINGS
from ..judgement.accepted_openings import accepted_openings_in
from ..settings import digest_settings_in


def digester_for(
    environment: Mapping[str, str], *, today: date, clock: Callable[[], float] = time.time
) -> Digester:
    """What the digest needs. Accepted openings are read as of `today`. Raises SettingsError."""
    settings = digest_settings_in(environment)
    text = (Path(__file__).parents[1] / ACCEPTED_OPENINGS).read_text("utf-8", errors="replace")
    session = clients.session()
    dynamodb = session.create_client("dynamodb", config=group_memory.CLIENT_CONFIG)
    events = SeenEvents(
        dynamodb, table_name=settings.seen_events_table, clock=clock, sleep=time.sleep
    )
    slots = SendingSlots(
        dynamodb, table_name=settings.seen_events_table, clock=time.time, sleep=time.sleep
    )
    publisher = Publisher(
        session.create_client("sns", config=sns.CLIENT_CONFIG),
        topics=Topics(alerts=settings.alert_topic_arn, chat=settings.chat_topic_arn),
        reserve=slots.reserve,
        sleep=time.sleep,
    )
    directory = AccountDirectory(
        session.create_client("organizations", config=organization.CLIENT_CONFIG),
        tag_names=(),
        clock=time.monotonic,
    )
    table_name = settings.group_memory_table
    places = SweptPlaces(dynamodb, table_name=table_name)
    return Digester(
        presentation=settings.presentation,
        organization_id=settings.organization_id,
        has_looks=settings.look_role_name is not None,
        accepted=accepted_openings_in(text, today=today).entries,
        name_of=directory.name_of,
        alerted_among=events.among,
        mark_alerted=events.mark,
        changes_between=events.changes_between,
        open_groups=Ledger(dynamodb, table_name=table_name).open_groups,
        recall=GroupMemoryTable(dynamodb, table_name=table_name, sleep=time.sleep).recall,
        not_swept=places.not_swept,
        last_sweep=places.last_sweep,
        publish=publisher.publish,
    )
