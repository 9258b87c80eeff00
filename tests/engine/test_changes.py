"""Changes of settings that once lost data or stopped half-way."""

from collections.abc import Iterator
from typing import Any

import pytest

from tools.terminal import Terminal

PROTECTED: dict[str, Any] = {"protect": True, "deletionProtection": True}


@pytest.fixture
def encrypted(deployed: Terminal) -> Iterator[Terminal]:
    """A terminal whose stack is protected and encrypted with a customer key."""
    with deployed.settings(cmk=True, **PROTECTED):
        deployed.up()
        yield deployed


def test_key_outlives_what_it_encrypted(encrypted: Terminal) -> None:
    account = encrypted.account
    tables, kms, sqs = account.client("dynamodb"), account.client("kms"), account.client("sqs")
    (name,) = tables.list_tables()["TableNames"]
    key = tables.describe_table(TableName=name)["Table"]["SSEDescription"]["KMSMasterKeyArn"]
    with encrypted.settings(cmk=False, protect=False, deletionProtection=False):
        encrypted.up()
        assert encrypted.plan() == []
        assert tables.describe_table(TableName=name)["Table"].get("SSEDescription", {}).get("Status") != "ENABLED"
        assert kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "Enabled"
        for url in sqs.list_queues()["QueueUrls"]:
            attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
            assert not attributes.get("KmsMasterKeyId")
    assert encrypted.up()["create"] == 1, "a new key, because the first is no longer of the stack"


def test_key_that_pulumi_deletes_is_seen(deployed: Terminal) -> None:
    """The control: a program that does not keep the key schedules its deletion."""
    account = deployed.account
    with deployed.edited("components/encryption.py", "retain_on_delete=True", "retain_on_delete=False"):
        with deployed.settings(cmk=True):
            deployed.up()
            (table,) = account.client("dynamodb").list_tables()["TableNames"]
            described = account.client("dynamodb").describe_table(TableName=table)["Table"]
            key = described["SSEDescription"]["KMSMasterKeyArn"]
        deployed.up()
    assert account.client("kms").describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "PendingDeletion"


def test_role_of_api_gateway_survives_several_lives(deployed: Terminal) -> None:
    with deployed.settings(manageApiGatewayAccount=True):
        assert deployed.up()["create"] > 0
    deployed.up()
    with deployed.settings(manageApiGatewayAccount=True):
        assert deployed.up()["create"] > 0
        deployed.pulumi("destroy", "--yes", "--skip-preview")
        assert deployed.up()["create"] > 0
        assert deployed.plan() == []
