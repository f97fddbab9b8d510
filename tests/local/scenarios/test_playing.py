"""Scenarios, played by `python -m local.replay` as people and other programs do."""

import gzip
import io
import json
import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final, NamedTuple

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.session import Session

from local import replay
from local.aws import SEEN_EVENTS_TABLE
from local.replayed_function import ReplayedFunction
from local.scenarios import playing
from local.scenarios.reading import scenario_of
from tests.stories import story

ACCOUNT: Final = "222233334444"
REGION: Final = "eu-central-1"
OPENING: Final = story("ssh-opened-to-the-world-from-the-console")
CLOSING: Final = story("ssh-closed-to-the-world")
ELSEWHERE: Final = story("rdp-opened-to-all-of-ipv6")
NOT_OURS: Final = OPENING | {"eventName": "RunInstances", "eventID": "not-ours"}
OPENED_AT: Final = "2026-11-17T09:00:00Z"
CLOSED_AT: Final = "2026-11-17T11:25:00+00:00"
LIFE: Final = {
    "scenario": [
        {"at": OPENED_AT, "trail": [OPENING, NOT_OURS]},
        {"at": CLOSED_AT, "trail": [CLOSING, OPENING]},
    ]
}
GROUP: Final = {"GroupId": "sg-0945dc6b613dff4fd", "GroupName": "bastion"}
STATE: Final = {"at": OPENED_AT, "state": {ACCOUNT: {REGION: {"SecurityGroups": [GROUP]}}}}
SUMMARY: Final = "4 records read, 3 matched, 1 repeat, 2 alerts, 1 world-open, 0 unreadable\n"


class Played(NamedTuple):
    status: int
    out: str
    err: str

    @property
    def alerts(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def told(self) -> list[tuple[int | None, str | None, list[str]]]:
        return [(it.get("step"), it.get("at"), it["event_ids"]) for it in self.alerts]

    @property
    def problems(self) -> list[str]:
        return [line for line in self.err.splitlines() if line.startswith("replay: ")]


Run = Callable[..., Played]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*arguments: str | Path) -> Played:
        status = replay.main([str(argument) for argument in arguments])
        return Played(status, *capsys.readouterr())

    return run


@pytest.fixture
def as_json(run: Run) -> Run:
    return lambda *arguments: run("--format", "json", *arguments)


def written(folder: Path, name: str, *documents: object) -> Path:
    path = folder / name
    content = "".join(f"{json.dumps(document)}\n" for document in documents).encode()
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    return path


AS_TOLD: Final = [
    (0, OPENED_AT, [OPENING["eventID"]]),
    (1, CLOSED_AT, [CLOSING["eventID"]]),
]


def test_json_lines_name_step_and_time(as_json: Run, tmp_path: Path) -> None:
    played = as_json(written(tmp_path, "life.json", LIFE))

    assert played.told == AS_TOLD
    assert [*played.alerts[0]] == ["step", "at", "event_ids", "subject", "attributes", "messages"]
    assert (played.status, played.err) == (0, SUMMARY)


@pytest.mark.parametrize("form", ["chat", "email", "machine", "sms"])
def test_other_forms_have_a_line_for_each_step(form: str, run: Run, tmp_path: Path) -> None:
    path = written(tmp_path, "life.json", LIFE)

    played = run("--format", form, path)

    assert [line for line in played.out.splitlines() if line.startswith("── ")] == [
        f"── {path}, line 1",
        f"── step 0, {OPENED_AT}: 2 records",
        f"── step 1, {CLOSED_AT}: 2 records",
    ]
    assert played.err == SUMMARY


def test_a_step_that_tells_nothing_has_its_line(run: Run, tmp_path: Path) -> None:
    path = written(tmp_path, "life.json", {"scenario": [STATE]})

    played = run(path)

    assert played.out.splitlines() == [
        f"── {path}, line 1",
        f"── step 0, {OPENED_AT}: the state of {ACCOUNT} {REGION}",
    ]
    assert played.status == 0


@pytest.mark.parametrize("name", ["life.json", "life.json.gz"])
def test_a_scenario_may_be_one_of_many_documents(name: str, as_json: Run, tmp_path: Path) -> None:
    """Records are replayed as ever, and first."""
    path = written(tmp_path, name, LIFE, ELSEWHERE, {"Records": [OPENING]}, LIFE)

    played = as_json(tmp_path, path)

    records = [(None, None, [OPENING["eventID"]]), (None, None, [ELSEWHERE["eventID"]])]
    assert sorted(played.told[:2], key=str) == sorted(records, key=str)
    assert played.told[2:] == AS_TOLD * 4
    assert played.problems == []


def test_scenarios_of_a_list_and_of_standard_input(
    as_json: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    stdin = SimpleNamespace(buffer=io.BufferedReader(io.BytesIO(json.dumps([LIFE, LIFE]).encode())))
    monkeypatch.setattr(sys, "stdin", stdin)

    assert as_json("-").told == AS_TOLD * 2


def test_each_scenario_begins_with_nothing_known(tmp_path: Path, as_json: Run) -> None:
    """Neither what was alerted in another one, nor what a warm function keeps."""
    first, second = (written(tmp_path, name, LIFE) for name in ("1.json", "2.json"))

    assert as_json(first, second).told == AS_TOLD * 2


def test_a_delivery_is_of_one_log_stream_and_comes_at_the_time_of_the_step(
    as_json: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deliveries: list[tuple[str, int, datetime | None]] = []
    handle = ReplayedFunction.handle

    def noted(function: ReplayedFunction, delivery: Any, problems: Any, *, now: Any) -> Any:
        deliveries.append((delivery.where, delivery.records, now))
        return handle(function, delivery, problems, now=now)

    monkeypatch.setattr(ReplayedFunction, "handle", noted)
    path = written(
        tmp_path,
        "life.json",
        {"scenario": [{"at": "2027-01-01T00:00:00Z", "trail": [ELSEWHERE, OPENING, CLOSING]}]},
    )

    played = as_json(path)

    at = datetime(2027, 1, 1, tzinfo=UTC)
    assert deliveries == [
        ("o-exampleorgid_555566667777_CloudTrail_eu-central-1", 1, at),
        ("o-exampleorgid_222233334444_CloudTrail_eu-central-1", 2, at),
    ]
    machine = [json.loads(it["messages"]["default"]) for it in played.alerts]
    assert {it["metadata"]["processed_time"] for it in machine} == {at.timestamp() * 1000}


def test_a_digest_is_of_the_day_that_ends_with_its_step_and_comes_once(
    as_json: Run, tmp_path: Path
) -> None:
    """What was alerted is known by the clock of the steps, whenever this runs."""
    morning = {"at": "2026-11-18T07:00:00Z", "digest": True}
    path = written(tmp_path, "life.json", {"scenario": [*LIFE["scenario"], morning, morning]})

    played = as_json(path)

    [digest] = [it for it in played.alerts if it["attributes"]["kind"] == "digest"]
    assert (digest["step"], digest["event_ids"]) == (len(LIFE["scenario"]), [])
    counts = json.loads(digest["messages"]["default"])["unmapped"]["digest"]["counts"]
    assert (counts["open"], counts["closed"], counts["changes"]) == (0, 1, 2)


# What is refused.


def test_a_scenario_that_does_not_fit_is_not_played_and_all_else_is(
    as_json: Run, tmp_path: Path
) -> None:
    wrong = {"scenario": [*LIFE["scenario"], {"at": CLOSED_AT, "digest": False}]}
    path = written(tmp_path, "life.json", LIFE, wrong, OPENING)

    played = as_json(path)

    assert played.told == [(None, None, [OPENING["eventID"]]), *AS_TOLD]
    assert played.status == 2
    assert played.problems == [
        f"replay: {path}, line 2, step 2: digest: expected true, found False"
    ]


@pytest.mark.parametrize("indent", [None, 2], ids=["in-a-line", "for-people"])
def test_of_a_scenario_that_is_cut_off_nothing_is_replayed(
    indent: int | None, as_json: Run, tmp_path: Path
) -> None:
    """The records in it are no records of their own."""
    text = json.dumps(LIFE, indent=indent)
    path = tmp_path / "life.json"
    path.write_text(f"{text[:-5]}\n{json.dumps(ELSEWHERE)}\n", encoding="utf-8")

    played = as_json(path)

    assert played.told == [(None, None, [ELSEWHERE["eventID"]])]
    assert played.status == 2
    assert played.problems[0].startswith(f"replay: {path}, line 1: expected JSON: ")


def test_a_scenario_has_no_payload(run: Run, tmp_path: Path) -> None:
    path = written(tmp_path, "life.json", LIFE)

    assert run("--payload", path) == (
        2,
        "",
        f"replay: {path}, line 1: a scenario has no payload: it is only played\n",
    )


def test_settings_that_are_wrong(
    as_json: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRAIL_ARN", "trail")

    played = as_json(written(tmp_path, "life.json", LIFE))

    assert played.status == 2
    assert played.problems[0].startswith("replay: TRAIL_ARN='trail': expected")


def test_an_interruption_leaves_the_steps_before_it(
    as_json: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    handle = ReplayedFunction.handle
    numbers = iter(range(2))

    def handle_the_first_only(*arguments: Any, **options: Any) -> Any:
        if next(numbers):
            raise KeyboardInterrupt
        return handle(*arguments, **options)

    monkeypatch.setattr(ReplayedFunction, "handle", handle_the_first_only)

    played = as_json(written(tmp_path, "life.json", LIFE))

    assert (played.status, played.told) == (130, AS_TOLD[:1])


# What the functions find: the look.


def look(region: str = REGION) -> list[str]:
    """Whatever groups a client finds in the account, as of the step that was played last."""
    sts: Any = Session().create_client("sts")
    credentials = sts.assume_role(
        RoleArn=f"arn:aws:iam::{ACCOUNT}:role/{os.environ['LOOK_ROLE_NAME']}",
        RoleSessionName="test",
    )["Credentials"]
    ec2: Any = Session().create_client(
        "ec2",
        region_name=region,
        aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials["SessionToken"],
        config=Config(retries={"total_max_attempts": 1}),
    )
    return [it["GroupId"] for it in ec2.describe_security_groups()["SecurityGroups"]]


def test_what_a_look_finds_is_the_state_of_the_step() -> None:
    document = {
        "scenario": [
            {"at": "2026-11-17T08:00:00Z", "trail": []},
            STATE,
            {"at": OPENED_AT, "trail": [OPENING]},
            {"at": OPENED_AT, "state": {ACCOUNT: {REGION: {}}}},
            {"at": OPENED_AT, "state": {ACCOUNT: None}},
        ]
    }
    found: list[list[str] | str] = []

    for _ in playing.played(scenario_of(document, "here")):
        try:
            found.append(look())
        except ClientError as error:
            found.append(error.response["Error"]["Code"])

    assert found == ["AccessDenied", [GROUP["GroupId"]], [GROUP["GroupId"]], [], "AccessDenied"]


def test_without_a_state_there_is_no_role(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOOK_ROLE_NAME", "mine")

    names = [os.environ["LOOK_ROLE_NAME"] for _ in playing.played(scenario_of(LIFE, "here"))]

    assert names == ["", ""]
    assert os.environ["LOOK_ROLE_NAME"] == "mine"


def test_what_is_not_emulated_is_a_problem(
    as_json: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even if the function takes the error for one of AWS's."""
    handle = ReplayedFunction.handle

    def handle_and_ask(*arguments: Any, **options: Any) -> Any:
        ec2: Any = Session().create_client("ec2")
        with pytest.raises(Exception, match="DescribeInstances"):
            ec2.describe_instances()
        return handle(*arguments, **options)

    monkeypatch.setattr(ReplayedFunction, "handle", handle_and_ask)
    path = written(tmp_path, "life.json", LIFE)

    played = as_json(path)

    assert (played.status, played.told) == (2, AS_TOLD[:1])
    assert played.problems == [
        f"replay: {path}, line 1: the emulated AWS is incomplete: DescribeInstances was called "
        "without a role of the account"
    ]


def test_memory_lasts_as_long_as_the_scenario() -> None:
    import boto3

    counts = []
    for _ in playing.played(scenario_of(LIFE, "here")):
        client = boto3.client("dynamodb", region_name=REGION)
        counts.append(client.scan(TableName=SEEN_EVENTS_TABLE)["Count"])

    assert counts == [1, 2]


def test_time_is_as_late_as_the_step_says() -> None:
    """Sessions of the role end by that clock, too."""
    late = {"scenario": [{"at": "2126-11-17T08:00:00Z", "state": {ACCOUNT: {}}}]}
    ends = []
    for _ in playing.played(scenario_of(late, "here")):
        sts: Any = Session().create_client("sts")
        answer = sts.assume_role(RoleArn=f"arn:aws:iam::{ACCOUNT}:role/x", RoleSessionName="me")
        ends.append(answer["Credentials"]["Expiration"])

    assert ends == [datetime(2126, 11, 17, 8, tzinfo=UTC) + timedelta(hours=1)]
