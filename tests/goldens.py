"""What subscribers get, in files. `make golden` rewrites them, and the diff is read as prose."""

import json
from collections.abc import Callable, Mapping, Set
from pathlib import Path
from typing import Final

import pytest

from local.aws import SentAlert

GOLDENS: Final = Path(__file__).parent / "golden"


def compare(told: str, golden: Path, config: pytest.Config) -> None:
    """What is told is what the file says; or the file is rewritten."""
    if config.getoption("--write-goldens"):
        golden.write_text(told, encoding="utf-8")
    assert golden.exists(), f"{golden.name} is missing: `make golden`, and read it"
    assert told == golden.read_text(encoding="utf-8")


def names_in(folder: Path, expected: Set[str], config: pytest.Config) -> set[str]:
    """The files of a folder; those that are not expected are removed on rewriting."""
    found = {path.name for path in folder.iterdir() if path.is_file()}
    if config.getoption("--write-goldens"):
        for name in found - expected:
            (folder / name).unlink()
        return found & expected
    return found


def _email(alert: SentAlert) -> str:
    return f"Subject: {alert.subject}\n\n{alert.messages['email']}"


def _attributes(alert: SentAlert) -> str:
    told = {"subject": alert.subject, "attributes": alert.attributes}
    return json.dumps(told, indent=2, ensure_ascii=False) + "\n"


def _chat(alert: SentAlert) -> str:
    return _pretty(alert.messages["https"])


def _sms(alert: SentAlert) -> str:
    return f"{alert.messages['sms']}\n"


def _machine(alert: SentAlert) -> str:
    return _pretty(alert.messages["default"])


def _pretty(text: str) -> str:
    return json.dumps(json.loads(text), indent=2, ensure_ascii=False) + "\n"


# The end of a golden's name -> what it holds.
FORMS: Final[Mapping[str, Callable[[SentAlert], str]]] = {
    "attributes.json": _attributes,
    "chat.json": _chat,
    "email.txt": _email,
    "machine.json": _machine,
    "sms.txt": _sms,
}
