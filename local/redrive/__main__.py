"""Lists what waits in the failure queue, and tries it again.

Without --invoke nothing is changed: messages are hidden from others while they are looked at, and
handed back at the end. With --invoke the function is invoked with each delivery, and the message is
deleted when that has succeeded. The alerts that it sends are real.
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

# The function's time-out, and a margin for the way there and back.
READ_TIMEOUT = 150
LAMBDA_CONFIG = Config(
    connect_timeout=10,
    read_timeout=READ_TIMEOUT,
    tcp_keepalive=True,
    # A retry could run the function twice at a time. What failed is tried again by the next run.
    retries={"total_max_attempts": 1, "mode": "standard"},
)
# Nobody else shall invoke with a message while we do.
SECONDS_HIDDEN_WHILE_INVOKING = 180
SECONDS_HIDDEN_WHILE_LOOKING = 60

_PERMISSIONS = (
    "needed are cloudformation:DescribeStacks, sqs:GetQueueAttributes, sqs:ReceiveMessage and "
    "sqs:ChangeMessageVisibility; with --invoke sqs:DeleteMessage and lambda:InvokeFunction, too"
)
_PLACE = "is it in this account and Region? See --stack and --region"
# Errors that the next message would meet as well, and what to do.
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
    """Nothing more can be done; the text says why, and what to do."""


class InvocationError(Exception):
    """The function did not do it this time; the text says why."""


def main(arguments: list[str] | None = None) -> int:
    """List or try again; 1 when something that was to be invoked is still in the queue."""
    options = _options(arguments)
    try:
        return _redrive(options)
    except (RedriveError, SamConfigurationError) as error:
        problem = str(error)
    except ClientError as error:
        problem = _words_for(error)
    except NoCredentialsError:
        problem = f"no AWS credentials: {SIGN_IN}"
    except NoRegionError:
        problem = "no Region: name the stack's with --region, AWS_DEFAULT_REGION or samconfig.toml"
    except BotoCoreError as error:
        problem = f"{error}: check the network, --region and --queue-url, or {SIGN_IN}"
    print(f"redrive: {' '.join(problem.split())}", file=sys.stderr)
    return 2


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m local.redrive",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="Exit status: 0; 1 when something that was to be invoked is still in the queue; 2 "
        "when AWS could not be asked.",
    )
    parser.add_argument(
        "--invoke",
        action="store_true",
        help="invoke the function with each delivery, and delete what succeeds",
    )
    parser.add_argument(
        "--show", action="store_true", help="print each message as JSON, its records in clear"
    )
    parser.add_argument("--limit", type=_positive, metavar="N", help="at most N messages")
    add_options(parser, with_parameters=False)
    parser.add_argument("--queue-url", metavar="URL", help="instead of the stack's failure queue")
    parser.add_argument("--function", metavar="NAME", help="instead of the stack's function")
    return parser.parse_args(arguments)


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a number from 1, found {text!r}")
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
        # One by one: none waits, hidden, for the one before it.
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
                f"redrive: {plural(late, 'message')} could not be handed back, and will be in the "
                f"queue again within {hidden_seconds} seconds",
                file=sys.stderr,
            )


# Where the queue and the function are.


def _queue_and_function(
    options: argparse.Namespace, session: boto3.Session, stack: str | None
) -> tuple[str, str]:
    """As named; where not, as the outputs of the stack say."""
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
            f"stack {stack} has no output {' and no '.join(missing)}: is it this program's, and "
            "fully deployed? See --stack"
        )
    return options.queue_url or outputs[QUEUE_OUTPUT], options.function or outputs[FUNCTION_OUTPUT]


def _words_for(error: ClientError) -> str:
    return f"{words_of(error)}: {_ADVICE.get(code_of(error), 'try again later')}"


# What is done with each message.


def _go_through(
    queue: FailureQueue, invoke: Invoke | None, *, limit: int | None, show: bool
) -> int:
    # JSON is for other programs: then nothing else is on standard output.
    words = sys.stderr if show else sys.stdout
    visible, hidden = queue.size()
    others = f", and {hidden:,} that somebody else is looking at" if hidden else ""
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
            f"{plural(seen, 'message')} looked at, none changed. --invoke tries again", file=words
        )
        return 0
    print(f"{done:,} of {plural(seen, 'message')} invoked and deleted", file=words)
    return 0 if done == seen else 1


def _try(queue: FailureQueue, message: Message, invoke: Invoke) -> tuple[bool, str]:
    """Whether the function did it, in which case the message is gone, and what to say."""
    try:
        answer = invoke(failed_delivery_of(message).payload)
    except NoDeliveryError:
        return False, "in the queue: nothing to invoke with"
    except InvocationError as error:
        return False, f"in the queue: {error}"
    try:
        queue.delete(message)
    except (ClientError, BotoCoreError) as error:
        # To go on would be to send alerts that every further run sends again.
        raise RedriveError(
            f"message {message.message_id} succeeded, but is still in the queue, so that the next "
            f"run repeats it. Delete it. {error}: {_PERMISSIONS}"
        ) from None
    return True, answer


def _invoke(client: LambdaClient, function: str, payload: Any) -> str:
    """Run the function once, and wait; what it answers. Raises InvocationError."""
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
        raise InvocationError(f"no answer; it may still be running: {error}") from None
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
    return ", ".join(counted) or "nothing in it was ours"


def _bar(total: int) -> tqdm[NoReturn]:
    # disable=None: a bar on a terminal only.
    return tqdm(total=total, unit=" messages", disable=None)


if __name__ == "__main__":
    run("redrive", main, when_interrupted="what was not done is still in the queue")
