"""Where the events of a smoke test are when the API does not return them, why, and what to do next."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass

from botocore.exceptions import BotoCoreError, ClientError

from handlers.logins import format_instant
from handlers.stored import StoredRecord
from handlers.vocabulary import EVENT_HANDLER_SERVICE, QUERY_SERVICE
from ops.dead_letter_failures import failures_of
from ops.dead_letter_queue import Queues, hold_letters
from ops.dead_letters import GAVE_UP, DeadLetter
from ops.errors import OperatorError, code_of, explain, pluralize
from ops.health.commands import Commands
from ops.health.consumer import ENABLED, read_consumers
from ops.logs import ERROR_PATTERN, read_function_lines
from ops.smoke_events import SentEvents, Services, describe
from ops.stack import StackOutputs

LETTERS_MAX = 10_000  # dead letters to look through


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Why the API does not return the events, and the command to run next."""

    why: str
    command: str


class Search:
    """Looks for the events, from the place that they reach last to the queue."""

    def __init__(
        self, outputs: StackOutputs, sent: SentEvents, commands: Commands, warn: Callable[[str], None]
    ) -> None:
        self._outputs, self._sent, self._commands, self._warn = outputs, sent, commands, warn
        self._stored: Services | None = None

    def find(self) -> Finding:
        """Return what is known; a place that cannot be looked at is noted and skipped."""
        for look in (self._table, self._dead_letters, self._failures, self._consumer, self._crash):
            try:
                if finding := look():
                    return finding
            except (BotoCoreError, ClientError, OperatorError) as error:
                self._warn(f"Looking for the events, part of the stack could not be read: {explain(error)}")
        if self._stored is not None:
            return Finding(
                why=f"The table has {describe(self._stored)}, and the log has no failure of these events.",
                command=self._commands.ops("logs --since 15m"),
            )
        waiting = "an unknown number of events"
        with suppress(BotoCoreError, ClientError):
            waiting = f"about {pluralize(Queues.of(self._outputs).count_events(), 'event')}"
        return Finding(
            why=f"The events are not in the table, and the log has no failure of them. The queue holds {waiting}.",
            command=self._commands.ops("status"),
        )

    def _table(self) -> Finding | None:
        name = self._outputs.table_name
        try:
            response = self._outputs.client("dynamodb").get_item(
                TableName=name, Key={"user_id": {"S": self._sent.user}}, ConsistentRead=True
            )
        except ClientError as error:
            if code_of(error) != "ResourceNotFoundException":
                raise
            return Finding(why=f"Table {name} does not exist.", command=self._commands.restore())
        if "Item" not in response:
            return None
        services = StoredRecord.of(self._sent.user, response["Item"]).record.services
        self._stored = [(service.service_id, format_instant(service.last_accessed)) for service in services]
        if sorted(self._stored) != sorted(self._sent.expected):
            return None
        why = "The events are in the table, but the API does not return them."
        if stopped := self._stopped(QUERY_SERVICE, why):
            return stopped
        codes = self._errors(QUERY_SERVICE)
        return Finding(
            why=f"{why} The query function fails with {codes}." if codes else why,
            command=self._commands.ops("logs --errors --since 15m"),
        )

    def _dead_letters(self) -> Finding | None:
        queues = Queues.of(self._outputs)
        if not queues.count_dead_letters():  # because looking counts as a receive of every letter
            return None
        with hold_letters(queues, LETTERS_MAX, self._warn, lambda letters: bool(self._own(letters))) as held:
            own = self._own(held.letters)
        if not own:
            return None
        letter = own[0]
        why = f"An event became a dead letter with reason {letter.reason}"
        if letter.reason != GAVE_UP:
            why += f": {letter.attribute_text('error_detail')}"
        elif failure := failures_of(self._outputs, [letter.message_id], self._sent.sent_at).get(letter.message_id):
            why += f" after the failure {failure.error_code}."
        else:
            why += "."
        return Finding(why=why, command=self._commands.ops(f"dead-letters show --message-id {letter.message_id}"))

    def _own(self, letters: Iterable[DeadLetter]) -> list[DeadLetter]:
        return [letter for letter in letters if letter.source_message_id in self._sent.message_ids]

    def _failures(self) -> Finding | None:
        failures = failures_of(self._outputs, self._sent.message_ids, self._sent.sent_at)
        if not failures:
            return None
        message_id, last = max(failures.items(), key=lambda failure: failure[1].at)
        return Finding(
            why=f"The event handler fails with {last.error_code}. The queue delivers the events again.",
            command=self._commands.ops(f"logs --message-id {message_id}"),
        )

    def _consumer(self) -> Finding | None:
        if self._stored is not None:
            return None
        consumers = read_consumers(self._outputs)
        if not consumers:
            return Finding(
                why="The events are not fetched: no event source mapping leads from the queue to the event handler.",
                command=self._commands.restore(),
            )
        if any(consumer.state == ENABLED for consumer in consumers):
            return self._stopped(EVENT_HANDLER_SERVICE, "The events are not handled.")
        return Finding(
            why=f"The events are not fetched: the event source mapping is {consumers[0].state}.",
            command=self._commands.aws(f"lambda update-event-source-mapping --uuid {consumers[0].id} --enabled"),
        )

    def _stopped(self, role: str, why: str) -> Finding | None:
        name = self._outputs.functions[role]
        try:
            concurrency = self._outputs.client("lambda").get_function_concurrency(FunctionName=name)
        except (BotoCoreError, ClientError):  # what was found so far is worth more than a note
            return None
        if concurrency.get("ReservedConcurrentExecutions") != 0:
            return None
        return Finding(
            why=f"{why} The function {role} is stopped: its reserved concurrency is 0.",
            command=self._commands.aws(f"lambda delete-function-concurrency --function-name {name}"),
        )

    def _crash(self) -> Finding | None:
        codes = self._errors(EVENT_HANDLER_SERVICE)
        if not codes:
            return None
        return Finding(
            why=f"The event handler fails with {codes}, before it can handle an event.",
            command=self._commands.ops("logs --errors --since 15m"),
        )

    def _errors(self, role: str) -> str:
        """Return the codes of what a function failed with since the events were sent; empty if nothing is known."""
        try:
            lines = read_function_lines(
                self._outputs, self._outputs.functions[role], since=self._sent.sent_at, pattern=ERROR_PATTERN
            )
        except (BotoCoreError, ClientError, OperatorError):
            return ""
        # A line with a message ID is about one event, which may be of another producer.
        own = (line for line in lines if line.is_error and "message_id" not in line.fields)
        return ", ".join(sorted({line.error_code for line in own}))
