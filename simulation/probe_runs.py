"""The runs of the probe in the model: one a minute, whose login is a message and whose looks are requests."""

from dataclasses import dataclass

from handlers.probe import LOOKS_AFTER_SECONDS

BATCH_WINDOW_SECONDS = 1.0
# When a login that was stored with the first batches of a step is there for the API.
STORED_SECONDS = 0.3


@dataclass(kw_only=True)
class ProbeRun:
    """A run that has begun with its minute."""

    started: int
    stored_at: float | None = None
    """The second at which its login was stored."""
    shown_after: float | None = None
    """How many seconds after it was sent the API showed it."""
    api_status: int = 200
    """The last status of the API."""
    looks: int = 0

    def store(self, second: int, sent: int, seconds: float) -> None:
        """Note that a batch with the login that was sent then, which began at that second, took so many seconds."""
        if sent == self.started and self.stored_at is None:
            self.stored_at = second + BATCH_WINDOW_SECONDS + STORED_SECONDS + seconds

    def looks_until(self, second: int) -> list[int]:
        """Return when the probe looks, up to that second, as far as it has not found its login or failed."""
        return [
            self.started + after
            for after in LOOKS_AFTER_SECONDS[self.looks :]
            if self.started + after < second and not self.is_over
        ]

    def look(self, at: int, status: int) -> None:
        """Note a look and the status of its answer."""
        self.looks, self.api_status = self.looks + 1, status
        if status == 200 and self.stored_at is not None and self.stored_at <= at:
            self.shown_after = self.stored_at - self.started

    @property
    def is_over(self) -> bool:
        """Whether nothing more happens in this run."""
        return self.shown_after is not None or self.api_status != 200 or self.looks == len(LOOKS_AFTER_SECONDS)
