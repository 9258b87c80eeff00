"""What observing costs: a share of the cheapest request, what fits into a second, and the memory of traces."""

import json
import statistics
import time
import tracemalloc

import pytest
import requests
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from localcloud.emulator.process import Emulator
from localcloud.observatory.clock import RealClock
from localcloud.observatory.meter import Meter
from localcloud.observatory.retention import RetainedMetrics
from localcloud.observatory.traces import daemon
from localcloud.observatory.traces.store import TraceStore
from tests.fakes import segments
from tests.fakes.segments import START, datagram

SHARE_MAX = 0.25
LINES_A_SECOND = 10_000


def test_ten_thousand_log_lines_take_less_than_a_second():
    names = [f"m{number}" for number in range(8)]
    metrics = [{"Name": name, "Unit": "Count"} for name in names]
    directive = {"Namespace": "N", "Dimensions": [["service", "stack"]], "Metrics": metrics}
    aws = {"Timestamp": round(time.time() * 1000), "CloudWatchMetrics": [directive]}
    emf = json.dumps({"_aws": aws, "service": "s", "stack": "dev"} | dict.fromkeys(names, 1))
    lines = [emf, json.dumps({"level": "INFO", "message": "x" * 300})] * (LINES_A_SECOND // 2)
    meter = Meter(RetainedMetrics(), RealClock())
    began = time.process_time()
    meter.log_lines("g", lines)
    assert time.process_time() - began < 1


def test_thousand_traces_are_kept_in_a_second_and_read_in_another():
    kept = TraceStore(RealClock())
    sent = [datagram(part) for number in range(1_000) for part in segments.request(f"1-695b0f00-{number:024x}")]
    began = time.process_time()
    for document in sent:
        daemon.receive(kept, document)
    received = time.process_time() - began
    assert kept.counts.kept == len(sent)
    assert len(kept.between(START, START + 1)) == 1_000
    assert (received < 1, time.process_time() - began - received < 1) == (True, True)


def test_traces_that_somebody_reads_take_eight_times_their_documents_at_most():
    kept = TraceStore(RealClock())
    for number in range(100):
        for part in segments.request(f"1-695b0f00-{number:024x}"):
            kept.put(part)
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        assert len(kept.between(START, START + 1)) == 100
        assert tracemalloc.get_traced_memory()[0] - before < 8 * kept.size
    finally:
        tracemalloc.stop()


@pytest.mark.soak
def test_metering_takes_at_most_a_quarter_of_a_get_item():
    """Two emulators, one unplugged, are measured in turns, so that noise of the machine meets both."""
    with Emulator.start() as observed, Emulator.start(options=["--unplugged=all"]) as plain:
        requests_and_seconds = [(_get_item(emulator), []) for emulator in (observed, plain)]
        with requests.Session() as session:
            for turn in range(2_200):
                for request, seconds in requests_and_seconds:
                    began = time.perf_counter()
                    response = session.send(request)
                    if turn >= 200:
                        seconds.append(time.perf_counter() - began)
                    assert response.status_code == 200, response.text
        with_meter, without = (statistics.median(seconds) for _, seconds in requests_and_seconds)
        assert with_meter / without - 1 <= SHARE_MAX


def _get_item(emulator: Emulator) -> requests.PreparedRequest:
    """A signed request for an item of a new table. Its signature is the same each time, so that it costs nothing."""
    emulator.client("dynamodb").create_table(
        TableName="table",
        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    headers = {"X-Amz-Target": "DynamoDB_20120810.GetItem", "Content-Type": "application/x-amz-json-1.0"}
    body = json.dumps({"TableName": "table", "Key": {"k": {"S": "x"}}})
    request = AWSRequest("POST", f"{emulator.endpoint}/", headers, body)
    SigV4Auth(Credentials(emulator.access_key_id, emulator.secret_access_key), "dynamodb", emulator.region).add_auth(
        request
    )
    return requests.Request("POST", f"{emulator.endpoint}/", dict(request.headers.items()), data=body).prepare()
