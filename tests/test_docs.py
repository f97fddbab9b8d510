"""The documents say what the code does: tables are made from it, and what they name exists.

Pages hold blocks between `<!-- made: name -->` and `<!-- end: name -->`. Each is made from the
code, the templates or a golden; `--write-goldens` rewrites them.
"""

import ast
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from benchmarks.archive_report import archive_tables, year_table
from benchmarks.goals import CONTEXT, GOALS, Context, Goal
from local import replay, template
from local.template import read_template
from security_group_alerter.alerting import Report
from security_group_alerter.cloudtrail.attachments import groups_attached
from security_group_alerter.cloudtrail.changes import READERS
from security_group_alerter.judgement import severities
from security_group_alerter.judgement.exposure import BROAD_SHARE, WORLD_SHARE
from security_group_alerter.judgement.sensitive_ports import SENSITIVE_PORTS
from security_group_alerter.judgement.severities import (
    ANY_OTHER_CHANGE,
    EVERYTHING_PORTS,
    SEVERITY,
    WEB_PORTS,
    PortClass,
)
from security_group_alerter.model.account import AccountFacts
from security_group_alerter.model.exposure import Breadth
from security_group_alerter.model.finding import Effect
from security_group_alerter.model.group_state import Reach
from security_group_alerter.model.message import Message
from security_group_alerter.model.rules import PortRange
from security_group_alerter.model.severity import Severity
from security_group_alerter.model.subject import SubjectKind
from tests.local.history_sample import history_sample
from tests.local.replay_inputs import read_in_part, read_whole
from tests.local.replay_sample import email_sample, replay_sample, scenario_sample
from tests.local.samples import (
    close_sample,
    deploy_sample,
    drop_sample,
    exposures_sample,
    preflight_sample,
    redrive_sample,
    verify_sample,
)
from tests.stories import findings_of, story, told
from tests.template.blinding import BLINDINGS, Blinding

ROOT: Final = Path(__file__).parents[1]
PACKAGE: Final = ROOT / "functions" / "security_group_alerter"
README: Final = ROOT / "README.md"
LONGEST_README: Final = 150
ARCHITECTURE: Final = ROOT / "docs" / "architecture.md"
DOCUMENTS: Final = sorted(
    path for folder in (ROOT, ROOT / "docs", ROOT / "events") for path in folder.glob("*.md")
)
STORY: Final = "ssh-opened-to-the-world-from-the-console"


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


# The blocks.


def alert() -> str:
    golden = ROOT / "tests" / "golden" / f"{STORY}.email.txt"
    return f"```text\n{golden.read_text(encoding='utf-8').strip()}\n```"


def calls() -> str:
    cis = read_template()["Resources"]["SecurityGroupChangesMetricFilter"]["Properties"]
    groups: dict[str, list[str]] = {
        "security groups: the six calls that CIS and Security Hub monitor": [],
        "security groups: the calls that those six miss": [],
        "network interfaces and instances: the calls that can give them groups, where they do": [],
        "managed prefix lists, which rules can refer to": [],
        "the trail that every alert depends on, and who may change it": [],
        "the organization, whose accounts the trail records": [],
        "the rules that report tampering with the alerter, and no other rules": [],
    }
    six, missed, attaching, prefix_lists, trail, organization, rules = groups.values()
    for name, reader in READERS.items():
        if reader.service == "cloudtrail":
            trail.append(name)
        elif reader.service == "organizations":
            organization.append(name)
        elif reader.service == "events":
            rules.append(name)
        elif reader.read is groups_attached:
            attaching.append(name)
        elif "PrefixList" in name:
            prefix_lists.append(name)
        else:
            (six if f"={name})" in cis["FilterPattern"] else missed).append(name)
    rows = [(words, ", ".join(map(code, names))) for words, names in groups.items()]
    return table(("what changes", "calls"), rows)


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
            f"**The world** is at least 1/{WORLD_SHARE} of the public IPv4 or IPv6 address space.",
            f"**Broad** is less than that, but at least 1/{BROAD_SHARE[4]:,} of the public IPv4",
            f"space (a /16) or 1/{BROAD_SHARE[6]:,} of the public IPv6 space (a /28).",
        )
    )


def web_ports() -> Iterator[str]:
    for protocol, ranges in WEB_PORTS.items():
        for ports in ranges:
            assert ports == PortRange(ports.first, ports.first)
            yield f"{protocol} {ports.first}"


def other_severities() -> str:
    world, broad = (severities.PREFIX_LIST_EDIT[it] for it in (Breadth.WORLD, Breadth.BROAD))
    trail = severities.TRAIL_BLINDED
    assert trail is severities.OWN_TRAIL_CHANGED
    rows = [
        ("the alerter's own trail stopped, deleted or blinded", severities.OWN_TRAIL_BLINDED),
        (
            "trusted access for CloudTrail switched off: no member account is recorded any more",
            severities.OWN_TRAIL_BLINDED,
        ),
        (
            "a rule that reports tampering with the alerter deleted, disabled or without targets",
            severities.OWN_TRAIL_BLINDED,
        ),
        (
            "a refused attempt at one of these, or a denied one on another trail",
            severities.REFUSED_BLINDING,
        ),
        (
            "its own trail or such a rule changed in another way; another trail stopped, deleted "
            "or blinded",
            trail,
        ),
        (
            "an account that left the organization or was removed from it; a delegated "
            "administrator registered for CloudTrail",
            severities.ORGANIZATION_CHANGED,
        ),
        ("rules that CloudTrail omitted, or that cannot be read", severities.CANNOT_JUDGE),
        ("a record that cannot be read at all", severities.CANNOT_JUDGE),
        ("the world added to a prefix list: every rule that uses the list opens", world),
        ("a broad range added to a prefix list", broad),
        (
            "a prefix list allowed by a rule, or restored: its ranges are not in the record",
            severities.UNSEEN_PREFIX_LIST,
        ),
        (
            "a prefix list handed to IPAM, so that its ranges change without a person's call",
            severities.HANDED_TO_IPAM,
        ),
        ("an entry of accepted_openings.toml that is not valid", severities.NOT_IN_FORCE),
        (
            "egress; a group created, deleted, associated or disassociated; rules revoked",
            ANY_OTHER_CHANGE,
        ),
        (
            "the groups of a network interface or an instance set, and none of them is known to "
            "open anything to the world there",
            ANY_OTHER_CHANGE,
        ),
        ("any other change to a prefix list or a trail", ANY_OTHER_CHANGE),
        (
            "what CloudTrail itself does in an account because the organization's trail was "
            "changed elsewhere",
            severities.REPEATED_BY_CLOUDTRAIL,
        ),
        ("a denied call that would have opened the world", severities.DENIED_WORLD_OPENING),
        ("any other call that was denied, failed or was a dry run", severities.REFUSED),
        ("an opening that your organization has accepted", severities.ACCEPTED),
        ("changes to descriptions only", severities.DESCRIPTIONS_ONLY),
        ("a revoke that matched no rule", severities.MATCHED_NOTHING),
    ]
    return table(("what happened", "severity"), [(words, it.name) for words, it in rows])


def formats() -> str:
    return f"`FORMAT` is one of {listed(replay._FORMATS)}."


def parameters() -> str:
    rows = [
        (code(name), default_of(parameter), str(parameter["Description"]))
        for name, parameter in read_template()["Parameters"].items()
    ]
    return table(("parameter", "default", "what it does"), rows)


def default_of(parameter: dict[str, Any]) -> str:
    if "Default" not in parameter:
        return "none (required)"
    return "empty" if parameter["Default"] == "" else code(parameter["Default"])


def tried() -> str:
    sound = table(("what it holds", "records"), ((it, str(count)) for it, count in read_whole()))
    rows = ((it, str(count), said) for it, count, said in read_in_part())
    bad = table(("what it holds", "records", "what is said of it"), rows)
    return f"{sound}\n\n{bad}"


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
        "world_open": (
            "`true` if what the alert reports is open to the world, or was opened; else `false`"
        ),
        "effect": (
            f"{listed(Effect)}: what the calls did to the world's access; `attempt` if they were "
            "denied, failed or were dry runs"
        ),
        "kind": f"{listed(SubjectKind)}; `digest` for the digest",
        "reach": (
            f"{listed(Reach)}: what stands behind what was opened; only where `world_open` is "
            "`true`, and `unknown` where nobody looked"
        ),
        "account_id": "the account whose resources changed, not the caller's account",
        "account_name": "that account's name in the organization",
        "region": "the Region of the change",
        "ou": "the account's OU, with those above it, such as `Root/Workloads/Production`",
        "owner": "the value of the first account tag that `AccountTags` names",
    }
    assert list(values) == list(sample_message().attributes)
    return table(("attribute", "values"), [(code(name), it) for name, it in values.items()])


def forms() -> str:
    """The values of `MessageStructure: json`: who gets each, and which module lays it out."""
    known = {
        "default": ("every other protocol", "machine"),
        "email": ("`email`", "email"),
        "https": ("`https`", "chat"),
        "sms": ("`sms`", "sms"),
    }
    rows = [
        (code(form), known[form][0], summary_of(PACKAGE / "messages" / f"{known[form][1]}.py"))
        for form in json.loads(sample_message().body)
    ]
    return table(("value", "subscription protocol", "what it is"), rows)


# In the order in which a record meets them; what is not named here comes last.
HOUSE: Final = (
    "handlers",
    "wiring",
    "settings.py",
    "alerting.py",
    "checking.py",
    "cloudtrail",
    "judgement",
    "memory",
    "grouping.py",
    "messages",
    "aws",
    "model",
)


def modules() -> str:
    """Every module of the package, by folder; in a folder, the numbered steps come first."""
    rows = []
    for path in PACKAGE.rglob("*.py"):
        name = module_name(path, PACKAGE)
        if not name:
            continue
        top = name.partition("/")[0]
        place = HOUSE.index(top) if top in HOUSE else len(HOUSE)
        step = re.match(r"Step \w+: ", summary_of(path))
        order = (place, name.count("/"), not name.endswith("/"), step[0] if step else "~", name)
        link = f"[{name}](../functions/security_group_alerter/{name})"
        rows.append((order, (link, summary_of(path))))
    return table(("module", "what it does"), (row for _, row in sorted(rows)))


def local_modules() -> str:
    """What make runs, in the Makefile's order and with its parts; then what several use."""
    commands = commands_of_make()
    rows, folder = [], ROOT / "local"
    for path in folder.rglob("*.py"):
        name = module_name(path, folder)
        if path.name == "__init__.py" and (path.parent == folder or has_program(path.parent)):
            continue
        whole, _, part = name.removesuffix(".py").partition("/")
        command = "" if part or whole not in commands else code(commands[whole])
        place = list(commands).index(whole) if whole in commands else len(commands)
        link = f"[{name}](../local/{name})"
        rows.append(((place, name), (command, link, summary_of(path))))
    return table(("command", "module", "what it does"), (row for _, row in sorted(rows)))


def has_program(package: Path) -> bool:
    """Whether what it does as a whole is said by its program."""
    return (package / "__main__.py").exists()


def commands_of_make() -> dict[str, str]:
    """The programs in local/ that make runs, by module."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    found = re.findall(r"(?m)^([a-z-]+):.*\n(?:\t.*\n)*?\t.*-m local\.(\w+)", makefile)
    return {module: f"make {target}" for target, module in found}


def module_name(path: Path, folder: Path) -> str:
    """As the tables show it; a package's folder stands for what its own modules do together."""
    name = path.relative_to(folder).as_posix()
    return name.removesuffix("__init__.py").removesuffix("__main__.py")


def alarms() -> str:
    """What the operations topic gets, in the alarms' own words."""
    rows = [
        (code(name), resource["Properties"]["AlarmDescription"])
        for name, resource in operations_alarms().items()
    ]
    return table(("alarm", "what it says"), rows)


def operations_alarms() -> dict[str, Any]:
    """The alarms that report to the operations topic, without `Alarm` in their names."""
    return {
        name.removesuffix("Alarm"): resource
        for name, resource in resources().items()
        if resource["Type"] == "AWS::CloudWatch::Alarm"
        and "OperationsTopic" in str(resource["Properties"]["AlarmActions"])
    }


def resources(*, always: bool = False) -> dict[str, Any]:
    """The resources of the stack and of those that it nests; or only where it always nests them."""
    found: dict[str, Any] = read_template(template.TEMPLATE)["Resources"]
    optional = {
        (ROOT / it["Properties"]["TemplateURL"]).resolve()
        for it in found.values()
        if it["Type"] == "AWS::CloudFormation::Stack" and "Condition" in it
    }
    for path in sorted((ROOT / "stacks").glob("*.yaml")):
        if not (always and path in optional):
            found |= read_template(path)["Resources"]
    return found


# List prices in us-east-1, November 2026, in US dollars.
# https://aws.amazon.com/cloudtrail/pricing/ https://aws.amazon.com/cloudwatch/pricing/
# https://aws.amazon.com/kms/pricing/ https://aws.amazon.com/sns/pricing/
A_MILLION_EVENTS_IN_LOGS: Final = 0.75  # 1,500 bytes each, at 0.50 a GB
A_MILLION_EVENTS_AGAIN: Final = 20.00
AN_ALARM: Final = 0.10  # for each metric in it
A_METRIC: Final = 0.30
A_KEY: Final = 1.00
A_CHANGE: Final = 0.02 / 1000 * 1.2  # an e-mail; Lambda and DynamoDB cost a fifth of that
CHANGES_A_MONTH: Final = 5 * 30


def digest_sample() -> str:
    """The digest of a life, as its e-mail."""
    golden = (ROOT / "tests/golden/lifetimes/a-mornings-digest.email.txt").read_text("utf-8")
    [told] = re.findall(r"(?ms)^Subject: INFORMATIONAL: Digest.*?\n(?=\n── step|\Z)", golden)
    return f"```text\n{told.rstrip()}\n```"


def costs() -> str:
    """For a million events a month and five changes a day in each account."""
    fixed = fixed_cost()
    accounts = (10, 100, 1000)
    rows = {
        f"the trail in CloudWatch Logs: ${A_MILLION_EVENTS_IN_LOGS:.2f} for a million events": [
            each * A_MILLION_EVENTS_IN_LOGS for each in accounts
        ],
        f"the alerter: {words_for_fixed_cost()}": [fixed for _ in accounts],
        "the alerter: five changes an account a day, at most one e-mail for each": [
            each * CHANGES_A_MONTH * A_CHANGE for each in accounts
        ],
    }
    total = [sum(column) for column in zip(*rows.values(), strict=True)]
    second = [each * A_MILLION_EVENTS_AGAIN for each in accounts]
    existing = [
        column - trail for column, trail in zip(total, next(iter(rows.values())), strict=True)
    ]
    rows |= {
        "**together, as the only trail**": total,
        "in addition, if it is a second trail: $2 for 100,000 events": second,
        "**together, with `ExistingTrailLogGroupName`**": existing,
    }
    return table(
        ("accounts", *map(str, accounts[:2]), "1,000"),
        ((words, *(f"{dollars:,.2f}" for dollars in row)) for words, row in rows.items()),
    )


def cost_in_a_line() -> str:
    return "\n".join(
        (
            f"**Cost:** about ${fixed_cost():.0f} a month for the alerter. A trail of its own adds",
            f"${A_MILLION_EVENTS_IN_LOGS:.2f} for each million management events.",
            "[Examples for 10, 100 and 1,000 accounts](docs/cost.md)",
        )
    )


def sweep_results() -> dict[str, Any]:
    """What `make bench-sweep` wrote."""
    text = (ROOT / "benchmarks" / "sweep.json").read_text(encoding="utf-8")
    results: dict[str, Any] = json.loads(text)
    return results


def sweep_costs() -> str:
    """Of thirty nights; ten times as many accounts are ten times as much."""
    dollars = sweep_results()["next"]["dollars"]
    words = {
        "lambda": "Lambda",
        "dynamodb": "DynamoDB",
        "sqs": "SQS",
        "logs": "CloudWatch Logs",
        "total": "**together**",
    }
    return table(
        ("a month of sweeps, accounts", "1,000", "10,000"),
        (
            (words[name], *(f"{30 * times * each:,.2f}" for times in (1, 10)))
            for name, each in dollars.items()
        ),
    )


def sweep_performance() -> str:
    results = sweep_results()
    first, later = results["first"], results["next"]
    calls = {"first": _calls_of(first), "next": _calls_of(later)}
    rows = [
        (
            "messages: accounts and Regions",
            *(f"{it['sweep']['places']:,}" for it in (first, later)),
        ),
        ("AWS calls of the sweep", f"{calls['first']:,}", f"{calls['next']:,}"),
        (
            "calls an account and Region",
            *(number(it["sweep"]["calls_a_place"]) for it in (first, later)),
        ),
        (
            "seconds of function time",
            *(f"{it['sweep']['function_seconds']:,}" for it in (first, later)),
        ),
        (
            "minutes, ten functions at once",
            *(number(it["sweep"]["minutes_with_ten_functions"]) for it in (first, later)),
        ),
        ("seconds of the plan", *(number(it["plan"]["seconds"]) for it in (first, later))),
        ("dollars", *(f"{it['dollars']['total']:.2f}" for it in (first, later))),
    ]
    return "\n".join(
        (
            table(
                ("a sweep of 1,000 accounts in 17 Regions", "first night", "each other night"), rows
            ),
            "",
            f"{results['date']}, Python {results['python']}.",
        )
    )


def _calls_of(night: dict[str, Any]) -> int:
    return sum(night["sweep"]["calls"].values())


def cost_formula() -> str:
    return "\n".join(
        (
            "```text",
            f"accounts * (millions of events * {A_MILLION_EVENTS_IN_LOGS:.2f}"
            f" + changes a day * 30 * {A_CHANGE:.6f}) + {fixed_cost():.2f}",
            "```",
        )
    )


def fixed_cost() -> float:
    """What the stack costs even if nothing happens."""
    watched, written = fixed_counts()
    return watched * AN_ALARM + written * A_METRIC + A_KEY


def words_for_fixed_cost() -> str:
    watched, written = fixed_counts()
    return (
        f"{watched} metrics in alarms at ${AN_ALARM:.2f}, {written} custom metrics at "
        f"${A_METRIC:.2f}, the key at ${A_KEY:.0f}"
    )


def fixed_counts() -> tuple[int, int]:
    """How many metrics alarms watch, and how many the stack makes, with its defaults."""
    made = [it for it in resources(always=True).values() if "Condition" not in it]
    alarms_ = [it["Properties"] for it in made if it["Type"] == "AWS::CloudWatch::Alarm"]
    watched = sum(
        sum("MetricStat" in metric for metric in it.get("Metrics", [])) or 1 for it in alarms_
    )
    filters = sum(it["Type"] == "AWS::Logs::MetricFilter" for it in made)
    of_the_watch = ("OpenCritical", "OpenHigh", "OpenMedium", "OldestOpenHours", "HoursToClose")
    return watched, filters + len(Report().counts()) + len(("Lag", "HeartbeatLag", *of_the_watch))


def performance() -> str:
    """What `make bench` wrote: goals first, then what helps to read them."""
    results = json.loads((ROOT / "benchmarks" / "results.json").read_text(encoding="utf-8"))
    goals = [
        (with_unit(goal), measured(goal, results["measured"][name]), f"{goal.most:g}")
        for name, goal in GOALS.items()
    ]
    context = [(with_unit(row), number(results["context"][name])) for name, row in CONTEXT.items()]
    return "\n".join(
        (
            table(("goal", "measured", "at most"), goals),
            "",
            table(("beside these", "measured"), context),
            "",
            f"{results['date']}, Python {results['python']}, {results['machine']}.",
        )
    )


def a_digest() -> str:
    """What `make bench-digest` wrote."""
    path = ROOT / "benchmarks" / "digest_results.json"
    results = json.loads(path.read_text(encoding="utf-8"))
    found = results["measured"]
    rows = (
        ("seconds (at most 10)", f"{found['seconds']:.1f}"),
        ("of them processor", f"{found['processor']:.1f}"),
        ("peak memory, MB", f"{found['megabytes']:.0f}"),
        ("calls to AWS", f"{found['calls']:.0f}"),
        ("the message, KB of 262", f"{found['kilobytes']:.0f}"),
    )
    where = f"{results['date']}, {results['machine']}."
    return f"{table(('a digest of 10,000 events', 'measured'), rows)}\n\n{where}"


def reading_an_archive() -> str:
    return archive_tables(archive_results()["archive"])


def reading_a_year() -> str:
    return year_table(archive_results()["year"])


def archive_results() -> Any:
    """What `make bench-history` wrote."""
    path = ROOT / "benchmarks" / "archive_results.json"
    return json.loads(path.read_text(encoding="utf-8"))


def measured(goal: Goal, value: float | None) -> str:
    return number(value) if goal.is_met_by(value) else f"**{number(value)}**"


def number(value: float | None) -> str:
    return "not measured" if value is None else f"{value:.2f}".removesuffix(".00")


def with_unit(row: Goal | Context) -> str:
    return f"{row.words}, {row.unit}" if row.unit else row.words


def blinding() -> str:
    return table(("what somebody does", "what reports it"), map(blinding_row, BLINDINGS))


def blinding_row(it: Blinding) -> tuple[str, str]:
    reporters = [
        *([f"the rule {code(f'{it.rule}Tampering')}"] if it.rule else []),
        *(["an alert"] if it.alerts else []),
        *(f"the alarm {code(name.removesuffix('Alarm'))}" for name in it.alarms),
        *([f"**Nothing**: {it.nothing}"] if it.nothing else []),
    ]
    return it.way, ", ".join(reporters)


# Each page's blocks, in their order.
BLOCKS: Final[dict[str, dict[str, Callable[[], str]]]] = {
    "README.md": {"alert": alert, "cost": cost_in_a_line},
    "docs/alerts.md": {
        "calls": calls,
        "severity": severity,
        "other severities": other_severities,
        "digest": digest_sample,
    },
    "docs/architecture.md": {"modules": modules, "local modules": local_modules},
    "docs/configure.md": {"parameters": parameters},
    "docs/cost.md": {"costs": costs, "formula": cost_formula, "sweep": sweep_costs},
    "docs/deploy.md": {
        "preflight": shown(preflight_sample),
        "deploy": shown(deploy_sample),
        "verify": shown(verify_sample),
        "outputs": outputs,
    },
    "docs/guarantees.md": {"blinding": blinding},
    "docs/history.md": {"history": shown(history_sample)},
    "docs/operate.md": {
        "alarms": alarms,
        "exposures": shown(exposures_sample),
        "redrive": shown(redrive_sample),
        "drop": shown(drop_sample),
    },
    "docs/performance.md": {
        "performance": performance,
        "a digest": a_digest,
        "archive": reading_an_archive,
        "year": reading_a_year,
        "sweep": sweep_performance,
    },
    "docs/replay.md": {
        "output": shown(replay_sample),
        "email": shown(email_sample),
        "formats": formats,
        "scenario": shown(scenario_sample),
        "tried": tried,
    },
    "docs/runbook.md": {"close": shown(close_sample)},
    "docs/subscribe.md": {"forms": forms, "attributes": attributes},
}


@pytest.mark.parametrize(
    ("page", "name"), [(page, name) for page, blocks in BLOCKS.items() for name in blocks]
)
def test_page_says_what_the_code_does(page: str, name: str, pytestconfig: pytest.Config) -> None:
    path = ROOT / page
    text = path.read_text(encoding="utf-8")
    before, begin, rest = text.partition(f"<!-- made: {name} -->\n")
    written, end, after = rest.partition(f"<!-- end: {name} -->")
    assert end, f"{page} has no block '{name}'"
    made = f"{BLOCKS[page][name]()}\n"
    if pytestconfig.getoption("--write-goldens"):
        path.write_text(before + begin + made + end + after, encoding="utf-8")
        return

    assert written == made, (
        f"{page}: the block '{name}' is not what the code says. Rewrite it with "
        ".venv/bin/python -m pytest tests/test_docs.py --write-goldens, and read the diff."
    )


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_page_has_no_other_blocks(document: Path) -> None:
    text = document.read_text(encoding="utf-8")

    assert re.findall(r"<!-- made: (.*) -->", text) == list(BLOCKS.get(name_of(document), {}))


@pytest.mark.parametrize("folder", [PACKAGE, ROOT / "local"], ids=lambda path: path.name)
def test_architecture_lists_every_module(folder: Path) -> None:
    """Names each module that is missing, where the test of the block compares two tables."""
    text = ARCHITECTURE.read_text(encoding="utf-8")
    rows = re.findall(rf"(?m)^\|.*\]\(\.\./{re.escape(name_of(folder))}/([^)]+)\) \|", text)
    there = {module_name(path, folder) for path in folder.rglob("*.py")} - {""}
    missing, gone = sorted(there - set(rows)), sorted(set(rows) - there)

    assert not missing, f"docs/architecture.md does not list {', '.join(missing)}"
    assert not gone, f"docs/architecture.md lists {', '.join(gone)}, which {folder.name} lacks"
    assert len(rows) == len(set(rows))


def test_runbook_knows_every_alarm() -> None:
    runbook = (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8")
    [rows] = re.findall(r"(?ms)^\| alarm \|.*?\n\n", runbook)

    assert set(operations_alarms()) - set(re.findall(r"`(\w+)`", rows)) == set()


def test_events_page_has_every_story() -> None:
    events = ROOT / "events"
    links = [it for it in links_in(events / "README.md") if it.endswith(".json")]

    assert sorted(links) == sorted(str(it.relative_to(events)) for it in events.rglob("*.json"))


def test_readme_is_short() -> None:
    assert len(README.read_text(encoding="utf-8").splitlines()) <= LONGEST_README


# Whatever the documents name exists.


def links_in(document: Path) -> list[str]:
    """The targets of its links, except in code."""
    return re.findall(r"\]\(([^)\s]+)\)", without_code(document.read_text(encoding="utf-8")))


def linked_file(document: Path, target: str) -> Path:
    path = target.partition("#")[0]
    return (document.parent / path).resolve() if path else document


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached: set[Path] = set()
    waiting = [README]
    while waiting:
        page = waiting.pop()
        reached.add(page)
        linked = (linked_file(page, it) for it in links_in(page) if "://" not in it)
        waiting += {path for path in linked if path in DOCUMENTS} - reached

    assert {name_of(page) for page in set(DOCUMENTS) - reached} == set()


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_every_link_leads_somewhere(document: Path) -> None:
    dead = []
    for target in links_in(document):
        if "://" in target:
            continue
        linked, anchor = linked_file(document, target), target.partition("#")[2]
        is_here = linked.is_relative_to(ROOT) and linked.exists()
        if not is_here or (anchor and anchor not in anchors_in(linked)):
            dead.append(target)

    assert not dead, f"{name_of(document)}: {', '.join(dead)}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_every_make_target_exists(document: Path) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z0-9-]+):.*## ", makefile, re.MULTILINE))
    named = {
        name for text in code_in(document) for name in re.findall(r"\bmake ([a-z0-9-]+)", text)
    }

    assert named <= targets


ROLE_PATHS: Final = ("role/", "security/", "security-group-alerter/")


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_every_file_exists(document: Path) -> None:
    named = {
        word
        for text in code_in(document)
        for word in re.findall(
            r"(?<![\w/.-])(?:[A-Za-z.][\w./-]*\.(?:json|md|py|toml|txt|yaml)\b|[a-z][\w./-]*/)",
            text,
        )
        # Made by the reader, or paths of roles.
        if not word.startswith((".venv/", "path/", "env.json", "scenario.json", *ROLE_PATHS))
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


def sample_message() -> Message:
    """A message that has everything: all of the account is known."""
    facts = AccountFacts(
        name="payments-production", ou_path=("Root", "Workloads"), owner="payments"
    )
    [message] = told(findings_of(story(STORY)), facts=facts)
    return message


def code_in(document: Path) -> list[str]:
    """What stands in fences and between backticks, but for what the blocks are made of."""
    text = document.read_text(encoding="utf-8")
    text = re.sub(r"(?s)<!-- made: .*?<!-- end: .*? -->", "", text)
    fences = re.findall(r"(?ms)^```\w*\n(.*?)^```", text)
    return fences + re.findall(r"`([^`\n]+)`", re.sub(r"(?ms)^```.*?^```", "", text))


def without_code(text: str) -> str:
    return re.sub(r"`[^`\n]+`", "", without_fences(text))


def without_fences(text: str) -> str:
    return re.sub(r"(?ms)^ *```.*?^ *```$", "", text)


def anchors_in(document: Path) -> set[str]:
    """What GitHub makes of the headings: of two that are alike, the second ends in -1."""
    text = without_fences(document.read_text(encoding="utf-8"))
    anchors: Counter[str] = Counter()
    for heading in re.findall(r"(?m)^#+ (.*)$", text):
        anchors[re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-")] += 1
    again = {f"{anchor}-{i}" for anchor, count in anchors.items() for i in range(1, count)}
    return anchors.keys() | again


def is_in_repository(name: str) -> bool:
    return any((folder / name).exists() for folder in (ROOT, PACKAGE))
