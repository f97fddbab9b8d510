"""Members of JSON objects, for the machine form."""

from __future__ import annotations

from typing import Any

_EMPTY: tuple[Any, ...] = ([], {}, ())


def without_empty(**members: Any) -> dict[str, Any]:
    """The members that are known and not empty: absence is absence, in JSON as well."""
    return {
        name: value
        for name, value in members.items()
        if value or (value is not None and value not in _EMPTY)
    }
