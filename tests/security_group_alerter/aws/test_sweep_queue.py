"""Messages that ask for an account and Region each."""

from typing import Any, Final

import boto3
import pytest
from botocore.stub import Stubber
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws

from security_group_alerter.aws.sweep_queue import (
    CLIENT_CONFIG,
    ItemError,
    SendError,
    SweepQueue,
    body_of,
    item_in,
)
from security_group_alerter.model.sweep import Place, SweepItem

PLACE: Final = Place(account_id="222233334444", region="eu-central-1")


def client() -> Any:
    return boto3.client(
        "sqs",
        region_name="eu-central-1",
        aws_access_key_id="none",
        aws_secret_access_key="none",
        config=CLIENT_CONFIG,
    )


@mock_aws
def test_every_item_arrives_once() -> None:
    sqs = client()
    url = sqs.create_queue(QueueName="sweep")["QueueUrl"]
    # One is large, as if thousands were open.
    items = [
        SweepItem(place=PLACE, open_ids=tuple(f"sg-{it:017x}" for it in range(count)))
        for count in (0, 5000, 5000, *range(1, 23))
    ]

    assert SweepQueue(sqs, queue_url=url).send(items) == len(items)

    got = []
    while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        got += [item_in(it["Body"]) for it in messages]
    assert sorted(got, key=repr) == sorted(items, key=repr)


@mock_aws
def test_nothing_to_send() -> None:
    assert SweepQueue(client(), queue_url="https://sqs.example.com/1/sweep").send([]) == 0


@pytest.mark.parametrize(
    ("failed", "said"),
    [
        ({"Message": "wait"}, "ThrottlingException: wait"),
        ({}, "ThrottlingException: no message"),
    ],
    ids=["said-why", "said-nothing"],
)
def test_message_that_is_not_taken_is_no_success(failed: dict[str, str], said: str) -> None:
    sqs = client()
    with Stubber(sqs) as stub:
        answer = {
            "Successful": [],
            "Failed": [{"Id": "0", "SenderFault": False, "Code": "ThrottlingException", **failed}],
        }
        stub.add_response("send_message_batch", answer)
        queue = SweepQueue(sqs, queue_url="https://sqs.example.com/1/sweep")

        with pytest.raises(SendError, match=said):
            queue.send([SweepItem(place=PLACE)])


@given(st.lists(st.from_regex(r"sg-[0-9a-f]{8}", fullmatch=True)))
def test_item_comes_back(open_ids: list[str]) -> None:
    item = SweepItem(place=PLACE, open_ids=tuple(open_ids))

    assert item_in(body_of(item)) == item


@pytest.mark.parametrize(
    "body",
    [
        "",
        "7",
        "[]",
        "{}",
        '{"account_id": "2222", "region": "eu-central-1", "open": []}',
        '{"account_id": "222233334444", "region": "moon", "open": []}',
        '{"account_id": "222233334444", "region": null, "open": []}',
        '{"account_id": "222233334444", "region": "eu-central-1", "open": 7}',
    ],
)
def test_what_asks_for_no_place_is_said(body: str) -> None:
    with pytest.raises(ItemError):
        item_in(body)
