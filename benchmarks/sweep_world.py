"""An organization to sweep, in this process: STS, EC2, DynamoDB, Organizations and SQS.

Nothing waits: each call counts as so many seconds of latency. Answers are made where requests would
leave the process, so that the clients sign, send and parse as ever.
"""

from __future__ import annotations

import base64
import io
import json
import re
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, Final
from urllib.parse import parse_qsl

from botocore import handlers
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders

# The 17 Regions that are enabled in every account.
REGIONS: Final = (
    *("us-east-1", "us-east-2", "us-west-1", "us-west-2", "ca-central-1", "sa-east-1"),
    *("eu-central-1", "eu-west-1", "eu-west-2", "eu-west-3", "eu-north-1"),
    *("ap-south-1", "ap-northeast-1", "ap-northeast-2", "ap-northeast-3"),
    *("ap-southeast-1", "ap-southeast-2"),
)
# Those that an account uses; in the others is the default group.
USED: Final = ("eu-central-1", "us-east-1")
GROUPS: Final = 50
RULES: Final = 6
# Of the groups of a Region that is used.
OPEN: Final = 2
_PAGE_OF_ACCOUNTS: Final = 20
_CREDENTIAL: Final = re.compile(r"Credential=(?:ASIA(\d{12}))?[^/]*/\d{8}/([^/]+)/([^/]+)/")
_SET: Final = re.compile(r"([#\w.]+) = (?:if_not_exists\(([\w]+), (:\w+)\)|(:\w+))")
_READ_UNIT: Final = 4096
_WRITE_UNIT: Final = 1024


class World:
    """What was called, how long the answers took to make, and what DynamoDB charges for."""

    def __init__(self, accounts: int) -> None:
        self.accounts = accounts
        self.calls = Counter[str]()
        self.answering = 0.0
        self.read_units = 0
        self.write_units = 0
        self.messages: list[str] = []
        self.items: dict[str, dict[str, Any]] = {}

    @contextmanager
    def reachable(self) -> Iterator[None]:
        """Clients that are made within reach it."""
        entry = ("before-send", self._answer)
        handlers.BUILTIN_HANDLERS.append(entry)
        try:
            yield
        finally:
            handlers.BUILTIN_HANDLERS.remove(entry)

    def _answer(self, request: AWSPreparedRequest, **_: object) -> AWSResponse:
        started = time.thread_time()
        body = request.body
        text = body.decode() if isinstance(body, bytes) else str(body)
        header = request.headers["Authorization"]
        found = _CREDENTIAL.search(header.decode() if isinstance(header, bytes) else header)
        if found is None:
            raise ValueError("a request is not signed")
        account_id, region, service = found.groups()
        if service in ("ec2", "sts"):
            form = dict(parse_qsl(text))
            operation = form["Action"]
            answer = _query_answer(operation, form, account_id, region)
        else:
            target = request.headers["X-Amz-Target"]
            name = target.decode() if isinstance(target, bytes) else target
            operation = name.rpartition(".")[2]
            answer = json.dumps(getattr(self, f"_{operation}")(json.loads(text)))
        self.calls[operation] += 1
        response = AWSResponse(request.url, 200, HTTPHeaders(), _Raw(answer.encode()))
        self.answering += time.thread_time() - started
        return response

    # AWS Organizations and Amazon SQS.

    def _ListAccounts(self, asked: Any) -> Any:  # noqa: N802 - the operation's name
        first = int(asked.get("NextToken", 0))
        last = min(first + _PAGE_OF_ACCOUNTS, self.accounts)
        accounts = [
            {"Id": account_of(it), "Name": f"a-{it}", "State": "ACTIVE", "JoinedTimestamp": 1.0}
            for it in range(first, last)
        ]
        return {"Accounts": accounts, **({"NextToken": str(last)} if last < self.accounts else {})}

    def _SendMessageBatch(self, asked: Any) -> Any:  # noqa: N802
        self.messages += [it["MessageBody"] for it in asked["Entries"]]
        done = [
            {"Id": it["Id"], "MessageId": "m", "MD5OfMessageBody": _md5_of(it["MessageBody"])}
            for it in asked["Entries"]
        ]
        return {"Successful": done}

    # Amazon DynamoDB: one table.

    def _GetItem(self, asked: Any) -> Any:  # noqa: N802
        item = self._read(asked["Key"])
        return {"Item": item} if item else {}

    def _BatchGetItem(self, asked: Any) -> Any:  # noqa: N802
        [(table, wanted)] = asked["RequestItems"].items()
        found = [self._read(key) for key in wanted["Keys"]]
        return {"Responses": {table: [it for it in found if it]}, "UnprocessedKeys": {}}

    def _Query(self, asked: Any) -> Any:  # noqa: N802
        [wanted] = asked["ExpressionAttributeValues"].values()
        found = [it for it in self.items.values() if it.get("open_severity") == wanted]
        self.read_units += 1 + len(found) // 40
        return {"Items": [{name: it[name] for name in ("resource", "looked_at")} for it in found]}

    def _UpdateItem(self, asked: Any, times: int = 1) -> Any:  # noqa: N802
        key = asked["Key"]["resource"]["S"]
        item = self.items.setdefault(key, {"resource": {"S": key}})
        names = asked.get("ExpressionAttributeNames", {})
        values = asked["ExpressionAttributeValues"]
        change, _, removed = asked["UpdateExpression"].partition("REMOVE")
        is_indexed = item.get("open_severity"), item.get("looked_at")
        for path, _, fallback, plain in _SET.findall(change):
            name, _, inner = path.partition(".")
            if inner:
                item[name]["M"][names[inner]] = values[plain]
            elif plain:
                item[name] = values[plain]
            else:
                item.setdefault(name, values[fallback])
        for name in removed.replace(" ", "").split(","):
            item.pop(name, None)
        own = times * -(-_size_of(item) // _WRITE_UNIT)
        in_index = 0
        if is_indexed != (item.get("open_severity"), item.get("looked_at")):
            in_index = times * (1 + (is_indexed[0] is not None))
        self.write_units += own + in_index
        return {}

    def _TransactWriteItems(self, asked: Any) -> Any:  # noqa: N802
        for entry in asked["TransactItems"]:
            self._UpdateItem(entry["Update"], times=2)
        return {}

    def _read(self, key: Any) -> Any:
        item = self.items.get(key["resource"]["S"])
        self.read_units += max(1, -(-_size_of(item) // _READ_UNIT)) if item else 1
        return item


def account_of(number: int) -> str:
    """Twelve digits."""
    return f"{100_000_000_000 + number}"


def _size_of(value: Any) -> int:
    """About what DynamoDB counts."""
    if isinstance(value, dict):
        if value.keys() == {"B"}:
            return len(base64.b64decode(value["B"]))
        return sum(len(name) + _size_of(it) for name, it in value.items())
    return len(str(value))


def _md5_of(text: str) -> str:
    from hashlib import md5  # noqa: PLC0415

    return md5(text.encode(), usedforsecurity=False).hexdigest()


class _Raw(io.BytesIO):
    """A body, as urllib3 hands it on."""

    def stream(self, **_: object) -> Iterator[bytes]:
        """All of it."""
        yield self.read()


# AWS STS and Amazon EC2.


def _query_answer(operation: str, form: dict[str, str], account_id: str, region: str) -> str:
    if operation == "AssumeRole":
        account_id = form["RoleArn"].split(":")[4]
        return (
            "<AssumeRoleResponse><AssumeRoleResult><Credentials>"
            f"<AccessKeyId>ASIA{account_id}</AccessKeyId><SecretAccessKey>s</SecretAccessKey>"
            "<SessionToken>t</SessionToken><Expiration>2030-01-01T00:00:00Z</Expiration>"
            "</Credentials></AssumeRoleResult></AssumeRoleResponse>"
        )
    wanted = tuple(value for name, value in form.items() if name.startswith("Filter.1.Value."))
    return f"<R>{_described(operation, region in USED, wanted)}</R>".replace("OWNER", account_id)


@cache
def _described(operation: str, is_used: bool, wanted: tuple[str, ...]) -> str:
    """The same in each account. `wanted` are the values of the first filter."""
    numbers = range(GROUPS) if is_used else range(1)
    groups = {f"sg-{it:017x}": it for it in numbers}
    chosen = {it: groups[it] for it in groups if not wanted or it in wanted}
    match operation:
        case "DescribeRegions":
            items = [f"<regionName>{it}</regionName>" for it in REGIONS]
            return _listed("regionInfo", items)
        case "DescribeSecurityGroupRules":
            return _listed(
                "securityGroupRuleSet",
                [x for it in chosen.values() for x in _rules(it, is_open=is_used and it < OPEN)],
            )
        case "DescribeSecurityGroups":
            items = [
                f"<groupId>{it}</groupId><groupName>g</groupName><vpcId>vpc-1</vpcId>"
                for it in chosen
            ]
            return _listed("securityGroupInfo", items)
        case "DescribeNetworkInterfaces":
            items = [
                f"<networkInterfaceId>eni-{it}</networkInterfaceId><ownerId>OWNER</ownerId>"
                "<association><publicIp>198.51.100.7</publicIp></association>"
                f"<groupSet><item><groupId>{it}</groupId></item></groupSet>"
                for it in chosen
            ]
            return _listed("networkInterfaceSet", items)
        case "DescribeSecurityGroupVpcAssociations":
            return _listed("securityGroupVpcAssociationSet", [])
        case "DescribeVpcs":
            return _listed("vpcSet", ["<vpcId>vpc-1</vpcId><ownerId>OWNER</ownerId>"])
        case "DescribeVpcBlockPublicAccessOptions":
            return (
                "<vpcBlockPublicAccessOptions><internetGatewayBlockMode>off"
                "</internetGatewayBlockMode></vpcBlockPublicAccessOptions>"
            )
        case "DescribeManagedPrefixLists":
            lists = ["<prefixListId>pl-00000000000000001</prefixListId><version>1</version>"]
            return _listed("prefixListSet", lists if is_used else [])
        case "GetManagedPrefixListEntries":
            return _listed("entrySet", [f"<cidr>10.{it}.0.0/16</cidr>" for it in range(10)])
        case _:
            raise NotImplementedError(operation)


def _rules(group: int, *, is_open: bool) -> Iterator[str]:
    """Private ones, and one for the world where it is open."""
    for number in range(RULES):
        cidr = "0.0.0.0/0" if is_open and not number else f"10.{group}.{number}.0/24"
        yield (
            f"<securityGroupRuleId>sgr-{group:08x}{number:09x}</securityGroupRuleId>"
            f"<groupId>sg-{group:017x}</groupId><groupOwnerId>OWNER</groupOwnerId>"
            "<isEgress>false</isEgress><ipProtocol>tcp</ipProtocol><fromPort>443</fromPort>"
            f"<toPort>443</toPort><cidrIpv4>{cidr}</cidrIpv4>"
        )


def _listed(name: str, items: list[str]) -> str:
    return f"<{name}>{''.join(f'<item>{it}</item>' for it in items)}</{name}>"
