"""What backups, logs and copies still hold of an erased user, and until when, as AWS says it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from ops.errors import explain
from ops.files import KEPT
from ops.logs import log_folder
from ops.stack import StackOutputs

RECOVERY_DAYS_MAX = 35  # what DynamoDB keeps when the table does not say otherwise
# https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html: X-Ray deletes traces itself, and nobody else can.
TRACE_DAYS = 30
_CHUNK_BYTES = 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Remain:
    """A place that can still hold the user's data."""

    place: str
    holds: str
    until: str


def list_remains(outputs: StackOutputs, user: str, erased_at: datetime) -> list[Remain]:
    """Return every place that the erasure does not reach; a place that cannot be read says why."""
    dynamodb, table = outputs.client("dynamodb"), outputs.table_name
    parts: list[tuple[str, Callable[[], list[Remain]]]] = [
        ("point-in-time recovery", lambda: [_recovery(dynamodb, table, erased_at)]),
        ("backups", lambda: list(_backups(dynamodb, table))),
        ("exports", lambda: list(_exports(dynamodb, table))),
        ("logs", lambda: list(_log_groups(outputs))),
    ]
    remains = [remain for place, read in parts for remain in _read(place, read)]
    traces = Remain(
        place="X-Ray",
        holds="in sampled traces, the URLs of API requests about the user",
        until=f"{_day(erased_at + timedelta(days=TRACE_DAYS))}, or {TRACE_DAYS} days after the last such request",
    )
    trail = Remain(
        place="CloudTrail",
        holds="the key in calls of the table, if a trail of the account records its data events",
        until="as the trail's bucket says",
    )
    return [*remains, traces, trail, *_copies(user)]


def _read(place: str, read: Callable[[], list[Remain]]) -> list[Remain]:
    try:
        return read()
    except (ClientError, BotoCoreError) as error:
        return [Remain(place=place, holds=f"unknown: {explain(error)}", until="unknown")]


def _recovery(dynamodb: Any, table: str, erased_at: datetime) -> Remain:
    described = dynamodb.describe_continuous_backups(TableName=table)["ContinuousBackupsDescription"]
    recovery = described.get("PointInTimeRecoveryDescription", {})
    place = f"point-in-time recovery of {table}"
    if recovery.get("PointInTimeRecoveryStatus") != "ENABLED":
        return Remain(place=place, holds="nothing: it is off", until="-")
    days = recovery.get("RecoveryPeriodInDays", RECOVERY_DAYS_MAX)
    return Remain(
        place=place,
        holds="the record as it was before the erasure",
        until=f"{_day(erased_at + timedelta(days=days))} ({days} days)",
    )


def _backups(dynamodb: Any, table: str) -> Iterator[Remain]:
    request = {"TableName": table, "BackupType": "ALL"}
    for backup in _pages(
        dynamodb.list_backups, request, "BackupSummaries", "LastEvaluatedBackupArn", "ExclusiveStartBackupArn"
    ):
        expires = backup.get("BackupExpiryDateTime")
        yield Remain(
            place=f"backup {backup['BackupName']}",
            holds=f"the table as of {_day(backup['BackupCreationDateTime'])}",
            until=_day(expires) if expires else f"it is deleted: {backup['BackupArn']}",
        )


def _exports(dynamodb: Any, table: str) -> Iterator[Remain]:
    arn = dynamodb.describe_table(TableName=table)["Table"]["TableArn"]
    for export in _pages(dynamodb.list_exports, {"TableArn": arn}, "ExportSummaries", "NextToken", "NextToken"):
        details = dynamodb.describe_export(ExportArn=export["ExportArn"])["ExportDescription"]
        yield Remain(
            place=f"export to s3://{details['S3Bucket']}/{details.get('S3Prefix', '')}",
            holds=f"the table as of {_day(details['ExportTime'])}",
            until="its objects are deleted",
        )


def _pages(call: Callable[..., Any], request: dict[str, Any], key: str, next_key: str, start_key: str) -> Iterator[Any]:
    while True:
        page = call(**request)
        yield from page.get(key, [])
        if not page.get(next_key):
            return
        request = request | {start_key: page[next_key]}


def _log_groups(outputs: StackOutputs) -> Iterator[Remain]:
    pages = outputs.client("logs").get_paginator("describe_log_groups")
    for page in pages.paginate(logGroupNamePrefix=f"{log_folder(outputs)}/"):
        for group in page["logGroups"]:
            days = group.get("retentionInDays")
            yield Remain(
                place=f"log group {group['logGroupName']}",
                holds="no user ID: no line of the functions or the access log has one",
                until=f"each line for {days} days" if days else "each line for ever",
            )


def _copies(user: str) -> Iterator[Remain]:
    """Yield the copies of events and dead letters on this machine that contain the ID; others can have more."""
    paths = sorted(path for path in KEPT.glob("*") if path.is_file()) if KEPT.is_dir() else []
    for path in paths:
        try:
            is_found = _contains(path.open("rb"), user.encode())
        except OSError as error:
            yield Remain(place=f"file {path}", holds=f"unknown: {error.strerror}", until="unknown")
            continue
        if is_found:
            yield Remain(place=f"file {path}", holds="events that contain the user ID as text", until="you delete it")
    yield Remain(
        place="files of other operators and of producers, tables restored from a backup",
        holds="unknown: copies by dead-letters discard, edit and export, and by send",
        until="their owners delete them",
    )


def _contains(file: Any, text: bytes) -> bool:
    with file:
        end = b""
        while chunk := file.read(_CHUNK_BYTES):
            if text in end + chunk:
                return True
            end = (end + chunk)[-len(text) :]
    return False


def _day(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d}"
