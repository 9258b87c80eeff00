"""The trace header, which carries a trace from one service to the next, and the IDs in it."""

import re
import secrets
from dataclasses import dataclass

TRACE_ID = re.compile(r"1-[0-9a-f]{8}-[0-9a-f]{24}")
SPAN_ID = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True, kw_only=True)
class TraceHeader:
    """`Root=1-…;Parent=…;Sampled=1`. Without a decision, the next service makes it."""

    root: str
    parent: str | None = None
    sampled: bool | None = None

    @classmethod
    def parse(cls, text: object) -> "TraceHeader | None":
        """The header in a text that any client may have sent; None unless it has a trace ID."""
        if not isinstance(text, str):
            return None
        parts = {name.strip().lower(): value.strip() for name, _, value in (p.partition("=") for p in text.split(";"))}
        root, parent = parts.get("root", ""), parts.get("parent", "")
        if not TRACE_ID.fullmatch(root):
            return None
        return cls(
            root=root,
            parent=parent if SPAN_ID.fullmatch(parent) else None,
            sampled={"0": False, "1": True}.get(parts.get("sampled", "")),
        )

    def __str__(self) -> str:
        parts = [f"Root={self.root}"]
        if self.parent:
            parts.append(f"Parent={self.parent}")
        if self.sampled is not None:
            parts.append(f"Sampled={int(self.sampled)}")
        return ";".join(parts)


def new_trace_id(now: float) -> str:
    """The ID of a trace that begins now."""
    return f"1-{int(now):08x}-{secrets.token_hex(12)}"


def new_span_id() -> str:
    """The ID of a segment or subsegment."""
    return secrets.token_hex(8)
