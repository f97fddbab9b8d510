"""Finds the Python to measure on: the version of the Lambda runtime, if one here runs.

`python -m benchmarks.interpreter` prints its path. With the folder of a virtual environment, it
exits with 1 unless that environment is of the same version, so that make can create it again.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

TEMPLATE: Final = Path(__file__).parents[1] / "template.yaml"
_VERSION: Final = "import sys; print('%d.%d' % sys.version_info[:2])"
_PATH: Final = "import sys; print(sys.executable)"


def runtime_version() -> str:
    """As in `Runtime: python3.13`."""
    [version] = set(re.findall(r"\bRuntime: python(\S+)", TEMPLATE.read_text(encoding="utf-8")))
    return str(version)


def found(version: str) -> str:
    """The path of a Python of this version that runs; if there is none, of this one."""
    for candidate in _candidates(version):
        if version_of(candidate) == version:
            return _output(candidate, "-c", _PATH)
    return str(getattr(sys, "_base_executable", sys.executable))


def version_of(python: str | Path) -> str:
    """Its major and minor version; empty if it does not run, as a shim of pyenv may not."""
    return _output(python, "-c", _VERSION)


def _candidates(version: str) -> Iterator[str]:
    yield f"python{version}"
    yield _output("uv", "python", "find", version)
    versions = Path(_output("pyenv", "root"), "versions")
    yield from map(str, sorted(versions.glob(f"{version}.*/bin/python"), reverse=True))


def _output(*command: str | Path) -> str:
    """What a command prints; empty if it fails or does not exist."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return done.stdout.strip()


def main(arguments: list[str]) -> int:
    """Print the path, or check an environment."""
    python = found(runtime_version())
    if arguments:
        return int(version_of(Path(arguments[0], "bin", "python")) != version_of(python))
    print(python)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
