"""Records as they should not be: whatever is missing, null or of another type, nothing is lost."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, Final

import pytest

from security_group_alerter.cloudtrail.tampering_rules import TAMPERING_RULE
from security_group_alerter.model.account import AccountFacts, Fact, LookupProblem
from security_group_alerter.model.finding import Finding
from security_group_alerter.model.message import LARGEST_MESSAGE, Message
from security_group_alerter.model.origin import UnreadableRecord
from security_group_alerter.model.severity import Severity
from security_group_alerter.model.subject import SubjectKind
from tests.security_group_alerter.builders import with_record
from tests.stories import STORIES, findings_of, story, told

WRONG: Final[dict[str, object]] = {
    "null": None,
    "empty": "",
    "a-number": 5,
    "a-list": [],
    "an-object": {},
    "true": True,
    "a-text": "x",
}
# What was asked and answered is mangled in every story; the rest, which is read apart from it, in
# one story for each type of identity.
THE_CALL: Final = re.compile(r"(?:eventName|eventSource|requestParameters|responseElements)\b")
THE_REST_IS_MANGLED_IN: Final = {
    story(name).get("userIdentity", {}).get("type"): name for name in STORIES
}.values()
# Without them nobody can say that a record is ours; the subscription filter asks for the name, too.
WHAT_MAKES_A_RECORD_OURS: Final = {"eventName", "eventSource"}
# And of the calls that take trusted access away, only those from CloudTrail are ours.
OF_ANOTHER_SERVICE: Final = re.compile(
    r"requestParameters\.servicePrincipal (?:a-number|true|a-text)"
)
ON_RULES: Final = {it for it in STORIES if story(it)["eventSource"] == "events.amazonaws.com"}
# And of the calls on rules of EventBridge, only those on rules that report tampering.
OF_ANOTHER_RULE: Final = re.compile(
    r"requestParameters\.name (?:a-number|true|a-text)|errorMessage .*"
)
ATTACHING: Final = ("ModifyNetworkInterfaceAttribute", "ModifyInstanceAttribute")
# And of the calls that can set groups, only those that do.
WITHOUT_GROUPS: Final = re.compile(
    r"requestParameters(?:\.groupSet(?:\.items)?)?"
    r" (?:removed|null|empty|a-number|a-list|an-object|true|a-text)"
    r"|requestParameters\.groupSet\.items\[0\] removed"
)
# A record that opened the world may say something harmless when it is whole and says otherwise:
# that the rule lets out and not in, or that fewer rules or ranges were added.
SAYS_OTHERWISE: Final = re.compile(
    r".*\.isEgress true|.*\[\d+\] removed|.*\.AddEntry (?:removed|null|empty|a-list|an-object)"
)


@pytest.mark.parametrize("name", STORIES)
def test_no_mangled_record_is_lost(name: str) -> None:
    [whole] = findings_of(story(name))
    worded: set[str] = set()
    for mangling, record in mangled(name):
        findings = findings_of(record)

        if not findings:
            part = mangling.split()[0]
            of_another = OF_ANOTHER_RULE if name in ON_RULES else OF_ANOTHER_SERVICE
            if story(name)["eventName"] in ATTACHING:
                of_another = WITHOUT_GROUPS
            assert part in WHAT_MAKES_A_RECORD_OURS or of_another.fullmatch(mangling), mangling
            continue
        [finding] = findings
        if whole.judgement.world_open:
            cannot_hide = (
                finding.judgement.world_open or finding.judgement.severity >= Severity.HIGH
            )
            assert cannot_hide or SAYS_OTHERWISE.fullmatch(mangling), mangling
        # Many manglings come to the same: they are put into words once.
        if (same := content_of(finding)) not in worded:
            worded.add(same)
            assert_sendable(*told([finding]))


def mangled(name: str) -> Iterator[tuple[str, str]]:
    """(What was done to which part, the record as JSON): every key at every depth, one by one."""
    record = story(name)
    for container, key, path in list(parts_of(record)):
        if not (THE_CALL.match(path) or name in THE_REST_IS_MANGLED_IN):
            continue
        part = container[key]
        for how, wrong in WRONG.items():
            container[key] = wrong
            yield f"{path} {how}", json.dumps(record)
        del container[key]
        yield f"{path} removed", json.dumps(record)
        if isinstance(container, dict):
            container[key] = part
        else:
            container.insert(key, part)


def parts_of(container: Any, path: str = "") -> Iterator[tuple[Any, Any, str]]:
    if isinstance(container, dict):
        parts = [(key, f"{path}.{key}".lstrip(".")) for key in container]
    else:
        parts = [(index, f"{path}[{index}]") for index in range(len(container))]
    for key, where in parts:
        yield container, key, where
        if isinstance(container[key], dict | list):
            yield from parts_of(container[key], where)


def content_of(finding: Finding) -> str:
    """Everything that could be told of a finding. Raw JSON never is, but for an excerpt."""
    content = with_record(finding, request=None, response=None)
    if isinstance(content.origin, UnreadableRecord):
        content = replace(content, origin=replace(content.origin, excerpt=""))
    return repr(content)


# The longest is the excerpt of a record that cannot be read.
LONGEST_LINE: Final = 1600
DETAILS: Final = re.compile(r"WHAT (?:CHANGED|WAS (?:ATTEMPTED|TRIED) .*)")


def assert_sendable(*messages: Message) -> None:
    """As Amazon SNS wants it."""
    [message] = messages
    assert message.size <= LARGEST_MESSAGE
    assert len(message.subject) < 100
    assert message.subject.isprintable()
    assert all(value and value.isprintable() for value in message.attributes.values())
    forms = json.loads(message.body)
    assert all(isinstance(text, str) for text in forms.values())
    lines = forms["email"].split("\n")
    for line in lines:
        assert line.isprintable()
        # Commands and links must be whole to be copied; all else is cut, whatever stands in it.
        assert len(line) <= LONGEST_LINE or re.match(r"aws |\w+: https://", line), line
    # A headline, a blank line, and at most fifteen lines before the details.
    assert next(i for i, line in enumerate(lines) if DETAILS.fullmatch(line)) <= 2 + 15 + 1


ONE_OF_EACH_CALL: Final = {story(name)["eventName"]: name for name in STORIES}.values()

HOSTILE_TEXTS: Final = {
    "half-a-character": "\ud800",
    "line-breaks": "a\r\nSubject: all clear\u2028\x85b",
    "other-way-round": "\u202eworg-sg\u2066",
    "terminal-commands": "\x1b[2J\x07\x9b",
    "longer-than-any-limit": "😀" * 3000,
    "long-in-json": '"\\' * 3000,
    "longer-when-escaped": "\U0010ffff" * 3000,
    "digits": "9" * 5000,
    "a-percentage": "%s %(name)s {0} ${x}",
    "a-nothing": "\0",
}
# What makes the call ours, and what makes it worth a closer look: the rest may be anything.
KEPT: Final = ("eventName", "eventSource", "type", "ipProtocol", "IpProtocol", "servicePrincipal")


@pytest.mark.parametrize("error", [{}, {"errorCode": "", "errorMessage": ""}], ids=["", "failed"])
@pytest.mark.parametrize("text", HOSTILE_TEXTS.values(), ids=HOSTILE_TEXTS)
def test_hostile_text_everywhere_at_once(text: str, error: dict[str, str]) -> None:
    facts = AccountFacts(
        name=text,
        state=text,
        ou_path=(text, text),
        tags={"Owner": text},
        owner=text,
        problems=tuple(LookupProblem(fact, text) for fact in Fact),
    )
    for name in ONE_OF_EACH_CALL:
        whole = story(name)
        # Without a request, only the message of the refusal names a rule.
        members = {} if name in ON_RULES and not whole["requestParameters"] else error
        replaced = with_every(
            str, whole | members, lambda key, old: old if is_kept(key, old) else text
        )

        [finding] = findings_of(replaced)

        assert_sendable(*told([finding], facts=facts))


def is_kept(key: str, old: str) -> bool:
    # The end of the name of a rule makes it one of ours.
    return key in KEPT or (old != "" and "cidr" in key.lower()) or TAMPERING_RULE in old


HOSTILE_NUMBERS: Final = {
    "minus-one": "-1",
    "larger-than-a-port": "65536",
    "larger-than-a-machine-word": "1" + "0" * 40,
    "as-many-digits-as-python-reads": "9" * 4300,
    "more-digits-than-python-reads": "9" * 4301,
    "a-fraction": "22.5",
    "larger-than-a-float": "1e999",
    "not-a-number": "NaN",
}


@pytest.mark.parametrize("number", HOSTILE_NUMBERS.values(), ids=HOSTILE_NUMBERS)
def test_hostile_numbers_everywhere_at_once(number: str) -> None:
    mark = "a number goes here"
    for name in ONE_OF_EACH_CALL:
        replaced = with_every(
            int, story(name), lambda _key, old: old if isinstance(old, bool) else mark
        )

        [finding] = findings_of(json.dumps(replaced).replace(f'"{mark}"', number))

        assert_sendable(*told([finding]))


def with_every(kind: type, value: Any, new: Callable[[str, Any], Any], key: str = "") -> Any:
    """The record with every value of a type replaced."""
    if isinstance(value, dict):
        return {name: with_every(kind, member, new, name) for name, member in value.items()}
    if isinstance(value, list):
        return [with_every(kind, item, new, key) for item in value]
    return new(key, value) if isinstance(value, kind) else value


SSH: Final = json.dumps(story("ssh-opened-to-the-world-from-the-console"))
# No JSON object, or none that Python reads: told as unreadable. What stands last counts in JSON.
NOT_RECORDS: Final = {
    "nothing": "",
    "text": "REPORT RequestId: 8f5e Duration: 12 ms",
    "cut-off": SSH[:-1],
    "two-records": SSH + SSH,
    "a-list": f"[{SSH}]",
    "null": "null",
    "a-number": "5",
    "half-a-character": "\ud800",
    "too-deep": "[" * 100_000,
    "too-deep-in-a-member": f'{SSH[:-1]}, "requestParameters": {"[" * 100_000}}}',
    "too-many-digits": f'{SSH[:-1]}, "eventVersion": {"9" * 5000}}}',
    "as-long-as-a-log-event-may-be": "😀" * 64_000,
}


@pytest.mark.parametrize("log_event", NOT_RECORDS.values(), ids=NOT_RECORDS)
def test_what_is_no_record_is_told_and_the_rest_goes_on(log_event: str) -> None:
    before, unreadable, after = findings_of(SSH, log_event, SSH)

    assert before == after
    assert before.judgement.world_open
    assert unreadable.subject.kind is SubjectKind.UNREADABLE
    assert unreadable.judgement.severity is Severity.HIGH
    assert_sendable(*told([unreadable]))


@pytest.mark.parametrize("nested", ["[" * 900 + "]" * 900, '{"a":' * 900 + "1" + "}" * 900])
@pytest.mark.parametrize("member", json.loads(SSH))
def test_deep_nesting_that_can_be_read(member: str, nested: str) -> None:
    findings = findings_of(f'{SSH[:-1]}, "{member}": {nested}}}')

    assert findings or member in WHAT_MAKES_A_RECORD_OURS
    for finding in findings:
        assert finding.judgement.world_open
        assert_sendable(*told([finding]))
