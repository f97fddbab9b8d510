"""The alerts that records make: the whole function, over an emulated AWS."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from local.aws import SentAlert, Topic
from local.deliveries import deliveries_of
from local.replayed_function import ReplayedFunction


@dataclass(frozen=True, slots=True)
class Alerted:
    """One alert, in each of its forms."""

    sent: SentAlert

    @property
    def subject(self) -> str:
        return self.sent.subject

    @property
    def attributes(self) -> dict[str, str]:
        return self.sent.attributes

    @property
    def severity(self) -> str:
        return self.attributes["severity"]

    @property
    def email(self) -> str:
        return self.sent.messages["email"]

    @property
    def sms(self) -> str:
        return self.sent.messages["sms"]

    @property
    def chat(self) -> dict[str, Any]:
        notification: dict[str, Any] = json.loads(self.sent.messages["https"])
        return notification

    @property
    def chat_text(self) -> str:
        """All that a person sees of the chat's notification."""
        content = self.chat["content"]
        return "\n".join((content["title"], content["description"], *content["nextSteps"]))

    @property
    def machine(self) -> dict[str, Any]:
        finding: dict[str, Any] = json.loads(self.sent.messages["default"])
        return finding

    @property
    def calls(self) -> list[dict[str, Any]]:
        """What the machine form says of each call."""
        return [evidence["data"] for evidence in self.machine["evidences"]]

    @property
    def remediation(self) -> str:
        """What a machine may run."""
        text: str = self.machine["remediation"]["desc"]
        return text

    def section(self, title: str) -> str:
        """A part of the e-mail, without its title; empty where it is missing."""
        _, found, rest = self.email.partition(f"\n{title}\n")
        return rest.partition("\n\n")[0] if found else ""

    @property
    def commands(self) -> list[str]:
        """Every AWS CLI command of the e-mail."""
        lines = (line.strip() for line in self.email.splitlines())
        numbered = (line.partition(". ")[2] if line[:1].isdigit() else line for line in lines)
        return [line for line in numbered if line.startswith("aws ")]

    @property
    def changing_commands(self) -> list[str]:
        """Those of them that change something."""
        reading = ("describe-", "get-", "list-", "lookup-")
        return [line for line in self.commands if not line.split()[2].startswith(reading)]


AlertsOf = Callable[..., list[Alerted]]


@pytest.fixture
def alerts_of(topic: Topic) -> AlertsOf:
    """Hand records to the function, those of one account in one delivery.

    Use it with `forgotten`: a record that was alerted before makes no alert.
    """

    def alerts(*records: dict[str, Any]) -> list[Alerted]:
        problems: list[str] = []
        function = ReplayedFunction()
        for delivery in deliveries_of(records):
            function.handle(delivery, problems)
        assert not problems
        return [Alerted(sent) for sent in topic.take()]

    return alerts
