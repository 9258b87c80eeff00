"""An answer has the content type of AWS, which is found without reading the model of its service."""

import json
import subprocess
import sys

import botocore.session
import pytest

from localcloud.emulator.service_metadata import metadata
from tests.fakes.checkout import ROOT

USED = ("apigateway", "cloudwatch", "cognito-idp", "dynamodb", "iam", "lambda", "logs", "sns", "sqs", "xray")
WITHOUT_HEAD = ("apigatewayv2", "absent")
# In a process of its own, because importing ministack starts its services.
PROGRAM = f"""
import json, sys
from ministack.core import responses
from localcloud.emulator.content_type_seams import read_only_the_metadata

SERVICES = [*{USED}, "monitoring", "states", *{WITHOUT_HEAD}]
KINDS = ("application/json", "application/xml", "text/plain")

def content_types():
    return [[responses.expected_success_content_type(service, kind) for kind in KINDS] for service in SERVICES]

whole = responses._service_model
read_only_the_metadata()
found, read = content_types(), whole.cache_info().misses
operation = responses._service_model("sqs").operation_model("SendMessage").name
responses._service_model = whole
print(json.dumps([found, content_types(), read, operation]))
"""


@pytest.mark.parametrize("service", USED)
def test_metadata_is_that_of_the_whole_model(service: str):
    assert metadata(service) == botocore.session.get_session().get_service_model(service).metadata


@pytest.mark.parametrize("service", WITHOUT_HEAD)
def test_file_of_another_form_has_none(service: str):
    assert metadata(service) is None


def test_content_types_are_those_of_whole_models_which_are_not_read():
    ran = subprocess.run([sys.executable, "-c", PROGRAM], cwd=ROOT, capture_output=True, text=True, check=True)
    found, expected, read, operation = json.loads(ran.stdout)
    assert found == expected
    assert len({kind for kinds in expected for kind in kinds}) > 3, "services differ"
    assert read == len(WITHOUT_HEAD), "the control: those are read as ever"
    assert operation == "SendMessage"
