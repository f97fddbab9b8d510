"""Measures a look: 20 groups in 20 accounts, each call answered after 50 ms.

    PYTHONPATH=functions python -m benchmarks.look

The function's side runs in a process of its own, over TLS. Prints a line for each round, and exits
with 1 if the goal is missed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any, Final

from security_group_alerter.aws import clients
from security_group_alerter.aws.member_account import MemberAccounts
from security_group_alerter.model.exposure_life import Resource
from security_group_alerter.model.subject import SubjectKind
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

from .certificate import certificate_in

REGION: Final = "eu-central-1"
GROUPS: Final = 20
LATENCY: Final = 0.05
ROUNDS: Final = 5
GOAL_SECONDS: Final = 3.0


def main() -> int:
    """Measure, print."""
    rounds = [measured() for _ in range(ROUNDS)]
    for number, found in enumerate(rounds, 1):
        print(f"round {number}: {found}")
    cold = median(found["cold"]["seconds"] for found in rounds)
    print(f"{GROUPS} groups in {GROUPS} accounts, cold: {cold:.2f} s; goal: {GOAL_SECONDS:.0f} s")
    return int(cold >= GOAL_SECONDS)


def measured() -> dict[str, dict[str, float]]:
    """Seconds, processor seconds and AWS calls of the first look and of the next."""
    world = MemberWorld(latency=LATENCY)
    for number in range(GROUPS):
        world.accounts[account_of(number)] = {REGION: state_of(number)}
    with tempfile.TemporaryDirectory() as name:
        context, authorities = certificate_in(Path(name))
        with member_accounts(world, context):
            done = subprocess.run(
                [sys.executable, "-m", "benchmarks.look", "look"],
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
    found: dict[str, dict[str, float]] = json.loads(done.stdout)
    return found


def account_of(number: int) -> str:
    """Twelve digits."""
    return f"{100_000_000_000 + number}"


def state_of(number: int) -> dict[str, Any]:
    """One group of ten rules on one public and one private instance."""
    group_id = f"sg-{number:017x}"
    owner = account_of(number)
    return {
        "SecurityGroups": [group(group_id)],
        "SecurityGroupRules": [
            rule(f"sgr-{it:017x}", group_id, FromPort=it, ToPort=it) for it in range(10)
        ],
        "NetworkInterfaces": [
            interface("eni-1", group_id, **instance("i-1", owner), **public()),
            interface("eni-2", group_id, **instance("i-2", owner)),
        ],
        "Vpcs": [vpc(owner=owner)],
        "Tags": [{"ResourceId": "i-1", "Key": "Name", "Value": "bastion"}],
    }


def look() -> None:
    """Look twice, as the function does, and print what that took."""
    session = clients.session()
    # The other clients have read the common models by now.
    session.create_client("sns")
    accounts = MemberAccounts(session, role_name="look", clock=time.monotonic)
    resources = [
        Resource(
            kind=SubjectKind.SECURITY_GROUP,
            id=f"sg-{number:017x}",
            account_id=account_of(number),
            region=REGION,
        )
        for number in range(GROUPS)
    ]
    found = {}
    for name in ("cold", "warm"):
        started, spent = time.monotonic(), time.process_time()
        looked = accounts.look(resources, now=datetime.now(UTC), seconds=10)
        found[name] = {
            "seconds": round(time.monotonic() - started, 2),
            "processor": round(time.process_time() - spent, 2),
            "calls": looked.calls,
        }
        if not all(state.is_complete for state in looked.groups.values()) or looked.problems:
            raise RuntimeError(f"not everything was seen: {looked}")
    print(json.dumps(found))


if __name__ == "__main__":
    if sys.argv[1:] == ["look"]:
        look()
    else:
        sys.exit(main())
