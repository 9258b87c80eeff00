"""What a terminal needs so that the AWS CLI, boto3 and other SDKs use a running cloud."""

import re
import shlex
from collections.abc import Iterable, Mapping
from typing import Any

# Each of these would win over what is printed, or add something to it.
REMOVED = (
    *("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN", "AWS_CREDENTIAL_EXPIRATION"),
    *("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT"),
)
SERVICE_ENDPOINT = re.compile(r"AWS_ENDPOINT_URL_\w+")


def aws_exports(outputs: Mapping[str, Any], variables: Iterable[str]) -> str:
    """Return shell commands for the cloud with these outputs, in a terminal that has these variables.

    Endpoint, region and keys are set; what would send a request elsewhere is unset, `AWS_ENDPOINT_URL_SQS` for example,
    and no proxy is asked. The configuration files of the user stay: a variable wins over them.
    """
    values = {
        "AWS_ENDPOINT_URL": outputs["endpoint"],
        "AWS_REGION": outputs["region"],
        "AWS_DEFAULT_REGION": outputs["region"],  # older tools read this one
        "AWS_ACCESS_KEY_ID": outputs["accessKeyId"],
        "AWS_SECRET_ACCESS_KEY": outputs["secretAccessKey"],
    }
    removed = sorted({*REMOVED, *filter(SERVICE_ENDPOINT.fullmatch, variables)})
    return "\n".join(
        [
            f"unset {' '.join(removed)}",
            *(f"export {name}={shlex.quote(value)}" for name, value in values.items()),
            *(f'export {name}="127.0.0.1,localhost${{{name}:+,${name}}}"' for name in ("NO_PROXY", "no_proxy")),
        ]
    )
