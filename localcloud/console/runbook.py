"""The runbook's section of each alarm, rendered."""

import html
import re
from collections.abc import Collection, Mapping
from pathlib import Path
from urllib.parse import quote

_HEADING = re.compile(r"^## ([a-z0-9-]+)\n", re.MULTILINE)
_TITLE = re.compile(r"\A# .*\n")
_TOP = "top of this page"
_LINK = re.compile(r'<a href="([^"]*)">(.*?)</a>', re.DOTALL)


class Runbook:
    """The sections of a runbook, by the id that is their heading. HTML in it is shown as text."""

    def __init__(self, text: str) -> None:
        self._top, *parts = _HEADING.split(text)
        self._sections: Mapping[str, str] = dict(zip(parts[::2], parts[1::2], strict=True))

    @classmethod
    def read(cls, path: Path) -> "Runbook":
        """The runbook in a file; an empty one if there is no such file."""
        return cls(path.read_text(encoding="utf-8") if path.is_file() else "")

    @property
    def top(self) -> str:
        """The markup of what is above the first heading: what to do whichever alarm fires."""
        return self._render(_TITLE.sub("", self._top), {})

    def heading_of(self, alarm: str) -> str | None:
        """The longest heading that the alarm's name ends with."""
        headings = [heading for heading in self._sections if alarm == heading or alarm.endswith(f"-{heading}")]
        return max(headings, key=len, default=None)

    def section_of(self, alarm: str, alarms: Collection[str], alarm_link: str, top_link: str) -> str:
        """The markup of the alarm's section, or nothing.

        Links to other headings lead to their alarms, if those exist. Its mentions of the top of the page are links too.
        """
        heading = self.heading_of(alarm)
        if heading is None:
            return ""
        prefix = alarm.removesuffix(heading)
        links = {f"#{name}": alarm_link + quote(prefix + name, safe="") for name in self._sections}
        links = {target: link for target, link in links.items() if prefix + target[1:] in alarms}
        section = self._sections[heading].replace(_TOP, f"[top of the runbook]({top_link})")
        return self._render(section, links | {top_link: top_link})

    def _render(self, text: str, links: Mapping[str, str]) -> str:
        def link(found: re.Match[str]) -> str:
            target, label = html.unescape(found[1]), found[2]
            if target in links:
                return f'<a href="{html.escape(links[target])}">{label}</a>'
            if target.startswith("https://"):
                return f'<a href="{html.escape(target)}" rel="noopener noreferrer" target="_blank">{label}</a>'
            return label  # a file of the project, which is not served here

        from markdown_it import MarkdownIt  # at the first look, like everything that draws

        return _LINK.sub(link, MarkdownIt("commonmark", {"html": False}).render(text))
