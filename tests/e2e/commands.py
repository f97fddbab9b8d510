"""Commands of ours, run on a deployed stack, and those of the AWS CLI that they print."""

import os
import shlex
import subprocess
import sys
from typing import Any

from botocore import xform_name

from local.deliveries import TRAIL_REGION
from tests.e2e.emulator import CREDENTIALS, Emulator
from tests.e2e.stacks import Stack
from tests.local.cloud import Run
from tests.stories import ROOT


def run_on(stack: Stack, module: str, *arguments: str) -> Run:
    """Run a command of ours on the stack, as a person would who has no settings of their own."""
    done = subprocess.run(
        [sys.executable, "-m", module, "--stack", stack.name, *arguments],
        cwd=ROOT,
        env=CREDENTIALS
        | {
            "PATH": os.environ["PATH"],
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_DEFAULT_REGION": TRAIL_REGION,
            "AWS_ENDPOINT_URL": stack.emulator.client("sts").meta.endpoint_url,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == "", done.stderr
    return Run(done.returncode, done.stdout, done.stderr)


def make_call(emulator: Emulator, command: str) -> None:
    """What the AWS CLI would do: `logs put-subscription-filter --region … --filter-name …`."""
    service, operation, *options = shlex.split(command)
    client = emulator.client(service)
    method = operation.replace("-", "_")
    model = client.meta.service_model.operation_model(client.meta.method_to_api_mapping[method])
    known = {xform_name(member, "-"): member for member in model.input_shape.members}
    named = {
        option.removeprefix("--"): value
        for option, value in zip(options[::2], options[1::2], strict=True)
    }
    assert named.pop("region") == TRAIL_REGION
    request: dict[str, Any] = {known[name]: value for name, value in named.items()}
    getattr(client, method)(**request)
