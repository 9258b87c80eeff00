"""The environment of a function, read once and frozen; one error names every missing variable."""

from collections.abc import Mapping
from dataclasses import dataclass

from handlers.vocabulary import Environment


class SettingsError(Exception):
    """The function was deployed with an environment it cannot work with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QuerySettings:
    """The configuration of the query function."""

    table_name: str
    stack: str
    version: str

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> "QuerySettings":
        """The settings in `environ`."""
        values = _require(environ, Environment.TABLE_NAME, Environment.STACK, Environment.VERSION)
        return cls(
            table_name=values[Environment.TABLE_NAME],
            stack=values[Environment.STACK],
            version=values[Environment.VERSION],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class EventHandlerSettings:
    """The configuration of the event handler."""

    table_name: str
    dead_letter_queue_url: str
    max_receive_count: int
    stack: str
    version: str

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> "EventHandlerSettings":
        """The settings in `environ`."""
        values = _require(
            environ,
            Environment.TABLE_NAME,
            Environment.DEAD_LETTER_QUEUE_URL,
            Environment.MAX_RECEIVE_COUNT,
            Environment.STACK,
            Environment.VERSION,
        )
        count = values[Environment.MAX_RECEIVE_COUNT]
        if not (count.isascii() and count.isdigit() and int(count) > 0):
            raise SettingsError(
                f"{Environment.MAX_RECEIVE_COUNT} is {count!r}; it must be a whole number of 1 or more, "
                "the maxReceiveCount of the queue's redrive policy."
            )
        return cls(
            table_name=values[Environment.TABLE_NAME],
            dead_letter_queue_url=values[Environment.DEAD_LETTER_QUEUE_URL],
            max_receive_count=int(count),
            stack=values[Environment.STACK],
            version=values[Environment.VERSION],
        )


def _require(environ: Mapping[str, str], *names: Environment) -> dict[Environment, str]:
    missing = [name for name in names if not environ.get(name)]
    if missing:
        raise SettingsError(
            f"Environment variables missing or empty: {', '.join(missing)}. Configure them on the function."
        )
    return {name: environ[name] for name in names}
