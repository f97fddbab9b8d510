"""Which findings are told together."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from security_group_alerter.aftermath import with_aftermath
from security_group_alerter.cloudtrail.payload import LogStream
from security_group_alerter.cloudtrail.principals import principal_of
from security_group_alerter.cloudtrail.records import record_of
from security_group_alerter.grouping import alerts_of
from security_group_alerter.judgement.findings import configuration_finding, unreadable_finding
from security_group_alerter.model.account import AccountFacts
from security_group_alerter.model.alert import Alert
from security_group_alerter.model.finding import Effect, Finding
from security_group_alerter.model.principal import Principal, Session
from security_group_alerter.model.record import Outcome, Refusal
from security_group_alerter.model.severity import Severity
from security_group_alerter.model.subject import SubjectKind
from tests.security_group_alerter.builders import added, record, with_judgement, with_record
from tests.stories import delivered

SEEN_AT = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
FACTS = AccountFacts(name="payments", ou_path=("Root", "Production"))
ALICE = {"type": "IAMUser", "userName": "alice", "accountId": "111122223333"}

CALLED: dict[str, Any] = {
    "eventID": "e-1",
    "eventName": "AuthorizeSecurityGroupIngress",
    "userIdentity": ALICE,
}
SSH_OPENED = added("tcp 22 from 0.0.0.0/0", **CALLED)


def alerts(*findings: Finding, organization_id: str | None = None) -> list[Alert]:
    return [
        *alerts_of(
            delivered(findings),
            facts_for={"111122223333": FACTS, "444455556666": AccountFacts()}.__getitem__,
            organization_id=organization_id,
            seen_at=SEEN_AT,
        )
    ]


def recorded(**members: object) -> Finding:
    """The same finding, of a record that differs in this."""
    return with_record(SSH_OPENED, **members)


TOLD_TOGETHER = {
    "the-very-same-call": SSH_OPENED,
    "another-event": recorded(event_id="e-2"),
    "a-later-call": recorded(event_time=SEEN_AT),
    "another-api-call": recorded(event_name="ModifySecurityGroupRules"),
    "another-address-and-tool": recorded(session=Session(source_address="8.8.8.8")),
    "another-rule-of-the-same-severity": added("tcp 3389 from 0.0.0.0/0", **CALLED),
    "another-error-message": recorded(refusal=Refusal(message="…")),
}
TOLD_APART = {
    "account": recorded(account_id="444455556666"),
    "region": recorded(region="us-east-1"),
    "principal": recorded(principal=Principal(person="mallory")),
    **{
        f"same-person-with-another-{name}": recorded(
            principal=replace(principal_of(ALICE), **{name: value})
        )
        for name, value in {
            "invoked_by": "cloudformation.amazonaws.com",
            "source_identity": "kim",
            "on_behalf_of": "4b6af327-5871",
            "delegate": "999900001111",
            "in_scope_of": "arn:aws:lambda:eu-central-1:111122223333:function:opener",
            "identity_provider": "accounts.google.com",
        }.items()
    },
    "severity": with_judgement(SSH_OPENED, severity=Severity.HIGH),
    "kind": replace(SSH_OPENED, subject=replace(SSH_OPENED.subject, kind=SubjectKind.PREFIX_LIST)),
    "outcome": recorded(outcome=Outcome.DENIED),
    "effect": with_judgement(SSH_OPENED, effect=Effect.OTHER),
    "world-open": with_judgement(SSH_OPENED, world_open=False),
}


@pytest.mark.parametrize("other", TOLD_TOGETHER.values(), ids=TOLD_TOGETHER)
def test_told_together(other: Finding) -> None:
    [alert] = alerts(SSH_OPENED, other)

    assert alert.findings == (SSH_OPENED, other)


@pytest.mark.parametrize("other", TOLD_APART.values(), ids=TOLD_APART)
def test_told_apart(other: Finding) -> None:
    one, another, *more = alerts(SSH_OPENED, other, SSH_OPENED)

    assert one.findings == (SSH_OPENED, SSH_OPENED)
    assert another.findings == (other,)
    assert more == []


def test_calls_are_told_in_the_order_in_which_they_were_made() -> None:
    later, earlier = recorded(event_time=SEEN_AT), recorded(event_time=SEEN_AT - timedelta(hours=1))
    update = recorded(event_time=SEEN_AT, original_event_id="e-1")
    ordered = [it.finding for it in with_aftermath(delivered([update, later, earlier]))[0]]

    [alert] = alerts(*ordered)

    assert set(ordered) == {earlier, later, update}
    assert alert.findings == tuple(ordered)
    assert alert.findings[0] == earlier


def test_no_findings_no_alerts() -> None:
    assert alerts() == []


def test_alerts_come_in_the_order_of_their_first_calls() -> None:
    first, second, third = (added(f"tcp {port} from 0.0.0.0/0") for port in (443, 22, 9999))

    assert [alert.findings for alert in alerts(first, second, third, second, first)] == [
        (first, first),
        (second, second),
        (third,),
    ]


def test_burst_of_one_principal_is_a_handful_of_alerts() -> None:
    calls = [
        added(f"tcp {port} from {peer}", userIdentity=ALICE, eventID=f"{port}-{peer}")
        for port in range(1, 126)
        for peer in ("0.0.0.0/0", "3.0.0.0/8", "8.8.8.8/32", "10.0.0.0/8")
    ]

    told = alerts(*calls)

    assert len(calls) == 500
    assert len(told) == 6  # CRITICAL, HIGH and MEDIUM for the world; HIGH, MEDIUM and LOW else
    assert sorted(name for alert in told for name in alert.event_ids) == sorted(
        call.record.event_id or "" for call in calls if call.record
    )


def test_whatever_a_subscription_filters_by_is_true_of_every_finding() -> None:
    denied = {"errorCode": "Client.UnauthorizedOperation"}
    findings = [
        added(f"tcp {port} from {peer}", **members)
        for port in (22, 443)
        for peer in ("0.0.0.0/0", "10.0.0.0/8")
        for members in ({}, denied, {"awsRegion": "us-east-1"})
    ]

    for alert in alerts(*findings):
        for finding in alert.findings:
            assert alert.severity is finding.judgement.severity
            assert alert.kind is finding.subject.kind
            assert finding.record is not None
            assert alert.outcome is finding.outcome is finding.record.outcome
            assert alert.effect is finding.judgement.effect
            assert alert.world_open is finding.judgement.world_open
            assert alert.account_id == finding.subject.account_id == finding.record.account_id
            assert alert.region == finding.subject.region == finding.record.region
            assert alert.principal == finding.record.principal


def test_api_calls_are_named_once_and_every_event_is() -> None:
    [alert] = alerts(
        SSH_OPENED,
        recorded(event_id="e-2", event_name="ModifySecurityGroupRules"),
        recorded(event_id="e-3"),
        recorded(event_id=None, event_name=None),
    )

    assert alert.event_names == ("AuthorizeSecurityGroupIngress", "ModifySecurityGroupRules")
    assert alert.event_ids == ("e-1", "e-2", "e-3")


def test_account_facts_are_those_of_the_account_that_was_changed() -> None:
    one, another = alerts(SSH_OPENED, TOLD_APART["account"])

    assert one.account == FACTS
    assert another.account == AccountFacts()
    assert one.seen_at == another.seen_at == SEEN_AT


def test_record_without_an_account_asks_for_no_facts() -> None:
    nameless = unreadable_finding(record_of({}, LogStream()), "not JSON", excerpt="…")

    [alert] = alerts(nameless)

    assert alert.account_id is None
    assert alert.account == AccountFacts()
    assert alert.event_names == alert.event_ids == ()


def test_what_has_no_record_behind_it_is_of_nobody_and_nowhere() -> None:
    problem = configuration_finding("entry 1, expires: expected a date")

    call, notice = alerts(SSH_OPENED, problem, organization_id="o-fromsettings")

    assert call.findings == (SSH_OPENED,)
    assert notice.findings == (problem,)
    assert (notice.kind, notice.severity) == (SubjectKind.CONFIGURATION, Severity.MEDIUM)
    assert (notice.outcome, notice.effect) == (Outcome.SUCCEEDED, Effect.OTHER)
    assert not notice.world_open
    assert (notice.account_id, notice.region, notice.principal) == (None, None, None)
    assert notice.account == AccountFacts()
    assert notice.event_names == notice.event_ids == ()
    assert notice.organization_id == "o-fromsettings"


def test_organization_is_the_log_streams_and_else_that_of_the_settings() -> None:
    of_the_stream = unreadable_finding(record(), "not JSON", excerpt="…")
    of_no_stream = recorded(organization_id=None)

    [one] = alerts(of_the_stream, organization_id="o-fromsettings")
    [another] = alerts(of_no_stream, organization_id="o-fromsettings")
    [neither] = alerts(of_no_stream)

    assert one.organization_id == "o-exampleorgid"
    assert another.organization_id == "o-fromsettings"
    assert neither.organization_id is None
