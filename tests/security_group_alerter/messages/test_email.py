"""The e-mail: what a decision needs in the first lines, and nothing twice."""

import re
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

import pytest

from security_group_alerter.judgement.findings import unreadable_finding
from security_group_alerter.messages.email import email_of
from security_group_alerter.messages.limits import Limits
from security_group_alerter.messages.people import person_words, principal_words, session_words
from security_group_alerter.model.account import AccountFacts, Fact, LookupProblem
from security_group_alerter.model.change import (
    Action,
    Change,
    PrefixListChange,
    RuleDescription,
    SecurityGroupChange,
    TrailAction,
    TrailChange,
)
from security_group_alerter.model.finding import Finding
from security_group_alerter.model.principal import Principal, Session, Tool
from security_group_alerter.model.record import Refusal
from security_group_alerter.model.severity import Severity
from tests.security_group_alerter.builders import (
    judged,
    peer,
    record,
    rule,
    rules,
    with_change,
    with_judgement,
    with_record,
)
from tests.security_group_alerter.messages.forms import (
    FACTS,
    PLAIN,
    RUNBOOK,
    alert_of,
    alerts_of_delivery,
    briefed,
    briefing_for,
    opened,
    sms,
    texts_of,
)
from tests.stories import NOW, STORIES, findings_of, story, told

ALICE: Final = {"type": "IAMUser", "userName": "alice", "accountId": "111122223333"}
CALLED: Final[dict[str, Any]] = {
    "eventID": "e-1",
    "eventTime": "2026-11-23T08:55:12Z",
    "userIdentity": ALICE | {"accessKeyId": "AKIAEXAMPLE"},
    "userAgent": "aws-cli/2.33.9",
    "sourceIPAddress": "198.51.100.7",
}
SSH: Final = with_change(
    opened("tcp 22 from 0.0.0.0/0", **CALLED),
    added=(replace(rule("tcp 22 from 0.0.0.0/0"), description="Vendor"),),
    group_name="web",
    vpc_id="vpc-0123456789abcdef0",
)
INSIDE_AWS: Final = "through an AWS service"
CONSOLE: Final = "https://eu-central-1.console.aws.amazon.com"
UNDO_SSH: Final = (
    "aws ec2 revoke-security-group-ingress --region eu-central-1 "
    "--group-id sg-0123456789abcdef0 --ip-permissions "
    '\'[{"IpProtocol":"tcp","FromPort":22,"ToPort":22,"IpRanges":[{"CidrIp":"0.0.0.0/0"}]}]\''
)


def email(*findings: Finding, **told_with: Any) -> str:
    shown_with: dict[str, Any] = {"facts": FACTS, "presentation": PLAIN}
    [message] = told(findings, **shown_with | told_with)
    return texts_of(message)["email"]


def beginning(text: str) -> list[str]:
    """The lines before the details."""
    return re.split(r"\n\nWHAT ", text, maxsplit=1)[0].split("\n")


def section(text: str, title: str) -> list[str]:
    """The lines under a title; none where it is not there."""
    return text.partition(f"\n\n{title}\n")[2].partition("\n\n")[0].removesuffix("\n").split("\n")


# What it begins with -----------------------------------------------------------------------------


def test_opening_begins_with_all_that_a_decision_needs() -> None:
    lines = beginning(email(SSH))

    assert lines[:13] == [
        "CRITICAL: tcp 22 (SSH) open to the whole IPv4 Internet",
        "",
        'Group: sg-0123456789abcdef0 "web" in vpc-0123456789abcdef0',
        "Account: payments-production (111122223333), eu-central-1",
        "Open since: 2026-11-23 08:55:12 UTC (09:55:12 Europe/Berlin), 4 min 48 s ago",
        "By: IAM user alice; AWS CLI from 198.51.100.7",
        'Rule description: "Vendor"',
        "Ask: payments, the account's owner",
        "OU: Root / Workloads",
        "Why CRITICAL: SSH, remote access: one stolen password or unpatched bug gives an "
        "attacker the machine.",
        "",
        "Close it (this rule only), with credentials of account 111122223333:",
        UNDO_SSH,
    ]
    shows, command, how_to_read = lines[13:]
    assert shows == "What the group is attached to:"
    assert command.startswith("aws ec2 describe-network-interfaces --region eu-central-1 ")
    assert command.endswith(" --output table")
    assert how_to_read.startswith("A row with a Public or IPv6 address can be reached from the ")


def test_the_rest_says_nothing_again() -> None:
    text = email(SSH)

    assert section(text, "WHAT CHANGED") == [
        "AuthorizeSecurityGroupIngress",
        '  + ingress tcp 22 (SSH) from 0.0.0.0/0, the whole IPv4 Internet "Vendor"',
    ]
    assert section(text, "UNDO") == [""]
    assert [line for line in section(text, "LOOK") if line.startswith("aws ")] == [
        line for line in text.split("\n") if "describe-security-group-rules" in line
    ]
    assert section(text, "WHAT TO DO")[0].startswith("1. Not planned? Close it now.")
    assert section(text, "MORE") == [
        "Access key: AKIAEXAMPLE",
        f"Group: {CONSOLE}/ec2/home?region=eu-central-1#SecurityGroup:groupId=sg-0123456789abcdef0",
        f"Event: {CONSOLE}/cloudtrailv2/home?region=eu-central-1#/events/e-1",
    ]
    long = [line for line in text.split("\n") if len(line) > 20]
    assert len(set(long)) == len(long)


@pytest.mark.parametrize("name", STORIES)
def test_every_story_begins_within_fifteen_lines_and_says_nothing_twice(name: str) -> None:
    for finding in findings_of(story(name)):
        text = email(finding)

        lines = [line for line in beginning(text) if line]
        assert lines[0].startswith(f"{finding.judgement.severity.name}: ")
        assert len(lines) <= 15
        assert "organization_id" not in text
        assert "o-exampleorgid" not in text
        # What a command is about to answer is named, and nothing else of the kind.
        shown = "\n".join(lines)
        for answer in ("AccountNotFoundException means", "Delivery_error must be None"):
            shown = shown.replace(answer, "")
        for said in ("Exception", "Mozilla/", "MFA: not", "None"):
            assert said not in shown
        long = [line for line in text.split("\n") if len(line) > 20]
        assert len(set(long)) == len(long)


def test_order_of_the_sections() -> None:
    two = opened("tcp 443 from 0.0.0.0/0", "tcp 22 from 10.0.0.0/8", **CALLED)

    titles = re.findall(r"^[A-Z ]+$", email(two), re.MULTILINE)

    assert titles == ["WHAT CHANGED", "UNDO", "LOOK", "WHAT TO DO", "MORE"]


UNDO_TITLES: Final[dict[str, tuple[Change, str]]] = {
    "one-rule": (
        SecurityGroupChange(
            action=Action.ADD_RULES, group_id="sg-11111111", added=rules("tcp 22 from ::/0")
        ),
        "Close it (this rule only)",
    ),
    "three-rules": (
        SecurityGroupChange(
            action=Action.ADD_RULES,
            group_id="sg-11111111",
            added=rules("tcp 22 from ::/0", "tcp 23 from ::/0", "tcp 3389 from ::/0"),
        ),
        "Close it (these 3 rules only)",
    ),
    "private": (
        SecurityGroupChange(
            action=Action.ADD_RULES, group_id="sg-11111111", added=rules("tcp 22 from 10.0.0.0/8")
        ),
        "Undo it",
    ),
    "prefix-list": (
        PrefixListChange(
            action=Action.MODIFY, prefix_list_id="pl-11111111", version=1, added=(peer("::/0"),)
        ),
        "Undo it",
    ),
}


@pytest.mark.parametrize(("change", "title"), UNDO_TITLES.values(), ids=UNDO_TITLES)
def test_title_of_the_first_command_says_no_more_than_it_does(change: Change, title: str) -> None:
    assert f"\n{title}, with credentials of account 111122223333:\naws ec2 " in email(
        judged(change)
    )


def test_only_what_is_open_is_open_since() -> None:
    denied = opened("all from 0.0.0.0/0", errorCode="Client.UnauthorizedOperation", **CALLED)
    private = opened("all from 10.0.0.0/8", **CALLED)
    broad = opened("all from 3.0.0.0/8", **CALLED)

    assert "\nOpen since: 2026-11-23 08:55:12 UTC" in email(broad)
    for finding in (denied, private):
        assert "\nCalled: 2026-11-23 08:55:12 UTC" in email(finding)
        assert "Open since" not in email(finding)


def test_what_was_taken_back_says_so_at_once() -> None:
    deleted = judged(
        SecurityGroupChange(action=Action.DELETE, group_id="sg-0123456789abcdef0"),
        **CALLED | {"eventTime": "2026-11-23T08:58:00Z", "eventID": "e-2"},
    )
    alert, _ = alerts_of_delivery(SSH, deleted)

    text = email_of(briefed(alert))

    assert beginning(text)[1] == "The group was deleted at 08:58:00 UTC."
    assert text.count("The group was deleted") == 1
    assert "Open since" not in text
    assert section(text, "UNDO") == ["No command: there is nothing left to undo."]
    assert f"\nGroup: {CONSOLE}" not in text


def test_several_calls_begin_with_their_span_and_their_groups() -> None:
    later = with_record(
        with_change(SSH, group_id="sg-11111111"),
        event_time=NOW - timedelta(minutes=1),
        event_id="e-2",
    )

    text = email(SSH, later)

    lines = beginning(text)
    assert lines[0] == (
        "CRITICAL: 2 calls on 2 groups, the worst: tcp 22 (SSH) open to the whole IPv4 Internet"
    )
    assert lines[2].startswith('Groups: sg-0123456789abcdef0 "web" in vpc-0123456789abcdef0 and sg')
    assert lines[4].endswith("(09:59:00 Europe/Berlin), 1 min ago")
    what = section(text, "WHAT CHANGED")
    assert what[0].startswith('1. AuthorizeSecurityGroupIngress on sg-0123456789abcdef0 "web" at ')
    # Not all of it since the same time.
    assert lines[4].startswith("Opened: 2026-11-23 08:55:12 UTC (09:55:12 Europe/Berlin) to ")
    assert "Open since" not in text
    assert section(text, "UNDO")[0] == "In this order, the last call first:"


def test_what_is_not_undone_is_not_counted() -> None:
    three = opened(*(f"tcp {port} from ::/0" for port in (22, 23, 3389)), **CALLED)
    revoked = judged(
        SecurityGroupChange(
            action=Action.REMOVE_RULES,
            group_id="sg-0123456789abcdef0",
            removed=rules("tcp 23 from ::/0"),
        ),
        **CALLED | {"eventTime": "2026-11-23T08:58:00Z", "eventID": "e-2"},
    )
    alert, _ = alerts_of_delivery(three, revoked)

    text = email_of(briefed(alert))

    assert (
        "\n  + ingress tcp 23 (Telnet) from ::/0, the whole IPv6 Internet (revoked since)\n" in text
    )
    assert "\nUndo what is left of the call (2 rules), with credentials of account " in text
    command = next(line for line in beginning(text) if line.startswith("aws ec2 revoke-"))
    assert [port for port in (22, 23, 3389) if f'"FromPort":{port},' in command] == [22, 3389]


def test_what_is_not_open_any_more_is_not_open_since() -> None:
    """The world was let in and shut out again; what is left of the call lets in nobody."""
    both = opened("tcp 22 from 0.0.0.0/0", "tcp 22 from 10.0.0.0/8", **CALLED)
    revoked = judged(
        SecurityGroupChange(
            action=Action.REMOVE_RULES,
            group_id="sg-0123456789abcdef0",
            removed=rules("tcp 22 from 0.0.0.0/0"),
        ),
        **CALLED | {"eventTime": "2026-11-23T08:58:00Z", "eventID": "e-2"},
    )
    alert, _ = alerts_of_delivery(both, revoked)

    text = email_of(briefed(alert))

    assert (
        text.splitlines()[1] == "What the call opened to the Internet was revoked at 08:58:00 UTC."
    )
    assert "Open since" not in text
    assert "Close it" not in text
    assert "\nUndo what is left of the call (1 rule), with credentials of account " in text


def burst(count: int) -> list[Finding]:
    """So many calls on as many groups, of which the last but one opens the most."""
    return [
        with_judgement(
            opened(
                f"tcp 22 from {'0.0.0.0/0' if number == count - 2 else '3.0.0.0/8'}",
                group_id=f"sg-{number:08x}",
                **CALLED | {"eventID": f"e-{number}"},
            ),
            severity=Severity.HIGH,
            world_open=False,
            effect=SSH.judgement.effect,
        )
        for number in range(count)
    ]


@pytest.mark.parametrize(
    ("count", "groups"),
    [
        (3, "sg-00000001, sg-00000000 and sg-00000002"),
        (50, "sg-00000030, sg-00000000, sg-00000001 and 47 more"),
        # Some have one line only, and count all the same.
        (60, "sg-0000003a, sg-00000000, sg-00000001 and 57 more"),
    ],
)
def test_all_groups_of_a_burst_are_counted_and_the_worst_is_named(count: int, groups: str) -> None:
    text = email(*burst(count))

    lines = beginning(text)
    assert lines[0] == (
        f"HIGH: {count} calls on {count} groups, the worst: "
        "tcp 22 (SSH) open to the whole IPv4 Internet"
    )
    assert lines[2] == f"Groups: {groups}"
    assert len(lines) <= 15
    # A phone, too.
    assert sms(*burst(count)) == (
        f"HIGH {count} calls on {count} groups, the worst: tcp 22 (SSH) open to the whole "
        f"IPv4 Internet | payments-production eu-central-1 sg-{count - 2:08x}"
    )
    assert all(f"sg-{number:08x}" in text.partition("WHAT CHANGED")[2] for number in range(count))


def test_a_group_is_counted_once_whatever_its_calls_say_of_it() -> None:
    calls = [with_change(SSH, group_name=None, vpc_id=None), SSH, SSH]

    assert beginning(email(*calls))[2] == (
        'Group: sg-0123456789abcdef0 "web" in vpc-0123456789abcdef0'
    )


def test_groups_that_are_known_by_name_or_not_at_all() -> None:
    named, nameless = (
        with_change(SSH, group_id=None, group_name=it, vpc_id=None) for it in ("web", None)
    )

    assert beginning(email(SSH, named, nameless))[2] == (
        'Groups: sg-0123456789abcdef0 "web" in vpc-0123456789abcdef0, "web" and not named in the '
        "record"
    )


def test_fifty_calls_are_written_out_and_each_other_has_a_line() -> None:
    text = email(*burst(60))

    what = text.partition("\n\nWHAT CHANGED\n")[2].partition("\n\n")[0]
    written_out, _, in_lines = what.partition("\nEach of the others, in a line:\n")
    numbers = re.findall(
        r"^(\d+)\. AuthorizeSecurityGroupIngress on sg-", written_out, re.MULTILINE
    )
    others = re.findall(
        r"^(\d+)\. 08:55:12 UTC AuthorizeSecurityGroupIngress sg-[0-9a-f]{8}: tcp 22 \(SSH\) open ",
        in_lines,
        re.MULTILINE,
    )
    assert (len(numbers), len(others)) == (50, 10)
    assert sorted(map(int, numbers + others)) == list(range(1, 61))
    # The worst is among those that are written out.
    assert "59" in numbers
    assert section(text, "UNDO")[0] == "In this order, the last call first:"
    assert "No command for the calls that have one line only: see their CloudTrail events." in (
        section(text, "UNDO")
    )


# Whom to ask -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("facts", "lines"),
    [
        (AccountFacts(), []),
        (
            AccountFacts(owner="payments", tags={"Owner": "payments"}),
            ["Ask: payments, the account's owner"],
        ),
        (
            AccountFacts(owner="payments", tags={"Owner": "payments", "Contact": "+49 30 1"}),
            ["Ask: payments, the account's owner", "Contact: +49 30 1"],
        ),
        (AccountFacts(ou_path=("Root", "Workloads")), ["OU: Root / Workloads"]),
        (
            AccountFacts(ou_path=("Root",), tags={"Team": "web", "Stage": "live"}),
            ["OU: Root; Team: web; Stage: live"],
        ),
        (AccountFacts(tags={"Team": "web"}), ["Team: web"]),
    ],
)
def test_whom_to_ask(facts: AccountFacts, lines: list[str]) -> None:
    shown = beginning(email(SSH, facts=facts))

    described, why = (
        next(number for number, line in enumerate(shown) if line.startswith(start))
        for start in ("Rule description: ", "Why CRITICAL: ")
    )
    assert shown[described + 1 : why] == lines


WHY: Final = {
    "AccountNotFoundException": "the organization does not have this account",
    "AccessDeniedException": "the function may not ask AWS Organizations",
    "TooManyRequestsException": "AWS Organizations was asked too often",
    "ConnectTimeoutError": "AWS Organizations did not answer in time",
    "SomethingNew": "AWS Organizations said SomethingNew",
}


@pytest.mark.parametrize(("error", "words"), WHY.items(), ids=list(WHY))
def test_what_could_not_be_looked_up_is_said_in_words(error: str, words: str) -> None:
    facts = AccountFacts(
        problems=(LookupProblem(Fact.NAME, error), LookupProblem(Fact.TAGS, error))
    )

    text = email(SSH, facts=facts)

    assert f"\nNot known: the account's name: {words}; its tags: {words}\n" in text


def test_state_of_an_account_is_said_where_it_is_not_active() -> None:
    assert "State of the account" not in email(SSH)
    suspended = replace(FACTS, state="SUSPENDED")
    assert "\nState of the account: SUSPENDED\n" in email(SSH, facts=suspended)


# Who ---------------------------------------------------------------------------------------------


PERSON: Final = Principal(identity_type="IAMUser", person="alice", account_id="111122223333")
WHO: Final[dict[str, tuple[Principal, str]]] = {
    "iam-user": (PERSON, "IAM user alice"),
    "of-another-account": (
        replace(PERSON, account_id="444455556666"),
        "IAM user alice, of account 444455556666",
    ),
    "source-identity": (
        replace(PERSON, source_identity="jane.doe"),
        "IAM user alice, source identity jane.doe",
    ),
    "on-behalf-of": (
        replace(PERSON, on_behalf_of="9448"),
        "IAM user alice, on behalf of IAM Identity Center user 9448",
    ),
    # Not twice.
    "identity-center-user": (
        Principal(identity_type="IdentityCenterUser", person="9448", on_behalf_of="9448"),
        "IAM Identity Center user 9448",
    ),
    "service": (
        Principal(
            identity_type="AWSService",
            person="eks.amazonaws.com",
            invoked_by="eks.amazonaws.com",
        ),
        "AWS service eks.amazonaws.com",
    ),
    "delegate": (
        replace(PERSON, delegate="777788889999"),
        "IAM user alice, through the product provider's account 777788889999",
    ),
    "in-scope-of": (
        replace(PERSON, in_scope_of="arn:aws:lambda:eu-central-1:111122223333:function:f"),
        "IAM user alice, with credentials issued to "
        "arn:aws:lambda:eu-central-1:111122223333:function:f",
    ),
    "identity-provider": (
        replace(PERSON, identity_provider="arn:aws:iam::111122223333:saml-provider/okta"),
        "IAM user alice, signed in through okta",
    ),
    "through-a-service": (
        replace(PERSON, invoked_by="cloudformation.amazonaws.com"),
        "IAM user alice, through cloudformation.amazonaws.com",
    ),
    "inside-aws": (
        replace(PERSON, invoked_by="AWS Internal"),
        "IAM user alice, through an AWS service",
    ),
    "nobody": (Principal(), "not in the record"),
    "nobody-through-a-service": (
        Principal(invoked_by="eks.amazonaws.com"),
        "a principal that the record does not name, through eks.amazonaws.com",
    ),
    "arn-alone": (
        Principal(arn="arn:aws:iam::111122223333:user/x"),
        "arn:aws:iam::111122223333:user/x",
    ),
    "permission-set": (
        Principal(
            identity_type="AssumedRole",
            person="jane",
            role_name="AWSReservedSSO_Admin_0123456789abcdef",
            permission_set="Admin",
        ),
        "jane, IAM Identity Center permission set Admin",
    ),
    "role": (
        Principal(identity_type="AssumedRole", person="i-1", role_name="web"),
        "session i-1 of role web",
    ),
}


@pytest.mark.parametrize(("principal", "words"), WHO.values(), ids=WHO)
def test_who(principal: Principal, words: str) -> None:
    assert principal_words(principal, "111122223333") == words
    assert f"\nBy: {words}; " in email(with_record(SSH, principal=principal))


@pytest.mark.parametrize(
    ("session", "principal", "words"),
    [
        (Session(), PERSON, "address not in the record"),
        # That nobody is named says it.
        (Session(), Principal(), ""),
        (
            Session(tool=Tool.CLI, source_address="198.51.100.7"),
            PERSON,
            "AWS CLI from 198.51.100.7",
        ),
        (Session(tool=Tool.CLI, user_agent="aws-cli/2.33.9"), PERSON, "AWS CLI"),
        (Session(source_address="198.51.100.7"), PERSON, "from 198.51.100.7"),
        (
            Session(user_agent="AWS Internal", source_address="198.51.100.7"),
            PERSON,
            "from 198.51.100.7",
        ),
        (
            Session(user_agent="Mozilla/5.0 (X11)", source_address="::1"),
            PERSON,
            "a web browser from ::1",
        ),
        (Session(user_agent="curl/8", source_address="::1"), PERSON, "curl/8 from ::1"),
        (Session(user_agent="curl/8", source_address="AWS Internal"), PERSON, INSIDE_AWS),
        (Session(user_agent="AWS Internal"), PERSON, INSIDE_AWS),
        (
            Session(user_agent="AWS Internal", source_address="AWS Internal"),
            replace(PERSON, invoked_by="AWS Internal"),
            "",
        ),
        (
            Session(tool=Tool.SERVICE, source_address="eks.amazonaws.com"),
            PERSON,
            "through eks.amazonaws.com",
        ),
        # Not twice.
        (
            Session(tool=Tool.SERVICE, source_address="eks.amazonaws.com"),
            replace(PERSON, invoked_by="eks.amazonaws.com"),
            "",
        ),
        (
            Session(tool=Tool.SERVICE, source_address="eks.amazonaws.com"),
            Principal(identity_type="AWSService", person="eks.amazonaws.com"),
            "",
        ),
        # Anybody can call a tool so.
        (
            Session(tool=Tool.SERVICE, source_address="198.51.100.7"),
            PERSON,
            "AWS service from 198.51.100.7",
        ),
    ],
)
def test_how(session: Session, principal: Principal, words: str) -> None:
    assert session_words(session, principal) == words
    by = email(with_record(SSH, principal=principal, session=session)).partition("\nBy: ")[2]
    who = principal_words(principal, "111122223333")
    assert by.startswith(f"{who}; {words}\n" if words else f"{who}\n")


@pytest.mark.parametrize(
    ("principal", "words"),
    [
        (Principal(person="jane.doe@example.com"), "jane.doe"),
        (Principal(role_name="deploy"), "deploy"),
        (Principal(), ""),
    ],
)
def test_person_of_a_subject(principal: Principal, words: str) -> None:
    assert person_words(principal) == words


def subject_of(finding: Finding, **told_with: Any) -> str:
    [message] = told([finding], **{"facts": FACTS} | told_with)
    return message.subject


def test_subject_says_how_bad_what_where_and_who() -> None:
    assert subject_of(SSH) == (
        "CRITICAL: tcp 22 (SSH) open to the whole IPv4 Internet in payments-production by alice"
    )
    short = AccountFacts(name="web")
    assert subject_of(SSH, facts=short) == (
        "CRITICAL: tcp 22 (SSH) open to the whole IPv4 Internet in web, eu-central-1 by alice"
    )
    nameless = with_record(SSH, principal=Principal())
    assert subject_of(nameless) == (
        "CRITICAL: tcp 22 (SSH) open to the whole IPv4 Internet in payments-production, "
        "eu-central-1"
    )


# What was set, refused or not read ---------------------------------------------------------------


LINES: Final[dict[str, tuple[Change, list[str]]]] = {
    "trail-settings": (
        TrailChange(
            action=TrailAction.UPDATE,
            trail="application",
            settings=(
                ("s3BucketName", "elsewhere"),
                ("s3KeyPrefix", ""),
                ("enableLogFileValidation", False),
                ("includeGlobalServiceEvents", True),
                ("excludeManagementEventSources", ("kms.amazonaws.com", "rdsdata.amazonaws.com")),
                ("somethingNew", "x"),
            ),
        ),
        [
            "  Bucket: elsewhere",
            "  Prefix in the bucket: none",
            "  Log file validation off",
            "  Events of global services on",
            "  Left out: kms.amazonaws.com, rdsdata.amazonaws.com",
            "  SomethingNew: x",
        ],
    ),
    "prefix-list-settings": (
        PrefixListChange(
            action=Action.MODIFY,
            prefix_list_id="pl-11111111",
            new_name="do-not-use",
            max_entries=120,
        ),
        ["  Renamed to do-not-use.", "  Room for 120 entries."],
    ),
    "handed-to-ipam": (
        PrefixListChange(action=Action.MODIFY, prefix_list_id="pl-11111111", ipam_sync=True),
        ["  IPAM fills this list from now on."],
    ),
    "descriptions": (
        SecurityGroupChange(
            action=Action.DESCRIBE_RULES,
            group_id="sg-11111111",
            descriptions=(
                RuleDescription(text="Partner", rule=rule("tcp 22 from 10.0.0.0/8")),
                RuleDescription(text=None, rule_id="sgr-1"),
            ),
        ),
        ['  tcp 22 (SSH) from 10.0.0.0/8: "Partner"', "  sgr-1: description removed"],
    ),
    "new-group": (
        SecurityGroupChange(
            action=Action.CREATE, group_id="sg-11111111", group_description="For the web"
        ),
        ['  Description: "For the web"'],
    ),
    "nothing-matched": (
        SecurityGroupChange(
            action=Action.REMOVE_RULES, group_id="sg-11111111", missed=rules("all from ::/0")
        ),
        ["  no such rule: ingress all traffic from ::/0, the whole IPv6 Internet"],
    ),
    "newer-parameter": (
        SecurityGroupChange(
            action=Action.ADD_RULES, group_id="sg-11111111", unknown_parameters=("Quantum",)
        ),
        ["  ! The call also sets Quantum, which this alerter does not know."],
    ),
}


@pytest.mark.parametrize(("change", "lines"), LINES.values(), ids=LINES)
def test_everything_that_a_call_set_is_named(change: Change, lines: list[str]) -> None:
    what = section(email(judged(change, eventName="TheCall")), "WHAT CHANGED")

    assert what[0] == "TheCall"
    assert what[1 : 1 + len(lines)] == lines


def test_what_does_not_fit_is_counted() -> None:
    few = Limits(rules=2, text=100)
    descriptions = tuple(RuleDescription(text="x", rule_id=f"sgr-{it}") for it in range(5))
    described = SecurityGroupChange(
        action=Action.DESCRIBE_RULES, group_id="sg-11111111", descriptions=descriptions
    )
    updated = TrailChange(
        action=TrailAction.UPDATE,
        trail="application",
        settings=tuple((f"setting{it}", tuple(f"v{one}" for one in range(25))) for it in range(5)),
    )

    described_lines, updated_lines = (
        section(email_of(briefing_for(judged(it), limits=few)), "WHAT CHANGED")[1:]
        for it in (described, updated)
    )

    assert described_lines[2] == "  and 3 more descriptions: see the CloudTrail event"
    assert updated_lines[2] == "  and 3 more settings: see the CloudTrail event"
    assert updated_lines[0].startswith("  Setting0: v0, v1, v2, ")
    assert updated_lines[0].endswith(", v19 and 5 more")


def test_several_records_that_cannot_be_read_are_counted() -> None:
    unreadable = [
        unreadable_finding(record(eventName="TheCall", eventID=it), "groupId: …", excerpt="{")
        for it in ("e-1", "e-2")
    ]

    assert email(*unreadable).startswith(
        "HIGH: 2 records, the worst: unreadable record of TheCall\n"
    )


@pytest.mark.parametrize(
    ("texts", "whom"),
    [
        (["3.0.0.0/8", "5.0.0.0/8"], "2 public ranges, 33.5 million addresses"),
        (["3.0.0.0/8", "10.0.0.0/8"], "3.0.0.0/8, 16.7 million addresses"),
        (["3.0.0.0/16"], "3.0.0.0/16, 65,536 addresses"),
        (["2600::/12"], "2600::/12, 0.2% of the IPv6 Internet"),
        (["0.0.0.0/1"], "57% of the IPv4 Internet"),
    ],
)
def test_how_much_of_the_internet(texts: list[str], whom: str) -> None:
    finding = opened(*(f"tcp 22 from {it}" for it in texts))

    assert email(finding).split("\n")[0].endswith(f": tcp 22 (SSH) open to {whom}")


def test_name_that_a_prefix_list_got_is_in_the_headline() -> None:
    change, _ = LINES["prefix-list-settings"]

    assert email(judged(change)).startswith(
        "LOW: prefix list pl-11111111 edited: renamed to do-not-use; room for 120 entries\n"
    )


ANSWER: Final = "  AWS answered Client.UnauthorizedOperation"
GROUP_ARN: Final = "arn:aws:ec2:eu-central-1:111122223333:security-group/sg-1"
REFUSALS: Final[dict[str, tuple[Refusal | None, list[str]]]] = {
    # Resource and policy stand in the message.
    "message": (
        Refusal(message="You may not.", resource_arn=GROUP_ARN, policy="no policy allows"),
        [f"{ANSWER}: You may not."],
    ),
    "message-that-is-cut": (
        Refusal(message="x" * 501, resource_arn=GROUP_ARN, policy="no policy allows"),
        [
            f"{ANSWER}: {'x' * 499}…",
            f"  On: {GROUP_ARN}",
            "  Refused because: no policy allows",
        ],
    ),
    "message-that-is-cut-and-names-neither": (
        Refusal(message="x" * 501),
        [f"{ANSWER}: {'x' * 499}…"],
    ),
    "no-message": (Refusal(message=None), [ANSWER]),
    "nothing": (None, [ANSWER]),
}


@pytest.mark.parametrize(("refusal", "lines"), REFUSALS.values(), ids=REFUSALS)
def test_refusal_is_told_whole(refusal: Refusal | None, lines: list[str]) -> None:
    denied = with_record(
        opened("all from 0.0.0.0/0", errorCode="Client.UnauthorizedOperation", **CALLED),
        refusal=refusal,
    )

    text = email(denied)

    what = section(text, "WHAT WAS ATTEMPTED AND DENIED: NOTHING CHANGED")
    assert what[2:] == lines
    assert "aws ec2" not in text
    assert section(text, "WHAT TO DO") == [
        "Ask whoever made the call. If nobody knows of it, assume that the principal's credentials "
        "are stolen."
    ]


FAILED_EDIT: Final = SecurityGroupChange(
    action=Action.MODIFY_RULES, group_id="sg-11111111", added=rules("unknown tcp 22 from ::/0")
)


def test_failed_edit_claims_no_direction() -> None:
    text = email(judged(FAILED_EDIT, errorCode="Client.InvalidParameter"))

    assert text.startswith(
        "INFORMATIONAL: failed attempt to edit a rule: tcp 22 (SSH), the whole IPv6 Internet\n"
    )
    assert " open " not in text
    assert "\n  + ingress or egress tcp 22 (SSH) from/to ::/0, " in text


@pytest.mark.parametrize(
    ("source", "name", "noun", "step"),
    [
        ("ec2", "RevokeSecurityGroupIngress", "group", "Look at the group's rules, and close"),
        ("ec2", "ModifyManagedPrefixList", "prefix list", "Look at what the prefix list holds"),
        ("cloudtrail", "StopLogging", "trail", "Check that the trail still logs every account"),
    ],
)
def test_an_unreadable_record_is_about_what_its_call_changes(
    source: str, name: str, noun: str, step: str
) -> None:
    made = record(eventName=name, eventID="e-1", eventSource=f"{source}.amazonaws.com")

    text = email(unreadable_finding(made, "name: expected text", excerpt="{}"))

    assert f"ResourceName is the {noun}. CloudTrail keeps this for 90 days.\n" in text
    assert f"is not known here: find the {noun} by the command above" in text
    assert f" {step}" in text


def test_unreadable_record_gives_the_query_that_finds_the_group() -> None:
    finding = unreadable_finding(
        record(eventName="TheCall", eventID="e-1"), "groupId: expected text", excerpt='{"a": 1}'
    )

    text = email(finding)

    look = beginning(text)[-3:]
    assert look[0] == "What the call was about:"
    assert "AttributeKey=EventId,AttributeValue=e-1 " in look[1]
    assert look[2].startswith("ResourceName is the group.")
    assert section(text, "WHAT CHANGED")[1:] == [
        "  ! The record could not be read: groupId: expected text",
        '    It says: {"a": 1}',
    ]
    step = "1. The call succeeded, and what it did is not known here: find the group"
    history = "in CloudTrail's event history."
    assert section(text, "WHAT TO DO")[0] == f"{step} by the command above, or {history}"
    no_record = unreadable_finding(record(), "not JSON", excerpt="{")
    assert section(email(no_record), "WHAT TO DO")[0] == (
        f"1. What happened is not known here: find the group {history}"
    )


def test_an_update_of_an_event_says_so_and_names_both() -> None:
    again = with_record(SSH, event_id="e-2", original_event_id="e-1")
    [alert] = alerts_of_delivery(SSH, again)

    text = email_of(briefed(alert))

    assert "2 calls" not in text
    assert "\n  CloudTrail sent this as an update of event e-1.\n" in text
    assert "\nCloudTrail event: e-1\n" in text
    assert "/events/e-2\n" in text


def test_an_update_of_an_event_that_has_been_alerted_says_so() -> None:
    [entry] = alert_of(with_record(SSH, original_event_id="e-0")).delivered
    alert = replace(alert_of(SSH), delivered=(replace(entry, updates_alerted=True),))

    assert (
        "\n  CloudTrail sent this as an update of event e-0, which has been alerted.\n"
        in email_of(briefed(alert))
    )


# What to do --------------------------------------------------------------------------------------


@pytest.mark.parametrize("severity", Severity)
def test_what_wakes_somebody_says_what_to_do_or_where_the_runbook_is(severity: Severity) -> None:
    finding = with_judgement(SSH, severity=severity)
    pages = severity >= Severity.MEDIUM

    text = email(finding)
    with_runbook = email(finding, presentation=replace(PLAIN, runbook_url=RUNBOOK))

    assert ("\n\nWHAT TO DO\n1. " in text) is pages
    assert (f"\n\nWHAT TO DO\n{RUNBOOK}\n\n" in with_runbook) is pages
    assert ("describe-network-interfaces" in text) is pages
