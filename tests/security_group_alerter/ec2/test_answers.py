"""Somebody else's answer: what is read, and how far the doubt goes where something is not."""

from collections.abc import Mapping
from typing import Any, Final

import pytest

from security_group_alerter.ec2.answers import (
    Read,
    UnreadableAnswerError,
    mapping_at,
    mappings_at,
    number_at,
    read,
    required_text_at,
    tags_at,
    text_at,
)


def read_names(*items: object) -> Read[str]:
    def ids_in(members: Mapping[str, Any]) -> list[str]:
        return [required_text_at(it, "Id") for it in mappings_at(members, "Owners")]

    return read(items, keys_in=ids_in, value_in=lambda it: required_text_at(it, "Name"))


A: Final = {"Owners": [{"Id": "a"}], "Name": "of a"}
OF_BOTH: Final = {"Owners": [{"Id": "a"}, {"Id": "b"}], "Name": "of both"}


def test_a_value_belongs_to_each_of_its_owners_in_the_order_of_the_answer() -> None:
    found = read_names(A, OF_BOTH)

    assert found.of("a") == ("of a", "of both")
    assert found.of("b") == ("of both",)
    assert found.of("c") == found.of(None) == ()
    assert found.is_whole("a")
    assert found.is_whole("c")


@pytest.mark.parametrize(
    ("item", "whole"),
    [
        pytest.param({"Owners": [{"Id": "a"}]}, {"b", "c"}, id="its-owner-is-in-doubt"),
        pytest.param(OF_BOTH | {"Name": 7}, {"c"}, id="both-owners-are-in-doubt"),
        pytest.param("text", set(), id="no-object-so-anybody's"),
        pytest.param({"Name": "of nobody"}, set(), id="no-owner-so-anybody's"),
        pytest.param({"Owners": "a", "Name": "x"}, set(), id="owners-unreadable-so-anybody's"),
        pytest.param({"Owners": ["a"], "Name": "x"}, set(), id="owner-is-text-so-anybody's"),
    ],
)
def test_how_far_the_doubt_goes(item: object, whole: set[str]) -> None:
    found = read_names(A, item, OF_BOTH)

    assert {key for key in "abc" if found.is_whole(key)} == whole
    assert found.of("a") == ("of a", "of both")


def test_what_is_missing_is_empty_or_none() -> None:
    assert mapping_at({}, "x") == {}
    assert mappings_at({}, "x") == []
    assert text_at({}, "x") is None
    assert text_at({"x": ""}, "x") is None
    assert number_at({}, "x") is None
    assert tags_at({}, "x") == {}


def test_tags_may_have_empty_values() -> None:
    answered = {"Tags": [{"Key": "Name", "Value": "web"}, {"Key": "public", "Value": ""}]}

    assert tags_at(answered, "Tags") == {"Name": "web", "public": ""}


@pytest.mark.parametrize(
    ("parse", "value"),
    [
        pytest.param(mapping_at, [], id="a-list-is-no-object"),
        pytest.param(mappings_at, {}, id="an-object-is-no-list"),
        pytest.param(mappings_at, [None], id="none-in-a-list-of-objects"),
        pytest.param(text_at, 7, id="a-number-is-no-text"),
        pytest.param(number_at, "7", id="text-is-no-number"),
        pytest.param(number_at, True, id="true-is-no-number"),
        pytest.param(required_text_at, "", id="empty-text-where-one-is-due"),
        pytest.param(tags_at, [{"Value": "web"}], id="a-tag-without-a-key"),
    ],
)
def test_what_is_something_else_is_refused(parse: Any, value: object) -> None:
    with pytest.raises(UnreadableAnswerError):
        parse({"x": value}, "x")
