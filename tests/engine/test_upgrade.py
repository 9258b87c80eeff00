"""An upgrade from a release replaces nothing that holds data or that clients know, and loses no event or request."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.engine.kept import lost
from tests.engine.past import BASE, source
from tests.engine.traffic import Figures, Traffic
from tests.engine.upgrade_steps import UPGRADES
from tools.terminal import Step, Terminal

# On a slow machine, the start of a function takes longer than its timeout.
PATIENT = {"consumerTimeoutSeconds": 120, "queryTimeoutSeconds": 28}
ORDER, VERSIONS = UPGRADES[BASE.version].order, UPGRADES[BASE.version].versions


@dataclass(frozen=True)
class Upgrade:
    """What was planned and done."""

    planned: list[Step]
    with_renamed_table: list[Step]
    figures: Figures
    done: list[tuple[str, str]]
    """Operation and logical name of each step, when it was finished."""
    left: list[Step]
    """What a plan after the upgrade would change."""


@pytest.fixture(scope="module", params=[BASE.version])
def upgrade(terminal: Terminal, tmp_path_factory: pytest.TempPathFactory) -> Upgrade:
    folder = tmp_path_factory.mktemp("releases")
    with terminal.settings(**PATIENT):
        return upgraded(folder, terminal)


def upgraded(folder: Path, terminal: Terminal) -> Upgrade:
    old = terminal.in_checkout(source(folder / BASE.version, terminal.checkout))
    old.pulumi("up", "--yes", "--skip-preview")
    planned = terminal.plan()
    with terminal.edited("__main__.py", 'UserServicesTable("user-services"', 'UserServicesTable("renamed"'):
        with_renamed_table = terminal.plan()
    events = folder / "events.jsonl"
    # Without it, the CLI hides the option with which Pulumi's Automation API follows an update.
    logging = replace(terminal, variables={**terminal.variables, "PULUMI_DEBUG_COMMANDS": "true"})
    with Traffic(terminal) as traffic:
        logging.pulumi("up", "--yes", "--skip-preview", "--event-log", str(events))
    return Upgrade(planned, with_renamed_table, traffic.figures, list(finished(events)), terminal.plan())


def finished(events: Path) -> Iterator[tuple[str, str]]:
    """Return what the engine says it has done, in that order."""
    for event in map(json.loads, events.read_text().splitlines()):
        if "resOutputsEvent" in event:
            metadata = event["resOutputsEvent"]["metadata"]
            yield metadata["op"], metadata["urn"].split("::")[-1]


def misplaced(done: list[tuple[str, str]]) -> list[str]:
    """Return the pairs of steps that were not done in their order."""
    return [
        f"{' '.join(first)} before {' '.join(second)}"
        for first, second in ORDER
        if first not in done or second not in done or done.index(first) > done.index(second)
    ]


def test_upgrade_replaces_nothing_that_is_kept(upgrade: Upgrade) -> None:
    assert upgrade.planned, "the upgrade changes at least the code"
    assert lost(upgrade.planned) == []
    assert lost(upgrade.with_renamed_table), "the control: a renamed component loses its table"
    assert upgrade.left == []


def test_upgrade_under_traffic_loses_no_event_and_fails_no_request(upgrade: Upgrade) -> None:
    figures = upgrade.figures
    assert (figures.lost, figures.dead_letters, figures.failed) == ([], 0, 0), figures.document()
    for by_version in (figures.batches, figures.queries):
        assert by_version.keys() == VERSIONS, f"traffic before and after it moved:\n{figures.document()}"


def test_upgrade_prepares_before_it_moves_traffic(upgrade: Upgrade) -> None:
    assert misplaced(upgrade.done) == []
    assert len(misplaced(upgrade.done[::-1])) == len(ORDER), "the control"


def test_control_traffic_notices_what_is_lost_and_fails(upgrade: Upgrade, terminal: Terminal) -> None:
    functions, sqs = terminal.account.client("lambda"), terminal.account.client("sqs")
    names = json.loads(terminal.pulumi("stack output", "--json"))
    (mapping,) = functions.list_event_source_mappings()["EventSourceMappings"]
    with Traffic(terminal) as traffic:
        functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
        traffic.more()
        sqs.purge_queue(QueueUrl=names["queueUrl"])
        functions.delete_alias(FunctionName=names["functions"]["query"], Name="live")
        traffic.more()
        functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=True)
    assert traffic.figures.lost
    assert traffic.figures.failed
