"""All monitoring of the stack, derived from the signals of its components."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

import pulumi
import pulumi_aws as aws

from components.monitoring.alarm_ids import AnyAlarmId
from components.monitoring.alarms import AlarmContext, make_alarm, make_composite
from components.monitoring.boards import BoardContent, BoardContext, board_body, board_name, board_url
from components.monitoring.coverage import require_monitoring
from components.monitoring.objectives import JOURNEYS, objectives
from components.monitoring.own_signals import own_signals
from components.monitoring.platform_logs import PlatformLogs
from components.monitoring.queries import LogGroups, make_queries, saved_queries
from components.monitoring.selection import select
from components.monitoring.signals import AlarmOverride, Board, CompositeAlarm, Level, Signal
from components.monitoring.topics import AlertTopics, AlertTopicsArgs


@dataclass(frozen=True, kw_only=True)
class MonitoringArgs:
    """What `Monitoring` needs."""

    physical_prefix: str
    """`{project}-{stack}`, the beginning of the name of every alarm, topic and board."""
    stack: str
    api_name: str
    api_stage: str
    query_folder: str
    """Folder of the saved queries."""
    account_id: pulumi.Input[str]
    region: str
    signals: Sequence[Signal]
    """The signals of the components, in the order in which boards draw them."""
    drawn: Sequence[pulumi.Output[tuple[Signal, ...]]]
    """Signals on names that AWS makes up: drawn, never alarmed on."""
    newest_versions: Mapping[str, pulumi.Input[str]]
    """Numbers of versions, by what stands for them in the dimensions of signals: `newest_version`."""
    composites: Sequence[CompositeAlarm]
    log_groups: LogGroups
    platform_logs: PlatformLogs
    log_writers: Sequence[pulumi.Resource]
    """The components that create the log groups."""
    level: Level
    overrides: Mapping[str, AlarmOverride]
    """Changes of this stack, by alarm id."""
    runbook_url: str
    email: str
    page_endpoint: str


class Monitoring(pulumi.ComponentResource):
    """Threshold, name, graph and runbook link of an alarm come from the same signal and cannot disagree."""

    def __init__(self, name: str, args: MonitoringArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("event-processing:monitoring:Monitoring", name, {}, opts)
        self._args, self._child = args, pulumi.ResourceOptions(parent=self)
        self._boards = BoardContext(
            physical_prefix=args.physical_prefix,
            region=args.region,
            runbook_url=args.runbook_url,
            query_folder=args.query_folder,
        )
        promised = objectives(stack=args.stack, api_name=args.api_name, api_stage=args.api_stage)
        self._selection = select(
            (
                *(signal for objective in promised for signal in objective.signals),
                *args.signals,
                *own_signals(args.physical_prefix, args.log_groups.functions),
            ),
            (*args.composites, *JOURNEYS, *(alarm for objective in promised for alarm in objective.composites)),
            level=args.level,
            overrides=args.overrides,
        )
        require_monitoring(args.signals)
        topics = AlertTopics(
            f"{name}-alerts",
            AlertTopicsArgs(
                physical_prefix=args.physical_prefix,
                account_id=args.account_id,
                region=args.region,
                email=args.email,
                page_endpoint=args.page_endpoint,
            ),
            opts=self._child,
        )
        alarms = self._make_alarms(topics)
        self._queries = saved_queries(args.log_groups, args.platform_logs)
        make_queries(
            self._queries,
            args.query_folder,
            # The queries know the groups by name, so nothing else makes them wait for the groups.
            pulumi.ResourceOptions(parent=self, depends_on=list(args.log_writers)),
        )
        for board in Board:
            self._make_board(f"{name}-{board}", board, alarms)
        self.topic_arns = {severity.value: arn for severity, arn in topics.arns.items()}
        self.board_urls = {board.value: board_url(self._boards, board) for board in Board}
        self.register_outputs({"topic_arns": self.topic_arns, "board_urls": self.board_urls})

    def _make_alarms(self, topics: AlertTopics) -> dict[AnyAlarmId, pulumi.Output[str]]:
        context = AlarmContext(
            physical_prefix=self._args.physical_prefix,
            stack=self._args.stack,
            board_url=board_url(self._boards, Board.OVERVIEW),
            runbook_url=self._args.runbook_url,
            topic_arns=topics.arns,
            newest_versions=self._args.newest_versions,
        )
        # An alarm notifies only when its state changes: a page without policy or subscriber would be lost.
        opts = pulumi.ResourceOptions(parent=self, depends_on=[topics])
        names: dict[AnyAlarmId, pulumi.Output[str]] = {}
        arns: dict[AnyAlarmId, pulumi.Output[str]] = {}
        for signal in self._selection.signals:
            if alarm := signal.alarm:
                metric_alarm = make_alarm(alarm, signal, context, opts)
                names[alarm.id], arns[alarm.id] = metric_alarm.name, metric_alarm.arn
        for composite in self._selection.composites:
            composite_alarm = make_composite(composite, context, names, opts)
            names[composite.id], arns[composite.id] = composite_alarm.alarm_name, composite_alarm.arn
        return arns

    def _make_board(self, name: str, board: Board, alarm_arns: dict[AnyAlarmId, pulumi.Output[str]]) -> None:
        def body(known: Sequence[Any]) -> str:
            arns, versions, *drawn = known
            selection = replace(self._selection, signals=(*self._selection.signals, *chain(*drawn)))
            content = BoardContent(selection=selection, queries=self._queries, alarm_arns=arns)
            text = json.dumps(board_body(board, content, self._boards))
            for placeholder, version in versions.items():
                text = text.replace(json.dumps(placeholder), json.dumps(version))
            return text

        aws.cloudwatch.Dashboard(
            name,
            dashboard_name=board_name(self._args.physical_prefix, board),
            dashboard_body=pulumi.Output.all(
                pulumi.Output.all(**alarm_arns), pulumi.Output.from_input(self._args.newest_versions), *self._args.drawn
            ).apply(body),
            opts=self._child,
        )
