"""What the function costs, counted and not timed: the same on every machine, in every run.

`make bench` measures; this fails on the day on which a heavy import or an extra call comes in.
"""

import json
import os
import ssl
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from unittest import mock

import pytest

from benchmarks.certificate import certificate_in
from benchmarks.workloads import delivery
from local.lambda_context import lambda_context
from security_group_alerter.aws import clients
from security_group_alerter.handlers import delivery as handler
from tests.loopback_aws import environment_for, loopback_aws
from tests.stories import ROOT

# A call of the function in a process of its own, or with another tracer, covers nothing.
pytestmark = pytest.mark.no_cover

# For each of 100 changes; 13,150 with Python 3.11, and less with 3.13.
MOST_INSTRUCTIONS: Final = 13_600
# One of many may cost so much more than one of few.
MOST_GROWTH: Final = 1.1
# Outside the standard library; 202 today.
MOST_MODULES: Final = 206
PACKAGES: Final = {
    "aws_lambda_powertools",
    "botocore",
    "dateutil",
    "jmespath",
    "security_group_alerter",
    "six",
    "typing_extensions",
    "urllib3",
}
# What botocore takes where it is there, which is not so in the zip; and what Python brings along.
BESIDE: Final = {"__main__", "_distutils_hack", "certifi"}
HEAVY: Final = {
    "asyncio",
    "aws_lambda_powertools.event_handler",
    "aws_lambda_powertools.utilities.data_classes",
    "ctypes",
    "http.server",
    "multiprocessing",
    "sqlite3",
    "unittest",
}
ENVIRONMENT: Final = {
    "AWS_ACCESS_KEY_ID": "none",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_SECRET_ACCESS_KEY": "none",
    "ALERT_TOPIC_ARN": "arn:aws:sns:eu-central-1:111122223333:alerts",
    "PYTHONHASHSEED": "0",
    "PYTHONPATH": os.pathsep.join(("functions", ".")),
    "SEEN_EVENTS_TABLE": "seen-events",
}


def printed(*arguments: str) -> Any:
    """The JSON that this Python prints, in an environment of nobody's."""
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def counted() -> dict[str, dict[str, Any]]:
    """By the number of records: what a warm invocation takes."""
    found: dict[str, dict[str, Any]] = printed("-m", "tests.speed_probe", "1", "100", "1000")
    return found


def test_no_call_too_many(counted: dict[str, dict[str, Any]]) -> None:
    """A look whether they have been told, ten alerts a call, and 25 marks a call."""
    assert {size: found["calls"] for size, found in counted.items()} == {
        "1": {"BatchGetItem": 1, "PublishBatch": 1, "BatchWriteItem": 1},
        "100": {"BatchGetItem": 1, "PublishBatch": 2, "BatchWriteItem": 4},
        "1000": {"BatchGetItem": 10, "PublishBatch": 14, "BatchWriteItem": 40},
    }


def test_no_instruction_too_many(counted: dict[str, dict[str, Any]]) -> None:
    of_each = {size: found["instructions"] / int(size) for size, found in counted.items()}

    assert of_each["100"] <= MOST_INSTRUCTIONS
    assert of_each["1000"] <= of_each["100"] * MOST_GROWTH


def test_no_module_too_many() -> None:
    script = (
        "import json, sys, security_group_alerter.handlers.delivery\n"
        "print(json.dumps([*sys.modules]))"
    )
    modules = set(printed("-c", script))
    others = {name for name in modules if package_of(name) not in sys.stdlib_module_names}
    others = {name for name in others if not package_of(name).startswith("_sysconfigdata")}

    assert not modules & HEAVY
    assert {package_of(name) for name in others} - BESIDE == PACKAGES
    assert len(others) <= MOST_MODULES


def package_of(module: str) -> str:
    return module.partition(".")[0]


@pytest.fixture
def no_connections(cold_function: None) -> Iterator[None]:
    """What other tests have read counts for nothing, and what this one reads not for them."""
    assert cold_function is None
    clients._tls_context.cache_clear()
    yield
    clients._tls_context.cache_clear()


@pytest.mark.usefixtures("no_connections")
def test_no_certificate_authority_is_read_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three services, and as many connections."""
    context, authorities = certificate_in(tmp_path)
    read: Counter[str] = Counter()

    class Counting(ssl.SSLContext):
        def load_verify_locations(self, cafile: Any = None, *others: Any) -> None:
            read[cafile] += 1
            super().load_verify_locations(cafile, *others)

    with loopback_aws(context) as aws, mock.patch("botocore.httpsession.SSLContext", Counting):
        for name, value in environment_for(aws).items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("AWS_CA_BUNDLE", str(authorities))

        handler.lambda_handler(delivery(1), lambda_context())

        assert aws.messages == 1
        assert aws.calls.keys() >= {"DescribeAccount", "BatchGetItem", "PublishBatch"}
    assert read == {str(authorities): 1}
