"""What fails in the functions and in the API, in sentences."""

from collections.abc import Iterator
from dataclasses import dataclass

from handlers.vocabulary import EVENT_HANDLER_SERVICE, PROBE_SERVICE, QUERY_SERVICE, ErrorCode
from ops.errors import count_of, pluralize
from ops.health.activity import API, WINDOW, Counts, Failures, of_role

MINUTES = round(WINDOW.total_seconds() / 60)
READ_ERRORS = f"logs --errors --since {MINUTES}m"
MOST_CODES = 3
CONSEQUENCES = {
    EVENT_HANDLER_SERVICE: "Its events are retried, then moved to the dead-letter queue.",
    QUERY_SERVICE: "Clients of the API get a 5XX response.",
    PROBE_SERVICE: "Its login did not show in the API; those of real users may not show either.",
    API: "Clients of the API get a 5XX response, and the query function logged no failure.",
}
AT_START = "Runtime."
# What a code means, by a part of it; the first that fits.
CAUSES = {
    "AccessDenied": "Its role lacks a permission on the table, a queue or the key: undo manual changes of its policy.",
    "Throughput": "The table rejects requests beyond its limit.",
    "Throttl": "AWS throttles it.",
    "RequestLimitExceeded": "AWS throttles it.",
    "timeout": "It takes longer than its timeout, or waits for the table.",
    ErrorCode.OUT_OF_TIME: "It takes longer than its timeout, or waits for the table.",
    AT_START: "It crashes at its start, or its process ends.",
    "ResourceNotFound": "The table or a queue was deleted.",
}


@dataclass(frozen=True, kw_only=True)
class Failing:
    """What fails, and the words that follow `python -m ops`."""

    about: str
    what: str
    meaning: str
    is_most: bool
    """Whether at least half of the invocations fail."""
    may_be_release: bool = False
    """Whether nothing but a deployment explains it."""
    words: str = READ_ERRORS


def failing(counts: tuple[Counts, ...], failures: tuple[Failures, ...]) -> Iterator[Failing]:
    """Yield what fails in each function, and in the API if no function explains it."""
    roles = {count.role for count in counts} | {failure.role for failure in failures} - {API}
    explained = False
    for role in sorted(roles):
        count = next((count for count in counts if count.role == role), Counts(role=role))
        logged = of_role(failures, role)
        own = tuple(failure for failure in logged if failure.code != ErrorCode.RECORD_MALFORMED)
        if own or count.errors:
            explained = explained or role == QUERY_SERVICE
            yield _of_function(count, own)
        if count.throttles:
            yield Failing(
                about=f"{role} throttled",
                what=f"{role}: {pluralize(count.throttles, 'throttled invocation')} in the last {MINUTES} minutes.",
                meaning=f"Its reserved concurrency, or that of the account, is used up. {CONSEQUENCES.get(role, '')}",
                is_most=False,
                words="status --watch",
            )
        # The log shows them within seconds, the metric within minutes.
        partial = sum(failure.count for failure in logged if failure not in own)
        if answers := max(count.malformed, partial):
            yield Failing(
                about="damaged record",
                what=f"The API returned {pluralize(answers, 'partial answer')} from a damaged record in the last"
                f" {MINUTES} minutes.",
                meaning="A part of a user's record is not what this program writes. The API leaves that part out and"
                " says so, and the event handler keeps it. No retry repairs it: see record-damaged in the runbook.",
                is_most=False,
            )
    if (api := of_role(failures, API)) and not explained:
        yield Failing(
            about=f"API {api[0].code}",
            what=f"API: {_describe(api)}.",
            meaning=CONSEQUENCES[API],
            is_most=False,
        )


def _of_function(count: Counts, own: tuple[Failures, ...]) -> Failing:
    failed = max(count.errors, sum(failure.unhandled for failure in own))
    is_most_now = count.newest_errors > 0 and 2 * count.newest_errors >= count.newest_invocations
    is_most = (failed > 0 and 2 * failed >= count.invocations) or is_most_now
    what = f"{count.role}: {_describe(own) if own else f'failures in the last {MINUTES} minutes, none of them logged'}."
    if count.errors:
        newest = f", {count.newest_errors} of the newest {count.newest_invocations}" if is_most_now else ""
        what += f" {count_of(count.errors, count.invocations, 'invocation')} failed as a whole{newest}."
    cause = next((cause for part, cause in CAUSES.items() if own and part in own[0].code), "")
    if not cause and any(failure.at_start for failure in own):
        cause = CAUSES[AT_START]
    if not own:
        cause = "It crashes at its start, runs into its timeout, or its log lines have not arrived yet."
    return Failing(
        about=f"{count.role} {own[0].code if own else 'errors'}",
        what=what,
        meaning=" ".join(filter(None, (cause, CONSEQUENCES.get(count.role, "")))),
        is_most=is_most,
        # No rollback moves the probe.
        may_be_release=is_most and count.role != PROBE_SERVICE and (not own or cause in ("", CAUSES[AT_START])),
    )


def _describe(failures: tuple[Failures, ...]) -> str:
    total = pluralize(sum(failure.count for failure in failures), "failure")
    codes = [f"{failure.count} {failure.code}" for failure in failures[:MOST_CODES]]
    codes += ["others"] if len(failures) > MOST_CODES else []
    newest = max(failure.newest for failure in failures)
    return f"{total} in the last {MINUTES} minutes ({', '.join(codes)}), the last at {newest:%H:%M:%S} UTC"
