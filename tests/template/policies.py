"""Who may do what: an IAM policy as written -> allowed or not.

The part of the evaluation that the template uses (Allow and Deny, wildcards, four condition
operators); anything else is refused rather than guessed.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

_ELEMENTS: Final = {"Sid", "Effect", "Principal", "Action", "Resource", "Condition"}


def allows(
    policy: Mapping[str, Any],
    *,
    action: str,
    resource: str = "*",
    principal: str | None = None,
    given: Mapping[str, str] | None = None,
) -> bool:
    """Whether this one policy lets the call through.

    `principal` is a service or an ARN, for a policy on a resource; None for the policy of a role.
    `given` holds the condition keys of the call. A key that is not there fulfils no condition.
    """
    effects = {
        statement["Effect"]
        for statement in policy["Statement"]
        if _applies(statement, action, resource, principal, given or {})
    }
    return "Allow" in effects and "Deny" not in effects


def _applies(
    statement: Mapping[str, Any],
    action: str,
    resource: str,
    principal: str | None,
    given: Mapping[str, str],
) -> bool:
    if unknown := statement.keys() - _ELEMENTS:
        raise ValueError(f"a statement has {sorted(unknown)}: expected some of {sorted(_ELEMENTS)}")
    return (
        any(_like(action.lower(), pattern.lower()) for pattern in _list(statement["Action"]))
        and any(_like(resource, pattern) for pattern in _list(statement["Resource"]))
        and _is_principal(principal, statement.get("Principal"))
        and all(
            key in given and any(OPERATORS[operator](given[key], value) for value in _list(values))
            for operator, wanted in statement.get("Condition", {}).items()
            for key, values in wanted.items()
        )
    )


def _is_principal(principal: str | None, wanted: str | Mapping[str, Any] | None) -> bool:
    if wanted is None or wanted == "*":
        return (principal is None) == (wanted is None)
    if isinstance(wanted, str):
        raise TypeError(f"Principal {wanted!r}: expected *, or services or ARNs")
    return principal in [name for names in wanted.values() for name in _list(names)]


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _like(text: str, pattern: str) -> bool:
    pieces = (re.escape(piece).replace(r"\?", ".") for piece in pattern.split("*"))
    return re.fullmatch(".*".join(pieces), text) is not None


OPERATORS: Final[Mapping[str, Callable[[str, str], bool]]] = {
    "StringEquals": lambda value, wanted: value == wanted,
    "StringLike": _like,
    # Of keys that have one value, which is all that is tried.
    "ForAllValues:StringEquals": lambda value, wanted: value == wanted,
    "ForAllValues:StringLike": _like,
    "ArnLike": _like,
    "Bool": lambda value, wanted: value == wanted,
}
