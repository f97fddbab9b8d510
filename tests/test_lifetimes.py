"""Every life in events/lifetimes/, step by step, as its subscribers get it.

One file a form for each story, so that a life reads from its beginning to its end.
"""

import json
from collections import defaultdict
from typing import Any, Final

import pytest

from local.aws import SentAlert
from local.scenarios.playing import PlayedStep, played
from local.scenarios.reading import scenario_of
from tests.goldens import FORMS, GOLDENS, compare, names_in
from tests.stories import EVENTS

LIFETIMES: Final = EVENTS / "lifetimes"
STORIES: Final = sorted(path.stem for path in LIFETIMES.glob("*.json"))


def steps_of(story: str) -> list[PlayedStep]:
    document = json.loads((LIFETIMES / f"{story}.json").read_text(encoding="utf-8"))
    return list(played(scenario_of(document, f"{story}.json")))


@pytest.mark.parametrize("story", STORIES)
def test_life_is_told_as_agreed(story: str, pytestconfig: pytest.Config) -> None:
    steps = steps_of(story)

    assert [step.problems for step in steps] == [()] * len(steps)
    for form in FORMS:
        told = in_json(steps, form) if form.endswith(".json") else in_text(steps, form)
        compare(told, GOLDENS / "lifetimes" / f"{story}.{form}", pytestconfig)


def in_text(steps: list[PlayedStep], form: str) -> str:
    """Every step with its alerts; also those that nobody hears of."""
    lines = []
    for played_step in steps:
        step = played_step.step
        lines.append(f"── step {step.number}, {step.written}: {step}\n")
        lines += [FORMS[form](alert) for alert in played_step.alerts]
    return "\n".join(lines)


def in_json(steps: list[PlayedStep], form: str) -> str:
    """The alerts, each with its step."""
    told = [
        {"step": it.step.number, "at": it.step.written, "alert": parsed(alert, form)}
        for it in steps
        for alert in it.alerts
    ]
    return json.dumps(told, indent=2, ensure_ascii=False) + "\n"


def parsed(alert: SentAlert, form: str) -> Any:
    return json.loads(FORMS[form](alert))


@pytest.mark.parametrize("story", STORIES)
def test_one_thread_for_the_life_of_an_exposure(story: str) -> None:
    machine, chat = (
        json.loads((GOLDENS / "lifetimes" / f"{story}.{form}.json").read_text(encoding="utf-8"))
        for form in ("machine", "chat")
    )
    threads = defaultdict[str, set[str]](set)
    for told, in_chat in zip(machine, chat, strict=True):
        exposures = told["alert"]["unmapped"].get("exposures", [])
        # An alert about several may be in a thread of the account.
        if len(exposures) == 1:
            threads[exposures[0]["uid"]].add(in_chat["alert"]["metadata"]["threadId"])

    assert all(len(it) == 1 for it in threads.values()), threads


def test_every_golden_of_a_life_has_its_story(pytestconfig: pytest.Config) -> None:
    expected = {f"{story}.{form}" for story in STORIES for form in FORMS}

    assert names_in(GOLDENS / "lifetimes", expected, pytestconfig) == expected


@pytest.mark.parametrize("story", STORIES)
def test_records_of_a_life_come_after_they_were_made(story: str) -> None:
    document = json.loads((LIFETIMES / f"{story}.json").read_text(encoding="utf-8"))

    late = [
        (step["at"], record["eventTime"])
        for step in document["scenario"]
        for record in step.get("trail", [])
    ]
    assert late
    assert all(made < at for at, made in late)
