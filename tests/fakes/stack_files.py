"""Keeps tests from reading the stack files of the checkout, which belong to their owner."""

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.fakes.checkout import ROOT

DEPLOYS = re.compile(r"-m localcloud (up|demo)\b|\bmake\b.* demo\b")


class StackFileReadError(BaseException):
    """A test depends on the owner's settings. Not an Exception, so that no code under test catches it."""


class Guard:
    """Prevents this process from reading stack files of the checkout, and from starting a command that reads them."""

    def __init__(self) -> None:
        self._is_up = True
        sys.addaudithook(self._audit)  # permanently: audit hooks cannot be removed

    @contextmanager
    def lifted(self) -> Iterator[None]:
        """Allow reading the stack files in this context."""
        self._is_up = False
        try:
            yield
        finally:
            self._is_up = True

    def _audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open" and self._is_up and is_stack_file(arguments[0]):
            raise StackFileReadError(f"{arguments[0]} is its owner's: use the fixture checkout, or localcloud.samples.")
        if event == "subprocess.Popen" and self._is_up and deploys_checkout(*arguments[1:3]):
            raise StackFileReadError(f"{arguments[1]} deploys a stack of the checkout: run it in the fixture checkout.")


def is_stack_file(path: Any) -> bool:
    """Whether a path, as `open` accepts it, is a stack file of the checkout."""
    name = os.fsdecode(path) if isinstance(path, str | bytes) else ""
    return bool(re.search(r"\bPulumi\.[\w-]+\.yaml$", name)) and Path(name).absolute().parent == ROOT


def deploys_checkout(command: Any, folder: Any) -> bool:
    """Whether a command, as `Popen` accepts it, deploys a stack of the checkout."""
    words = [command] if isinstance(command, str | bytes) else command
    is_deployment = DEPLOYS.search(" ".join(os.fsdecode(word) for word in words))
    return bool(is_deployment) and Path(os.fsdecode(folder or "")).absolute() == ROOT
