"""Saved queries: the questions of an on-call engineer to the logs, ready to run over the right log groups."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import pulumi
import pulumi_aws as aws

from components.monitoring.platform_logs import PlatformLogs
from components.monitoring.signals import Board, Section
from handlers.vocabulary import EVENT_HANDLER_SERVICE, PROBE_SERVICE, QUERY_SERVICE

# A function that crashes or times out cannot log it with our fields; Lambda's own line says it.
FAILED_INVOCATION = '(type = "platform.report" and record.status != "success")'


@dataclass(frozen=True, kw_only=True)
class LogGroups:
    """The log groups of a stack, by name."""

    event_handler: str
    query: str
    api_access: str
    others: tuple[str, ...] = ()
    """Those of the probe, and of the functions that another consumer adds."""

    @classmethod
    def of(cls, name: Callable[[str], str], *, probe: bool = False) -> "LogGroups":
        """Return the groups of a stack, with that of the probe or without, from the function that names one by role."""
        return cls(
            event_handler=name(EVENT_HANDLER_SERVICE),
            query=name(QUERY_SERVICE),
            api_access=name("api-access"),
            others=(name(PROBE_SERVICE),) if probe else (),
        )

    @property
    def functions(self) -> tuple[str, ...]:
        """The log groups of the functions."""
        return (self.event_handler, self.query, *self.others)

    @property
    def all(self) -> tuple[str, ...]:
        """Every log group with lines of this project."""
        return (*self.functions, self.api_access)


@dataclass(frozen=True, kw_only=True)
class SavedQuery:
    """One query in the language of Logs Insights."""

    id: str
    """Two digits that order the list, then a name."""
    title: str
    text: str
    log_groups: tuple[str, ...]
    boards: tuple[Board, ...] = ()
    """Boards that show its result."""
    section: Section


def saved_queries(groups: LogGroups, platform_logs: PlatformLogs) -> tuple[SavedQuery, ...]:
    """Return every saved query of a stack, without those whose lines Lambda does not write there."""
    about_functions = (*_about_functions(groups), *_about_platform_lines(groups, platform_logs))
    return (*about_functions, *_about_events(groups), *_about_the_api(groups))


def _about_functions(groups: LogGroups) -> tuple[SavedQuery, ...]:
    saved = partial(SavedQuery, log_groups=groups.functions, section=Section.MONITORING)
    return (
        saved(
            id="01-recent-errors",
            title="Last errors",
            text="fields @timestamp, service, message, exception_name, error_code, errorType, record.status,"
            f' xray_trace_id\n| filter level = "ERROR" or log_level = "ERROR" or {FAILED_INVOCATION}\n'
            "| sort @timestamp desc\n| limit 20",
            boards=(Board.OVERVIEW,),
            section=Section.LOGS,
        ),
        saved(
            id="02-errors-by-type",
            title="Errors by type",
            text=f'filter level = "ERROR" or {FAILED_INVOCATION}\n'
            "| stats count(*) as errors, latest(@timestamp) as last_seen"
            " by @log, message, coalesce(exception_name, error_code, record.status)\n| sort errors desc",
            boards=tuple(Board),
            section=Section.LOGS,
        ),
        SavedQuery(
            id="03-life-of-a-message",
            title="Log lines of one message: insert its ID",
            text="fields @timestamp, message, outcome, receive_count, error_code, error_detail, xray_trace_id\n"
            '| filter message_id = "MESSAGE_ID"\n| sort @timestamp asc',
            log_groups=(groups.event_handler,),
            section=Section.OUTCOMES,
        ),
        SavedQuery(
            id="04-logs-of-a-trace",
            title="Log lines of one trace: insert its ID",
            text="fields @timestamp, service, level, message, status, outcome\n"
            '| filter xray_trace_id = "TRACE_ID"\n| sort @timestamp asc',
            log_groups=groups.all,
            section=Section.MONITORING,
        ),
    )


def _about_platform_lines(groups: LogGroups, platform_logs: PlatformLogs) -> tuple[SavedQuery, ...]:
    saved = partial(SavedQuery, log_groups=groups.functions, section=Section.MONITORING)
    about_successes = (
        saved(
            id="08-cold-starts",
            title="Cold starts",
            text='filter type = "platform.report" and ispresent(record.metrics.initDurationMs)\n'
            "| stats count(*) as starts, avg(record.metrics.initDurationMs) as average_ms,"
            " max(record.metrics.initDurationMs) as longest_ms by @log, bin(1h)",
        ),
    )
    has_all = platform_logs is PlatformLogs.ALL
    return (
        *(about_successes if has_all else ()),
        saved(
            id="09-memory-headroom",
            title=f"Memory{'' if has_all else ' of failed invocations'}: maximum used, and size",
            text='filter type = "platform.report"\n'
            "| stats max(record.metrics.maxMemoryUsedMB) as most_used_mb, max(record.metrics.memorySizeMB) as size_mb,"
            " 100 * max(record.metrics.maxMemoryUsedMB) / max(record.metrics.memorySizeMB) as percent by @log",
            boards=(Board.INGEST, Board.API),
            section=Section.LOGS,
        ),
        saved(
            id="10-timeouts",
            title="Timeouts",
            text="fields @timestamp, @log, record.requestId, record.metrics.durationMs\n"
            '| filter type = "platform.report" and record.status = "timeout"\n| sort @timestamp desc\n| limit 50',
        ),
    )


def _about_events(groups: LogGroups) -> tuple[SavedQuery, ...]:
    saved = partial(SavedQuery, log_groups=(groups.event_handler,), section=Section.OUTCOMES)
    return (
        saved(
            id="05-given-up-by-reason",
            title="Quarantined and exhausted events, by reason",
            text='filter outcome in ["invalid", "exhausted"]\n'
            "| stats count(*) as events, latest(message_id) as example by outcome, error_code\n| sort events desc",
            boards=(Board.OVERVIEW, Board.INGEST),
            section=Section.DEAD_LETTERS,
        ),
        saved(
            id="06-retries",
            title="Events received more than once",
            text="filter receive_count > 1\n"
            "| stats count(*) as times, max(receive_count) as receives, latest(outcome) as last_outcome"
            " by message_id, error_code\n| sort receives desc\n| limit 50",
        ),
        saved(
            id="07-slow-events",
            title="Slow batches",
            text="fields @timestamp, duration_ms, batch_size, conflicts, failed, xray_trace_id\n"
            '| filter message = "batch folded"\n| sort duration_ms desc\n| limit 50',
        ),
        saved(
            id="14-contract-breaks",
            title="Contract violations: error code, count, first seen",
            text='filter outcome = "invalid"\n'
            "| stats count(*) as events, min(@timestamp) as first_seen, latest(error_detail) as detail,"
            " latest(message_id) as example by error_code\n| sort events desc",
        ),
    )


def _about_the_api(groups: LogGroups) -> tuple[SavedQuery, ...]:
    saved = partial(SavedQuery, log_groups=(groups.api_access,), boards=(Board.API,))
    return (
        saved(
            id="11-slowest-requests",
            title="Slowest requests",
            text="fields @timestamp, response_latency_ms, integration_latency_ms, status, client_id, xray_trace_id\n"
            "| sort response_latency_ms desc\n| limit 20",
            section=Section.API,
        ),
        saved(
            id="12-statuses",
            title="Requests by client and status",
            text="stats count(*) as requests by client_id, status, error_type\n| sort requests desc",
            section=Section.CALLERS,
        ),
        saved(
            id="13-refused-for-their-token",
            title="Rejected for their token, by error and source",
            text='filter status in ["401", "403"]\n'
            "| stats count(*) as requests, latest(@timestamp) as last_seen by authorizer_error, error_type, source_ip\n"
            "| sort requests desc\n| limit 50",
            section=Section.CALLERS,
        ),
    )


def make_queries(queries: tuple[SavedQuery, ...], folder: str, opts: pulumi.ResourceOptions) -> None:
    """Save the queries under `folder`."""
    for query in queries:
        aws.cloudwatch.QueryDefinition(
            f"query-{query.id}",
            name=f"{folder}/{query.id}",
            query_string=query.text,
            log_group_names=list(query.log_groups),
            opts=opts,
        )
