"""Findings of the scanners that are accepted, with reasons. A skip that matches no finding fails the tests.

`docs/security.md` shows the same skips; a test compares it with this file.
"""

from dataclasses import dataclass

BOTH = ("dev", "prod")


@dataclass(frozen=True)
class Skip:
    """A rule that is not followed, with resources and reason."""

    rule: str
    resources: str
    """Pattern of names: Terraform addresses for checkov, the program's own names for parliament."""
    reason: str
    stacks: tuple[str, ...] = BOTH


_FUNCTIONS = "aws_lambda_function.*"
_CUSTOMER_KEY = "dev uses the keys AWS owns; with `cmk`, as in prod, a customer key is used"
_ARN_LIKE = "AWS documents ArnLike for kms:EncryptionContext:aws:logs:arn, whose values are ARNs"
_THIS_KEY = "in the policy of a key, * means only that key"
# The policies of a third stack, with everything switched on, are scanned too.
_WITH_KEY = ("prod", "extended")

CHECKOV = (
    Skip("CKV_AWS_115", _FUNCTIONS, "small accounts have no concurrency to spare; set `reservedConcurrency`"),
    Skip(
        "CKV_AWS_116",
        _FUNCTIONS,
        "failed events go to the dead-letter queue; of the probe, the next run is a minute later",
    ),
    Skip("CKV_AWS_117", _FUNCTIONS, "they only call AWS services, by IAM over TLS; a VPC would add no protection"),
    Skip("CKV_AWS_272", _FUNCTIONS, "code signing needs a signing profile of the account; left to its owner"),
    Skip("CKV_AWS_120", "aws_api_gateway_stage.*", "a cache would return services that are out of date"),
    Skip("CKV_AWS_225", "aws_api_gateway_method_settings.*", "a cache would return services that are out of date"),
    Skip(
        "CKV2_AWS_4", "aws_api_gateway_stage.*", "errors are logged; metrics of each method cost and nothing reads them"
    ),
    Skip("CKV2_AWS_51", "aws_api_gateway_stage.*", "the integration is a Lambda function, invoked by IAM"),
    Skip("CKV2_AWS_29", "aws_api_gateway_stage.*", "a WAF is billed and tuned per account; left to its owner"),
    Skip("CKV_AWS_119", "aws_dynamodb_table.*", _CUSTOMER_KEY, ("dev",)),
    Skip("CKV_AWS_158", "aws_cloudwatch_log_group.*", _CUSTOMER_KEY, ("dev",)),
    Skip("CKV_AWS_173", _FUNCTIONS, f"{_CUSTOMER_KEY}; the environments hold no secret", ("dev",)),
    Skip("CKV_AWS_338", "aws_cloudwatch_log_group.*", "dev keeps 14 days (`logRetentionDays`), prod a year", ("dev",)),
)

PARLIAMENT = (
    Skip("RESOURCE_STAR", "monitoring-alerts-key", _THIS_KEY, ("dev", "prod", "extended")),
    Skip("RESOURCE_STAR", "encryption-data", _THIS_KEY, _WITH_KEY),
    Skip("MISMATCHED_TYPE", "encryption-data", _ARN_LIKE, _WITH_KEY),
)
