"""`python -m local.deploy`: what it checks before it asks, what it asks, keeps and runs."""

import builtins
import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from unittest import mock

import pytest

from local.deploy import __main__ as deploy
from local.deploy import saved_configuration
from local.preflight.steps import PERMISSIONS
from local.program import run as run_program
from local.sam_configuration import deploy_settings, overrides_in
from tests.local.cloud import MANAGEMENT, REGION, STACK, Cloud, Run, Terminal, cloud, terminal
from tests.local.control_tower import GROUP, TRAIL, make_trail
from tests.local.preflight.arrangements import make_log_group
from tests.stories import ROOT

EMAILS: Final = ("--parameter", "AlertEmail=a@example.com", "--parameter", "OperationsEmail=")
BUILD: Final = ["make", "build"]
DEPLOY: Final = [".venv/sam/bin/sam", "deploy", "--config-env", "default"]
# What SAM itself makes of an environment in the file.
ASK_SAM: Final = """
import json, sys
from samcli.cli.types import CfnParameterOverridesType
from samcli.lib.config.samconfig import SamConfig
read = SamConfig(sys.argv[1]).get_all(["deploy"], "parameters", sys.argv[2])
read["parameter_overrides"] = CfnParameterOverridesType().convert(
    read["parameter_overrides"], None, None
)
print(json.dumps(read))
"""


@dataclass
class Person:
    """Somebody at the terminal, who answers in this order; and what is run in the end."""

    shell: Terminal
    answers: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    ran: list[list[str]] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)

    def answer(self, question: str) -> str:
        self.asked.append(question)
        sys.stdout.write(f"{question}\n")
        if not self.answers:
            raise EOFError
        return self.answers.pop(0)

    def run_command(self, command: list[Any], **options: Any) -> Any:
        if command[0] == saved_configuration.SAM_PYTHON:
            return _run(command, **options)
        self.ran.append(command)
        return mock.Mock(returncode=self.statuses.pop(0) if self.statuses else 0)

    def deploy(self, *arguments: str) -> Run:
        return self.shell.run(deploy.main, *arguments)


_run: Final = subprocess.run


@pytest.fixture
def aws() -> Iterator[Cloud]:
    with cloud() as made:
        yield made


@pytest.fixture
def person(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Person]:
    with terminal(tmp_path) as shell:
        somebody = Person(shell)
        monkeypatch.setattr(builtins, "input", somebody.answer)
        monkeypatch.setattr(subprocess, "run", somebody.run_command)
        monkeypatch.setattr(sys, "stdin", mock.Mock(isatty=lambda: True))
        yield somebody


@pytest.fixture
def nobody(person: Person, monkeypatch: pytest.MonkeyPatch) -> Person:
    """Standard input is not a terminal."""
    monkeypatch.setattr(sys, "stdin", mock.Mock(isatty=lambda: False))
    return person


def read_by_sam(path: Path, environment: str = "default") -> dict[str, Any]:
    python = saved_configuration.SAM_PYTHON
    ended = _run([python, "-c", ASK_SAM, path.parent, environment], capture_output=True, check=True)
    read: dict[str, Any] = json.loads(ended.stdout)
    return read


# Questions.


def test_a_new_stack_asks_for_two_addresses(aws: Cloud, person: Person) -> None:
    person.answers = ["security@example.com", ""]

    result = person.deploy()

    assert (result.status, result.err) == (0, "")
    assert person.asked == [
        "E-mail address for alerts [none]: ",
        "E-mail address for problems with the alerter itself [security@example.com]: ",
    ]
    assert person.ran == [BUILD, DEPLOY]
    read = read_by_sam(person.shell.samconfig)
    assert read["parameter_overrides"] == {
        "OrganizationId": aws.organization_id,
        "AlertEmail": "security@example.com",
        "OperationsEmail": "security@example.com",
    }
    assert (read["stack_name"], read["region"]) == (STACK, REGION)
    assert (read["capabilities"], read["resolve_s3"]) == (
        "CAPABILITY_NAMED_IAM CAPABILITY_AUTO_EXPAND",
        True,
    )
    assert "Saved in samconfig.toml, environment default:\n" in result.out
    assert result.out.endswith("then run: make verify\n")


def test_the_checks_of_the_ground_come_before_the_first_question(
    aws: Cloud, person: Person
) -> None:
    person.answers = ["", ""]

    out = person.deploy().out

    before = out.partition("E-mail address for alerts")[0]
    assert [line.split()[1] for line in before.splitlines() if line] == [
        *("account", "Region", "stack", "organization", "trusted", "account")
    ]
    assert f"o-{aws.organization_id.removeprefix('o-')}, all features" in before
    assert "e-mail              AlertEmail is empty" in out.partition(before)[2]


def test_none_is_an_answer_and_is_kept(aws: Cloud, person: Person) -> None:
    person.answers = ["", "None"]

    assert person.deploy().status == 0
    assert overrides_in(deploy_settings("default")) == {
        "AlertEmail": "",
        "OperationsEmail": "",
        "OrganizationId": aws.organization_id,
    }


@pytest.mark.usefixtures("aws")
def test_an_address_that_is_none_is_asked_for_again(person: Person) -> None:
    person.answers = ["security@", "a@example.com", "b@example.com"]

    result = person.deploy()

    assert len(person.asked) == 3
    assert (
        "\n  AlertEmail must be one e-mail address, or empty. Type none for none.\n" in result.out
    )


@pytest.mark.usefixtures("aws")
def test_what_is_given_is_not_asked(person: Person) -> None:
    assert person.deploy(*EMAILS).status == 0
    assert person.asked == []


def test_the_second_run_asks_nothing_and_leaves_the_file(aws: Cloud, person: Person) -> None:
    make_trail(aws)
    make_log_group(aws)
    person.answers = ["", "security@example.com", ""]
    person.deploy()
    written = person.shell.samconfig.read_bytes()
    person.asked.clear()

    result = person.deploy()

    assert result.status == 0
    assert person.asked == []
    assert "Saved" not in result.out
    assert person.shell.samconfig.read_bytes() == written


def test_a_trail_that_exists_is_offered(aws: Cloud, person: Person) -> None:
    make_trail(aws)
    make_log_group(aws)
    person.answers = ["", "security@example.com", ""]

    result = person.deploy()

    assert person.asked[0] == "Read that trail, and make none? [Y/n] "
    assert f"The organization already has the trail {TRAIL} ({REGION}); AWS charges" in result.out
    assert f"trails              {TRAIL} runs, and records all changes" in result.out
    overrides = overrides_in(deploy_settings("default"))
    assert (overrides["ExistingTrailLogGroupName"], overrides["TrailName"]) == (GROUP, TRAIL)


def test_a_second_trail_is_made_if_you_say_so(aws: Cloud, person: Person) -> None:
    make_trail(aws)
    person.answers = ["no", "security@example.com", ""]

    assert person.deploy().status == 0
    assert overrides_in(deploy_settings("default"))["ExistingTrailLogGroupName"] == ""
    assert len(person.asked) == 3


@pytest.mark.parametrize(("answer", "status"), [("", 1), ("n", 1), ("y", 0)])
def test_a_trail_that_cannot_be_read_from_here(
    aws: Cloud, person: Person, answer: str, status: int
) -> None:
    make_trail(aws, CloudWatchLogsLogGroupArn="")
    person.answers = [answer, "security@example.com", ""]

    result = person.deploy()

    assert person.asked[0] == "Make another trail here all the same? [y/N] "
    assert "it has no log group, so add one first (aws cloudtrail update-trail" in result.out
    assert result.status == status
    assert bool(person.ran) is not bool(status)
    if status:
        assert result.err == (
            "deploy: nothing was saved or deployed: reuse the trail as described above\n"
        )


def test_a_bucket_of_your_own_is_for_a_trail_of_the_stack(aws: Cloud, person: Person) -> None:
    make_trail(aws)

    person.deploy(*EMAILS, "--parameter", "ExistingTrailBucketName=theirs")

    assert person.asked == []


def test_a_stack_that_exists_keeps_its_values(aws: Cloud, person: Person) -> None:
    make_trail(aws, "organization-trail")
    aws.deployed(OrganizationId=aws.organization_id, AlertEmail="a@example.com", TrailName="x-1")

    result = person.deploy("--parameter", "TimeZone=Europe/Zurich")

    assert result.status == 0
    assert person.asked == []
    assert "the update changes TimeZone from nothing to Europe/Zurich" in result.out
    assert "stay as they are on the stack: " in result.out
    assert overrides_in(deploy_settings("default")) == {
        "TimeZone": "Europe/Zurich",
        "OrganizationId": aws.organization_id,
    }


# Stops.


def test_a_stop_before_the_questions(aws: Cloud, person: Person) -> None:
    aws.client("organizations").disable_aws_service_access(
        ServicePrincipal="cloudtrail.amazonaws.com"
    )
    before = person.shell.samconfig.read_bytes()

    result = person.deploy()

    assert result.status == 1
    assert "aws organizations enable-aws-service-access" in result.lines("stop")[0]
    assert result.out.endswith("1 stop: not ready to deploy; nothing was asked or changed.\n")
    assert not person.asked
    assert not person.ran
    assert person.shell.samconfig.read_bytes() == before


@pytest.mark.usefixtures("aws")
def test_a_wrong_value_stops_before_the_questions(person: Person) -> None:
    result = person.deploy("--parameter", "TrailName=-")

    assert result.status == 1
    assert "parameters TrailName='-' must be 3 to 128 letters" in result.lines("stop")[0]
    assert not person.asked


def test_a_stop_after_the_questions_saves_nothing(aws: Cloud, person: Person) -> None:
    make_trail(aws)
    make_log_group(aws, "to-the-siem", "to-the-lake")
    before = person.shell.samconfig.read_bytes()
    person.answers = ["y", "", ""]

    result = person.deploy()

    assert result.status == 1
    assert result.out.endswith("Not ready to deploy; nothing was saved or changed.\n")
    assert person.ran == []
    assert person.shell.samconfig.read_bytes() == before


@pytest.mark.parametrize(
    ("operation", "code"),
    [("GetCallerIdentity", "ExpiredToken"), ("DescribeOrganization", "InternalFailure")],
)
def test_what_cannot_be_asked_of_aws(aws: Cloud, person: Person, operation: str, code: str) -> None:
    aws.refuse(operation, code)

    assert person.deploy().status == 1
    assert not person.asked
    assert not person.ran


@pytest.mark.usefixtures("aws")
def test_no_answer(person: Person) -> None:
    result = person.deploy()

    assert result.status == 2
    assert result.err == "\ndeploy: no answer; nothing was saved or deployed\n"
    assert person.ran == []


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        pytest.param(
            ("--parameter", "AlertMail=a@example.com"),
            "template.yaml has no parameter AlertMail: do you mean AlertEmail?",
            id="mistyped",
        ),
        pytest.param(
            ("--parameter", "AlertEmail"), "--parameter: expected Name=Value", id="no-value"
        ),
        pytest.param(("--config-env", "mine"), "samconfig.toml names no stack for mine", id="env"),
        pytest.param(("--region", "moon"), "'moon' is not an AWS Region", id="region"),
    ],
)
def test_options_that_make_no_sense(person: Person, arguments: tuple[str, ...], line: str) -> None:
    result = person.deploy(*arguments)

    assert (result.status, result.out) == (2, "")
    assert result.err.startswith(f"deploy: {line}")
    assert len(result.err.splitlines()) == 1


@pytest.mark.usefixtures("aws")
def test_a_profile_that_is_not_there(person: Person) -> None:
    person.shell.configure(f'[default.deploy.parameters]\nstack_name="{STACK}"\nprofile="nobodys"')

    result = person.deploy()

    assert result.status == 1
    assert result.out.startswith("stop     account             The config profile (nobodys)")


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize(("statuses", "ran"), [([2], 1), ([0, 1], 2)], ids=["build", "sam"])
def test_a_build_or_deployment_that_fails(person: Person, statuses: list[int], ran: int) -> None:
    person.statuses = list(statuses)

    result = person.deploy(*EMAILS)

    assert result.status == statuses[-1]
    assert len(person.ran) == ran
    assert result.err.startswith("deploy: ")
    assert result.err.endswith(f" ended with {statuses[-1]}\n")


# Without a terminal.


def unattended(person: Person) -> None:
    person.shell.configure(
        f'[default.deploy.parameters]\nstack_name = "{STACK}"\nconfirm_changeset = false\n'
    )


@pytest.mark.parametrize("options", [(), ("--yes",)], ids=["no-terminal", "not-to-be-asked"])
def test_nobody_to_ask(aws: Cloud, nobody: Person, options: tuple[str, ...]) -> None:
    make_trail(aws)
    unattended(nobody)

    result = nobody.deploy(*options)

    assert result.status == 2
    assert result.err == (
        "deploy: ExistingTrailLogGroupName, AlertEmail, OperationsEmail: not set, and nobody can "
        "be asked. Set them in samconfig.toml, or with --parameter ExistingTrailLogGroupName=… "
        "--parameter AlertEmail=… --parameter OperationsEmail=… (empty for none)\n"
    )
    assert nobody.ran == []


@pytest.mark.usefixtures("aws")
def test_nobody_to_confirm(nobody: Person) -> None:
    refused = nobody.deploy(*EMAILS)

    assert (refused.status, refused.out) == (2, "")
    assert "use --yes, or set confirm_changeset = false in samconfig.toml" in refused.err
    assert nobody.deploy(*EMAILS, "--yes").status == 0
    assert nobody.ran == [BUILD, [*DEPLOY, "--no-confirm-changeset"]]


@pytest.mark.usefixtures("aws")
def test_all_is_set_and_nobody_is_needed(nobody: Person) -> None:
    unattended(nobody)

    assert nobody.deploy(*EMAILS).status == 0
    assert nobody.ran == [BUILD, DEPLOY]


# The file.


SHIPPED: Final = (ROOT / "samconfig.toml").read_text(encoding="utf-8")


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize("environment", ["default", "organization", "mine"])
def test_the_rest_of_the_file_stays(person: Person, environment: str) -> None:
    person.shell.configure(SHIPPED)
    others = {name: deploy_settings(name) for name in ("default", "organization", "existing-trail")}
    others.pop(environment, None)

    result = person.deploy(
        *EMAILS, *("--config-env", environment, "--stack", "mine", "--region", "eu-west-1")
    )

    assert result.status == 0
    written = person.shell.samconfig.read_text(encoding="utf-8")
    if environment != "default":  # where the name of the stack is another now
        assert [it for it in SHIPPED.splitlines() if it not in written.splitlines()] == ([]), (
            "lines are gone"
        )
    assert {name: deploy_settings(name) for name in others} == others
    read = read_by_sam(person.shell.samconfig, environment)
    assert (read["stack_name"], read["region"]) == ("mine", "eu-west-1")
    assert read["parameter_overrides"] == overrides_in(deploy_settings(environment))
    assert person.ran[-1][:4] == [*DEPLOY[:3], environment]


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize(
    "written",
    [
        pytest.param(
            'parameter_overrides = "TimeZone=Europe/Zurich AlertEmail=b@x.org"', id="text"
        ),
        pytest.param('parameter_overrides = ["TimeZone=Europe/Zurich"]', id="array-in-a-line"),
        pytest.param('parameter_overrides = {TimeZone = "Europe/Zurich"}', id="table"),
        pytest.param("parameter_overrides = [\n  'TimeZone=\"Europe/Zurich\"', # c\n]", id="lines"),
    ],
)
def test_each_form_of_overrides_is_kept_and_added_to(person: Person, written: str) -> None:
    person.shell.configure(
        f'version = 0.1\n[default.deploy.parameters]\nstack_name = "{STACK}"\n{written}\n'
    )

    assert person.deploy(*EMAILS).status == 0
    read = read_by_sam(person.shell.samconfig)["parameter_overrides"]
    assert (read["TimeZone"].strip('"'), read["AlertEmail"]) == ("Europe/Zurich", "a@example.com")


@pytest.mark.usefixtures("aws")
def test_values_with_blanks_and_quotes(person: Person) -> None:
    tags = 'Owner, "Cost" Center\'s'

    person.deploy(*EMAILS, "--parameter", f"AccountTags={tags}")

    assert overrides_in(deploy_settings("default"))["AccountTags"] == tags


@pytest.mark.usefixtures("aws")
def test_there_may_be_no_file(person: Person) -> None:
    person.shell.samconfig.unlink()

    assert person.deploy(*EMAILS, "--stack", STACK).status == 0
    assert read_by_sam(person.shell.samconfig)["stack_name"] == STACK


@pytest.mark.usefixtures("aws")
def test_a_link_and_its_files_mode_stay(person: Person, tmp_path: Path) -> None:
    theirs = tmp_path / "theirs.toml"
    person.shell.samconfig.rename(theirs)
    theirs.chmod(0o640)
    person.shell.samconfig.symlink_to(theirs)

    person.deploy(*EMAILS)

    assert person.shell.samconfig.is_symlink()
    assert "AlertEmail=a@example.com" in theirs.read_text(encoding="utf-8")
    assert stat.S_IMODE(theirs.stat().st_mode) == 0o640


Break = Callable[[pytest.MonkeyPatch, Path], Any]


def no_room(*_: Any) -> Any:
    raise OSError(28, "No space left on device")


UNWRITTEN: Final[list[tuple[str, Break, str]]] = [
    (
        "full-disk",
        lambda patch, _: patch.setattr(os, "fsync", no_room),
        "samconfig.toml cannot be written: [Errno 28] No space left on device. Make it writable, "
        'or set there yourself, for the environment default: {"region": "eu-central-1"',
    ),
    (
        "not-tables",
        lambda _, path: path.write_text('version = 0.1\nmine = "x"\n', encoding="utf-8"),
        "samconfig.toml: expected a table [mine.global.parameters], but mine is none",
    ),
    (
        "not-utf-8",
        lambda _, path: path.write_bytes(b'[default.global.parameters]\nstack_name = "\xff"\n'),
        "samconfig.toml: ",
    ),
    (
        "not-toml",
        lambda _, path: path.write_text("version =", encoding="utf-8"),
        "samconfig.toml: Invalid value",
    ),
]


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize(
    ("breaks", "line"), [pytest.param(breaks, line, id=it) for it, breaks, line in UNWRITTEN]
)
def test_a_file_that_cannot_be_read_or_written(
    person: Person, monkeypatch: pytest.MonkeyPatch, breaks: Break, line: str
) -> None:
    path = person.shell.samconfig
    breaks(monkeypatch, path)
    before = path.read_bytes()
    environment = "mine" if b"mine" in before else "default"

    result = person.deploy(*EMAILS, "--config-env", environment)

    assert result.status == 2
    assert result.err.startswith(f"deploy: {line}")
    assert len(result.err.splitlines()) == 1
    assert path.read_bytes() == before
    assert [it.name for it in path.parent.iterdir()] == [path.name]
    assert person.ran == []


@pytest.mark.usefixtures("aws")
def test_an_interrupt_while_it_writes_leaves_the_old_file(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_file: int) -> None:
        raise KeyboardInterrupt

    before = person.shell.samconfig.read_bytes()
    monkeypatch.setattr(os, "fsync", interrupted)

    with pytest.raises(KeyboardInterrupt):
        person.deploy(*EMAILS)

    path = person.shell.samconfig
    assert path.read_bytes() == before
    assert [it.name for it in path.parent.iterdir()] == [path.name]
    assert person.ran == []


def test_an_interrupt_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted() -> int:
        raise KeyboardInterrupt

    with pytest.raises(SystemExit, match="130"):
        run_program("deploy", interrupted, when_interrupted=deploy.WHEN_INTERRUPTED)

    assert capsys.readouterr().err == (
        "deploy: interrupted; samconfig.toml is as it was or complete, and a deployment that has "
        "begun goes on in CloudFormation\n"
    )


# make, and --help.


def test_make_hands_over_the_environment_and_the_options() -> None:
    ended = _run(
        ["make", "-n", "deploy", "CONFIG_ENV=mine", "ARGS=--yes"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )

    assert ended.stdout.splitlines()[-1] == (
        ".venv/bin/python -m local.deploy --config-env mine --yes"
    )


def test_help_names_the_permissions_of_the_checks(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        deploy.main(["--help"])

    assert set(PERMISSIONS) <= set(capsys.readouterr().out.split())


def test_nobodys_account_is_the_management_account(aws: Cloud, person: Person) -> None:
    """A delegated administrator names the management account, which owns the trail."""
    found = aws.client("organizations").describe_organization()
    aws.answers["DescribeOrganization"] = lambda _: found
    aws.answers["GetCallerIdentity"] = lambda _: {"Account": "222233334444", "Arn": "arn:aws:x"}
    make_trail(aws)
    make_log_group(aws)
    reuse = (
        "--parameter",
        f"ExistingTrailLogGroupName={GROUP}",
        "--parameter",
        f"TrailName={TRAIL}",
    )

    assert person.deploy(*EMAILS, *reuse).status == 0
    assert overrides_in(deploy_settings("default"))["ManagementAccountId"] == MANAGEMENT
