"""The event source mapping between the queue and the event handler."""

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.monitoring.coverage import to_be_monitored
from components.signals.consumer import consumer_signals, mapping_signals


@dataclass(frozen=True, kw_only=True)
class QueueConsumerArgs:
    """Arguments of `QueueConsumer`."""

    queue_arn: pulumi.Input[str]
    alias_arn: pulumi.Input[str]
    """The alias that gets the events; its function's role must already have permission to consume, because AWS checks
    it on creation."""
    function_name: str
    """Its physical name, the dimension of its metrics."""
    batch_size: int
    batch_window_seconds: int
    max_concurrency: int
    """Maximum number of concurrent batches: it limits the load on the table."""

    def __post_init__(self) -> None:
        if self.batch_size > 10 and self.batch_window_seconds < 1:
            raise ValueError(
                f"batch_size is {self.batch_size} with a window of {self.batch_window_seconds} s: "
                "AWS requires a window of at least 1 s for more than 10 messages"
            )


class QueueConsumer(pulumi.ComponentResource):
    """Each message of a batch succeeds or fails on its own: a failed message does not bring the others back."""

    def __init__(self, name: str, args: QueueConsumerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("event-processing:consumer:QueueConsumer", name, {}, opts)
        mapping = aws.lambda_.EventSourceMapping(
            f"{name}-mapping",
            event_source_arn=args.queue_arn,
            function_name=args.alias_arn,
            batch_size=args.batch_size,
            maximum_batching_window_in_seconds=args.batch_window_seconds,
            function_response_types=["ReportBatchItemFailures"],
            scaling_config=aws.lambda_.EventSourceMappingScalingConfigArgs(maximum_concurrency=args.max_concurrency),
            metrics_config=aws.lambda_.EventSourceMappingMetricsConfigArgs(metrics=["EventCount"]),
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.mapping_id = mapping.id
        self.signals = to_be_monitored(name, consumer_signals(args.function_name, args.max_concurrency))
        # AWS makes up the mapping's id, so its signals are drawn and never alarmed on.
        self.drawn = mapping.uuid.apply(mapping_signals)
        self.register_outputs({"mapping_id": self.mapping_id})
