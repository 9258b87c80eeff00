"""The pager of the embedded cloud: a page that shows what would have been delivered. Nothing leaves this machine.

Every HTTP and HTTPS subscription is delivered here instead of to its endpoint, and e-mail is shown instead of sent. An
endpoint under `.invalid`, a name that never exists, cannot be delivered to, which is how to try a pager that is down.
"""

import json
import re
from collections import deque
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from html import escape
from typing import Any
from urllib.parse import urlsplit

from localcloud.observatory.clock import Clock
from localcloud.observatory.feed import Feed

PAGES_MAX = 500
UNREACHABLE = ".invalid"
PATH = "/_pager"
LOCAL_HOSTS = ("127.0.0.1", "localhost")
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
}
_STYLE = (
    "body{font:15px/1.5 system-ui;margin:2rem auto;max-width:60rem;padding:0 1rem}"
    "article{border-left:.4rem solid #888;margin:1rem 0;padding:.2rem 1rem}"
    ".ALARM{border-color:#c0392b}.OK{border-color:#27803b}"
    "h2{font-size:1rem;font-weight:normal;margin:0}p{margin:.2rem 0;white-space:pre-line;overflow-wrap:anywhere}"
    ".line{font-weight:bold}"
)
# Of a text that is escaped already.
_LINK = re.compile(r"https://[^\s<>\"&]+")


@dataclass(frozen=True, kw_only=True)
class Page:
    """What one subscriber of a topic received. The endpoint is not kept: it is a secret, or personal data."""

    at: float
    topic: str
    protocol: str
    subject: str
    message: str
    delivered: bool

    @property
    def alarm(self) -> dict[str, Any]:
        """The notification of an alarm; empty if the message is none."""
        try:
            found = json.loads(self.message)
        except (ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) and "AlarmName" in found else {}


class Pager:
    """The pages that arrived, of which the oldest are forgotten."""

    def __init__(self, clock: Clock, feed: Feed | None = None) -> None:
        self._clock, self._feed = clock, feed or Feed()
        self.pages: deque[Page] = deque(maxlen=PAGES_MAX)

    def receive(
        self, topic: str, protocol: str, subject: str, message: str, endpoint: str, *, is_reachable: bool = True
    ) -> bool:
        """Show a message for an endpoint; whether it could be delivered."""
        delivered = is_reachable and not (urlsplit(endpoint).hostname or "").endswith(UNREACHABLE)
        page = Page(
            at=self._clock.now(),
            topic=topic,
            protocol=protocol,
            subject=subject,
            message=message,
            delivered=delivered,
        )
        self.pages.append(page)
        self._feed.publish()
        return delivered

    def answer(self, path: str, host: str) -> tuple[int, str, bytes]:
        """Status, content type and body of the page, or of its data at `.json`."""
        # A name of another host that resolves to this machine must not read the pages.
        if host.partition(":")[0] not in LOCAL_HOSTS:
            return 403, "text/plain", b"Open http://127.0.0.1 instead.\n"
        pages = list(reversed(self.pages))
        if path == f"{PATH}.json":
            return 200, "application/json", json.dumps([asdict(page) for page in pages]).encode()
        if path != PATH:
            return 404, "text/plain", b"Not found.\n"
        return 200, "text/html; charset=utf-8", _document(pages).encode()


def _document(pages: list[Page]) -> str:
    first = [page for page in pages if _is_first_evaluation(page)]
    shown = "".join(_article(page) for page in pages if not _is_first_evaluation(page))
    if first:
        shown += (
            f"<details><summary>{len(first)} notices of alarms that became OK when they were first evaluated</summary>"
        )
        shown += "".join(map(_article, first)) + "</details>"
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta http-equiv="refresh" content="5">'
        f"<title>Pager</title><style>{_STYLE}</style></head><body><h1>Pager</h1>"
        "<p>What subscribers of the alert topics would have received. Nothing was sent to them.</p>"
        f"{shown or '<p>Nobody was notified.</p>'}</body></html>"
    )


def _is_first_evaluation(page: Page) -> bool:
    """CloudWatch notifies of it too, but nobody has to read each of them."""
    alarm = page.alarm
    return (alarm.get("OldStateValue"), alarm.get("NewStateValue")) == ("INSUFFICIENT_DATA", "OK")


def _article(page: Page) -> str:
    alarm = page.alarm
    state = alarm.get("NewStateValue")
    at = datetime.fromtimestamp(page.at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    way = "e-mail, shown and not sent" if page.protocol.startswith("email") else page.protocol
    failed = "" if page.delivered else " — not delivered: the pager is down"
    line, _, rest = str(alarm.get("AlarmDescription") or page.message).partition("\n")
    kind = state if state in ("ALARM", "OK") else ""
    since = f"{state} since {_time(alarm)}: " if kind else ""
    return (
        f'<article class="{kind}"><p class="line">{escape(since)}{_LINK.sub(_linked, escape(line))}</p>'
        f"<h2>{escape(page.subject or '(no subject)')}</h2>"
        f"<p>{at} · {escape(page.topic)} · {escape(way)}{failed}</p>"
        f"<p>{escape(str(alarm.get('NewStateReason', '')))}</p><p>{escape(rest.strip())}</p></article>"
    )


def _time(alarm: dict[str, Any]) -> str:
    return str(alarm.get("StateChangeTime", "")).partition(".")[0].replace("T", " ") + " UTC"


def _linked(address: re.Match[str]) -> str:
    return f'<a href="{address[0]}" rel="noopener noreferrer" target="_blank">{address[0]}</a>'
