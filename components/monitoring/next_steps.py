"""The command with which to begin when an alarm fires: notification, runbook and `ops status` all name it."""

from components.monitoring.alarm_ids import COMPOSITES, AlarmId

STATUS = "status"
READ_ERRORS = "logs --errors --since 15m"
LIST_DEAD_LETTERS = "dead-letters list"
WATCH = "status --watch"
LIST_VERSIONS = "versions"
SMOKE = "smoke"

# The words that follow `python -m ops`. Alarms of objectives follow below.
NEXT_STEPS: dict[AlarmId, str] = {
    AlarmId.SERVICE_HEALTH: WATCH,
    AlarmId.INGEST_UNHEALTHY: READ_ERRORS,
    AlarmId.API_UNHEALTHY: READ_ERRORS,
    AlarmId.CONSUMER_DOWN: READ_ERRORS,
    AlarmId.QUEUE_AGE: READ_ERRORS,
    AlarmId.CONSUMER_STALLED: WATCH,
    AlarmId.INGEST_DOWN: READ_ERRORS,
    AlarmId.INGEST_FAILURES: READ_ERRORS,
    AlarmId.INGEST_EXHAUSTED: LIST_DEAD_LETTERS,
    AlarmId.INGEST_CONTRACT: LIST_DEAD_LETTERS,
    AlarmId.INGEST_INVALID: LIST_DEAD_LETTERS,
    AlarmId.DLQ_NOT_EMPTY: LIST_DEAD_LETTERS,
    AlarmId.DLQ_EXPIRING: LIST_DEAD_LETTERS,
    AlarmId.DLQ_NEGLECTED: LIST_DEAD_LETTERS,
    AlarmId.QUEUE_SILENT: SMOKE,
    AlarmId.EVENT_HANDLER_ERRORS: READ_ERRORS,
    AlarmId.EVENT_HANDLER_THROTTLES: WATCH,
    AlarmId.EVENT_HANDLER_DURATION: READ_ERRORS,
    AlarmId.EVENT_HANDLER_CANARY: LIST_VERSIONS,
    AlarmId.CONSUMER_CONCURRENCY: WATCH,
    AlarmId.QUERY_ERRORS: READ_ERRORS,
    AlarmId.QUERY_THROTTLES: WATCH,
    AlarmId.QUERY_DURATION: READ_ERRORS,
    AlarmId.QUERY_CANARY: LIST_VERSIONS,
    AlarmId.TABLE_WRITE_THROTTLE: READ_ERRORS,
    AlarmId.TABLE_READ_THROTTLE: READ_ERRORS,
    AlarmId.TABLE_SYSTEM_ERRORS: READ_ERRORS,
    AlarmId.TABLE_LATENCY_UPDATE_ITEM: READ_ERRORS,
    AlarmId.TABLE_LATENCY_BATCH_GET_ITEM: READ_ERRORS,
    AlarmId.TABLE_LATENCY_GET_ITEM: READ_ERRORS,
    AlarmId.RECORD_DAMAGED: READ_ERRORS,
    AlarmId.PROBE_FAILING: SMOKE,
    AlarmId.API_DOWN: READ_ERRORS,
    AlarmId.API_5XX: READ_ERRORS,
    AlarmId.API_5XX_ANY: READ_ERRORS,
    AlarmId.API_4XX: "logs --since 15m",
    AlarmId.API_LATENCY: SMOKE,
    AlarmId.API_NEAR_LIMIT: "logs --since 15m",
    AlarmId.API_AUTH_SPIKE: "logs --since 15m",
    AlarmId.EMF_BROKEN: LIST_VERSIONS,
    AlarmId.ALERTS_UNDELIVERED: WATCH,
    AlarmId.ALERTS_UNDELIVERED_P2: WATCH,
}
_OBJECTIVES = {"slo-api-availability": READ_ERRORS, "slo-api-latency": SMOKE, "slo-ingest-timely": READ_ERRORS}


def first_command(alarm_id: AlarmId, stack: str) -> str:
    """Return the command of a notification. Where an alarm combines others, `status` names what is broken."""
    return f"python -m ops {STATUS if alarm_id in COMPOSITES else next_step(alarm_id)} --stack {stack}"


def next_step(alarm_id: str) -> str:
    """Return what follows `python -m ops` for a reader of `status`; of an unknown alarm, the last errors."""
    words = {str(known): step for known, step in NEXT_STEPS.items()}.get(alarm_id)
    return words or next((step for start, step in _OBJECTIVES.items() if alarm_id.startswith(start)), READ_ERRORS)


def has_next_step(alarm_id: AlarmId) -> bool:
    """Whether the command for this alarm was chosen."""
    return alarm_id in NEXT_STEPS or alarm_id.startswith(tuple(_OBJECTIVES))
