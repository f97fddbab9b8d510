"""Each way to blind the alerter that was tried is reported by what the table says, or is open."""

from typing import Any

import pytest

from local.filter_pattern import compile_pattern
from security_group_alerter.model.severity import Severity
from tests.stories import findings_of
from tests.template.blinding import BLINDINGS, Blinding
from tests.template.stack import ACCOUNT, REGION, Stack
from tests.template.test_tampering import event_of, rules_that_report

# Every way has a call of its own, or something that goes off because it no longer works.
WITH_CALLS = [
    pytest.param(it, call, id=f"{call[0]}-{call[1]}-{number}-{i}")
    for number, it in enumerate(BLINDINGS)
    for i, call in enumerate(it.calls)
]


def record_of(service: str, call: str, parameters: Any) -> dict[str, Any]:
    return {
        "eventSource": f"{service}.amazonaws.com",
        "eventName": call,
        "requestParameters": parameters,
        "recipientAccountId": ACCOUNT,
        "awsRegion": REGION,
    }


@pytest.mark.parametrize(("blinding", "call"), WITH_CALLS)
def test_a_call_is_reported_by_what_the_table_says(
    chatty: Stack, blinding: Blinding, call: tuple[str, str, Any]
) -> None:
    record = record_of(*call)

    reporting = rules_that_report(chatty, event_of(*call))
    # When all rules go at once, none is there.
    if blinding.rule or not blinding.way.startswith("all of these rules"):
        assert reporting == ([f"{blinding.rule}TamperingRule"] if blinding.rule else [])
    pattern = chatty.properties("SecurityGroupChangesSubscription")["FilterPattern"]
    findings = findings_of(record)
    assert bool(findings) == blinding.alerts
    assert compile_pattern(pattern).matches(record) or not findings
    assert all(it.judgement.severity >= Severity.MEDIUM for it in findings)


@pytest.mark.parametrize(("blinding", "call"), WITH_CALLS)
def test_a_call_that_only_the_trail_records_is_counted(
    chatty: Stack, blinding: Blinding, call: tuple[str, str, Any]
) -> None:
    pattern = chatty.properties("TrailLogRoleChangesMetricFilter")["FilterPattern"]

    is_counted = compile_pattern(pattern).matches(record_of(*call))
    assert is_counted == ("TrailLogRoleChangesAlarm" in blinding.alarms)


@pytest.mark.parametrize("blinding", BLINDINGS, ids=lambda it: it.way)
def test_each_way_is_reported_or_said_to_be_open(chatty: Stack, blinding: Blinding) -> None:
    reporters = (blinding.rule, blinding.alerts, blinding.alarms)

    assert any(reporters) != bool(blinding.nothing)
    assert bool(blinding.calls) or blinding.alarms or blinding.nothing
    operations = chatty.outputs["OperationsTopicArn"]["Value"]
    for name in blinding.alarms:
        assert chatty.properties(name)["AlarmActions"] == [operations]


def test_every_rule_is_in_the_table(chatty: Stack) -> None:
    named = {f"{it.rule}TamperingRule" for it in BLINDINGS if it.rule}

    assert named == chatty.of_type("AWS::Events::Rule").keys()
