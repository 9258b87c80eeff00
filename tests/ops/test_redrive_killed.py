"""A redrive that is killed at any moment loses nothing: every message is in one queue or in both."""

import json
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from botocore import xform_name
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.sqs.models import sqs_backends

from tests.fakes.checkout import ROOT
from tests.fakes.waiting import HANG_SECONDS
from tests.ops.queues import REGION, TwoQueues, login

LETTERS = [login(f"user-{number}") for number in range(12)]  # two batches

REDRIVE = "from ops import dead_letter_queue as queue; queue.WAIT_SECONDS = 0; from ops.__main__ import app; app()"
# The control deletes a batch before it sends it, so that in between the batch is in no queue.
DELETE_FIRST = f"""
from ops.redrive import Redrive
send = Redrive._send
def delete_and_send(self, batch):
    self._held.delete(batch)
    return send(self, batch)
Redrive._send = delete_and_send
{REDRIVE}
"""


@dataclass
class Killer:
    """SQS over HTTP, which kills the client at a chosen request, before executing it or before responding."""

    sqs: Any
    process: subprocess.Popen[bytes] | None = None
    action: str = ""
    number: int = 0
    when: str = ""
    seen: Counter[str] = field(default_factory=Counter)

    def answer(self, action: str, request: dict[str, Any]) -> dict[str, Any] | None:
        """Return the response of SQS, or None when the client was killed."""
        self.seen[action] += 1
        is_chosen = (action, self.seen[action]) == (self.action, self.number)
        answer = None if is_chosen and self.when == "before" else getattr(self.sqs, xform_name(action))(**request)
        if not is_chosen:
            return answer
        assert self.process is not None
        self.process.kill()
        return None

    def run(self, queues: TwoQueues, program: str, action: str = "", number: int = 0, when: str = "") -> int:
        """Redrive everything and kill the process at that request; return its exit code."""
        self.action, self.number, self.when = action, number, when
        self.seen.clear()
        arguments = ["dead-letters", "redrive", "--reason", "gave-up", "--yes", "--outputs", str(queues.outputs)]
        self.process = subprocess.Popen(
            [sys.executable, "-c", program, *arguments], cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            return self.process.wait(HANG_SECONDS)
        finally:
            self.process.kill()


def handler_of(killer: Killer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        """The JSON protocol of SQS, without errors."""

        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            answer = killer.answer(self.headers["X-Amz-Target"].rpartition(".")[2], body)
            if answer is None:
                self.close_connection = True
                return
            content = json.dumps({name: value for name, value in answer.items() if name != "ResponseMetadata"}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/x-amz-json-1.0")
            self.send_header("x-amzn-RequestId", "r")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is http.server's
            pass

    return Handler


@pytest.fixture
def killer(queues: TwoQueues) -> Iterator[Killer]:
    """A server in front of the queues, to which the outputs point."""
    killer = Killer(queues.sqs)
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler_of(killer))
    server.daemon_threads = False  # so that closing the server waits for pending requests
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    outputs = json.loads(queues.outputs.read_text()) | {"endpoint": f"http://127.0.0.1:{server.server_port}"}
    queues.outputs.write_text(json.dumps(outputs))
    yield killer
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def buried(queues: TwoQueues) -> TwoQueues:
    for body in LETTERS:
        queues.bury(body)
    return queues


def lost(queues: TwoQueues) -> set[str]:
    return set(LETTERS) - set(queues.bodies("source")) - set(queues.bodies("letters"))


def time_passes(queues: TwoQueues) -> None:
    """Make the messages that the killed process held visible again."""
    for message in sqs_backends[DEFAULT_ACCOUNT_ID][REGION].queues["letters"]._messages:
        message.change_visibility(0)


@pytest.mark.parametrize(
    ("action", "number", "when", "sent", "left"),
    [
        ("ReceiveMessage", 2, "after", 0, 12),
        ("SendMessageBatch", 1, "before", 0, 12),
        ("SendMessageBatch", 1, "after", 10, 12),
        ("DeleteMessageBatch", 1, "after", 10, 2),
    ],
)
def test_killed_redrive_loses_nothing(
    killer: Killer, buried: TwoQueues, action: str, number: int, when: str, sent: int, left: int
):
    assert killer.run(buried, REDRIVE, action, number, when) == -signal.SIGKILL
    assert lost(buried) == set()
    assert (len(buried.bodies("source")), len(buried.bodies("letters"))) == (sent, left)


def test_second_run_redrives_the_rest(killer: Killer, buried: TwoQueues):
    assert killer.run(buried, REDRIVE, "SendMessageBatch", 2, "after") == -signal.SIGKILL
    time_passes(buried)
    assert killer.run(buried, REDRIVE) == 0
    assert lost(buried) == set()
    assert buried.bodies("letters") == []
    assert len(buried.bodies("source")) == 14, "two messages twice"


def test_control_deleting_first_loses_messages(killer: Killer, buried: TwoQueues):
    assert killer.run(buried, DELETE_FIRST, "DeleteMessageBatch", 1, "after") == -signal.SIGKILL
    assert len(lost(buried)) == 10
