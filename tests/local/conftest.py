"""What the commands' tests share: an emulated organization, and a terminal to run them in."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.local.cloud import Cloud, Terminal, cloud, terminal


@pytest.fixture
def aws() -> Iterator[Cloud]:
    """An AWS in this process, with an organization and its management account."""
    with cloud() as made:
        yield made


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Terminal]:
    """A terminal in a folder of its own."""
    with terminal(tmp_path) as made:
        yield made
