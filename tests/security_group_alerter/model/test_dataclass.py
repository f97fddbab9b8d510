"""Our dataclasses mean what the standard library's mean, but for what the type checker holds."""

import dataclasses
import subprocess
import sys
from collections.abc import Callable
from itertools import product
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from security_group_alerter.model import dataclass as ours
from tests.stories import ROOT

PACKAGE = ROOT / "functions" / "security_group_alerter"


def classes_of(dataclass: Callable[..., Any]) -> Any:
    @dataclass(frozen=True, slots=True, kw_only=True)
    class Named:
        name: str
        size: int = 1
        tags: dict[str, str] = dataclasses.field(default_factory=dict, hash=False)
        note: str | None = dataclasses.field(default=None, compare=False)
        record: None = dataclasses.field(default=None, init=False, repr=False)

    @dataclass(frozen=True, slots=True)
    class Positional:
        first: int
        last: int

    @dataclass(frozen=True, slots=True)
    class Empty:
        pass

    @dataclass(frozen=True, slots=True, eq=False)
    class Itself:
        name: str

    @dataclass(slots=True, kw_only=True)
    class Mutable:
        name: str

    return SimpleNamespace(
        values=[
            Named(name="a"),
            Named(name="a", note="not compared"),
            Named(name="a", size=2),
            Named(name="a", tags={"not": "hashed"}),
            Named(name="b"),
            Positional(1, 2),
            Positional(1, 3),
            Empty(),
            Empty(),
            Itself("a"),
            Itself("a"),
            Mutable(name="a"),
            Mutable(name="a"),
        ]
    )


OURS = classes_of(ours.dataclass).values
STANDARD = classes_of(dataclasses.dataclass).values


def test_equal_is_what_is_equal_in_the_standard_library() -> None:
    pairs = [*product(range(len(OURS)), repeat=2)]

    assert [OURS[one] == OURS[other] for one, other in pairs] == [
        STANDARD[one] == STANDARD[other] for one, other in pairs
    ]


def test_what_is_equal_has_one_hash_and_what_cannot_be_hashed_says_so() -> None:
    *hashed, mutable, _ = OURS
    for one, other in product(hashed, repeat=2):
        assert one != other or hash(one) == hash(other)
    assert hash(OURS[0]) == hash(OURS[3])
    with pytest.raises(TypeError, match="unhashable"):
        hash(mutable)


@pytest.mark.parametrize("index", range(len(OURS)))
def test_it_is_shown_and_copied_as_in_the_standard_library(index: int) -> None:
    assert repr(OURS[index]) == repr(STANDARD[index])
    assert repr(ours.replace(OURS[index])) == repr(STANDARD[index])


def test_a_copy_has_the_changes_and_nothing_else() -> None:
    assert ours.replace(OURS[0], size=5, note="new") == ours.replace(OURS[2], size=5)
    with pytest.raises(TypeError, match="weight"):
        ours.replace(OURS[0], weight=1)
    with pytest.raises(TypeError, match="record"):
        ours.replace(OURS[0], record=None)


def test_there_is_no_room_for_another_attribute() -> None:
    with pytest.raises(AttributeError):
        OURS[0].weight = 1


def test_the_type_checker_refuses_an_assignment(tmp_path: Path) -> None:
    module = tmp_path / "assigns.py"
    module.write_text(
        "from security_group_alerter.model.severity import Severity\n"
        "from security_group_alerter.model.ledger import Told\n"
        "def worse(told: Told) -> None:\n"
        "    told.severity = Severity.HIGH\n"
    )

    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--no-incremental", module],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert 'Property "severity" defined in "Told" is read-only' in done.stdout


def test_every_module_of_the_function_uses_them() -> None:
    others = [
        str(path.relative_to(PACKAGE))
        for path in PACKAGE.rglob("*.py")
        if "import dataclass\n" in (text := path.read_text("utf-8"))
        and "from dataclasses import dataclass" in text
    ]

    assert not others, f"take dataclass from model/dataclass.py: {', '.join(others)}"
