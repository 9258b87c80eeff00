"""Makes a Pulumi program import only what it uses of Pulumi's packages, which is a small part of them.

A program that names `aws.sqs.Queue` would otherwise run every module of the package `pulumi_aws.sqs`, and `pulumi`
itself would load its automation API, for example. Nothing is missing: whatever is used is imported then.
"""

import importlib
import importlib.util
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any

AWS = "pulumi_aws"
# `pulumi` imports these at its start, and programs rarely use them. They import yaml and dill, OpenTelemetry's SDK, for
# traces that this engine does not collect, and gRPC's second interface, which only the hooks of resources use.
RARELY_USED = {"pulumi.automation", "pulumi.dynamic", "pulumi.runtime._instrumentation", "grpc.aio"}
_STARRED = re.compile(r"^from \.(\w+) import \*$", re.MULTILINE)
_WORD_START = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def install() -> None:
    """Import lazily from now on, in the whole process."""
    sys.meta_path.insert(0, _Finder())


@contextmanager
def lean() -> Iterator[None]:
    """Import lazily inside, for a process that needs a part of these packages."""
    finder = _Finder()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


class _Finder:
    """Finds the modules that are imported lazily, and no others."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None, /
    ) -> ModuleSpec | None:
        """Return how to import a module lazily; None leaves it to the finders after this one."""
        is_service = fullname.startswith(f"{AWS}.") and fullname.count(".") == 1
        if not is_service and fullname not in RARELY_USED:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and isinstance(spec.loader, SourceFileLoader):
            if not is_service:
                spec.loader = importlib.util.LazyLoader(spec.loader)
            elif spec.submodule_search_locations is not None:
                spec.loader = _ServiceLoader(spec.loader.name, spec.loader.path)
        return spec


class _ServiceLoader(SourceFileLoader):
    """Loads a package of generated modules, each of which is imported when one of its names is used."""

    def exec_module(self, module: ModuleType) -> None:
        """Prepare the package; its own code, which imports every module, runs for a name that is not found here."""
        modules = set(_STARRED.findall(Path(self.path).read_text(encoding="utf-8")))

        def find(name: str) -> Any:
            if name.startswith("__"):
                raise AttributeError(name)
            if Path(self.path).with_name(f"{name}.py").exists():
                return importlib.import_module(f".{name}", module.__name__)
            for home in filter(modules.__contains__, _homes(name)):
                found = importlib.import_module(f".{home}", module.__name__)
                if hasattr(found, name):
                    setattr(module, name, getattr(found, name))
                    return getattr(found, name)
            del module.__getattr__
            super(_ServiceLoader, self).exec_module(module)
            return getattr(module, name)

        module.__getattr__ = find


def _homes(name: str) -> tuple[str, ...]:
    """Return the modules of a generated package that can define a name, by the generator's convention."""
    module = _WORD_START.sub("_", name.removesuffix("Args")).lower()
    return module, module.removesuffix("_output"), "_inputs", "_enums"
