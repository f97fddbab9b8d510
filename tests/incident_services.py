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


# Method and path -> the format of what is sent there, and the header that authorizes it.
_ALIAS: Final = r"(?P<closed>[0-9a-z-]+)"
_REQUESTS: Final = {
    r"POST /v2/enqueue": (_schema("pagerduty_event"), None),
    r"POST (/jsm/ops/integration)?/v2/alerts": (_schema("opsgenie_alert"), _GENIE),
    rf"POST (/jsm/ops/integration)?/v2/alerts/{_ALIAS}/close\?identifierType=alias": (
        _schema("opsgenie_close"),
        _GENIE,
    ),
    r"POST /rest/api/2/issue": (_schema("jira_issue"), _BASIC),
    r"POST /rest/api/2/issue/(?P<issue>\d+)/comment": (_schema("jira_comment"), _BASIC),
    r"PUT /rest/api/2/issue/(?P<issue>\d+)": (_schema("jira_edit"), _BASIC),
}
# Service -> the end of the parameter Endpoint.
ENDPOINTS: Final = {
    "PagerDuty": "/v2/enqueue",
    "Opsgenie": "/v2/alerts",
    "JiraServiceManagement": "/jsm/ops/integration/v2/alerts",
    "Jira": "",
}


class IncidentServices:
    """What was opened and resolved, and why something was refused.

    `opened` are the requests, of which Jira's has the labels that it has by now. `resolved` are the
    keys of what is resolved, in order, and `ignored` of what was to be, and was not open.
    `comments` are Jira's. `refuses` makes it refuse everything.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.opened: list[dict[str, Any]] = []
        self.resolved: list[str] = []
        self.ignored: list[str] = []
        self.comments: list[tuple[str, str]] = []
        self.refused: list[str] = []
        self.refuses = False
        # Requests of these methods and paths are refused.
        self.refuses_path: str | None = None

    @property
    def keys(self) -> list[str]:
        """The deduplication key of each incident."""
        return [key_of(request) for request in self.opened]

    def endpoint(self, service: str) -> str:
        """What the parameter Endpoint would be."""
        return self.url + ENDPOINTS[service]

    def take(self, method: str, path: str, authorization: str | None, body: Any) -> tuple[int, Any]:
        """Take what is sent. The same deduplication key again is the same incident."""
        asked = f"{method} {path}"
        if self.refuses or (self.refuses_path and re.fullmatch(self.refuses_path, asked)):
            return self._refuse(503, "unavailable")
        known = [it for it in _REQUESTS if re.fullmatch(it, asked)]
        if not known:
            return self._refuse(404, asked)
        validator, expected = _REQUESTS[known[0]]
        if authorization != expected or body.get("routing_key", KEY) != KEY:
            return self._refuse(401, f"{asked}: {authorization}")
        if errors := [error.message for error in validator.iter_errors(body)]:
            return self._refuse(400, f"{asked}: {'; '.join(errors)}")
        named = re.search(known[0], asked)
        self._do(named.groupdict() if named else {}, body)
        return 202, {}

    def _do(self, named: dict[str, str], body: Any) -> None:
        if "issue" in named:
            self._edit(int(named["issue"]), body)
        elif "closed" in named or body.get("event_action") == "resolve":
            self._resolve(named.get("closed") or body["dedup_key"])
        # Jira opens another issue with the same labels.
        elif "fields" in body or key_of(body) not in self.keys:
            self.opened.append(body)

    def _resolve(self, key: str) -> None:
        (self.resolved if key in self.keys else self.ignored).append(key)

    def _edit(self, number: int, body: Any) -> None:
        issue = self.opened[number]
        if "body" in body:
            self.comments.append((key_of(issue), body["body"]))
        else:
            issue["fields"]["labels"] += [it["add"] for it in body["update"]["labels"]]
            self._resolve(key_of(issue))

    def search(self, path: str, query: str, authorization: str | None) -> tuple[int, Any]:
        """Jira's search for issues with a label."""
        if self.refuses or path != "/rest/api/2/search/jql":
            return self._refuse(404, path)
        if authorization != _BASIC:
            return self._refuse(401, f"{path}: {authorization}")
        asked = parse_qs(query)
        label = re.fullmatch(r'labels = "(\S+)"', asked["jql"][0])
        if label is None or asked["fields"] != ["labels"]:
            return self._refuse(400, query)
        found = [
            {"id": str(number), "fields": {"labels": request["fields"]["labels"]}}
            for number, request in enumerate(self.opened)
            if label[1] in request["fields"]["labels"]
        ]
        return 200, {"issues": found[: int(asked["maxResults"][0])]}

    def _refuse(self, status: int, why: str) -> tuple[int, Any]:
        self.refused.append(why)
        return status, {"errors": [why]}


def key_of(request: dict[str, Any]) -> str:
    """The deduplication key of an incident. Jira's is the label after that of the alerter."""
    key: str = request.get("dedup_key") or request.get("alias") or request["fields"]["labels"][1]
    return key


@contextmanager
def incident_services() -> Iterator[IncidentServices]:
    """Listen on a port of the loopback interface."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            authorization = self.headers["Authorization"]
            self._answer(*services.take(self.command, self.path, authorization, body))

        do_PUT = do_POST  # noqa: N815 - its own name

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
