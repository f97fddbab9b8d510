"""Amazon EC2's Describe calls, answered from a state: filters, pages and errors are AWS's.

What is not known here (an operation, a parameter, a filter) raises UnknownCallError: a gap in this
module must not look like an account in which nothing stands.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, Final

from .ec2_listings import (
    LISTINGS,
    Ids,
    Place,
    RefusedError,
    Request,
    UnknownCallError,
    Values,
    members_of,
    tags_of,
)
from .region_state import Described
from .shapes import model_of

# https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
_MOST_VALUES: Final = 200
# Where the model does not say it.
_SMALLEST_PAGE: Final = 5
_LARGEST_PAGE: Final = 1000
_FILTER: Final = re.compile(r"Filter\.(\d+)\.Name")
# Parameters that say how to ask, not what for.
_OF_THE_PROTOCOL: Final = {"Action", "Version", "DryRun", "NextToken", "MaxResults"}


def answer(operation: str, request: Request, place: Place) -> dict[str, Any]:
    """What the operation returns, in the members of its model.

    Raises RefusedError for what AWS refuses, and UnknownCallError.
    """
    if operation == "DescribeVpcBlockPublicAccessOptions":
        _check_parameters(operation, request, frozenset())
        return {"VpcBlockPublicAccessOptions": place.state.block_public_access}
    listing = LISTINGS.get(operation)
    if listing is None:
        raise UnknownCallError(f"{operation} is not emulated")
    named = {listing.ids.parameter} if listing.ids else set()
    _check_parameters(operation, request, listing.parameters | named)
    things = list(listing.things(place, request))
    if listing.ids:
        _check_combination(operation, request)
        things = _by_id(things, listing.ids, members_of(request, listing.ids.parameter))
    for name, wanted in _filters_in(request).items():
        values_of = _values_for(operation, name, listing.filters(place))
        things = [it for it in things if _is_among(values_of(it), wanted)]
    if not listing.has_pages:
        return {listing.result: things}
    return _page(operation, request, listing.result, things)


def _check_parameters(operation: str, request: Request, known: frozenset[str]) -> None:
    for name in request:
        first = name.split(".")[0]
        if first not in _OF_THE_PROTOCOL | known | {"Filter"}:
            raise UnknownCallError(f"{operation}: the parameter {name} is not emulated")


def _check_combination(operation: str, request: Request) -> None:
    """Interfaces by their ids have no pages.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeNetworkInterfaces.html
    """
    if operation == "DescribeNetworkInterfaces" and {"NetworkInterfaceId.1", "MaxResults"} <= set(
        request
    ):
        raise RefusedError(
            "InvalidParameterCombination",
            "The parameter networkInterfaceIds cannot be used with the parameter maxResults",
        )


def _by_id(things: list[Described], ids: Ids, wanted: list[str]) -> list[Described]:
    if not wanted:
        return things
    there = {it[ids.member]: it for it in things}
    for identifier in wanted:
        if identifier not in there:
            raise RefusedError(ids.error_code, f"The {ids.noun} '{identifier}' does not exist")
    return [there[identifier] for identifier in dict.fromkeys(wanted)]


# Filters: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Filtering.html


def _filters_in(request: Request) -> dict[str, list[str]]:
    """Name -> values. One of the values has to match, and each of the filters."""
    filters: dict[str, list[str]] = {}
    for parameter, name in request.items():
        if found := _FILTER.fullmatch(parameter):
            prefix = f"Filter.{found[1]}.Value."
            filters[name] = [it for key, it in request.items() if key.startswith(prefix)]
    if sum(map(len, filters.values())) > _MOST_VALUES:
        raise RefusedError(
            "FilterLimitExceeded",
            f"The maximum number of filter values specified on a single call is {_MOST_VALUES}",
        )
    return filters


def _values_for(operation: str, name: str, known: Mapping[str, Values]) -> Values:
    if name.startswith("tag:"):
        key = name.removeprefix("tag:")
        return lambda it: [tag["Value"] for tag in tags_of(it) if tag["Key"] == key]
    if name not in known:
        raise UnknownCallError(f"{operation}: the filter {name} is not emulated")
    return known[name]


def _is_among(values: Iterable[object], wanted: Iterable[str]) -> bool:
    patterns = [_pattern_of(it) for it in wanted]
    return any(
        pattern.fullmatch(str(value).lower() if isinstance(value, bool) else str(value))
        for value in values
        for pattern in patterns
    )


@cache
def _pattern_of(value: str) -> re.Pattern[str]:
    r"""`*` stands for any characters and `?` for one; `\` before them takes that away."""
    wild = {"*": ".*", "?": "."}
    parts = re.findall(r"\\.|.", value, re.DOTALL)
    return re.compile("".join(wild.get(it, re.escape(it[-1])) for it in parts), re.DOTALL)


# Pages.


def _page(operation: str, request: Request, result: str, things: list[Any]) -> dict[str, Any]:
    size = _size_of_page(operation, request)
    asked = "&".join(f"{name}={it}" for name, it in sorted(request.items()) if name != "NextToken")
    size = len(things) if size is None else size
    start = _start_of_page(request.get("NextToken"), f"{operation}?{asked}")
    page: dict[str, Any] = {result: things[start : start + size]}
    if start + size < len(things):
        page["NextToken"] = _token_of(start + size, f"{operation}?{asked}")
    return page


def _size_of_page(operation: str, request: Request) -> int | None:
    """None for all, which is what AWS returns of most things if nobody says how many."""
    limits = _limits_of(operation)
    least, most = limits.get("min", _SMALLEST_PAGE), limits.get("max", _LARGEST_PAGE)
    if "MaxResults" not in request:
        return None if most == _LARGEST_PAGE else int(most)
    size = int(request["MaxResults"])
    if not least <= size <= most:
        raise RefusedError(
            "InvalidParameterValue",
            f"Value ( {size} ) for parameter maxResults is invalid. "
            f"Expecting a value between {least} and {most}.",
        )
    return size


def _limits_of(operation: str) -> Mapping[str, int]:
    shape = model_of("ec2").operation_model(operation).input_shape
    assert shape  # noqa: S101 (each of them takes parameters)
    limits: Mapping[str, int] = shape.members["MaxResults"].metadata
    return limits


def _token_of(start: int, asked: str) -> str:
    return urlsafe_b64encode(f"{start} {asked}".encode()).decode()


def _start_of_page(token: str | None, asked: str) -> int:
    """Where the page begins. A token is good for the request that it was given for."""
    if token is None:
        return 0
    try:
        start, _, rest = urlsafe_b64decode(token).decode().partition(" ")
    except ValueError:
        start, rest = "", ""
    if rest != asked:
        raise RefusedError("InvalidPaginationToken", "The pagination token is not valid.")
    return int(start)
