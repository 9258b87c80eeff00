"""Registered resources arrive as at the CLI's engine, and invokes return their results."""

import threading
from pathlib import Path
from typing import Any

import pulumi
import pytest

from localcloud.deployer import engine, wire
from localcloud.deployer.engine import Resource
from tests.fakes.waiting import HANG_SECONDS
from tests.localcloud.programs import Lab, Run


def find(deployment: engine.Deployment, name: str) -> Resource:
    (found,) = (resource for resource in deployment.resources if resource.name == name)
    return found


def test_resources_have_the_same_urns_parents_and_options_as_under_the_cli(run: Run):
    deployment = run("""
        group = Group("g")
        inner = Group("i", pulumi.ResourceOptions(parent=group))
        leaf = Thing("leaf", {}, pulumi.ResourceOptions(
            parent=inner, protect=True, retain_on_delete=True, delete_before_replace=True,
            ignore_changes=["made"], aliases=[pulumi.Alias(name="old")], additional_secret_outputs=["token"]))
        Thing("after", {"of": leaf.made}, pulumi.ResourceOptions(depends_on=[inner]))
    """)
    leaf, after = find(deployment, "leaf"), find(deployment, "after")
    assert leaf.urn == "urn:pulumi:dev::lab::lab:index:Group$lab:index:Group$lab:index:Thing::leaf"
    assert leaf.parent == find(deployment, "i").urn
    assert (leaf.protect, leaf.retain_on_delete, leaf.delete_before_replace) == (True, True, True)
    assert leaf.ignore_changes == ["made"]
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
    thing = find(deployment, "t")
    assets = {key: thing.inputs.pop(key) for key in ("file", "text", "code", "bundle")}
    scalars = {"whole": 3, "half": 0.5, "flag": True}
    assert thing.inputs == scalars | {"list": [1, {"deep": "x"}], "secret": {"a": [1, "s3cret"]}}
    assert type(thing.inputs["whole"]) is int
    assert thing.secret_inputs == {"secret.a[1]"}
    assert assets["file"].path == str(run.directory / "a.txt")
    assert assets["text"].text == "hello"
    assert assets["code"].path == str(run.directory / "dir")
    assert isinstance(assets["bundle"], pulumi.AssetArchive)
    assert "s3cret" not in repr(thing)


def test_exported_outputs_and_secrets_are_returned(run: Run):
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


def test_inputs_are_echoed_unchanged(run: Run):
    deployment = run(ECHOED)
    assert deployment.outputs == {"kind": "FileArchive", "hush": "x"}
    assert deployment.secret_outputs == {"hush"}


def test_control_rebuilt_inputs_lose_their_type(run: Run, monkeypatch: pytest.MonkeyPatch):
    def rebuilt(inputs: Any, outputs: dict[str, Any], _secret_keys: Any) -> Any:
        plain = wire.decode(inputs, Path()).values
        return wire.encode({key: value if isinstance(value, str) else {} for key, value in (plain | outputs).items()})

    monkeypatch.setattr(wire, "merge", rebuilt)
    deployment = run(ECHOED)
    assert deployment.outputs["kind"] == "dict"
    assert deployment.secret_outputs == set()


def test_preview_creates_nothing_and_skips_apply_of_unknown_values(run: Run):
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
    assert find(deployment, "next").inputs == {"of": wire.UNKNOWN, "dry": True}


def test_independent_resources_are_created_concurrently(run: Run):
    # Created one after the other, each would wait for the others in vain.
    together = threading.Barrier(12)
    run("[Thing(f't{n}') for n in range(12)]", Lab(lambda _resource: together.wait(HANG_SECONDS)))


def test_program_gets_configuration_directory_and_environment(run: Run, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AWS_PROFILE", "nope")
    monkeypatch.setenv("PYTHONSAFEPATH", "1")
    (run.directory / "helper.py").write_text("VALUE = 'imported'")
    deployment = run(
        """
        import os, sys, helper
        config = pulumi.Config()
        pulumi.export("size", config.require_int("size"))
        pulumi.export("token", config.require_secret("token"))
        pulumi.export("where", [os.getcwd(), pulumi.get_project(), pulumi.get_stack(), helper.VALUE])
        pulumi.export("variables", [os.environ["LAB"], os.environ.get("PULUMI_CONFIG_LAB__SIZE")])
        pulumi.export("foreign", [name for name in os.environ if name.startswith("AWS_")])
        pulumi.export("clean", not any(os.path.isdir(os.path.join(p, "localcloud")) for p in sys.path))
        """,
        config={"lab:size": "3", "lab:token": "t"},
        secret_keys=["lab:token"],
        environment={"LAB": "yes"},
    )
    where = [str(run.directory), "lab", "dev", "imported"]
    variables = {"variables": ["yes", None], "foreign": []}
    assert deployment.outputs == {"size": 3, "token": "t", "where": where, "clean": True} | variables
    assert deployment.secret_outputs == {"token"}


def test_program_output_is_reported_as_events(run: Run):
    run("""
        import sys
        pulumi.log.warn("careful"); pulumi.log.info("fine"); pulumi.log.debug("noise")
        print("printed"); print("complained", file=sys.stderr)
        Thing("t")
    """)
    assert set(run.events) == {
        *(("warning", "careful"), ("warning", "complained"), ("info", "fine"), ("info", "printed")),
        ("created", "lab:index:Thing t"),
    }


def test_resources_get_their_provider_with_its_settings(run: Run):
    deployment = run("""
        import pulumi_aws as aws
        provider = aws.Provider("p", region="eu-west-1", allowed_account_ids=["123456789012"],
                                default_tags={"tags": {"a": "b"}})
        group = Group("g", pulumi.ResourceOptions(providers=[provider]))
        aws.sqs.Queue("q", opts=pulumi.ResourceOptions(parent=group))
    """)
    provider = find(deployment, "q").provider
    assert provider is not None
    assert provider is find(deployment, "p")
    assert (provider.inputs["region"], provider.inputs["allowedAccountIds"]) == ("eu-west-1", ["123456789012"])
    assert provider.inputs["defaultTags"] == {"tags": {"a": "b"}}


def test_invokes_get_their_provider(run: Run):
    deployment = run("""
        provider = pulumi.ProviderResource("lab", "p", {"region": "north"})
        options = pulumi.InvokeOptions(provider=provider)
        pulumi.export("answer", pulumi.runtime.invoke_output("lab:index:double", {"value": Thing("t").id}, options))
        pulumi.export("plain", pulumi.runtime.invoke("lab:index:double", {"value": 2}).value)
    """)
    answer = {"result": "t-idt-id", "region": "north"}
    assert deployment.outputs == {"answer": answer, "plain": {"result": 4, "region": "none"}}
