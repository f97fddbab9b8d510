"""Reads JSON values from text one at a time, so that memory does not grow with the text.

Values may follow each other with any white space between them or none. The members of a list are
values of their own, and so are those of a list that an object begins with: `{"Records": […]}`. What
is damaged is reported, and the values behind it are read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from typing import Final

# The lists that are read member by member.
_LIST: Final = re.compile(
    r'\{[ \t\r\n]*"(Records|Events|events|Messages|results)"[ \t\r\n]*:[ \t\r\n]*\['
    r'|\[(?=[ \t\r\n]*[\[{"\]])'
)
# So much text shows whether one begins.
_LIST_BEGINS_WITHIN: Final = 100
# Also a byte order mark, and the record separator of JSON text sequences (RFC 7464).
_BLANK: Final = re.compile(r"[ \t\r\n\ufeff\x1e]*")
_COMMA: Final = re.compile(r"[ \t\r\n]*,[ \t\r\n]*")
_FIRST_KEY: Final = re.compile(r'\{[ \t\r\n]*"[^"\\]*"')
# Where a value may begin behind a damaged one: at a brace, or on a line of its own.
_RESTART: Final = re.compile(r"\{|\n[ \t]*(?=[^ \t\r\n])")
# A scenario is read as a whole, or nothing of it is.
_WHOLE: Final = re.compile(r'\{[ \t\r\n]*"scenario"[ \t\r\n]*:')
_RESTART_BEHIND_WHOLE: Final = re.compile(r"\n[ \t]*(?=[^ \t\r\n])")
_PUNCTUATION: Final = re.compile(r"[\[\]{},: \t\r\n]*")
# What the AWS CLI prints beside the rows of interest with `--output text`; and the names of the
# columns in what the console of Logs Insights exports.
_ROW_BESIDE: Final = re.compile(
    r'(?:RESOURCES|RESULTS|STATISTICS|SEARCHEDLOGSTREAMS|NEXTTOKEN|[bf]/\d+/s)\t|"?@\w+"?[,\t]'
)
# A row of a CSV file that begins with a quoted column; and a column that holds a JSON object.
_CSV_ROW: Final = re.compile(r'"(?:\{""|(?:[^"\n]|"")*",)')
_CSV_OBJECT: Final = re.compile(r'"(\{""(?:[^"\n]|"")*\})"(?=[,\r\n]|$)')
# So much of a line is looked at together.
_LONGEST_LINE: Final = 1 << 20
# The scanner complains at most so far before the end of the text about what is merely incomplete.
_LONGEST_WORD: Final = len(r"\ud83d\ude00")
_EXCERPT: Final = 40

# What Python says -> what it expects.
_WORDS: Final = {
    "Expecting ',' delimiter": "a comma or a closing bracket",
    "Expecting ':' delimiter": "a colon",
    "Expecting value": "a value",
    "Expecting property name": "a key in double quotes",
    "Illegal trailing comma": "nothing after the last comma",
    "Invalid control character": "the end of a text",
    "Invalid \\": "a valid escape in a text",
    "Unterminated string": "the end of the text that begins here",
}

_decode = json.JSONDecoder().raw_decode


class _DamagedError(Exception):
    """No JSON value begins here. The text says what was expected."""


class JsonStream:
    """The JSON values in a text that comes in pieces.

    `is_known` says whether the caller looks for a value like this; only such values are taken out
    of a line of other text, or from within something damaged. `report` is called with the place of
    what cannot be read, and what was expected there.
    """

    def __init__(
        self,
        pieces: Iterator[str],
        *,
        is_known: Callable[[object], bool],
        report: Callable[[str, str], object],
    ) -> None:
        self._pieces = pieces
        self._is_known = is_known
        self._report = report
        # What is being read of the text, and where.
        self._text = ""
        self._at = 0
        self._has_ended = False
        # The number of a line, and how far lines were counted.
        self._line_number = 1
        self._counted = 0
        # The list that is being read: where it begins and its key; and the number of the member.
        self._list: str | None = None
        self._number = 0
        self._reported_line = 0
        self.has_text = False
        self.begins_as_json = False
        self._first_row_beside: tuple[str, str] | None = None
        self._has_rows = False

    @property
    def place(self) -> str:
        """Where the value begins that was read last."""
        if self._list is None:
            return f"line {self._line()}"
        return f"{self._list}[{self._number}]"

    def values(self) -> Iterator[object]:
        """All values, in order."""
        if self._skip_blank():
            self.has_text = True
            self.begins_as_json = self._text[self._at] == "{" or self._list_begins() is not None
        while self._skip_blank():
            if self._is_other_text():
                yield from self._values_in_line()
            elif found := self._list_begins():
                yield from self._members_of(found)
            else:
                try:
                    value, end = self._scan()
                except _DamagedError as error:
                    self._report_line(self._line(), str(error))
                    self._skip_damaged()
                else:
                    yield value
                    self._at = end
        if self._first_row_beside and not self._has_rows:
            self._report(*self._first_row_beside)

    # Lists.

    def _list_begins(self) -> re.Match[str] | None:
        found = _LIST.match(self._text, self._at)
        while (
            found is None and len(self._text) - self._at < _LIST_BEGINS_WITHIN and self._read_more()
        ):
            found = _LIST.match(self._text, self._at)
        return found

    def _members_of(self, found: re.Match[str]) -> Iterator[object]:
        """The members of a list; of one that has none, the object that begins with it."""
        line, key = self._line(), found[1] or ""
        self._list, self._number = f"line {line}, {key}" if line > 1 else key, 0
        self._at = found.end()
        if self._skip_blank() and self._text[self._at] == "]":
            self._at += 1
            is_closed = True
        else:
            is_closed = yield from self._members()
        is_empty, self._list = self._number == 0, None
        rest = self._rest_of_object() if key and is_closed else None
        if is_empty and rest is not None:
            yield {key: [], **rest}

    def _members(self) -> Generator[object, None, bool]:
        """The members; returns whether the list was closed."""
        is_sound = True
        first_key = _FIRST_KEY.match(self._text, self._at)
        head = first_key[0] if first_key else None
        while True:
            read = 0
            try:
                value, end = self._scan()
                yield value
                read = 1
                self._number += 1
                # Almost always; or a piece of the text ends here, or the list, or it is damaged.
                comma = _COMMA.match(self._text, end)
                if comma and comma.end() < len(self._text):
                    self._at = comma.end()
                    is_sound = True
                    continue
                self._at = end
                if self._list_ends():
                    return True
                is_sound = True
            except _DamagedError as error:
                if is_sound or (head and self._text.startswith(head, self._at)):
                    self._report(self.place, str(error))
                is_sound = False
                if not self._skip_damaged_member(head, skip=1 - read):
                    return False

    def _list_ends(self) -> bool:
        """Go on to the next member; or behind the list, if there is none."""
        if self._next_of(",]", "',' or ']'") == "]":
            return True
        if not self._skip_blank():
            raise _DamagedError(self._expected("a value", self._at))
        return False

    def _skip_damaged_member(self, head: str | None, *, skip: int) -> bool:
        """Go on to a value that is known, or to a member that is damaged as well.

        Members of one list mostly begin with the same key, and what is in them with another.
        """
        self._at += skip
        self._number += skip
        while True:
            while (brace := self._text.find("{", self._at)) < 0:
                self._at = len(self._text)
                if not self._read_more():
                    return False
            self._at = brace
            try:
                value, _ = self._scan()
                is_member = self._is_known(value)
            except _DamagedError:
                is_member = head is not None and self._text.startswith(head, self._at)
            if is_member:
                return True
            self._at += 1

    def _rest_of_object(self) -> dict[str, object] | None:
        """What follows the list that an object begins with; None if that is damaged."""
        rest: dict[str, object] = {}
        try:
            while self._next_of(",}", "',' or '}'") == ",":
                self._skip_blank()
                key, self._at = self._scan()
                self._next_of(":", "':'")
                self._skip_blank()
                rest[str(key)], self._at = self._scan()
        except _DamagedError as error:
            self._report_line(self._line(), str(error))
            self._skip_damaged()
            return None
        return rest

    def _next_of(self, characters: str, words: str) -> str:
        """Read one of these characters. Raises _DamagedError if another one follows."""
        if not self._skip_blank() or self._text[self._at] not in characters:
            raise _DamagedError(self._expected(words, self._at))
        self._at += 1
        return self._text[self._at - 1]

    # Other text, and damage.

    def _is_other_text(self) -> bool:
        """Whether a line begins here that is not JSON, but may have values in it."""
        if self._text[self._at] != '"':
            return self._text[self._at] not in "{["
        self._end_of_line()
        return _CSV_ROW.match(self._text, self._at) is not None

    def _values_in_line(self) -> Iterator[object]:
        """Known values within a line: `timestamp message`, or columns."""
        line, end = self._line(), self._end_of_line()
        excerpt = self._text[self._at : min(end, self._at + _EXCERPT)].rstrip(" \t\r\n")
        is_punctuation = _PUNCTUATION.fullmatch(self._text, self._at, end)
        is_found = False
        for value in _objects_in_row(self._text[self._at : end]):
            if self._is_known(value):
                yield value
                is_found = self._has_rows = True
        while (brace := self._text.find("{", self._at, self._end_of_line())) >= 0:
            self._at = brace
            try:
                value, end = self._scan()
            except _DamagedError:
                self._at += 1
                continue
            if self._is_known(value):
                yield value
                self._at = end
                is_found = self._has_rows = True
            else:
                self._at += 1
        self._at = self._end_of_line()
        if is_found or is_punctuation:
            return
        what = f"expected JSON, found {excerpt!r}"
        if _ROW_BESIDE.match(f"{excerpt}\t"):
            self._first_row_beside = self._first_row_beside or (f"line {line}", what)
        else:
            self._report_line(line, what)

    def _end_of_line(self) -> int:
        while (
            (end := self._text.find("\n", self._at)) < 0
            and len(self._text) - self._at < _LONGEST_LINE
            and self._read_more()
        ):
            pass
        return len(self._text) if end < 0 else end

    def _skip_damaged(self) -> None:
        """Go on to a value that is known, or to a line that begins no deeper than this value."""
        column = self._at - self._text.rfind("\n", 0, self._at) - 1
        restart = _RESTART_BEHIND_WHOLE if _WHOLE.match(self._text, self._at) else _RESTART
        self._at += 1
        while True:
            found = restart.search(self._text, self._at)
            if found is None:
                self._at = max(self._at, len(self._text.rstrip(" \t\r\n")))
                if not self._read_more():
                    self._at = len(self._text)
                    return
            elif found[0] == "{":
                self._at = found.start()
                try:
                    value, _ = self._scan()
                    if self._is_known(value):
                        return
                except _DamagedError:
                    pass
                self._at += 1
            else:
                self._at = found.end()
                if len(found[0]) - 1 <= column and self._text[self._at] not in "]},:":
                    return

    def _report_line(self, line: int, what: str) -> None:
        """Report a line once, however much of it is damaged."""
        if line != self._reported_line:
            self._report(f"line {line}", what)
        self._reported_line = line

    def _expected(self, what: str, at: int) -> str:
        excerpt = self._text[at : at + _EXCERPT].rstrip(" \t\r\n")
        further = self._text.count("\n", self._at, at)
        where = f" in line {self._line() + further}" if further else ""
        return f"expected JSON: {what}, found {repr(excerpt) if excerpt else 'the end'}{where}"

    # The text.

    def _scan(self) -> tuple[object, int]:
        """The value that begins here, and where it ends. Raises _DamagedError."""
        while True:
            try:
                value, end = _decode(self._text, self._at)
            except json.JSONDecodeError as error:
                is_incomplete = (
                    error.msg.startswith("Unterminated string")
                    or error.pos > len(self._text) - _LONGEST_WORD
                )
                damaged_at = error.pos - self._at
                if not (is_incomplete and self._read_more()):
                    what = self._expected(_words_for(error.msg), self._at + damaged_at)
                    raise _DamagedError(what) from None
            except RecursionError:
                raise _DamagedError("JSON nested too deeply to be read") from None
            except ValueError as error:
                # A number of more digits than Python reads.
                raise _DamagedError(f"expected JSON: {error}") from None
            else:
                # A number may go on in the next piece.
                if end < len(self._text) or isinstance(value, dict | list | str):
                    return value, end
                if not self._read_more():
                    return value, end

    def _skip_blank(self) -> bool:
        """Go on to the next character that is not blank, if there is one."""
        while True:
            self._at = _BLANK.match(self._text, self._at).end()  # type: ignore[union-attr]
            if self._at < len(self._text):
                return True
            if not self._read_more():
                return False

    def _line(self) -> int:
        self._line_number += self._text.count("\n", self._counted, self._at)
        self._counted = self._at
        return self._line_number

    def _read_more(self) -> bool:
        """Forget what was read, and append at least as much as is left."""
        if self._has_ended:
            return False
        self._line()
        # From the beginning of the line if that is near, since its column may matter.
        begin = max(self._text.rfind("\n", 0, self._at) + 1, self._at - _LIST_BEGINS_WITHIN)
        pieces, size = [self._text[begin:]], 0
        self._at = self._counted = self._at - begin
        for piece in self._pieces:
            pieces.append(piece)
            size += len(piece)
            if size and size >= len(pieces[0]):
                break
        else:
            self._has_ended = True
        self._text = "".join(pieces)
        return size > 0


def _objects_in_row(line: str) -> Iterator[object]:
    """The JSON objects in the quoted columns of a CSV row."""
    for column in _CSV_OBJECT.finditer(line):
        with suppress(ValueError, RecursionError):
            yield _decode(column[1].replace('""', '"'))[0]


def _words_for(message: str) -> str:
    return next((it for start, it in _WORDS.items() if message.startswith(start)), message)
