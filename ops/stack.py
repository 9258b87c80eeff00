"""A deployed stack as its outputs describe it, in AWS or in the embedded cloud."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any
from urllib.parse import urlsplit

from handlers.vocabulary import EVENT_HANDLER_SERVICE, PROBE_SERVICE, QUERY_SERVICE
from ops import local_stack
from ops.errors import OperatorError

PROJECT = Path(__file__).parents[1]  # not resolved, because a folder of links to a project is a project too
LOCAL_OUTPUTS = Path(".localcloud/outputs.json")


@dataclass(frozen=True, kw_only=True)
class ApiClient:
    """A client of the API, as the user pool knows it."""

    client_id: str
    client_secret: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class StackOutputs:
    """The outputs that the commands need; the repr omits secrets."""

    queue_url: str
    dead_letter_queue_url: str
    table_name: str
    api_url: str
    token_url: str
    api_scope: str
    api_clients: Mapping[str, ApiClient]
    functions: Mapping[str, str]
    """Physical name by role: `event-handler` and `query`."""
    alarm_topics: Mapping[str, str]
    """ARN by severity."""
    dashboard_urls: Mapping[str, str]
    region: str
    release: str | None = None
    """`immediate` or `gradual`; None if the stack was deployed without versions."""
    versions_kept: int | None = None
    user_pool_id: str | None = None
    """None if the stack was deployed before clients could be rotated."""
    probe_function: str | None = None
    """Physical name of the probe, which is part of no release; None if the stack has no probe."""
    endpoint: str | None = None
    access_key_id: str | None = field(default=None, repr=False)
    secret_access_key: str | None = field(default=None, repr=False)
    _clients: dict[str, Any] = field(default_factory=dict, init=False, repr=False, compare=False)
    _making: Lock = field(default_factory=Lock, init=False, repr=False, compare=False)
    _log_groups: dict[str, str] = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def physical_prefix(self) -> str:
        """`{project}-{stack}`, the prefix of every alarm name."""
        return self.functions[EVENT_HANDLER_SERVICE].removesuffix(f"-{EVENT_HANDLER_SERVICE}")

    @property
    def all_functions(self) -> Mapping[str, str]:
        """The physical name of each function by role, with that of the probe."""
        return {**self.functions, **({PROBE_SERVICE: self.probe_function} if self.probe_function else {})}

    def client(self, service: str) -> Any:
        """Return a boto3 client, with the operator's own credentials in AWS and the outputs' in the embedded cloud.

        There is one for each service: making a client takes longer than most calls. Several threads may ask for one.
        """
        with self._making:  # no two threads may make clients of a session at once
            if service not in self._clients:
                self._clients[service] = self._make_client(service)
            return self._clients[service]

    def log_group(self, function: str) -> str:
        """Return the log group of a function, which AWS is asked for once: it stays as long as the function."""
        if function not in self._log_groups:
            found = self.client("lambda").get_function_configuration(FunctionName=function)
            self._log_groups[function] = found["LoggingConfig"]["LogGroup"]
        return self._log_groups[function]

    def _make_client(self, service: str) -> Any:
        from ops.clients import aws_client, embedded_client  # here, because boto3 is slow to import

        if self.endpoint is None:
            return aws_client(service, self.region)
        return embedded_client(service, self.region, self.endpoint, self.access_key_id, self.secret_access_key)

    def api_client(self, name: str | None) -> ApiClient:
        """Return the named API client, or the only one; raises OperatorError when there are several or none."""
        if not self.api_clients:
            raise OperatorError("The stack has no API client. Add a name to the setting apiClients, then deploy again.")
        if name is None:
            if len(self.api_clients) > 1:
                raise OperatorError(f"The stack has several API clients. Choose one with --client: {self._names()}.")
            name = next(iter(self.api_clients))
        if name not in self.api_clients:
            raise OperatorError(f"The stack has no API client {name!r}. It has: {self._names()}.")
        return self.api_clients[name]

    def _names(self) -> str:
        return ", ".join(sorted(self.api_clients))


def load_outputs(stack: str | None, outputs: Path | None) -> StackOutputs:
    """Return the outputs of the stack that the options name; raises OperatorError when they cannot be read.

    `stack` is read through the Pulumi CLI, `outputs` from a file that `python -m localcloud up` wrote. Without either,
    they are those of the embedded cloud running in this folder, or else in the folder of this program.
    """
    if stack is not None and outputs is not None:
        raise OperatorError("--stack and --outputs both name a stack. Use one of them.")
    if stack is not None:
        # First, because the state of stack local ends with its cloud.
        connection = local_connection() if short_stack_name(stack) == local_stack.STACK else {}
        try:
            text = run_pulumi("stack", "output", "--json", "--show-secrets", "--stack", stack)
        except PulumiError as error:
            remedy = "To read them from a file, use --outputs FILE."
            if connection:
                remedy = f"To use the running cloud in this terminal: {local_stack.ENVIRONMENT}"
            raise OperatorError(f"The outputs of stack {stack} cannot be read: {error}. {remedy}") from None
        return parse_outputs(json.dumps(json.loads(text) | connection) if connection else text, f"stack {stack}")
    for path in (outputs,) if outputs is not None else (LOCAL_OUTPUTS, PROJECT / LOCAL_OUTPUTS):
        try:
            return parse_outputs(path.read_text(encoding="utf-8"), str(path))
        except FileNotFoundError:
            continue
        except UnicodeDecodeError:
            raise OperatorError(f"{path} does not contain the outputs of a stack (a JSON object).") from None
        except OSError as error:
            raise OperatorError(f"{path} cannot be read: {error.strerror}.") from None
    if outputs is not None:
        raise OperatorError(f"File {outputs} does not exist. Use the file that `localcloud up` printed.")
    raise OperatorError(
        f"No stack was named, and {LOCAL_OUTPUTS} exists neither in this folder nor in {PROJECT}. Start a stack with "
        "`python -m localcloud up`, or name one with --stack or --outputs."
    )


def local_connection() -> dict[str, Any]:
    """Return how to reach the cloud of stack local; raises OperatorError when none is running."""
    # The cloud of the terminal, because its Pulumi CLI reads the state of that cloud.
    named = os.environ.get(local_stack.OUTPUTS_VARIABLE)
    return local_stack.connection((Path(named),) if named else (LOCAL_OUTPUTS, PROJECT / LOCAL_OUTPUTS))


def project_settings() -> dict[str, Any]:
    """Return what the project's Pulumi.yaml contains."""
    import yaml  # here, because most commands need not wait for it

    # The parser in C: 1 ms instead of 11.
    return yaml.load((PROJECT / "Pulumi.yaml").read_text(encoding="utf-8"), yaml.CSafeLoader)


def short_stack_name(text: str) -> str:
    """Return the last part of STACK, ORG/STACK or ORG/PROJECT/STACK; raises OperatorError unless it is in this project.

    The program itself knows its stack by this part alone.
    """
    *owner, name = text.split("/")
    if len(owner) > 2 or not all(re.fullmatch(r"\w[\w.-]{0,99}", part, re.ASCII) for part in (*owner, name)):
        raise OperatorError(f"--stack {text!r} is not a stack's name. Write STACK, ORG/STACK or ORG/PROJECT/STACK.")
    if len(owner) == 2 and owner[1] != (project := project_settings()["name"]):
        raise OperatorError(
            f"--stack {text} is in project {owner[1]}, and this program is project {project}. "
            f"Write {owner[0]}/{project}/{name}."
        )
    return name


def parse_outputs(text: str, source: str) -> StackOutputs:
    """Return the outputs in `text` (JSON); raises OperatorError naming `source` and the missing output."""
    raw: dict[str, Any] = {}
    try:
        raw = json.loads(text)
        return StackOutputs(
            queue_url=_url(raw["queueUrl"]),
            dead_letter_queue_url=_url(raw["deadLetterQueueUrl"]),
            table_name=raw["tableName"],
            api_url=_url(raw["apiUrl"]),
            token_url=_url(raw["tokenUrl"]),
            api_scope=raw["apiScope"],
            api_clients={
                # Cognito names no secret after a rotation whose new secret is not in the settings.
                name: ApiClient(client_id=client["clientId"], client_secret=client["clientSecret"] or "")
                for name, client in raw["apiClients"].items()
            },
            functions={role: raw["functions"][role] for role in (EVENT_HANDLER_SERVICE, QUERY_SERVICE)},
            alarm_topics=dict(raw["alarmTopics"]),
            dashboard_urls=dict(raw["dashboardUrls"]),
            # A stack in AWS does not export its region; every ARN in its outputs contains it.
            region=raw.get("region") or raw["alarmTopics"]["p1"].split(":")[3],
            release=raw.get("release"),
            versions_kept=int(raw["versionsKept"]) if "versionsKept" in raw else None,
            user_pool_id=raw.get("userPoolId"),
            probe_function=raw.get("probeFunction"),
            endpoint=_url(raw["endpoint"]) if "endpoint" in raw else None,
            access_key_id=raw.get("accessKeyId"),
            secret_access_key=raw.get("secretAccessKey"),
        )
    except KeyError as error:
        if "pulumiStack" in raw:
            raise OperatorError(
                f"{source} is of a cloud into which the Pulumi CLI deploys. Use --stack {raw['pulumiStack']}."
            ) from None
        raise OperatorError(f"{source} has no output {error}. Deploy it with this version of the program.") from None
    except (ValueError, TypeError, AttributeError, IndexError, RecursionError):
        raise OperatorError(f"{source} does not contain the outputs of a stack (a JSON object).") from None


def _url(value: str) -> str:
    # urlsplit raises ValueError for a host that is none.
    if urlsplit(value).scheme not in ("http", "https") or not urlsplit(value).hostname:
        raise ValueError("not a URL")
    return value


class PulumiError(Exception):
    """Why the Pulumi CLI could not be run, or what it reported last; a clause without a full stop."""


def run_pulumi(*arguments: str) -> str:
    """Return what `pulumi ARGUMENTS` printed, run in the project's folder; raises PulumiError when that fails."""
    cli = shutil.which("pulumi")
    if cli is None:
        raise PulumiError("the Pulumi CLI is not on PATH")
    # Absolute, because an entry of PATH may be relative to another folder than the project's.
    command = [str(Path(cli).absolute()), *arguments, "--non-interactive"]
    try:
        result = subprocess.run(
            command, cwd=PROJECT, capture_output=True, check=False, encoding="utf-8", errors="replace"
        )
    except OSError as error:
        raise PulumiError(f"{cli} cannot be run: {error.strerror}") from None
    if result.returncode != 0:
        reason = (result.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise PulumiError(f"`pulumi {arguments[0]}` failed: {reason}")
    return result.stdout
