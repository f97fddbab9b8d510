"""EC2 and STS of an organization, on the wire of real clients; requests go wrong as told.

Answers are EC2's XML, filtered and in pages as EC2's are. Who asks is told by the request's
signature alone.
"""

import re
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from typing import Any, Final
from unittest import mock
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

import botocore.session
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import (
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ReadTimeoutError,
)
from moto.core.botocore_stubber import MockRawResponse

from security_group_alerter.aws.member_account import MemberAccounts
from security_group_alerter.model.exposure_life import Resource
from security_group_alerter.model.group_state import Looked
from security_group_alerter.model.subject import SubjectKind

NOW: Final = datetime(2026, 11, 29, 12, tzinfo=UTC)
ROLE: Final = "alerter/look"
ACCOUNT: Final = "222233334444"
REGION: Final = "eu-central-1"
# Where the function is.
HOME: Final = "eu-west-1"
VPC: Final = "vpc-00000001"

Item = dict[str, Any]


class Fault(Enum):
    """What happens to one request: a status and a code, or what is there instead of an answer."""

    DENIED = (403, "UnauthorizedOperation")
    NO_ROLE = (403, "AccessDenied")
    THROTTLED = (503, "RequestLimitExceeded")
    BROKEN = (500, "InternalError")
    WRONG = (400, "InvalidParameterValue")
    OFF = (401, "AuthFailure")
    NOT_SUBSCRIBED = (401, "OptInRequired")
    EXPIRED = (400, "RequestExpired")
    RESET = ConnectionClosedError
    TIMED_OUT = ReadTimeoutError
    NOT_CONNECTED = ConnectTimeoutError
    NO_ENDPOINT = EndpointConnectionError
    GARBLED = "<!doctype html><title>Sign in to the network"
    EMPTY = "<Response/>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request, and for whom it is signed; `key` is the id of the access key."""

    operation: str
    account_id: str | None
    region: str
    key: str
    asked: Mapping[str, str]


@dataclass(slots=True)
class Place:
    """What one account has in one Region, in EC2's own words."""

    groups: list[Item] = field(default_factory=list)
    rules: list[Item] = field(default_factory=list)
    interfaces: list[Item] = field(default_factory=list)
    associations: list[Item] = field(default_factory=list)
    vpcs: list[Item] = field(default_factory=list)
    tags: list[Item] = field(default_factory=list)
    lists: list[Item] = field(default_factory=list)
    entries: dict[str, list[Item]] = field(default_factory=dict)
    block_mode: str = "off"
    regions: list[str] = field(default_factory=list)

    def add_group(self, group_id: str, **members: Any) -> None:
        self.groups.append({"groupId": group_id, "groupName": "web", "vpcId": VPC, **members})

    def add_rule(self, group_id: str, **members: Any) -> None:
        self.rules.append(
            {
                "securityGroupRuleId": f"sgr-{len(self.rules):08x}",
                "groupId": group_id,
                "isEgress": "false",
                "ipProtocol": "tcp",
                "fromPort": "22",
                "toPort": "22",
                **(members or {"cidrIpv4": "0.0.0.0/0"}),
            }
        )

    def add_interface(self, *group_ids: str, **members: Any) -> None:
        self.interfaces.append(
            {
                "networkInterfaceId": f"eni-{len(self.interfaces):08x}",
                "vpcId": VPC,
                "interfaceType": "interface",
                "privateIpAddress": "10.0.0.7",
                "groupSet": [{"groupId": it} for it in group_ids],
                **members,
            }
        )


# The member of an answer, and the items in it.
_Answer = tuple[str, Callable[[Place], list[Item]]]
_ANSWERS: Final[Mapping[str, _Answer]] = {
    "DescribeSecurityGroups": ("securityGroupInfo", lambda it: it.groups),
    "DescribeSecurityGroupRules": ("securityGroupRuleSet", lambda it: it.rules),
    "DescribeNetworkInterfaces": ("networkInterfaceSet", lambda it: it.interfaces),
    "DescribeSecurityGroupVpcAssociations": (
        "securityGroupVpcAssociationSet",
        lambda it: it.associations,
    ),
    "DescribeVpcs": ("vpcSet", lambda it: it.vpcs),
    "DescribeTags": ("tagSet", lambda it: it.tags),
    "DescribeManagedPrefixLists": ("prefixListSet", lambda it: it.lists),
}
# The longest page that EC2 takes.
_LONGEST: Final = defaultdict(
    lambda: 1000, DescribeManagedPrefixLists=100, GetManagedPrefixListEntries=100
)
BLOCK_MODE: Final = "DescribeVpcBlockPublicAccessOptions"
REGIONS: Final = "DescribeRegions"
ENTRIES: Final = "GetManagedPrefixListEntries"
ASSUME: Final = "AssumeRole"


@dataclass(slots=True)
class Wire:
    """Every request is kept. `choose` says what happens to one, and may act itself."""

    places: defaultdict[tuple[str, str], Place] = field(default_factory=lambda: defaultdict(Place))
    choose: Callable[[Request], Fault | str | None] = lambda _: None
    now: float = 1000.0
    requests: list[Request] = field(default_factory=list)
    session: Any = field(init=False)
    accounts: MemberAccounts = field(init=False)

    def __post_init__(self) -> None:
        self.session = new_session()
        self.session.register("before-send", self.answer)
        self.accounts = MemberAccounts(self.session, role_name=ROLE, clock=lambda: self.now)

    @property
    def place(self) -> Place:
        return self.places[ACCOUNT, REGION]

    def look(
        self,
        *resources: Resource,
        seconds: float = 10.0,
        clock: Callable[[], datetime] = lambda: NOW,
    ) -> Looked:
        return self.accounts.look(resources, clock=clock, seconds=seconds)

    def calls(self) -> Counter[str]:
        return Counter(it.operation for it in self.requests)

    def answer(self, request: AWSPreparedRequest, **_: object) -> AWSResponse:
        asked = _request_of(request)
        self.requests.append(asked)
        match self.choose(asked):
            case None:
                return _response(200, self._answered(asked))
            case Fault(value=(int(status), code)):
                return _response(status, _error(asked, code))
            case Fault(value=str(body)) | str(body):
                return _response(200, body)
            case Fault(value=error):
                raise error(endpoint_url=request.url, error="no")

    def _answered(self, request: Request) -> str:
        asked = request.asked
        if request.operation == ASSUME:
            account_id = asked["RoleArn"].split(":")[4]
            return assumed(f"ASIA{account_id}{len(self.requests):04}")
        assert request.account_id is not None, "not signed by a member account's role"
        place = self.places[request.account_id, request.region]
        if request.operation == BLOCK_MODE:
            options = {"internetGatewayBlockMode": place.block_mode}
            return _xml("Response", {"vpcBlockPublicAccessOptions": options})
        if request.operation == REGIONS:
            return _xml("Response", {"regionInfo": [{"regionName": it} for it in place.regions]})
        if request.operation == ENTRIES:
            return _page(request, "entrySet", place.entries[asked["PrefixListId"]])
        member, items_of = _ANSWERS[request.operation]
        items = [it for it in items_of(place) if _is_asked_for(it, place, asked)]
        return _page(request, member, items)


def assumed(key: str, secret: str = "secret", token: str = "token") -> str:  # noqa: S107
    """STS's answer with these credentials."""
    credentials = {"AccessKeyId": key, "SecretAccessKey": secret, "SessionToken": token}
    return _xml("AssumeRoleResponse", {"AssumeRoleResult": {"Credentials": credentials}})


def _request_of(request: AWSPreparedRequest) -> Request:
    body: Any = request.body
    asked = dict(parse_qsl(body.decode() if isinstance(body, bytes) else body))
    signature: Any = request.headers["Authorization"]
    text = signature.decode() if isinstance(signature, bytes) else signature
    told = re.search(r"Credential=(?:ASIA(\d{12})(\d{4})|\w+)/\d+/([\w-]+)/(?:ec2|sts)/", text)
    assert told, text
    account_id, serial, region = told.groups()
    assert f".{region}." in str(request.url)
    return Request(
        operation=asked["Action"], account_id=account_id, region=region, key=serial, asked=asked
    )


def _is_asked_for(item: Item, place: Place, asked: Mapping[str, str]) -> bool:
    for number in range(1, 3):
        name = asked.get(f"Filter.{number}.Name")
        if name is None:
            break
        prefix = f"Filter.{number}.Value."
        values = {value for key, value in asked.items() if key.startswith(prefix)}
        assert len(values) <= 200, "EC2 takes no more values in one filter"
        if not values & set(_values_of(item, place, name)):
            return False
    return True


def _values_of(item: Item, place: Place, name: str) -> Iterator[str | None]:
    if name == "ip-permission.prefix-list-id":
        mine = (it for it in place.rules if it["groupId"] == item["groupId"])
        yield from (it.get("prefixListId") for it in mine if it["isEgress"] == "false")
    elif name == "group-id" and "groupSet" in item:
        yield from (it["groupId"] for it in item["groupSet"])
    else:
        first, *more = name.split("-")
        yield item[first + "".join(map(str.capitalize, more))]


def _page(request: Request, member: str, items: list[Item]) -> str:
    size = int(request.asked["MaxResults"])
    assert 5 <= size <= _LONGEST[request.operation], "EC2 takes no such page"
    start = int(request.asked.get("NextToken", "0"))
    members: Item = {member: items[start : start + size]}
    if start + size < len(items):
        members["nextToken"] = str(start + size)
    return _xml("Response", members)


def _error(request: Request, code: str) -> str:
    error = _xml("Error", {"Code": code, "Message": "no"})
    if request.operation == ASSUME:
        return f"<ErrorResponse>{error}</ErrorResponse>"
    return f"<Response><Errors>{error}</Errors></Response>"


def _xml(tag: str, value: Any) -> str:
    if isinstance(value, dict):
        inner = "".join(_xml(name, member) for name, member in value.items())
    elif isinstance(value, list):
        inner = "".join(_xml("item", item) for item in value)
    else:
        inner = escape(value)
    return f"<{tag}>{inner}</{tag}>"


def _response(status: int, body: str) -> AWSResponse:
    raw = MockRawResponse(body.encode())
    return AWSResponse("https://ec2.amazonaws.com/", status, HTTPHeaders(), raw)


def new_session() -> Any:
    """A session as the function has it."""
    session = botocore.session.Session()
    session.set_credentials("AKIAFUNCTION", "secret")
    session.set_config_variable("region", HOME)
    return session


@contextmanager
def wired() -> Iterator[Wire]:
    """An organization, empty at first, and looks into it; nothing waits between retries."""
    with mock.patch.object(time, "sleep"):
        yield Wire()


def group(number: int, account_id: str | None = ACCOUNT, region: str | None = REGION) -> Resource:
    return Resource(
        kind=SubjectKind.SECURITY_GROUP, id=f"sg-{number:08x}", account_id=account_id, region=region
    )


def prefix_list(number: int) -> Resource:
    return Resource(
        kind=SubjectKind.PREFIX_LIST, id=f"pl-{number:08x}", account_id=ACCOUNT, region=REGION
    )
