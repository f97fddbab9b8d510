"""What is sent to Amazon SNS is what botocore would send."""

from typing import Any, Final
from urllib.parse import parse_qsl, quote_plus

import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from hypothesis import example, given
from hypothesis import strategies as st

from security_group_alerter.aws import clients
from security_group_alerter.aws.clients import form_encoded
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


def test_a_message_arrives_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"AWS_ACCESS_KEY_ID": "none", "AWS_SECRET_ACCESS_KEY": "none"}.items():
        monkeypatch.setenv(name, value)
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


class _Raw:
    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self) -> Any:
        yield self._content
