"""Somebody else's JSON, read once at the border: a value of the right type, or None."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..model import ids


def text_in(container: Mapping[str, Any], key: str) -> str | None:
    """The text at `key`; None when it is missing, empty or no text."""
    value = container.get(key)
    if value is None or isinstance(value, str):
        return value or None
    return text_of(value)


def text_of(value: object) -> str | None:
    """A value as text; None when it is empty or no text.

    EC2's newer serializer turns scalars into JSON types, so a number and a boolean are read as
    what was typed, and wraps a lone string as `{"content": "x", "tag": 1}`.
    """
    if isinstance(value, str):
        return value or None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, dict) and isinstance(value.get("content"), str):
        return value["content"] or None
    return None


def mapping_in(container: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """The object at `key`; an empty one when it is missing or something else."""
    value = container.get(key)
    return value if isinstance(value, dict) else {}


def account_id_in(container: Mapping[str, Any], key: str) -> str | None:
    """The account id at `key`, as twelve digits, with the zeros that a JSON number loses."""
    value = container.get(key)
    if isinstance(value, int) and not isinstance(value, bool):
        value = f"{value:012d}"
    return ids.valid(ids.ACCOUNT, value) if isinstance(value, str) else None


def flag_in(container: Mapping[str, Any], key: str) -> bool | None:
    """The boolean at `key`, as JSON's or as the text "true" or "false"; else None."""
    text = text_in(container, key)
    return None if text is None else _FLAGS.get(text.lower())


_FLAGS = {"true": True, "false": False}
