from pathlib import Path
from textwrap import dedent

import pytest

from localcloud.deployer import stack_config
from localcloud.deployer.stack_config import ConfigError


@pytest.fixture
def read(tmp_path: Path):
    """Return a function that reads a project from the `config` blocks of its two files."""

    def read(project: str, stack: str = "", **overrides: object) -> dict[str, str]:
        (tmp_path / "Pulumi.yaml").write_text("name: shop\nconfig:\n" + indented(project))
        (tmp_path / "Pulumi.dev.yaml").write_text("config:\n" + indented(stack))
        return stack_config.read(tmp_path, "dev", overrides).values

    return read


def indented(block: str) -> str:
    return "".join(f"  {line}\n" for line in dedent(block).strip().splitlines())


def test_override_beats_stack_value_beats_default(read):
    declared = "size: {type: integer, default: 3}"
    assert read(declared) == {"shop:size": "3"}
    assert read(declared, "shop:size: 4") == {"shop:size": "4"}
    assert read(declared, "shop:size: 4", size=5) == {"shop:size": "5"}


def test_values_have_the_form_that_the_cli_passes(read):
    declared = """
        flag: {type: boolean, default: true}
        names: {type: array, items: {type: string}, default: [b, a]}
        limits: {type: object, default: {z: 1, a: {on: false}}}
        empty: {type: string, default: ""}
        short: 7
    """
    assert read(declared) == {
        "shop:flag": "true",
        "shop:names": '["b","a"]',
        "shop:limits": '{"a":{"on":false},"z":1}',
        "shop:empty": "",
        "shop:short": "7",
    }


def test_stack_scalar_is_read_as_written(read):
    # Control: plain YAML would read the number 3.1 and the boolean false.
    declared = "version: {type: string, default: a}\nowner: {type: string, default: a}"
    assert read(declared, "version: 3.10\nowner: no") == {"shop:version": "3.10", "shop:owner": "no"}


def test_other_namespaces_have_a_value_and_stack_files_add_keys(read):
    assert read("pulumi:disable-default-providers: {value: [aws]}", "aws:region: eu-west-1") == {
        "pulumi:disable-default-providers": '["aws"]',
        "aws:region": "eu-west-1",
    }


def test_key_without_default_is_required(read):
    missing = "Stack dev has no value for shop:size, .*pulumi config set --stack dev shop:size"
    with pytest.raises(ConfigError, match=missing):
        read("size: {type: integer}")
    assert read("size: {type: integer}", "shop:size: 4") == {"shop:size": "4"}


@pytest.mark.parametrize(
    ("type_", "right", "wrong"),
    [
        ("string", "text", "[text]"),
        ("integer", "4", "4.5"),
        ("integer", '"4"', "many"),
        ("boolean", "true", '"yes"'),
        ("array, items: {type: integer}", "[1, 2]", "[1, b]"),
        ("array, items: {type: array, items: {type: string}}", "[[a]]", "[a]"),
        ("object", "{a: 1}", "[a]"),
    ],
)
def test_stack_value_must_have_the_declared_type(read, type_, right, wrong):
    declared = f"key: {{type: {type_}}}"
    read(declared, f"shop:key: {right}")
    with pytest.raises(ConfigError, match="shop:key of stack dev must be of type"):
        read(declared, f"shop:key: {wrong}")


def test_override_must_have_the_declared_type(read):
    with pytest.raises(ConfigError, match="must be of type boolean, found 3"):
        read("key: {type: boolean, default: true}", key=3)


@pytest.mark.parametrize(
    ("declared", "fault"),
    [
        ("key: {type: float, default: 1}", "has type float; use string, integer"),
        ("key: {type: integer, default: 1.5}", "the default of key, 1.5, is not of type integer"),
        ("key: {type: string, default: 3.13}", "the default of key, 3.13, is not of type string"),
        ("key: {type: array, default: []}", "is an array without the type of its `items`"),
        ("key: {default: 1, value: 1}", "both a default and a value"),
        ("key: {defualt: 1}", "has an attribute other than"),
        ("aws:region: {default: eu-west-1}", "must have `value`"),
        ("aws:region: {type: string, value: eu-west-1}", "must have `value`"),
        ("aws:region: {description: where}", "must have `value`"),
    ],
)
def test_invalid_declaration_is_rejected_as_by_the_cli(read, declared, fault):
    with pytest.raises(ConfigError, match=fault):
        read(declared, "shop:key: 1")


def test_encrypted_value_is_rejected_unless_overridden(read):
    declared = "token: {type: string, default: ''}"
    for value in ("{secure: v1:abc}", "{deep: [{secure: v1:abc}]}"):
        with pytest.raises(ConfigError, match=r"shop:token of stack dev is encrypted \(`secure:`\)") as caught:
            read(declared, f"shop:token: {value}")
        assert "v1:abc" not in str(caught.value)
    assert read(declared, "shop:token: {secure: v1:abc}", token="plain") == {"shop:token": "plain"}


def test_secret_key_rejects_a_plain_value_in_a_file(read, tmp_path: Path):
    with pytest.raises(ConfigError, match="is declared secret, but its value is plain") as caught:
        read("token: {type: string, secret: true}", "shop:token: hunter2")
    assert "hunter2" not in str(caught.value)
    assert stack_config.read(tmp_path, "dev", {"token": "plain"}).secret_keys == {"shop:token"}
    with pytest.raises(ConfigError, match="must be of type string") as caught:
        stack_config.read(tmp_path, "dev", {"token": ["hunter2"]})
    assert "hunter2" not in str(caught.value)


def test_missing_stack_error_lists_existing_stacks(read, tmp_path: Path):
    read("size: 1")
    missing = r"Stack live does not exist: Pulumi.live.yaml is missing. Existing stacks: dev"
    with pytest.raises(ConfigError, match=missing):
        stack_config.read(tmp_path, "live")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [(None, "has no Pulumi.yaml"), ("- a", "not a mapping"), ("{", "not valid YAML"), ("config: {}", "has no `name`")],
)
def test_broken_project_file_is_reported(tmp_path: Path, content: str | None, sentence: str):
    if content is not None:
        (tmp_path / "Pulumi.yaml").write_text(content)
    with pytest.raises(ConfigError, match=sentence) as caught:
        stack_config.read(tmp_path, "dev")
    assert "\n" not in str(caught.value)
