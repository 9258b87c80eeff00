"""The functions' client is served by the embedded cloud without botocore, as it is by DynamoDB."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from handlers.dynamodb_requests import DynamoDbRequests, make_dynamodb_client
from handlers.store import Change, UserRecordStore
from localcloud.emulator.process import Emulator
from tests.fakes.aws import TABLE
from tests.fakes.events import login_event, plenty
from tests.handlers.support import new_session


@pytest.mark.e2e
@pytest.mark.usefixtures("cloud")
def test_answers_of_the_cloud_are_understood_without_botocore(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "AWS_ENDPOINT_URL": emulator.endpoint,
        "AWS_DEFAULT_REGION": emulator.connection.region,
        "AWS_ACCESS_KEY_ID": emulator.connection.access_key_id,
        "AWS_SECRET_ACCESS_KEY": emulator.connection.secret_access_key,
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    client: Any = make_dynamodb_client(new_session(), TABLE, read_timeout_seconds=60)
    assert isinstance(client, DynamoDbRequests)
    sent: list[Any] = []
    client._botocores().client.meta.events.register("before-send.dynamodb", lambda request, **_: sent.append(request))
    with ThreadPoolExecutor(1) as writer:
        store = UserRecordStore(client, TABLE, executor=writer)
        stored = store.read(["u"], plenty).records["u"]
        store.write([Change(stored=stored, events=[login_event("s", user_id="u")])], plenty)
    assert len(store.get("u").record.services) == 1
    assert sent == []
    client.close()
