"""How many requests are traced, and the group that collects errors and slow requests."""

import hashlib
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

# X-Ray applies the matching rule with the lowest number; its default rule has the highest.
PRIORITY = 1_000
NAME_LENGTH = 32
# Traced every second before the percentage applies, so that a quiet API is traced completely.
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
    """The sampling rule of the API decides what is traced end to end; a group collects errors and slow requests.

    Functions have no sampling rule: behind the API they follow its decision, and behind the queue Lambda traces the
    first invocation of each second and 5 % of the others, unless the trace header of a producer decides.
    """

    def __init__(self, name: str, args: TracingArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("event-processing:monitoring:Tracing", name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)
        # The name of API Gateway in a segment.
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
    """Return the prefix, or if X-Ray does not accept its length, a part of it and a hash that distinguishes stacks."""
    if len(physical_prefix) <= NAME_LENGTH:
        return physical_prefix
    return f"{physical_prefix[: NAME_LENGTH - 7]}-{hashlib.sha256(physical_prefix.encode()).hexdigest()[:6]}"
