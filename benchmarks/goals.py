"""What is measured, in the words of the README, and the goal: at most so much."""

from typing import Final, NamedTuple


class Goal(NamedTuple):
    """What the number is, and how large it should be at most."""

    words: str
    most: float


GOALS: Final = {
    "cold_cpu_vs_naive": Goal("a start and one opening, against the naive handler", 0.80),
    "cold_cpu_vs_powertools": Goal("the same, against the Powertools handler", 0.50),
    "warm_cpu_vs_naive_w1": Goal("one opening, warm, against the naive handler", 1.5),
    "warm_cpu_vs_naive": Goal("100 changes, warm, against the naive handler", 0.12),
    "warm_cpu_vs_powertools": Goal("100 changes, warm, against the Powertools handler", 0.05),
    "handler_vs_floor": Goal("100 changes without network, against only parsing them", 3.0),
    "aws_calls": Goal("AWS calls for 100 changes, warm", 9),
    "growth": Goal("one change of 5,000, against one of 100", 1.1),
    "peak_rss_vs_naive": Goal("the most memory, against the naive handler", 0.85),
    "zip_mb": Goal("the zip that is deployed, in MB", 5),
    "init_after_mtime_change": Goal(
        "a start after packaging rewrote the times, against before", 1.05
    ),
}
