"""The bar: on a terminal only."""

import sys

import pytest

from local import progress


@pytest.mark.parametrize("is_terminal", [True, False])
def test_progress(
    is_terminal: bool, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: is_terminal)
    monkeypatch.setattr(progress, "_DELAY", 0)

    with progress.progress(200_000_000, "B") as advance:
        for _ in range(20):
            advance(10_000_000)

    out, err = capsys.readouterr()
    assert out == ""
    assert ("/200M " in err) == is_terminal
    assert bool(err) == is_terminal
