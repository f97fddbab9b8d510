"""`python -m local.history s3://…`: the same as of these files in a folder; no more is read."""

import gzip
import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

import boto3
import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError, NoCredentialsError, ProfileNotFound
from botocore.response import StreamingBody

from local.history import asking, bucket, downloads
from local.history.__main__ import main
from local.history.archive import Selection
from local.history.bucket import Location, listing_of
from tests.local.cloud import REGION, Cloud
from tests.local.test_history import CLOSED, INTERRUPTIBLE, OPENED, written
from tests.stories import ROOT

BUCKET: Final = "trail-archive"
OURS: Final = "222233334444/CloudTrail/eu-central-1/2026/11/17"
RUN_INSTANCES: Final = OPENED | {"eventName": "RunInstances", "eventID": "n"}
Run = tuple[int, str, str]


def uploaded(aws: Cloud, folder: Path, prefix: str = "") -> Any:
    """The files of a folder, as objects."""
    client = aws.client("s3")
    client.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    for path in folder.rglob("*"):
        if path.is_file():
            key = f"{prefix}{path.relative_to(folder).as_posix()}"
            client.put_object(Bucket=BUCKET, Key=key, Body=path.read_bytes())
    return client


def archive(folder: Path) -> Path:
    """Of both layouts, of a trail that became its organization's; with what stands beside it."""
    logs = folder / "AWSLogs"
    written(logs / "o-exampleorgid" / OURS / "closed.json.gz", RUN_INSTANCES, CLOSED)
    written(logs / OURS / "opened.json.gz", OPENED, RUN_INSTANCES)
    for place in (
        "444455556666/CloudTrail/eu-central-1/2026/11/16",
        "444455556666/CloudTrail/us-east-1/2026/11/18",
        "444455556666/CloudTrail/us-east-1/2026/11/21",
    ):
        other = OPENED | {
            "eventID": place,
            "eventTime": f"{place[-10:].replace('/', '-')}T12:00:00Z",
            "awsRegion": place.split("/")[2],
            "recipientAccountId": "444455556666",
        }
        written(logs / "o-exampleorgid" / place / "a+b ü.json.gz", other)
    (logs / "o-exampleorgid" / OURS / "pretty.json").write_text(
        json.dumps({"Records": [OPENED]}, indent=2), encoding="utf-8"
    )
    for service in ("CloudTrail-Digest", "CloudTrail-Insight", "Config"):
        path = logs / "o-exampleorgid/222233334444" / service / "eu-central-1/2026/11/17/x.json.gz"
        path.parent.mkdir(parents=True)
        path.write_bytes(gzip.compress(b'{"digestStartTime": "2026-11-17T00:00:00Z"}'))
    return folder


@pytest.fixture
def stored(aws: Cloud, tmp_path: Path) -> Path:
    """The folder of an archive that is in the bucket as well."""
    folder = archive(tmp_path)
    uploaded(aws, folder)
    return folder


History = Callable[..., Run]


@pytest.fixture
def history(capsys: pytest.CaptureFixture[str]) -> History:
    """(Exit status, standard output, standard error)."""

    def run(*arguments: object) -> Run:
        status = main(["--json", "--workers", "1", *map(str, arguments)])
        return status, *capsys.readouterr()

    return run


@pytest.mark.parametrize(
    "filters",
    [
        [],
        ["--account", "222233334444"],
        ["--account", "444455556666", "--region", "us-east-1"],
        ["--region", "eu-central-1"],
        ["--since", "2026-11-17"],
        ["--until", "2026-11-17"],
        ["--since", "2026-11-18", "--until", "2026-11-20", "--severity", "high"],
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("prefix", ["", "our/trail/"], ids=["bare", "prefix"])
def test_the_same_bytes_as_of_the_same_files(
    filters: list[str],
    prefix: str,
    aws: Cloud,
    tmp_path: Path,
    history: History,
) -> None:
    folder = archive(tmp_path)
    uploaded(aws, folder, prefix)

    status, out, err = history(*filters, f"s3://{BUCKET}/{prefix}")

    assert (status, out) == history(*filters, folder)[:2]
    assert out
    assert err.startswith(f"history: s3://{BUCKET}/{prefix}: ")
    assert ", 0 broken files\n" in err


# What is listed.

ORGANIZATION: Final = "AWSLogs/o-exampleorgid"
ACCOUNT: Final = f"{ORGANIZATION}/444455556666/CloudTrail"


@pytest.mark.parametrize(
    ("prefix", "selection", "listed"),
    [
        (
            "AWSLogs/",
            Selection(accounts=frozenset({"444455556666"}), regions=frozenset({"us-east-1"})),
            ["AWSLogs/", f"{ACCOUNT}/us-east-1/"],
        ),
        (
            "AWSLogs/",
            Selection(accounts=frozenset({"222233334444"})),
            [
                "AWSLogs/",
                "AWSLogs/222233334444/CloudTrail/",
                "AWSLogs/222233334444/CloudTrail/eu-central-1/",
                f"{ORGANIZATION}/222233334444/CloudTrail/",
                f"{ORGANIZATION}/222233334444/CloudTrail/eu-central-1/",
            ],
        ),
        (
            f"{ACCOUNT}/",
            Selection(),
            [f"{ACCOUNT}/", f"{ACCOUNT}/eu-central-1/", f"{ACCOUNT}/us-east-1/"],
        ),
        (f"{ACCOUNT}/us-east-1/2026/11/", Selection(), [f"{ACCOUNT}/us-east-1/2026/11/"]),
        (
            f"{ORGANIZATION}/444455556666/",
            Selection(accounts=frozenset({"222233334444"})),
            [],
        ),
    ],
    ids=["account-and-region", "account", "what-is-there", "deeper", "of-another-account"],
)
def test_only_what_may_hold_it_is_listed(
    prefix: str, selection: Selection, listed: list[str], aws: Cloud, tmp_path: Path
) -> None:
    client = Asked(uploaded(aws, archive(tmp_path)))

    listing_of(client, Location(BUCKET, prefix), selection, id)

    assert sorted(client.prefixes) == listed


class Asked:
    """A client that notes what it lists, a page of two keys at a time."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.prefixes: list[str] = []
        self.pages = 0

    def list_objects_v2(self, **request: Any) -> Any:
        self.pages += 1
        if "ContinuationToken" not in request:
            self.prefixes.append(request["Prefix"])
        return self._client.list_objects_v2(**request, MaxKeys=2)


def test_days_are_listed_from_the_first_to_the_last(aws: Cloud, tmp_path: Path) -> None:
    region = "AWSLogs/222233334444/CloudTrail/eu-central-1"
    for day in range(1, 29):
        written(tmp_path / region / f"2026/11/{day:02}/a.json.gz", RUN_INSTANCES)
    client = Asked(uploaded(aws, tmp_path))
    selection = Selection(since=date(2026, 11, 10), until=date(2026, 11, 12))

    listing = listing_of(client, Location(BUCKET, f"{region}/"), selection, id)

    # CloudTrail may write a record a day later.
    days = [Path(file.path).parent.name for file, _ in listing.files()]
    assert days == ["10", "11", "12"]
    assert client.pages == 2


# What a person names.


@pytest.mark.parametrize(
    ("url", "objects"),
    [
        (f"s3://{BUCKET}", 6),
        (f"s3://{BUCKET}/AWSLogs", 6),
        (f"s3://{BUCKET}/{ORGANIZATION}/222233334444", 2),
        (f"s3://{BUCKET}/AWSLogs/{OURS}/opened.json.gz", 1),
    ],
)
def test_a_bucket_a_folder_or_an_object(
    url: str, objects: int, aws: Cloud, tmp_path: Path, history: History
) -> None:
    client = uploaded(aws, archive(tmp_path))
    # What the console makes for a folder is not a file.
    client.put_object(Bucket=BUCKET, Key=f"AWSLogs/{OURS}/", Body=b"")

    status, _, err = history(url)

    assert status == 0
    assert err.startswith(f"history: {url}: {objects} object")


def test_buckets_and_folders_together(aws: Cloud, tmp_path: Path, history: History) -> None:
    uploaded(aws, written(tmp_path / "there/closed.json.gz", CLOSED).parent)
    here = written(tmp_path / "here/opened.json.gz", OPENED).parent

    status, out, err = history(here, f"s3://{BUCKET}")

    assert (status, json.loads(out)["closed_how"]) == (0, "revoked")
    assert "2 files, " in err


# What cannot be read.


def refusing(operation: str, code: str, message: str = "no") -> Callable[[Cloud], None]:
    def arrange(aws: Cloud) -> None:
        def refuse(_: dict[str, Any]) -> Any:
            raise ClientError({"Error": {"Code": code, "Message": message}}, operation)

        aws.answers[operation] = refuse

    return arrange


def without_credentials(aws: Cloud) -> None:
    def refuse(_: dict[str, Any]) -> Any:
        raise NoCredentialsError

    aws.answers["ListObjectsV2"] = refuse


REFUSED: Final[dict[str, tuple[Callable[[Cloud], None], str, str]]] = {
    "no-such-bucket": (
        lambda _: None,
        "s3://nowhere-at-all",
        "ListObjectsV2: The specified bucket does not exist",
    ),
    "not-the-name-of-a-bucket": (lambda _: None, "s3://a b/c", 'Invalid bucket name "a b"'),
    "no-such-prefix": (
        lambda _: None,
        f"s3://{BUCKET}/AWSLogs/o-other",
        "there are no objects of what was asked for",
    ),
    "not-allowed-to-list": (
        refusing("ListObjectsV2", "AccessDenied", "you may not"),
        f"s3://{BUCKET}",
        "ListObjectsV2: you may not: you need s3:ListBucket on the bucket, s3:GetObject on its "
        "objects, and kms:Decrypt on the key that encrypts them, if one does",
    ),
    "not-allowed-to-read": (
        refusing("GetObject", "AccessDenied"),
        f"s3://{BUCKET}",
        "GetObject: no: you need s3:ListBucket",
    ),
    "no-credentials": (
        without_credentials,
        f"s3://{BUCKET}",
        "no AWS credentials were found: sign in (aws sso login, AWS_PROFILE, …)",
    ),
    "expired": (
        refusing("ListObjectsV2", "ExpiredToken", "The token has expired."),
        f"s3://{BUCKET}",
        "ListObjectsV2: The token has expired: sign in (aws sso login, AWS_PROFILE, …)",
    ),
    "another-region": (
        refusing("ListObjectsV2", "AuthorizationHeaderMalformed", "expecting 'eu-west-1'"),
        f"s3://{BUCKET}",
        "expecting 'eu-west-1': set AWS_DEFAULT_REGION to the bucket's Region",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_one_line_says_why_nothing_can_be_read(
    case: str, aws: Cloud, tmp_path: Path, history: History
) -> None:
    arrange, url, words = REFUSED[case]
    uploaded(aws, archive(tmp_path))
    arrange(aws)
    page = tmp_path / "page.html"

    status, out, err = history("--html", page, url)

    assert (status, out) == (2, "")
    [line] = err.splitlines()
    assert line.startswith(f"history: {url}: ")
    assert words in line
    assert not page.exists()


def test_a_profile_that_is_not_there(history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    def session() -> Any:
        raise ProfileNotFound(profile="nobody")

    monkeypatch.setattr(boto3, "Session", session)

    status, out, err = history(f"s3://{BUCKET}")

    assert (status, out) == (2, "")
    assert err.startswith("history: The config profile (nobody) could not be found: sign in")


def test_a_url_without_a_bucket(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exited:
        main(["s3://"])

    assert exited.value.code == 2
    assert "expected s3://BUCKET/PREFIX, found s3://" in capsys.readouterr().err


# What fails while it is read. Objects are asked for in the order of their keys.


class Gets:
    """Answers some requests for objects in S3's place, by how many there were before."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.answers: dict[int, Callable[[Any], Any]] = {}
        self.count = 0
        ask: Any = BaseClient._make_api_call  # type: ignore[attr-defined]

        def make_api_call(client: BaseClient, operation: str, request: dict[str, Any]) -> Any:
            answer = ask(client, operation, request)
            if operation == "GetObject":
                number, self.count = self.count, self.count + 1
                return self.answers.get(number, lambda it: it)(answer)
            return answer

        monkeypatch.setattr(BaseClient, "_make_api_call", make_api_call)
        # So that they are asked for in order.
        monkeypatch.setattr(bucket, "AT_ONCE", 1)


def raising(code: str) -> Callable[[Any], Any]:
    def answer(_: Any) -> Any:
        raise ClientError({"Error": {"Code": code, "Message": code}}, "GetObject")

    return answer


def cut_off(answer: Any) -> Any:
    body = answer["Body"].read()
    return answer | {"Body": StreamingBody(io.BytesIO(body[:-7]), len(body))}


def test_what_fails_is_named_and_the_others_are_read(
    aws: Cloud,
    tmp_path: Path,
    history: History,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    client = uploaded(aws, written(tmp_path / "whole.json.gz", OPENED).parent)
    client.put_object(Bucket=BUCKET, Key="frozen.json.gz", Body=b"x", StorageClass="GLACIER")
    client.put_object(Bucket=BUCKET, Key="empty.json.gz", Body=b"")
    client.put_object(Bucket=BUCKET, Key="broken.json.gz", Body=gzip.compress(b"{}" * 40)[:-9])
    # As if it vanished after it was listed.
    client.put_object(Bucket=BUCKET, Key="a.json.gz", Body=b"x")
    gets = Gets(monkeypatch)
    gets.answers = {0: raising("NoSuchKey"), 1: raising("NoSuchKey")}

    status, out, err = history(f"s3://{BUCKET}")

    assert (status, json.loads(out)["opened_event_id"]) == (2, OPENED["eventID"])
    begin = f"history: s3://{BUCKET}/"
    named = [line.removeprefix(begin) for line in err.splitlines() if line.startswith(begin)]
    assert sorted(named) == [
        "a.json.gz: GetObject: NoSuchKey",
        "broken.json.gz: the gzip file is cut off: copy it again",
        "empty.json.gz: is empty",
        "frozen.json.gz: GetObject: The operation is not valid for the object's storage class: "
        "restore it from its storage class first",
    ]


def test_credentials_that_expire_end_the_reading(
    aws: Cloud,
    tmp_path: Path,
    history: History,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for number in range(9):
        written(tmp_path / f"{number}.json.gz", OPENED | {"eventID": str(number)})
    uploaded(aws, tmp_path)
    monkeypatch.setattr(downloads, "_MOST_OBJECTS", 2)
    gets = Gets(monkeypatch)
    gets.answers = dict.fromkeys(range(3, 99), raising("ExpiredToken"))

    status, out, err = history(f"s3://{BUCKET}")

    assert (status, [json.loads(it)["opened_event_id"] for it in out.splitlines()]) == (2, ["0"])
    [line] = [line for line in err.splitlines() if "ExpiredToken" in line]
    assert line == (
        f"history: s3://{BUCKET}/2.json.gz: GetObject: ExpiredToken: sign in (aws sso login, "
        "AWS_PROFILE, …); nor can what follows it be read"
    )
    assert gets.count < 9


@pytest.mark.parametrize("times", [2, 3])
def test_an_object_that_breaks_off_is_asked_for_again(
    times: int,
    aws: Cloud,
    tmp_path: Path,
    history: History,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    uploaded(aws, written(tmp_path / "a.json.gz", OPENED).parent)
    gets = Gets(monkeypatch)
    gets.answers = {1 + number: cut_off for number in range(times)}

    status, out, err = history(f"s3://{BUCKET}")

    if times < 3:
        assert (status, bool(out)) == (0, True)
    else:
        assert (status, out) == (2, "")
        assert f"history: s3://{BUCKET}/a.json.gz: " in err


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize(
    ("limit", "value"), [("_LARGEST", 10), ("_MOST_BYTES", 10), ("_MOST_OBJECTS", 1)]
)
def test_memory_is_bounded_by_reading_less_at_once(
    limit: str,
    value: int,
    history: History,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    at_once = history(f"s3://{BUCKET}")
    monkeypatch.setattr(downloads, limit, value)

    assert history(f"s3://{BUCKET}") == at_once


# What is large.


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize(
    ("arguments", "stdin", "words"),
    [
        (["--yes"], io.StringIO(), ""),
        ([], Terminal("y\n"), "? [y/N] "),
        ([], Terminal("n\n"), "nothing was read; ask for fewer with --account, --region, --since"),
        ([], Terminal(), "nothing was read"),
        ([], io.StringIO("y\n"), "standard input is not a terminal: say --yes, or ask for fewer"),
    ],
    ids=["sure", "yes", "no", "end-of-input", "nobody-there"],
)
def test_a_person_is_asked_before_much_is_read(
    arguments: list[str],
    stdin: io.StringIO,
    words: str,
    history: History,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(asking, "_MUCH", 100)
    monkeypatch.setattr(sys, "stdin", stdin)

    status, out, err = history(*arguments, f"s3://{BUCKET}")

    is_read = "nothing" not in words and "nobody" not in err
    assert (status, bool(out)) == (0 if is_read else 2, is_read)
    assert words in err


@pytest.mark.parametrize(
    ("size", "words"),
    [(17, "17 bytes"), (4_000, "4.0 kB"), (12_340_000, "12.3 MB"), (2_500 * 10**9, "2,500.0 GB")],
)
def test_sizes_in_words(size: int, words: str) -> None:
    assert asking.size_words(size) == words


# An interruption.

LISTED: Final = (
    b"<ListBucketResult><IsTruncated>false</IsTruncated>"
    b"<Contents><Key>a.json.gz</Key><Size>9</Size></Contents>"
    b"<Contents><Key>b.json.gz</Key><Size>9</Size></Contents></ListBucketResult>"
)


INTERRUPTED: Final = "history: interrupted: this is partial, what was found until then\n"


class Stalling(BaseHTTPRequestHandler):
    """A bucket of two objects, the second of which does not come until it is released."""

    opened: bytes
    asked_for_second: threading.Event
    is_released: threading.Event

    def do_GET(self) -> None:
        body = LISTED if "list-type" in self.path else self.opened
        if "b.json.gz" in self.path:
            self.asked_for_second.set()
            self.is_released.wait(60)
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing."""


def test_an_interruption_prints_what_was_found(tmp_path: Path) -> None:
    Stalling.opened = written(tmp_path / "a.json.gz", OPENED).read_bytes()
    Stalling.asked_for_second, Stalling.is_released = threading.Event(), threading.Event()
    with (
        ThreadingHTTPServer(("127.0.0.1", 0), Stalling) as server,
        subprocess.Popen(
            [sys.executable, "-c", INTERRUPTIBLE, "--workers", "1", "--json", "s3://archive"],
            cwd=ROOT,
            env=os.environ
            | {
                "PYTHONPATH": "functions",
                "AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.server_port}",
                "AWS_ACCESS_KEY_ID": "none",
                "AWS_SECRET_ACCESS_KEY": "none",
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process,
    ):
        threading.Thread(target=server.serve_forever, daemon=True).start()
        assert Stalling.asked_for_second.wait(30)
        # By then, what came before has been read.
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        assert process.stderr
        said = list(iter(process.stderr.readline, INTERRUPTED))
        Stalling.is_released.set()
        out, _ = process.communicate(timeout=30)
        server.shutdown()

    assert process.returncode == 130
    assert json.loads(out)["opened_event_id"] == OPENED["eventID"]
    assert said[0] == "history: s3://archive: 2 objects, 18 bytes\n"
