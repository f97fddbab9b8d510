"""Measures a watch: 500 open groups in 50 accounts, each AWS call answered after 50 ms.

    PYTHONPATH=functions python -m benchmarks.watch

STS and EC2 answer over TLS, to a process of the function's own. The table and Amazon SNS answer
within that process, after as long, for as many calls as they would take. All groups are due for a
reminder. Prints a line for each round, and exits with 1 if a goal is missed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from security_group_alerter.aws import clients
from security_group_alerter.aws.group_memory import MOST_IN_CALL
from security_group_alerter.aws.member_account import MemberAccounts
from security_group_alerter.aws.sending_slots import MOST_IN_A_SECOND
from security_group_alerter.judgement.findings import Standards
from security_group_alerter.memory.statements import RuleThere, Statement
from security_group_alerter.model.account import AccountFacts
from security_group_alerter.model.exposure_life import Event, Resource
from security_group_alerter.model.ledger import LedgerEntry, Told
from security_group_alerter.model.message import Message, Sent
from security_group_alerter.model.presentation import Presentation
from security_group_alerter.model.severity import Severity
from security_group_alerter.model.subject import SubjectKind
from security_group_alerter.watching import Watcher
from security_group_alerter.wiring.watch import LONGEST_SECONDS, MOST_RESOURCES
from tests.member_accounts import (
    MemberWorld,
    group,
    instance,
    interface,
    member_accounts,
    public,
    rule,
    vpc,
)
from tests.security_group_alerter import builders
from tests.security_group_alerter.memories import Memories

from .certificate import certificate_in

REGION: Final = "eu-central-1"
ACCOUNTS: Final = 50
GROUPS: Final = 10
RULES: Final = 10
LATENCY: Final = 0.05
ROUNDS: Final = 3
GOAL_SECONDS: Final = 60.0
GOAL_MB: Final = 128.0


def main() -> int:
    """Measure, print."""
    rounds = [measured() for _ in range(ROUNDS)]
    for number, found in enumerate(rounds, 1):
        print(f"round {number}: {found}")
    seconds, mb = (max(found[name] for found in rounds) for name in ("seconds", "mb"))
    print(
        f"{ACCOUNTS * GROUPS} groups in {ACCOUNTS} accounts, the worst: {seconds:.1f} s; goal: "
        f"{GOAL_SECONDS:.0f} s; {mb:.0f} MB above the base; goal: {GOAL_MB:.0f} MB"
    )
    return int(seconds >= GOAL_SECONDS or mb >= GOAL_MB)


def measured() -> dict[str, float]:
    """What one watch takes, of a function that is cold."""
    world = MemberWorld(latency=LATENCY)
    for number in range(ACCOUNTS):
        world.accounts[account_of(number)] = {REGION: state_of(number)}
    with tempfile.TemporaryDirectory() as name:
        context, authorities = certificate_in(Path(name))
        with member_accounts(world, context):
            done = subprocess.run(
                [sys.executable, "-m", "benchmarks.watch", "watch"],
                env={
                    **os.environ,
                    "PYTHONPATH": "functions:.",
                    "AWS_ENDPOINT_URL": world.url,
                    "AWS_CA_BUNDLE": str(authorities),
                    "AWS_DEFAULT_REGION": REGION,
                    "AWS_ACCESS_KEY_ID": "none",
                    "AWS_SECRET_ACCESS_KEY": "none",
                },
                stdout=subprocess.PIPE,
                text=True,
                check=True,
            )
    found: dict[str, float] = json.loads(done.stdout)
    return found


def account_of(number: int) -> str:
    """Twelve digits."""
    return f"{100_000_000_000 + number}"


def ids_in(account: int) -> list[str]:
    """The groups of an account."""
    return [f"sg-{account * GROUPS + number:017x}" for number in range(GROUPS)]


def state_of(account: int) -> dict[str, Any]:
    """Each group has ten rules that are open, on one public and one private instance."""
    owner = account_of(account)
    return {
        "SecurityGroups": [group(it) for it in ids_in(account)],
        "SecurityGroupRules": [
            rule(f"sgr-{account:x}{it[3:][-8:]}{port:x}", it, FromPort=port, ToPort=port)
            for it in ids_in(account)
            for port in range(20, 20 + RULES)
        ],
        "NetworkInterfaces": [
            interface(f"eni-{it[3:]}{where}", it, **instance(f"i-{it[3:]}{where}", owner), **more)
            for it in ids_in(account)
            for where, more in (("a", public()), ("b", {}))
        ],
        "Vpcs": [vpc(owner=owner)],
    }


def watch() -> None:
    """Watch once, as the function does, and print what that took."""
    session = clients.session()
    # The other clients have read the common models by now.
    session.create_client("sns")
    session.create_client("dynamodb")
    base = peak_mb()
    now = datetime.now(UTC)
    memories = Memories()
    open_groups(memories, now)
    accounts = MemberAccounts(
        session,
        role_name="look",
        clock=time.monotonic,
        most=MOST_RESOURCES,
        longest=LONGEST_SECONDS,
    )
    watcher = Watcher(
        standards=Standards(),
        presentation=Presentation(time_zone=ZoneInfo("UTC")),
        organization_id=None,
        facts_for=facts_for,
        lease=memories.lease,
        take_up=lambda *_: None,
        open_groups=memories.open_groups,
        recall=recalling(memories),
        note=noting(memories),
        let_go=memories.let_go,
        publish=publish,
        look_at=accounts.look,
    )
    started, spent = time.monotonic(), time.process_time()
    report = watcher.watch(now=now, time_left=lambda: 300.0 - (time.monotonic() - started))
    found = {
        "seconds": round(time.monotonic() - started, 1),
        "processor": round(time.process_time() - spent, 1),
        "mb": round(peak_mb() - base),
        "messages": report.alerts,
        "reports": report.reports,
    }
    if report.error or report.looked_at != report.reports or report.reports != ACCOUNTS * GROUPS:
        raise RuntimeError(f"not everything was reported: {report}")
    print(json.dumps(found))


def open_groups(memories: Memories, now: datetime) -> None:
    """Each was opened three hours ago, and told two hours ago."""
    opened = Event(event_id="opened", time=now - timedelta(hours=3), principal="jane")
    for number in range(ACCOUNTS):
        for group_id in ids_in(number):
            resource = Resource(
                kind=SubjectKind.SECURITY_GROUP,
                id=group_id,
                account_id=account_of(number),
                region=REGION,
            )
            said: dict[Resource, list[Statement]] = {
                resource: [
                    RuleThere(event=opened, rule=builders.rule(f"tcp {port} from 0.0.0.0/0"))
                    for port in range(20, 20 + RULES)
                ]
            }
            [life] = memories.recall(said, at=(), now=now, seconds=60).folds[resource].exposures
            told = Told(uid=life.uid, at=now - timedelta(hours=2), severity=Severity.CRITICAL)
            memories.note([LedgerEntry(resource=resource, told={life.uid: told})])


def facts_for(_: str) -> AccountFacts:
    """AWS Organizations takes five calls for an account."""
    time.sleep(5 * LATENCY)
    return AccountFacts()


def recalling(memories: Memories) -> Callable[..., Any]:
    """A read and a write for each hundred groups."""

    def recall(said: Any, **asked: Any) -> Any:
        calls = -(-len(said) // MOST_IN_CALL)
        time.sleep(calls * (2 if any(said.values()) else 1) * LATENCY)
        return memories.recall(said, **asked)

    return recall


def noting(memories: Memories) -> Callable[..., int]:
    """A write for each hundred groups."""

    def note(entries: Iterable[LedgerEntry]) -> int:
        noted = [*entries]
        time.sleep(-(-len(noted) // MOST_IN_CALL) * LATENCY)
        return memories.note(noted)

    return note


def publish(messages: Iterable[Message], _time_left: Callable[[], float]) -> Iterator[Sent]:
    """As many in a second as Amazon SNS bears."""
    for number, message in enumerate(messages):
        if number and number % MOST_IN_A_SECOND == 0:
            time.sleep(1)
        yield Sent(message=message)


def peak_mb() -> float:
    """The most that this process has had. What getrusage says is also of who started it."""
    [line] = [
        it
        for it in Path("/proc/self/status").read_text(encoding="ascii").splitlines()
        if it.startswith("VmHWM:")
    ]
    return int(line.split()[1]) / 1024


if __name__ == "__main__":
    if sys.argv[1:] == ["watch"]:
        watch()
    else:
        sys.exit(main())
