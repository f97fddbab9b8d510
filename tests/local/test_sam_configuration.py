"""samconfig.toml read as the SAM CLI reads it."""

import json
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest

from local import sam_configuration
from local.sam_configuration import (
    SamConfigurationError,
    deploy_settings,
    override,
    overrides_in,
)
from tests.local.cloud import STACK
from tests.stories import ROOT

SAM_PYTHON: Final = ROOT / ".venv/sam/bin/python"
# What SAM's own parser makes of it.
ASK_SAM: Final = """
import json, sys
from samcli.cli.types import CfnParameterOverridesType
convert = CfnParameterOverridesType().convert
print(json.dumps([convert(it, None, None) for it in json.load(sys.stdin)]))
"""

WRITTEN: Final[list[tuple[str, Any, dict[str, str]]]] = [
    ("nothing", [], {}),
    ("text", "A=1 B=two", {"A": "1", "B": "two"}),
    ("list", ["A=1", "B=two"], {"A": "1", "B": "two"}),
    ("list-of-texts", ["A=1 B=2", "C=3"], {"A": "1", "B": "2", "C": "3"}),
    ("quoted-blank", 'A="one two" B=3', {"A": "one two", "B": "3"}),
    ("single-quotes", "A='one two'", {"A": "one two"}),
    ("escaped-quote", r'A="say \"x\""', {"A": 'say "x"'}),
    ("escaped-blank", r"A=one\ two", {"A": "one two"}),
    ("empty-in-quotes", 'A="" B=2', {"A": "", "B": "2"}),
    ("commas", "A=Owner,Environment", {"A": "Owner,Environment"}),
    ("equals-sign", "A=https://example.com/?x=1", {"A": "https://example.com/?x=1"}),
    (
        "long-form",
        "ParameterKey=A,ParameterValue=1 ParameterKey=B,ParameterValue=2",
        {"A": "1", "B": "2"},
    ),
    ("table", {"A": "one two", "B": 3, "C": ["x", "y"]}, {"A": "one two", "B": "3", "C": "x,y"}),
    ("later-wins", ["A=1", "A=2"], {"A": "2"}),
]


@pytest.mark.parametrize(
    ("written", "read"), [pytest.param(written, read, id=name) for name, written, read in WRITTEN]
)
def test_parameter_overrides(written: Any, read: dict[str, str]) -> None:
    assert overrides_in({"parameter_overrides": written}) == read


def test_no_parameter_overrides() -> None:
    assert overrides_in({}) == {}


@pytest.mark.parametrize("written", ["nonsense", ["A=1", "file://parameters.yaml"]])
def test_what_is_not_understood_is_refused(written: Any) -> None:
    with pytest.raises(SamConfigurationError, match="parameter_overrides: expected Name=Value"):
        overrides_in({"parameter_overrides": written})


VALUES: Final = ["", "1", "one two", "a,b", 'say "x"', "it's", "https://x/?a=1&b=2", "Owner, Cost"]


@pytest.mark.parametrize("value", VALUES)
def test_what_is_written_is_read_again(value: str) -> None:
    assert overrides_in({"parameter_overrides": [override("A", value)]}) == {"A": value}


def test_the_sam_cli_reads_the_same() -> None:
    written = [it for _, it, _ in WRITTEN] + [[override("A", value)] for value in VALUES]

    ended = subprocess.run(
        [SAM_PYTHON, "-c", ASK_SAM],
        input=json.dumps(written),
        capture_output=True,
        text=True,
        check=True,
    )

    assert json.loads(ended.stdout) == [overrides_in({"parameter_overrides": it}) for it in written]


# Which table counts.


@pytest.mark.parametrize(
    ("text", "environment", "settings"),
    [
        pytest.param(None, "default", {}, id="no-file"),
        pytest.param("version = 0.1", "default", {}, id="no-tables"),
        pytest.param(
            '[default.global.parameters]\nregion = "a"\nstack_name = "s"\n'
            '[default.deploy.parameters]\nregion = "b"',
            "default",
            {"region": "b", "stack_name": "s"},
            id="the-commands-wins",
        ),
        pytest.param('[x.deploy.parameters]\nregion = "a"', "x", {"region": "a"}, id="another"),
        pytest.param('[x.deploy.parameters]\nregion = "a"', "default", {}, id="not-that-one"),
    ],
)
def test_deploy_settings(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    text: str | None,
    environment: str,
    settings: dict[str, str],
) -> None:
    path = tmp_path / "samconfig.toml"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    monkeypatch.setattr(sam_configuration, "SAM_CONFIGURATION", path)

    assert deploy_settings(environment) == settings


def test_the_file_of_this_repository() -> None:
    assert deploy_settings("default")["stack_name"] == STACK
