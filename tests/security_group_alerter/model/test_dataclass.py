"""Our dataclasses mean what the standard library's mean, but for what the type checker holds."""

import ast
import dataclasses
import os
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

    @dataclass(frozen=True, slots=True)
    class WithItsOwn:
        name: str
        weight: int = dataclasses.field(default=0, compare=False, hash=True)

        def __repr__(self) -> str:
            return f"own {self.name}"

        def __eq__(self, other: object) -> bool:
            return isinstance(other, WithItsOwn)

        def __hash__(self) -> int:
            return 1

    @dataclass(slots=True, kw_only=True)
    class Mutable:
        name: str

    @dataclass(frozen=True, slots=True, kw_only=True)
    class Longer(Named):
        length: int = 3
        counts: list[int] = dataclasses.field(default_factory=list, init=False, compare=False)

        def __post_init__(self) -> None:
            self.counts.append(self.length)

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
            WithItsOwn("a"),
            WithItsOwn("b"),
            Longer(name="a"),
            Longer(name="a", tags={"not": "hashed"}, length=4),
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


@pytest.mark.parametrize("index", range(len(OURS)))
def test_the_standard_library_knows_its_fields(index: int) -> None:
    for value in (OURS[index], type(OURS[index])):
        ours, standard = (map(repr, dataclasses.fields(it)) for it in (value, STANDARD[index]))
        assert [*ours] == [*standard]
    assert repr(dataclasses.replace(OURS[index])) == repr(STANDARD[index])
    assert dataclasses.asdict(OURS[index]) == dataclasses.asdict(STANDARD[index])


@pytest.mark.parametrize("named", [{}, {"name": "a", "weight": 1}, {"name": "a", "record": 1}])
@pytest.mark.parametrize("is_first", [True, False])
def test_a_value_that_lacks_something_or_has_too_much_is_refused_as_there(
    named: dict[str, Any], is_first: bool
) -> None:
    said = []
    for dataclass in (ours.dataclass, dataclasses.dataclass):
        cls = type(classes_of(dataclass).values[0])
        if is_first:
            # Of a class of which there is no value yet.
            cls = dataclass(frozen=True, slots=True, kw_only=True)(type("Named", (cls,), {}))
        with pytest.raises(TypeError) as refused:
            cls(**named)
        said.append(str(refused.value))
    assert said[0] == said[1]


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


REPLAY = """
import dataclasses, runpy, sys
from security_group_alerter.model import dataclass as ours
if sys.argv.pop() == "frozen":
    ours.dataclass, ours.replace = dataclasses.dataclass, dataclasses.replace
runpy.run_module("local.replay", run_name="__main__")
"""


def test_no_story_assigns_to_what_is_frozen() -> None:
    replayed = [
        subprocess.run(
            [sys.executable, "-c", REPLAY, "events", how],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(PACKAGE.parent)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for how in ("frozen", "ours")
    ]

    assert replayed[0] == replayed[1]


def test_every_module_of_the_function_uses_them() -> None:
    others = [
        str(path.relative_to(PACKAGE))
        for path in sorted(PACKAGE.rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ImportFrom) and node.module == "dataclasses"
        if {"dataclass", "replace"} & {it.name for it in node.names}
    ]

    assert others == ["model/dataclass.py"]
