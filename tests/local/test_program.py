"""A command as a program: its exit status, a closed pipe, an interrupt."""

import subprocess
import sys

import pytest
from botocore.parsers import ResponseParserError

from local.program import run
from tests.stories import ROOT


@pytest.mark.parametrize("status", [0, 1, 2])
def test_its_answer_is_the_exit_status(status: int) -> None:
    with pytest.raises(SystemExit) as ended:
        run("verify", lambda: status)

    assert ended.value.code == status


def test_an_interrupt_is_reported_in_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted() -> int:
        raise KeyboardInterrupt

    with pytest.raises(SystemExit, match="130"):
        run("verify", interrupted)

    assert capsys.readouterr().err == "verify: interrupted; nothing was changed\n"


def test_a_command_may_have_changed_something(capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted() -> int:
        raise KeyboardInterrupt

    with pytest.raises(SystemExit, match="130"):
        run("redrive", interrupted, when_interrupted="the rest is still in the queue")

    assert capsys.readouterr().err == "redrive: interrupted; the rest is still in the queue\n"


def test_an_answer_that_is_not_awss(capsys: pytest.CaptureFixture[str]) -> None:
    def answered_by_a_proxy() -> int:
        raise ResponseParserError("Unable to parse response: not well-formed: <html>")

    with pytest.raises(SystemExit, match="2"):
        run("verify", answered_by_a_proxy)

    said = "verify: what answered is not AWS: its answer cannot be read. A proxy may have answered"
    assert capsys.readouterr().err.startswith(said)


@pytest.mark.parametrize("error", [OSError(5, "an I/O error"), ValueError("a fault of ours")])
def test_what_nobody_expects_is_not_hidden(error: Exception) -> None:
    def broken() -> int:
        raise error

    with pytest.raises(type(error), match=str(error.args[-1])):
        run("verify", broken)


def test_a_disk_that_is_full() -> None:
    program = (
        "import errno, os\n"
        "from local.program import run\n"
        "def main():\n"
        "    print('what was printed before')\n"
        "    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))\n"
        "run('verify', main)\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert done.returncode == 1
    assert done.stderr == "verify: no space is left where its output goes\n"


def test_whoever_reads_may_stop() -> None:
    program = (
        "from local.program import run\n"
        "def main():\n"
        "    for _ in range(100_000): print('x' * 100)\n"
        "    return 0\n"
        "run('verify', main)\n"
    )

    with subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 1
