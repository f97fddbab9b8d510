"""Measures the event patterns of stacks/health.yaml, with the parameters filled in."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from ..checks import Check, ok, stop
from ..deployment import LONGEST_STACK_NAME
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
    "TrailLogRoleName": ("TrailLogRole", 64),
    "TrailBucketName": ("TrailBucket", 63),
    "FunctionName": ("SecurityGroupAlerterFunction", 64),
    "AlertTopicName": ("AlertTopic", 256),
    "ChatTopicName": ("ChatTopic", 256),
    "OperationsTopicName": ("OperationsTopic", 256),
    "FailureQueueName": ("FailureQueue", 80),
    "SeenEventsTableName": ("SeenEventsTable", 255),
    "GroupMemoryTableName": ("GroupMemoryTable", 255),
    "Heartbeat": (f"Health{_RANDOM}-Heartbeat", 64),
}
_KEY_ID: Final = "01234567-89ab-cdef-0123-456789abcdef"


def pattern_check(plan: Plan) -> Check:
    """Whether EventBridge accepts the patterns of the rules that report tampering."""
    lengths = lengths_of(plan.deployment.stack, plan.values)
    rule = max(lengths, key=lengths.__getitem__)
    if lengths[rule] <= LONGEST:
        return ok(SUBJECT, f"the longest has {lengths[rule]:,} of at most {LONGEST:,} characters")
    # Every name that the parameters allow fits.
    return stop(
        SUBJECT,
        f"the event pattern of {rule} would have {lengths[rule]:,} characters, and EventBridge "
        f"allows {LONGEST:,}: the stack's name has {len(plan.deployment.stack)}",
        f"Deploy with a name of at most {LONGEST_STACK_NAME} characters (--stack)",
    )


def lengths_of(stack: str, values: Mapping[str, str]) -> dict[str, int]:
    """How many characters the pattern of each rule has, by the rule's logical ID."""
    names, health = _names_in(stack, values), read_template(HEALTH)
    conditions = {name: _holds(it, names) for name, it in health["Conditions"].items()}
    return {
        name: len(
            json.dumps(_filled(rule["EventPattern"], names, conditions), separators=(",", ":"))
        )
        for name, rule in _rules_in(health).items()
    }


def _rules_in(health: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: resource["Properties"]
        for name, resource in health["Resources"].items()
        if resource["Type"] == "AWS::Events::Rule"
    }


def _holds(condition: Any, names: Mapping[str, str]) -> bool:
    """Whether a name is there: `!Not [!Equals [!Ref NAME, '']]`."""
    [equals] = condition["Fn::Not"]
    name, nothing = equals["Fn::Equals"]
    return bool(names[name["Ref"]] != nothing)


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
        **_of_the_trail(own, values),
        "ChatTopicName": own["ChatTopicName"] if uses_chat else "",
        "EncryptionKeyId": _KEY_ID if values.get("KmsKey") == "create" else "",
    }


def _of_the_trail(own: Mapping[str, str], values: Mapping[str, str]) -> dict[str, str]:
    """What the trail writes to, and with which role: the stack's own, or what exists."""
    existing = {
        "TrailLogGroupName": values.get("ExistingTrailLogGroupName", ""),
        "TrailLogRoleName": values.get("ExistingTrailLogRoleName", ""),
        "TrailBucketName": values.get("ExistingTrailBucketName", ""),
    }
    if existing["TrailLogGroupName"]:
        return existing
    return {name: given or own[name] for name, given in existing.items()}


def _filled(node: Any, names: Mapping[str, str], conditions: Mapping[str, bool]) -> Any:
    """The pattern as CloudFormation hands it to EventBridge; None is what is left out."""
    if isinstance(node, list):
        items = (_filled(item, names, conditions) for item in node)
        return [it for it in items if it is not None]
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
        return _filled(when_true if conditions[condition] else when_false, names, conditions)
    return {name: _filled(value, names, conditions) for name, value in node.items()}
