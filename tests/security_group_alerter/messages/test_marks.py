"""What is remembered of an event that was alerted."""

from dataclasses import replace
from datetime import UTC, datetime

from security_group_alerter.judgement.findings import configuration_finding
from security_group_alerter.messages.marks import marks_of
from security_group_alerter.model.finding import Effect
from security_group_alerter.model.seen import AlertedChange, Mark
from security_group_alerter.model.severity import Severity
from security_group_alerter.model.subject import SubjectKind
from tests.security_group_alerter.messages.forms import alert_of
from tests.stories import findings_of, story


def test_an_event_says_what_it_was() -> None:
    [finding] = findings_of(story("ssh-opened-to-the-world-from-the-console"))
    alert = alert_of(finding)

    [mark] = marks_of(alert)

    assert mark.key == alert.delivered[0].keys[0]
    assert mark.change == AlertedChange(
        kind=SubjectKind.SECURITY_GROUP,
        severity=Severity.CRITICAL,
        effect=Effect.OPENS,
        world_open=True,
        at=datetime(2026, 11, 17, 8, 55, 12, tzinfo=UTC),
        account_id="222233334444",
        region="eu-central-1",
        call="AuthorizeSecurityGroupIngress",
        principal="arn:aws:sts::222233334444:assumed-role/"
        "AWSReservedSSO_NetworkAdministrator_0123456789abcdef/jane.doe@example.com",
    )


def test_what_a_machine_made_goes_by_the_machine() -> None:
    name = "everything-opened-to-the-private-network-by-cloudformation"
    [mark] = marks_of(alert_of(*findings_of(story(name))))

    assert mark.change
    assert mark.change.is_machine_made
    assert mark.change.principal == "cloudformation.amazonaws.com"


def test_an_event_of_two_keys_counts_once() -> None:
    [finding] = findings_of(story("ssh-closed-to-the-world"))
    alert = alert_of(finding)
    twice = replace(alert, delivered=(replace(alert.delivered[0], keys=("a", "b")),))

    first, second = marks_of(twice)

    assert first.change
    assert (first.key, second) == ("a", Mark("b"))


def test_a_problem_of_the_configuration_is_no_change() -> None:
    [mark] = marks_of(alert_of(configuration_finding("entry 1: expected a date")))

    assert mark.change is None
