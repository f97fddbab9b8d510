"""The chat form: what Amazon Q Developer in chat applications takes, and what people see of it."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

import pytest
from jsonschema import Draft202012Validator

from security_group_alerter.judgement.accepted_openings import accepted_openings_in
from security_group_alerter.judgement.findings import configuration_finding, unreadable_finding
from security_group_alerter.messages import chat as module
from security_group_alerter.messages import limits
from security_group_alerter.model.acceptance import Acceptance
from security_group_alerter.model.account import AccountFacts
from security_group_alerter.model.change import (
    Action,
    PrefixListChange,
    SecurityGroupChange,
    TrailAction,
    TrailChange,
)
from security_group_alerter.model.exposure_life import Resource
from security_group_alerter.model.finding import Finding
from security_group_alerter.model.ledger import Activity, ExposureNews, Status
from security_group_alerter.model.record import Refusal
from security_group_alerter.model.severity import Severity
from security_group_alerter.model.subject import SubjectKind
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
    CALLS,
    PLAIN,
    RUNBOOK,
    alert_of,
    alerts_of_delivery,
    briefed,
    call_of,
    chat,
    opened,
    renamed,
)
from tests.stories import NOW, PRESENTATION, ROOT, STORIES, delivered, findings_of, story, told

SCHEMA: Final = json.loads(
    (ROOT / "tests" / "schemas" / "custom_notification.schema.json").read_text(encoding="utf-8")
)
VALIDATOR: Final = Draft202012Validator(SCHEMA)
ALICE: Final = {"type": "IAMUser", "userName": "alice", "accountId": "111122223333"}
CALLED: Final[dict[str, Any]] = {
    "eventID": "e-1",
    "eventTime": "2026-11-17T08:55:12Z",
    "userIdentity": ALICE,
    "userAgent": "aws-cli/2.33.9",
    "sourceIPAddress": "198.51.100.7",
}
SSH: Final = opened("tcp 22 from 0.0.0.0/0", **CALLED)
ELSEWHERE: Final = opened("tcp 22 from 0.0.0.0/0", group_id="sg-0fedcba9876543210", **CALLED)
ACCEPTED: Final = """
[[opening]]
account = "111122223333"
protocol = "tcp"
ports = [443]
peers = ["0.0.0.0/0"]
owner = "shop@example.com"
reason = "It is public."
expires = 2027-06-30
"""
CONSOLE: Final = "https://eu-central-1.console.aws.amazon.com"
SMALLEST: Final = {"version": "1.0", "source": "custom", "content": {"description": "Something."}}


def description(*findings: Finding, **told_with: Any) -> list[str]:
    text: str = chat(*findings, **told_with)["content"]["description"]
    return text.split("\n")


def call_lines(*findings: Finding) -> list[str]:
    """The lines of the description from the first call on."""
    lines = description(*findings)
    first = next(number for number, line in enumerate(lines) if line.startswith("*TheCall*"))
    return lines[first:]


def next_steps(*findings: Finding, **told_with: Any) -> dict[str, str]:
    steps = chat(*findings, **{"presentation": PLAIN} | told_with)["content"]["nextSteps"]
    return dict(step.split(": ", 1) for step in steps)


def group(action: Action, group_id: str | None = "sg-0123456789abcdef0", **members: Any) -> Finding:
    called = {name: members.pop(name) for name in [*members] if name.startswith("event")}
    change = SecurityGroupChange(action=action, group_id=group_id, **members)
    return judged(change, **{"eventID": "e-2", "eventName": "TheCall"} | called)


# The schema --------------------------------------------------------------------------------------

REFUSED_BY_THE_SERVICE: dict[str, dict[str, Any]] = {
    "without-a-version": {"version": None},
    "another-version": {"version": "1.1"},
    "another-source": {"source": "aws.ec2"},
    "without-content": {"content": None},
    "without-a-description": {"content": {"title": "Something"}},
    "an-empty-description": {"content": {"description": ""}},
    "another-text-type": {"content": {"description": "x", "textType": "html"}},
    "a-step-that-is-no-text": {"content": {"description": "x", "nextSteps": [1]}},
    "eleven-steps": {"content": {"description": "x", "nextSteps": ["x"] * 11}},
    "long-title": {"content": {"description": "x", "title": "x" * 251}},
    "title-of-two-lines": {"content": {"description": "x", "title": "x\ny"}},
    "long-description": {"content": {"description": "x" * 3001}},
    "member-of-its-own": {"severity": "HIGH"},
    "member-of-its-own-in-content": {"content": {"description": "x", "severity": "HIGH"}},
    "member-of-its-own-in-metadata": {"metadata": {"severity": "HIGH"}},
    "context-that-is-no-text": {"metadata": {"additionalContext": {"worldOpen": True}}},
}


def test_schema_is_one_and_takes_the_smallest_notification() -> None:
    Draft202012Validator.check_schema(SCHEMA)

    VALIDATOR.validate(SMALLEST)


@pytest.mark.parametrize(
    "members", REFUSED_BY_THE_SERVICE.values(), ids=list(REFUSED_BY_THE_SERVICE)
)
def test_schema_refuses(members: dict[str, Any]) -> None:
    changed = {name: value for name, value in (SMALLEST | members).items() if value is not None}

    assert not VALIDATOR.is_valid(changed)


def test_limits_are_those_of_the_schema() -> None:
    content = SCHEMA["properties"]["content"]["properties"]

    assert content["title"]["maxLength"] == limits.LONGEST_TITLE
    assert content["description"]["maxLength"] == limits.LONGEST_DESCRIPTION
    assert content["nextSteps"]["maxItems"] == module.MOST_STEPS


@pytest.mark.parametrize("name", STORIES)
def test_every_story_is_valid(name: str) -> None:
    [finding] = findings_of(story(name))

    notification = chat(finding)

    VALIDATOR.validate(notification)
    assert f"{finding.judgement.severity.name}: " in notification["content"]["title"]
    assert all(isinstance(line, str) and line for line in notification["content"]["nextSteps"])
    # Every member that the schema knows is of use.
    assert notification.keys() == SCHEMA["properties"].keys()
    for part in ("content", "metadata"):
        assert notification[part].keys() == SCHEMA["properties"][part]["properties"].keys()


# What it says ------------------------------------------------------------------------------------


def test_opening_is_told_whole() -> None:
    assert chat(SSH, presentation=PLAIN)["content"] == {
        "textType": "client-markdown",
        "title": "🔴 CRITICAL: tcp 22 (SSH) open to the whole IPv4 Internet",
        "description": "\n".join(
            (
                "*Where:* payments-production 111122223333, eu-central-1",
                "*Who:* IAM user alice; AWS CLI from 198.51.100.7",
                "*When:* 2026-11-17 08:55:12 UTC (09:55:12 Europe/Berlin), 6 d 4 min ago",
                "*Ask:* payments, the account's owner",
                "OU: Root / Workloads",
                "*Why CRITICAL:* SSH, remote access: one stolen password or unpatched bug "
                "gives an attacker the machine",
                "*AuthorizeSecurityGroupIngress* on `sg-0123456789abcdef0`",
                "  + `ingress tcp 22 (SSH) from 0.0.0.0/0, the whole IPv4 Internet`",
            )
        ),
        "nextSteps": [
            f"Group: {CONSOLE}/ec2/home?region=eu-central-1"
            "#SecurityGroup:groupId=sg-0123456789abcdef0",
            "Undo: `aws ec2 revoke-security-group-ingress --region eu-central-1 "
            "--group-id sg-0123456789abcdef0 --ip-permissions "
            '\'[{"IpProtocol":"tcp","FromPort":22,"ToPort":22,'
            '"IpRanges":[{"CidrIp":"0.0.0.0/0"}]}]\'`',
            "What the group is attached to: `aws ec2 describe-network-interfaces "
            "--region eu-central-1 --filters Name=group-id,Values=sg-0123456789abcdef0 "
            "--query 'NetworkInterfaces[].{Id:NetworkInterfaceId,Used_by:Description,"
            "Instance:Attachment.InstanceId,Public:Association.PublicIp,"
            "IPv6:Ipv6Addresses[0].Ipv6Address,Private:PrivateIpAddress}' --output table`",
            "Which rules the group has now: `aws ec2 describe-security-group-rules "
            "--region eu-central-1 --filters Name=group-id,Values=sg-0123456789abcdef0 "
            "--query 'SecurityGroupRules[].{Id:SecurityGroupRuleId,Egress:IsEgress,"
            "Protocol:IpProtocol,From:FromPort,To:ToPort,IPv4:CidrIpv4,IPv6:CidrIpv6,"
            "List:PrefixListId,Group:ReferencedGroupInfo.GroupId,Description:Description}' "
            "--output table`",
            f"CloudTrail event: {CONSOLE}/cloudtrailv2/home?region=eu-central-1#/events/e-1",
        ],
        "keywords": ["CRITICAL", "security-group"],
    }


def test_severities_look_different() -> None:
    findings = [with_judgement(SSH, severity=severity) for severity in Severity]

    titles = [chat(finding)["content"]["title"] for finding in findings]

    assert [title.split()[1].rstrip(":") for title in titles] == [it.name for it in Severity]
    assert len({title.split()[0] for title in titles}) == len(Severity)


def test_what_happened_is_in_the_context_for_custom_actions() -> None:
    assert chat(SSH)["metadata"]["additionalContext"] == {
        "severity": "CRITICAL",
        "worldOpen": "true",
        "effect": "opens",
        "reach": "unknown",
    }


def test_description_of_a_rule_stands_beside_it_and_is_only_text() -> None:
    text = "see https://wiki <!channel> " + "x" * 300
    finding = with_change(SSH, added=(replace(rule("all from ::/0"), description=text),))

    line = description(finding)[-1]

    assert line == (
        "  + `ingress all traffic from ::/0, the whole IPv6 Internet` "
        f"`see https\uff3b:\uff3d//wiki \u2039!channel\u203a {'x' * 49}…`"
    )


def test_what_a_later_call_took_back_says_so() -> None:
    later = with_record(SSH, event_time=NOW - timedelta(minutes=9))
    deleted = group(Action.DELETE, eventTime="2026-11-23T08:55:00Z")
    alert, _ = alerts_of_delivery(later, deleted)

    notification = json.loads(module.chat_of(briefed(alert)))

    assert notification["content"]["description"].split("\n")[-1] == (
        "  ! The group was deleted at 08:55:00 UTC."
    )
    # Nor is there a page of it, or anything to undo.
    steps = [step.split(": ")[0] for step in notification["content"]["nextSteps"]]
    assert "Group" not in steps
    assert "Undo" not in steps


def test_what_may_be_a_repeat_says_so_first() -> None:
    alert = replace(alert_of(SSH), may_repeat=True)

    notification = json.loads(module.chat_of(briefed(alert)))

    assert notification["content"]["description"].startswith("! This may be a repeat: ")


LINES: dict[str, tuple[Finding, list[str]]] = {
    "rule-closed": (
        group(Action.REMOVE_RULES, removed=rules("tcp 22 from 0.0.0.0/0")),
        [
            "*TheCall* on `sg-0123456789abcdef0`",
            "  - `ingress tcp 22 (SSH) from 0.0.0.0/0, the whole IPv4 Internet`",
            "  ! Another rule may still keep the group open to the world.",
        ],
    ),
    "group-with-a-name": (
        group(Action.CREATE, group_name="web"),
        [
            '*TheCall* on `sg-0123456789abcdef0 "web"`',
        ],
    ),
    "group-that-is-not-named": (
        group(Action.ADD_RULES, group_id=None, is_omitted=True),
        [
            "*TheCall* on a group that is not named",
            "  ! CloudTrail left the rules out, as it does over 100 KB. Look at the group itself.",
        ],
    ),
    "prefix-list": (
        judged(
            PrefixListChange(
                action=Action.MODIFY,
                prefix_list_id="pl-0123456789abcdef0",
                added=(peer("0.0.0.0/1"),),
                removed=(peer("10.0.0.0/8"),),
            ),
            eventName="TheCall",
        ),
        [
            "*TheCall* on `pl-0123456789abcdef0`",
            "  + `0.0.0.0/1, 57% of the IPv4 Internet`",
            "  - `10.0.0.0/8, no public addresses`",
        ],
    ),
    "prefix-list-closed": (
        judged(
            PrefixListChange(
                action=Action.MODIFY,
                prefix_list_id="pl-0123456789abcdef0",
                removed=(peer("0.0.0.0/0"),),
            ),
            eventName="TheCall",
        ),
        [
            "*TheCall* on `pl-0123456789abcdef0`",
            "  - `0.0.0.0/0, the whole IPv4 Internet`",
            "  ! Another world-open range may still be in the list.",
        ],
    ),
    "record-that-cannot-be-read": (
        unreadable_finding(record(eventName="TheCall"), "groupId: expected text", excerpt="{"),
        [
            "*TheCall*",
            "  ! `groupId: expected text`",
        ],
    ),
    "log-event-that-is-none": (
        unreadable_finding(record(), "not JSON", excerpt="{"),
        ["*A log event*", "  ! `not JSON`"],
    ),
    "accepted": (
        with_judgement(
            opened("tcp 443 from 0.0.0.0/0", eventName="TheCall"),
            severity=Severity.INFORMATIONAL,
            acceptance=Acceptance(
                used=accepted_openings_in(ACCEPTED, today=NOW.date()).entries, covers_all=True
            ),
        ),
        [
            "*TheCall* on `sg-0123456789abcdef0`",
            "  + `ingress tcp 443 (HTTPS) from 0.0.0.0/0, the whole IPv4 Internet`",
            "  ! Accepted until 2027-06-30 by shop\uff20example.com: It is public.",
        ],
    ),
    "denied": (
        opened("all from 0.0.0.0/0", errorCode="Client.UnauthorizedOperation", eventName="TheCall"),
        [
            "*TheCall* on `sg-0123456789abcdef0`",
            "  + `ingress all traffic from 0.0.0.0/0, the whole IPv4 Internet`",
            "  AWS answered `Client.UnauthorizedOperation`: nothing changed.",
        ],
    ),
}


@pytest.mark.parametrize(("finding", "lines"), LINES.values(), ids=LINES)
def test_call_in_lines(finding: Finding, lines: list[str]) -> None:
    text = description(finding)

    facts, call = text[: -len(lines)], text[-len(lines) :]
    assert call == lines
    reasons = call_of(finding).reasons
    severity = finding.judgement.severity.name
    assert [fact.split(":")[0] for fact in facts] == [
        *("*Where", "*Who", "*Ask", "OU"),
        *([f"*Why {severity}"] if reasons else []),
    ]


def test_headline_is_said_once_and_of_each_other_call() -> None:
    """Where only the headline says what was done, a call of several needs its own."""
    one, two = (
        group(Action.CREATE, group_id=f"sg-0000000{it}", group_name=name, eventID=f"e-{it}")
        for it, name in enumerate(("web", "database"))
    )

    assert "security group web created" not in "\n".join(description(one))
    assert call_lines(one, two) == [
        '*TheCall* on `sg-00000000 "web"`',
        "  security group web created",
        '*TheCall* on `sg-00000001 "database"`',
        "  security group database created",
    ]


def test_record_that_cannot_be_read_is_told_by_its_name_among_others() -> None:
    unreadable = [
        unreadable_finding(record(eventName="TheCall", eventID=it), f"{it}: …", excerpt="{")
        for it in ("e-1", "e-2")
    ]

    assert call_lines(*unreadable) == [
        "*TheCall*: unreadable record of TheCall",
        "  ! `e-1: …`",
        "*TheCall*: unreadable record of TheCall",
        "  ! `e-2: …`",
    ]


def test_what_is_true_of_each_call_is_said_once() -> None:
    removed = [
        group(Action.REMOVE_RULES, group_id=it, removed=rules("all from ::/0"), eventID=it)
        for it in ("sg-00000001", "sg-00000002")
    ]

    lines = call_lines(*removed)

    assert len(lines) == 5
    assert lines[-1] == (
        "! For each of these calls: Another rule may still keep the group open to the world."
    )


def test_accepted_opening_that_is_malformed_is_nobodys_and_nowhere() -> None:
    notification = chat(configuration_finding("accepted_openings.toml, entry 2, owner: …"))

    VALIDATOR.validate(notification)
    assert notification["content"]["description"].split("\n") == [
        "*Accepted openings*",
        "  ! `accepted_openings.toml, entry 2, owner: …`",
        "  ! Fix it in accepted_openings.toml and deploy: until then, it accepts nothing.",
    ]
    assert notification["content"]["nextSteps"] == []


def test_trail_that_sees_less_from_now_on() -> None:
    [finding] = findings_of(story("organization-trail-stopped"))

    assert chat(finding)["metadata"]["relatedResources"][-1].endswith("organization-trail")
    lines = description(finding)
    stop = next(number for number, line in enumerate(lines) if line.startswith("*StopLogging* on"))
    assert lines[stop].endswith("organization-trail`")
    # The headline says what was done, and this what follows.
    assert lines[stop + 1 :] == []
    assert lines[stop - 1] == (
        "*Why CRITICAL:* it no longer records anything; until that is fixed, this alerter misses "
        "changes"
    )


def test_settings_of_a_trail_are_named() -> None:
    change = TrailChange(
        action=TrailAction.UPDATE,
        trail="application",
        settings=(("s3BucketName", "<!here>"), ("enableLogFileValidation", False)),
    )

    assert call_lines(judged(change, eventName="TheCall")) == [
        "*TheCall* on `application`",
        "  Bucket: \u2039!here\u203a",
        "  Log file validation off",
        "  ! Log files now go to the bucket named above. Check that it is yours: the record does "
        "not say where they went before.",
    ]


def test_refusal_names_the_policy() -> None:
    denied = with_record(
        opened("all from ::/0", errorCode="Client.UnauthorizedOperation", **CALLED),
        refusal=Refusal(message="No.", policy="with an explicit deny in a service control policy"),
    )

    assert description(denied)[-2:] == [
        "  AWS answered `Client.UnauthorizedOperation`: nothing changed.",
        "  Refused because: with an explicit deny in a service control policy",
    ]
    assert "Undo" not in next_steps(denied)


def test_parameter_that_is_newer_than_the_alerter_is_named() -> None:
    change = SecurityGroupChange(
        action=Action.ADD_RULES, group_id="sg-1", unknown_parameters=("Quantum",)
    )

    assert "  ! The call also sets Quantum, which this alerter does not know." in description(
        judged(change, eventName="TheCall")
    )


def test_what_the_record_does_not_tell_is_said_to_be_missing() -> None:
    nameless = with_record(SSH, account_id=None, region=None, event_time=None, event_id=None)

    notification = chat(nameless, facts=AccountFacts())

    VALIDATOR.validate(notification)
    lines = notification["content"]["description"].split("\n")
    assert lines[0] == "*Where:* account not recorded, Region not recorded"
    assert not any(line.startswith("*When:*") for line in lines)
    assert notification["metadata"]["relatedResources"] == ["sg-0123456789abcdef0"]
    assert notification["metadata"]["threadId"] == "no-account-sg-0123456789abcdef0"
    # Without a Region there is no command to speak of.
    assert notification["content"]["nextSteps"] == ["Not planned? Close it now."]


def test_account_without_a_name_is_told_by_its_id_once() -> None:
    assert description(SSH, facts=AccountFacts())[0] == "*Where:* 111122223333, eu-central-1"


# Threads and resources ---------------------------------------------------------------------------


def thread(*findings: Finding) -> str:
    thread_id: str = chat(*findings)["metadata"]["threadId"]
    return thread_id


def test_opening_and_its_end_share_a_thread() -> None:
    closed = group(Action.REMOVE_RULES, removed=rules("tcp 22 from 0.0.0.0/0"))

    assert closed.judgement.severity is not SSH.judgement.severity
    assert thread(SSH) == thread(closed) == "111122223333-sg-0123456789abcdef0"


def test_opening_and_its_end_share_a_thread_in_the_stories() -> None:
    [before], [after] = (
        findings_of(story(name))
        for name in ("ssh-opened-to-the-world-from-the-console", "ssh-closed-to-the-world")
    )

    assert thread(before) == thread(after)


OTHER_THREADS = {
    "another-group": opened("tcp 22 from 0.0.0.0/0", group_id="sg-0fedcba9876543210"),
    "another-account": with_record(SSH, account_id="444455556666"),
    "a-prefix-list": LINES["prefix-list"][0],
}


@pytest.mark.parametrize("other", OTHER_THREADS.values(), ids=OTHER_THREADS)
def test_other_thread(other: Finding) -> None:
    assert thread(other) != thread(SSH)


EXPOSED_GROUP: Final = Resource(
    kind=SubjectKind.SECURITY_GROUP, id="sg-0123456789abcdef0", account_id="111122223333"
)
EXPOSED_LIST: Final = Resource(
    kind=SubjectKind.PREFIX_LIST, id="pl-0123456789abcdef0", account_id="111122223333"
)


def thread_about(finding: Finding, *resources: Resource) -> str:
    """The thread of an alert that is about exposures of these."""
    [entry] = delivered((finding,))
    news = tuple(
        ExposureNews(
            resource=resource, key="k", uid="u", activity=Activity.CREATE, status=Status.NEW
        )
        for resource in resources
    )
    alert = replace(alert_of(finding), delivered=(replace(entry, exposures=news),))
    thread_id: str = json.loads(module.chat_of(briefed(alert)))["metadata"]["threadId"]
    return thread_id


def test_what_a_rule_opens_by_a_list_is_in_the_thread_of_the_list() -> None:
    by_list = opened("tcp 22 from pl-0123456789abcdef0")
    edited = LINES["prefix-list"][0]

    assert thread_about(by_list, EXPOSED_LIST) == thread_about(edited, EXPOSED_LIST)
    assert thread(edited) == "111122223333-pl-0123456789abcdef0"


def test_what_a_rule_opens_beside_a_list_is_in_the_thread_of_the_group() -> None:
    assert thread_about(SSH, EXPOSED_LIST, EXPOSED_GROUP) == thread(SSH)
    assert thread_about(SSH, EXPOSED_GROUP, EXPOSED_GROUP) == thread(SSH)


def test_several_groups_are_told_in_a_thread_of_the_account() -> None:
    assert thread(SSH, ELSEWHERE) == "111122223333-security-group"


def test_account_region_and_groups_are_related_once_each() -> None:
    assert chat(SSH, ELSEWHERE, SSH)["metadata"]["relatedResources"] == [
        "account 111122223333",
        "Region eu-central-1",
        "sg-0123456789abcdef0",
        "sg-0fedcba9876543210",
    ]


# Next steps --------------------------------------------------------------------------------------


def test_runbook_comes_first_where_it_pages() -> None:
    with_runbook = replace(PLAIN, runbook_url=RUNBOOK)

    assert chat(SSH, presentation=with_runbook)["content"]["nextSteps"][0] == f"Runbook: {RUNBOOK}"
    low = opened("tcp 22 from 10.0.0.0/8")
    assert low.judgement.severity is Severity.LOW
    assert "Runbook" not in next_steps(low, presentation=with_runbook)


def test_links_go_through_the_access_portal_where_there_is_one() -> None:
    steps = next_steps(SSH, presentation=PRESENTATION)

    start = "https://d-1234567890.awsapps.com/start/#/console?account_id=111122223333&role_name="
    assert steps["Group"].startswith(start)
    assert steps["CloudTrail event"].startswith(start)


def test_undo_that_opens_the_world_says_so() -> None:
    steps = next_steps(group(Action.REMOVE_RULES, removed=rules("tcp 22 from 0.0.0.0/0")))

    assert "Undo" not in steps
    assert steps["Undo (this opens it to the world again)"].startswith(
        "`aws ec2 authorize-security-group-ingress "
    )


def test_harmless_change_is_not_to_be_looked_into() -> None:
    low = opened("tcp 22 from 10.0.0.0/8", eventID="e-3")

    assert list(next_steps(low)) == ["Group", "Undo", "CloudTrail event"]


def test_commands_that_are_too_long_to_copy_are_left_to_the_email() -> None:
    many = opened(*(f"tcp 22 from 3.{block}.0.0/16" for block in range(60)))
    calls = [opened("tcp 22 from 0.0.0.0/0", group_id=f"sg-{number:017x}") for number in range(100)]

    assert next_steps(many)["Undo"] == "1 command, in the e-mail."
    assert not any("describe" in step for step in chat(*calls)["content"]["nextSteps"])


def test_worst_call_is_there_however_long_its_rules_are() -> None:
    texts = [f"tcp {port} from 3.0.0.0/8" for port in range(20, 40)]
    long = tuple(replace(it, description="x" * 255) for it in rules(*texts))
    finding = with_change(opened(*texts, **CALLED), added=long, removed=long)

    lines = description(finding)

    assert lines[6] == "*AuthorizeSecurityGroupIngress* on `sg-0123456789abcdef0`"
    assert lines[7].startswith("  + `ingress tcp ")
    assert lines[-1] == "  … the rest is in the e-mail"
    assert len("\n".join(lines)) <= limits.LONGEST_DESCRIPTION


def test_there_are_ten_steps_at_the_most() -> None:
    calls = [
        opened("tcp 22 from 0.0.0.0/0", group_id=f"sg-{number:017x}", eventID=f"e-{number}")
        for number in range(12)
    ]

    with_runbook = replace(PLAIN, runbook_url=RUNBOOK)
    steps = chat(*calls, presentation=with_runbook)["content"]["nextSteps"]

    assert len(steps) == 10
    assert [step.split(": ")[0] for step in steps] == [
        "Runbook",
        *("Undo", "Undo", "Undo", "Undo", "Undo"),
        "What the group is attached to",
        "Which rules the group has now",
        "Group",
        "CloudTrail event",
    ]
    # The last call first.
    for step, number in zip(steps[1:5], (11, 10, 9, 8), strict=True):
        assert step.startswith("Undo: `aws ec2 revoke-security-group-ingress ")
        assert f"sg-{number:017x}" in step
    assert steps[5] == "Undo: 8 more commands, in the e-mail."


def test_no_command_is_passed_over_to_get_to_a_shorter_one() -> None:
    long = [f"tcp 22 from 3.{block}.0.0/16" for block in range(59)]
    calls = [
        opened("tcp 22 from 3.0.0.0/8", eventTime="2026-11-17T08:00:00Z"),
        opened("tcp 22 from 4.0.0.0/8", *long, eventTime="2026-11-17T08:00:01Z"),
        opened("tcp 22 from 5.0.0.0/8", eventTime="2026-11-17T08:00:02Z"),
    ]

    steps = [it for it in chat(*calls)["content"]["nextSteps"] if it.startswith("Undo")]

    assert len(steps) == 2
    assert "5.0.0.0/8" in steps[0]
    assert steps[1] == "Undo: 2 more commands, in the e-mail."


def test_what_is_accepted_is_not_to_be_undone() -> None:
    assert "Undo" in next_steps(opened("tcp 443 from 0.0.0.0/0"))
    assert "Undo" not in next_steps(LINES["accepted"][0])


# What is left out --------------------------------------------------------------------------------


def test_worst_of_fifty_nine_rules_come_first_and_the_rest_is_counted() -> None:
    private = [f"tcp 22 from 10.0.{block}.0/24" for block in range(55)]
    worse = ["tcp 22 from 8.8.8.8/32", "tcp 22 from 3.0.0.0/8", "tcp 443 from ::/0"]
    finding = opened(*private, *worse, "tcp 22 from ::/0", eventName="TheCall")

    notification = chat(finding)

    VALIDATOR.validate(notification)
    lines = call_lines(finding)
    assert len(lines) == 1 + 10 + 1
    assert lines[1:6] == [
        "  + `ingress tcp 22 (SSH) from ::/0, the whole IPv6 Internet`",
        "  + `ingress tcp 22 (SSH) from 3.0.0.0/8, 16.7 million addresses`",
        "  + `ingress tcp 443 (HTTPS) from ::/0, the whole IPv6 Internet`",
        "  + `ingress tcp 22 (SSH) from 8.8.8.8/32`",
        "  + `ingress tcp 22 (SSH) from 10.0.0.0/24, no public addresses`",
    ]
    assert lines[11] == "  + and 49 more: see the e-mail or the event"


def test_widest_of_many_ranges_of_a_prefix_list_come_first() -> None:
    narrow = [peer(f"10.0.{block}.0/24") for block in range(20)]
    finding = judged(
        PrefixListChange(
            action=Action.MODIFY,
            prefix_list_id="pl-0123456789abcdef0",
            added=(*narrow, peer("3.0.0.0/8"), peer("::/0"), peer("0.0.0.0/1")),
        ),
        eventName="TheCall",
    )

    _, *lines = call_lines(finding)

    assert lines[:3] == [
        "  + `::/0, the whole IPv6 Internet`",
        "  + `0.0.0.0/1, 57% of the IPv4 Internet`",
        "  + `3.0.0.0/8, 16.7 million addresses`",
    ]
    assert lines[10] == "  + and 13 more: see the e-mail or the event"


def burst() -> Iterator[Finding]:
    """Five hundred calls that are told together; one of the last opens more than the others."""
    for number in range(500):
        ranges = "0.0.0.0/0" if number == 490 else "3.0.0.0/8"
        finding = opened(f"tcp 22 from {ranges}", group_id=f"sg-{number:017x}", eventID=f"{number}")
        effect = SSH.judgement.effect
        yield with_judgement(finding, severity=Severity.HIGH, world_open=False, effect=effect)


def test_worst_of_five_hundred_calls_come_first_and_the_rest_is_counted() -> None:
    told_of = 0
    for message in told(burst(), presentation=PLAIN):
        notification = json.loads(json.loads(message.body)["https"])
        VALIDATOR.validate(notification)
        lines = notification["content"]["description"].split("\n")
        calls = [line for line in lines if line.startswith("*Authorize")]
        assert len(calls) > 10
        if "490" in message.event_ids:
            assert calls[0].endswith(f"`sg-{490:017x}`")
        left = len(message.event_ids) - len(calls)
        assert lines[-1] == f"… and {left} more calls, all in the e-mail and the machine form."
        told_of += len(message.event_ids)
        count = len(message.event_ids)
        assert f"{count} calls on {count} groups, the worst: " in notification["content"]["title"]
    assert told_of == 500


def test_related_resources_are_the_first_fifty() -> None:
    message = next(told(burst()))

    resources = json.loads(json.loads(message.body)["https"])["metadata"]["relatedResources"]
    assert resources[:3] == ["account 111122223333", "Region eu-central-1", f"sg-{0:017x}"]
    assert len(resources) == 50


@pytest.mark.parametrize("text", ["<!channel>", "`", "x" * 5000, "\U0010ffff" * 5000, "𓀀" * 5000])
def test_hostile_names_leave_the_call_to_be_seen(text: str) -> None:
    for finding in findings_of(*map(story, CALLS)):
        record = finding.record
        assert record is not None
        hostile = with_record(
            renamed(finding, text),
            principal=replace(record.principal, person=text, role_name=text, invoked_by=text),
            session=replace(record.session, source_address=text, user_agent=text),
            region=text,
            error_code=record.error_code and text,
        )

        lines = description(hostile, facts=AccountFacts(name=text))

        assert sum(line.startswith(f"*{record.event_name}*") for line in lines) == 1
        assert not any("more call" in line for line in lines)
