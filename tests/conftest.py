"""What all tests share."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

import boto3
import pytest

from local.aws import SEEN_EVENTS_TABLE, Topic, emulated_aws
from security_group_alerter.handlers import delivery as handler
from security_group_alerter.settings import DELIVERY, PRESENTATION


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--write-goldens",
        action="store_true",
        help="rewrite the expected alerts in tests/golden instead of comparing them; not in CI",
    )


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--write-goldens") and os.environ.get("CI") == "true":
        raise pytest.UsageError("--write-goldens is for people: in CI the goldens are compared")


@pytest.fixture(scope="session", autouse=True)
def _no_settings_of_mine() -> Iterator[None]:
    """The environment of whoever runs the tests changes no alert."""
    with mock.patch.dict(os.environ):
        for name in list(os.environ):
            if name in DELIVERY | PRESENTATION or name.startswith("AWS_"):
                del os.environ[name]
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
def forgotten(topic: Topic) -> None:
    """Nothing has been alerted before this test."""
    client = boto3.client("dynamodb", region_name=topic.arn.split(":")[3])
    for item in client.scan(TableName=SEEN_EVENTS_TABLE)["Items"]:
        client.delete_item(TableName=SEEN_EVENTS_TABLE, Key={"event_id": item["event_id"]})
