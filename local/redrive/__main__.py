"""Lists the deliveries in the failure queue, and tries them again.

Without --invoke, nothing is changed: messages are hidden from other readers while they are listed,
and returned to the queue at the end. With --invoke, the function is invoked with each delivery, and
the message is deleted if that succeeds. The alerts that the function sends are real.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, NoReturn

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, NoRegionError
from tqdm import tqdm

from security_group_alerter.messages.text import plural

from ..aws_errors import CREDENTIAL_ERRORS, SIGN_IN, code_of, words_of
from ..deployment import add_options, session_for
from ..program import run
from ..sam_configuration import SAM_CONFIGURATION, SamConfigurationError, deploy_settings
from .failed_deliveries import (
    Message,
    NoDeliveryError,
    description_of,
    error_text,
    failed_delivery_of,
    in_clear,
)
from .failure_queue import MOST_AT_ONCE, FailureQueue

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

Invoke = Callable[[Any], str]

# Outputs of template.yaml.
QUEUE_OUTPUT, FUNCTION_OUTPUT = "FailureQueueUrl", "FunctionName"

# The function's timeout, and a margin for the network.
READ_TIMEOUT = 150
LAMBDA_CONFIG = Config(
    connect_timeout=10,
    read_timeout=READ_TIMEOUT,
    tcp_keepalive=True,
    # A retry could run the function twice at once. The next run tries again what failed.
    retries={"total_max_attempts": 1, "mode": "standard"},
)
# Nobody else may process a message while we do.
SECONDS_HIDDEN_WHILE_INVOKING = 180
SECONDS_HIDDEN_WHILE_LOOKING = 60

_PERMISSIONS = (
    "you need cloudformation:DescribeStacks, sqs:GetQueueAttributes, sqs:ReceiveMessage and "
    "sqs:ChangeMessageVisibility; with --invoke also sqs:DeleteMessage and lambda:InvokeFunction"
)
_PLACE = "check that it is in this account and Region (see --stack and --region)"
# Errors that every other message would meet too, and what to do.
_ADVICE = {
    "AccessDenied": _PERMISSIONS,
    "AccessDeniedException": _PERMISSIONS,
    "AWS.SimpleQueueService.NonExistentQueue": _PLACE,
    "InvalidAddress": _PLACE,  # of a queue
    "QueueDoesNotExist": _PLACE,
    "ResourceNotFoundException": _PLACE,
    "ValidationError": _PLACE,  # of DescribeStacks: no such stack
    **dict.fromkeys(CREDENTIAL_ERRORS, SIGN_IN),
}


class RedriveError(Exception):
    """The run cannot go on. The text says why, and what to do."""


class InvocationError(Exception):
    """The function did not succeed this time. The text says why."""


def main(arguments: list[str] | None = None) -> int:
    """List, or try again. Returns 1 if a delivery that was tried is still in the queue."""
    options = _options(arguments)
    try:
        return _redrive(options)
    except (RedriveError, SamConfigurationError) as error:
        problem = str(error)
    except ClientError as error:
        problem = _words_for(error)
    except NoCredentialsError:
        problem = f"no AWS credentials were found: {SIGN_IN}"
    except NoRegionError:
        problem = "no Region is set: set it with --region, AWS_DEFAULT_REGION or samconfig.toml"
    except BotoCoreError as error:
        problem = f"{error}: check the network, --region and --queue-url, or {SIGN_IN}"
    print(f"redrive: {' '.join(problem.split())}", file=sys.stderr)
    return 2


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m local.redrive",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="Exit status: 0; 1 if a delivery that was tried is still in the queue; 2 if AWS "
        "could not be called.",
    )
    parser.add_argument(
        "--invoke",
        action="store_true",
        help="invoke the function with each delivery, and delete those that succeed",
    )
    parser.add_argument(
        "--show", action="store_true", help="print each message as JSON, with its records decoded"
    )
    parser.add_argument("--limit", type=_positive, metavar="N", help="stop after N messages")
    add_options(parser, with_parameters=False)
    parser.add_argument("--queue-url", metavar="URL", help="instead of the stack's failure queue")
    parser.add_argument("--function", metavar="NAME", help="instead of the stack's function")
    return parser.parse_args(arguments)


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number from 1 on, found {text!r}")
    return int(text)


def _redrive(options: argparse.Namespace) -> int:
    deployed = deploy_settings(options.config_env)
    session = session_for(options, deployed)
    stack = options.stack or deployed.get("stack_name")
    queue_url, function = _queue_and_function(options, session, stack)
    invoke: Invoke | None = None
    at_once, hidden_seconds = MOST_AT_ONCE, SECONDS_HIDDEN_WHILE_LOOKING
    if options.invoke:
        invoke = partial(_invoke, session.client("lambda", config=LAMBDA_CONFIG), function)
        # One by one, so that none waits, hidden, for the one before it.
        at_once, hidden_seconds = 1, SECONDS_HIDDEN_WHILE_INVOKING
    queue = FailureQueue(
        session.client("sqs"), queue_url, at_once=at_once, hidden_seconds=hidden_seconds
    )
    try:
        return _go_through(queue, invoke, limit=options.limit, show=options.show)
    finally:
        late = queue.hand_back()
        if late:
            print(
                f"redrive: {plural(late, 'message')} could not be returned to the queue, and will "
                f"be visible again within {hidden_seconds} seconds",
                file=sys.stderr,
            )


# Where the queue and the function are.


def _queue_and_function(
    options: argparse.Namespace, session: boto3.Session, stack: str | None
) -> tuple[str, str]:
    """As named on the command line; else as the outputs of the stack say."""
    if options.queue_url and (options.function or not options.invoke):
        return options.queue_url, options.function or ""
    if not stack:
        raise RedriveError(
            f"{SAM_CONFIGURATION.name} names no stack for {options.config_env}: name it with "
            "--stack, or the queue and the function with --queue-url and --function"
        )
    found = session.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]
    outputs = {it.get("OutputKey"): it.get("OutputValue", "") for it in found.get("Outputs", [])}
    missing = [name for name in (QUEUE_OUTPUT, FUNCTION_OUTPUT) if name not in outputs]
    if missing:
        raise RedriveError(
            f"the stack {stack} lacks the outputs {', '.join(missing)}: name the alerter's stack "
            "with --stack, or deploy it completely"
        )
    return options.queue_url or outputs[QUEUE_OUTPUT], options.function or outputs[FUNCTION_OUTPUT]


def _words_for(error: ClientError) -> str:
    return f"{words_of(error)}: {_ADVICE.get(code_of(error), 'try again later')}"


# What is done with each message.


def _go_through(
    queue: FailureQueue, invoke: Invoke | None, *, limit: int | None, show: bool
) -> int:
    # JSON is for other programs, so that nothing else is on standard output.
    words = sys.stderr if show else sys.stdout
    visible, hidden = queue.size()
    others = f", and {hidden:,} that another reader has taken" if hidden else ""
    print(f"About {plural(visible, 'message')} in {queue.url}{others}", file=words)
    seen = done = 0
    with _bar(min(visible, limit or visible)) as bar:
        for message in islice(queue.messages(), limit):
            seen += 1
            if show:
                bar.write(f"{seen}. message {message.message_id}", file=words)
                bar.write(in_clear(message))
            else:
                bar.write(f"{seen}. {description_of(message)}", file=words)
            if invoke is not None:
                is_done, outcome = _try(queue, message, invoke)
                done += is_done
                bar.write(f"   {'done' if is_done else 'left':<11} {outcome}", file=words)
            bar.update()
    if invoke is None:
        print(
            f"{plural(seen, 'message')} listed, none changed. --invoke tries them again", file=words
        )
        return 0
    print(f"Succeeded and deleted: {done:,} of {plural(seen, 'message')}", file=words)
    return 0 if done == seen else 1


def _try(queue: FailureQueue, message: Message, invoke: Invoke) -> tuple[bool, str]:
    """Whether the function succeeded, in which case the message is deleted, and what to print."""
    try:
        answer = invoke(failed_delivery_of(message).payload)
    except NoDeliveryError:
        return False, "in the queue: it contains no delivery"
    except InvocationError as error:
        return False, f"in the queue: {error}"
    try:
        queue.delete(message)
    except (ClientError, BotoCoreError) as error:
        # If we went on, each further run would send the same alerts again.
        raise RedriveError(
            f"message {message.message_id} succeeded, but is still in the queue, so that the next "
            f"run would repeat it: delete it. {error}: {_PERMISSIONS}"
        ) from None
    return True, answer


def _invoke(client: LambdaClient, function: str, payload: Any) -> str:
    """Run the function once, and wait for what it returns. Raises InvocationError."""
    try:
        answer = client.invoke(
            FunctionName=function,
            InvocationType="RequestResponse",
            Payload=json.dumps(payload).encode(),
        )
        said: Any = answer["Payload"].read().decode(errors="replace")
    except ClientError as error:
        if code_of(error) in _ADVICE:
            raise
        raise InvocationError(_words_for(error)) from None
    except BotoCoreError as error:
        raise InvocationError(f"no answer; the function may still be running: {error}") from None
    with suppress(ValueError, RecursionError):
        said = json.loads(said)
    if answer["StatusCode"] != 200 or answer.get("FunctionError"):
        raise InvocationError(error_text(said) or f"status {answer['StatusCode']}")
    return _summary_of(said)


def _summary_of(said: Any) -> str:
    """What the function counted, in one line."""
    if not isinstance(said, dict):
        return "without a summary"
    counted = (f"{name.replace('_', ' ')} {count}" for name, count in said.items() if count)
    return ", ".join(counted) or "no record in it was for the alerter"


def _bar(total: int) -> tqdm[NoReturn]:
    # disable=None: a bar on a terminal only.
    return tqdm(total=total, unit=" messages", disable=None)


if __name__ == "__main__":
    run("redrive", main, when_interrupted="what was not done is still in the queue")
