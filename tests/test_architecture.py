"""The folder listing is the architecture: who may import whom, and where ids have their home."""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path, PurePath
from typing import Final

import pytest

from tests.stories import ROOT

PACKAGE: Final = ROOT / "functions" / "security_group_alerter"
MODULES: Final = sorted(path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py"))
# Each layer, and what it may import: only layers further down.
MAY_IMPORT: Final = {
    "handlers": {
        *("wiring", "alerting", "watching", "checking", "digesting"),
        *("planning", "sweeping", "settings"),
    },
    "wiring": {
        *("alerting", "watching", "checking", "digesting", "planning", "sweeping", "knowledge"),
        *("aws", "messages", "judgement", "settings", "model"),
    },
    "alerting": {
        *("knowledge", "standing", "aftermath", "telling", "grouping", "messages", "noting"),
        *("judgement", "cloudtrail", "model"),
    },
    "watching": {
        *("following", "knowledge", "grouping", "messages", "memory", "judgement", "model"),
    },
    "following": {"ec2", "memory", "judgement", "model"},
    "checking": {"messages", "judgement", "model"},
    "digesting": {"knowledge", "messages", "memory", "judgement", "model"},
    "planning": {"knowledge", "memory", "model"},
    "sweeping": {"knowledge", "ec2", "memory", "judgement", "model"},
    "aws": {"cloudtrail", "ec2", "memory", "settings", "model"},
    "standing": {"knowledge", "ending", "ec2", "memory", "judgement", "model"},
    "knowledge": {"memory", "judgement", "model"},
    "ending": {"memory", "judgement", "model"},
    "aftermath": {"judgement", "model"},
    "telling": {"memory", "judgement", "model"},
    "noting": {"model"},
    "memory": {"judgement", "model"},
    "grouping": {"model"},
    "messages": {"judgement", "model"},
    "judgement": {"model"},
    "cloudtrail": {"model"},
    "ec2": {"model"},
    "settings": {"model"},
    "model": set(),
}
# What knows of AWS, Lambda, the environment and the clock; all else is told.
OUTER: Final = {"handlers", "wiring", "aws"}
OF_THE_WORLD: Final = {"logging", "os", "pathlib", "time"}
# Forms lay out one briefing, and kinds of change are described, each without the others.
APART: Final = {
    "messages": {"email", "chat", "machine", "sms"},
    "messages/changed": {
        *("security_group", "attachment", "prefix_list", "trail", "observation", "unjudged"),
    },
}


def breaches_in(module: PurePath, source: str) -> Iterator[str]:
    """Each import of a module, by its path in the package, that is not allowed."""
    layer = layer_of(module.parts)
    for line, is_relative, imported in imports_in(module, source):
        name = ".".join(imported)
        where = f"{module}, line {line}: {layer} must not import"
        if imported[0] == PACKAGE.name:
            yield f"{where} {name} by its full name: it is in this package"
        elif is_relative:
            target = layer_of(imported)
            if target not in {layer} | MAY_IMPORT.get(layer, set()):
                yield f"{where} {target} ({name})"
            elif is_apart(module, imported):
                yield f"{where} {name} here, which stands beside it"
        elif layer not in OUTER and (
            imported[0] in OF_THE_WORLD or imported[0] not in sys.stdlib_module_names
        ):
            yield f"{where} {name}: only {', '.join(sorted(OUTER))} may"


def imports_in(module: PurePath, source: str) -> Iterator[tuple[int, bool, tuple[str, ...]]]:
    """(Line, whether it is relative, what is imported: of the package, the path in it)."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, False, tuple(alias.name.split("."))
        elif isinstance(node, ast.ImportFrom):
            named = tuple(node.module.split(".")) if node.module else ()
            if not node.level:
                yield node.lineno, False, named
                continue
            target = (*module.parts[: len(module.parts) - node.level], *named)
            for alias in node.names:
                # What is taken from a folder is a module of it, or stands in its __init__.py.
                deeper = (*target, alias.name)
                is_module = not target or PACKAGE.joinpath(*deeper).with_suffix(".py").exists()
                yield node.lineno, True, deeper if is_module else target


def layer_of(parts: tuple[str, ...]) -> str:
    return parts[0].removesuffix(".py")


def is_apart(module: PurePath, imported: tuple[str, ...]) -> bool:
    """Whether both are of those that stand side by side; their package puts them together."""
    folder, name = "/".join(imported[:-1]), imported[-1]
    return name in APART.get(folder, ()) and module != PurePath(folder, "__init__.py")


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_nothing_imports_upwards_or_sideways(module: Path) -> None:
    breaches = [*breaches_in(module, (PACKAGE / module).read_text("utf-8"))]

    assert not breaches, "\n".join(breaches)


def test_every_module_has_its_layer() -> None:
    assert {layer_of(module.parts) for module in MODULES} - {"__init__"} == MAY_IMPORT.keys()
    for folder, names in APART.items():
        assert all((PACKAGE / folder / f"{name}.py").exists() for name in names)


def test_layers_are_in_order() -> None:
    order = [*MAY_IMPORT]
    for layer, others in MAY_IMPORT.items():
        assert all(order.index(other) > order.index(layer) for other in others)


# What would be refused: a module, an import, and what is said of it.
WRONG: Final = {
    "upwards": (
        "model/rules.py",
        "from ..judgement.exposure import internet_share_of",
        "model/rules.py, line 1: model must not import judgement (judgement.exposure)",
    ),
    "upwards-out-of-a-folder-in-a-folder": (
        "messages/changed/trail.py",
        "from ...alerting import Report",
        "messages/changed/trail.py, line 1: messages must not import alerting (alerting)",
    ),
    "sideways": (
        "cloudtrail/records.py",
        "from ..judgement import findings",
        "cloudtrail/records.py, line 1: cloudtrail must not import judgement (judgement.findings)",
    ),
    "past-the-wiring": (
        "handlers/delivery.py",
        "from ..aws.sns import Publisher",
        "handlers/delivery.py, line 1: handlers must not import aws (aws.sns)",
    ),
    "a-step-that-takes-its-adapter": (
        "alerting.py",
        "from . import aws",
        "alerting.py, line 1: alerting must not import aws (aws)",
    ),
    "in-a-function-and-for-types-only": (
        "grouping.py",
        "if TYPE_CHECKING:\n    from .messages import messages_of",
        "grouping.py, line 2: grouping must not import messages (messages)",
    ),
    "by-the-packages-name": (
        "alerting.py",
        "from security_group_alerter.model import ids",
        "alerting.py, line 1: alerting must not import security_group_alerter.model by its full "
        "name: it is in this package",
    ),
    "the-clock": (
        "messages/email.py",
        "import time",
        "messages/email.py, line 1: messages must not import time: only aws, handlers, wiring may",
    ),
    "the-environment": (
        "settings.py",
        "import os.path",
        "settings.py, line 1: settings must not import os.path: only aws, handlers, wiring may",
    ),
    "aws": (
        "judgement/findings.py",
        "def f():\n    import botocore.session",
        "judgement/findings.py, line 2: judgement must not import botocore.session: "
        "only aws, handlers, wiring may",
    ),
    "lambda": (
        "alerting.py",
        "from aws_lambda_powertools.logging import Logger",
        "alerting.py, line 1: alerting must not import aws_lambda_powertools.logging: "
        "only aws, handlers, wiring may",
    ),
    "a-form-that-takes-from-another": (
        "messages/chat.py",
        "from .machine import PRODUCT",
        "messages/chat.py, line 1: messages must not import messages.machine here, "
        "which stands beside it",
    ),
    "a-kind-of-change-that-takes-from-another": (
        "messages/changed/trail.py",
        "from .prefix_list import prefix_list_changed",
        "messages/changed/trail.py, line 1: messages must not import "
        "messages.changed.prefix_list here, which stands beside it",
    ),
}


@pytest.mark.parametrize(("module", "source", "said"), WRONG.values(), ids=WRONG)
def test_wrong_import_is_named(module: str, source: str, said: str) -> None:
    assert (PACKAGE / module).exists()
    assert [*breaches_in(PurePath(module), source)] == [said]


# The beginnings of ids, and how a Region, an account and a partition are spelled in patterns.
PATTERN_OF_IDS: Final = re.compile(
    r"(?<![a-z])(?:sg|sgr|pl|vpc|o)-[\[(]|\[a-z\]\{2|\[a-z0-9-\]\+|(?:\[0-9\]|\\d)\{12\}|aws\[a-z-\]"
)


def test_patterns_of_ids_have_one_home() -> None:
    homes = {
        module: PATTERN_OF_IDS.findall((PACKAGE / module).read_text("utf-8")) for module in MODULES
    }

    assert {str(module) for module, found in homes.items() if found} == {"model/ids.py"}
    assert len(homes[Path("model/ids.py")]) >= 8
