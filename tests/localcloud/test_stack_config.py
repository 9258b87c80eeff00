import base64
import hashlib
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from textwrap import dedent

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from localcloud.deployer import stack_config
from localcloud.deployer.passphrase import PassphraseError, unlock
from localcloud.deployer.stack_config import ConfigError


@pytest.fixture
def read(tmp_path: Path):
    """Return a function that reads a project from the `config` blocks of its two files."""

    def read(
        project: str, stack: str = "", *, salt: str = "", provider: str = "", **overrides: object
    ) -> dict[str, str]:
        (tmp_path / "Pulumi.yaml").write_text("name: shop\nconfig:\n" + indented(project))
        sections = {"encryptionsalt": salt, "secretsprovider": provider}
        head = "".join(f"{name}: {value}\n" for name, value in sections.items() if value)
        (tmp_path / "Pulumi.dev.yaml").write_text(f"{head}config:\n" + indented(stack))
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
        ("key: {defualt: 1}", "has attributes other than type, .*: defualt"),
        ("aws:region: {default: eu-west-1}", "must have `value`"),
        ("aws:region: {type: string, value: eu-west-1}", "must have `value`"),
        ("aws:region: {description: where}", "must have `value`"),
    ],
)
def test_invalid_declaration_is_rejected_as_by_the_cli(read, declared, fault):
    with pytest.raises(ConfigError, match=fault):
        read(declared, "shop:key: 1")


# From the tests of the Pulumi CLI; its passphrase is "password".
SALT = "v1:fozI5u6B030=:v1:F+6ZduKKd8G0/V7L:PGMFeIzwobWRKmEAzUdaQHqC5mMRIQ=="


derived = cache(hashlib.pbkdf2_hmac)  # a derivation takes most of a second


def secure(plain: str) -> str:
    """Return a value as the CLI encrypts it."""
    key = derived("sha256", b"password", base64.b64decode(SALT.split(":")[1]), 1_000_000, 32)
    parts = (b"nonce of 12b", AESGCM(key).encrypt(b"nonce of 12b", plain.encode(), None))
    return f"{{secure: 'v1:{':'.join(base64.b64encode(part).decode() for part in parts)}'}}"


@pytest.fixture
def passphrase(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Return a function that sets the two variables of the CLI."""

    monkeypatch.setattr(hashlib, "pbkdf2_hmac", derived)

    def give(text: str | None = None, file: Path | None = None) -> None:
        monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", text) if text is not None else monkeypatch.delenv(
            "PULUMI_CONFIG_PASSPHRASE", raising=False
        )
        monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE_FILE", str(file or ""))

    give()
    return give


def test_encrypted_values_are_read_with_the_passphrase(read, passphrase, tmp_path: Path):
    declared = "token: {type: string}\nlimits: {type: object}\nplain: 1"
    given = f"token: {secure('hunter2')}\nlimits: {{deep: [{secure('4')}, 5]}}"
    file = tmp_path / "passphrase"
    file.write_text("password\n")
    for text, named in (("password", None), (None, file)):
        passphrase(text, named)
        read(declared, given, salt=SALT)
        config = stack_config.read(tmp_path, "dev")
        assert config.values == {"shop:token": "hunter2", "shop:limits": '{"deep":["4",5]}', "shop:plain": "1"}
        assert config.secret_keys == {"shop:token", "shop:limits"}


IS_ENCRYPTED = r"shop:token of stack dev is encrypted \(`secure:`\)"


@pytest.mark.parametrize(
    ("head", "environment", "sentence"),
    [
        (
            {"salt": SALT},
            {},
            rf"{IS_ENCRYPTED}\. Set PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE, as for",
        ),
        (
            {"salt": SALT},
            {"file": "/none"},
            rf"{IS_ENCRYPTED}\. .*_FILE names /none, which cannot be read: No such file",
        ),
        ({"salt": SALT}, {"text": ""}, "The passphrase in PULUMI_CONFIG_PASSPHRASE is not that of the stack: set the"),
        ({"salt": "v1:?:v1:a:b"}, {"text": "password"}, "Its `encryptionsalt` is malformed: restore the line that"),
        (
            {},
            {"text": "password"},
            f"{IS_ENCRYPTED} by Pulumi Cloud, .* pulumi stack change-secrets-provider passphrase",
        ),
        (
            {"provider": "awskms://a?region=b"},
            {},
            f"{IS_ENCRYPTED} by awskms://a, which the embedded cloud does not use",
        ),
    ],
)
def test_value_that_cannot_be_decrypted_says_what_to_do(read, passphrase, head, environment, sentence):
    declared, value = "token: {type: string, default: ''}", secure("hunter2")
    passphrase(**environment)
    for given in (value, f"{{deep: [{value}]}}"):
        with pytest.raises(ConfigError, match=sentence) as caught:
            read(declared, f"shop:token: {given}", **head)
        assert_silent(caught.value, given)
    assert read(declared, f"token: {value}", token="plain") == {"shop:token": "plain"}


def test_malformed_salt_is_not_taken_for_a_wrong_passphrase():
    truncated = [SALT[:length] for length in range(len(SALT))]
    for salt in (*truncated, SALT + ":", SALT + "\n", SALT.replace(":v1", ":v2"), SALT.replace("==", "=A")):
        with pytest.raises(PassphraseError, match="Its `encryptionsalt` is malformed"):
            unlock(salt, {"PULUMI_CONFIG_PASSPHRASE": "password"})


@pytest.mark.parametrize(
    ("type_", "damage", "sentence"),
    [
        (
            "string",
            "v1:AAAA",
            "has a `secure:` value that its passphrase does not decrypt. Run: pulumi config set --secret",
        ),
        ("string", "v2:", "has a `secure:` value that its passphrase does not decrypt"),
        ("integer", "v1:", "shop:token of stack dev must be of type integer, found a secret that is not"),
    ],
)
def test_decrypted_value_is_never_printed(read, passphrase, type_, damage, sentence):
    passphrase("password")
    given = secure("hunter2").replace("v1:", damage)
    with pytest.raises(ConfigError, match=sentence) as caught:
        read(f"token: {{type: {type_}}}", f"shop:token: {given}", salt=SALT)
    assert_silent(caught.value, given)


def assert_silent(error: Exception, given: str) -> None:
    """Assert that an error is one line and quotes neither secret, passphrase nor ciphertext."""
    assert "\n" not in str(error)
    for text in ("hunter2", "password ", *re.findall("[A-Za-z0-9+/=]{16,}", given)):
        assert text not in str(error)


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


@pytest.mark.parametrize(
    ("stack", "sentence"),
    [
        ("config: {shop:sise: 1}", "Pulumi.dev.yaml: there is no key shop:sise; did you mean shop:size[?]"),
        ("config: {sise: 1}", "there is no key shop:sise; did you mean shop:size[?]"),
        ("config: {shpo:size: 1}", "there is no key shpo:size; did you mean shop:size[?]"),
        ("config: {shop:colour: 1}", r"there is no key shop:colour; Pulumi.yaml lists the keys\."),
        ("conifg: {shop:size: 1}", "there is no section conifg; did you mean config[?]"),
        ("config:\n  shop:size: 1\n  shop:size: 2", "it has the key shop:size twice .*line 3"),
        ("config: {shop:size: 1, size: 2}", "has size with and without its namespace"),
        ("config: [a]", "config is not a mapping"),
        ("config: {shop:size: {a: 1, a: 2}}", "it has the key a twice"),
        ("config: {shop:size: 'caf\xe9'}", "Pulumi.dev.yaml is not UTF-8 text. Save it as UTF-8."),
    ],
)
def test_mistaken_stack_file_is_reported_in_one_sentence(tmp_path: Path, stack: str, sentence: str):
    (tmp_path / "Pulumi.yaml").write_text("name: shop\nconfig: {size: 1}\n")
    (tmp_path / "Pulumi.dev.yaml").write_bytes(stack.encode("latin-1"))
    with pytest.raises(ConfigError, match=sentence) as caught:
        stack_config.read(tmp_path, "dev")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "line", ["a: hunter2: b", "a: [hunter2", "a: *hunter2", "\thunter2: a", "a: hunter2\n  a: hunter2\n  a: b: c"]
)
def test_place_of_a_mistake_is_given_without_the_value(tmp_path: Path, line: str):
    (tmp_path / "Pulumi.yaml").write_text("name: shop\nconfig: {size: 1}\n")
    (tmp_path / "Pulumi.dev.yaml").write_text(f"config:\n  shop:size: 1\n{line}\n")
    with pytest.raises(ConfigError, match=r"not valid YAML: .*line [3-6], column \d+") as caught:
        stack_config.read(tmp_path, "dev")
    assert "hunter2" not in str(caught.value)


def test_mistaken_key_of_the_project_file_is_reported(read, tmp_path: Path):
    with pytest.raises(ConfigError, match=r"Pulumi.yaml is not valid YAML: it has the key size twice .*line 4"):
        read("size: 1\nsize: 2")
    (tmp_path / "Pulumi.yaml").write_text("name: shop\nconifg: {size: 1}\n")
    with pytest.raises(ConfigError, match=r"Pulumi.yaml: there is no section conifg; did you mean config\?"):
        stack_config.read(tmp_path, "dev")


def test_stack_is_named_as_for_the_cli(read, tmp_path: Path):
    read("size: 1")
    for name in ("dev", "org/dev", "org/shop/dev"):
        assert stack_config.read(tmp_path, name).stack == "dev"
    for name, sentence in {
        "org/mail/dev": r"org/mail/dev is a stack of project mail, but this project is shop\. Use dev\.",
        **{
            name: re.escape(f"{name!r} is not the name of a stack. Use STACK, such as dev, or")
            for name in [
                *("a/b/shop/dev", "org//dev", "", "/", "dev\n", "d" * 101, "caf\xe9"),
                *("../dev", "./dev", ".", "..", "-x", ".dev", "-o/dev", "org/-x"),
            ]
        },
    }.items():
        with pytest.raises(ConfigError, match=sentence):
            stack_config.read(tmp_path, name)


def test_project_in_a_folder_whose_name_is_not_utf8_is_reported(tmp_path: Path):
    with pytest.raises(ConfigError, match=r"is not UTF-8, as Pulumi's protocol requires\. Move the project"):
        stack_config.read(tmp_path / "caf\udce9", "dev")
