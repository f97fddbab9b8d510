"""template.yaml and what is nested in it, as CloudFormation resolves functions and conditions.

It knows the functions and the types that the templates use, and refuses the rest, so that nothing
is tested against a guess. Names and ARNs of resources are made up in the forms that AWS uses:
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference.html
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from local.template import TEMPLATE, read_template

ROOT: Final = Path(__file__).parents[2]

ACCOUNT: Final = "111111111111"
REGION: Final = "eu-central-1"
ORGANIZATION: Final = "o-exampleorgid"
STACK: Final = "alerter"
SLACK: Final = {"SlackWorkspaceId": "T07EA123LEP", "SlackChannelId": "C07EZ1ABC23"}
TEAMS: Final = {
    "TeamsTenantId": "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0",
    "TeamsTeamId": "1a2b3c4d-5e6f-7081-92a3-b4c5d6e7f809",
    "TeamsChannelId": "19%3Aab12cd34ef56%40thread.tacv2",
}

# The version before: stacks that are out there are updated from it.
PREVIOUS_TEMPLATE: Final = ROOT / "tests/e2e/fixtures/previous-template.yaml"

NESTED: Final = "AWS::CloudFormation::Stack"

# Type -> what Ref gives, and the attributes that GetAtt gives.
_PHYSICAL: Final[Mapping[str, tuple[str, Mapping[str, str]]]] = {
    "AWS::CloudTrail::Trail": (
        "{TrailName}",
        {"Arn": "arn:{p}:cloudtrail:{r}:{a}:trail/{TrailName}"},
    ),
    "AWS::IAM::Role": ("{name}", {"Arn": "arn:{p}:iam::{a}:role{path}{name}"}),
    "AWS::Logs::LogGroup": ("{name}", {"Arn": "arn:{p}:logs:{r}:{a}:log-group:{name}:*"}),
    "AWS::S3::Bucket": ("{name}", {"Arn": "arn:{p}:s3:::{name}"}),
    "AWS::CloudWatch::Dashboard": ("{name}", {}),
    "AWS::Events::Rule": ("{name}", {}),
    "AWS::KMS::Key": ("{name}", {"Arn": "arn:{p}:kms:{r}:{a}:key/{name}"}),
    "AWS::S3::BucketPolicy": ("{name}", {}),
    "AWS::Scheduler::Schedule": (
        "{name}",
        {"Arn": "arn:{p}:scheduler:{r}:{a}:schedule/default/{name}"},
    ),
    "AWS::Lambda::Function": ("{name}", {"Arn": "arn:{p}:lambda:{r}:{a}:function:{name}"}),
    "AWS::Serverless::Function": ("{name}", {"Arn": "arn:{p}:lambda:{r}:{a}:function:{name}"}),
    "AWS::SNS::Topic": ("arn:{p}:sns:{r}:{a}:{name}", {"TopicName": "{name}"}),
    "AWS::SQS::Queue": (
        "https://sqs.{r}.amazonaws.com/{a}/{name}",
        {"Arn": "arn:{p}:sqs:{r}:{a}:{name}", "QueueName": "{name}"},
    ),
    "AWS::DynamoDB::Table": ("{name}", {"Arn": "arn:{p}:dynamodb:{r}:{a}:table/{name}"}),
}
_NO_VALUE: Final = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """Resources and outputs, resolved, and which resource needs which others to be made first.

    The resources of a nested stack are among them. They need what their stack needs; whatever needs
    their stack needs all of them.
    """

    name: str
    resources: Mapping[str, Any]
    outputs: Mapping[str, Any]
    needs: Mapping[str, frozenset[str]]

    def properties(self, logical_id: str) -> dict[str, Any]:
        properties: dict[str, Any] = self.resources[logical_id]["Properties"]
        return properties

    def of_type(self, resource_type: str) -> dict[str, dict[str, Any]]:
        """Logical id -> properties."""
        return {
            logical_id: resource["Properties"]
            for logical_id, resource in self.resources.items()
            if resource["Type"] == resource_type
        }

    def made_before(self, logical_id: str) -> set[str]:
        """All that exists before this resource; on deletion it goes before all of these."""
        found: set[str] = set()
        waiting = [logical_id]
        while waiting:
            new = self.needs[waiting.pop()] - found
            found |= new
            waiting += new
        return found


def deployed(*, partition: str = "aws", **parameters: str) -> Stack:
    """The stack that these parameters make; the others have their defaults."""
    given = {"OrganizationId": ORGANIZATION} | parameters
    return _deployed(TEMPLATE, STACK, partition, given)


def previously_deployed(**parameters: str) -> Stack:
    """The stack of the version before; parameters that are not given have their defaults."""
    given = {"OrganizationId": ORGANIZATION} | parameters
    return _deployed(PREVIOUS_TEMPLATE, STACK, "aws", given)


def _deployed(path: Path, name: str, partition: str, given: Mapping[str, str]) -> Stack:
    template = read_template(path)
    defaults = {name: spec.get("Default") for name, spec in template["Parameters"].items()}
    resolver = _Resolver(template, name, partition, {**defaults, **given})
    resources = {
        logical_id: resource
        for logical_id, resource in template["Resources"].items()
        if resolver.holds(resource.get("Condition"))
    }
    nested = {
        logical_id: _deployed(
            path.parent / resource["Properties"]["TemplateURL"],
            nested_name(name, logical_id),
            partition,
            resolver.resolve(resource["Properties"]["Parameters"]),
        )
        for logical_id, resource in resources.items()
        if resource["Type"] == NESTED
    }
    resolver.nested |= nested
    needs = {
        logical_id: frozenset(_needed_by(resolver.chosen(resource)) & resources.keys())
        for logical_id, resource in resources.items()
    }
    for logical_id, stack in nested.items():
        inherited = needs[logical_id]
        needs |= {inner: needed | inherited for inner, needed in stack.needs.items()}
        needs[logical_id] = inherited | stack.needs.keys()
    resolved: dict[str, Any] = resolver.resolve(resources)
    for stack in nested.values():
        assert not stack.resources.keys() & resolved.keys()
        resolved |= stack.resources
    return Stack(
        name=name,
        resources=resolved,
        outputs=resolver.resolve(
            {
                name: output
                for name, output in template.get("Outputs", {}).items()
                if resolver.holds(output.get("Condition"))
            }
        ),
        needs=needs,
    )


def is_accepted(parameter: dict[str, Any], value: str) -> bool:
    """As CloudFormation checks it: the pattern must match the whole value."""
    fits = parameter.get("MinLength", 0) <= len(value) <= parameter.get("MaxLength", 4096)
    is_allowed = value in map(str, parameter.get("AllowedValues", [value]))
    matches = re.fullmatch(parameter.get("AllowedPattern", "(?s:.*)"), value) is not None
    return fits and is_allowed and matches


def nested_name(stack: str, logical_id: str) -> str:
    """The name that CloudFormation gives to a nested stack."""
    return f"{stack}-{logical_id}-1A2B3C4D5E6F"


def _needed_by(node: Any) -> set[str]:
    if isinstance(node, list):
        return set().union(*map(_needed_by, node))
    if not isinstance(node, dict):
        return set()
    explicit = node.get("DependsOn", [])
    return {
        *([explicit] if isinstance(explicit, str) else explicit),
        *([node["Ref"]] if "Ref" in node else []),
        *node.get("Fn::GetAtt", [])[:1],
        *_named_in(node.get("Fn::Sub", "")),
        *set().union(*map(_needed_by, node.values())),
    }


def _named_in(substitution: str | list[Any]) -> Iterator[str]:
    text = substitution if isinstance(substitution, str) else substitution[0]
    return (name.partition(".")[0] for name in re.findall(r"\$\{([^}]+)\}", text))


class _Resolver:
    def __init__(
        self, template: Mapping[str, Any], name: str, partition: str, values: Mapping[str, Any]
    ) -> None:
        self._template = template
        self._stack_name = name
        # Logical id -> the stack, as soon as it is made.
        self.nested: dict[str, Stack] = {}
        self._values = dict(values) | {
            "AWS::AccountId": ACCOUNT,
            "AWS::Partition": partition,
            "AWS::Region": REGION,
            "AWS::StackName": name,
            "AWS::URLSuffix": "amazonaws.com.cn" if partition == "aws-cn" else "amazonaws.com",
            "AWS::NoValue": _NO_VALUE,
        }
        self._names = {
            "p": partition,
            "r": REGION,
            "a": ACCOUNT,
            "TrailName": values.get("TrailName"),
        }
        self._functions: Mapping[str, Callable[[Any], Any]] = {
            "Ref": self._ref,
            "Fn::GetAtt": lambda pair: self._get_att(*pair),
            "Fn::Sub": self._sub,
            "Fn::If": lambda branches: self.resolve(self._branch(*branches)),
            "Fn::Select": lambda choice: self.resolve(choice[1])[choice[0]],
            "Fn::Split": lambda text: self.resolve(text[1]).split(text[0]),
            "Fn::And": lambda conditions: all(map(self.resolve, conditions)),
            "Fn::Or": lambda conditions: any(map(self.resolve, conditions)),
            "Fn::FindInMap": lambda keys: self._find_in_map(*self.resolve(keys)),
            # As texts: so are the values of parameters, numbers too.
            "Fn::Equals": lambda pair: str(self.resolve(pair[0])) == str(self.resolve(pair[1])),
            "Fn::Not": lambda conditions: not self.resolve(conditions[0]),
        }

    def holds(self, condition: str | None) -> bool:
        return condition is None or bool(self.resolve(self._template["Conditions"][condition]))

    def resolve(self, node: Any) -> Any:
        if isinstance(node, list):
            items = [self.resolve(item) for item in node]
            return [item for item in items if item is not _NO_VALUE]
        if not isinstance(node, dict):
            return node
        for name, value in node.items():
            if name in self._functions:
                return self._functions[name](value)
            if name.startswith("Fn::"):
                raise ValueError(f"a template uses {name}, which is not read here: {value}")
        # The short form of a condition within conditions; elsewhere it is a resource's own.
        if node.keys() == {"Condition"} and isinstance(node["Condition"], str):
            return self.holds(node["Condition"])
        values = {name: self.resolve(value) for name, value in node.items()}
        return {name: value for name, value in values.items() if value is not _NO_VALUE}

    def chosen(self, node: Any) -> Any:
        """The node with the branches that the conditions take, and nothing else resolved."""
        if isinstance(node, list):
            return [self.chosen(item) for item in node]
        if not isinstance(node, dict):
            return node
        if "Fn::If" in node:
            return self.chosen(self._branch(*node["Fn::If"]))
        return {name: self.chosen(value) for name, value in node.items()}

    def _branch(self, condition: str, when_true: Any, when_false: Any) -> Any:
        return when_true if self.holds(condition) else when_false

    def _sub(self, substitution: str | list[Any]) -> str:
        text, own = (
            (substitution, {})
            if isinstance(substitution, str)
            else (substitution[0], self.resolve(substitution[1]))
        )
        return re.sub(
            r"\$\{([^}]+)\}",
            lambda found: own[found[1]] if found[1] in own else self._substitute(found),
            text,
        )

    def _ref(self, name: str) -> Any:
        if name in self._values:
            return self._values[name]
        return self._physical(name)[0].format(**self._names, name=self._name(name))

    def _get_att(self, name: str, attribute: str) -> str:
        if name in self.nested:
            return str(self.nested[name].outputs[attribute.removeprefix("Outputs.")]["Value"])
        return self._physical(name)[1][attribute].format(
            **self._names, name=self._name(name), path=self._path(name)
        )

    def _substitute(self, found: re.Match[str]) -> str:
        name, _, attribute = found[1].partition(".")
        return self._get_att(name, attribute) if attribute else str(self._ref(name))

    def _find_in_map(self, table: str, row: str, column: str) -> Any:
        return self._template["Mappings"][table][row][column]

    def _physical(self, logical_id: str) -> tuple[str, Mapping[str, str]]:
        return _PHYSICAL[self._template["Resources"][logical_id]["Type"]]

    def _path(self, logical_id: str) -> str:
        """Of a role."""
        properties = self._template["Resources"][logical_id].get("Properties", {})
        return str(self.resolve(properties.get("Path", "/")))

    def _name(self, logical_id: str) -> str:
        """The name that the template gives, or else one as CloudFormation makes them."""
        properties = self._template["Resources"][logical_id].get("Properties", {})
        given = [
            properties[key]
            for key in ("LogGroupName", "DashboardName", "Name")
            if key in properties
        ]
        return str(self.resolve(given[0])) if given else f"{self._stack_name}-{logical_id}-1A2B3C4D"
