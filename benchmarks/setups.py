"""The functions to measure, each in a folder as Lambda unpacks it, and the AWS that they call."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from local.template import read_template
from tests.loopback_aws import ACCOUNT, OU, LoopbackAws, environment_for, loopback_aws

from .builds import (
    ROOT,
    built_function,
    compared_functions,
    deployed_megabytes,
    with_other_times,
)
from .certificate import certificate_in
from .progress import say
from .runtime import Function, running

PYTHON: Final = ROOT / ".venv" / "bench" / "bin" / "python"


class Setup(NamedTuple):
    """What is measured: by name, a folder and the handler in it; and the AWS that it calls."""

    handlers: Mapping[str, tuple[Path, str]]
    environment: Mapping[str, str]
    aws: LoopbackAws
    zip_mb: float

    @contextmanager
    def started(self, name: str, *, under: Sequence[str] = ()) -> Iterator[Function]:
        """This function, cold; `under` is a command that runs it."""
        folder, handler = self.handlers[name]
        with running(PYTHON, folder, handler, self.environment, under=under) as function:
            yield function


@contextmanager
def setup() -> Iterator[Setup]:
    """Build everything, and start the AWS."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        say("building the function …")
        built = built_function(folder / "built", PYTHON)
        moved = with_other_times(built, folder / "moved")
        say("building what is deployed …")
        zip_mb = deployed_megabytes(folder / "deployed", PYTHON)
        say("building what it is compared with …")
        compared = compared_functions(folder / "compared", PYTHON)
        context, authorities = certificate_in(folder)
        with loopback_aws(context) as aws:
            # As AWS answers today, which makes ListParents unnecessary.
            aws.account = ACCOUNT | {
                "Paths": [f"o-exampleorgid/r-abcd/{OU['Id']}/{ACCOUNT['Id']}/"]
            }
            yield Setup(
                handlers={
                    # Neighbours are measured shortly after each other.
                    "alerter_after_mtime_change": (moved, _deployed_handler()),
                    "alerter": (built, _deployed_handler()),
                    "alerter_without_ledger": (built, "without_ledger.lambda_handler"),
                    "alerter_without_memory": (built, "without_memory.lambda_handler"),
                    "naive": (compared, "naive.lambda_handler"),
                    "powertools": (compared, "powertools.lambda_handler"),
                    "alerter_without_network": (built, "without_network.lambda_handler"),
                    "alerter_without_both": (built, "without_both.lambda_handler"),
                    "floor_messages": (compared, "floor_messages.lambda_handler"),
                    "floor_outer": (compared, "floor_outer.lambda_handler"),
                    "empty": (compared, "empty.lambda_handler"),
                },
                environment=environment_for(aws) | {"AWS_CA_BUNDLE": str(authorities)},
                aws=aws,
                zip_mb=zip_mb,
            )


def _deployed_handler() -> str:
    """The handler that the template names."""
    function = read_template()["Resources"]["SecurityGroupAlerterFunction"]
    return str(function["Properties"]["Handler"])
