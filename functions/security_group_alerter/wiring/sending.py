"""What the functions that send alerts have in common."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..aws import organization, sns
from ..aws.organization import AccountDirectory
from ..aws.sending_slots import SendingSlots
from ..aws.sns import Publisher, Topics
from ..judgement.accepted_openings import FILE as ACCEPTED_OPENINGS
from ..judgement.accepted_openings import AcceptedOpenings, accepted_openings_in

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from ..knowledge import LookAt
    from ..model.message import Message
    from ..settings import DigestSettings


def accepted_openings(today: date) -> AcceptedOpenings:
    """Those that are deployed with the function, checked as of `today`."""
    # A byte that is not UTF-8 shows in its own entry: it must not stop every alert.
    text = (Path(__file__).parents[1] / ACCEPTED_OPENINGS).read_text("utf-8", errors="replace")
    return accepted_openings_in(text, today=today)


def account_directory(session: Any, *, tag_names: Iterable[str] = ()) -> AccountDirectory:
    """Who knows the accounts, with these tags of theirs."""
    client = session.create_client("organizations", config=organization.CLIENT_CONFIG)
    return AccountDirectory(client, tag_names=tuple(tag_names), clock=time.monotonic)


def publisher(
    session: Any,
    dynamodb: DynamoDBClient,
    settings: DigestSettings,
    *,
    is_for_chat: Callable[[Message], bool],
) -> Publisher:
    """Who sends to the topics, at the pace on which all functions agree."""
    slots = SendingSlots(
        dynamodb, table_name=settings.seen_events_table, clock=time.time, sleep=time.sleep
    )
    return Publisher(
        session.create_client("sns", config=sns.CLIENT_CONFIG),
        topics=Topics(
            alerts=settings.alert_topic_arn, chat=settings.chat_topic_arn, is_for_chat=is_for_chat
        ),
        reserve=slots.reserve,
        sleep=time.sleep,
    )


def look_at(session: Any, role_name: str | None, **limits: Any) -> LookAt | None:
    """Who looks into the accounts; None without a role. `limits` are those of MemberAccounts."""
    if role_name is None:
        return None
    # Who does not look does not pay for the import.
    from ..aws.member_account import MemberAccounts  # noqa: PLC0415

    return MemberAccounts(session, role_name=role_name, clock=time.monotonic, **limits).look
