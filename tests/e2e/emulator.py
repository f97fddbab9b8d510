"""Runs local/emulator.py in a process of its own, and the SAM CLI, against it or alone."""

import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import boto3
import pytest

from local.deliveries import MANAGEMENT_ACCOUNT_ID, TRAIL_REGION
from tests.e2e.waiting import wait_for
from tests.stories import ROOT

PYTHON: Final = ROOT / ".venv/e2e/bin/python"
SAM: Final = ROOT / ".venv/sam/bin/sam"

# ministack takes this key for the account's root. Nothing leaves the loopback interface.
CREDENTIALS: Final = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
SECONDS_TO_STOP: Final = 20
SECONDS_FOR_SAM: Final = 300


class Emulator:
    """An AWS emulator that answers on the loopback interface."""

    def __init__(self, port: int, home: Path) -> None:
        self._url = f"http://127.0.0.1:{port}"
        self._home = home
        self._clients: dict[tuple[str, str, str], Any] = {}

    def client(
        self, service: str, account_id: str = MANAGEMENT_ACCOUNT_ID, region: str = TRAIL_REGION
    ) -> Any:
        """The same client each time. It acts as the account's root."""
        key = service, account_id, region
        if key not in self._clients:
            self._clients[key] = boto3.client(
                service,  # type: ignore[call-overload]  # any service
                endpoint_url=self._url,
                region_name=region,
                # ministack takes the id for a key of the account's root.
                aws_access_key_id=account_id,
                aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
            )
        return self._clients[key]

    def close(self) -> None:
        """Close the connections, because open ones cause warnings."""
        for client in self._clients.values():
            client.close()

    def sam(self, *arguments: str | Path) -> None:
        """Run the SAM CLI as a person would who has no settings of their own."""
        environment = CREDENTIALS | {
            "PATH": os.environ["PATH"],
            "HOME": str(self._home),
            "AWS_DEFAULT_REGION": TRAIL_REGION,
            "AWS_ENDPOINT_URL": self._url,
            "SAM_CLI_POLL_DELAY": "0.5",
        }
        run_sam(*arguments, home=self._home, environment=environment)


def run_sam(*arguments: str | Path, home: Path, environment: Mapping[str, str]) -> None:
    """Fail with the output of SAM if it fails. It keeps its own state in `home`."""
    # Otherwise it would ask PyPI once whether there is a newer version.
    (home / "metadata.json").write_text(json.dumps({"lastVersionCheck": time.time()}), "utf-8")
    done = subprocess.run(
        [require(SAM), *arguments],
        cwd=ROOT,
        env={**environment, "SAM_CLI_TELEMETRY": "0", "__SAM_CLI_APP_DIR": str(home)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=SECONDS_FOR_SAM,
        check=False,
    )
    assert done.returncode == 0, f"sam {arguments[0]}:\n{done.stdout}"


def require(program: Path) -> Path:
    """A program of the environments that `make setup` makes."""
    if not program.exists():
        pytest.fail(f"{program.relative_to(ROOT)} is missing: make setup", pytrace=False)
    return program


@contextmanager
def emulator_in(folder: Path) -> Iterator[Emulator]:
    """Start it with IAM evaluation. At the end, stop it and check whether anything failed inside.

    Its output is in emulator.log.
    """
    port = _free_port()
    problems = folder / "problems.log"
    with (
        # ministack leaves behind what it unpacks.
        TemporaryDirectory(dir=folder) as home,
        (folder / "emulator.log").open("w") as log,
        subprocess.Popen(
            [require(PYTHON), "-m", "local.emulator", problems],
            cwd=ROOT,
            env={
                "PATH": os.environ["PATH"],
                "HOME": home,
                "TMPDIR": home,
                "BIND_HOST": "127.0.0.1",
                "GATEWAY_PORT": str(port),
                "AUTH": "true",
                "MINISTACK_ACCOUNT_ID": MANAGEMENT_ACCOUNT_ID,
                "MINISTACK_REGION": TRAIL_REGION,
                # AWS waits a minute.
                "LAMBDA_ASYNC_RETRY_BASE_SECONDS": "0.05",
            },
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
        ) as process,
    ):
        try:
            wait_for(lambda: _listens(port, process), f"emulator; see {log.name}")
            with closing(Emulator(port, Path(home))) as emulator:
                yield emulator
        finally:
            _stop(process)
    assert not problems.exists(), problems.read_text(encoding="utf-8")


def _free_port() -> int:
    with socket.socket() as candidate:
        candidate.bind(("127.0.0.1", 0))
        port: int = candidate.getsockname()[1]
    return port


def _listens(port: int, process: subprocess.Popen[bytes]) -> bool:
    assert process.poll() is None, f"the emulator ended with status {process.returncode}"
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except ConnectionRefusedError:
        return False
    return True


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Close its standard input. So it ends with this process, however this one ends."""
    assert process.stdin is not None
    process.stdin.close()
    try:
        process.wait(SECONDS_TO_STOP)
    except subprocess.TimeoutExpired:
        process.kill()
