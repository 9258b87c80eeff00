"""Login events on their way to the source queue, as a producer sends them."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from ops.errors import OperatorError
from ops.stack import StackOutputs

# SendMessageBatch takes ten entries and 1 MiB (SQS quotas); a login event is a few hundred bytes, and one body is
# refused above a tenth, so ten always fit.
BATCH_ENTRIES = 10
BODY_BYTES = 1024 * 1024 // BATCH_ENTRIES


@dataclass(frozen=True)
class Failure:
    """A body the queue did not accept, with SQS's error code."""

    body: str
    code: str


@dataclass(frozen=True)
class Sent:
    """What became of the bodies: message ids in the order sent, and those the queue did not accept."""

    message_ids: list[str]
    failures: list[Failure]


def send_bodies(
    outputs: StackOutputs, bodies: Iterable[str], on_progress: Callable[[int], None] = lambda accepted: None
) -> Sent:
    """Send every body once, in batches of ten; a body is either in `message_ids` or in `failures`, never in neither."""
    sqs = outputs.client("sqs")
    message_ids: list[str] = []
    failures: list[Failure] = []
    for batch in _batches(bodies):
        entries = [{"Id": str(index), "MessageBody": body} for index, body in enumerate(batch)]
        answer = sqs.send_message_batch(QueueUrl=outputs.queue_url, Entries=entries)
        message_ids += [
            entry["MessageId"] for entry in sorted(answer.get("Successful", []), key=lambda e: int(e["Id"]))
        ]
        failures += [Failure(batch[int(entry["Id"])], entry["Code"]) for entry in answer.get("Failed", [])]
        on_progress(len(message_ids))
    return Sent(message_ids, failures)


def _batches(bodies: Iterable[str]) -> Iterator[list[str]]:
    iterator = iter(bodies)
    while batch := list(islice(iterator, BATCH_ENTRIES)):
        for body in batch:
            if len(body.encode()) > BODY_BYTES:
                raise OperatorError(
                    f"One event is larger than {BODY_BYTES} bytes: a login event holds four short strings."
                )
        yield batch
