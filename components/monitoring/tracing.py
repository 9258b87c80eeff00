"""How many requests are traced, and where the interesting traces are found."""

import hashlib
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

# X-Ray takes the rule with the lowest number that matches; its own default has the highest.
PRIORITY = 1_000
NAME_LENGTH = 32
# Traced every second before the percentage counts, so that a quiet API is traced in full.
RESERVOIR_PER_SECOND = 1


@dataclass(frozen=True, kw_only=True)
class TracingArgs:
    """What `Tracing` needs."""

    physical_prefix: str
    api_name: str
    stage: str
    event_handler_name: str
    sampling_percent: int
    slow_seconds: float


class Tracing(pulumi.ComponentResource):
    """The API decides what is traced from end to end; errors and slow requests are one click away.

    Functions cannot be configured: behind the API they follow its decision, and at the queue Lambda traces the first
    invocation of each second and 5 % of the others, or what a producer's trace header says.
    """

    def __init__(self, name: str, args: TracingArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("event-processing:monitoring:Tracing", name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)
        # How API Gateway calls itself in a segment.
        service = f"{args.api_name}/{args.stage}"
        rule_name = xray_name(args.physical_prefix)
        aws.xray.SamplingRule(
            f"{name}-sampling",
            rule_name=rule_name,
            priority=PRIORITY,
            version=1,
            reservoir_size=RESERVOIR_PER_SECOND,
            fixed_rate=args.sampling_percent / 100,
            service_name=service,
            service_type="AWS::ApiGateway::Stage",
            host="*",
            http_method="*",
            url_path="*",
            resource_arn="*",
            opts=child,
        )
        aws.xray.Group(
            f"{name}-group",
            group_name=rule_name,
            filter_expression=(
                f'(service("{service}") OR service("{args.event_handler_name}"))'
                f" AND (fault = true OR error = true OR responsetime > {args.slow_seconds:g})"
            ),
            opts=child,
        )
        self.register_outputs({})


def xray_name(physical_prefix: str) -> str:
    """The prefix, or when it is longer than X-Ray takes, a part of it and a hash that tells two stacks apart."""
    if len(physical_prefix) <= NAME_LENGTH:
        return physical_prefix
    return f"{physical_prefix[: NAME_LENGTH - 7]}-{hashlib.sha256(physical_prefix.encode()).hexdigest()[:6]}"
