"""What the documents show of replay: real runs over stories of events/."""

import io
import json
import re
from contextlib import chdir, redirect_stderr, redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory

from local import replay
from tests.stories import ROOT, story

OPENING = "ssh-opened-to-the-world-from-the-console"
DESCRIBED = "ingress-rule-description-updated"
CLOSING = "ssh-closed-to-the-world"
PAGE = ROOT / "docs" / "replay.md"


def replay_sample() -> str:
    """A folder with records, a repeat, a tool's own words, and files of another kind."""
    printed = io.StringIO()
    with TemporaryDirectory() as folder, chdir(folder):
        write(Path("november"))
        with redirect_stdout(printed), redirect_stderr(printed):
            status = replay.main(["--format", "sms", "november"])
    assert status == 2
    return f"$ make replay FILES=november FORMAT=sms\n{printed.getvalue().rstrip()}"


def email_sample() -> str:
    """The first lines of an alert that is not sent by e-mail."""
    printed = io.StringIO()
    with TemporaryDirectory() as folder, chdir(folder):
        Path("records.json").write_text(json.dumps(story(DESCRIBED)), encoding="utf-8")
        with redirect_stdout(printed), redirect_stderr(io.StringIO()):
            replay.main(["records.json"])
    return "\n".join(printed.getvalue().splitlines()[:6])


def scenario_sample() -> str:
    """What becomes of the scenario that the page shows."""
    [document] = re.findall(r"(?ms)^```json\n(.*?)^```$", PAGE.read_text(encoding="utf-8"))
    printed = io.StringIO()
    with TemporaryDirectory() as folder, chdir(folder):
        Path("scenario.json").write_text(document, encoding="utf-8")
        with redirect_stdout(printed), redirect_stderr(printed):
            status = replay.main(["--format", "sms", "scenario.json"])
    assert status == 0
    return f"$ make replay FILES=scenario.json FORMAT=sms\n{printed.getvalue().rstrip()}"


def write(folder: Path) -> None:
    opening, closing = json.dumps(story(OPENING)), json.dumps(story(CLOSING))
    folder.mkdir()
    (folder / "17.jsonl").write_text(f"Reading …\n{opening}\n{closing}\n", encoding="utf-8")
    (folder / "18.json").write_text(f"[{closing}]", encoding="utf-8")
    (folder / "notes.md").write_text("# November\n", encoding="utf-8")
    (folder / "policy.json").write_text('{"Version": "2012-10-17"}', encoding="utf-8")
