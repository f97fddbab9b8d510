"""Builds the world for handlers/watch.py: its settings, and the adapters that call AWS."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import Any

from ..aws import clients, group_memory, organization, sns
from ..aws.group_memory import GroupMemoryTable
from ..aws.ledger import Ledger
from ..aws.older_items import OlderItems
from ..aws.organization import AccountDirectory
from ..aws.sending_slots import SendingSlots
from ..aws.sns import Publisher, Topics
from ..judgement.accepted_openings import FILE as ACCEPTED_OPENINGS
from ..judgement.accepted_openings import accepted_openings_in
from ..judgement.findings import Standards
from ..knowledge import LookAt
from ..messages import is_for_chat
from ..settings import watch_settings_in
from ..watching import Watcher

# As long as the function may run: whoever was killed holds the lease no longer.
LEASE_SECONDS = 300.0
# All that is due; what there is no time for is due first the next time.
MOST_RESOURCES = 5_000
LONGEST_SECONDS = 180.0


def watcher(environment: Mapping[str, str], *, today: date) -> Watcher:
    """What handlers/watch.py needs. Raises SettingsError."""
    settings = watch_settings_in(environment)
    text = (Path(__file__).parents[1] / ACCEPTED_OPENINGS).read_text("utf-8", errors="replace")
    session = clients.session()
    directory = AccountDirectory(
        session.create_client("organizations", config=organization.CLIENT_CONFIG),
        tag_names=settings.account_tags,
        clock=time.monotonic,
    )
    dynamodb = session.create_client("dynamodb", config=group_memory.CLIENT_CONFIG)
    slots = SendingSlots(
        dynamodb, table_name=settings.seen_events_table, clock=time.time, sleep=time.sleep
    )
    ledger = Ledger(dynamodb, table_name=settings.group_memory_table)
    memory = GroupMemoryTable(dynamodb, table_name=settings.group_memory_table, sleep=time.sleep)
    older = OlderItems(dynamodb, table_name=settings.group_memory_table, memory=memory)
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
    return Watcher(
        standards=Standards(accepted=accepted_openings_in(text, today=today).entries),
        presentation=settings.presentation,
        organization_id=settings.organization_id,
        facts_for=directory.facts_for,
        lease=partial(_held, ledger),
        take_up=older.take_up,
        open_groups=ledger.open_groups,
        recall=memory.recall,
        note=ledger.note,
        let_go=lambda resource, version: ledger.let_go(resource, version=version),
        publish=publisher.publish,
        look_at=_look_at(session, settings.look_role_name),
    )


@contextmanager
def _held(ledger: Ledger, now: datetime) -> Iterator[bool]:
    """Whether nobody else watches; then nobody else does, until this is over."""
    is_ours = ledger.take_lease("watch", now=now, seconds=LEASE_SECONDS)
    try:
        yield is_ours
    finally:
        if is_ours:
            ledger.end_lease("watch")


def _look_at(session: Any, role_name: str | None) -> LookAt | None:
    if role_name is None:
        return None
    # Who does not look does not pay for the import.
    from ..aws.member_account import MemberAccounts  # noqa: PLC0415

    return MemberAccounts(
        session,
        role_name=role_name,
        clock=time.monotonic,
        most=MOST_RESOURCES,
        longest=LONGEST_SECONDS,
    ).look
