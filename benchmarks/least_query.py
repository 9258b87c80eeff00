"""A control: a function that asks the table in Lambda's runtime, and does nothing else.

It makes its request once, sends it for each event, and does not look at the response. No query costs less: the rest is
the runtime's, the kernel's, and that of a processor that has done something else while the function waited.
"""

import os
import socket
from typing import Any
from urllib.parse import urlsplit

from workload import TABLE

BODY = b'{"TableName": "%s", "Key": {"user_id": {"S": "user-0"}}}' % TABLE.encode()
REQUEST = b"POST / HTTP/1.1\r\nX-Amz-Target: DynamoDB_20120810.GetItem\r\nContent-Length: %d\r\n\r\n%s" % (
    len(BODY),
    BODY,
)

address = urlsplit(os.environ["AWS_ENDPOINT_URL"])
connection = socket.create_connection((address.hostname, address.port))


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Ask the table, and answer without what it said."""
    connection.sendall(REQUEST)
    while not connection.recv(65_536).endswith(b"}"):
        pass
    return {"statusCode": 200}
