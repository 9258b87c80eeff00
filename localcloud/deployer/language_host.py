"""Runs a Pulumi program as the CLI's Python language host does: in a process of its own, against a given engine."""

import gc

if __name__ == "__main__":
    gc.disable()  # before the imports: this process ends when the program has, in seconds

import asyncio
import atexit
import json
import os
import runpy
import sys
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from localcloud import lifetime
from localcloud.deployer import lean_imports

if __name__ == "__main__":
    lean_imports.install()  # before Pulumi is imported

import pulumi
from pulumi.runtime import resource as registration
from pulumi.runtime import run_in_stack, set_all_config
from pulumi.runtime.proto import source_pb2
from pulumi.runtime.settings import SETTINGS, Settings, configure


def main(request: dict[str, Any]) -> int:
    """Run the program that the engine asks for and return 0, or 1 after logging the error to the engine."""
    directory, parallel = request["directory"], request["parallel"]
    settings = Settings(
        project=request["project"],
        stack=request["stack"],
        monitor=request["address"],
        engine=request["address"],
        parallel=parallel,
        dry_run=request["is_preview"],
        organization="organization",
        root_directory=directory,
    )
    # Otherwise each of five hundred debug messages would be a call of the engine, which drops it.
    pulumi.log.debug = lambda *_arguments, **_options: None
    # Where in the source a resource is made, which this engine does not record either.
    registration._get_stack_trace = source_pb2.StackTrace
    configure(settings)
    set_all_config(request["config"], request["secret_keys"])
    # From which `get_config_env` reads what the SDK does not list otherwise.
    os.environ["PULUMI_CONFIG"] = json.dumps(request["config"])
    os.environ["PULUMI_CONFIG_SECRET_KEYS"] = json.dumps(request["secret_keys"])
    # runpy puts the program's directory on the path; this module's must not be there.
    os.chdir(directory)
    sys.path.pop(0)
    sys.argv = [directory]
    loop = asyncio.new_event_loop()
    # Each registration under way holds a thread, and asyncio's default has few on a small machine.
    loop.set_default_executor(ThreadPoolExecutor(4 * parallel))
    asyncio.set_event_loop(loop)
    try:
        loop.run_until_complete(run_in_stack(lambda: _run(directory)))
    except Exception as error:  # noqa: BLE001 (the program may raise anything, and it is logged)
        pulumi.log.error(explain(error, Path(directory)))
        return 1
    finally:
        loop.close()
    return 0


async def _run(directory: str) -> None:
    runpy.run_path(directory, run_name="__main__")
    # The SDK waits for the first of all outputs, then for the first of the rest, and so on: a quarter of the
    # program's processor time.
    outputs: set[asyncio.Future[Any]] = SETTINGS.outputs  # pyrefly: ignore[bad-assignment]
    while pending := [output for output in outputs if not output.done()]:
        done, _ = await asyncio.wait(pending, return_when=asyncio.FIRST_EXCEPTION)
        if any(output.cancelled() or output.exception() for output in done):
            return  # the SDK, which waits for them once more, raises it


def explain(error: BaseException, directory: Path) -> str:
    """Return the message of a RunError; of any other error, which is a bug of the program, the program's own frames."""
    if isinstance(error, pulumi.RunError):
        return str(error)
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if _is_own(Path(frame.filename), directory)]
    lines = [*traceback.format_list(own or frames[-3:]), *traceback.format_exception_only(error)]
    return "The program failed:\n" + "".join(lines).replace(f"{directory}{os.sep}", "").rstrip()


def _is_own(file: Path, directory: Path) -> bool:
    return file.is_relative_to(directory) and "site-packages" not in file.parts and file != Path(__file__)


if __name__ == "__main__":
    atexit.register(gc.freeze)  # otherwise Python still looks for garbage when it ends
    # The engine sends a line, perhaps much later. If it ends before that, so does its end of this pipe.
    if not (line := sys.stdin.buffer.readline()).endswith(b"\n"):
        sys.exit(1)
    lifetime.watch_parent()
    sys.exit(main(json.loads(line)))
