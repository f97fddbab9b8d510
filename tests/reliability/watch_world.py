"""Two accounts in which one watch has something of each kind to report, and all its AWS calls."""

import copy
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final, cast
from unittest import mock

from botocore.client import BaseClient
from moto.dynamodb.models import dynamodb_backends

from local.aws import GROUP_MEMORY_TABLE, Topic, emulated_aws
from local.deliveries import MANAGEMENT_ACCOUNT_ID, TRAIL_REGION, deliveries_of
from local.lambda_context import lambda_context
from local.scenarios.member_accounts import SERVICES, MemberAccounts
from local.scenarios.playing import LOOK_ROLE_NAME
from local.scenarios.reading import scenario_of
from security_group_alerter.aws import group_memory, ledger, older_items, sns
from security_group_alerter.handlers import delivery, watch
from tests.conftest import cold_start
from tests.member_accounts import group, instance, interface, public, rule, vpc
from tests.security_group_alerter.installation import (
    ACCOUNT,
    REGION,
    SSH,
    Record,
    at,
    closed,
    numbered,
    opened,
)

OTHER_ACCOUNT: Final = "333344445555"
# One is reminded of and has another rule since, one is in another account, one was closed unseen,
# and one by a call, more than a day ago.
GROUPS: Final = [f"sg-{number:017x}" for number in range(1, 5)]
REMINDED, ELSEWHERE, ENDED, OVER = GROUPS
# The watch that something happens to, and the next ones.
NOW, NEXT, LAST = at(27 * 60), at(27 * 60 + 15), at(27 * 60 + 30)


class Killed(BaseException):
    """AWS Lambda ended the function: nothing that it would have done reaches AWS."""


# What becomes of a call: it is given the call as it would have been made.
Ending = Callable[[Callable[[], Any]], Any]


class WatchWorld:
    """`calls` are the operations of the last watch, in order.

    `ending` ends some of them otherwise, by their number, and `ending_of` all of an operation.

    `told` is what Amazon SNS took: uid and activity of each exposure.
    """

    def __init__(self, topic: Topic, accounts: MemberAccounts) -> None:
        self.topic = topic
        self.accounts = accounts
        self.calls: list[str] = []
        self.ending: dict[int, Ending] = {}
        self.ending_of: dict[str, Ending] = {}
        # The operation that was ended otherwise.
        self.hit = ""
        self.is_dead = False
        self.told: Counter[tuple[str, int]] = Counter()
        self._lock = threading.Lock()

    def answer(self, name: str, call: Callable[[], Any]) -> Any:
        if self.is_dead:
            raise Killed
        with self._lock:
            self.calls.append(name)
            ending = self.ending.get(len(self.calls)) or self.ending_of.get(name)
            if ending:
                self.hit = name
        return ending(call) if ending else call()

    def killed(self, when: str) -> Ending:
        def end(call: Callable[[], Any]) -> Any:
            if when == "after":
                call()
            self.is_dead = True
            raise Killed

        return end

    def watch(self, now: datetime) -> BaseException | None:
        """One watch, and what it raised."""
        self.calls.clear()
        self.accounts.turn_to(now)
        error: BaseException | None = None
        try:
            watch.handle(lambda_context("watch", seconds_left=300), watch.warm_watcher(), now=now)
        except (Exception, Killed) as fault:  # noqa: BLE001 - whatever it is, the next one comes
            error = fault
        self.ending, self.ending_of, self.is_dead = {}, {}, False
        made = [*self.calls]
        self._take()
        self.calls = made
        return error

    def deliver(self, *records: Record, now: datetime) -> None:
        self.accounts.turn_to(now)
        for it in deliveries_of(records):
            context = lambda_context(seconds_left=120)
            delivery.handle(it.payload, context, delivery.alerter(), now=now)
        self._take()

    def shows(self, account: str, **rules: list[dict[str, Any]]) -> None:
        """What stands in an account: of each group, its rules."""
        region = {
            "SecurityGroups": [group(it, OwnerId=account) for it in GROUPS],
            "SecurityGroupRules": [it for of in rules.values() for it in of],
            "NetworkInterfaces": [
                interface(f"eni-{number:017x}", it, **instance(f"i-{number:017x}"), **public())
                for number, it in enumerate(GROUPS)
            ],
            "Vpcs": [vpc(owner=account)],
        }
        step = {"at": "2026-11-24T00:00:00Z", "state": {account: {REGION: region}}}
        self.accounts.change(scenario_of({"scenario": [step]}, "accounts").steps[0].state or {})

    def kept(self) -> dict[str, Any]:
        return copy.deepcopy(dict(_items()))

    def restore(self, kept: dict[str, Any]) -> None:
        _items().clear()
        _items().update(copy.deepcopy(kept))
        self.told.clear()
        watcher = watch.warm_watcher()
        # What is kept while the function is warm is not asked for.
        cast("Any", watcher.take_up).__self__._next = older_items.AT_ONCE
        accounts = cast("Any", watcher.look_at).__self__
        directory = cast("Any", watcher.facts_for).__self__
        for cache in (
            *(accounts._clients._credentials, accounts._block_modes),
            *(directory._accounts, directory._names_of_ous, directory._outage),
        ):
            cache._entries.clear()

    def _take(self) -> None:
        for alert in self.topic.take():
            exposures = alert._finding["unmapped"].get("exposures", ())
            self.told.update((it["uid"], it["activity_id"]) for it in exposures)
        self.topic.forget_pace()


def _items() -> Any:
    return dynamodb_backends[MANAGEMENT_ACCOUNT_ID][TRAIL_REGION].tables[GROUP_MEMORY_TABLE].items


def _rule(number: int, of: str, **more: Any) -> dict[str, Any]:
    return rule(f"sgr-{number:017x}", of, **more)


@contextmanager
def watch_world() -> Iterator[WatchWorld]:
    """Up to the watch at NOW, which has all of it to report."""
    accounts = MemberAccounts()
    make = BaseClient._make_api_call  # type: ignore[attr-defined]  # the stubs leave it out
    with (
        cold_start(),
        emulated_aws(look_role_name=LOOK_ROLE_NAME, but_for=SERVICES) as topic,
        accounts.reachable(),
        mock.patch.object(time, "sleep"),
        # Accounts are looked into at once: a kill ends these threads, too.
        mock.patch.object(threading, "excepthook"),
        # So few that a few groups take several calls of each kind.
        mock.patch.object(sns, "MOST_IN_BATCH", 2),
        mock.patch.object(ledger, "MOST_IN_CALL", 2),
        mock.patch.object(group_memory, "MOST_IN_CALL", 2),
    ):
        watch.warm_watcher.cache_clear()
        world = WatchWorld(topic, accounts)

        def answered(client: BaseClient, name: str, parameters: dict[str, Any]) -> Any:
            return world.answer(name, lambda: make(client, name, parameters))

        with mock.patch.object(BaseClient, "_make_api_call", answered):
            _begin(world)
            world.told.clear()
            yield world
        watch.warm_watcher.cache_clear()


def _begin(world: WatchWorld) -> None:
    ssh = {it: numbered(SSH, number) for number, it in enumerate(GROUPS, 1)}
    first = {it: [_rule(number, it)] for number, it in enumerate(GROUPS, 1)}
    world.shows(ACCOUNT, **first)
    world.shows(OTHER_ACCOUNT, **first)
    for it in GROUPS:
        record = opened(ssh[it], event_id=f"00000000-0000-4000-8000-{it[-12:]}", group=it)
        account = OTHER_ACCOUNT if it == ELSEWHERE else ACCOUNT
        world.deliver(record | {"recipientAccountId": account}, now=at(5))
    gone = "00000000-0000-4000-8000-999999999999"
    del first[OVER]
    world.shows(ACCOUNT, **first)
    world.deliver(closed(ssh[OVER], time=at(10), event_id=gone, group=OVER), now=at(15))
    del first[ENDED]
    first[REMINDED].append(_rule(9, REMINDED, FromPort=3389, ToPort=3389))
    world.shows(ACCOUNT, **first)
    assert world.watch(at(30)) is None
    # And something new to remember.
    first[ELSEWHERE].append(_rule(10, ELSEWHERE, FromPort=443, ToPort=443))
    world.shows(OTHER_ACCOUNT, **first)
