"""Sees whole accounts and Regions, for the sweep: it has minutes where an alert has seconds.

Like a look, it never raises: what could not be seen is said in words.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from botocore.config import Config

from ..ec2.answers import UNREADABLE, Read, Unseen
from ..ec2.groups import Answers
from ..model.exposure_life import Resource
from ..model.group_state import Looked
from ..model.rules import Peer, SecurityGroupRule
from ..model.subject import SubjectKind
from ..model.sweep import Place, Survey
from .account_look import AccountLook, BlockModes, Clock
from .member_account import looked_by
from .member_clients import MOST_ACCOUNTS, THREADS, MemberClients

# EC2 throttles an account and Region, which others call as well: botocore waits up to 20 seconds
# between two attempts. What is throttled still comes again from the queue, half an hour later.
# https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html
CLIENT_CONFIG = Config(
    connect_timeout=2,
    read_timeout=20,
    retries={"mode": "standard", "total_max_attempts": 8},
    max_pool_connections=THREADS,
)


class MemberRegions:
    """Looks into accounts; keeps clients and credentials for as long as the function is warm.

    `session` is botocore's; `role_name` is the role's name, with its path, in every account.
    `clock` is monotonic, in seconds.
    """

    def __init__(self, session: Any, *, role_name: str, clock: Callable[[], float]) -> None:
        self._clients = MemberClients(
            session, role_name=role_name, clock=clock, config=CLIENT_CONFIG
        )
        self._block_modes = BlockModes(MOST_ACCOUNTS, clock)
        self._clock = clock

    def regions_of(
        self, account_ids: Sequence[str], seconds: float
    ) -> dict[str, tuple[str, ...] | str]:
        """The enabled Regions of each account; in words, why they could not be read."""
        deadline = self._clock() + seconds

        def regions_of(account_id: str) -> tuple[str, ...] | str:
            look = self._look(account_id, self._clients.home, deadline)
            look.read_regions()
            found = look.answers.regions or Unseen(look.answers.otherwise)
            return found.why if isinstance(found, Unseen) else found

        with ThreadPoolExecutor(THREADS) as pool:
            return dict(zip(account_ids, pool.map(regions_of, account_ids), strict=True))

    def survey(self, place: Place, seconds: float) -> Survey:
        """The rules of all groups and the ranges of all lists of an account and Region."""
        look = self._look(place.account_id, str(place.region), self._clock() + seconds)
        look.survey()
        return _survey_of(place, look.answers)

    def look(self, resources: Sequence[Resource], *, clock: Clock, seconds: float) -> Looked:
        """Look at these groups and lists of one account and Region, whatever their number."""
        [first, *_] = resources
        begun, deadline = clock(), self._clock() + seconds
        look = self._look(str(first.account_id), str(first.region), deadline)
        look.resources += resources
        look.run(clock)
        return looked_by([look], {}, begun=begun)

    def _look(self, account_id: str, region: str, deadline: float) -> AccountLook:
        return AccountLook(
            self._clients,
            self._block_modes,
            account_id=account_id,
            region=region,
            is_late=lambda: self._clock() >= deadline,
        )


def _survey_of(place: Place, answers: Answers) -> Survey:
    rules: dict[Resource, tuple[SecurityGroupRule, ...]] = {}
    ranges: dict[Resource, tuple[Peer, ...]] = {}
    problems: list[str] = []
    parts = {"the rules": answers.rules, "the prefix lists": answers.lists, **answers.ranges}
    for what, answer in parts.items():
        if not isinstance(answer, Read):
            problems.append(f"{what}: {answer.why if answer else answers.otherwise}")
        elif answer.broken != frozenset():
            problems.append(f"{what}: {UNREADABLE}")
    if isinstance(answers.rules, Read):
        for group_id, some in answers.rules.values.items():
            rules[_resource(SubjectKind.SECURITY_GROUP, group_id, place)] = some
    for list_id, found in answers.ranges.items():
        if isinstance(found, Read):
            ranges[_resource(SubjectKind.PREFIX_LIST, list_id, place)] = found.of(list_id)
    return Survey(rules=rules, ranges=ranges, problem=problems[0] if problems else None)


def _resource(kind: SubjectKind, name: str, place: Place) -> Resource:
    return Resource(kind=kind, id=name, account_id=place.account_id, region=place.region)
