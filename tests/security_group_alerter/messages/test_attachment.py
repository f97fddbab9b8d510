"""What is said of groups that a network interface or an instance was given."""

import json
import shlex
from dataclasses import replace
from datetime import date
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from security_group_alerter.judgement.attachments import attachment_finding
from security_group_alerter.judgement.findings import Standards
from security_group_alerter.messages.changed import phrase_of
from security_group_alerter.messages.limits import LIMITS, Limits
from security_group_alerter.model.acceptance import AcceptedOpening
from security_group_alerter.model.attachment import KnownGroup
from security_group_alerter.model.change import AttachmentChange
from security_group_alerter.model.exposure_life import Resource
from security_group_alerter.model.finding import Finding
from security_group_alerter.model.group_state import GroupState, Look
from security_group_alerter.model.rules import PortRange
from security_group_alerter.model.subject import SubjectKind
from tests.security_group_alerter.builders import TODAY, calmly, judged, peer, record, rules
from tests.security_group_alerter.messages.forms import (
    QUERIES,
    briefing_for,
    call_of,
    chat,
    machine,
    sms,
)
from tests.stories import NOW, told

ENI: Final = "eni-0f7be690ced904db8"
INSTANCE: Final = "i-07f3e19c2b5d8a640"
ONE, TWO, THREE = "sg-0d672b96fe85008d5", "sg-0c1da023712fed568", "sg-0e7c41b29f5d8a360"
ELSEWHERE: Final = frozenset({"eni-0aaaaaaaaaaaaaaa1"})
SSH: Final = KnownGroup(rules=rules("tcp 22 from 0.0.0.0/0"), attached_to=ELSEWHERE)
RDP: Final = KnownGroup(rules=rules("tcp 3389 from 0.0.0.0/0"), attached_to=frozenset({ENI}))
INSIDE: Final = KnownGroup(rules=rules("tcp 443 from 10.0.0.0/8"), attached_to=ELSEWHERE)
SSH_WORDS: Final = "tcp 22 (SSH) open to the whole IPv4 Internet"
SSH_ACCEPTED: Final = AcceptedOpening(
    account_id="111122223333",
    region=None,
    group_id=None,
    protocol="tcp",
    ports=(PortRange(22, 22),),
    peers=(peer("0.0.0.0/0"),),
    owner="network",
    reason="bastion",
    expires=date(2027, 3, 31),
)
DENIED: Final[dict[str, Any]] = {"errorCode": "Client.UnauthorizedOperation"}


def attached(
    groups: dict[str, KnownGroup | None],
    *accepted: AcceptedOpening,
    change: dict[str, Any] | None = None,
    **members: object,
) -> Finding:
    """The finding for a call that sets these groups on an interface."""
    members = {"eventName": "ModifyNetworkInterfaceAttribute", "eventID": "e-1"} | members
    return attachment_finding(
        record(**members),
        AttachmentChange(**{"group_ids": tuple(groups), "interface_id": ENI} | (change or {})),
        Standards(accepted=accepted),
        known={name: group for name, group in groups.items() if group is not None},
        today=TODAY,
    )


ON_INSTANCE: Final = {"interface_id": None, "instance_id": INSTANCE}
UNREADABLE: Final = {"problems": ("groupSet[1]: expected a group id, found 'web'",)}

HEADLINES: Final = {
    "open": (
        attached({ONE: INSIDE, TWO: SSH}),
        f"an open group was attached to {ENI}: {SSH_WORDS} through {TWO}",
    ),
    "open-on-an-instance": (
        attached({ONE: SSH}, change=ON_INSTANCE),
        f"an open group was attached to {INSTANCE}: {SSH_WORDS} through {ONE}",
    ),
    "two-that-are-open": (
        attached({ONE: KnownGroup(rules=rules("tcp 443 from ::/0")), TWO: SSH}),
        f"2 open groups were attached to {ENI}: {SSH_WORDS} through {TWO}",
    ),
    "not-known": (attached({ONE: None, TWO: None}), f"groups of {ENI} set to {ONE} and {TWO}"),
    "many": (
        attached({f"sg-0000000{number}": None for number in range(5)}),
        f"groups of {ENI} set to sg-00000000, sg-00000001, sg-00000002 and 2 more",
    ),
    "open-and-there-before": (attached({ONE: RDP}), f"groups of {ENI} set to {ONE}"),
    "of-what-is-not-named": (
        attached({ONE: None}, change={"interface_id": None}),
        f"groups of an interface or instance that is not named set to {ONE}",
    ),
    "in-part-unreadable": (
        attached({ONE: None}, change=UNREADABLE),
        f"groups of {ENI} set to {ONE}, others unreadable: cannot judge",
    ),
    "accepted": (
        attached({ONE: SSH}, SSH_ACCEPTED),
        f"accepted: an open group was attached to {ENI}: {SSH_WORDS} through {ONE}",
    ),
    "accepted-in-part": (
        attached(
            {ONE: KnownGroup(rules=rules("tcp 22 from 0.0.0.0/0", "tcp 3389 from 0.0.0.0/0"))},
            SSH_ACCEPTED,
        ),
        f"an open group was attached to {ENI}: tcp 3389 (RDP) open to the whole IPv4 Internet "
        f"through {ONE}",
    ),
    "open-and-denied": (
        attached({ONE: SSH}, **DENIED),
        f"denied attempt to attach an open group to {ENI}: {SSH_WORDS} through {ONE}",
    ),
    "denied": (
        attached({ONE: None}, **DENIED),
        f"denied attempt to set groups of {ENI}: {ONE}",
    ),
    "denied-without-a-group": (
        attached({}, change=UNREADABLE, **DENIED),
        f"denied attempt to set groups of {ENI}: what the record does not name",
    ),
}


@pytest.mark.parametrize(("finding", "expected"), HEADLINES.values(), ids=HEADLINES)
def test_headline(finding: Finding, expected: str) -> None:
    assert phrase_of(finding) == expected


def test_by_the_record_alone() -> None:
    finding = judged(AttachmentChange(group_ids=(ONE,), interface_id=ENI))

    assert phrase_of(finding) == f"groups of {ENI} set to {ONE}"
    assert call_of(finding).changed.notes == (f"What {ONE} lets in is not known.",)


def items(finding: Finding, limits: Limits = LIMITS[0]) -> list[str]:
    lists = briefing_for(finding, limits=limits).worst.changed.lists
    return [f"{it.mark} {item.text}" for it in lists for item in it.items]


def test_every_group_is_listed_and_those_that_open_something_first() -> None:
    finding = attached({ONE: RDP, TWO: INSIDE, "sg-00000001": None, THREE: SSH})

    assert items(finding) == [
        f"+ {THREE}: {SSH_WORDS}",
        f"= {ONE}, attached before: tcp 3389 (RDP) open to the whole IPv4 Internet",
        f"= {TWO}, not open to the world",
        "= sg-00000001",
    ]
    assert items(finding, LIMITS[-1]) == []


def test_an_accepted_group_is_named_beside_one_that_is_not() -> None:
    finding = attached({ONE: SSH, TWO: KnownGroup(rules=rules("all from ::/0"))}, SSH_ACCEPTED)

    assert items(finding) == [
        f"+ {TWO}: all traffic open to the whole IPv6 Internet",
        f"+ {ONE}: {SSH_WORDS}, which is accepted",
    ]


TAKEN_OFF: Final = (
    "What the call took off is not known: the record names only the groups that it set."
)


@pytest.mark.parametrize(
    ("finding", "notes"),
    [
        pytest.param(attached({ONE: SSH}), [TAKEN_OFF], id="open"),
        pytest.param(
            attached({ONE: KnownGroup(rules=SSH.rules), TWO: None}),
            [
                TAKEN_OFF,
                f"What {TWO} lets in is not known.",
                f"Whether it had {ONE} before is not known.",
            ],
            id="open-and-little-is-known",
        ),
        pytest.param(
            attached({ONE: RDP}),
            [f"Open to the world, but was there already at the last look: {ONE}."],
            id="there-before",
        ),
        pytest.param(
            attached({ONE: RDP, TWO: RDP}),
            [f"Open to the world, but were there already at the last look: {ONE} and {TWO}."],
            id="both-there-before",
        ),
        pytest.param(
            attached({ONE: None, TWO: None}),
            [f"What {ONE} and {TWO} let in is not known."],
            id="nothing-known",
        ),
        pytest.param(attached({ONE: INSIDE}), [], id="private"),
        pytest.param(attached({ONE: None}, **DENIED), [], id="denied"),
        pytest.param(
            attached({ONE: SSH}, SSH_ACCEPTED),
            ["Accepted until 2027-03-31 by network: bastion", TAKEN_OFF],
            id="accepted",
        ),
    ],
)
def test_what_a_reader_must_not_overlook(finding: Finding, notes: list[str]) -> None:
    assert [*call_of(finding).changed.notes] == notes


# --- The way back, and what to look at ------------------------------------------------------------

NOT_RECORDED: Final = "the groups that it had before are not in the record"


@pytest.mark.parametrize(
    ("finding", "command"),
    [
        pytest.param(
            attached({ONE: RDP, TWO: SSH, THREE: None}),
            f"modify-network-interface-attribute --region eu-central-1 "
            f"--network-interface-id {ENI} --groups {ONE} {THREE}",
            id="of-an-interface",
        ),
        pytest.param(
            attached({ONE: INSIDE, TWO: SSH}, change=ON_INSTANCE),
            f"modify-instance-attribute --region eu-central-1 "
            f"--instance-id {INSTANCE} --groups {ONE}",
            id="of-an-instance",
        ),
    ],
)
def test_the_open_group_is_taken_off_and_the_others_stay(finding: Finding, command: str) -> None:
    [step] = call_of(finding).changed.undo.commands

    assert step.text == f"aws ec2 {command}"
    assert step.does == f"Take {TWO} off again, and keep the other groups that the call set"
    assert step.warning is None


@pytest.mark.parametrize(
    ("finding", "reason"),
    [
        pytest.param(attached({ONE: SSH}), NOT_RECORDED, id="no-group-is-left"),
        pytest.param(attached({ONE: None, TWO: INSIDE}), NOT_RECORDED, id="nothing-opened"),
        pytest.param(
            attached({ONE: SSH, TWO: INSIDE}, change=UNREADABLE), NOT_RECORDED, id="unreadable"
        ),
        pytest.param(
            attached({ONE: SSH, "sg-x": None}),
            "the id of a group in the record does not have the form of one of AWS's",
            id="a-strange-group",
        ),
        pytest.param(
            attached({ONE: SSH, TWO: None}, change={"interface_id": "eni-x"}),
            "the interface's id in the record does not have the form of one of AWS's",
            id="a-strange-interface",
        ),
        pytest.param(
            attached({ONE: SSH, TWO: None}, change={"interface_id": None}),
            "the record does not hold what a command needs",
            id="of-what-is-not-named",
        ),
        pytest.param(attached({ONE: SSH}, **DENIED), "nothing changed", id="denied"),
    ],
)
def test_there_is_no_command(finding: Finding, reason: str) -> None:
    undo = call_of(finding).changed.undo

    assert (undo.commands, undo.reason) == ((), reason)


@pytest.mark.parametrize(
    ("change", "call"),
    [
        ({}, ["describe-network-interfaces", "--network-interface-ids", ENI]),
        (ON_INSTANCE, ["describe-instances", "--instance-ids", INSTANCE]),
    ],
    ids=["interface", "instance"],
)
def test_what_to_look_at(change: dict[str, Any], call: list[str]) -> None:
    looks = briefing_for(attached({ONE: SSH, TWO: INSIDE}, change=change)).looks

    carrier, group = (shlex.split(command) for _, command, _ in looks)
    assert carrier[2:3] + carrier[5:7] == call
    assert carrier[7:9] == ["--query", next(it for it in QUERIES if it == carrier[8])]
    assert group[2] == "describe-security-group-rules"
    assert f"Name=group-id,Values={ONE}" in group


def test_of_several_open_groups_the_rules_of_each_are_looked_at() -> None:
    *_, (_, command, _) = briefing_for(attached({ONE: SSH, TWO: SSH, THREE: RDP})).looks

    assert f"Name=group-id,Values={ONE},{TWO}" in command


def test_rules_that_a_look_showed_need_no_command() -> None:
    finding = attached({ONE: SSH, TWO: SSH})
    resource = Resource(
        kind=SubjectKind.SECURITY_GROUP, id=ONE, account_id="111122223333", region="eu-central-1"
    )
    for has_all_rules, shown in ((True, TWO), (False, f"{ONE},{TWO}")):
        state = GroupState(resource=resource, seen_at=NOW, has_all_rules=has_all_rules)

        *_, (_, command, _) = briefing_for(replace(finding, look=Look(state=state))).looks

        assert f"Name=group-id,Values={shown} " in command


@calmly
@given(*[st.text(st.sampled_from("sgieni-0123456789abcdef$`;&|'\"\n -"))] * 4)
def test_nothing_that_somebody_typed_reaches_a_command(
    one: str, two: str, interface_id: str, instance_id: str
) -> None:
    names = {"interface_id": interface_id, "instance_id": instance_id}
    briefing = briefing_for(attached({one: SSH, two: None, THREE: INSIDE}, change=names))

    commands = [command for _, command, _ in briefing.looks]
    for command in [*commands, *(step.command.text for step in briefing.undo)]:
        assert shlex.join(words := shlex.split(command)) == command
        assert not {one, two, *names.values()} & {*words} - {"-", *"0123456789", THREE}


# --- The forms ------------------------------------------------------------------------------------

OPEN: Final = HEADLINES["open"][0]


def test_email_of_an_open_group() -> None:
    [message] = told([OPEN])
    email = json.loads(message.body)["email"].split("\n")

    assert email[0] == f"CRITICAL: {HEADLINES['open'][1]}"
    assert f"Group: {TWO} on {ENI}" in email
    assert (
        "Why CRITICAL: SSH, remote access: one stolen password or unpatched bug gives an "
        "attacker the machine." in email
    )
    assert f"  + {TWO}: {SSH_WORDS}" in email
    assert message.subject.startswith(
        f"CRITICAL: an open group was attached to {ENI}: tcp 22 (SSH)"
    )
    attributes = {"severity": "CRITICAL", "world_open": "true", "effect": "opens"}
    assert attributes.items() <= message.attributes.items()


def test_email_says_why_where_nothing_is_known_to_be_open() -> None:
    [message] = told([attached({ONE: None}, change=UNREADABLE)])
    email = json.loads(message.body)["email"].split("\n")

    assert "Why HIGH: the record does not show everything that changed." in email
    assert "1. Look at the groups that it has now." in email
    assert "  ! Not readable, so not judged: groupSet[1]: expected a group id, found 'web'" in email


def test_email_of_a_denied_attempt_says_why_it_is_sent() -> None:
    [message] = told([attached({ONE: SSH}, **DENIED)])
    email = json.loads(message.body)["email"]

    assert "Why MEDIUM: it would have let the Internet in" in email


def test_email_names_a_parameter_that_nobody_knows() -> None:
    [message] = told([attached({ONE: None}, change={"unknown_parameters": ("zone",)})])

    assert "! The call also sets zone, which this alerter does not know." in message.body


def test_chat_names_the_open_group() -> None:
    notification = chat(OPEN)

    assert f"+ `{TWO}: {SSH_WORDS}`" in notification["content"]["description"]
    assert notification["metadata"]["threadId"] == f"111122223333-{TWO}"


def test_sms_says_what_is_open() -> None:
    assert sms(OPEN).startswith(f"CRITICAL an open group was attached to {ENI}: tcp 22 (SSH)")


def test_machine_form_has_every_group() -> None:
    finding = attached({ONE: RDP, TWO: SSH, THREE: None}, SSH_ACCEPTED)

    document = machine(finding)

    [evidence] = document["evidences"]
    assert evidence["data"]["network_interface_id"] == ENI
    assert evidence["data"]["groups"] == [
        {"group_id": TWO, "world_open": True, "was_attached": False, "is_accepted": True},
        {"group_id": ONE, "world_open": True, "was_attached": True},
        {"group_id": THREE},
    ]
    assert [it["uid"] for it in document["resources"]] == [TWO]
    [attack] = document["finding_info"]["attacks"]
    assert attack["sub_technique"]["uid"] == "T1562.007"


def test_machine_form_of_what_opens_nothing_names_no_attack() -> None:
    assert "attacks" not in machine(attached({ONE: INSIDE}))["finding_info"]
