"""Records become what CloudWatch Logs would have handed to Lambda."""

import base64
import gzip
import json
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from local.awslogs import packed
from local.deliveries import LONGEST_SPAN, MOST_RECORDS, Delivery, Packer, deliveries_of
from local.records_in import Payload, Record
from security_group_alerter.cloudtrail.payload import delivery_of, document_of

START: Final = datetime(2026, 11, 23, 9, tzinfo=UTC)


def record(
    account: object = "222233334444", seconds: float = 0, **members: object
) -> dict[str, Any]:
    time = (START + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")
    return {"recipientAccountId": account, "eventTime": time, **members}


def unpacked(delivery: Delivery) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(
        gzip.decompress(base64.b64decode(delivery.payload["awslogs"]["data"]))
    )
    return data


def records_of(delivery: Delivery) -> list[dict[str, Any]]:
    return [json.loads(log_event["message"]) for log_event in unpacked(delivery)["logEvents"]]


def test_a_delivery_is_as_cloudwatch_logs_makes_it() -> None:
    [delivery] = deliveries_of([record(eventID="1"), record(eventID="2")])

    data = unpacked(delivery)
    log_events = data.pop("logEvents")
    assert data == {
        "messageType": "DATA_MESSAGE",
        "owner": "111122223333",
        "logGroup": "organization-trail",
        "logStream": "o-exampleorgid_222233334444_CloudTrail_eu-central-1",
        "subscriptionFilters": ["security-group-changes"],
    }
    assert [sorted(log_event) for log_event in log_events] == [["id", "message", "timestamp"]] * 2
    assert len({log_event["id"] for log_event in log_events}) == 2
    assert [it["eventID"] for it in records_of(delivery)] == ["1", "2"]
    assert (delivery.records, delivery.newest) == (2, START)


def test_the_function_reads_back_what_was_put_in() -> None:
    packed_in = record(text="\ud800 \u2028 😀 \0", number=1.5, nothing=None)

    [delivery] = deliveries_of([packed_in])

    read = delivery_of(delivery.payload)
    assert read is not None
    assert [document_of(message) for message in read.messages] == [packed_in]
    assert read.log_stream.account_id == "222233334444"
    assert read.log_stream.organization_id == "o-exampleorgid"


def test_the_same_records_make_the_same_payload() -> None:
    assert [*deliveries_of([record()])] == [*deliveries_of([record()])]


ACCOUNTS: Final[dict[str, tuple[Record, str | None]]] = {
    "the-account-that-was-changed": (
        record("333344445555", userIdentity={"accountId": "222233334444"}),
        "333344445555",
    ),
    "the-callers-where-that-is-missing": (
        record(None, userIdentity={"accountId": "222233334444"}),
        "222233334444",
    ),
    "none": (record(None), None),
    "none-in-an-identity-that-is-none": (record(None, userIdentity="root"), None),
    "a-number": (record(22233334444), "022233334444"),
    "none-where-it-is-no-account": (record("mine"), None),
}


@pytest.mark.parametrize(("changed", "account"), ACCOUNTS.values(), ids=ACCOUNTS)
def test_the_log_stream_names_the_account(changed: Record, account: str | None) -> None:
    [delivery] = deliveries_of([changed])

    read = delivery_of(delivery.payload)
    assert read is not None
    assert read.log_stream.account_id == account


def test_each_account_has_a_stream_of_its_own_in_the_order_of_time() -> None:
    mixed = [
        record("333344445555", 2, eventID="c"),
        record("222233334444", 3, eventID="d"),
        record("333344445555", 1, eventID="b"),
        record("222233334444", 0, eventID="a"),
    ]

    deliveries = [*deliveries_of(mixed)]

    assert [[it["eventID"] for it in records_of(delivery)] for delivery in deliveries] == [
        ["b", "c"],
        ["a", "d"],
    ]


@pytest.mark.parametrize(
    ("count", "sizes"),
    [
        (MOST_RECORDS, [MOST_RECORDS]),
        (MOST_RECORDS + 1, [MOST_RECORDS, 1]),
        (2 * MOST_RECORDS + 5, [MOST_RECORDS, MOST_RECORDS, 5]),
    ],
)
def test_a_delivery_holds_a_thousand_records_of_one_stream(count: int, sizes: list[int]) -> None:
    others = [record("333344445555")] * 3

    deliveries = [*deliveries_of([record(seconds=it / 10) for it in range(count)] + others)]

    assert [delivery.records for delivery in deliveries] == [*sizes, 3]
    assert [len(records_of(delivery)) for delivery in deliveries] == [*sizes, 3]


def test_records_far_apart_come_apart_when_they_are_asked_to() -> None:
    span = LONGEST_SPAN.total_seconds()
    times = [0.0, span / 2, span, span + 1, 2 * span + 1, 2 * span + 2]
    records = [record(seconds=seconds) for seconds in times]
    packer = Packer(longest_span=LONGEST_SPAN)
    for it in records:
        packer.add(it)

    deliveries = [*packer.deliveries()]

    assert [delivery.records for delivery in deliveries_of(records)] == [6]
    assert [delivery.records for delivery in deliveries] == [3, 2, 1]
    assert [delivery.newest for delivery in deliveries] == [
        START + timedelta(seconds=seconds) for seconds in (span, 2 * span + 1, 2 * span + 2)
    ]


def test_where_records_were_found_is_known_by_their_ids() -> None:
    packer = Packer()
    packer.add(record(eventID="1"), place="a.json")
    packer.add(record(seconds=1), place="b.json")
    packer.add(record(seconds=2, eventID="2"))

    [delivery] = packer.deliveries()

    assert delivery.places == {"1": "a.json", 1: "b.json"}


def test_payloads_come_first() -> None:
    payload = packed({"logEvents": [{"message": json.dumps(record(eventID="1"))}]})

    first, second = deliveries_of([record(eventID="2"), Payload("a.json, line 1", payload)])

    assert (first.payload, first.places) == (payload, {"1": "a.json, line 1"})
    assert records_of(second) == [record(eventID="2")]


@pytest.mark.parametrize("time", [None, 5, "yesterday", ""])
def test_a_record_without_a_time_comes_first(time: object) -> None:
    timeless = record() | {"eventTime": time}

    [delivery] = deliveries_of([record(eventID="1"), timeless])

    assert records_of(delivery)[0] == timeless
    assert delivery.newest == START


def test_a_payload_stays_as_it_was() -> None:
    payload = packed({"logEvents": [{"message": json.dumps(record(seconds=it))} for it in (1, 0)]})

    [delivery] = deliveries_of([Payload("a.json", payload)])

    assert delivery == Delivery(
        "a.json", payload, 2, START + timedelta(seconds=1), {0: "a.json", 1: "a.json"}
    )


def test_a_log_event_that_is_no_record_does_not_hide_the_time_of_the_others() -> None:
    messages = ["no JSON", "5", "[" * 100_000, json.dumps(record()), None]
    payload = packed({"logEvents": [*({"message": it} for it in messages), "nothing", {}]})

    [delivery] = deliveries_of([Payload("a.json", payload)])

    assert (delivery.records, delivery.newest) == (7, START)


SOUND: Final = packed({"logEvents": []})["awslogs"]["data"]
NOT_TO_BE_DECODED: Final[dict[str, object]] = {
    "no-object": "data",
    "null": None,
    "no-data": {},
    "data-of-another-type": {"data": 5},
    "no-base64": {"data": "%%%"},
    "no-ascii": {"data": "é"},
    "no-gzip": {"data": base64.b64encode(b"{}").decode()},
    "gzip-cut-off": {"data": base64.b64encode(base64.b64decode(SOUND)[:-9]).decode()},
    "gzip-damaged": {"data": f"{SOUND[:16]}////{SOUND[20:]}"},
    "no-json": {"data": base64.b64encode(gzip.compress(b"{")).decode()},
    "no-utf-8": {"data": base64.b64encode(gzip.compress(b'"\xe9"')).decode()},
    "too-deep": {"data": base64.b64encode(gzip.compress(b"[" * 100_000)).decode()},
    "a-list": packed([])["awslogs"],  # type: ignore[arg-type]
    "no-log-events": packed({})["awslogs"],
    "log-events-of-another-type": packed({"logEvents": 5})["awslogs"],
}


@pytest.mark.parametrize("awslogs", NOT_TO_BE_DECODED.values(), ids=NOT_TO_BE_DECODED)
def test_a_payload_that_cannot_be_decoded_is_left_to_the_function(awslogs: object) -> None:
    payload = {"awslogs": awslogs}

    assert [*deliveries_of([Payload("a.json", payload)])] == [Delivery("a.json", payload, 0, None)]
