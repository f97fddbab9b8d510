"""The patterns are measured as CloudFormation would fill them in."""

import json
import re
from typing import Final

import pytest

from local.deployment import defaults
from local.preflight.event_patterns import lengths_of
from tests.template.stack import SLACK, STACK, deployed

GROUP: Final = {"ExistingTrailLogGroupName": "aws-controltower/CloudTrailLogs"}


@pytest.mark.parametrize(
    "parameters",
    [
        pytest.param({}, id="defaults"),
        pytest.param({"TrailName": "t" * 80}, id="long-name"),
        pytest.param(SLACK, id="chat"),
        pytest.param({"KmsKey": "none"}, id="no-key"),
        pytest.param(GROUP, id="existing-trail"),
    ],
)
def test_the_lengths_are_those_of_the_template(parameters: dict[str, str]) -> None:
    rules = deployed(**parameters).of_type("AWS::Events::Rule")
    filled = {
        name: json.dumps(rule["EventPattern"], separators=(",", ":"))
        for name, rule in rules.items()
    }
    # CloudFormation ends names with 12 characters, and a key's ID has 36.
    key = re.compile(rf"{STACK}-EncryptionKey-1A2B3C4D")
    expected = {
        name: len(re.sub(r"-1A2B3C4D\b", "-1A2B3C4D5E6F", key.sub("k" * 36, text)))
        for name, text in filled.items()
    }

    assert lengths_of(STACK, defaults() | parameters) == expected


def test_names_are_cut_to_what_their_services_allow() -> None:
    """Of 20 more characters in the stack's name, those that a function's name has no room for."""
    short, long = (lengths_of("s" * length, defaults()) for length in (20, 40))

    grown = {name: long[name] - short[name] for name in short}
    assert grown["FunctionPathTamperingRule"] < 20 * 6
    assert grown["AlertPathTamperingRule"] == 20 * 9
