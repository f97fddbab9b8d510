"""What the function costs, counted and not timed: the same on every machine, in every run.

`make bench` measures; this fails on the day on which a heavy import or an extra call comes in.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from typing import Any, Final

import pytest

from tests.stories import ROOT

# A call of the function in a process of its own, or with another tracer, covers nothing.
pytestmark = pytest.mark.no_cover

# Of bytecode, for each of 100 changes: 20,300 with Python 3.11, and less with 3.13. A fourth of
# that is for what is remembered of the groups. Loose enough for clear code; a step that is done
# twice shows.
MOST_INSTRUCTIONS: Final = 21_500
# One of many may cost so much more than one of few.
MOST_GROWTH: Final = 1.1
# Outside the standard library; 290 today.
MOST_MODULES: Final = 290
# What only another function needs, by its handler.
OTHERS: Final = {
    "daily_check": {
        "aws.check_memory",
        "aws.health",
        "aws.operations_topic",
        "checking",
        "handlers.daily_check",
        "judgement.health",
        "messages.operations",
        "model.health",
    },
    "digest": {
        "digesting",
        "handlers.digest",
        "messages.digest",
        "messages.digest.page",
        "model.digest",
    },
}
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
    "GROUP_MEMORY_TABLE": "group-memory",
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


SENT: Final = {"PutItem": 1}
TABLE_CALLS: Final = {"BatchGetItem", "BatchWriteItem", "TransactWriteItems", "UpdateItem"}


def test_no_call_too_many(counted: dict[str, dict[str, Any]]) -> None:
    """A look whether they have been told, one reservation, and eight alerts a call.

    What is remembered of the groups is read and written a hundred at a time. What was sent is
    noted a hundred at a time: which events it was, and what it told of groups.
    """
    assert {size: found["calls"] for size, found in counted.items()} == {
        "1": {
            "BatchGetItem": 2,
            "UpdateItem": 1,
            **SENT,
            "PublishBatch": 1,
            "TransactWriteItems": 1,
        },
        "100": {"BatchGetItem": 2, "TransactWriteItems": 1 + 2, **SENT, "PublishBatch": 3},
        "1000": {"BatchGetItem": 13, "TransactWriteItems": 3 + 12, **SENT, "PublishBatch": 6},
    }


# By the number of records: what reading, remembering the groups and marking took before there was
# a ledger. Marks went 25 in a call.
BEFORE_THE_LEDGER: Final = {"1": 2 + 1 + 1, "100": 2 + 1 + 4, "1000": 13 + 3 + 40}


def test_the_ledger_costs_no_call(counted: dict[str, dict[str, Any]]) -> None:
    for size, most in BEFORE_THE_LEDGER.items():
        calls = counted[size]["calls"]
        to_tables = sum(calls.get(it, 0) for it in TABLE_CALLS)
        assert to_tables <= most


def test_no_instruction_too_many(counted: dict[str, dict[str, Any]]) -> None:
    of_each = {size: found["instructions"] / int(size) for size, found in counted.items()}

    assert of_each["100"] <= MOST_INSTRUCTIONS
    assert of_each["1000"] <= of_each["100"] * MOST_GROWTH


def modules_of(handler: str) -> set[str]:
    """What a cold start of one of the functions loads."""
    script = (
        f"import json, sys, security_group_alerter.handlers.{handler}\n"
        "print(json.dumps([*sys.modules]))"
    )
    return set(printed("-c", script))


def test_no_module_too_many() -> None:
    modules = modules_of("delivery")
    others = {name for name in modules if package_of(name) not in sys.stdlib_module_names}
    others = {name for name in others if not package_of(name).startswith("_sysconfigdata")}

    assert not modules & HEAVY
    for names in OTHERS.values():
        assert not modules & in_package(names)
    assert {package_of(name) for name in others} - BESIDE == PACKAGES
    assert len(others) <= MOST_MODULES


@pytest.mark.parametrize("handler", OTHERS)
def test_another_function_has_modules_of_its_own(handler: str) -> None:
    assert modules_of(handler) >= in_package(OTHERS[handler])


def in_package(names: Iterable[str]) -> set[str]:
    return {f"security_group_alerter.{name}" for name in names}


def package_of(module: str) -> str:
    return module.partition(".")[0]
