"""`python -m local.replay`, as people and other programs use it."""

import base64
import gzip
import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final, NamedTuple

import pytest

from local import replay
from local.deliveries import Delivery
from tests.stories import EVENTS, ROOT, STORIES, story

pytestmark = pytest.mark.usefixtures("warm_function")

OPENING: Final = story("ssh-opened-to-the-world-from-the-console")
CREATION: Final = story("group-created-with-tags-by-an-aws-service")
DENIAL: Final = story("opening-to-the-world-denied")
NOT_OURS: Final = OPENING | {"eventName": "RunInstances", "eventID": "not-ours"}


class Replayed(NamedTuple):
    status: int
    out: str
    err: str

    @property
    def alerts(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def event_ids(self) -> list[str]:
        return [event_id for alert in self.alerts for event_id in alert["event_ids"]]

    @property
    def problems(self) -> list[str]:
        return [line for line in self.err.splitlines() if line.startswith("replay: ")]


Run = Callable[..., Replayed]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*arguments: str | Path) -> Replayed:
        status = replay.main([str(argument) for argument in arguments])
        return Replayed(status, *capsys.readouterr())

    return run


@pytest.fixture
def as_json(run: Run) -> Run:
    return lambda *arguments: run("--format", "json", *arguments)


def written(folder: Path, name: str, *documents: object) -> Path:
    """A file of these documents, a line each."""
    path = folder / name
    content = "".join(f"{json.dumps(document)}\n" for document in documents).encode()
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    return path


def payload_of(*messages: str) -> dict[str, Any]:
    data = {
        "messageType": "DATA_MESSAGE",
        "owner": "111122223333",
        "logGroup": "organization-trail",
        "logStream": "o-exampleorgid_222233334444_CloudTrail_eu-central-1",
        "subscriptionFilters": ["security-group-changes"],
        "logEvents": [
            {"id": str(index), "timestamp": 0, "message": message}
            for index, message in enumerate(messages)
        ],
    }
    return {
        "awslogs": {"data": base64.b64encode(gzip.compress(json.dumps(data).encode())).decode()}
    }


# What is reported, and in what form.


def test_json_lines_are_as_agreed(as_json: Run, tmp_path: Path) -> None:
    replayed = as_json(written(tmp_path, "a.json", OPENING))

    [alert] = replayed.alerts
    assert list(alert) == ["event_ids", "subject", "attributes", "messages"]
    assert alert["event_ids"] == [OPENING["eventID"]]
    assert alert["subject"].startswith("CRITICAL: tcp 22 (SSH) open to")
    assert alert["attributes"] == {
        "severity": "CRITICAL",
        "world_open": "true",
        "effect": "opens",
        "outcome": "succeeded",
        "kind": "security-group",
        "event_name": "AuthorizeSecurityGroupIngress",
        "account_id": "222233334444",
        "account_name": "payments-production",
        "region": "eu-central-1",
        "organization_id": "o-exampleorgid",
    }
    assert list(alert["messages"]) == ["default", "email", "https", "sms"]
    assert all(isinstance(text, str) for text in alert["messages"].values())
    assert (replayed.status, replayed.problems) == (0, [])
    assert replayed.err == "1 records read, 1 matched, 1 alerts, 1 world-open, 0 unreadable\n"


def test_one_line_an_alert(as_json: Run) -> None:
    replayed = as_json(EVENTS)

    assert sorted(replayed.event_ids) == sorted(story(name)["eventID"] for name in STORIES)
    assert replayed.err.startswith(f"{len(STORIES)} records read, {len(STORIES)} matched, ")


def test_every_form_is_what_its_subscriber_gets(run: Run, as_json: Run, tmp_path: Path) -> None:
    path = written(tmp_path, "a.json", OPENING)
    [alert] = as_json(path).alerts
    sent = alert["messages"]

    printed = {
        form: run("--format", form, path).out for form in ("chat", "email", "machine", "sms")
    }

    assert json.loads(printed["chat"]) == json.loads(sent["https"])
    assert json.loads(printed["machine"]) == json.loads(sent["default"])
    assert printed["sms"] == f"{sent['sms']}\n"
    assert printed["email"].endswith(f"\nSubject: {alert['subject']}\n\n{sent['email']}\n")


def test_email_is_the_form_for_people(run: Run, tmp_path: Path) -> None:
    path = written(tmp_path, "a.json", OPENING)

    replayed = run(path)

    assert replayed == run("--format", "email", path)
    assert "\nSubject: CRITICAL: " in replayed.out
    assert "\nWHAT CHANGED\n" in replayed.out


def test_what_is_open_to_the_world_comes_first_for_people(run: Run, tmp_path: Path) -> None:
    paths = [
        written(tmp_path, f"{index}.json", it)
        for index, it in enumerate((CREATION, DENIAL, OPENING))
    ]
    alone = [run("--format", "sms", path).out for path in paths]

    assert run("--format", "sms", *paths).out == alone[2] + alone[0] + alone[1]


def test_programs_get_alerts_in_the_order_in_which_they_were_sent(
    as_json: Run, tmp_path: Path
) -> None:
    path = written(tmp_path, "a.json", CREATION, OPENING)

    assert as_json(path).event_ids == [CREATION["eventID"], OPENING["eventID"]]


@pytest.mark.parametrize("is_terminal", [True, False])
def test_colour_is_for_terminals(
    is_terminal: bool, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: is_terminal)

    out = run(written(tmp_path, "a.json", OPENING, CREATION)).out

    assert ("\x1b[" in out) == is_terminal
    assert out.count("\x1b[0m") == out.count("\x1b[1;") == (2 if is_terminal else 0)


# What is read.


def test_every_form_of_input_comes_to_the_same(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = run("--payload", written(tmp_path, "record.json", OPENING))
    folder = tmp_path / "folder"
    folder.mkdir()
    written(folder, "record.jsonl", OPENING)
    written(folder, "README.md", CREATION)
    stdin = SimpleNamespace(buffer=io.BytesIO(json.dumps(OPENING).encode()))
    monkeypatch.setattr(sys, "stdin", stdin)
    inputs = [
        written(tmp_path, "s3.json", {"Records": [OPENING]}),
        written(tmp_path, "s3.json.gz", {"Records": [OPENING]}),
        written(tmp_path, "payload.json", json.loads(expected.out)),
        written(tmp_path, "eventbridge.json", {"detail-type": "", "detail": OPENING}),
        written(tmp_path, "lookup.json", {"Events": [{"CloudTrailEvent": json.dumps(OPENING)}]}),
        folder,
        "-",
    ]

    for path in inputs:
        assert run("--payload", path) == expected, path


def test_several_paths(as_json: Run, tmp_path: Path) -> None:
    paths = [written(tmp_path, f"{index}.json", it) for index, it in enumerate((CREATION, OPENING))]

    assert as_json(*paths).event_ids == [CREATION["eventID"], OPENING["eventID"]]


def test_what_the_subscription_does_not_let_through_is_dropped(
    as_json: Run, tmp_path: Path
) -> None:
    replayed = as_json(written(tmp_path, "a.jsonl", NOT_OURS, OPENING, {}))

    assert replayed.event_ids == [OPENING["eventID"]]
    assert replayed.err == "3 records read, 1 matched, 1 alerts, 1 world-open, 0 unreadable\n"
    assert replayed.status == 0


def test_nothing_of_ours_is_no_mistake(as_json: Run, tmp_path: Path) -> None:
    assert as_json(written(tmp_path, "a.json", {"Records": []})) == (
        0,
        "",
        "0 records read, 0 matched, 0 alerts, 0 world-open, 0 unreadable\n",
    )


def test_calls_of_one_delivery_are_reported_together_and_large_streams_are_cut(
    as_json: Run, tmp_path: Path
) -> None:
    calls = [CREATION | {"eventID": f"event-{index:04d}"} for index in range(1001)]

    replayed = as_json(written(tmp_path, "a.jsonl", *calls))

    assert replayed.event_ids == [f"event-{index:04d}" for index in range(1001)]
    # A delivery of 1,000 as a handful of messages, and one of the last.
    assert replayed.alerts[-1]["event_ids"] == ["event-1000"]
    assert len(replayed.alerts) < 20


# What cannot be read.


def test_a_bad_path_is_one_line_and_the_others_are_replayed(as_json: Run, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "1.json").write_bytes(gzip.compress(b"{}")[:-5])
    written(folder, "2.json", CREATION)
    (folder / "3.json").touch()
    (folder / "4.jsonl").write_text(f"{json.dumps(OPENING)}\n{{\n", encoding="utf-8")
    empty = tmp_path / "empty"
    empty.mkdir()

    replayed = as_json(tmp_path / "gone.json", folder, empty)

    assert replayed.status == 2
    assert replayed.event_ids == [CREATION["eventID"], OPENING["eventID"]]
    assert [line.partition(": expected JSON")[0] for line in replayed.problems] == [
        f"replay: {tmp_path}/gone.json: No such file or directory",
        f"replay: {folder}/1.json: the gzip file is cut off: copy it again",
        f"replay: {folder}/3.json",
        f"replay: {folder}/4.jsonl, line 2",
        f"replay: {empty}: no *.json, *.jsonl, *.json.gz in this folder: to read other files, "
        "name them",
    ]
    assert len(replayed.err.splitlines()) == 1 + len(replayed.problems)


def test_a_payload_that_cannot_be_decoded(as_json: Run, tmp_path: Path) -> None:
    bad = written(tmp_path, "bad.json", {"awslogs": {"data": "H4sIAAAA"}})
    good = written(tmp_path, "good.json", payload_of(json.dumps(OPENING)))

    replayed = as_json(bad, good)

    assert replayed.status == 2
    assert replayed.event_ids == [OPENING["eventID"]]
    [problem] = replayed.problems
    assert problem.startswith(f"replay: {bad}: awslogs.data: expected base64 of gzip of a JSON")


def test_a_log_event_that_is_not_json_is_reported_and_the_rest_goes_on(
    as_json: Run, tmp_path: Path
) -> None:
    payload = payload_of(json.dumps(CREATION), "Nov 23 sshd[1]: no JSON", json.dumps(OPENING))

    replayed = as_json(written(tmp_path, "a.json", payload))

    assert [alert["attributes"]["kind"] for alert in replayed.alerts] == [
        "security-group",
        "unreadable",
        "security-group",
    ]
    assert replayed.event_ids == [CREATION["eventID"], OPENING["eventID"]]
    assert replayed.err == "3 records read, 3 matched, 3 alerts, 1 world-open, 1 unreadable\n"
    assert replayed.status == 0
    # The clock stands after the newest record all the same.
    assert "5 min later" in replayed.alerts[-1]["messages"]["email"]


def test_a_control_message_is_answered_and_ignored(as_json: Run, tmp_path: Path) -> None:
    data = {"messageType": "CONTROL_MESSAGE", "logEvents": [{"message": "checking health"}]}
    packed = base64.b64encode(gzip.compress(json.dumps(data).encode())).decode()

    replayed = as_json(written(tmp_path, "a.json", {"awslogs": {"data": packed}}))

    assert (replayed.status, replayed.out) == (0, "")


@pytest.mark.parametrize("time", ["9999-12-31T23:59:59Z", None])
def test_a_record_of_no_plausible_time(time: str | None, as_json: Run, tmp_path: Path) -> None:
    replayed = as_json(written(tmp_path, "a.json", OPENING | {"eventTime": time}))

    assert replayed.event_ids == [OPENING["eventID"]]
    assert replayed.status == 0


@pytest.mark.usefixtures("cold_function")
def test_a_wrong_setting_is_one_line(
    as_json: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TIME_ZONE", "Mars/Phobos")

    replayed = as_json(written(tmp_path, "a.json", OPENING))

    assert (replayed.status, replayed.out) == (2, "")
    assert replayed.err == (
        "replay: TIME_ZONE='Mars/Phobos': expected an IANA time zone such as Europe/Berlin\n"
    )


@pytest.mark.usefixtures("cold_function")
def test_my_own_settings_are_used(
    as_json: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TIME_ZONE", "Asia/Tokyo")
    monkeypatch.setenv("ACCOUNT_TAGS", "")

    [alert] = as_json(written(tmp_path, "a.json", OPENING)).alerts

    assert "Asia/Tokyo" in alert["messages"]["email"]
    assert "Owner" not in alert["messages"]["email"]


# --payload


def test_payloads_give_the_same_alerts_as_the_records(
    run: Run, as_json: Run, tmp_path: Path
) -> None:
    payloads = run("--payload", EVENTS)
    again = tmp_path / "payloads.jsonl"
    again.write_text(payloads.out, encoding="utf-8")

    assert (payloads.status, payloads.err) == (0, "")
    assert as_json(again) == as_json(EVENTS)
    assert run("--payload", again) == payloads


def test_payloads_hold_only_what_is_let_through(run: Run, tmp_path: Path) -> None:
    path = written(tmp_path, "a.jsonl", NOT_OURS, OPENING)

    replayed = run("--payload", path, tmp_path / "gone.json")

    assert replayed.status == 2
    [line] = replayed.out.splitlines()
    data = json.loads(gzip.decompress(base64.b64decode(json.loads(line)["awslogs"]["data"])))
    assert [json.loads(it["message"]) for it in data["logEvents"]] == [OPENING]
    assert replayed.err == f"replay: {tmp_path}/gone.json: No such file or directory\n"


# On the command line.


def test_help(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exited:
        run("--help")

    usage = capsys.readouterr().out
    assert exited.value.code == 0
    for word in ("PATH", "--format", "{chat,email,json,machine,sms}", "--payload", "Exit status"):
        assert word in usage


@pytest.mark.parametrize("arguments", [[], ["--format", "fax", "events"], ["--colour"]])
def test_a_wrong_call_says_how(
    arguments: list[str], run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as exited:
        run(*arguments)

    assert exited.value.code == 2
    assert capsys.readouterr().err.startswith("usage: python -m local.replay ")


@pytest.mark.parametrize(
    ("records", "is_terminal", "shown"),
    [(5000, True, True), (5000, False, False), (10, True, False)],
    ids=["much-on-a-terminal", "much-in-a-pipe", "little-on-a-terminal"],
)
def test_progress(
    records: int,
    is_terminal: bool,
    shown: bool,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: is_terminal)
    deliveries = [Delivery("a", {}, records // 2, None), Delivery("b", {}, records // 2, None)]

    assert list(replay._with_progress(deliveries)) == deliveries

    out, err = capsys.readouterr()
    assert out == ""
    assert (f"{records}/{records} " in err) == shown
    assert bool(err) == shown


def test_as_a_program_with_standard_input() -> None:
    process = subprocess.run(
        [sys.executable, "-m", "local.replay", "--format", "json", "-", "gone.json"],
        cwd=ROOT,
        input=json.dumps({"Records": [CREATION, OPENING]}),
        capture_output=True,
        text=True,
        check=False,
    )

    replayed = Replayed(process.returncode, process.stdout, process.stderr)
    assert replayed.status == 2
    assert replayed.event_ids == [CREATION["eventID"], OPENING["eventID"]]
    assert replayed.err.splitlines() == [
        "2 records read, 2 matched, 2 alerts, 1 world-open, 0 unreadable",
        "replay: gone.json: No such file or directory",
    ]


def test_whoever_reads_may_stop() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "local.replay", "--format", "json", "events"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        assert process.stderr
        assert process.stdout.read(1) == "{"
        process.stdout.close()

        assert process.stderr.read() == ""
        assert process.wait() == 0
