"""The system as a picture: what flows between its parts in a minute, and the parts that alarms are about."""

from collections.abc import Mapping
from dataclasses import asdict
from http import HTTPStatus
from typing import Any

from handlers.vocabulary import PROBE_SERVICE
from localcloud.cloudwatch.alarms import MetricAlarm
from localcloud.cloudwatch.states import State
from localcloud.console.http import HttpError
from localcloud.console.part_links import links_of
from localcloud.console.system import ARROWS, PARTS, Part, Reading
from localcloud.console.times import write_time
from localcloud.observatory.observatory import Observatory

METRICS_MAX = 200


class Picture:
    """The picture at a time. Its methods may be called from any thread."""

    def __init__(self, observatory: Observatory) -> None:
        self._observatory = observatory

    def whole(self, end: float, states: Mapping[str, State]) -> dict[str, Any]:
        """Every part and arrow in the last minute that had ended, and the alarms about each part that fire."""
        reading = self._reading(end)
        about = self._alarms(reading)
        absent = {part.id for part in PARTS.values() if part.is_optional and not reading.resources(part)}
        shared = [arrow for arrow in ARROWS if arrow.counts_probe and PROBE_SERVICE not in absent]
        return {
            "minute": write_time(reading.minute * 60),
            "parts": [
                {
                    "id": part.id,
                    "title": part.title,
                    "isOurs": bool(part.dimension),
                    "exists": not part.dimension or bool(reading.resources(part)),
                    "figures": [asdict(figure) for figure in part.figures(reading)],
                    "firing": [name for name in about[part.id] if states.get(name) is State.ALARM],
                }
                for part in PARTS.values()
                if part.id not in absent
            ],
            "arrows": [
                {
                    "start": arrow.start,
                    "end": arrow.end,
                    "label": f"{arrow.label}, the probe's too" if arrow in shared else arrow.label,
                    "rate": arrow.rate(reading),
                }
                for arrow in ARROWS
                if not absent & {arrow.start, arrow.end}
            ],
        }

    def part(self, part_id: str, end: float) -> dict[str, Any]:
        """Everything about a part: resources, alarms, boards and metrics; HttpError if there is no such part."""
        part = PARTS.get(part_id)
        if part is None:
            raise HttpError(HTTPStatus.NOT_FOUND, f"The picture has no part {part_id}.")
        reading = self._reading(end)
        dimensions = reading.dimensions(part)
        names = sorted(name for _, name in reading.resources(part))
        keys = [key for key in reading.keys if key.dimensions & dimensions]
        keys.sort(key=lambda key: (key.namespace, key.name, sorted(key.dimensions)))
        return {
            "id": part.id,
            "title": part.title,
            "minute": write_time(reading.minute * 60),
            "resources": names,
            "links": [asdict(link) for link in links_of(part, names, self._observatory, end)],
            "alarms": self._alarms(reading)[part.id],
            "boards": [
                board
                for board, text in sorted(self._observatory.boards().items())
                if any(f'"{value}"' in text for _, value in dimensions)
            ],
            "metrics": [reading.describe(key) for key in keys[:METRICS_MAX]],
            "metricCount": len(keys),
        }

    def about(self, alarms: set[str], end: float) -> list[dict[str, str]]:
        """The parts that one of the alarms is about."""
        found = self._alarms(self._reading(end))
        return [{"id": part.id, "title": part.title} for part in PARTS.values() if alarms & set(found[part.id])]

    def _reading(self, end: float) -> Reading:
        return Reading(self._observatory, min(int(end // 60), self._observatory.ended_minute) - 1)

    def _alarms(self, reading: Reading) -> dict[str, list[str]]:
        """By part, the alarms that read a metric about it."""
        read = {
            found.alarm.name: {dimension for metric in found.alarm.metrics for dimension in metric.key.dimensions}
            for found in self._observatory.alarms.all()
            if isinstance(found.alarm, MetricAlarm)
        }

        def about(part: Part) -> list[str]:
            dimensions = reading.dimensions(part)
            return [name for name, named in read.items() if named & dimensions]

        return {part.id: about(part) for part in PARTS.values()}
