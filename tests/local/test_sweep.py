"""`python -m local.sweep`: the deployed plan is invoked, and what it said is put in words."""

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

from local import sweep
from local.template import read_template
from tests.local.cloud import REGION, STACK, Cloud, Run, Terminal, cloud, refusal, terminal

PLAN = "alerter-Sweep-SweepPlanFunction-1A2B3C"
COUNTS = {"accounts": 12, "items": 204, "left": 0, "problems": 0}


@pytest.fixture
def aws() -> Iterator[Cloud]:
    with cloud() as made:
        made.deployed()
        made.output(SweepPlanFunctionName=PLAN)
        says(made, COUNTS)
        yield made


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Terminal]:
    with terminal(tmp_path) as made:
        yield made


def says(aws: Cloud, said: Any, *, error: bool = False) -> None:
    """What the function answers."""
    text = said if isinstance(said, str) else json.dumps(said)

    def invoke(request: dict[str, Any]) -> Any:
        assert request["FunctionName"] in (PLAN, "another")
        assert request["InvocationType"] == "RequestResponse"
        failed = {"FunctionError": "Unhandled"} if error else {}
        return {"StatusCode": 200, "Payload": io.BytesIO(text.encode()), **failed}

    aws.answers["Invoke"] = invoke


def swept(shell: Terminal, *arguments: str) -> Run:
    return shell.run(sweep.main, *arguments)


@pytest.mark.usefixtures("aws")
def test_it_says_how_much_there_is_to_do(shell: Terminal) -> None:
    ran = swept(shell)

    assert ran == (0, "12 accounts: 204 sweeps of an account and Region are on the way.\n", "")


def test_account_that_cannot_be_looked_into_is_no_success(aws: Cloud, shell: Terminal) -> None:
    says(aws, {"accounts": 1, "items": 1, "left": 1, "problems": 1})

    ran = swept(shell)

    assert ran.status == 1
    assert ran.out.splitlines() == [
        "1 account: 1 sweep of an account and Region is on the way.",
        "1 group that was open: the account left the organization, or the Region was switched off. "
        "What was open there has ended.",
        "1 account cannot be looked into: make verify says which and why.",
    ]


def test_several_of_each(aws: Cloud, shell: Terminal) -> None:
    says(aws, {"accounts": 3, "items": 34, "left": 2, "problems": 2})

    assert "2 groups that were open" in swept(shell).out


def test_function_by_name_needs_no_stack(aws: Cloud, shell: Terminal) -> None:
    aws.stack = None

    assert swept(shell, "--function", "another").status == 0


def test_stack_without_a_look_role_has_no_sweep(aws: Cloud, shell: Terminal) -> None:
    aws.deployed()

    ran = swept(shell)

    assert ran.status == 2
    assert ran.err.startswith(f"sweep: the stack {STACK} does not sweep: set LookRole")


def test_stack_that_is_not_there(aws: Cloud, shell: Terminal) -> None:
    aws.stack = None

    ran = swept(shell)

    assert ran.status == 2
    assert ran.err == (
        f"sweep: there is no stack {STACK} in {REGION}: name it with --stack and --region\n"
    )


@pytest.mark.parametrize(
    ("said", "words"),
    [
        pytest.param(
            {"errorType": "AccessDeniedException", "errorMessage": "no ListAccounts"},
            "failed: AccessDeniedException: no ListAccounts",
            id="raised",
        ),
        pytest.param("not json", "failed: not json", id="said-something-else"),
    ],
)
def test_plan_that_fails_says_why(said: Any, words: str, aws: Cloud, shell: Terminal) -> None:
    says(aws, said, error=isinstance(said, dict))

    ran = swept(shell)

    assert ran.status == 2
    assert words in ran.err


@pytest.mark.parametrize(
    ("operation", "answer", "words"),
    [
        pytest.param(
            "Invoke",
            refusal("Invoke", "AccessDeniedException", "not you"),
            "sweep: Invoke: not you. Get the permission\n",
            id="denied",
        ),
        pytest.param(
            "DescribeStacks",
            refusal("DescribeStacks", "ExpiredToken", "too old"),
            "sweep: DescribeStacks: too old. Sign in to the stack's account "
            "(aws sso login, AWS_PROFILE, …)\n",
            id="expired",
        ),
    ],
)
def test_what_aws_refuses(
    operation: str, answer: Any, words: str, aws: Cloud, shell: Terminal
) -> None:
    aws.answers[operation] = answer

    ran = swept(shell)

    assert (ran.status, ran.err) == (2, words)


def test_no_answer_in_time(aws: Cloud, shell: Terminal) -> None:
    def late(_: dict[str, Any]) -> Any:
        raise ReadTimeoutError(endpoint_url="https://lambda.eu-central-1.amazonaws.com")

    aws.answers["Invoke"] = late

    assert swept(shell).status == 2


def test_file_that_names_no_stack(shell: Terminal) -> None:
    shell.configure("")

    ran = swept(shell, "--region", REGION)

    assert ran.status == 2
    assert "names no stack" in ran.err


def test_the_template_has_the_output_that_it_looks_for() -> None:
    assert sweep.OUTPUT in read_template()["Outputs"]
