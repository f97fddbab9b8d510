"""Measures the event patterns of stacks/health.yaml, with the parameters filled in."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from ..checks import Check, ok, stop
from ..template import HEALTH, read_template
from .plan import Plan

SUBJECT: Final = "event patterns"
# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html
LONGEST: Final = 2048

# CloudFormation makes names of the stack's name, the logical ID and 12 characters, and cuts them to
# what the service allows. https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-name.html
_RANDOM: Final = "-" + "X" * 12
# By the name in stacks/health.yaml: the logical ID in template.yaml, and how long the name may be.
_OWN: Final = {
    "TrailLogGroupName": ("TrailLogGroup", 512),
    "FunctionName": ("SecurityGroupAlerterFunction", 64),
    "AlertTopicName": ("AlertTopic", 256),
    "ChatTopicName": ("ChatTopic", 256),
    "OperationsTopicName": ("OperationsTopic", 256),
    "FailureQueueName": ("FailureQueue", 80),
    "SeenEventsTableName": ("SeenEventsTable", 255),
    "Heartbeat": (f"Health{_RANDOM}-Heartbeat", 64),
}
# What must not be empty for a condition to hold.
_CONDITIONS: Final = {"WatchesChat": "ChatTopicName", "WatchesKey": "EncryptionKeyId"}
_KEY_ID: Final = "01234567-89ab-cdef-0123-456789abcdef"


def pattern_check(plan: Plan) -> Check:
    """Whether EventBridge accepts the patterns of the rules that report tampering."""
    stack, values = plan.deployment.stack, plan.values
    lengths = lengths_of(stack, values)
    rule = max(lengths, key=lengths.__getitem__)
    if lengths[rule] <= LONGEST:
        return ok(SUBJECT, f"the longest has {lengths[rule]:,} of at most {LONGEST:,} characters")
    names = {"TrailName": values["TrailName"], "the stack's name": stack}
    if not plan.makes_trail:
        names["ExistingTrailLogGroupName"] = values["ExistingTrailLogGroupName"]
    given = ", ".join(f"{what} has {len(name)}" for what, name in names.items())
    return stop(
        SUBJECT,
        f"the event pattern of {rule} would have {lengths[rule]:,} characters, and EventBridge "
        f"allows {LONGEST:,}: {given}",
        _remedy(plan),
    )


def _remedy(plan: Plan) -> str:
    """Which of the names that are yours to choose would do, and how short."""
    stack, values = plan.deployment.stack, plan.values
    shorter = []
    if plan.makes_trail:
        name = values["TrailName"]
        most = _most(name, lambda it: lengths_of(stack, {**values, "TrailName": it}))
        shorter += [f"TrailName to {most} characters"] if most >= 3 else []
    if not plan.deployed:
        most = _most(stack, lambda it: lengths_of(it, values))
        shorter += [f"the stack's name (--stack) to {most} characters"] if most else []
    if shorter:
        return f"Shorten {', or '.join(shorter)}"
    return "Let the stack make a trail of its own, with a short TrailName"


def _most(name: str, measured: Callable[[str], Mapping[str, int]]) -> int:
    """To how many characters it must be cut; 0 if that does not help."""
    fitting = (n for n in range(len(name), 0, -1) if max(measured(name[:n]).values()) <= LONGEST)
    return next(fitting, 0)


def lengths_of(stack: str, values: Mapping[str, str]) -> dict[str, int]:
    """How many characters the pattern of each rule has, by the rule's logical ID."""
    names = _names_in(stack, values)
    return {
        name: len(json.dumps(_filled(pattern, names), separators=(",", ":")))
        for name, pattern in _patterns()
    }


def _patterns() -> Iterator[tuple[str, Any]]:
    for name, resource in read_template(HEALTH)["Resources"].items():
        if resource["Type"] == "AWS::Events::Rule":
            yield name, resource["Properties"]["EventPattern"]


def _names_in(stack: str, values: Mapping[str, str]) -> dict[str, str]:
    """What the patterns refer to; empty what the stack does not make."""
    own = {
        name: f"{stack}-{logical_id}"[: longest - len(_RANDOM)] + _RANDOM
        for name, (logical_id, longest) in _OWN.items()
    }
    uses_chat = values.get("SlackWorkspaceId") or values.get("TeamsTenantId")
    return own | {
        "AlerterStackName": stack,
        "AWS::AccountId": "1" * 12,
        "TrailName": values["TrailName"],
        "TrailLogGroupName": values.get("ExistingTrailLogGroupName") or own["TrailLogGroupName"],
        "ChatTopicName": own["ChatTopicName"] if uses_chat else "",
        "EncryptionKeyId": _KEY_ID if values.get("KmsKey") == "create" else "",
    }


def _filled(node: Any, names: Mapping[str, str]) -> Any:
    """The pattern as CloudFormation hands it to EventBridge; None is what is left out."""
    if isinstance(node, list):
        return [it for it in (_filled(item, names) for item in node) if it is not None]
    if not isinstance(node, dict):
        return node
    if node == {"Ref": "AWS::NoValue"}:
        return None
    if "Ref" in node:
        return names[node["Ref"]]
    if "Fn::Sub" in node:
        return re.sub(r"\$\{([^}]+)\}", lambda found: names[found[1]], node["Fn::Sub"])
    if "Fn::If" in node:
        condition, when_true, when_false = node["Fn::If"]
        return _filled(when_true if names[_CONDITIONS[condition]] else when_false, names)
    return {name: _filled(value, names) for name, value in node.items()}
