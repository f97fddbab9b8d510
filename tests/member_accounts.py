"""As much of STS and EC2 as a look calls, on a loopback port: what stands in other accounts.

It answers from what AWS's own Describe calls would list, with filters and pages as EC2 has them,
and it fails as it is told to. (moto knows neither associations nor VPC Block Public Access, and it
does not answer over a network.)
"""

from __future__ import annotations

import re
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

from botocore.session import Session

# By operation: where its items stand in the state, and what its answer calls them.
LISTS: Final = {
    "DescribeSecurityGroups": "SecurityGroups",
    "DescribeSecurityGroupRules": "SecurityGroupRules",
    "DescribeNetworkInterfaces": "NetworkInterfaces",
    "DescribeSecurityGroupVpcAssociations": "SecurityGroupVpcAssociations",
    "DescribeVpcs": "Vpcs",
    "DescribeTags": "Tags",
    "DescribeManagedPrefixLists": "PrefixLists",
    "GetManagedPrefixListEntries": "Entries",
}
LONGEST_HANG: Final = 20


@dataclass(kw_only=True)
class MemberWorld:
    """The state: `accounts` by account and Region; None is an account without the role.

    `faults` are by account and operation ("" in any account): what stands there happens instead of
    an answer. `calls` are counted by account, Region and operation.
    """

    accounts: dict[str, dict[str, dict[str, Any]] | None] = field(default_factory=dict)
    faults: dict[tuple[str, str], str] = field(default_factory=dict)
    # How often a fault happens; without limit if it is not named here.
    times: dict[tuple[str, str], int] = field(default_factory=dict)
    calls: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    latency: float = 0.0
    # EC2 may answer fewer items than were asked for.
    most_a_page: int = 1000
    # Credentials of these sessions are not valid any more.
    revoked: set[str] = field(default_factory=set)
    sessions: int = 0
    url: str = ""
    let_go: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def fault_of(self, account: str, operation: str) -> str | None:
        """What happens to this call."""
        with self.lock:
            for key in ((account, operation), ("", operation)):
                if key in self.faults and self.times.get(key, 1):
                    if key in self.times:
                        self.times[key] -= 1
                    return self.faults[key]
        return None

    def operations(self, account: str = "") -> Counter[str]:
        """How often each operation was called, in one account or in all."""
        found = Counter[str]()
        for (of, _, operation), count in self.calls.items():
            if account in {"", of}:
                found[operation] += count
        return found

    def answer(self, key_id: str, region: str, form: dict[str, str]) -> tuple[int, bytes]:
        """Status and body."""
        operation = form["Action"]
        if operation == "AssumeRole":
            account = form["RoleArn"].split(":")[4]
        else:
            account = key_id[len("ASIA") :].partition("X")[0]
        with self.lock:
            self.calls[account, region, operation] += 1
        time.sleep(self.latency)
        fault = self.fault_of(account, operation)
        if fault is not None:
            return FAULTS[fault](self, operation)
        if operation == "AssumeRole":
            return self._assume(account)
        if key_id in self.revoked or self.accounts.get(account) is None:
            return error(401, "AuthFailure")
        return 200, xml_of(operation, self._described(account, region, operation, form))

    def _assume(self, account: str) -> tuple[int, bytes]:
        if self.accounts.get(account) is None:
            return FAULTS["denied"](self, "AssumeRole")
        with self.lock:
            self.sessions += 1
            number = self.sessions
        return 200, (
            "<AssumeRoleResponse><AssumeRoleResult><Credentials>"
            f"<AccessKeyId>ASIA{account}X{number}</AccessKeyId>"
            "<SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>"
            "<Expiration>2030-01-01T00:00:00Z</Expiration>"
            "</Credentials></AssumeRoleResult></AssumeRoleResponse>"
        ).encode()

    def _described(
        self, account: str, region: str, operation: str, form: dict[str, str]
    ) -> dict[str, Any]:
        state = (self.accounts[account] or {}).get(region, {})
        if operation == "DescribeVpcBlockPublicAccessOptions":
            options = state.get("VpcBlockPublicAccessOptions", {"InternetGatewayBlockMode": "off"})
            return {"VpcBlockPublicAccessOptions": options}
        name = LISTS[operation]
        items = state.get(name, [])
        if operation == "GetManagedPrefixListEntries":
            items = state["Entries"][form["PrefixListId"]]
        for wanted, values in filters_in(form):
            items = [it for it in items if values & FILTERS[wanted](it, state)]
        first = int(form.get("NextToken", 0))
        last = first + min(int(form.get("MaxResults", 1000)), self.most_a_page)
        more = {"NextToken": str(last)} if last < len(items) else {}
        return {name: items[first:last], **more}


def filters_in(form: Mapping[str, str]) -> Iterator[tuple[str, set[str]]]:
    number = 1
    while f"Filter.{number}.Name" in form:
        values = (key for key in form if key.startswith(f"Filter.{number}.Value."))
        found = {form[key] for key in values}
        assert 0 < len(found) <= 200
        yield form[f"Filter.{number}.Name"], found
        number += 1


def _lists_that_open(group: Any, state: Any) -> set[str]:
    return {
        rule["PrefixListId"]
        for rule in state.get("SecurityGroupRules", [])
        if rule["GroupId"] == group["GroupId"] and not rule["IsEgress"] and "PrefixListId" in rule
    }


FILTERS: Final[dict[str, Callable[[Any, Any], set[str]]]] = {
    "group-id": lambda it, _: (
        {group["GroupId"] for group in it["Groups"]} if "Groups" in it else {it["GroupId"]}
    ),
    "vpc-id": lambda it, _: {it["VpcId"]},
    "interface-type": lambda it, _: {it.get("InterfaceType", "interface")},
    "resource-id": lambda it, _: {it["ResourceId"]},
    "key": lambda it, _: {it["Key"]},
    "prefix-list-id": lambda it, _: {it["PrefixListId"]},
    "ip-permission.prefix-list-id": _lists_that_open,
}


def xml_of(operation: str, answer: dict[str, Any]) -> bytes:
    """As EC2 writes it: https://docs.aws.amazon.com/AWSEC2/latest/APIReference."""
    shape = _ec2().operation_model(operation).output_shape
    return f"<{operation}Response>{_xml(shape, answer)}</{operation}Response>".encode()


def _xml(shape: Any, value: Any) -> str:
    if shape.type_name == "structure":
        return "".join(
            f"<{tag}>{_xml(member, value[name])}</{tag}>"
            for name, member in shape.members.items()
            if name in value
            for tag in (member.serialization.get("name", name),)
        )
    if shape.type_name == "list":
        return "".join(f"<item>{_xml(shape.member, item)}</item>" for item in value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return escape(re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f]", "", str(value)))


_MODELS: Final[list[Any]] = []


def _ec2() -> Any:
    if not _MODELS:
        _MODELS.append(Session().get_service_model("ec2"))
    return _MODELS[0]


def error(status: int, code: str) -> tuple[int, bytes]:
    """As EC2 and STS tell it."""
    if code == "AccessDenied":
        return status, f"<ErrorResponse><Error><Code>{code}</Code></Error></ErrorResponse>".encode()
    text = f"<Response><Errors><Error><Code>{code}</Code><Message>no</Message></Error></Errors>"
    return status, f"{text}<RequestID>r</RequestID></Response>".encode()


class Reset(Exception):  # noqa: N818 - it is no error here
    """The connection is closed without an answer."""


def _reset(_: MemberWorld, __: str) -> tuple[int, bytes]:
    raise Reset


def _hang(world: MemberWorld, _: str) -> tuple[int, bytes]:
    world.let_go.wait(LONGEST_HANG)
    raise Reset


FAULTS: Final[dict[str, Callable[[MemberWorld, str], tuple[int, bytes]]]] = {
    "denied": lambda _, operation: error(
        403, "AccessDenied" if operation == "AssumeRole" else "UnauthorizedOperation"
    ),
    "throttled": lambda _, operation: error(
        503, "Throttling" if operation == "AssumeRole" else "RequestLimitExceeded"
    ),
    "internal-error": lambda _, __: error(500, "InternalError"),
    "region-off": lambda _, __: error(401, "AuthFailure"),
    "reset": _reset,
    "hang": _hang,
    "malformed": lambda _, __: (200, b"<Describe><unclosed>"),
    "no-body": lambda _, __: (200, b""),
    "nothing-in-it": lambda _, operation: (200, f"<{operation}Response/>".encode()),
}


@contextmanager
def member_accounts(world: MemberWorld, tls: ssl.SSLContext | None = None) -> Iterator[None]:
    """Listens on 127.0.0.1 at any free port, for HTTP or HTTPS."""

    class Door(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Head and body in one piece: else each answer waits 40 ms for an acknowledgement.
        wbufsize = -1

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            scope = re.search(r"Credential=(\w+)/\d+/([\w-]+)/", self.headers["Authorization"])
            assert scope
            form = dict(parse_qsl(body, keep_blank_values=True))
            try:
                status, answer = world.answer(scope[1], scope[2], form)
            except Reset:
                self.close_connection = True
                return
            self.send_response(status)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002, its own name
            """Keep quiet."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 50

        def finish_request(self, request: Any, client_address: Any) -> None:
            if tls is None:
                super().finish_request(request, client_address)
                return
            with tls.wrap_socket(request, server_side=True) as wrapped:
                super().finish_request(wrapped, client_address)

        def handle_error(self, request: object, client_address: object) -> None:
            """Whoever asked did not wait."""

    with Server(("127.0.0.1", 0), Door) as server:
        world.url = f"{'http' if tls is None else 'https'}://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield
        finally:
            world.let_go.set()
            server.shutdown()
            thread.join()


# What stands in an account, as Describe calls list it.


def group(group_id: str, vpc_id: str = "vpc-0aaaaaaaaaaaaaaaa", **more: Any) -> dict[str, Any]:
    return {"GroupId": group_id, "GroupName": "web", "VpcId": vpc_id, "Tags": [], **more}


def rule(rule_id: str, group_id: str, **more: Any) -> dict[str, Any]:
    """SSH from the whole IPv4 Internet, unless told otherwise."""
    peer = (
        {}
        if more.keys() & {"CidrIpv6", "PrefixListId", "ReferencedGroupInfo"}
        else {"CidrIpv4": "0.0.0.0/0"}
    )
    return {
        "SecurityGroupRuleId": rule_id,
        "GroupId": group_id,
        "IsEgress": False,
        "IpProtocol": "tcp",
        "FromPort": 22,
        "ToPort": 22,
        **peer,
        **more,
    }


def interface(interface_id: str, *group_ids: str, **more: Any) -> dict[str, Any]:
    return {
        "NetworkInterfaceId": interface_id,
        "VpcId": "vpc-0aaaaaaaaaaaaaaaa",
        "OwnerId": "222233334444",
        "InterfaceType": "interface",
        "PrivateIpAddress": "10.0.0.5",
        "PrivateIpAddresses": [{"PrivateIpAddress": "10.0.0.5"}],
        "Groups": [{"GroupId": it} for it in group_ids],
        **more,
    }


def public(address: str = "203.0.113.9") -> dict[str, Any]:
    return {"Association": {"PublicIp": address, "IpOwnerId": "amazon"}}


def instance(instance_id: str, owner: str = "222233334444") -> dict[str, Any]:
    return {"Attachment": {"InstanceId": instance_id, "InstanceOwnerId": owner}}


def vpc(vpc_id: str = "vpc-0aaaaaaaaaaaaaaaa", owner: str = "222233334444") -> dict[str, Any]:
    return {"VpcId": vpc_id, "OwnerId": owner}
