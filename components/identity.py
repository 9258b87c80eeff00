"""Access to the API: a user pool without users, one scope, and one client per caller."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

SCOPE_NAME = "services.read"


@dataclass(frozen=True, kw_only=True)
class ApiIdentityArgs:
    """Arguments of `ApiIdentity`."""

    physical_name: str
    """Name of the pool and, with a suffix, prefix of its domain."""
    resource_server_identifier: str
    account_id: pulumi.Input[str]
    region: str
    client_names: tuple[str, ...]
    """One confidential client for each caller of the API."""
    rotated_secrets: Mapping[str, str]
    """Secret by client ID, of clients whose first secret was replaced."""
    access_token_minutes: int
    deletion_protection: bool
    protect: bool

    def __post_init__(self) -> None:
        if len(set(self.client_names)) != len(self.client_names):
            raise ValueError(f"client_names {list(self.client_names)} holds a name twice: name each caller once")


class ApiIdentity(pulumi.ComponentResource):
    """Only the credentials of a client get a token, and the token has the scope of the API and no other.

    The API accepts every client of the pool that has the scope: access is per pool, telemetry is per client.
    """

    def __init__(self, name: str, args: ApiIdentityArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("event-processing:identity:ApiIdentity", name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)
        pool = aws.cognito.UserPool(
            f"{name}-callers",
            name=args.physical_name,
            # Callers are programs, so no user signs up.
            admin_create_user_config=aws.cognito.UserPoolAdminCreateUserConfigArgs(allow_admin_create_user_only=True),
            deletion_protection="ACTIVE" if args.deletion_protection else "INACTIVE",
            opts=pulumi.ResourceOptions(parent=self, protect=args.protect),
        )
        resource_server = aws.cognito.ResourceServer(
            f"{name}-scopes",
            user_pool_id=pool.id,
            identifier=args.resource_server_identifier,
            name=args.physical_name,
            scopes=[
                aws.cognito.ResourceServerScopeArgs(
                    scope_name=SCOPE_NAME, scope_description="Read which services a user has logged in to"
                )
            ],
            opts=child,
        )
        domain = aws.cognito.UserPoolDomain(
            f"{name}-token-endpoint",
            user_pool_id=pool.id,
            domain=pulumi.Output.from_input(args.account_id).apply(
                lambda account: domain_prefix(args.physical_name, account)
            ),
            opts=child,
        )
        # Through the resource server, so that no client is created before the scope exists.
        self.scope = pulumi.Output.concat(resource_server.identifier, f"/{SCOPE_NAME}")
        self.user_pool_id, self.user_pool_arn = pool.id, pool.arn
        self.token_url = pulumi.Output.concat(
            "https://", domain.domain, f".auth.{args.region}.amazoncognito.com/oauth2/token"
        )
        self._access_token_minutes, self._rotated_secrets = args.access_token_minutes, args.rotated_secrets
        clients = {client: self.make_client(f"{name}-{client}", client, parent=self) for client in args.client_names}
        self.clients = pulumi.Output.secret(
            {client: {"clientId": made.id, "clientSecret": self.secret_of(made)} for client, made in clients.items()}
        )
        self.register_outputs({"scope": self.scope, "token_url": self.token_url})

    def make_client(self, name: str, client_name: str, *, parent: pulumi.Resource) -> aws.cognito.UserPoolClient:
        """Make a client that gets tokens with the scope of the API; `name` is its logical name."""
        return aws.cognito.UserPoolClient(
            name,
            user_pool_id=self.user_pool_id,
            name=client_name,
            generate_secret=True,
            allowed_oauth_flows=["client_credentials"],
            allowed_oauth_flows_user_pool_client=True,
            allowed_oauth_scopes=[self.scope],
            # An empty list would mean Cognito's default, which lets users sign in.
            explicit_auth_flows=["ALLOW_REFRESH_TOKEN_AUTH"],
            access_token_validity=self._access_token_minutes,
            token_validity_units=aws.cognito.UserPoolClientTokenValidityUnitsArgs(access_token="minutes"),  # noqa: S106 - a unit
            opts=pulumi.ResourceOptions(parent=parent, additional_secret_outputs=["client_secret"]),
        )

    def secret_of(self, client: aws.cognito.UserPoolClient) -> pulumi.Output[str]:
        """Return the secret that an operator set for this client ID, or else the first one, which Cognito generated.

        AWS does not document which secret a client is described with after a rotation, so a refresh is not trusted.
        """
        return pulumi.Output.all(client.id, client.client_secret).apply(
            lambda made: self._rotated_secrets.get(made[0], made[1])
        )


def domain_prefix(physical_name: str, account_id: str) -> str:
    """Return the prefix of a stack and account, because domains must be unique per region across all accounts."""
    return f"{physical_name}-{hashlib.sha256(account_id.encode()).hexdigest()[:8]}"
