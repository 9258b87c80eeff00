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
        names = Environment.TABLE_NAME, Environment.STACK, Environment.VERSION
        table_name, stack, version = _require(environ, *names)
        return cls(table_name=table_name, stack=stack, version=version)


@dataclass(frozen=True, slots=True, kw_only=True)
class EventHandlerSettings(QuerySettings):
    """The configuration of the event handler."""

    dead_letter_queue_url: str
    max_receive_count: int

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> "EventHandlerSettings":
        """The settings in `environ`."""
        names = Environment.DEAD_LETTER_QUEUE_URL, Environment.MAX_RECEIVE_COUNT, Environment.STACK, Environment.VERSION
        table_name, url, count, stack, version = _require(environ, Environment.TABLE_NAME, *names)
        if not (count.isascii() and count.isdigit() and int(count) > 0):
            raise SettingsError(
                f"{Environment.MAX_RECEIVE_COUNT} is {count!r}; it must be a whole number of 1 or more, "
                "the maxReceiveCount of the queue's redrive policy."
            )
        return cls(
            table_name=table_name, stack=stack, version=version, dead_letter_queue_url=url, max_receive_count=int(count)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeSettings:
    """The configuration of the probe."""

    queue_url: str
    api_url: str
    api_scope: str
    token_url: str
    client_id: str
    client_secret_parameter: str
    """The name of the parameter that holds the secret, which is in no variable."""
    stack: str
    version: str

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> "ProbeSettings":
        """The settings in `environ`."""
        own = Environment.QUEUE_URL, Environment.API_URL, Environment.API_SCOPE, Environment.TOKEN_URL
        client = Environment.CLIENT_ID, Environment.CLIENT_SECRET_PARAMETER
        names = (*own, *client, Environment.STACK, Environment.VERSION)
        return cls(**{name.value.lower(): value for name, value in zip(names, _require(environ, *names), strict=True)})


def _require(environ: Mapping[str, str], *names: Environment) -> list[str]:
    missing = [name for name in names if not environ.get(name)]
    if missing:
        raise SettingsError(
            f"Environment variables missing or empty: {', '.join(missing)}. Configure them on the function."
        )
    return [environ[name] for name in names]
