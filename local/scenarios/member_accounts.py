"""The accounts of an organization, as boto3's clients reach them: AWS STS and Amazon EC2.

Requests are answered where they would leave the process, in the XML that AWS sends, so that the
clients sign, send, retry and parse as ever.
"""

from __future__ import annotations

import io
import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Final
from urllib.parse import parse_qsl

from botocore import handlers
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders

from .ec2_listings import Place, RefusedError, UnknownCallError
from .emulated_ec2 import answer
from .reading import State
from .region_state import RegionState, nothing_in
from .shapes import output_of, xml_of, xml_text

# The services that are answered for here.
SERVICES: Final = ("ec2", "sts")
_ROLE_ARN: Final = re.compile(r"arn:aws[a-z-]*:iam::([0-9]{12}):role/(.+)")
# Of a key that AssumeRole gave out, the account; and the Region and service that are asked.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
_CREDENTIAL: Final = re.compile(rb"Credential=(?:ASIA([0-9]{12})LOOK)?[^/]*/\d{8}/([^/]+)/")
_SESSION: Final = timedelta(hours=1)
_REQUEST_ID: Final = "7a62c49f-347e-4fc4-9331-6e8eexample0"
_EC2_NAMESPACE: Final = "http://ec2.amazonaws.com/doc/2016-11-15/"
_STS_NAMESPACE: Final = "https://sts.amazonaws.com/doc/2011-06-15/"


class MemberAccounts:
    """What stands in each account, as of a time. An account without a state denies the role.

    `calls` are the operations that were asked for, each with its account and Region.
    """

    def __init__(self) -> None:
        self._states: dict[str, dict[str, RegionState]] = {}
        self._open: set[str] = set()
        self._now = datetime.min.replace(tzinfo=UTC)
        self._gaps: list[str] = []
        self._named: dict[str, set[str]] = {}
        self.calls: list[tuple[str, str, str]] = []

    def change(self, state: State) -> None:
        """From now on, this stands in the places that it names."""
        for account_id, regions in state.items():
            self._named.setdefault(account_id, set()).update(regions or ())
            if regions is None:
                self._open.discard(account_id)
            else:
                self._open.add(account_id)
                self._states.setdefault(account_id, {}).update(regions)

    @property
    def named(self) -> Mapping[str, Collection[str]]:
        """The Regions of each account of which anything was said."""
        return self._named

    def turn_to(self, now: datetime) -> None:
        """It is so late."""
        self._now = now

    def raise_gaps(self) -> None:
        """Raises UnknownCallError if anything was asked for that is not emulated.

        A look takes every error for one of AWS's, and the alert goes out without it.
        """
        if self._gaps:
            raise UnknownCallError("; ".join(self._gaps))

    def _gap(self, what: str) -> UnknownCallError:
        self._gaps.append(what)
        return UnknownCallError(what)

    @contextmanager
    def reachable(self) -> Iterator[None]:
        """Clients of sessions that are made within reach these accounts."""
        answers = {"ec2": self._answer_ec2, "sts": self._answer_sts}
        entries = [(f"before-send.{service}", answers[service]) for service in SERVICES]
        handlers.BUILTIN_HANDLERS.extend(entries)
        try:
            yield
        finally:
            for entry in entries:
                handlers.BUILTIN_HANDLERS.remove(entry)

    def _answer_sts(self, request: AWSPreparedRequest, **_: object) -> AWSResponse:
        form = _form_of(request)
        if form["Action"] != "AssumeRole":
            raise self._gap(f"{form['Action']} is not emulated")
        role = form["RoleArn"]
        found = _ROLE_ARN.fullmatch(role)
        account_id = found[1] if found else "none"
        self.calls.append(("AssumeRole", account_id, _caller_of(request)[1]))
        if found is None or account_id not in self._open:
            message = (
                "User: arn:aws:sts::111122223333:assumed-role/alerter/replay is not authorized to "
                f"perform: sts:AssumeRole on resource: {role}"
            )
            return _sts_error("AccessDenied", message, request)
        session = f"{found[2].rsplit('/', 1)[-1]}/{form['RoleSessionName']}"
        content = xml_of(
            {
                "Credentials": {
                    "AccessKeyId": f"ASIA{account_id}LOOK",
                    "SecretAccessKey": "secret",
                    "SessionToken": "token",
                    "Expiration": self._end_of_session(),
                },
                "AssumedRoleUser": {
                    "AssumedRoleId": f"AROAEXAMPLE:{form['RoleSessionName']}",
                    "Arn": f"arn:aws:sts::{account_id}:assumed-role/{session}",
                },
            },
            output_of("sts", "AssumeRole"),
        )
        return _response(
            request,
            HTTPStatus.OK,
            f'<AssumeRoleResponse xmlns="{_STS_NAMESPACE}"><AssumeRoleResult>{content}'
            f"</AssumeRoleResult><ResponseMetadata><RequestId>{_REQUEST_ID}</RequestId>"
            "</ResponseMetadata></AssumeRoleResponse>",
        )

    def _end_of_session(self) -> str:
        """After an hour, by the clock of the story and by that of this machine."""
        latest = max(self._now, datetime.now(UTC))
        return (latest + _SESSION).strftime("%Y-%m-%dT%H:%M:%SZ")

    def _answer_ec2(self, request: AWSPreparedRequest, **_: object) -> AWSResponse:
        form = _form_of(request)
        operation = form["Action"]
        account_id, region = _caller_of(request)
        self.calls.append((operation, account_id, region))
        try:
            return self._described(request, operation, form, account_id, region)
        except RefusedError as error:
            return _ec2_error(error.code, str(error), request)
        except UnknownCallError as error:
            raise self._gap(str(error)) from None
        except Exception as error:
            raise self._gap(f"{operation}: {error!r}") from error

    def _described(
        self,
        request: AWSPreparedRequest,
        operation: str,
        form: Mapping[str, str],
        account_id: str,
        region: str,
    ) -> AWSResponse:
        if not account_id:
            raise UnknownCallError(f"{operation} was called without a role of the account")
        if account_id not in self._open:
            # Whoever kept a session from before.
            raise RefusedError(
                "UnauthorizedOperation",
                f"You are not authorized to perform this operation. ec2:{operation}",
            )
        state = self._states[account_id].get(region) or nothing_in(account_id, region)
        answered = answer(operation, form, Place(account_id, region, state))
        content = xml_of(answered, output_of("ec2", operation))
        return _response(
            request,
            HTTPStatus.OK,
            f'<{operation}Response xmlns="{_EC2_NAMESPACE}"><requestId>{_REQUEST_ID}</requestId>'
            f"{content}</{operation}Response>",
        )


def _form_of(request: AWSPreparedRequest) -> dict[str, str]:
    body = request.body
    text = body.decode() if isinstance(body, bytes) else str(body)
    return dict(parse_qsl(text, keep_blank_values=True))


def _caller_of(request: AWSPreparedRequest) -> tuple[str, str]:
    """The account whose role was assumed, or nothing; and the Region that is asked."""
    signature = request.headers["Authorization"]
    header = signature if isinstance(signature, bytes) else signature.encode()
    found = _CREDENTIAL.search(header)
    assert found  # noqa: S101 (every request is signed)
    return (found[1] or b"").decode(), found[2].decode()


def _ec2_error(code: str, message: str, request: AWSPreparedRequest) -> AWSResponse:
    status = HTTPStatus.FORBIDDEN if code == "UnauthorizedOperation" else HTTPStatus.BAD_REQUEST
    return _response(
        request,
        status,
        f"<Response><Errors><Error><Code>{code}</Code><Message>{xml_text(message)}</Message>"
        f"</Error></Errors><RequestID>{_REQUEST_ID}</RequestID></Response>",
    )


def _sts_error(code: str, message: str, request: AWSPreparedRequest) -> AWSResponse:
    return _response(
        request,
        HTTPStatus.FORBIDDEN,
        f'<ErrorResponse xmlns="{_STS_NAMESPACE}"><Error><Type>Sender</Type><Code>{code}</Code>'
        f"<Message>{xml_text(message)}</Message></Error><RequestId>{_REQUEST_ID}</RequestId>"
        "</ErrorResponse>",
    )


def _response(request: AWSPreparedRequest, status: HTTPStatus, xml: str) -> AWSResponse:
    headers = HTTPHeaders()
    headers["content-type"] = "text/xml;charset=UTF-8"
    return AWSResponse(request.url, status, headers, _Raw(xml.encode()))


class _Raw(io.BytesIO):
    """A body, as urllib3 hands it on."""

    def stream(self, **_: object) -> Iterator[bytes]:
        """All of it."""
        yield self.read()
