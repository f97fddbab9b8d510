"""A JSON filter pattern of CloudWatch Logs → whether a log event matches it.

    pattern    = "{" either "}"
    either     = both { "||" both }
    both       = term { "&&" term }
    term       = "(" either ")" | selector ( comparison | test )
    selector   = "$" step { step }
    step       = ( "." name | ".['" key "']" ) { "[" index "]" }
    comparison = ( "=" | "!=" ) ( number | string ) | ( "<" | "<=" | ">" | ">=" ) number
    test       = "IS" ( "NULL" | "TRUE" | "FALSE" ) | "NOT" "EXISTS"

Everything else is refused, not guessed: what AWS documents but this module does not evaluate
(regular expressions between percent signs, wildcard selectors such as `$.a[*]`, terms,
space-delimited patterns), and what AWS does not document. A pattern that compiles here should
match what it matches in CloudWatch Logs.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/matching-terms-json-log-events.html
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
"""

import json
import operator
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, NoReturn

# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutSubscriptionFilter.html
MAX_LENGTH: Final = 1_024
# Not a limit of AWS. The parser is recursive, and no real pattern is this deep.
MAX_DEPTH: Final = 50

Condition = Callable[[Mapping[str, object]], bool]
Selector = tuple[str | int, ...]

_MISSING: Final = object()
# Stands for a value that is not known: whatever is asked of it may hold.
_UNKNOWN: Final = object()

COMPARISONS: Final[Mapping[str, Callable[..., bool]]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
TEXT_COMPARISONS: Final = frozenset({"=", "!="})

# "Set to null" is not "missing", and missing is not null (AWS's archived page says so outright:
# github.com/awsdocs/amazon-cloudwatch-logs-user-guide, doc_source/FilterAndPatternSyntax.md).
TESTS: Final[Mapping[str, Callable[[object], bool]]] = {
    "IS NULL": lambda value: value is None,
    "IS TRUE": lambda value: value is True,
    "IS FALSE": lambda value: value is False,
    "NOT EXISTS": lambda value: value is _MISSING,
}

_BLANK = re.compile(r"[ \t\r\n]*")
_NAME = re.compile(r"\.([A-Za-z0-9_-]+)")
_KEY = re.compile(r"\.\['([^'\\]+)'\]")
_INDEX = re.compile(r"\[([0-9]+)\]")
_RELATION = re.compile(r"[<>!]=|[=<>]|[A-Za-z]+(?:[ \t\r\n]+[A-Za-z]+)?")
_QUOTED = re.compile(r'"([^"\\]*)"')  # how AWS reads a backslash in quotes is not documented
_UNQUOTED = re.compile(r'[^ \t\r\n"(){}&|]+')
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
# AWS asks for quotes around anything but letters, digits and "_"; its own examples (123.123.*) and
# the CIS patterns (kms.amazonaws.com, AccessDenied*) go without them around "." and "*" as well.
_BARE_STRING = re.compile(r"[A-Za-z0-9_.*]+")
# Compared with `=` these could mean the word or the JSON value; the page gives IS for the latter.
_JSON_LITERALS = frozenset({"true", "false", "null"})


class FilterPatternError(ValueError):
    """A pattern that cannot be evaluated here: where the problem is, and what was expected.

    `position` counts characters from 0, as Python's `re` and `json` do in their errors.
    """

    def __init__(self, text: str, position: int, expected: str) -> None:
        found = repr(text[position : position + 20]) if position < len(text) else "the end"
        super().__init__(f"filter pattern, position {position}: expected {expected}; found {found}")
        self.position = position
        self.expected = expected


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterPattern:
    """A compiled pattern; equal to another when the texts are."""

    text: str
    condition: Condition = field(repr=False, compare=False)

    def matches(self, message: str | Mapping[str, object]) -> bool:
        """Say whether CloudWatch Logs would let this log event through.

        `message` is the log event's message, or the JSON object parsed from it. A message that is
        not a JSON object does not match. Never raises.
        """
        document = _document_in(message) if isinstance(message, str) else message
        return document is not None and self.condition(document)

    def may_match(self, known: Mapping[str, object]) -> bool:
        """Say whether a log event could match of which only these properties are known.

        A pattern has no negation, so a term that may hold can only make more of it hold.
        """
        return self.condition(_Partly(known))


def compile_pattern(text: str) -> FilterPattern:
    """Compile a JSON filter pattern. FilterPatternError if its meaning is not certain.

    How values are compared:

    * Only strings and numbers are compared. A selector that points at an object, an array, a
      boolean, null or nothing makes every comparison false, including `!=` ("won't match the log
      format"; seen for a missing property: https://github.com/DataBiosphere/azul/issues/5884).
    * Two numbers are compared as numbers. Any other pair, which AWS does not document, is equal if
      the texts are equal, and neither less nor greater.
    * Text is case-sensitive. `*` matches any text, including none, at any position, with or without
      quotes, and in numbers (`$.latency = *`). AWS's archived page allowed it only at the ends. The
      current page does not say so, and the API accepts it in the middle
      (https://github.com/DataBiosphere/azul/pull/8228).
    """
    if len(text) > MAX_LENGTH:
        raise FilterPatternError(text, MAX_LENGTH, f"at most {MAX_LENGTH:,} characters")
    return FilterPattern(text=text, condition=_Parser(text).pattern())


class _Partly(dict[str, object]):
    """A document of which some properties are known."""

    def __contains__(self, key: object) -> bool:
        return True

    def __missing__(self, key: str) -> object:
        return _UNKNOWN


class _Parser:
    """Recursive descent over one pattern, one method for each line of the grammar above."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._position = 0

    def pattern(self) -> Condition:
        if not self._accept("{"):
            self._refuse("'{': only JSON patterns are evaluated here")
        condition = self._either(depth=0)
        if not self._accept("}"):
            self._refuse("'&&', '||' or '}'")
        self._skip_blank()
        if self._position < len(self._text):
            self._refuse("nothing after the closing '}'")
        return condition

    def _either(self, depth: int) -> Condition:
        conditions = [self._both(depth)]
        while self._accept("||"):
            conditions.append(self._both(depth))
        return _joined(any, conditions)

    def _both(self, depth: int) -> Condition:
        conditions = [self._term(depth)]
        while self._accept("&&"):
            conditions.append(self._term(depth))
        return _joined(all, conditions)

    def _term(self, depth: int) -> Condition:
        if not self._accept("("):
            return self._predicate()
        if depth == MAX_DEPTH:
            self._refuse(f"parentheses at most {MAX_DEPTH} deep", at=self._position - 1)
        condition = self._either(depth + 1)
        if not self._accept(")"):
            self._refuse("'&&', '||' or ')'")
        return condition

    def _predicate(self) -> Condition:
        selector = self._selector()
        self._skip_blank()
        start = self._position
        found = self._take(_RELATION)
        relation = " ".join(found[0].split()) if found else ""
        if relation in TESTS:
            holds = TESTS[relation]
        elif relation in COMPARISONS:
            holds = self._comparison(relation)
        else:
            self._refuse(f"one of {', '.join([*COMPARISONS, *TESTS])}", at=start)
        return lambda document: _holds_at(selector, document, holds)

    def _selector(self) -> Selector:
        if not self._accept("$"):
            self._refuse("'(' or a property selector such as $.eventName")
        steps: list[str | int] = []
        while step := self._take(_NAME) or self._take(_KEY):
            steps.append(step[1])
            while index := self._take(_INDEX):
                steps.append(int(index[1]))
        if not steps or self._text.startswith((".", "["), self._position):
            self._refuse("a selector step: .name, .['a key'] or, after one of these, [0]")
        return tuple(steps)

    def _comparison(self, relation: str) -> Callable[[object], bool]:
        self._skip_blank()
        start = self._position
        if quoted := self._take(_QUOTED):
            number, text = None, quoted[1]
        else:
            unquoted = self._take(_UNQUOTED)
            text = unquoted[0] if unquoted else ""
            number = _number_in(text)
            if number is None and not _is_bare_string(text):
                self._refuse(
                    "a number, a string of letters, digits, '_', '.' and '*',"
                    " or any other string in double quotes and without backslash",
                    at=start,
                )
        if number is None and relation not in TEXT_COMPARISONS:
            self._refuse(f"a number after {relation}", at=start)
        return _comparison_with(relation, text, number)

    def _accept(self, symbol: str) -> bool:
        self._skip_blank()
        if not self._text.startswith(symbol, self._position):
            return False
        self._position += len(symbol)
        return True

    def _take(self, terminal: re.Pattern[str]) -> re.Match[str] | None:
        found = terminal.match(self._text, self._position)
        if found:
            self._position = found.end()
        return found

    def _skip_blank(self) -> None:
        self._take(_BLANK)

    def _refuse(self, expected: str, *, at: int | None = None) -> NoReturn:
        raise FilterPatternError(self._text, self._position if at is None else at, expected)


def _joined(holds: Callable[[Iterable[bool]], bool], conditions: list[Condition]) -> Condition:
    if len(conditions) == 1:
        return conditions[0]
    return lambda document: holds(condition(document) for condition in conditions)


def _number_in(text: str) -> float | None:
    if not _NUMBER.fullmatch(text):
        return None
    return int(text) if text.lstrip("+-").isdigit() else float(text)


def _is_bare_string(text: str) -> bool:
    return bool(_BARE_STRING.fullmatch(text)) and text.lower() not in _JSON_LITERALS


def _comparison_with(relation: str, text: str, number: float | None) -> Callable[[object], bool]:
    compare = COMPARISONS[relation]
    is_like = _wildcard(text).fullmatch

    def holds(value: object) -> bool:
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            return False
        if number is not None and not isinstance(value, str):
            return compare(value, number)
        alike = is_like(str(value)) is not None
        return alike if relation == "=" else relation == "!=" and not alike

    return holds


def _wildcard(text: str) -> re.Pattern[str]:
    """`AccessDenied*` → a regular expression that takes linear time for any record."""
    first, *rest = (re.escape(piece) for piece in text.split("*"))
    if not rest:
        return re.compile(first)
    *middle, last = rest
    atoms = "".join(f"(?>.*?{piece})" for piece in middle)
    return re.compile(f"{first}{atoms}.*{last}", re.DOTALL)


def _holds_at(
    selector: Selector, document: Mapping[str, object], holds: Callable[[object], bool]
) -> bool:
    value = _value_at(selector, document)
    return value is _UNKNOWN or holds(value)


def _value_at(selector: Selector, document: Mapping[str, object]) -> object:
    value: object = document
    for step in selector:
        if value is _UNKNOWN:
            break
        if isinstance(step, str):
            if not isinstance(value, Mapping) or step not in value:
                return _MISSING
            value = value[step]
        else:
            if not isinstance(value, list) or step >= len(value):
                return _MISSING
            value = value[step]
    return value


def _document_in(message: str) -> Mapping[str, object] | None:
    try:
        document = json.loads(message, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):  # no JSON, or nested deeper than Python follows
        return None
    return document if isinstance(document, dict) else None


def _refuse_constant(name: str) -> NoReturn:
    """NaN and Infinity are Python's, not JSON's."""
    raise ValueError(name)
