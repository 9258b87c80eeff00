"""The requests that need no botocore are those that botocore would make, in every region and environment."""

import functools
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import botocore.configprovider
import pytest

from handlers import known_requests
from handlers.clients import USER_AGENT, Session, make_client
from handlers.known_requests import known
from handlers.prepared_requests import built_request, form_of
from tests.fakes.aws import TABLE
from tests.fakes.lambda_variables import LAMBDA_VARIABLES, set_lambda_variables

# Not listed in this botocore, which knows what the regions of a partition are called.
FUTURE = {"eu-northwest-7": "aws", "mx-south-12": "aws", "cn-south-9": "aws-cn", "us-gov-south-3": "aws-us-gov"}


@functools.cache
def session() -> Any:
    """One for all regions: loading the models takes longer than everything else."""
    return Session()


@functools.cache
def partitions() -> dict[str, str]:
    """The partition of each region."""
    return FUTURE | {
        region: partition
        for partition in session().get_available_partitions()
        for region in session().get_available_regions("dynamodb", partition)
    }


@pytest.fixture(autouse=True)
def variables(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    set_lambda_variables(monkeypatch, tmp_path)


def differs_from_botocores(region: str, monkeypatch: pytest.MonkeyPatch, **variables: str) -> bool | None:
    """Whether form or signature are others than those of botocore; None if nothing is known."""
    environment = {**LAMBDA_VARIABLES, "AWS_REGION": region, "AWS_DEFAULT_REGION": region, **variables}
    if (requests := known(environment)) is None:
        return None
    with monkeypatch.context() as patched:
        for name, value in variables.items():
            patched.setenv(name, value)
        session().set_config_variable("region", region)
        sample = built_request(make_client(session(), "dynamodb", read_timeout_seconds=1), TABLE)
    theirs = form_of(sample)
    # Powertools adds itself to what botocore sends, if it is loaded.
    assert theirs.user_agent.partition(" ")[0] == USER_AGENT
    return replace(theirs, user_agent=USER_AGENT) != requests.form or not requests.sign_as(sample)


def test_request_of_every_region_is_botocores_or_is_left_to_it(monkeypatch: pytest.MonkeyPatch):
    assert len(partitions()) > 35
    for region, partition in partitions().items():
        expected = False if partition == "aws" else None
        assert differs_from_botocores(region, monkeypatch) is expected, region


def test_control_region_with_another_domain_is_noticed(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(known_requests, "_REGION", re.compile(".*"))
    others = [region for region, partition in partitions().items() if partition != "aws"]
    assert {differs_from_botocores(region, monkeypatch) for region in others if "gov" not in region} == {True}


@pytest.mark.parametrize(
    "variables",
    [
        {"AWS_ENDPOINT_URL": "http://127.0.0.1:4566"},
        {"AWS_ENDPOINT_URL": "http://127.0.0.1:4566/"},
        {"AWS_ENDPOINT_URL": "https://table.example:8443"},
        {"AWS_ENDPOINT_URL": "https://table.example:443"},
        {"AWS_DISABLE_HOST_PREFIX_INJECTION": "true"},
        {"AWS_DISABLE_HOST_PREFIX_INJECTION": "false"},
        {"AWS_ENDPOINT_URL": "http://table.example:80", "AWS_ENDPOINT_URL_DYNAMODB": ""},
        {"AWS_ENDPOINT_URL": "http://table.example:80", "AWS_ENDPOINT_URL_DYNAMODB": "http://table.example:81"},
    ],
    ids=lambda variables: " ".join(variables.values()),
)
def test_request_that_variables_change_is_botocores(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]):
    assert differs_from_botocores("eu-west-1", monkeypatch, **variables) is False


READ_BY_BOTOCORE = sorted(
    {
        name
        for _, names, _, _ in botocore.configprovider.BOTOCORE_DEFAUT_SESSION_VARIABLES.values()
        for name in ([names] if isinstance(names, str) else names or ())
    }
    - {"AWS_DEFAULT_REGION", "AWS_DISABLE_HOST_PREFIX_INJECTION"}
)


@pytest.mark.parametrize(
    "name",
    [
        *READ_BY_BOTOCORE,
        *("AWS_ACCOUNT_ID", "AWS_CREDENTIAL_EXPIRATION", "AWS_CONTAINER_CREDENTIALS_FULL_URI", "BOTO_CONFIG"),
        *("HTTPS_PROXY", "https_proxy", "NO_PROXY", "REQUESTS_CA_BUNDLE", "AWS_SOMETHING_NEW"),
    ],
)
def test_variable_that_botocore_might_read_leaves_the_request_to_it(name: str):
    assert known(LAMBDA_VARIABLES) is not None
    assert known({**LAMBDA_VARIABLES, name: "1"}) is None


@pytest.mark.parametrize(
    "name", ["AWS_LAMBDA_FUNCTION_NAME", "AWS_XRAY_DAEMON_ADDRESS", "AWS_EXECUTION_ENV", "TABLE_NAME"]
)
def test_variable_of_every_function_does_not(name: str):
    assert known({**LAMBDA_VARIABLES, name: "1"}) is not None


@pytest.mark.parametrize("name", ["AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"])
def test_variable_that_is_missing_leaves_the_request_to_botocore(name: str):
    assert known({other: value for other, value in LAMBDA_VARIABLES.items() if other != name}) is None


def test_file_of_configuration_leaves_the_request_to_botocore(tmp_path: Path):
    assert known(LAMBDA_VARIABLES) is not None
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws/config").touch()
    assert known(LAMBDA_VARIABLES) is None
