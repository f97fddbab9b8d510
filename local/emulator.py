"""An AWS emulator on the loopback interface: ministack, with what this stack needs added to it.

    .venv/e2e/bin/python -m local.emulator problems.log

ministack's own variables configure it (GATEWAY_PORT, BIND_HOST, AUTH, …). It runs until its
standard input ends, so that it never outlives the program that started it. ministack hides most
exceptions of the code that is added here, so their tracebacks go to a file. Without exceptions,
there is no file.

The additions replace private names of ministack, so requirements/e2e.in pins the exact version. The
emulator still does not check the policy of the trail's bucket, whether CloudWatch Logs may invoke
the function, and who may use the key, except for publishing to a topic. It does not retry a failed
delivery of a subscription (it does retry an asynchronous invocation). The tests of the template
cover these. The function runs on the Python of .venv/e2e, whatever its runtime.
"""

from __future__ import annotations

import logging
import os
import re
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from functools import cache, partial, wraps
from typing import Any, Final

from ministack import app
from ministack.core import iam_actions, iam_evaluator, lambda_runtime, responses
from ministack.services import (
    cloudtrail,
    cloudwatch,
    cloudwatch_logs,
    ec2,
    eventbridge,
    iam,
    lambda_svc,
    organizations,
    sns,
)
from ministack.services.cloudformation import (
    _stacks,
    changesets,
    engine,
    handlers,
    provisioners,
    stacks,
)

from . import emulator_ec2, emulator_stack_sets
from .emulator_stack_sets import RefusedError
from .filter_pattern import compile_pattern

Answer = tuple[int, Mapping[str, str], bytes]
Resource = tuple[str, dict[str, Any]]
Handlers = Mapping[str, Callable[..., object]]

logger = logging.getLogger(__name__)


# CloudFormation: some types of resources are missing. ministack's own CloudTrail makes the trail.
# Resources that no test reads get a physical id and nothing else.


def make_trail(_logical_id: str, properties: dict[str, Any], stack: str) -> Resource:
    """AWS::CloudTrail::Trail; its physical id is its name."""
    name = properties["TrailName"]
    _succeed(cloudtrail._create_trail(properties | {"Name": name}))
    _succeed(cloudtrail._start_logging({"Name": name}))
    return update_trail(name, {}, properties, stack)


def update_trail(name: str, _old: object, properties: dict[str, Any], _stack: str) -> Resource:
    """Update it in place, because no test renames a trail."""
    _succeed(cloudtrail._update_trail(properties | {"Name": name}))
    selectors = {"TrailName": name, "EventSelectors": properties["EventSelectors"]}
    _succeed(cloudtrail._put_event_selectors(selectors))
    return name, {"Arn": cloudtrail._trail_arn(name)}


def delete_trail(name: str, _properties: object) -> None:
    """Delete it, with its state."""
    _succeed(cloudtrail._delete_trail({"Name": name}))


def _succeed(answer: Answer) -> None:
    status, _, body = answer
    if status >= 400:
        raise ValueError(body.decode())


TRAIL: Final[Handlers] = {"create": make_trail, "update": update_trail, "delete": delete_trail}
ONLY_A_NAME: Final[Handlers] = {
    "create": lambda logical_id, properties, stack: (
        properties.get("Name") or properties.get("ConfigurationName") or f"{stack}-{logical_id}",
        {},
    ),
    "update": lambda name, _old, _properties, _stack: (name, {}),
    "delete": lambda _name, _properties: None,
}
RESOURCE_TYPES: Final[Mapping[str, Handlers]] = {
    "AWS::CloudTrail::Trail": TRAIL,
    "AWS::Chatbot::MicrosoftTeamsChannelConfiguration": ONLY_A_NAME,
    "AWS::Chatbot::SlackChannelConfiguration": ONLY_A_NAME,
    "AWS::Logs::QueryDefinition": ONLY_A_NAME,
    **emulator_stack_sets.RESOURCE_TYPES,
}


# CloudFormation: its conditions do not know the partition. It overwrites a resource whose name
# another one has, changes any number of a table's indexes at once, refuses metric math, forgets the
# key of a topic, and shows nested templates at addresses that the SAM CLI cannot delete.


def evaluate_conditions(
    original: Callable[..., dict[str, bool]], template: object, parameters: Mapping[str, object]
) -> dict[str, bool]:
    """The conditions of a template, which may compare the partition."""
    return original(template, {"AWS::Partition": {"Value": "aws"}} | dict(parameters))


def provision_resource(
    original: Callable[..., Resource],
    resource_type: str,
    logical_id: str,
    properties: dict[str, Any],
    stack: str,
) -> Resource:
    """Create a resource, and fail if its name belongs to another one of any stack.

    An update creates what is new before it deletes what is gone, so their names must differ. Those
    of IAM must differ in all Regions of an account.
    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-name.html
    """
    physical_id, attributes = original(resource_type, logical_id, properties, stack)
    account_id, region = responses.get_account_id(), responses.get_region()
    created = (account_id, region, stack, logical_id)
    is_global = resource_type.startswith("AWS::IAM::")
    for (*place, name), record in _stacks.to_dict().items():
        if place != [account_id, region] and not (is_global and place[0] == account_id):
            continue
        for other_id, other in record.get("_resources", {}).items():
            owner = (other["ResourceType"], other["PhysicalResourceId"])
            if owner == (resource_type, physical_id) and (*place, name, other_id) != created:
                raise RefusedError(f"{physical_id} already exists in stack {name} as {other_id}")
    _attributes_of[stack, logical_id] = attributes
    return physical_id, attributes


# What was made of a resource, by its stack and its logical id.
_attributes_of: Final[dict[tuple[str, str], Any]] = {}


def update_resource(  # noqa: PLR0913, PLR0917 - ministack's own
    original: Callable[..., Resource],
    resource_type: str,
    physical_id: str,
    old: dict[str, Any],
    new: dict[str, Any],
    stack: str,
    logical_id: str,
) -> Resource:
    """Update a resource of a nested stack: one that stays as it is keeps its attributes."""
    known = _attributes_of.get((stack, logical_id))
    updated = original(resource_type, physical_id, old, new, stack, logical_id, known)
    _attributes_of[stack, logical_id] = updated[1]
    return updated


def update_table(  # noqa: PLR0913, PLR0917 - ministack's own
    original: Callable[..., Resource],
    name: str,
    old: dict[str, Any],
    new: dict[str, Any],
    stack: str,
    logical_id: str | None = None,
) -> Resource:
    """Update a table: one index is created or deleted at a time, and none is changed.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-dynamodb-table.html
    """
    before, after = (
        {it["IndexName"]: it for it in properties.get("GlobalSecondaryIndexes", ())}
        for properties in (old, new)
    )
    changed = [name for name in before.keys() & after.keys() if before[name] != after[name]]
    if changed or len(before.keys() ^ after.keys()) > 1:
        raise RefusedError("cannot perform more than one index creation or deletion in an update")
    return original(name, old, new, stack, logical_id)


def get_template(original: Callable[..., Answer], request: dict[str, Any]) -> Answer:
    """GetTemplate, with the addresses of nested templates as they are on AWS."""
    status, headers, body = original(request)
    return (
        status,
        headers,
        re.sub(rb"http://127\.0\.0\.1:[0-9]+/", b"https://s3.amazonaws.com/", body),
    )


def alarm_record(original: Callable[..., Any], name: str, properties: dict[str, Any]) -> Any:
    """Keep an alarm on metric math. It never goes off, because no metric has the name it gets."""
    if "Metrics" in properties:
        named = {"Namespace": "not evaluated", "MetricName": "metric math"}
        properties = {key: properties[key] for key in properties if key != "Metrics"} | named
    return original(name, properties)


def make_topic(
    original: Callable[..., Resource], logical_id: str, properties: dict[str, Any], stack: str
) -> Resource:
    """AWS::SNS::Topic, with the key that enforce() needs."""
    arn, attributes = original(logical_id, properties, stack)
    sns._topics[arn]["attributes"]["KmsMasterKeyId"] = properties.get("KmsMasterKeyId", "")
    return arn, attributes


# CloudWatch Logs: of a pattern, it reads only single words. It stores metric filters, but counts
# nothing.


def subscription_pattern_matches(_original: object, pattern: str, message: str) -> bool:
    """Whether a subscription filter lets a log event through."""
    return _matches(pattern, message)


def fan_out(
    original: Callable[..., None], group: str, stream: str, events: list[dict[str, Any]]
) -> None:
    """Count log events for the metric filters, then pass them to the subscription filters."""
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


# IAM: it requires an action that does not exist, and names log groups in another way. It does not
# check the key of a topic, nor what Lambda does on behalf of a function. It has no TLS, without
# which policies refuse requests. In conditions, it takes the ARN of a session for that of the role,
# and every account for one without an organization.


def extract_iam_action(
    original: Callable[..., str | None], *request: object, **more: object
) -> str | None:
    """The name of an API call in policies: calls of several messages have none of their own.

    https://docs.aws.amazon.com/sns/latest/dg/sns-batch-api-actions.html
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-api-permissions-reference.html
    """
    action = original(*request, **more)
    if action in ("sns:PublishBatch", "sqs:SendMessageBatch", "sqs:DeleteMessageBatch"):
        return action.removesuffix("Batch")
    return action


def resolve_condition_key(original: Callable[..., Any], key: str, context: Any) -> Any:
    """The value of a condition key.

    Every request counts as sent with TLS, as AWS's own tools do. A session of a role goes by the
    role's ARN.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
    """
    match key.lower():
        case "aws:securetransport":
            return "true"
        case "aws:principalarn" if ":assumed-role/" in context.principal_arn:
            name = iam_evaluator._role_name_from_assumed_arn(context.principal_arn)
            return iam._roles.get_scoped(context.principal_account, None, name)["Arn"]
        case "aws:principalorgid":
            return _organization_of(context.principal_account)
        case "aws:resourceorgid":
            return _organization_of(original("aws:ResourceAccount", context))
        case _:
            return original(key, context)


def _organization_of(account_id: str) -> str | None:
    """The id of the organization that has this account."""
    for (management_account, _), organization in organizations._orgs.to_dict().items():
        if organizations._accounts.contains_scoped(management_account, None, account_id):
            organization_id: str = organization["Id"]
            return organization_id
    return None


def enforce(
    original: Callable[..., Any],
    access_key: str,
    action: str,
    *more: object,
    resource_arn: str = "*",
    **context: object,
) -> Any:
    """None, or why the call is denied. Publishing to an encrypted topic also needs its key.

    Policies name a log group with :* at the end, for nearly every call.
    https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/iam-access-control-overview-cwl.html
    """
    if re.fullmatch(r"arn:[^:]+:logs:[^:]+:[^:]+:log-group:[^:]+", resource_arn):
        resource_arn += ":*"
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
    original: Callable[..., None], function: dict[str, Any], *lines: object, **more: object
) -> None:
    """Write to the function's log if its role allows it.

    https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs.html
    """
    group = _config_of(function)["LoggingConfig"]["LogGroup"]
    stream = f"{cloudwatch_logs._make_group_arn_no_star(group)}:log-stream:any"
    if all(_may(function, f"logs:{call}", stream) for call in ("CreateLogStream", "PutLogEvents")):
        original(function, *lines, **more)


def route_async_failure(
    original: Callable[..., None], target: str, name: str, event: object, result: object
) -> None:
    """Send a failed delivery to `target` if the function's role allows it. If not, count that.

    https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
    """
    if _may(lambda_svc._functions[name], "sqs:SendMessage", target):
        original(target, name, event, result)
    else:
        cloudwatch.record_metric(
            "AWS/Lambda", "DestinationDeliveryFailures", 1, dimensions={"FunctionName": name}
        )


def _may(function: dict[str, Any], action: str, resource: str) -> bool:
    """Whether the current policies of the function's role allow it."""
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


# Lambda: an update of a function ends its running invocations.


def invalidate_worker(
    original: Callable[..., None], name: str, *more: object, **where: object
) -> None:
    """Stop the execution environments of a function, those in use when their invocation has ended.

    https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
    """
    busy = []
    with lambda_runtime._lock:
        for key, workers in lambda_runtime._workers.items():
            if key.split(":")[2] == name:
                busy += [worker for worker in workers if worker.in_use]
                workers[:] = [worker for worker in workers if not worker.in_use]
    original(name, *more, **where)
    for worker in busy:
        threading.Thread(target=_stop_when_idle, args=(worker,), daemon=True).start()


def _stop_when_idle(worker: Any) -> None:
    while worker.in_use:
        time.sleep(0.05)
    worker.kill()


# EventBridge: CloudTrail sends it no events, and it refuses such events from everybody else.


def put_events(original: Callable[..., Answer], request: dict[str, Any]) -> Answer:
    """PutEvents, with sources of AWS services allowed."""
    return original(request, allow_aws_source=True)


# Where ministack has a function, its name there, and what is called instead, with the original as
# the first argument.
REPLACEMENTS: Final[tuple[tuple[dict[str, Any], str, Callable[..., Any]], ...]] = (
    *(
        (vars(module), "_evaluate_conditions", evaluate_conditions)
        for module in (changesets, engine, handlers, stacks)
    ),
    (vars(stacks), "_provision_resource", provision_resource),
    (vars(provisioners), "_provision_resource", provision_resource),
    (vars(provisioners), "_update_resource", update_resource),
    (handlers._ACTION_HANDLERS, "GetTemplate", get_template),
    (vars(provisioners), "_cw_metric_alarm_record", alarm_record),
    (provisioners._RESOURCE_HANDLERS["AWS::SNS::Topic"], "create", make_topic),
    (provisioners._RESOURCE_HANDLERS["AWS::DynamoDB::Table"], "update", update_table),
    (vars(cloudwatch_logs), "_subscription_pattern_matches", subscription_pattern_matches),
    (vars(cloudwatch_logs), "_fanout_to_subscription_filters", fan_out),
    (vars(iam_actions), "extract_iam_action", extract_iam_action),
    (vars(iam_evaluator), "_resolve_condition_key", resolve_condition_key),
    (vars(iam_evaluator), "enforce", enforce),
    (vars(lambda_svc), "_emit_lambda_logs", emit_lambda_logs),
    (vars(lambda_svc), "_route_async_failure", route_async_failure),
    (vars(lambda_svc), "invalidate_worker", invalidate_worker),
    (vars(eventbridge), "_put_events", put_events),
    *emulator_ec2.REPLACEMENTS,
    *emulator_stack_sets.REPLACEMENTS,
)


def main(problems: str) -> None:
    """Serve until standard input ends."""
    logger.addHandler(logging.FileHandler(problems, delay=True, encoding="utf-8"))
    fill_the_gaps()
    threading.Thread(target=_stop_at_the_end_of_input, daemon=True).start()
    sys.argv[1:] = []  # ministack would read them
    app.main()


def fill_the_gaps() -> None:
    """KeyError or ValueError if ministack is not the version that this is written for."""
    handlers_of_types = {
        resource_type: _all_loud(added) for resource_type, added in RESOURCE_TYPES.items()
    }
    for known, added in (
        (provisioners._RESOURCE_HANDLERS, handlers_of_types),
        (ec2._ACTION_MAP, _all_loud(emulator_ec2.CALLS)),
        (handlers._ACTION_HANDLERS, _all_loud(emulator_stack_sets.CALLS)),
    ):
        if by_now := known.keys() & added.keys():
            raise ValueError(f"ministack knows {', '.join(by_now)} by itself")
        known.update(added)
    for names, name, replacement in REPLACEMENTS:
        names[name] = partial(_loud(replacement), names[name])


def _all_loud(functions: Handlers) -> dict[str, Callable[..., Any]]:
    return {name: _loud(function) for name, function in functions.items()}


def _loud(function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def loud(*arguments: object, **more: object) -> Any:
        try:
            return function(*arguments, **more)
        except RefusedError:
            raise  # a test that causes it sees it
        except Exception:
            logger.exception("failed: %s", getattr(function, "__name__", function))
            raise

    return loud


def _stop_at_the_end_of_input() -> None:
    sys.stdin.read()
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main(sys.argv[1])
