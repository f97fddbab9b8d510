"""`python -m local.history --ledger`: the same exposures as of the records that made the memory."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import boto3
import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError, NoCredentialsError, NoRegionError

from local import sam_configuration
from local.aws import GROUP_MEMORY_TABLE, Topic
from local.deliveries import deliveries_of
from local.history.__main__ import main
from local.history.sample import write_sample
from local.records_in import Reader
from local.replayed_function import ReplayedFunction, SubscriptionFilter
from tests.stories import STORIES, story

STACK: Final = "security-group-alerter"
Run = tuple[int, str, str]
History = Callable[..., Run]


pytestmark = pytest.mark.usefixtures("topic")


@pytest.fixture
def history(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> History:
    """(Exit status, standard output, standard error), with the stack of samconfig.toml."""
    samconfig = tmp_path / "samconfig.toml"
    samconfig.write_text(f'[default.global.parameters]\nstack_name = "{STACK}"\n', "utf-8")
    monkeypatch.setattr(sam_configuration, "SAM_CONFIGURATION", samconfig)

    def run(*arguments: object) -> Run:
        capsys.readouterr()
        status = main(["--workers", "1", *map(str, arguments)])
        return status, *capsys.readouterr()

    return run


@pytest.fixture(autouse=True)
def refusals(monkeypatch: pytest.MonkeyPatch) -> dict[str, BaseException]:
    """What is answered by the name of an operation. CloudFormation knows one stack."""
    refused: dict[str, BaseException] = {}
    ask: Any = BaseClient._make_api_call  # type: ignore[attr-defined]

    def make_api_call(client: BaseClient, operation: str, request: dict[str, Any]) -> Any:
        if operation in refused:
            raise refused[operation]
        if operation != "DescribeStackResource":
            return ask(client, operation, request)
        if request["StackName"] != STACK:
            raise error(
                operation, "ValidationError", f"Stack '{request['StackName']}' does not exist"
            )
        assert request["LogicalResourceId"] == "GroupMemoryTable"
        return {"StackResourceDetail": {"PhysicalResourceId": GROUP_MEMORY_TABLE}}

    monkeypatch.setattr(BaseClient, "_make_api_call", make_api_call)
    return refused


def error(operation: str, code: str, message: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)


def put(key: str, **attributes: Any) -> None:
    """An item of the table."""
    client = boto3.client("dynamodb")
    client.put_item(TableName=GROUP_MEMORY_TABLE, Item={"resource": {"S": key}, **attributes})


def handled(topic: Topic, *paths: Path) -> None:
    """The function gets the records of these files, as CloudWatch Logs would deliver them."""
    reader, matches = Reader(), SubscriptionFilter().matches
    files = reader.files_in(map(str, paths))
    records = [it for _, it in reader.records_in(files) if isinstance(it, dict) and matches(it)]
    records.sort(key=lambda it: it["eventTime"])
    function = ReplayedFunction()
    for delivery in deliveries_of(records):
        function.handle(delivery, reader.problems)
        topic.forget_pace()
    assert not reader.problems


def stories_in(folder: Path) -> Path:
    folder.mkdir()
    for name in STORIES:
        (folder / f"{name}.json").write_text(json.dumps(story(name)), encoding="utf-8")
    return folder


FILTERS: Final[tuple[list[str], ...]] = (
    [],
    ["--account", "222233334444"],
    ["--region", "eu-central-1", "--severity", "high"],
    ["--since", "2026-11-18"],
    ["--until", "2026-11-18"],
)


@pytest.mark.usefixtures("forgotten")
def test_the_same_lines_as_of_the_records(topic: Topic, history: History, tmp_path: Path) -> None:
    folder = stories_in(tmp_path / "stories")
    handled(topic, folder)

    for filters in FILTERS:
        status, out, err = history("--ledger", "--json", *filters)

        assert status == 0
        assert out == history("--json", *filters, folder)[1]
        assert out
        assert err.endswith(" open, 0 broken items\n")


@pytest.mark.usefixtures("forgotten")
def test_the_same_lines_of_a_quarter_of_a_year(
    topic: Topic, history: History, tmp_path: Path
) -> None:
    """Of most, the memory keeps only what came of it: it was said long before the rest."""
    write_sample(tmp_path / "archive")
    accounts = sorted((tmp_path / "archive/AWSLogs/o-exampleorgid").iterdir())[:2]
    handled(topic, *accounts)

    _, out, err = history("--ledger", "--json")

    assert out == history("--json", *accounts)[1]
    assert len(out.splitlines()) > 10
    assert err.endswith(" 0 broken items\n")


# What is in the table.

OPENED: Final = "ssh-opened-to-the-world-from-the-console"


@pytest.fixture
def opened(request: pytest.FixtureRequest, topic: Topic, tmp_path: Path) -> None:
    """SSH is open to the world in a group, and that is all that is known."""
    request.getfixturevalue("forgotten")
    path = tmp_path / "opened.json"
    path.write_text(json.dumps(story(OPENED)), encoding="utf-8")
    handled(topic, path)


@pytest.mark.usefixtures("opened")
def test_a_table_and_a_page(history: History, tmp_path: Path) -> None:
    page = tmp_path / "page.html"

    status, out, err = history("--ledger", "--html", page)

    assert status == 0
    assert "1 exposure in 1 security group, 1 still open." in out
    assert err.splitlines() == [
        f"history: wrote the page {page}",
        "1 item of the table, 1 exposure, 1 open, 0 broken items",
    ]
    assert "by what the alerter remembers." in page.read_text("utf-8")


@pytest.mark.usefixtures("opened")
def test_items_of_other_kinds_are_passed_over(history: History) -> None:
    put("#lease/hourly", until={"N": "1"})
    put("222233334444/eu-central-1/sg-0123456789abcdef0", told={"M": {}})

    status, _, err = history("--ledger", "--json")

    assert (status, err) == (0, "1 item of the table, 1 exposure, 1 open, 0 broken items\n")


@pytest.mark.usefixtures("opened")
@pytest.mark.parametrize(
    ("key", "memory", "words"),
    [
        (
            "222233334444/eu-central-1/sg-01234567",
            b"\x09",
            "expected format b'\\x02', found b'\\t'",
        ),
        ("222233334444/eu-central-1/sg-01234567", b"\x02no", "Error -3 while decompressing data"),
        ("somewhere", b"\x02", "its key does not name a group or a prefix list"),
        ("a/b/security-group:sha256:00", b"\x02", "its key does not name a group or a prefix list"),
    ],
    ids=["a-newer-format", "damaged", "no-place", "a-name-of-which-only-a-digest-is-kept"],
)
def test_an_item_that_cannot_be_read_is_named(
    key: str, memory: bytes, words: str, history: History
) -> None:
    put(key, memory={"B": memory})

    status, out, err = history("--ledger", "--json")

    assert (status, len(out.splitlines())) == (2, 1)
    assert "2 items of the table, 1 exposure, 1 open, 1 broken item\n" in err
    assert f"history: {key}: " in err
    assert words in err


# What cannot be asked.

DENIED: Final = "you may not"
NEEDED: Final = (
    "you need cloudformation:DescribeStackResource on the stack, and dynamodb:Scan on its table"
)


@pytest.mark.parametrize(
    ("operation", "refusal", "words"),
    [
        (
            "DescribeStackResource",
            error("DescribeStackResource", "AccessDenied", DENIED),
            f"DescribeStackResource: {DENIED}: {NEEDED}",
        ),
        (
            "Scan",
            error("Scan", "AccessDeniedException", DENIED),
            f"Scan: {DENIED}: {NEEDED}",
        ),
        (
            "Scan",
            error("Scan", "ResourceNotFoundException", "Requested resource not found"),
            "Scan: Requested resource not found",
        ),
        (
            "DescribeStackResource",
            NoCredentialsError(),
            "no AWS credentials were found: sign in (aws sso login, AWS_PROFILE, …)",
        ),
        (
            "DescribeStackResource",
            NoRegionError(),
            "no Region is set: set AWS_DEFAULT_REGION, or the Region in samconfig.toml",
        ),
    ],
)
def test_one_line_says_why_nothing_can_be_read(
    operation: str,
    refusal: BaseException,
    words: str,
    history: History,
    refusals: dict[str, BaseException],
) -> None:
    refusals[operation] = refusal

    assert history("--ledger") == (2, "", f"history: {words}\n")


@pytest.mark.parametrize(
    ("samconfig", "arguments", "words"),
    [
        (
            None,
            ["--stack", "other"],
            "DescribeStackResource: Stack 'other' does not exist: check --stack, and the account "
            "and Region of your AWS settings",
        ),
        ("", [], "samconfig.toml names no stack for default: name it with --stack"),
        (None, ["--config-env", "new"], "samconfig.toml names no stack for new"),
        ("[", [], "samconfig.toml: "),
    ],
    ids=["another-stack", "no-stack", "no-environment", "no-toml"],
)
def test_a_stack_that_cannot_be_found(
    samconfig: str | None, arguments: list[str], words: str, history: History, tmp_path: Path
) -> None:
    if samconfig is not None:
        (tmp_path / "samconfig.toml").write_text(samconfig, "utf-8")

    status, out, err = history("--ledger", *arguments)

    assert (status, out) == (2, "")
    assert err.startswith(f"history: {words}")


def test_a_ledger_and_a_path_do_not_go_together(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exited:
        main(["--ledger", "archive"])

    assert exited.value.code == 2
    assert "--ledger goes without a PATH" in capsys.readouterr().err


def test_a_stack_without_its_ledger(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exited:
        main(["--stack", "alerter"])

    assert exited.value.code == 2
    assert "--stack goes with --ledger" in capsys.readouterr().err


# What happens between two pages.


@pytest.mark.usefixtures("opened")
@pytest.mark.parametrize(
    ("refusal", "status", "words"),
    [
        (KeyboardInterrupt(), 130, "interrupted: this is partial, what was found until then"),
        (
            error("Scan", "ThrottlingException", "Slow down."),
            2,
            "Scan: Slow down; what follows in the table was not read",
        ),
    ],
    ids=["interrupted", "refused"],
)
def test_what_was_read_until_then_is_printed(
    refusal: BaseException,
    status: int,
    words: str,
    history: History,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ask: Any = BaseClient._make_api_call  # type: ignore[attr-defined]

    def make_api_call(client: BaseClient, operation: str, request: dict[str, Any]) -> Any:
        if "ExclusiveStartKey" in request:
            raise refusal
        answer = ask(client, operation, request)
        return answer | {"LastEvaluatedKey": {"resource": {"S": "k"}}}

    monkeypatch.setattr(BaseClient, "_make_api_call", make_api_call)

    found, out, err = history("--ledger", "--json")

    assert (found, len(out.splitlines())) == (status, 1)
    assert err.endswith(f"history: {words}\n")
