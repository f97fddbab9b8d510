"""What looks show, for tests: groups with what carries them, and findings that were looked at."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from security_group_alerter.model.change import Action, PrefixListChange
from security_group_alerter.model.exposure_life import Resource
from security_group_alerter.model.finding import Finding
from security_group_alerter.model.group_state import (
    GroupReach,
    GroupState,
    InternetGatewayBlockMode,
    Look,
    NetworkInterface,
    PrefixListState,
    Reach,
)
from security_group_alerter.model.subject import SubjectKind
from tests.security_group_alerter.builders import judged, peer, rule, with_judgement
from tests.security_group_alerter.messages.forms import opened

GROUP: Final = "sg-0123456789abcdef0"
LIST: Final = "pl-0123456789abcdef0"
CALLED_AT: Final = datetime(2026, 11, 23, 3, 5, 12, tzinfo=UTC)
SEEN_AT: Final = datetime(2026, 11, 23, 3, 12, 44, tzinfo=UTC)
JANE: Final = "arn:aws:sts::111122223333:assumed-role/deploy/jane"
CALLED: Final[dict[str, Any]] = {
    "eventID": "e-1",
    "eventTime": "2026-11-23T03:05:12Z",
    "userIdentity": {
        "type": "AssumedRole",
        "arn": JANE,
        "accountId": "111122223333",
        "sessionContext": {"sessionIssuer": {"type": "Role", "userName": "deploy"}},
    },
    "userAgent": "aws-cli/2.33.9",
    "sourceIPAddress": "198.51.100.7",
}
SSH_RULE: Final = replace(rule("tcp 22 from 0.0.0.0/0"), rule_id="sgr-0aaaaaaaaaaaaaaaa")
BASTION: Final = NetworkInterface(
    id="eni-0aaaaaaaaaaaaaaa1",
    used_as="instance",
    used_by="i-0aaaaaaaaaaaaaaa1",
    name="bastion",
    owner_id="111122223333",
    private_addresses=("10.0.1.5",),
    public_ipv4=("203.0.113.9",),
)
SHOP: Final = replace(BASTION, id="eni-0aaaaaaaaaaaaaaa2", used_by="i-0aaaaaaaaaaaaaaa2", name=None)
WORKER: Final = replace(
    BASTION,
    id="eni-0aaaaaaaaaaaaaaa3",
    used_by="i-0aaaaaaaaaaaaaaa3",
    name="worker",
    private_addresses=("10.0.2.7",),
    public_ipv4=(),
)
ORDERS: Final = NetworkInterface(
    id="eni-0aaaaaaaaaaaaaaa4", used_as="RDS database", private_addresses=("10.0.3.4",)
)
BALANCER: Final = NetworkInterface(
    id="eni-0aaaaaaaaaaaaaaa5",
    used_as="Application Load Balancer",
    used_by="web",
    private_addresses=("10.0.1.8",),
    public_ipv4=("198.51.100.3",),
)
ONLY_IPV6: Final = replace(
    WORKER, id="eni-0aaaaaaaaaaaaaaa6", used_by="i-0aaaaaaaaaaaaaaa6", ipv6=("2600:1f18::5",)
)


def state(*interfaces: NetworkInterface, **members: Any) -> GroupState:
    """A group that was seen to the end, which these interfaces carry."""
    whole: dict[str, Any] = {
        "resource": resource(),
        "seen_at": SEEN_AT,
        "name": "web",
        "vpc_id": "vpc-0123456789abcdef0",
        "rules": (SSH_RULE,),
        "has_all_rules": True,
        "has_all_interfaces": True,
        "block_mode": InternetGatewayBlockMode.OFF,
    }
    return GroupState(**whole | {"interfaces": interfaces} | members)


def resource(group_id: str = GROUP) -> Resource:
    kind = SubjectKind.PREFIX_LIST if group_id.startswith("pl-") else SubjectKind.SECURITY_GROUP
    return Resource(kind=kind, id=group_id, account_id="111122223333", region="eu-central-1")


def list_state(*groups: GroupState, **members: Any) -> PrefixListState:
    """A prefix list that was seen to the end, to which these groups refer."""
    whole: dict[str, Any] = {
        "resource": resource(LIST),
        "seen_at": SEEN_AT,
        "name": "offices",
        "version": 3,
        "ranges": (peer("0.0.0.0/0"), peer("10.0.0.0/8")),
        "has_all_rules": True,
    }
    return PrefixListState(**whole | {"groups": groups} | members)


def looked(
    finding: Finding, seen: GroupState | PrefixListState, reach: Reach | None, **members: Any
) -> Finding:
    """The finding, after a look that showed this."""
    judged = finding if reach is None else with_judgement(finding, reach=reaching(reach, **members))
    return replace(judged, look=Look(state=seen))


def reaching(reach: Reach, **members: Any) -> GroupReach:
    may_lower = reach in (Reach.PRIVATE, Reach.UNATTACHED) and not members.get("reasons")
    return GroupReach(reach=reach, may_lower=may_lower, **members)


def ssh(*rules: str, **members: Any) -> Finding:
    """SSH opened to the world, by a rule with an id."""
    finding = opened(*(rules or ("tcp 22 from 0.0.0.0/0",)), **CALLED | members)
    return with_ids(finding)


def listed_world(**members: Any) -> Finding:
    """A prefix list that was made to hold the world."""
    change = PrefixListChange(
        action=Action.MODIFY, prefix_list_id=LIST, version=2, added=(peer("0.0.0.0/0"),)
    )
    return judged(change, **{"eventName": "ModifyManagedPrefixList"} | CALLED | members)


def with_ids(finding: Finding) -> Finding:
    """The rules that a call added have the ids that the states of this module have."""
    origin: Any = finding.origin
    added = tuple(
        replace(it, rule_id=f"sgr-0aaaaaaaaaaaaaaa{'abcdef'[number]}")
        for number, it in enumerate(origin.change.added)
    )
    return replace(finding, origin=replace(origin, change=replace(origin.change, added=added)))


def later(minutes: float) -> datetime:
    return CALLED_AT + timedelta(minutes=minutes)
