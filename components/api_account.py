"""The API Gateway setting of an account and region, for accounts that do not have it yet."""

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.policies import assume_role_document

LOGS_POLICY_ARN = "arn:aws:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs"


@dataclass(frozen=True, kw_only=True)
class ApiGatewayAccountArgs:
    """Arguments of `ApiGatewayAccount`."""

    managed: bool
    """True creates the setting; False relies on an existing one."""
    region: str
    permissions_boundary: str | None
    """ARN of the policy that limits the role; None: no limit."""


class ApiGatewayAccount(pulumi.ComponentResource):
    """If `managed`, API Gateway can write logs in this account and region, also after `destroy`.

    All APIs of the account share the setting, so destroying a stack must not remove it: role and setting are retained.
    A second deployment with `managed` creates a second role, because the first is still there, and names it in the
    setting. Both roles allow the same, so no API stops writing logs.
    """

    settings: tuple[pulumi.Resource, ...]
    """What a stage must wait for."""

    def __init__(self, name: str, args: ApiGatewayAccountArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("event-processing:api_account:ApiGatewayAccount", name, {}, opts)
        self.settings = (self._make_setting(name, args.region, args.permissions_boundary),) if args.managed else ()
        self.register_outputs({})

    def _make_setting(self, name: str, region: str, permissions_boundary: str | None) -> pulumi.Resource:
        role = aws.iam.Role(
            f"{name}-role",
            name_prefix=f"api-gateway-logs-{region}-",
            assume_role_policy=assume_role_document("apigateway.amazonaws.com"),
            permissions_boundary=permissions_boundary,
            # Release 0.1.0 chose the whole name. Its stacks keep that role.
            opts=pulumi.ResourceOptions(parent=self, retain_on_delete=True, ignore_changes=["name", "name_prefix"]),
        )
        permission = aws.iam.RolePolicyAttachment(
            f"{name}-permission",
            role=role.name,
            policy_arn=LOGS_POLICY_ARN,
            opts=pulumi.ResourceOptions(parent=self, retain_on_delete=True),
        )
        return aws.apigateway.Account(
            f"{name}-setting",
            cloudwatch_role_arn=role.arn,
            opts=pulumi.ResourceOptions(parent=self, retain_on_delete=True, depends_on=[permission]),
        )
