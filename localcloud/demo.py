"""The story of `make demo`: logins are sent, stored and queried, and every result is checked.

It uses the stack as its users do: a producer sends with `python -m ops send`, and a client queries with
`python -m ops query`. Everything else is read from the cloud with boto3.
"""

import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from handlers.vocabulary import METRICS_NAMESPACE, ErrorCode, MetricName
from localcloud.cloud import LocalCloud
from localcloud.cloudwatch.emf import read_samples
from localcloud.progress import Progress

PROJECT = Path(__file__).resolve().parents[1]
STORY_STEPS = 6
"""How many steps of a `Progress` the story has."""
DEADLINE_SECONDS = 120  # on a busy machine
POLL_SECONDS = 0.1

SERVICES = {"mail": "Web mail", "wiki": "Team wiki", "pay": "Payroll"}


class UnexpectedAnswerError(Exception):
    """The stack did something unexpected; the text says what was expected and what was found."""


@dataclass(frozen=True)
class Story:
    """The bodies of twelve events, in sending order, and the expected result."""

    bodies: list[str]
    invalid_body: str
    expected: dict[str, dict[str, str]]  # user -> service -> newest login
    valid: int


def write_story(now: datetime) -> Story:
    """Return twelve events of four users: one is sent twice, one is older than the stored login, one is invalid."""
    start = now.replace(microsecond=0) - timedelta(hours=2)

    def body(user: str, service: str, minute: int) -> str:
        at = (start + timedelta(minutes=minute)).isoformat().replace("+00:00", "Z")
        event = {"user_id": user, "service_id": service, "service_name": SERVICES[service], "timestamp": at}
        return json.dumps(event)

    valid = [
        body("ada", "mail", 0),
        body("ada", "wiki", 5),
        body("ada", "mail", 30),
        body("ada", "mail", 30),  # the same login, sent twice
        body("ada", "wiki", 1),  # older than the wiki login above
        body("grace", "mail", 2),
        body("grace", "pay", 12),
        body("grace", "wiki", 40),
        body("linus", "pay", 7),
        body("linus", "pay", 50),
        body("margaret", "wiki", 20),
    ]
    invalid = (
        '{"user_id": "margaret",  "service_id": "pay", "service_name": "Payroll \\u20ac", "timestamp": "yesterday"}'
    )
    expected: dict[str, dict[str, str]] = {}
    for event in map(json.loads, valid):
        logins = expected.setdefault(event["user_id"], {})
        logins[event["service_id"]] = max(event["timestamp"], logins.get(event["service_id"], ""))
    return Story([*valid[:6], invalid, *valid[6:]], invalid, expected, len(valid))


def run_story(cloud: LocalCloud, outputs_file: Path, progress: Progress) -> None:
    """Run the story against a deployed stack; raises UnexpectedAnswerError at the first surprise."""
    story = write_story(datetime.now(UTC))

    with progress.step(f"Send {len(story.bodies)} events for {len(story.expected)} users") as step:
        # Events that are not accepted go into the cloud's directory, which is removed with it.
        send = ("send", "--file", "-", "--raw", "--failed", str(cloud.directory / "failed.jsonl"))
        run_ops(*send, "--outputs", str(outputs_file), stdin="\n".join(story.bodies))
        step.note("one twice, one late, one invalid")

    with progress.step("Wait until the events are handled"):
        wait_for("the table", story.expected, lambda: newest_logins(cloud))
        wait_for("the number of dead letters", 1, lambda: dead_letters(cloud))

    with progress.step("Query the API with a token"):
        answer = json.loads(run_ops("query", "ada", "--json", "--outputs", str(outputs_file)))
        wanted = sorted(story.expected["ada"].items(), key=lambda login: login[1], reverse=True)
        found = [(service["service_id"], service["last_accessed"]) for service in answer["services"]]
        _expect("ada's services", wanted, found)
    progress.show("$ python -m ops query ada --json", json.dumps(answer, indent=2))

    with progress.step("Query the API without a token"):
        import requests  # here, as boto3 below, because `up` need not wait for it

        with requests.Session() as session:
            session.trust_env = False  # neither a proxy nor a password from ~/.netrc
            rejected = session.get(f"{cloud.outputs['apiUrl']}/users/ada/services", timeout=DEADLINE_SECONDS)
        _expect("the status without a token", 401, rejected.status_code)
    progress.show(f"$ curl {rejected.url}", f"{rejected.status_code} {rejected.text.strip()}")

    with progress.step("Read the dead letter"):
        queue, sqs = cloud.outputs["deadLetterQueueUrl"], cloud.client("sqs")
        # The dead letter stays visible.
        response = sqs.receive_message(QueueUrl=queue, MessageAttributeNames=["All"], VisibilityTimeout=0)
        letter = response["Messages"][0]
        reason = {name: value.get("StringValue", "") for name, value in letter["MessageAttributes"].items()}
        _expect("the invalid event's bytes", story.invalid_body, letter["Body"])
        _expect("the error code", ErrorCode.TIMESTAMP_MALFORMED.value, reason.get("error_code"))
    progress.show("The reason, and the bytes that were sent:", reason["error_detail"], letter["Body"])

    with progress.step("Read the metrics the handlers emitted"):
        wanted_sums = {
            MetricName.EVENT_RECEIVED.value: len(story.bodies),
            MetricName.EVENT_PERSISTED.value: story.valid,
            MetricName.EVENT_INVALID.value: 1,
            MetricName.QUERY_SUCCESS.value: 1,
        }
        wait_for("the metrics", wanted_sums, lambda: _at_most(wanted_sums, metric_sums(cloud)))
    sums = metric_sums(cloud)
    # A sum of version numbers says nothing.
    named = [name for name in MetricName if sums[name] and name is not MetricName.FUNCTION_VERSION]
    counted = [f"{name} {sums[name]:g}" for name in named]
    progress.show(f"Namespace {METRICS_NAMESPACE}, summed:", "  ".join(counted))


def newest_logins(cloud: LocalCloud) -> dict[str, dict[str, str]]:
    """Return what the table contains: user -> service -> newest login."""
    items = cloud.client("dynamodb").scan(TableName=cloud.outputs["tableName"], ConsistentRead=True)["Items"]
    from boto3.dynamodb.types import TypeDeserializer

    deserialize = TypeDeserializer().deserialize
    records = [{name: deserialize(value) for name, value in item.items()} for item in items]
    return {r["user_id"]: {s["service_id"]: s["last_accessed"] for s in r["services"]} for r in records}


def dead_letters(cloud: LocalCloud) -> int:
    """Return how many messages the dead-letter queue holds."""
    queue, attribute = cloud.outputs["deadLetterQueueUrl"], "ApproximateNumberOfMessages"
    response = cloud.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=[attribute])
    return int(response["Attributes"][attribute])


def metric_sums(cloud: LocalCloud) -> Counter[str]:
    """Return the sums of all functions' counters, read from the EMF lines in their log groups."""
    sums: Counter[str] = Counter()
    for function in cloud.outputs["functions"].values():
        for sample in read_samples(log_lines(cloud, function)):
            # Sums of milliseconds or bytes would mean nothing.
            sums[sample.key.name] += int(sample.value) if sample.unit == "Count" else 0
    return sums


def log_lines(cloud: LocalCloud, function: str) -> list[str]:
    """Return everything that a function has logged."""
    group = cloud.client("lambda").get_function_configuration(FunctionName=function)["LoggingConfig"]["LogGroup"]
    pages = cloud.client("logs").get_paginator("filter_log_events").paginate(logGroupName=group)
    return [line["message"] for page in pages for line in page["events"]]


def _at_most(limits: dict[str, int], sums: Counter[str]) -> dict[str, float]:
    """Return the sums, cut to the expected values: a batch that is retried is counted twice."""
    return {name: min(sums[name], limit) for name, limit in limits.items()}


def run_ops(*arguments: str, stdin: str = "") -> str:
    """Run an operator's command and return what it printed; UnexpectedAnswerError if it fails."""
    result = subprocess.run(
        [sys.executable, "-m", "ops", *arguments],
        input=stdin,
        cwd=PROJECT,  # from where Python imports `ops`, unless PYTHONSAFEPATH is set
        env=os.environ | {"PYTHONSAFEPATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode:
        raise UnexpectedAnswerError(f"`python -m ops {arguments[0]}` failed: {result.stderr.strip()}")
    return result.stdout


def _expect(subject: str, wanted: Any, found: Any) -> None:
    if found != wanted:
        raise UnexpectedAnswerError(f"Not as expected: {subject} should be {wanted!r}, but is {found!r}.")


def wait_for(subject: str, wanted: Any, read: Callable[[], Any]) -> None:
    """Read until the wanted value is found; raises UnexpectedAnswerError after the deadline."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while (found := read()) != wanted and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
    _expect(f"{subject} after {DEADLINE_SECONDS} s", wanted, found)
