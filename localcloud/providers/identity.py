"""Who may do what: roles and user pools, and who the caller is."""

from typing import Any

from localcloud.emulator.process import Emulator
from localcloud.providers.inputs import Inputs, Made, answers, pascal, provides


@provides("aws:iam/role:Role", ignoring="forceDetachPolicies")
def _role(cloud: Emulator, given: Inputs) -> Made:
    name = given.take_name()
    trust = given.take("assumeRolePolicy")
    made = cloud.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=trust, **given.take_rest(pascal))[
        "Role"
    ]
    return name, {"arn": made["Arn"], "name": name, "uniqueId": made["RoleId"]}


@provides("aws:iam/rolePolicy:RolePolicy")
def _role_policy(cloud: Emulator, given: Inputs) -> Made:
    role_name, name, policy = given.take("role"), given.take_name(), given.take("policy")
    cloud.client("iam").put_role_policy(RoleName=role_name, PolicyName=name, PolicyDocument=policy)
    return f"{role_name}:{name}", {"name": name}


@provides("aws:iam/rolePolicyAttachment:RolePolicyAttachment")
def _role_policy_attachment(cloud: Emulator, given: Inputs) -> Made:
    role_name, policy_arn = given.take("role"), given.take("policyArn")
    cloud.client("iam").attach_role_policy(RoleName=role_name, PolicyArn=policy_arn)
    return f"{role_name}/{policy_arn}", {}


@provides("aws:cognito/userPool:UserPool")
def _user_pool(cloud: Emulator, given: Inputs) -> Made:
    name, passwords = given.take_name(), given.take("passwordPolicy")
    policies = {"Policies": {"PasswordPolicy": {pascal(k): v for k, v in passwords.items()}}} if passwords else {}
    pool = cloud.client("cognito-idp").create_user_pool(PoolName=name, **policies, **given.take_rest(pascal))
    pool_id = pool["UserPool"]["Id"]
    endpoint = f"cognito-idp.{cloud.region}.amazonaws.com/{pool_id}"
    return pool_id, {"arn": pool["UserPool"]["Arn"], "name": name, "endpoint": endpoint}


@provides("aws:cognito/resourceServer:ResourceServer")
def _resource_server(cloud: Emulator, given: Inputs) -> Made:
    made = cloud.client("cognito-idp").create_resource_server(**given.take_rest(pascal))["ResourceServer"]
    scopes = [f"{made['Identifier']}/{scope['ScopeName']}" for scope in made.get("Scopes", [])]
    return f"{made['UserPoolId']}|{made['Identifier']}", {"scopeIdentifiers": scopes}


@provides("aws:cognito/userPoolDomain:UserPoolDomain")
def _user_pool_domain(cloud: Emulator, given: Inputs) -> Made:
    domain = given.take("domain")
    cloud.client("cognito-idp").create_user_pool_domain(Domain=domain, **given.take_rest(pascal))
    return domain, {"awsAccountId": cloud.account_id}


@provides("aws:cognito/userPoolClient:UserPoolClient")
def _user_pool_client(cloud: Emulator, given: Inputs) -> Made:
    made = cloud.client("cognito-idp").create_user_pool_client(
        ClientName=given.take_name(),
        **given.take_rest(
            pascal,
            allowedOauthFlows="AllowedOAuthFlows",
            allowedOauthFlowsUserPoolClient="AllowedOAuthFlowsUserPoolClient",
            allowedOauthScopes="AllowedOAuthScopes",
            callbackUrls="CallbackURLs",
            logoutUrls="LogoutURLs",
        ),
    )["UserPoolClient"]
    return made["ClientId"], {"clientSecret": made.get("ClientSecret", "")}


@answers("aws:index/getCallerIdentity:getCallerIdentity")
def _caller_identity(cloud: Emulator, _: dict[str, Any]) -> dict[str, Any]:
    who = cloud.client("sts").get_caller_identity()
    return {"id": who["Account"], "accountId": who["Account"], "arn": who["Arn"], "userId": who["UserId"]}
