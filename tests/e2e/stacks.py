"""Stacks that the SAM CLI deploys, and what people do with them."""

import json
import os
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from local.deliveries import TRAIL_REGION
from tests.e2e.emulator import Emulator, run_sam
from tests.stories import ROOT


def build_in(folder: Path) -> Path:
    """Build what is deployed, as `make build` does, but not in .aws-sam. Returns its template."""
    mine = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    environment = mine | {
        "PYTHON": str(ROOT / ".venv/bin/python"),
        "AWS_DEFAULT_REGION": TRAIL_REGION,
    }
    run_sam("build", "--build-dir", folder / "build", home=folder, environment=environment)
    return folder / "build/template.yaml"


@dataclass(frozen=True)
class Stack:
    """A stack, deployed or yet to be. `template` is what `sam build` made."""

    emulator: Emulator
    template: Path
    name: str
    organization_id: str

    def deploy(self, **parameters: str) -> None:
        """Create or update it. Parameters that are not given have their defaults."""
        parameters = {"OrganizationId": self.organization_id} | parameters
        self.emulator.sam(
            "deploy",
            "--config-file",
            ROOT / "samconfig.toml",
            "--template-file",
            self.template,
            "--stack-name",
            self.name,
            "--no-confirm-changeset",
            "--parameter-overrides",
            *(f"{name}={value}" for name, value in parameters.items()),
        )

    def delete(self) -> None:
        """Delete it, with the zip in S3."""
        self.emulator.sam("delete", "--stack-name", self.name, "--no-prompts")

    @property
    def outputs(self) -> Mapping[str, str]:
        """As they are now."""
        cloudformation = self.emulator.client("cloudformation")
        [stack] = cloudformation.describe_stacks(StackName=self.name)["Stacks"]
        return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}

    def invoke(self, payload: Mapping[str, Any]) -> dict[str, int]:
        """Invoke the function and wait for what it returns; a failure of the function fails."""
        answer = self.emulator.client("lambda").invoke(
            FunctionName=self.outputs["FunctionName"], Payload=json.dumps(payload)
        )
        text = answer["Payload"].read()
        assert "FunctionError" not in answer, text
        counts: dict[str, int] = json.loads(text)
        return counts

    def invoke_asynchronously(self, payload: Mapping[str, Any]) -> None:
        """Invoke it as CloudWatch Logs does: on failure, twice more, then the failure queue."""
        self.emulator.client("lambda").invoke(
            FunctionName=self.outputs["FunctionName"],
            InvocationType="Event",
            Payload=json.dumps(payload),
        )

    def restart(self) -> None:
        """The next invocation is a cold start: a change of the configuration brings one.

        In the emulator, only a change of what the function is started with.
        """
        functions, name = self.emulator.client("lambda"), self.outputs["FunctionName"]
        environment = functions.get_function_configuration(FunctionName=name)["Environment"]
        functions.update_function_configuration(
            FunctionName=name,
            Description=f"restarted {uuid4()}",
            Environment={"Variables": environment["Variables"]},
        )

    def logged_delivery(self, event_id: str) -> dict[str, int] | None:
        """What the function has logged of the delivery whose alerts report this event."""
        logs = self.emulator.client("logs")
        pages = logs.get_paginator("filter_log_events").paginate(
            logGroupName=self.outputs["FunctionLogGroupName"]
        )
        lines = [event["message"] for page in pages for event in page["events"]]
        entries = [json.loads(line) for line in lines if line.startswith("{")]
        found = [entry for entry in entries if event_id in entry.get("event_ids", ())]
        return found[-1] if found else None

    def sum_of(self, namespace: str, metric: str, dimensions: list[dict[str, str]]) -> float:
        """What has been counted in the last hour."""
        now = datetime.now(UTC)
        answer = self.emulator.client("cloudwatch").get_metric_statistics(
            Namespace=namespace,
            MetricName=metric,
            Dimensions=dimensions,
            StartTime=now - timedelta(hours=1),
            EndTime=now + timedelta(minutes=1),
            Period=3600,
            Statistics=["Sum"],
        )
        return sum((point["Sum"] for point in answer["Datapoints"]), 0.0)

    def resources(self) -> dict[str, str]:
        """Logical id -> physical id of its resources, without those of nested stacks."""
        cloudformation = self.emulator.client("cloudformation")
        found = cloudformation.describe_stack_resources(StackName=self.name)["StackResources"]
        return {item["LogicalResourceId"]: item["PhysicalResourceId"] for item in found}

    def forget_groups(self) -> None:
        """Nothing is known of any group: what other tests opened is not open here."""
        client, table = self.emulator.client("dynamodb"), self.resources()["GroupMemoryTable"]
        for item in client.scan(TableName=table)["Items"]:
            client.delete_item(TableName=table, Key={"resource": item["resource"]})

    def nested(self, logical_id: str) -> "Stack":
        """A stack that is nested in it."""
        return replace(self, name=self.resources()[logical_id])

    def report_call(self, source: str, call: str, parameters: Mapping[str, Any]) -> None:
        """Send an API call to EventBridge, as CloudTrail does.

        https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event-cloudtrail.html
        """
        detail = {
            "eventName": call,
            "eventTime": "2026-11-23T09:00:00Z",
            "eventID": "5a9c8f1e-3f0b-4f8e-9d55-2f1f0a6f7c1d",
            "sourceIPAddress": "203.0.113.24",
            "userIdentity": {"arn": "arn:aws:iam::111122223333:user/mallory"},
            "requestParameters": parameters,
        }
        entry = {
            "Source": source,
            "DetailType": "AWS API Call via CloudTrail",
            "Detail": json.dumps(detail),
        }
        self.emulator.client("events").put_events(Entries=[entry])

    def put(self, *records: Mapping[str, Any]) -> None:
        """Put records into the trail's log group, in one delivery and in this order."""
        logs = self.emulator.client("logs")
        where = {
            "logGroupName": self.outputs["TrailLogGroupName"],
            "logStreamName": f"{self.organization_id}_{records[0]['recipientAccountId']}"
            f"_CloudTrail_{TRAIL_REGION}",
        }
        with suppress(logs.exceptions.ResourceAlreadyExistsException):
            logs.create_log_stream(**where)
        now = int(time.time() * 1000)
        logs.put_log_events(
            **where,
            logEvents=[{"timestamp": now, "message": json.dumps(record)} for record in records],
        )
