"""Draw the pictures of the console again: stack `dev` in an embedded cloud, twelve minutes after its consumer stopped.

The cloud's clock is stepped, so this takes about a minute. Needs Chromium and the packages of `make test`.
"""

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import requests

from localcloud.boards import browser
from localcloud.cloud import START_STEPS, LocalCloud
from localcloud.deployer.engine import DeploymentFailed
from localcloud.drills.catalogue import DRILLS, DrillName
from localcloud.drills.stack import DrilledStack
from localcloud.emulator.process import EmulatorError
from localcloud.observatory.paths import CONSOLE
from localcloud.progress import Progress
from tools.documents import DOCS, ROOT, command_line

if TYPE_CHECKING:
    from playwright.sync_api import Browser

NORMAL_MINUTES, STOPPED_MINUTES = 25, 12
TIMEOUT_SECONDS = 60
# The minutes of a stepped clock pass within a second, in which the limits of stack dev reject some of the requests.
LIMITS = {"apiRateLimit": 100, "apiBurstLimit": 200}
QUERY = """stats count(*) as requests, avg(response_latency_ms) as average_ms, max(response_latency_ms) as slowest_ms
  by bin(5m) as minutes, status
| sort minutes desc"""
# The view, and the width and height of the window.
PICTURES = {
    "console-board": ("#/boards/{prefix}overview?range=PT1H", 1_280, 860),
    "console-alarm": ("#/alarms/{prefix}ingest-unhealthy?range=PT1H", 1_280, 860),
    "console-system": ("#/system?range=PT1H", 1_280, 660),
    "console-logs": (f"#/logs?range=PT1H&query={quote(QUERY)}&groups=/event-processing/dev/api-access", 1_280, 900),
    "console-trace": ("#/traces/{trace}?range=PT1H", 1_280, 560),
    "console-narrow": ("#/alarms?range=PT1H", 500, 860),
}

SHOWN = ".alarm, .description, .part, .js-plotly-plot, .line, .waterfall"
"""What is only there when a view is."""


def take(chromium: "Browser", console: str, prefix: str, out: Path) -> list[Path]:
    """Take every picture of the console at that address; returns the files."""
    files: list[Path] = []
    traces = requests.get(f"{console}/traces", params={"range": "PT1H"}, timeout=TIMEOUT_SECONDS).json()["traces"]
    trace = max(traces, key=lambda found: found["services"])["id"]
    page = chromium.new_page()
    for name, (view, width, height) in PICTURES.items():
        page.goto(f"{console}/style.css")  # so that the view is of a new document, in the same process
        page.set_viewport_size({"width": width, "height": height})
        page.goto(console + view.format(prefix=prefix, trace=trace))
        page.wait_for_function("() => document.querySelector('#live').textContent.startsWith('Live')")
        page.wait_for_selector(SHOWN)
        files.append(out / f"{name}.png")
        page.screenshot(path=files[-1])
    page.close()
    return files


def _pass_minutes(stack: DrilledStack, minutes: int, *, consumed: bool) -> None:
    """Let minutes pass with some events and requests in each."""
    headers = {"Authorization": f"Bearer {_token(stack.cloud)}"}
    for minute in range(minutes):
        for _ in range(3 + minute * 5 % 4):
            stack.send()
            url = f"{stack.cloud.outputs['apiUrl']}/users/drill-1/services"
            requests.get(url, headers=headers, timeout=TIMEOUT_SECONDS)
        if consumed:
            stack.wait_until_stored()
        stack.cloud.advance(60)


def _token(cloud: LocalCloud) -> str:
    client = next(iter(cloud.outputs["apiClients"].values()))
    response = requests.post(
        cloud.outputs["tokenUrl"],
        auth=(client["clientId"], client["clientSecret"]),
        data={"grant_type": "client_credentials", "scope": cloud.outputs["apiScope"]},
        timeout=TIMEOUT_SECONDS,
    )
    return response.json()["access_token"]


def draw(executable: str, out: Path, progress: Progress) -> None:
    """Start the cloud, stop its consumer and take the pictures."""
    from playwright.sync_api import sync_playwright

    clock = f"--stepped={time.time() // 60 * 60}"
    with LocalCloud.start(ROOT, progress=progress, options=[clock], config_overrides=LIMITS) as cloud:
        stack = DrilledStack(cloud)
        with progress.step(f"Let {NORMAL_MINUTES} normal minutes pass, and {STOPPED_MINUTES} without a consumer"):
            _pass_minutes(stack, NORMAL_MINUTES, consumed=True)
            with DRILLS[DrillName.CONSUMER_STOPPED].made(stack):
                _pass_minutes(stack, STOPPED_MINUTES, consumed=False)
        with progress.step("Take the pictures") as step, sync_playwright() as playwright:
            chromium = playwright.chromium.launch(executable_path=executable, args=list(browser.OPTIONS))
            files = take(chromium, f"{cloud.outputs['endpoint']}{CONSOLE}", stack.prefix, out)
            chromium.close()
            step.note(", ".join(str(file) for file in files))


def main() -> None:
    """Draw the pictures."""
    parser = command_line("console_pictures", __doc__)
    parser.add_argument("--out", type=Path, default=DOCS / "images", help="folder to write to (default: %(default)s)")
    arguments = parser.parse_args()
    executable = browser.find()
    if executable is None:
        sys.exit(f"Chromium is not on PATH (searched for {', '.join(browser.NAMES)}).")
    try:
        draw(executable, arguments.out, Progress(START_STEPS + 2))
    except (DeploymentFailed, EmulatorError, OSError) as error:
        sys.exit(f"The pictures could not be drawn: {error}")


if __name__ == "__main__":
    main()
