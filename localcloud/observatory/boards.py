"""Boards, drawn from the metrics and alarms of a cloud as they are now."""

import json
from datetime import UTC, datetime
from typing import Any

from localcloud.boards.page import PAGE_WIDTH, Snapshot, height_of, render
from localcloud.observatory.log_tables import log_source
from localcloud.observatory.observatory import Observatory

_EPOCH = datetime.fromtimestamp(0, UTC)


def snapshot_of(observatory: Observatory, links: dict[str, str]) -> Snapshot:
    """The metrics and alarms now; `links` are the files of other boards, by the boards' names."""
    alarms = observatory.alarms
    return Snapshot(
        store=observatory.store,
        now=observatory.ended_minute,
        epoch=_EPOCH,
        first=observatory.store.first_minute,
        states={stored.alarm.name: alarms.state(stored.alarm.name) for stored in alarms.all()},
        since={
            stored.alarm.name: int(stored.transitioned_at // 60)
            for stored in alarms.all()
            if stored.transitioned_at > stored.put_at
        },
        links=links,
        logs=log_source(observatory),
    )


def answer(observatory: Observatory, request: bytes) -> bytes:
    """The response to a request for a board, both JSON: body, title and links in; the page and its size out."""
    asked: dict[str, Any] = json.loads(request)
    page = render(asked["body"], asked["title"], snapshot_of(observatory, asked["links"]))
    return json.dumps({"page": page, "width": PAGE_WIDTH, "height": height_of(asked["body"], has_logs=True)}).encode()
