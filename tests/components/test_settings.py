"""Settings are checked as a whole, with every problem and its fix, before anything is deployed."""

import json
import re
from typing import Any

import pytest

from components.identity import domain_prefix
from components.monitoring.signals import AlarmOverride
from components.settings.names import LONGEST_PREFIX
from components.settings.stack_settings import SettingsError, StackSettings
from localcloud.deployer.recorder import Graph
from tests.graph import resource_types as aws

ENOUGH = {
    "aws:region": "eu-west-1",
    "owner": "team",
    "runbookUrl": "https://example.com/runbook.md",
    "apiClients": '["reporting"]',
}


ACCOUNT = '["123456789012"]'
RUNBOOK = "https://git.internal/runbook.md"


def read(stack: str = "dev", **changes: Any) -> StackSettings:
    if stack.startswith("prod"):
        changes = {"aws:allowedAccountIds": ACCOUNT, "runbookUrl": RUNBOOK} | changes
    return StackSettings.from_raw(ENOUGH | changes, project="event-processing", stack=stack)


def rejected(stack: str = "dev", **changes: Any) -> SettingsError:
    with pytest.raises(SettingsError) as error:
        read(stack, **changes)
    return error.value


def test_values_from_the_cli_become_typed_values() -> None:
    settings = read(cmk="true", batchSize="7", producerPrincipals='["123456789012"]', pythonVersion="3.12")
    assert (settings.cmk, settings.batch_size, settings.python_version) == (True, 7, "3.12")
    assert settings.producer_principals == ("123456789012",)
    assert settings.api_clients == ("reporting",)


def test_tags_of_the_stack_are_added_to_those_of_the_project() -> None:
    tags = {"k" * 128: "x" * 256, "cost-center": 1234, "Data Owner": "a_b.c:d/e=f+g-h@i", "audited": True}
    own = {"project": "event-processing", "stack": "dev", "owner": "team", "data-class": "personal"}
    as_text = tags | {"cost-center": "1234", "audited": "true"}
    assert read().all_tags == own
    assert read(tags=json.dumps(tags)).all_tags == read(tags=tags).all_tags == own | as_text
    assert len(read(tags={f"key{number}": "x" for number in range(46)}).all_tags) == 50


@pytest.mark.parametrize(
    ("tags", "sentence"),
    [
        ({"Owner": "x"}, "the project itself sets owner: choose another key"),
        ({"AWS:cost": "x"}, "AWS:cost begins with aws:, which AWS keeps for its own tags"),
        ({"team": "x", "Team": "y"}, "team and Team are one key for IAM: remove one of them"),
    ],
)
def test_rejected_tag_is_explained(tags: dict[str, str], sentence: str) -> None:
    (problem,) = rejected(tags=tags).problems
    assert problem.requirement.endswith(f", and {sentence}")
    last = list(tags)[-1]
    path = f'tags["{last}"]' if ":" in last else f"tags.{last}"
    assert problem.fix == f"pulumi config rm --stack dev --path '{path}'"


def test_boundary_can_be_a_policy_of_the_account_or_of_aws() -> None:
    own, of_aws = "arn:aws:iam::123456789012:policy/org/boundary", "arn:aws:iam::aws:policy/PowerUserAccess"
    assert [read(permissionsBoundary=arn).permissions_boundary for arn in ("", own, of_aws)] == ["", own, of_aws]


def test_plain_python_values_are_accepted() -> None:
    assert read(cmk=True, batchSize=7, apiClients=["one", "two"]) == read(
        cmk="true", batchSize="7", apiClients='["one", "two"]'
    )


INVALID = {
    "aws:region": ["", "cn-north-1", "eu-west"],
    "aws:allowedAccountIds": ['["12345"]'],
    "aws:profile": ["two words"],
    "aws:assumeRoles": ['[{"roleArn": "deploy"}]', '[{"duration": "1h"}]', "[5]", "{}"],
    "owner": ["", "<script>"],
    "tags": [
        "[]",
        '{"": "x"}',
        '{"key": ""}',
        '{"key": null}',
        '{"key": {"a": "b"}}',
        '{"key": "tab\\t"}',
        '{"k\u00e9y": "x"}',
        '{"aws:key": "x"}',
        '{"Stack": "x"}',
        '{"key": "x", "Key": "y"}',
        json.dumps({"k" * 129: "x"}),
        json.dumps({"key": "x" * 257}),
        json.dumps({f"key{number}": "x" for number in range(47)}),
    ],
    "permissionsBoundary": ["boundary", "arn:aws:iam::123456789012:role/boundary", "arn:aws:iam::1:policy/a", "arn:*"],
    "runbookUrl": ["", "docs/runbook.md", "https://example.com/#here", "https://example.com/" + "x" * 256],
    "protect": ["yes"],
    "cmk": ["1"],
    "logRetentionDays": ["15"],
    "pythonVersion": ["3.1", "3.10"],
    "consumerTimeoutSeconds": ["0", "901", "ten", "1.5", "1" * 5000],
    "queryTimeoutSeconds": ["29"],
    "queryMemoryMb": ["127"],
    "reservedConcurrency": ["0", "1"],
    "release": ["", "Immediate", "canary"],
    "versionsKept": ["1", "51"],
    "maxReceiveCount": ["4"],
    "queueRetentionDays": ["14"],
    "deadLetterRetentionDays": ["15"],
    "batchSize": ["0"],
    "batchWindowSeconds": ["301"],
    "consumerMaxConcurrency": ["1"],
    "tableMaxWriteUnits": ["0"],
    "producerPrincipals": ['["*"]', '["arn:aws:iam::123456789012:role/*"]', "not json", '{"a": 1}'],
    "apiClients": ["[]", '["one", "one"]', '["One"]'],
    "rotatedSecrets": ["[]", f'{{"a.b": "{"s" * 52}"}}', '{"id": "short"}', '{"id": 5}'],
    "accessTokenMinutes": ["4"],
    "apiRateLimit": ["0"],
    "monitoring": ["some"],
    "alarmEmail": ["nobody"],
    "pageEndpoint": ["http://pager.example.com"],
    "alarms": [
        '{"queue-age": {}}',
        '{"queue-age": {"treshold": 1}}',
        '{"queue-age": {"enabled": "no"}}',
        '{"queue-age": {"threshold": true}}',
        '{"queue-age": {"threshold": NaN}}',
        '{"queue-age": 5}',
        "[]",
    ],
}


@pytest.mark.parametrize(("key", "value"), [(key, value) for key, values in INVALID.items() for value in values])
def test_invalid_value_is_reported_with_its_key_and_fix(key: str, value: str) -> None:
    (problem,) = rejected(**{key: value}).problems
    assert problem.key == key
    assert re.match("pulumi config (set|rm) --stack dev ", problem.fix)
    assert key in problem.fix


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"queueRetentionDays": "13", "deadLetterRetentionDays": "13"}, "deadLetterRetentionDays"),
        ({"batchSize": "11"}, "batchWindowSeconds"),
        ({"maxReceiveCount": "65", "consumerTimeoutSeconds": "900"}, "maxReceiveCount"),
        ({"protect": "true"}, "deletionProtection"),
        ({"reservedConcurrency": "5", "consumerMaxConcurrency": "6"}, "reservedConcurrency"),
        ({"release": "gradual", "queryProvisionedConcurrency": "1"}, "queryProvisionedConcurrency"),
        ({"probe": "true", "batchWindowSeconds": "11"}, "probe"),
        ({"monitoring": "full"}, "alarmEmail"),
    ],
)
def test_values_that_contradict_each_other_are_rejected(changes: dict[str, str], key: str) -> None:
    assert [problem.key for problem in rejected(**changes).problems] == [key]


@pytest.mark.parametrize(
    "changes",
    [
        {"batchSize": "11", "batchWindowSeconds": "1"},
        {"maxReceiveCount": "63", "consumerTimeoutSeconds": "900"},
        {"protect": "true", "deletionProtection": "true"},
        {"deletionProtection": "true"},
        {"reservedConcurrency": "6", "consumerMaxConcurrency": "6"},
        {"release": "immediate", "queryProvisionedConcurrency": "1"},
        {"probe": "true", "batchWindowSeconds": "10"},
        {"monitoring": "full", "alarmEmail": "oncall@example.com"},
        {"monitoring": "full", "pageEndpoint": "https://pager.example.com/in"},
        {"queryTimeoutSeconds": "28"},
    ],
)
def test_values_at_the_limit_are_accepted(changes: dict[str, str]) -> None:
    assert read(**changes)


def test_unprotected_production_stack_is_rejected_unless_destroyable() -> None:
    error = rejected("prod-eu")
    assert [problem.key for problem in error.problems] == ["protect", "deletionProtection"]
    assert "pulumi config set --stack prod-eu protect true" in str(error)
    assert [problem.key for problem in rejected("prod", deletionProtection="true").problems] == ["protect"]
    assert read("prod", protect="true", deletionProtection="true")
    assert read("prod", destroyable="true")


@pytest.mark.parametrize("stack", ["Prod", "a" * 21, "my_stack", "aws-dev", "cognito", "1dev", "dev-", ""])
def test_stack_name_that_cannot_be_part_of_every_physical_name_is_rejected(stack: str) -> None:
    (problem,) = rejected(stack).problems
    fix = f"pulumi stack init NAME --copy-config-from {problem.value}"
    assert (problem.key, problem.fix) == ("stack", fix)


@pytest.mark.parametrize(
    ("project", "stack"),
    [
        *(
            (name, "dev")
            for name in ("Event_Processing.v2", "events.v2", "aws-logins", "my-cognito", "-events", "e" * 45)
        ),
        ("e" * 43, "dev"),
        ("e" * 26, "s" * 20),
    ],
)
def test_project_name_that_cannot_be_part_of_every_physical_name_is_rejected(project: str, stack: str) -> None:
    with pytest.raises(SettingsError) as error:
        StackSettings.from_raw(ENOUGH, project=project, stack=stack)
    (problem,) = error.value.problems
    assert (problem.key, problem.value) == ("project", project)
    assert "Pulumi.yaml" in problem.fix


@pytest.mark.parametrize(("project", "stack"), [("e" * 42, "dev"), ("e" * 25, "s" * 20), ("2fa-logins", "dev")])
def test_project_name_at_the_limit_is_accepted(project: str, stack: str) -> None:
    assert len(domain_prefix(read_named(project, stack).physical_name("callers"), "123456789012")) <= 63


def read_named(project: str, stack: str) -> StackSettings:
    return StackSettings.from_raw(ENOUGH, project=project, stack=stack)


def test_longest_accepted_prefix_gives_no_physical_name_that_is_too_long(dev_graph: Graph, prod_graph: Graph) -> None:
    limits = {aws.FUNCTION: 64, aws.QUEUE: 80, aws.USER_POOL: 128, aws.TABLE: 255, aws.ALARM: 255}
    for graph, prefix in ((dev_graph, "event-processing-dev"), (prod_graph, "event-processing-prod")):
        for type_, limit in limits.items():
            found = [str(resource.inputs["name"]) for resource in graph.of_type(type_) if resource.inputs.get("name")]
            longest = max(len(name) - len(prefix) for name in found if name.startswith(prefix))
            assert longest + LONGEST_PREFIX <= limit, type_


def test_all_problems_are_reported_at_once_with_value_requirement_and_fix() -> None:
    error = rejected(maxReceiveCount="3", alarmEmail="nobody", apiClients="[]", batchSize="50")
    keys = [problem.key for problem in error.problems]
    assert sorted(keys) == ["alarmEmail", "apiClients", "batchWindowSeconds", "maxReceiveCount"]
    assert str(error).splitlines()[:3] == [
        "The configuration of stack dev has 4 problems; nothing was deployed.",
        '  maxReceiveCount is "3"; it must be a whole number from 5 to 1000',
        "    pulumi config set --stack dev maxReceiveCount 5",
    ]


def test_threshold_stored_as_string_becomes_a_number() -> None:
    settings = read(alarms=json.dumps({"queue-age": {"threshold": "0.5"}, "api-5xx": {"enabled": False}}))
    assert dict(settings.alarms) == {"queue-age": AlarmOverride(threshold=0.5), "api-5xx": AlarmOverride(enabled=False)}


@pytest.mark.parametrize(
    ("alarms", "words"),
    [
        ({"queue-aeg": {"enabled": False}}, "there is no alarm queue-aeg: did you mean queue-age?"),
        ({"qqq": {"enabled": False}}, "there is no alarm qqq: the ids are the headings of docs/runbook.md"),
        ({"consumer-down": {"threshold": 1}}, "consumer-down combines other alarms and has no threshold"),
    ],
)
def test_invalid_alarm_override_names_the_nearest_id_or_the_reason(alarms: dict[str, Any], words: str) -> None:
    (problem,) = rejected(alarms=json.dumps(alarms)).problems
    assert problem.key == "alarms"
    assert words in str(problem)


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("consumerMaxConcurency", "; did you mean consumerMaxConcurrency?"),
        ("event-procesing:batchSize", "; did you mean batchSize?"),
        ("aws:regoin", "; did you mean aws:region?"),
        ("region", "; did you mean aws:region?"),
        ("xyz", ""),
    ],
)
def test_key_that_is_not_read_is_rejected_with_the_closest_match(key: str, hint: str) -> None:
    (problem,) = rejected(**{key: "5"}).problems
    assert str(problem).splitlines() == [
        f'{key} is "5"; it must be removed, because the program does not read it{hint}',
        f"    pulumi config rm --stack dev {key}",
    ]


@pytest.mark.parametrize("key", ["accessKey", "secretKey", "token", "endpoints", "defaultTags", "skipRegionValidation"])
def test_setting_of_the_provider_that_is_not_passed_on_is_rejected(key: str) -> None:
    (problem,) = rejected(**{f"aws:{key}": "x"}).problems
    assert "the program does not read it; " in problem.requirement


def test_roles_to_assume_become_arguments_of_the_provider() -> None:
    role = {"roleArn": "arn:aws:iam::123456789012:role/deploy", "externalId": "1"}
    (found,) = read(**{"aws:assumeRoles": json.dumps([role])}).assume_roles
    assert found == {"role_arn": "arn:aws:iam::123456789012:role/deploy", "external_id": "1"}


def test_production_stack_names_its_account() -> None:
    problems = rejected("prod", **{"aws:allowedAccountIds": "[]", "destroyable": "true"}).problems
    assert [problem.key for problem in problems] == ["aws:allowedAccountIds"]


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/event-processing/docs/runbook.md",
        "http://EXAMPLE.org",
        "https://wiki.example.net:8443/runbook",
        "https://user@example.com?page=1",
    ],
)
def test_runbook_of_a_production_stack_is_at_no_example(url: str) -> None:
    problems = rejected("prod", runbookUrl=url, destroyable="true").problems
    assert [problem.key for problem in problems] == ["runbookUrl"]
    assert problems[0].fix == "pulumi config set --stack prod runbookUrl https://HOST/docs/runbook.md"
    assert read("dev", runbookUrl=url)


@pytest.mark.parametrize(
    "url",
    ["https://example.company/runbook.md", "https://my-example.com", "https://git.internal/example.com/runbook.md"],
)
def test_runbook_elsewhere_is_accepted(url: str) -> None:
    assert read("prod", runbookUrl=url, destroyable="true")


def test_fix_of_a_secret_setting_encrypts_it() -> None:
    (problem,) = rejected(pageEndpoint="pager").problems
    assert problem.fix == "pulumi config set --stack dev --secret pageEndpoint https://HOST/PATH"


def test_keys_of_other_namespaces_are_left_alone() -> None:
    assert read(**{"pulumi:disable-default-providers": '["aws"]', "pulumi:tags": "{}", "datadog:site": "eu"})


def test_secret_value_is_not_shown() -> None:
    for key, value in {"owner": "<hidden>", "ownner": "hidden"}.items():
        with pytest.raises(SettingsError) as error:
            StackSettings.from_raw(ENOUGH | {key: value}, project="event-processing", stack="dev", secret={key})
        assert f"{key} is [secret]; it must be" in str(error.value)
        assert "hidden" not in str(error.value)
