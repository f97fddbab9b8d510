"""EC2 in every account and Region: its clients, and the credentials that sign their calls.

One client of a Region serves all accounts. A client's first call costs 30 ms of processor for its
CA bundle, and each new client opens connections of its own.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from botocore.config import Config
from botocore.credentials import Credentials

from ..ec2.answers import UnreadableAnswerError

_Value = TypeVar("_Value")

# Accounts and Regions that are looked into at once.
THREADS = 8
CLIENT_CONFIG = Config(
    connect_timeout=1,
    read_timeout=2,
    retries={"mode": "standard", "total_max_attempts": 2},
    max_pool_connections=THREADS,
)
SESSION_NAME = "security-group-alerter"
# The shortest that STS gives out, and how long before its end credentials are not used any more.
# https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
SESSION_SECONDS = 900
RENEWED_BEFORE_SECONDS = 120
# What is kept while the function is warm: a client for each Region, credentials for each account.
MOST_CLIENTS = 40
MOST_ACCOUNTS = 250


class MemberClients:
    """Clients and credentials, kept for as long as the function is warm.

    `session` is botocore's; `role_name` is the role's name in every account. `clock` is monotonic,
    in seconds.
    """

    def __init__(
        self,
        session: Any,
        *,
        role_name: str,
        clock: Callable[[], float],
        config: Config = CLIENT_CONFIG,
    ) -> None:
        self.role_name = role_name
        self._session = session
        self._config = config
        self._lock = threading.Lock()
        self._clients = Recent[Any](MOST_CLIENTS, clock)
        self._credentials = Recent[Credentials](MOST_ACCOUNTS, clock)
        # As whom a thread's calls are signed.
        self._acting = threading.local()

    def act_as(self, account_id: str, *, renew: bool) -> bool:
        """Sign this thread's calls with the account's role. Returns whether STS was asked for it.

        Raises what STS's call raises, and UnreadableAnswerError.
        """
        credentials = None if renew else self._credentials.get(account_id)
        is_new = credentials is None
        if credentials is None:
            credentials = self._assumed(account_id)
            seconds = SESSION_SECONDS - RENEWED_BEFORE_SECONDS
            self._credentials.put(account_id, credentials, seconds)
        self._acting.credentials = credentials
        return is_new

    @property
    def home(self) -> str:
        """The Region of the function."""
        return str(self._client("sts", None).meta.region_name)

    def ec2(self, region: str) -> Any:
        """EC2 in this Region. Calls are signed as the thread acts."""
        return self._client("ec2", region)

    def _assumed(self, account_id: str) -> Credentials:
        # In the function's own Region: the tokens of a regional endpoint hold in every Region.
        client = self._client("sts", None)
        answer = client.assume_role(
            RoleArn=f"arn:{client.meta.partition}:iam::{account_id}:role/{self.role_name}",
            RoleSessionName=SESSION_NAME,
            DurationSeconds=SESSION_SECONDS,
        )
        found = answer.get("Credentials", {})
        parts = [found.get(it) for it in ("AccessKeyId", "SecretAccessKey", "SessionToken")]
        if not all(parts):
            raise UnreadableAnswerError("AssumeRole: there are no credentials")
        return Credentials(*parts)

    def _client(self, service: str, region: str | None) -> Any:
        # A session makes one client at a time.
        with self._lock:
            client = self._clients.get((service, region))
            if client is None:
                client = self._made(region)
                self._clients.put((service, region), client)
            return client

    def _made(self, region: str | None) -> Any:
        if region is None:
            return self._session.create_client("sts", config=self._config)
        client = self._session.create_client(
            "ec2",
            region_name=region,
            # Nobody's: a call that were not signed as below would be refused, not made as the
            # function itself.
            aws_access_key_id="none",
            aws_secret_access_key="none",  # noqa: S106 - nobody's
            config=self._config,
        )
        client.meta.events.register("before-parameter-build.ec2", self._sign)
        return client

    def _sign(self, context: dict[str, Any], **_: Any) -> None:
        context["signing"] = {"request_credentials": self._acting.credentials}


class Recent(Generic[_Value]):
    """Values by key: so many as were used last, each until it expires."""

    def __init__(self, limit: int, clock: Callable[[], float]) -> None:
        self._limit = limit
        self._clock = clock
        self._lock = threading.Lock()
        self._entries = OrderedDict[object, tuple[float, _Value]]()

    def get(self, key: object) -> _Value | None:
        """The value, unless it expired."""
        with self._lock:
            entry = self._entries.get(key)
            if entry is None or self._clock() >= entry[0]:
                return None
            self._entries.move_to_end(key)
            return entry[1]

    def put(self, key: object, value: _Value, seconds: float = float("inf")) -> None:
        """Keep it for so long."""
        with self._lock:
            self._entries[key] = (self._clock() + seconds, value)
            self._entries.move_to_end(key)
            if len(self._entries) > self._limit:
                self._entries.popitem(last=False)
