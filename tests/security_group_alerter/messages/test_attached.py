"""What stands behind a group: in the headline and the subject, and in a section of its own."""

import json
from dataclasses import replace
from typing import Any, Final

import pytest

from security_group_alerter.messages import attributes_of
from security_group_alerter.messages.attached import families_of, things_words
from security_group_alerter.messages.looked import not_seen_words, tags_words
from security_group_alerter.model.account import AccountFacts
from security_group_alerter.model.finding import Finding
from security_group_alerter.model.group_state import (
    GroupState,
    InternetGatewayBlockMode,
    Look,
    NetworkInterface,
    Reach,
)
from security_group_alerter.model.rules import PeerKind
from tests.security_group_alerter.installation import LIST as OFFICES
from tests.security_group_alerter.installation import Installation, at, list_edited
from tests.security_group_alerter.messages.forms import (
    FACTS,
    PLAIN,
    alert_of,
    briefing_for,
    chat,
    machine,
    opened,
    sms,
    texts_of,
)
from tests.security_group_alerter.messages.looks import (
    BALANCER,
    BASTION,
    GROUP,
    LIST,
    ONLY_IPV6,
    ORDERS,
    SHOP,
    WORKER,
    list_state,
    listed_world,
    looked,
    resource,
    ssh,
    state,
)
from tests.stories import told

SSH: Final = "tcp 22 (SSH) open to the whole IPv4 Internet"
NLB: Final = "its VPC has a Network Load Balancer, which keeps the client's address"
DENIED: Final = "the role alerter-look may not be assumed in this account"


def email(*findings: Finding) -> str:
    [message] = told(findings, facts=FACTS, presentation=PLAIN)
    return texts_of(message)["email"]


def section(text: str, title: str) -> list[str]:
    [part] = [it for it in text.split("\n\n") if it.startswith(f"{title}\n")] or [title]
    return part.rstrip("\n").split("\n")[1:]


# What interfaces belong to ------------------------------------------------------------------------


def used_as(kind: str, *used_by: str | None) -> list[NetworkInterface]:
    return [
        NetworkInterface(id=f"eni-{number}", used_as=kind, used_by=it)
        for number, it in enumerate(used_by)
    ]


@pytest.mark.parametrize(
    ("interfaces", "words"),
    [
        pytest.param([BASTION], "1 public instance", id="one-instance"),
        pytest.param([BASTION, SHOP], "2 public instances", id="two-instances"),
        pytest.param(
            [BASTION, replace(BASTION, id="eni-2")],
            "1 public instance",
            id="two-interfaces-of-one-instance",
        ),
        pytest.param([BASTION, BALANCER], "2 public interfaces", id="two-kinds"),
        pytest.param(
            used_as("Application Load Balancer", "web", "web", "shop"),
            "2 public Application Load Balancers",
            id="load-balancers-in-two-zones",
        ),
        pytest.param([ORDERS], "1 public RDS database", id="database-without-a-name"),
        pytest.param(
            used_as("RDS database", None, None),
            "2 public RDS database interfaces",
            id="databases-that-cannot-be-counted",
        ),
        pytest.param(used_as("directory", "d-1", "d-2"), "2 public directories", id="directories"),
        pytest.param(used_as("AWS service", "x"), "1 public AWS service interface", id="service"),
        pytest.param(
            used_as("network interface", None, None),
            "2 public network interfaces",
            id="attached-to-nothing",
        ),
        pytest.param(
            used_as("network interface", None), "1 public network interface", id="one-of-them"
        ),
    ],
)
def test_things_are_counted_once(interfaces: list[NetworkInterface], words: str) -> None:
    assert things_words(interfaces, "public") == words


# The reach in the headline ------------------------------------------------------------------------


REACHES: Final[dict[str, tuple[Finding, str]]] = {
    "nobody-looked": (ssh(), SSH),
    "public": (
        looked(ssh(), state(WORKER, BASTION, SHOP), Reach.PUBLIC),
        f"{SSH} on 2 public instances",
    ),
    "public-of-several-kinds": (
        looked(ssh(), state(BASTION, SHOP, BALANCER), Reach.PUBLIC),
        f"{SSH} on 3 public interfaces",
    ),
    "public-by-what-nobody-saw": (looked(ssh(), state(), Reach.PUBLIC), f"{SSH} (public)"),
    "private": (
        looked(ssh(), state(WORKER), Reach.PRIVATE),
        f"{SSH}, no public address behind it (1 private instance)",
    ),
    "private-by-what-nobody-saw": (
        replace(looked(ssh(), state(), Reach.PRIVATE), look=None),
        f"{SSH}, no public address behind it",
    ),
    "private-behind-a-load-balancer": (
        looked(ssh(), state(WORKER), Reach.PRIVATE, reasons=(NLB,)),
        f"{SSH}, no public address behind it (1 private instance)",
    ),
    "public-in-the-other-family-only": (
        looked(ssh(), state(ONLY_IPV6), Reach.PRIVATE),
        f"{SSH}, no public IPv4 address behind it (1 other instance)",
    ),
    "the-other-way-round": (
        looked(ssh("tcp 22 from ::/0"), state(BASTION), Reach.PRIVATE),
        "tcp 22 (SSH) open to the whole IPv6 Internet, no global IPv6 address behind it "
        "(1 other instance)",
    ),
    "ipv6": (
        looked(ssh("tcp 22 from ::/0"), state(BASTION, ONLY_IPV6), Reach.PUBLIC),
        "tcp 22 (SSH) open to the whole IPv6 Internet on 1 public instance",
    ),
    "unattached": (looked(ssh(), state(), Reach.UNATTACHED), f"{SSH}, nothing attached"),
    "unknown": (looked(ssh(), state(is_complete=False), Reach.UNKNOWN), SSH),
    "list-that-public-instances-let-in": (
        looked(listed_world(), list_state(state(BASTION, SHOP), state(SHOP)), Reach.PUBLIC),
        f"prefix list {LIST} now includes the whole IPv4 Internet, which reaches "
        "2 public instances",
    ),
    "list-of-private-instances": (
        looked(listed_world(), list_state(state(WORKER)), Reach.PRIVATE),
        f"prefix list {LIST} now includes the whole IPv4 Internet, no public address behind it "
        "(1 private instance)",
    ),
    "list-that-nothing-refers-to": (
        looked(listed_world(), list_state(), Reach.UNATTACHED),
        f"prefix list {LIST} now includes the whole IPv4 Internet, no security group refers to it",
    ),
    "list-of-a-group-that-nothing-carries": (
        looked(listed_world(), list_state(state()), Reach.UNATTACHED),
        f"prefix list {LIST} now includes the whole IPv4 Internet, nothing attached",
    ),
}


@pytest.mark.parametrize(("finding", "headline"), REACHES.values(), ids=REACHES)
def test_headline_says_what_stands_behind_it(finding: Finding, headline: str) -> None:
    severity = finding.judgement.severity.name

    assert email(finding).split("\n")[0] == f"{severity}: {headline}"
    assert machine(finding)["message"] == headline
    assert chat(finding)["content"]["title"].endswith(f" {severity}: {headline}")


@pytest.mark.parametrize(
    ("finding", "account", "subject"),
    [
        pytest.param(
            looked(ssh(), state(BASTION, SHOP), Reach.PUBLIC),
            "shop",
            f"CRITICAL: {SSH} on 2 public instances in shop by jane",
            id="the-region-gives-way",
        ),
        pytest.param(
            looked(ssh(), state(BASTION, SHOP), Reach.PUBLIC),
            "payments-production",
            f"CRITICAL: {SSH} on 2 public instances in payments-production",
            id="the-person-gives-way",
        ),
        pytest.param(
            looked(ssh(), state(BASTION, SHOP), Reach.PUBLIC),
            "payments-production-europe",
            f"CRITICAL: {SSH} (public) in payments-production-europe",
            id="the-count-gives-way",
        ),
        pytest.param(
            looked(ssh(), state(WORKER), Reach.PRIVATE),
            "shop",
            f"CRITICAL: {SSH}, no public address behind it in shop by jane",
            id="private",
        ),
        pytest.param(
            looked(ssh(), state(), Reach.UNATTACHED),
            "x" * 40,
            f"CRITICAL: {SSH} in {'x' * 40}",
            id="all-of-it-gives-way",
        ),
    ],
)
def test_subject_says_as_much_of_it_as_fits(finding: Finding, account: str, subject: str) -> None:
    [message] = told([finding], facts=AccountFacts(name=account), presentation=PLAIN)

    assert message.subject == subject
    assert len(message.subject) < 100


def test_sms_says_as_much_of_it_as_fits() -> None:
    place = "payments-production eu-central-1 sg-0123456789abcdef0"

    private = looked(ssh(), state(WORKER), Reach.PRIVATE)
    assert sms(private) == f"CRITICAL {SSH}, no public address behind it | {place}"
    public = looked(ssh(), state(BASTION), Reach.PUBLIC)
    assert sms(public) == f"CRITICAL {SSH} on 1 public instance | {place}"


def test_of_several_calls_the_worst_has_its_reach_in_the_headline() -> None:
    seen = state(BASTION)
    calls = [looked(ssh(group_id=GROUP, eventID=f"e-{it}"), seen, Reach.PUBLIC) for it in range(2)]

    assert briefing_for(*calls).headline == f"2 calls, the worst: {SSH} on 1 public instance"


@pytest.mark.parametrize("reach", Reach)
def test_reach_is_an_attribute_where_the_world_gets_in(reach: Reach) -> None:
    finding = looked(ssh(), state(BASTION), reach)

    attributes = attributes_of(alert_of(finding))

    assert attributes["reach"] == reach.value
    assert len(attributes) == 10
    assert chat(finding)["metadata"]["additionalContext"]["reach"] == reach.value
    assert machine(finding)["unmapped"]["reach"] == reach.value


def test_without_an_opening_there_is_no_attribute() -> None:
    assert "reach" not in attributes_of(alert_of(opened("tcp 22 from 10.0.0.0/8")))


@pytest.mark.parametrize(
    ("rules", "families"),
    [
        (["tcp 22 from 0.0.0.0/0"], {PeerKind.IPV4}),
        (["tcp 22 from ::/0", "tcp 22 from 8.8.8.8/32"], {PeerKind.IPV6}),
        (["tcp 22 from ::/0", "tcp 443 from 0.0.0.0/0"], {PeerKind.IPV4, PeerKind.IPV6}),
        (["tcp 22 from 8.8.8.8/32"], {PeerKind.IPV4}),
        (["tcp 22 from pl-1"], {PeerKind.IPV4, PeerKind.IPV6}),
    ],
    ids=["ipv4", "ipv6-and-an-address", "both", "an-address", "what-is-not-known"],
)
def test_families_are_those_that_are_open(rules: list[str], families: set[PeerKind]) -> None:
    assert families_of(opened(*rules)) == families


# The section --------------------------------------------------------------------------------------


def test_what_carries_the_group_is_named_with_the_public_first() -> None:
    seen = state(WORKER, ORDERS, ONLY_IPV6, BALANCER, BASTION, SHOP, replace(SHOP, id="eni-9"))

    text = email(looked(ssh(), seen, Reach.PUBLIC))

    assert section(text, "ATTACHED TO") == [
        "7 network interfaces, 4 of them public, seen at 03:12 UTC:",
        "  Application Load Balancer web: public 198.51.100.3, private 10.0.1.8",
        '  instance i-0aaaaaaaaaaaaaaa1 "bastion": public 203.0.113.9, private 10.0.1.5',
        "  instance i-0aaaaaaaaaaaaaaa2: public 203.0.113.9, private 10.0.1.5",
        "  instance i-0aaaaaaaaaaaaaaa2: public 203.0.113.9, private 10.0.1.5",
        '  instance i-0aaaaaaaaaaaaaaa3 "worker": private 10.0.2.7',
        "  and 2 more, none of them public",
    ]


@pytest.mark.parametrize(
    ("seen", "lines"),
    [
        pytest.param(
            state(), ["No network interface uses the group, as seen at 03:12 UTC."], id="none"
        ),
        pytest.param(
            state(ORDERS),
            [
                "1 network interface, not public, seen at 03:12 UTC:",
                "  RDS database eni-0aaaaaaaaaaaaaaa4: private 10.0.3.4",
            ],
            id="database",
        ),
        pytest.param(
            state(
                replace(BASTION, public_ipv4=tuple("1234"), ipv6=("2600::1",)),
                replace(WORKER, private_addresses=()),
                has_all_interfaces=False,
                is_complete=False,
            ),
            [
                "2 network interfaces (perhaps not all), 1 of them public, seen at 03:12 UTC:",
                '  instance i-0aaaaaaaaaaaaaaa1 "bastion": public 1, 2, 3 and 1 more, IPv6 2600::1,'
                " private 10.0.1.5",
                '  instance i-0aaaaaaaaaaaaaaa3 "worker": no address',
            ],
            id="many-addresses-and-none",
        ),
        pytest.param(
            state(*(replace(BASTION, id=f"eni-{it}") for it in range(6))),
            [
                "6 network interfaces, all of them public, seen at 03:12 UTC:",
                *['  instance i-0aaaaaaaaaaaaaaa1 "bastion": public 203.0.113.9, private 10.0.1.5']
                * 5,
                "  and 1 more, public",
            ],
            id="all-public",
        ),
        pytest.param(state(is_complete=False, has_all_interfaces=False), [], id="not-seen"),
        pytest.param(
            state(block_mode=InternetGatewayBlockMode.INGRESS),
            [
                "No network interface uses the group, as seen at 03:12 UTC.",
                "VPC Block Public Access is on and blocks all traffic from the Internet to the VPCs"
                " in this Region, except in excluded VPCs and subnets.",
            ],
            id="public-access-blocked",
        ),
    ],
)
def test_section_says_what_was_seen(seen: GroupState, lines: list[str]) -> None:
    assert section(email(looked(ssh(), seen, Reach.UNKNOWN)), "ATTACHED TO") == lines


def test_why_a_private_group_may_be_reached_is_said_at_once() -> None:
    behind = looked(ssh(), state(WORKER), Reach.PRIVATE, reasons=(NLB,))
    words = f"A private address may be reached all the same: {NLB}."

    assert words in email(behind).partition("WHAT CHANGED")[0].split("\n")
    assert f"! {words}" in chat(behind)["content"]["description"].split("\n")
    [look] = machine(behind)["unmapped"]["looks"]
    assert look["reasons"] == [NLB]

    shared = looked(ssh(), state(), Reach.UNKNOWN, reasons=("it is associated with other VPCs",))
    assert "The group may be in use all the same: it is associated with other VPCs." in email(
        shared
    )


@pytest.mark.parametrize(
    ("look", "words"),
    [
        pytest.param(Look(state=state()), None, id="all-was-seen"),
        pytest.param(Look(problem=DENIED), f"the group ({DENIED})", id="denied"),
        pytest.param(Look(), "the group", id="for-no-reason"),
        pytest.param(
            Look(
                state=state(
                    not_seen=(
                        "its rules could not be seen: EC2 was asked too often",
                        "its network interfaces could not be seen: EC2 was asked too often",
                        "VPC Block Public Access could not be seen: the look took too long",
                    )
                )
            ),
            "its rules and its network interfaces (EC2 was asked too often); "
            "VPC Block Public Access (the look took too long)",
            id="for-two-reasons",
        ),
        pytest.param(Look(state=state(not_seen=("a part",))), "a part", id="in-other-words"),
        pytest.param(
            Look(
                state=list_state(
                    state(
                        not_seen=("its rules could not be seen: x", "the VPC could not be seen: x")
                    )
                )
            ),
            f"of {GROUP}: its rules and the VPC (x)",
            id="of-a-group-that-refers-to-a-list",
        ),
    ],
)
def test_what_was_not_seen(look: Look, words: str | None) -> None:
    assert not_seen_words(look, "the group") == words


def test_what_was_not_seen_is_said_once_with_what_to_look_at() -> None:
    blind = replace(ssh(), look=Look(problem=DENIED))
    text = email(blind)

    beginning, _, rest = text.partition("WHAT CHANGED")
    assert f"Not seen: the group ({DENIED})." in beginning.split("\n")
    assert "aws ec2 describe-network-interfaces" in beginning
    assert "aws ec2 describe-security-group-rules" in section(text, "LOOK")[1]
    assert "Not seen" not in rest
    assert "ATTACHED TO" not in text
    assert f"! Not seen: the group ({DENIED})." in chat(blind)["content"]["description"]
    [look] = machine(blind)["unmapped"]["looks"]
    assert look == {"resource_id": GROUP, "reach": "unknown", "problem": DENIED}


@pytest.mark.parametrize(
    ("seen", "looks"),
    [
        (state(BASTION), []),
        (state(BASTION, has_all_rules=False), ["describe-security-group-rules"]),
        (state(BASTION, has_all_interfaces=False), ["describe-network-interfaces"]),
        (
            state(has_all_rules=False, has_all_interfaces=False),
            ["describe-network-interfaces", "describe-security-group-rules"],
        ),
    ],
    ids=["all-seen", "not-the-rules", "not-the-interfaces", "neither"],
)
def test_commands_are_for_what_was_not_seen(seen: GroupState, looks: list[str]) -> None:
    briefing = briefing_for(looked(ssh(), seen, Reach.UNKNOWN))

    assert [command.split()[2] for _, command, _ in briefing.looks] == looks


def test_nobody_is_sent_to_find_out_what_was_seen() -> None:
    assert "Then find out what it reaches" in email(ssh())
    assert "Then find out who has connected" in email(looked(ssh(), state(BASTION), Reach.PUBLIC))


# The group ----------------------------------------------------------------------------------------


def test_group_has_its_name_vpc_and_tags() -> None:
    seen = state(BASTION, tags={"aws:x": "y", "team": "payments", "Name": "web"})

    lines = email(looked(ssh(), seen, Reach.PUBLIC)).split("\n")

    assert lines[2:4] == [
        f'Group: {GROUP} "web" in vpc-0123456789abcdef0',
        "Group tags: Name=web, team=payments and aws:x=y",
    ]


@pytest.mark.parametrize(
    ("tags", "words"),
    [
        ({}, None),
        ({"a": "1"}, "a=1"),
        ({it: it for it in "abcdefg"}, "a=a, b=b, c=c, d=d and 3 more"),
        ({"k" * 50: "v" * 300}, f"{'k' * 39}…={'v' * 59}…"),
        ({"a\nCRITICAL": "https://evil.example"}, "a\\nCRITICAL=https[:]//evil.example"),
    ],
    ids=["none", "one", "many", "long", "hostile"],
)
def test_tags(tags: dict[str, str], words: str | None) -> None:
    assert tags_words(tags) == words


# The other forms ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seen", "words"),
    [
        pytest.param(
            state(BASTION, SHOP, WORKER),
            '2 public instances and 1 private instance: instance i-0aaaaaaaaaaaaaaa1 "bastion" '
            "(203.0.113.9), instance i-0aaaaaaaaaaaaaaa2 (203.0.113.9) and 1 more; "
            "seen at 03:12 UTC",
            id="several",
        ),
        pytest.param(state(), "nothing; seen at 03:12 UTC", id="nothing"),
        pytest.param(
            state(replace(WORKER, private_addresses=()), has_all_interfaces=False),
            '1 private instance: instance i-0aaaaaaaaaaaaaaa3 "worker"; perhaps not all; '
            "seen at 03:12 UTC",
            id="perhaps-more",
        ),
    ],
)
def test_chat_says_it_in_a_line(seen: GroupState, words: str) -> None:
    description = chat(looked(ssh(), seen, Reach.UNKNOWN))["content"]["description"]

    assert f"*Attached to:* {words}" in description.split("\n")


def test_chat_says_nothing_of_what_was_not_seen() -> None:
    blind = state(has_all_interfaces=False)

    assert "*Attached" not in chat(looked(ssh(), blind, None))["content"]["description"]


def test_machine_form_has_interfaces_as_resources() -> None:
    seen = state(WORKER, BASTION, tags={"team": "payments"}, not_seen=("x could not be seen: y",))

    document = machine(looked(ssh(), seen, Reach.PUBLIC))

    group, bastion, worker = document["resources"]
    assert group["uid"] == GROUP
    assert bastion == {
        "type": "AWS::EC2::NetworkInterface",
        "uid": BASTION.id,
        "region": "eu-central-1",
        "cloud_partition": "aws",
        "data": {
            "used_as": "instance",
            "used_by": "i-0aaaaaaaaaaaaaaa1",
            "name": "bastion",
            "owner_id": "111122223333",
            "private_addresses": ["10.0.1.5"],
            "public_ipv4": ["203.0.113.9"],
        },
    }
    assert worker["uid"] == WORKER.id
    assert document["unmapped"]["looks"] == [
        {
            "resource_id": GROUP,
            "reach": "public",
            "seen_at": "2026-11-23T03:12:44+00:00",
            "is_complete": True,
            "not_seen": ["x could not be seen: y"],
            "name": "web",
            "attached": 2,
            "attached_public": 1,
            "vpc_id": "vpc-0123456789abcdef0",
            "tags": {"team": "payments"},
            "block_public_access": "off",
        }
    ]


# Several groups -----------------------------------------------------------------------------------


def of_group(number: int, seen: GroupState | None, reach: Reach) -> Finding:
    group_id = f"sg-{number:017x}"
    finding = ssh(group_id=group_id, eventID=f"e-{number}")
    if seen is None:
        return replace(looked(finding, state(), reach), look=Look(problem="only 20 are looked at"))
    return looked(finding, replace(seen, resource=resource(group_id)), reach)


def test_of_several_groups_each_has_a_line() -> None:
    calls = [
        of_group(1, state(BASTION, SHOP), Reach.PUBLIC),
        of_group(2, state(BALANCER, WORKER, name=None), Reach.PUBLIC),
        of_group(2, state(BALANCER, WORKER, name=None), Reach.PUBLIC),
        of_group(3, state(vpc_id=None), Reach.PUBLIC),
        of_group(4, state(has_all_interfaces=False), Reach.PUBLIC),
        of_group(5, None, Reach.PUBLIC),
    ]
    text = email(*calls)

    assert section(text, "ATTACHED TO") == [
        "Seen at 03:12 UTC:",
        '  sg-00000000000000001 "web" in vpc-0123456789abcdef0: 2 public instances',
        "  sg-00000000000000002 in vpc-0123456789abcdef0: 1 public Application Load Balancer and "
        "1 private instance",
        '  sg-00000000000000003 "web": nothing attached',
        '  sg-00000000000000004 "web" in vpc-0123456789abcdef0: what uses it was not seen',
    ]
    assert "Not seen of sg-00000000000000005: the group (only 20 are looked at)." in text
    assert "Group tags" not in text
    chat_text = chat(*calls)["content"]["description"]
    assert '*Attached to:* sg-00000000000000001 "web" in vpc-0123456789abcdef0: 2 pub' in chat_text
    assert len(machine(*calls)["unmapped"]["looks"]) == 5


def test_of_many_groups_twenty_have_a_line() -> None:
    text = email(*(of_group(it, state(BASTION), Reach.PUBLIC) for it in range(25)))

    lines = section(text, "ATTACHED TO")
    assert len(lines) == 22
    assert lines[-1] == "  and 5 more groups"


def test_of_many_groups_that_nobody_saw_a_few_are_named() -> None:
    text = email(*(of_group(it, None, Reach.UNKNOWN) for it in range(25)))

    [line] = [it for it in text.split("\n") if it.startswith("Not seen")]
    assert line.startswith("Not seen of sg-00000000000000000, sg-")
    assert line.endswith(" and 22 more: the group (only 20 are looked at).")
    assert "ATTACHED TO" not in text


# A prefix list ------------------------------------------------------------------------------------


def test_groups_that_refer_to_a_list_are_named_with_the_public_first() -> None:
    groups = [
        replace(state(*carriers), resource=resource(f"sg-{number:017x}"))
        for number, carriers in enumerate([[WORKER], [], [BASTION], [], [], []])
    ]
    finding = looked(listed_world(), list_state(*groups), Reach.PUBLIC)

    assert section(email(finding), "REFERRED TO BY") == [
        "6 security groups, seen at 03:12 UTC:",
        '  sg-00000000000000002 "web" in vpc-0123456789abcdef0: 1 public instance',
        '  sg-00000000000000000 "web" in vpc-0123456789abcdef0: 1 private instance',
        '  sg-00000000000000001 "web" in vpc-0123456789abcdef0: nothing attached',
        '  sg-00000000000000003 "web" in vpc-0123456789abcdef0: nothing attached',
        '  sg-00000000000000004 "web" in vpc-0123456789abcdef0: nothing attached',
        "  and 1 more group",
    ]
    assert (
        "*Referred to by:* 6 security groups: sg-00000000000000000, sg-00000000000000001, "
        "sg-00000000000000002 and 3 more; seen at 03:12 UTC"
    ) in chat(finding)["content"]["description"].split("\n")
    [look] = machine(finding)["unmapped"]["looks"]
    assert look["ranges"] == ["0.0.0.0/0", "10.0.0.0/8"]
    assert look["version"] == 3
    assert look["referred_to_by"][:1] == ["sg-00000000000000000"]


@pytest.mark.parametrize(
    ("members", "lines", "short"),
    [
        (
            {},
            ["No security group refers to the list, as seen at 03:12 UTC."],
            "no security group refers to it; seen at 03:12 UTC",
        ),
        ({"is_complete": False}, [], "not seen; seen at 03:12 UTC"),
    ],
    ids=["none", "not-seen"],
)
def test_list_that_no_group_refers_to(
    members: dict[str, Any], lines: list[str], short: str
) -> None:
    finding = looked(listed_world(), list_state(**members), Reach.UNKNOWN)

    assert section(email(finding), "REFERRED TO BY") == lines
    assert f"*Referred to by:* {short}" in chat(finding)["content"]["description"]


def test_perhaps_more_groups_refer_to_the_list() -> None:
    finding = looked(listed_world(), list_state(state(), is_complete=False), Reach.UNKNOWN)

    [first, _] = section(email(finding), "REFERRED TO BY")
    assert first == "1 security group (perhaps more), seen at 03:12 UTC:"


def test_a_prefix_list_that_could_not_be_seen_is_no_group() -> None:
    installation = Installation()
    installation.problems[OFFICES] = "the role may not be assumed"
    widened = list_edited(add="0.0.0.0/0", time=at(0), event_id="e-7")

    [message] = installation.deliver(widened, now=at(9))

    text = json.loads(message.body)["email"]
    assert "Not seen: the prefix list (the role may not be assumed).\n" in text
