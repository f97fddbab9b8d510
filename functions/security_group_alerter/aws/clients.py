"""Makes the AWS clients. How long each call may take stands in the module that makes it."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections import defaultdict
from functools import cache
from typing import Any
from urllib.parse import quote_plus

from botocore.config import Config
from botocore.handlers import BUILTIN_HANDLERS, REGISTER_FIRST, REGISTER_LAST
from botocore.hooks import EventAliaser, HierarchicalEmitter
from botocore.httpsession import create_urllib3_context
from botocore.serialize import JSONSerializer
from botocore.session import Session
from botocore.utils import EVENT_ALIASES

# Whose clients the functions make.
SERVICES = frozenset(
    ("cloudtrail", "cloudwatch", "dynamodb", "ec2", "logs", "organizations", "sns", "sqs", "sts")
)
# The tests check that parameters fit the models of the services, and AWS checks it. Here it would
# take a tenth of the time of a burst.
DEFAULT_CONFIG = Config(user_agent="security-group-alerter", parameter_validation=False)

# What a form does not take as it is: `%` first, since the others become a `%` and two digits, and
# the space last, since `+` is its sign.
_SPECIAL = [chr(code) for code in range(128) if not (chr(code).isalnum() or chr(code) in "%_.-~ ")]
_QUOTED = [(char.encode(), f"%{ord(char):02X}".encode()) for char in ("%", *_SPECIAL)]
_QUOTED.append((b" ", b"+"))
_PLAIN = re.compile(rb"[a-zA-Z0-9_.~-]*")


def session() -> Any:
    """One for all clients of a function.

    It is botocore's, since boto3's own layer takes 30 ms to import. Any, since to a type checker
    every client that it makes is the same.
    """
    made = _LeanSession()
    made.register("before-call.sns", _encode_once)
    made.set_default_client_config(DEFAULT_CONFIG)
    return made


class _LeanSession(Session):
    """What botocore does for other services is left out, and its clients share what TLS needs.

    botocore registers 127 handlers, most of them for documents, Amazon S3 and the like, and copies
    them for each client. It gives each client a context of its own for TLS, and urllib3 reads the
    certificates of all authorities into it for each connection: 17 ms of processor time, as much
    as ten calls.
    """

    def __init__(self) -> None:
        emitter = HierarchicalEmitter()
        aliases = {old: new for old, new in EVENT_ALIASES.items() if old in SERVICES}
        events = EventAliaser(emitter, aliases)
        ordered = {REGISTER_FIRST: events.register_first, REGISTER_LAST: events.register_last}
        for event, handler, *order in BUILTIN_HANDLERS:
            if is_for_our_services(event):
                register = ordered[order[0]] if order else events.register
                register(event, handler)
        super().__init__(event_hooks=emitter, include_builtin_handlers=False)
        # Should botocore name them otherwise some day, it looks through all aliases again.
        self.get_component("event_emitter")._event_aliases = aliases  # noqa: SLF001
        self._contexts = defaultdict[bool | str, Any](_context)

    def create_client(self, *arguments: Any, **settings: Any) -> Any:
        """As botocore makes it, with the context of all others that trust the same authorities.

        What DynamoDB is asked is written down as it stands.
        """
        client: Any = super().create_client(*arguments, **settings)
        # botocore has no settings for these. Should it name its parts otherwise some day, they are
        # its own again, which is slower, and tests say so.
        if client.meta.service_model.service_name == "dynamodb":
            _write_as_it_stands(client)
        http = _part_of(client, "_endpoint", "http_session")
        pool, verify = _part_of(http, "_manager", "connection_pool_kw"), _part_of(http, "_verify")
        if pool is not None and verify is not None:
            pool["ssl_context"] = self._contexts[verify]
        return client


def _write_as_it_stands(client: Any) -> None:
    holder = client
    # Where parameters are checked, that comes first.
    while _part_of(holder, "_serializer", "_serializer"):
        holder = holder._serializer  # noqa: SLF001
    if type(_part_of(holder, "_serializer")) is JSONSerializer:
        holder._serializer = _AsItStands()  # noqa: SLF001


class _AsItStands(JSONSerializer):
    """Writes the request that botocore writes, but for blanks in its JSON.

    botocore goes through the model of the service for each member, to encode bytes and to rename
    what Python calls otherwise. Nothing of DynamoDB's is renamed.
    """

    def serialize_to_request(self, parameters: Any, operation_model: Any) -> Any:
        request = super().serialize_to_request({}, operation_model)
        request["body"] = json.dumps(parameters, separators=(",", ":"), default=_base64_of).encode()
        return request


def _base64_of(data: bytes) -> str:
    return b64encode(data).decode()


def is_for_our_services(event: str) -> bool:
    """Whether an event of botocore's, as `before-call` or `before-call.sns.*`, may be of SERVICES.

    https://botocore.amazonaws.com/v1/documentation/api/latest/topics/events.html
    """
    kind, *service = event.split(".")[:2]
    return kind != "docs" and SERVICES.issuperset(service)


def _part_of(whole: Any, *names: str) -> Any:
    for name in names:
        whole = getattr(whole, name, None)
    return whole


def _context() -> Any:
    """A context for TLS that reads each file of certificates once."""
    context = create_urllib3_context()
    context.load_verify_locations = cache(context.load_verify_locations)
    return context


def _encode_once(**event: Any) -> None:
    """Write down the form that botocore would write twice, to sign and to send."""
    request = event["params"]
    fields = request["body"].items()
    # The names are those of the model, with numbers and dots.
    request["body"] = b"&".join([name.encode() + b"=" + form_encoded(it) for name, it in fields])


def form_encoded(text: str) -> bytes:
    """The same bytes as `quote_plus`, in an eighth of the time for the long texts of a message.

    https://url.spec.whatwg.org/#application/x-www-form-urlencoded
    """
    if not text.isascii():
        return quote_plus(text).encode()
    encoded = text.encode()
    # The names of a form's fields, and most of their values.
    if _PLAIN.fullmatch(encoded):
        return encoded
    for plain, quoted in _QUOTED:
        encoded = encoded.replace(plain, quoted)
    return encoded
