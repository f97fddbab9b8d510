"""Builds the world for handlers/delivery.py: its settings, and the adapters that call AWS."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

from ..alerting import Alerter
from ..aws import clients, group_memory, organization, sns
from ..aws.alert_notes import AlertNotes
from ..aws.group_memory import GroupMemoryTable
from ..aws.ledger import Ledger
from ..aws.organization import AccountDirectory
from ..aws.seen_events import SeenEvents
from ..aws.sending_slots import SendingSlots
from ..aws.sns import Publisher, Topics
from ..judgement.accepted_openings import FILE as ACCEPTED_OPENINGS
from ..judgement.accepted_openings import accepted_openings_in
from ..judgement.findings import Standards
from ..knowledge import LookAt
from ..messages import is_for_chat
from ..settings import delivery_settings_in


def delivery_alerter(
    environment: Mapping[str, str], *, today: date, clock: Callable[[], float] = time.time
) -> Alerter:
    """What handlers/delivery.py needs. Accepted openings are checked as of `today`.

    `clock` gives the seconds since 1970 at which events are marked. Raises SettingsError.
    """
    settings = delivery_settings_in(environment)
    # A byte that is not UTF-8 shows in its own entry: it must not stop every delivery.
    text = (Path(__file__).parents[1] / ACCEPTED_OPENINGS).read_text("utf-8", errors="replace")
    accepted = accepted_openings_in(text, today=today)
    session = clients.session()
    directory = AccountDirectory(
        session.create_client("organizations", config=organization.CLIENT_CONFIG),
        tag_names=settings.account_tags,
        clock=time.monotonic,
    )
    # One for both tables: each client loads a CA bundle of its own.
    dynamodb = session.create_client("dynamodb", config=group_memory.CLIENT_CONFIG)
    table = SeenEvents(
        dynamodb,
        table_name=settings.seen_events_table,
        clock=clock,
        sleep=time.sleep,
    )
    slots = SendingSlots(
        dynamodb, table_name=settings.seen_events_table, clock=time.time, sleep=time.sleep
    )
    memory = GroupMemoryTable(dynamodb, table_name=settings.group_memory_table, sleep=time.sleep)
    ledger = Ledger(dynamodb, table_name=settings.group_memory_table)
    publisher = Publisher(
        session.create_client("sns", config=sns.CLIENT_CONFIG),
        topics=Topics(
            alerts=settings.alert_topic_arn,
            chat=settings.chat_topic_arn,
            is_for_chat=partial(is_for_chat, minimum=settings.minimum_chat_severity),
        ),
        reserve=slots.reserve,
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
        publish=publisher.publish,
        recall=memory.recall,
        note=AlertNotes(dynamodb, events=table, ledger=ledger).note,
        look_at=_look_at(session, settings.look_role_name),
    )


def _look_at(session: Any, role_name: str | None) -> LookAt | None:
    if role_name is None:
        return None
    # Who does not look does not pay for the import.
    from ..aws.member_account import MemberAccounts  # noqa: PLC0415

    return MemberAccounts(session, role_name=role_name, clock=time.monotonic).look
