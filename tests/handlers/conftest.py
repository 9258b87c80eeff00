import logging
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from types import SimpleNamespace

import botocore.endpoint
import pytest
from moto import mock_aws

from handlers.clients import make_client
from handlers.dynamodb_requests import DynamoDbRequests, make_dynamodb_client
from handlers.event_handler import EventHandler
from handlers.quarantine import Quarantine
from handlers.query import Query
from handlers.store import UserRecordStore
from handlers.telemetry import Telemetry
from tests.fakes.aws import TABLE, create_table, messages_in, session
from tests.fakes.emf import read_output
from tests.fakes.events import NOW, TRACE
from tests.fakes.faulty_table import FaultyTable
from tests.fakes.lambda_variables import set_lambda_variables
from tests.handlers.support import READ_SECONDS, Calls, new_session

STACK = "dev"


@pytest.fixture
def aws(monkeypatch):
    """An empty account, and an environment like Lambda's."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_LAMBDA_LOG_LEVEL": "INFO",
        "_X_AMZN_TRACE_ID": TRACE,
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    with mock_aws():
        yield session()


@pytest.fixture
def new_dynamodb(aws):
    """Makes DynamoDB clients as the functions do, for a new table."""
    create_table(aws.client("dynamodb"))
    return lambda: make_client(aws._session, "dynamodb", read_timeout_seconds=2, connections=8)


@pytest.fixture
def dynamodb(new_dynamodb):
    return new_dynamodb()


@pytest.fixture
def calls(dynamodb):
    return Calls(dynamodb)


@pytest.fixture
def sleeps():
    return []


@pytest.fixture
def store(dynamodb, calls, sleeps):
    with ThreadPoolExecutor(8) as writers:  # ends running writes before the next test has a table
        yield UserRecordStore(dynamodb, TABLE, sleep=sleeps.append, jitter=lambda: 0.5, executor=writers)


@pytest.fixture
def dead_letters(aws):
    """The dead-letter queue: its client, URL, calls and messages."""
    client = make_client(aws._session, "sqs", read_timeout_seconds=2)
    url = client.create_queue(QueueName="dead-letters")["QueueUrl"]
    watched = Calls(client)
    return SimpleNamespace(client=client, url=url, calls=watched, everything=lambda: list(messages_in(client, url)))


@pytest.fixture
def quarantine(dead_letters):
    return Quarantine(lambda: dead_letters.client, dead_letters.url, now=lambda: NOW)


@pytest.fixture
def new_telemetry(aws, capsys):
    """Makes telemetry that writes to this test's output, and removes its loggers afterwards."""
    root = logging.getLogger()
    level = root.level
    made = set()

    def make(service):
        logging.Logger.manager.loggerDict.pop(service, None)
        made.add(service)
        telemetry = Telemetry(service, STACK, "1.2.3")
        # pytest replaces sys.stdout between the setup of a test and its run.
        stdout = SimpleNamespace(write=lambda text: sys.stdout.write(text), flush=lambda: sys.stdout.flush())
        vars(telemetry.logger.logger_handler)["stream"] = stdout
        return telemetry

    yield make
    root.setLevel(level)
    for service in made:
        logging.Logger.manager.loggerDict.pop(service, None)


@pytest.fixture
def handle(store, quarantine, new_telemetry):
    """The event handler, as Lambda calls it."""
    telemetry = new_telemetry("event-handler")
    application = EventHandler(store, quarantine, telemetry, max_receive_count=5, now=lambda: NOW)
    return telemetry.entry_point(application.handle)


@pytest.fixture
def query(store, new_telemetry):
    """The query function, as Lambda calls it."""
    telemetry = new_telemetry("query")
    return telemetry.entry_point(Query(store, telemetry).answer)


@pytest.fixture
def emitted(capsys):
    """Reads what was written since the last call."""
    return lambda: read_output(capsys.readouterr().out)


@pytest.fixture
def table():
    """The table behind a socket, which spoils answers."""
    with FaultyTable(TABLE) as table:
        yield table


@pytest.fixture
def backoffs(table, monkeypatch, tmp_path):
    """An environment like Lambda's, and botocore's backoffs, which are not waited for."""
    set_lambda_variables(monkeypatch, tmp_path, AWS_ENDPOINT_URL=f"http://127.0.0.1:{table.port}")
    slept = []
    monkeypatch.setattr(botocore.endpoint, "time", SimpleNamespace(sleep=slept.append))
    return slept


@pytest.fixture
def ours(backoffs):
    """Makes the functions' clients of the table."""
    with ExitStack() as stack:

        def make(connections=1, session=None, read_seconds=READ_SECONDS):
            client = make_dynamodb_client(
                session or new_session(), TABLE, read_timeout_seconds=read_seconds, connections=connections
            )
            assert isinstance(client, DynamoDbRequests)
            stack.callback(client.close)
            return client

        yield make


@pytest.fixture
def theirs(backoffs):
    """Makes botocore's clients of the table."""
    with ExitStack() as stack:

        def make(read_seconds=READ_SECONDS):
            client = make_client(new_session(), "dynamodb", read_timeout_seconds=read_seconds)
            stack.callback(client.close)
            return client

        yield make
