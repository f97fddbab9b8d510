"""Says whether a statement of a resource's policy applies to a request: yes, no, or unknown.

Follows AWS's documentation of policy evaluation. Some condition keys are known to be absent from a
request. Any other key that is not given is unknown.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

# Yes, no, or None: it depends on something that is unknown here.
Answer = bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request. `absent` are condition keys that such requests never have."""

    # A service, or an ARN.
    principal: str
    action: str
    resource: str
    context: Mapping[str, str]
    absent: frozenset[str] = frozenset()


def applies(statement: Mapping[str, Any], request: Request) -> Answer:
    """Whether the statement, Allow or Deny, covers this request."""
    return _all(
        (
            _is_named(statement, "Principal", lambda it: _is_principal(it, request.principal)),
            _is_named(
                statement, "Action", lambda it: _any_like(it, request.action.lower(), fold=True)
            ),
            _is_named(statement, "Resource", lambda it: _any_like(it, request.resource)),
            *(
                _holds(operator, key, _list(values), request)
                for operator, wanted in statement.get("Condition", {}).items()
                for key, values in wanted.items()
            ),
        )
    )


def _is_named(statement: Mapping[str, Any], element: str, names: Callable[[Any], bool]) -> bool:
    """By the element, or by its opposite (NotPrincipal, NotAction, NotResource) leaving it out."""
    if f"Not{element}" in statement:
        return not names(statement[f"Not{element}"])
    return element in statement and names(statement[element])


def _is_principal(written: Any, principal: str) -> bool:
    if not isinstance(written, Mapping):
        return bool(written == "*")
    accounts = _list(written.get("AWS", []))
    return principal in _list(written.get("Service", [])) or bool({principal, "*"} & {*accounts})


def _any_like(patterns: Any, text: str, *, fold: bool = False) -> bool:
    return any(_like(text, it.lower() if fold else it) for it in _list(patterns))


def _holds(operator: str, key: str, wanted: list[Any], request: Request) -> Answer:
    name = operator.rpartition(":")[2]  # ForAnyValue:, ForAllValues:
    is_optional = name.endswith("IfExists")
    name = name.removesuffix("IfExists")
    context = {it.lower(): value for it, value in request.context.items()}
    value = context.get(key.lower())
    is_absent = key.lower() in {it.lower() for it in request.absent}
    if name == "Null":
        is_there = None if value is None and not is_absent else value is not None
        return (
            None
            if is_there is None
            else any((str(it).lower() == "false") == is_there for it in wanted)
        )
    if name not in _OPERATORS:
        return None
    compare, is_negated = _OPERATORS[name]
    if value is None:
        # An absent key satisfies negated and optional operators, and no others.
        return (
            (is_negated or is_optional or operator.startswith("ForAllValues"))
            if is_absent
            else None
        )
    if any("${" in str(it) for it in wanted):
        return None
    return any(compare(value, str(it)) for it in wanted) != is_negated


def _like(text: str, pattern: str) -> bool:
    pieces = (re.escape(piece).replace(r"\?", ".") for piece in pattern.split("*"))
    return re.fullmatch(".*".join(pieces), text, re.DOTALL) is not None


def _equal(value: str, wanted: str) -> bool:
    return value == wanted


def _equal_in_any_case(value: str, wanted: str) -> bool:
    return value.lower() == wanted.lower()


# Operator → how it compares a value, and whether the result is negated.
_OPERATORS: Final[Mapping[str, tuple[Callable[[str, str], bool], bool]]] = {
    "StringEquals": (_equal, False),
    "StringNotEquals": (_equal, True),
    "StringEqualsIgnoreCase": (_equal_in_any_case, False),
    "StringNotEqualsIgnoreCase": (_equal_in_any_case, True),
    "StringLike": (_like, False),
    "StringNotLike": (_like, True),
    "ArnEquals": (_like, False),
    "ArnNotEquals": (_like, True),
    "ArnLike": (_like, False),
    "ArnNotLike": (_like, True),
    "Bool": (_equal_in_any_case, False),
    "NumericLessThan": (lambda value, wanted: float(value) < float(wanted), False),
}


def _all(answers: Iterable[Answer]) -> Answer:
    given = list(answers)
    if False in given:
        return False
    return None if None in given else True


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
