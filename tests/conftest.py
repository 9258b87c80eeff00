"""Fixtures of several kinds of tests."""

import functools
import gc
import os
import re
import shutil
import sys
import threading
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import botocore.session
import pytest
import typer.main
from botocore import hooks
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

from localcloud.deployer import recorder
from localcloud.deployer.recorder import PROD_OVERLAY, Graph, record
from tests.fakes import browsers
from tests.fakes.checkout import ROOT, link_checkout
from tests.fakes.stack_files import Guard
from tests.fakes.threads import at_work
from tests.fakes.waiting import eventually


@pytest.fixture(scope="session")
def dev_graph() -> Graph:
    """The whole program as stack `dev` would deploy it. A test that changes the graph must copy it first."""
    return record("dev")


@pytest.fixture(scope="session")
def prod_graph() -> Graph:
    """The whole program as stack `prod` would deploy it, with API clients and a page endpoint."""
    return record("prod", PROD_OVERLAY)


@pytest.fixture(scope="session")
def extended_graph() -> Graph:
    """Stack `dev` with every setting that adds resources, and with credentials of its own."""
    extensions = {
        "cmk": True,
        "manageApiGatewayAccount": True,
        "producerPrincipals": ["arn:aws:iam::210987654321:role/identity-provider"],
        "apiClients": ["one", "two"],
        "alarmEmail": "oncall@example.com",
        "monitoring": "full",
        "alarms": {"queue-age": {"threshold": 900}, "api-5xx": {"enabled": False}, "queue-silent": {"enabled": True}},
        "batchSize": 100,
        "batchWindowSeconds": 5,
        "release": "gradual",
        "tags": {"cost-center": 1234, "Data Owner": "a team"},
        "permissionsBoundary": "arn:aws:iam::123456789012:policy/boundary",
        "probe": True,
        "aws:profile": "sandbox",
        "aws:assumeRoles": [{"roleArn": "arn:aws:iam::123456789012:role/deploy", "externalId": "1"}],
    }
    return record("dev", extensions)


@pytest.fixture(scope="session")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder to run commands in as in the checkout, with the tests' own stack files."""
    return link_checkout(tmp_path_factory.mktemp("checkout"))


# Begun first, the longest before the others, so that no worker is left with a long file while the other has none; the
# rest takes seconds each. A file that shares stacks (below) begins with the first of them.
LONGEST = (
    "tests/localcloud/test_drills.py",
    "tests/e2e/",
    "tests/browser/",
    "tests/localcloud/test_alarms_live.py",
    "tests/handlers/test_request_counts.py",
    "tests/localcloud/test_plugin_program.py",
    "tests/localcloud/test_metering.py",
    "tests/localcloud/test_engine_failures.py",
    "tests/security/test_checkov.py",
    "tests/simulation/test_model_against_meter.py",
    "tests/localcloud/test_environment.py",
    "tests/localcloud/test_interruption.py",
    "tests/handlers/test_real_runtime.py",
    "tests/localcloud/test_aliases.py",
    "tests/localcloud/test_retention.py",
    "tests/graph/test_changes.py",
    "tests/ops/test_status.py",
    "tests/privacy/",
    "tests/tools/test_release.py",
    "tests/simulation/",
    "tests/tools/test_install.py",
)
# Files that share what takes seconds to make, by what they share. Those of tests/e2e are two units: a stack more costs
# less than one worker that still waits when the others have ended.
SHARING = {
    "stacks of tests/e2e": re.compile(r"tests/e2e/(?!test_(up|operator_outages|reload|story)\.py)"),
    "stack of tests/e2e whose code is edited": re.compile(r"tests/e2e/test_(reload|story)\.py"),
    "browser and cloud of tests/browser": re.compile(r"tests/browser/"),
    "runs of tests/privacy": re.compile(r"tests/privacy/"),
    "stack without evaluator": re.compile(r"tests/localcloud/test_(alarms_live|dev_costs|traces_live)\.py"),
}


class Units(LoadFileScheduling):
    """Gives a worker whole files, and files that share something to the same worker."""

    def _split_scope(self, nodeid: str) -> str:
        file = super()._split_scope(nodeid)
        return next((shared for shared, files in SHARING.items() if files.match(file)), file)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Units | None:
    if config.option.dist != "loadfile":
        return None
    config.option.loadscopereorder = False
    return Units(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """What is imported stays: garbage is looked for neither meanwhile nor, later, among it, and more seldom."""
    gc.disable()
    try:
        return (yield)
    finally:
        IMPORTED_EMITTERS.extend(emitters())
        gc.freeze()
        gc.set_threshold(50_000, 20, 100)
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def place(item: pytest.Item) -> int:
        return next((at for at, path in enumerate(LONGEST) if item.nodeid.startswith(path)), len(LONGEST))

    items.sort(key=place)


GUARD = Guard()


@pytest.fixture
def committed_stacks() -> Iterator[None]:
    """Lets a test read the stack files of the checkout."""
    with GUARD.lifted():
        yield


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say at the end of a run which tests were left out, because nothing else would."""
    chosen = [Path(argument.partition("::")[0]).absolute() for argument in config.args]

    def is_chosen(folder: str) -> bool:
        return any((ROOT / folder).is_relative_to(path) for path in chosen)

    if (reason := browsers.missing()) and is_chosen("tests/browser"):
        terminalreporter.line(f"browser: not run, because {reason}")
    if not shutil.which("pulumi") and is_chosen("tests/engine"):
        terminalreporter.line("engine: not run, because the Pulumi CLI is not on PATH")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Generator[None, object, object]:
    """A test has ended when every thread has that it started; its fixtures are undone after that."""
    before = set(threading.enumerate())
    try:
        return (yield)
    finally:
        eventually(lambda: at_work(besides=before), lambda threads: not threads)


@pytest.fixture(autouse=True, scope="session")
def _recordings_are_shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Let parallel workers record a stack once, in a folder that belongs to this run."""
    with pytest.MonkeyPatch.context() as patch:
        if "PYTEST_XDIST_WORKER" in os.environ:
            patch.setattr(recorder, "shared_folder", tmp_path_factory.getbasetemp().parent)
        yield


@pytest.fixture(autouse=True, scope="session")
def _services_are_read_once() -> Iterator[None]:
    """Read the megabytes of AWS's service models once per process, not once per session."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(botocore.session, "create_loader", functools.cache(botocore.session.create_loader))
        yield


@pytest.fixture(autouse=True, scope="session")
def _event_names_are_translated_once() -> Iterator[None]:
    """Keep what a session of botocore calls an event for the sessions after it: most of what it takes to make one."""
    names = hooks.EventAliaser(hooks.HierarchicalEmitter())
    with pytest.MonkeyPatch.context() as patch:
        # pyrefly: ignore[missing-attribute]
        patch.setattr(hooks.EventAliaser, "_alias_event_name", staticmethod(names._alias_event_name))
        yield


@pytest.fixture(autouse=True, scope="session")
def _command_lines_are_built_once() -> Iterator[None]:
    """Build the commands and options of an application once per process, which itself runs one command only."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("typer.testing._get_command", functools.cache(typer.main.get_command))
        yield


@pytest.fixture(autouse=True, scope="session")
def _no_cache_of_the_user(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep what tests cache out of the user's home."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


def emitters() -> list[Any]:
    """What the X-Ray SDK opens when it is imported and never closes, except what is frozen."""
    sdk = sys.modules.get("aws_xray_sdk.core.emitters.udp_emitter")
    return [found for found in gc.get_referrers(sdk.UDPEmitter) if isinstance(found, sdk.UDPEmitter)] if sdk else []


IMPORTED_EMITTERS: list[Any] = []


def pytest_unconfigure() -> None:
    """Close those of this process, be it a worker or the one that starts them."""
    for emitter in IMPORTED_EMITTERS + emitters():
        emitter._socket.close()
