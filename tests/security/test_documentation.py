"""docs/security.md shows the skips with their reasons, and names only settings that exist."""

import re

from components.settings.stack_settings import config_parsers
from localcloud.deployer.recorder import ROOT
from tests.security.skips import CHECKOV, PARLIAMENT, Skip

TEXT = (ROOT / "docs" / "security.md").read_text()
SETTINGS = r"`(\w*[a-z][A-Z]\w*|protect|cmk)`"


def row(scanner: str, skip: Skip) -> str:
    return f"| {scanner} | `{skip.rule}` | `{skip.resources}` | {', '.join(skip.stacks)} | {skip.reason} |"


def skips_in(text: str) -> list[str]:
    return re.findall(r"^\| (?:checkov|parliament) \| .+ \|$", text, re.MULTILINE)


def expected() -> list[str]:
    return [row("checkov", skip) for skip in CHECKOV] + [row("parliament", skip) for skip in PARLIAMENT]


def unknown_settings(text: str) -> set[str]:
    return set(re.findall(SETTINGS, text)) - config_parsers().keys()


def test_document_shows_every_skip_with_its_reason() -> None:
    assert skips_in(TEXT) == expected(), "\n".join(expected())


def test_control_missing_skip_or_another_reason_is_caught() -> None:
    first, *_ = skips_in(TEXT)
    assert skips_in(TEXT.replace(first, "")) != expected()
    assert skips_in(TEXT.replace(CHECKOV[0].reason, "because")) != expected()


def test_named_settings_exist() -> None:
    assert unknown_settings(TEXT) == set()
    assert unknown_settings("`apiClient`") == {"apiClient"}
