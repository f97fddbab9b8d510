"""What the documents show of history: a real run over stories of events/."""

import io
import json
from contextlib import chdir, redirect_stderr, redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory

from local.history import __main__ as history
from tests.stories import story

STORIES = (
    "ssh-opened-to-the-world-from-the-console",
    "ssh-closed-to-the-world",
    "prefix-list-widened-to-the-world",
    "prefix-list-deleted",
    "ping-opened-to-the-world-in-china",
)


def history_sample() -> str:
    """A life that ended, one of a prefix list, and one that stands."""
    printed = io.StringIO()
    with TemporaryDirectory() as folder, chdir(folder):
        for name in STORIES:
            Path(f"{name}.json").write_text(json.dumps(story(name)), encoding="utf-8")
        with redirect_stdout(printed), redirect_stderr(printed):
            status = history.main(["--workers", "1", "."])
    assert status == 0
    return f'$ make history ARGS="archive"\n{printed.getvalue().rstrip()}'
