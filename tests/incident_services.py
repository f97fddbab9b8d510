"""PagerDuty, Opsgenie, Jira Service Management and Jira, as far as an incident needs them.

A server on the loopback interface that checks each request against the service's documented format.
"""

import base64
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from jsonschema import Draft202012Validator

from tests.stories import ROOT

KEY: Final = "R0123456789ABCDEFGHIJKLMNOPQRSTUV"
JIRA_USER: Final = "alerts@example.com"
SERVICES: Final = ("PagerDuty", "Opsgenie", "JiraServiceManagement", "Jira")
_GENIE: Final = f"GenieKey {KEY}"
_BASIC: Final = f"Basic {base64.b64encode(f'{JIRA_USER}:{KEY}'.encode()).decode()}"


def _schema(name: str) -> Draft202012Validator:
    text = (ROOT / f"tests/schemas/{name}.schema.json").read_text(encoding="utf-8")
    return Draft202012Validator(json.loads(text))


# Path -> the format of what is posted there, and the header that authorizes it.
_POSTS: Final = {
    "/v2/enqueue": (_schema("pagerduty_event"), None),
    "/v2/alerts": (_schema("opsgenie_alert"), _GENIE),
    "/jsm/ops/integration/v2/alerts": (_schema("opsgenie_alert"), _GENIE),
    "/rest/api/2/issue": (_schema("jira_issue"), _BASIC),
}
# Service -> the end of the parameter Endpoint.
ENDPOINTS: Final = {
    "PagerDuty": "/v2/enqueue",
    "Opsgenie": "/v2/alerts",
    "JiraServiceManagement": "/jsm/ops/integration/v2/alerts",
    "Jira": "",
}


class IncidentServices:
    """What was opened, and why something was refused. `refuses` makes it refuse everything."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.opened: list[dict[str, Any]] = []
        self.refused: list[str] = []
        self.refuses = False

    @property
    def keys(self) -> list[str]:
        """The deduplication key of each incident."""
        return [_key_of(request) for request in self.opened]

    def endpoint(self, service: str) -> str:
        """What the parameter Endpoint would be."""
        return self.url + ENDPOINTS[service]

    def post(self, path: str, authorization: str | None, body: Any) -> tuple[int, Any]:
        """Open an incident. The same deduplication key again is the same incident."""
        if self.refuses:
            return self._refuse(503, "unavailable")
        if path not in _POSTS:
            return self._refuse(404, path)
        validator, expected = _POSTS[path]
        if authorization != expected or body.get("routing_key", KEY) != KEY:
            return self._refuse(401, f"{path}: {authorization}")
        if errors := [error.message for error in validator.iter_errors(body)]:
            return self._refuse(400, f"{path}: {'; '.join(errors)}")
        # Jira opens another issue with the same labels.
        if path == "/rest/api/2/issue" or _key_of(body) not in self.keys:
            self.opened.append(body)
        return 202, {}

    def search(self, path: str, query: str, authorization: str | None) -> tuple[int, Any]:
        """Jira's search for issues with a label."""
        if self.refuses or path != "/rest/api/2/search/jql":
            return self._refuse(404, path)
        if authorization != _BASIC:
            return self._refuse(401, f"{path}: {authorization}")
        label = re.fullmatch(r'labels = "(\S+)"', parse_qs(query)["jql"][0])
        if label is None:
            return self._refuse(400, query)
        return 200, {"issues": [{"id": "1"} for key in self.keys if key == label[1]]}

    def _refuse(self, status: int, why: str) -> tuple[int, Any]:
        self.refused.append(why)
        return status, {"errors": [why]}


def _key_of(request: dict[str, Any]) -> str:
    key: str = request.get("dedup_key") or request.get("alias") or request["fields"]["labels"][-1]
    return key


@contextmanager
def incident_services() -> Iterator[IncidentServices]:
    """Listen on a port of the loopback interface."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self._answer(*services.post(self.path, self.headers["Authorization"], body))

        def do_GET(self) -> None:
            url = urlsplit(self.path)
            authorization = self.headers["Authorization"]
            self._answer(*services.search(url.path, url.query, authorization))

        def _answer(self, status: int, body: Any) -> None:
            text = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        services = IncidentServices(f"http://127.0.0.1:{server.server_address[1]}")
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield services
        finally:
            server.shutdown()
            thread.join()
