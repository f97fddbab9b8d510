"""What the build leaves of botocore's models is what the code calls."""

import ast
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import botocore
import pytest
from botocore.loaders import Loader
from botocore.session import Session

from security_group_alerter.aws.clients import SERVICES
from tests.stories import ROOT

FUNCTION: Final = ROOT / "functions" / "security_group_alerter"
MODELS: Final = Path(botocore.__file__).parent / "data"


def variable(name: str) -> set[str]:
    makefile = (FUNCTION / "Makefile").read_text(encoding="utf-8").replace("\\\n", " ")
    [value] = re.findall(rf"^{name} := (.*)$", makefile, re.MULTILINE)
    return set(value.split())


def operations_called_in(path: Path) -> Iterator[str]:
    """`self._client.batch_get_item(…)` and `client.get_paginator("list_accounts")`."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        if ast.unparse(node.func.value) in {"self._client", "client"}:
            name = node.func.attr
            if name == "get_paginator":
                name = ast.literal_eval(node.args[0])
            yield "".join(word.title() for word in name.split("_"))


@pytest.fixture(scope="module")
def artifacts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Botocore's folder of models, as the build leaves it."""
    folder = tmp_path_factory.mktemp("artifacts")
    data = folder / "botocore" / "data"
    for path in (
        *MODELS.glob("*.json"),
        *(MODELS / name for name in (*variable("SERVICES"), "s3")),
    ):
        copy = shutil.copytree if path.is_dir() else shutil.copy
        data.mkdir(parents=True, exist_ok=True)
        copy(path, data / path.name)
    subprocess.run(
        ["make", "--silent", "trim", f"ARTIFACTS_DIR={folder}", f"PYTHON={sys.executable}"],
        cwd=FUNCTION,
        check=True,
    )
    assert not (data / "s3").exists()
    return data


@pytest.fixture(scope="module")
def clients(artifacts: Path) -> list[Any]:
    """Of every service, made from what the build leaves."""
    session = Session()
    session.register_component(
        "data_loader",
        Loader(extra_search_paths=[str(artifacts)], include_default_search_paths=False),
    )
    return [
        session.create_client(
            service,
            region_name="eu-central-1",
            aws_access_key_id="none",
            aws_secret_access_key="none",
        )
        for service in variable("SERVICES")
    ]


def test_the_session_does_what_botocore_does_for_these_services() -> None:
    assert variable("SERVICES") == SERVICES


def test_the_build_keeps_the_operations_that_the_code_calls() -> None:
    called = {name for path in FUNCTION.rglob("*.py") for name in operations_called_in(path)}

    assert called == variable("OPERATIONS")


def test_the_trimmed_models_have_these_operations_and_no_others(clients: list[Any]) -> None:
    kept = {name for client in clients for name in client.meta.service_model.operation_names}

    assert kept == variable("OPERATIONS")


def test_the_newest_version_is_kept_and_no_other(artifacts: Path) -> None:
    """EC2 has eight."""
    kept = {path.parent.name: path.name for path in artifacts.glob("*/*/")}

    assert len([*artifacts.glob("*/*/")]) == len(kept) == len(variable("SERVICES"))
    assert kept["ec2"] == max(path.name for path in (MODELS / "ec2").iterdir())
    files = {path.name.partition("-")[0] for path in artifacts.glob("*/*/*")}
    assert files == {"service", "endpoint", "paginators"}


def test_what_is_kept_is_whole(clients: list[Any]) -> None:
    """Each shape in it is as in botocore's own model, but for the documentation."""
    whole = Session()
    for client in clients:
        trimmed = client.meta.service_model
        model = whole.get_service_model(client.meta.service_model.service_name)
        for name in trimmed.operation_names:
            for shapes in ("input_shape", "output_shape"):
                ours = getattr(trimmed.operation_model(name), shapes)
                theirs = getattr(model.operation_model(name), shapes)
                assert members_of(ours) == members_of(theirs)
            errors = trimmed.operation_model(name).error_shapes
            assert [it.name for it in errors] == [
                it.name for it in model.operation_model(name).error_shapes
            ]
        assert (
            client.meta.endpoint_url
            == whole.create_client(
                client.meta.service_model.service_name,
                region_name="eu-central-1",
                aws_access_key_id="none",
                aws_secret_access_key="none",
            ).meta.endpoint_url
        )


def members_of(shape: Any, deep: int = 6) -> Any:
    """Names and types, as far down as our requests and answers go."""
    if shape is None or not deep:
        return None
    if shape.type_name == "structure":
        return {name: members_of(member, deep - 1) for name, member in shape.members.items()}
    if shape.type_name == "list":
        return [members_of(shape.member, deep - 1)]
    if shape.type_name == "map":
        return {"": members_of(shape.value, deep - 1)}
    return shape.type_name, dict(shape.metadata)
