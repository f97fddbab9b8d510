"""Every story in events/, alone, over the whole road, as its subscribers get it.

The goldens are the product: `make golden` rewrites them, and the diff wants to be read as prose.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import pytest

from local.aws import SentAlert, Topic
from local.deliveries import deliveries_of
from local.replayed_function import ReplayedFunction
from tests.conftest import pytest_configure
from tests.stories import story as record_of

ROOT: Final = Path(__file__).parents[1]
GOLDENS: Final = ROOT / "tests" / "golden"
STORIES: Final = sorted(path.stem for path in (ROOT / "events").glob("*.json"))


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


@pytest.mark.usefixtures("forgotten")
@pytest.mark.parametrize("story", STORIES)
def test_story_is_told_as_agreed(story: str, topic: Topic, pytestconfig: pytest.Config) -> None:
    [delivery] = deliveries_of([record_of(story)])
    problems: list[str] = []
    ReplayedFunction().handle(delivery, problems)
    assert not problems
    [alert] = topic.take()

    for form, told in FORMS.items():
        golden = GOLDENS / f"{story}.{form}"
        if pytestconfig.getoption("--write-goldens"):
            golden.write_text(told(alert), encoding="utf-8")
        assert golden.exists(), f"{golden.name} is missing: `make golden`, and read it"
        assert told(alert) == golden.read_text(encoding="utf-8")


def test_every_golden_has_its_story(pytestconfig: pytest.Config) -> None:
    expected = {f"{story}.{form}" for story in STORIES for form in FORMS}
    superfluous = {path for path in GOLDENS.iterdir() if path.name not in expected}
    if pytestconfig.getoption("--write-goldens"):
        for path in superfluous:
            path.unlink()

    assert {path.name for path in GOLDENS.iterdir()} == expected


def test_goldens_are_never_written_in_ci(
    pytestconfig: pytest.Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pytestconfig.option, "write_goldens", True)
    monkeypatch.setenv("CI", "false")
    pytest_configure(pytestconfig)

    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.UsageError, match="in CI the goldens are compared"):
        pytest_configure(pytestconfig)
