"""How each right of the deploying role is known to be needed, where the embedded cloud does not ask for it.

The sources are files of https://github.com/hashicorp/terraform-provider-aws under `internal/service`, which Pulumi's
provider wraps, read for this list; with `pike`, files of https://github.com/JamesWoolfenden/pike under
`src/mapping/aws/resource`, which was written by trying. The embedded cloud's providers make fewer calls: they neither
tag nor read tags, and wait for nothing.
"""

_TAGS = "tags_gen.go of the service: every read lists tags, and default tags can change"

FROM_SOURCE = {
    "cloudwatch:ListTagsForResource": _TAGS,
    "cloudwatch:TagResource": _TAGS,
    "cloudwatch:UntagResource": _TAGS,
    "cognito-idp:GetUserPoolMfaConfig": "cognitoidp/user_pool.go: findUserPoolMFAConfigByID, at every read",
    "cognito-idp:SetUserPoolMfaConfig": "cognitoidp/user_pool.go: an update of the MFA settings",
    "cognito-idp:UpdateUserPool": "cognitoidp/user_pool.go: an update, such as of deletion protection",
    "cognito-idp:UpdateUserPoolClient": "pike: cognito-idp/aws_cognito_user_pool_client.json",
    "cognito-idp:UpdateResourceServer": "pike: cognito-idp/aws_cognito_resource_server.json",
    "cognito-idp:ListTagsForResource": _TAGS,
    "cognito-idp:TagResource": _TAGS,
    "cognito-idp:UntagResource": _TAGS,
    "dynamodb:DescribeTimeToLive": "pike: dynamodb/aws_dynamodb_table.json, at every read",
    "dynamodb:ListTagsOfResource": _TAGS,
    "dynamodb:TagResource": _TAGS,
    "dynamodb:UntagResource": _TAGS,
    "events:ListTagsForResource": _TAGS,
    "events:TagResource": _TAGS,
    "events:UntagResource": _TAGS,
    "iam:DeleteRolePermissionsBoundary": "iam/role.go: an update that takes the boundary away",
    "iam:ListInstanceProfilesForRole": "iam/role.go: deleteRoleInstanceProfiles, before every deletion",
    "iam:ListRolePolicies": "iam/role.go: readRolePolicyNames, at every read",
    "iam:TagRole": _TAGS,
    "iam:UntagRole": _TAGS,
    "iam:UpdateAssumeRolePolicy": "iam/role.go: an update of who can assume the role",
    "iam:UpdateRole": "iam/role.go: an update of the session's length",
    "iam:UpdateRoleDescription": "iam/role.go: an update of the description",
    "kms:GetKeyPolicy": "kms/key.go: findKeyInfo, at every read",
    "kms:GetKeyRotationStatus": "kms/key.go: findKeyInfo, at every read",
    "kms:ListResourceTags": "kms/key.go: findKeyInfo, at every read",
    "kms:PutKeyPolicy": "kms/key.go: an update, such as of the producers",
    "kms:DisableKeyRotation": "kms/key.go: updateKeyRotationEnabled",
    "kms:UpdateKeyDescription": "kms/key.go: an update of the description",
    "kms:TagResource": "kms/key.go: CreateKey with tags needs it too",
    "kms:UntagResource": _TAGS,
    "lambda:DeleteFunctionConcurrency": "lambda/function.go: reservedConcurrency is set to -1 again",
    "lambda:PutFunctionConcurrency": "lambda/function.go: reservedConcurrency is set",
    "lambda:GetFunctionCodeSigningConfig": "lambda/function.go: resourceFunctionRead, at every read",
    "lambda:ListVersionsByFunction": "lambda/function.go: findLatestFunctionVersionByName, at every read",
    "lambda:UpdateFunctionCode": "lambda/function.go: an edit of a handler",
    "lambda:ListTags": "lambda/event_source_mapping.go: resourceEventSourceMappingRead, and tags_gen.go",
    "lambda:TagResource": _TAGS,
    "lambda:UntagResource": _TAGS,
    "logs:DeleteRetentionPolicy": "logs/group.go: resourceGroupUpdate",
    "logs:DisassociateKmsKey": "logs/group.go: cmk is set to false again",
    "logs:ListTagsForResource": _TAGS,
    "logs:PutLogGroupDeletionProtection": "the operation of botocore that changes deletionProtectionEnabled",
    "logs:TagResource": _TAGS,
    "logs:UntagResource": _TAGS,
    "sns:SetSubscriptionAttributes": "sns/topic_subscription.go: putSubscriptionAttribute",
    "sns:ListTagsForResource": _TAGS,
    "sns:TagResource": _TAGS,
    "sns:UntagResource": _TAGS,
    "sqs:ListQueueTags": _TAGS,
    "sqs:TagQueue": _TAGS,
    "sqs:UntagQueue": _TAGS,
    "ssm:DescribeParameters": "pike: ssm/aws_ssm_parameter.json, at every read",
    "ssm:ListTagsForResource": _TAGS,
    "ssm:AddTagsToResource": _TAGS,
    "ssm:RemoveTagsFromResource": _TAGS,
    "xray:UpdateGroup": "pike: xray/aws_xray_group.json",
    "xray:UpdateSamplingRule": "xray/sampling_rule.go: resourceSamplingRuleUpdate",
    "xray:ListTagsForResource": _TAGS,
    "xray:TagResource": _TAGS,
    "xray:UntagResource": _TAGS,
    "kms:CreateGrant": "pike: dynamodb/aws_dynamodb_table.json and lambda/aws_lambda_function.json, with a key",
    "kms:Encrypt": "pike: lambda/aws_lambda_function.json, with a key",
    "kms:Decrypt": "pike: lambda/aws_lambda_function.json, with a key",
    "kms:GenerateDataKey": "pike: lambda/aws_lambda_function.json, with a key",
}
"""Actions that no request of the run in the embedded cloud needs."""

UNPROVEN = {
    "EventSourceMappingTags": "the embedded cloud keeps no tags",
    "ApiTags": "the embedded cloud keeps no tags; AWS asks for apigateway:PUT on them when an API is created with tags",
    "EncryptParameters": "nothing is encrypted in the embedded cloud",
    "ParametersOfAccount": "the embedded cloud reads a parameter without a list of all",
    "GrantKeysToServices": "nothing is encrypted in the embedded cloud",
    "EncryptVariables": "nothing is encrypted in the embedded cloud",
}
"""Statements without which the run in the embedded cloud still succeeds, and why."""

OF_THE_EMBEDDED_CLOUD = {
    "sns:ListSubscriptionsByTopic": "finds the ARN of a subscription, which AWS returns at once",
    "lambda:GetFunctionConcurrency": "the AWS provider reads it with the function",
}
"""Actions that the embedded cloud's own providers need besides, and AWS's do not."""
