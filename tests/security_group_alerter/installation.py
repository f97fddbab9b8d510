"""Alerter and watch with a memory, accounts to look into and a mailbox, and nothing of AWS."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from security_group_alerter.alerting import Alerter
from security_group_alerter.ec2.groups import UNKNOWN_GROUP
from security_group_alerter.judgement.findings import Standards
from security_group_alerter.knowledge import Clock
from security_group_alerter.model.account import AccountFacts
from security_group_alerter.model.exposure_life import Resource
from security_group_alerter.model.group_state import (
    GroupState,
    Looked,
    NetworkInterface,
    PrefixListState,
)
from security_group_alerter.model.ledger import ExposureNews, LedgerEntry
from security_group_alerter.model.message import Message, Noted, Sent
from security_group_alerter.model.rules import SecurityGroupRule
from security_group_alerter.model.seen import Mark, SeenAnswer
from security_group_alerter.model.subject import SubjectKind
from security_group_alerter.model.time_left import TimeLeft
from security_group_alerter.watching import Watcher, WatchReport
from tests.local.failures import payload_of
from tests.security_group_alerter.builders import peer, rule
from tests.security_group_alerter.cloudtrail.calls import api_permission
from tests.security_group_alerter.memories import Memories
from tests.stories import ORGANIZATION, PRESENTATION

Record = dict[str, Any]

ACCOUNT: Final = "222233334444"
REGION: Final = "eu-central-1"
GROUP: Final = "sg-0123456789abcdef0"
LIST: Final = "pl-0123456789abcdef0"
START: Final = datetime.fromisoformat("2026-11-24T09:00:00Z")
PUBLIC: Final = NetworkInterface(
    id="eni-0aaaaaaaaaaaaaaa1",
    used_as="instance",
    used_by="i-0aaaaaaaaaaaaaaa1",
    private_addresses=("10.0.1.5",),
    public_ipv4=("203.0.113.9",),
)
PRIVATE: Final = replace(PUBLIC, public_ipv4=())
SSH: Final = "tcp 22 from 0.0.0.0/0"
RDP: Final = "tcp 3389 from 0.0.0.0/0"
WEB: Final = "tcp 443 from 0.0.0.0/0"
INSIDE: Final = "tcp 22 from 10.0.0.0/8"


def at(minutes: float = 0, **more: float) -> datetime:
    return START + timedelta(minutes=minutes, **more)


def resource(of: str = GROUP) -> Resource:
    kind = SubjectKind.PREFIX_LIST if of.startswith("pl-") else SubjectKind.SECURITY_GROUP
    return Resource(kind=kind, id=of, account_id=ACCOUNT, region=REGION)


def numbered(text: str, number: int) -> SecurityGroupRule:
    """A rule with its id."""
    return replace(rule(text), rule_id=f"sgr-{number:017x}")


# What is called.


def called(name: str, time: datetime, event_id: str, **members: Any) -> Record:
    return {
        "eventVersion": "1.11",
        "eventSource": "ec2.amazonaws.com",
        "eventName": name,
        "eventTime": time.isoformat().replace("+00:00", "Z"),
        "eventID": event_id,
        "eventType": "AwsApiCall",
        "awsRegion": REGION,
        "recipientAccountId": ACCOUNT,
        "userIdentity": {
            "type": "IAMUser",
            "arn": f"arn:aws:iam::{ACCOUNT}:user/frank",
            "accountId": ACCOUNT,
            "userName": "frank",
        },
        "sourceIPAddress": "198.51.100.7",
        "userAgent": "aws-cli/2.33.9",
        **members,
    }


def opened(
    *rules: SecurityGroupRule, time: datetime = START, event_id: str = "e-1", group: str = GROUP
) -> Record:
    """Rules are added; their ids are in the answer."""
    return called(
        "AuthorizeSecurityGroupIngress",
        time,
        event_id,
        requestParameters={
            "groupId": group,
            "ipPermissions": {"items": [*map(api_permission, rules)]},
        },
        responseElements={
            "_return": True,
            "securityGroupRuleSet": {"items": [_answered(it, group) for it in rules]},
        },
    )


def closed(
    *rules: SecurityGroupRule, time: datetime, event_id: str = "e-2", group: str = GROUP
) -> Record:
    """Rules are revoked by their ids."""
    return called(
        "RevokeSecurityGroupIngress",
        time,
        event_id,
        requestParameters={
            "groupId": group,
            "securityGroupRuleIds": {
                "items": [{"securityGroupRuleId": it.rule_id} for it in rules]
            },
        },
        responseElements={"_return": True},
    )


def edited(
    *rules: SecurityGroupRule, time: datetime, event_id: str = "e-2", group: str = GROUP
) -> Record:
    """Rules get these contents. No direction is recorded."""
    return called(
        "ModifySecurityGroupRules",
        time,
        event_id,
        requestParameters={
            "ModifySecurityGroupRulesRequest": {
                "GroupId": group,
                "SecurityGroupRule": [
                    {
                        "SecurityGroupRuleId": it.rule_id,
                        "tag": number,
                        "SecurityGroupRule": {
                            "IpProtocol": it.protocol,
                            "FromPort": it.ports.first if it.ports else -1,
                            "ToPort": it.ports.last if it.ports else -1,
                            "CidrIpv4": it.peer.value,
                        },
                    }
                    for number, it in enumerate(rules, 1)
                ],
            }
        },
        responseElements={"ModifySecurityGroupRulesResponse": {"return": True}},
    )


def deleted(*, time: datetime, event_id: str = "e-9", group: str = GROUP) -> Record:
    return called(
        "DeleteSecurityGroup",
        time,
        event_id,
        requestParameters={"groupId": group},
        responseElements={"_return": True, "groupId": group},
    )


def attached(*groups: str, time: datetime, event_id: str = "e-5") -> Record:
    """These are the groups of the public instance's interface from now on. Grace did it."""
    return called(
        "ModifyNetworkInterfaceAttribute",
        time,
        event_id,
        userIdentity={
            "type": "IAMUser",
            "arn": f"arn:aws:iam::{ACCOUNT}:user/grace",
            "accountId": ACCOUNT,
            "userName": "grace",
        },
        requestParameters={
            "networkInterfaceId": PUBLIC.id,
            "groupSet": {"items": [{"groupId": it} for it in groups]},
        },
        responseElements={"_return": True},
    )


def list_edited(
    *, add: str | None = None, remove: str | None = None, time: datetime, event_id: str
) -> Record:
    """Of a prefix list."""
    entries = {
        name: {"Cidr": cidr, "tag": 1}
        for name, cidr in (("AddEntry", add), ("RemoveEntry", remove))
        if cidr
    }
    return called(
        "ModifyManagedPrefixList",
        time,
        event_id,
        requestParameters={
            "ModifyManagedPrefixListRequest": {
                "PrefixListId": LIST,
                "CurrentVersion": 1,
                **entries,
            }
        },
        responseElements={"ModifyManagedPrefixListResponse": {"prefixList": {"version": 1}}},
    )


def created_list(cidr: str, *, time: datetime, event_id: str) -> Record:
    """A prefix list with one range."""
    return called(
        "CreateManagedPrefixList",
        time,
        event_id,
        requestParameters={
            "CreateManagedPrefixListRequest": {
                "PrefixListName": "offices",
                "Entry": {"Cidr": cidr, "tag": 1},
            }
        },
        responseElements={
            "CreateManagedPrefixListResponse": {"prefixList": {"prefixListId": LIST, "version": 1}}
        },
    )


def _answered(it: SecurityGroupRule, group: str) -> Record:
    return {
        "groupId": group,
        "groupOwnerId": ACCOUNT,
        "securityGroupRuleId": it.rule_id,
        "isEgress": False,
        "ipProtocol": it.protocol,
        "fromPort": it.ports.first if it.ports else -1,
        "toPort": it.ports.last if it.ports else -1,
        **({"prefixListId": it.peer.value} if it.peer.value.startswith("pl-") else {}),
        **({"cidrIpv4": it.peer.value} if "." in it.peer.value else {}),
        **({"cidrIpv6": it.peer.value} if ":" in it.peer.value else {}),
        **({"description": it.description} if it.description else {}),
    }


# What stands.


def group_state(*rules: SecurityGroupRule, **members: Any) -> GroupState:
    """A group that is seen to the end, which a public instance carries."""
    whole: dict[str, Any] = {
        "resource": resource(),
        "seen_at": START,
        "name": "web",
        "vpc_id": "vpc-0123456789abcdef0",
        "interfaces": (PUBLIC,),
        "has_all_rules": True,
        "has_all_interfaces": True,
    }
    return GroupState(**whole | {"rules": rules} | members)


def list_state(*cidrs: str, groups: tuple[GroupState, ...] = ()) -> PrefixListState:
    return PrefixListState(
        resource=resource(LIST),
        seen_at=START,
        name="offices",
        version=3,
        ranges=tuple(map(peer, cidrs)),
        groups=groups,
        has_all_rules=True,
    )


class Installation:
    """`states` are what looks show, by id, and `problems` why they show nothing."""

    def __init__(self, *states: GroupState | PrefixListState, looks: bool = True) -> None:
        self.memories = Memories()
        self.states = {it.resource.id: it for it in states}
        self.problems: dict[str, str] = {}
        self.looks = looks
        self.standards = Standards()
        self.marked: set[str] = set()
        # All that Amazon SNS took, and why it takes no other.
        self.sent: list[Message] = []
        self.refuses: Callable[[Message], str | None] = lambda _: None
        self.looked_for: list[Resource] = []

    def show(self, *states: GroupState | PrefixListState) -> None:
        """From now on this is what stands."""
        self.states |= {it.resource.id: it for it in states}

    def deliver(self, *records: Record, now: datetime) -> list[Message]:
        """What one delivery sends."""
        before = len(self.sent)
        self.delivered = self.alerter().alert_on(
            payload_of(
                *map(json.dumps, records),
                logStream=f"{ORGANIZATION}_{ACCOUNT}_CloudTrail_{REGION}",
            ),
            now=now,
            time_left=lambda: 120,
        )
        return self.sent[before:]

    def watch(self, now: datetime) -> list[Message]:
        """What the watch sends, which goes well."""
        sent = self.watched(now)
        assert self.report.error is None
        return sent

    def watched(self, now: datetime) -> list[Message]:
        """What the watch sends, which may fail."""
        before = len(self.sent)
        self.report: WatchReport = self.watcher().watch(now=now, time_left=lambda: 300)
        return self.sent[before:]

    def alerter(self) -> Alerter:
        return Alerter(
            standards=self.standards,
            problems=(),
            presentation=PRESENTATION,
            organization_id=None,
            facts_for=lambda _: AccountFacts(),
            alerted_among=lambda keys: SeenAnswer(keys=frozenset(self.marked & {*keys})),
            publish=self._publish,
            recall=self.memories.recall,
            note=self._note,
            look_at=self.look_at if self.looks else None,
        )

    def watcher(self) -> Watcher:
        return Watcher(
            standards=self.standards,
            presentation=PRESENTATION,
            organization_id=None,
            facts_for=lambda _: AccountFacts(),
            lease=self.memories.lease,
            take_up=lambda *_: None,
            open_groups=self.memories.open_groups,
            recall=self.memories.recall,
            note=self.memories.note,
            let_go=self.memories.let_go,
            publish=self._publish,
            look_at=self.look_at if self.looks else None,
        )

    def look_at(self, resources: Sequence[Resource], *, clock: Clock, seconds: float) -> Looked:
        assert seconds >= 0
        self.looked_for += resources
        seen = {
            it: replace(self.states[it.id], resource=it, seen_at=clock())
            for it in resources
            if it.id in self.states and it.id not in self.problems
        }
        return Looked(
            groups={it: state for it, state in seen.items() if isinstance(state, GroupState)},
            prefix_lists={
                it: state for it, state in seen.items() if isinstance(state, PrefixListState)
            },
            problems={it: self.problems[it.id] for it in resources if it.id in self.problems},
            not_found={
                it: clock() for it in resources if self.problems.get(it.id) == UNKNOWN_GROUP
            },
        )

    @property
    def open_ids(self) -> list[str]:
        """What the ledger lists."""
        return [it.resource.id for it in self.memories.open_groups()]

    def _note(self, marks: Iterable[Mark], entries: Iterable[LedgerEntry], _most: int) -> Noted:
        self.marked |= {it.key for it in marks}
        return Noted(unnoted=self.memories.note(entries))

    def _publish(self, messages: Iterable[Message], _time_left: TimeLeft) -> Iterator[Sent]:
        for message in messages:
            why = self.refuses(message)
            if why is None:
                self.sent.append(message)
            yield Sent(message=message, refusal=why)


def news_in(messages: Iterable[Message]) -> list[tuple[str, str]]:
    """What is told of each exposure: `CREATE, NEW`."""
    return [news_of(it) for message in messages for it in message.exposures]


def news_of(it: ExposureNews) -> tuple[str, str]:
    return it.activity.name, it.status.name
