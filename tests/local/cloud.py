"""An organization's management account in moto, for the commands that look at it.

moto answers what it can. The rest is in `answers`: CloudFormation (moto's needs ten more packages),
the delivery times of a trail, the class of a log group, refusals.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from io import StringIO
from pathlib import Path
from typing import Any, Final, NamedTuple
from unittest import mock

import boto3
from botocore.client import BaseClient
from botocore.exceptions import ClientError

from local import sam_configuration

MANAGEMENT: Final = "111122223333"
REGION: Final = "eu-central-1"
STACK: Final = "security-group-alerter"

# A session reads the models of its services anew: slow, and always the same.
session_for = cache(boto3.Session)

Answer = Callable[[dict[str, Any]], Any]


def refusal(operation: str, code: str, message: str = "no") -> Answer:
    """What AWS answers instead: an error."""

    def answer(_: dict[str, Any]) -> Any:
        raise ClientError({"Error": {"Code": code, "Message": message}}, operation)

    return answer


@dataclass
class Cloud:
    """What is answered, which calls were made, and the deployed stack."""

    answers: dict[str, Answer] = field(default_factory=dict)
    calls: set[str] = field(default_factory=set)
    stack: dict[str, Any] | None = None
    # By account and name. moto knows only one account of a process.
    roles: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    def client(self, service: str, region: str = REGION) -> Any:
        make: Any = session_for(region_name=region).client
        return make(service)

    def refuse(self, operation: str, code: str = "AccessDeniedException") -> None:
        self.answers[operation] = refusal(operation, code)

    @property
    def organization_id(self) -> str:
        found = self.client("organizations").describe_organization()
        return str(found["Organization"]["Id"])

    def deployed(self, status: str = "CREATE_COMPLETE", **parameters: str) -> None:
        """Say that the stack is deployed."""
        self.stack = {
            "StackName": STACK,
            "StackStatus": status,
            "CreationTime": self.now - timedelta(days=30),
            "Parameters": [
                {"ParameterKey": name, "ParameterValue": value}
                for name, value in parameters.items()
            ],
            "Outputs": [],
        }

    def output(self, **outputs: str) -> None:
        assert self.stack is not None
        self.stack["Outputs"] += [
            {"OutputKey": name, "OutputValue": value} for name, value in outputs.items()
        ]

    def _describe_stacks(self, request: dict[str, Any]) -> Any:
        if self.stack is None or request["StackName"] != self.stack["StackName"]:
            message = f"Stack with id {request['StackName']} does not exist"
            refusal("DescribeStacks", "ValidationError", message)(request)
        return {"Stacks": [self.stack]}

    def _assume_role(self, request: dict[str, Any]) -> Any:
        """Credentials by which an account is known again."""
        account_id = request["RoleArn"].split(":")[4]
        return {
            "Credentials": {
                "AccessKeyId": account_id,
                "SecretAccessKey": "none",
                "SessionToken": "none",
            }
        }

    def _get_role(self, client: Any, request: dict[str, Any]) -> Any:
        key = client._request_signer._credentials.access_key
        account_id = key if key.isdecimal() else MANAGEMENT
        role = self.roles.get((account_id, request["RoleName"]))
        return {"Role": role} if role else refusal("GetRole", "NoSuchEntity")(request)

    def answer(self, client: BaseClient, operation: str, request: dict[str, Any]) -> Any:
        """Note the call. moto answers unless something here does."""
        self.calls.add(f"{client.meta.service_model.service_name}:{operation}")
        if operation in self.answers:
            return self.answers[operation](request)
        if operation == "DescribeStacks":
            return self._describe_stacks(request)
        if operation == "AssumeRole":
            return self._assume_role(request)
        if operation == "GetRole":
            return self._get_role(client, request)
        return _ask_moto(client, operation, request)


_ask_moto: Final = BaseClient._make_api_call  # type: ignore[attr-defined]


@contextmanager
def cloud() -> Iterator[Cloud]:
    """An organization with all features and trusted access, and nothing else."""
    os.environ["MOTO_ACCOUNT_ID"] = MANAGEMENT
    from moto import mock_aws

    mine = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    nobody = {
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "none",
        "AWS_SECRET_ACCESS_KEY": "none",
        "AWS_CONFIG_FILE": os.devnull,
    }
    made = Cloud()

    def make_api_call(client: BaseClient, operation: str, request: dict[str, Any]) -> Any:
        return made.answer(client, operation, request)

    with (
        mock.patch.dict(os.environ, mine | nobody, clear=True),
        mock.patch.object(boto3, "Session", session_for),
        mock_aws(),
        mock.patch.object(BaseClient, "_make_api_call", make_api_call),
    ):
        organizations = made.client("organizations")
        organizations.create_organization(FeatureSet="ALL")
        organizations.enable_aws_service_access(ServicePrincipal="cloudtrail.amazonaws.com")
        made.calls.clear()
        yield made


class Run(NamedTuple):
    """What a command did."""

    status: int
    out: str
    err: str

    def lines(self, state: str) -> list[str]:
        """The checks that ended in this state, without its word."""
        return [
            " ".join(line.split()[1:])
            for line in self.out.splitlines()
            if line.startswith(f"{state} ")
        ]


class Terminal:
    """Runs commands, and keeps what they print."""

    def __init__(self, samconfig: Path) -> None:
        self.samconfig = samconfig

    def run(self, main: Callable[[list[str]], int], *arguments: str) -> Run:
        with redirect_stdout(StringIO()) as out, redirect_stderr(StringIO()) as err:
            status = main(list(arguments))
        return Run(status, out.getvalue(), err.getvalue())

    def configure(self, text: str) -> None:
        self.samconfig.write_text(text, encoding="utf-8")


@contextmanager
def terminal(folder: Path) -> Iterator[Terminal]:
    """With a samconfig.toml that names the stack, and the Region by the environment."""
    made = Terminal(folder / "samconfig.toml")
    made.configure(f'[default.global.parameters]\nstack_name = "{STACK}"\n')
    with mock.patch.object(sam_configuration, "SAM_CONFIGURATION", made.samconfig):
        yield made
