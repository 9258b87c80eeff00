"""Serves the plugin to the Pulumi engine that started it, until the engine ends."""

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc

from localcloud import lifetime
from localcloud.deployer.protocol import CHANNEL_OPTIONS, provider_pb2_grpc
from localcloud.emulator.connection import Account, Connection
from localcloud.plugin.provider import Plugin

THREADS = 64


def serve(cloud: Account, directory: Path) -> tuple[grpc.Server, int]:
    """Return a running server of the plugin on 127.0.0.1, and its port."""
    server = grpc.server(ThreadPoolExecutor(THREADS, thread_name_prefix="plugin"), options=CHANNEL_OPTIONS)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(Plugin(cloud, directory), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    return server, port


def main(connection_file: str, directory: str) -> None:
    """Serve the account that a file written by `localcloud up` names."""
    lifetime.stop_when_orphaned()  # an engine that was killed cannot end its plugins
    file = Path(connection_file)
    if not file.exists():
        sys.exit("The embedded cloud of this terminal has stopped. Start it again: python -m localcloud up --empty")
    server, port = serve(Account(Connection(**json.loads(file.read_text()))), Path(directory))
    print(port, flush=True)  # the engine reads it
    server.wait_for_termination()


if __name__ == "__main__":
    main(*sys.argv[1:3])
