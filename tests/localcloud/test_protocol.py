"""The engine takes Pulumi's messages and assets without the SDK, which its process can still import."""

import subprocess
import sys

from pulumi.runtime import rpc

from localcloud.deployer import protocol

PROGRAM = """
import sys
{first}
from localcloud.deployer import protocol
print(*sys.modules)
import pulumi
import pulumi.runtime.proto.resource_pb2 as messages
assert pulumi.FileArchive is protocol.FileArchive
assert messages is protocol.resource_pb2
assert pulumi.Output.from_input(1) and pulumi.runtime.rpc
"""


def imported(first: str) -> set[str]:
    """Return the modules that the protocol needs after the statement `first`; raises if `import pulumi` fails then."""
    command = [sys.executable, "-c", PROGRAM.format(first=first)]
    return set(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())


def test_protocol_is_imported_without_the_sdk():
    found = imported("")
    assert "pulumi.runtime.proto.resource_pb2" in found
    assert found & {"pulumi", "pulumi.runtime", "pulumi.resource", "opentelemetry", "yaml"} == set()


def test_control_with_the_sdk_it_is_the_same():
    assert imported("import pulumi") >= {"pulumi", "pulumi.runtime", "pulumi.resource", "opentelemetry", "yaml"}


def test_signatures_are_those_of_the_sdk():
    assert (rpc._special_sig_key, rpc._special_secret_sig) == (protocol.SIGNATURE, protocol.SECRET)
    assert (rpc._special_asset_sig, rpc._special_archive_sig) == (protocol.ASSET, protocol.ARCHIVE)
    assert rpc.UNKNOWN == protocol.UNKNOWN
