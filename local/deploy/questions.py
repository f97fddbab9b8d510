"""The questions that nobody but you can answer: which trail, and which e-mail addresses."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from ..bucket_policy import BUCKET
from ..deployment import complaints
from ..preflight.existing_trails import FirstCopy, first_copies
from ..preflight.plan import Plan

# Prints a question, and returns what was typed.
Ask = Callable[[str], str]

TRAIL: Final = "ExistingTrailLogGroupName"
_EMAILS: Final = {
    "AlertEmail": "E-mail address for alerts",
    "OperationsEmail": "E-mail address for problems with the alerter itself",
}
_NONE: Final = "none"


class DeclinedError(Exception):
    """An answer with which nothing is to be deployed. The text says what to do instead."""


def open_questions(plan: Plan) -> list[str]:
    """The parameters that have to be asked for. On an existing stack, all have been decided."""
    if plan.deployed:
        return []
    given = plan.deployment.given
    names = [TRAIL] if TRAIL not in given and not given.get(BUCKET) and first_copies(plan) else []
    return names + [name for name in _EMAILS if name not in given]


def answers_to(questions: list[str], plan: Plan, ask: Ask) -> dict[str, str]:
    """Ask, and return the parameters. DeclinedError if nothing is to be deployed."""
    answers: dict[str, str] = {}
    if TRAIL in questions:
        answers |= _ask_for_the_trail(first_copies(plan), ask)
    address = plan.values.get("AlertEmail", "")
    for name in _EMAILS:
        if name in questions:
            address = answers[name] = _ask_for_an_address(name, address, ask)
    return answers


def _ask_for_the_trail(trails: list[FirstCopy], ask: Ask) -> dict[str, str]:
    """Each trail that can be read from here, then whether to make another."""
    for trail in trails:
        if trail.parameters:
            print(f"\n{_sentence(trail.check.found)}.")
            if _is_yes(ask("Read that trail, and make none? [Y/n] "), usually=True):
                return dict(trail.parameters)
    for trail in trails:
        if not trail.parameters:
            print(f"\n{_sentence(trail.check.found)}. {trail.check.todo}")
    if not all(trail.parameters for trail in trails) and not _is_yes(
        ask("Make another trail here all the same? [y/N] "), usually=False
    ):
        raise DeclinedError("nothing was saved or deployed: reuse the trail as described above")
    return {TRAIL: ""}


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _is_yes(answer: str, *, usually: bool) -> bool:
    return answer.strip().lower() in {"y", "yes"} if answer.strip() else usually


def _ask_for_an_address(name: str, usual: str, ask: Ask) -> str:
    """Until it is one that the template accepts. The usual one is taken without an answer."""
    while True:
        typed = ask(f"{_EMAILS[name]} [{usual or _NONE}]: ").strip() or usual
        address = "" if typed.lower() == _NONE else typed
        refused = list(_complaints_about(name, address))
        if not refused:
            return address
        print(f"  {refused[0]} Type {_NONE} for none.")


def _complaints_about(name: str, value: str) -> Iterator[str]:
    return (f"{name} {complaint}" for _, complaint in complaints({name: value}))
