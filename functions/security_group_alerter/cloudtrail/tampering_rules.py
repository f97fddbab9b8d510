"""Step 3f: calls that silence the rules which report tampering with the alerter: TrailChanges.

Each rule reports calls on another one. Whoever takes all of them away within a second is reported
only by the record of it that the trail delivers, minutes later.
https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_Operations.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..model.change import Blinding, TrailAction, TrailChange
from ..model.record import CloudTrailRecord, Outcome
from .json_values import text_in
from .trails import settings_in

_Json = Mapping[str, Any]

# The end of the rules' names in stacks/health.yaml, before which stands the name of the stack.
TAMPERING_RULE = "PathTampering"


def rule_changed(
    action: TrailAction, key: str
) -> Callable[[CloudTrailRecord, _Json, _Json], TrailChange | None]:
    """A reader of calls that name a rule under `key`; None for every rule but those of alerters."""

    def read(record: CloudTrailRecord, request: _Json, _response: _Json) -> TrailChange | None:
        rule = text_in(request, key) or _refused_rule(record)
        if rule is None and record.outcome is Outcome.SUCCEEDED:
            return TrailChange(action=action, problems=(f"{key}: expected the name of a rule",))
        if rule is None or not rule.endswith(TAMPERING_RULE):
            return None
        is_off = text_in(request, "state") == "DISABLED"
        is_silent = action in _SILENCING or (action is TrailAction.PUT_RULE and is_off)
        return TrailChange(
            action=action,
            rule=rule,
            settings=tuple(settings_in(request, key)),
            blinded=(Blinding.RULE_SILENT,) if is_silent else (),
        )

    return read


_SILENCING = (TrailAction.DELETE_RULE, TrailAction.DISABLE_RULE, TrailAction.REMOVE_TARGETS)


def _refused_rule(record: CloudTrailRecord) -> str | None:
    """The rule in the message of a refusal: `arn:<partition>:events:…:rule/<name>`."""
    arn = (record.refusal and record.refusal.resource_arn) or ""
    return arn.rpartition("/")[2] if ":rule/" in arn else None
