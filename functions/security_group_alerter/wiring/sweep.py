"""Builds the world for handlers/sweep.py: its settings, and the adapters that call AWS."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any

from ..aws import clients, group_memory, health, sweep_queue
from ..aws.group_memory import GroupMemoryTable
from ..aws.ledger import Ledger
from ..aws.member_regions import MemberRegions
from ..aws.sweep_items import SweptPlaces
from ..aws.sweep_queue import SweepQueue
from ..model.time_left import TimeLeft
from ..planning import Planner
from ..settings import plan_settings_in, sweep_settings_in
from ..sweeping import Sweep

item_in = sweep_queue.item_in


def sweep_for(environment: Mapping[str, str]) -> Sweep:
    """What the sweep of an account and Region needs. Raises SettingsError."""
    settings = sweep_settings_in(environment)
    session = clients.session()
    dynamodb = session.create_client("dynamodb", config=group_memory.CLIENT_CONFIG)
    table_name = settings.group_memory_table
    regions = MemberRegions(session, role_name=settings.look_role_name, clock=time.monotonic)
    places = SweptPlaces(dynamodb, table_name=table_name)
    return Sweep(
        survey=regions.survey,
        look_at=regions.look,
        recall=GroupMemoryTable(dynamodb, table_name=table_name, sleep=time.sleep).recall,
        note=Ledger(dynamodb, table_name=table_name).note,
        swept_before=places.of,
        note_swept=places.note_swept,
        note_surveyed=places.note_surveyed,
        note_problem=places.note_problem,
    )


def planner_for(environment: Mapping[str, str]) -> Planner:
    """What the plan of a sweep needs. Raises SettingsError."""
    settings = plan_settings_in(environment)
    session = clients.session()
    dynamodb = session.create_client("dynamodb", config=group_memory.CLIENT_CONFIG)
    organizations = session.create_client("organizations", config=health.CLIENT_CONFIG)
    queue = session.create_client("sqs", config=sweep_queue.CLIENT_CONFIG)
    table_name = settings.group_memory_table
    regions = MemberRegions(session, role_name=settings.look_role_name, clock=time.monotonic)
    places = SweptPlaces(dynamodb, table_name=table_name)
    return Planner(
        accounts=lambda time_left: _ids_of(organizations, time_left),
        regions_of=regions.regions_of,
        open_groups=Ledger(dynamodb, table_name=table_name).open_groups,
        not_swept=places.not_swept,
        recall=GroupMemoryTable(dynamodb, table_name=table_name, sleep=time.sleep).recall,
        send=SweepQueue(queue, queue_url=settings.sweep_queue_url).send,
        note_problem=places.note_problem,
        forget=places.forget,
    )


def _ids_of(organizations: Any, time_left: TimeLeft) -> Iterator[str]:
    return (account.id for account in health.active_accounts(organizations, time_left))
