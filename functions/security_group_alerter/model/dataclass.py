"""Dataclasses whose values are frozen by the type checker, and cheap at run time.

For a frozen class, the standard library writes its methods as text and compiles them at import, and
then sets each attribute of a value by a call. Here, to define a class takes a tenth of the time of
that, since `__init__` is written when some values were made, and to make a value takes half. The
price: at run time nothing stops an assignment. The type checker refuses each, and a test replays
every story with the standard library's own.
https://docs.python.org/3/library/dataclasses.html
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from operator import attrgetter
from typing import TYPE_CHECKING, Any

__all__ = ["dataclass", "replace"]

# To write and compile `__init__` takes as long as to make so many values without it, about.
MOST_BY_LOOP = 12

if TYPE_CHECKING:
    from dataclasses import dataclass, replace
else:

    def dataclass(
        *, frozen: bool = False, eq: bool = True, slots: bool = False, kw_only: bool = False
    ) -> Any:
        """The decorator, with these options of the standard library's and no others.

        A mutable class is the standard library's. A frozen one has slots. Methods that a class has
        of its own stay.
        """

        def defined(cls: type) -> type:
            if frozen:
                return _frozen(cls, eq=eq, kw_only=kw_only)
            made = dataclasses.dataclass(eq=eq, slots=slots, kw_only=kw_only)(cls)
            names = tuple(it.name for it in dataclasses.fields(made) if it.init)
            made.__init_names__, made.__init_values__ = names, _getter(names)
            return made

        return defined

    def replace(value: Any, /, **changes: Any) -> Any:
        """A copy of a value with these changes. Raises TypeError for another name."""
        cls = type(value)
        values = dict(zip(cls.__init_names__, cls.__init_values__(value), strict=True))
        return cls(**(values | changes))


def _frozen(cls: type, *, eq: bool, kw_only: bool) -> type:
    """The class with slots, and with the methods that it lacks."""
    fields: dict[str, dataclasses.Field[Any]] = {}
    for base in reversed(cls.__mro__[1:]):
        fields |= vars(base).get("__own_fields__", {})
    inherited = [*fields]
    body = dict(vars(cls))
    for name in cls.__annotations__:
        it = body.pop(name, dataclasses.MISSING)
        fields[name] = it if isinstance(it, dataclasses.Field) else dataclasses.field(default=it)
    for name in ("__dict__", "__weakref__"):
        body.pop(name, None)
    names = tuple(name for name, it in fields.items() if it.init)
    body |= {
        "__qualname__": cls.__qualname__,
        "__slots__": tuple(name for name in fields if name not in inherited),
        "__own_fields__": fields,
        "__init_names__": names,
        "__init_values__": _getter(names),
        "__dataclass_fields__": _StandardFields(cls, kw_only=kw_only),
    }
    body.setdefault("__repr__", _repr)
    if eq:
        _compare(body, fields)
    made: Any = type(cls)(cls.__name__, cls.__bases__, body)

    left = MOST_BY_LOOP

    def first(self: Any, *values: Any, **named: Any) -> None:
        nonlocal left
        left -= 1
        if values or left < 0 or not _is_set(self, fields, named):
            made.__init__ = _init_of(made, fields, kw_only=kw_only)
            made.__init__(self, *values, **named)

    made.__init__ = first
    return made  # type: ignore[no-any-return]


def _is_set(
    value: Any, fields: Mapping[str, dataclasses.Field[Any]], named: Mapping[str, Any]
) -> bool:
    """Set the attributes one by one; False where `__init__` has more to do, or to complain of."""
    for name, it in fields.items():
        if it.init and name in named:
            setattr(value, name, named[name])
        elif it.default_factory is not dataclasses.MISSING:
            setattr(value, name, it.default_factory())
        elif it.default is not dataclasses.MISSING:
            setattr(value, name, it.default)
        else:
            return False
    return named.keys() <= set(value.__init_names__) and not hasattr(value, "__post_init__")


def _init_of(
    cls: type, fields: Mapping[str, dataclasses.Field[Any]], *, kw_only: bool
) -> Callable[..., None]:
    """`__init__` as one would write it by hand."""
    known: dict[str, Any] = {"NOT_GIVEN": dataclasses.MISSING}
    parameters = ["self", "*"] if kw_only and any(it.init for it in fields.values()) else ["self"]
    lines = ["pass"]
    for name, it in fields.items():
        value, parameter, default = name, name, ""
        if it.default_factory is not dataclasses.MISSING:
            known[f"new_{name}"] = it.default_factory
            default = f"new_{name}()"
            value, parameter = f"{default} if {name} is NOT_GIVEN else {name}", f"{name}=NOT_GIVEN"
        elif it.default is not dataclasses.MISSING:
            known[f"default_{name}"] = it.default
            default = f"default_{name}"
            parameter = f"{name}={default}"
        if it.init:
            parameters.append(parameter)
            lines.append(f"self.{name} = {value}")
        else:
            lines.append(f"self.{name} = {default}")
    if hasattr(cls, "__post_init__"):
        lines.append("self.__post_init__()")
    exec(f"def __init__({', '.join(parameters)}): {'; '.join(lines)}", known)  # noqa: S102
    made = known["__init__"]
    made.__qualname__ = f"{cls.__qualname__}.__init__"
    return made  # type: ignore[no-any-return]


class _StandardFields:
    """The fields as the standard library has them, for its own functions: made when asked for."""

    def __init__(self, cls: type, *, kw_only: bool) -> None:
        self._cls = cls
        self._kw_only = kw_only

    def __get__(self, _: object, owner: Any) -> Any:
        standard: Any = dataclasses.dataclass(kw_only=self._kw_only)(self._cls)
        owner.__dataclass_params__ = standard.__dataclass_params__
        owner.__dataclass_fields__ = standard.__dataclass_fields__
        return owner.__dataclass_fields__


def _compare(body: dict[str, Any], fields: Mapping[str, dataclasses.Field[Any]]) -> None:
    """Values of one class are equal if their fields are."""
    values_of = _getter(name for name, it in fields.items() if it.compare)
    hashed_of = _getter(
        name for name, it in fields.items() if (it.compare if it.hash is None else it.hash)
    )

    def equal(self: Any, other: object) -> Any:
        if other.__class__ is not self.__class__:
            return NotImplemented
        return values_of(self) == values_of(other)

    if "__eq__" not in body:
        body["__eq__"] = equal
        body.setdefault("__hash__", lambda self: hash(hashed_of(self)))


def _getter(names: Iterable[str]) -> Callable[[Any], tuple[Any, ...]]:
    """Gets these attributes of a value."""
    listed = tuple(names)
    if len(listed) > 1:
        return attrgetter(*listed)
    return staticmethod(lambda value: tuple(getattr(value, name) for name in listed))


def _repr(self: Any) -> str:
    values = ", ".join(
        f"{name}={getattr(self, name)!r}" for name, it in self.__own_fields__.items() if it.repr
    )
    return f"{type(self).__qualname__}({values})"
