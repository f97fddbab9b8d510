"""The page of `make history --html`: whole, self-contained, and harmless whatever records say."""

from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Final

import pytest

from local.history.__main__ import main
from local.history.page import page_of, write_page
from security_group_alerter.model.exposure import Breadth, InternetShare, Opening
from security_group_alerter.model.exposure_life import EndedHow, Event, ExposureLife, Resource
from security_group_alerter.model.rules import PortRange
from security_group_alerter.model.severity import Severity
from security_group_alerter.model.subject import SubjectKind
from tests.local.test_history import CLOSED, OPENED, written

START: Final = datetime(2026, 11, 2, 9, tzinfo=UTC)
SSH: Final = Opening(
    protocol="tcp",
    ports=PortRange(22, 22),
    share=InternetShare(ipv4_share=1.0, breadth=Breadth.WORLD),
)
HOSTILE: Final = '"><script>alert(1)</script><img src=//evil.example onerror=x>'


class Parsed(HTMLParser):
    """What a page consists of; every element must be closed."""

    VOID: Final = {"meta"}

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] != ["style"]:
            self.texts.append(" ".join(data.split()))

    @property
    def text(self) -> str:
        return " ".join(filter(None, self.texts))

    def named(self, name: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.elements if tag == name]


def event(hours: float, who: str = "arn:aws:iam::111122223333:user/ann") -> Event:
    return Event(event_id=f"e-{hours}", time=START + timedelta(hours=hours), principal=who)


def life(opened: Event | None, closed: Event | None, **members: Any) -> ExposureLife:
    account_id, group = members.pop("account_id", "222233334444"), members.pop("group", "sg-1")
    defaults: dict[str, Any] = {
        "uid": "u",
        "resource": Resource(
            kind=SubjectKind.SECURITY_GROUP, id=group, account_id=account_id, region="eu-central-1"
        ),
        "closed_how": EndedHow.REVOKED if closed else None,
        "severity": Severity.CRITICAL,
        "openings": (SSH,),
        "event_ids": tuple(it.event_id for it in (opened, closed) if it),
    }
    revealed = opened or closed
    assert revealed is not None
    return ExposureLife(opened=opened, closed=closed, revealed=revealed, **(defaults | members))


def page(*lives: ExposureLife, is_partial: bool = False) -> Parsed:
    return Parsed(page_of(lives, is_partial=is_partial))


def test_an_exposure_unfolds_into_what_is_known_of_it() -> None:
    shown = page(life(event(0), event(2.5)))

    assert (
        "tcp 22 (SSH) open to the whole IPv4 Internet, in sg-1 of account 222233334444, "
        "eu-central-1."
    ) in shown.text
    assert "Opened 2026-11-02 09:00 by user/ann" in shown.text
    assert "Closed 2026-11-02 11:30 by user/ann, revoked" in shown.text
    assert "2 h 30 min" in shown.text
    assert [it for it in shown.texts if it.startswith("e-")] == ["e-0", "e-2.5"]
    assert len(shown.named("details")) == 1


def test_what_is_still_open_and_what_began_before() -> None:
    shown = page(
        life(event(0), None),
        life(None, event(48), severity=Severity.HIGH),
    )

    assert "2 d 0 h and still open" in shown.text
    assert "since before the records" in shown.text
    assert "Opened before the records begin" in shown.text
    assert "Still open" in shown.text
    assert "2 exposures, 1 still open" in shown.text
    open_bars = [it for it in shown.named("i") if "open" in str(it["class"]).split()]
    assert [it["style"] for it in open_bars] == ["left:0.0%;width:100.0%;top:0.0rem"]


def test_bars_that_overlap_lie_in_lanes() -> None:
    shown = page(life(event(0), event(2)), life(event(1), event(3)), life(event(2.5), event(4)))

    styles = [str(it["style"]) for it in shown.named("i") if "bar" in str(it["class"])]
    assert [style.rpartition("top:")[2] for style in styles] == ["0.0rem", "0.7rem", "0.0rem"]


def test_the_worst_come_first_and_are_ten() -> None:
    short = [life(event(it), event(it + 0.5), group=f"sg-{it}") for it in range(12)]
    longest = life(event(0), event(20), group="sg-longest")
    mild = life(event(0), event(90), group="sg-mild", severity=Severity.MEDIUM)

    shown = page(mild, *short, longest)

    worst, _, every = shown.text.partition("The worst 10")[2].partition("Every exposure")
    first = worst.partition(" open to the whole IPv4 Internet, ")[2]
    assert first.startswith("in sg-longest of account 222233334444, eu-central-1: 20 h 0 min")
    assert "sg-mild" not in worst
    assert "sg-mild" in every


def test_weeks_begin_on_monday_and_none_is_left_out() -> None:
    shown = page(life(event(0), event(24 * 15)))

    weeks = [it for it in shown.texts if it in {"2026-11-02", "2026-11-09", "2026-11-16"}]
    assert weeks[-3:] == ["2026-11-02", "2026-11-09", "2026-11-16"]


def test_without_any_exposure_it_says_so() -> None:
    shown = page()

    assert "Nothing was open to the Internet." in shown.text
    assert not shown.named("table")


def test_what_is_not_whole_says_so() -> None:
    assert "Partial" in page(life(event(0), None), is_partial=True).text
    assert "Partial" not in page(life(event(0), None)).text


@pytest.mark.parametrize("field", ["group", "who", "account", "region", "event_id", "protocol"])
def test_text_of_records_stays_text(field: str) -> None:
    resource = Resource(
        kind=SubjectKind.SECURITY_GROUP,
        id=HOSTILE if field == "group" else "sg-1",
        account_id=HOSTILE if field == "account" else None,
        region=HOSTILE if field == "region" else None,
    )
    protocol = HOSTILE if field == "protocol" else "tcp"
    shown = page(
        life(
            event(0, HOSTILE if field == "who" else "ann"),
            event(1, "ann\u202e"),
            resource=resource,
            event_ids=(HOSTILE if field == "event_id" else "e-1",),
            openings=(Opening(protocol=protocol, ports=SSH.ports, share=SSH.share),),
        )
    )

    assert not [it for it in shown.elements if it[0] in {"script", "img", "a", "link", "iframe"}]
    assert not any(name.startswith("on") for _, attributes in shown.elements for name in attributes)
    assert "<script>" in shown.text
    assert "\u202e" not in shown.text


def test_it_asks_for_nothing_from_elsewhere_and_runs_nothing() -> None:
    text = page_of([life(event(0), None)], is_partial=False)

    [policy] = [it for it in Parsed(text).named("meta") if it.get("http-equiv")]
    assert policy["content"] == "default-src 'none'; style-src 'unsafe-inline'"
    assert not any(it in text for it in ("src=", "href=", "url(", "@import", "<script"))


def test_it_can_be_listened_to() -> None:
    shown = page(life(event(0), event(1)), life(event(2), None))

    [document] = shown.named("html")
    assert document["lang"] == "en"
    assert len(shown.named("h1")) == len(shown.named("main")) == len(shown.named("title")) == 1
    assert all("scope" in it for it in shown.named("th"))
    headings = {it["id"] for it in shown.named("h2")}
    assert {it["aria-labelledby"] for it in shown.named("section")} == headings
    # The bars are for the eye: words beside them say what there is.
    tracks = [it for it in shown.named("div") if it.get("class") == "track"]
    assert all(it["aria-hidden"] == "true" for it in tracks)


def five_thousand() -> list[ExposureLife]:
    return [
        life(
            event(number),
            event(number + 7),
            account_id=f"{number % 300:012d}",
            group=f"sg-{number:017x}",
        )
        for number in range(5000)
    ]


def test_five_thousand_exposures_are_under_ten_megabytes() -> None:
    assert len(page_of(five_thousand(), is_partial=False).encode()) < 10_000_000


def test_nothing_is_left_half_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "page.html"
    file.write_text("the page of yesterday")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", full)
        with pytest.raises(OSError, match="No space left"):
            write_page(file, [life(event(0), None)], is_partial=False)

    assert file.read_text() == "the page of yesterday"
    assert list(tmp_path.iterdir()) == [file]


def test_the_page_is_written_beside_the_table(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    archive = written(tmp_path / "a.json.gz", OPENED, CLOSED)
    file = tmp_path / "page.html"

    status = main(["--workers", "1", "--html", str(file), str(archive)])

    out, err = capsys.readouterr()
    assert status == 0
    assert "2 h 25 min" in out
    assert f"history: wrote the page {file}" in err
    assert "tcp 22 (SSH) open to the whole IPv4 Internet, in sg-" in Parsed(file.read_text()).text


def test_a_page_that_cannot_be_written_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = written(tmp_path / "a.json.gz", OPENED)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)

    file = tmp_path / "page.html"
    assert main(["--workers", "1", "--html", str(file), str(archive)]) == 2
    assert f"history: {file}: cannot be written: No space left on device" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["missing/page.html", "."])
def test_a_place_that_does_not_fit_is_refused_before_anything_is_read(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["--html", str(tmp_path / name), str(tmp_path)])

    assert "expected a file in a folder that exists" in capsys.readouterr().err
