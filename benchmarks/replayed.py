"""Replays a file; prints what that took, instead of the alerts, as a line of JSON."""

from __future__ import annotations

import io
import json
import sys
import time
from contextlib import redirect_stdout
from pathlib import Path

from local import replay


def main(path: str) -> int:
    """Replay it. The function's log and the summary go to standard error."""
    with redirect_stdout(io.StringIO()):
        status = replay.main(["--format", "json", path])
    status_file = Path("/proc/self/status").read_text(encoding="ascii")
    [line] = [it for it in status_file.splitlines() if it.startswith("VmHWM:")]
    measured = {"seconds": time.process_time(), "megabytes": int(line.split()[1]) / 1024}
    print(json.dumps(measured))
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
