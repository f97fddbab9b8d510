"""Looks at security groups and prefix lists as they are now, with a role in each member account.

A look never costs an alert: it never raises, and it is over in time, whatever AWS does. What could
not be seen is said in words.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from queue import Empty, SimpleQueue
from typing import Any

from ..ec2.groups import NOT_FOUND, states_of
from ..model import ids
from ..model.dataclass import replace
from ..model.exposure_life import Resource
from ..model.group_state import GroupState, Looked, PrefixListState
from ..model.subject import SubjectKind
from .account_look import AccountLook, BlockModes, Clock
from .member_clients import MOST_ACCOUNTS, THREADS, MemberClients

# Of one delivery.
MOST_RESOURCES = 20
LONGEST_SECONDS = 10.0
NOT_LOOKED_AT = "not looked at: only the {} worst are"
_FORMS = {SubjectKind.SECURITY_GROUP: ids.SECURITY_GROUP, SubjectKind.PREFIX_LIST: ids.PREFIX_LIST}


class MemberAccounts:
    """Looks into accounts; keeps clients and credentials for as long as the function is warm.

    `session` is botocore's; `role_name` is the role's name, with its path, in every account.
    `clock` is monotonic, in seconds. One look is at `most` groups and lists, and takes at most
    `longest` seconds.
    """

    def __init__(
        self,
        session: Any,
        *,
        role_name: str,
        clock: Callable[[], float],
        most: int = MOST_RESOURCES,
        longest: float = LONGEST_SECONDS,
    ) -> None:
        self._most = most
        self._longest = longest
        self._clients = MemberClients(session, role_name=role_name, clock=clock)
        self._block_modes = BlockModes(MOST_ACCOUNTS, clock)
        self._clock = clock

    def look(self, resources: Sequence[Resource], *, clock: Clock, seconds: float) -> Looked:
        """Look at these groups and prefix lists, of which the worst come first.

        Takes at most `seconds`; `clock` says when EC2 is asked. What fails is said in `problems`,
        where nothing was seen of a resource, else in its state.
        """
        begun, deadline = clock(), self._clock() + min(seconds, self._longest)
        problems: dict[Resource, str] = {}
        looks = self._looks_at(resources, deadline, problems)
        self._run(looks, deadline, clock)
        return looked_by(looks, problems, begun=begun)

    def _looks_at(
        self, resources: Sequence[Resource], deadline: float, problems: dict[Resource, str]
    ) -> list[AccountLook]:
        """One for each account and Region, in the order of the worst in it."""
        looks: dict[tuple[str, str], AccountLook] = {}
        count = 0
        for resource in dict.fromkeys(resources):
            problem = _why_not_to_look_at(resource)
            if problem is None and count == self._most:
                problem = NOT_LOOKED_AT.format(self._most)
            if problem is not None:
                problems[resource] = problem
                continue
            count += 1
            account_id, region = str(resource.account_id), str(resource.region)
            look = looks.setdefault(
                (account_id, region),
                AccountLook(
                    self._clients,
                    self._block_modes,
                    account_id=account_id,
                    region=region,
                    is_late=lambda: self._clock() >= deadline,
                ),
            )
            look.resources.append(resource)
        return list(looks.values())

    def _run(self, looks: Sequence[AccountLook], deadline: float, clock: Clock) -> None:
        """Run them at once, until the deadline: one that hangs keeps nothing from returning."""
        waiting = SimpleQueue[AccountLook]()
        for look in looks:
            waiting.put(look)
        for _ in range(min(THREADS, len(looks))):
            try:
                threading.Thread(target=_run_all, args=(waiting, clock), daemon=True).start()
            except RuntimeError:
                # There are too many threads. One after the other, each call has its own limit.
                _run_all(waiting, clock)
        for look in looks:
            look.is_done.wait(max(0.0, deadline - self._clock()))


def looked_by(
    looks: Iterable[AccountLook], problems: Mapping[Resource, str], *, begun: datetime
) -> Looked:
    """What these looks, which began then, showed beside the problems that there were before."""
    groups: dict[Resource, GroupState] = {}
    prefix_lists: dict[Resource, PrefixListState] = {}
    problems = dict(problems)
    not_found: dict[Resource, datetime] = {}
    calls = 0
    for look in looks:
        calls += look.calls
        # A thread that is late may write into its own answers still.
        answers = replace(look.answers)
        for state in states_of(look.resources, answers, begun=begun):
            match state:
                case GroupState():
                    groups[state.resource] = state
                case PrefixListState():
                    prefix_lists[state.resource] = state
                case (resource, why):
                    problems[resource] = why
                    if why in NOT_FOUND:
                        not_found[resource] = answers.asked_at.get(resource.id, begun)
    return Looked(
        groups=groups,
        prefix_lists=prefix_lists,
        problems=problems,
        not_found=not_found,
        calls=calls,
    )


def _run_all(waiting: SimpleQueue[AccountLook], clock: Clock) -> None:
    """One after the other, until none waits."""
    while True:
        try:
            look = waiting.get_nowait()
        except Empty:
            return
        look.run(clock)


def _why_not_to_look_at(resource: Resource) -> str | None:
    form = _FORMS.get(resource.kind)
    if form is None:
        return "not looked at: it is neither a security group nor a prefix list"
    if not (ids.valid(ids.ACCOUNT, resource.account_id) and ids.valid(ids.REGION, resource.region)):
        return "not looked at: its account or Region is not known"
    if ids.valid(form, resource.id) is None:
        return "not looked at: only its name is known, and others may have the same"
    return None
