"""`python -m local.redrive`, with an SQS in this process and our handler behind Lambda's API."""

import builtins
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple, cast
from uuid import uuid4
from xml.sax.saxutils import escape

import boto3
import pytest
from botocore.awsrequest import AWSPreparedRequest
from botocore.exceptions import EndpointConnectionError, NoCredentialsError, ReadTimeoutError

from local import sam_configuration
from local.aws import Topic
from local.lambda_context import lambda_context
from local.redrive import __main__ as redrive
from local.redrive import failure_queue
from local.redrive.failure_queue import FailureQueue
from local.template import read_template
from security_group_alerter.handlers import delivery as handler
from tests.local.failures import POISON, failure_of, payload_of
from tests.stories import ROOT, story

STACK: Final = "security-group-alerter"
FUNCTION: Final = f"{STACK}-SecurityGroupAlerterFunction-1A2B3C"
REGION: Final = "eu-central-1"

# A session reads the models of its services anew: slow, and always the same.
session_for = cache(boto3.Session)

Answer = tuple[int, dict[str, str], bytes]


def run_handler(payload: Any) -> Answer:
    """What Lambda answers for a synchronous invocation of our handler."""
    try:
        said: Any = handler.lambda_handler(payload, lambda_context("redrive"))
    except Exception as error:  # noqa: BLE001 - Lambda catches whatever a handler raises
        said = {"errorType": type(error).__name__, "errorMessage": str(error), "stackTrace": []}
        return 200, {"X-Amz-Function-Error": "Unhandled"}, json.dumps(said).encode()
    return 200, {}, json.dumps(said).encode()


def refusal(status: int, code: str, message: str = "no") -> Callable[..., Answer]:
    """An error as AWS's JSON protocols write it."""
    body = json.dumps({"__type": code, "message": message}).encode()
    return lambda *_: (status, {"x-amzn-errortype": code}, body)


def raising(error: Exception) -> Callable[..., Answer]:
    def answer(*_: Any) -> Answer:
        raise error

    return answer


@dataclass
class Account:
    """The stack's account. `invoke` answers for Lambda, `refused` for whatever it names."""

    topic: Topic
    sqs: Any
    queue_url: str
    outputs: dict[str, str]
    invoke: Callable[[Any], Answer] = run_handler
    invoked_with: list[Any] = field(default_factory=list)
    invoked: list[str] = field(default_factory=list)
    refused: dict[str, Callable[..., Answer]] = field(default_factory=dict)
    sent: int = 0

    def send(self, *bodies: str) -> None:
        self.sent += len(bodies)
        for body in bodies:
            self.sqs.send_message(QueueUrl=self.queue_url, MessageBody=body)

    def visible(self) -> list[str]:
        """The bodies that anybody could receive now; they are hidden after that."""
        bodies: list[str] = []
        while messages := self.sqs.receive_message(
            QueueUrl=self.queue_url, MaxNumberOfMessages=10, VisibilityTimeout=600
        ).get("Messages"):
            bodies += [message["Body"] for message in messages]
        return bodies

    def answer(self, request: AWSPreparedRequest) -> Answer | None:
        """Answer a request in AWS's place; None leaves it to the emulation."""
        operation = operation_of(request)
        if operation in self.refused:
            return self.refused[operation](request)
        if operation == "Invoke":
            self.invoked.append(request.url.split("/functions/")[1].split("/")[0])
            self.invoked_with.append(json.loads(cast("bytes", request.body)))
            return self.invoke(self.invoked_with[-1])
        return (200, {}, self._stack()) if operation == "DescribeStacks" else None

    def _stack(self) -> bytes:
        members = "".join(
            f"<member><OutputKey>{name}</OutputKey><OutputValue>{escape(value)}</OutputValue></member>"
            for name, value in self.outputs.items()
        )
        return (
            "<DescribeStacksResponse><DescribeStacksResult><Stacks><member>"
            f"<Outputs>{members}</Outputs></member></Stacks></DescribeStacksResult>"
            "</DescribeStacksResponse>"
        ).encode()


def operation_of(request: AWSPreparedRequest) -> str:
    """The name of an SQS call, and of the one call that is made of each of the others."""
    service = request.url.removeprefix("https://").partition(".")[0]
    target = request.headers.get("X-Amz-Target", b"")
    name = target.decode() if isinstance(target, bytes) else str(target)
    others = {"lambda": "Invoke", "cloudformation": "DescribeStacks"}
    return others.get(service) or name.removeprefix("AmazonSQS.")


class Run(NamedTuple):
    status: int
    out: str
    err: str

    @property
    def shown(self) -> list[dict[str, Any]]:
        """The JSON documents on standard output."""
        text, documents = self.out, []
        while text := text.lstrip():
            document, end = json.JSONDecoder().raw_decode(text)
            documents.append(document)
            text = text[end:]
        return documents


Redrive = Callable[..., Run]


@pytest.fixture
def account(topic: Topic, monkeypatch: pytest.MonkeyPatch) -> Account:
    from moto.core.botocore_stubber import BotocoreStubber

    client = session_for(region_name=REGION).client("sqs")
    queue_url = client.create_queue(QueueName=f"failures-{uuid4()}")["QueueUrl"]
    outputs = {"FailureQueueUrl": queue_url, "FunctionName": FUNCTION, "Other": "x"}
    account = Account(topic, client, queue_url, outputs)

    emulated = BotocoreStubber.process_request
    monkeypatch.setattr(boto3, "Session", session_for)
    monkeypatch.setattr(failure_queue, "WAIT_SECONDS", 0)
    monkeypatch.setattr(
        BotocoreStubber,
        "process_request",
        lambda self, request: account.answer(request) or emulated(self, request),
    )
    return account


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Redrive:
    def run(*arguments: str) -> Run:
        capsys.readouterr()
        status = redrive.main(list(arguments))
        return Run(status, *capsys.readouterr())

    return run


def opening() -> dict[str, Any]:
    """A record of its own, that opens SSH to the world."""
    return story("ssh-opened-to-the-world-from-the-console") | {"eventID": str(uuid4())}


def good() -> str:
    return failure_of(payload_of(json.dumps(opening())))


# The whole circle.


def test_a_good_delivery_is_alerted_and_gone_a_poisonous_one_stays(
    account: Account, run: Redrive
) -> None:
    record = opening()
    account.send(failure_of(POISON), failure_of(payload_of(json.dumps(record))))

    result = run("--invoke")

    assert result.status == 1
    assert [alert.event_ids for alert in account.topic.take()] == [[record["eventID"]]]
    assert account.invoked == [FUNCTION, FUNCTION]
    assert "left        in the queue: UndecodableDeliveryError: awslogs.data" in result.out
    assert "done        records: 1, of them changes: 1" in result.out
    assert result.out.endswith(
        "\nTried: 1 delivery with 1 CloudTrail record, 1 message that can never be decoded. "
        "Succeeded and deleted: 1 delivery. Still in the queue: 1 message.\n"
    )
    assert account.visible() == [failure_of(POISON)]


def test_what_succeeds_leaves_an_empty_queue(account: Account, run: Redrive) -> None:
    account.send(good(), json.dumps(payload_of(json.dumps(opening()))), failure_of(payload_of()))

    result = run("--invoke")

    assert result.status == 0
    assert "done        no record in it was for the alerter" in result.out
    assert result.out.endswith(
        "\nTried: 3 deliveries with 2 CloudTrail records. Succeeded and deleted: 3 deliveries. "
        "Still in the queue: 0 messages.\n"
    )
    assert account.visible() == []
    assert run("--invoke").out.endswith(
        "\nTried: 0 deliveries. Succeeded and deleted: 0 deliveries. Still in the queue: 0 "
        "messages.\n"
    )


def test_success_without_a_summary_is_one(account: Account, run: Redrive) -> None:
    account.send(good())
    account.invoke = lambda _: (200, {}, b"null")

    assert "done        without a summary" in run("--invoke").out
    assert account.visible() == []


def test_the_payload_arrives_as_it_was_however_large(account: Account, run: Redrive) -> None:
    payload = {"awslogs": {"data": "A" * 250_000}}
    account.send(failure_of(payload))

    run("--invoke")

    assert account.invoked_with == [payload]


def test_no_bar_unless_on_a_terminal(
    account: Account, run: Redrive, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    account.send(good())
    assert run().err == ""
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    run()
    assert "1/1" in terminal.getvalue()


# Looking changes nothing.


def test_a_dry_run_lists_and_changes_nothing(account: Account, run: Redrive) -> None:
    bodies = [*(good() for _ in range(23)), "a test"]
    account.send(*bodies)

    result = run()

    assert result.status == 0
    assert result.out.startswith(f"About 24 messages in {account.queue_url}\n")
    assert result.out.endswith(
        "\nListed: 23 deliveries with 23 CloudTrail records, 1 message that can never be decoded. "
        "Nothing was changed. --invoke tries the deliveries again. --drop ID deletes what cannot "
        "be decoded.\n"
    )
    assert result.out.count("PublishError: 1 of 3 alerts could not be sent") == 23
    assert result.out.count("no delivery the body is not JSON") == 1
    assert account.invoked_with == []
    assert sorted(account.visible()) == sorted(bodies)


def test_show_prints_json_and_nothing_else(account: Account, run: Redrive) -> None:
    record = opening()
    account.send(failure_of(payload_of(json.dumps(record))), failure_of(POISON), "a test")

    result = run("--show")

    fine, poison, stranger = result.shown
    assert fine["delivery"]["logEvents"][0]["message"] == record
    assert poison["raw"] == POISON
    assert stranger["raw"] == "a test"
    assert "Listed: 1 delivery with 1 CloudTrail record, 2 messages that can never" in result.err
    assert account.invoked_with == []
    assert len(account.visible()) == 3


def test_show_and_invoke(account: Account, run: Redrive) -> None:
    account.send(good())

    result = run("--show", "--invoke")

    assert result.status == 0
    assert len(result.shown) == 1
    assert "done        records: 1" in result.err
    assert account.visible() == []


def test_what_another_reader_has_taken_is_counted(account: Account, run: Redrive) -> None:
    account.send(good(), good())
    account.sqs.receive_message(QueueUrl=account.queue_url, VisibilityTimeout=600)

    result = run()

    assert result.out.startswith(
        f"About 1 message in {account.queue_url}, and 1 that another reader has taken\n"
    )
    assert "Listed: 1 delivery with 1 CloudTrail record. Nothing was changed." in result.out


# What fails stays.

FAILURES = [
    (
        "function-error",
        lambda _: (200, {"X-Amz-Function-Error": "Unhandled"}, b'{"errorType": "PublishError"}'),
        "PublishError",
    ),
    (
        "time-out-of-the-function",
        lambda _: (
            200,
            {"X-Amz-Function-Error": "Unhandled"},
            b'{"errorMessage": "Task timed out after 120.00 seconds"}',
        ),
        "Task timed out after 120.00 seconds",
    ),
    (
        "function-error-that-is-no-json",
        lambda _: (200, {"X-Amz-Function-Error": "Unhandled"}, b"\xff"),
        "\ufffd",
    ),
    ("accepted-but-not-run", lambda _: (202, {}, b""), "status 202"),
    (
        "throttled",
        refusal(429, "TooManyRequestsException", "Rate exceeded."),
        "Invoke: Rate exceeded: try again later",
    ),
    ("failing-service", refusal(500, "ServiceException", ""), "Invoke: ServiceException: try"),
    (
        "no-answer",
        raising(ReadTimeoutError(endpoint_url="https://lambda")),
        "no answer; the function may still be running: ",
    ),
    (
        "no-connection",
        raising(EndpointConnectionError(endpoint_url="https://lambda")),
        "no answer; the function may still be running: ",
    ),
]


@pytest.mark.parametrize(
    ("answer", "reason"), [pytest.param(answer, it, id=name) for name, answer, it in FAILURES]
)
def test_a_failure_stays_is_reported_and_tried_once(
    account: Account, run: Redrive, answer: Callable[[Any], Answer], reason: str
) -> None:
    bad = payload_of("bad")
    account.send(failure_of(bad), good())
    account.invoke = lambda payload: answer(payload) if payload == bad else run_handler(payload)

    result = run("--invoke")

    assert result.status == 1
    assert account.invoked_with.count(bad) == 1
    assert len(account.invoked_with) == 2
    assert f"left        in the queue: {reason}" in result.out
    assert account.visible() == [failure_of(bad)]


@pytest.mark.parametrize(
    "body",
    [
        pytest.param("a test", id="text"),
        pytest.param(failure_of(None), id="record-without-payload"),
        pytest.param(json.dumps({"Type": "Notification", "TopicArn": "arn"}), id="sns"),
    ],
)
def test_what_is_no_delivery_is_reported_and_left(
    account: Account, run: Redrive, body: str
) -> None:
    account.send(body)

    result = run("--invoke")

    assert result.status == 1
    assert "left        in the queue: it contains no delivery" in result.out
    assert account.invoked_with == []
    assert account.visible() == [body]


def test_interrupted_the_rest_is_handed_back(account: Account, run: Redrive) -> None:
    def interrupted(_: Any) -> Answer:
        raise KeyboardInterrupt

    account.send(good(), good())
    account.invoke = interrupted

    with pytest.raises(KeyboardInterrupt):
        run("--invoke")

    assert len(account.visible()) == 2


# What can never be decoded can be dropped, and nothing else.


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Somebody at a terminal answers with what is in the list; then standard input ends."""
    answers: list[str] = []

    def answer() -> str:
        if not answers:
            raise EOFError
        return answers.pop(0)

    monkeypatch.setattr(builtins, "input", answer)
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    return answers


def ids_in(account: Account) -> dict[str, str]:
    """Body -> message ID, of what is in the queue."""
    found: dict[str, str] = {}
    while messages := account.sqs.receive_message(
        QueueUrl=account.queue_url, MaxNumberOfMessages=10, VisibilityTimeout=600
    ).get("Messages"):
        found |= {message["Body"]: message["MessageId"] for message in messages}
        handles = [message["ReceiptHandle"] for message in messages]
        for handle in handles:
            account.sqs.change_message_visibility(
                QueueUrl=account.queue_url, ReceiptHandle=handle, VisibilityTimeout=0
            )
        if len(found) == account.sent:
            break
    return found


UNDECODABLE: Final = [
    pytest.param(failure_of(POISON), "a payload that cannot be decoded", id="poison"),
    pytest.param(failure_of(None), "Lambda's failure record, without the payload", id="left-out"),
    pytest.param("a test", "the body is not JSON", id="text"),
]


@pytest.mark.parametrize(("body", "reason"), UNDECODABLE)
def test_what_cannot_be_decoded_is_shown_and_dropped_after_a_yes(
    account: Account, run: Redrive, asked: list[str], body: str, reason: str
) -> None:
    kept = good()
    account.send(body, kept)
    message_id = ids_in(account)[body]
    asked.append("y")

    result = run("--drop", message_id)

    assert (result.status, result.err) == (0, "")
    question = "   Delete this message for good? Nothing brings it back. [y/N] "
    shown, _, rest = result.out.partition(f"{question}   dropped     deleted from the queue\n")
    assert reason in shown
    assert f"   message     {message_id}\n" in shown
    assert rest == "Dropped: 1 message. Kept or not found: 0 messages.\n"
    assert account.invoked_with == []
    assert account.visible() == [kept]


@pytest.mark.parametrize("answer", ["", "n", "yess", None], ids=["enter", "no", "typo", "end"])
def test_only_a_yes_drops(
    account: Account, run: Redrive, asked: list[str], answer: str | None
) -> None:
    account.send("a test")
    asked += [] if answer is None else [answer]

    result = run("--drop", ids_in(account)["a test"])

    assert result.status == 1
    assert "   kept        as you said\n" in result.out
    assert result.out.endswith("Dropped: 0 messages. Kept or not found: 1 message.\n")
    assert account.visible() == ["a test"]


def test_what_can_be_decoded_is_never_dropped(account: Account, run: Redrive) -> None:
    delivery = good()
    account.send(delivery)

    result = run("--drop", ids_in(account)[delivery], "--yes")

    assert result.status == 1
    assert "   kept        it can be decoded, so try it again: --invoke\n" in result.out
    assert account.visible() == [delivery]


def test_several_are_dropped_and_the_missing_one_is_named(account: Account, run: Redrive) -> None:
    account.send("a", "b", "c")
    ids = ids_in(account)

    result = run("--drop", ids["a"], "--drop", ids["b"], "--drop", "nobodys", "--yes", "--show")

    assert result.status == 1
    assert {it["raw"] for it in result.shown} == {"a", "b"}
    assert (
        "redrive: there is no message nobodys in the queue that can be received now\n" in result.err
    )
    assert result.err.endswith("Dropped: 2 messages. Kept or not found: 1 message.\n")
    assert account.visible() == ["c"]


@pytest.mark.usefixtures("account")
@pytest.mark.parametrize(
    ("options", "line"),
    [
        pytest.param(("--drop", "x"), "--drop asks before it deletes, and standard", id="nobody"),
        pytest.param(("--yes",), "--yes goes with --drop", id="yes-to-what"),
        pytest.param(
            ("--drop", "x", "--yes", "--limit", "1"), "--limit does not go with --drop", id="limit"
        ),
        pytest.param(
            ("--drop", "x", "--yes", "--invoke"),
            "argument --invoke: not allowed with argument --drop",
            id="invoke",
        ),
        pytest.param(("--drop",), "argument --drop: expected one argument", id="which"),
    ],
)
def test_options_of_drop_that_make_no_sense(
    options: tuple[str, ...], line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        redrive.main(list(options))

    assert f"error: {line}" in capsys.readouterr().err


def test_a_message_that_cannot_be_deleted_stays(account: Account, run: Redrive) -> None:
    account.send("a test")
    message_id = ids_in(account)["a test"]
    account.refused["DeleteMessage"] = refusal(403, "AccessDeniedException", "not authorized")

    assert problem(run("--drop", message_id, "--yes")).startswith(
        "DeleteMessage: not authorized: you need "
    )
    assert account.visible() == ["a test"]


# Each once, and no more than asked for.


@pytest.mark.parametrize("options", [(), ("--invoke",)], ids=["dry", "invoke"])
def test_limit(account: Account, run: Redrive, options: tuple[str, ...]) -> None:
    account.send(*(good() for _ in range(5)))

    assert ": 2 deliveries with 2 CloudTrail records." in run("--limit", "2", *options).out
    assert len(account.invoked_with) == (2 if options else 0)
    assert len(account.visible()) == (3 if options else 5)


@pytest.mark.parametrize("limit", ["0", "-1", "many"])
def test_limit_is_a_number_from_one(run: Redrive, limit: str) -> None:
    with pytest.raises(SystemExit, match="2"):
        run("--limit", limit)


def test_a_message_that_comes_back_during_the_run_is_invoked_once(
    account: Account, run: Redrive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redrive, "SECONDS_HIDDEN_WHILE_INVOKING", 0)
    account.send(good())
    account.invoke = lambda _: (200, {"X-Amz-Function-Error": "Unhandled"}, b"{}")

    assert "deleted: 0 deliveries. Still in the queue: 1 message.\n" in run("--invoke").out
    assert len(account.invoked_with) == 1


class ScriptedQueue:
    """An SQS that hands out these messages, call by call."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)
        self.deleted: list[str] = []
        self.handed_back: list[str] = []
        self.calls = 0

    def receive_message(self, **_: Any) -> dict[str, Any]:
        self.calls += 1
        names = self.answers.pop(0) if self.answers else []
        messages = [
            {
                "MessageId": name,
                "ReceiptHandle": f"{name} {self.calls}",
                "Body": "",
                "Attributes": {"SentTimestamp": "1795424400000"},
            }
            for name in names
        ]
        return {"Messages": messages} if messages else {}

    def delete_message(self, **request: Any) -> None:
        self.deleted.append(request["ReceiptHandle"])

    def change_message_visibility_batch(self, **request: Any) -> dict[str, Any]:
        self.handed_back += [entry["ReceiptHandle"] for entry in request["Entries"]]
        return {"Successful": request["Entries"]}


def queue_of(client: ScriptedQueue) -> FailureQueue:
    return FailureQueue(cast("Any", client), "url", at_once=1, hidden_seconds=60)


def test_each_message_comes_once_and_is_handed_back_by_its_newest_handle() -> None:
    client = ScriptedQueue(["a"], ["b"], ["a"], ["c"], ["a", "b"], ["c"], ["a"])
    queue = queue_of(client)

    assert [message.message_id for message in queue.messages()] == ["a", "b", "c"]
    assert queue.hand_back() == 0
    assert client.handed_back == ["a 7", "b 5", "c 6"]


def test_a_queue_in_which_nothing_is_new_ends() -> None:
    client = ScriptedQueue(*(["a"] for _ in range(1000)))

    assert len(list(queue_of(client).messages())) == 1
    assert client.calls < 5


def test_the_copy_of_a_message_that_is_deleted_is_deleted_too() -> None:
    client = ScriptedQueue(["a"], ["a"], ["b"], ["a"])
    queue = queue_of(client)

    for message in queue.messages():
        if message.message_id == "a":
            queue.delete(message)

    assert client.deleted == ["a 1", "a 2", "a 4"]
    assert queue.hand_back() == 0
    assert client.handed_back == ["b 3"]


# Where the queue and the function are.


@pytest.fixture
def samconfig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A samconfig.toml that is not there yet."""
    path = tmp_path / "samconfig.toml"
    monkeypatch.setattr(sam_configuration, "SAM_CONFIGURATION", path)
    return path


def test_named_queue_and_function_need_no_stack(account: Account, run: Redrive) -> None:
    account.refused["DescribeStacks"] = refusal(403, "AccessDenied")
    account.send(good())
    named = ("--queue-url", account.queue_url)

    assert run(*named).status == 0
    assert run(*named, "--function", "mine", "--invoke").status == 0
    assert account.invoked == ["mine"]


def test_what_is_not_named_comes_from_the_stack(account: Account, run: Redrive) -> None:
    account.send(good(), good())

    assert run("--function", "mine", "--invoke", "--limit", "1").status == 0
    assert run("--queue-url", account.queue_url, "--invoke").status == 0
    assert account.invoked == ["mine", FUNCTION]


@pytest.mark.parametrize(
    ("text", "options", "stack", "region"),
    [
        pytest.param(
            '[default.global.parameters]\nstack_name = "a"', (), "a", REGION, id="global-table"
        ),
        pytest.param(
            '[default.global.parameters]\nstack_name = "a"\nregion = "eu-west-1"\n'
            '[default.deploy.parameters]\nstack_name = "b"\nregion = "eu-north-1"',
            (),
            "b",
            "eu-north-1",
            id="the-commands-table-wins",
        ),
        pytest.param(
            '[staging.deploy.parameters]\nstack_name = "c"',
            ("--config-env", "staging"),
            "c",
            REGION,
            id="another-environment",
        ),
        pytest.param(
            '[default.deploy.parameters]\nstack_name = "b"\nregion = "eu-north-1"',
            ("--stack", "d", "--region", "us-east-1"),
            "d",
            "us-east-1",
            id="named",
        ),
        pytest.param(None, ("--stack", "d"), "d", REGION, id="no-file"),
    ],
)
def test_stack_and_region_are_samconfigs_unless_named(
    account: Account,
    run: Redrive,
    samconfig: Path,
    *,
    text: str | None,
    options: tuple[str, ...],
    stack: str,
    region: str,
) -> None:
    asked: list[tuple[str, str]] = []

    def answer(request: AWSPreparedRequest) -> Answer:
        asked.append((request.url, str(request.body)))
        return 400, {}, b"<ErrorResponse><Error><Code>X</Code></Error></ErrorResponse>"

    if text is not None:
        samconfig.write_text(text, encoding="utf-8")
    account.refused["DescribeStacks"] = answer

    run(*options)

    ((url, body),) = asked
    assert f"cloudformation.{region}.amazonaws.com" in url
    assert f"StackName={stack}&" in f"{body.rstrip(chr(39))}&"


@pytest.mark.usefixtures("account")
def test_the_profile_is_samconfigs(run: Redrive, samconfig: Path) -> None:
    samconfig.write_text(
        f'[default.deploy.parameters]\nstack_name = "{STACK}"\nprofile = "nobodys"',
        encoding="utf-8",
    )

    assert problem(run()).startswith("The config profile (nobodys) could not be found: ")


def test_the_stack_of_this_repository_is_the_default() -> None:
    assert sam_configuration.deploy_settings("default")["stack_name"] == STACK


# What cannot be done is one line that says what to do.


def problem(result: Run) -> str:
    """The one line on standard error."""
    (line,) = result.err.splitlines()
    assert result.status == 2
    assert line.startswith("redrive: ")
    return line.removeprefix("redrive: ")


def stack_error(code: str, message: str) -> Callable[..., Answer]:
    error = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>"
    return lambda *_: (400, {}, f"<ErrorResponse>{error}</ErrorResponse>".encode())


@pytest.mark.parametrize(
    ("operation", "answer", "line"),
    [
        pytest.param(
            "DescribeStacks",
            stack_error("ValidationError", "Stack with id x does not exist"),
            "DescribeStacks: Stack with id x does not exist: check that it is in this account and "
            "Region (see --stack and --region)",
            id="no-stack",
        ),
        pytest.param(
            "DescribeStacks",
            stack_error("AccessDenied", "User: a is not authorized"),
            "DescribeStacks: User: a is not authorized: you need cloudformation:DescribeStacks",
            id="stack-denied",
        ),
        pytest.param(
            "DescribeStacks",
            stack_error("ExpiredToken", "The security token is expired."),
            "DescribeStacks: The security token is expired: sign in to the stack's account",
            id="expired",
        ),
        pytest.param(
            "GetQueueAttributes",
            refusal(403, "AccessDeniedException", "not authorized"),
            "GetQueueAttributes: not authorized: you need ",
            id="queue-denied",
        ),
        pytest.param(
            "ReceiveMessage",
            refusal(403, "AccessDeniedException", "not\nauthorized"),
            "ReceiveMessage: not authorized: you need ",
            id="reading-denied",
        ),
        pytest.param(
            "Invoke",
            refusal(403, "AccessDeniedException", "not authorized"),
            "Invoke: not authorized: you need ",
            id="function-denied",
        ),
        pytest.param(
            "Invoke",
            refusal(404, "ResourceNotFoundException", "Function not found: x"),
            "Invoke: Function not found: x: check that it is in this account and Region",
            id="no-function",
        ),
        pytest.param(
            "ReceiveMessage",
            raising(EndpointConnectionError(endpoint_url="https://sqs")),
            'Could not connect to the endpoint URL: "https://sqs": check the network, --region',
            id="no-network",
        ),
        pytest.param(
            "DeleteMessage",
            refusal(403, "AccessDeniedException", "not authorized"),
            "message ",
            id="deleting-denied",
        ),
    ],
)
def test_errors_that_end_the_run(
    account: Account, run: Redrive, operation: str, answer: Callable[..., Answer], line: str
) -> None:
    account.send(good(), good())
    account.refused[operation] = answer

    assert problem(run("--invoke")).startswith(line)
    assert len(account.invoked_with) <= 1
    account.refused.clear()
    assert len(account.visible()) == 2


def test_a_message_that_succeeds_and_cannot_be_deleted_is_named(
    account: Account, run: Redrive
) -> None:
    account.send(good())
    account.refused["DeleteMessage"] = refusal(403, "AccessDeniedException", "not authorized")

    assert "succeeded, but is still in the queue, so that the next run would repeat it" in problem(
        run("--invoke")
    )


def test_a_queue_that_is_gone(account: Account, run: Redrive) -> None:
    account.outputs["FailureQueueUrl"] += "-gone"

    assert problem(run()).endswith(
        "check that it is in this account and Region (see --stack and --region)"
    )


def test_a_stack_without_the_outputs(account: Account, run: Redrive) -> None:
    del account.outputs["FailureQueueUrl"], account.outputs["FunctionName"]

    assert problem(run("--stack", "x")) == (
        "the stack x lacks the outputs FailureQueueUrl, FunctionName: name the alerter's stack "
        "with --stack, or deploy it completely"
    )


@pytest.mark.usefixtures("account")
def test_no_stack_is_named(run: Redrive) -> None:
    assert problem(run("--config-env", "mine")).startswith("samconfig.toml names no stack for mine")


def test_configuration_that_is_no_toml(run: Redrive, samconfig: Path) -> None:
    samconfig.write_text("version =", encoding="utf-8")

    assert problem(run()).startswith("samconfig.toml: ")


def test_no_credentials(account: Account, run: Redrive) -> None:
    account.refused["DescribeStacks"] = raising(NoCredentialsError())

    assert problem(run()).startswith(
        "no AWS credentials were found: sign in to the stack's account"
    )


def test_what_cannot_be_handed_back_comes_back_by_itself(account: Account, run: Redrive) -> None:
    account.send(good())
    account.refused["ChangeMessageVisibilityBatch"] = refusal(403, "AccessDeniedException")

    result = run()

    assert result.status == 0
    assert result.err == (
        "redrive: 1 message could not be returned to the queue, and will be visible again within "
        "60 seconds\n"
    )


@pytest.mark.parametrize(
    ("environment", "line"),
    [
        pytest.param({}, "no Region is set: set it with --region", id="no-region"),
        pytest.param(
            {"AWS_DEFAULT_REGION": REGION}, "no AWS credentials were found: ", id="no-credentials"
        ),
        pytest.param(
            {"AWS_PROFILE": "x"}, "The config profile (x) could not be found: ", id="no-profile"
        ),
    ],
)
def test_as_a_program_without_an_account(environment: dict[str, str], line: str) -> None:
    mine = {name: text for name, text in os.environ.items() if not name.startswith("AWS_")}
    nobody = {
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }

    ended = subprocess.run(
        [sys.executable, "-m", "local.redrive"],
        cwd=ROOT,
        env=mine | nobody | environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.stdout == ""
    assert problem(Run(ended.returncode, ended.stdout, ended.stderr)).startswith(line)


# What stands twice is equal.


def test_the_template_has_the_outputs() -> None:
    outputs = read_template()["Outputs"]

    assert {redrive.QUEUE_OUTPUT, redrive.FUNCTION_OUTPUT} <= outputs.keys()


def test_nobody_else_gets_a_message_while_the_function_may_run() -> None:
    resources = read_template()["Resources"].values()
    (function,) = (it for it in resources if it["Type"] == "AWS::Serverless::Function")

    assert function["Properties"]["Timeout"] < redrive.READ_TIMEOUT
    assert redrive.READ_TIMEOUT < redrive.SECONDS_HIDDEN_WHILE_INVOKING
