"""The goals of `make bench` and `make bench-history`, and what the first measures beside them."""

from typing import Final, NamedTuple


class Goal(NamedTuple):
    """A measure, and its highest value that meets the goal."""

    words: str
    most: float
    unit: str = ""

    def is_met_by(self, value: float | None) -> bool:
        """What could not be measured is not met."""
        return value is not None and value <= self.most


class Context(NamedTuple):
    """A measure without a goal, which helps to read the others."""

    words: str
    unit: str = ""


# A change is one record of ours. W100 and W5000 are one delivery of that many changes, while the
# function is warm. "Processor" is user and system time of the function's process.
GOALS: Final[dict[str, Goal]] = {
    # SNS disables an e-mail subscription that gets more than ten in a second.
    # https://repost.aws/knowledge-center/sns-email-subscription-disabled
    "messages_a_second": Goal("messages in any one second, whatever the burst", 8),
    "messages_of_5000_openings": Goal(
        "messages for 5,000 openings by 5 principals in one delivery", 20
    ),
    "unnamed_of_5000": Goal("groups among 5,000 openings or changes that no e-mail names", 0),
    "kb_a_change_w100": Goal("size of a change as published, W100", 3.0, "KB"),
    "kb_a_change_w5000": Goal("size of a change as published, W5000", 0.7, "KB"),
    "seconds_w5000": Goal("processor time, W5000", 1.2, "s"),
    "mb_w5000": Goal("peak memory, W5000", 96, "MB"),
    "warm_vs_naive": Goal("processor time, W100, against the naive handler", 0.24),
    "warm_vs_powertools": Goal("processor time, W100, against the Powertools handler", 0.12),
    "memory_vs_without": Goal(
        "processor time, W100, against the function without memory of groups", 1.25
    ),
    "cold_vs_naive": Goal("cold start and one change, against the naive handler", 0.88),
    "cold_vs_powertools": Goal("cold start and one change, against the Powertools handler", 0.62),
    # What memory may cost has a goal of its own.
    "instructions_a_change": Goal(
        "machine instructions for a change, W100, without memory of groups", 2.1, "million"
    ),
    "look_seconds": Goal(
        "a first look at 20 groups in 20 accounts, 50 ms for each AWS call", 3, "s"
    ),
    "replay_mb": Goal("peak memory of a replay of 200 MB with 50 changes", 150, "MB"),
    "replay_seconds": Goal("processor time of that replay", 3, "s"),
}

# `make history` beside other ways to read the same 2 GB of a trail's files. Each way is a process
# of its own, and its start counts.
ARCHIVE_GOALS: Final[dict[str, Goal]] = {
    "history_vs_json": Goal("processor time, against json.load of each file", 0.25),
    "history_vs_jq": Goal("processor time, against zcat and jq", 0.125),
    "history_vs_zlib": Goal("processor time, against only unpacking with zlib", 1.5),
    "two_vs_one": Goal("time with two processes, against one", 0.588),
    "history_mb": Goal("peak memory of a process", 120, "MB"),
}

CONTEXT: Final[dict[str, Context]] = {
    "seconds_w5000_without": Context("processor time, W5000, without memory of groups", "s"),
    "without_vs_naive": Context(
        "processor time, W100, without memory of groups, against the naive handler"
    ),
    "without_vs_powertools": Context(
        "processor time, W100, without memory of groups, against the Powertools handler"
    ),
    "memory_alone_vs_without": Context(
        "processor time, W100, with memory and no ledger, against the function without memory"
    ),
    "warm_vs_naive_w1": Context("processor time of one change, warm, against the naive handler"),
    "without_network_vs_parsing": Context(
        "processor time, W100, without AWS calls, against only parsing"
    ),
    "aws_calls": Context("AWS calls, W100"),
    "look_calls": Context("AWS calls of that look"),
    "look_processor_seconds": Context("processor time of that look", "s"),
    "look_seconds_warm": Context("the same look once more, with the sessions kept", "s"),
    "messages_of_5000": Context("messages, W5000: nine kinds of call by 5 principals"),
    "growth": Context("processor time of a change in W5000, against one in W100"),
    "memory_vs_naive": Context("peak memory, W100, against the naive handler"),
    "zip_mb": Context("size of the deployed zip", "MB"),
    "init_after_mtime_change": Context(
        "start after packaging has rewritten file times, against before"
    ),
    "instructions_with_memory": Context(
        "machine instructions for a change, W100, with memory and ledger", "million"
    ),
    "bytecodes_a_change": Context("bytecode instructions for a change, W100", "thousand"),
}
