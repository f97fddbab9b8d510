"""What a look takes: 20 groups, each in an account of its own, each call answered after 50 ms."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from pathlib import Path
from statistics import median
from typing import Any, Final, NamedTuple

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

from .builds import ROOT
from .certificate import certificate_in
from .look_probe import GROUP_ID
from .progress import say
from .setups import PYTHON, Setup
from .workloads import REGION

# As many as the function looks at in one delivery.
GROUPS: Final = 20
LATENCY: Final = 0.05
ROUNDS: Final = 5


class Look(NamedTuple):
    """The median of all rounds: the first look of a function, and the next."""

    seconds: float
    seconds_warm: float
    processor_seconds: float
    calls: float


def measured_look(made: Setup) -> Look:
    """The function's side runs in a process of its own, over TLS."""
    say(f"looks at {GROUPS} groups …")
    rounds = [_measured(made) for _ in range(ROUNDS)]

    def of(which: int, what: str) -> float:
        return float(median(found[which][what] for found in rounds))

    return Look(
        seconds=of(0, "seconds"),
        seconds_warm=of(1, "seconds"),
        processor_seconds=of(0, "processor"),
        calls=of(0, "calls"),
    )


def _measured(made: Setup) -> list[dict[str, float]]:
    world = MemberWorld(latency=LATENCY)
    account_ids = [f"{100_000_000_000 + number}" for number in range(GROUPS)]
    for account_id in account_ids:
        world.accounts[account_id] = {REGION: state_of(account_id)}
    folder, _ = made.handlers["alerter"]
    with tempfile.TemporaryDirectory() as name:
        context, authorities = certificate_in(Path(name))
        with member_accounts(world, context):
            done = subprocess.run(
                [PYTHON, "-m", "benchmarks.look_probe", REGION, *account_ids],
                cwd=ROOT,
                env={
                    **made.environment,
                    "AWS_ENDPOINT_URL": world.url,
                    "AWS_CA_BUNDLE": str(authorities),
                    "PYTHONPATH": os.pathsep.join((str(folder), str(ROOT))),
                },
                stdout=subprocess.PIPE,
                text=True,
                check=True,
            )
    found: list[dict[str, float]] = json.loads(done.stdout)
    return found


def state_of(account_id: str) -> dict[str, Any]:
    """One group of ten rules on one public and one private instance."""
    return {
        "SecurityGroups": [group(GROUP_ID)],
        "SecurityGroupRules": [
            rule(f"sgr-{it:017x}", GROUP_ID, FromPort=it, ToPort=it) for it in range(10)
        ],
        "NetworkInterfaces": [
            interface("eni-1", GROUP_ID, **instance("i-1", account_id), **public()),
            interface("eni-2", GROUP_ID, **instance("i-2", account_id)),
        ],
        "Vpcs": [vpc(owner=account_id)],
        "Tags": [{"ResourceId": "i-1", "Key": "Name", "Value": "bastion"}],
    }
