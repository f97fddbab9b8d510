"""The command that undoes a change: complete where the record tells enough, and never invented."""

import json
import re
import shlex
from dataclasses import replace
from itertools import pairwise
from typing import Any, Final

import pytest
from botocore import xform_name
from botocore.session import get_session
from hypothesis import given
from hypothesis import strategies as st

from security_group_alerter.messages import messages_of
from security_group_alerter.messages.changed import changed_by
from security_group_alerter.messages.limits import LIMITS
from security_group_alerter.messages.undo import LONGEST_COMMAND, NOT_ENOUGH, Undo
from security_group_alerter.model.change import (
    Action,
    AttachmentChange,
    Blinding,
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
from tests.security_group_alerter.messages.forms import (
    GROUP_NAME,
    PLAIN,
    QUERIES,
    alerts_of_delivery,
    briefing_for,
    call_of,
    texts_of,
)
from tests.stories import told

GROUP: Final = "sg-0123456789abcdef0"
VPC: Final = "vpc-0123456789abcdef0"
PREFIX_LIST: Final = "pl-0123456789abcdef0"

ON_GROUPS: Final = [it for it in Action if it not in (Action.MODIFY, Action.RESTORE, Action.ATTACH)]


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
    "world-open-ingress-removed": (
        group_change(Action.REMOVE_RULES, removed=rules("all from 0.0.0.0/0")),
        f"ec2 authorize-{INGRESS} --ip-permissions "
        """'[{"IpProtocol":"-1","IpRanges":[{"CidrIp":"0.0.0.0/0"}]}]'""",
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
    "group-created-that-is-known-by-name-only": (
        group_change(Action.CREATE, group_id=None, group_name="reporting db"),
        "ec2 delete-security-group --group-name 'reporting db'",
    ),
    "ingress-added-to-a-group-known-by-name-only": (
        group_change(
            Action.ADD_RULES, group_id=None, group_name="web", added=rules("tcp 22 from ::/0")
        ),
        "ec2 revoke-security-group-ingress --group-name web --ip-permissions "
        """'[{"IpProtocol":"tcp","FromPort":22,"ToPort":22,"Ipv6Ranges":[{"CidrIpv6":"::/0"}]}]'""",
    ),
    # A controller knows its rules by their descriptions.
    "described-ingress-removed": (
        group_change(
            Action.REMOVE_RULES, removed=(replace(rule("all from 10.0.0.0/8"), description="a=b"),)
        ),
        f"ec2 authorize-{INGRESS} --ip-permissions "
        """'[{"IpProtocol":"-1","IpRanges":[{"CidrIp":"10.0.0.0/8","Description":"a=b"}]}]'""",
    ),
    # EC2 finds the rule without it.
    "described-ingress-added": (
        group_change(
            Action.ADD_RULES, added=(replace(rule("all from 10.0.0.0/8"), description="a=b"),)
        ),
        f"ec2 revoke-{INGRESS} --ip-permissions "
        """'[{"IpProtocol":"-1","IpRanges":[{"CidrIp":"10.0.0.0/8"}]}]'""",
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
    "prefix-list-narrowed-by-a-private-range": (
        prefix_list_change(Action.MODIFY, version=3, removed=(peer("10.0.0.0/8"),)),
        RESTORE,
    ),
    "prefix-list-restored": (
        prefix_list_change(Action.RESTORE, version=3, restored_version=1),
        RESTORE,
    ),
    "prefix-list-handed-to-ipam": (
        prefix_list_change(Action.MODIFY, ipam_sync=True),
        f"ec2 modify-managed-prefix-list --prefix-list-id {PREFIX_LIST} "
        "--no-ipam-prefix-list-resolver-sync-enabled",
    ),
    "prefix-list-taken-from-ipam": (
        prefix_list_change(Action.MODIFY, ipam_sync=False),
        f"ec2 modify-managed-prefix-list --prefix-list-id {PREFIX_LIST} "
        "--ipam-prefix-list-resolver-sync-enabled",
    ),
    "trail-stopped": (
        TrailChange(action=TrailAction.STOP, trail="organization-trail"),
        "cloudtrail start-logging --name organization-trail",
    ),
    "trail-stopped-by-arn": (
        TrailChange(action=TrailAction.STOP, trail=TRAIL),
        f"cloudtrail start-logging --name {TRAIL}",
    ),
    "trusted-access-switched-off": (
        TrailChange(action=TrailAction.DISABLE_TRUSTED_ACCESS),
        "organizations enable-aws-service-access --service-principal cloudtrail.amazonaws.com",
    ),
    "administrator-registered": (
        TrailChange(action=TrailAction.REGISTER_ADMINISTRATOR, member_account_id="333344445555"),
        "cloudtrail deregister-organization-delegated-admin "
        "--delegated-admin-account-id 333344445555",
    ),
}
# What lets something in again says so, and no machine gets it.
WARNINGS: Final = {
    "ingress-removed": "this lets the traffic through again",
    "egress-removed": "this lets the traffic through again",
    "icmp-removed": "this lets the traffic through again",
    "gre-from-a-prefix-list-removed": "this lets the traffic through again",
    "group-removed": "this lets the traffic through again",
    "group-of-another-account-removed": "this lets the traffic through again",
    "described-ingress-removed": "this lets the traffic through again",
    "world-open-ingress-removed": "this opens it to the world again",
    "vpc-disassociated": "this lets the VPC use the group again",
    "prefix-list-narrowed": "this opens it to the world again",
    "prefix-list-narrowed-by-a-private-range": "this puts the removed ranges back",
    "prefix-list-restored": "this may open again what the restored version had closed",
    "prefix-list-taken-from-ipam": "IPAM may then put any range into the list",
}


def undo_of(finding: Finding) -> Undo:
    """How the one call of an alert is undone, or why it is not."""
    return call_of(finding).changed.undo


def command_of(finding: Finding) -> str:
    """The only command that undoes the one call of an alert."""
    [command] = undo_of(finding).commands
    return command.text


def looks_of(*findings: Finding) -> tuple[tuple[str, str, str | None], ...]:
    """What somebody looks at who has to decide, whatever the severity is."""
    return briefing_for(*(with_judgement(it, severity=Severity.CRITICAL) for it in findings)).looks


def words_of(command: str) -> list[str]:
    return shlex.split(command)


@pytest.mark.parametrize("story", UNDO)
def test_undo(story: str) -> None:
    change, expected = UNDO[story]
    service, name, *options = shlex.split(expected)

    finding = judged(change)
    undo = undo_of(finding)

    [command] = undo.commands
    assert words_of(command.text) == ["aws", service, name, "--region", "eu-central-1", *options]
    assert command.does is None
    assert undo.reason is None
    assert command.warning == WARNINGS.get(story)
    texts = texts_of(*told([finding]))
    is_offered = command.text in json.loads(texts["default"])["remediation"]["desc"]
    assert is_offered is (command.warning is None)
    if command.warning:
        assert f"Warning, {command.warning}:\n{command.text}\n" in texts["email"]
        steps = json.loads(texts["https"])["content"]["nextSteps"]
        assert any(step.startswith(f"Undo ({command.warning}): ") for step in steps)
    # What closes something stands at the top; what opens something is not handed out at once.
    beginning = texts["email"].partition("\n\nWHAT CHANGED\n")[0]
    assert (command.text in beginning) is (command.warning is None)


def test_every_warning_is_tried() -> None:
    assert WARNINGS.keys() <= UNDO.keys()


@pytest.mark.parametrize("warned", WARNINGS)
def test_machine_is_told_that_only_a_person_opens_something_again(warned: str) -> None:
    change, _ = UNDO[warned]

    [message] = told([judged(change)])

    remediation = json.loads(texts_of(message)["default"])["remediation"]
    assert remediation["desc"] == (
        "Undoing this would let something in again. A person decides that, by the e-mail."
    )


TWO_OPENINGS: Final = group_change(
    Action.ADD_RULES, added=rules("tcp 443 from 0.0.0.0/0", "tcp 22 from 10.0.0.0/8")
)
ONLY_THE_WORLD: Final = (
    f"aws ec2 revoke-security-group-ingress --region eu-central-1 --group-id {GROUP} "
    """--ip-permissions '[{"IpProtocol":"tcp","FromPort":443,"ToPort":443,"""
    """"IpRanges":[{"CidrIp":"0.0.0.0/0"}]}]'"""
)


def test_what_opened_the_world_is_taken_back_first_and_then_the_whole_call() -> None:
    first, second = undo_of(judged(TWO_OPENINGS)).commands

    assert first.text == ONLY_THE_WORLD
    assert first.does == "Close what is open to the Internet (1 rule)"
    assert json.loads(words_of(second.text)[-1]) == [
        {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "IpRanges": [{"CidrIp": cidr}]}
        for port, cidr in ((443, "0.0.0.0/0"), (22, "10.0.0.0/8"))
    ]
    assert second.does == "Undo the whole call (2 rules)"
    assert first.warning is second.warning is None


def test_forms_name_what_each_of_two_commands_does() -> None:
    texts = texts_of(*told([judged(TWO_OPENINGS)]))

    beginning, _, rest = texts["email"].partition("\n\nWHAT CHANGED\n")
    title = "Close what is open to the Internet (1 rule)"
    assert f"\n{title}, with credentials of account 111122223333:\n{ONLY_THE_WORLD}\n" in beginning
    # What stands above is not said again.
    undo = rest.partition("\nUNDO\n")[2].split("\n")
    assert undo[0] == "Undo the whole call (2 rules):"
    assert undo[1].startswith(ONLY_THE_WORLD.partition(" --ip-permissions ")[0])
    assert ONLY_THE_WORLD not in rest
    steps = json.loads(texts["https"])["content"]["nextSteps"]
    assert f"{title}: `{ONLY_THE_WORLD}`" in steps
    assert any(step.startswith("Undo the whole call (2 rules): `aws ") for step in steps)
    assert json.loads(texts["default"])["remediation"]["desc"].split("\n")[0] == ONLY_THE_WORLD


OPENERS: Final[dict[str, tuple[list[str], list[int]]]] = {
    "world-beside-private": (["tcp 22 from 10.0.0.0/8", "tcp 23 from ::/0"], [1]),
    # The severity comes from SSH, the widest is HTTPS: both are named in the alert.
    "broad-and-sensitive-beside-world": (
        ["tcp 443 from 0.0.0.0/0", "tcp 22 from 3.0.0.0/8", "udp 9 from 10.0.0.0/8"],
        [0, 1],
    ),
    "two-halves-of-the-world": (
        ["tcp 22 from 0.0.0.0/1", "tcp 22 from 128.0.0.0/1", "tcp 22 from 10.0.0.0/8"],
        [0, 1],
    ),
    "everything-from-the-world": (["all from 0.0.0.0/0", "tcp 22 from 10.0.0.0/8"], [0]),
    "another-port-range": (["tcp 1-3 from 0.0.0.0/0", "tcp 4-5 from 8.8.8.8/32"], [0]),
    "narrow-on-another-port": (["tcp 22 from 8.8.8.8/32", "tcp 443 from ::/0"], [1]),
    # It would still be open to that address alone: who is in there may have a reason to be.
    "narrow-on-the-same-port": (["tcp 22 from 8.8.8.8/32", "tcp 22 from ::/0"], [1]),
    # Neither the widest nor what weighs the most, and yet open to much of the Internet.
    "broad-on-a-port-of-less-weight": (
        ["tcp 443 from ::/0", "tcp 22 from 3.0.0.0/8", "tcp 80 from 3.0.0.0/8", "udp 9 from sg-1"],
        [0, 1, 2],
    ),
    "broad-only-together": (
        ["tcp 22 from 3.0.0.0/17", "tcp 22 from 3.0.128.0/17", "tcp 22 from 10.0.0.0/8"],
        [0, 1],
    ),
    "everything-and-a-half": (
        ["all from 0.0.0.0/1", "tcp 22 from 128.0.0.0/2", "tcp 22 from 10.0.0.0/8"],
        [0, 1],
    ),
    "prefix-list-beside-world": (["tcp 22 from pl-1", "tcp 22 from ::/0"], [1]),
}


@pytest.mark.parametrize(("texts", "opening"), OPENERS.values(), ids=OPENERS)
def test_which_rules_opened_it(texts: list[str], opening: list[int]) -> None:
    added = with_ids(*texts)

    first, second = undo_of(judged(group_change(Action.ADD_RULES, added=added))).commands

    assert words_of(first.text)[8:] == [added[it].rule_id for it in opening]
    assert words_of(second.text)[8:] == [it.rule_id for it in added]


@pytest.mark.parametrize(
    "texts",
    [
        ["tcp 22 from ::/0"],
        ["tcp 22 from 0.0.0.0/0", "tcp 22 from ::/0"],
        ["tcp 22 from 0.0.0.0/0", "tcp 23 from ::/0"],
        ["tcp 22 from 10.0.0.0/8", "tcp 23 from 8.8.8.8/32"],
        ["egress tcp 22 to 0.0.0.0/0", "egress all to 10.0.0.0/8"],
    ],
    ids=["one", "one-port", "all-world", "none-wide", "egress"],
)
def test_one_command_where_everything_goes_together(texts: list[str]) -> None:
    added = with_ids(*texts)

    [command] = undo_of(judged(group_change(Action.ADD_RULES, added=added))).commands

    assert words_of(command.text)[8:] == [it.rule_id for it in added]
    assert (command.does, command.warning) == (None, None)


def test_a_list_that_was_widened_and_narrowed_is_first_only_narrowed() -> None:
    change = prefix_list_change(
        Action.MODIFY, version=3, added=(peer("::/0"),), removed=(peer("0.0.0.0/0"),)
    )

    close, back = undo_of(judged(change)).commands

    assert words_of(close.text)[2] == "modify-managed-prefix-list"
    assert (close.does, close.warning) == ("Take out what was added (1 range)", None)
    assert words_of(back.text)[2] == "restore-managed-prefix-list-version"
    assert (back.does, back.warning) == (
        "Go back to the version before",
        "this opens it to the world again",
    )


PREFIX_LIST_EDITS: Final[dict[str, tuple[PrefixListChange, list[str]]]] = {
    # What was taken out is not known: going back might put the world in again.
    "removed-ranges-that-are-not-readable": (
        prefix_list_change(
            Action.MODIFY, version=3, added=(peer("::/0"),), problems=("removeEntry[0]: …",)
        ),
        ["Take out what was added (1 range)"],
    ),
    "parameter-that-is-not-known": (
        prefix_list_change(
            Action.MODIFY, version=3, added=(peer("::/0"),), unknown_parameters=("Swap",)
        ),
        ["Take out what was added (1 range)"],
    ),
    "widened-and-handed-to-ipam": (
        prefix_list_change(Action.MODIFY, version=3, added=(peer("::/0"),), ipam_sync=True),
        ["Stop IPAM from filling the list", ""],
    ),
    "widened-and-taken-from-ipam": (
        prefix_list_change(Action.MODIFY, version=3, added=(peer("::/0"),), ipam_sync=False),
        ["", "Let IPAM fill the list again"],
    ),
}


@pytest.mark.parametrize(("change", "steps"), PREFIX_LIST_EDITS.values(), ids=PREFIX_LIST_EDITS)
def test_edits_of_a_list_that_do_more_than_one_thing(
    change: PrefixListChange, steps: list[str]
) -> None:
    commands = undo_of(judged(change)).commands

    assert [command.does or "" for command in commands] == steps
    for command in commands:
        assert_known_to_aws(command.text)


RULES: Final = st.lists(
    st.sampled_from(with_ids("tcp 22 from 0.0.0.0/0", "all from ::/0", "egress all to ::/0")),
    unique=True,
).map(tuple)
PEERS: Final = st.lists(st.sampled_from([*map(peer, ("0.0.0.0/0", "10.0.0.0/8"))])).map(tuple)
TEXTS: Final = st.sampled_from([(), ("removeEntry[0]: …",)])
CHANGES: Final = st.one_of(
    st.builds(
        group_change,
        st.sampled_from(ON_GROUPS),
        vpc_id=st.just(VPC),
        added=RULES,
        removed=RULES,
        problems=TEXTS,
    ),
    st.builds(
        prefix_list_change,
        st.sampled_from([Action.CREATE, Action.DELETE, Action.MODIFY, Action.RESTORE]),
        version=st.just(3),
        restored_version=st.just(1),
        added=PEERS,
        removed=PEERS,
        ipam_sync=st.sampled_from([None, True, False]),
        problems=TEXTS,
        unknown_parameters=TEXTS,
    ),
    st.builds(
        TrailChange,
        action=st.sampled_from(TrailAction),
        trail=st.just(TRAIL),
        member_account_id=st.just("333344445555"),
    ),
)


@given(CHANGES)
def test_no_machine_is_handed_what_lets_anything_in(change: Change) -> None:
    commands = undo_of(judged(change)).commands
    [message] = told([judged(change)])

    remediation = json.loads(texts_of(message)["default"])["remediation"]["desc"].split("\n")

    for text in [*remediation, *(it.text for it in commands if it.warning is None)]:
        if not text.startswith("aws "):
            continue
        _, _, call, *options = words_of(text)
        if call == "restore-managed-prefix-list-version":
            assert isinstance(change, PrefixListChange)
            assert change.action is Action.MODIFY
            assert not any((change.removed, change.problems, change.unknown_parameters))
        elif call == "modify-managed-prefix-list":
            assert {"--remove-entries", "--no-ipam-prefix-list-resolver-sync-enabled"} & {*options}
            assert "--add-entries" not in options
        else:
            # The records come back: that is all that is switched on.
            assert re.match(
                "(revoke|delete|disassociate|deregister|start-logging|enable-aws)", call
            )


@pytest.mark.parametrize("description", ["a" * 256, "see https://wiki", "😀", "\n", "<!here>"])
def test_description_that_does_not_go_back_is_said_to_be_lost(description: str) -> None:
    removed = (replace(rule("all from 10.0.0.0/8"), description=description),)

    [command] = undo_of(judged(group_change(Action.REMOVE_RULES, removed=removed))).commands

    assert "Description" not in command.text
    assert command.does == (
        "Put the rules back, but not every description: some cannot stand in a command"
    )


# Why there is no command, where that is not that the record lacks something.
OTHER_REASONS: Final = {
    "group-deleted": "a deleted group cannot be brought back",
    "group-deleted-that-is-known-by-name-only": "a deleted group cannot be brought back",
    "edit": "what the rule allowed before is not in the record",
    "edit-that-cloudtrail-left-out": "what the rule allowed before is not in the record",
    "revoke-that-matched-nothing": "nothing was removed",
    "revoke-by-id-that-matched-nothing": "nothing was removed",
    "trail-deleted": "how the trail was set up before is not in the record",
    "trail-updated": "how the trail was set up before is not in the record",
    "trail-given-other-selectors": "how the trail was set up before is not in the record",
    "account-left": "an account comes back by invitation only",
    "account-removed": "an account comes back by invitation only",
    "prefix-list-deleted": "a deleted prefix list cannot be brought back",
    "prefix-list-renamed": "what was set before is not in the record",
    "group-id-that-is-none": ("the group id in the record does not have the form of one of AWS's"),
    "rule-of-a-strange-protocol": (
        "the protocol in the record does not have the form of one of AWS's"
    ),
    "peer-known-by-name-only": (
        "the id of the group that it refers to in the record does not have the form of one of AWS's"
    ),
    "prefix-list-that-is-none": (
        "the prefix list id in the record does not have the form of one of AWS's"
    ),
    "vpc-that-is-none": "the VPC id in the record does not have the form of one of AWS's",
    "trail-name-that-is-none": (
        "the trail's name in the record does not have the form of one of AWS's"
    ),
    "administrator-that-is-none": (
        "the account id in the record does not have the form of one of AWS's"
    ),
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
    "group-id-that-is-none": group_change(Action.CREATE, group_id="web", group_name="web"),
    "group-not-recorded": group_change(Action.CREATE, group_id=None),
    "vpc-that-is-none": group_change(Action.ASSOCIATE_VPC, vpc_id="vpc-web"),
    "prefix-list-deleted": prefix_list_change(Action.DELETE),
    "account-left": TrailChange(action=TrailAction.LEAVE_ORGANIZATION),
    "account-removed": TrailChange(action=TrailAction.REMOVE_ACCOUNT),
    "trail-name-that-is-none": TrailChange(action=TrailAction.STOP, trail="--name"),
    "administrator-that-is-none": TrailChange(
        action=TrailAction.REGISTER_ADMINISTRATOR, member_account_id="x"
    ),
    "rules-known-by-id-only": group_change(
        Action.REMOVE_RULES, rule_ids=("sgr-0123456789abcdef0",)
    ),
    "rules-of-both-directions": group_change(
        Action.ADD_RULES, added=rules("tcp 22 from 10.0.0.0/8", "egress tcp 22 to ::/0")
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
    # These calls take no name.
    "vpc-associated-with-a-group-known-by-name": group_change(
        Action.ASSOCIATE_VPC, group_id=None, group_name="web", vpc_id=VPC
    ),
    "egress-added-to-a-group-known-by-name-only": group_change(
        Action.ADD_RULES, group_id=None, group_name="web", added=with_ids("egress all to ::/0")
    ),
    "egress-removed-from-a-group-known-by-name-only": group_change(
        Action.REMOVE_RULES, group_id=None, group_name="web", removed=rules("egress all to ::/0")
    ),
    "prefix-list-not-recorded": prefix_list_change(Action.CREATE, prefix_list_id=None),
    "prefix-list-of-no-version": prefix_list_change(Action.MODIFY, added=(peer("::/0"),)),
    "prefix-list-of-an-absurd-version": prefix_list_change(Action.RESTORE, version=int("9" * 4300)),
    "prefix-list-renamed": prefix_list_change(Action.MODIFY, version=3),
    # Whatever was taken out would be in it again, and nobody would know.
    "prefix-list-edited-by-what-is-not-readable": prefix_list_change(
        Action.MODIFY, version=3, removed=(peer("10.0.0.0/8"),), problems=("removeEntry[1]: …",)
    ),
    "trail-deleted": TrailChange(action=TrailAction.DELETE, trail="organization-trail"),
    "trail-updated": TrailChange(action=TrailAction.UPDATE, trail="organization-trail"),
    "trail-not-recorded": TrailChange(action=TrailAction.STOP, trail=None),
}


@pytest.mark.parametrize("story", NO_UNDO)
def test_no_command_is_invented(story: str) -> None:
    finding = judged(NO_UNDO[story])
    reason = OTHER_REASONS.get(story, NOT_ENOUGH)

    assert undo_of(finding) == Undo(reason=reason)
    [message] = told([finding])
    email = " ".join(json.loads(message.body)["email"].split())
    assert (f"No command: {reason}." in email) is (finding.judgement.severity > 0)


def test_edit_by_the_role_of_ipam_has_a_reason_and_no_command() -> None:
    path = "arn:aws:iam::111122223333:role/aws-service-role/ipam.amazonaws.com"
    issuer = {
        "type": "Role",
        "userName": "AWSServiceRoleForIPAM",
        "arn": f"{path}/AWSServiceRoleForIPAM",
    }
    identity = {"type": "AssumedRole", "sessionContext": {"sessionIssuer": issuer}}
    edit = prefix_list_change(Action.MODIFY, version=3, added=(peer("0.0.0.0/0"),))

    assert undo_of(judged(edit, userIdentity=identity)) == Undo(
        reason="IPAM would make the same change again: change its rules in IPAM"
    )
    # A person's edit, and that of a role which somebody has given the name.
    issuer["arn"] = "arn:aws:iam::111122223333:role/AWSServiceRoleForIPAM"
    assert undo_of(judged(edit)).commands
    assert undo_of(judged(edit, userIdentity=identity)).commands


def test_every_other_reason_is_tried() -> None:
    assert OTHER_REASONS.keys() <= NO_UNDO.keys()


STRANGE_REGION: Final = "the Region in the record does not have the form of one of AWS's"


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({"errorCode": "Client.UnauthorizedOperation"}, "nothing changed"),
        ({"errorCode": "Client.DryRunOperation"}, "nothing changed"),
        ({"awsRegion": None}, NOT_ENOUGH),
        ({"awsRegion": "eu-central-1; reboot"}, STRANGE_REGION),
        ({"awsRegion": "--profile"}, STRANGE_REGION),
    ],
)
def test_nothing_is_undone_that_did_not_happen_or_nobody_knows_where(
    members: dict[str, object], reason: str
) -> None:
    opening = group_change(Action.ADD_RULES, added=rules("tcp 22 from 0.0.0.0/0"))
    there = {"eventName": "AuthorizeSecurityGroupIngress"}
    assert undo_of(judged(opening, trail_arn=None, **there)).commands
    assert looks_of(judged(opening, trail_arn=None, **there))

    finding = judged(opening, trail_arn=None, **there | members)

    assert undo_of(finding) == Undo(reason=reason)
    assert looks_of(finding) == ()


def test_a_command_that_no_command_line_takes() -> None:
    many = rules(*(f"tcp {it} from ::/0" for it in range(1000)))
    finding = judged(group_change(Action.REMOVE_RULES, removed=many))

    assert undo_of(finding) == Undo(reason="it would be too long")
    [message] = told([finding])
    assert "No command: it would be too long." in json.loads(message.body)["email"]


def test_a_thousand_rules_are_revoked_by_their_ids() -> None:
    change = group_change(
        Action.ADD_RULES, added=with_ids(*(f"tcp {it} from ::/0" for it in range(1000)))
    )

    command = command_of(judged(change))

    assert len(words_of(command)) > 1000
    assert len(command) <= LONGEST_COMMAND


def test_a_thousand_rules_of_which_a_few_open_the_world_are_not_too_many() -> None:
    """What they are closed by fits, though the whole call does not."""
    private = (f"tcp {it} from 10.0.0.0/8" for it in range(1000))
    change = group_change(Action.ADD_RULES, added=rules(*private, "tcp 2222 from 0.0.0.0/0"))

    [command] = undo_of(judged(change)).commands

    assert command.does == "Close what is open to the Internet (1 rule)"
    assert json.loads(words_of(command.text)[-1])[0]["FromPort"] == 2222


@pytest.mark.parametrize("count", [1, 100, 300, 999])
def test_many_rules_of_which_one_is_known_by_name_only(count: int) -> None:
    """It is not their number that leaves no room for a command."""
    many = rules(*(f"tcp {it} from ::/0" for it in range(count)), "tcp 22 from sg-web")
    finding = judged(group_change(Action.REMOVE_RULES, removed=many))
    reason = OTHER_REASONS["peer-known-by-name-only"]

    assert undo_of(finding) == Undo(reason=reason)
    [message] = told([finding])
    email = json.loads(message.body)["email"]
    assert f"No command: {reason}." in email
    assert "too long" not in email


def test_the_longest_command_that_a_command_line_takes() -> None:
    """One character more is one too many."""
    created = judged(group_change(Action.CREATE))
    others = len(command_of(created)) - len("eu-central-1")
    longest = "eu-central-".ljust(LONGEST_COMMAND - others, "1")

    assert len(command_of(with_record(created, region=longest))) == LONGEST_COMMAND

    too_long = with_record(created, region=f"{longest}1")
    assert undo_of(too_long) == Undo(reason="it would be too long")


TABLE: Final = ("--output", "table")
METACHARACTERS: Final = st.text(st.sampled_from("sgr-plvc0123456789abcdef$`;&|<>(){}'\"\\\n -="))


@given(
    hostile=st.tuples(
        METACHARACTERS, METACHARACTERS, METACHARACTERS, METACHARACTERS, METACHARACTERS
    ),
    # What a call does to a group; a prefix list is edited and restored besides.
    action=st.sampled_from(ON_GROUPS),
    edit=st.sampled_from([it for it in Action if it is not Action.ATTACH]),
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
        group_change(action, group_id=None, group_name=value, vpc_id=VPC, removed=typed[:1]),
        group_change(action, added=typed[:1], removed=typed[1:]),
        prefix_list_change(edit, prefix_list_id=value, version=3, added=(peer("::/0"),)),
        AttachmentChange(group_ids=(group_id, value), interface_id=vpc_id, instance_id=rule_id),
        *(TrailChange(action=it, trail=value) for it in TrailAction),
    ]
    findings = [judged(change) for change in changes]
    commands = [command.text for it in findings for command in undo_of(it).commands]
    commands += [command for finding in findings for _, command, _ in looks_of(finding)]
    for command in commands:
        words = shlex.split(command)
        assert shlex.join(words) == command
        for option, word in pairwise(words):
            assert "://" not in word
            if option == "--ip-permissions":
                assert re.fullmatch(r"\[\{[A-Za-z0-9 .\\/:_,;+=!$()\"{}\[\]-]+\}\]", word)
            elif option == "--group-name":
                assert re.fullmatch(GROUP_NAME, word)
            elif option == "--filters" and word.startswith("["):
                [found] = json.loads(word)
                assert found.keys() == {"Name", "Values"}
                assert found["Name"] == "group-name"
                assert all(re.fullmatch(GROUP_NAME, it) for it in found["Values"])
            elif option == "--filters":
                name, value = word.split(",")
                assert name in ("Name=group-id", "Name=group-name")
                assert re.fullmatch(r"Values=[A-Za-z0-9 ._/:()#+;&!$-]+", value)
            elif option == "--query":
                assert word in QUERIES
            else:
                assert re.fullmatch(r"[A-Za-z0-9./:_,= -]+", word)
            # An option of ours is followed by its value, not by another option.
            assert not (option in ("--name", "--group-name", "--group-id") and word[0] == "-")


def test_looking_covers_every_group_once() -> None:
    findings = [
        judged(group_change(Action.ADD_RULES, group_id=it, added=rules("tcp 22 from ::/0")))
        for it in (GROUP, "sg-11111111", GROUP, "sg-web; reboot", None)
    ]

    interfaces, state, *others = looks_of(*findings)

    filters = ["--filters", f"Name=group-id,Values={GROUP},sg-11111111"]
    for (shows, command, how_to_read), name, what in (
        (interfaces, "describe-network-interfaces", "What the group is attached to"),
        (state, "describe-security-group-rules", "Which rules the group has now"),
    ):
        aws, ec2, call, region, place, *options, query, of, output, table = words_of(command)
        assert (aws, ec2, call) == ("aws", "ec2", name)
        assert (region, place, options) == ("--region", "eu-central-1", filters)
        assert (query, of in QUERIES, output, table) == ("--query", True, "--output", "table")
        assert shows == what
        assert how_to_read
    assert others == []


def test_looking_at_a_group_that_is_known_by_name_only() -> None:
    change = group_change(
        Action.ADD_RULES, group_id=None, group_name="reporting db", added=rules("all from ::/0")
    )

    [(shows, command, how_to_read)] = looks_of(judged(change))

    assert shows == "The group of this name, and its rules"
    assert words_of(command) == [
        *("aws", "ec2", "describe-security-groups", "--region", "eu-central-1"),
        *("--filters", "Name=group-name,Values=reporting db"),
        *("--query", "SecurityGroups[].{Id:GroupId,Vpc:VpcId,In:IpPermissions}", *TABLE),
    ]
    assert how_to_read == "0.0.0.0/0 or ::/0 is open to the Internet."


def test_looking_at_several_groups_that_are_known_by_name_only() -> None:
    changes = [
        group_change(Action.ADD_RULES, group_id=None, group_name=it, added=rules("all from ::/0"))
        for it in ("web", "db", "web", "--x")
    ]

    filters = [words_of(command)[6] for _, command, _ in looks_of(*map(judged, changes))]

    assert filters == ["Name=group-name,Values=web", "Name=group-name,Values=db"]


def test_looking_for_a_group_that_the_record_does_not_name() -> None:
    change = group_change(Action.ADD_RULES, group_id=None, is_omitted=True)

    [(shows, command, _)] = looks_of(judged(change, eventID="e-1"))

    assert shows == "What the call was about"
    assert words_of(command)[1:] == [
        *("cloudtrail", "lookup-events", "--region", "eu-central-1"),
        *("--lookup-attributes", "AttributeKey=EventId,AttributeValue=e-1"),
        *("--query", "Events[].Resources[]", "--output", "table"),
    ]
    assert looks_of(judged(change, eventID="e-1; reboot")) == ()


def test_looking_at_a_prefix_list() -> None:
    finding = judged(prefix_list_change(Action.MODIFY, added=(peer("::/0"),)))

    looks = looks_of(finding)

    there = ("--region", "eu-central-1", "--prefix-list-id", PREFIX_LIST, "--query")
    assert [words_of(command)[1:] for _, command, _ in looks] == [
        ["ec2", f"get-managed-prefix-list-{what}", *there, query, *TABLE]
        for what, query in (
            ("entries", "Entries[].{Range:Cidr,Description:Description}"),
            (
                "associations",
                "PrefixListAssociations[].{Used_by:ResourceId,Account:ResourceOwner}",
            ),
        )
    ]
    assert all(how_to_read for _, _, how_to_read in looks)
    assert looks_of(judged(prefix_list_change(Action.DELETE))) == ()


STATUS: Final = (
    "Whether the trail logs",
    "get-trail-status --name",
    "{Logging:IsLogging,Delivery_error:LatestDeliveryError}",
)
SELECTORS: Final = (
    "Which events the trail takes",
    "get-event-selectors --trail-name",
    "[EventSelectors,AdvancedEventSelectors]",
)
SETUP: Final = ("How the trail is set up", "get-trail --name", "Trail")


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        (TrailAction.STOP, [STATUS, SELECTORS, SETUP]),
        # What the call set comes first.
        (TrailAction.UPDATE, [SETUP, STATUS, SELECTORS]),
        (TrailAction.SELECT_EVENTS, [SELECTORS, STATUS, SETUP]),
    ],
)
def test_looking_at_a_trail(action: TrailAction, expected: list[tuple[str, str, str]]) -> None:
    looks = looks_of(judged(TrailChange(action=action, trail=TRAIL)))

    for (shows, command, how_to_read), (what, call, query) in zip(looks, expected, strict=True):
        name, option = call.split()
        assert shows == what
        assert words_of(command)[1:] == [
            *("cloudtrail", name, "--region", "eu-central-1", option, TRAIL),
            *("--query", query, *TABLE),
        ]
        assert how_to_read
    assert looks_of(judged(TrailChange(action=action, trail="--name"))) == ()


def test_looking_for_a_trail_that_is_gone() -> None:
    """AWS would say of it only that it is not there."""
    [(shows, command, how_to_read)] = looks_of(
        judged(TrailChange(action=TrailAction.DELETE, trail=TRAIL))
    )

    assert shows == "Which trails there are now"
    assert words_of(command)[1:] == [
        *("cloudtrail", "list-trails", "--region", "eu-central-1"),
        *TABLE,
    ]
    assert how_to_read == "A trail that is not listed was deleted."


ON_THE_ORGANIZATION: Final = {
    TrailAction.DISABLE_TRUSTED_ACCESS: ["list-aws-service-access-for-organization"],
    TrailAction.REGISTER_ADMINISTRATOR: [
        *("list-delegated-administrators", "--service-principal", "cloudtrail.amazonaws.com")
    ],
    TrailAction.LEAVE_ORGANIZATION: ["describe-account", "--account-id", "333344445555"],
    TrailAction.REMOVE_ACCOUNT: ["describe-account", "--account-id", "333344445555"],
}


@pytest.mark.parametrize("action", ON_THE_ORGANIZATION)
def test_looking_at_the_organization(action: TrailAction) -> None:
    """Only the management account is answered, so the alert says where to run it."""
    name, *options = ON_THE_ORGANIZATION[action]

    [(shows, command, how_to_read)] = looks_of(
        judged(TrailChange(action=action, member_account_id="333344445555"))
    )

    assert shows.endswith(" (run it in the management account)")
    assert words_of(command)[1:] == [
        *("organizations", name, "--region", "eu-central-1", *options, *TABLE)
    ]
    assert how_to_read


def test_looking_for_an_account_that_the_record_does_not_name() -> None:
    for account in (None, "x"):
        left = TrailChange(action=TrailAction.REMOVE_ACCOUNT, member_account_id=account)
        assert looks_of(judged(left)) == ()


def test_worst_is_looked_at_first_and_no_more_than_six_commands_are_given() -> None:
    lists = [
        judged(prefix_list_change(Action.MODIFY, prefix_list_id=f"pl-0000000{it}", added=(wide,)))
        for it, wide in enumerate(map(peer, [*["0.0.0.0/1"] * 6, "0.0.0.0/0"]))
    ]

    commands = [words_of(command) for _, command, _ in looks_of(*lists)]

    assert len(commands) == 6
    assert commands[0][6] == "pl-00000006"


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

    steps = [(step.call.number, words_of(step.command.text)[2]) for step in briefing.undo]
    assert steps == [
        (4, "revoke-security-group-ingress"),
        (1, "delete-security-group"),
    ]
    assert [step.call.finding for step in briefing.undo] == [findings[3], findings[0]]
    assert briefing.without_undo == {OTHER_REASONS["edit"]: [3]}


def test_email_says_which_of_several_calls_have_no_command() -> None:
    stopped, updated = (
        judged(TrailChange(action=it, trail=TRAIL, blinded=(Blinding.STOPPED,)))
        for it in (TrailAction.STOP, TrailAction.UPDATE)
    )
    [message] = told([stopped, updated])
    undo = texts_of(message)["email"].partition("\nUNDO\n")[2].partition("\n\n")[0]

    # The command itself stands above.
    assert undo.splitlines() == [
        "No command for 2: how the trail was set up before is not in the record."
    ]


# What later calls took back ----------------------------------------------------------------------


def at(minute: int, change: Change, **members: Any) -> Finding:
    called = {"eventID": f"e-{minute}", "eventTime": f"2026-11-17T08:{minute:02}:00Z"}
    return judged(change, **called | members)


def in_forms(*findings: Finding) -> list[dict[str, str]]:
    """The alerts of one delivery."""
    return [
        texts_of(message)
        for alert in alerts_of_delivery(*findings)
        for message in messages_of(alert, PLAIN)
    ]


SSH_IN: Final = group_change(Action.ADD_RULES, added=with_ids("tcp 22 from 0.0.0.0/0"))
GROUP_DELETED: Final = "the group was deleted at 08:05:00 UTC"
REVOKED: Final = "what the call added was revoked at 08:05:00 UTC"
TAKEN_BACK: Final[dict[str, tuple[Change, Change, str]]] = {
    "group-created-and-deleted": (
        group_change(Action.CREATE),
        group_change(Action.DELETE),
        GROUP_DELETED,
    ),
    "group-opened-and-deleted": (SSH_IN, group_change(Action.DELETE), GROUP_DELETED),
    "group-known-by-name-opened-and-deleted": (
        group_change(
            Action.ADD_RULES, group_id=None, group_name="web", added=rules("tcp 22 from ::/0")
        ),
        group_change(Action.DELETE, group_id=None, group_name="web"),
        GROUP_DELETED,
    ),
    "rule-opened-and-revoked": (
        SSH_IN,
        group_change(Action.REMOVE_RULES, removed=rules("tcp 22 from 0.0.0.0/0")),
        REVOKED,
    ),
    "rule-opened-and-revoked-by-its-id": (
        SSH_IN,
        group_change(Action.REMOVE_RULES, rule_ids=("sgr-00000000000000000",)),
        REVOKED,
    ),
    "prefix-list-opened-and-deleted": (
        prefix_list_change(Action.CREATE, added=(peer("0.0.0.0/0"),)),
        prefix_list_change(Action.DELETE),
        "the prefix list was deleted at 08:05:00 UTC",
    ),
    "trail-stopped-and-deleted": (
        TrailChange(action=TrailAction.STOP, trail=TRAIL, blinded=(Blinding.STOPPED,)),
        TrailChange(action=TrailAction.DELETE, trail=TRAIL, blinded=(Blinding.DELETED,)),
        "the trail was deleted at 08:05:00 UTC",
    ),
}


@pytest.mark.parametrize(("before", "after", "ended"), TAKEN_BACK.values(), ids=TAKEN_BACK)
def test_what_a_later_call_ended_gets_the_reason_and_no_command(
    before: Change, after: Change, ended: str
) -> None:
    # In whichever order CloudTrail delivered them.
    for findings in ([at(1, before), at(5, after)], [at(5, after), at(1, before)]):
        [entry] = [
            entry
            for alert in alerts_of_delivery(*findings)
            for entry in alert.delivered
            if entry.event_ids == ("e-1",)
        ]
        changed = changed_by(entry, LIMITS[0])

        reason = "there is nothing left to undo"
        assert changed.undo == Undo(reason=reason)
        texts = next(it for it in in_forms(*findings) if "e-1" in it["default"])
        sentence = f"{ended[0].upper()}{ended[1:]}."
        lines = texts["email"].split("\n")
        is_alone = json.loads(texts["default"])["count"] == 1
        assert lines[1] == sentence if is_alone else f"  ! {sentence}" in lines
        assert f"! {sentence}" in json.loads(texts["https"])["content"]["description"]
        [evidence] = [
            it
            for it in json.loads(texts["default"])["evidences"]
            if it["data"]["event_id"] == "e-1"
        ]
        assert evidence["data"]["ended"] == ended
        # Whatever group, list or trail is left to be deleted or revoked from: none.
        for form in texts.values():
            assert not re.search("aws ec2 (revoke|delete|restore)|start-logging", form)


STILL_OPEN: Final[dict[str, tuple[Change, Change, dict[str, object]]]] = {
    "another-group-is-deleted": (
        SSH_IN,
        group_change(Action.DELETE, group_id="sg-11111111"),
        {},
    ),
    "the-deletion-is-refused": (
        SSH_IN,
        group_change(Action.DELETE),
        {"errorCode": "Client.DependencyViolation"},
    ),
    "another-rule-is-revoked": (
        SSH_IN,
        group_change(Action.REMOVE_RULES, removed=rules("tcp 23 from 0.0.0.0/0")),
        {},
    ),
    "the-revoke-matched-nothing": (
        SSH_IN,
        group_change(Action.REMOVE_RULES, missed=rules("tcp 22 from 0.0.0.0/0")),
        {},
    ),
    "the-deletion-was-elsewhere": (
        SSH_IN,
        group_change(Action.DELETE),
        {"awsRegion": "eu-west-1"},
    ),
}


@pytest.mark.parametrize(("before", "after", "members"), STILL_OPEN.values(), ids=STILL_OPEN)
def test_what_nothing_ended_is_undone_as_ever(
    before: Change, after: Change, members: dict[str, object]
) -> None:
    texts = next(
        it for it in in_forms(at(1, before), at(5, after, **members)) if ("e-1" in it["default"])
    )

    assert not re.search("(deleted|revoked) at", texts["email"])
    assert "aws ec2 revoke-security-group-ingress" in texts["email"]


def test_a_rule_that_was_opened_again_is_undone() -> None:
    closed = group_change(Action.REMOVE_RULES, removed=rules("tcp 22 from 0.0.0.0/0"))

    texts = in_forms(at(1, SSH_IN), at(5, closed), at(9, SSH_IN))

    [ended] = [it["email"] for it in texts if it["email"].startswith("HIGH")]
    assert "What the call added was revoked at 08:05:00 UTC" in ended
    # What stands is undone.
    [again] = [it["email"] for it in texts if it["email"].startswith("CRITICAL")]
    assert "aws ec2 revoke-security-group-ingress" in again
    assert "revoked at" not in again


def test_of_a_call_the_rules_that_still_stand_are_undone() -> None:
    both = group_change(Action.ADD_RULES, added=with_ids("tcp 22 from ::/0", "tcp 23 from ::/0"))
    one = group_change(Action.REMOVE_RULES, removed=rules("tcp 22 from ::/0"))

    [opened] = [it for it in in_forms(at(1, both), at(5, one)) if "CRITICAL" in it["email"]]

    # No more is promised than the command does.
    title = "Undo what is left of the call (1 rule), with credentials of account 111122223333:"
    command = (
        f"aws ec2 revoke-security-group-ingress --region eu-central-1 --group-id {GROUP} "
        "--security-group-rule-ids sgr-00000000000000001"
    )
    assert f"\n{title}\n{command}\n" in opened["email"]
    assert json.loads(opened["default"])["remediation"]["desc"] == command
    assert "revoked at" not in opened["email"]


def test_of_what_still_stands_what_opens_the_most_is_closed_first() -> None:
    texts = ("tcp 22 from ::/0", "tcp 23 from ::/0", "tcp 24 from 10.0.0.0/8")
    all_three = group_change(Action.ADD_RULES, added=with_ids(*texts))
    one = group_change(Action.REMOVE_RULES, removed=rules("tcp 22 from ::/0"))

    [opened] = [it for it in in_forms(at(1, all_three), at(5, one)) if "CRITICAL" in it["email"]]

    steps = json.loads(opened["https"])["content"]["nextSteps"]
    undo = [step.partition(": `") for step in steps if "revoke-" in step]
    assert [(does, command.rstrip("`").split("-ids ")[1]) for does, _, command in undo] == [
        ("Close what is open to the Internet (1 rule)", "sgr-00000000000000001"),
        (
            "Undo what is left of the call (2 rules)",
            "sgr-00000000000000001 sgr-00000000000000002",
        ),
    ]


def test_email_does_not_miss_a_command_that_another_call_has() -> None:
    opening = judged(group_change(Action.ADD_RULES, added=rules("tcp 22 from ::/0")))
    [message] = told([opening, opening])

    assert "No command" not in texts_of(message)["email"]


def test_email_offers_one_command_or_another_for_each_call() -> None:
    mixed = rules("tcp 22 from ::/0", "tcp 443 from 10.0.0.0/8")
    calls = [
        judged(group_change(Action.ADD_RULES, group_id=it, added=mixed))
        for it in (GROUP, "sg-01111111")
    ]

    [message] = told(calls)

    [undo] = re.findall(r"\nUNDO\n(.*?)\n\n", texts_of(message)["email"], re.DOTALL)
    first, *rest = undo.split("\n")
    assert first == "In this order, the last call first, and only one command for each call:"
    assert [line for line in rest if line.endswith(":")] == [
        f"{number}. {does}:"
        for number in (2, 1)
        for does in ("Close what is open to the Internet (1 rule)", "Undo the whole call (2 rules)")
    ]


def test_email_undoes_in_order() -> None:
    finding, *others = (
        judged(group_change(Action.ADD_RULES, group_id=it, added=rules("tcp 22 from ::/0")))
        for it in (GROUP, "sg-01111111", "sg-11111111")
    )

    [message] = told([finding, *others, finding])

    [undo] = re.findall(r"\nUNDO\n(.*?)\n\n", json.loads(message.body)["email"], re.DOTALL)
    lines = undo.split("\n")
    assert lines[0] == "In this order, the last call first:"
    assert [line.split(" --ip-permissions")[0] for line in lines[1:-1]] == [
        f"{number}. aws ec2 revoke-security-group-ingress --region eu-central-1 --group-id {it}"
        for number, it in ((4, GROUP), (3, "sg-11111111"), (2, "sg-01111111"))
    ]
    assert lines[-1] == "Run this with credentials of account 111122223333."


def test_one_line_says_that_there_is_no_command() -> None:
    edits = [
        judged(group_change(Action.MODIFY_RULES, added=rules("unknown tcp 22 from ::/0")))
        for _ in range(5)
    ]

    [message] = told(edits)

    email = json.loads(message.body)["email"]
    assert email.count("No command") == 1
    reason = OTHER_REASONS["edit"]
    assert f"No command: {reason}." in email


def test_undo_without_an_account() -> None:
    finding = judged(group_change(Action.CREATE))
    nowhere = with_record(finding, account_id=None)

    [message] = told([nowhere])

    email = json.loads(message.body)["email"]
    assert f"delete-security-group --region eu-central-1 --group-id {GROUP}\n" in email
    assert "with credentials of" not in email


# Groups that are known by their names ------------------------------------------------------------


# https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSecurityGroup.html
ODD: Final = " ._-:/()#,[]=+&;{}!$"
NAMES: Final = (
    *(f"a{char}b" for char in ODD),
    *(f"a{char}" for char in ODD),
    *(f"{char}a" for char in ODD if char != "-"),
    *("$(reboot)", "x; reboot", "a && b", "{Id:GroupId}", "Values=x,Name=y", "[{x}]", "[]", "{}"),
    *("a --profile x", "a& b;c", "&;", "x" * 255, "0"),
)


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_ec2_takes_is_in_a_command_as_it_is(name: str) -> None:
    created = judged(group_change(Action.CREATE, group_id=None, group_name=name))
    opened = judged(
        group_change(Action.ADD_RULES, group_id=None, group_name=name, added=rules("all from ::/0"))
    )

    [(_, look, _)] = looks_of(created)
    [step] = [
        step
        for message in told([opened])
        for step in json.loads(texts_of(message)["https"])["content"]["nextSteps"]
        if "revoke-" in step
    ]

    assert words_of(command_of(created))[-2:] == ["--group-name", name]
    assert words_of(command_of(opened))[5:7] == ["--group-name", name]
    assert words_of(step.split("`")[1])[5:7] == ["--group-name", name]
    assert name_in_filter(words_of(look)[6]) == name


def name_in_filter(word: str) -> object:
    """The name that the AWS CLI reads: in its shorthand, or as JSON."""
    if word.startswith("["):
        [found] = json.loads(word)
        assert found["Name"] == "group-name"
        [value] = found["Values"]
        return value
    shorthand = re.fullmatch(r"Name=group-name,Values=([^\s\"',=\[{\]}\\][^\"',\]}\\]*)", word)
    assert shorthand
    # It drops spaces at the end.
    return shorthand[1].rstrip()


NO_NAMES: Final = (
    *("@x", "web@x", "*", "web*", "-", "-x", "--profile x", "--endpoint-url=x", "file:///etc/x"),
    *("https://x", "a://", "a&lt;b", "a&amp;b", "&#64;", "a&b;c", "a|b", "a`b", "a'b", 'a"b'),
    *("a\\b", "a~b", "a<b", "a>b", "a\nb", "web\n", "a\tb", "a%b", "a?b", "é", "\u202eweb"),
    *("\ud800", "x" * 256, ""),
)


@pytest.mark.parametrize("name", NO_NAMES, ids=ascii)
def test_a_name_that_means_something_elsewhere_is_in_no_command(name: str) -> None:
    by_name = [
        judged(group_change(action, group_id=None, group_name=name, **members))
        for action, members in (
            (Action.CREATE, {}),
            (Action.ADD_RULES, {"added": rules("all from ::/0")}),
            (Action.REMOVE_RULES, {"removed": rules("all from ::/0")}),
        )
    ]

    for finding in by_name:
        assert undo_of(finding) == Undo(
            reason="the group's name has characters that no command may hold"
        )
        assert looks_of(finding) == ()


def test_a_name_means_another_group_in_the_default_vpc() -> None:
    created = group_change(Action.CREATE, group_id=None, group_name="web", vpc_id=VPC)

    reason = "the record names the group and its VPC, and a command needs its id"
    assert undo_of(judged(created)) == Undo(reason=reason)


@pytest.mark.parametrize("group_id", ["web", "sg-0123456789abcdef0 --profile x"])
def test_a_strange_id_is_not_replaced_by_the_name(group_id: str) -> None:
    change = group_change(Action.CREATE, group_id=group_id, group_name="web")

    assert looks_of(judged(replace(change, group_id=GROUP)))
    assert looks_of(judged(change)) == ()


# What AWS knows of the commands ------------------------------------------------------------------


@pytest.mark.parametrize("story", UNDO)
def test_every_command_is_one_that_the_aws_cli_has(story: str) -> None:
    finding = judged(UNDO[story][0])

    for text in [command.text for command in undo_of(finding).commands] + [
        command for _, command, _ in looks_of(finding)
    ]:
        assert_known_to_aws(text)


SESSION: Final = get_session()


def assert_known_to_aws(command: str) -> None:
    """Service, call and options are those of AWS's own model, and none that it needs is left out.

    https://docs.aws.amazon.com/cli/latest/userguide/cli-usage-parameters.html
    """
    _, service, call, *words = words_of(command)
    model = SESSION.get_service_model(service)
    [name] = [it for it in model.operation_names if xform_name(it, "-") == call]
    shape = model.operation_model(name).input_shape
    assert shape is not None
    options = {word.removeprefix("--") for word in words if word.startswith("--")}
    options -= {"region", "query", "output"}
    members = {xform_name(it, "-"): member for it, member in shape.members.items()}
    flags = {f"no-{it}" for it, member in members.items() if member.type_name == "boolean"}
    assert options <= members.keys() | flags
    assert {xform_name(it, "-") for it in shape.required_members} <= options
