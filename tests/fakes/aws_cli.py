"""The AWS CLI as far as the documents use it: a command is read as the CLI reads it, and boto3 sends it.

The AWS CLI on PyPI (version 1) is not among the packages of the tests: it would add a sixth to their size, change a
pin, and send `aws sqs` to AWS whatever AWS_ENDPOINT_URL says. Both are generated from the same service models, so a
command that this module reads is one that the CLI takes.
"""

import functools
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import botocore.session
import jmespath
from botocore import xform_name
from botocore.model import Shape
from jmespath.exceptions import ParseError

GLOBAL = ("query", "output", "region")


class UsageError(Exception):
    """What the CLI would say of a command that it does not take."""


@dataclass(frozen=True)
class Request:
    """A request, and how its answer is printed."""

    service: str
    operation: str
    parameters: dict[str, Any]
    query: str | None
    is_text: bool

    def send(self, client: Any) -> str:
        """Return what the CLI prints."""
        if client.can_paginate(self.operation):
            answer = client.get_paginator(self.operation).paginate(**self.parameters).build_full_result()
        else:
            answer = getattr(client, self.operation)(**self.parameters)
            answer.pop("ResponseMetadata", None)
        shown = jmespath.search(self.query, answer) if self.query else answer
        return "\n".join(_rows(shown)) if self.is_text else json.dumps(shown, indent=4, default=str)


def read(words: Sequence[str]) -> Request:
    """Return the request of a command; raises UsageError where the CLI would."""
    _, service, command, *rest = words
    model = _service_model(service)
    operations = {xform_name(name, "-"): name for name in model.operation_names}
    if command not in operations:
        raise UsageError(f"{service} has no {command}")
    shape = model.operation_model(operations[command]).input_shape
    members = {xform_name(name, "-"): name for name in shape.members} if shape else {}
    own: dict[str, str] = {}
    parameters: dict[str, Any] = {}
    for option, values in _options(rest):
        if option in GLOBAL:
            (own[option],) = values
        # The prefix `no-` switches a boolean off.
        elif (member := members.get(option.removeprefix("no-"))) is None:
            raise UsageError(f"no option --{option}")
        else:
            parameters[member] = _value(option, shape.members[member], values)
    if missing := sorted(set(shape.required_members if shape else ()) - parameters.keys()):
        raise UsageError(f"--{xform_name(missing[0], '-')} is missing")
    # The reference of DescribeAlarms says so; the model does not.
    if "ChildrenOfAlarmName" in parameters and len(parameters) > 1:
        raise UsageError("other options with --children-of-alarm-name")
    try:
        jmespath.compile(own.get("query", "@"))
    except ParseError as error:
        raise UsageError(f"--query: {error}") from None
    return Request(service, xform_name(operations[command]), parameters, own.get("query"), own.get("output") == "text")


def run(words: Sequence[str], client_of: Callable[[str], Any]) -> str:
    """Return what a command prints."""
    request = read(words)
    return request.send(client_of(request.service))


@functools.cache
def _service_model(service: str) -> Any:
    return botocore.session.get_session().get_service_model(service)


def _options(words: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    starts = [at for at, word in enumerate(words) if word.startswith("--")]
    if starts[:1] != [0][: len(words)]:
        raise UsageError(f"{words[0]} belongs to no option")
    for start, end in zip(starts, [*starts[1:], len(words)], strict=True):
        yield words[start].removeprefix("--"), list(words[start + 1 : end])


def _value(option: str, shape: Shape, values: list[str]) -> Any:
    if shape.type_name == "boolean":
        if values:
            raise UsageError(f"--{option} takes no value")
        return not option.startswith("no-")
    if shape.type_name == "list" and values and not values[0].startswith("["):
        return values
    if len(values) != 1:
        raise UsageError(f"--{option} takes one value, not {len(values)}")
    return values[0] if shape.type_name in ("string", "timestamp") else json.loads(values[0])


def _rows(shown: Any) -> Iterator[str]:
    """Yield lines of `--output text`: a row for a list of scalars, one after the other for lists in a list."""
    if not isinstance(shown, list):
        yield str(shown)
    elif any(isinstance(item, list) for item in shown):
        for item in shown:
            yield from _rows(item)
    else:
        yield "\t".join(map(str, shown))
