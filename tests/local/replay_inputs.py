"""What people may hand to replay: every form of records, and every way in which a file can be bad.

docs/replay.md lists them by their names here.
"""

import csv
import gzip
import io
import json
import os
import zipfile
from collections.abc import Sequence
from typing import Any, Final, Literal

from local.awslogs import packed
from local.records_in import MOST_NAMED


def record(number: int, **members: object) -> dict[str, Any]:
    """As little as makes a record."""
    return {
        "eventID": f"id-{number}",
        "eventName": "CreateSecurityGroup",
        "eventTime": f"2026-11-24T09:0{number}:00Z",
        "userIdentity": {"type": "Root"},
        **members,
    }


ONE, TWO, THREE = record(1), record(2), record(3)
TEXT: Final = json.dumps(ONE)
BOTH: Final[list[object]] = [ONE, TWO]
DELIVERY: Final = {
    "messageType": "DATA_MESSAGE",
    "owner": "111122223333",
    "logGroup": "organization-trail",
    "logStream": "o-exampleorgid_222233334444_CloudTrail_eu-central-1",
    "subscriptionFilters": ["security-group-changes"],
    "logEvents": [
        {"id": str(index), "timestamp": 1, "message": json.dumps(it)}
        for index, it in enumerate(BOTH)
    ],
}
# What AWS writes around a record.
EVENTBRIDGE: Final = {
    "version": "0",
    "detail-type": "AWS API Call via CloudTrail",
    "source": "aws.ec2",
    "detail": ONE,
}
SNS: Final = {
    "Type": "Notification",
    "MessageId": "1",
    "TopicArn": "arn:aws:sns:…",
    "Message": TEXT,
}
LOOKUP_EVENT: Final = {
    "EventId": "id-1",
    "EventName": "CreateSecurityGroup",
    "EventTime": "2026-11-24T09:01:00+00:00",
    "Username": "kim",
    "Resources": [{"ResourceType": "AWS::EC2::SecurityGroup", "ResourceName": "sg-1"}],
    "CloudTrailEvent": TEXT,
}
LOG_EVENT: Final = {
    "logStreamName": "stream",
    "timestamp": 1795597200000,
    "message": TEXT,
    "ingestionTime": 1795597500000,
    "eventId": "0",
}


def sqs(body: object) -> dict[str, Any]:
    return {"MessageId": "1", "ReceiptHandle": "h", "MD5OfBody": "5", "Body": json.dumps(body)}


def sqs_for_lambda(body: object) -> dict[str, Any]:
    message = {"messageId": "1", "receiptHandle": "h", "body": json.dumps(body)}
    return {"Records": [message | {"eventSource": "aws:sqs", "awsRegion": "eu-central-1"}]}


def sns_for_lambda(message: object) -> dict[str, Any]:
    sns = {"Type": "Notification", "MessageId": "1", "Message": json.dumps(message)}
    return {"Records": [{"EventSource": "aws:sns", "EventVersion": "1.0", "Sns": sns}]}


def insights(*rows: dict[str, str]) -> dict[str, Any]:
    """`aws logs get-query-results`."""
    results = [[{"field": key, "value": value} for key, value in row.items()] for row in rows]
    return {"results": results, "statistics": {"recordsMatched": 1.0}, "status": "Complete"}


def lines(*documents: object) -> str:
    return "".join(f"{json.dumps(document)}\n" for document in documents)


def pretty(*documents: object) -> str:
    return "".join(f"{json.dumps(document, indent=4)}\n" for document in documents)


def csv_of(*rows: list[str], quoting: Literal[0, 1] = csv.QUOTE_MINIMAL) -> str:
    text = io.StringIO()
    csv.writer(text, quoting=quoting).writerows(rows)
    return text.getvalue()


def zipped(content: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a.json", content)
    return file.getvalue()


GZIPPED: Final = gzip.compress(json.dumps({"Records": BOTH}).encode())
PADDING: Final = b"\0" * 1000

# What the file holds -> the records in it. Nothing is said about it.
FORMS: Final[dict[str, tuple[object, Sequence[object]]]] = {
    "one-record": (TEXT, [ONE]),
    "one-record-written-for-people": (pretty(ONE), [ONE]),
    "log-file-of-a-trail": ({"Records": BOTH}, BOTH),
    "log-file-of-a-trail-gzipped": (GZIPPED, BOTH),
    "log-file-without-records": ({"Records": []}, []),
    "gzip-members-one-after-the-other": (GZIPPED + GZIPPED, BOTH + BOTH),
    "gzip-members-of-parts-of-a-line": (
        gzip.compress(TEXT[:50].encode()) + gzip.compress(TEXT[50:].encode()),
        [ONE],
    ),
    "gzip-padded-with-zeros": (GZIPPED + PADDING, BOTH),
    "gzip-members-padded-with-zeros": (GZIPPED + PADDING + GZIPPED, BOTH + BOTH),
    "list": (BOTH, BOTH),
    "empty-list": ([], []),
    "list-in-a-list": ([[ONE], [[TWO]]], BOTH),
    "json-lines": (lines(*BOTH), BOTH),
    "json-lines-gzipped": (gzip.compress(lines(*BOTH).encode()), BOTH),
    "json-lines-with-windows-ends": (lines(*BOTH).replace("\n", "\r\n"), BOTH),
    "json-lines-with-empty-lines": (f"\n{TEXT}\n \n{TEXT}\n\n", [ONE, ONE]),
    "json-lines-without-a-last-end": (lines(*BOTH).rstrip(), BOTH),
    "json-lines-with-ends-of-lines-in-a-text": (
        '{0}"\u2028"}}\n{0}"\x85"}}\n{0}"\u2029"}}\n'.format(TEXT[:-1] + ', "userAgent": '),
        [ONE | {"userAgent": end} for end in ("\u2028", "\x85", "\u2029")],
    ),
    "json-lines-of-several-forms": (
        lines({"Records": [ONE]}, EVENTBRIDGE, [TWO], SNS, TWO),
        [ONE, ONE, TWO, ONE, TWO],
    ),
    "jq-prints-them-for-people": (pretty(*BOTH), BOTH),
    "jq-prints-them-in-lines": (lines(*BOTH), BOTH),
    "with-nothing-between": (TEXT + json.dumps(TWO) + pretty(THREE), [ONE, TWO, THREE]),
    "with-blanks-between": (f"{TEXT} \t {TEXT}\n\n\n{TEXT}", [ONE, ONE, ONE]),
    "log-files-one-after-the-other": (
        json.dumps({"Records": [ONE]}) + json.dumps({"Records": [TWO]}),
        BOTH,
    ),
    "byte-order-mark": (b"\xef\xbb\xbf" + TEXT.encode(), [ONE]),
    "utf-16-as-windows-writes-it": (f"{TEXT}\r\n".encode("utf-16"), [ONE]),
    "utf-16-without-a-mark": (TEXT.encode("utf-16-le"), [ONE]),
    "utf-16-of-other-machines-without-a-mark": (pretty(ONE).encode("utf-16-be"), [ONE]),
    "utf-32": (TEXT.encode("utf-32"), [ONE]),
    "export-of-a-log-group-in-utf-16": (
        f"2026-11-24T09:01:00.000Z {TEXT}\n".encode("utf-16"),
        [ONE],
    ),
    "lines-with-ends-of-old-macs": (f"{TEXT}\r{TEXT}", [ONE, ONE]),
    "eventbridge": (EVENTBRIDGE, [ONE]),
    "a-record-that-has-a-detail": (ONE | {"detail": TWO}, [ONE | {"detail": TWO}]),
    "a-record-that-has-a-message": (ONE | {"Message": TEXT}, [ONE | {"Message": TEXT}]),
    "lookup-events": (
        {"Events": [LOOKUP_EVENT, LOOKUP_EVENT | {"CloudTrailEvent": json.dumps(TWO)}]},
        BOTH,
    ),
    "lookup-events-written-for-people": (
        pretty({"Events": [LOOKUP_EVENT], "NextToken": "n"}),
        [ONE],
    ),
    "lookup-events-that-found-nothing": ({"Events": []}, []),
    "lookup-events-query-for-the-events": ([LOOKUP_EVENT], [ONE]),
    "lookup-events-query-for-the-texts": ([TEXT, json.dumps(TWO)], BOTH),
    "lookup-events-query-for-one-text": (json.dumps(TEXT), [ONE]),
    "lookup-events-texts-as-text": (f"{TEXT}\t{json.dumps(TWO)}\n", BOTH),
    "lookup-events-as-text": (
        f"EVENTS\tASIAEXAMPLE\t{TEXT}\tid-1\tCreateSecurityGroup\t2026-11-24T09:01:00+00:00\n"
        "RESOURCES\tsg-1\tAWS::EC2::SecurityGroup\n"
        f"EVENTS\t{json.dumps(TWO)}\tid-2\tCreateSecurityGroup\n",
        BOTH,
    ),
    "lookup-events-query-for-the-events-as-text": (
        f"ASIAEXAMPLE\t{TEXT}\tid-1\tCreateSecurityGroup\nRESOURCES\tsg-1\tAWS::EC2::VPC\n",
        [ONE],
    ),
    "filter-log-events": ({"events": [LOG_EVENT], "searchedLogStreams": []}, [ONE]),
    "filter-log-events-that-found-nothing": ({"events": [], "searchedLogStreams": []}, []),
    "filter-log-events-query-for-the-events": ([LOG_EVENT], [ONE]),
    "filter-log-events-query-for-the-messages": ([TEXT], [ONE]),
    "filter-log-events-as-text": (
        f"EVENTS\t0\t1795597500000\tstream\t{TEXT}\t1795597200000\n"
        "SEARCHEDLOGSTREAMS\tstream\tTrue\n",
        [ONE],
    ),
    "get-log-events": (
        {
            "events": [{"timestamp": 1, "message": TEXT, "ingestionTime": 2}],
            "nextForwardToken": "f/1",
            "nextBackwardToken": "b/1",
        },
        [ONE],
    ),
    "get-log-events-as-text": (f"b/37/s\tf/38/s\nEVENTS\t1\t{TEXT}\t2\n", [ONE]),
    "insights-results": (insights({"@timestamp": "2026", "@message": TEXT, "@ptr": "p"}), [ONE]),
    "insights-results-without-rows": (insights(), []),
    "insights-results-query-for-the-rows": (insights({"@message": TEXT})["results"], [ONE]),
    "insights-results-exported-by-the-console": ([{"@message": ONE, "@ptr": "p"}], [ONE]),
    "insights-results-as-text": (
        f"STATISTICS\t1.0\nRESULTS\t@message\t{TEXT}\nRESULTS\t@ptr\tabc\n",
        [ONE],
    ),
    "insights-results-as-csv": (
        csv_of(["@timestamp", "@message"], ["2026-11-24 09:01:00.000", TEXT]),
        [ONE],
    ),
    "insights-results-as-csv-with-everything-quoted": (
        csv_of(
            ["@message", "@logStream"], [TEXT, "a"], [json.dumps(TWO), "b"], quoting=csv.QUOTE_ALL
        ),
        BOTH,
    ),
    "export-of-a-log-group": (
        gzip.compress(
            f"2026-11-24T09:01:00.000Z {TEXT}\n2026-11-24T09:02:00.000Z {TEXT}\n".encode()
        ),
        [ONE, ONE],
    ),
    "parameters-as-text": (
        ONE | {"requestParameters": '{"groupId": "sg-1"}'},
        [ONE | {"requestParameters": '{"groupId": "sg-1"}'}],
    ),
    "sns": (SNS, [ONE]),
    "sns-as-lambda-gets-it": (sns_for_lambda(ONE), [ONE]),
    "sqs-as-receive-message-prints-it": ({"Messages": [sqs(ONE), sqs(TWO)]}, BOTH),
    "sqs-without-messages": ({"Messages": []}, []),
    "sqs-as-lambda-gets-it": (sqs_for_lambda(ONE), [ONE]),
    "sqs-around-sns-around-eventbridge": (
        {"Messages": [sqs(SNS | {"Message": json.dumps(EVENTBRIDGE)})]},
        [ONE],
    ),
    "sqs-around-a-log-file": ({"Messages": [sqs({"Records": BOTH})]}, BOTH),
    "lambda-of-sqs-around-lambda-of-sns": (sqs_for_lambda(sns_for_lambda(EVENTBRIDGE)), [ONE]),
    "text-in-a-text-in-a-text": (json.dumps(json.dumps(TEXT)), [ONE]),
    "digest-of-a-trail": (
        {"awsAccountId": "111122223333", "digestStartTime": "2026-11-24T08:00:00Z", "logFiles": []},
        [],
    ),
    "insights-events": (
        {
            "Records": [
                {"eventTime": "t", "eventID": "1", "eventCategory": "Insight"},
                {"eventTime": "t", "eventID": "1", "eventType": "AwsCloudTrailInsight"},
                ONE | {"eventCategory": "Insight", "insightDetails": {"state": "Start"}},
            ]
        },
        [],
    ),
    "notifications-of-s3": (
        lines(
            {"Records": [ONE | {"eventSource": "aws:s3", "eventName": "ObjectCreated:Put"}]},
            {"Service": "Amazon S3", "Event": "s3:TestEvent"},
            {"detail-type": "Object Created", "source": "aws.s3", "detail": {"bucket": {}}},
        ),
        [],
    ),
    "notification-of-cloudtrail": (
        SNS | {"Message": '{"s3Bucket": "b", "s3ObjectKey": ["AWSLogs/…"]}'},
        [],
    ),
    "files-of-aws-config": (
        lines(
            {"fileVersion": "1.0", "configSnapshotId": "1", "configurationItems": []},
            SNS
            | {
                "Message": '{"messageType": "ConfigurationItemChangeNotification", '
                '"configurationItem": {}}'
            },
        ),
        [],
    ),
    "records-beside-what-is-passed-over": (
        {"Records": [ONE, {"eventSource": "aws:s3", "s3": {}}, TWO]},
        BOTH,
    ),
}


def content_of(form: object) -> bytes:
    if isinstance(form, bytes):
        return form
    return (form if isinstance(form, str) else json.dumps(form)).encode()


PAYLOADS: Final[dict[str, tuple[object, Sequence[object]]]] = {
    "payload": (packed(DELIVERY), BOTH),
    "payload-decoded": (DELIVERY, BOTH),
    "payload-decoded-for-people": (pretty(DELIVERY), BOTH),
    "payload-that-is-a-control-message": (DELIVERY | {"messageType": "CONTROL_MESSAGE"}, []),
    "payload-in-a-queue": ({"Messages": [sqs(packed(DELIVERY))]}, BOTH),
    "payload-of-a-failed-invocation": (
        {"Messages": [sqs({"version": "1.0", "requestPayload": packed(DELIVERY)})]},
        BOTH,
    ),
}


EXPECTED: Final = "expected eventName with eventTime, and eventID or userIdentity"
# What the file holds -> the records that are read, and what is said after the file's name.
BAD: Final[dict[str, tuple[object, Sequence[object], list[str]]]] = {
    "empty": ("", [], [": is empty"]),
    "blank": (" \n\n", [], [": is empty"]),
    "gzip-of-nothing": (gzip.compress(b""), [], [": is empty"]),
    "text": (
        "Nov 23 09:00:00 host sshd[1]: hello from far away\n",
        [],
        [", line 1: expected JSON, found 'Nov 23 09:00:00 host sshd[1]: hello from'"],
    ),
    "base64": ("H4sIAAAAAAAA\n", [], [", line 1: expected JSON, found 'H4sIAAAAAAAA'"]),
    "none-as-the-cli-prints-it": ("None\n", [], [", line 1: expected JSON, found 'None'"]),
    "null": ("null", [], [", line 1: expected JSON, found 'null'"]),
    "banner-before-lines": (
        f"Reading …\n{lines(*BOTH)}",
        BOTH,
        [", line 1: expected JSON, found 'Reading …'"],
    ),
    "text-between-lines": (
        f"{TEXT}\n-- 12 more --\n{TEXT}\n",
        [ONE, ONE],
        [", line 2: expected JSON, found '-- 12 more --'"],
    ),
    "one-text": ('"hello"', [], [f": 1 document is not a CloudTrail record: {EXPECTED} (line 1)"]),
    "not-cloudtrail": (
        lines({"hello": 1}, ONE, {"Version": "2012-10-17"}, {"results": [], "count": 0}),
        [ONE],
        [
            f": 3 documents are not CloudTrail records: {EXPECTED} (line 1, line 3, line 4)",
        ],
    ),
    "members-of-a-list-count": (
        {"Records": [{"a": 1}, ONE, None, "two", 3]},
        [ONE],
        [
            f": 4 documents are not CloudTrail records: {EXPECTED} "
            "(Records[0], Records[2], Records[3], Records[4])"
        ],
    ),
    "catalogue-of-calls": (
        [{"eventName": "StopLogging", "eventSource": "cloudtrail.amazonaws.com"}],
        [],
        [f": 1 document is not a CloudTrail record: {EXPECTED} ([0])"],
    ),
    "event-of-something-else": (
        EVENTBRIDGE | {"detail": {"state": "running"}},
        [],
        [f": 1 document is not a CloudTrail record: {EXPECTED} (line 1, detail)"],
    ),
    "log-events-of-something-else": (
        {"events": [LOG_EVENT | {"message": "2 123456789010 eni-1 ACCEPT OK"}]},
        [],
        [f": 1 document is not a CloudTrail record: {EXPECTED} (events[0])"],
    ),
    "message-of-something-else": (
        SNS | {"Message": "hello"},
        [],
        [f": 1 document is not a CloudTrail record: {EXPECTED} (line 1)"],
    ),
    "something-else-deep-in-envelopes": (
        {"Messages": [sqs(SNS), sqs(SNS | {"Message": '{"Records": [{}]}'})]},
        [ONE],
        [
            f": 1 document is not a CloudTrail record: {EXPECTED} "
            "(Messages[1], Body, Message, Records[0])"
        ],
    ),
    "lookup-events-without-the-record": (
        {"Events": [LOOKUP_EVENT, {"EventId": "2"}, LOOKUP_EVENT]},
        [ONE, ONE],
        [", Events[1]: expected CloudTrailEvent, a record as JSON text"],
    ),
    "lookup-events-with-a-broken-record": (
        {"Events": [LOOKUP_EVENT | {"CloudTrailEvent": TEXT[:-1]}, LOOKUP_EVENT]},
        [ONE],
        [", Events[0], CloudTrailEvent: expected JSON: Expecting ',' delimiter"],
    ),
    "insights-results-of-a-query-that-still-runs": (
        insights() | {"status": "Running"},
        [],
        [", line 1: expected the results of a query that is Complete, found 'Running'"],
    ),
    "insights-results-without-the-message": (
        insights({"@timestamp": "2026", "@ptr": "p"}),
        [],
        [", results[0]: expected the field @message in the query"],
    ),
    "a-bad-second-line": (
        f"{TEXT}\n{{\n{TEXT}\n",
        [ONE, ONE],
        [", line 2: expected JSON: a key in double quotes, found "],
    ),
    "last-line-still-being-written": (
        f"{TEXT}\n{TEXT[:-9]}",
        [ONE],
        [", line 2: expected JSON: "],
    ),
    "a-log-file-that-is-cut-off": (
        json.dumps({"Records": BOTH})[:-20],
        [ONE],
        [", Records[1]: expected JSON: "],
    ),
    "in-the-second-of-two-log-files": (
        f"{json.dumps({'Records': [ONE]})}\n{json.dumps({'Records': [ONE, 'x']})}\n",
        [ONE, ONE],
        [f": 1 document is not a CloudTrail record: {EXPECTED} (line 2, Records[1])"],
    ),
    "brackets-only": (
        "]}\n",
        [],
        [", line 1: expected JSON, found brackets and commas only"],
    ),
    **{
        f"one-byte-{byte:02x}": (bytes([byte]), [], [problem])
        for byte, problem in {
            0x00: ": expected JSON, found something that is not text",
            0x1F: ", line 1: expected JSON, found '\\x1f'",
            0x20: ": is empty",
            0x22: ", line 1: expected JSON: the end of the text that begins here, found '\"'",
            0x2C: ", line 1: expected JSON, found brackets and commas only",
            0x30: ", line 1: expected JSON, found '0'",
            0x5B: ", line 1: expected JSON: a value, found the end",
            0x78: ", line 1: expected JSON, found 'x'",
            0x7B: ", line 1: expected JSON: a key in double quotes, found the end",
        }.items()
    },
    "byte-order-mark-only": (b"\xef\xbb\xbf", [], [": is empty"]),
    "athena-results-as-csv": (
        csv_of(["eventid", "eventname"], ["id-1", '{"groupId": "sg-1"}'], quoting=csv.QUOTE_ALL),
        [],
        [
            ', line 1: expected JSON, found \'"eventid","eventname"\'',
            ', line 2: expected JSON, found \'"id-1","{""groupId"": ',
        ],
    ),
    "insights-results-as-csv-of-something-else": (
        csv_of(["@timestamp", "@message"], ["2026", "hello"]),
        [],
        [
            ", line 2: expected JSON, found '2026,hello'",
            ", line 1: expected JSON, found '@timestamp,@message'",
        ],
    ),
    "comma-after-the-last-record": (
        f'{{"Records": [{TEXT},]}}',
        [ONE],
        [", Records[1]: expected JSON: a value, found ']}'"],
    ),
    "many-bad-lines": (
        "".join(f"{number}\n" for number in range(30)) + TEXT,
        [ONE],
        [
            *(f", line {it + 1}: expected JSON, found '{it}'" for it in range(MOST_NAMED)),
            ": 20 more like these",
        ],
    ),
    "one-bad-line-too-many": (
        "x\n" * (MOST_NAMED + 1),
        [],
        [
            *(f", line {it + 1}: expected JSON, found 'x'" for it in range(MOST_NAMED)),
            ": 1 more like this",
        ],
    ),
    "many-other-documents": (
        "{}\n" * 1234,
        [],
        [
            f": 1,234 documents are not CloudTrail records: {EXPECTED} "
            f"({', '.join(f'line {it + 1}' for it in range(MOST_NAMED))} and 1,224 more)"
        ],
    ),
    "a-zero-byte-in-a-record": (
        f"{TEXT[:60]}\0{TEXT[60:]}\n{TEXT}\n",
        [ONE],
        [", line 1: expected JSON: "],
    ),
    "not-utf-8": (
        TEXT.replace("Root", "R\xf6\xf6t").encode("latin-1") + f"\n{TEXT}".encode(),
        [ONE | {"userIdentity": {"type": "R\ufffd\ufffdt"}}, ONE],
        [", line 1: expected UTF-8 text; other bytes are read as \ufffd"],
    ),
    "utf-8-that-is-cut-off": (
        f"{TEXT}\n{TEXT}é".encode()[:-1],
        [ONE, ONE],
        [
            ", line 2: expected UTF-8 text; other bytes are read as \ufffd",
            ", line 2: expected JSON, found '\ufffd'",
        ],
    ),
    "not-text": (
        b"\x89PNG\r\n\x1a\n\0\0",
        [],
        [": expected JSON, found something that is not text"],
    ),
    "gzip-of-something-else": (
        gzip.compress(b"\x89PNG\0\0"),
        [],
        [": expected JSON, found something that is not text"],
    ),
    "zip-archive": (zipped(TEXT.encode()), [], [": is a zip archive: unpack it first"]),
    "zip-archive-of-nothing": (
        b"PK\x05\x06" + b"\0" * 18,
        [],
        [": is a zip archive that holds nothing"],
    ),
    "gzipped-twice": (gzip.compress(GZIPPED), [], [": is gzipped twice: unpack it once"]),
    "tar-archive-gzipped": (
        gzip.compress(b"a.json".ljust(257, b"\0") + b"ustar"),
        [],
        [": is a tar archive: unpack it first"],
    ),
    "parquet-file": (b"PAR1\x15\x04", [], [": is a Parquet file: export the records as JSON"]),
    "gzip-cut-off": (
        gzip.compress(lines(ONE, TWO).encode() + os.urandom(5000).hex().encode())[:-100],
        BOTH,
        [": the gzip file is cut off: copy it again"],
    ),
    "gzip-cut-off-at-once": (GZIPPED[:5], [], [": the gzip file is cut off: copy it again"]),
    "second-gzip-member-cut-off": (
        GZIPPED + GZIPPED[:12],
        BOTH,
        [": the gzip file is cut off: copy it again"],
    ),
    "gzip-damaged": (GZIPPED[:10] + b"\xff" + GZIPPED[11:], [], [": the gzip file is damaged: "]),
    "gzip-with-a-wrong-sum": (
        GZIPPED[:-8] + b"\0" * 8,
        BOTH,
        [": the gzip file is damaged: Error -3 while decompressing data: incorrect data check"],
    ),
    "gzip-with-rubbish-behind": (
        GZIPPED + b"rubbish",
        BOTH,
        [": something else follows the gzip data in this file"],
    ),
    "nested-too-deeply-in-a-text": (
        json.dumps({"CloudTrailEvent": "[" * 5000 + "]" * 5000}),
        [],
        [", line 1: JSON nested too deeply to be read"],
    ),
}


def read_whole() -> list[tuple[str, int]]:
    """The name of each sound input, and how many records are read of it."""
    return [(_words(name), len(records)) for name, (_, records) in (FORMS | PAYLOADS).items()]


def read_in_part() -> list[tuple[str, int, str]]:
    """The same of each bad input, and what is said of it first."""
    return [
        (_words(name), len(records), _said(*problems))
        for name, (_, records, problems) in BAD.items()
    ]


def _words(name: str) -> str:
    return name.replace("-", " ")


def _said(first: str, *others: str) -> str:
    words = first.removeprefix(": ").removeprefix(", ").replace(EXPECTED, "expected …")
    more = f" and {len(others)} more" if others else ""
    return f"`{words.rstrip(': ')}`{more}"
