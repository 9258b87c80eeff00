"""Write docs/settings.md: what the Pulumi engine plans when one setting is changed.

It needs the Pulumi CLI on PATH, deploys stack local into an embedded cloud, and previews each change; some minutes.
"""

import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tools.documents import DOCS, command_line, table, write
from tools.terminal import Step, Terminal, a_terminal

DOCUMENT = DOCS / "settings.md"

ALARM_EMAIL = {"alarmEmail": "oncall@example.com"}
# Each setting with another value than the sample stack `local` has, and what the value requires besides.
CHANGES: dict[str, dict[str, Any]] = {
    "owner": {"owner": "another-team"},
    "runbookUrl": {"runbookUrl": "https://example.com/another.md"},
    "protect": {"protect": True, "deletionProtection": True},
    "deletionProtection": {"deletionProtection": True},
    "destroyable": {"destroyable": True},
    "pointInTimeRecovery": {"pointInTimeRecovery": False},
    "cmk": {"cmk": True},
    "logRetentionDays": {"logRetentionDays": 30},
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
    "accessTokenMinutes": {"accessTokenMinutes": 30},
    "apiRateLimit": {"apiRateLimit": 20},
    "apiBurstLimit": {"apiBurstLimit": 40},
    "apiTraceSamplingPercent": {"apiTraceSamplingPercent": 50},
    "manageApiGatewayAccount": {"manageApiGatewayAccount": True},
    "monitoring": {"monitoring": "full"} | ALARM_EMAIL,
    "alarms": {"alarms": {"queue-age": {"threshold": 900}}},
    "alarmEmail": ALARM_EMAIL,
    "pageEndpoint": {"pageEndpoint": "https://pager.example.com/in"},
}
# The engine also reports how it makes a replacement, step by step.
COLUMNS = {"creates": "create", "updates": "update", "replaces": "replace", "deletes": "delete"}

INTRODUCTION = """\
# What a change of a setting does

The Pulumi engine planned each change of one setting for the sample stack `local`, deployed in the embedded cloud. Your
stack plans the same kinds of operations; how many depends on its other settings. Look at `pulumi preview` before
`pulumi up`.

- An update changes the resource in place and keeps its data.
- A replacement creates another resource and deletes the first. No setting replaces a queue, table, user pool, API or
  key.
- What changes one function publishes a version of both and moves their aliases, except with `release: gradual`.
- Changes that only the AWS provider makes are not shown: `owner` changes the tag `owner` of every resource.
- One direction is shown. The way back plans other operations; `cmk` from true to false deletes a key.

What replaces a resource is in `localcloud/providers/replacements.json`, with sources.

"""


def plans(terminal: Terminal) -> dict[str, list[Step]]:
    """Return what the engine plans for each change, in a terminal whose cloud has stack local."""
    planned = {}
    for setting, change in CHANGES.items():
        with terminal.settings(**change):
            planned[setting] = terminal.plan()
    return planned


def document(planned: Mapping[str, list[Step]]) -> str:
    """Return docs/settings.md."""
    rows = [
        [f"`{setting}`", *(_types(steps, operation) for operation in COLUMNS.values())]
        for setting, steps in planned.items()
    ]
    return INTRODUCTION + table(["setting", *COLUMNS], rows) + "\n"


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
