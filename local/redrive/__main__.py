"""Lists the deliveries in the failure queue, and tries them again.

Without --invoke and --drop, nothing is changed: messages are hidden from other readers while they
are listed, and returned to the queue at the end.

With --invoke, the function is invoked with each delivery, and the message is deleted if that
succeeds. The alerts that the function sends are real.

With --drop ID, the message with this ID is shown, and deleted for good after you have confirmed it.
Only what the function can never decode can be dropped. All else stays until --invoke succeeds.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, NoRegionError

from security_group_alerter.messages.text import plural

from ..aws_errors import CREDENTIAL_ERRORS, SIGN_IN, code_of, words_of
from ..deployment import add_options, session_for
from ..program import run
from ..sam_configuration import SAM_CONFIGURATION, SamConfigurationError, deploy_settings
from .dropping import drop
from .failed_deliveries import Message, NoDeliveryError, error_text, failed_delivery_of
from .failure_queue import MOST_AT_ONCE, FailureQueue
from .listing import Listing, bar_of, deliveries

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
    "sqs:ChangeMessageVisibility; to delete, sqs:DeleteMessage; with --invoke lambda:InvokeFunction"
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


# What the function counts, where its own word for it does not say enough.
_COUNTED = {"matched": "of them changes", "duplicates": "alerted before", "alerts": "alerts sent"}


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
        epilog="Exit status: 0; 1 if what was tried, or was to be dropped, is still in the queue; "
        "2 if an option is wrong, or AWS could not be called.",
    )
    action = parser.add_mutually_exclusive_group()
    action.add_argument(
        "--invoke",
        action="store_true",
        help="invoke the function with each delivery, and delete those that succeed",
    )
    action.add_argument(
        "--drop",
        action="append",
        default=[],
        metavar="ID",
        help="delete the message with this ID, which cannot be decoded; may be repeated",
    )
    parser.add_argument("--yes", action="store_true", help="with --drop: do not ask")
    parser.add_argument(
        "--show", action="store_true", help="print each message as JSON, with its records decoded"
    )
    parser.add_argument("--limit", type=_positive, metavar="N", help="stop after N messages")
    add_options(parser, with_parameters=False)
    parser.add_argument("--queue-url", metavar="URL", help="instead of the stack's failure queue")
    parser.add_argument("--function", metavar="NAME", help="instead of the stack's function")
    options = parser.parse_args(arguments)
    if options.yes and not options.drop:
        parser.error("--yes goes with --drop")
    if options.limit and options.drop:
        parser.error("--limit does not go with --drop, which looks for its messages everywhere")
    if options.drop and not options.yes and not sys.stdin.isatty():
        parser.error("--drop asks before it deletes, and standard input is not a terminal: --yes")
    return options


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
    elif options.drop:
        hidden_seconds = SECONDS_HIDDEN_WHILE_INVOKING  # somebody thinks about it
    queue = FailureQueue(
        session.client("sqs"), queue_url, at_once=at_once, hidden_seconds=hidden_seconds
    )
    try:
        listing = Listing(as_json=options.show)
        if options.drop:
            return drop(queue, options.drop, listing, None if options.yes else input)
        return _go_through(queue, invoke, listing, options.limit)
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
    queue: FailureQueue, invoke: Invoke | None, listing: Listing, limit: int | None
) -> int:
    done = 0
    with bar_of(min(listing.announce(queue), limit or sys.maxsize)) as bar:
        for message in islice(queue.messages(), limit):
            listing.show(message)
            if invoke is not None:
                is_done, outcome = _try(queue, message, invoke)
                done += is_done
                listing.say(f"   {'done' if is_done else 'left':<11} {outcome}")
            bar.update()
    if invoke is None:
        listing.say(f"Listed: {listing}. Nothing was changed.{_next_step(listing)}")
        return 0
    left = listing.messages - done
    listing.say(
        f"Tried: {listing}. Succeeded and deleted: {deliveries(done)}. Still in the queue: "
        f"{plural(left, 'message')}."
    )
    return 1 if left else 0


def _next_step(listing: Listing) -> str:
    retry = " --invoke tries the deliveries again." if listing.deliveries else ""
    drop_it = " --drop ID deletes what cannot be decoded." if listing.undecodable else ""
    return retry + drop_it


def _try(queue: FailureQueue, message: Message, invoke: Invoke) -> tuple[bool, str]:
    """Whether the function succeeded, in which case the message is deleted, and what to print."""
    try:
        answer = invoke(failed_delivery_of(message).payload)
    except NoDeliveryError:
        todo = f"To delete it: --drop {message.message_id}"
        return False, f"in the queue: it contains no delivery. {todo}"
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
    counted = (
        f"{_COUNTED.get(name, name.replace('_', ' '))}: {count}"
        for name, count in said.items()
        if count
    )
    return ", ".join(counted) or "no record in it was for the alerter"


if __name__ == "__main__":
    run("redrive", main, when_interrupted="what was not done is still in the queue")
