"""Measures, prints the table, and writes results.json beside this file.

Every function is started anew in each round, one after the other, and in the next round the other
way round; a ratio is that of one round, and what is told is the median of the rounds. So whatever
else the machine does weighs on both sides.
"""

from __future__ import annotations

import json
import platform
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any, Final, NamedTuple

from benchmarks.builds import (
    ROOT,
    built_function,
    compared_functions,
    deployed_megabytes,
    with_other_times,
)
from benchmarks.certificate import certificate_in
from benchmarks.goals import GOALS
from benchmarks.runtime import Function, running
from benchmarks.workloads import delivery
from tests.loopback_aws import ACCOUNT, OU, LoopbackAws, environment_for, loopback_aws

HANDLER_MODULE: Final = "security_group_alerter.handlers.delivery"
RESULTS: Final = Path(__file__).parent / "results.json"
PYTHON: Final = ROOT / ".venv" / "bench" / "bin" / "python"
# Of starts, with one delivery each, and of what comes after that.
COLD_ROUNDS: Final = 15
WARM_ROUNDS: Final = 5
ROUNDS_OF_5000: Final = 3
# How often each size is delivered in a warm round, after so many that only warm the function up.
TIMES: Final = {1: 11, 100: 5}
WARM_UPS: Final = {1: 3, 100: 1}

# What was measured of one function in one round: processor seconds, megabytes, AWS calls.
Sample = dict[str, float]


class Setup(NamedTuple):
    """What is measured: a folder and the handler in it, by name; and the AWS that it calls."""

    handlers: Mapping[str, tuple[Path, str]]
    environment: Mapping[str, str]
    aws: LoopbackAws
    zip_mb: float

    @contextmanager
    def started(self, name: str) -> Iterator[Function]:
        """This function, cold."""
        folder, handler = self.handlers[name]
        with running(PYTHON, folder, handler, self.environment) as function:
            yield function


def main() -> None:
    """Measure, print and write."""
    if not sys.platform.startswith("linux"):
        sys.exit(
            "make bench needs Linux: Lambda's client of its runtime API has no wheels for others."
        )
    with setup() as made:
        cold = rounds_of(cold_sample, COLD_ROUNDS, made)
        warm = rounds_of(warm_sample, WARM_ROUNDS, made)
        growths = []
        for number in range(ROUNDS_OF_5000):
            tell(f"5,000 records, {number + 1} of {ROUNDS_OF_5000} …")
            growths.append(growth(made))
    results = results_of(cold, warm, growths, made.zip_mb)
    RESULTS.write_text(f"{json.dumps(results, indent=2)}\n", encoding="utf-8")
    print(table_of(results))


def tell(words: str) -> None:
    """Progress is for people."""
    print(words, file=sys.stderr, flush=True)


@contextmanager
def setup() -> Iterator[Setup]:
    """Build everything, and start the AWS."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        tell("building the function …")
        built = built_function(folder / "built", PYTHON)
        moved = with_other_times(built, folder / "moved")
        tell("building what is deployed …")
        zip_mb = deployed_megabytes(folder / "deployed", PYTHON)
        tell("building what it is compared with …")
        compared = compared_functions(folder / "compared", PYTHON)
        context, authorities = certificate_in(folder)
        with loopback_aws(context) as aws:
            # As AWS answers today, which spares ListParents.
            aws.account = ACCOUNT | {
                "Paths": [f"o-exampleorgid/r-abcd/{OU['Id']}/{ACCOUNT['Id']}/"]
            }
            yield Setup(
                handlers={
                    # What is compared stands side by side: time passes in a round.
                    "alerter_after_mtime_change": (
                        moved,
                        HANDLER_MODULE,
                    ),
                    "alerter": (built, HANDLER_MODULE),
                    "naive": (compared, "naive"),
                    "powertools": (compared, "powertools"),
                    "alerter_without_network": (built, "without_network"),
                    "floor_messages": (compared, "floor_messages"),
                    "floor_outer": (compared, "floor_outer"),
                    "empty": (compared, "empty"),
                },
                environment=environment_for(aws) | {"AWS_CA_BUNDLE": str(authorities)},
                aws=aws,
                zip_mb=zip_mb,
            )


def rounds_of(
    sample: Callable[[str, Setup], Sample], count: int, made: Setup
) -> list[dict[str, Sample]]:
    """What is measured of every function, in each of so many rounds."""
    rounds = []
    for number in range(count):
        tell(f"{sample.__name__.partition('_')[0]}, {number + 1} of {count} …")
        names = list(made.handlers)[:: -1 if number % 2 else 1]
        rounds.append({name: sample(name, made) for name in names})
    return rounds


def cold_sample(name: str, made: Setup) -> Sample:
    """A start, and the first delivery."""
    with made.started(name) as function:
        return {"init": function.init, "cold": function.init + function.invoke(delivery(1))}


def warm_sample(name: str, made: Setup) -> Sample:
    """Later deliveries."""
    sample = {}
    with made.started(name) as function:
        for size, times in TIMES.items():
            for _ in range(WARM_UPS[size]):
                function.invoke(delivery(size))
            sample[f"w{size}"] = median(invoked(function, size, made.aws) for _ in range(times))
        return sample | {"calls": made.aws.calls.total(), "megabytes": function.peak_megabytes()}


def growth(made: Setup) -> float:
    """The time for each of 5,000 records against that for each of 100."""
    with made.started("alerter") as function:
        function.invoke(delivery(1))
        function.invoke(delivery(100))
        of_100 = median(invoked(function, 100, made.aws) for _ in range(5))
        of_5000 = invoked(function, 5000, made.aws)
    return of_5000 / 5000 / (of_100 / 100)


def invoked(function: Function, size: int, aws: LoopbackAws) -> float:
    """One delivery to an AWS that knows none of it."""
    aws.forget()
    return function.invoke(delivery(size))


def results_of(
    cold: list[dict[str, Sample]],
    warm: list[dict[str, Sample]],
    growths: list[float],
    zip_mb: float,
) -> dict[str, Any]:
    """The ratios by name, beside their goals; and what they come from."""
    samples_of = dict.fromkeys(("init", "cold"), cold)

    def ratio(above: str, below: str, what: str) -> float:
        rounds = samples_of.get(what, warm)
        return median(samples[above][what] / samples[below][what] for samples in rounds)

    def median_of(name: str, what: str) -> float:
        return median(samples[name][what] for samples in samples_of.get(what, warm))

    ratios = {
        "cold_cpu_vs_naive": ratio("alerter", "naive", "cold"),
        "cold_cpu_vs_powertools": ratio("alerter", "powertools", "cold"),
        "warm_cpu_vs_naive_w1": ratio("alerter", "naive", "w1"),
        "warm_cpu_vs_naive": ratio("alerter", "naive", "w100"),
        "warm_cpu_vs_powertools": ratio("alerter", "powertools", "w100"),
        "handler_vs_floor": ratio("alerter_without_network", "floor_messages", "w100"),
        "aws_calls": median_of("alerter", "calls"),
        "growth": median(growths),
        "peak_rss_vs_naive": ratio("alerter", "naive", "megabytes"),
        "zip_mb": zip_mb,
        "init_after_mtime_change": ratio("alerter_after_mtime_change", "alerter", "init"),
    }
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "python": platform.python_version(),
        "machine": machine(),
        "ratios": {name: round(value, 3) for name, value in ratios.items()},
        "goals": {name: GOALS[name].most for name in ratios},
        "medians": {
            name: {
                **{
                    f"{what}_ms": round(1000 * median_of(name, what), 2)
                    for what in ("init", "cold", "w1", "w100")
                },
                "peak_mb": round(median_of(name, "megabytes"), 1),
            }
            for name in cold[0]
        },
    }


def machine() -> str:
    """The kind of processor, and how many of them."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    kind = next(iter(names), "processor of unknown name")
    return f"{kind}, {platform.machine()}, {len(names)} cores"


def table_of(results: Mapping[str, Any]) -> str:
    """The ratios, with the goals that they miss marked; below them what they come from."""
    lines = [f"{results['date']}, Python {results['python']}, {results['machine']}", ""]
    for name, value in results["ratios"].items():
        most = results["goals"][name]
        lines.append(f"{name:26} {value:8.3f}  goal {most:<5} {'' if value <= most else 'MISSED'}")
    columns = list(next(iter(results["medians"].values())))
    lines += ["", f"{'processor ms, medians':26} {' '.join(f'{it:>9}' for it in columns)}"]
    for name, values in results["medians"].items():
        lines.append(f"{name:26} {' '.join(f'{values[it]:9.2f}' for it in columns)}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
