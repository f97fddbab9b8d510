"""Builds the world for handlers/digest.py: its settings, and the adapters that call AWS."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import date

from ..aws import clients, group_memory
from ..aws.group_memory import GroupMemoryTable
from ..aws.ledger import Ledger
from ..aws.seen_events import SeenEvents
from ..aws.sweep_items import SweptPlaces
from ..digesting import Digester
from ..settings import digest_settings_in
from . import sending


def digester_for(
    environment: Mapping[str, str], *, today: date, clock: Callable[[], float] = time.time
) -> Digester:
    """What the digest needs. Accepted openings are read as of `today`. Raises SettingsError."""
    settings = digest_settings_in(environment)
    session = clients.session()
    dynamodb = session.create_client("dynamodb", config=group_memory.CLIENT_CONFIG)
    events = SeenEvents(
        dynamodb, table_name=settings.seen_events_table, clock=clock, sleep=time.sleep
    )
    publisher = sending.publisher(session, dynamodb, settings, is_for_chat=lambda _: True)
    table_name = settings.group_memory_table
    places = SweptPlaces(dynamodb, table_name=table_name)
    return Digester(
        presentation=settings.presentation,
        organization_id=settings.organization_id,
        has_looks=settings.look_role_name is not None,
        accepted=sending.accepted_openings(today).entries,
        name_of=sending.account_directory(session).name_of,
        alerted_among=events.among,
        mark_alerted=events.mark,
        changes_between=events.changes_between,
        open_groups=Ledger(dynamodb, table_name=table_name).open_groups,
        recall=GroupMemoryTable(dynamodb, table_name=table_name, sleep=time.sleep).recall,
        not_swept=places.not_swept,
        last_sweep=places.last_sweep,
        publish=publisher.publish,
    )
