"""Dataclasses whose values are frozen by the type checker, and cheap at run time.

For a frozen class, the standard library writes its methods as text and compiles them at import, and
then sets each attribute of a value by a call. Here, to define a class takes a third of the time of
that, and to make a value half. The price: at run time nothing stops an assignment. The type checker
refuses each, and a test replays every story with the standard library's own.
https://docs.python.org/3/library/dataclasses.html
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from operator import attrgetter
from typing import TYPE_CHECKING, Any

__all__ = ["dataclass", "replace"]

if TYPE_CHECKING:
    from dataclasses import dataclass, replace
else:

    def dataclass(
        *, frozen: bool = False, eq: bool = True, slots: bool = False, kw_only: bool = False
    ) -> Any:
        """The decorator, with these options of the standard library's and no others.

        A mutable class is the standard library's. Methods that a class has of its own stay.
        """
        written = {"eq": False, "repr": False} if frozen else {"eq": eq}

        def defined(cls: type) -> type:
            made = dataclasses.dataclass(slots=slots, kw_only=kw_only, **written)(cls)
            made.__init_names__ = tuple(it.name for it in dataclasses.fields(made) if it.init)
            if frozen:
                own = vars(cls).keys()
                if "__repr__" not in own:
                    made.__repr__ = _repr
                if eq and "__eq__" not in own:
                    _compare(made, has_hash="__hash__" in own)
            return made

        return defined

    def replace(value: Any, /, **changes: Any) -> Any:
        """A copy of a value with these changes. Raises TypeError for another name."""
        for name in value.__init_names__:
            if name not in changes:
                changes[name] = getattr(value, name)
        return type(value)(**changes)


def _compare(cls: Any, *, has_hash: bool) -> None:
    """Values of one class are equal if their fields are."""
    fields = dataclasses.fields(cls)
    values_of = _getter(it.name for it in fields if it.compare)
    hashed_of = _getter(it.name for it in fields if (it.compare if it.hash is None else it.hash))

    def equal(self: Any, other: object) -> Any:
        if other.__class__ is not self.__class__:
            return NotImplemented
        return values_of(self) == values_of(other)

    cls.__eq__ = equal
    if not has_hash:
        cls.__hash__ = lambda self: hash(hashed_of(self))


def _getter(names: Iterable[str]) -> Callable[[Any], Any]:
    listed = tuple(names)
    return attrgetter(*listed) if listed else lambda _: ()


def _repr(self: Any) -> str:
    values = ", ".join(
        f"{it.name}={getattr(self, it.name)!r}" for it in dataclasses.fields(self) if it.repr
    )
    return f"{type(self).__qualname__}({values})"
