"""The machine form: an OCSF Detection Finding, held against py-ocsf-models."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from py_ocsf_models.events.findings.detection_finding import (  # type: ignore[import-untyped]
    DetectionFinding,
)

from security_group_alerter.judgement.findings import configuration_finding, unreadable_finding
from security_group_alerter.messages.limits import Limits
from security_group_alerter.messages.machine import machine_of
from security_group_alerter.messages.ocsf import OCSF_VERSION
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
from security_group_alerter.model.group_state import Look, Reach
from security_group_alerter.model.principal import Principal
from security_group_alerter.model.record import Refusal
from security_group_alerter.model.severity import Severity
from tests.security_group_alerter.builders import (
    judged,
    peer,
    record,
    rule,
    rules,
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
    chat,
    machine,
    opened,
    texts_of,
)
from tests.security_group_alerter.messages.looks import (
    BASTION,
    WORKER,
    list_state,
    listed_world,
    looked,
    ssh,
    state,
)
from tests.stories import (
    NOW,
    PRESENTATION,
    STORIES,
    TRAIL_ARN,
    findings_of,
    story,
    told,
)

CALLED: Final[dict[str, Any]] = {
    "eventID": "e-1",
    "eventTime": "2026-11-17T08:55:12Z",
    "eventSource": "ec2.amazonaws.com",
    "userIdentity": {
        "type": "AssumedRole",
        "arn": "arn:aws:sts::444455556666:assumed-role/deploy/jane",
        "accountId": "444455556666",
        "accessKeyId": "ASIAEXAMPLE",
        "sessionContext": {"sessionIssuer": {"type": "Role", "userName": "deploy"}},
        "invokedBy": "cloudformation.amazonaws.com",
    },
    "sourceIPAddress": "198.51.100.7",
    "userAgent": "cloudformation.amazonaws.com",
}
SSH: Final = opened("tcp 22 from 0.0.0.0/0", **CALLED)
EDIT = SecurityGroupChange(
    action=Action.MODIFY_RULES, group_id="sg-1", added=rules("unknown tcp 443 from ::/0")
)
CLOUD_FIREWALL, CLOUD_LOGS = "T1562.007", "T1562.008"


# Valid, and whole --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", STORIES)
def test_story_is_a_detection_finding_of_which_the_model_drops_nothing(name: str) -> None:
    [finding] = findings_of(story(name))

    document = machine(finding)

    assert_valid(document)
    assert document["class_uid"] == 2004
    assert document["type_uid"] == 200401
    assert document["metadata"]["version"] == OCSF_VERSION == "1.5.0"
    assert document["severity"] == finding.judgement.severity.name.capitalize()
    assert list(empty_members_of(document)) == []


WITHOUT_A_STORY = {
    "looked-at": [looked(ssh(), state(BASTION, WORKER, tags={"a": "b"}), Reach.PUBLIC)],
    "looked-at-in-vain": [replace(ssh(), look=Look(problem="the role may not be assumed"))],
    "lowered-and-behind-a-load-balancer": [
        with_judgement(
            looked(ssh(), state(WORKER, not_seen=("a part",)), Reach.PRIVATE, reasons=("b",)),
            lowered_from=Severity.CRITICAL,
        )
    ],
    "list-looked-at": [looked(listed_world(), list_state(state(BASTION)), Reach.PUBLIC)],
    "several-calls": [SSH, with_record(SSH, event_id="e-2")],
    "log-event-that-is-no-record": [unreadable_finding(record(), "not JSON", excerpt="{")],
    "empty-log-event": [unreadable_finding(record(), "not JSON", excerpt="")],
    "edit": [judged(EDIT)],
    "nothing-known-of-the-call": [
        with_record(
            SSH,
            event_id=None,
            event_name=None,
            event_source=None,
            event_time=None,
            principal=Principal(),
        )
    ],
    "source-of-no-known-version": [with_record(SSH, event_source="ec2")],
    "half-a-character": [
        with_record(SSH, refusal=Refusal(message="\ud800"), error_code="Client.X")
    ],
}


@pytest.mark.parametrize("findings", WITHOUT_A_STORY.values(), ids=WITHOUT_A_STORY)
def test_other_alerts_are_as_valid(findings: list[Finding]) -> None:
    facts = replace(FACTS, name="\udc80", problems=(LookupProblem(Fact.OU, "Throttled"),))

    document = machine(*findings, facts=facts)

    assert_valid(document)
    assert document["unmapped"]["not_available"] == [{"fact": "OU", "error": "Throttled"}]


def assert_valid(document: dict[str, Any]) -> None:
    parsed = DetectionFinding.model_validate(document)

    assert list(dropped_of(document, parsed.model_dump())) == []


def dropped_of(sent: object, kept: object, path: str = "") -> list[str]:
    """The paths of what was sent, and was not kept as it was."""
    if isinstance(sent, dict) and isinstance(kept, dict):
        pairs = [(sent[key], kept.get(key), f"{path}.{key}") for key in sent]
    elif isinstance(sent, list) and isinstance(kept, list) and len(sent) == len(kept):
        pairs = [
            (*pair, f"{path}[{index}]") for index, pair in enumerate(zip(sent, kept, strict=True))
        ]
    else:
        if isinstance(kept, datetime):
            kept = kept.timestamp() * 1000
        return [] if sent == kept and isinstance(sent, bool) is isinstance(kept, bool) else [path]
    return [lost for pair in pairs for lost in dropped_of(*pair)]


def empty_members_of(value: object, path: str = "") -> list[str]:
    """The paths of what says nothing: absence is absence."""
    if isinstance(value, dict | list) and value:
        members = value.items() if isinstance(value, dict) else enumerate(value)
        return [
            empty for key, member in members for empty in empty_members_of(member, f"{path}.{key}")
        ]
    return [path] if value in (None, "", [], {}) else []


@pytest.mark.parametrize(
    ("sent", "kept", "dropped"),
    [
        ({"a": 1}, {"a": 1, "b": None}, []),
        ({"a": 1, "b": {}}, {"a": 1}, [".b"]),
        ({"a": [{"b": 1}]}, {"a": [{"b": 2}]}, [".a[0].b"]),
        ({"a": [1, 2]}, {"a": [1]}, [".a"]),
        ({"a": True}, {"a": 1}, [".a"]),
    ],
)
def test_what_the_model_drops_is_noticed(sent: object, kept: object, dropped: list[str]) -> None:
    assert dropped_of(sent, kept) == dropped


# What it says ------------------------------------------------------------------------------------


def test_severity_has_the_id_that_ocsf_gives_it() -> None:
    documents = [machine(with_judgement(SSH, severity=severity)) for severity in Severity]

    assert [(document["severity"], document["severity_id"]) for document in documents] == [
        ("Informational", 1),
        ("Low", 2),
        ("Medium", 3),
        ("High", 4),
        ("Critical", 5),
    ]


def test_times_are_those_of_the_calls_and_when_they_were_seen() -> None:
    later = datetime(2026, 11, 17, 8, 55, 42, tzinfo=UTC)

    document = machine(with_record(SSH, event_time=later), with_record(SSH, event_time=None), SSH)

    assert document["time"] == document["finding_info"]["first_seen_time"] == 1794905712000
    assert document["finding_info"]["last_seen_time"] == 1794905742000
    seen = int(NOW.timestamp() * 1000)
    assert document["finding_info"]["created_time"] == seen
    assert document["metadata"]["processed_time"] == seen
    assert machine(with_record(SSH, event_time=None))["time"] == seen


def test_account_organization_and_region() -> None:
    assert machine(SSH)["cloud"] == {
        "provider": "AWS",
        "region": "eu-central-1",
        "account": {
            "name": "payments-production",
            "type": "AWS Account",
            "type_id": 10,
            "uid": "111122223333",
            "labels": ["Owner=payments"],
        },
        "org": {"uid": "o-exampleorgid", "ou_name": "Root/Workloads"},
    }


def test_account_without_a_name_is_called_by_its_id() -> None:
    account = machine(SSH, facts=AccountFacts())["cloud"]["account"]

    assert account["name"] == account["uid"] == "111122223333"


def test_what_is_absent_leaves_no_empty_members() -> None:
    nowhere = with_record(SSH, account_id=None, region=None, organization_id=None, event_id=None)

    document = machine(nowhere, facts=AccountFacts())

    assert_valid(document)
    assert document["cloud"] == {"provider": "AWS"}
    assert "related_events" not in document["finding_info"]
    assert list(empty_members_of(document)) == []


@pytest.mark.parametrize(
    ("region", "partition"),
    [
        ("eu-central-1", "aws"),
        ("cn-north-1", "aws-cn"),
        ("us-gov-west-1", "aws-us-gov"),
        ("eusc-de-east-1", "aws-eusc"),
        ("us-iso-east-1", "aws-iso"),
        ("us-isob-east-1", "aws-iso-b"),
        ("eu-isoe-west-1", "aws-iso-e"),
        ("us-isof-south-1", "aws-iso-f"),
    ],
)
def test_security_group_is_the_resource(region: str, partition: str) -> None:
    finding = with_record(SSH, region=region)

    assert machine(finding, finding)["resources"] == [
        {
            "type": "AWS::EC2::SecurityGroup",
            "uid": "sg-0123456789abcdef0",
            "region": region,
            "cloud_partition": partition,
        }
    ]


RESOURCES = {
    "prefix-list-widened-to-the-world": "AWS::EC2::PrefixList",
    "organization-trail-stopped": "AWS::CloudTrail::Trail",
    "group-deleted-by-name": "AWS::EC2::SecurityGroup",
}


@pytest.mark.parametrize(("name", "kind"), RESOURCES.items(), ids=RESOURCES)
def test_resource_is_what_was_changed(name: str, kind: str) -> None:
    [finding] = findings_of(story(name))

    [resource] = machine(finding)["resources"]

    assert resource["type"] == kind
    assert resource["uid"]


ACTOR: Final[dict[str, Any]] = {
    "user": {
        "name": "jane",
        "type": "AssumedRole",
        "uid": "arn:aws:sts::444455556666:assumed-role/deploy/jane",
        "account": {"uid": "444455556666"},
        "credential_uid": "ASIAEXAMPLE",
    },
    "session": {"issuer": "deploy"},
    "invoked_by": "cloudformation.amazonaws.com",
}


def test_actor_stands_once_and_where_it_differs() -> None:
    assert SSH.record is not None
    with_another_key = with_record(
        SSH, event_id="e-2", session=replace(SSH.record.session, access_key_id="ASIAOTHER")
    )

    document = machine(SSH, with_another_key, with_record(SSH, event_id="e-3"))

    assert document["unmapped"]["actor"] == ACTOR
    actors = [evidence["data"].get("actor") for evidence in document["evidences"]]
    other = {**ACTOR, "user": {**ACTOR["user"], "credential_uid": "ASIAOTHER"}}
    assert actors == [None, other, None]
    assert json.dumps(document).count("assumed-role/deploy/jane") == 2


HOW: Final = {
    "source_address": "198.51.100.7",
    "user_agent": "cloudformation.amazonaws.com",
    "tool": "CloudFormation",
}


def test_how_they_came_stands_once_and_where_it_differs() -> None:
    assert SSH.record is not None
    from_elsewhere = with_record(
        SSH, event_id="e-2", session=replace(SSH.record.session, source_address="203.0.113.9")
    )

    document = machine(SSH, from_elsewhere, with_record(SSH, event_id="e-3"))

    assert document["unmapped"].items() >= HOW.items()
    found = [{name: it["data"].get(name) for name in HOW} for it in document["evidences"]]
    nothing = dict.fromkeys(HOW)
    assert found == [nothing, HOW | {"source_address": "203.0.113.9"}, nothing]
    assert "actor" not in document["evidences"][1]["data"]


def test_whoever_stands_behind_the_session_is_in_the_actor() -> None:
    assert SSH.record is not None
    behind = {
        "source_identity": "jane.doe",
        "on_behalf_of": "94482488-3041-7052-b01b-aaaaaaaaaaaa",
        "delegate": "777788889999",
        "in_scope_of": "arn:aws:lambda:eu-central-1:111122223333:function:f",
        "identity_provider": "arn:aws:iam::111122223333:saml-provider/x",
        "permission_set": "Admin",
    }
    principal = replace(SSH.record.principal, **behind)
    finding = with_record(SSH, principal=principal, session=replace(SSH.record.session, mfa=False))

    document = machine(finding)

    assert_valid(document)
    named = {"invoked_by_delegate" if it == "delegate" else it: behind[it] for it in behind}
    assert document["unmapped"]["actor"] == ACTOR | named | {
        "session": {"issuer": "deploy", "is_mfa": False}
    }


def test_attributes_are_in_the_document() -> None:
    denied = opened("all from 0.0.0.0/0", errorCode="Client.UnauthorizedOperation", **CALLED)

    unmapped = [machine(it)["unmapped"] for it in (SSH, denied)]

    for it, effect, outcome in zip(
        unmapped, ("opens", "attempt"), ("succeeded", "denied"), strict=True
    ):
        del it["actor"]
        assert it == HOW | {
            "effect": effect,
            "kind": "security-group",
            "outcome": outcome,
            "world_open": effect == "opens",
            "may_repeat": False,
            "account_state": "ACTIVE",
        } | ({"reach": "unknown"} if effect == "opens" else {})


SET_BY_A_CALL: Final[dict[str, tuple[Change, dict[str, object]]]] = {
    "trail": (
        TrailChange(
            action=TrailAction.UPDATE,
            trail="application",
            settings=(
                ("s3BucketName", "b" * 2000),
                ("enableLogFileValidation", False),
                ("eventSource notEquals", ("a", "b")),
                ("eventSource notEquals", ("c",)),
                ("readWriteType", "All"),
                ("readWriteType", "WriteOnly"),
                ("dataResources AWS::S3::Object", ("arn:aws:s3",)),
            ),
        ),
        {
            "settings": {
                "s3BucketName": "b" * 1024,
                "enableLogFileValidation": False,
                "eventSource notEquals": ["a", "b", "c"],
                "readWriteType": ["All", "WriteOnly"],
                "dataResources AWS::S3::Object": ["arn:aws:s3"],
            }
        },
    ),
    "member-account": (
        TrailChange(action=TrailAction.REMOVE_ACCOUNT, member_account_id="333344445555"),
        {"member_account_id": "333344445555"},
    ),
    "prefix-list-settings": (
        PrefixListChange(
            action=Action.MODIFY,
            prefix_list_id="pl-1",
            new_name="do-not-use",
            max_entries=120,
            ipam_sync=False,
            unknown_parameters=("Quantum",),
        ),
        {
            "new_name": "do-not-use",
            "max_entries": 120,
            "ipam_sync": False,
            "unknown_parameters": ["Quantum"],
        },
    ),
    "descriptions": (
        SecurityGroupChange(
            action=Action.DESCRIBE_RULES,
            group_id="sg-1",
            descriptions=(
                RuleDescription(text="Partner", rule=rule("tcp 22 from 10.0.0.0/8")),
                RuleDescription(text=None, rule_id="sgr-1"),
            ),
        ),
        {
            "descriptions": [
                {
                    "rule": {
                        "direction": "ingress",
                        "protocol": "tcp",
                        "first_port": 22,
                        "last_port": 22,
                        "peer": {"kind": "IPv4", "value": "10.0.0.0/8"},
                    },
                    "description": "Partner",
                },
                {"rule_id": "sgr-1"},
            ]
        },
    ),
    "new-group": (
        SecurityGroupChange(
            action=Action.CREATE, group_id="sg-1", group_name="web", group_description="For the web"
        ),
        {"group_name": "web", "group_description": "For the web"},
    ),
    "rules-that-are-not-there": (
        SecurityGroupChange(
            action=Action.REMOVE_RULES, group_id="sg-1", missed=rules("all from ::/0")
        ),
        {
            "rules_not_found": [
                {
                    "direction": "ingress",
                    "protocol": "-1",
                    "peer": {"kind": "IPv6", "value": "::/0"},
                }
            ]
        },
    ),
}


@pytest.mark.parametrize(("change", "facts"), SET_BY_A_CALL.values(), ids=SET_BY_A_CALL)
def test_everything_that_a_call_set_is_in_its_evidence(
    change: Change, facts: dict[str, object]
) -> None:
    document = machine(judged(change, eventName="TheCall"))

    assert_valid(document)
    [evidence] = document["evidences"]
    assert {name: evidence["data"].get(name) for name in facts} == facts


def test_refusal_names_resource_and_policy() -> None:
    refusal = Refusal(
        message="No.", resource_arn=TRAIL_ARN, policy="with an explicit deny in a resource policy"
    )
    denied = with_record(
        judged(TrailChange(action=TrailAction.STOP, trail=TRAIL_ARN), errorCode="AccessDenied"),
        refusal=refusal,
    )

    [evidence] = machine(denied)["evidences"]

    assert evidence["data"]["refused_resource"] == TRAIL_ARN
    assert evidence["data"]["refused_by"] == "with an explicit deny in a resource policy"


def test_an_update_with_its_event_is_one_call() -> None:
    """An addendum is no evidence of its own, but both events are named."""
    again = with_record(SSH, event_id="e-2", original_event_id="e-1")
    [alert] = alerts_of_delivery(SSH, again)

    document = json.loads(machine_of(briefed(alert)))

    assert document["count"] == 1
    [evidence] = document["evidences"]
    assert evidence["data"]["update_of_event_id"] == "e-1"
    assert [it["uid"] for it in document["finding_info"]["related_events"]] == ["e-1", "e-2"]
    assert alert.delivered[0].keys == ("e-1", "e-2")


def test_api_call_rules_and_exposure_are_the_evidence() -> None:
    [evidence] = machine(SSH)["evidences"]

    assert evidence == {
        "api": {
            "operation": "AuthorizeSecurityGroupIngress",
            "service": {
                "name": "ec2.amazonaws.com",
                "uid": "ec2.amazonaws.com",
                "version": "2016-11-15",
            },
        },
        "data": {
            "phrase": "tcp 22 (SSH) open to the whole IPv4 Internet",
            "event_id": "e-1",
            "event_time": "2026-11-17T08:55:12+00:00",
            "exposure": [
                {
                    "protocol": "tcp",
                    "first_port": 22,
                    "last_port": 22,
                    "ipv4_share": 1.0,
                    "ipv6_share": 0.0,
                    "breadth": "world",
                }
            ],
            "action": "add rules",
            "group_id": "sg-0123456789abcdef0",
            "rules_added": [
                {
                    "direction": "ingress",
                    "protocol": "tcp",
                    "first_port": 22,
                    "last_port": 22,
                    "peer": {"kind": "IPv4", "value": "0.0.0.0/0"},
                }
            ],
        },
    }


def test_error_is_in_the_response_of_the_api_call() -> None:
    refused = opened(
        "all from 0.0.0.0/0",
        errorCode="Client.UnauthorizedOperation",
        errorMessage="You may not.",
    )

    [evidence] = machine(refused)["evidences"]

    assert evidence["api"]["response"] == {
        "error": "Client.UnauthorizedOperation",
        "error_message": "You may not.",
    }


def test_shares_of_the_address_space_are_told() -> None:
    halves = opened("tcp 22 from 0.0.0.0/1", "tcp 22 from 2000::/4", "tcp 23 from 10.0.0.0/8")
    listed = judged(
        PrefixListChange(
            action=Action.MODIFY, prefix_list_id="pl-1", added=(peer("0.0.0.0/1"), peer("::/0"))
        )
    )

    [opening] = machine(halves)["evidences"][0]["data"]["exposure"]
    assert opening["ipv4_share"] == pytest.approx(0.57, abs=0.01)
    assert opening["ipv6_share"] == pytest.approx(0.5, abs=0.01)
    data = machine(listed)["evidences"][0]["data"]
    assert data["ranges_added"] == ["0.0.0.0/1", "::/0"]
    assert data["ipv4_share"] == opening["ipv4_share"]
    assert data["ipv6_share"] == 1.0


def test_rules_that_do_not_fit_are_counted() -> None:
    # Of one severity, breadth and share, so that none is worse.
    texts = [f"tcp {port} from 3.0.0.0/8" for port in range(6100, 7100, 2)]
    many = opened(*texts, "tcp 22 from 0.0.0.0/0")

    whole, cut = (
        json.loads(machine_of(briefing_for(many, limits=Limits(rules=most, text=1024))))[
            "evidences"
        ][0]["data"]
        for most in (1000, 7)
    )

    assert len(whole["rules_added"]) == len(whole["exposure"]) == 501
    assert "rules_not_listed" not in whole
    assert whole["rules_added"][0]["first_port"] == 6100
    assert len(cut["rules_added"]) == 7
    assert cut["rules_not_listed"] == 494
    # The worst of them, whatever is cut.
    assert cut["rules_added"][0]["first_port"] == cut["exposure"][0]["first_port"] == 22
    assert len(cut["exposure"]) == 7


def test_widest_ranges_of_a_prefix_list_are_told_whatever_is_cut() -> None:
    narrow = tuple(peer(f"10.0.{block}.0/24") for block in range(20))
    finding = judged(
        PrefixListChange(
            action=Action.MODIFY, prefix_list_id="pl-1", added=(*narrow, peer("0.0.0.0/0"))
        )
    )

    briefing = briefing_for(finding, limits=Limits(rules=2, text=1024))
    [evidence] = json.loads(machine_of(briefing))["evidences"]

    assert evidence["data"]["ranges_added"] == ["0.0.0.0/0", "10.0.0.0/24"]


def test_icmp_type_and_code_are_told() -> None:
    [rule] = machine(opened("icmp 8 from 0.0.0.0/0"))["evidences"][0]["data"]["rules_added"]

    assert rule["icmp_type"] == 8
    assert "icmp_code" not in rule
    assert "first_port" not in rule


def test_events_are_all_named() -> None:
    calls = [with_record(SSH, event_id=f"e-{number}") for number in range(49)]

    document = machine(*calls, with_record(SSH, event_id=None))

    assert document["count"] == 50
    assert document["finding_info"]["related_events"] == [
        {"uid": f"e-{number}", "type": "AuthorizeSecurityGroupIngress"} for number in range(49)
    ]
    assert [evidence["data"].get("event_id") for evidence in document["evidences"]] == [
        *(f"e-{number}" for number in range(49)),
        None,
    ]
    assert "further_calls" not in document["unmapped"]


def test_fifty_calls_are_written_out_and_each_other_has_a_line() -> None:
    calls = [with_record(SSH, event_id=f"e-{number}") for number in range(60)]

    document = machine(*calls)

    assert_valid(document)
    assert document["count"] == 60
    assert len(document["evidences"]) == 50
    assert document["unmapped"]["further_calls"] == [
        f"{number}. 08:55:12 UTC AuthorizeSecurityGroupIngress sg-0123456789abcdef0: "
        "tcp 22 (SSH) open to the whole IPv4 Internet"
        for number in range(51, 61)
    ]
    related = document["finding_info"]["related_events"]
    assert [it["uid"] for it in related] == [f"e-{number}" for number in range(60)]


# What the trouble is, and what to do -------------------------------------------------------------


def techniques(document: dict[str, Any]) -> list[str]:
    attacks = document["finding_info"].get("attacks", [])
    for attack in attacks:
        assert attack["tactic"] == {"name": "Defense Evasion", "uid": "TA0005"}
        assert attack["technique"] == {"name": "Impair Defenses", "uid": "T1562"}
    return [attack["sub_technique"]["uid"] for attack in attacks]


OPENED_BY_STORY: Final = {
    name: finding
    for name in STORIES
    for finding in findings_of(story(name))
    if isinstance(finding.change, SecurityGroupChange)
    and any(rule.direction != "egress" for rule in finding.change.added)
}


@pytest.mark.parametrize("name", STORIES)
def test_cloud_firewall_was_modified_when_and_only_when_a_rule_was_opened(name: str) -> None:
    [finding] = findings_of(story(name))
    was_opened = name in OPENED_BY_STORY and finding.outcome == "succeeded"

    told_of = techniques(machine(finding))

    assert (CLOUD_FIREWALL in told_of) is was_opened
    # What CloudTrail carries out itself is told by the call of whoever made it.
    judgement = finding.judgement
    is_blinded = bool(judgement.blinded) and not judgement.is_repeated
    assert (CLOUD_LOGS in told_of) is (is_blinded and finding.outcome == "succeeded")


def test_refused_stories_are_among_them() -> None:
    outcomes = {finding.outcome.value for finding in OPENED_BY_STORY.values()}

    assert outcomes == {"succeeded", "denied", "failed", "dry run"}


@pytest.mark.parametrize(
    ("finding", "told_of"),
    [
        (judged(EDIT), [CLOUD_FIREWALL]),
        (opened("tcp 22 from 10.0.0.0/8"), [CLOUD_FIREWALL]),
        (opened("egress all to 0.0.0.0/0"), []),
        (opened("all from 0.0.0.0/0", errorCode="Client.DryRunOperation"), []),
        (unreadable_finding(record(), "not JSON", excerpt="{"), []),
    ],
    ids=["edit", "private", "egress", "dry-run", "unreadable"],
)
def test_techniques(finding: Finding, told_of: list[str]) -> None:
    assert techniques(machine(finding)) == told_of


def test_remediation_is_the_undo_command_with_the_pages_to_look_at() -> None:
    remediation = machine(SSH, presentation=replace(PLAIN, runbook_url=RUNBOOK))["remediation"]

    console = "https://eu-central-1.console.aws.amazon.com"
    assert remediation == {
        "desc": "aws ec2 revoke-security-group-ingress --region eu-central-1 "
        "--group-id sg-0123456789abcdef0 --ip-permissions "
        '\'[{"IpProtocol":"tcp","FromPort":22,"ToPort":22,'
        '"IpRanges":[{"CidrIp":"0.0.0.0/0"}]}]\'',
        "references": [
            f"{console}/ec2/home?region=eu-central-1#SecurityGroup:groupId=sg-0123456789abcdef0",
            f"{console}/cloudtrailv2/home?region=eu-central-1#/events/e-1",
            RUNBOOK,
        ],
    }


def test_remediation_of_several_calls_is_a_command_a_line() -> None:
    another = opened("tcp 3389 from 0.0.0.0/0", group_id="sg-0fedcba9876543210", **CALLED)

    remediation = machine(SSH, another, SSH)["remediation"]

    first, second = remediation["desc"].split("\n")
    assert "--group-id sg-0123456789abcdef0 " in first
    assert "--group-id sg-0fedcba9876543210 " in second
    # Of the worst: the others stand in the resources.
    [reference] = remediation["references"]
    assert reference.endswith("sg-0123456789abcdef0")


NO_COMMAND: Final[dict[str, tuple[list[Finding], str]]] = {
    "edit": ([judged(EDIT)], "what the rule allowed before is not in the record"),
    "refused": (
        [opened("all from ::/0", errorCode="Client.UnauthorizedOperation")],
        "nothing changed",
    ),
    "refused-prefix-list": (
        [
            judged(
                PrefixListChange(
                    action=Action.MODIFY, prefix_list_id="pl-1", added=(peer("::/0"),)
                ),
                errorCode="Client.UnauthorizedOperation",
            )
        ],
        "nothing changed",
    ),
    "no-record": (
        [unreadable_finding(record(), "not JSON", excerpt="{")],
        "the record does not hold what a command needs",
    ),
    "several": (
        [
            judged(TrailChange(action=TrailAction.UPDATE, trail="application")),
            judged(TrailChange(action=TrailAction.STOP, trail="--name")),
        ],
        "how the trail was set up before is not in the record; "
        "the trail's name in the record does not have the form of one of AWS's",
    ),
}


@pytest.mark.parametrize(("findings", "reason"), NO_COMMAND.values(), ids=NO_COMMAND)
def test_where_there_is_no_command_it_says_why(findings: list[Finding], reason: str) -> None:
    findings = [with_judgement(it, severity=Severity.HIGH) for it in findings]

    assert machine(*findings)["remediation"]["desc"] == f"No command: {reason}."


def test_of_what_is_gone_it_says_that_nothing_is_left() -> None:
    deleted = judged(
        SecurityGroupChange(action=Action.DELETE, group_id="sg-0123456789abcdef0"),
        **CALLED | {"eventID": "e-2", "eventTime": "2026-11-17T09:00:00Z"},
    )

    opening = next(it for it in alerts_of_delivery(SSH, deleted) if it.world_open)

    remediation = json.loads(machine_of(briefed(opening)))["remediation"]
    assert remediation["desc"] == ("No command: there is nothing left to undo.")
    # Its page would be empty.
    assert not any("SecurityGroup:groupId" in it for it in remediation.get("references", []))


# The uid -----------------------------------------------------------------------------------------


ANOTHER = with_record(SSH, event_id="e-2")
UNREADABLE = unreadable_finding(record(), "not JSON", excerpt="{")
NAMELESS = with_record(SSH, event_id=None)


def test_uid_is_that_of_the_events_whenever_and_in_whichever_order_they_are_told() -> None:
    uid = briefing_for(SSH, ANOTHER).uid

    assert briefing_for(ANOTHER, SSH, seen_at=NOW + timedelta(days=1)).uid == uid
    assert chat(SSH, ANOTHER)["id"] == uid
    assert machine(SSH, ANOTHER)["finding_info"]["uid"] == uid
    assert len(uid) == 32


def test_uid_of_other_events_is_another() -> None:
    alerts = [
        alert_of(SSH),
        alert_of(ANOTHER),
        alert_of(SSH, ANOTHER),
        alert_of(SSH, SSH),
        alert_of(UNREADABLE),
        alert_of(unreadable_finding(record(), "not JSON", excerpt="[")),
        alert_of(configuration_finding("entry 1")),
        alert_of(configuration_finding("entry 2")),
        alert_of(NAMELESS),
        alert_of(with_record(NAMELESS, event_time=NOW)),
        alert_of(with_record(NAMELESS, request={"groupId": "sg-1"})),
    ]

    uids = {briefed(alert).uid for alert in alerts}
    assert len(uids) == len(alerts)


def test_uid_of_an_event_without_an_id_is_that_of_its_text_again() -> None:
    first, again = (
        briefed(replace(alert_of(NAMELESS), seen_at=it)).uid
        for it in (NOW, NOW + timedelta(days=1))
    )

    assert first == again != briefing_for(SSH).uid


def test_parts_of_an_alert_that_is_too_large_have_uids_of_their_own() -> None:
    calls = [with_record(SSH, event_id=f"e-{number}") for number in range(900)]

    messages = list(told(calls, presentation=PRESENTATION))

    documents = [DetectionFinding.model_validate_json(texts_of(it)["default"]) for it in messages]
    assert len(documents) > 1
    assert len({document.finding_info.uid for document in documents}) == len(documents)
