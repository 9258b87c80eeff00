"""Settings are checked as a whole, with every problem and its mend, before anything is deployed."""

import dataclasses
import json
from typing import Any

import pytest

from components.settings.parsers import AlarmOverride
from components.settings.stack_settings import SettingsError, StackSettings, config_parsers

ENOUGH = {
    "aws:region": "eu-west-1",
    "owner": "team",
    "runbookUrl": "https://example.com/runbook.md",
    "apiClients": '["reporting"]',
}


def read(stack: str = "dev", **changes: Any) -> StackSettings:
    return StackSettings.from_raw(ENOUGH | changes, project="event-processing", stack=stack)


def refused(stack: str = "dev", **changes: Any) -> SettingsError:
    with pytest.raises(SettingsError) as error:
        read(stack, **changes)
    return error.value


def test_what_the_cli_hands_over_becomes_typed_values() -> None:
    settings = read(cmk="true", batchSize="7", producerPrincipals='["123456789012"]', pythonVersion="3.12")
    assert (settings.cmk, settings.batch_size, settings.python_version) == (True, 7, "3.12")
    assert settings.producer_principals == ("123456789012",)
    assert settings.api_clients == ("reporting",)


def test_plain_values_are_taken_as_well() -> None:
    assert read(cmk=True, batchSize=7, apiClients=["one", "two"]) == read(
        cmk="true", batchSize="7", apiClients='["one", "two"]'
    )


def test_settings_are_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        read().batch_size = 3  # pyright: ignore[reportAttributeAccessIssue] (what the test shows)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("aws:region", ""),
        ("aws:region", "cn-north-1"),
        ("aws:region", "eu-west"),
        ("aws:allowedAccountIds", '["12345"]'),
        ("owner", ""),
        ("owner", "<script>"),
        ("runbookUrl", ""),
        ("runbookUrl", "docs/runbook.md"),
        ("runbookUrl", "https://example.com/#here"),
        ("runbookUrl", "https://example.com/" + "x" * 256),
        ("protect", "yes"),
        ("cmk", "1"),
        ("logRetentionDays", "15"),
        ("pythonVersion", "3.1"),
        ("pythonVersion", "3.10"),
        ("consumerTimeoutSeconds", "0"),
        ("consumerTimeoutSeconds", "901"),
        ("consumerTimeoutSeconds", "ten"),
        ("consumerTimeoutSeconds", "1.5"),
        ("consumerTimeoutSeconds", "1" * 5000),
        ("queryTimeoutSeconds", "29"),
        ("queryMemoryMb", "127"),
        ("reservedConcurrency", "0"),
        ("reservedConcurrency", "1"),
        ("maxReceiveCount", "4"),
        ("queueRetentionDays", "14"),
        ("deadLetterRetentionDays", "15"),
        ("batchSize", "0"),
        ("batchWindowSeconds", "301"),
        ("consumerMaxConcurrency", "1"),
        ("tableMaxWriteUnits", "0"),
        ("producerPrincipals", '["*"]'),
        ("producerPrincipals", '["arn:aws:iam::123456789012:role/*"]'),
        ("producerPrincipals", "not json"),
        ("producerPrincipals", '{"a": 1}'),
        ("apiClients", "[]"),
        ("apiClients", '["one", "one"]'),
        ("apiClients", '["One"]'),
        ("accessTokenMinutes", "4"),
        ("apiRateLimit", "0"),
        ("monitoring", "some"),
        ("alarmEmail", "nobody"),
        ("pageEndpoint", "http://pager.example.com"),
        ("alarms", '{"queue-old": {"enabled": false}}'),
        ("alarms", '{"consumer-down": {"threshold": 1}}'),
        ("alarms", '{"queue-age": {}}'),
        ("alarms", '{"queue-age": {"treshold": 1}}'),
        ("alarms", '{"queue-age": {"enabled": "no"}}'),
        ("alarms", '{"queue-age": {"threshold": true}}'),
        ("alarms", '{"queue-age": {"threshold": NaN}}'),
        ("alarms", '{"queue-age": 5}'),
        ("alarms", "[]"),
    ],
)
def test_a_value_against_its_rule_is_refused_by_its_key(key: str, value: str) -> None:
    (problem,) = refused(**{key: value}).problems
    assert problem.key == key
    assert problem.fix.startswith("pulumi config set --stack dev ")
    assert key in problem.fix


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"queueRetentionDays": "13", "deadLetterRetentionDays": "13"}, "deadLetterRetentionDays"),
        ({"batchSize": "11"}, "batchWindowSeconds"),
        ({"maxReceiveCount": "65", "consumerTimeoutSeconds": "900"}, "maxReceiveCount"),
        ({"protect": "true"}, "deletionProtection"),
        ({"reservedConcurrency": "5", "consumerMaxConcurrency": "6"}, "reservedConcurrency"),
        ({"monitoring": "full"}, "alarmEmail"),
    ],
)
def test_values_that_contradict_each_other_are_refused(changes: dict[str, str], key: str) -> None:
    assert [problem.key for problem in refused(**changes).problems] == [key]


@pytest.mark.parametrize(
    "changes",
    [
        {"batchSize": "11", "batchWindowSeconds": "1"},
        {"maxReceiveCount": "63", "consumerTimeoutSeconds": "900"},
        {"protect": "true", "deletionProtection": "true"},
        {"deletionProtection": "true"},
        {"reservedConcurrency": "6", "consumerMaxConcurrency": "6"},
        {"monitoring": "full", "alarmEmail": "oncall@example.com"},
        {"monitoring": "full", "pageEndpoint": "https://pager.example.com/in"},
        {"queryTimeoutSeconds": "28"},
    ],
)
def test_values_at_the_edge_are_taken(changes: dict[str, str]) -> None:
    assert read(**changes)


def test_an_unprotected_production_stack_is_refused_until_it_is_meant() -> None:
    error = refused("prod-eu")
    assert [problem.key for problem in error.problems] == ["protect", "deletionProtection"]
    assert "pulumi config set --stack prod-eu protect true" in str(error)
    assert [problem.key for problem in refused("prod", deletionProtection="true").problems] == ["protect"]
    assert read("prod", protect="true", deletionProtection="true")
    assert read("prod", destroyable="true")


@pytest.mark.parametrize("stack", ["Prod", "a" * 21, "my_stack", "aws-dev", "cognito", "1dev", "dev-", ""])
def test_a_stack_name_that_cannot_be_part_of_every_name_is_refused(stack: str) -> None:
    (problem,) = refused(stack).problems
    assert (problem.key, problem.fix) == ("stack", "pulumi stack rename NAME")


def test_all_problems_are_told_at_once_each_with_value_rule_and_mend() -> None:
    error = refused(maxReceiveCount="3", alarmEmail="nobody", apiClients="[]", batchSize="50")
    assert {problem.key for problem in error.problems} == {
        "maxReceiveCount",
        "alarmEmail",
        "apiClients",
        "batchWindowSeconds",
    }
    assert str(error).splitlines()[:3] == [
        "The configuration of stack dev has 4 problems; nothing was deployed.",
        '  maxReceiveCount is "3"; it must be a whole number from 5 to 1000',
        "    pulumi config set --stack dev maxReceiveCount 5",
    ]


def test_overrides_hold_numbers_even_when_the_cli_stored_a_string() -> None:
    settings = read(alarms=json.dumps({"queue-age": {"threshold": "0.5"}, "api-5xx": {"enabled": False}}))
    assert dict(settings.alarms) == {
        "queue-age": AlarmOverride(threshold=0.5),
        "api-5xx": AlarmOverride(enabled=False),
    }


@pytest.mark.parametrize("key", sorted(config_parsers()))
def test_the_mend_shown_for_a_key_is_itself_a_valid_value(key: str) -> None:
    command = config_parsers()[key].example.format(key=key)
    value = command.split()[-1]
    if "[0]" in command:
        value = json.dumps([value])
    if key == "alarms":
        value = '{"queue-age": {"threshold": 600}}'
    config_parsers()[key].parse(value)


def test_names_carry_project_and_stack() -> None:
    settings = read("test")
    assert settings.physical_name("events") == "event-processing-test-events"
    assert settings.log_group_name("query") == "/event-processing/test/query"
    assert settings.tags == {
        "project": "event-processing",
        "stack": "test",
        "owner": "team",
        "data-class": "personal",
    }


@pytest.mark.parametrize(
    ("alarms", "words"),
    [
        ({"queue-aeg": {"enabled": False}}, "there is no alarm queue-aeg: did you mean queue-age?"),
        ({"qqq": {"enabled": False}}, "there is no alarm qqq: the ids are the headings of docs/runbook.md"),
        (
            {"consumer-down": {"threshold": 1}},
            "consumer-down combines other alarms and has no threshold",
        ),
    ],
)
def test_an_alarm_that_cannot_be_changed_so_is_refused_with_what_was_meant(alarms: dict[str, Any], words: str) -> None:
    (problem,) = refused(alarms=json.dumps(alarms)).problems
    assert words in str(problem)
