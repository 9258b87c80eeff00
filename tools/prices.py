"""List prices of eu-west-1 in USD, without the free tier, entered by hand from the pages in SOURCES."""

import math

PRICES_OF = "November 2026"

PRICES = {
    "alarm metric": 0.10,
    "composite alarm": 0.50,
    "dashboard": 3.00,
    "custom metric": 0.30,
    "log GB": 0.57,
    "log GB kept a month": 0.03,
    "log GB scanned": 0.0057,
    "million traces": 5.00,
    "million traces read": 0.50,
    "key": 1.00,
    "million key requests": 3.00,
    "thousand tokens": 2.25,
    "million queue requests": 0.40,
    "million invocations": 0.20,
    "GB-second": 0.0000133334,
    "million write units": 0.705,
    "million read units": 0.141,
    "million API requests": 3.50,
}

# How far the first price reaches in a month, and what the next units cost. The others reach further than any traffic of
# docs/cost.md, or have one price.
TIERS = {"million API requests": ((333, 3.50), (1_000, 2.80), (20_000, 2.38))}
# Cheaper beyond: logs of Lambda and tokens of machine clients.
FIRST_TIERS = {"log GB": 10_000, "thousand tokens": 250}

SOURCES = [
    *(
        f"aws.amazon.com/{page}"
        for page in (
            *("cloudwatch/pricing", "xray/pricing", "kms/pricing", "cognito/pricing", "sqs/pricing", "lambda/pricing"),
            *("dynamodb/pricing/on-demand", "api-gateway/pricing"),
        )
    ),
    "aws.amazon.com/blogs/compute/aws-lambda-standardizes-billing-for-init-phase",
    "docs.aws.amazon.com/cognito/latest/developerguide/tracking-cost.html",
    "docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html",
    "docs.aws.amazon.com/amazondynamodb/latest/developerguide/encryption.howitworks.html",
    "docs.aws.amazon.com/whitepapers/latest/best-practices-api-gateway-private-apis-integration/cost-optimization.html",
]


def cost(quantity: float, price: str) -> float:
    """What so many units of a list price cost in a month."""
    if quantity > FIRST_TIERS.get(price, math.inf):
        raise ValueError(f"{quantity:,.0f} {price}: a volume discount begins at {FIRST_TIERS[price]:,}; enter it here")
    dollars, begin = 0.0, 0.0
    for end, each in TIERS.get(price, ((math.inf, PRICES[price]),)):
        dollars += max(0.0, min(quantity, end) - begin) * each
        begin = end
    return dollars
