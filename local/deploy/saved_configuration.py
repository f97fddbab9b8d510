"""Keeps what is deployed in samconfig.toml, as `sam deploy` and the next run read it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tomllib
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, Final

from .. import sam_configuration
from ..deployment import Deployment, missing_sam_options
from ..sam_configuration import SamConfigurationError, override, overrides_in, settings_in

ROOT: Final = Path(__file__).parents[2]
SAM_PYTHON: Final = ROOT / ".venv/sam/bin/python"
# A new environment asks before changes are made, and may be deployed again without any.
_USUAL: Final = {"confirm_changeset": True, "fail_on_empty_changeset": False}
_EDITOR: Final = Path(__file__).with_name("edit_configuration.py")


def options_to_save(deployment: Deployment, parameters: Mapping[str, str]) -> dict[str, Any]:
    """What samconfig.toml does not have yet, of all that `sam deploy` needs."""
    settings = deployment.settings
    needed = {"stack_name": deployment.stack, "region": deployment.region}
    options: dict[str, Any] = {
        name: value for name, value in needed.items() if settings.get(name) != value
    }
    options |= missing_sam_options(settings)
    options |= {name: value for name, value in _USUAL.items() if name not in settings}
    if overrides_in(settings) != parameters:
        written = [override(name, value) for name, value in parameters.items()]
        options["parameter_overrides"] = written
    return options


def save(environment: str, options: Mapping[str, Any]) -> None:
    """Set these options of the environment. The file is replaced as a whole, or not at all."""
    # A link stays one.
    path = sam_configuration.SAM_CONFIGURATION.resolve()
    try:
        old = path.read_bytes().decode() if path.exists() else ""
        _replace(path, _edited(old, environment, options))
    except (OSError, ValueError) as error:
        raise SamConfigurationError(
            f"{path.name} cannot be written: {error}. Make it writable, or set there yourself, for "
            f"the environment {environment}: {json.dumps(dict(options))}"
        ) from None


def _edited(old: str, environment: str, options: Mapping[str, Any]) -> str:
    """The new text. ValueError if it would not say what it should."""
    ended = subprocess.run(
        [SAM_PYTHON, "-I", _EDITOR],
        input=json.dumps({"text": old, "environment": environment, "options": dict(options)}),
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    if ended.returncode:
        raise ValueError(ended.stderr.strip().rpartition("\n")[2])
    text: str = json.loads(ended.stdout)
    read = settings_in(tomllib.loads(text), environment)
    if any(read.get(name) != value for name, value in options.items()):
        raise ValueError("its tables are not those that the SAM CLI reads")
    return text


def _replace(path: Path, text: str) -> None:
    """Write beside, and rename: whoever reads, or interrupts, sees the old file or the new one."""
    with NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
        try:
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())
            if path.exists():
                shutil.copymode(path, file.name)
            Path(file.name).replace(path)
        except BaseException:
            with suppress(OSError):
                Path(file.name).unlink()
            raise
