"""Measures a digest of 10,000 alerted events and 500 open groups, each call answered after 50 ms.

    PYTHONPATH=functions python -m benchmarks.digest

The table of alerted events has as many events for each of 14 days, so the scan reads 54 pages. The
function's side runs in a process of its own. Writes digest_results.json, and exits with 1 if the
goal is missed.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from base64 import b64encode
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any, Final

from local.lambda_context import lambda_context
from security_group_alerter.aws.group_items import key_of
from security_group_alerter.aws.seen_events import REMEMBERED_SECONDS, _item_of
from security_group_alerter.memory.codec import bytes_of
from security_group_alerter.memory.group_memory import GroupMemory
from security_group_alerter.memory.statements import RuleThere
from security_group_alerter.model.exposure_life import Event, Resource
from security_group_alerter.model.finding import Effect
from security_group_alerter.model.rules import Direction, PortRange, SecurityGroupRule, peer_of_cidr
from security_group_alerter.model.seen import AlertedChange, Mark
from security_group_alerter.model.severity import Severity
from security_group_alerter.model.subject import SubjectKind
from tests.loopback_aws import LoopbackAws, environment_for, loopback_aws

from .certificate import certificate_in
from .machine import machine

UNTIL: Final = datetime(2026, 11, 24, 6, tzinfo=UTC)
EVENTS: Final = 10_000
DAYS: Final = 14
GROUPS: Final = 500
ACCOUNTS: Final = 50
# DynamoDB reads 1 MB for a page, whatever its filter leaves of it.
PAGE: Final = 1_000_000
LATENCY: Final = 0.05
ROUNDS: Final = 3
GOAL_SECONDS: Final = 10.0
RESULTS: Final = Path(__file__).with_name("digest_results.json")


def main() -> int:
    """Measure, print, write."""
    rounds = [measured() for _ in range(ROUNDS)]
    for number, found in enumerate(rounds, 1):
        print(f"round {number}: {found}")
    medians = {name: median(found[name] for found in rounds) for name in rounds[0]}
    written = {"date": str(date.today()), "machine": machine(), "measured": medians}  # noqa: DTZ011
    RESULTS.write_text(json.dumps(written, indent=2) + "\n", encoding="utf-8")
    print(f"{EVENTS:,} events: {medians['seconds']:.2f} s; goal: {GOAL_SECONDS:.0f} s")
    return int(medians["seconds"] >= GOAL_SECONDS)


def measured() -> dict[str, float]:
    """Seconds, processor seconds, megabytes and AWS calls of one digest, and its bytes."""
    with tempfile.TemporaryDirectory() as name:
        tls, authorities = certificate_in(Path(name))
        with loopback_aws(tls) as aws:
            _Tables(aws).fill()
            done = subprocess.run(
                [sys.executable, "-m", "benchmarks.digest", "digest"],
                env={**os.environ, **environment_for(aws), "AWS_CA_BUNDLE": str(authorities)},
                stdout=subprocess.PIPE,
                text=True,
                check=True,
            )
            found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
            [sent] = aws.published
            found |= {"calls": aws.calls.total(), "kilobytes": round(sent.size / 1000, 1)}
    return found


class _Tables:
    """The two tables, as the digest reads them."""

    def __init__(self, aws: LoopbackAws) -> None:
        self._aws = aws
        self._inner = aws.answer
        self._pages: list[bytes] = []
        self._open: list[dict[str, Any]] = []
        aws.answer = self._answer  # type: ignore[method-assign]

    def fill(self) -> None:
        """Make all items, and the answers, before anybody asks."""
        marks = [_mark(number) for number in range(EVENTS)]
        size = sum(len(json.dumps(it)) for it in marks) * DAYS
        pages = size // PAGE + 1
        each = -(-EVENTS // pages)
        for number in range(pages):
            page: dict[str, Any] = {"Items": marks[number * each : (number + 1) * each]}
            if number + 1 < pages:
                page["LastEvaluatedKey"] = {"event_id": {"S": str(number + 1)}}
            self._pages.append(json.dumps(page).encode())
        for number in range(GROUPS):
            group, memory = _open_group(number)
            key = {"S": key_of(group)}
            self._open.append({"resource": key, "looked_at": {"N": "1795000000"}})
            item = {"resource": key, "version": {"N": "1"}, "memory": {"B": memory}}
            self._aws.memories[key["S"]] = item

    def _answer(self, operation: str, body: str) -> tuple[int, bytes]:
        time.sleep(LATENCY)
        asked = json.loads(body) if body.startswith("{") else {}
        match operation:
            case "Scan":
                start = asked.get("ExclusiveStartKey", {}).get("event_id", {}).get("S", "0")
                return 200, self._pages[int(start)]
            case "Query":
                is_open = asked["ExpressionAttributeValues"] == {":severity": {"S": "CRITICAL"}}
                return 200, json.dumps({"Items": self._open if is_open else []}).encode()
            case _:
                return self._inner(operation, body)


def _mark(number: int) -> dict[str, Any]:
    """One event of a hundred people and machines."""
    account_id = _account(number % ACCOUNTS)
    session = f"person-{number % 100}@example.com"
    change = AlertedChange(
        kind=SubjectKind.SECURITY_GROUP,
        severity=Severity.LOW,
        effect=Effect.OTHER,
        world_open=False,
        at=UNTIL - timedelta(seconds=number),
        account_id=account_id,
        region="eu-central-1",
        call="AuthorizeSecurityGroupIngress" if number % 3 else "RevokeSecurityGroupIngress",
        principal=f"arn:aws:sts::{account_id}:assumed-role/deploy/{session}",
        is_machine_made=number % 5 == 0,
    )
    expires = str(int(UNTIL.timestamp()) + REMEMBERED_SECONDS - number)
    return _item_of(Mark(f"event-{number:030}", change), expires)


def _open_group(number: int) -> tuple[Resource, str]:
    """A group with ten rules, one of them open to the world; and its memory."""
    group = Resource(
        kind=SubjectKind.SECURITY_GROUP,
        id=f"sg-{number:017x}",
        account_id=_account(number % ACCOUNTS),
        region="eu-central-1",
    )
    opened_at = UNTIL - timedelta(hours=number)
    opened = Event(event_id=f"open-{number}", time=opened_at, principal="jane")
    rules = (RuleThere(event=opened, rule=rule) for rule in _rules())
    return group, b64encode(bytes_of(GroupMemory().adding(rules))).decode()


def _rules() -> Iterator[SecurityGroupRule]:
    for port in range(22, 32):
        yield SecurityGroupRule(
            direction=Direction.INGRESS,
            protocol="tcp",
            ports=PortRange(port, port),
            icmp_type=None,
            peer=peer_of_cidr("0.0.0.0/0" if port == 22 else "10.0.0.0/8"),
        )


def _account(number: int) -> str:
    return f"{100_000_000_000 + number}"


def digest() -> None:
    """Send one, as a cold function does, and print what that took."""
    started, spent = time.monotonic(), time.process_time()
    from security_group_alerter.handlers import digest as handler  # noqa: PLC0415

    context = lambda_context("benchmark", seconds_left=300)
    counts = handler.lambda_handler({"time": UNTIL.isoformat()}, context)
    if (counts["open"], counts["changes"]) != (GROUPS, EVENTS):
        raise RuntimeError(f"not everything is in it: {counts}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    took = {
        "seconds": round(time.monotonic() - started, 2),
        "processor": round(time.process_time() - spent, 2),
        "megabytes": round(peak, 1),
    }
    print(json.dumps(took))


if __name__ == "__main__":
    if sys.argv[1:] == ["digest"]:
        digest()
    else:
        sys.exit(main())
