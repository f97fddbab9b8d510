"""Scenarios are played: each step at its time, with the real functions, in an AWS of its own."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass

from ..aws import SentAlert, Topic, emulated_aws
from ..deliveries import deliveries_of
from ..lambda_context import lambda_context
from ..replayed_function import ReplayedFunction, SubscriptionFilter
from .member_accounts import SERVICES, MemberAccounts
from .reading import Scenario, Step
from .sweeps import Sweeps

# The name of the role with which to look, where there is anything to see.
LOOK_ROLE_NAME = "security-group-alerter-look"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayedStep:
    """What a step did: its alerts in the order of sending, and how many there are of what."""

    step: Step
    alerts: tuple[SentAlert, ...]
    counts: Counter[str]
    problems: tuple[str, ...]


def played(scenario: Scenario) -> Iterator[PlayedStep]:
    """Play the steps, one after the other. Nothing is known of anything that was played before.

    Raises SettingsError, and UnknownCallError if a function asks for what is not emulated.
    """
    accounts = MemberAccounts()
    look_role_name = LOOK_ROLE_NAME if scenario.has_state else ""
    with (
        emulated_aws(look_role_name=look_role_name, but_for=SERVICES) as topic,
        accounts.reachable(),
    ):
        function, subscription_filter = ReplayedFunction(), SubscriptionFilter()
        sweeps = Sweeps(accounts)
        for step in scenario.steps:
            accounts.turn_to(step.at)
            accounts.change(step.state or {})
            if step.watch:
                yield _watched(step, topic)
            elif step.digest:
                yield _digested(step, topic)
            else:
                if step.sweep and scenario.has_state:
                    sweeps.run(now=step.at)
                yield _delivered(step, function, subscription_filter, topic)
            accounts.raise_gaps()


def _watched(step: Step, topic: Topic) -> PlayedStep:
    """The watch runs, as cold as it is after some minutes."""
    # The function logs to standard output, which belongs to the alerts here.
    with redirect_stdout(sys.stderr):
        from security_group_alerter.handlers import watch
    from security_group_alerter.wiring.watch import watcher

    watch.handle(lambda_context("watch"), watcher(os.environ, today=step.at.date()), now=step.at)
    topic.forget_pace()
    return PlayedStep(step=step, alerts=tuple(topic.take()), counts=Counter(), problems=())


def _digested(step: Step, topic: Topic) -> PlayedStep:
    """The digest of the day that ends now."""
    with redirect_stdout(sys.stderr):
        from security_group_alerter.handlers import digest
    from security_group_alerter.wiring.digest import digester_for

    digester = digester_for(os.environ, today=step.at.date(), clock=step.at.timestamp)
    digest.handle(lambda_context("digest", seconds_left=300), digester, until=step.at)
    topic.forget_pace()
    return PlayedStep(step=step, alerts=tuple(topic.take()), counts=Counter(), problems=())


def _delivered(
    step: Step, function: ReplayedFunction, subscription_filter: SubscriptionFilter, topic: Topic
) -> PlayedStep:
    """The records of a step come, one delivery a log stream."""
    records = step.trail or ()
    counts: Counter[str] = Counter()
    problems: list[str] = []
    alerts: list[SentAlert] = []
    for delivery in deliveries_of([it for it in records if subscription_filter.matches(it)]):
        counts.update(function.handle(delivery, problems, now=step.at))
        alerts += topic.take()
        topic.forget_pace()
    return PlayedStep(step=step, alerts=tuple(alerts), counts=counts, problems=tuple(problems))
