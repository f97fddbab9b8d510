"""How bad a change is: the table of severities, cell by cell, and what stands beside it."""

from itertools import product
from typing import Any

import pytest
from hypothesis import given

from security_group_alerter.cloudtrail.payload import LogStream
from security_group_alerter.cloudtrail.records import record_of
from security_group_alerter.judgement import exposure
from security_group_alerter.judgement.exposure import exposure_of
from security_group_alerter.judgement.findings import (
    Standards,
    configuration_finding,
    finding_of,
    unreadable_finding,
)
from security_group_alerter.judgement.severities import severity_of
from security_group_alerter.model.change import (
    Action,
    Blinding,
    Change,
    PrefixListChange,
    SecurityGroupChange,
    TrailAction,
    TrailChange,
)
from security_group_alerter.model.finding import Effect, Finding, Judgement
from security_group_alerter.model.origin import ConfigurationProblem, RecordedCall, UnreadableRecord
from security_group_alerter.model.record import Outcome
from security_group_alerter.model.rules import Peer, SecurityGroupRule
from security_group_alerter.model.severity import Severity
from security_group_alerter.model.subject import Subject, SubjectKind
from tests.security_group_alerter.builders import (
    TODAY,
    added,
    calmly,
    judged,
    lists_of_rules,
    peer,
    record,
    rule,
    rules,
)

INFORMATIONAL, LOW, MEDIUM, HIGH, CRITICAL = Severity

# The table ---------------------------------------------------------------------------------------

COLUMNS = ("world", "broad", "narrow", "private")
SEVERITIES = {
    "everything": (CRITICAL, HIGH, LOW, LOW),
    "sensitive": (CRITICAL, HIGH, LOW, LOW),
    "other": (HIGH, MEDIUM, LOW, LOW),
    "web": (MEDIUM, LOW, LOW, LOW),
    "icmp": (MEDIUM, LOW, LOW, LOW),
}
TRAFFIC = {
    "everything": {
        "all-traffic": ["all"],
        "every-tcp-port": ["tcp 0-65535"],
        "every-udp-port": ["udp 0-65535"],
        "every-port-of-an-unrecorded-protocol": ["?"],
        "high-ports": ["tcp 1024-65535"],
        "a-thousand-and-twenty-four-ports": ["udp 40000-41023"],
        "as-many-in-several-ranges": ["udp 40000-40499", "udp 41000-41499", "udp 42000-42023"],
        "as-many-over-tcp-and-udp": ["tcp 40000-40511", "udp 40000-40511"],
        "all-traffic-beside-https": ["all", "tcp 443"],
    },
    "sensitive": {
        "ssh": ["tcp 22"],
        "rdp": ["tcp 3389"],
        "rdp-over-udp": ["udp 3389"],
        "range-that-contains-ssh": ["tcp 20-25"],
        "range-that-ends-with-ssh": ["tcp 22-22"],
        "range-within-vnc": ["tcp 5903-5905"],
        "postgres": ["tcp 5432"],
        "redis": ["tcp 6379"],
        "elasticsearch": ["tcp 9200"],
        "kafka": ["tcp 9092"],
        "docker": ["tcp 2375"],
        "kubernetes": ["tcp 6443"],
        "smb": ["tcp 445"],
        "nfs-over-udp": ["udp 2049"],
        "ldap": ["tcp 389"],
        "ssh-of-an-unrecorded-protocol": ["? 22"],
        "everything-from-http-to-https": ["tcp 80-443"],
        "mysql-among-web-ports": ["tcp 443", "tcp 80", "tcp 3306"],
        "ssh-put-together-from-two-ranges": ["tcp 15-22", "tcp 22-24"],
    },
    "other": {
        "an-application-of-ones-own": ["tcp 8443"],
        "one-port-short-of-everything": ["udp 40000-41022"],
        "as-short-in-several-ranges": ["udp 40000-40499", "udp 41000-41499", "udp 42000-42022"],
        "the-same-ports-twice": ["udp 40000-40999", "udp 40000-40999"],
        "ssh-is-not-spoken-over-udp": ["udp 22"],
        "http-is-not-spoken-over-udp": ["udp 80"],
        "web-ports-of-an-unrecorded-protocol": ["? 443"],
        "more-than-http": ["tcp 80-81"],
        "port-beside-http-in-a-rule-of-its-own": ["tcp 80", "tcp 81"],
        "dns": ["udp 53", "tcp 53"],
        "port-zero": ["tcp 0"],
        "gre": ["47"],
        "esp": ["50"],
        "sctp": ["132"],
        "gre-beside-https": ["47", "tcp 443"],
    },
    "web": {
        "http": ["tcp 80"],
        "https": ["tcp 443"],
        "http-3": ["udp 443"],
        "all-three": ["tcp 80", "tcp 443", "udp 443"],
        "https-and-ping": ["tcp 443", "icmp 8"],
    },
    "icmp": {
        "all-of-icmp": ["icmp"],
        "ping": ["icmp 8"],
        "type-twenty-two-is-not-ssh": ["icmp 22"],
        "icmp-by-number": ["1"],
        "icmp-of-ipv6": ["icmpv6"],
    },
}
PEERS = {
    "world": {
        "anywhere": ["0.0.0.0/0"],
        "anywhere-in-disguise": ["1.2.3.4/0"],
        "anywhere-over-ipv6": ["::/0"],
        "global-unicast": ["2000::/3"],
        "the-routed-half-of-ipv6": ["::/1"],
        "one-half": ["128.0.0.0/1"],
        "both-halves": ["0.0.0.0/1", "128.0.0.0/1"],
        "two-eighths": ["32.0.0.0/3", "64.0.0.0/3"],
        "anywhere-and-inside": ["10.0.0.0/8", "0.0.0.0/0"],
    },
    "broad": {
        "a-cloud-provider": ["3.0.0.0/8"],
        "sixteen-bits": ["16.0.0.0/16"],
        "two-neighbours-of-seventeen-bits": ["16.0.0.0/17", "16.0.128.0/17"],
        "an-eighth": ["32.0.0.0/3"],
        "twenty-eight-bits-of-ipv6": ["2600::/28"],
    },
    "narrow": {
        "one-address": ["8.8.8.8/32"],
        "seventeen-bits": ["16.0.0.0/17"],
        "twenty-nine-bits-of-ipv6": ["2600::/29"],
        "an-office-and-a-group": ["8.8.8.0/24", "sg-1"],
    },
    "private": {
        "inside": ["10.0.0.0/8"],
        "inside-over-ipv6": ["fc00::/7"],
        "carrier-nat": ["100.64.0.0/10"],
        "documentation": ["203.0.113.0/24"],
        "upper-half-of-ipv6": ["8000::/1"],
        "a-group": ["sg-1"],
    },
}


@pytest.mark.parametrize(
    ("texts", "column", "severity"),
    [
        pytest.param(
            [f"{traffic} from {peer}" for traffic, peer in product(traffics, peers)],
            column,
            severity,
            id=f"{row}-{traffic_story}-from-{peer_story}",
        )
        for row, severities in SEVERITIES.items()
        for column, severity in reversed([*zip(COLUMNS, severities, strict=True)])
        for traffic_story, traffics in TRAFFIC[row].items()
        for peer_story, peers in PEERS[column].items()
    ],
)
def test_every_cell(texts: list[str], column: str, severity: Severity) -> None:
    finding = added(*texts)

    assert finding.judgement.severity is severity
    assert finding.judgement.world_open is finding.judgement.would_open_world is (column == "world")
    assert finding.judgement.effect is (Effect.OPENS if column == "world" else Effect.OTHER)
    assert finding.subject.kind is SubjectKind.SECURITY_GROUP


# Several rules in one call -----------------------------------------------------------------------

NOT_WORLD_OPEN = {
    "egress-of-everything-to-the-world": (["egress all to 0.0.0.0/0"], LOW),
    "egress-to-a-prefix-list": (["egress tcp 443 to pl-1"], LOW),
    "egress-to-the-world-and-ssh-from-inside": (
        ["egress tcp 22 to 0.0.0.0/0", "tcp 22 from 10.0.0.0/8"],
        LOW,
    ),
    "a-prefix-list-whose-ranges-are-not-told": (["tcp 22 from pl-1"], MEDIUM),
    "a-prefix-list-for-an-edited-rule": (["unknown tcp 443 from pl-1"], MEDIUM),
    "a-prefix-list-beside-private-networks": (["all from 10.0.0.0/8", "tcp 443 from pl-1"], MEDIUM),
    "ssh-from-a-cloud-provider-and-a-prefix-list": (
        ["tcp 22 from 3.0.0.0/8", "tcp 443 from pl-1"],
        HIGH,
    ),
    "an-eighth-over-tcp-and-another-over-udp": (
        ["tcp 9999 from 32.0.0.0/3", "udp 9999 from 64.0.0.0/3"],
        MEDIUM,
    ),
    "an-eighth-for-one-port-and-another-for-the-next": (
        ["tcp 9998 from 32.0.0.0/3", "tcp 9999 from 64.0.0.0/3"],
        MEDIUM,
    ),
    "an-eighth-of-either-family": (["tcp 9999 from 32.0.0.0/3", "tcp 9999 from 3000::/6"], MEDIUM),
    "many-ports-from-narrow-networks": (["tcp 1024-65535 from 8.8.8.0/24"], LOW),
}
WORLD_OPEN = {
    "https-from-the-world-and-ssh-from-inside": (
        ["tcp 443 from 0.0.0.0/0", "tcp 22 from 10.0.0.0/8"],
        MEDIUM,
    ),
    "https-from-the-world-and-ssh-from-one-address": (
        ["tcp 443 from 0.0.0.0/0", "tcp 22 from 8.8.8.8/32"],
        MEDIUM,
    ),
    "https-from-the-world-and-everything-from-inside": (
        ["tcp 443 from ::/0", "all from 10.0.0.0/8"],
        MEDIUM,
    ),
    "https-from-the-world-and-a-prefix-list": (
        ["tcp 443 from 0.0.0.0/0", "tcp 443 from pl-1"],
        MEDIUM,
    ),
    "https-from-the-world-and-ssh-from-a-cloud-provider": (
        ["tcp 443 from 0.0.0.0/0", "tcp 22 from 3.0.0.0/8"],
        HIGH,
    ),
    "edited-rule-of-unknown-direction": (["unknown tcp 22 from 0.0.0.0/0"], CRITICAL),
    "halves-that-overlap-on-ssh": (
        ["tcp 20-25 from 0.0.0.0/1", "tcp 22-30 from 128.0.0.0/1"],
        CRITICAL,
    ),
    "eighths-that-overlap-on-https-only": (
        ["tcp 440-443 from 32.0.0.0/3", "tcp 443-444 from 64.0.0.0/3"],
        MEDIUM,
    ),
    "eighths-that-overlap-on-another-port": (
        ["tcp 9990-9995 from 32.0.0.0/3", "tcp 9995-9999 from 64.0.0.0/3"],
        HIGH,
    ),
    "an-eighth-for-everything-and-another-for-ping": (
        ["all from 32.0.0.0/3", "icmp from 64.0.0.0/3"],
        HIGH,
    ),
    "an-eighth-for-everything-and-another-for-ssh": (
        ["all from 32.0.0.0/3", "tcp 22 from 64.0.0.0/3"],
        CRITICAL,
    ),
    "an-eighth-for-everything-and-another-for-every-tcp-port": (
        ["all from 32.0.0.0/3", "tcp 0-65535 from 64.0.0.0/3"],
        CRITICAL,
    ),
    "many-ports-of-which-few-are-open-to-the-world": (
        ["udp 40000-41023 from 3.0.0.0/8", "udp 40000-40099 from 0.0.0.0/0"],
        HIGH,
    ),
}


@pytest.mark.parametrize(("texts", "severity"), NOT_WORLD_OPEN.values(), ids=NOT_WORLD_OPEN)
def test_not_world_open(texts: list[str], severity: Severity) -> None:
    finding = added(*texts)

    assert finding.judgement.severity is severity
    assert not finding.judgement.world_open
    assert finding.judgement.effect is Effect.OTHER


@pytest.mark.parametrize(("texts", "severity"), WORLD_OPEN.values(), ids=WORLD_OPEN)
def test_world_open(texts: list[str], severity: Severity) -> None:
    finding = added(*texts)

    assert finding.judgement.severity is severity
    assert finding.judgement.world_open
    assert finding.judgement.effect is Effect.OPENS


@pytest.mark.parametrize(("last", "severity"), [(41019, MEDIUM), (41020, HIGH)])
def test_broad_ports_and_those_that_the_world_reaches_are_counted_together(
    last: int, severity: Severity
) -> None:
    three_for_the_world = [f"{web} from 0.0.0.0/0" for web in ("tcp 80", "tcp 443", "udp 443")]

    finding = added(f"udp 40000-{last} from 3.0.0.0/8", *three_for_the_world)

    assert finding.judgement.severity is severity


@calmly
@given(lists_of_rules(), lists_of_rules())
def test_more_rules_are_never_less_severe(
    before: list[SecurityGroupRule], more: list[SecurityGroupRule]
) -> None:
    assert severity_of(exposure_of(before)) <= severity_of(exposure_of(before + more))


# Other changes of security groups ----------------------------------------------------------------

SSH_FROM_ANYWHERE = rules("tcp 22 from 0.0.0.0/0")
UNREADABLE_RULE = ("ipPermissions[1]: fromPort: expected text, found list",)


def group(action: Action, **members: object) -> SecurityGroupChange:
    return SecurityGroupChange(action=action, group_id="sg-1", **members)  # type: ignore[arg-type]


GROUP_CHANGES: dict[str, tuple[SecurityGroupChange, Severity, Effect]] = {
    "descriptions-only": (group(Action.DESCRIBE_RULES), INFORMATIONAL, Effect.OTHER),
    "descriptions-that-cloudtrail-left-out": (
        group(Action.DESCRIBE_RULES, is_omitted=True),
        INFORMATIONAL,
        Effect.OTHER,
    ),
    "group-created": (group(Action.CREATE), LOW, Effect.OTHER),
    "group-deleted": (group(Action.DELETE), LOW, Effect.OTHER),
    "group-associated-with-a-vpc": (group(Action.ASSOCIATE_VPC), LOW, Effect.OTHER),
    "group-taken-from-a-vpc": (group(Action.DISASSOCIATE_VPC), LOW, Effect.OTHER),
    "revoke-by-id-of-rules-that-are-not-told": (
        group(Action.REMOVE_RULES, rule_ids=("sgr-1",)),
        LOW,
        Effect.OTHER,
    ),
    "revoke-that-matched-nothing": (
        group(Action.REMOVE_RULES, missed=SSH_FROM_ANYWHERE),
        INFORMATIONAL,
        Effect.OTHER,
    ),
    "revoke-of-two-rules-that-matched-one": (
        group(
            Action.REMOVE_RULES,
            missed=rules("tcp 23 from 0.0.0.0/0"),
            removed=rules("tcp 22 from 10.0.0.0/8"),
        ),
        LOW,
        Effect.OTHER,
    ),
    "revoke-that-matched-nothing-that-can-be-read-whole": (
        group(Action.REMOVE_RULES, missed=SSH_FROM_ANYWHERE, problems=UNREADABLE_RULE),
        HIGH,
        Effect.OTHER,
    ),
    "revoke-of-a-private-rule": (
        group(Action.REMOVE_RULES, removed=rules("tcp 22 from 10.0.0.0/8")),
        LOW,
        Effect.OTHER,
    ),
    "revoke-of-egress-to-the-world": (
        group(Action.REMOVE_RULES, removed=rules("egress all to 0.0.0.0/0")),
        LOW,
        Effect.OTHER,
    ),
    "revoke-of-a-prefix-list": (
        group(Action.REMOVE_RULES, removed=rules("tcp 22 from pl-1")),
        LOW,
        Effect.OTHER,
    ),
    "revoke-that-closes-the-world": (
        group(Action.REMOVE_RULES, removed=SSH_FROM_ANYWHERE),
        LOW,
        Effect.CLOSES,
    ),
    "revoke-that-closes-both-halves-of-the-world": (
        group(
            Action.REMOVE_RULES,
            removed=rules("tcp 22 from 32.0.0.0/3", "tcp 22 from 64.0.0.0/3"),
        ),
        LOW,
        Effect.CLOSES,
    ),
    "edited-rule-for-a-group": (
        group(Action.MODIFY_RULES, added=rules("unknown tcp 22 from sg-1")),
        LOW,
        Effect.OTHER,
    ),
    "edited-rule-for-the-world": (
        group(Action.MODIFY_RULES, added=rules("unknown tcp 22 from 0.0.0.0/0")),
        CRITICAL,
        Effect.OPENS,
    ),
    "rules-that-cloudtrail-left-out": (
        group(Action.ADD_RULES, is_omitted=True),
        HIGH,
        Effect.OTHER,
    ),
    "edits-that-cloudtrail-left-out": (
        group(Action.MODIFY_RULES, is_omitted=True),
        HIGH,
        Effect.OTHER,
    ),
    "rules-in-a-parameter-that-nobody-knows": (
        group(Action.ADD_RULES, unknown_parameters=("ruleTemplate",)),
        HIGH,
        Effect.OTHER,
    ),
    "edits-in-a-parameter-that-nobody-knows": (
        group(Action.MODIFY_RULES, unknown_parameters=("ruleTemplate",)),
        HIGH,
        Effect.OTHER,
    ),
    "revoke-by-a-parameter-that-nobody-knows": (
        group(Action.REMOVE_RULES, unknown_parameters=("ruleTemplate",)),
        HIGH,
        Effect.OTHER,
    ),
    "harmless-rule-beside-a-parameter-that-nobody-knows": (
        group(
            Action.ADD_RULES,
            added=rules("tcp 22 from 10.0.0.0/8"),
            unknown_parameters=("ruleTemplate",),
        ),
        LOW,
        Effect.OTHER,
    ),
    "group-deleted-with-a-parameter-that-nobody-knows": (
        group(Action.DELETE, unknown_parameters=("force",)),
        LOW,
        Effect.OTHER,
    ),
    "descriptions-with-a-parameter-that-nobody-knows": (
        group(Action.DESCRIBE_RULES, unknown_parameters=("language",)),
        INFORMATIONAL,
        Effect.OTHER,
    ),
    "harmless-rule-beside-one-that-cannot-be-read": (
        group(Action.ADD_RULES, added=rules("tcp 22 from 10.0.0.0/8"), problems=UNREADABLE_RULE),
        HIGH,
        Effect.OTHER,
    ),
    "https-for-the-world-beside-one-that-cannot-be-read": (
        group(Action.ADD_RULES, added=rules("tcp 443 from 0.0.0.0/0"), problems=UNREADABLE_RULE),
        HIGH,
        Effect.OPENS,
    ),
    "ssh-for-the-world-beside-one-that-cannot-be-read": (
        group(Action.ADD_RULES, added=SSH_FROM_ANYWHERE, problems=UNREADABLE_RULE),
        CRITICAL,
        Effect.OPENS,
    ),
}


@pytest.mark.parametrize(
    ("change", "severity", "effect"), GROUP_CHANGES.values(), ids=GROUP_CHANGES
)
def test_security_group_change(
    change: SecurityGroupChange, severity: Severity, effect: Effect
) -> None:
    finding = judged(change)

    assert finding.judgement.severity is severity
    assert finding.judgement.effect is effect
    assert finding.judgement.world_open is (effect is Effect.OPENS)
    assert finding.subject.kind is SubjectKind.SECURITY_GROUP
    assert finding.change is change


def test_finding_tells_what_was_opened_and_what_was_closed() -> None:
    opened, closed = rules("tcp 22 from 0.0.0.0/0"), rules("tcp 23 from 3.0.0.0/8")

    finding = judged(group(Action.MODIFY_RULES, added=opened, removed=closed))

    assert finding.judgement.opened == exposure_of(opened)
    assert finding.judgement.closed == exposure_of(closed)


# Prefix lists ------------------------------------------------------------------------------------


def peers(*texts: str) -> tuple[Peer, ...]:
    return tuple(map(peer, texts))


def prefix_list(action: Action = Action.MODIFY, **members: object) -> PrefixListChange:
    return PrefixListChange(action=action, prefix_list_id="pl-1", **members)  # type: ignore[arg-type]


PREFIX_LIST_CHANGES: dict[str, tuple[PrefixListChange, Severity, Effect]] = {
    "edited-in-nothing-that-counts": (prefix_list(), LOW, Effect.OTHER),
    "renamed": (prefix_list(new_name="do-not-use"), LOW, Effect.OTHER),
    "given-more-room": (prefix_list(max_entries=120), LOW, Effect.OTHER),
    "handed-to-ipam": (prefix_list(ipam_sync=True), MEDIUM, Effect.OTHER),
    "taken-back-from-ipam": (prefix_list(ipam_sync=False), LOW, Effect.OTHER),
    "handed-to-ipam-with-the-world": (
        prefix_list(ipam_sync=True, added=peers("0.0.0.0/0")),
        HIGH,
        Effect.OPENS,
    ),
    "deleted": (prefix_list(Action.DELETE), LOW, Effect.OTHER),
    "edited-by-a-parameter-that-nobody-knows": (
        prefix_list(unknown_parameters=("entriesFrom",)),
        HIGH,
        Effect.OTHER,
    ),
    "created-by-a-parameter-that-nobody-knows": (
        prefix_list(Action.CREATE, unknown_parameters=("entriesFrom",)),
        HIGH,
        Effect.OTHER,
    ),
    "renamed-beside-a-parameter-that-nobody-knows": (
        prefix_list(new_name="do-not-use", unknown_parameters=("language",)),
        LOW,
        Effect.OTHER,
    ),
    "deleted-with-a-parameter-that-nobody-knows": (
        prefix_list(Action.DELETE, unknown_parameters=("force",)),
        LOW,
        Effect.OTHER,
    ),
    "restored-with-a-parameter-that-nobody-knows": (
        prefix_list(Action.RESTORE, unknown_parameters=("force",)),
        MEDIUM,
        Effect.OTHER,
    ),
    "created-empty": (prefix_list(Action.CREATE), LOW, Effect.OTHER),
    "private-ranges-added": (prefix_list(added=peers("10.0.0.0/8")), LOW, Effect.OTHER),
    "an-office-added": (prefix_list(added=peers("8.8.8.0/24")), LOW, Effect.OTHER),
    "a-private-range-removed": (prefix_list(removed=peers("10.0.0.0/8")), LOW, Effect.OTHER),
    "a-cloud-provider-added": (prefix_list(added=peers("3.0.0.0/8")), MEDIUM, Effect.OTHER),
    "created-with-a-cloud-provider": (
        prefix_list(Action.CREATE, added=peers("3.0.0.0/8")),
        MEDIUM,
        Effect.OTHER,
    ),
    "the-world-removed": (prefix_list(removed=peers("0.0.0.0/0")), LOW, Effect.CLOSES),
    "both-halves-of-the-world-removed": (
        prefix_list(removed=peers("0.0.0.0/1", "128.0.0.0/1")),
        LOW,
        Effect.CLOSES,
    ),
    "the-world-added": (prefix_list(added=peers("0.0.0.0/0")), HIGH, Effect.OPENS),
    "created-with-the-world": (
        prefix_list(Action.CREATE, added=peers("::/0")),
        HIGH,
        Effect.OPENS,
    ),
    "the-world-added-in-pieces": (
        prefix_list(added=peers("32.0.0.0/3", "64.0.0.0/3")),
        HIGH,
        Effect.OPENS,
    ),
    "one-world-for-another": (
        prefix_list(added=peers("0.0.0.0/0"), removed=peers("::/0")),
        HIGH,
        Effect.OPENS,
    ),
    "restored-to-ranges-that-are-not-told": (prefix_list(Action.RESTORE), MEDIUM, Effect.OTHER),
    "ranges-that-cloudtrail-left-out": (prefix_list(is_omitted=True), HIGH, Effect.OTHER),
    "a-range-that-cannot-be-read": (
        prefix_list(added=peers("10.0.0.0/8"), problems=("addEntry[1]: expected a CIDR",)),
        HIGH,
        Effect.OTHER,
    ),
}


@pytest.mark.parametrize(
    ("change", "severity", "effect"), PREFIX_LIST_CHANGES.values(), ids=PREFIX_LIST_CHANGES
)
def test_prefix_list_change(change: PrefixListChange, severity: Severity, effect: Effect) -> None:
    finding = judged(change)

    assert finding.judgement.severity is severity
    assert finding.judgement.effect is effect
    assert (
        finding.judgement.world_open
        is finding.judgement.would_open_world
        is (effect is Effect.OPENS)
    )
    assert finding.subject.kind is SubjectKind.PREFIX_LIST


# Calls that were refused -------------------------------------------------------------------------

REFUSED = {
    Outcome.DENIED: [
        "Client.UnauthorizedOperation",
        "UnauthorizedOperation",
        "AccessDenied",
        "AccessDeniedException",
        "Client.AuthFailure",
        "Client.UnauthorizedAccess",
    ],
    Outcome.FAILED: ["Client.InvalidPermission.Duplicate", "Server.InternalError", "Whatever"],
    Outcome.DRY_RUN: ["Client.DryRunOperation"],
}
NOT_A_WORLD_OPENING: dict[str, Change] = {
    "private-rule": group(Action.ADD_RULES, added=rules("tcp 22 from 10.0.0.0/8")),
    "broad-rule": group(Action.ADD_RULES, added=rules("tcp 22 from 3.0.0.0/8")),
    "egress-to-the-world": group(Action.ADD_RULES, added=rules("egress all to 0.0.0.0/0")),
    "rules-left-out": group(Action.ADD_RULES, is_omitted=True),
    "rules-not-recorded": group(Action.ADD_RULES),
    "revoke-of-a-world-open-rule": group(Action.REMOVE_RULES, removed=SSH_FROM_ANYWHERE),
    "group-deleted": group(Action.DELETE),
    "prefix-list-restored": prefix_list(Action.RESTORE),
    "the-world-taken-from-a-prefix-list": prefix_list(removed=peers("0.0.0.0/0")),
    "list-handed-to-ipam": prefix_list(ipam_sync=True),
}
WORLD_OPENINGS: dict[str, Change] = {
    "ssh-from-anywhere": group(Action.ADD_RULES, added=SSH_FROM_ANYWHERE),
    "edit-of-unknown-direction": group(
        Action.MODIFY_RULES, added=rules("unknown tcp 443 from ::/0")
    ),
    "the-world-in-a-prefix-list": prefix_list(added=peers("0.0.0.0/0")),
}


EVERY_REFUSAL = [(outcome, code) for outcome in REFUSED for code in REFUSED[outcome]]


@pytest.mark.parametrize(("outcome", "error_code"), EVERY_REFUSAL)
@pytest.mark.parametrize("story", [*NOT_A_WORLD_OPENING, *WORLD_OPENINGS])
def test_refused_call_changes_nothing(outcome: Outcome, error_code: str, story: str) -> None:
    change = (NOT_A_WORLD_OPENING | WORLD_OPENINGS)[story]

    finding = judged(change, trail_arn=TRAIL_ARN, errorCode=error_code)

    is_attempt = outcome is Outcome.DENIED and story in WORLD_OPENINGS
    assert finding.outcome is outcome
    assert finding.judgement.severity is (MEDIUM if is_attempt else INFORMATIONAL)
    assert not finding.judgement.world_open
    assert finding.judgement.effect is Effect.ATTEMPT
    assert finding.judgement.would_open_world is (story in WORLD_OPENINGS)


# Trails ------------------------------------------------------------------------------------------

TRAIL_ARN = "arn:aws:cloudtrail:eu-central-1:111122223333:trail/organization-trail"
OTHER_ACCOUNT = "444455556666"
# The records of these tests come through the log group `organization-trail`.
LOG_GROUP_ARN = "arn:aws:logs:eu-central-1:111122223333:log-group:{}:*"


def trail(
    called: str | None, action: TrailAction = TrailAction.STOP, **members: object
) -> TrailChange:
    return TrailChange(action=action, trail=called, **members)  # type: ignore[arg-type]


def stopped(called: str | None) -> TrailChange:
    return trail(called, blinded=(Blinding.STOPPED,))


def updated(called: str | None, **members: object) -> TrailChange:
    return trail(called, TrailAction.UPDATE, **members)


OTHER_TRAILS: dict[str, tuple[TrailChange, str, Severity]] = {
    "another-trail-changed": (updated("another-trail"), "111122223333", LOW),
    "another-trail-sent-to-another-log-group": (
        updated("another-trail", log_group_arn=LOG_GROUP_ARN.format("elsewhere")),
        "111122223333",
        LOW,
    ),
    "another-trail-stopped": (stopped("another-trail"), "111122223333", MEDIUM),
    "another-trail-of-the-account-stopped-by-arn": (
        stopped("arn:aws:cloudtrail:eu-central-1:111122223333:trail/another-trail"),
        "111122223333",
        MEDIUM,
    ),
    "trail-of-that-name-stopped-in-another-account": (
        stopped("organization-trail"),
        OTHER_ACCOUNT,
        MEDIUM,
    ),
    "trail-of-that-name-in-another-account-by-arn": (
        stopped(f"arn:aws:cloudtrail:eu-central-1:{OTHER_ACCOUNT}:trail/organization-trail"),
        "111122223333",
        MEDIUM,
    ),
    "trail-whose-name-begins-alike": (stopped("organization-trail-2"), "111122223333", MEDIUM),
    "trail-that-is-not-named": (stopped(None), "111122223333", MEDIUM),
}
OWN_TRAIL: dict[str, tuple[TrailChange, str, Severity]] = {
    "own-trail-changed": (updated("organization-trail"), "111122223333", MEDIUM),
    "own-trail-changed-by-arn": (updated(TRAIL_ARN), "111122223333", MEDIUM),
    "own-trail-given-its-own-log-group-again": (
        updated(TRAIL_ARN, log_group_arn=LOG_GROUP_ARN.format("organization-trail")),
        "111122223333",
        MEDIUM,
    ),
    "own-trail-selects-all-management-events": (
        trail(TRAIL_ARN, TrailAction.SELECT_EVENTS),
        "111122223333",
        MEDIUM,
    ),
    "own-trail-stopped": (stopped("organization-trail"), "111122223333", CRITICAL),
    "own-trail-stopped-by-arn": (stopped(TRAIL_ARN), "111122223333", CRITICAL),
    "own-trail-stopped-by-arn-from-another-account": (stopped(TRAIL_ARN), OTHER_ACCOUNT, CRITICAL),
    "own-trail-deleted": (
        trail(TRAIL_ARN, TrailAction.DELETE, blinded=(Blinding.DELETED,)),
        "111122223333",
        CRITICAL,
    ),
    "own-trail-no-longer-in-every-region": (
        updated(TRAIL_ARN, blinded=(Blinding.NOT_EVERY_REGION,)),
        "111122223333",
        CRITICAL,
    ),
    "own-trail-without-management-events": (
        trail(TRAIL_ARN, TrailAction.SELECT_EVENTS, blinded=(Blinding.NO_MANAGEMENT_EVENTS,)),
        "111122223333",
        CRITICAL,
    ),
    "own-trail-without-a-log-group": (
        updated(TRAIL_ARN, log_group_arn="", blinded=(Blinding.NO_LOG_GROUP,)),
        "111122223333",
        CRITICAL,
    ),
    "own-trail-with-another-log-group": (
        updated(TRAIL_ARN, log_group_arn=LOG_GROUP_ARN.format("elsewhere")),
        "111122223333",
        CRITICAL,
    ),
    "own-trail-with-a-log-group-named-alike": (
        updated(TRAIL_ARN, log_group_arn=LOG_GROUP_ARN.format("organization-trail-2")),
        "111122223333",
        CRITICAL,
    ),
}


# What would have been, had the call not been refused: by whose trail, and whether it was denied.
SELECTS_NO_EVENTS = trail(
    TRAIL_ARN, TrailAction.SELECT_EVENTS, blinded=(Blinding.NO_MANAGEMENT_EVENTS,)
)
VALIDATION_OFF = (("enableLogFileValidation", False),)
NO_TRUSTED_ACCESS = trail(
    None, TrailAction.DISABLE_TRUSTED_ACCESS, blinded=(Blinding.NO_TRUSTED_ACCESS,)
)
REFUSED_HIGH_WHATEVER_THE_CODE: dict[str, TrailChange] = {
    "own-trail-stopped": stopped("organization-trail"),
    "own-trail-deleted-by-arn": trail(TRAIL_ARN, TrailAction.DELETE, blinded=(Blinding.DELETED,)),
    "own-trail-without-management-events": SELECTS_NO_EVENTS,
    "own-trail-sent-to-another-log-group": updated(
        TRAIL_ARN,
        log_group_arn=LOG_GROUP_ARN.format("elsewhere"),
        settings=(("cloudWatchLogsLogGroupArn", LOG_GROUP_ARN.format("elsewhere")),),
    ),
    "own-trail-edited-in-parameters-that-are-not-recorded": updated(TRAIL_ARN),
    "trusted-access-disabled": NO_TRUSTED_ACCESS,
}
REFUSED_HIGH_WHEN_DENIED: dict[str, TrailChange] = {
    "another-trail-stopped": stopped("another-trail"),
    "trail-that-is-not-named": stopped(None),
    "another-trail-blinded": updated("another-trail", blinded=(Blinding.NOT_EVERY_REGION,)),
    "another-trail-edited-in-parameters-that-are-not-recorded": updated("another-trail"),
}
REFUSED_AND_HARMLESS: dict[str, TrailChange] = {
    "own-trail-without-validation": updated(TRAIL_ARN, settings=VALIDATION_OFF),
    "another-trail-without-validation": updated("another-trail", settings=VALIDATION_OFF),
    "organization-left": trail(None, TrailAction.LEAVE_ORGANIZATION),
    "account-removed": trail(None, TrailAction.REMOVE_ACCOUNT, member_account_id=OTHER_ACCOUNT),
    "administrator-registered": trail(
        None, TrailAction.REGISTER_ADMINISTRATOR, member_account_id=OTHER_ACCOUNT
    ),
}
# As CloudTrail, Organizations and EC2 say no for other reasons than a policy.
OTHER_CODES = (
    *("NotOrganizationMasterAccountException", "OperationNotPermittedException"),
    *("InvalidHomeRegionException", "TrailNotFoundException", "ThrottlingException"),
)


@pytest.mark.parametrize(
    ("outcome", "error_code"),
    [*EVERY_REFUSAL, *((Outcome.FAILED, code) for code in OTHER_CODES)],
)
@pytest.mark.parametrize(
    "story", [*REFUSED_HIGH_WHATEVER_THE_CODE, *REFUSED_HIGH_WHEN_DENIED, *REFUSED_AND_HARMLESS]
)
def test_refused_tampering(outcome: Outcome, error_code: str, story: str) -> None:
    stories = REFUSED_HIGH_WHATEVER_THE_CODE | REFUSED_HIGH_WHEN_DENIED | REFUSED_AND_HARMLESS

    finding = judged(stories[story], trail_arn=TRAIL_ARN, errorCode=error_code)

    is_high = story in REFUSED_HIGH_WHATEVER_THE_CODE or (
        outcome is Outcome.DENIED and story in REFUSED_HIGH_WHEN_DENIED
    )
    assert finding.outcome is outcome
    assert finding.judgement.severity is (HIGH if is_high else INFORMATIONAL)
    assert finding.judgement.effect is Effect.ATTEMPT
    assert not finding.judgement.world_open
    assert not finding.judgement.would_open_world


# The trail's organization ------------------------------------------------------------------------

ORGANIZATION: dict[str, tuple[TrailChange, Severity]] = {
    "trusted-access-disabled": (NO_TRUSTED_ACCESS, CRITICAL),
    "organization-left": (
        trail(None, TrailAction.LEAVE_ORGANIZATION, member_account_id=OTHER_ACCOUNT),
        MEDIUM,
    ),
    "account-removed": (
        trail(None, TrailAction.REMOVE_ACCOUNT, member_account_id=OTHER_ACCOUNT),
        MEDIUM,
    ),
    "administrator-registered": (
        trail(None, TrailAction.REGISTER_ADMINISTRATOR, member_account_id=OTHER_ACCOUNT),
        MEDIUM,
    ),
}


@pytest.mark.parametrize("trail_arn", [TRAIL_ARN, None], ids=["own-trail-known", "not-known"])
@pytest.mark.parametrize(("change", "severity"), ORGANIZATION.values(), ids=ORGANIZATION)
def test_change_of_the_organization(
    change: TrailChange, severity: Severity, trail_arn: str | None
) -> None:
    finding = judged(change, trail_arn=trail_arn)

    assert finding.judgement.severity is severity
    assert finding.judgement.effect is Effect.OTHER
    assert not finding.judgement.world_open
    assert not finding.judgement.is_repeated
    assert finding.subject.kind is SubjectKind.TRAIL
    assert finding.subject.account_id == "111122223333"


# What CloudTrail repeats in each account ---------------------------------------------------------

SERVICE_ROLE = "aws-service-role/cloudtrail.amazonaws.com/AWSServiceRoleForCloudTrail"


def by_role(path_and_name: str, account_id: str = OTHER_ACCOUNT) -> dict[str, Any]:
    """What a record has when this role called."""
    issuer = {
        "type": "Role",
        "arn": f"arn:aws:iam::{account_id}:role/{path_and_name}",
        "userName": path_and_name.rpartition("/")[2],
    }
    return {
        "recipientAccountId": account_id,
        "userIdentity": {"type": "AssumedRole", "sessionContext": {"sessionIssuer": issuer}},
    }


@pytest.mark.parametrize(
    "change",
    [change for change, *_ in (OWN_TRAIL | OTHER_TRAILS).values()],
    ids=[*OWN_TRAIL, *OTHER_TRAILS],
)
def test_what_cloudtrail_repeats_in_an_account_is_low(change: TrailChange) -> None:
    finding = judged(change, trail_arn=TRAIL_ARN, **by_role(SERVICE_ROLE))
    refused = judged(change, trail_arn=TRAIL_ARN, errorCode="AccessDenied", **by_role(SERVICE_ROLE))

    assert finding.judgement.severity is LOW
    assert finding.judgement.is_repeated
    assert finding.judgement.effect is Effect.OTHER
    assert refused.judgement.severity is INFORMATIONAL
    assert refused.judgement.is_repeated


@pytest.mark.parametrize(
    "role",
    [
        pytest.param("AWSServiceRoleForCloudTrail", id="without-the-path"),
        pytest.param("cloudtrail.amazonaws.com/AWSServiceRoleForCloudTrail", id="another-path"),
        pytest.param(f"x/{SERVICE_ROLE}", id="deeper"),
        pytest.param(f"{SERVICE_ROLE}2", id="named-alike"),
        pytest.param(SERVICE_ROLE.replace("cloudtrail.", "config."), id="of-another-service"),
    ],
)
def test_an_imitation_of_cloudtrails_role_is_judged_as_anybody(role: str) -> None:
    finding = judged(stopped(TRAIL_ARN), trail_arn=TRAIL_ARN, **by_role(role))

    assert finding.judgement.severity is CRITICAL
    assert not finding.judgement.is_repeated


def test_a_person_named_as_cloudtrails_role_is_judged_as_anybody() -> None:
    user = {
        "type": "IAMUser",
        "arn": f"arn:aws:iam::{OTHER_ACCOUNT}:role/{SERVICE_ROLE}",
        "userName": SERVICE_ROLE,
    }

    finding = judged(stopped(TRAIL_ARN), trail_arn=TRAIL_ARN, userIdentity=user)

    assert finding.judgement.severity is CRITICAL


@pytest.mark.parametrize(
    ("change", "account_id", "severity"), OTHER_TRAILS.values(), ids=OTHER_TRAILS
)
def test_other_trail(change: TrailChange, account_id: str, severity: Severity) -> None:
    finding = judged(change, trail_arn=TRAIL_ARN, recipientAccountId=account_id)

    assert not finding.judgement.is_own_trail
    assert finding.judgement.severity is severity
    assert finding.judgement.blinded == change.blinded


@pytest.mark.parametrize(("change", "account_id", "severity"), OWN_TRAIL.values(), ids=OWN_TRAIL)
def test_own_trail(change: TrailChange, account_id: str, severity: Severity) -> None:
    finding = judged(change, trail_arn=TRAIL_ARN, recipientAccountId=account_id)

    assert finding.judgement.is_own_trail
    assert finding.judgement.severity is severity
    assert bool(finding.judgement.blinded) is (severity is CRITICAL)
    assert finding.subject.kind is SubjectKind.TRAIL
    assert finding.judgement.effect is Effect.OTHER
    assert not finding.judgement.world_open


def judged_without(change: TrailChange, log_group: str | None = None) -> Finding:
    """The finding for a call whose record names neither account nor Region."""
    nameless = record_of({}, LogStream(), log_group=log_group)
    assert nameless.account_id is None
    return finding_of(nameless, change, Standards(trail_arn=TRAIL_ARN), today=TODAY)


def test_own_trail_by_its_short_name_where_the_record_tells_no_account() -> None:
    finding = judged_without(stopped("organization-trail"))

    assert finding.judgement.severity is CRITICAL


def test_other_log_group_is_told_only_where_ones_own_is_known() -> None:
    finding = judged_without(updated(TRAIL_ARN, log_group_arn=LOG_GROUP_ARN.format("elsewhere")))

    assert finding.judgement.severity is MEDIUM
    assert finding.judgement.blinded == ()


def test_what_stands_elsewhere_in_the_arn_is_not_the_log_group() -> None:
    change = updated(TRAIL_ARN, log_group_arn=LOG_GROUP_ARN.format("elsewhere"))

    for log_group in ("aws", "logs", "eu-central-1", "111122223333", "log-group", "*"):
        finding = judged_without(change, log_group)
        assert finding.judgement.severity is CRITICAL
        assert finding.judgement.blinded == (Blinding.OTHER_LOG_GROUP,)


@pytest.mark.parametrize("called", ["organization-trail", TRAIL_ARN])
def test_no_trail_is_ones_own_where_the_settings_name_none(called: str) -> None:
    finding = judged(stopped(called), trail_arn=None)

    assert not finding.judgement.is_own_trail
    assert finding.judgement.severity is MEDIUM


# Where it was changed, and what ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "subject"),
    [
        pytest.param(
            SecurityGroupChange(action=Action.CREATE, group_id="sg-1", group_name="web"),
            {"kind": SubjectKind.SECURITY_GROUP, "id": "sg-1", "name": "web"},
            id="security-group",
        ),
        pytest.param(
            PrefixListChange(
                action=Action.CREATE, prefix_list_id="pl-1", prefix_list_name="offices"
            ),
            {"kind": SubjectKind.PREFIX_LIST, "id": "pl-1", "name": "offices"},
            id="prefix-list",
        ),
        pytest.param(stopped(TRAIL_ARN), {"kind": SubjectKind.TRAIL, "id": TRAIL_ARN}, id="trail"),
    ],
)
def test_subject_is_what_the_change_names_where_the_record_says(
    change: Change, subject: dict[str, Any]
) -> None:
    finding = judged(change, recipientAccountId=OTHER_ACCOUNT, awsRegion="us-east-1")

    assert finding.subject == Subject(**subject, account_id=OTHER_ACCOUNT, region="us-east-1")
    assert finding.origin == RecordedCall(
        record=record(recipientAccountId=OTHER_ACCOUNT, awsRegion="us-east-1"), change=change
    )


# Records that cannot be read ---------------------------------------------------------------------


def test_unreadable_record_is_told_with_what_it_is() -> None:
    unread = record(eventID="e-1", eventName="AuthorizeSecurityGroupIngress")

    finding = unreadable_finding(unread, "neither tells what changed", excerpt='{"eventID":…')

    assert finding == Finding(
        origin=UnreadableRecord(
            record=unread, problem="neither tells what changed", excerpt='{"eventID":…'
        ),
        subject=Subject(
            kind=SubjectKind.UNREADABLE, account_id="111122223333", region="eu-central-1"
        ),
        judgement=Judgement(severity=HIGH, effect=Effect.OTHER, world_open=False),
    )
    assert (finding.record, finding.change, finding.outcome) == (unread, None, Outcome.SUCCEEDED)
    assert not finding.judgement.would_open_world


# Our own configuration ---------------------------------------------------------------------------


def test_configuration_problem_has_neither_record_nor_place() -> None:
    finding = configuration_finding("entry 1, expires: expected a date")

    assert finding == Finding(
        origin=ConfigurationProblem(problem="entry 1, expires: expected a date"),
        subject=Subject(kind=SubjectKind.CONFIGURATION),
        judgement=Judgement(severity=MEDIUM, effect=Effect.OTHER, world_open=False),
    )
    assert (finding.record, finding.change, finding.outcome) == (None, None, Outcome.SUCCEEDED)


# What is kept while the function is warm ---------------------------------------------------------


def test_large_calls_are_not_kept() -> None:
    """Else a few hundred refused calls of a thousand rules each would fill the memory."""
    many = [rule(f"tcp {number * 2} from 8.8.8.{number}/32") for number in range(20)]
    kept = exposure._remembered_exposure_of
    before = kept.cache_info().currsize

    assert len(exposure_of(many).openings) == len(many)
    assert severity_of(exposure_of(many)) is LOW
    exposure.internet_share_of(it.peer for it in many)

    assert kept.cache_info().currsize == before
    assert kept.cache_info().maxsize == 256
