"""What is said of an alert in a phrase is the worst of it, and true; so is why."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

import pytest

from security_group_alerter.judgement.accepted_openings import (
    AcceptedOpenings,
    accepted_openings_in,
)
from security_group_alerter.judgement.findings import Standards, configuration_finding, finding_of
from security_group_alerter.messages import messages_of
from security_group_alerter.messages.email import email_of
from security_group_alerter.messages.limits import Limits
from security_group_alerter.messages.machine import machine_of
from security_group_alerter.messages.people import mfa_words
from security_group_alerter.messages.reasons import reasons_for
from security_group_alerter.model.acceptance import Acceptance
from security_group_alerter.model.change import (
    Action,
    Blinding,
    Change,
    PrefixListChange,
    SecurityGroupChange,
    TrailAction,
    TrailChange,
)
from security_group_alerter.model.finding import Finding
from security_group_alerter.model.message import Message
from security_group_alerter.model.principal import Principal, Session
from security_group_alerter.model.severity import Severity
from tests.security_group_alerter.builders import (
    judged,
    peer,
    record,
    rules,
    with_judgement,
    with_record,
)
from tests.security_group_alerter.messages.forms import (
    PLAIN,
    alert_of,
    briefing_for,
    call_of,
    chat,
    machine,
    opened,
    sms,
    texts_of,
)
from tests.stories import NOW, STORIES, TRAIL_ARN, findings_of, story, told

SSH: Final = "tcp 22 (SSH) open to the whole IPv4 Internet"
REMOTE: Final = "remote access: a password or an unpatched bug away from the machine"


def email(*findings: Finding, **told_with: Any) -> str:
    [message] = told(findings, **told_with)
    return texts_of(message)["email"]


def headlines(*findings: Finding) -> Iterator[str]:
    """The same phrase, wherever it stands."""
    [message] = told(findings)
    yield message.subject
    yield email(*findings).split("\n")[0]
    yield chat(*findings)["content"]["title"]
    yield sms(*findings)
    yield machine(*findings)["message"]


TEN: Final = Limits(rules=10, text=300)


# The worst of one call ---------------------------------------------------------------------------


HEADLINES: Final = {
    # The world reaches HTTPS; of SSH only a provider's range is open, which is worse.
    "ssh-broad-and-https-world": (
        ["tcp 443 from 0.0.0.0/0", "tcp 22 from 3.0.0.0/8"],
        "HIGH",
        "tcp 22 (SSH) open to 0.45% of the IPv4 Internet",
    ),
    "ssh-world-and-https-world": (
        ["tcp 443 from 0.0.0.0/0", "tcp 22 from 0.0.0.0/0"],
        "CRITICAL",
        SSH,
    ),
    "ssh-world-and-everything-broad": (
        ["all from 3.0.0.0/8", "tcp 22 from 0.0.0.0/0"],
        "CRITICAL",
        SSH,
    ),
    "everything-world-and-ssh-world": (
        ["tcp 22 from 0.0.0.0/0", "all from 0.0.0.0/0"],
        "CRITICAL",
        "all traffic open to the whole IPv4 Internet",
    ),
    "ports-that-are-open-to-less-are-not-said-to-be-open-to-more": (
        ["tcp 22 from 0.0.0.0/0", "tcp 3389 from 0.0.0.0/1"],
        "CRITICAL",
        SSH,
    ),
}


@pytest.mark.parametrize(("texts", "severity", "phrase"), HEADLINES.values(), ids=list(HEADLINES))
def test_headline_is_the_worst_of_a_call(texts: list[str], severity: str, phrase: str) -> None:
    for ordered in (texts, texts[::-1]):
        for headline in headlines(opened(*ordered)):
            assert phrase in headline
            assert "HTTPS" not in headline
        assert email(opened(*ordered)).startswith(f"{severity}: {phrase}\n")


@pytest.mark.parametrize("most", [1000, 200, 10, 1])
def test_world_open_rule_is_listed_wherever_it_stands(most: int) -> None:
    private = [f"tcp 22 from 10.0.{block}.0/24" for block in range(250)]
    finding = opened(*private, "tcp 22 from 0.0.0.0/0")
    briefing = briefing_for(finding, limits=Limits(rules=most, text=1000))

    text = email_of(briefing)
    [evidence] = json.loads(machine_of(briefing))["evidences"]

    assert "    + ingress tcp 22 (SSH) from 0.0.0.0/0, the whole IPv4 Internet\n" in text
    assert text.count("+ ingress") == min(most, 251)
    peers = [told["peer"]["value"] for told in evidence["data"]["rules_added"]]
    assert len(peers) == min(most, 251)
    assert "0.0.0.0/0" in peers
    if most < 251:
        assert peers[0] == "0.0.0.0/0"
        assert f"+ and {251 - most} more rules: see the CloudTrail event" in text


@pytest.mark.parametrize("length", [0, 255])
def test_world_open_rule_is_listed_also_when_limits_bite(length: int) -> None:
    private = rules(*(f"tcp 22 from 10.{it // 250}.{it % 250}.0/24" for it in range(999)))
    change = SecurityGroupChange(
        action=Action.ADD_RULES,
        group_id="sg-0123456789abcdef0",
        added=tuple(
            replace(rule, description="😀" * length)
            for rule in (*private, *rules("tcp 22 from 0.0.0.0/0"))
        ),
    )

    [message] = told([judged(change)])

    texts = texts_of(message)
    [evidence] = json.loads(texts["default"])["evidences"]
    assert "+ ingress tcp 22 (SSH) from 0.0.0.0/0, the whole IPv4 Internet" in texts["email"]
    assert "0.0.0.0/0" in [it["peer"]["value"] for it in evidence["data"]["rules_added"]]
    assert (
        "+ `ingress tcp 22 (SSH) from 0.0.0.0/0"
        in json.loads(texts["https"])["content"]["description"]
    )
    assert (len(evidence["data"]["rules_added"]) < 1000) is bool(length)


def test_what_cannot_be_read_is_counted_where_it_does_not_fit() -> None:
    change = SecurityGroupChange(
        action=Action.ADD_RULES,
        group_id="sg-1",
        problems=tuple(f"ipPermissions[{it}]" for it in range(1500)),
    )

    text = email_of(briefing_for(judged(change), limits=TEN))

    assert text.count("! Not readable, so not judged: ipPermissions[") == 10
    assert "! Not readable, so not judged: 1,490 more" in text


def test_widest_ranges_of_a_prefix_list_are_listed_and_the_rest_is_counted() -> None:
    narrow = tuple(peer(f"10.0.{block}.0/24") for block in range(250))
    change = PrefixListChange(
        action=Action.MODIFY, prefix_list_id="pl-1", added=(*narrow, peer("0.0.0.0/0"))
    )

    text = email_of(briefing_for(judged(change), limits=TEN))

    assert "    + 0.0.0.0/0, the whole IPv4 Internet\n    + 10.0.0.0/24" in text
    assert "    + and 241 more ranges: see the CloudTrail event\n" in text


# The worst of several calls ----------------------------------------------------------------------


def test_headline_is_the_worst_of_several_calls() -> None:
    calls = [
        opened("tcp 22 from 3.0.0.0/8", group_id="sg-00000001"),
        opened("tcp 8080 from 0.0.0.0/0", group_id="sg-00000002"),
        opened("tcp 22 from 3.0.0.0/8", group_id="sg-00000003"),
    ]
    # As if an exception covered the world.
    effect = calls[0].judgement.effect
    calls = [with_judgement(it, world_open=False, effect=effect) for it in calls]

    for headline in headlines(*calls):
        assert "3 calls, the worst: tcp 8080 open to the whole IPv4 Internet" in headline
    assert sms(*calls).endswith(" sg-00000002")


def test_a_wider_prefix_list_is_the_worse() -> None:
    lists = [
        judged(
            PrefixListChange(action=Action.MODIFY, prefix_list_id=f"pl-0000000{it}", added=(wide,))
        )
        for it, wide in enumerate(map(peer, ("3.0.0.0/16", "3.0.0.0/8", "4.0.0.0/12")))
    ]

    for headline in headlines(*lists):
        assert "3 calls, the worst: prefix list pl-00000001 now includes" in headline
    look = email(*lists).split("\nLOOK\n")[1]
    assert "get-managed-prefix-list-entries --region eu-central-1 --prefix-list-id pl-00000001" in (
        look
    )


def test_of_harmless_calls_the_first_is_told() -> None:
    calls = [opened(f"tcp 22 from 10.0.{it}.0/24") for it in range(2)]

    for headline in headlines(*calls):
        assert "2 calls, the first: ingress rule added: tcp 22 (SSH) from 10.0.0.0/24" in headline


# Why ---------------------------------------------------------------------------------------------

REASONS: Final = {
    "ssh-world-and-everything-broad": (
        ["tcp 22 from 0.0.0.0/0", "all from 3.0.0.0/8"],
        [f"SSH, {REMOTE}"],
    ),
    "everything": (["all from 0.0.0.0/0"], ["every protocol and port is open"]),
    "everything-broad": (["all from 3.0.0.0/8"], ["every protocol and port is open"]),
    # Sensitive ports among them are not counted twice.
    "many-ports": (["tcp 0-65535 from 0.0.0.0/0"], ["65,536 ports at once"]),
    "many-ports-in-two-rules": (
        ["tcp 40000-40599 from 0.0.0.0/0", "udp 40000-40599 from 0.0.0.0/0"],
        ["1,200 ports at once"],
    ),
    "two-of-one-kind": (
        ["tcp 22 from 0.0.0.0/0", "tcp 3389 from 0.0.0.0/0", "tcp 443 from 0.0.0.0/0"],
        [f"SSH and RDP, {REMOTE}"],
    ),
    "another-port": (["tcp 4000 from 0.0.0.0/0"], ["it is not a public website's port"]),
    "website": (["tcp 443 from 0.0.0.0/0"], ["a website's port may be meant to be public"]),
    "ping": (["icmp 8 from 0.0.0.0/0"], ["ICMP can show which hosts are there"]),
    "private": (["all from 10.0.0.0/8"], []),
    "prefix-list": (["tcp 22 from pl-0123456789abcdef0"], []),
}


@pytest.mark.parametrize(("texts", "reasons"), REASONS.values(), ids=list(REASONS))
def test_reasons_are_true(texts: list[str], reasons: list[str]) -> None:
    finding = opened(*texts)

    assert list(reasons_for(finding.judgement)) == reasons
    text = email(finding).replace("\n      ", " ")
    assert text.count("Why ") == len(reasons)
    assert all(f"    Why {finding.judgement.severity.name}: {it}.\n" in text for it in reasons)


def test_no_reason_is_given_for_what_was_refused() -> None:
    denied = opened("tcp 22 from 0.0.0.0/0", errorCode="Client.UnauthorizedOperation")

    assert list(reasons_for(denied.judgement)) == []
    assert call_of(denied).reasons == ()


# What follows ------------------------------------------------------------------------------------


@pytest.mark.parametrize("action", TrailAction)
@pytest.mark.parametrize("code", ["AccessDenied", "TrailNotFoundException"])
def test_nothing_follows_from_a_refused_call(action: TrailAction, code: str) -> None:
    change = TrailChange(action=action, trail="organization-trail", blinded=(Blinding.STOPPED,))
    done, refused = (
        judged(change, trail_arn=TRAIL_ARN, **members) for members in ({}, {"errorCode": code})
    )

    assert "! It no longer logs.\n" in email(done)
    assert call_of(refused).changed.notes == ()
    [message] = told([refused])
    for form, text in texts_of(message).items():
        assert "nger log" not in text, form
        assert "UNDO" not in text
        assert "LOOK" not in text
    assert machine(refused)["finding_info"].get("attacks") is None
    assert machine(refused)["remediation"]["desc"].startswith("Nothing changed")


BLINDED: Final = {
    Blinding.STOPPED: "it no longer logs",
    Blinding.DELETED: "it is gone",
    Blinding.NOT_EVERY_REGION: "it does not cover every Region",
    Blinding.NO_MEMBER_ACCOUNTS: "it does not cover the organization's member accounts",
    Blinding.NO_LOG_GROUP: "it does not send events to CloudWatch Logs",
    Blinding.OTHER_LOG_GROUP: (
        "it sends its events to another log group, where no alerter listens"
    ),
    Blinding.READING_CALLS_ONLY: "it records only management events that read, no changes",
    Blinding.SOME_MANAGEMENT_EVENTS: "it records only some of the management events",
    Blinding.NO_MANAGEMENT_EVENTS: "it does not record management events",
}


@pytest.mark.parametrize("blinding", Blinding, ids=lambda it: it.name)
def test_each_way_of_blinding_a_trail_is_put_into_words(blinding: Blinding) -> None:
    words = BLINDED[blinding]
    finding = judged(
        TrailChange(action=TrailAction.UPDATE, trail="organization-trail", blinded=(blinding,))
    )

    note = f"{words[0].upper()}{words[1:]}."
    assert call_of(finding).changed.notes == (note,)
    assert f"! {note}" in " ".join(email(finding).split())
    [evidence] = machine(finding)["evidences"]
    assert evidence["data"]["blinded"] == [words]


@pytest.mark.parametrize("code", ["Client.UnauthorizedOperation", "Client.DryRunOperation"])
def test_nothing_follows_from_a_refused_change_of_rules(code: str) -> None:
    changes: list[Change] = [
        SecurityGroupChange(
            action=Action.ADD_RULES, group_id="sg-1", added=rules("tcp 22 from pl-1")
        ),
        SecurityGroupChange(
            action=Action.REMOVE_RULES, group_id="sg-1", removed=rules("tcp 22 from 0.0.0.0/0")
        ),
        PrefixListChange(action=Action.MODIFY, prefix_list_id="pl-1", added=(peer("0.0.0.0/0"),)),
    ]

    for change in changes:
        assert call_of(judged(change)).changed.notes
        assert call_of(judged(change, errorCode=code)).changed.notes == ()


def test_closed_prefix_list_says_so() -> None:
    change = PrefixListChange(
        action=Action.MODIFY, prefix_list_id="pl-0123456789abcdef0", removed=(peer("0.0.0.0/0"),)
    )

    text = email(judged(change))

    assert text.startswith(
        "LOW: prefix list pl-0123456789abcdef0 edited: a world-wide range was removed\n"
    )
    assert "! A world-wide range was removed from the list. Another may still stand in it." in text


def test_one_range_that_is_added_to_a_prefix_list_is_named() -> None:
    change = PrefixListChange(
        action=Action.MODIFY, prefix_list_id="pl-0123456789abcdef0", added=(peer("10.0.0.0/8"),)
    )
    renamed = replace(change, added=())

    phrase = "prefix list pl-0123456789abcdef0 edited"
    assert call_of(judged(change)).phrase == f"{phrase}: 10.0.0.0/8 added"
    assert call_of(judged(renamed)).phrase == phrase


def test_rules_that_were_removed_and_left_out_cannot_be_judged() -> None:
    finding = judged(
        SecurityGroupChange(action=Action.REMOVE_RULES, group_id="sg-1", is_omitted=True)
    )

    assert call_of(finding).phrase == "rules removed, but CloudTrail left them out: cannot judge"


def test_revoke_by_id_that_matched_nothing_tells_of_no_rule_that_went() -> None:
    finding = judged(
        SecurityGroupChange(
            action=Action.REMOVE_RULES,
            group_id="sg-1",
            rule_ids=("sgr-1", "sgr-2"),
            removed_none=True,
        )
    )

    text = email(finding)

    assert call_of(finding).phrase == "revoke that matched no rule: nothing changed"
    assert "    no such rule: sgr-1 sgr-2\n" in text
    assert "not recorded" not in text


# Exceptions --------------------------------------------------------------------------------------

ACCEPTED: Final[AcceptedOpenings] = accepted_openings_in(
    """
[[opening]]
account = "111122223333"
protocol = "tcp"
ports = [443]
peers = ["0.0.0.0/0"]
owner = "shop@example.com"
reason = "It is public."
expires = 2027-06-30
""",
    today=NOW.date(),
)


def accepted(*texts: str, **members: object) -> Finding:
    """The finding for a call that adds these rules, by an organization that accepts HTTPS."""
    change = SecurityGroupChange(
        action=Action.ADD_RULES, group_id="sg-0123456789abcdef0", added=rules(*texts)
    )
    called = record(eventName="AuthorizeSecurityGroupIngress", **members)
    standards = Standards(accepted=ACCEPTED.entries)
    return finding_of(called, change, standards, today=NOW.date())


def test_accepted_opening_sends_nobody_to_look() -> None:
    finding = accepted("tcp 443 from 0.0.0.0/0")

    text = email(finding)

    assert finding.judgement.severity is Severity.INFORMATIONAL
    assert finding.judgement.world_open
    assert "LOOK" not in text
    assert "UNDO" not in text
    assert "! Accepted until 2027-06-30 by shop@example.com: It is public." in text


def test_opening_that_is_accepted_in_part_is_told_by_its_worst() -> None:
    finding = accepted("tcp 443 from 0.0.0.0/0", "tcp 22 from 0.0.0.0/0")

    text = email(finding)

    assert text.startswith(f"CRITICAL: {SSH}\n")
    assert "! Accepted in part until 2027-06-30 by shop@example.com: It is public." in text


@pytest.mark.parametrize(
    ("text", "severity", "headline", "why"),
    [
        pytest.param(
            "tcp 8080 from 0.0.0.0/0",
            Severity.HIGH,
            "tcp 8080 open to the whole IPv4 Internet",
            "Why HIGH: it is not a public website's port.",
            id="the-whole-internet",
        ),
        pytest.param(
            "tcp 8080 from 3.0.0.0/8",
            Severity.MEDIUM,
            "tcp 8080 open to 0.45% of the IPv4 Internet",
            "Why MEDIUM: it is not a public website's port.",
            id="a-part-of-it",
        ),
        pytest.param(
            "tcp 22 from 10.0.0.0/8",
            Severity.LOW,
            "tcp 443 (HTTPS) open to the whole IPv4 Internet",
            None,
            id="nothing-much",
        ),
    ],
)
def test_headline_and_severity_are_about_what_nobody_has_accepted(
    text: str, severity: Severity, headline: str, why: str | None
) -> None:
    finding = accepted("tcp 443 from 0.0.0.0/0", text)

    alert = email(finding)

    assert alert.startswith(f"{severity.name}: {headline}\n")
    assert finding.judgement.world_open
    assert re.findall(r"Why .*", alert) == ([why] if why else [])


def test_acceptance_that_ran_out_is_told() -> None:
    [entry] = ACCEPTED.entries
    finding = with_judgement(
        opened("tcp 443 from 0.0.0.0/0"), acceptance=Acceptance(expired=(entry,))
    )

    words = (
        "An acceptance by shop@example.com ran out on 2027-06-30 and no longer counts: "
        "It is public."
    )
    assert call_of(finding).changed.notes == call_of(finding).changed.acceptance == (words,)


@pytest.mark.parametrize("severity", Severity)
def test_what_covers_everything_decides_the_words_and_not_the_severity(severity: Severity) -> None:
    finding = with_judgement(accepted("tcp 443 from 0.0.0.0/0"), severity=severity)
    part = with_judgement(
        accepted("tcp 443 from 0.0.0.0/0", "tcp 22 from 0.0.0.0/0"), severity=severity
    )

    for headline in headlines(finding):
        assert "accepted: tcp 443 (HTTPS) open to the whole IPv4 Internet" in headline
    assert "! Accepted until 2027-06-30 by shop@example.com: It is public." in email(finding)
    for headline in headlines(part):
        assert "accepted" not in headline
    assert "! Accepted in part until 2027-06-30 by shop@example.com: " in email(part)


def test_nothing_is_accepted_of_a_call_that_was_refused() -> None:
    finding = accepted("tcp 443 from 0.0.0.0/0", errorCode="Client.UnauthorizedOperation")

    assert call_of(finding).phrase == (
        "denied attempt to open tcp 443 (HTTPS) to the whole IPv4 Internet"
    )
    assert "ccepted" not in email(finding)


def test_email_of_a_configuration_is_nobodys_and_nowhere() -> None:
    text = email(configuration_finding("accepted_openings.toml, entry 2, owner: …"))

    assert text.split("\n") == [
        "MEDIUM: an accepted opening is not in force",
        "",
        "WHAT IS WRONG",
        "  Accepted openings",
        "    ! accepted_openings.toml, entry 2, owner: …",
        "    ! Until it is mended in accepted_openings.toml and deployed, it accepts nothing.",
        "",
    ]


# Who and whether again ---------------------------------------------------------------------------


def session(*, mfa: bool | None) -> Session:
    return replace(record().session, mfa=mfa)


UNSEEN: Final = "not visible to AWS in such a session"


@pytest.mark.parametrize(
    ("identity_type", "mfa", "words"),
    [
        ("IAMUser", True, "yes"),
        ("IAMUser", False, "no"),
        ("IAMUser", None, "not in the record"),
        ("Root", None, "not in the record"),
        ("AssumedRole", True, "yes"),
        ("AssumedRole", None, UNSEEN),
        ("SAMLUser", None, UNSEEN),
        ("WebIdentityUser", None, UNSEEN),
        ("FederatedUser", None, UNSEEN),
        ("IdentityCenterUser", None, UNSEEN),
    ],
)
def test_mfa(identity_type: str, mfa: bool | None, words: str) -> None:
    principal = replace(record().principal, identity_type=identity_type)

    assert mfa_words(session(mfa=mfa), principal) == words


def test_mfa_behind_a_permission_set_is_not_seen() -> None:
    principal: Principal = replace(record().principal, permission_set="NetworkAdministrator")

    assert mfa_words(session(mfa=None), principal) == UNSEEN


def test_repeat_is_told_in_the_email() -> None:
    alert = replace(alert_of(opened("tcp 22 from 0.0.0.0/0")), may_repeat=True)

    [message] = messages_of(alert, PLAIN)

    assert "\nThis may be a repeat: " in texts_of(message)["email"]


# Somebody else's links ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", STORIES)
def test_no_form_makes_a_link_of_somebody_elses_text(name: str) -> None:
    [message] = told(
        [
            with_record(it, error_message="see http://a", region="http://a")
            for it in findings_of(story(name))
        ]
    )

    assert "http://a" not in message.subject + "".join(texts_of_people(message))


def texts_of_people(message: Message) -> list[str]:
    return [text for form, text in texts_of(message).items() if form != "default"]
