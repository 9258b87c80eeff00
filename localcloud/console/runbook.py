"""The runbook's section of each alarm, rendered."""

import html
import re
from collections.abc import Collection, Mapping
from pathlib import Path
from urllib.parse import quote

_HEADING = re.compile(r"^## ([a-z0-9-]+)\n", re.MULTILINE)
_LINK = re.compile(r'<a href="([^"]*)">(.*?)</a>', re.DOTALL)


class Runbook:
    """The sections of a runbook, by the id that is their heading. HTML in it is shown as text."""

    def __init__(self, text: str) -> None:
        _, *parts = _HEADING.split(text)
        self._sections: Mapping[str, str] = dict(zip(parts[::2], parts[1::2], strict=True))

    @classmethod
    def read(cls, path: Path) -> "Runbook":
        """The runbook in a file; an empty one if there is no such file."""
        return cls(path.read_text(encoding="utf-8") if path.is_file() else "")

    def section_of(self, alarm: str, alarms: Collection[str], alarm_link: str) -> str:
        """The markup of the section whose heading the alarm's name ends with, or nothing.

        Links to other headings lead to their alarms, if those exist.
        """
        headings = [heading for heading in self._sections if alarm == heading or alarm.endswith(f"-{heading}")]
        if not headings:
            return ""
        heading = max(headings, key=len)
        prefix = alarm.removesuffix(heading)

        def link(found: re.Match[str]) -> str:
            target, label = html.unescape(found[1]), found[2]
            if target.startswith("#") and prefix + target[1:] in alarms:
                return f'<a href="{html.escape(alarm_link + quote(prefix + target[1:], safe=""))}">{label}</a>'
            if target.startswith("https://"):
                return f'<a href="{html.escape(target)}" rel="noopener noreferrer" target="_blank">{label}</a>'
            return label  # a file of the project, which is not served here

        from markdown_it import MarkdownIt  # at the first look, like everything that draws

        markup = MarkdownIt("commonmark", {"html": False}).render(self._sections[heading])
        return _LINK.sub(link, markup)
