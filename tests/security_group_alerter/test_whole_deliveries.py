"""Deliveries of many kinds at once: nothing is lost, nothing doubled, nobody paged in vain."""

import json
from collections.abc import Iterable, Iterator
from random import Random
from typing import Any, Final

import pytest

from security_group_alerter.alerting import Alerter, Report
from security_group_alerter.model.account import AccountFacts
from security_group_alerter.model.ledger import LedgerEntry
from security_group_alerter.model.message import LARGEST_MESSAGE, Message, Noted, Sent
from security_group_alerter.model.seen import Mark, SeenAnswer
from security_group_alerter.model.severity import Severity
from security_group_alerter.model.time_left import TimeLeft
from tests.local.failures import payload_of
from tests.security_group_alerter.memories import Memories
from tests.security_group_alerter.openings import OPENING, Record, event_id
from tests.stories import NOW, ORGANIZATION, PRESENTATION, STANDARDS, STORIES, TRAIL_ARN, story


class Installation:
    """An alerter with a memory and a mailbox, and nothing of AWS."""

    def __init__(self) -> None:
        self.known: set[str] = set()
        self.sent: list[Message] = []
        self._memories = Memories()

    def deliver(self, *log_events: str | Record, account_id: str = "222233334444") -> Report:
        """One delivery of this account's log stream."""
        alerter = Alerter(
            standards=STANDARDS,
            problems=(),
            presentation=PRESENTATION,
            organization_id=None,
            facts_for=lambda _: AccountFacts(),
            alerted_among=lambda keys: SeenAnswer(keys=frozenset(self.known & {*keys})),
            publish=self._publish,
            recall=self._memories.recall,
            note=self._note,
        )
        texts = (it if isinstance(it, str) else json.dumps(it) for it in log_events)
        stream = f"{ORGANIZATION}_{account_id}_CloudTrail_eu-central-1"
        payload = payload_of(*texts, logStream=stream)
        return alerter.alert_on(payload, now=NOW, time_left=lambda: 120)

    def _note(self, marks: Iterable[Mark], entries: Iterable[LedgerEntry], _most: int) -> Noted:
        self.known |= {it.key for it in marks}
        return Noted(unnoted=self._memories.note(entries))

    def _publish(self, messages: Iterable[Message], _time_left: TimeLeft) -> Iterator[Sent]:
        for message in messages:
            self.sent.append(message)
            yield Sent(message=message)

    @property
    def event_ids(self) -> list[str]:
        return [event_id for message in self.sent for event_id in message.event_ids]


# What CloudTrail does in each account when the organization's trail changes -----------------------

DELETED: Final = {
    "eventSource": "cloudtrail.amazonaws.com",
    "eventName": "DeleteTrail",
    "eventTime": "2026-11-20T10:00:01Z",
    "awsRegion": "eu-central-1",
    "requestParameters": {"name": TRAIL_ARN},
    "recipientAccountId": "111122223333",
    "eventID": "the-deletion",
    "userIdentity": {"type": "IAMUser", "userName": "mallory", "accountId": "111122223333"},
}
UPDATED: Final = {
    "eventName": "UpdateTrail",
    "requestParameters": {"name": "organization-trail", "isOrganizationTrail": False},
    "responseElements": {"trailARN": TRAIL_ARN},
}


def repeated(account: int, event_id: str, record: Record) -> Record:
    """The call that CloudTrail's service-linked role makes in an account."""
    account_id = f"{account:012d}"
    role = "aws-service-role/cloudtrail.amazonaws.com/AWSServiceRoleForCloudTrail"
    issuer = {
        "type": "Role",
        "arn": f"arn:aws:iam::{account_id}:role/{role}",
        "accountId": account_id,
        "userName": "AWSServiceRoleForCloudTrail",
    }
    return record | {
        "eventID": event_id,
        "recipientAccountId": account_id,
        "userIdentity": {
            "type": "AssumedRole",
            "accountId": account_id,
            "sessionContext": {"sessionIssuer": issuer},
            "invokedBy": "cloudtrail.amazonaws.com",
        },
    }


def test_a_thousand_accounts_do_not_page_a_thousand_times() -> None:
    installation = Installation()
    ids = [event_id(number) for number in range(3000)]

    installation.deliver(DELETED, account_id="111122223333")
    for account in range(1000):
        by_name, by_arn, update = ids[3 * account : 3 * account + 3]
        installation.deliver(
            repeated(
                account, by_name, DELETED | {"requestParameters": {"name": "organization-trail"}}
            ),
            repeated(account, by_arn, DELETED),
            repeated(account, update, DELETED | UPDATED),
            account_id=f"{account:012d}",
        )

    first, *others = installation.sent
    assert (first.event_ids, first.attributes["severity"]) == (("the-deletion",), "CRITICAL")
    assert {message.attributes["severity"] for message in others} == {"LOW"}
    assert {message.attributes["effect"] for message in others} == {"other"}
    assert len({message.attributes["account_id"] for message in others}) == len(others) == 1000
    assert sorted(installation.event_ids[1:]) == ids


# Every bad kind among good records ----------------------------------------------------------------


def opening(number: int, **members: object) -> Record:
    return OPENING | {"eventID": event_id(number), **members}


def on_trail(number: int, name: str, request: object, **members: object) -> Record:
    called = {"eventID": event_id(number), "eventName": name, "requestParameters": request}
    return DELETED | {"recipientAccountId": "222233334444"} | called | members


def on_list(number: int, name: str, request: dict[str, Any], **members: object) -> Record:
    parameters = {f"{name}Request": {"PrefixListId": "pl-0a1b2c3d4e5f60718", **request}}
    called = {"eventID": event_id(number), "eventName": name, "requestParameters": parameters}
    return OPENING | {"responseElements": None} | called | members


NETWORK: Final = {"eventCategory": "NetworkActivity", "eventType": "AwsVpceEvent"}
UNREAD: Final[dict[str, object]] = {"requestParameters": None, "responseElements": None}
# What is alerted of each kind: its event ids, and the severity.
BAD: Final[dict[str, tuple[list[str | Record], list[str], str | None]]] = {
    "no-json": (["REPORT RequestId: 8f5e"], [], "HIGH"),
    "a-list": ([json.dumps([OPENING])], [], "HIGH"),
    "a-record-without-its-rules": ([opening(10, **UNREAD)], [event_id(10)], "HIGH"),
    "rules-left-out": (
        [opening(11, requestParameters={"omitted": True}, responseElements=None)],
        [event_id(11)],
        "HIGH",
    ),
    "a-parameter-of-tomorrow": (
        [
            opening(
                12,
                requestParameters={"groupId": "sg-0945dc6b613dff4fd", "ruleTemplate": "open"},
                responseElements=None,
            )
        ],
        [event_id(12)],
        "HIGH",
    ),
    "parameters-as-text": (
        [opening(13, requestParameters=json.dumps(OPENING["requestParameters"]))],
        [event_id(13)],
        "CRITICAL",
    ),
    "copies-of-a-vpc-endpoint": ([opening(14, **NETWORK, **UNREAD)], [], None),
    "a-denied-copy-of-a-vpc-endpoint": (
        [opening(15, **NETWORK, **UNREAD, errorCode="VpceAccessDenied")],
        [event_id(15)],
        "INFORMATIONAL",
    ),
    "an-update-beside-its-original": (
        [
            opening(17, addendum={"reason": "UPDATED_DATA", "originalEventID": event_id(16)}),
            opening(16),
        ],
        [event_id(16), event_id(17)],
        "CRITICAL",
    ),
    "a-repetition": ([opening(18), opening(18), opening(18)], [event_id(18)], "CRITICAL"),
    "ids-that-are-none": (
        [opening(0, eventID="an event"), opening(0, eventID="an event", eventVersion="2")],
        ["an event", "an event"],
        "CRITICAL",
    ),
    "a-refusal-that-names-the-trail": (
        [
            on_trail(
                19,
                "StopLogging",
                None,
                errorCode="AccessDenied",
                errorMessage="User: arn:aws:iam::222233334444:user/x is not authorized to perform: "
                f"cloudtrail:StopLogging on resource: {TRAIL_ARN} because no identity-based "
                "policy allows the cloudtrail:StopLogging action",
            )
        ],
        [event_id(19)],
        "HIGH",
    ),
    "a-refusal-with-another-code": (
        [
            on_trail(
                20,
                "StopLogging",
                {"name": TRAIL_ARN},
                errorCode="NotOrganizationMasterAccountException",
            )
        ],
        [event_id(20)],
        "HIGH",
    ),
    "trusted-access-of-another-service": (
        [
            on_trail(
                21,
                "DisableAWSServiceAccess",
                {"servicePrincipal": "config.amazonaws.com"},
                eventSource="organizations.amazonaws.com",
            )
        ],
        [],
        None,
    ),
    "trusted-access-of-nobody": (
        [on_trail(22, "DisableAWSServiceAccess", None, eventSource="organizations.amazonaws.com")],
        [event_id(22)],
        "HIGH",
    ),
    "a-list-handed-to-ipam": (
        [on_list(23, "ModifyManagedPrefixList", {"IpamPrefixListResolverSyncEnabled": True})],
        [event_id(23)],
        "MEDIUM",
    ),
    "a-list-with-a-parameter-of-tomorrow": (
        [on_list(24, "ModifyManagedPrefixList", {"EntriesFrom": "x"})],
        [event_id(24)],
        "HIGH",
    ),
    "a-call-of-another-service-named-alike": (
        [
            opening(
                25,
                eventSource="rds.amazonaws.com",
                eventName="AuthorizeDBSecurityGroupIngress",
            )
        ],
        [],
        None,
    ),
    "nested-without-end": (['{"a":' * 100_000], [], "HIGH"),
    "no-identity": ([opening(26, userIdentity=None)], [event_id(26)], "CRITICAL"),
}
GOOD: Final = [story(name) for name in STORIES]


def alone(*log_events: str | Record) -> list[Message]:
    installation = Installation()
    report = installation.deliver(*log_events)
    assert report.error is None
    return installation.sent


@pytest.mark.parametrize(("log_events", "ids", "severity"), BAD.values(), ids=BAD)
def test_what_becomes_of_each_kind_alone(
    log_events: list[str | Record], ids: list[str], severity: str | None
) -> None:
    messages = alone(*log_events)

    assert [it for message in messages for it in message.event_ids] == ids
    assert [message.attributes["severity"] for message in messages] == (
        [severity] if severity else []
    )


@pytest.mark.parametrize("seed", range(3))
def test_every_bad_kind_among_good_records(seed: int) -> None:
    mixed = [*GOOD, *(it for log_events, _, _ in BAD.values() for it in log_events)]
    Random(seed).shuffle(mixed)
    good_ids = [it for message in alone(*GOOD) for it in message.event_ids]
    bad_ids = [it for _, ids, _ in BAD.values() for it in ids]
    installation = Installation()

    report = installation.deliver(*mixed)

    assert report.error is None
    assert sorted(installation.event_ids) == sorted([*good_ids, *bad_ids])
    assert {record["eventID"] for record in GOOD} == set(good_ids)
    without_ids = [name for name, (_, ids, severity) in BAD.items() if severity and not ids]
    unreadable = "".join(
        it.body for it in installation.sent if it.attributes["kind"] == "unreadable"
    )
    assert report.unreadable == len(without_ids) + len([event_id(10), event_id(22)])
    assert "REPORT RequestId: 8f5e" in unreadable
    assert all(message.size <= LARGEST_MESSAGE for message in installation.sent)
    # CloudWatch Logs delivers more than once, and in another order.
    before = len(installation.sent)
    again = installation.deliver(*reversed(mixed))
    assert (again.alerts, again.duplicates) == (0, again.matched)
    assert len(installation.sent) == before


@pytest.mark.parametrize("seed", range(3))
def test_no_kind_hides_or_changes_another(seed: int) -> None:
    """Each event is as severe among the others as it is alone, unless others ended it."""
    mixed = [*GOOD, *(it for log_events, _, _ in BAD.values() for it in log_events)]
    Random(seed).shuffle(mixed)

    severities = {
        it: message.attributes["severity"] for message in alone(*mixed) for it in message.event_ids
    }

    for record in GOOD:
        [message] = alone(record)
        judged_alone = Severity[message.attributes["severity"]]
        assert judged_alone - Severity[severities[record["eventID"]]] in (0, 1)
    for _, ids, severity in BAD.values():
        lowered = severity and Severity(max(0, Severity[severity] - 1)).name
        assert {severities[it] for it in ids} <= {severity, lowered}
