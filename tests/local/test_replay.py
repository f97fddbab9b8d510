"""`python -m local.replay`, as people and other programs use it."""

import base64
import gzip
import io
import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final, NamedTuple

import pytest

from local import replay
from local.aws import SentAlert
from local.awslogs import packed
from local.deliveries import Delivery
from local.replayed_function import ReplayedFunction
from local.template import read_template
from tests.local.replay_inputs import DELIVERY
from tests.stories import EVENTS, ROOT, STORIES, story

pytestmark = pytest.mark.usefixtures("warm_function")

OPENING: Final = story("ssh-opened-to-the-world-from-the-console")
CREATION: Final = story("group-created-with-tags-by-an-aws-service")
DENIAL: Final = story("opening-to-the-world-denied")
OMITTED: Final = story("rules-omitted-because-the-call-was-too-large")
DESCRIBED: Final = story("ingress-rule-description-updated")
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
    log_events = [
        {"id": str(it), "timestamp": 0, "message": text} for it, text in enumerate(messages)
    ]
    return packed(DELIVERY | {"logEvents": log_events})


def decoded(payload: dict[str, Any]) -> dict[str, Any]:
    delivery: dict[str, Any] = json.loads(
        gzip.decompress(base64.b64decode(payload["awslogs"]["data"]))
    )
    return delivery


# Each record; the folder of the stories holds lives as well.
EVERY_STORY: Final = sorted(EVENTS.glob("*.json"))


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
        "kind": "security-group",
        "reach": "unknown",
        "account_id": "222233334444",
        "account_name": "payments-production",
        "region": "eu-central-1",
        "ou": "Root/Workloads",
        "owner": "payments",
    }
    assert list(alert["messages"]) == ["default", "email", "https", "sms"]
    assert all(isinstance(text, str) for text in alert["messages"].values())
    assert (replayed.status, replayed.problems) == (0, [])
    assert replayed.err == (
        "1 record read, 1 matched, 0 repeats, 1 alert, 1 world-open, 0 unreadable\n"
    )


def test_one_line_an_alert(as_json: Run) -> None:
    replayed = as_json(*EVERY_STORY)

    assert sorted(replayed.event_ids) == sorted(story(name)["eventID"] for name in STORIES)
    assert replayed.err.startswith(f"{len(STORIES)} records read, {len(STORIES)} matched, ")


def test_as_much_is_said_in_every_form(run: Run, tmp_path: Path) -> None:
    """Calls of the same hour come in one delivery, later ones in another."""
    times = ("08:00:00", "08:50:00", "11:00:00")
    calls = [
        CREATION | {"eventID": f"event-{time}", "eventTime": f"2026-11-17T{time}Z"}
        for time in times
    ]
    path = written(tmp_path, "a.jsonl", *calls)

    summaries = {run("--format", form, path).err for form in replay._FORMATS}

    assert summaries == {
        "3 records read, 3 matched, 0 repeats, 2 alerts, 0 world-open, 0 unreadable\n"
    }


def test_repeats_are_counted(as_json: Run, tmp_path: Path) -> None:
    replayed = as_json(written(tmp_path, "a.jsonl", OPENING, CREATION, OPENING, OPENING))

    assert replayed.event_ids == [OPENING["eventID"], CREATION["eventID"]]
    assert replayed.err == (
        "4 records read, 4 matched, 2 repeats, 2 alerts, 1 world-open, 0 unreadable\n"
    )


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


def test_an_email_says_where_its_records_were_found(run: Run, tmp_path: Path) -> None:
    again = OPENING | {"eventID": "11111111-2222-4333-8444-555555555555"}
    opening, creation, payload = (
        written(tmp_path, "opening.json", OPENING),
        written(tmp_path, "creation.jsonl", NOT_OURS, CREATION),
        written(tmp_path, "payload.json", payload_of(json.dumps(DENIAL))),
    )
    second = written(tmp_path, "second.json", again)

    out = run(opening, creation, payload, second).out

    assert [line for line in out.splitlines() if line.startswith("File: ")] == [
        f"File: {opening} and {second}",
        f"File: {payload}, line 1",
        f"File: {creation}",
    ]


def test_an_alert_without_event_ids_comes_from_one_of_the_files(run: Run, tmp_path: Path) -> None:
    path = written(tmp_path, "a.json", OPENING | {"eventID": None})

    assert f"\nFile: {path}\n" in run(path).out


def test_what_is_not_sent_by_email_is_marked(run: Run, tmp_path: Path) -> None:
    least = read_template()["Parameters"]["MinimumSeverity"]["Default"]
    path = written(tmp_path, "a.json", OPENING, DESCRIBED)

    first, second = run(path).out.split("─" * 100)[1:]

    mark = f"\nNo e-mail by default: below MinimumSeverity, which is {least}\nSubject: "
    assert mark not in first
    assert "INFORMATIONAL" in second
    assert mark in second


def test_the_subscription_for_email_is_as_replay_says() -> None:
    resources = read_template()["Resources"].values()
    [policy] = [
        resource["Properties"]["FilterPolicy"]
        for resource in resources
        if resource["Type"] == "AWS::SNS::Subscription" and "FilterPolicy" in resource["Properties"]
    ]

    severity, effect, kind = policy["$or"]
    assert severity["severity"]["Fn::FindInMap"][1] == {"Ref": "MinimumSeverity"}
    assert effect == {"effect": ["closes"]}
    assert kind == {"kind": ["digest"]}


@pytest.mark.parametrize(
    ("severity", "effect", "kind", "it_is"),
    [
        ("INFORMATIONAL", "closes", "security-group", True),
        ("INFORMATIONAL", "attempt", "security-group", False),
        ("INFORMATIONAL", "other", "digest", True),
        ("LOW", "other", "trail", False),
        ("MEDIUM", "other", "trail", True),
        ("CRITICAL", "other", "security-group", True),
    ],
)
def test_closings_and_digests_are_sent_by_email_whatever_their_severity(
    severity: str, effect: str, kind: str, it_is: bool
) -> None:
    alert = SentAlert("", {"severity": severity, "effect": effect, "kind": kind}, {})

    assert replay._is_emailed(alert) == it_is


@pytest.mark.parametrize(
    ("is_terminal", "variables", "is_coloured"),
    [
        (True, {}, True),
        (False, {}, False),
        (True, {"NO_COLOR": "1"}, False),
        (True, {"NO_COLOR": ""}, True),
        (False, {"FORCE_COLOR": "1"}, True),
        (False, {"FORCE_COLOR": ""}, False),
        (False, {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
    ],
)
def test_colour_is_for_terminals(
    *,
    is_terminal: bool,
    variables: dict[str, str],
    is_coloured: bool,
    run: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = written(tmp_path, "a.json", OPENING, CREATION, OMITTED)
    plain = run(path)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: is_terminal)
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    out = run(path).out

    assert re.sub("\x1b\\[[0-9;]*m", "", out) == plain.out
    coloured = coloured_in(out)
    severities = [it.split()[1] for it in coloured if it.startswith("Subject: ")]
    assert sorted(severities) == (["CRITICAL:", "HIGH:", "LOW:"] if is_coloured else [])
    assert any(it.startswith("aws ") for it in coloured) == is_coloured
    assert any(it.startswith("! ") for it in coloured) == is_coloured


def coloured_in(out: str) -> list[str]:
    return re.findall("\x1b\\[[1-9][0-9;]*m(.*)\x1b\\[0m", out)


def test_what_undoes_a_change_is_coloured_and_what_opens_again_is_not(
    run: Run, as_json: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The machine form says which commands may be run without a second thought."""
    offered = {
        line
        for alert in as_json(*EVERY_STORY).alerts
        for line in json.loads(alert["messages"]["default"])["remediation"]["desc"].splitlines()
        if line.startswith("aws ")
    }
    monkeypatch.setenv("FORCE_COLOR", "1")

    coloured = coloured_in(run(*EVERY_STORY).out)

    assert {it for it in coloured if it.startswith("aws ")} == offered
    assert "UNDO" in coloured


def test_other_forms_are_not_coloured(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    path = written(tmp_path, "a.json", OPENING)

    for form in ("chat", "json", "machine", "sms"):
        assert "\x1b" not in run("--format", form, path).out


# What is read.


def test_every_form_of_input_comes_to_the_same(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = run("--payload", written(tmp_path, "record.json", OPENING))
    folder = tmp_path / "folder"
    folder.mkdir()
    written(folder, "record.jsonl", OPENING)
    stdin = SimpleNamespace(buffer=io.BytesIO(json.dumps(OPENING).encode()))
    monkeypatch.setattr(sys, "stdin", stdin)
    inputs = [
        written(tmp_path, "s3.json", {"Records": [OPENING]}),
        written(tmp_path, "s3.json.gz", {"Records": [OPENING]}),
        written(tmp_path, "payload.json", json.loads(expected.out)),
        written(tmp_path, "delivery.json", decoded(json.loads(expected.out))),
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
    replayed = as_json(written(tmp_path, "a.jsonl", NOT_OURS, OPENING, NOT_OURS))

    assert replayed.event_ids == [OPENING["eventID"]]
    assert replayed.err == (
        "3 records read, 1 matched, 0 repeats, 1 alert, 1 world-open, 0 unreadable\n"
    )
    assert replayed.status == 0


def test_nothing_of_ours_is_no_mistake(as_json: Run, tmp_path: Path) -> None:
    assert as_json(written(tmp_path, "a.json", {"Records": []})) == (
        0,
        "",
        "0 records read, 0 matched, 0 repeats, 0 alerts, 0 world-open, 0 unreadable\n",
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


def test_no_delivery_waits_for_the_one_before(
    as_json: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On AWS, no more than eight messages are sent in a second."""
    waits: list[float] = []
    monkeypatch.setattr(time, "sleep", waits.append)
    calls = [
        CREATION | {"eventID": f"event-{day}", "eventTime": f"2026-11-{day}T08:00:00Z"}
        for day in range(10, 30)
    ]

    assert len(as_json(written(tmp_path, "a.jsonl", *calls)).alerts) == 20
    assert sum(waits) == 0


# What cannot be read.

# What a file holds -> the exit status, the records read and the alerts, and what is said of it.
TOLD: Final[dict[str, tuple[object, int, int, int, str]]] = {
    "a-catalogue-of-calls": (
        [{"eventName": "StopLogging", "eventSource": "cloudtrail.amazonaws.com"}] * 2,
        *(2, 0, 0),
        ": 2 documents are not CloudTrail records: expected eventName with eventTime, ",
    ),
    "other-documents-among-records": (
        [OPENING, {"Version": "2012-10-17"}, CREATION],
        *(2, 2, 2),
        ": 1 document is not a CloudTrail record: expected eventName with eventTime, ",
    ),
    "log-events-of-something-else": (
        {"events": [{"message": "2 123456789010 eni-1 ACCEPT OK"}]},
        *(2, 0, 0),
        ": 1 document is not a CloudTrail record: expected eventName with eventTime, ",
    ),
    "lookup-events-of-which-one-has-no-text": (
        {"Events": [{"EventId": "1"}, {"EventId": "2", "CloudTrailEvent": json.dumps(OPENING)}]},
        *(2, 1, 1),
        ", Events[0]: expected CloudTrailEvent, a record as JSON text",
    ),
    "parameters-as-text": (
        OPENING
        | {key: json.dumps(OPENING[key]) for key in ("requestParameters", "responseElements")},
        *(0, 1, 1),
        "",
    ),
    "digest-and-notification": (
        [{"digestStartTime": "2026-11-24T08:00:00Z"}, {"s3ObjectKey": ["AWSLogs/"]}],
        *(0, 0, 0),
        "",
    ),
    "a-record-that-cannot-be-judged": (
        OPENING | {"requestParameters": None, "responseElements": None},
        *(0, 1, 1),
        "",
    ),
}


@pytest.mark.parametrize(
    ("form", "status", "records", "alerts", "problem"), TOLD.values(), ids=TOLD
)
def test_what_is_said(
    *,
    form: object,
    status: int,
    records: int,
    alerts: int,
    problem: str,
    as_json: Run,
    tmp_path: Path,
) -> None:
    path = written(tmp_path, "a.json", form)

    replayed = as_json(path)

    assert (replayed.status, len(replayed.alerts)) == (status, alerts)
    assert replayed.err.startswith(f"{records} record{'' if records == 1 else 's'} read, ")
    assert f", {alerts} alert{'' if alerts == 1 else 's'}, " in replayed.err
    assert [it.startswith(f"replay: {path}{problem}") for it in replayed.problems] == (
        [True] if problem else []
    )


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
    assert sorted(line.partition(": expected JSON")[0] for line in replayed.problems) == [
        f"replay: {empty}: the folder holds no files",
        f"replay: {folder}/1.json: the gzip file is cut off: copy it again",
        f"replay: {folder}/3.json: is empty",
        f"replay: {folder}/4.jsonl, line 2",
        f"replay: {tmp_path}/gone.json: No such file or directory",
    ]
    assert len(replayed.err.splitlines()) == 1 + len(replayed.problems)


def test_a_payload_that_cannot_be_decoded(as_json: Run, tmp_path: Path) -> None:
    bad = written(tmp_path, "bad.json", {"awslogs": {"data": "H4sIAAAA"}})
    good = written(tmp_path, "good.json", payload_of(json.dumps(OPENING)))

    replayed = as_json(bad, good)

    assert replayed.status == 2
    assert replayed.event_ids == [OPENING["eventID"]]
    [problem] = replayed.problems
    assert problem.startswith(
        f"replay: {bad}, line 1: awslogs.data: expected base64 of gzip of a JSON"
    )


def test_a_log_event_that_is_not_json_is_reported_and_the_rest_goes_on(
    as_json: Run, tmp_path: Path
) -> None:
    payload = payload_of(json.dumps(CREATION), "Nov 23 sshd[1]: no JSON", json.dumps(OPENING))

    replayed = as_json(written(tmp_path, "a.json", payload))

    assert [alert["attributes"]["kind"] for alert in replayed.alerts] == [
        "unreadable",
        "security-group",
        "security-group",
    ]
    assert replayed.event_ids == [CREATION["eventID"], OPENING["eventID"]]
    assert replayed.err == (
        "3 records read, 3 matched, 0 repeats, 3 alerts, 1 world-open, 1 unreadable\n"
    )
    assert replayed.status == 0
    # The clock stands after the newest record all the same.
    assert "5 min ago" in replayed.alerts[-1]["messages"]["email"]


def test_a_control_message_is_answered_and_ignored(as_json: Run, tmp_path: Path) -> None:
    data = {"messageType": "CONTROL_MESSAGE", "logEvents": [{"message": "checking health"}]}

    replayed = as_json(written(tmp_path, "a.json", packed(data)), written(tmp_path, "b.json", data))

    assert (replayed.status, replayed.out) == (0, "")
    assert replayed.err.startswith("0 records read, ")


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
    payloads = run("--payload", *EVERY_STORY)
    again = tmp_path / "payloads.jsonl"
    again.write_text(payloads.out, encoding="utf-8")

    assert (payloads.status, payloads.err) == (0, "")
    assert as_json(again).alerts == as_json(*EVERY_STORY).alerts
    assert run("--payload", again).out == payloads.out


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


@pytest.mark.parametrize("form", ["json", "sms"])
def test_a_reading_that_is_interrupted_is_called_partial(
    form: str, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody presses Ctrl-C while more is to come from standard input."""
    pieces = iter([f"{json.dumps(OPENING)}\n{json.dumps(NOT_OURS)}\n{{".encode()])

    def read(_: int) -> bytes:
        for piece in pieces:
            return piece
        raise KeyboardInterrupt

    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=SimpleNamespace(read1=read)))

    replayed = run("--format", form, "-", written(tmp_path, "a.json", CREATION))

    assert replayed.status == 130
    assert "sg-0945dc6b613dff4fd" in replayed.out
    assert len(replayed.out.splitlines()) == 1
    assert replayed.err.splitlines() == [
        "2 records read, 1 matched, 0 repeats, 1 alert, 1 world-open, 0 unreadable",
        "replay: interrupted: this is partial, what was found until then",
    ]


def test_a_replay_that_is_interrupted_is_called_partial(
    as_json: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    handle = ReplayedFunction.handle

    def handle_the_first_only(
        function: ReplayedFunction, delivery: Delivery, problems: list[str]
    ) -> dict[str, int]:
        if "CreateSecurityGroup" in json.dumps(decoded(delivery.payload)):
            raise KeyboardInterrupt
        return handle(function, delivery, problems)

    monkeypatch.setattr(ReplayedFunction, "handle", handle_the_first_only)

    replayed = as_json(written(tmp_path, "a.jsonl", OPENING, CREATION))

    assert replayed.status == 130
    assert replayed.event_ids == [OPENING["eventID"]]
    assert replayed.err.startswith("2 records read, 1 matched, ")
    assert replayed.problems == ["replay: interrupted: this is partial, what was found until then"]


def test_what_was_sent_before_an_interruption_is_printed(
    as_json: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    handle = ReplayedFunction.handle

    def handle_and_stop(
        function: ReplayedFunction, delivery: Delivery, problems: list[str]
    ) -> dict[str, int]:
        handle(function, delivery, problems)
        raise KeyboardInterrupt

    monkeypatch.setattr(ReplayedFunction, "handle", handle_and_stop)

    replayed = as_json(written(tmp_path, "a.jsonl", OPENING, CREATION))

    assert (replayed.status, replayed.event_ids) == (130, [OPENING["eventID"]])


# Whoever starts the tests may ignore interruptions, which every process under them then does.
INTERRUPTIBLE: Final = (
    "import runpy, signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    "runpy.run_module('local.replay', run_name='__main__', alter_sys=True)"
)


def program(path: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", INTERRUPTIBLE, "--format", "json", path],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_ctrl_c() -> None:
    """While more is to come. A pipe takes less than what is written: the beginning was read."""
    with program("-") as process:
        assert process.stdin
        process.stdin.write(f"{json.dumps(OPENING)}\n")
        process.stdin.write(f"{json.dumps(NOT_OURS)}\n" * 500)
        process.stdin.flush()
        process.send_signal(signal.SIGINT)
        # It must not end because nothing more can come.
        process.wait(timeout=60)
        assert process.stdout
        assert process.stderr
        replayed = Replayed(process.returncode, process.stdout.read(), process.stderr.read())

    assert (replayed.status, replayed.event_ids) == (130, [OPENING["eventID"]])
    assert " records read, 1 matched, 0 repeats, 1 alert, 1 world-open" in replayed.err
    assert replayed.problems == ["replay: interrupted: this is partial, what was found until then"]


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
        "2 records read, 2 matched, 0 repeats, 2 alerts, 1 world-open, 0 unreadable",
        "replay: gone.json: No such file or directory",
    ]


def test_whoever_reads_may_stop() -> None:
    with program("events") as process:
        assert process.stdout
        assert process.stderr
        assert process.stdout.read(1) == "{"
        process.stdout.close()

        assert process.stderr.read() == ""
        assert process.wait() == 0


def made(*variables: str) -> "subprocess.CompletedProcess[str]":
    """`make replay`. Its environment is there: it is the one that runs this."""
    return subprocess.run(
        ["make", "--silent", "--old-file=.venv/.replay", "replay", "FORMAT=sms", *variables],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    "files",
    [
        "{folder}/one file.json",
        "'{folder}/one file.json' {other}",
        '"{folder}/one file.json"',
        "{escaped}/one\\ file.json",
        "'{folder}'/*.json",
        "{folder}",
    ],
)
def test_make_takes_names_with_spaces(files: str, tmp_path: Path) -> None:
    folder, other = tmp_path / "my folder", tmp_path / "other.json"
    folder.mkdir()
    written(folder, "one file.json", OPENING)
    written(tmp_path, "other.json", OPENING)
    escaped = str(folder).replace(" ", "\\ ")

    done = made(f"FILES={files.format(folder=folder, other=other, escaped=escaped)}")

    assert done.returncode == 0
    assert done.stdout.startswith("CRITICAL tcp 22 (SSH) open to the whole IPv4 Internet")
    assert len(done.stdout.splitlines()) == 1


def test_make_takes_several_files(tmp_path: Path) -> None:
    one, two = written(tmp_path, "1.json", OPENING), written(tmp_path, "2.json", CREATION)

    assert len(made(f"FILES={one} {two}").stdout.splitlines()) == 2


def test_make_shows_every_story_and_one_life() -> None:
    done = made()

    lines = done.stdout.splitlines()
    begin = lines.index("── events/lifetimes/slices-of-the-internet.json, line 1")
    assert len(lines[:begin]) >= len(STORIES) - 5
    assert not [line for line in lines[:begin] if line.startswith("── ")]
    assert [line for line in lines[begin + 1 :] if line.startswith("── step ")]
    assert (done.returncode, len(done.stderr.splitlines())) == (0, 1)


# How much of the memory it takes.

MOST_MEGABYTES: Final = 150


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    """A log file of 200 MB, of which 50 records are ours, and one of these 50."""
    small, large = tmp_path / "small.json.gz", tmp_path / "large.json.gz"
    ours = ",".join(
        json.dumps(OPENING | {"eventID": f"11111111-2222-4333-8444-{number:012d}"})
        for number in range(50)
    )
    others = f"{json.dumps(NOT_OURS)}," * 500
    members = 200_000_000 // len(others)
    begin, end = (gzip.compress(it.encode()) for it in ('{"Records":[', f"{ours}]}}"))
    small.write_bytes(begin + end)
    large.write_bytes(begin + gzip.compress(others.encode()) * members + end)

    needed, most = peak_megabytes(small), peak_megabytes(large)

    assert most <= MOST_MEGABYTES
    assert most <= needed * 1.2


def peak_megabytes(path: Path) -> float:
    """The most memory that a replay of this file takes, in a process that measures itself."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.replayed", str(path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert " 50 matched" in done.stderr
    return float(json.loads(done.stdout)["megabytes"])
