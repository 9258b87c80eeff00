"""A failed deployment reports each failure once, with name and cause, and creates nothing afterwards."""

import fcntl
import os
import threading
from pathlib import Path
from typing import Any

import pytest

from localcloud.deployer import engine
from localcloud.deployer.engine import DeploymentFailed, Resource, ResourceFailed
from localcloud.deployer.stack_config import StackConfig
from tests.fakes.waiting import HANG_SECONDS
from tests.localcloud.programs import Lab, Run

DISABLED = {"pulumi:disable-default-providers": '["lab"]'}


def test_disabled_default_provider_error_names_the_resource(run: Run):
    assert run.failure("Thing('t')", config=DISABLED) == (
        'Could not create lab:index:Thing "t": the default provider of package lab is disabled in this stack '
        "(pulumi:disable-default-providers); pass an explicit provider."
    )
    invoke = "pulumi.runtime.invoke('lab:index:double', {'value': 1})"
    assert "Could not call lab:index:double" in run.failure(invoke, config=DISABLED)
    run("Thing('t')", config={"pulumi:disable-default-providers": '["aws"]'})


def test_failure_that_the_program_catches_still_fails_the_deployment(run: Run):
    program = """
        try:
            pulumi.runtime.invoke("lab:index:nothing", {})
        except Exception:
            pass
    """
    assert run.failure(program) == "Could not call lab:index:nothing: there is no such function."


def explode(resource: Resource) -> None:
    if resource.name == "bad":
        raise ResourceFailed("it will not fit")


def test_failed_resource_is_reported_once_with_type_name_and_cause(run: Run):
    program = """
        bad = Thing("bad")
        Thing("after", {"of": bad.made})
        pulumi.export("made", bad.made.apply(lambda made: made + "!"))
    """
    lab = Lab(explode)
    assert run.failure(program, lab) == 'Could not create lab:index:Thing "bad": it will not fit.'
    assert lab.created == []


def test_unexpected_exception_is_reported_with_its_type(run: Run):
    def crash(_resource: Resource) -> None:
        raise KeyError("url")

    assert run.failure("Thing('t')", Lab(crash)) == "Could not create lab:index:Thing \"t\": KeyError: 'url'."


# Opening one end of the FIFO waits for the other end, and reading from it ends when the program has ended.
DIES_WHILE_CREATING = """
    import os, threading
    def die():
        begun = open("begun", "w")
        os._exit(7)
    threading.Thread(target=die).start()
    Thing("slow")
"""


@pytest.fixture
def begun(run: Run, monkeypatch: pytest.MonkeyPatch) -> Path:
    os.mkfifo(run.directory / "begun")
    return run.directory / "begun"


def test_creations_under_way_are_waited_for(run: Run, begun: Path):
    lab = Lab(lambda resource: begun.read_text())
    assert run.failure(DIES_WHILE_CREATING, lab) == "The program ended with exit code 7 and no message."
    assert lab.created == ["slow"]


def test_control_without_the_wait_a_resource_is_orphaned(run: Run, begun: Path, monkeypatch: pytest.MonkeyPatch):
    impatient = []

    class Impatient(engine.ThreadPoolExecutor):
        def shutdown(self, wait: bool = True, **_: Any) -> None:
            super().shutdown(wait=False)
            impatient.append(super())

    released = threading.Event()
    lab = Lab(lambda resource: (begun.read_text(), released.wait()))
    monkeypatch.setattr(engine, "ThreadPoolExecutor", Impatient)
    try:
        run.failure(DIES_WHILE_CREATING, lab)
        assert lab.created == []
    finally:
        released.set()
        for executor in impatient:
            executor.shutdown()
    assert lab.created == ["slow"]


def test_nothing_is_created_after_a_failure(run: Run):
    lab = Lab(explode)
    run.failure("bad = Thing('bad')\nbad.urn.apply(lambda _: None)\npulumi.log.error('stop')\nThing('late')", lab)
    assert "late" not in lab.created


def test_logged_error_fails_the_deployment(run: Run):
    assert run.failure("pulumi.log.error('not like this')") == "not like this"


def test_run_error_is_reported_with_its_own_message(run: Run):
    message = "maxReceiveCount is 2: give 5 or more"
    assert run.failure(f"raise pulumi.RunError('{message}')") == message


def test_other_exception_is_reported_with_the_programs_own_frames(run: Run):
    (run.directory / "helper.py").write_text("def half(n):\n    return n / 0\n")
    message = run.failure("import helper\nThing('t').made.apply(lambda made: helper.half(1))")
    assert message.startswith("The program failed:\n")
    assert 'File "helper.py", line 2, in half' in message
    assert message.endswith("ZeroDivisionError: division by zero")
    assert "site-packages" not in message
    assert str(run.directory) not in message


@pytest.mark.parametrize(
    ("program", "sentence"),
    [
        ("Thing('t'); Thing('t')", '"t": its URN urn:pulumi:dev::lab::lab:index:Thing::t is already registered'),
        ("Thing('t', {}, pulumi.ResourceOptions(import_='i-1'))", "import of i-1 is not possible"),
        ("Thing('t', {}, pulumi.ResourceOptions(id='i-1'))", 'Could not read lab:index:Thing "t" (i-1)'),
        (
            "Thing('t', {'x': pulumi.RemoteAsset('https://x.org')})",
            "x is a kind of value (uri) that the embedded cloud",
        ),
        ("Thing('t', {}, pulumi.ResourceOptions(transforms=[lambda args: None]))", "does not support transforms"),
        ("x = = 1", "SyntaxError"),
    ],
)
def test_program_that_cannot_be_deployed_is_rejected_by_name(run: Run, program: str, sentence: str):
    assert sentence in run.failure(program)


def test_interrupted_deployment_ends_the_program(run: Run):
    # The callback stands in for Ctrl-C: it raises in the thread that waits for the program.
    def interrupt(event: str, message: str) -> None:
        if (event, message) == ("info", "locked"):
            raise KeyboardInterrupt

    (run.directory / "__main__.py").write_text(
        "import fcntl, time\nlock = open('lock', 'w')\nfcntl.flock(lock, fcntl.LOCK_EX)\n"
        "print('locked', flush=True)\ntime.sleep(600)\n"
    )
    with pytest.raises(KeyboardInterrupt):
        engine.deploy(run.directory, StackConfig("lab", "dev", {}, frozenset()), Lab(), on_event=interrupt)
    with (run.directory / "lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # raises while the program lives


def test_deployment_that_is_interrupted_at_its_start_keeps_no_process_alive(run: Run, monkeypatch: pytest.MonkeyPatch):
    def start(timer: threading.Timer) -> None:
        start_thread(timer)
        started.append(timer)
        raise KeyboardInterrupt

    started: list[threading.Timer] = []
    start_thread = threading.Thread.start
    monkeypatch.setattr(threading.Timer, "start", start)
    with pytest.raises(KeyboardInterrupt):
        run("Thing('t')")
    [timer] = started
    timer.join(HANG_SECONDS)
    assert not timer.is_alive()
    assert timer.daemon, "it would keep a process alive in which the signal came before its end"


@pytest.mark.parametrize("hang", ["signal.pause()", "Thing('t'); os.close(1); signal.pause()"])
def test_program_that_never_ends_is_stopped_at_the_deadline(run: Run, hang: str):
    # However far the program has come by then.
    with pytest.raises(DeploymentFailed, match=r"^The program did not end within 0\.9 s, and was stopped\.$"):
        run(f"import os, signal; {hang}", deadline_seconds=0.9)
