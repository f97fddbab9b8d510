"""A real browser for tests, and axe-core, which finds what keeps people from reading a page."""

from __future__ import annotations

import base64
import hashlib
import io
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

_NAMES: Final = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)
_MILLISECONDS: Final = 120_000
_AXE: Final = "axe-core-4.14.1"
_AXE_SHA512: Final = (
    "FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ=="
)


@contextmanager
def running_chromium() -> Iterator[Browser]:
    """The Chromium of this machine, without a window. Its tests are skipped where there is none."""
    path = next(filter(None, map(shutil.which, _NAMES)), None)
    if path is None:
        pytest.skip(
            "no Chromium was found to open the page of history in (Debian: apt install chromium)"
        )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path)
        yield browser
        browser.close()


@contextmanager
def opened(browser: Browser, file: Path, **context: Any) -> Iterator[Page]:
    """The file as a page, which must not complain, nor ask for anything but itself."""
    complaints: list[str] = []
    asked: list[str] = []
    with browser.new_context(**context) as visit:
        # With all processors busy, the page of 5,000 exposures takes longer than 30 seconds.
        visit.set_default_timeout(_MILLISECONDS)
        page = visit.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(error.message))
        page.on("dialog", lambda dialog: complaints.append(dialog.message))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(file.as_uri())
        yield page
        assert complaints == []
        assert asked == [file.as_uri()]


def axe_core(folder: Path) -> str:
    """The script of axe-core, from npm's registry and checked, and kept in the folder."""
    package = folder / f"{_AXE}.tgz"
    if not package.exists():
        _download(folder)
    content = package.read_bytes()
    assert base64.b64encode(hashlib.sha512(content).digest()).decode() == _AXE_SHA512
    with tarfile.open(fileobj=io.BytesIO(content)) as files:
        script = files.extractfile("package/axe.min.js")
        assert script is not None
        return script.read().decode()


def _download(folder: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("no Node was found to get axe-core with (Debian: apt install npm)")
    name, _, version = _AXE.rpartition("-")
    subprocess.run(
        [npm, "pack", f"{name}@{version}", "--silent", "--pack-destination", folder],
        check=True,
        stdout=subprocess.DEVNULL,
        timeout=60,
    )
