"""A function under the real client of Lambda's runtime API, and the processor time that it takes.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, Final

# For one invocation, as in template.yaml.
SECONDS: Final = 120


class Function:
    """One execution environment: started once, then invoked as often as needed.

    `init` is the time until it first asks for an event: Python, the client and the imports of the
    handler. Times are processor time, user and system together, in seconds.
    """

    def __init__(self, process: subprocess.Popen[bytes], api: _RuntimeApi) -> None:
        self._process = process
        self._api = api
        self._spent = 0.0
        self.init = self._until_idle()

    def invoke(self, payload: dict[str, Any]) -> float:
        """One invocation: the time until it asks for the next."""
        self._api.payloads.put(json.dumps(payload).encode())
        return self._until_idle()

    def peak_megabytes(self) -> float:
        """The most memory that the process has held so far."""
        status = Path(f"/proc/{self._process.pid}/status").read_text(encoding="ascii")
        [line] = [it for it in status.splitlines() if it.startswith("VmHWM:")]
        return int(line.split()[1]) / 1024

    def _until_idle(self) -> float:
        for _ in range(SECONDS):
            try:
                self._api.asked.get(timeout=1)
            except Empty:
                if self._process.poll() is not None:
                    break
                continue
            if self._api.failures:
                break
            # It waits now, so that this does not change.
            before, self._spent = self._spent, _processor_seconds(self._process.pid)
            return self._spent - before
        raise RuntimeError(f"{self._process.args!r} failed: {self._api.failures}")


@contextmanager
def running(
    python: Path,
    folder: Path,
    handler: str,
    environment: Mapping[str, str],
    *,
    under: Sequence[str] = (),
) -> Iterator[Function]:
    """Start the function in this folder as Lambda does, and end it afterwards.

    `under` is a command that runs it, such as valgrind: ended gently, so that it can report.
    """
    api = _RuntimeApi()

    class Door(_Door):
        runtime_api = api

    with ThreadingHTTPServer(("127.0.0.1", 0), Door) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        process = subprocess.Popen(
            [*under, python, "-m", "awslambdaric", handler],
            cwd=folder,
            env={
                **_LAMBDA,
                **environment,
                "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{server.server_address[1]}",
                "LAMBDA_TASK_ROOT": str(folder),
                "PYTHONPATH": str(folder),
            },
            # Its log. Errors come to the runtime API.
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            yield Function(process, api)
        finally:
            process.terminate()
            process.wait()
            api.payloads.put(b"")
            server.shutdown()
            thread.join()


class _RuntimeApi:
    """What passes between the function and the measurement."""

    def __init__(self) -> None:
        self.asked = SimpleQueue[None]()
        self.payloads = SimpleQueue[bytes]()
        self.failures: list[str] = []


class _Door(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Head and body in one piece: else each answer waits 40 ms for an acknowledgement.
    wbufsize = -1
    runtime_api: _RuntimeApi

    def do_GET(self) -> None:
        """…/invocation/next."""
        self.runtime_api.asked.put(None)
        payload = self.runtime_api.payloads.get()
        deadline = int((time.time() + SECONDS) * 1000)
        self._answer(
            200,
            payload,
            {
                "Lambda-Runtime-Aws-Request-Id": "8476a536-e9f4-11e8-9739-2dfe598c3fcd",
                "Lambda-Runtime-Deadline-Ms": str(deadline),
                "Lambda-Runtime-Invoked-Function-Arn": _ARN,
                "Lambda-Runtime-Trace-Id": "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Sampled=0",
                "Content-Type": "application/json",
            },
        )

    def do_POST(self) -> None:
        """…/invocation/<id>/response, or what went wrong."""
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        if not self.path.endswith("/response"):
            self.runtime_api.failures.append(body)
        self._answer(202, b"", {})

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002, its own name
        """Keep quiet."""

    def _answer(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _processor_seconds(pid: int) -> float:
    """What a process has used, exactly: clock_getcpuclockid(3), as Linux makes the id."""
    return time.clock_gettime((~pid << 3) | 2)


_ARN: Final = "arn:aws:lambda:eu-central-1:111122223333:function:security-group-alerter"
# https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime
_LAMBDA: Final = {
    "AWS_EXECUTION_ENV": "AWS_Lambda_python",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
    "AWS_LAMBDA_FUNCTION_NAME": "security-group-alerter",
    "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
    "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
    "AWS_LAMBDA_LOG_FORMAT": "JSON",
    "AWS_LAMBDA_LOG_LEVEL": "INFO",
    "AWS_REGION": "eu-central-1",
    "LANG": "en_US.UTF-8",
    "TZ": ":UTC",
}
