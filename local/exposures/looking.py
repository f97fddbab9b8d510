"""Looks again at what is open, with a role that the person may assume in each account."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from security_group_alerter.aws.group_items import key_of
from security_group_alerter.aws.member_account import (
    LONGEST_SECONDS,
    MOST_RESOURCES,
    MemberAccounts,
)
from security_group_alerter.ec2.reach import reach_of_group, reach_of_list
from security_group_alerter.judgement.exposure import families_open_to_world
from security_group_alerter.memory.statements import seen_of
from security_group_alerter.model.group_state import GroupState, PrefixListState

from .deployed_ledger import Exposure, KeptGroup


def looked_again(
    groups: Sequence[KeptGroup],
    session: Any,
    *,
    role_name: str,
    clock: Callable[[], datetime],
    advance: Callable[[int], object] = id,
) -> Iterator[Exposure]:
    """What is open of each by what is seen now. `session` is botocore's. Nothing is written."""
    accounts = MemberAccounts(session, role_name=role_name, clock=time.monotonic)
    # Those of one account and Region share their calls.
    groups = sorted(groups, key=lambda it: key_of(it.resource))
    for start in range(0, len(groups), MOST_RESOURCES):
        some = groups[start : start + MOST_RESOURCES]
        looked = accounts.look([it.resource for it in some], clock=clock, seconds=LONGEST_SECONDS)
        for group in some:
            state = looked.groups.get(group.resource) or looked.prefix_lists.get(group.resource)
            yield from _seen(group, state, looked.problems.get(group.resource))
        advance(len(some))


def _seen(
    group: KeptGroup, state: GroupState | PrefixListState | None, problem: str | None
) -> Iterator[Exposure]:
    if state is None or not state.has_all_rules:
        why = problem or (_not_seen(state) if state else "nothing of it could be seen")
        yield from (replace(it, problem=why) for it in group.exposures())
        return
    for exposure in group.exposures(seen_of(state)):
        if isinstance(state, PrefixListState):
            reach = reach_of_list(state)
        else:
            families = families_open_to_world(it.share for it in exposure.life.openings)
            reach = reach_of_group(state, families)
        yield replace(
            exposure,
            reach=reach.reach,
            looked_at=state.seen_at,
            is_seen=True,
            problem=None if state.is_complete else _not_seen(state),
        )


def _not_seen(state: GroupState | PrefixListState) -> str:
    return "; ".join(state.not_seen) or "a part of it could not be seen"
