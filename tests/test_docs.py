"""The documents say what the code does: tables are made from it, what they name exists.

README.md holds blocks between `<!-- made: name -->` and `<!-- end: name -->`. Each is made from the
code, the template or a golden; `--write-goldens` writes them anew.
"""

import ast
import json
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from benchmarks.goals import GOALS
from local import replay
from local.template import HEALTH, read_template
from security_group_alerter import findings
from security_group_alerter.accounts import AccountFacts
from security_group_alerter.changes import READERS
from security_group_alerter.exposure import BROAD_SHARE, WORLD_SHARE, Breadth
from security_group_alerter.findings import (
    ANY_OTHER_CHANGE,
    EVERYTHING_PORTS,
    SEVERITY,
    WEB_PORTS,
    Effect,
    FindingKind,
    PortClass,
    Severity,
)
from security_group_alerter.messages import Message
from security_group_alerter.pipeline import Tally
from security_group_alerter.records import Outcome
from security_group_alerter.security_group_rules import PortRange
from security_group_alerter.sensitive_ports import SENSITIVE_PORTS
from tests.local.samples import preflight_sample, verify_sample
from tests.stories import findings_of, story, told

ROOT: Final = Path(__file__).parents[1]
PACKAGE: Final = ROOT / "functions" / "security_group_alerter"
README: Final = ROOT / "README.md"
DOCUMENTS: Final = sorted(
    path for folder in (ROOT, ROOT / "docs", ROOT / "events") for path in folder.glob("*.md")
)
STORY: Final = "ssh-opened-to-the-world-from-the-console"


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


# The blocks of the README.


def alert() -> str:
    golden = ROOT / "tests" / "golden" / f"{STORY}.email.txt"
    return f"```text\n{golden.read_text(encoding='utf-8').strip()}\n```"


def calls() -> str:
    cis = read_template()["Resources"]["SecurityGroupChangesMetricFilter"]["Properties"]
    groups: dict[str, list[str]] = {
        "security groups: the six that CIS and Security Hub look for": [],
        "security groups: what those six miss": [],
        "managed prefix lists, which rules refer to": [],
        "the trail that all of this comes from": [],
    }
    six, missed, prefix_lists, trail = groups.values()
    for name, reader in READERS.items():
        if reader.service == "cloudtrail":
            trail.append(name)
        elif "PrefixList" in name:
            prefix_lists.append(name)
        else:
            (six if f"={name})" in cis["FilterPattern"] else missed).append(name)
    rows = [(words, ", ".join(map(code, names))) for words, names in groups.items()]
    return table(("what is changed", "calls"), rows)


def severity() -> str:
    reasons = (port.reason.partition(":")[0] for port in SENSITIVE_PORTS)
    words = {
        PortClass.EVERYTHING: f"every port, or at least {EVERYTHING_PORTS:,} ports",
        PortClass.SENSITIVE: f"a sensitive port: {', '.join(dict.fromkeys(reasons))}",
        PortClass.OTHER: "any other port or protocol",
        PortClass.WEB: f"{', '.join(web_ports())} only",
        PortClass.ICMP: "ICMP only",
    }
    breadths = (Breadth.WORLD, Breadth.BROAD, Breadth.NARROW, Breadth.PRIVATE)
    rows = [
        (words[port_class], *(row.get(breadth, ANY_OTHER_CHANGE).name for breadth in breadths))
        for port_class, row in SEVERITY.items()
    ]
    columns = ("the world", "broad", "narrower, public", "private addresses, a group")
    return "\n".join(
        (
            table(("ingress reaches", *columns), rows),
            "",
            f"**The world** is at least 1/{WORLD_SHARE} of the public IPv4 space, or of the public",
            f"IPv6 space. **Broad** is at least 1/{BROAD_SHARE[4]:,} of the one (a /16), or",
            f"1/{BROAD_SHARE[6]:,} of the other (a /28).",
        )
    )


def web_ports() -> Iterator[str]:
    for protocol, ranges in WEB_PORTS.items():
        for ports in ranges:
            assert ports == PortRange(ports.first, ports.first)
            yield f"{protocol} {ports.first}"


def other_severities() -> str:
    world, broad = (findings.PREFIX_LIST_EDIT[it] for it in (Breadth.WORLD, Breadth.BROAD))
    trail = findings.TRAIL_BLINDED
    assert trail is findings.OWN_TRAIL_CHANGED
    rows = [
        ("the alerter's own trail stopped, deleted or blinded", findings.OWN_TRAIL_BLINDED),
        ("its own trail changed otherwise; another one stopped, deleted or blinded", trail),
        ("rules that CloudTrail left out, or that cannot be read", findings.CANNOT_JUDGE),
        ("a record that cannot be read at all", findings.CANNOT_JUDGE),
        ("the world added to a prefix list: every rule that uses it opens", world),
        ("a broad range added to a prefix list", broad),
        (
            "a prefix list let in by a rule, or restored: its ranges are not in the record",
            findings.UNSEEN_PREFIX_LIST,
        ),
        ("egress; a group created, deleted, associated; rules revoked", ANY_OTHER_CHANGE),
        ("any other change of a prefix list or a trail", ANY_OTHER_CHANGE),
        ("a denied call that would have opened the world", findings.DENIED_WORLD_OPENING),
        ("any other call that was denied, failed or was a dry run", findings.REFUSED),
        ("new descriptions, and nothing else", findings.DESCRIPTIONS_ONLY),
    ]
    return table(("what happened", "severity"), [(words, it.name) for words, it in rows])


def formats() -> str:
    return f"`FORMAT` is one of {listed(replay._FORMATS)}."


def parameters() -> str:
    rows = [
        (
            code(name),
            default_of(parameter),
            str(parameter["Description"]),
        )
        for name, parameter in read_template()["Parameters"].items()
    ]
    return table(("parameter", "default", "what it does"), rows)


def default_of(parameter: dict[str, Any]) -> str:
    if "Default" not in parameter:
        return "none: required"
    return "empty" if parameter["Default"] == "" else code(parameter["Default"])


def shown(sample: Callable[[], str]) -> Callable[[], str]:
    """What a command prints."""
    return lambda: f"```text\n{sample()}\n```"


def outputs() -> str:
    rows = [
        (code(name), str(output["Description"]))
        for name, output in read_template()["Outputs"].items()
    ]
    return table(("output", "what it is"), rows)


def attributes() -> str:
    values = {
        "severity": listed(Severity.__members__),
        "world_open": "`true`, `false`: whether each call opened something to the world",
        "effect": f"{listed(Effect)}: what the calls did to the world's access",
        "outcome": listed(Outcome),
        "kind": listed(FindingKind),
        "event_name": "the API call, or `several`",
        "account_id": "the account that was changed, not the caller's",
        "account_name": "its name in the organization",
        "region": "the Region that was changed",
        "organization_id": "the organization",
    }
    assert list(values) == list(sample_message().attributes)
    return table(("attribute", "values"), [(code(name), it) for name, it in values.items()])


def forms() -> str:
    """The values of `MessageStructure: json`: whom each is for, and which module words it."""
    known = {
        "default": ("every protocol that has no value of its own", "machine"),
        "email": ("`email`", "email"),
        "https": ("`https`: chat", "chat"),
        "sms": ("`sms`", "sms"),
    }
    rows = [
        (code(form), known[form][0], summary_of(PACKAGE / "messages" / f"{known[form][1]}.py"))
        for form in json.loads(sample_message().body)
    ]
    return table(("value", "for subscriptions by", "what it is"), rows)


def modules() -> str:
    """Both doors, then the steps in order, then what they share."""
    doors = ("handler.py", "pipeline.py")
    rows = []
    for path in PACKAGE.rglob("*.py"):
        name = path.relative_to(PACKAGE).as_posix().removesuffix("__init__.py")
        if not name:
            continue
        step = step_of(path) or (step_of(path.parent / "__init__.py") if "/" in name else "")
        place = doors.index(name) if name in doors else 2 if step else 3
        words = re.sub(r"^Step \w+: ", "", summary_of(path))
        link = f"[{name}](functions/security_group_alerter/{name})"
        rows.append(((place, step, name), (step, link, f"{words[:1].upper()}{words[1:]}")))
    return table(("step", "module", "what it does"), (row for _, row in sorted(rows)))


def local_modules() -> str:
    """What make runs, in the Makefile's order and with its parts; then what several use."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    found = re.findall(r"(?m)^([a-z-]+):.*\n(?:\t.*\n)*?\t.*-m local\.(\w+)", makefile)
    commands = {module: f"make {target}" for target, module in found}
    rows = []
    for path in (ROOT / "local").rglob("*.py"):
        name = path.relative_to(ROOT / "local").as_posix().removesuffix("__main__.py")
        if name.endswith("__init__.py"):
            continue
        whole, _, part = name.removesuffix(".py").partition("/")
        command = "" if part or whole not in commands else code(commands[whole])
        place = list(commands).index(whole) if whole in commands else len(commands)
        link = f"[{name}](local/{name})"
        rows.append(((place, name), (command, link, summary_of(path))))
    return table(("command", "module", "what it does"), (row for _, row in sorted(rows)))


def alarms() -> str:
    """What reports to the operations topic, in the alarms' own words."""
    resources = read_template(HEALTH)["Resources"].items()
    rows = [
        (code(name.removesuffix("Alarm")), resource["Properties"]["AlarmDescription"])
        for name, resource in resources
        if resource["Type"] == "AWS::CloudWatch::Alarm"
        and resource["Properties"]["AlarmActions"] == [{"Ref": "OperationsTopicArn"}]
    ]
    return table(("alarm", "what it says"), rows)


# List prices in us-east-1, November 2026, in US dollars.
# https://aws.amazon.com/cloudtrail/pricing/ https://aws.amazon.com/cloudwatch/pricing/
# https://aws.amazon.com/kms/pricing/ https://aws.amazon.com/sns/pricing/
A_MILLION_EVENTS_IN_LOGS: Final = 0.75  # 1,500 bytes each, at 0.50 a GB
A_MILLION_EVENTS_AGAIN: Final = 20.00
AN_ALARM: Final = 0.10  # for each metric in it
A_METRIC: Final = 0.30
A_KEY: Final = 1.00
A_THOUSAND_MAILS: Final = 0.02  # Lambda and DynamoDB cost a tenth of that
CHANGES_A_MONTH: Final = 5 * 30


def costs() -> str:
    """For a million events a month and five changes a day in each account."""
    fixed = fixed_cost()
    accounts = (10, 100, 1000)
    rows = {
        "the trail in CloudWatch Logs: a million events an account, $0.75 a million": [
            each * A_MILLION_EVENTS_IN_LOGS for each in accounts
        ],
        f"the alerter: {words_for_fixed_cost()}": [fixed for _ in accounts],
        "the alerter: five changes a day and account, one e-mail each at most": [
            each * CHANGES_A_MONTH / 1000 * A_THOUSAND_MAILS * 1.1 for each in accounts
        ],
    }
    total = [sum(column) for column in zip(*rows.values(), strict=True)]
    second = [each * A_MILLION_EVENTS_AGAIN for each in accounts]
    existing = [
        column - trail for column, trail in zip(total, next(iter(rows.values())), strict=True)
    ]
    rows |= {
        "**together, as the only trail**": total,
        "more, if it is a second trail: $2 for each 100,000 events": second,
        "**together, with `ExistingTrailLogGroupName`**": existing,
    }
    return table(
        ("accounts", *map(str, accounts[:2]), "1,000"),
        ((words, *(f"{dollars:,.2f}" for dollars in row)) for words, row in rows.items()),
    )


def fixed_cost() -> float:
    """What the stack costs though nothing happens."""
    watched, written = fixed_counts()
    return watched * AN_ALARM + written * A_METRIC + A_KEY


def words_for_fixed_cost() -> str:
    watched, written = fixed_counts()
    return (
        f"{watched} metrics in alarms at ${AN_ALARM:.2f}, {written} of its own at "
        f"${A_METRIC:.2f}, the key ${A_KEY:.0f}"
    )


def fixed_counts() -> tuple[int, int]:
    """How many metrics alarms watch, and how many the stack makes."""
    templates = (read_template(), read_template(HEALTH))
    resources = [it for template in templates for it in template["Resources"].values()]
    alarms_ = [it["Properties"] for it in resources if it["Type"] == "AWS::CloudWatch::Alarm"]
    watched = sum(
        sum("MetricStat" in metric for metric in it.get("Metrics", [])) or 1 for it in alarms_
    )
    filters = sum(it["Type"] == "AWS::Logs::MetricFilter" for it in resources)
    return watched, filters + len(Tally().counts()) + len(("Lag", "HeartbeatLag"))


def performance() -> str:
    """What `make bench` wrote: ratios only, since the times are those of one machine."""
    results = json.loads((ROOT / "benchmarks" / "results.json").read_text(encoding="utf-8"))
    rows = [
        (code(name), GOALS[name].words, measured(value, GOALS[name].most), f"{GOALS[name].most:g}")
        for name, value in results["ratios"].items()
    ]
    return "\n".join(
        (
            table(("name", "what it is", "measured", "goal"), rows),
            "",
            f"{results['date']}, Python {results['python']}, {results['machine']}.",
        )
    )


def measured(value: float, most: float) -> str:
    text = f"{value:.2f}".removesuffix(".00")
    return f"**{text}**" if value > most else text


BLOCKS: Final[dict[str, Callable[[], str]]] = {
    "alert": alert,
    "calls": calls,
    "severity": severity,
    "other severities": other_severities,
    "formats": formats,
    "preflight": shown(preflight_sample),
    "verify": shown(verify_sample),
    "outputs": outputs,
    "alarms": alarms,
    "parameters": parameters,
    "forms": forms,
    "attributes": attributes,
    "modules": modules,
    "local modules": local_modules,
    "performance": performance,
    "costs": costs,
}


@pytest.mark.parametrize("name", BLOCKS)
def test_readme_says_what_the_code_does(name: str, pytestconfig: pytest.Config) -> None:
    text = README.read_text(encoding="utf-8")
    before, begin, rest = text.partition(f"<!-- made: {name} -->\n")
    written, end, after = rest.partition(f"<!-- end: {name} -->")
    assert end, f"README.md has no block '{name}'"
    made = f"{BLOCKS[name]()}\n"
    if pytestconfig.getoption("--write-goldens"):
        README.write_text(before + begin + made + end + after, encoding="utf-8")
        return

    assert written == made, (
        f"README.md: the block '{name}' is not what the code says. Write it anew with "
        ".venv/bin/python -m pytest tests/test_docs.py --write-goldens, and read the diff."
    )


def test_readme_has_no_other_blocks() -> None:
    text = README.read_text(encoding="utf-8")

    assert re.findall(r"<!-- made: (.*) -->", text) == list(BLOCKS)


# Whatever the documents name exists.


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_every_link_leads_somewhere(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)]+)\)", text):
        path, _, anchor = target.partition("#")
        if "://" in path:
            continue
        linked = document.parent / path if path else document
        assert linked.exists(), f"{name_of(document)}: {target}"
        if anchor:
            assert anchor in anchors_in(linked), f"{name_of(document)}: {target}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_every_make_target_exists(document: Path) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z0-9-]+):.*## ", makefile, re.MULTILINE))
    named = {
        name for text in code_in(document) for name in re.findall(r"\bmake ([a-z0-9-]+)", text)
    }

    assert named <= targets


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_every_file_exists(document: Path) -> None:
    named = {
        word
        for text in code_in(document)
        for word in re.findall(
            r"(?<![\w/.-])(?:[A-Za-z.][\w./-]*\.(?:json|md|py|toml|txt|yaml)\b|[a-z][\w./-]*/)",
            text,
        )
        # Made by the reader.
        if not word.startswith((".venv/", "path/", "env.json"))
    }

    assert {name for name in named if not is_in_repository(name)} == set()


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_every_option_of_replay_exists(document: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        replay.main(["--help"])
    usage = capsys.readouterr().out

    for text in code_in(document):
        for command in re.findall(r"-m local\.replay([^|\n]*)", text):
            for option in re.findall(r"--[a-z-]+", command):
                assert option in usage


# How documents are read and made.


def table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head = tuple(header)
    lines = (head, ("---",) * len(head), *rows)
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def code(text: object) -> str:
    return f"`{text}`"


def listed(words: Iterable[str]) -> str:
    return ", ".join(map(code, words))


def summary_of(path: Path) -> str:
    """The first paragraph of a module's docstring."""
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return " ".join(docstring.partition("\n\n")[0].split())


def step_of(path: Path) -> str:
    found = re.match(r"Step (\w+): ", summary_of(path))
    return found[1] if found else ""


def sample_message() -> Message:
    """A message that has everything: account, Region and organization are known."""
    [message] = told(findings_of(story(STORY)), facts=AccountFacts(name="payments-production"))
    return message


def code_in(document: Path) -> list[str]:
    """What stands in fences and between backticks, but for what the blocks are made of."""
    text = document.read_text(encoding="utf-8")
    text = re.sub(r"(?s)<!-- made: .*?<!-- end: .*? -->", "", text)
    fences = re.findall(r"(?ms)^```\w*\n(.*?)^```", text)
    return fences + re.findall(r"`([^`\n]+)`", re.sub(r"(?ms)^```.*?^```", "", text))


def anchors_in(document: Path) -> set[str]:
    headings = re.findall(r"(?m)^#+ (.*)$", document.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}


def is_in_repository(name: str) -> bool:
    return any((folder / name).exists() for folder in (ROOT, PACKAGE))
