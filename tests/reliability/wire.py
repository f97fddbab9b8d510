"""The wire between the function and AWS, on which answers are late, lost, wrong or given twice.

Real clients with their real retries talk to moto; time passes only where they wait.
"""

import json
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, cast
from unittest import mock
from urllib.parse import parse_qs, urlencode

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import ConnectionClosedError, ReadTimeoutError
from botocore.retries.quota import RetryQuota
from moto.core.botocore_stubber import BotocoreStubber, MockRawResponse
from moto.dynamodb.models import dynamodb_backends

from local.aws import GROUP_MEMORY_TABLE, SEEN_EVENTS_TABLE, SentAlert, Topic, emulated_aws
from local.deliveries import MANAGEMENT_ACCOUNT_ID, TRAIL_REGION
from local.scenarios.member_accounts import MemberAccounts
from local.scenarios.playing import LOOK_ROLE_NAME
from security_group_alerter.handlers import delivery as handler
from security_group_alerter.messages.briefing import MAY_REPEAT
from tests.conftest import cold_start
from tests.reliability.small_delivery import in_batches

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

# template.yaml's time-out, and how long the clients wait for an answer at the most, in seconds.
TIMEOUT: Final = 120.0
LONGEST_WAIT: Final = 3.0
# CloudWatch Logs and Lambda try again more often than that.
MOST_INVOCATIONS: Final = 5

READ: Final = "BatchGetItem"
# What was sent is written to both tables together: which events it was, and what it told.
NOTE: Final = "TransactWriteItems of marks"
# Where that is refused, the marks are written by themselves, and so are the few that are left.
WRITE: Final = "BatchWriteItem"
SEND: Final = "PublishBatch"
# When messages may be sent is agreed in an item of the same table.
RESERVE: Final = "PutItem"
ORGANIZATIONS: Final = (
    "DescribeAccount",
    "ListParents",
    "DescribeOrganizationalUnit",
    "ListTagsForResource",
)
# What is remembered of groups is in a table of its own: read, and written many together or one.
RECALL: Final = "BatchGetItem of memories"
REMEMBER: Final = "TransactWriteItems of memories"
REMEMBER_ONE: Final = "UpdateItem"
OF_MEMORY: Final = (RECALL, REMEMBER, REMEMBER_ONE)
# What a look asks in a member account.
LOOKS: Final = (
    "AssumeRole",
    "DescribeSecurityGroups",
    "DescribeSecurityGroupRules",
    "DescribeNetworkInterfaces",
    "DescribeSecurityGroupVpcAssociations",
    "DescribeVpcs",
    "DescribeVpcBlockPublicAccessOptions",
    "DescribeTags",
    "DescribeManagedPrefixLists",
    "GetManagedPrefixListEntries",
)
OPERATIONS: Final = (READ, RESERVE, SEND, NOTE, WRITE, *OF_MEMORY, *ORGANIZATIONS)


class Fault(Enum):
    """What happens to one request, and whether the service did what was asked."""

    REFUSED = "refused"
    INVALID = "content not liked"
    THROTTLED = "throttled"
    BROKEN = "503"
    TIMED_OUT = "no answer in time"
    PARTLY = "200, half of it not taken"
    PARTLY_FOR_GOOD = "200, half of it refused"
    NONE_OF_IT = "200, half of it refused and the rest not taken"
    OUTRUN = "not done, since another wrote in between"
    IN_CONFLICT = "not done, since another is writing"
    NO_CAPACITY = "not done, since one item is throttled"
    GARBLED = "200, but somebody else's page"
    DROPPED_AFTER = "done, then the connection dropped"
    TIMED_OUT_AFTER = "done, no answer in time"
    BROKEN_AFTER = "done, 503"
    GARBLED_AFTER = "done, but the answer is cut off"
    TWICE = "done twice"


# The service did it, and the function cannot know, or knows only the half of it.
DONE: Final = {
    Fault.DROPPED_AFTER,
    Fault.TIMED_OUT_AFTER,
    Fault.BROKEN_AFTER,
    Fault.GARBLED_AFTER,
    Fault.TWICE,
}
_TIMEOUTS: Final = {Fault.TIMED_OUT, Fault.TIMED_OUT_AFTER}
# The first of the items is what the others are not written for.
_FOR_ONE_ITEM: Final = {
    Fault.OUTRUN: ("ConditionalCheckFailed", "ConditionalCheckFailedException"),
    Fault.IN_CONFLICT: ("TransactionConflict", "TransactionConflictException"),
    Fault.NO_CAPACITY: ("ThrottlingError", "ThrottlingException"),
}
_HALVES: Final = {Fault.PARTLY, Fault.PARTLY_FOR_GOOD, Fault.NONE_OF_IT}
# The clients try again by themselves, and so does the function.
PASSING: Final = {Fault.THROTTLED, Fault.BROKEN, Fault.TIMED_OUT, Fault.PARTLY, *_FOR_ONE_ITEM}
# Only these answer HTTP 200 to what they did not do; only Amazon SNS says whose fault it was. And
# whether something was looked up before its answer was lost makes no difference.
_FAULTS_OF_SOME: Final = {
    **{fault: {NOTE, REMEMBER, REMEMBER_ONE} for fault in _FOR_ONE_ITEM},
    Fault.PARTLY: {READ, WRITE, SEND, RECALL},
    Fault.PARTLY_FOR_GOOD: {SEND},
    Fault.NONE_OF_IT: {SEND},
    Fault.INVALID: {SEND},
    Fault.TIMED_OUT_AFTER: {RESERVE, NOTE, WRITE, SEND, REMEMBER, REMEMBER_ONE},
    Fault.BROKEN_AFTER: {RESERVE, NOTE, WRITE, SEND, REMEMBER, REMEMBER_ONE},
    Fault.TWICE: {RESERVE, NOTE, WRITE, SEND, REMEMBER, REMEMBER_ONE},
}


def faults_of(operation: str) -> list[Fault]:
    return [
        fault for fault in Fault if operation in _FAULTS_OF_SOME.get(fault, (*OPERATIONS, *LOOKS))
    ]


_CODES: Final = {
    Fault.REFUSED: (400, "AccessDenied"),
    Fault.INVALID: (400, "InvalidParameter"),
    Fault.THROTTLED: (400, "ThrottlingException"),
    Fault.BROKEN: (503, "ServiceUnavailable"),
    Fault.BROKEN_AFTER: (503, "ServiceUnavailable"),
}


@dataclass(frozen=True, slots=True, eq=False)
class Exchange:
    """One request: its operation, the events or groups it is about, and what became of it."""

    operation: str
    invocation: int
    keys: frozenset[str]
    fault: Fault | None


@dataclass(frozen=True, slots=True)
class Sending:
    """One time that Amazon SNS took an event. `was_marked` is what the table knew by then."""

    exchange: Exchange
    was_marked: bool
    may_repeat: bool


# What becomes of a request: by operation, how many of it came before, and the invocation.
Choose = Callable[[str, int, int], Fault | None]


def at(operation: str, position: int, fault: Fault, duration: int, invocations: int = 1) -> Choose:
    """One call or more in a row, in the first invocations."""

    def choose(called: str, count: int, invocation: int) -> Fault | None:
        strikes = called == operation and position <= count < position + duration
        return fault if strikes and invocation <= invocations else None

    return choose


@dataclass(slots=True)
class Wire:
    """Everything that goes over it is kept, and every event that Amazon SNS takes."""

    topic: Topic
    choose: Choose = lambda *_: None
    invocation: int = 0
    elapsed: float = 0
    exchanges: list[Exchange] = field(default_factory=list)
    sendings: defaultdict[str, list[Sending]] = field(default_factory=lambda: defaultdict(list))
    marked: set[str] = field(default_factory=set)
    # What the last invocation that succeeded counted.
    tally: dict[str, int] = field(default_factory=dict)
    # The lines in which alerts say what could not be looked at.
    not_seen: list[str] = field(default_factory=list)
    # The events whose alerts say that what is remembered could not be read.
    unread: set[str] = field(default_factory=set)
    # Looks into several accounts come at once.
    lock: threading.Lock = field(default_factory=threading.Lock)

    def start(self, choose: Choose, *, forget_accounts: bool = True) -> None:
        """As if nothing had ever been alerted or looked up, with these faults."""
        self.choose = choose
        self.invocation = 0
        self.exchanges.clear()
        self.sendings.clear()
        self.marked.clear()
        self.tally.clear()
        self.not_seen.clear()
        self.unread.clear()
        for table_name in (SEEN_EVENTS_TABLE, GROUP_MEMORY_TABLE):
            _table(table_name).items.clear()
        # What memory takes of the time is what the wire takes.
        cast("Any", handler.alerter().recall).__self__._clock = self.clock
        if handler.alerter().look_at is not None:
            accounts = cast("Any", handler.alerter().look_at).__self__
            accounts._clock = self.clock
            for cache in (accounts._clients._credentials, accounts._block_modes):
                cache._entries.clear()
        if not forget_accounts:
            return
        directory = cast("Any", handler.alerter().facts_for).__self__
        for cache in (directory._accounts, directory._names_of_ous, directory._outage):
            cache._entries.clear()

    def invoke(self, payload: dict[str, Any]) -> Exception | None:
        """One invocation, and what it raised. It must end before Lambda ends it."""
        self.invocation += 1
        self.elapsed = 0
        try:
            self.tally = handler.lambda_handler(payload, cast("LambdaContext", _Context(self)))
        except Exception as error:  # noqa: BLE001, whatever it is, Lambda tries again
            return error
        finally:
            assert self.elapsed < TIMEOUT, f"Lambda would have ended it: {self.elapsed} seconds"
        return None

    def deliver(self, payload: dict[str, Any]) -> int:
        """As often as it takes until an invocation succeeds; how often that was."""
        for count in range(1, MOST_INVOCATIONS + 1):
            if self.invoke(payload) is None:
                return count
        raise AssertionError(f"it still fails after {MOST_INVOCATIONS} invocations")

    def sleep(self, seconds: float) -> None:
        self.elapsed += seconds

    def clock(self) -> float:
        return time.monotonic() + self.elapsed

    def memories(self) -> dict[str, bytes]:
        """What is remembered, by group."""
        return {
            key.value: item.attrs["memory"].value
            for key, item in _table(GROUP_MEMORY_TABLE).items.items()
        }

    def told(self) -> dict[str, set[str]]:
        """Of which exposures it was noted what was told, by group."""
        items = _table(GROUP_MEMORY_TABLE).items
        told = {key.value: {*item.attrs["told"].value} for key, item in items.items()}
        return {key: uids for key, uids in told.items() if uids}

    def failed(self, operation: str | None = None) -> list[Exchange]:
        """The requests that did not go well."""
        return [it for it in self.exchanges if it.fault and operation in (None, it.operation)]

    def calls(self) -> Counter[str]:
        return Counter(exchange.operation for exchange in self.exchanges)

    def answer(
        self,
        forward: Callable[[AWSPreparedRequest], AWSResponse],
        event_name: str,
        request: AWSPreparedRequest,
    ) -> AWSResponse:
        """What the function gets to see of one request."""
        asked = _Asked(event_name.rpartition(".")[2], request)
        operation = asked.operation
        with self.lock:
            fault = self.choose(operation, self.calls()[operation], self.invocation)
            if fault not in faults_of(operation):
                fault = None
            exchange = Exchange(operation, self.invocation, frozenset(asked.keys), fault)
            self.exchanges.append(exchange)
        answer: AWSResponse | None = None
        if fault in _HALVES:
            answer = asked.half_done(forward, fault)
        elif fault is None or fault in DONE:
            for _ in range(2 if fault is Fault.TWICE else 1):
                answer = forward(request)
        if operation not in LOOKS:
            self._keep(exchange, asked)
        if fault in _TIMEOUTS:
            self.elapsed += LONGEST_WAIT
            raise ReadTimeoutError(endpoint_url=request.url)
        if fault is Fault.DROPPED_AFTER:
            raise ConnectionClosedError(endpoint_url=request.url)
        return asked.answer_with(fault, answer)

    def _keep(self, exchange: Exchange, asked: "_Asked") -> None:
        is_done = exchange.fault is None or exchange.fault in DONE
        if exchange.operation in {NOTE, WRITE} and is_done:
            self.marked |= exchange.keys
        elif exchange.operation == WRITE and exchange.fault in _HALVES:
            self.marked.update(asked.keys[: len(asked.keys) // 2])
        for alert in self.topic.take():
            lines = alert.messages["email"].splitlines()
            self.not_seen += [line for line in lines if line.startswith("Not seen: ")]
            if "memory_failed" in json.loads(alert.messages["default"])["unmapped"]:
                self.unread.update(alert.event_ids)
            for event_id in alert.event_ids:
                self.sendings[event_id].append(
                    Sending(exchange, event_id in self.marked, says_may_repeat(alert))
                )


def says_may_repeat(alert: SentAlert) -> bool:
    said = {MAY_REPEAT in " ".join(alert.messages["email"].split())}
    said.add(json.loads(alert.messages["default"])["unmapped"]["may_repeat"])
    [is_said] = said
    return is_said


def _table(table_name: str) -> Any:
    return dynamodb_backends[MANAGEMENT_ACCOUNT_ID][TRAIL_REGION].tables[table_name]


class _Context:
    aws_request_id = "a-delivery"

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def get_remaining_time_in_millis(self) -> int:
        return int((TIMEOUT - self._wire.elapsed) * 1000)


class _Asked:
    """A request, as far as faults have to understand it."""

    def __init__(self, operation: str, request: AWSPreparedRequest) -> None:
        self.operation = operation
        self._request = request
        body = cast("bytes | str", request.body)
        text = body.decode() if isinstance(body, bytes) else body
        self._form = {name: value for name, [value] in parse_qs(text).items()}
        self._json: Any = json.loads(text) if text.startswith("{") else {}
        self._table = SEEN_EVENTS_TABLE
        if GROUP_MEMORY_TABLE in self._json.get("RequestItems", {}):
            self.operation, self._table = RECALL, GROUP_MEMORY_TABLE
        if items := self._json.get("TransactItems"):
            self.operation = NOTE if any("Put" in it for it in items) else REMEMBER
        self.keys = list(self._keys())

    def _keys(self) -> Iterator[str]:
        table = self._json.get("RequestItems", {}).get(self._table)
        if self.operation == READ:
            yield from (key["event_id"]["S"] for key in table["Keys"])
        elif self.operation == RECALL:
            yield from (key["resource"]["S"] for key in table["Keys"])
        elif self.operation == REMEMBER:
            items = self._json["TransactItems"]
            yield from (item["Update"]["Key"]["resource"]["S"] for item in items)
        elif self.operation == NOTE:
            puts = (item["Put"] for item in self._json["TransactItems"] if "Put" in item)
            yield from (put["Item"]["event_id"]["S"] for put in puts)
        elif self.operation == REMEMBER_ONE:
            yield self._json["Key"]["resource"]["S"]
        elif self.operation == WRITE:
            yield from (put["PutRequest"]["Item"]["event_id"]["S"] for put in table)

    def half_done(
        self, forward: Callable[[AWSPreparedRequest], AWSResponse], fault: Fault
    ) -> AWSResponse:
        """Have the first half done, rounded down, and answer that the rest was not."""
        if self.operation == SEND:
            return self._half_sent(forward, fault)
        table = self._json["RequestItems"].pop(self._table)
        reads = self.operation in {READ, RECALL}
        items = table["Keys"] if reads else table
        middle = len(items) // 2
        answer: dict[str, Any] = {"Responses": {}}
        if middle:
            part = table | {"Keys": items[:middle]} if reads else items[:middle]
            self._json["RequestItems"] = {self._table: part}
            self._request.body = json.dumps(self._json).encode()
            answer = json.loads(forward(self._request).content)
        left = items[middle:]
        if reads:
            answer["UnprocessedKeys"] = {self._table: {"Keys": left}}
        else:
            answer["UnprocessedItems"] = {self._table: left}
        return self.response(200, json.dumps(answer).encode())

    def _half_sent(
        self, forward: Callable[[AWSPreparedRequest], AWSResponse], fault: Fault
    ) -> AWSResponse:
        entry = "PublishBatchRequestEntries.member."
        ids = [
            value
            for name, value in self._form.items()
            if name.startswith(entry) and name.endswith(".Id")
        ]
        middle = len(ids) // 2
        taken, failed = "", ""
        if fault is Fault.NONE_OF_IT:
            failed += "".join(_failed(name, is_for_good=True) for name in ids[:middle])
        elif middle:
            self._request.body = urlencode(
                {
                    name: value
                    for name, value in self._form.items()
                    if not name.startswith(entry) or int(name.split(".")[2]) <= middle
                }
            ).encode()
            forward(self._request)
            taken = "".join(
                f"<member><Id>{name}</Id><MessageId>m</MessageId></member>" for name in ids[:middle]
            )
        is_for_good = fault is Fault.PARTLY_FOR_GOOD
        failed += "".join(_failed(name, is_for_good=is_for_good) for name in ids[middle:])
        return self.response(
            200,
            f"<PublishBatchResponse><PublishBatchResult><Successful>{taken}</Successful>"
            f"<Failed>{failed}</Failed></PublishBatchResult></PublishBatchResponse>".encode(),
        )

    def answer_with(self, fault: Fault | None, answer: AWSResponse | None) -> AWSResponse:
        """What comes back, of what the service answered."""
        if fault in _FOR_ONE_ITEM:
            return self.error_for_one_item(*_FOR_ONE_ITEM[fault])
        if fault in _CODES:
            return self.error(*_CODES[fault])
        if fault is Fault.GARBLED:
            return self.response(200, b"<!doctype html><title>Sign in to the network</title>")
        assert answer is not None
        if fault is Fault.GARBLED_AFTER:
            return self.response(200, answer.content[: len(answer.content) // 2])
        return answer

    def error(self, status: int, code: str) -> AWSResponse:
        if not self._json:
            error = f"<Error><Code>{code}</Code><Message>no</Message></Error>"
            # Amazon EC2 writes it in its own way, the others in the second.
            body = (
                f"<Response><Errors>{error}</Errors></Response>"
                if self.operation in LOOKS[1:]
                else f"<ErrorResponse>{error}</ErrorResponse>"
            )
        else:
            body = json.dumps({"__type": code, "message": "no"})
        return self.response(status, body.encode())

    def error_for_one_item(self, reason: str, code: str) -> AWSResponse:
        """Nothing is written; of a transaction, because of its first item alone."""
        if self.operation == REMEMBER_ONE:
            return self.error(400, code)
        reasons = [{"Code": "None"} for _ in self._json["TransactItems"]]
        reasons[0] = {"Code": reason}
        answer = {
            "__type": "TransactionCanceledException",
            "message": "Transaction cancelled",
            "CancellationReasons": reasons,
        }
        return self.response(400, json.dumps(answer).encode())

    def response(self, status: int, body: bytes) -> AWSResponse:
        return AWSResponse(self._request.url, status, HTTPHeaders(), MockRawResponse(body))


def _failed(name: str, *, is_for_good: bool) -> str:
    code = "InvalidParameter" if is_for_good else "InternalError"
    return (
        f"<member><Id>{name}</Id><Code>{code}</Code><Message>no</Message>"
        f"<SenderFault>{str(is_for_good).lower()}</SenderFault></member>"
    )


@contextmanager
def wired(accounts: MemberAccounts | None = None) -> Iterator[Wire]:
    """A function whose every AWS call goes over a Wire, in batches that few events fill.

    With `accounts`, it looks into them.
    """
    stubbed = BotocoreStubber.__call__
    look_role_name = LOOK_ROLE_NAME if accounts else ""
    with cold_start(), emulated_aws(look_role_name=look_role_name) as topic:
        wire = Wire(topic)
        looked: dict[str, Callable[[AWSPreparedRequest], AWSResponse]] = {}
        if accounts:
            looked = {"ec2": accounts._answer_ec2, "sts": accounts._answer_sts}

        def answered(
            stubber: BotocoreStubber, event_name: str, request: AWSPreparedRequest, **_: object
        ) -> AWSResponse:
            def forward(request: AWSPreparedRequest) -> AWSResponse:
                asked = looked.get(event_name.split(".")[1])
                response = asked(request) if asked else stubbed(stubber, event_name, request)
                assert response is not None
                return response

            return wire.answer(forward, event_name, request)

        with (
            mock.patch.object(BotocoreStubber, "__call__", answered),
            # Each invocation may retry as if it were the first after a long time without failures.
            mock.patch.object(RetryQuota, "acquire", return_value=True),
            mock.patch.object(time, "sleep", wire.sleep),
            in_batches(),
        ):
            yield wire
