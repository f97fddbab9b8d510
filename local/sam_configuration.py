"""Reads samconfig.toml as the SAM CLI does, and writes parameters in the form that it reads."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

SAM_CONFIGURATION = Path(__file__).parents[1] / "samconfig.toml"

# https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-cli-command-reference-sam-deploy.html
# The two forms that --parameter-overrides accepts. A value ends at a space that is not quoted.
_VALUE: Final = r"""("(?:\\.|[^"\\]+)*"|'(?:\\.|[^'\\]+)*'|(?:\\.|[^ "\\]+)+)"""
_LONG_FORM = re.compile(rf"ParameterKey=([A-Za-z0-9]+),ParameterValue={_VALUE}")
_SHORT_FORM = re.compile(rf" ([A-Za-z0-9]+)={_VALUE}")
_ESCAPED = re.compile(r"""\\([ "'])""")


class SamConfigurationError(Exception):
    """samconfig.toml cannot be read. The text says why."""


def deploy_settings(environment: str) -> dict[str, Any]:
    """What `sam deploy` reads from samconfig.toml: its own table overrides the global one.

    Empty if there is no file, or if the file does not have this environment.
    """
    try:
        with SAM_CONFIGURATION.open("rb") as file:
            return settings_in(tomllib.load(file), environment)
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise SamConfigurationError(f"{SAM_CONFIGURATION.name}: {error}") from None


def settings_in(document: Mapping[str, Any], environment: str) -> dict[str, Any]:
    """The same, of a document that has been read."""
    settings: dict[str, Any] = {}
    for command in ("global", "deploy"):
        table: Any = document
        for name in (environment, command, "parameters"):
            table = table.get(name, {})
            if not isinstance(table, dict):
                raise SamConfigurationError(
                    f"{SAM_CONFIGURATION.name}: expected a table "
                    f"[{environment}.{command}.parameters], but {name} is none"
                )
        settings |= table
    return settings


def overrides_in(settings: Mapping[str, Any]) -> dict[str, str]:
    """The stack's parameters as samconfig.toml sets them: a string, a table, or a list of both."""
    return dict(_overrides_in(settings.get("parameter_overrides", [])))


def _overrides_in(written: Any) -> Iterator[tuple[str, str]]:
    if isinstance(written, list):
        for item in written:
            yield from _overrides_in(item)
    elif isinstance(written, dict):
        for name, value in written.items():
            yield name, ",".join(map(str, value)) if isinstance(value, list) else str(value)
    else:
        found = _pairs_in(str(written))
        if not found and str(written).strip():
            raise SamConfigurationError(
                f"{SAM_CONFIGURATION.name}: parameter_overrides: expected Name=Value, "
                f"found {written!r}"
            )
        yield from found


def _pairs_in(text: str) -> list[tuple[str, str]]:
    pairs = _LONG_FORM.findall(text) or _SHORT_FORM.findall(f" {text.strip()}")
    return [(name, _unquoted(value)) for name, value in pairs]


def _unquoted(value: str) -> str:
    if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
        value = value[1:-1]
    return _ESCAPED.sub(r"\1", value)


def override(name: str, value: str) -> str:
    """A parameter as one argument of --parameter-overrides, before the shell's own quoting."""
    if value and not re.search(r"""[\s"'\\]""", value):
        return f"{name}={value}"
    return f'{name}="{value.replace(chr(34), chr(92) + chr(34))}"'
