"""Builds the world for handlers/watch.py: its settings, and the adapters that call AWS."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime
from functools import partial

from ..aws import clients, group_memory
from ..aws.group_memory import GroupMemoryTable
from ..aws.ledger import Ledger
from ..aws.older_items import OlderItems
from ..judgement.findings import Standards
from ..messages import is_for_chat
from ..settings import watch_settings_in
from ..watching import Watcher
from . import sending

# As long as the function may run: whoever was killed holds the lease no longer.
LEASE_SECONDS = 300.0
# All that is due; what there is no time for is due first the next time.
MOST_RESOURCES = 5_000
LONGEST_SECONDS = 180.0


def watcher(environment: Mapping[str, str], *, today: date) -> Watcher:
    """What handlers/watch.py needs. Raises SettingsError."""
    settings = watch_settings_in(environment)
    session = clients.session()
    dynamodb = session.create_client("dynamodb", config=group_memory.CLIENT_CONFIG)
    ledger = Ledger(dynamodb, table_name=settings.group_memory_table)
    memory = GroupMemoryTable(dynamodb, table_name=settings.group_memory_table, sleep=time.sleep)
    older = OlderItems(dynamodb, table_name=settings.group_memory_table, memory=memory)
    directory = sending.account_directory(session, tag_names=settings.account_tags)
    chat = partial(is_for_chat, minimum=settings.minimum_chat_severity)
    publisher = sending.publisher(session, dynamodb, settings, is_for_chat=chat)
    return Watcher(
        standards=Standards(accepted=sending.accepted_openings(today).entries),
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
        look_at=sending.look_at(
            session, settings.look_role_name, most=MOST_RESOURCES, longest=LONGEST_SECONDS
        ),
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
