"""Sets options of `sam deploy` in a samconfig.toml; everything else stays, comments too.

A program for the SAM CLI's Python, with the TOML library that `sam deploy --guided` writes with. It
takes the file's text, the environment and the options, and returns the new text: both as JSON.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import tomlkit

# Other commands than `sam deploy` need these too, such as `sam delete`.
_FOR_ALL_COMMANDS = {"stack_name", "region"}


def edited(text: str, environment: str, options: dict[str, Any]) -> str:
    """The file's text with these options. A list gets a line for each item."""
    document = tomlkit.parse(text)
    document.setdefault("version", 0.1)
    ours = _table(document, environment)
    own = ours.get("deploy", {}).get("parameters", {})
    for name, value in options.items():
        is_general = name in _FOR_ALL_COMMANDS and name not in own
        table = _table(_table(ours, "global" if is_general else "deploy"), "parameters")
        table[name] = _array(table.get(name), value) if isinstance(value, list) else value
    return str(tomlkit.dumps(document))


def _table(parent: Any, name: str) -> Any:
    if name not in parent:
        # Only the innermost table has a header.
        parent[name] = tomlkit.table(is_super_table=name != "parameters")
    return parent[name]


def _array(old: Any, items: list[str]) -> Any:
    """An array of several lines keeps those that stay, and its comments."""
    if not hasattr(old, "add_line") or "\n" not in old.as_string():
        array = tomlkit.array().multiline(multiline=True)
        array.extend(items)
        return array
    for index in reversed(range(len(old))):
        if old[index] not in items:
            del old[index]
    for item in items:
        if item not in old:
            old.add_line(item)
    return old


if __name__ == "__main__":
    json.dump(edited(**json.load(sys.stdin)), sys.stdout)
