"""Reads template.yaml, so that what runs here is what would be deployed."""

from __future__ import annotations

from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any, cast

import yaml

TEMPLATE = Path(__file__).parents[1] / "template.yaml"


class _Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short forms, read into their long forms."""


def _long_form(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        raise TypeError(f"template.yaml: !{suffix}: expected a text or a list, found a mapping")
    if suffix == "GetAtt":
        value = value.split(".", maxsplit=1)
    return {suffix if suffix in {"Ref", "Condition"} else f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _long_form)


def read_template() -> dict[str, Any]:
    """template.yaml as it is written, short forms made long; the caller's own copy."""
    return deepcopy(_document())


@cache
def _document() -> dict[str, Any]:
    with TEMPLATE.open(encoding="utf-8") as text:
        return cast("dict[str, Any]", _Loader(text).get_single_data())


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
