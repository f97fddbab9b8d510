"""What the build empties is imported by every cold start, and not missed."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import botocore
import pytest
import urllib3

from tests.stories import ROOT

FUNCTION: Final = ROOT / "functions" / "security_group_alerter"
PACKAGES: Final = tuple(Path(it.__path__[0]) for it in (botocore, urllib3))
USES: Final = """
import sys
from botocore.session import Session
client = Session().create_client("sqs", region_name="eu-central-1")
assert not client.list_queues.__doc__
client.get_paginator("list_queues")
print(*sorted({"html", "importlib.metadata", "botocore.docs.bcdoc"} & sys.modules.keys()))
print(sys.modules["urllib3"].__file__)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packages in which something is emptied, as the build finds them."""
    folder = tmp_path_factory.mktemp("artifacts")
    for package in PACKAGES:
        shutil.copytree(package, folder / package.name, ignore=shutil.ignore_patterns("*.pyc"))
    return folder


def emptied(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", "--silent", "modules", f"ARTIFACTS_DIR={folder}", f"PYTHON={sys.executable}"],
        cwd=FUNCTION,
        capture_output=True,
        text=True,
        check=False,
    )


def used(folder: Path) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", USES],
        cwd=folder,
        env={"AWS_ACCESS_KEY_ID": "none", "AWS_SECRET_ACCESS_KEY": "none"},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()


def test_a_client_works_and_imports_nothing_of_them(folder: Path) -> None:
    before, _ = used(folder)
    assert before == "botocore.docs.bcdoc html importlib.metadata"

    assert emptied(folder).returncode == 0

    after, where = used(folder)
    assert after == ""
    assert where.startswith(str(folder))


def test_a_package_that_has_other_modules_by_now_stops_the_build(tmp_path: Path) -> None:
    done = emptied(tmp_path)

    assert done.returncode != 0
    assert "botocore/docs/__init__.py does not exist" in done.stderr
