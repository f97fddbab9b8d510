"""JSON values are read one by one from text in pieces, and what is damaged takes nothing along."""

import json
from collections.abc import Iterable, Iterator
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.json_stream import JsonStream

Problems = list[tuple[str, str]]


def is_numbered(value: object) -> bool:
    """What these tests look for."""
    return isinstance(value, dict) and "n" in value


def read(text: str, size: int | None = None) -> tuple[list[object], Problems]:
    """The values in a text that comes in pieces of this size, and what cannot be read."""
    problems: Problems = []
    pieces = [text[at : at + size] for at in range(0, len(text), size)] if size else [text]
    stream = JsonStream(
        iter(pieces),
        is_known=is_numbered,
        report=lambda place, what: problems.append((place, what)),
    )
    return list(stream.values()), problems


def one(number: object) -> dict[str, Any]:
    """As a record is: nested, and with everything in a text that could be taken for structure."""
    return {"n": number, "text": '"}]},{"n": [\\ \u2028 é', "in": [{"deep": {}}, {"deep": []}, 1.5]}


def lines(*values: object) -> str:
    return "".join(f"{json.dumps(value)}\n" for value in values)


ONE, TWO, THREE = one(1), one(2), one(3)
COMPACT: Final = json.dumps(TWO, separators=(",", ":"))
PRETTY: Final = json.dumps(ONE, indent=4)

SOUND: Final[dict[str, tuple[str, list[object]]]] = {
    "nothing": ("", []),
    "blanks": (" \r\n\t\n", []),
    "one-value": (json.dumps(ONE), [ONE]),
    "lines": (lines(ONE, TWO), [ONE, TWO]),
    "lines-with-windows-ends": (lines(ONE, TWO).replace("\n", "\r\n"), [ONE, TWO]),
    "pretty-printed-one-after-the-other": (f"{PRETTY}\n{PRETTY}\n", [ONE, ONE]),
    "nothing-between": (f"{PRETTY}{COMPACT}{PRETTY}", [ONE, TWO, ONE]),
    "blanks-between": (f"{COMPACT}  \t{COMPACT}\n\n\n{COMPACT}", [TWO, TWO, TWO]),
    "record-separators": (f"\x1e{COMPACT}\n\x1e{COMPACT}\n", [TWO, TWO]),
    "byte-order-mark": (f"\ufeff{COMPACT}", [TWO]),
    "list": (json.dumps([ONE, "two", 3, None, [4], -5e-6]), [ONE, "two", 3, None, [4], -5e-6]),
    "list-written-for-people": (json.dumps([ONE, TWO], indent=2), [ONE, TWO]),
    "list-of-nothing": ("[ ]", []),
    "lists-one-after-the-other": ("[{}][[]]", [{}, []]),
    "object-that-begins-with-records": (
        json.dumps({"Records": [ONE, TWO], "more": {"a": [1]}, "and": "more"}),
        [ONE, TWO],
    ),
    "the-same-for-people": (json.dumps({"Records": [ONE, TWO], "x": 1}, indent=2), [ONE, TWO]),
    "object-that-has-no-records": ('{"Records": []}', [{"Records": []}]),
    "object-with-an-empty-list-and-more": (
        '{ "results" : [ ] , "count" : 0 }',
        [{"results": [], "count": 0}],
    ),
    "object-in-which-records-come-late": (
        json.dumps({"a": 1, "Records": [ONE]}),
        [{"a": 1, "Records": [ONE]}],
    ),
    "object-whose-records-are-no-list": ('{"Records": {"n": 1}}', [{"Records": {"n": 1}}]),
    "texts": ('"one" "two"\n"three"', ["one", "two", "three"]),
    "within-lines": (f"2026-11-24 {COMPACT}\nEVENTS\t{COMPACT}\tx\n", [TWO, TWO]),
    "two-within-a-line": (f"a {COMPACT} b {COMPACT} c\n", [TWO, TWO]),
    "begun-within-a-line": (f"2026-11-24 stream {PRETTY}\n{COMPACT}", [ONE, TWO]),
    "rows-beside": (f"b/12/s\tf/13/s\nEVENTS\t{COMPACT}\nRESOURCES\tsg-1\n", [TWO]),
}

# The text -> the numbers of the values that are read all the same, and where what is said.
DAMAGED: Final[dict[str, tuple[str, list[object], list[tuple[str, str]]]]] = {
    "a-line-of-text": (
        f"Reading …\n{lines(ONE, TWO)}",
        [1, 2],
        [("line 1", "found 'Reading …'")],
    ),
    "text-only": ("a\nb\n", [], [("line 1", "found 'a'"), ("line 2", "found 'b'")]),
    "a-number": ("5", [], [("line 1", "found '5'")]),
    "a-number-among-lines": (f"{lines(ONE)}5\n{lines(TWO)}", [1, 2], [("line 2", "found '5'")]),
    "lines-that-are-cut-off": (
        f"{COMPACT[:30]}\n{COMPACT}\n{COMPACT[:-1]}\n{lines(THREE)}",
        [2, 3],
        [("line 1", "the end of a text"), ("line 3", "a comma or a closing bracket")],
    ),
    "the-last-line-is-being-written": (
        f"{lines(ONE)}{COMPACT[:25]}",
        [1],
        [("line 2", "the end of the text that begins here, found '")],
    ),
    "a-brace": (f"{{\n{lines(ONE)}", [1], [("line 1", "a key in double quotes")]),
    "a-line-that-swallows-the-next": (
        f'{{"a":\n{lines(ONE, TWO)}',
        [1, 2],
        [("line 1", "a comma or a closing bracket")],
    ),
    "in-the-middle-of-a-list": (
        f'{{"Records":[{COMPACT},{{"n":2,"x":nope}},{COMPACT}]}}{COMPACT}',
        [2, 2, 2],
        [("Records[1]", "a value, found 'nope}")],
    ),
    "two-in-a-list": (
        f'[{COMPACT},{{"n":2,,}},{{"n":2,,}},{COMPACT}]',
        [2, 2],
        [("[1]", "a key in double quotes"), ("[2]", "a key in double quotes")],
    ),
    "no-comma-in-a-list": (
        f"[{COMPACT} {COMPACT}\n,{COMPACT}]\n{COMPACT}",
        [2, 2, 2, 2],
        [("[1]", "',' or ']', found '{\"n\":2")],
    ),
    "comma-too-many": (f"[{COMPACT},]", [2], [("[1]", "a value, found ']'")]),
    "list-that-is-cut-off": (
        json.dumps({"Records": [ONE, TWO, THREE]})[:-30],
        [1, 2],
        [("Records[2]", "")],
    ),
    "list-that-is-not-closed": (f"[{COMPACT}", [2], [("[1]", "',' or ']', found the end")]),
    "list-that-has-just-begun": ('{"Records": [', [], [("Records[0]", "a value, found the end")]),
    "object-that-is-not-closed": (
        f'{{"Records": [{COMPACT}]',
        [2],
        [("line 1", "',' or '}', found the end")],
    ),
    "after-the-list": (
        f'{{"Records": [{COMPACT}], "a" 1}}\n{COMPACT}',
        [2, 2],
        [("line 1", "':', found '1}")],
    ),
    "cut-off-written-for-people": (
        json.dumps({"a": 1, "Events": [ONE, TWO, THREE]}, indent=2)[:-40],
        [1, 2],
        [("line 1", "found the end in line 39"), ("line 30", "found the end in line 39")],
    ),
    "damaged-between-others-written-for-people": (
        f"{PRETTY}\n{PRETTY.replace(': 1,', ': 1', 1)}\n{PRETTY}\n",
        [1, 1],
        [("line 14", 'a comma or a closing bracket, found \'"text"')],
    ),
    "too-deep": (f"{lines(ONE)}{'[' * 100_000}\n", [1], [("line 2, [0]", "nested too deeply")]),
    "too-deep-in-a-line": (
        f'{{"a":{"[" * 100_000}\n{lines(ONE)}',
        [1],
        [("line 1", "nested too deeply")],
    ),
    "a-number-of-too-many-digits": (
        f'{{"a": {"9" * 5000}}}\n{lines(ONE)}',
        [1],
        [("line 1", "Exceeds the limit")],
    ),
    "a-text-that-does-not-end": (f'"abc\n{lines(ONE)}', [1], [("line 1", "the end of a text")]),
    "rows-beside-nothing": ("RESOURCES\tsg-1\n", [], [("line 1", "found 'RESOURCES\\tsg-1'")]),
    "an-unknown-value-in-a-line": ('x {"a": 1} y\n', [], [("line 1", "found 'x {\"a\": 1} y'")]),
}

SIZES: Final = (None, 1, 2, 7, 64)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("text", "values"), SOUND.values(), ids=SOUND)
def test_sound(text: str, values: list[object], size: int | None) -> None:
    assert read(text, size) == (values, [])


@pytest.mark.parametrize("size", [None, 7, 64])
@pytest.mark.parametrize(("text", "numbers", "problems"), DAMAGED.values(), ids=DAMAGED)
def test_damaged(text: str, numbers: list[object], problems: Problems, size: int | None) -> None:
    values, found = read(text, size)

    assert [value["n"] for value in values if isinstance(value, dict)] == numbers
    assert [place for place, _ in found] == [place for place, _ in problems]
    for (_, what), (_, words) in zip(found, problems, strict=True):
        assert words in what
        assert "\n" not in what


# Properties.

JSON: Final = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)
RECORDS: Final = st.lists(
    st.builds(lambda number, more: {"n": number, "more": more}, st.integers(), JSON), max_size=6
)
INDENTS: Final = st.sampled_from([None, 0, 2])
# From the values to a text, as people have it.
LAYOUTS: Final = st.sampled_from(("lines", "list", "Records", "events", "one after the other"))


def text_of(values: Iterable[object], layout: str, indent: int | None, *, is_ascii: bool) -> str:
    def dumped(value: object, indent: int | None = indent) -> str:
        return json.dumps(value, indent=indent, ensure_ascii=is_ascii)

    if layout == "lines":
        return "".join(f"{dumped(value, None)}\n" for value in values)
    if layout == "one after the other":
        return "".join(map(dumped, values))
    return dumped([*values] if layout == "list" else {layout: [*values], "rest": [1]})


@given(RECORDS, LAYOUTS, INDENTS, st.booleans(), st.integers(1, 300))
def test_all_values_are_those_of_a_plain_reader(
    records: list[object], layout: str, indent: int | None, is_ascii: bool, size: int
) -> None:
    text = text_of(records, layout, indent, is_ascii=is_ascii)

    values, problems = read(text, size)

    is_object_of_nothing = layout in {"Records", "events"} and not records
    assert values == ([json.loads(text)] if is_object_of_nothing else records)
    assert problems == []


@given(
    st.lists(JSON, min_size=1, max_size=5),
    st.sampled_from(("lines", "list", "Records", "one after the other")),
    INDENTS,
    st.integers(1, 300),
    st.data(),
)
def test_whatever_is_damaged_the_others_are_read(
    members: list[object], layout: str, indent: int | None, size: int, data: st.DataObject
) -> None:
    """One record loses its end, so that what follows may rightly be taken for a part of it."""
    records = [{"n": number, "more": member} for number, member in enumerate(members)]
    damaged = data.draw(st.integers(0, len(records) - 1))
    whole = json.dumps(records[damaged], indent=None if layout == "lines" else indent)
    text = text_of(
        [*records[:damaged], "HERE", *records[damaged + 1 :]], layout, indent, is_ascii=True
    )
    rest = whole[: data.draw(st.integers(1, len(whole) - 1))]

    values, problems = read(text.replace('"HERE"', rest, 1), size)

    others = {number for number in range(len(records)) if number != damaged}
    assert others <= {*numbers_in(values)}
    assert problems


def numbers_in(value: object) -> Iterator[object]:
    if isinstance(value, dict) and isinstance(value.get("n"), int):
        yield value["n"]
    if isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from numbers_in(inner)
