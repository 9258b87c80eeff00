"""Everything that watches the stack, derived from the signals its components expose."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import pulumi
import pulumi_aws as aws

from components.monitoring.alarms import Links, Override, make_alarm, select
from components.monitoring.alerting import AlertTopics, AlertTopicsArgs
from components.monitoring.dashboards import BoardContext, board_body, board_name, board_url
from components.monitoring.signals import Board, Signal


@dataclass(frozen=True, kw_only=True)
class MonitoringArgs:
    """What `Monitoring` needs."""

    physical_prefix: str
    """`{project}-{stack}`, with which the name of every alarm, topic and board begins."""
    account_id: pulumi.Input[str]
    region: str
    sections: Mapping[str, Sequence[Signal]]
    """Signals by the heading they are drawn under."""
    level: Literal["essential", "full"]
    """`essential` leaves out what nobody needs to hear of from a development stack."""
    overrides: Mapping[str, Override]
    """What this stack changes, by alarm id."""
    runbook_url: str
    email: str
    page_endpoint: str


class Monitoring(pulumi.ComponentResource):
    """Every alarm's threshold, name, graph and runbook link come from the same signal and cannot disagree."""

    def __init__(self, name: str, args: MonitoringArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("event-processing:monitoring:Monitoring", name, {}, opts)
        self._args = args
        self._context = BoardContext(
            physical_prefix=args.physical_prefix, region=args.region, runbook_url=args.runbook_url
        )
        self._sections = select(args.sections, level=args.level, overrides=args.overrides)
        topics = AlertTopics(
            f"{name}-alerts",
            AlertTopicsArgs(
                physical_prefix=args.physical_prefix,
                account_id=args.account_id,
                region=args.region,
                email=args.email,
                page_endpoint=args.page_endpoint,
            ),
            opts=pulumi.ResourceOptions(parent=self),
        )
        alarms = self._make_alarms(topics)
        for board in Board:
            self._make_board(f"{name}-{board}", board, [alarm.arn for alarm in alarms])
        self.topic_arns = {severity.value: arn for severity, arn in topics.arns.items()}
        self.board_urls = {board.value: board_url(self._context, board) for board in Board}
        self.register_outputs({"topic_arns": self.topic_arns, "board_urls": self.board_urls})

    def _make_alarms(self, topics: AlertTopics) -> list[aws.cloudwatch.MetricAlarm]:
        links = Links(board_url=board_url(self._context, Board.OVERVIEW), runbook_url=self._args.runbook_url)
        return [
            make_alarm(
                rule,
                signal,
                physical_prefix=self._args.physical_prefix,
                links=links,
                topic_arn=topics.arns[rule.severity],
                parent=self,
            )
            for signals in self._sections.values()
            for signal in signals
            for rule in signal.alarms
        ]

    def _make_board(self, name: str, board: Board, alarm_arns: list[pulumi.Output[str]]) -> None:
        def body(arns: Sequence[str]) -> str:
            return json.dumps(board_body(board, self._sections, arns, self._context))

        aws.cloudwatch.Dashboard(
            name,
            dashboard_name=board_name(self._args.physical_prefix, board),
            dashboard_body=pulumi.Output.all(*alarm_arns).apply(body),
            opts=pulumi.ResourceOptions(parent=self),
        )
