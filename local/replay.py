"""Runs the real Lambda handler over CloudTrail records, and prints the alerts.

PATH is a file, a folder, or - for standard input, with records in any of the forms in
docs/replay.md: log files of a trail, gzipped or not, JSON Lines, what the AWS CLI prints, events
and messages that carry records. Records that the subscription filter in template.yaml does not
match are dropped, as CloudWatch Logs drops them. Nothing leaves this machine. The function's clock
is set to five minutes after the newest record of each delivery.

A scenario, {"scenario": [STEP, ...]}, is played after the records, each step at its time.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from collections import Counter
from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from security_group_alerter.messages.email import UNDO_TITLE
from security_group_alerter.messages.text import listed
from security_group_alerter.model.message import DIGEST
from security_group_alerter.model.severity import Severity
from security_group_alerter.settings import SettingsError

from .aws import SentAlert, emulated_aws
from .deliveries import LONGEST_SPAN, Delivery, Packer
from .program import run
from .progress import progress
from .records_in import MOST_NAMED, File, Payload, Reader
from .replayed_function import ReplayedFunction, SubscriptionFilter
from .template import read_template

if TYPE_CHECKING:
    from .scenarios.playing import PlayedStep
    from .scenarios.reading import Scenario, Step

_SEVERITY_COLOURS: Final = {"CRITICAL": "1;97;41", "HIGH": "1;31", "MEDIUM": "1;33", "LOW": "1;36"}
_UNDO_COLOUR, _WARNING_COLOUR = "1;32", "1;33"
# A line of an e-mail: a command may have the number of its call before it.
_LINE: Final = re.compile(r"(?m)^( *(?:\d+\. )?)(.+)$")
# A bar for less would only flicker, in seconds.
_DELAY: Final = 0.5


def main(arguments: list[str] | None = None) -> int:
    """Replay and print. Returns 2 if something could not be read, and 130 when interrupted."""
    options = _options(arguments)
    replay = _Replay()
    replay.read(options.paths)
    if options.payload:
        replay.print_payloads()
    else:
        try:
            replay.run()
        except SettingsError as error:
            replay.problems.append(str(error))
        else:
            replay.print_alerts(options.format)
    return replay.print_problems()


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m local.replay",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="Exit status: 0; 2 if something could not be read (the rest is replayed); 130 if "
        "interrupted (what was found until then is printed).",
    )
    parser.add_argument("paths", nargs="+", metavar="PATH", help="a file, a folder, or - for stdin")
    parser.add_argument(
        "--format",
        choices=sorted(_FORMATS),
        default="email",
        help="the form to print, as a subscriber gets it; json prints all forms as JSON Lines "
        "(default: email)",
    )
    parser.add_argument(
        "--payload",
        action="store_true",
        help="print the awslogs payloads instead, for `sam local invoke -e -` and "
        "`sam remote invoke --event-file -`",
    )
    return parser.parse_args(arguments)


@dataclass(frozen=True, slots=True)
class _Alert:
    """An alert as it was sent, and where its records were found, or in which step it was sent."""

    sent: SentAlert
    places: list[str]
    step: Step | None = None


class _Replay:
    """One run: what was read and sent, and what there is to say about it."""

    def __init__(self) -> None:
        self._reader = Reader(on_scenario=self._take)
        self.problems = self._reader.problems
        self._packer = Packer(longest_span=LONGEST_SPAN)
        self._records = 0
        self._totals: Counter[str] = Counter()
        self._alerts: list[_Alert] = []
        self._scenarios: list[Scenario] = []
        self._played: list[tuple[Scenario, PlayedStep]] = []
        self._is_complete = True

    def read(self, paths: list[str]) -> None:
        """Keep what the subscription filter lets through. A payload has passed it already."""
        reader = self._reader
        files = reader.files_in(paths)
        subscription_filter = SubscriptionFilter()
        try:
            with progress(_size_of(files), "B") as reader.on_read:
                for file, item in reader.records_in(files):
                    if isinstance(item, Payload) or subscription_filter.matches(item):
                        self._packer.add(item, place=file.name)
                    else:
                        self._records += 1
        except KeyboardInterrupt:
            self._is_complete = False

    def _take(self, document: dict[str, Any], where: str) -> None:
        """Keep a scenario; one that does not fit becomes a problem."""
        from .scenarios.reading import ScenarioError, scenario_of

        try:
            self._scenarios.append(scenario_of(document, where))
        except ScenarioError as error:
            self.problems.append(str(error))

    def run(self) -> None:
        """Replay the records, then play the scenarios. Raises SettingsError."""
        try:
            self._replay()
            for scenario in self._scenarios:
                self._play(scenario)
        except KeyboardInterrupt:
            self._is_complete = False

    def _replay(self) -> None:
        """Hand the deliveries to the function, and keep what it sends."""
        deliveries = list(self._packer.deliveries())
        records = sum(delivery.records for delivery in deliveries)
        self._records += records
        if not deliveries:
            return
        with emulated_aws() as topic, progress(records, " records") as advance:
            function = ReplayedFunction()
            for delivery in deliveries:
                try:
                    self._totals.update(function.handle(delivery, self.problems))
                finally:
                    self._alerts += [
                        _Alert(sent, _places_of(sent, delivery)) for sent in topic.take()
                    ]
                    topic.forget_pace()
                advance(delivery.records)

    def _play(self, scenario: Scenario) -> None:
        """Play a scenario, and keep what each step sends."""
        from .scenarios.ec2_listings import UnknownCallError
        from .scenarios.playing import played

        try:
            for step in played(scenario):
                self._records += len(step.step.trail or ())
                self._totals.update(step.counts)
                self.problems += step.problems
                self._played.append((scenario, step))
        except UnknownCallError as error:
            self.problems.append(f"{scenario.where}: the emulated AWS is incomplete: {error}")

    def print_payloads(self) -> None:
        """Print what Lambda would get, a line each."""
        for delivery in self._packer.deliveries():
            print(json.dumps(delivery.payload))
        for scenario in self._scenarios:
            self.problems.append(f"{scenario.where}: a scenario has no payload: it is only played")

    def print_alerts(self, form: str) -> None:
        """Print the alerts; and how many there are of what, to standard error."""
        alerts = self._alerts
        if form != "json":
            # What needs attention comes first. JSON Lines keep the order of sending.
            alerts = sorted(alerts, key=lambda it: it.sent.attributes["world_open"] != "true")
        for alert in alerts:
            print(_FORMATS[form](alert))
        for scenario, played in self._played:
            if form != "json":
                print(_line_of(played.step, scenario))
            for sent in played.alerts:
                print(_FORMATS[form](_Alert(sent, [], played.step)))
        self._print_summary(len(alerts) + sum(len(played.alerts) for _, played in self._played))

    def _print_summary(self, alerts: int) -> None:
        totals = self._totals
        print(
            f"{_count(self._records, 'record')} read, "
            f"{totals['matched']} matched, {_count(totals['duplicates'], 'repeat')}, "
            f"{_count(alerts, 'alert')}, "
            f"{totals['world_open']} world-open, {totals['unreadable']} unreadable",
            file=sys.stderr,
        )

    def print_problems(self) -> int:
        """Print what was left out and what is wrong. Returns the exit status."""
        left_out = self._reader.left_out
        if left_out:
            files = (
                "1 file that holds" if len(left_out) == 1 else f"{len(left_out)} files that hold"
            )
            _say(f"left out {files} something else: {listed(left_out, MOST_NAMED)}")
        for problem in self.problems:
            _say(problem)
        if not self._is_complete:
            _say("interrupted: this is partial, what was found until then")
            return 130
        return 2 if self.problems else 0


def _places_of(sent: SentAlert, delivery: Delivery) -> list[str]:
    """Where the records of an alert were found; of all of the delivery, if it names none."""
    places, told = delivery.places, {*sent.event_ids}
    named = [place for event_id, place in places.items() if event_id in told]
    return list(dict.fromkeys(named or places.values()))


def _size_of(files: Iterable[File]) -> int | None:
    """How many bytes there are to read; None if only reading tells."""
    try:
        return sum(Path(file.path).stat().st_size for file in files)
    except OSError:
        return None


def _say(words: str) -> None:
    print(f"replay: {words}", file=sys.stderr)


def _count(number: int, singular: str) -> str:
    return f"{number} {singular}{'' if number == 1 else 's'}"


# The forms.


def _line_of(step: Step, scenario: Scenario) -> str:
    """What stands before the alerts of a step, in every form but JSON Lines."""
    line = f"── step {step.number}, {step.written}: {step}"
    return line if step.number else f"── {scenario.where}\n{line}"


def _email(alert: _Alert) -> str:
    sent, lines = alert.sent, ["─" * 100]
    if alert.places:
        lines.append(f"File: {listed(alert.places, MOST_NAMED)}")
    if not _is_emailed(sent):
        lines.append(f"No e-mail by default: below MinimumSeverity, which is {_minimum_severity()}")
    subject, text = f"Subject: {sent.subject}", sent.messages["email"]
    if _is_colourful():
        if colour := _SEVERITY_COLOURS.get(sent.attributes["severity"]):
            subject = _coloured(colour, subject)
        text = _highlighted(text, undo={UNDO_TITLE, *sent.undo})
    return "\n".join([*lines, subject, "", text])


def _is_emailed(sent: SentAlert) -> bool:
    """Whether AlertEmail gets it, with the template's defaults."""
    return (
        Severity[sent.attributes["severity"]] >= Severity[_minimum_severity()]
        or sent.attributes["effect"] == "closes"
        or sent.attributes["kind"] == DIGEST
    )


@cache
def _minimum_severity() -> str:
    default: str = read_template()["Parameters"]["MinimumSeverity"]["Default"]
    return default


def _is_colourful() -> bool:
    """Whether to print colours: https://no-color.org and https://force-color.org."""
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or sys.stdout.isatty()


def _highlighted(text: str, undo: Container[str]) -> str:
    """The text of an e-mail, with what undoes the change and what to take note of in colour."""

    def highlighted(line: re.Match[str]) -> str:
        before, words = line.groups()
        if words in undo:
            return before + _coloured(_UNDO_COLOUR, words)
        return before + (_coloured(_WARNING_COLOUR, words) if words.startswith("! ") else words)

    return _LINE.sub(highlighted, text)


def _coloured(colour: str, text: str) -> str:
    return f"\x1b[{colour}m{text}\x1b[0m"


def _json(alert: _Alert) -> str:
    sent = alert.sent
    step = alert.step
    return json.dumps(
        ({} if step is None else {"step": step.number, "at": step.written})
        | {
            "event_ids": sent.event_ids,
            "subject": sent.subject,
            "attributes": sent.attributes,
            "messages": sent.messages,
        }
    )


_FORMATS: Final[dict[str, Callable[[_Alert], str]]] = {
    "email": _email,
    "json": _json,
    "chat": lambda alert: json.dumps(json.loads(alert.sent.messages["https"]), indent=2),
    "sms": lambda alert: alert.sent.messages["sms"],
    "machine": lambda alert: json.dumps(json.loads(alert.sent.messages["default"]), indent=2),
}


if __name__ == "__main__":
    run("replay", main, when_closed=0)
