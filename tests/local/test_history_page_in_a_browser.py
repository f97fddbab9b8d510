"""The page of `make history --html` in Chromium: on each screen, and on paper, for everybody.

Without a Chromium these tests are skipped, and pytest's summary says so; CI installs one.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, Page, expect

from local.history.page import write_page
from security_group_alerter.model.exposure_life import ExposureLife
from security_group_alerter.model.severity import Severity
from tests.local.browser import axe_core, opened, running_chromium
from tests.local.test_history_page import HOSTILE, event, five_thousand, life

WIDTHS: Final = {"phone": 390, "desktop": 1200}
# Of every severity and in several accounts; closed, still open, and from before the records.
LIVES: Final = [
    life(
        event(number) if number else None,
        None if number % 5 == 1 else event(number + 30),
        severity=severity,
        account_id=f"22223333444{number % 3}",
        group=f"sg-{number:017x}",
    )
    for number, severity in zip(range(25), cycle(Severity), strict=False)
]

on_each_screen = pytest.mark.parametrize("width", WIDTHS.values(), ids=WIDTHS)
in_each_scheme = pytest.mark.parametrize("scheme", ["light", "dark"])


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with running_chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("page"), LIVES)


@pytest.fixture(scope="module")
def axe(browser: Browser, request: pytest.FixtureRequest) -> str:  # noqa: ARG001 - says first that there is none
    cache = request.config.cache
    assert cache is not None
    return axe_core(cache.mkdir("axe-core"))


def written(folder: Path, lives: list[ExposureLife]) -> Path:
    write_page(folder / "page.html", lives, is_partial=True)
    return folder / "page.html"


def screen(width: int, scheme: str) -> dict[str, Any]:
    return {"viewport": {"width": width, "height": 900}, "color_scheme": scheme}


def width_of(page: Page) -> Any:
    return page.evaluate("document.documentElement.scrollWidth")


def is_dark(page: Page) -> bool:
    color = page.evaluate("getComputedStyle(document.body).backgroundColor")
    [red, green, blue] = color.removeprefix("rgb(").removesuffix(")").split(",")
    return int(red) + int(green) + int(blue) < 3 * 128


@on_each_screen
@in_each_scheme
def test_it_fits_the_screen_in_the_colors_that_are_asked_for(
    browser: Browser, file: Path, tmp_path: Path, width: int, scheme: str
) -> None:
    with opened(browser, file, **screen(width, scheme)) as page:
        assert is_dark(page) == (scheme == "dark")
        assert width_of(page) == width
        for unfolding in page.locator("summary").all():
            unfolding.click()
        assert width_of(page) == width
        # To be looked at: pytest keeps it for three runs.
        picture = page.screenshot(path=tmp_path / "page.png", full_page=True)
        assert int.from_bytes(picture[16:20]) == width


@on_each_screen
@in_each_scheme
def test_axe_core_finds_nothing(
    browser: Browser, file: Path, axe: str, width: int, scheme: str
) -> None:
    with opened(browser, file, **screen(width, scheme)) as page:
        page.locator("summary").first.click()
        page.evaluate(f"{axe}; 0")
        found = page.evaluate("axe.run()")
        assert found["passes"]
        assert [(it["id"], [at["html"] for at in it["nodes"]]) for it in found["violations"]] == []


def test_an_exposure_unfolds_without_scripts(browser: Browser, file: Path) -> None:
    with opened(browser, file, **screen(390, "light"), java_script_enabled=False) as page:
        first, second, *_ = page.locator(".all details").all()
        expect(first.get_by_text("Closed 2026-11-03 15:00 by user/ann")).to_be_hidden()

        first.locator("summary").click()
        second.locator("summary").press("Enter")

        expect(first.get_by_text("Closed 2026-11-03 15:00 by user/ann")).to_be_visible()
        expect(second.get_by_text("Still open")).to_be_visible()
        expect(second.get_by_text("e-1")).to_be_visible()


def test_what_unfolds_is_seen_without_moving_the_table(browser: Browser, file: Path) -> None:
    with opened(browser, file, **screen(390, "light")) as page:
        details = page.locator(".all details").first
        details.locator("summary").click()

        box = details.locator("li").first.bounding_box()
        assert box is not None
        assert 0 < box["x"] < box["x"] + box["width"] < 390


def test_it_prints_light_and_within_the_paper(browser: Browser, file: Path) -> None:
    with opened(browser, file, **screen(1200, "dark")) as page:
        page.emulate_media(media="print")
        # A4, at 96 dots an inch.
        page.set_viewport_size({"width": 794, "height": 1123})

        assert not is_dark(page)
        assert width_of(page) == 794
        assert page.pdf(format="A4").startswith(b"%PDF")


def test_text_of_records_stays_text(browser: Browser, tmp_path: Path) -> None:
    hostile = life(event(0, HOSTILE), event(1), group=HOSTILE, event_ids=(HOSTILE,))

    with opened(browser, written(tmp_path, [hostile]), **screen(390, "light")) as page:
        page.locator("summary").click()

        expect(page.locator("code")).to_have_text(HOSTILE)
        expect(page.locator("script, img")).to_have_count(0)
        assert width_of(page) == 390


def test_five_thousand_exposures_open_and_unfold(browser: Browser, tmp_path: Path) -> None:
    with opened(browser, written(tmp_path, five_thousand()), **screen(1200, "light")) as page:
        rows = page.locator(".all details")
        expect(rows).to_have_count(5000)

        rows.last.locator("summary").click()

        expect(rows.last.locator("li").first).to_be_visible()
        assert width_of(page) == 1200
