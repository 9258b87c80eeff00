import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent
from typing import Any

import pulumi
import pytest

from localcloud import engine, wire
from localcloud.engine import Created, DeploymentFailed, Resource, ResourceFailed

PREAMBLE = """
import pulumi

class Thing(pulumi.CustomResource):
    def __init__(self, name, props=None, opts=None, type_="lab:index:Thing"):
        super().__init__(type_, name, {"made": None, "token": None, **(props or {})}, opts)

class Group(pulumi.ComponentResource):
    def __init__(self, name, opts=None):
        super().__init__("lab:index:Group", name, {}, opts)
"""


class Lab:
    """A backend that makes whatever it is asked for, unless told otherwise."""

    def __init__(self, create: Callable[[Resource], Any] | None = None) -> None:
        self.created: list[str] = []
        self._create = create

    def create(self, resource: Resource) -> Created:
        if self._create is not None:
            self._create(resource)
        self.created.append(resource.name)
        return Created(f"{resource.name}-id", {"made": f"made-{resource.name}", "token": "t0ken"})

    def invoke(self, token: str, arguments: dict[str, Any], provider: Resource | None) -> dict[str, Any]:
        if token != "lab:index:double":
            raise ResourceFailed("there is no such function")
        return {"result": arguments["value"] * 2, "region": provider.inputs["region"] if provider else "none"}


class Run:
    """Deploys small programs in a directory of their own."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.told: list[tuple[str, str]] = []
        (directory / "Pulumi.yaml").write_text("name: lab\nruntime: python\n")

    def __call__(self, program: str, backend: Any = None, config: dict[str, str] | None = None, **options: Any) -> Any:
        (self.directory / "__main__.py").write_text(PREAMBLE + dedent(program))
        return engine.deploy(
            self.directory,
            "dev",
            config or {},
            options.pop("secret_keys", []),
            backend or Lab(),
            on_event=lambda kind, message: self.told.append((kind, message)),
            **options,
        )

    def failure(self, program: str, backend: Any = None, config: dict[str, str] | None = None) -> str:
        with pytest.raises(DeploymentFailed) as caught:
            self(program, backend, config)
        return str(caught.value)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(tmp_path)


def one(deployment: engine.Deployment, name: str) -> Resource:
    (found,) = (resource for resource in deployment.resources if resource.name == name)
    return found


def test_resources_get_the_urns_parents_and_options_the_cli_gives_them(run: Run):
    deployment = run("""
        group = Group("g")
        inner = Group("i", pulumi.ResourceOptions(parent=group))
        leaf = Thing("leaf", {}, pulumi.ResourceOptions(
            parent=inner, protect=True, retain_on_delete=True, delete_before_replace=True,
            aliases=[pulumi.Alias(name="old")], additional_secret_outputs=["token"]))
        Thing("after", {"of": leaf.made}, pulumi.ResourceOptions(depends_on=[inner]))
    """)
    leaf, after = one(deployment, "leaf"), one(deployment, "after")
    assert leaf.urn == "urn:pulumi:dev::lab::lab:index:Group$lab:index:Group$lab:index:Thing::leaf"
    assert leaf.parent == one(deployment, "i").urn
    assert (leaf.protect, leaf.retain_on_delete, leaf.delete_before_replace) == (True, True, True)
    assert [alias["spec"]["name"] for alias in leaf.aliases] == ["old"]
    assert leaf.additional_secret_outputs == ["token"]
    assert after.urn == "urn:pulumi:dev::lab::lab:index:Thing::after"
    assert leaf.urn in after.depends_on
    assert after.property_dependencies["of"] == [leaf.urn]
    assert after.inputs["of"] == "made-leaf"
    assert deployment.resources[0].type == "pulumi:pulumi:Stack"


def test_inputs_arrive_as_plain_python(run: Run):
    deployment = run("""
        Thing("t", {
            "whole": 3, "half": 0.5, "flag": True, "nothing": None, "list": [1, {"deep": "x"}],
            "secret": {"a": [1, pulumi.Output.secret("s3cret")]},
            "file": pulumi.FileAsset("a.txt"), "text": pulumi.StringAsset("hello"),
            "code": pulumi.FileArchive("dir"), "bundle": pulumi.AssetArchive({"x": pulumi.FileAsset("a.txt")}),
        })
    """)
    thing = one(deployment, "t")
    assets = {key: thing.inputs.pop(key) for key in ("file", "text", "code", "bundle")}
    assert thing.inputs == {
        "whole": 3,
        "half": 0.5,
        "flag": True,
        "list": [1, {"deep": "x"}],
        "secret": {"a": [1, "s3cret"]},
    }
    assert type(thing.inputs["whole"]) is int
    assert thing.secret_inputs == {"secret.a[1]"}
    assert assets["file"].path == str(run.directory / "a.txt")
    assert assets["text"].text == "hello"
    assert assets["code"].path == str(run.directory / "dir")
    assert isinstance(assets["bundle"], pulumi.AssetArchive)
    assert "s3cret" not in repr(thing)


def test_outputs_and_secrets_come_out_as_exported(run: Run):
    deployment = run("""
        thing = Thing("t", {}, pulumi.ResourceOptions(additional_secret_outputs=["token"]))
        pulumi.export("plain", pulumi.Output.concat(thing.made, "/x"))
        pulumi.export("secret", {"inner": thing.token})
        pulumi.export("id", thing.id)
    """)
    assert deployment.outputs == {"plain": "made-t/x", "secret": {"inner": "t0ken"}, "id": "t-id"}
    assert deployment.secret_outputs == {"secret"}


ECHOED = """
    thing = Thing("t", {"code": pulumi.FileArchive("."), "hush": pulumi.Output.secret("x")})
    pulumi.export("kind", thing.code.apply(lambda code: type(code).__name__))
    pulumi.export("hush", thing.hush)
"""


def test_inputs_are_echoed_as_they_came(run: Run):
    deployment = run(ECHOED)
    assert deployment.outputs == {"kind": "FileArchive", "hush": "x"}
    assert deployment.secret_outputs == {"hush"}


def test_control_rebuilt_inputs_would_lose_what_they_are(run: Run, monkeypatch: pytest.MonkeyPatch):
    def rebuilt(inputs: Any, outputs: dict[str, Any], _secret_keys: Any) -> Any:
        plain, _ = wire.decode(inputs, Path())
        return wire.encode({key: value if isinstance(value, str) else {} for key, value in (plain | outputs).items()})

    monkeypatch.setattr(wire, "merge", rebuilt)
    deployment = run(ECHOED)
    assert deployment.outputs["kind"] == "dict"
    assert deployment.secret_outputs == set()


def test_a_preview_creates_nothing_and_runs_no_apply_on_what_it_cannot_know(run: Run):
    lab = Lab()
    deployment = run(
        """
        thing = Thing("t", {"known": 1})
        pulumi.export("made", thing.made)
        pulumi.export("known", thing.known)
        thing.made.apply(lambda made: 1 / 0)
        Thing("next", {"of": thing.made, "dry": pulumi.runtime.is_dry_run()})
        """,
        lab,
        preview=True,
    )
    assert lab.created == []
    assert deployment.outputs == {"made": wire.UNKNOWN, "known": 1}
    assert one(deployment, "next").inputs == {"of": wire.UNKNOWN, "dry": True}


def test_independent_resources_are_created_at_once(run: Run):
    # Either would wait in vain for the other if they were created one after the other.
    together = threading.Barrier(12)
    run("[Thing(f't{n}') for n in range(12)]", Lab(lambda _resource: together.wait(timeout=20)))


def test_the_program_gets_its_configuration_its_directory_and_the_callers_environment(run: Run):
    (run.directory / "helper.py").write_text("VALUE = 'imported'")
    deployment = run(
        """
        import os, sys, helper
        config = pulumi.Config()
        pulumi.export("size", config.require_int("size"))
        pulumi.export("token", config.require_secret("token"))
        pulumi.export("where", [os.getcwd(), pulumi.get_project(), pulumi.get_stack(), helper.VALUE])
        pulumi.export("variables", [os.environ["LAB"], os.environ.get("PULUMI_CONFIG_LAB__SIZE")])
        pulumi.export("clean", not any(os.path.isdir(os.path.join(p, "localcloud")) for p in sys.path))
        """,
        config={"lab:size": "3", "lab:token": "t"},
        secret_keys=["lab:token"],
        environment={"LAB": "yes"},
    )
    assert deployment.outputs == {
        "size": 3,
        "token": "t",
        "where": [str(run.directory), "lab", "dev", "imported"],
        "variables": ["yes", None],
        "clean": True,
    }
    assert deployment.secret_outputs == {"token"}


def test_what_the_program_says_reaches_the_watcher(run: Run):
    run("""
        import sys
        pulumi.log.warn("careful"); pulumi.log.info("fine"); pulumi.log.debug("noise")
        print("printed"); print("complained", file=sys.stderr)
        Thing("t")
    """)
    assert set(run.told) == {
        ("warning", "careful"),
        ("info", "fine"),
        ("info", "printed"),
        ("warning", "complained"),
        ("creating", "lab:index:Thing t"),
        ("created", "lab:index:Thing t"),
    }


def test_providers_get_their_settings_as_they_were_given_and_their_resources_find_them(run: Run):
    deployment = run("""
        import pulumi_aws as aws
        provider = aws.Provider("p", region="eu-west-1", allowed_account_ids=["123456789012"],
                                default_tags={"tags": {"a": "b"}})
        group = Group("g", pulumi.ResourceOptions(providers=[provider]))
        aws.sqs.Queue("q", opts=pulumi.ResourceOptions(parent=group))
    """)
    provider = one(deployment, "q").provider
    assert provider is not None
    assert provider is one(deployment, "p")
    assert provider.inputs["region"] == "eu-west-1"
    assert provider.inputs["defaultTags"] == {"tags": {"a": "b"}}
    assert provider.inputs["allowedAccountIds"] == ["123456789012"]


DISABLED = {"pulumi:disable-default-providers": '["lab"]'}


def test_a_disabled_default_provider_is_an_error_that_names_the_resource(run: Run):
    assert run.failure("Thing('t')", config=DISABLED) == (
        'Could not create lab:index:Thing "t": the default provider of package lab is disabled in this stack '
        "(pulumi:disable-default-providers); pass an explicit provider."
    )
    assert "Could not call lab:index:double" in run.failure(
        "pulumi.runtime.invoke('lab:index:double', {'value': 1})", config=DISABLED
    )
    run("Thing('t')", config={"pulumi:disable-default-providers": '["aws"]'})


def test_functions_are_answered_with_their_provider(run: Run):
    deployment = run("""
        provider = pulumi.ProviderResource("lab", "p", {"region": "north"})
        options = pulumi.InvokeOptions(provider=provider)
        pulumi.export("answer", pulumi.runtime.invoke_output("lab:index:double", {"value": Thing("t").id}, options))
        pulumi.export("plain", pulumi.runtime.invoke("lab:index:double", {"value": 2}).value)
    """)
    assert deployment.outputs == {
        "answer": {"result": "t-idt-id", "region": "north"},
        "plain": {"result": 4, "region": "none"},
    }


def test_a_failed_deployment_says_so_whatever_the_program_does(run: Run):
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


def test_a_failing_resource_is_told_once_by_type_name_and_cause(run: Run):
    program = """
        bad = Thing("bad")
        Thing("after", {"of": bad.made})
        pulumi.export("made", bad.made.apply(lambda made: made + "!"))
    """
    lab = Lab(explode)
    assert run.failure(program, lab) == 'Could not create lab:index:Thing "bad": it will not fit.'
    assert lab.created == []


def test_a_cause_of_any_kind_keeps_its_type(run: Run):
    def crash(_resource: Resource) -> None:
        raise KeyError("url")

    assert run.failure("Thing('t')", Lab(crash)) == "Could not create lab:index:Thing \"t\": KeyError: 'url'."


DIES_WHILE_CREATING = """
    import os, pathlib, threading, time
    def die():
        while not pathlib.Path("begun").exists():
            time.sleep(0.01)
        os._exit(7)
    threading.Thread(target=die).start()
    Thing("slow", {"pid": os.getpid()})
"""


def outlive_the_program(resource: Resource) -> None:
    """Begin, and end only once the program is gone."""
    Path("begun").touch()
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            os.kill(resource.inputs["pid"], 0)
        except ProcessLookupError:
            return
        time.sleep(0.01)
    raise AssertionError("the program did not end")


def test_what_is_being_created_is_waited_for_or_it_would_be_orphaned(run: Run, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(run.directory)
    lab = Lab(outlive_the_program)
    assert run.failure(DIES_WHILE_CREATING, lab) == "The program ended with exit code 7 and no explanation."
    assert lab.created == ["slow"]


def test_control_without_the_wait_it_would_be_orphaned(run: Run, monkeypatch: pytest.MonkeyPatch):
    class Impatient(engine.ThreadPoolExecutor):
        def shutdown(self, wait: bool = True, **_: Any) -> None:
            del wait
            super().shutdown(wait=False)

    released = threading.Event()
    lab = Lab(lambda resource: (outlive_the_program(resource), released.wait(20)))
    monkeypatch.chdir(run.directory)
    monkeypatch.setattr(engine, "ThreadPoolExecutor", Impatient)
    run.failure(DIES_WHILE_CREATING, lab)
    assert lab.created == []
    released.set()


def test_nothing_is_created_after_a_failure(run: Run):
    lab = Lab(explode)
    run.failure("bad = Thing('bad')\nbad.urn.apply(lambda _: None)\npulumi.log.error('stop')\nThing('late')", lab)
    assert "late" not in lab.created


def test_an_error_the_program_logs_fails_it(run: Run):
    assert run.failure("pulumi.log.error('not like this')") == "not like this"


def test_a_run_error_is_told_in_its_own_words(run: Run):
    assert run.failure("raise pulumi.RunError('maxReceiveCount is 2: give 5 or more')") == (
        "maxReceiveCount is 2: give 5 or more"
    )


def test_any_other_exception_is_told_with_the_programs_own_frames(run: Run):
    (run.directory / "helper.py").write_text("def half(n):\n    return n / 0\n")
    message = run.failure("import helper\nThing('t').made.apply(lambda made: helper.half(1))")
    assert message.startswith("The program failed:\n")
    assert 'File "helper.py", line 2, in half' in message
    assert message.endswith("ZeroDivisionError: division by zero")
    assert "site-packages" not in message
    assert str(run.directory) not in message


def test_a_program_that_does_not_parse_is_told_with_its_line(run: Run):
    assert "SyntaxError" in run.failure("x = = 1")


@pytest.mark.parametrize(
    ("program", "sentence"),
    [
        (
            "Thing('t'); Thing('t')",
            'Could not create lab:index:Thing "t": its URN urn:pulumi:dev::lab::lab:index:Thing::t is',
        ),
        ("Thing('t', {}, pulumi.ResourceOptions(import_='i-1'))", "nothing can be imported (i-1)"),
        ("Thing('t', {}, pulumi.ResourceOptions(id='i-1'))", 'Could not read lab:index:Thing "t" (i-1)'),
        (
            "Thing('t', {'x': pulumi.RemoteAsset('https://example.com')})",
            "x holds a kind of value (uri) that cannot be",
        ),
        ("Thing('t', {}, pulumi.ResourceOptions(transforms=[lambda args: None]))", "does not support transforms"),
    ],
)
def test_what_is_not_supported_is_refused_by_name(run: Run, program: str, sentence: str):
    assert sentence in run.failure(program)


def test_the_program_dies_with_an_interrupted_deployment(run: Run):
    # The watcher stands for Ctrl-C: it raises in the thread that waits for the program.
    pids: list[int] = []

    def interrupt(kind: str, message: str) -> None:
        if kind == "info":
            pids.append(int(message))
            raise KeyboardInterrupt

    (run.directory / "__main__.py").write_text("import os, time\nprint(os.getpid(), flush=True)\ntime.sleep(600)\n")
    with pytest.raises(KeyboardInterrupt):
        engine.deploy(run.directory, "dev", {}, [], Lab(), on_event=interrupt)
    with pytest.raises(ProcessLookupError):
        os.kill(pids[0], 0)
