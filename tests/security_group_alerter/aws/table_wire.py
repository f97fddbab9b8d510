"""A table of group memories in moto, and the wire to it, on which requests go wrong as told.

A real client with its real retries makes the requests; time passes only where somebody waits.
"""

import json
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any, Final, cast
from unittest import mock

import boto3
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import ConnectionClosedError, ReadTimeoutError
from botocore.retries.quota import RetryQuota
from moto import mock_aws
from moto.core.botocore_stubber import MockRawResponse
from moto.core.models import botocore_stubber
from mypy_boto3_dynamodb import DynamoDBClient

from local.template import table_in_template
from security_group_alerter.aws.group_items import key_of
from security_group_alerter.aws.group_memory import CLIENT_CONFIG, GroupMemoryTable
from security_group_alerter.memory.recollection import Recollection
from security_group_alerter.memory.statements import RuleGone, RuleThere, Statement
from security_group_alerter.model.exposure_life import Event, Resource
from security_group_alerter.model.subject import SubjectKind
from tests.security_group_alerter.builders import rule

TABLE: Final = "group-memories"
NOW: Final = datetime(2026, 11, 29, 12, tzinfo=UTC)
SECONDS: Final = 20.0

READ: Final = "BatchGetItem"
WRITE: Final = "TransactWriteItems"
WRITE_ONE: Final = "UpdateItem"
Said = Mapping[Resource, Collection[Statement]]


class Fault(Enum):
    """What happens to one request, and whether the table did what was asked."""

    REFUSED = "access denied"
    MISSING = "no such table"
    THROTTLED = "throttled"
    BROKEN = "500"
    TIMED_OUT = "no answer in time"
    GARBLED = "200, but somebody else's page"
    EMPTY = "200, and nothing in it"
    PARTLY = "200, half of it not taken"
    CANCELLED = "throttled in one item"
    CLASHED = "another transaction in one item"
    REJECTED = "the last item too large"
    REJECTED_FIRST = "the first item too large"
    DROPPED_AFTER = "done, then the connection dropped"
    TIMED_OUT_AFTER = "done, no answer in time"
    GARBLED_AFTER = "done, but the answer is cut off"
    TWICE = "done twice"


_FAULTS_OF_SOME: Final = {
    Fault.PARTLY: {READ},
    # An empty answer to a write is what DynamoDB gives.
    Fault.EMPTY: {READ},
    Fault.CANCELLED: {WRITE},
    Fault.CLASHED: {WRITE},
    Fault.REJECTED: {WRITE},
    Fault.REJECTED_FIRST: {WRITE},
    Fault.TIMED_OUT_AFTER: {WRITE, WRITE_ONE},
    Fault.TWICE: {WRITE, WRITE_ONE},
}
_CODES: Final = {
    Fault.REFUSED: (400, "AccessDeniedException"),
    Fault.MISSING: (400, "ResourceNotFoundException"),
    Fault.THROTTLED: (400, "ProvisionedThroughputExceededException"),
    Fault.BROKEN: (500, "InternalServerError"),
}
_REASONS: Final = {
    Fault.CANCELLED: "ProvisionedThroughputExceeded",
    Fault.CLASHED: "TransactionConflict",
    Fault.REJECTED: "ValidationError",
    Fault.REJECTED_FIRST: "ValidationError",
}
_BODIES: Final = {
    Fault.EMPTY: b"{}",
    Fault.GARBLED: b"<!doctype html><title>Sign in to the network</title>",
}


def faults_of(operation: str) -> list[Fault]:
    return [it for it in Fault if operation in _FAULTS_OF_SOME.get(it, {operation})]


class KilledError(BaseException):
    """Lambda ended the function."""


def resource(number: int) -> Resource:
    return Resource(
        kind=SubjectKind.SECURITY_GROUP,
        id=f"sg-{number:017x}",
        account_id="222233334444",
        region="eu-central-1",
    )


def event(name: str, minutes_ago: float = 10) -> Event:
    return Event(event_id=name, time=NOW - timedelta(minutes=minutes_ago))


def opened(name: str, what: str = "tcp 22 from 0.0.0.0/0", minutes_ago: float = 10) -> Statement:
    return RuleThere(event=event(name, minutes_ago), rule=rule(what))


def closed(name: str, what: str = "tcp 22 from 0.0.0.0/0", minutes_ago: float = 5) -> Statement:
    return RuleGone(event=event(name, minutes_ago), rule=rule(what))


def said_of(count: int, name: str = "opened") -> dict[Resource, list[Statement]]:
    """So many groups, SSH opened in each by an event of its own."""
    return {resource(number): [opened(f"{name}-{number}")] for number in range(count)}


@dataclass(slots=True)
class Request:
    operation: str
    keys: list[str]


@dataclass(slots=True)
class Wire:
    """Every request is kept. `choose` says by its number what happens to it, and may act itself."""

    client: DynamoDBClient
    # What another invocation has: none of its requests goes over the wire.
    rival: DynamoDBClient
    choose: Callable[[int, str], Fault | None] = lambda *_: None
    # What one request takes.
    latency: float = 0.0
    now: float = 1000.0
    requests: list[Request] = field(default_factory=list)
    dies_at: tuple[int, str] | None = None

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    @property
    def table(self) -> GroupMemoryTable:
        return GroupMemoryTable(
            self.client, table_name=TABLE, sleep=self.sleep, clock=lambda: self.now
        )

    def recall(self, said: Said, *, now: datetime = NOW, seconds: float = SECONDS) -> Recollection:
        """One recall, which must end in its time."""
        began = self.now
        at = {it.event.event_id for statements in said.values() for it in statements}
        recollection = self.table.recall(said, at=at, now=now, seconds=seconds)
        assert self.now - began <= seconds
        return recollection

    def forget(self) -> None:
        """As if nothing had ever been said or asked."""
        self.choose = lambda *_: None
        self.latency = 0.0
        self.requests.clear()
        self.rival.delete_table(TableName=TABLE)
        make_table(self.rival)

    def calls(self) -> Counter[str]:
        return Counter(it.operation for it in self.requests)

    def answer(self, request: AWSPreparedRequest, event_name: str, **_: object) -> Any:
        number, operation = len(self.requests), event_name.rpartition(".")[2]
        asked = json.loads(_text_of(request))
        self.requests.append(Request(operation, list(_keys_in(asked))))
        fault = self.choose(number, operation)
        self.now += self.latency
        if self.dies_at == (number, "before"):
            raise KilledError
        answer = self._answered(request, event_name, asked, fault)
        if self.dies_at == (number, "after"):
            raise KilledError
        return answer

    def _answered(
        self, request: AWSPreparedRequest, event_name: str, asked: Any, fault: Fault | None
    ) -> AWSResponse:
        if fault in _CODES:
            status, code = _CODES[fault]
            return _response(status, {"__type": code, "message": "no"})
        if fault in _REASONS:
            reasons = [{"Code": "None"} for _ in asked["TransactItems"]]
            refused = 0 if fault is Fault.REJECTED_FIRST else -1
            reasons[refused] = {"Code": _REASONS[fault], "Message": "no"}
            return _cancelled(reasons)
        if fault is Fault.PARTLY:
            return self._half_read(request, event_name, asked)
        if fault is Fault.TIMED_OUT:
            self.now += 2.0
            raise ReadTimeoutError(endpoint_url=request.url)
        if fault in _BODIES:
            return _raw(200, _BODIES[fault])
        return self._done(request, event_name, fault)

    def _done(
        self, request: AWSPreparedRequest, event_name: str, fault: Fault | None
    ) -> AWSResponse:
        answer = _forwarded(request, event_name)
        match fault:
            case Fault.TWICE:
                return _forwarded(request, event_name)
            case Fault.TIMED_OUT_AFTER:
                self.now += 2.0
                raise ReadTimeoutError(endpoint_url=request.url)
            case Fault.DROPPED_AFTER:
                raise ConnectionClosedError(endpoint_url=request.url)
            case Fault.GARBLED_AFTER:
                return _raw(200, b'{"Responses": {"' + answer.content[:3])
            case _:
                return answer

    @staticmethod
    def _half_read(request: AWSPreparedRequest, event_name: str, asked: Any) -> AWSResponse:
        part = asked["RequestItems"][TABLE]
        keys = part["Keys"]
        middle = len(keys) // 2
        answer: dict[str, Any] = {"Responses": {}}
        if middle:
            request.body = json.dumps(
                {"RequestItems": {TABLE: part | {"Keys": keys[:middle]}}}
            ).encode()
            answer = json.loads(_forwarded(request, event_name).content)
        return _response(200, answer | {"UnprocessedKeys": {TABLE: part | {"Keys": keys[middle:]}}})


def _cancelled(reasons: list[dict[str, str]]) -> AWSResponse:
    names = ", ".join(it["Code"] for it in reasons)
    return _response(
        400,
        {
            "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
            "CancellationReasons": reasons,
            "Message": f"Transaction cancelled, please refer cancellation reasons [{names}]",
        },
    )


def _text_of(request: AWSPreparedRequest) -> str:
    body: Any = request.body
    return body.decode() if isinstance(body, bytes) else body


def _keys_in(asked: Any) -> Iterator[str]:
    if "RequestItems" in asked:
        yield from (key["resource"]["S"] for key in asked["RequestItems"][TABLE]["Keys"])
    for change in asked.get("TransactItems", [{"Update": asked}] if "Key" in asked else []):
        yield change["Update"]["Key"]["resource"]["S"]


def _forwarded(request: AWSPreparedRequest, event_name: str) -> AWSResponse:
    answer = botocore_stubber(event_name, request)
    assert answer is not None
    return answer


def _response(status: int, body: Any) -> AWSResponse:
    return _raw(status, json.dumps(body).encode())


def _raw(status: int, body: bytes) -> AWSResponse:
    url = "https://dynamodb.eu-central-1.amazonaws.com/"
    return AWSResponse(url, status, HTTPHeaders(), MockRawResponse(body))


def items_in(wire: Wire) -> list[dict[str, Any]]:
    """Everything in the table."""
    items: Any = wire.rival.scan(TableName=TABLE, ConsistentRead=True)["Items"]
    return sorted(items, key=lambda item: item["resource"]["S"])


def item_of(wire: Wire, group: Resource) -> dict[str, Any]:
    """The item of a group."""
    key = {"resource": {"S": key_of(group)}}
    answer: Any = wire.rival.get_item(TableName=TABLE, Key=key)
    item: dict[str, Any] = answer["Item"]
    return item


def make_table(client: DynamoDBClient) -> None:
    client.create_table(TableName=TABLE, **table_in_template("GroupMemoryTable"))


@contextmanager
def wired() -> Iterator[Wire]:
    """A table, empty at first, and the wire to it."""
    with mock_aws():
        rival: DynamoDBClient = boto3.client("dynamodb", region_name="eu-central-1")
        make_table(rival)
        client = boto3.client("dynamodb", region_name="eu-central-1", config=CLIENT_CONFIG)
        wire = Wire(client, rival)
        # Else moto would see each request as well, and do what it asks.
        client.meta.events.unregister("before-send", cast("Any", botocore_stubber))
        client.meta.events.register("before-send.dynamodb", wire.answer)
        with (
            mock.patch.object(time, "sleep", wire.sleep),
            # Each recall may retry as if it were the first after a long time without failures.
            mock.patch.object(RetryQuota, "acquire", return_value=True),
        ):
            yield wire
