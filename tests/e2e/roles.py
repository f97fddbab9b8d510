"""Roles from which statements or actions are taken for a while."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from local.deliveries import MANAGEMENT_ACCOUNT_ID
from tests.e2e.emulator import Emulator


class Role:
    """A role of an account, all of whose rights are in one inline policy."""

    def __init__(
        self, emulator: Emulator, name: str, account_id: str = MANAGEMENT_ACCOUNT_ID
    ) -> None:
        self._iam = emulator.client("iam", account_id)
        self._name = name
        [policy_name] = self._iam.list_role_policies(RoleName=self._name)["PolicyNames"]
        self._policy_name = policy_name
        self.sids = [statement["Sid"] for statement in self._policy()["Statement"]]

    def actions(self, sid: str) -> list[str]:
        """What a statement allows, of which it names several."""
        [actions] = [it["Action"] for it in self._policy()["Statement"] if it["Sid"] == sid]
        return [*actions]

    def _policy(self) -> dict[str, Any]:
        answer = self._iam.get_role_policy(RoleName=self._name, PolicyName=self._policy_name)
        policy: dict[str, Any] = answer["PolicyDocument"]
        return policy

    @contextmanager
    def without(self, sid: str) -> Iterator[None]:
        """Take a statement from it, for a while."""
        policy = self._policy()
        left = [statement for statement in policy["Statement"] if statement["Sid"] != sid]
        assert len(left) == len(policy["Statement"]) - 1
        self._put(policy | {"Statement": left})
        try:
            yield
        finally:
            self._put(policy)

    def take(self, sid: str, action: str) -> None:
        """Take an action from a statement, for good."""
        actions = self.actions(sid)
        actions.remove(action)
        policy = self._policy()
        statements = [
            statement | ({"Action": actions} if statement["Sid"] == sid else {})
            for statement in policy["Statement"]
        ]
        self._put(policy | {"Statement": statements})

    def _put(self, policy: dict[str, Any]) -> None:
        self._iam.put_role_policy(
            RoleName=self._name,
            PolicyName=self._policy_name,
            PolicyDocument=json.dumps(policy),
        )
