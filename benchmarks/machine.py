"""The machine that measures: what it is, and whether it is busy."""

from __future__ import annotations

import os
import platform
from pathlib import Path

from .progress import say


def machine() -> str:
    """The kind of processor, and how many of them."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    kind = next(iter(names), "unknown processor")
    return f"{kind}, {platform.machine()}, {len(names)} cores"


def warn_of_load() -> None:
    """Processors that share a core slow each other down; ratios and counts do not change."""
    load = os.getloadavg()[0]
    if load > 1:
        say(f"WARNING: the machine is busy (load {load:.1f}), so that seconds come out too high")
