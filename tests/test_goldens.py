"""Every story in events/, alone, over the whole road, as its subscribers get it.

The goldens are the product: `make golden` rewrites them, and the diff wants to be read as prose.
"""

from typing import Final

import pytest

from local.aws import Topic
from local.deliveries import deliveries_of
from local.replayed_function import ReplayedFunction
from tests.conftest import pytest_configure
from tests.goldens import FORMS, GOLDENS, compare, names_in
from tests.stories import EVENTS
from tests.stories import story as record_of

STORIES: Final = sorted(path.stem for path in EVENTS.glob("*.json"))


@pytest.mark.usefixtures("forgotten")
@pytest.mark.parametrize("story", STORIES)
def test_story_is_told_as_agreed(story: str, topic: Topic, pytestconfig: pytest.Config) -> None:
    [delivery] = deliveries_of([record_of(story)])
    problems: list[str] = []
    ReplayedFunction().handle(delivery, problems)
    assert not problems
    [alert] = topic.take()

    for form, told in FORMS.items():
        compare(told(alert), GOLDENS / f"{story}.{form}", pytestconfig)


def test_every_golden_has_its_story(pytestconfig: pytest.Config) -> None:
    expected = {f"{story}.{form}" for story in STORIES for form in FORMS}

    assert names_in(GOLDENS, expected, pytestconfig) == expected


def test_goldens_are_never_written_in_ci(
    pytestconfig: pytest.Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pytestconfig.option, "write_goldens", True)
    monkeypatch.setenv("CI", "false")
    pytest_configure(pytestconfig)

    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.UsageError, match="in CI the goldens are compared"):
        pytest_configure(pytestconfig)
