"""What all tests share."""

import copy
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from types import SimpleNamespace
from typing import Any, Final
from unittest import mock

import boto3
import hypothesis
import pytest
from botocore.config import Config
from botocore.loaders import create_loader
from xdist.scheduler import LoadFileScheduling

from local.aws import (
    GROUP_MEMORY_TABLE,
    SEEN_EVENTS_TABLE,
    Topic,
    create_tables,
    emulated_aws,
)
from security_group_alerter.aws import clients
from security_group_alerter.handlers import delivery as handler
from security_group_alerter.settings import DELIVERY, PRESENTATION

E2E: Final = "tests/e2e/"

# No deadline for an example of Hypothesis: another process may be using the processor.
hypothesis.settings.register_profile("thorough", deadline=None)
hypothesis.settings.register_profile("quick", deadline=None, max_examples=10)
hypothesis.settings.load_profile("thorough")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--write-goldens",
        action="store_true",
        help="rewrite the expected alerts in tests/golden instead of comparing them; not in CI",
    )
    parser.addoption(
        "--quick",
        action="store_true",
        help="leave out the tests that start the function cold; try fewer examples of Hypothesis",
    )
    parser.addoption(
        "--all-faults",
        action="store_true",
        help="cause each fault at each call of memory and looks, not at a fixed third of them",
    )


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--write-goldens") and os.environ.get("CI") == "true":
        raise pytest.UsageError("--write-goldens is for people: in CI the goldens are compared")
    if config.getoption("--quick"):
        hypothesis.settings.load_profile("quick")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--quick"):
        # A cold start takes a fifth of a second, since each has an emulated AWS of its own.
        cold = [item for item in items if "cold_function" in getattr(item, "fixturenames", ())]
        config.hook.pytest_deselected(items=cold)
        items[:] = [item for item in items if item not in cold]


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Nothing is skipped silently."""
    skipped = terminalreporter.stats.get("skipped", [])
    reasons = Counter(report.longrepr[2].removeprefix("Skipped: ") for report in skipped)
    for reason, count in reasons.items():
        terminalreporter.write_line(f"NOT RUN: {count} tests, since {reason}")


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """With --dist loadfile, one process runs a file, whose tests share fixtures; and all of e2e."""
    if config.getoption("dist") != "loadfile":
        return None
    scheduler = LoadFileScheduling(config, log)
    scheduler._split_scope = lambda test: E2E if test.startswith(E2E) else test.partition("::")[0]
    return scheduler


@pytest.fixture(scope="session", autouse=True)
def _no_settings_of_mine() -> Iterator[None]:
    """The environment of whoever runs the tests changes no alert."""
    with mock.patch.dict(os.environ):
        for name in list(os.environ):
            if name in DELIVERY | PRESENTATION or name.startswith("AWS_"):
                del os.environ[name]
        yield


@pytest.fixture(scope="session", autouse=True)
def _models_read_once() -> Iterator[None]:
    """Each session would read the models of AWS's services again: slow, and always the same."""
    with mock.patch("botocore.session.create_loader", cache(create_loader)):
        yield


@pytest.fixture(scope="session", autouse=True)
def _parameters_fit_the_models() -> Iterator[None]:
    """The function leaves this check to the tests."""
    checked = clients.DEFAULT_CONFIG.merge(Config(parameter_validation=True))
    with mock.patch.object(clients, "DEFAULT_CONFIG", checked):
        yield


@contextmanager
def cold_start() -> Iterator[None]:
    """A function that has no settings and no clients yet, before and after."""
    handler.alerter.cache_clear()
    yield
    handler.alerter.cache_clear()


@pytest.fixture
def cold_function() -> Iterator[None]:
    """A cold start for this test."""
    with cold_start():
        yield


@pytest.fixture(scope="module")
def warm_function() -> Iterator[None]:
    """A cold start for a module of tests."""
    with cold_start():
        yield


@pytest.fixture(scope="module")
def topic() -> Iterator[Topic]:
    """An AWS in this process with the alert topic, and a cold start, for a module of tests."""
    with cold_start(), emulated_aws() as topic:
        yield topic


@pytest.fixture
def quick_transactions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Moto copies all tables before each transaction, for one that is refused: none is, here."""
    from moto.dynamodb import models
    from moto.dynamodb.models.table import Table

    def copied(it: object) -> object:
        return it if isinstance(it, Table) else copy.deepcopy(it)

    monkeypatch.setattr(models, "copy", SimpleNamespace(deepcopy=copied))


@pytest.fixture
def forgotten(topic: Topic) -> None:
    """Nothing has been alerted or remembered before this test."""
    client = boto3.client("dynamodb", region_name=topic.arn.split(":")[3])
    for table in (SEEN_EVENTS_TABLE, GROUP_MEMORY_TABLE):
        # Thousands of items would take long to delete one by one.
        client.delete_table(TableName=table)
    create_tables(client)
