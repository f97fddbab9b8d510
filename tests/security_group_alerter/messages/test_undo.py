"""The command that undoes a change: complete where the record tells enough, and never invented."""

import json
import re
import shlex
from dataclasses import replace
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from security_group_alerter.messages.undo import LONGEST_COMMAND, NOT_ENOUGH, Undo
from security_group_alerter.model.change import (
    Action,
    Change,
    PrefixListChange,
    SecurityGroupChange,
    TrailAction,
    TrailChange,
)
from security_group_alerter.model.finding import Effect, Finding
from security_group_alerter.model.rules import SecurityGroupRule
from security_group_alerter.model.severity import Severity
from tests.security_group_alerter.builders import (
    judged,
    peer,
    rule,
    rules,
    with_judgement,
    with_record,
)
from tests.security_group_alerter.messages.forms import briefing_for, call_of, texts_of
from tests.stories import told

GROUP: Final = "sg-0123456789abcdef0"
VPC: Final = "vpc-0123456789abcdef0"
PREFIX_LIST: Final = "pl-0123456789abcdef0"


def group_change(action: Action, **members: Any) -> SecurityGroupChange:
    return SecurityGroupChange(**{"action": action, "group_id": GROUP} | members)


def prefix_list_change(action: Action, **members: Any) -> PrefixListChange:
    return PrefixListChange(**{"action": action, "prefix_list_id": PREFIX_LIST} | members)


def with_ids(*texts: str) -> tuple[SecurityGroupRule, ...]:
    return tuple(
        replace(rule(text), rule_id=f"sgr-{number:017x}") for number, text in enumerate(texts)
    )


OF_ANOTHER_ACCOUNT: Final = replace(
    rule(f"all from {GROUP}"), peer=replace(peer(GROUP), account_id="333344445555")
)
RESTORE: Final = (
    f"ec2 restore-managed-prefix-list-version --prefix-list-id {PREFIX_LIST} "
    "--previous-version 3 --current-version 4"
)
INGRESS: Final = f"security-group-ingress --group-id {GROUP}"
EGRESS: Final = f"security-group-egress --group-id {GROUP}"
IDS: Final = "--security-group-rule-ids sgr-00000000000000000 sgr-00000000000000001"
TRAIL: Final = "arn:aws:cloudtrail:eu-central-1:111122223333:trail/organization-trail"

UNDO: Final[dict[str, tuple[Change, str]]] = {
    "group-created": (
        group_change(Action.CREATE, group_name="$(reboot)"),
        f"ec2 delete-security-group --group-id {GROUP}",
    ),
    "ingress-added-with-ids": (
        group_change(Action.ADD_RULES, added=with_ids("tcp 22 from 0.0.0.0/0", "all from ::/0")),
        f"ec2 revoke-{INGRESS} {IDS}",
    ),
    "egress-added-with-ids": (
        group_change(
            Action.ADD_RULES,
            added=with_ids("egress tcp 22 to 0.0.0.0/0", "egress all to ::/0"),
        ),
        f"ec2 revoke-{EGRESS} {IDS}",
    ),
    "ingress-added-before-there-were-ids": (
        group_change(Action.ADD_RULES, added=rules("tcp 20-25 from 0.0.0.0/0")),
        f"ec2 revoke-{INGRESS} --ip-permissions "
        """'[{"IpProtocol":"tcp","FromPort":20,"ToPort":25,"IpRanges":[{"CidrIp":"0.0.0.0/0"}]}]'""",
    ),
    "ingress-removed": (
        group_change(Action.REMOVE_RULES, removed=with_ids("udp 53 from 2001:db8::/32")),
        f"ec2 authorize-{INGRESS} --ip-permissions "
        """'[{"IpProtocol":"udp","FromPort":53,"ToPort":53,"""
        """"Ipv6Ranges":[{"CidrIpv6":"2001:db8::/32"}]}]'""",
    ),
    "egress-removed": (
        group_change(Action.REMOVE_RULES, removed=rules("egress all to 0.0.0.0/0")),
        f"ec2 authorize-{EGRESS} --ip-permissions "
        """'[{"IpProtocol":"-1","IpRanges":[{"CidrIp":"0.0.0.0/0"}]}]'""",
    ),
    "icmp-removed": (
        group_change(
            Action.REMOVE_RULES, removed=rules("icmp from 10.0.0.0/8", "icmp 8 from 10.0.0.0/8")
        ),
        f"ec2 authorize-{INGRESS} --ip-permissions "
        """'[{"IpProtocol":"icmp","FromPort":-1,"ToPort":-1,"IpRanges":[{"CidrIp":"10.0.0.0/8"}]},"""
        """{"IpProtocol":"icmp","FromPort":8,"ToPort":-1,"IpRanges":[{"CidrIp":"10.0.0.0/8"}]}]'""",
    ),
    "gre-from-a-prefix-list-removed": (
        group_change(Action.REMOVE_RULES, removed=rules(f"47 from {PREFIX_LIST}")),
        f"ec2 authorize-{INGRESS} --ip-permissions "
        f"""'[{{"IpProtocol":"47","PrefixListIds":[{{"PrefixListId":"{PREFIX_LIST}"}}]}}]'""",
    ),
    "group-removed": (
        group_change(Action.REMOVE_RULES, removed=rules(f"tcp 443 from {GROUP}")),
        f"ec2 authorize-{INGRESS} --ip-permissions "
        """'[{"IpProtocol":"tcp","FromPort":443,"ToPort":443,"""
        f""""UserIdGroupPairs":[{{"GroupId":"{GROUP}"}}]}}]'""",
    ),
    "group-of-another-account-removed": (
        group_change(Action.REMOVE_RULES, removed=(OF_ANOTHER_ACCOUNT,)),
        f"ec2 authorize-{INGRESS} --ip-permissions "
        f"""'[{{"IpProtocol":"-1","UserIdGroupPairs":[{{"GroupId":"{GROUP}","""
        """"UserId":"333344445555"}]}]'""",
    ),
    "vpc-associated": (
        group_change(Action.ASSOCIATE_VPC, vpc_id=VPC),
        f"ec2 disassociate-security-group-vpc --group-id {GROUP} --vpc-id {VPC}",
    ),
    "vpc-disassociated": (
        group_change(Action.DISASSOCIATE_VPC, vpc_id=VPC),
        f"ec2 associate-security-group-vpc --group-id {GROUP} --vpc-id {VPC}",
    ),
    "prefix-list-created": (
        prefix_list_change(Action.CREATE, added=(peer("10.0.0.0/8"),)),
        f"ec2 delete-managed-prefix-list --prefix-list-id {PREFIX_LIST}",
    ),
    "prefix-list-widened": (
        prefix_list_change(Action.MODIFY, version=3, added=(peer("0.0.0.0/0"),)),
        RESTORE,
    ),
    "prefix-list-narrowed": (
        prefix_list_change(Action.MODIFY, version=3, removed=(peer("0.0.0.0/0"),)),
        RESTORE,
    ),
    "prefix-list-restored": (
        prefix_list_change(Action.RESTORE, version=3, restored_version=1),
        RESTORE,
    ),
    "trail-stopped": (
        TrailChange(action=TrailAction.STOP, trail="organization-trail"),
        "cloudtrail start-logging --name organization-trail",
    ),
    "trail-stopped-by-arn": (
        TrailChange(action=TrailAction.STOP, trail=TRAIL),
        f"cloudtrail start-logging --name {TRAIL}",
    ),
}


def undo_of(finding: Finding) -> Undo:
    """How the one call of an alert is undone, or why it is not."""
    return call_of(finding).changed.undo


def looks_of(*findings: Finding) -> tuple[tuple[str, str], ...]:
    """What somebody looks at who has to decide, whatever the severity is."""
    return briefing_for(*(with_judgement(it, severity=Severity.CRITICAL) for it in findings)).looks


def words_of(command: str | None) -> list[str]:
    assert command is not None
    return shlex.split(command)


@pytest.mark.parametrize(("change", "expected"), UNDO.values(), ids=UNDO)
def test_undo(change: Change, expected: str) -> None:
    service, name, *options = shlex.split(expected)

    undo = undo_of(judged(change))

    assert words_of(undo.command) == ["aws", service, name, "--region", "eu-central-1", *options]
    assert undo.reason is None


# Why there is no command, where that is not that the record does not tell enough.
OTHER_REASONS: Final = {
    "group-deleted": "a deleted group cannot be brought back",
    "group-deleted-that-is-known-by-name-only": "a deleted group cannot be brought back",
    "edit": "what the rule allowed before is not recorded",
    "edit-that-cloudtrail-left-out": "what the rule allowed before is not recorded",
    "revoke-that-matched-nothing": "nothing was removed",
    "revoke-by-id-that-matched-nothing": "nothing was removed",
    "trail-deleted": "how the trail was set up before is not recorded",
    "trail-updated": "how the trail was set up before is not recorded",
    "trail-given-other-selectors": "how the trail was set up before is not recorded",
}
NO_UNDO: Final[dict[str, Change]] = {
    "group-deleted": group_change(Action.DELETE),
    "group-deleted-that-is-known-by-name-only": group_change(
        Action.DELETE, group_id=None, group_name="web"
    ),
    "edit-that-cloudtrail-left-out": group_change(Action.MODIFY_RULES, is_omitted=True),
    "revoke-that-matched-nothing": group_change(
        Action.REMOVE_RULES, missed=rules("tcp 22 from ::/0")
    ),
    "revoke-by-id-that-matched-nothing": group_change(
        Action.REMOVE_RULES, rule_ids=("sgr-0123456789abcdef0",), removed_none=True
    ),
    "trail-given-other-selectors": TrailChange(
        action=TrailAction.SELECT_EVENTS, trail="organization-trail"
    ),
    "descriptions": group_change(Action.DESCRIBE_RULES, rule_ids=("sgr-0123456789abcdef0",)),
    "edit": group_change(Action.MODIFY_RULES, added=with_ids("unknown tcp 22 from 0.0.0.0/0")),
    "group-known-by-name-only": group_change(Action.CREATE, group_id=None, group_name="web"),
    "rules-known-by-id-only": group_change(
        Action.REMOVE_RULES, rule_ids=("sgr-0123456789abcdef0",)
    ),
    "rules-of-both-directions": group_change(
        Action.ADD_RULES, added=rules("tcp 22 from ::/0", "egress tcp 22 to ::/0")
    ),
    "rules-of-no-direction": group_change(
        Action.ADD_RULES, added=with_ids("unknown tcp 22 from 0.0.0.0/0")
    ),
    "rules-that-are-not-all-readable": group_change(
        Action.ADD_RULES, added=with_ids("tcp 22 from ::/0"), problems=("ipPermissions[1]: …",)
    ),
    "rules-left-out": group_change(Action.ADD_RULES, is_omitted=True),
    "rule-of-no-protocol": group_change(Action.ADD_RULES, added=rules("? 22 from ::/0")),
    "rule-of-a-strange-protocol": group_change(
        Action.ADD_RULES, added=rules("$(reboot) from ::/0")
    ),
    "peer-known-by-name-only": group_change(Action.REMOVE_RULES, removed=rules("all from sg-web")),
    "prefix-list-that-is-none": group_change(
        Action.REMOVE_RULES, removed=rules("all from pl-global")
    ),
    "vpc-not-recorded": group_change(Action.ASSOCIATE_VPC),
    "prefix-list-not-recorded": prefix_list_change(Action.CREATE, prefix_list_id=None),
    "prefix-list-of-no-version": prefix_list_change(Action.MODIFY, added=(peer("::/0"),)),
    "prefix-list-of-an-absurd-version": prefix_list_change(Action.RESTORE, version=int("9" * 4300)),
    "prefix-list-renamed": prefix_list_change(Action.MODIFY, version=3),
    "trail-deleted": TrailChange(action=TrailAction.DELETE, trail="organization-trail"),
    "trail-updated": TrailChange(action=TrailAction.UPDATE, trail="organization-trail"),
    "trail-not-recorded": TrailChange(action=TrailAction.STOP, trail=None),
}


@pytest.mark.parametrize("story", NO_UNDO)
def test_no_command_is_invented(story: str) -> None:
    finding = judged(NO_UNDO[story])
    reason = OTHER_REASONS.get(story, NOT_ENOUGH)

    assert undo_of(finding) == Undo(command=None, reason=reason)
    [message] = told([finding])
    email = " ".join(json.loads(message.body)["email"].split())
    assert (f"No command: {reason}." in email) is (finding.judgement.severity > 0)


def test_every_other_reason_is_tried() -> None:
    assert OTHER_REASONS.keys() <= NO_UNDO.keys()


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({"errorCode": "Client.UnauthorizedOperation"}, "nothing changed"),
        ({"errorCode": "Client.DryRunOperation"}, "nothing changed"),
        ({"awsRegion": None}, NOT_ENOUGH),
        ({"awsRegion": "eu-central-1; reboot"}, NOT_ENOUGH),
        ({"awsRegion": "--profile"}, NOT_ENOUGH),
    ],
)
def test_nothing_is_undone_that_did_not_happen_or_nobody_knows_where(
    members: dict[str, object], reason: str
) -> None:
    opening = group_change(Action.ADD_RULES, added=rules("tcp 22 from 0.0.0.0/0"))
    there = {"eventName": "AuthorizeSecurityGroupIngress"}
    assert undo_of(judged(opening, trail_arn=None, **there)).command
    assert looks_of(judged(opening, trail_arn=None, **there))

    finding = judged(opening, trail_arn=None, **there | members)

    assert undo_of(finding) == Undo(command=None, reason=reason)
    assert looks_of(finding) == ()


def test_a_command_that_no_command_line_takes() -> None:
    many = rules(*(f"tcp {it} from ::/0" for it in range(1000)))
    finding = judged(group_change(Action.REMOVE_RULES, removed=many))

    assert undo_of(finding) == Undo(command=None, reason="it would be too long")
    [message] = told([finding])
    assert "No command: it would be too long." in json.loads(message.body)["email"]


def test_a_thousand_rules_are_revoked_by_their_ids() -> None:
    change = group_change(
        Action.ADD_RULES, added=with_ids(*(f"tcp {it} from ::/0" for it in range(1000)))
    )

    command = undo_of(judged(change)).command

    assert len(words_of(command)) > 1000
    assert len(command or "") <= LONGEST_COMMAND


@pytest.mark.parametrize("count", [1, 100, 300, 999])
def test_many_rules_of_which_one_is_known_by_name_only(count: int) -> None:
    """It is not their number that leaves no room for a command."""
    many = rules(*(f"tcp {it} from ::/0" for it in range(count)), "tcp 22 from sg-web")
    finding = judged(group_change(Action.REMOVE_RULES, removed=many))

    assert undo_of(finding) == Undo(command=None, reason=NOT_ENOUGH)
    [message] = told([finding])
    email = json.loads(message.body)["email"]
    assert "No command: the record does not tell enough for one." in email
    assert "too long" not in email


def test_the_longest_command_that_a_command_line_takes() -> None:
    """One character more is one too many."""
    created = judged(group_change(Action.CREATE))
    others = len(undo_of(created).command or "") - len("eu-central-1")
    longest = "eu-central-".ljust(LONGEST_COMMAND - others, "1")

    command = undo_of(with_record(created, region=longest)).command
    assert len(command or "") == LONGEST_COMMAND

    too_long = with_record(created, region=f"{longest}1")
    assert undo_of(too_long) == Undo(command=None, reason="it would be too long")


METACHARACTERS: Final = st.text(st.sampled_from("sgr-plvc0123456789abcdef$`;&|<>(){}'\"\\\n -="))


@given(
    hostile=st.tuples(
        METACHARACTERS, METACHARACTERS, METACHARACTERS, METACHARACTERS, METACHARACTERS
    ),
    # What a call does to a group; a prefix list is edited and restored besides.
    action=st.sampled_from([it for it in Action if it not in (Action.MODIFY, Action.RESTORE)]),
    edit=st.sampled_from(Action),
)
def test_nothing_that_somebody_typed_reaches_a_command(
    hostile: tuple[str, str, str, str, str], action: Action, edit: Action
) -> None:
    group_id, vpc_id, rule_id, protocol, value = hostile
    opening = replace(rule(f"tcp 22 from {GROUP}"), rule_id=rule_id)
    strange = replace(rule(f"tcp 22 from {PREFIX_LIST}"), rule_id=rule_id)
    typed = (
        replace(opening, protocol=protocol or "x", description=value),
        replace(strange, peer=replace(strange.peer, value=value)),
    )
    changes: list[Change] = [
        group_change(action, group_id=group_id, vpc_id=vpc_id, added=typed, removed=typed),
        group_change(action, group_name=value, vpc_id=vpc_id, added=typed, removed=typed),
        group_change(action, added=typed[:1], removed=typed[1:]),
        prefix_list_change(edit, prefix_list_id=value, version=3, added=(peer("::/0"),)),
        *(TrailChange(action=it, trail=value) for it in TrailAction),
    ]
    findings = [judged(change) for change in changes]
    commands = [undo_of(finding).command for finding in findings]
    commands += [command for finding in findings for _, command in looks_of(finding)]
    for command in filter(None, commands):
        words = shlex.split(command)
        assert shlex.join(words) == command
        for word in words:
            assert re.fullmatch(r"[A-Za-z0-9./:_,=-]+|\[\{[A-Za-z0-9./:_,\"{}\[\]-]+\}\]", word)
        assert all(not word.startswith("-") for word in words[6::2] if words[5] == "--name")


def test_looking_covers_every_group_once() -> None:
    findings = [
        judged(group_change(Action.ADD_RULES, group_id=it, added=rules("tcp 22 from ::/0")))
        for it in (GROUP, "sg-11111111", GROUP, "sg-web; reboot", None)
    ]

    commands = dict(looks_of(*findings))

    assert [words_of(command)[2] for command in commands.values()] == [
        "describe-network-interfaces",
        "describe-security-group-rules",
    ]
    for command in commands.values():
        assert words_of(command)[3:] == [
            *("--region", "eu-central-1"),
            *("--filters", f"Name=group-id,Values={GROUP},sg-11111111"),
        ]


def test_looking_at_a_prefix_list() -> None:
    finding = judged(prefix_list_change(Action.MODIFY, added=(peer("::/0"),)))

    assert [words_of(command)[1:] for _, command in looks_of(finding)] == [
        [*call.split(), "--region", "eu-central-1", "--prefix-list-id", PREFIX_LIST]
        for call in (
            "ec2 get-managed-prefix-list-entries",
            "ec2 get-managed-prefix-list-associations",
        )
    ]


def test_looking_at_a_trail() -> None:
    stopped, deleted = (
        judged(TrailChange(action=it, trail=TRAIL)) for it in (TrailAction.STOP, TrailAction.DELETE)
    )

    assert {words: words_of(command)[1:] for words, command in looks_of(stopped)} == {
        words: ["cloudtrail", call, "--region", "eu-central-1", option, TRAIL]
        for words, call, option in (
            ("Whether the trail logs", "get-trail-status", "--name"),
            ("Which events it takes", "get-event-selectors", "--trail-name"),
            ("How it is set up", "get-trail", "--name"),
        )
    }
    # Of a trail that is no more AWS tells nothing.
    assert looks_of(deleted) == ()


def test_the_last_call_is_undone_first_and_each_command_given_once() -> None:
    created = judged(group_change(Action.CREATE))
    opening = judged(group_change(Action.ADD_RULES, added=rules("tcp 22 from ::/0")))
    edit = judged(group_change(Action.MODIFY_RULES, added=rules("unknown tcp 22 from ::/0")))
    # They would not stand in one alert, were they not of one severity and effect.
    findings = [
        with_judgement(it, severity=Severity.CRITICAL, effect=Effect.OTHER, world_open=False)
        for it in (created, opening, edit, opening)
    ]

    briefing = briefing_for(*findings)

    assert [(step.number, words_of(step.command)[2]) for step in briefing.undo] == [
        (4, "revoke-security-group-ingress"),
        (1, "delete-security-group"),
    ]
    assert [step.call.finding for step in briefing.undo] == [findings[3], findings[0]]
    assert briefing.without_undo == {OTHER_REASONS["edit"]: [3]}


def test_email_says_which_of_several_calls_have_no_command() -> None:
    # What stopped the trail can be undone, but for what came after it.
    stopped, deleted = (
        judged(TrailChange(action=it, trail=TRAIL)) for it in (TrailAction.STOP, TrailAction.DELETE)
    )
    [message] = told([stopped, deleted])
    undo = texts_of(message)["email"].partition("\nUNDO\n")[2].partition("\n\n")[0]

    command, *others = undo.splitlines()
    assert command.startswith("  1. aws cloudtrail start-logging ")
    assert others[0] == "  No command for 2: how the trail was set up before is not recorded."


def test_email_does_not_miss_a_command_that_another_call_has() -> None:
    opening = judged(group_change(Action.ADD_RULES, added=rules("tcp 22 from ::/0")))
    [message] = told([opening, opening])

    assert "No command" not in texts_of(message)["email"]


def test_email_undoes_in_order() -> None:
    finding, *others = (
        judged(group_change(Action.ADD_RULES, group_id=it, added=rules("tcp 22 from ::/0")))
        for it in (GROUP, "sg-01111111", "sg-11111111")
    )

    [message] = told([finding, *others, finding])

    [undo] = re.findall(r"\nUNDO\n(.*?)\n\n", json.loads(message.body)["email"], re.DOTALL)
    lines = undo.split("\n")
    assert lines[0] == "  In this order, the last call first:"
    assert [line.split(" --ip-permissions")[0] for line in lines[1:-1]] == [
        f"  {number}. aws ec2 revoke-security-group-ingress --region eu-central-1 --group-id {it}"
        for number, it in ((4, GROUP), (3, "sg-11111111"), (2, "sg-01111111"))
    ]
    assert lines[-1] == "  To be run with credentials of account 111122223333."


def test_one_line_says_that_there_is_no_command() -> None:
    edits = [
        judged(group_change(Action.MODIFY_RULES, added=rules("unknown tcp 22 from ::/0")))
        for _ in range(5)
    ]

    [message] = told(edits)

    email = json.loads(message.body)["email"]
    assert email.count("No command") == 1
    assert "No command: what the rule allowed before is not recorded." in email


def test_undo_without_an_account() -> None:
    finding = judged(group_change(Action.CREATE))
    nowhere = with_record(finding, account_id=None)

    [message] = told([nowhere])

    email = json.loads(message.body)["email"]
    assert f"delete-security-group --region eu-central-1 --group-id {GROUP}\n" in email
    assert "To be run with credentials" not in email


@pytest.mark.parametrize("group_id", [None, "web", "sg-0123456789abcdef0 --profile x"])
def test_nothing_to_look_at(group_id: str | None) -> None:
    change = group_change(Action.CREATE, group_id=group_id, group_name="web")
    finding = judged(change)

    assert looks_of(judged(replace(change, group_id=GROUP)))
    assert looks_of(finding) == ()
