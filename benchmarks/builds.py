"""Builds the folders to measure: what Lambda would unpack into /var/task, with bytecode."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
FUNCTION: Final = ROOT / "functions" / "security_group_alerter"
BENCHMARKS: Final = ROOT / "benchmarks"
HANDLERS: Final = BENCHMARKS / "handlers"
# The function's Makefile names the platform of Lambda; these are for this machine.
_THIS_MACHINE: Final = ("PIP_PLATFORM=", "UV_PLATFORM=")


def built_function(folder: Path, python: Path) -> Path:
    """The function as `sam build` makes it, but for this Python."""
    version = _output(python, "-c", "import sys; print('%d.%d' % sys.version_info[:2])")
    _make(folder, f"PYTHON={python}", f"RUNTIME={version}", *_THIS_MACHINE)
    for path in HANDLERS.glob("without_*.py"):
        shutil.copy(path, folder)
        _compile(python, folder / path.name)
    return folder


def deployed_megabytes(folder: Path, python: Path) -> float:
    """The size of the zip, exactly as it is deployed."""
    _make(folder, f"PYTHON={python}")
    return Path(shutil.make_archive(str(folder), "zip", folder)).stat().st_size / 1e6


def compared_functions(folder: Path, python: Path) -> Path:
    """The other handlers, and all that they import, complete, as pip installs it."""
    subprocess.run(
        [
            *(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"),
            *("--no-deps", "--require-hashes", "--only-binary=:all:", "--no-compile"),
            *("--target", folder, "-r", BENCHMARKS / "requirements.txt"),
        ],
        check=True,
    )
    for path in HANDLERS.glob("*.py"):
        shutil.copy(path, folder)
    _compile(python, folder)
    return folder


def with_other_times(folder: Path, copy: Path) -> Path:
    """A copy in which every file has another time, as after packaging."""
    shutil.copytree(folder, copy)
    for path in copy.rglob("*"):
        os.utime(path, (315532800, 315532800))  # the first moment that a zip can hold
    return copy


def _make(folder: Path, *variables: str) -> None:
    folder.mkdir()
    subprocess.run(
        [
            *("make", "--silent", "-C", FUNCTION, "build-SecurityGroupAlerterFunction"),
            *(f"ARTIFACTS_DIR={folder}", *variables),
        ],
        stdout=subprocess.DEVNULL,
        check=True,
    )


def _compile(python: Path, what: Path) -> None:
    subprocess.run([python, "-m", "compileall", "-q", "-j", "0", what], check=True)


def _output(*command: str | Path) -> str:
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout.strip()
