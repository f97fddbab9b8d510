"""An archive in a bucket is read over HTTP, by several processes, as it is from a folder."""

import json
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from local.deliveries import TRAIL_REGION
from local.history.sample import write_sample
from tests.e2e.emulator import CREDENTIALS, Emulator
from tests.e2e.organization import OPENING, Organization
from tests.e2e.queues import Queue
from tests.e2e.stacks import Stack
from tests.local.test_history import written
from tests.stories import ROOT

pytestmark = pytest.mark.no_cover

BUCKET = "archive-to-read"


def test_a_bucket_is_read_as_a_folder_is(emulator: Emulator, tmp_path: Path) -> None:
    write_sample(tmp_path)
    # Enough that a second process is worth it. What is packed cannot be packed again.
    filler = {
        "eventName": "RunInstances",
        "requestParameters": random.Random(1).randbytes(3 << 20).hex(),
    }
    for number in range(2):
        written(tmp_path / f"large-{number}.json.gz", filler)
    client = emulator.client("s3")
    client.create_bucket(
        Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": TRAIL_REGION}
    )
    for path in tmp_path.rglob("*.gz"):
        key = path.relative_to(tmp_path).as_posix()
        client.put_object(Bucket=BUCKET, Key=key, Body=path.read_bytes())

    filters = ("--region", "eu-central-1", "--since", "2026-09-01")
    there = history(emulator, f"s3://{BUCKET}", *filters)
    here = history(emulator, tmp_path, *filters)

    assert there.returncode == here.returncode == 0, there.stderr
    assert there.stdout == here.stdout
    announcement, summary = there.stderr.splitlines()
    assert announcement.startswith(f"history: s3://{BUCKET}: ")
    assert [summary] == here.stderr.splitlines()


def test_a_bucket_that_is_not_there(emulator: Emulator) -> None:
    run = history(emulator, "s3://no-such-archive/AWSLogs")

    assert (run.returncode, run.stdout) == (2, "")
    assert run.stderr.startswith("history: s3://no-such-archive/AWSLogs: ListObjectsV2: ")


def test_the_ledger_of_a_stack_is_drawn(
    stack: Stack, queue: Queue, organization: Organization
) -> None:
    stack.forget_groups()
    record = organization.record_of(OPENING)
    stack.put(record)
    queue.alerts_until(record["eventID"])

    run = history(stack.emulator, "--ledger", "--stack", stack.name)

    assert run.returncode == 0, run.stderr
    exposures = [json.loads(line) for line in run.stdout.splitlines()]
    assert record["eventID"] in {it["opened_event_id"] for it in exposures}
    assert run.stderr.endswith(" open, 0 broken items\n")


def history(emulator: Emulator, *arguments: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "local.history", "--json", "--workers", "2", *map(str, arguments)],
        cwd=ROOT,
        env=os.environ
        | CREDENTIALS
        | {
            "AWS_DEFAULT_REGION": TRAIL_REGION,
            "AWS_ENDPOINT_URL": emulator.client("s3").meta.endpoint_url,
            "PYTHONPATH": "functions",
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
