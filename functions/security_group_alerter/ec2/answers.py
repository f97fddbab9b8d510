"""Somebody else's answer, read once at the border: values by the id of what they belong to.

An item that cannot be read stops nothing: what it belongs to is then not whole.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import field
from typing import Any, Generic, TypeVar

from ..model.dataclass import dataclass

_Value = TypeVar("_Value")
UNREADABLE = "the answer of EC2 could not be read"


class UnreadableAnswerError(ValueError):
    """An answer is not as AWS documents it."""


@dataclass(frozen=True, slots=True)
class Unseen:
    """What could not be read at all, and why, in words."""

    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Read(Generic[_Value]):
    """What was read, by the id of a group, a VPC or a prefix list.

    `broken` are the ids of which something could not be read; None where it is not known whose that
    was, so that nothing is whole.
    """

    values: Mapping[str, tuple[_Value, ...]] = field(default_factory=dict)
    broken: frozenset[str] | None = frozenset()

    def of(self, key: str | None) -> tuple[_Value, ...]:
        """All that belongs to it."""
        return self.values.get(key, ()) if key is not None else ()

    def is_whole(self, key: str) -> bool:
        """Whether all that was answered of it could be read."""
        return self.broken is not None and key not in self.broken


def read(
    items: Iterable[object],
    *,
    keys_in: Callable[[Mapping[str, Any]], Iterable[str]],
    value_in: Callable[[Mapping[str, Any]], _Value],
) -> Read[_Value]:
    """Read every item: `keys_in` says whose it is, `value_in` what. Both may raise ValueError."""
    values = defaultdict[str, list[_Value]](list)
    broken = set[str]()
    has_strays = False
    for item in items:
        keys: list[str] = []
        try:
            members = mapping_of(item)
            keys = [*keys_in(members)]
            value = value_in(members)
        except ValueError:
            broken.update(keys)
            has_strays = has_strays or not keys
            continue
        has_strays = has_strays or not keys
        for key in keys:
            values[key].append(value)
    return Read(
        values={key: tuple(some) for key, some in values.items()},
        broken=None if has_strays else frozenset(broken),
    )


def mapping_of(value: object) -> Mapping[str, Any]:
    """An object. Raises UnreadableAnswerError when it is something else."""
    if not isinstance(value, dict):
        raise UnreadableAnswerError(f"expected an object, found {type(value).__name__}")
    return value


def mapping_at(members: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """The object of this name; an empty one when it is missing."""
    value = members.get(name)
    return {} if value is None else mapping_of(value)


def mappings_at(members: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    """The objects in the list of this name; none when it is missing."""
    value = members.get(name)
    if value is None:
        return []
    if not isinstance(value, list):
        raise UnreadableAnswerError(f"{name}: expected a list, found {type(value).__name__}")
    return [mapping_of(item) for item in value]


def text_at(members: Mapping[str, Any], name: str) -> str | None:
    """The text of this name; None when it is missing or empty."""
    value = members.get(name)
    if value is not None and not isinstance(value, str):
        raise UnreadableAnswerError(f"{name}: expected text, found {type(value).__name__}")
    return value or None


def required_text_at(members: Mapping[str, Any], name: str) -> str:
    """The text of this name, which AWS always sends."""
    text = text_at(members, name)
    if text is None:
        raise UnreadableAnswerError(f"{name} is missing")
    return text


def number_at(members: Mapping[str, Any], name: str) -> int | None:
    """The number of this name; None when it is missing."""
    value = members.get(name)
    if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
        raise UnreadableAnswerError(f"{name}: expected a number, found {type(value).__name__}")
    return value


def tags_at(members: Mapping[str, Any], name: str) -> dict[str, str]:
    """Tags, as EC2 lists them: `[{"Key": …, "Value": …}]`."""
    return {
        required_text_at(tag, "Key"): text_at(tag, "Value") or ""
        for tag in mappings_at(members, name)
    }
