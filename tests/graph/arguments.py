"""Compare recorded inputs with the provider's argument classes: at run time Pulumi accepts any type and nested key."""

import importlib
import inspect
import keyword
import types
import warnings
from collections.abc import Awaitable, Iterator, Mapping, Sequence
from enum import Enum
from typing import Any, Union, get_args, get_origin

import pulumi
from pulumi import _types

from localcloud.deployer.engine import Resource

SCALARS: dict[type, tuple[type, ...]] = {str: (str,), bool: (bool,), int: (int,), float: (int, float)}


def wrong_arguments(resource: Resource) -> Iterator[str]:
    """Report where a resource's inputs differ from its argument class."""
    yield from _wrong_block(resource.inputs, _argument_class(resource.type), f"{resource.name}: ")


def _argument_class(type_: str) -> type:
    """`aws:lambda/function:Function` is made from `pulumi_aws.lambda_.FunctionArgs`."""
    package, path, name = type_.split(":")
    module = path.split("/")[0]
    module = f"{module}_" if keyword.iskeyword(module) else module
    with warnings.catch_warnings():
        # From other classes of the module.
        warnings.simplefilter("ignore", DeprecationWarning)
        return getattr(importlib.import_module(f"pulumi_{package}.{module}"), f"{name}Args")


def _wrong_block(inputs: Mapping[str, Any], class_: type, path: str) -> Iterator[str]:
    declared = _types.input_type_types(class_)
    names = _types.input_type_py_to_pulumi_names(class_)
    parameters = inspect.signature(class_).parameters.values()
    required = {names[parameter.name] for parameter in parameters if parameter.default is inspect.Parameter.empty}
    for key in sorted(inputs.keys() - declared.keys()):
        yield f"{path}{key} is no argument of {class_.__name__}"
    for key in sorted(required - {key for key, value in inputs.items() if value is not None}):
        yield f"{path}{key} is required by {class_.__name__}"
    for key in sorted(inputs.keys() & declared.keys()):
        if inputs[key] is not None:
            yield from _wrong(inputs[key], declared[key], f"{path}{key}")


def _wrong(value: Any, wanted: Any, path: str) -> Iterator[str]:
    origin, arguments = get_origin(wanted), get_args(wanted)
    if origin in (Union, types.UnionType):
        choices = [choice for choice in arguments if not _is_promise(choice)]
        faults = [list(_wrong(value, choice, path)) for choice in choices]
        yield from () if [] in faults else faults[0]
    elif wanted is Any:
        return
    elif origin in (Sequence, Mapping) or _types.is_input_type(wanted):
        kind, name = {Sequence: (list, "list"), Mapping: (dict, "mapping")}.get(origin) or (dict, wanted.__name__)
        if not isinstance(value, kind):
            yield f"{path} is no {name} but {value!r}"
        elif origin is None:
            yield from _wrong_block(value, wanted, f"{path}.")
        else:
            for key, element in value.items() if isinstance(value, dict) else enumerate(value):
                yield from _wrong(element, arguments[-1], f"{path}[{key!r}]")
    elif not _is_one(value, wanted):
        yield f"{path} is {value!r}, not {wanted.__name__}"


def _is_promise(choice: Any) -> bool:
    return (get_origin(choice) or choice) in (Awaitable, pulumi.Output, type(None))


def _is_one(value: Any, wanted: type) -> bool:
    if isinstance(wanted, type) and issubclass(wanted, Enum):
        return value in {member.value for member in wanted}
    if wanted not in SCALARS:
        return isinstance(value, wanted)
    return isinstance(value, SCALARS[wanted]) and isinstance(value, bool) == (wanted is bool)
