"""Roles, user pools, and the identity of the deployer."""

from typing import Any

from localcloud.emulator.connection import Account
from localcloud.providers.inputs import Created, Inputs, creates, invokes, pascal


@creates("aws:iam/role:Role", ignoring="forceDetachPolicies")
def _role(cloud: Account, inputs: Inputs) -> Created:
    name = inputs.take_name()
    trust = inputs.take("assumeRolePolicy")
    role = cloud.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=trust, **inputs.take_rest(pascal))
    return Created(name, {"arn": role["Role"]["Arn"], "name": name, "uniqueId": role["Role"]["RoleId"]})


@creates("aws:iam/rolePolicy:RolePolicy")
def _role_policy(cloud: Account, inputs: Inputs) -> Created:
    role_name, name, policy = inputs.take("role"), inputs.take_name(), inputs.take("policy")
    cloud.client("iam").put_role_policy(RoleName=role_name, PolicyName=name, PolicyDocument=policy)
    return Created(f"{role_name}:{name}", {"name": name})


@creates("aws:iam/rolePolicyAttachment:RolePolicyAttachment")
def _role_policy_attachment(cloud: Account, inputs: Inputs) -> Created:
    role_name, policy_arn = inputs.take("role"), inputs.take("policyArn")
    cloud.client("iam").attach_role_policy(RoleName=role_name, PolicyArn=policy_arn)
    return Created(f"{role_name}/{policy_arn}")


@creates("aws:cognito/userPool:UserPool")
def _user_pool(cloud: Account, inputs: Inputs) -> Created:
    name, passwords = inputs.take_name(), inputs.take("passwordPolicy")
    policies = {"Policies": {"PasswordPolicy": {pascal(k): v for k, v in passwords.items()}}} if passwords else {}
    pool = cloud.client("cognito-idp").create_user_pool(PoolName=name, **policies, **inputs.take_rest(pascal))
    pool_id = pool["UserPool"]["Id"]
    endpoint = f"cognito-idp.{cloud.region}.amazonaws.com/{pool_id}"
    return Created(pool_id, {"arn": pool["UserPool"]["Arn"], "name": name, "endpoint": endpoint})


@creates("aws:cognito/resourceServer:ResourceServer")
def _resource_server(cloud: Account, inputs: Inputs) -> Created:
    made = cloud.client("cognito-idp").create_resource_server(**inputs.take_rest(pascal))["ResourceServer"]
    scopes = [f"{made['Identifier']}/{scope['ScopeName']}" for scope in made.get("Scopes", [])]
    return Created(f"{made['UserPoolId']}|{made['Identifier']}", {"scopeIdentifiers": scopes})


@creates("aws:cognito/userPoolDomain:UserPoolDomain")
def _user_pool_domain(cloud: Account, inputs: Inputs) -> Created:
    domain = inputs.take("domain")
    cloud.client("cognito-idp").create_user_pool_domain(Domain=domain, **inputs.take_rest(pascal))
    return Created(domain, {"awsAccountId": cloud.account_id})


@creates("aws:cognito/userPoolClient:UserPoolClient")
def _user_pool_client(cloud: Account, inputs: Inputs) -> Created:
    made = cloud.client("cognito-idp").create_user_pool_client(
        ClientName=inputs.take_name(),
        **inputs.take_rest(
            pascal,
            allowedOauthFlows="AllowedOAuthFlows",
            allowedOauthFlowsUserPoolClient="AllowedOAuthFlowsUserPoolClient",
            allowedOauthScopes="AllowedOAuthScopes",
            callbackUrls="CallbackURLs",
            logoutUrls="LogoutURLs",
        ),
    )["UserPoolClient"]
    return Created(made["ClientId"], {"clientSecret": made.get("ClientSecret", "")})


@invokes("aws:index/getCallerIdentity:getCallerIdentity")
def _caller_identity(cloud: Account, _: dict[str, Any]) -> dict[str, Any]:
    caller = cloud.client("sts").get_caller_identity()
    account = caller["Account"]
    return {"id": account, "accountId": account, "arn": caller["Arn"], "userId": caller["UserId"]}
