"""The newest release, given all requests at once, or a tenth first and then all or none."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from ops.aliases import NotMovedError, move, read_fleet
from ops.canary import ALARM_SUFFIX, Decision, Facts, Limits, Verdict, decide
from ops.canary_facts import read_facts
from ops.errors import OperatorError, explain
from ops.release_steps import canary_step, is_done, release_step
from ops.releases import Fleet, Phase, Position, Release
from ops.stack import StackOutputs
from ops.status import FIRING

POLL_SECONDS = 15.0
"""How often the command looks; more often in a watch that is shorter."""
RESUMED_LOOKBACK = timedelta(minutes=30)
GO_ON_OR_BACK = (
    "Go on with `python -m ops release`, watch again with --canary, or go back with `python -m ops rollback`."
)
Report = Callable[[str], None]


class ChangedMeanwhileError(OperatorError):
    """The aliases are not where the canary left them: somebody else has decided, and nothing is undone."""


@dataclass(frozen=True, kw_only=True)
class Canary:
    """A release that is watched while it gets a tenth of the requests."""

    outputs: StackOutputs
    limits: Limits
    report: Report
    """Prints a line of progress."""
    warn: Report

    def run(self) -> Decision:
        """Start or continue the canary and return how it ended: on, back, or stopped where it is.

        Ctrl-C and every failure of a look go back to the old release, then raise.
        """
        client = self.outputs.client("lambda")
        fleet = read_fleet(self.outputs, client)
        step = canary_step(fleet)
        if step and step.routes == step.release.routes():
            return self._finish_at_once(client, fleet)
        old, new, started = fleet.position().old, fleet.newest, datetime.now(UTC)
        if step:
            self._check_before(read_facts(self.outputs, fleet, new, started, 0))
        decision: Decision | None = None
        try:
            if step:
                self._move(client, fleet, step.routes)
            verb = "now goes" if step else "already goes"
            self.report(
                f"A tenth of the requests {verb} to release {new.id}, the rest to {old.id}. Watching for "
                f"{self.limits.watch_seconds / 60:g} minutes; Ctrl-C goes back."
            )
            # A second run does not know when the first one began, and what failed then counts again.
            decision = self._watch(client, old, new, started if step else started - RESUMED_LOOKBACK)
            if decision.verdict is not Verdict.STOP:
                # Read again, because only an alias that has not changed since is moved.
                fleet = read_fleet(self.outputs, client)
                _check_unchanged(fleet, old, new)
                self._move(client, fleet, (new if decision.verdict is Verdict.ON else old).routes())
        except ChangedMeanwhileError:
            raise
        except NotMovedError as error:
            # Either the canary did not begin, or its end failed and is put off.
            raise OperatorError(f"{error} {GO_ON_OR_BACK}") if decision else error from None
        except BaseException as error:
            self._go_back_after(error, client, old, new)
            raise
        return decision

    def _finish_at_once(self, client: Any, fleet: Fleet) -> Decision:
        step = release_step(fleet)
        if is_done(fleet, step):
            return Decision(Verdict.ON, "it was live already")
        was_decided = fleet.position().is_finishing
        self._move(client, fleet, step.routes)
        reason = "an earlier command had decided that" if was_decided else "it is the old one, published again"
        return Decision(Verdict.ON, reason)

    def _check_before(self, facts: Facts) -> None:
        for role, function in facts.functions.items():
            name = f"{role}-{ALARM_SUFFIX}"
            if function.alarm is None:
                raise OperatorError(
                    f"The stack has no alarm {name} on the newest version, so nothing would decide about a canary. "
                    "Deploy with the setting release gradual and without disabling the alarm, or release without "
                    "--canary."
                )
            if function.alarm.state == FIRING:
                raise OperatorError(
                    f"{name} is in ALARM: this version failed a few minutes ago. Publish a fixed version, or wait "
                    "until the alarm clears."
                )

    def _watch(self, client: Any, old: Release, new: Release, since: datetime) -> Decision:
        began, last = time.monotonic(), ""
        while True:
            time.sleep(min(POLL_SECONDS, self.limits.watch_seconds))
            fleet = read_fleet(self.outputs, client)
            _check_unchanged(fleet, old, new)
            elapsed = time.monotonic() - began
            decision = decide(read_facts(self.outputs, fleet, new, since, elapsed), self.limits)
            if decision.verdict is not Verdict.WAIT:
                return decision
            if decision.reason != last:
                self.report(f"{elapsed / 60:4.1f} min  {decision.reason}")
                last = decision.reason

    def _move(self, client: Any, fleet: Fleet, routes: Any) -> None:
        for note in move(client, fleet, routes, self.warn):
            self.warn(note)

    def _go_back_after(self, error: BaseException, client: Any, old: Release, new: Release) -> None:
        """Go back because the watch was interrupted or cannot look; raises OperatorError for an error it explains."""
        try:
            fleet = read_fleet(self.outputs, client)
            position = fleet.position()
            is_ours = position.old.id == old.id and (position.new is None or position.new.id == new.id)
            if is_ours:
                self._move(client, fleet, old.routes())
            result = (
                f"All requests go to release {old.id} again."
                if is_ours
                else "The aliases were changed meanwhile, and were left as they are."
            )
        except Exception as second:  # noqa: BLE001 - the first error counts, and is raised
            result = f"Going back failed too: {explain(second) or type(second).__name__} {GO_ON_OR_BACK}"
        sentence = explain(error) if isinstance(error, Exception) else None
        if sentence is not None:
            raise OperatorError(f"The release could not be watched: {sentence} {result}") from None
        self.warn(result)


def _check_unchanged(fleet: Fleet, old: Release, new: Release) -> None:
    expected = Position(phase=Phase.CANARY, old=old, new=new)
    try:
        position = fleet.position()
    except OperatorError as error:
        raise ChangedMeanwhileError(f"The aliases were changed meanwhile, and were left as they are: {error}") from None
    if position != expected:
        live = position.old.id if position.new is None else f"{position.old.id} and {position.new.id}"
        raise ChangedMeanwhileError(
            f"The aliases were changed meanwhile, and were left as they are: live is {live}. See: python -m ops status"
        )
