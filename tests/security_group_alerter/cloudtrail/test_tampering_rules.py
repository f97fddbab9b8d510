"""What a call on a rule that reports tampering takes from our sight, and which rules are ours."""

from typing import Any

import pytest

from security_group_alerter.cloudtrail.changes import READERS, UnreadableRecordError, change_of
from security_group_alerter.model.change import Blinding, TrailAction, TrailChange
from security_group_alerter.model.finding import Effect
from security_group_alerter.model.severity import Severity
from security_group_alerter.model.subject import SubjectKind
from tests.security_group_alerter.builders import record
from tests.stories import findings_of

RULE = "alerter-LogPathTampering"
NAMED = {"name": RULE, "rule": RULE}
ARN = f"arn:aws:events:eu-central-1:111122223333:rule/{RULE}"
DENIED = {
    "errorCode": "AccessDenied",
    "errorMessage": "User: arn:aws:iam::111122223333:user/mallory is not authorized to perform: "
    f"events:DeleteRule on resource: {ARN} because no identity-based policy allows it",
}
CALLS = sorted(name for name, reader in READERS.items() if reader.service == "events")
SILENCING = {"DeleteRule", "DisableRule", "RemoveTargets"}


def read(event_name: str, request: Any, **members: Any) -> TrailChange | None:
    change = change_of(
        record(
            eventName=event_name,
            requestParameters=request,
            **{"eventSource": "events.amazonaws.com", **members},
        )
    )
    assert change is None or isinstance(change, TrailChange)
    return change


@pytest.mark.parametrize(
    ("event_name", "request_", "expected"),
    [
        pytest.param(
            "DeleteRule",
            {"name": RULE, "force": True},
            TrailChange(
                action=TrailAction.DELETE_RULE,
                rule=RULE,
                settings=(("force", True),),
                blinded=(Blinding.RULE_SILENT,),
            ),
            id="deleted",
        ),
        pytest.param(
            "DisableRule",
            {"name": RULE},
            TrailChange(
                action=TrailAction.DISABLE_RULE, rule=RULE, blinded=(Blinding.RULE_SILENT,)
            ),
            id="disabled",
        ),
        pytest.param(
            "RemoveTargets",
            {"rule": RULE, "ids": ["Operations"]},
            TrailChange(
                action=TrailAction.REMOVE_TARGETS,
                rule=RULE,
                settings=(("ids", '["Operations"]'),),
                blinded=(Blinding.RULE_SILENT,),
            ),
            id="without-targets",
        ),
        pytest.param(
            "PutRule",
            {"name": RULE, "state": "DISABLED"},
            TrailChange(
                action=TrailAction.PUT_RULE,
                rule=RULE,
                settings=(("state", "DISABLED"),),
                blinded=(Blinding.RULE_SILENT,),
            ),
            id="put-so-that-it-is-off",
        ),
        pytest.param(
            "PutRule",
            {"name": RULE, "state": "ENABLED", "eventPattern": "{}"},
            TrailChange(
                action=TrailAction.PUT_RULE,
                rule=RULE,
                settings=(("state", "ENABLED"), ("eventPattern", "{}")),
            ),
            id="another-pattern",
        ),
        pytest.param(
            "PutTargets",
            {"rule": RULE},
            TrailChange(action=TrailAction.PUT_TARGETS, rule=RULE),
            id="other-targets",
        ),
    ],
)
def test_what_a_call_does_to_a_rule(
    event_name: str, request_: dict[str, Any], expected: TrailChange
) -> None:
    assert read(event_name, request_) == expected


@pytest.mark.parametrize("event_name", CALLS)
@pytest.mark.parametrize("rule", ["nightly-backup", "PathTampering-2", f"{RULE}s", "5"])
def test_other_rules_are_not_ours(event_name: str, rule: str) -> None:
    assert read(event_name, {"name": rule, "rule": rule}) is None
    assert read(event_name, {"name": rule, "rule": rule}, eventSource=None) is None
    assert read(event_name, NAMED, eventSource="elasticloadbalancing.amazonaws.com") is None


@pytest.mark.parametrize("event_name", CALLS)
def test_a_call_that_succeeded_and_names_no_rule_is_not_silent(event_name: str) -> None:
    for request in (None, {}, {"name": "", "rule": []}):
        with pytest.raises(UnreadableRecordError, match="expected the name of a rule"):
            read(event_name, request)


def test_a_refused_call_is_known_by_its_message() -> None:
    denied = read("DeleteRule", None, **DENIED)
    another = DENIED["errorMessage"].replace(RULE, "nightly-backup")
    of_a_target = DENIED["errorMessage"].replace(":rule/", ":target/")

    assert denied is not None
    assert denied.rule == RULE
    for message in (another, of_a_target, "Access denied", None):
        assert read("DeleteRule", None, errorCode="AccessDenied", errorMessage=message) is None


@pytest.mark.parametrize("event_name", CALLS)
def test_what_silences_is_critical_and_what_would_have_is_high(event_name: str) -> None:
    silences = event_name in SILENCING
    members = {"eventName": event_name, "eventSource": "events.amazonaws.com"}
    [done] = findings_of(members | {"requestParameters": NAMED})
    [refused] = findings_of(members | {"requestParameters": NAMED} | DENIED)
    failed = {"errorCode": "ResourceNotFoundException", "errorMessage": "no such rule"}
    [failure] = findings_of(members | {"requestParameters": NAMED} | failed)

    assert done.judgement.severity is (Severity.CRITICAL if silences else Severity.MEDIUM)
    assert refused.judgement.severity is (Severity.HIGH if silences else Severity.INFORMATIONAL)
    assert failure.judgement.severity is refused.judgement.severity
    assert done.judgement.effect is Effect.OTHER
    assert refused.judgement.effect is Effect.ATTEMPT
    assert (done.subject.kind, done.subject.id, done.subject.name) == (
        SubjectKind.TRAIL,
        None,
        RULE,
    )
