"""Write docs/settings.md: what the Pulumi engine plans when one setting is changed.

It needs the Pulumi CLI on PATH, deploys stack local into an embedded cloud, and previews each change; some minutes.
"""

import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.documents import DOCS, command_line, table, write
from tools.terminal import Step, Terminal, a_terminal

DOCUMENT = DOCS / "settings.md"

ALARM_EMAIL = {"alarmEmail": "oncall@example.com"}
# Each setting with another value than the sample stack `local` has, and what the value requires besides.
CHANGES: dict[str, dict[str, Any]] = {
    "owner": {"owner": "another-team"},
    "tags": {"tags": {"cost-center": "1234"}},
    "permissionsBoundary": {"permissionsBoundary": "arn:aws:iam::aws:policy/PowerUserAccess"},
    "runbookUrl": {"runbookUrl": "https://example.com/another.md"},
    "protect": {"protect": True, "deletionProtection": True},
    "deletionProtection": {"deletionProtection": True},
    "destroyable": {"destroyable": True},
    "pointInTimeRecovery": {"pointInTimeRecovery": False},
    "cmk": {"cmk": True},
    "logRetentionDays": {"logRetentionDays": 30},
    "platformLogs": {"platformLogs": "failures"},
    "pythonVersion": {"pythonVersion": "3.12"},
    "consumerTimeoutSeconds": {"consumerTimeoutSeconds": 20},
    "consumerMemoryMb": {"consumerMemoryMb": 1024},
    "queryTimeoutSeconds": {"queryTimeoutSeconds": 10},
    "queryMemoryMb": {"queryMemoryMb": 1024},
    "reservedConcurrency": {"reservedConcurrency": 5},
    "queryProvisionedConcurrency": {"queryProvisionedConcurrency": 1},
    "release": {"release": "gradual"},
    "versionsKept": {"versionsKept": 9},
    "maxReceiveCount": {"maxReceiveCount": 6},
    "queueRetentionDays": {"queueRetentionDays": 5},
    "deadLetterRetentionDays": {"deadLetterRetentionDays": 13},
    "batchSize": {"batchSize": 5},
    "batchWindowSeconds": {"batchWindowSeconds": 1},
    "consumerMaxConcurrency": {"consumerMaxConcurrency": 3},
    "tableMaxReadUnits": {"tableMaxReadUnits": 2000},
    "tableMaxWriteUnits": {"tableMaxWriteUnits": 2000},
    "producerPrincipals": {"producerPrincipals": ["arn:aws:iam::123456789012:role/producer"]},
    "apiClients": {"apiClients": ["example-client", "another-client"]},
    "rotatedSecrets": {"rotatedSecrets": {"exampleclientid": "s" * 52}},
    "accessTokenMinutes": {"accessTokenMinutes": 30},
    "apiRateLimit": {"apiRateLimit": 20},
    "apiBurstLimit": {"apiBurstLimit": 40},
    "apiTraceSamplingPercent": {"apiTraceSamplingPercent": 50},
    "manageApiGatewayAccount": {"manageApiGatewayAccount": True},
    "probe": {"probe": True},
    "monitoring": {"monitoring": "full"} | ALARM_EMAIL,
    "alarms": {"alarms": {"queue-age": {"threshold": 900}}},
    "alarmEmail": ALARM_EMAIL,
    "pageEndpoint": {"pageEndpoint": "https://pager.example.com/in"},
}
# Settings whose way back is another one than the reverse: they create something, or what they change is kept.
TAKEN_BACK = (
    "protect",
    "cmk",
    "queryProvisionedConcurrency",
    "release",
    "producerPrincipals",
    "apiClients",
    "manageApiGatewayAccount",
    "probe",
    "monitoring",
    "alarms",
    "alarmEmail",
    "pageEndpoint",
)
# The engine also reports how it makes a replacement, step by step.
COLUMNS = {"creates": "create", "updates": "update", "replaces": "replace", "deletes": "delete", "leaves": "leave"}

INTRODUCTION = """\
# What a change of a setting does

The Pulumi engine planned each change of one setting for the sample stack `local`, deployed in the embedded cloud. Your
stack plans the same kinds of operations; how many depends on its other settings. Look at `pulumi preview` before
`pulumi up`.

- An update changes the resource in place and keeps its data.
- A replacement creates another resource and deletes the first. No setting replaces a queue, table, user pool, API or
  key.
- What changes one function publishes a version of both and moves their aliases, except with `release: gradual`.
- Changes that only the AWS provider makes are not shown: `owner` and `tags` change the tags of every resource.
- What Pulumi leaves stays in the account and is no longer in Pulumi's state
  ([why](decisions/0014-a-key-outlives-its-data.md)).
- The first table sets another value, and what that value requires: `deletionProtection` for `protect`, an address for
  `monitoring`.
- The second takes a value back while all settings of that table are set, where this is more than the reverse:
  without the others, `cmk` updates no Alias, and `producerPrincipals` no Key.

What replaces a resource is in `localcloud/providers/replacements.json`, with sources.

"""


@dataclass(frozen=True)
class Plans:
    """What the engine plans when each setting is set, and when it is taken back."""

    set: dict[str, list[Step]]
    taken_back: dict[str, list[Step]]


def plans(terminal: Terminal) -> Plans:
    """Return what the engine plans, in a terminal whose cloud has stack local; deploys other settings meanwhile."""
    changed, taken_back = {}, {}
    for setting, change in CHANGES.items():
        with terminal.settings(**change):
            changed[setting] = terminal.plan()
    # Full monitoring needs an address for alarms, and gradual releases take no provisioned concurrency.
    apart = ["monitoring", "release"]
    for settings in ([setting for setting in TAKEN_BACK if setting not in apart], apart):
        values = {key: value for setting in settings for key, value in CHANGES[setting].items()}
        with terminal.settings(**values):
            terminal.up()
        for setting in settings:
            kept = {key: value for key, value in values.items() if key not in CHANGES[setting]}
            kept |= ALARM_EMAIL if "monitoring" in settings else {}
            with terminal.settings(**kept):
                taken_back[setting] = terminal.plan()
    return Plans(changed, {setting: taken_back[setting] for setting in TAKEN_BACK})


def document(planned: Plans) -> str:
    """Return docs/settings.md."""
    return f"{INTRODUCTION}{_table(planned.set)}\n\n## Taken back\n\n{_table(planned.taken_back)}\n"


def _table(planned: Mapping[str, list[Step]]) -> str:
    rows = [
        [f"`{setting}`", *(_types(steps, operation) for operation in COLUMNS.values())]
        for setting, steps in planned.items()
    ]
    return table(["setting", *COLUMNS], rows)


def _types(steps: Iterable[Step], operation: str) -> str:
    counted = Counter(_type(step.type) for step in steps if step.operation == operation)
    return ", ".join(f"{number} {type_}" if number > 1 else type_ for type_, number in sorted(counted.items()))


def _type(full: str) -> str:
    return "AWS provider" if full == "pulumi:providers:aws" else full.rpartition(":")[2]


def main() -> None:
    """Write the document."""
    command_line("setting_plans", __doc__).parse_args()
    with tempfile.TemporaryDirectory() as folder, a_terminal(Path(folder)) as terminal:
        terminal.up()
        write(DOCUMENT, document(plans(terminal)))


if __name__ == "__main__":
    main()
