"""Reads template.yaml and the templates nested in it, so that the programs use what is deployed."""

from __future__ import annotations

from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any, Final, cast

import yaml

try:
    # A tenth of the time. Not every build of PyYAML has it.
    from yaml import CSafeLoader as SafeLoader
except ImportError:
    from yaml import SafeLoader  # type: ignore[assignment]

TEMPLATE: Final = Path(__file__).parents[1] / "template.yaml"
HEALTH: Final = TEMPLATE.parent / "stacks/health.yaml"
DAILY_CHECK: Final = TEMPLATE.parent / "stacks/daily-check.yaml"
WATCH: Final = TEMPLATE.parent / "stacks/watch.yaml"
DIGEST: Final = TEMPLATE.parent / "stacks/digest.yaml"
SWEEP: Final = TEMPLATE.parent / "stacks/sweep.yaml"
LOOK_ROLE: Final = TEMPLATE.parent / "stacks/look-role.yaml"


class _Loader(SafeLoader):
    """YAML with CloudFormation's short forms, read into their long forms."""


def _long_form(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        raise TypeError(f"!{suffix}: expected a text or a list, found a mapping{node.start_mark}")
    if suffix == "GetAtt":
        value = value.split(".", maxsplit=1)
    return {suffix if suffix in {"Ref", "Condition"} else f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _long_form)


def read_template(path: Path = TEMPLATE) -> dict[str, Any]:
    """A template as it is written, with short forms made long. The caller may change the copy."""
    return deepcopy(_document(path))


@cache
def _document(path: Path) -> dict[str, Any]:
    with path.open(encoding="utf-8") as text:
        return cast("dict[str, Any]", _Loader(text).get_single_data())


def table_in_template(logical_id: str) -> dict[str, Any]:
    """How DynamoDB is asked for this table."""
    properties = read_template()["Resources"][logical_id]["Properties"]
    asked = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "BillingMode")
    return {name: properties[name] for name in asked if name in properties}


@cache
def subscription_pattern() -> str:
    """The pattern that lets records through to the function."""
    resources = read_template()["Resources"].values()
    patterns = [
        resource["Properties"]["FilterPattern"]
        for resource in resources
        if resource["Type"] == "AWS::Logs::SubscriptionFilter"
    ]
    if len(patterns) != 1:
        raise LookupError(f"{TEMPLATE.name}: expected one subscription filter, not {len(patterns)}")
    return cast("str", patterns[0])
