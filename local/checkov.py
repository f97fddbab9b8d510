"""Runs checkov on the templates, and compares what it finds with .ci/checkov_exceptions.toml.

    .venv/bin/python -m local.checkov template.yaml …

checkov has an environment of its own, .venv/checkov. Nothing leaves this machine.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[1]
CHECKOV: Final = ROOT / ".venv/checkov/bin/checkov"
EXCEPTIONS: Final = ROOT / ".ci/checkov_exceptions.toml"

# (Check, template and logical id) -> what the check wants, or why it is not done.
Findings = Mapping[tuple[str, str], str]


def findings_in(answer: str) -> Findings:
    """What checkov printed: one report or several. ValueError if it could not read a template."""
    reports: Any = json.loads(answer)
    found: dict[tuple[str, str], str] = {}
    for report in reports if isinstance(reports, list) else [reports]:
        if report["summary"]["parsing_errors"]:
            raise ValueError(f"checkov could not read {report['results']['parsing_errors']}")
        for check in report["results"]["failed_checks"]:
            path, name = check["file_path"].lstrip("/"), check["resource"].rpartition(".")[2]
            found[check["check_id"], f"{path} {name}"] = check["check_name"]
    return found


def exceptions_in(text: str) -> Findings:
    """The file of exceptions. KeyError if one lacks a reason."""
    return {
        (entry["check"], resource): entry["reason"].strip()
        for entry in tomllib.loads(text)["exception"]
        for resource in entry["resources"]
    }


def complaints(found: Findings, excepted: Findings) -> Iterator[str]:
    """What is found and not excepted, and what is excepted and not found."""
    for (check, resource), wanted in sorted(found.items()):
        if (check, resource) not in excepted:
            yield f"{check} {resource}: {wanted}"
    for check, resource in sorted(excepted.keys() - found.keys()):
        yield f"{check} {resource}: checkov no longer finds it; remove it from {EXCEPTIONS.name}"


def run(templates: Sequence[str]) -> str:
    """What checkov prints. FileNotFoundError if it is not installed."""
    files = [option for template in templates for option in ("-f", template)]
    # No account, no download of policies; PYTHONPATH is for this program.
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(
        [
            *(CHECKOV, "--framework", "cloudformation", "--skip-download", "--quiet"),
            *("--compact", "--soft-fail", "--output", "json", *files),
        ],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=environment,
        check=True,
    )
    return done.stdout


def main(templates: Sequence[str]) -> int:
    """0 if checkov finds what is excepted, and nothing else."""
    found = findings_in(run(templates))
    excepted = exceptions_in(EXCEPTIONS.read_text(encoding="utf-8"))
    problems = list(complaints(found, excepted))
    for problem in problems:
        print(problem, file=sys.stderr)
    print(f"checkov: {len(found)} findings, {len(excepted)} of them excepted with a reason")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
