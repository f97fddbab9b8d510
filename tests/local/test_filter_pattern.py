"""What CloudWatch Logs lets through, case by case; then random patterns against a plain reading."""

import json
import string
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import FrozenInstanceError, dataclass
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local.filter_pattern import (
    COMPARISONS,
    MAX_DEPTH,
    MAX_LENGTH,
    TESTS,
    FilterPatternError,
    compile_pattern,
)

# The two events that AWS's page on JSON filter patterns uses.
TRAIL = {
    "eventType": "UpdateTrail",
    "sourceIPAddress": "111.111.111.111",
    "arrayKey": ["value", "another value"],
    "objectList": [{"name": "a", "id": 1}, {"name": "b", "id": 2}],
    "SomeObject": None,
    "ThisFlag": True,
    "cluster.name": "c",
}
USERS = {
    "user": {"id": 1, "email": "John.Stiles@example.com"},
    "users": [
        {"id": 2, "email": "John.Doe@example.com"},
        {"id": 3, "email": "Jane.Doe@example.com"},
    ],
    "actions": ["GET", "PUT", "DELETE"],
    "coordinates": [[0, 1, 2], [4, 5, 6], [7, 8, 9]],
}

# Security Hub CloudWatch.10, to the letter.
SECURITY_HUB = (
    "{($.eventName=AuthorizeSecurityGroupIngress) || ($.eventName=AuthorizeSecurityGroupEgress)"
    " || ($.eventName=RevokeSecurityGroupIngress) || ($.eventName=RevokeSecurityGroupEgress)"
    " || ($.eventName=CreateSecurityGroup) || ($.eventName=DeleteSecurityGroup)}"
)
CHAIN = "{ $.n = a || $.n = b || $.n = c }"

Case = tuple[str, str, Mapping[str, object]]

MUST_NOT_MATCH: list[Case] = [
    ("another-name", SECURITY_HUB, {"eventName": "ModifySecurityGroupRules"}),
    ("name-that-only-begins-so", SECURITY_HUB, {"eventName": "CreateSecurityGroupX"}),
    ("name-in-another-case", SECURITY_HUB, {"eventName": "createSecurityGroup"}),
    ("key-in-another-case", "{ $.eventname = A }", {"eventName": "A"}),
    ("none-of-three-ors", CHAIN, {"n": "d"}),
    (
        "aws-or-nonmatch",
        '{ ($.user.id = 2 && $.users[0].email = "nonmatch") || $.actions[2] = "GET" }',
        USERS,
    ),
    (
        "aws-parentheses-before-and",
        '{ ($.user.email = "John.Stiles@example.com" || $.coordinates[0][1] = nonmatch)'
        " && $.actions[2] = nomatch }",
        USERS,
    ),
    ("last-of-three-ands-fails", "{ $.a = 1 && $.b = 1 && $.c = 1 }", {"a": 1, "b": 1, "c": 2}),
    ("missing-equal", "{ $.errorCode = * }", {}),
    ("missing-unequal", '{ $.errorCode != "Client.DryRunOperation" }', {}),
    ("missing-unequal-number", "{ $.port != 22 }", {}),
    ("missing-is-not-null", "{ $.errorCode IS NULL }", {}),
    ("null-exists", "{ $.SomeObject NOT EXISTS }", TRAIL),
    ("null-equals-nothing", "{ $.SomeObject = * }", TRAIL),
    ("null-differs-from-nothing", "{ $.SomeObject != x }", TRAIL),
    ("null-is-not-false", "{ $.SomeObject IS FALSE }", TRAIL),
    ("object-exists", "{ $.user NOT EXISTS }", USERS),
    ("object-equals-nothing", "{ $.user = * }", USERS),
    ("object-differs-from-nothing", "{ $.user != 1 }", USERS),
    ("array-equals-nothing", "{ $.coordinates = 1 }", USERS),
    ("array-differs-from-nothing", "{ $.coordinates != 1 }", USERS),
    ("array-within-array", "{ $.coordinates[0] != 1 }", USERS),
    ("index-past-the-end", "{ $.actions[3] != x }", USERS),
    ("index-into-a-string", "{ $.eventType[0] = U }", TRAIL),
    ("index-into-an-object", "{ $.user[0] = 1 }", {"user": {"0": 1}}),
    ("key-into-an-array", "{ $.actions.length = 3 }", USERS),
    ("key-into-a-string", "{ $.eventType.x != y }", TRAIL),
    ("dotted-path-is-not-a-dotted-key", "{ $.cluster.name = c }", TRAIL),
    ("dotted-key-is-not-a-path", "{ $.['user.id'] = 1 }", USERS),
    ("true-is-no-text", '{ $.ThisFlag = "true" }', TRAIL),
    ("true-is-no-number", "{ $.ThisFlag = 1 }", TRAIL),
    ("true-differs-from-nothing", "{ $.ThisFlag != 0 }", TRAIL),
    ("false-is-not-null", "{ $.flag IS NULL }", {"flag": False}),
    ("one-is-not-true", "{ $.flag IS TRUE }", {"flag": 1}),
    ("zero-is-not-false", "{ $.flag IS FALSE }", {"flag": 0}),
    ("text-is-not-true", "{ $.flag IS TRUE }", {"flag": "true"}),
    ("aws-not-within-subnet", "{ $.sourceIPAddress != 111.111.* }", TRAIL),
    ("dot-is-no-wildcard", "{ $.ip = 1.1 }", {"ip": "1x1"}),
    ("question-mark-is-no-wildcard", '{ $.name = "a?c" }', {"name": "abc"}),
    ("star-within-wants-both-ends", "{ $.name = a*c }", {"name": "abcd"}),
    ("star-twice-wants-the-order", "{ $.name = *b*a* }", {"name": "ab"}),
    ("ends-may-not-share-a-letter", "{ $.name = ab*ba }", {"name": "aba"}),
    ("number-not-less", "{ $.latency < 50 }", {"latency": 50}),
    ("number-not-greater", "{ $.latency > 50 }", {"latency": 50}),
    ("text-is-never-greater", "{ $.latency > 50 }", {"latency": "60"}),
    ("text-is-never-less-or-equal", "{ $.latency <= 50 }", {"latency": "50"}),
]

MUST_MATCH: list[Case] = [
    *(
        (f"security-hub-{name}", SECURITY_HUB, {"eventName": name})
        for name in (
            "AuthorizeSecurityGroupIngress",
            "AuthorizeSecurityGroupEgress",
            "RevokeSecurityGroupIngress",
            "RevokeSecurityGroupEgress",
            "CreateSecurityGroup",
            "DeleteSecurityGroup",
        )
    ),
    *((f"each-of-three-ors-{name}", CHAIN, {"n": name}) for name in "abc"),
    ("three-ands", "{ $.a = 1 && $.b = 1 && $.c = 1 }", {"a": 1, "b": 1, "c": 1}),
    ("aws-string", '{ $.eventType = "UpdateTrail" }', TRAIL),
    ("aws-bare-string", "{ $.eventType = UpdateTrail }", TRAIL),
    ("aws-outside-subnet", "{ $.sourceIPAddress != 123.123.* }", TRAIL),
    ("aws-array-element", '{ $.arrayKey[0] = "value" }', TRAIL),
    ("aws-object-in-array", "{ $.objectList[1].id = 2 }", TRAIL),
    ("aws-key-with-a-period", "{ $.['cluster.name'] = \"c\" }", TRAIL),
    ("aws-is-null", "{ $.SomeObject IS NULL }", TRAIL),
    ("aws-is-true", "{ $.ThisFlag IS TRUE }", TRAIL),
    ("aws-not-exists", "{ $.SomeOtherObject NOT EXISTS }", TRAIL),
    ("aws-and", '{ ($.user.id = 1) && ($.users[0].email = "John.Doe@example.com") }', USERS),
    (
        "aws-and-before-or",
        '{ $.user.email = "John.Stiles@example.com" || $.coordinates[0][1] = nonmatch'
        " && $.actions[2] = nomatch }",
        USERS,
    ),
    ("and-before-or-on-the-left", "{ $.a = 2 && $.a = 3 || $.a = 1 }", {"a": 1}),
    ("array-in-an-array", "{ $.coordinates[1][2] = 6 }", USERS),
    ("key-below-a-key-with-a-period", "{ $.a.['b.c'].d[0] = x }", {"a": {"b.c": {"d": ["x"]}}}),
    ("hyphen-in-a-key", "{ $.x-amz-acl = private }", {"x-amz-acl": "private"}),
    ("is-false", "{ $.flag IS FALSE }", {"flag": False}),
    ("parent-missing", "{ $.userIdentity.invokedBy NOT EXISTS }", {}),
    ("parent-null", "{ $.responseElements.groupId NOT EXISTS }", {"responseElements": None}),
    ("element-missing", "{ $.actions[3] NOT EXISTS }", USERS),
    (
        "missing-or-other",
        "{ $.invokedBy NOT EXISTS || $.invokedBy != config.amazonaws.com }",
        {"invokedBy": "x"},
    ),
    ("missing-beside-a-match", "{ $.gone != x || $.eventName = A }", {"eventName": "A"}),
    ("object-beside-a-match", "{ $.user != x || $.user.id = 1 }", USERS),
    ("different-text", "{ $.eventName != A }", {"eventName": "B"}),
    (
        "cis-bare-with-periods",
        "{ $.eventSource = kms.amazonaws.com }",
        {"eventSource": "kms.amazonaws.com"},
    ),
    (
        "cis-star-first",
        "{ $.errorCode = *UnauthorizedOperation }",
        {"errorCode": "Client.UnauthorizedOperation"},
    ),
    ("cis-star-last", '{ $.errorCode = "AccessDenied*" }', {"errorCode": "AccessDeniedException"}),
    ("star-is-also-nothing", '{ $.errorCode = "AccessDenied*" }', {"errorCode": "AccessDenied"}),
    ("star-within", '{ $.bucket = "dev-*.us-east-1" }', {"bucket": "dev-mirror.us-east-1"}),
    ("star-backs-off-to-the-last", "{ $.name = a*bc*c }", {"name": "axbcbcc"}),
    ("stars-take-no-more-than-they-need", "{ $.name = *a*a*b* }", {"name": "aab"}),
    ("star-spans-lines", '{ $.text = "a*z" }', {"text": "a\nb\nz"}),
    ("star-on-a-number", "{ $.latency = * }", {"latency": 50}),
    ("prefix-of-a-number", "{ $.status = 4* }", {"status": 404}),
    ("empty-string", '{ $.text = "" }', {"text": ""}),
    (
        "unicode-in-quotes",
        '{ $.name = "Jürgen & (Co) | {x} $" }',
        {"name": "Jürgen & (Co) | {x} $"},
    ),
    ("number-greater", "{ $.bandwidth > 75 }", {"bandwidth": 75.5}),
    ("number-less", "{ $.latency < 50 }", {"latency": 9}),
    ("number-greater-or-equal", "{ $.refreshRate >= 60 }", {"refreshRate": 60}),
    ("number-less-or-equal", "{ $.responseTime <= 55.5 }", {"responseTime": 55.5}),
    ("number-different", "{ $.errorCode != 500 }", {"errorCode": 400}),
    ("number-in-scientific-notation", "{ $.number[0] = 1e+3 }", {"number": [1000]}),
    ("number-in-scientific-notation-below-one", "{ $.number[0] > 10e-3 }", {"number": [0.02]}),
    ("number-in-scientific-notation-in-capitals", "{ $.size < 2E3 }", {"size": 1999}),
    ("number-that-begins-with-the-point", "{ $.rate = .5 }", {"rate": 0.5}),
    ("number-with-plus", "{ $.latency = +1000 }", {"latency": 1000.0}),
    ("number-below-zero", "{ $.port = -1 }", {"port": -1}),
    ("number-beyond-a-float", "{ $.id != 9007199254740993 }", {"id": 9007199254740992}),
    (
        "account-id-in-quotes",
        '{ $.recipientAccountId = "012345678901" }',
        {"recipientAccountId": "012345678901"},
    ),
    (
        "account-id-bare",
        "{ $.recipientAccountId = 012345678901 }",
        {"recipientAccountId": "012345678901"},
    ),
    ("number-in-quotes", '{ $.status = "404" }', {"status": 404}),
    ("no-blanks", "{($.a=1)&&($.b!=x||$.c IS NULL)}", {"a": 1, "b": "y"}),
    ("blanks-and-lines", "\n {\r\n\t(  $.a\n=  1 )\n||\n  $.b  NOT \n EXISTS\n}\n", {"a": 2}),
]

# Where each stops making sense is marked: the character after the mark is the position named.
REFUSED = [
    ("empty", "¦", "'{': only JSON patterns"),
    ("blank", "  ¦", "'{': only JSON patterns"),
    ("term", "¦ERROR", "'{': only JSON patterns"),
    ("quoted-term", '¦"ERROR"', "'{': only JSON patterns"),
    ("regular-expression", "¦%ERROR%", "'{': only JSON patterns"),
    ("space-delimited", "¦[ip, user, ...]", "'{': only JSON patterns"),
    ("no-condition", "{ ¦}", "'(' or a property selector"),
    ("no-selector", "{ ¦eventName = A }", "'(' or a property selector"),
    ("value-first", '{ ¦"A" = $.eventName }', "'(' or a property selector"),
    ("not-before", "{ ¦!($.a = 1) }", "'(' or a property selector"),
    ("root-only", "{ $¦ = 1 }", "a selector step"),
    ("no-name", "{ $¦. = 1 }", "a selector step"),
    ("two-periods", "{ $¦..a = 1 }", "a selector step"),
    ("period-last", "{ $.a¦. = 1 }", "a selector step"),
    ("blank-in-selector", "{ $¦. a = 1 }", "a selector step"),
    ("wildcard-key", "{ $¦.* = 1 }", "a selector step"),
    ("wildcard-index", "{ $.a¦[*] = 1 }", "a selector step"),
    ("index-below-zero", "{ $.a¦[-1] = 1 }", "a selector step"),
    ("index-at-the-root", "{ $¦[0] = 1 }", "a selector step"),
    ("index-after-a-period", "{ $.a¦.[0] = 1 }", "a selector step"),
    ("key-without-a-period", "{ $¦['a.b'] = 1 }", "a selector step"),
    ("key-in-double-quotes", '{ $¦.["a.b"] = 1 }', "a selector step"),
    ("key-that-is-empty", "{ $¦.[''] = 1 }", "a selector step"),
    ("colon-in-a-key", "{ $.aws¦:arn = 1 }", "one of =, !=, <, <=, >, >=, IS NULL"),
    ("no-comparison", "{ $.a ¦}", "one of ="),
    ("exists", "{ $.a ¦EXISTS }", "one of ="),
    ("in", '{ $.a ¦IN ["x", "y"] }', "one of ="),
    ("like", "{ $.a ¦LIKE x }", "one of ="),
    ("is-not", "{ $.a ¦IS NOT NULL }", "one of ="),
    ("is-something", "{ $.a ¦IS 1 }", "one of ="),
    ("is-in-lower-case", "{ $.a ¦is null }", "one of ="),
    ("not-exists-in-one-word", "{ $.a ¦NOTEXISTS }", "one of ="),
    ("is-followed-by-rest", "{ $.a IS NULL¦2 }", "'&&', '||' or '}'"),
    ("exclamation-mark-alone", "{ $.a ¦! 1 }", "one of ="),
    ("double-equals", "{ $.a =¦= 1 }", "a number, a string"),
    ("angle-brackets", "{ $.a <¦> 1 }", "a number, a string"),
    ("no-value", "{ $.a = ¦}", "a number, a string"),
    ("value-in-single-quotes", "{ $.a = ¦'x' }", "a number, a string"),
    ("value-in-curly-quotes", "{ $.a = ¦“x” }", "a number, a string"),
    ("value-with-a-hyphen", "{ $.a = ¦us-east-1 }", "a number, a string"),
    ("value-with-an-at-sign", "{ $.a = ¦a@b.c }", "a number, a string"),
    ("value-is-a-selector", "{ $.a = ¦$.b }", "a number, a string"),
    ("value-is-a-regular-expression", "{ $.a = ¦%Trail% }", "a number, a string"),
    ("value-with-a-backslash", '{ $.a = ¦"x\\"y" }', "a number, a string"),
    ("value-without-closing-quote", '{ $.a = ¦"x }', "a number, a string"),
    ("bare-true", "{ $.a = ¦true }", "a number, a string"),
    ("bare-false", "{ $.a != ¦FALSE }", "a number, a string"),
    ("bare-null", "{ $.a = ¦null }", "a number, a string"),
    ("less-than-text", "{ $.a < ¦x }", "a number after <"),
    ("less-than-number-in-quotes", '{ $.a <= ¦"5" }', "a number after <="),
    ("greater-than-star", "{ $.a > ¦4* }", "a number after >"),
    ("two-words", "{ $.a = x ¦y }", "'&&', '||' or '}'"),
    ("no-operator-between", "{ ($.a = 1) ¦($.b = 2) }", "'&&', '||' or '}'"),
    ("single-bar", "{ $.a = 1 ¦| $.b = 2 }", "'&&', '||' or '}'"),
    ("and-in-words", "{ $.a = 1 ¦AND $.b = 2 }", "'&&', '||' or '}'"),
    ("or-with-nothing", "{ $.a = 1 || ¦}", "'(' or a property selector"),
    ("and-with-nothing", "{ ($.a = 1 && ¦) }", "'(' or a property selector"),
    ("parentheses-around-nothing", "{ (¦) }", "'(' or a property selector"),
    ("parenthesis-left-open", "{ ($.a = 1 ¦}", "'&&', '||' or ')'"),
    ("parenthesis-too-many", "{ $.a = 1¦) }", "'&&', '||' or '}'"),
    ("brace-left-open", "{ $.a = 1¦", "'&&', '||' or '}'"),
    ("something-after", "{ $.a = 1 } ¦ERROR", "nothing after the closing '}'"),
    ("nested-too-deep", "{" + "(" * MAX_DEPTH + "¦" + "(" * 900, "parentheses at most"),
    ("too-long", f"{{ $.a = {'x' * (MAX_LENGTH - 8)}¦ }}", "at most 1,024 characters"),
]


def by_id(cases: list[Case]) -> list[object]:
    return [pytest.param(pattern, document, id=name) for name, pattern, document in cases]


def refusal_of(text: str) -> FilterPatternError:
    with pytest.raises(FilterPatternError) as caught:
        compile_pattern(text)
    return caught.value


@pytest.mark.parametrize(("pattern", "document"), by_id(MUST_NOT_MATCH))
def test_must_not_match(pattern: str, document: Mapping[str, object]) -> None:
    assert not compile_pattern(pattern).matches(document)


@pytest.mark.parametrize(("pattern", "document"), by_id(MUST_MATCH))
def test_must_match(pattern: str, document: Mapping[str, object]) -> None:
    assert compile_pattern(pattern).matches(document)


@pytest.mark.parametrize(("pattern", "document"), by_id(MUST_NOT_MATCH + MUST_MATCH))
def test_the_text_of_an_event_matches_as_the_event_does(
    pattern: str, document: Mapping[str, object]
) -> None:
    compiled = compile_pattern(pattern)
    assert compiled.matches(json.dumps(document)) == compiled.matches(document)


@pytest.mark.parametrize(
    "message",
    [
        pytest.param("", id="empty"),
        pytest.param("START RequestId: 1", id="text"),
        pytest.param('{"eventName": "A"', id="cut-off"),
        pytest.param('{"eventName": "A"} {}', id="two-documents"),
        pytest.param('{"eventName": NaN}', id="no-number"),
        pytest.param('{"eventName": ' + "9" * 5000 + "}", id="number-too-long-for-python"),
        pytest.param('[{"eventName": "A"}]', id="array"),
        pytest.param('"A"', id="string"),
        pytest.param("null", id="null"),
        pytest.param('{"a":' * 100_000, id="nested-too-deep-for-python"),
    ],
)
def test_a_message_that_is_no_json_object_does_not_match(message: str) -> None:
    assert not compile_pattern("{ $.gone NOT EXISTS }").matches(message)


@pytest.mark.parametrize(
    ("marked", "expected"),
    [pytest.param(marked, expected, id=name) for name, marked, expected in REFUSED],
)
def test_refused_with_the_place_and_what_belongs_there(marked: str, expected: str) -> None:
    refusal = refusal_of(marked.replace("¦", ""))
    assert refusal.position == marked.index("¦")
    assert refusal.expected.startswith(expected)


def test_a_refusal_reads_as_a_sentence() -> None:
    place = "filter pattern, position"
    assert str(refusal_of("{ ($.a = 1) ($.b = 2) }")) == (
        f"{place} 12: expected '&&', '||' or '}}'; found '($.b = 2) }}'"
    )
    assert str(refusal_of("{ $.a = 1 ")) == (
        f"{place} 10: expected '&&', '||' or '}}'; found the end"
    )


def test_as_long_and_as_deep_as_allowed() -> None:
    long = f"{{ $.a = {'x' * (MAX_LENGTH - 10)} }}"
    assert len(long) == MAX_LENGTH
    assert compile_pattern(long).matches({"a": "x" * (MAX_LENGTH - 10)})
    deep = "{" + "(" * MAX_DEPTH + "$.a=1" + ")" * MAX_DEPTH + "}"
    assert compile_pattern(deep).matches({"a": 1})


def test_many_stars_take_no_time_on_a_hostile_value() -> None:
    pattern = compile_pattern(f"{{ $.userAgent = {'*a' * 400}*b }}")
    assert not pattern.matches({"userAgent": "a" * 20_000})


def test_a_compiled_pattern_is_a_value() -> None:
    pattern = compile_pattern(CHAIN)
    assert pattern == compile_pattern(CHAIN)
    assert pattern != compile_pattern(SECURITY_HUB)
    assert repr(pattern) == f"FilterPattern(text={CHAIN!r})"
    with pytest.raises(FrozenInstanceError):
        pattern.text = SECURITY_HUB  # type: ignore[misc]


# A random pattern means what its tree means. The reading below shares no code with the module.

STEPS = {"a": ".a", "b": ".b", "c.d": ".['c.d']"}


@dataclass(frozen=True)
class Term:
    path: tuple[str | int, ...]
    relation: str
    value: str | int | float | None

    def holds(self, document: object) -> bool:
        found: Any = document
        for step in self.path:
            members = dict(enumerate(found)) if isinstance(found, list) else found
            if not isinstance(members, dict) or step not in members:
                return self.relation == "NOT EXISTS"
            found = members[step]
        if self.relation == "NOT EXISTS":
            return False
        if self.value is None:
            return found is {"IS NULL": None, "IS TRUE": True, "IS FALSE": False}[self.relation]
        if found is None or isinstance(found, bool | dict | list):
            return False
        if isinstance(found, str) or isinstance(self.value, str):
            return self.relation == ("=" if like(str(self.value), str(found)) else "!=")
        verdicts: dict[str, bool] = {
            "=": found == self.value,
            "!=": found != self.value,
            "<": found < self.value,
            "<=": found <= self.value,
            ">": found > self.value,
            ">=": found >= self.value,
        }
        return verdicts[self.relation]

    def written(self, blank: str) -> str:
        path = "".join(f"[{key}]" if isinstance(key, int) else STEPS[key] for key in self.path)
        if self.value is None:
            return f"${path} {self.relation.replace(' ', ' ' + blank)}"
        quoted = isinstance(self.value, str) and not (self.value.isalpha() and blank)
        value = f'"{self.value}"' if quoted else self.value
        return f"${path}{blank}{self.relation}{blank}{value}"


@dataclass(frozen=True)
class Junction:
    symbol: Literal["&&", "||"]
    parts: tuple["Junction | Term", ...]

    def holds(self, document: object) -> bool:
        verdicts = [part.holds(document) for part in self.parts]
        return min(verdicts) if self.symbol == "&&" else max(verdicts)

    def written(self, blank: str) -> str:
        return f"{blank}{self.symbol}{blank}".join(
            f"({blank}{part.written(blank)}{blank})"
            if isinstance(part, Junction) and (part.symbol == "||" or blank)
            else part.written(blank)
            for part in self.parts
        )


def like(wanted: str, text: str) -> bool:
    if not wanted:
        return not text
    if wanted[0] == "*":
        return any(like(wanted[1:], text[start:]) for start in range(len(text) + 1))
    return text[:1] == wanted[0] and like(wanted[1:], text[1:])


KEYS = st.sampled_from(sorted(STEPS))
NUMBERS = st.integers(-2, 2) | st.sampled_from([0.5, 1e3, -2.0])
TEXTS = st.text(alphabet="ab *" + string.digits[:3], max_size=4)
SCALARS = st.none() | st.booleans() | NUMBERS | TEXTS
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(KEYS, inner, max_size=2),
    max_leaves=4,
)
DOCUMENTS = st.fixed_dictionaries({"a": VALUES, "b": SCALARS}, optional={"c.d": VALUES})
PATHS = st.tuples(KEYS) | st.tuples(KEYS, KEYS | st.integers(0, 1))
TERMS = (
    st.builds(Term, PATHS, st.sampled_from(sorted(COMPARISONS)), NUMBERS)
    | st.builds(Term, PATHS, st.sampled_from(["=", "!="]), TEXTS)
    | st.builds(Term, PATHS, st.sampled_from(sorted(TESTS)), st.none())
)
TREES: st.SearchStrategy[Junction | Term] = st.recursive(
    TERMS,
    lambda inner: st.builds(
        Junction, st.sampled_from(["&&", "||"]), st.lists(inner, min_size=1, max_size=4).map(tuple)
    ),
    max_leaves=8,
)


@settings(max_examples=100, deadline=None, database=None)
@given(tree=TREES, document=DOCUMENTS, blank=st.sampled_from(["", " ", "\n\t"]))
def test_a_written_tree_matches_as_the_tree_holds(
    tree: Junction | Term, document: dict[str, object], blank: str
) -> None:
    pattern = compile_pattern(f"{{{blank}{tree.written(blank)}{blank}}}")
    assert pattern.matches(document) == tree.holds(document)


@settings(max_examples=100, deadline=None, database=None)
@given(tree=TREES, document=DOCUMENTS, known=st.sets(KEYS))
def test_what_matches_may_match_whatever_is_known_of_it(
    tree: Junction | Term, document: dict[str, object], known: set[str]
) -> None:
    pattern = compile_pattern(f"{{{tree.written('')}}}")
    part = {key: value for key, value in document.items() if key in known}
    assert pattern.may_match(part) or not pattern.matches(document)
    assert pattern.may_match(document) or not pattern.matches(document)


PARTLY_KNOWN = {
    "what-decides-is-known": ({"a": "z"}, False),
    "what-decides-is-not-known": ({"c.d": 1}, True),
    "the-rest-may-decide": ({"a": "x"}, True),
    "a-part-of-what-is-not-known": ({"b": 0}, True),
}


@pytest.mark.parametrize(("known", "may"), PARTLY_KNOWN.values(), ids=PARTLY_KNOWN)
def test_a_part_of_an_event_may_match(known: dict[str, object], may: bool) -> None:
    pattern = compile_pattern("{ ($.a = x) && ($.b.a[0] = 1 || $.c NOT EXISTS) || $.a = y }")

    assert pattern.may_match(known) == may


@settings(max_examples=100, deadline=None, database=None)
@given(st.text(alphabet="{}()$.=!<>&|[]'\"*%1eaISNULTR \n", max_size=40))
def test_any_text_is_compiled_or_refused(text: str) -> None:
    with suppress(FilterPatternError):
        compile_pattern(text).matches({})
