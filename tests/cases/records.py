"""CloudTrail records for the cases, built from what matters in each."""

import json
from collections.abc import Iterable
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

Json = dict[str, Any]

MANAGEMENT: Final = "111122223333"
PAYMENTS: Final = "222233334444"
DATA: Final = "444455556666"
HUB: Final = "666677778888"
OWN_TRAIL: Final = f"arn:aws:cloudtrail:eu-central-1:{MANAGEMENT}:trail/organization-trail"
GROUP: Final = "sg-0d15ea5e0d15ea5e0"
PREFIX_LIST: Final = "pl-0cafe0cafe0cafe00"
WORLD: Final = "0.0.0.0/0"


def role_session(
    session: str, role: str = "Operations", account: str = PAYMENTS, **members: Any
) -> Json:
    """`userIdentity` of a role's session. `members` are added to it, or replace what it has."""
    context = {
        "sessionIssuer": {
            "type": "Role",
            "principalId": "AROAEXAMPLE",
            "arn": f"arn:aws:iam::{account}:role/{role}",
            "accountId": account,
            "userName": role.rpartition("/")[2],
        },
        "attributes": {"creationDate": "2026-11-24T08:30:00Z", "mfaAuthenticated": "false"},
    }
    return {
        "type": "AssumedRole",
        "principalId": f"AROAEXAMPLE:{session}",
        "arn": f"arn:aws:sts::{account}:assumed-role/{role.rpartition('/')[2]}/{session}",
        "accountId": account,
        "accessKeyId": "ASIAEXAMPLE",
        "sessionContext": context | members.pop("context", {}),
        **members,
    }


def call(
    name: str,
    request: Json | None,
    response: Json | None = None,
    *,
    at: str = "09:00:00",
    account: str = PAYMENTS,
    **members: Any,
) -> Json:
    """A record of one call. `members` are added to it, or replace what it has."""
    record = {
        "eventVersion": "1.11",
        "userIdentity": role_session("sam@example.com", account=account),
        "eventTime": f"2026-11-24T{at}Z",
        "eventSource": "ec2.amazonaws.com",
        "eventName": name,
        "awsRegion": "eu-central-1",
        "sourceIPAddress": "198.51.100.24",
        "userAgent": "aws-cli/2.33.9 md/command#ec2",
        "requestParameters": request,
        "responseElements": response,
        "eventType": "AwsApiCall",
        "recipientAccountId": account,
        "eventCategory": "Management",
    } | members
    return {"eventID": str(uuid5(NAMESPACE_URL, json.dumps(record))), **record}


def trail_call(
    name: str, request: Json | None, *, account: str = MANAGEMENT, **members: Any
) -> Json:
    return call(
        name, request, account=account, **{"eventSource": "cloudtrail.amazonaws.com"} | members
    )


def refused(code: str, message: str | None = None) -> Json:
    """The members of a record whose call was refused."""
    return {"errorCode": code, "errorMessage": message, "responseElements": None}


def permission(
    ports: int | None = 22,
    cidr: str = WORLD,
    *,
    protocol: str = "tcp",
    description: str | None = None,
) -> Json:
    """One rule, as a request has it."""
    cidr_range = {"cidrIp": cidr} | ({"description": description} if description else {})
    return {
        "ipProtocol": protocol,
        **({} if ports is None else {"fromPort": ports, "toPort": ports}),
        "groups": {},
        "ipRanges": {"items": [cidr_range]},
        "ipv6Ranges": {},
        "prefixListIds": {},
    }


def permissions(*items: Json, group: str | None = GROUP, **members: Any) -> Json:
    """The request that adds or removes these rules."""
    named = {"groupId": group} if group else {}
    return {**named, "ipPermissions": {"items": list(items)}, **members}


def opening(*items: Json, **members: Any) -> Json:
    """An AuthorizeSecurityGroupIngress; without rules, SSH from the world."""
    group = members.pop("group", GROUP)
    request = permissions(*items or (permission(),), group=group)
    return call("AuthorizeSecurityGroupIngress", request, {"_return": True}, **members)


def rule_in_response(
    rule_id: str, ports: int = 22, cidr: str = WORLD, *, egress: bool = False, **members: Any
) -> Json:
    """One rule, as a response has it."""
    return {
        "groupOwnerId": PAYMENTS,
        "groupId": GROUP,
        "securityGroupRuleId": rule_id,
        "isEgress": egress,
        "ipProtocol": "tcp",
        "fromPort": ports,
        "toPort": ports,
        **({"cidrIpv4": cidr} if cidr else {}),
        **members,
    }


def added(*rules: Json) -> Json:
    """The response of a call that added these rules."""
    return {"_return": True, "securityGroupRuleSet": {"items": list(rules)}}


def removed(*rules: Json) -> Json:
    """The response of a call that removed these rules."""
    return {"_return": True, "revokedSecurityGroupRuleSet": {"items": list(rules)}}


def prefix_list_call(
    name: str, parameters: Json, *, list_name: str = "offices", **members: Any
) -> Json:
    """A call on a prefix list, as EC2's newer serializer writes it."""
    answer = {"prefixListId": PREFIX_LIST, "prefixListName": list_name, "state": "complete"}
    return call(
        name,
        {f"{name}Request": parameters},
        {f"{name}Response": {"prefixList": answer}},
        **{"account": HUB} | members,
    )


def entries(*cidrs: str) -> list[Json]:
    """Entries of a prefix list, as a request has them."""
    return [{"Cidr": cidr, "tag": number} for number, cidr in enumerate(cidrs, start=1)]


def ids_of(records: Iterable[Json]) -> list[str]:
    return [record["eventID"] for record in records]
