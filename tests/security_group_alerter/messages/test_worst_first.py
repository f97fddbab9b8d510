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
from security_group_alerter.model.principal import Session
from security_group_alerter.model.record import Refusal
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
REMOTE: Final = "remote access: one stolen password or unpatched bug gives an attacker the machine"
WITHOUT_PORTS: Final = "a protocol without ports, such as a tunnel's, is not meant for everybody"


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
        "tcp 22 (SSH) open to 3.0.0.0/8, 16.7 million addresses",
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


DESCRIPTIONS: Final[dict[str, tuple[dict[str, str | None], str | None]]] = {
    "of-the-worst": ({"tcp 443 from 3.0.0.0/8": "shop", "tcp 22 from ::/0": "vendor"}, "vendor"),
    # Another rule's would seem to be about what is open.
    "of-another": ({"tcp 443 from 3.0.0.0/8": "shop", "tcp 22 from ::/0": None}, None),
    "of-one-half": ({"tcp 22 from 0.0.0.0/1": None, "tcp 22 from 128.0.0.0/1": "half"}, "half"),
    "of-egress": ({"egress tcp 22 to ::/0": "out", "tcp 22 from ::/0": None}, None),
    "of-what-is-private": ({"tcp 22 from 10.0.0.0/8": "office"}, "office"),
    "of-nothing": ({"tcp 22 from 10.0.0.0/8": None}, None),
}


@pytest.mark.parametrize(("texts", "description"), DESCRIPTIONS.values(), ids=list(DESCRIPTIONS))
def test_description_is_that_of_what_the_headline_is_about(
    texts: dict[str, str | None], description: str | None
) -> None:
    described = tuple(
        replace(it, description=text)
        for it, text in zip(rules(*texts), texts.values(), strict=True)
    )
    for added in (described, described[::-1]):
        change = SecurityGroupChange(action=Action.ADD_RULES, group_id="sg-1", added=added)

        assert call_of(judged(change)).changed.description == description
        beginning = email(judged(change)).partition("WHAT CHANGED")[0]
        line = f'\nRule description: "{description}"\n'
        assert (line in beginning) is (description is not None)
        assert ("Rule description" in beginning) is (description is not None)


@pytest.mark.parametrize("most", [1000, 200, 10, 1])
def test_world_open_rule_is_listed_wherever_it_stands(most: int) -> None:
    private = [f"tcp 22 from 10.0.{block}.0/24" for block in range(250)]
    finding = opened(*private, "tcp 22 from 0.0.0.0/0")
    briefing = briefing_for(finding, limits=Limits(rules=most, text=1000))

    text = email_of(briefing)
    [evidence] = json.loads(machine_of(briefing))["evidences"]

    assert "\n  + ingress tcp 22 (SSH) from 0.0.0.0/0, the whole IPv4 Internet\n" in text
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

    assert "\n  + 0.0.0.0/0, the whole IPv4 Internet\n  + 10.0.0.0/24" in text
    assert "\n  + and 241 more ranges: see the CloudTrail event\n" in text


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
        assert (
            "3 calls on 3 groups, the worst: tcp 8080 open to the whole IPv4 Internet" in headline
        )
    assert sms(*calls).endswith(" sg-00000002")


def test_a_wider_prefix_list_is_the_worse() -> None:
    lists = [
        judged(
            PrefixListChange(action=Action.MODIFY, prefix_list_id=f"pl-0000000{it}", added=(wide,))
        )
        for it, wide in enumerate(map(peer, ("3.0.0.0/16", "3.0.0.0/8", "4.0.0.0/12")))
    ]

    for headline in headlines(*lists):
        assert (
            "3 calls on 3 prefix lists, the worst: prefix list pl-00000001 now includes" in headline
        )
    beginning = email(*lists).split("\n\nWHAT CHANGED\n")[0]
    look = "get-managed-prefix-list-entries --region eu-central-1 --prefix-list-id pl-00000001 "
    assert look in beginning


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
    "another-port": (
        ["tcp 4000 from 0.0.0.0/0"],
        ["only a website's ports are meant for everybody"],
    ),
    # A tunnel has no port that could be a website's.
    "gre": (
        ["47 from 0.0.0.0/0"],
        [WITHOUT_PORTS],
    ),
    "website": (["tcp 443 from 0.0.0.0/0"], ["a website's port may be meant to be public"]),
    "ping": (["icmp 8 from 0.0.0.0/0"], ["ICMP can show which hosts are there"]),
    "private": (["all from 10.0.0.0/8"], []),
}


@pytest.mark.parametrize(("texts", "reasons"), REASONS.values(), ids=list(REASONS))
def test_reasons_are_true(texts: list[str], reasons: list[str]) -> None:
    finding = opened(*texts)

    assert list(reasons_for(finding.judgement)) == reasons
    text = email(finding)
    assert text.count("Why ") == bool(reasons)
    why = f"\nWhy {finding.judgement.severity.name}: {'; '.join(reasons)}.\n"
    assert (why in text) is bool(reasons)
    # Of several calls, what is true of the worst is not said again.
    assert email(finding, finding).count("Why ") == bool(reasons)


def test_calls_of_one_severity_have_each_its_own_reason() -> None:
    calls = [
        opened("tcp 4000 from 0.0.0.0/0", group_id="sg-00000001"),
        opened("47 from 0.0.0.0/0", group_id="sg-00000002"),
        opened("47 from 0.0.0.0/0", group_id="sg-00000003"),
    ]

    text = email(*calls)

    # Of equals, the first counts as the worst.
    assert "\nWhy HIGH: only a website's ports are meant for everybody.\n" in text
    assert text.count(f"\n  Why HIGH: {WITHOUT_PORTS}.\n") == 2
    assert text.count("Why ") == 3


UNSEEN: Final = SecurityGroupChange(
    action=Action.ADD_RULES, group_id="sg-1", added=rules("tcp 22 from pl-0123456789abcdef0")
)
OTHER_REASONS: Final[dict[str, tuple[Finding, str]]] = {
    "prefix-list": (
        judged(UNSEEN),
        "the ranges in the prefix list are not in the record: it may hold the world",
    ),
    "left-out": (
        judged(replace(UNSEEN, is_omitted=True)),
        "the record does not show everything that changed",
    ),
    "denied": (
        opened("tcp 22 from 0.0.0.0/0", errorCode="Client.UnauthorizedOperation"),
        "it would have let the Internet in, and may be tried again in another way",
    ),
}


@pytest.mark.parametrize(("finding", "reason"), OTHER_REASONS.values(), ids=OTHER_REASONS)
def test_reason_where_it_does_not_come_from_what_was_opened(finding: Finding, reason: str) -> None:
    assert list(reasons_for(finding.judgement)) == []
    assert call_of(finding).reasons == (reason,)
    assert f"\nWhy {finding.judgement.severity.name}: {reason}.\n" in email(finding)


def test_what_wakes_nobody_has_no_reason() -> None:
    failed = opened("tcp 22 from 0.0.0.0/0", errorCode="Client.InvalidParameter")

    assert failed.judgement.severity is Severity.INFORMATIONAL
    assert call_of(failed).reasons == ()


# What follows ------------------------------------------------------------------------------------


# Calls on the rules that report tampering are about no trail.
ON_TRAILS: Final = [it for it in TrailAction if not it.endswith("rule")]
OF_TRAILS: Final = [it for it in Blinding if it is not Blinding.RULE_SILENT]


@pytest.mark.parametrize("action", ON_TRAILS)
@pytest.mark.parametrize("code", ["AccessDenied", "TrailNotFoundException"])
def test_nothing_follows_from_a_refused_call(action: TrailAction, code: str) -> None:
    change = TrailChange(action=action, trail="organization-trail", blinded=(Blinding.STOPPED,))
    done, refused = (
        judged(change, trail_arn=TRAIL_ARN, **members) for members in ({}, {"errorCode": code})
    )

    blinded = "it no longer records anything"
    assert blinded in email(done)
    assert machine(done)["evidences"][0]["data"]["blinded"] == [blinded]
    assert blinded not in " ".join(call_of(refused).reasons)
    assert call_of(refused).changed.notes == ()
    [message] = told([refused])
    for form, text in texts_of(message).items():
        assert blinded not in text, form
        assert "UNDO" not in text
        assert "LOOK" not in text
        assert "aws " not in text
    assert machine(refused)["finding_info"].get("attacks") is None
    assert machine(refused)["remediation"]["desc"] == "No command: nothing changed."


BLINDED: Final = {
    Blinding.STOPPED: "it no longer records anything",
    Blinding.DELETED: "it no longer records anything",
    Blinding.NOT_EVERY_REGION: "it does not cover every Region",
    Blinding.NO_MEMBER_ACCOUNTS: "it does not cover the organization's member accounts",
    Blinding.NO_LOG_GROUP: "it does not send events to CloudWatch Logs",
    Blinding.OTHER_LOG_GROUP: "it sends its events to another log group than the alerter's",
    Blinding.READING_CALLS_ONLY: "it records only calls that read, no changes",
    Blinding.SOME_MANAGEMENT_EVENTS: "it records only some of the management events",
    Blinding.NO_MANAGEMENT_EVENTS: "it does not record management events",
    Blinding.NO_TRUSTED_ACCESS: (
        "organization trails no longer record the member accounts, and the heartbeat does not "
        "show it"
    ),
}


@pytest.mark.parametrize("blinding", OF_TRAILS, ids=lambda it: it.name)
def test_each_way_of_blinding_a_trail_is_put_into_words(blinding: Blinding) -> None:
    words = BLINDED[blinding]
    finding = judged(
        TrailChange(action=TrailAction.UPDATE, trail="organization-trail", blinded=(blinding,))
    )

    assert call_of(finding).reasons == (words,)
    assert f"\nWhy MEDIUM: {words}.\n" in email(finding)
    [evidence] = machine(finding)["evidences"]
    assert evidence["data"]["blinded"] == [words]


@pytest.mark.parametrize("blinding", OF_TRAILS, ids=lambda it: it.name)
def test_own_trail_that_is_blinded_says_what_follows(blinding: Blinding) -> None:
    change = TrailChange(action=TrailAction.UPDATE, trail=TRAIL_ARN, blinded=(blinding,))
    consequence = "until that is fixed, this alerter misses changes"

    own, another = (judged(change, trail_arn=it) for it in (TRAIL_ARN, None))

    assert call_of(own).reasons == (BLINDED[blinding], consequence)
    assert f"\nWhy CRITICAL: {BLINDED[blinding]}; {consequence}.\n" in email(own)
    assert consequence not in email(another)


def test_worse_way_of_blinding_leads() -> None:
    """In the order of concern, whichever call came first."""
    ways = [Blinding.DELETED, Blinding.STOPPED, Blinding.NOT_EVERY_REGION]
    actions = [TrailAction.DELETE, TrailAction.STOP, TrailAction.UPDATE]
    calls = [
        judged(TrailChange(action=action, trail=f"trail-{way.value}", blinded=(way,)))
        for action, way in zip(actions, ways, strict=True)
    ]

    for ordered in (calls, calls[::-1]):
        for headline in headlines(*ordered):
            assert (
                f"3 calls on 3 trails, the worst: trail trail-{ways[0].value} deleted" in headline
            )


def test_what_cloudtrail_repeats_is_called_so() -> None:
    role = "arn:aws:iam::111122223333:role/aws-service-role/cloudtrail.amazonaws.com/" + (
        "AWSServiceRoleForCloudTrail"
    )
    issuer = {"type": "Role", "arn": role, "userName": "AWSServiceRoleForCloudTrail"}
    change = TrailChange(action=TrailAction.STOP, trail=TRAIL_ARN, blinded=(Blinding.STOPPED,))
    finding = judged(
        change,
        trail_arn=TRAIL_ARN,
        userIdentity={"type": "AssumedRole", "sessionContext": {"sessionIssuer": issuer}},
    )

    text = email(finding)

    assert text.startswith(
        "LOW: organization trail organization-trail stopped here by CloudTrail itself\n"
    )
    assert "to apply in this account what was done to the organization's trail" in text
    assert "no longer" not in text
    assert "No command: CloudTrail follows what is done to the organization's trail." in text
    assert machine(finding)["finding_info"].get("attacks") is None


ORGANIZATION: Final = {
    TrailAction.DISABLE_TRUSTED_ACCESS: (
        "trusted access for CloudTrail switched off (no member account is recorded)"
    ),
    TrailAction.LEAVE_ORGANIZATION: "account 333344445555 left the organization",
    TrailAction.REMOVE_ACCOUNT: "account 333344445555 removed from the organization",
    TrailAction.REGISTER_ADMINISTRATOR: (
        "account 333344445555 made CloudTrail's delegated administrator"
    ),
}


@pytest.mark.parametrize(("action", "phrase"), ORGANIZATION.items(), ids=str)
def test_what_is_done_to_the_organization_names_the_account(
    action: TrailAction, phrase: str
) -> None:
    finding = judged(TrailChange(action=action, member_account_id="333344445555"))

    assert call_of(finding).phrase == phrase
    assert "Trail:" not in email(finding)
    assert machine(finding).get("resources") is None


def test_a_refused_duplicate_of_a_world_open_rule_says_that_it_is_open() -> None:
    note = "The group has this rule already: an earlier call opened it to the world."
    code = {"errorCode": "Client.InvalidPermission.Duplicate"}

    assert call_of(opened("tcp 22 from ::/0", **code)).changed.notes == (note,)
    assert f"! {note}" in email(opened("tcp 22 from ::/0", **code))
    assert call_of(opened("tcp 22 from 10.0.0.0/8", **code)).changed.notes == ()
    assert call_of(opened("tcp 22 from ::/0", errorCode="Client.X")).changed.notes == ()


@pytest.mark.parametrize("code", ["Client.UnauthorizedOperation", "Client.DryRunOperation"])
def test_nothing_follows_from_a_refused_change_of_rules(code: str) -> None:
    changes: list[Change] = [
        SecurityGroupChange(
            action=Action.MODIFY_RULES, group_id="sg-1", added=rules("unknown tcp 22 from ::/0")
        ),
        SecurityGroupChange(
            action=Action.REMOVE_RULES, group_id="sg-1", removed=rules("tcp 22 from 0.0.0.0/0")
        ),
        PrefixListChange(action=Action.MODIFY, prefix_list_id="pl-1", added=(peer("10.0.0.0/8"),)),
        PrefixListChange(action=Action.MODIFY, prefix_list_id="pl-1", is_omitted=True),
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
        "LOW: prefix list pl-0123456789abcdef0 edited: a world-open range was removed\n"
    )
    assert "! Another world-open range may still be in the list." in text


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

    assert call_of(finding).phrase == "revoke matched no rule: nothing changed"
    assert "\n  no such rule: sgr-1 sgr-2\n" in text
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
            "Why HIGH: only a website's ports are meant for everybody.",
            id="the-whole-internet",
        ),
        pytest.param(
            "tcp 8080 from 3.0.0.0/8",
            Severity.MEDIUM,
            "tcp 8080 open to 3.0.0.0/8, 16.7 million addresses",
            "Why MEDIUM: only a website's ports are meant for everybody.",
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


PARTNER: Final = accepted_openings_in(
    """
[[opening]]
account = "111122223333"
protocol = "tcp"
ports = ["8080-8081"]
peers = ["3.0.0.0/8"]
owner = "shop@example.com"
reason = "A partner is there."
expires = 2027-06-30
""",
    today=NOW.date(),
)
IN_PART: Final[dict[str, tuple[list[str], str, str | None, str | None]]] = {
    "another-range": (
        ["tcp 8080 from 3.0.0.0/8", "tcp 8080 from 5.0.0.0/8"],
        "tcp 8080 open to 5.0.0.0/8, 16.7 million addresses",
        "Close what is open to the Internet and not accepted (1 rule)",
        "tcp 8080 from 5.0.0.0/8",
    ),
    "the-world": (
        ["tcp 8080 from 3.0.0.0/8", "tcp 8080 from 0.0.0.0/0"],
        "tcp 8080 open to the whole IPv4 Internet",
        "Close what is open to the Internet and not accepted (1 rule)",
        "tcp 8080 from 0.0.0.0/0",
    ),
    "another-port": (
        ["tcp 8081 from 3.0.0.0/8", "tcp 4000 from 3.0.0.0/8"],
        "tcp 4000 open to 3.0.0.0/8, 16.7 million addresses",
        "Close what is open to the Internet and not accepted (1 rule)",
        "tcp 4000 from 3.0.0.0/8",
    ),
    "gre-has-no-ports": (
        ["tcp 8081 from 3.0.0.0/8", "47 from 5.0.0.0/8"],
        "protocol 47 (GRE) open to 5.0.0.0/8, 16.7 million addresses",
        "Close what is open to the Internet and not accepted (1 rule)",
        "47 from 5.0.0.0/8",
    ),
    # No command closes a part of a rule.
    "some-ports-of-a-rule": (
        ["tcp 8080-8082 from 3.0.0.0/8", "tcp 8081 from 3.0.0.0/8"],
        "tcp 8082 open to 3.0.0.0/8, 16.7 million addresses",
        "Close what is open to the Internet and not accepted (1 rule)",
        "tcp 8080-8082 from 3.0.0.0/8",
    ),
    # Then nothing is worse than what is accepted, and that is not to be closed first.
    "nothing-much": (
        ["tcp 8080 from 3.0.0.0/8", "tcp 22 from 10.0.0.0/8"],
        "tcp 8080 open to 3.0.0.0/8, 16.7 million addresses",
        None,
        None,
    ),
}


@pytest.mark.parametrize(
    ("texts", "headline", "does", "closed"), IN_PART.values(), ids=list(IN_PART)
)
def test_where_a_part_is_accepted_only_the_rest_is_told_and_closed(
    texts: list[str], headline: str, does: str | None, closed: str | None
) -> None:
    described = tuple(
        replace(it, description=text) for it, text in zip(rules(*texts), texts, strict=True)
    )
    change = SecurityGroupChange(
        action=Action.ADD_RULES, group_id="sg-0123456789abcdef0", added=described
    )
    standards = Standards(accepted=PARTNER.entries)
    finding = finding_of(record(), change, standards, today=NOW.date())

    call = call_of(finding)

    assert call.phrase == headline
    assert call.changed.description == (closed or texts[0])
    first, *others = call.changed.undo.commands
    assert first.does == does
    if closed is None:
        assert others == []
        return
    assert [command.does for command in others] == ["Undo the whole call (2 rules)"]
    [only] = call_of(judged(replace(change, added=rules(closed)))).changed.undo.commands
    assert first.text == only.text


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
        "Accepted openings",
        "  ! accepted_openings.toml, entry 2, owner: …",
        "  ! Fix it in accepted_openings.toml and deploy: until then, it accepts nothing.",
        "",
    ]


# Who and whether again ---------------------------------------------------------------------------


def session(*, mfa: bool | None) -> Session:
    return replace(record().session, mfa=mfa)


@pytest.mark.parametrize(
    ("mfa", "words"), [(True, "yes"), (False, "no"), (None, "not in the record")]
)
def test_mfa(mfa: bool | None, words: str) -> None:
    assert mfa_words(session(mfa=mfa)) == words
    # A line that would say nothing is left out.
    finding = opened("tcp 22 from 0.0.0.0/0")
    text = email(with_record(finding, session=session(mfa=mfa)))
    assert (f"\nMFA: {words}\n" in text) is (mfa is not None)
    assert ("MFA" in text) is (mfa is not None)


def test_repeat_is_told_in_the_email() -> None:
    alert = replace(alert_of(opened("tcp 22 from 0.0.0.0/0")), may_repeat=True)

    [message] = messages_of(alert, PLAIN)

    assert "\nThis may be a repeat: " in texts_of(message)["email"]


# Somebody else's links ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", STORIES)
def test_no_form_makes_a_link_of_somebody_elses_text(name: str) -> None:
    [message] = told(
        [
            with_record(it, refusal=Refusal(message="see http://a"), region="http://a")
            for it in findings_of(story(name))
        ]
    )

    assert "http://a" not in message.subject + "".join(texts_of_people(message))


def texts_of_people(message: Message) -> list[str]:
    return [text for form, text in texts_of(message).items() if form != "default"]
