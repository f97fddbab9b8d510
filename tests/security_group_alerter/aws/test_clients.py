"""What is sent is what botocore would send, and to whom it would send it."""

import json
import ssl
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, quote_plus

import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.config import Config
from botocore.exceptions import SSLError
from botocore.session import Session
from hypothesis import example, given
from hypothesis import strategies as st

from benchmarks.certificate import certificate_in
from security_group_alerter.aws import clients
from security_group_alerter.aws.clients import form_encoded
from tests.loopback_aws import LoopbackAws, environment_for, loopback_aws
from tests.security_group_alerter.builders import calmly

TOPIC_ARN: Final = "arn:aws:sns:eu-central-1:111122223333:alerts"
ANSWER: Final = b"<PublishBatchResponse><PublishBatchResult/></PublishBatchResponse>"
ASCII: Final = "".join(map(chr, range(128)))


@calmly
@given(st.text(st.characters(exclude_categories=["Cs"])))
@example(ASCII)
@example("%25 + %2B")
@example("Zürich")
def test_a_form_is_encoded_as_the_standard_library_does(text: str) -> None:
    assert form_encoded(text) == quote_plus(text).encode()


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"AWS_ACCESS_KEY_ID": "none", "AWS_SECRET_ACCESS_KEY": "none"}.items():
        monkeypatch.setenv(name, value)


def test_a_message_arrives_as_it_was() -> None:
    session = clients.session()
    client = session.create_client("sns", region_name="eu-central-1")
    sent: list[Any] = []

    def answer(request: Any, **_: Any) -> AWSResponse:
        sent.append(request)
        return AWSResponse(request.url, 200, HTTPHeaders(), _Raw(ANSWER))

    client.meta.events.register("before-send.sns", answer)
    client.publish_batch(
        TopicArn=TOPIC_ARN, PublishBatchRequestEntries=[{"Id": "0", "Message": ASCII + "ü😀"}]
    )

    [request] = sent
    fields = dict(parse_qsl(request.body.decode(), keep_blank_values=True))
    assert fields["TopicArn"] == TOPIC_ARN
    assert fields["PublishBatchRequestEntries.member.1.Message"] == ASCII + "ü😀"
    assert "AWS4-HMAC-SHA256" in str(request.headers["Authorization"])


ITEM: Final[dict[str, Any]] = {
    "resource": {"S": 'sg-0a "Zürich" 😀'},
    "version": {"N": "7"},
    "memory": {"B": b"\x00\xffz"},
    "told": {"M": {"uid": {"M": {"at": {"N": "0.5"}, "is_closed": {"BOOL": True}}}}},
    "nothing": {"NULL": True},
    "some": {"L": [{"B": b""}]},
}


@pytest.mark.parametrize("is_checked", [True, False])
def test_dynamodb_is_asked_what_botocore_would_ask(
    monkeypatch: pytest.MonkeyPatch, *, is_checked: bool
) -> None:
    config = Config(parameter_validation=is_checked)
    monkeypatch.setattr(clients, "DEFAULT_CONFIG", clients.DEFAULT_CONFIG.merge(config))
    ours, theirs = (asked_by(session) for session in (clients.session(), Session()))

    assert json.loads(ours.pop("body")) == json.loads(theirs.pop("body"))
    assert ours == theirs


def test_what_dynamodb_is_asked_is_written_down_as_it_stands() -> None:
    body = asked_by(clients.session())["body"]

    assert body.startswith(b'{"TransactItems":[{"Put":{"TableName":"memory","Item":{"resource"')


def test_a_botocore_with_another_protocol_for_dynamodb_writes_that(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(clients, "JSONSerializer", type("JSONSerializer", (), {}))

    assert asked_by(clients.session()) == asked_by(Session())


def asked_by(session: Any) -> dict[str, Any]:
    """The request that its client makes, before it is signed."""
    client = session.create_client("dynamodb", region_name="eu-central-1")
    asked: dict[str, Any] = {}

    def answer(params: Any, **_: Any) -> tuple[Any, dict[str, Any]]:
        asked.update(params)
        return AWSResponse("", 200, HTTPHeaders(), _Raw(b"")), {}

    client.meta.events.register("before-call.dynamodb", answer)
    client.transact_write_items(
        TransactItems=[{"Put": {"TableName": "memory", "Item": ITEM}}], ClientRequestToken="t"
    )
    del asked["context"], asked["headers"]["User-Agent"]
    return asked


class _Raw:
    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self) -> Any:
        yield self._content


def test_what_botocore_does_for_all_services_and_for_ours_is_done() -> None:
    session = clients.session()
    made = {it: session.create_client(it, region_name="eu-central-1") for it in clients.SERVICES}
    whole = Session()

    for service, ours in made.items():
        theirs = whole.create_client(service, region_name="eu-central-1")
        for event in events_of(ours):
            assert answered(ours, event) == answered(theirs, event)


EVENTS: Final = (
    *("provide-client-params", "before-parameter-build", "before-endpoint-resolution"),
    *("before-call", "request-created", "choose-signer", "before-sign", "before-send"),
    *("response-received", "before-parse", "needs-retry", "after-call", "after-call-error"),
)


def events_of(client: Any) -> Iterator[str]:
    """What botocore emits for a client's calls.

    https://botocore.amazonaws.com/v1/documentation/api/latest/topics/events.html
    """
    model = client.meta.service_model
    service = model.service_id.hyphenize()
    yield f"creating-client-class.{service}"
    for kind, operation in product(EVENTS, model.operation_names):
        yield f"{kind}.{service}.{operation}"


def answered(client: Any, event: str) -> list[str]:
    """By whom, in their order."""
    handlers = client.meta.events._emitter._handlers.prefix_search(event)
    names = [getattr(it, "__qualname__", type(it).__name__) for it in handlers]
    return [name for name in names if name != "_encode_once"]


class Authorities:
    """An AWS behind a certificate of its own, and the files of certificates that were read."""

    def __init__(self, bundle: Path, aws: LoopbackAws) -> None:
        self.bundle = str(bundle)
        self.aws = aws
        self.read: list[str] = []


@pytest.fixture
def authorities(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Authorities]:
    context, bundle = certificate_in(tmp_path)
    load = ssl.SSLContext.load_verify_locations

    def load_and_say(self: ssl.SSLContext, path: str, *others: None) -> None:
        found.read.append(path)
        load(self, path, *others)

    with loopback_aws(context) as aws:
        found = Authorities(bundle, aws)
        monkeypatch.setattr(ssl.SSLContext, "load_verify_locations", load_and_say)
        for name, value in environment_for(aws).items():
            monkeypatch.setenv(name, value)
        yield found


def called(session: Any, service: str, **settings: Any) -> None:
    client = session.create_client(service, region_name="eu-central-1", **settings)
    if service == "sns":
        client.publish(TopicArn=TOPIC_ARN, Message="")
    else:
        client.describe_account(AccountId="222233334444")


def test_the_authorities_are_read_once_for_all_clients_and_connections(
    authorities: Authorities, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_CA_BUNDLE", authorities.bundle)
    session = clients.session()

    for service in ("sns", "organizations", "sns"):
        called(session, service)

    assert authorities.aws.calls.total() == 3
    assert authorities.read == [authorities.bundle]


def test_each_client_trusts_only_whom_it_is_to_trust(authorities: Authorities) -> None:
    session = clients.session()

    called(session, "sns", verify=authorities.bundle)
    with pytest.raises(SSLError, match="CERTIFICATE_VERIFY_FAILED"):
        called(session, "sns")

    assert len(authorities.read) > 1


def test_a_botocore_that_names_its_parts_otherwise_is_slower_and_works(
    authorities: Authorities, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_CA_BUNDLE", authorities.bundle)
    monkeypatch.setattr(clients, "_part_of", lambda *_: None)
    session = clients.session()

    for _ in range(2):
        called(session, "sns")

    assert authorities.aws.calls.total() == 2
    assert len(authorities.read) == 2
