"""Processor time and memory beside the other handlers, cold and warm.

In each round every function is started anew, one after the other, and in the next round in reverse
order. A ratio is that of one round, and the result is the median of the rounds: so whatever else
the machine does weighs on both sides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from statistics import median
from typing import Final, NamedTuple

from tests.loopback_aws import LoopbackAws

from .progress import say
from .runtime import Function
from .setups import Setup
from .workloads import delivery

# Cold: a start and one delivery. Warm: later deliveries.
COLD_ROUNDS: Final = 15
WARM_ROUNDS: Final = 5
COLD: Final = ("alerter_after_mtime_change", "alerter", "naive", "powertools")
# How often each size is delivered in a warm round, after so many that only warm the function up.
_TIMES: Final = {1: 11, 100: 3}
_WARM_UPS: Final = {1: 3, 100: 1}

# What was measured of one function in one round: processor seconds, megabytes, AWS calls.
Sample = dict[str, float]


class Rounds(NamedTuple):
    """By round and function."""

    cold: list[dict[str, Sample]]
    warm: list[dict[str, Sample]]

    def ratio(self, above: str, below: str, what: str) -> float:
        """Of two functions, in the same round."""
        return median(it[above][what] / it[below][what] for it in self._of(what))

    def median_of(self, name: str, what: str) -> float | None:
        """Of one function; None if this was not measured of it."""
        values = [it[name][what] for it in self._of(what) if name in it]
        return median(values) if values else None

    def _of(self, what: str) -> list[dict[str, Sample]]:
        return self.cold if what in {"init", "cold"} else self.warm


def measured_rounds(made: Setup) -> Rounds:
    """Run them all."""
    return Rounds(
        cold=_rounds("cold starts", _cold_sample, COLD_ROUNDS, COLD, made),
        warm=_rounds("warm deliveries", _warm_sample, WARM_ROUNDS, made.handlers, made),
    )


def _rounds(
    what: str,
    sample: Callable[[str, Setup], Sample],
    count: int,
    functions: Iterable[str],
    made: Setup,
) -> list[dict[str, Sample]]:
    rounds = []
    for number in range(count):
        say(f"{what} beside others, {number + 1} of {count} …")
        names = list(functions)[:: -1 if number % 2 else 1]
        rounds.append({name: sample(name, made) for name in names})
    return rounds


def _cold_sample(name: str, made: Setup) -> Sample:
    with made.started(name) as function:
        return {"init": function.init, "cold": function.init + function.invoke(delivery(1))}


def _warm_sample(name: str, made: Setup) -> Sample:
    sample = {}
    with made.started(name) as function:
        for size, times in _TIMES.items():
            for _ in range(_WARM_UPS[size]):
                function.invoke(delivery(size))
            sample[f"w{size}"] = median(invoked(function, size, made.aws) for _ in range(times))
        return sample | {"calls": made.aws.calls.total(), "mb": function.peak_megabytes()}


def invoked(function: Function, size: int, aws: LoopbackAws) -> float:
    """Processor seconds of one delivery, for an AWS that knows nothing of it."""
    aws.forget()
    return function.invoke(delivery(size))
