"""What the build makes is what the template deploys."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.template.stack import ROOT, Stack, deployed

FUNCTIONS = (
    "SecurityGroupAlerterFunction",
    "DailyCheckFunction",
    "WatchFunction",
    "DigestFunction",
    "SweepPlanFunction",
    "SweepFunction",
)


LAMBDA = ("AWS::Lambda::Function", "AWS::Serverless::Function")


@pytest.fixture(scope="module")
def stack() -> Stack:
    """With all functions that there are."""
    return deployed(LookRole="look")


@pytest.fixture
def folder(stack: Stack) -> Path:
    return ROOT / str(stack.properties("SecurityGroupAlerterFunction")["CodeUri"])


@pytest.fixture
def makefile(folder: Path) -> str:
    return (folder / "Makefile").read_text(encoding="utf-8")


@pytest.mark.parametrize("function", FUNCTIONS)
def test_the_handler_is_where_the_template_says(stack: Stack, folder: Path, function: str) -> None:
    handler = stack.properties(function)["Handler"]
    package, *path, module, name = handler.split(".")

    assert package == folder.name
    tree = ast.parse(folder.joinpath(*path, f"{module}.py").read_text(encoding="utf-8"))
    assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("logical_id", FUNCTIONS)
def test_sam_finds_the_makefiles_target(stack: Stack, makefile: str, logical_id: str) -> None:
    function = stack.properties(logical_id)

    assert stack.resources[logical_id]["Metadata"]["BuildMethod"] == "makefile"
    assert logical_id in variable(makefile, "FUNCTIONS").split()
    assert re.search(r"^\$\(FUNCTIONS:%=build-%\):", makefile, re.MULTILINE)
    assert function["Runtime"] == f"python{variable(makefile, 'RUNTIME')}"
    assert function["Architectures"] == ["arm64"]
    assert "--platform manylinux2014_aarch64" in makefile
    assert "--python-platform aarch64-manylinux2014" in makefile


def test_all_functions_are_the_same_code(stack: Stack, folder: Path) -> None:
    functions = {it for it in stack.resources if stack.resources[it]["Type"] in LAMBDA}
    assert functions == set(FUNCTIONS)
    for name in FUNCTIONS[1:]:
        assert (ROOT / "stacks" / stack.properties(name)["Code"]).resolve() == folder


def test_the_build_keeps_the_services_that_the_code_calls(folder: Path, makefile: str) -> None:
    called = {service for path in folder.rglob("*.py") for service in services_called_in(path)}

    assert called
    assert called <= set(variable(makefile, "SERVICES").split())


def variable(makefile: str, name: str) -> str:
    one_line_each = makefile.replace("\\\n", "")
    [value] = re.findall(rf"^{name} :?= (.*)$", one_line_each, re.MULTILINE)
    return str(value)


def services_called_in(path: Path) -> Iterator[str]:
    """First arguments of `….client("sns")` and `….create_client("sns")`."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in {"client", "create_client"}
            and node.args
            and not isinstance(node.args[0], ast.Starred)
        ):
            yield ast.literal_eval(node.args[0])
