"""Log groups keep their newest lines, so that a cloud that runs for weeks does not fill the memory."""

import threading
from typing import Any

from localcloud.emulator.log_limit import LogLimit

GROUP = "/aws/lambda/f"


def limited(lines_max: int) -> tuple[LogLimit, dict[str, Any]]:
    streams: dict[str, Any] = {}
    return LogLimit({GROUP: {"streams": streams}}, threading.Lock(), lines_max=lines_max), streams


def log(limit: LogLimit, streams: dict[str, Any], name: str, lines: int) -> None:
    """Log that many lines into a stream, as an invocation does."""
    stream = streams.setdefault(name, {"events": [], "firstEventTimestamp": None})
    stream["events"] += [{"timestamp": number} for number in range(lines)]
    limit.add(GROUP, lines)


def test_oldest_streams_are_dropped():
    limit, streams = limited(1_000)
    for number in range(1_000):
        log(limit, streams, f"s{number}", 10)
        assert sum(len(stream["events"]) for stream in streams.values()) <= 1_110
    assert list(streams)[-1] == "s999"
    assert len(streams) >= 100, "the newest thousand lines are kept"


def test_oldest_lines_of_a_long_stream_are_dropped():
    limit, streams = limited(1_000)
    log(limit, streams, "old", 50)
    log(limit, streams, "long", 5_000)
    assert list(streams) == ["long"]
    assert [line["timestamp"] for line in streams["long"]["events"]] == [*range(4_000, 5_000)]
    assert streams["long"]["firstEventTimestamp"] == 4_000


def test_group_that_was_deleted_is_ignored():
    limit, streams = limited(10)
    limit.add("/aws/lambda/gone", 100)
    assert streams == {}
