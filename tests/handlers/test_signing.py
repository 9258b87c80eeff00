"""Requests that are prepared without botocore are signed as botocore signs them, whatever they hold."""

import time
from datetime import UTC, datetime
from typing import Any

import botocore.auth
import pytest
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given, settings
from hypothesis import strategies as st

from handlers.signing import Signer

KEYS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=64)
NAMES = st.from_regex(r"[a-z][a-z0-9-]{0,30}", fullmatch=True)
PORTS = st.sampled_from(["", ":8000"])
BODIES = st.binary(max_size=300)
INSTANTS = st.datetimes(datetime(2020, 1, 1), datetime(2090, 1, 1))  # noqa: DTZ001
INPUTS = (KEYS, KEYS, st.none() | KEYS, NAMES, NAMES, PORTS, NAMES, BODIES, INSTANTS)
CONTENT_TYPE = "application/x-amz-json-1.0"


def signed_by_botocore(
    credentials: Credentials, region: str, host: str, target: str, body: bytes, now: datetime
) -> Any:
    headers = {"X-Amz-Target": target, "Content-Type": CONTENT_TYPE, "User-Agent": "event-processing"}
    request = AWSRequest(method="POST", url=f"https://{host}/", data=body, headers=headers)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(botocore.auth, "get_current_datetime", lambda: now.replace(tzinfo=UTC))
        botocore.auth.SigV4Auth(credentials, "dynamodb", region).add_auth(request)
    return request.headers


@pytest.mark.parametrize("examples", [25, pytest.param(5_000, marks=pytest.mark.soak)])
def test_signature_equals_that_of_botocore(examples: int) -> None:
    settings(max_examples=examples, deadline=None)(given(*INPUTS)(assert_signed_alike))()


def assert_signed_alike(
    access_key: str,
    secret_key: str,
    token: str | None,
    region: str,
    name: str,
    port: str,
    operation: str,
    body: bytes,
    now: datetime,
) -> None:
    credentials = Credentials(access_key, secret_key, token)
    host, target = f"{name}.amazonaws.com{port}", f"DynamoDB_20120810.{operation}"
    theirs = signed_by_botocore(credentials, region, host, target, body, now)
    signer = Signer(host=host, content_type=CONTENT_TYPE, region=region, service="dynamodb")
    timestamp = time.strftime("%Y%m%dT%H%M%SZ", now.timetuple())
    frozen: Any = credentials.get_frozen_credentials()
    ours = signer.authorization(frozen, timestamp=timestamp, target=target, body=body)
    assert ours == theirs["Authorization"]
    # Control: every input is part of the signature.
    for other in ({"body": body + b" "}, {"target": target + "s"}, {"timestamp": "20190101T000000Z"}):
        inputs: Any = {"body": body, "target": target, "timestamp": timestamp} | other
        assert signer.authorization(frozen, **inputs) != ours
