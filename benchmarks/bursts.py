"""What a burst becomes: messages, their rate and size; and its processor time and memory."""

from __future__ import annotations

import base64
import gzip
import re
from bisect import bisect_left
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from statistics import median
from typing import Any, Final, NamedTuple

from tests.loopback_aws import LoopbackAws, Published

from .progress import say
from .runtime import Function
from .setups import Setup
from .workloads import delivery

ROUNDS: Final = 3
# How often a delivery of so many changes comes; then several of 500 come at once.
TIMES: Final = {100: 3, 1000: 1, 5000: 1}
AT_ONCE: Final = 3
_GROUP_ID: Final = re.compile(r"\bsg-[0-9a-f]{8,17}\b")


class Burst(NamedTuple):
    """What a delivery took, and what was published for it."""

    seconds: float
    messages: int
    most_in_a_second: int
    kb_a_change: float
    unnamed_groups: int


class Bursts(NamedTuple):
    """The median of all rounds, for each measure."""

    most_in_a_second: float
    messages_of_5000: float
    messages_of_5000_openings: float
    unnamed_of_5000: float
    kb_a_change: dict[int, float]
    seconds_w5000: float
    seconds_w5000_without_memory: float
    mb_w5000: float
    growth: float


def measured_bursts(made: Setup) -> Bursts:
    """In each round a new function gets one size after the other."""
    rounds = []
    for number in range(ROUNDS):
        say(f"bursts of up to 5,000 changes, {number + 1} of {ROUNDS} …")
        rounds.append(_one_after_the_other("alerter", made))
    say("bursts of up to 5,000 changes, without memory …")
    without, _ = _one_after_the_other("alerter_without_memory", made)
    say("a burst of 5,000 openings …")
    openings = _openings(made)
    say(f"{AT_ONCE} bursts of 500 changes at once …")
    at_once = _at_once(made)

    def of(size: int, what: str) -> float:
        return float(median(getattr(bursts[size], what) for bursts, _ in rounds))

    return Bursts(
        most_in_a_second=max(
            at_once, openings.most_in_a_second, *(of(it, "most_in_a_second") for it in TIMES)
        ),
        messages_of_5000=of(5000, "messages"),
        messages_of_5000_openings=openings.messages,
        unnamed_of_5000=max(openings.unnamed_groups, of(5000, "unnamed_groups")),
        kb_a_change={size: of(size, "kb_a_change") for size in TIMES},
        seconds_w5000=of(5000, "seconds"),
        seconds_w5000_without_memory=without[5000].seconds,
        mb_w5000=median(mb for _, mb in rounds),
        growth=median(
            bursts[5000].seconds / 5000 / (bursts[100].seconds / 100) for bursts, _ in rounds
        ),
    )


def _one_after_the_other(name: str, made: Setup) -> tuple[dict[int, Burst], float]:
    """By size; and the most memory that the function held."""
    with made.started(name) as function:
        function.invoke(delivery(1))
        function.invoke(delivery(100))
        found = {
            size: _burst_of([delivery(size) for _ in range(times)], size, function, made.aws)
            for size, times in TIMES.items()
        }
        return found, function.peak_megabytes()


def _openings(made: Setup) -> Burst:
    """5,000 changes that all open something to the world."""
    with made.started("alerter") as function:
        return _burst_of([delivery(5000, only_openings=True)], 5000, function, made.aws)


def _burst_of(
    payloads: list[dict[str, Any]], size: int, function: Function, aws: LoopbackAws
) -> Burst:
    """The processor time is the median; the messages are those of the last payload."""
    seconds = []
    for payload in payloads:
        aws.forget()
        seconds.append(function.invoke(payload))
    return Burst(
        seconds=median(seconds),
        messages=len(aws.published),
        most_in_a_second=most_in_a_second(it.at for it in aws.published),
        kb_a_change=sum(it.size for it in aws.published) / 1000 / size,
        unnamed_groups=len(_groups_in(payloads[-1]) - _groups_named(aws.published)),
    )


def _at_once(made: Setup) -> int:
    """The most messages in one second, while several execution environments work."""
    with ExitStack() as stack, ThreadPoolExecutor(AT_ONCE) as threads:
        functions = [stack.enter_context(made.started("alerter")) for _ in range(AT_ONCE)]
        for function in functions:
            function.invoke(delivery(1))
        made.aws.forget()
        # The deliveries are made before the first of them is delivered.
        payloads = [delivery(500) for _ in functions]
        list(threads.map(Function.invoke, functions, payloads))
        return most_in_a_second(it.at for it in made.aws.published)


def most_in_a_second(times: Iterable[float]) -> int:
    """How many of these times are in the busiest second, wherever it begins."""
    ordered = sorted(times)
    return max(
        (bisect_left(ordered, time + 1) - index for index, time in enumerate(ordered)), default=0
    )


def _groups_in(payload: dict[str, Any]) -> set[str]:
    """A record of a workload names one group: the one that it changed."""
    text = gzip.decompress(base64.b64decode(payload["awslogs"]["data"])).decode()
    return set(_GROUP_ID.findall(text))


def _groups_named(published: Iterable[Published]) -> set[str]:
    return {group for it in published for group in _GROUP_ID.findall(it.messages["email"])}
