"""`make deploy` as people run it, in a copy of this repository: once new, once more as it is."""

import os
import shutil
import subprocess
import time
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest

from local.deliveries import TRAIL_REGION
from local.sam_configuration import overrides_in, settings_in
from tests.e2e.emulator import CREDENTIALS, Emulator
from tests.e2e.organization import Organization
from tests.stories import ROOT

pytestmark = pytest.mark.no_cover

NAME: Final = "made-by-make"
Make = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The repository without what is made in it, and with its environments."""
    made = shutil.ignore_patterns(".*", "__pycache__", "tests")
    folder = shutil.copytree(ROOT, tmp_path / "copy", ignore=made)
    (folder / ".venv").symlink_to(ROOT / ".venv")
    return folder


@pytest.fixture
def make(copy: Path, emulator: Emulator, tmp_path: Path) -> Iterator[Make]:
    """Runs `make deploy`; what that deploys goes with the test."""
    (tmp_path / "metadata.json").write_text(f'{{"lastVersionCheck": {time.time()}}}', "utf-8")
    environment = CREDENTIALS | {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_DEFAULT_REGION": TRAIL_REGION,
        "AWS_ENDPOINT_URL": emulator.client("sts").meta.endpoint_url,
        "SAM_CLI_POLL_DELAY": "0.5",
        "__SAM_CLI_APP_DIR": str(tmp_path),
    }

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["make", "deploy", *arguments],
            cwd=copy,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    yield run

    cloudformation = emulator.client("cloudformation")
    cloudformation.delete_stack(StackName=NAME)
    cloudformation.get_waiter("stack_delete_complete").wait(
        StackName=NAME, WaiterConfig={"Delay": 1}
    )


def test_it_deploys_and_asks_no_more(
    make: Make, copy: Path, emulator: Emulator, organization: Organization
) -> None:
    given = {
        "AlertEmail": "security@example.com",
        "OperationsEmail": "",
        "ExistingTrailLogGroupName": "",
        "TrailName": "another-trail",
    }
    named = " ".join(f"--parameter {name}={value}" for name, value in given.items())

    first = make("CONFIG_ENV=mine", f"ARGS=--yes --stack {NAME} {named}")

    assert first.returncode == 0, first.stdout + first.stderr
    assert "$ .venv/sam/bin/sam deploy --config-env mine --no-confirm-changeset" in first.stdout
    written = (copy / "samconfig.toml").read_bytes()
    settings = settings_in(tomllib.loads(written.decode()), "mine")
    assert (settings["stack_name"], settings["region"]) == (NAME, TRAIL_REGION)
    assert overrides_in(settings) == given | {"OrganizationId": organization.id}
    cloudformation = emulator.client("cloudformation")
    [stack] = cloudformation.describe_stacks(StackName=NAME)["Stacks"]
    deployed = {it["ParameterKey"]: it["ParameterValue"] for it in stack["Parameters"]}
    assert deployed.items() >= overrides_in(settings).items()

    # All is in the file: nothing is asked, and nothing written. SAM would ask before changes.
    second = make("CONFIG_ENV=mine", "ARGS=--yes")

    assert second.returncode == 0, second.stdout + second.stderr
    assert "the update changes none of them" in second.stdout
    assert (copy / "samconfig.toml").read_bytes() == written
