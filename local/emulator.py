"""An AWS on the loopback interface: ministack, with the gaps filled that this stack falls into.

    .venv/e2e/bin/python -m local.emulator problems.log

It is set up by ministack's own variables (GATEWAY_PORT, BIND_HOST, AUTH, …) and runs until its
standard input ends, so that it never outlives who started it. Most failures in what is filled in
here would be swallowed by ministack: the file gets their tracebacks, and is not made without one.

Each gap is filled behind private names, which is why requirements/e2e.in pins the exact version.
What stays open: nobody checks the trail's bucket policy, nor whether CloudWatch Logs may invoke the
function, nor the key but for who publishes to a topic; a subscription's delivery that fails is not
tried again (a direct asynchronous invocation is). The tests of the template cover these. The
function runs on the Python of .venv/e2e, whatever its runtime.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Mapping
from functools import cache, partial, wraps
from typing import Any, Final

from ministack import app
from ministack.core import iam_actions, iam_evaluator
from ministack.services import (
    cloudtrail,
    cloudwatch,
    cloudwatch_logs,
    eventbridge,
    lambda_svc,
    sns,
)
from ministack.services.cloudformation import provisioners

from .filter_pattern import compile_pattern

Answer = tuple[int, Mapping[str, str], bytes]
Resource = tuple[str, dict[str, Any]]
Handlers = Mapping[str, Callable[..., object]]

logger = logging.getLogger(__name__)


# CloudFormation: it lacks types of resources. The trail is made by ministack's own CloudTrail; what
# nobody asks for afterwards is only given a name.


def make_trail(_logical_id: str, properties: dict[str, Any], stack: str) -> Resource:
    """AWS::CloudTrail::Trail; its physical id is its name."""
    name = properties["TrailName"]
    _succeed(cloudtrail._create_trail(properties | {"Name": name}))
    _succeed(cloudtrail._start_logging({"Name": name}))
    return update_trail(name, {}, properties, stack)


def update_trail(name: str, _old: object, properties: dict[str, Any], _stack: str) -> Resource:
    """In place: no test renames a trail."""
    _succeed(cloudtrail._update_trail(properties | {"Name": name}))
    selectors = {"TrailName": name, "EventSelectors": properties["EventSelectors"]}
    _succeed(cloudtrail._put_event_selectors(selectors))
    return name, {"Arn": cloudtrail._trail_arn(name)}


def delete_trail(name: str, _properties: object) -> None:
    """Nothing of it is left."""
    _succeed(cloudtrail._delete_trail({"Name": name}))


def _succeed(answer: Answer) -> None:
    status, _, body = answer
    if status >= 400:
        raise ValueError(body.decode())


TRAIL: Final[Handlers] = {"create": make_trail, "update": update_trail, "delete": delete_trail}
ONLY_A_NAME: Final[Handlers] = {
    "create": lambda logical_id, _properties, stack: (f"{stack}-{logical_id}", {}),
    "update": lambda name, _old, _properties, _stack: (name, {}),
    "delete": lambda _name, _properties: None,
}
RESOURCE_TYPES: Final[Mapping[str, Handlers]] = {
    "AWS::CloudTrail::Trail": TRAIL,
    "AWS::Chatbot::SlackChannelConfiguration": ONLY_A_NAME,
    "AWS::Logs::QueryDefinition": ONLY_A_NAME,
}


# CloudFormation: it refuses metric math, and forgets the key of a topic.


def alarm_record(original: Callable[..., Any], name: str, properties: dict[str, Any]) -> Any:
    """An alarm on metric math is kept, and never goes off: no metric has the name that it gets."""
    if "Metrics" in properties:
        named = {"Namespace": "not evaluated", "MetricName": "metric math"}
        properties = {key: properties[key] for key in properties if key != "Metrics"} | named
    return original(name, properties)


def make_topic(
    original: Callable[..., Resource], logical_id: str, properties: dict[str, Any], stack: str
) -> Resource:
    """AWS::SNS::Topic, with the key that enforce() asks for."""
    arn, attributes = original(logical_id, properties, stack)
    sns._topics[arn]["attributes"]["KmsMasterKeyId"] = properties.get("KmsMasterKeyId", "")
    return arn, attributes


# CloudWatch Logs: of a pattern it looks at the bare words only; and metric filters are kept, but
# never counted.


def subscription_pattern_matches(_original: object, pattern: str, message: str) -> bool:
    """Whether a subscription filter lets a log event through."""
    return _matches(pattern, message)


def fan_out(
    original: Callable[..., None], group: str, stream: str, events: list[dict[str, Any]]
) -> None:
    """Hand log events to the subscription filters, after the metric filters have counted them."""
    for metric_filter in list(cloudwatch_logs._metric_filters.values()):
        if metric_filter["logGroupName"] == group:
            _count(metric_filter, (event["message"] for event in events))
    cloudwatch._evaluate_all_alarms()
    original(group, stream, events)


def _count(metric_filter: Mapping[str, Any], messages: Iterable[str]) -> None:
    matched = sum(_matches(metric_filter["filterPattern"], message) for message in messages)
    for metric in metric_filter["metricTransformations"] if matched else ():
        value = matched * float(metric["metricValue"])  # raises for a field of the log event
        cloudwatch.record_metric(metric["metricNamespace"], metric["metricName"], value)


def _matches(pattern: str, message: str) -> bool:
    return not pattern or _compiled(pattern).matches(message)


_compiled = cache(compile_pattern)


# IAM: it asks for an action that does not exist, and not for the key of a topic; nor does it check
# what Lambda does in a function's name.


def extract_iam_action(
    original: Callable[..., str | None], *request: object, **more: object
) -> str | None:
    """What an API call is called in policies.

    https://docs.aws.amazon.com/sns/latest/dg/sns-batch-api-actions.html
    """
    action = original(*request, **more)
    return "sns:Publish" if action == "sns:PublishBatch" else action


def enforce(
    original: Callable[..., Any],
    access_key: str,
    action: str,
    *more: object,
    resource_arn: str = "*",
    **context: object,
) -> Any:
    """None, or why not. To publish to an encrypted topic takes its key, too.

    https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html
    """
    denied = original(access_key, action, *more, resource_arn=resource_arn, **context)
    topic = sns._topics.get(resource_arn) if action == "sns:Publish" else None
    if denied or topic is None or not topic["attributes"].get("KmsMasterKeyId"):
        return denied
    key, region = topic["attributes"]["KmsMasterKeyId"], resource_arn.split(":")[3]
    via = {"kms:ViaService": f"sns.{region}.amazonaws.com"}
    refusals = (
        original(access_key, needed, "kms", region, resource_arn=key, service_context=via)
        for needed in ("kms:GenerateDataKey", "kms:Decrypt")
    )
    return next(filter(None, refusals), None)


def emit_lambda_logs(
    original: Callable[..., None], function: dict[str, Any], *told: object, **more: object
) -> None:
    """Write to the function's log, if its role may.

    https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs.html
    """
    group = _config_of(function)["LoggingConfig"]["LogGroup"]
    stream = f"{cloudwatch_logs._make_group_arn_no_star(group)}:log-stream:any"
    if all(_may(function, f"logs:{call}", stream) for call in ("CreateLogStream", "PutLogEvents")):
        original(function, *told, **more)


def route_async_failure(
    original: Callable[..., None], target: str, name: str, event: object, result: object
) -> None:
    """Hand over what failed for good, if the function's role may; else count that this failed, too.

    https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
    """
    if _may(lambda_svc._functions[name], "sqs:SendMessage", target):
        original(target, name, event, result)
    else:
        cloudwatch.record_metric(
            "AWS/Lambda", "DestinationDeliveryFailures", 1, dimensions={"FunctionName": name}
        )


def _may(function: dict[str, Any], action: str, resource: str) -> bool:
    """Whether the policies of the function's role, as they are now, allow it."""
    role_arn = _config_of(function)["Role"]
    account_id = role_arn.split(":")[4]
    context = iam_evaluator.EvalContext(
        principal_arn=role_arn,
        principal_type="AssumedRole",
        principal_account=account_id,
        action=action,
        resource_arn=resource,
        region=lambda_svc.REGION,
    )
    policies = iam_evaluator._gather_role_policies(role_arn.rpartition("/")[2], account_id)
    return bool(iam_evaluator.evaluate(context, policies).decision == "Allow")


def _config_of(function: dict[str, Any]) -> dict[str, Any]:
    config: dict[str, Any] = function.get("config") or function
    return config


# EventBridge: CloudTrail does not tell it of calls, and nobody else may.


def put_events(original: Callable[..., Answer], request: dict[str, Any]) -> Answer:
    """PutEvents, also in the name of AWS's services."""
    return original(request, allow_aws_source=True)


# Where ministack has it, and what is called in its place, with what was there as first argument.
REPLACEMENTS: Final[tuple[tuple[dict[str, Any], str, Callable[..., Any]], ...]] = (
    (vars(provisioners), "_cw_metric_alarm_record", alarm_record),
    (provisioners._RESOURCE_HANDLERS["AWS::SNS::Topic"], "create", make_topic),
    (vars(cloudwatch_logs), "_subscription_pattern_matches", subscription_pattern_matches),
    (vars(cloudwatch_logs), "_fanout_to_subscription_filters", fan_out),
    (vars(iam_actions), "extract_iam_action", extract_iam_action),
    (vars(iam_evaluator), "enforce", enforce),
    (vars(lambda_svc), "_emit_lambda_logs", emit_lambda_logs),
    (vars(lambda_svc), "_route_async_failure", route_async_failure),
    (vars(eventbridge), "_put_events", put_events),
)


def main(problems: str) -> None:
    """Serve until standard input ends."""
    logger.addHandler(logging.FileHandler(problems, delay=True, encoding="utf-8"))
    fill_the_gaps()
    threading.Thread(target=_stop_at_the_end_of_input, daemon=True).start()
    sys.argv[1:] = []  # ministack would read them
    app.main()


def fill_the_gaps() -> None:
    """KeyError or ValueError when ministack is not the version that this was written for."""
    known = provisioners._RESOURCE_HANDLERS
    if by_now := known.keys() & RESOURCE_TYPES.keys():
        raise ValueError(f"ministack knows {', '.join(by_now)} by itself")
    for resource_type, handlers in RESOURCE_TYPES.items():
        known[resource_type] = {name: _loud(handler) for name, handler in handlers.items()}
    for names, name, replacement in REPLACEMENTS:
        names[name] = partial(_loud(replacement), names[name])


def _loud(function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def loud(*arguments: object, **more: object) -> Any:
        try:
            return function(*arguments, **more)
        except Exception:
            logger.exception("failed: %s", getattr(function, "__name__", function))
            raise

    return loud


def _stop_at_the_end_of_input() -> None:
    sys.stdin.read()
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main(sys.argv[1])
