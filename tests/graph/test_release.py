"""An upgrade from a release changes no URN, physical name, setting or export, only the values named here."""

import copy
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from localcloud.deployer.recorder import Graph
from tests.graph import resource_types as aws
from tests.graph.changes import differing, leaves
from tests.graph.sabotage import Sabotage, mark, put, remove, swap
from tools import changelog
from tools.release_graph import RELEASES, lines_of

BASE = changelog.upgraded_from(changelog.CHANGELOG.read_text()).version

# Values derived from source code.
DERIVED = r"(inputs|outputs)\.(code|environment\.variables\.VERSION|triggers\.\w+)"
# Texts for people. Everything else of a board or a gateway response must stay.
TEXTS = (
    r"(inputs|outputs)\.(alarmDescription|description|displayName)"
    r"|(inputs|outputs)\.responseTemplates\.application/json~\.message"
    r"|(inputs|outputs)\.dashboardBody~\.widgets\[\d+\]\.properties\.(title|markdown|yAxis\.left\.label)"
    r"|(inputs|outputs)\.dashboardBody~\.widgets\[\d+\]\.properties\.annotations\.horizontal\[\d+\]\.label"
    r"|(inputs|outputs)\.dashboardBody~\.widgets\[\d+\]\.properties\.metrics\[\d+\]\[\d+\]\.label"
    r"|(inputs|outputs)\.metricQueries\[\d+\]\.label"
)
MAY_DIFFER = re.compile(f"({DERIVED}|{TEXTS})$")


@dataclass(frozen=True)
class Intended:
    """A change since the release that CHANGELOG.md announces, under "replaces or changes in a running stack"."""

    resource: str
    """Pattern of the logical name."""
    path: str
    """Pattern of the path, without `inputs` or `outputs`: an output repeats the input of its name."""
    reason: str

    def covers(self, urn: str, path: str) -> bool:
        """Whether a difference is this change."""
        name = urn.split("::")[-1]
        return bool(re.fullmatch(self.resource, name) and re.fullmatch(rf"((inputs|outputs)\.)?({self.path})", path))


INTENDED = (
    Intended("aws", r"allowedAccountIds.*", "a production stack names its account"),
    Intended(
        "events-(source|dead-letters)",
        "maxMessageSize",
        "an invalid message of any accepted size fits into the dead-letter queue with its reason",
    ),
    Intended(
        "user-services-records",
        r"serverSideEncryption\.enabled",
        "the provider takes a missing block for no difference, so the table would stay under a key that was given up",
    ),
    Intended(
        "encryption-data",
        r"protect|retainOnDelete|policy~\.Statement\[2\]\..*",
        "a key outlives its data, and the account can use it before and after the queues do",
    ),
    Intended(
        "(event-handler|query)-function",
        r"(loggingConfig\.applicationLogLevel|environment\.variables\.POWERTOOLS_LOG_LEVEL)",
        "at DEBUG, Lambda overrides the level of our logger, and libraries could log requests",
    ),
    Intended(
        "(event-handler|query)-function",
        r"publish|environment\.variables\.RELEASE",
        "a published version keeps code and configuration of one deployment together",
    ),
    Intended("(event-handler|query)-alias", ".*", "every caller names the alias, which a rollback can move"),
    Intended("consumer-mapping", "functionName|functionArn", "the mapping invokes the alias"),
    Intended("api-query", "uri", "the API invokes the alias"),
    Intended("api-invoke", "qualifier", "permission to invoke the function does not cover the alias"),
    Intended(
        "event-processing-(dev|prod)", "outputs.(release|versionsKept|userPoolId|probeFunction)", "ops reads them"
    ),
    Intended("api-routes", "(securityPolicy|endpointAccessMode)", "without a policy, a regional API accepts TLS 1.0"),
    Intended(
        "api-stage",
        r"accessLogSettings\.format~\.cipher_suite",
        "the access log shows which clients a stricter policy would reject",
    ),
    Intended(
        "api-stage",
        r"accessLogSettings\.format~\.(extended_request_id|time|integration_status)",
        "each request pays for each byte of the access log, and nothing reads these fields",
    ),
    Intended("api-methods", r"settings\.metricsEnabled", "metrics of each method are charged, and nothing reads them"),
    Intended(
        "(event-handler|query)-function",
        r"loggingConfig\.systemLogLevel",
        "the setting `platformLogs`, which is `failures` in the sample of a production stack",
    ),
    Intended(
        "query-08-cold-starts", ".*", "the setting `platformLogs`: the lines that the query finds are not written"
    ),
    Intended("tracing-sampling", "fixedRate", "the sample of a production stack traces fewer requests"),
    Intended(
        "monitoring-alerts-p[12]-https",
        "endpoint",
        "the URL of a pager holds its key, so it is a secret in the state; AWS sees no change",
    ),
    Intended(
        "(event-handler|query)-log|api-(access|execution)-log",
        "deletionProtectionEnabled",
        "a stack with deletionProtection keeps its logs too, and another one says that it does not",
    ),
    Intended(
        "(event-handler-log|query-log|api-access-log)-index",
        r"policyDocument~\.Fields.*",
        "each log group indexes what its saved queries filter by",
    ),
    Intended("record-damaged", ".*", "a partial answer notifies an engineer: nothing else repairs the record"),
    Intended(
        "query-0[12]-.*", "queryString", "a function that crashes logs no level of ours; Lambda's report of it counts"
    ),
    Intended("probe(-.*)?", ".*", "the setting `probe`, which is true in the sample of a production stack"),
    Intended("emf-broken", "metricQueries.*", "the metrics in the log of the probe count too"),
    Intended("query-.*", r"logGroupNames\[\d+\]", "saved queries about functions read the log of the probe too"),
    Intended("service-health", "alarmRule", "the page of the probe belongs to the state of the service"),
    Intended(
        "monitoring-(overview|ingest|api)",
        r"dashboardBody~\.widgets\[.*",
        "the boards show failures first, in readable units; tests/graph/board_rules.py holds what must be on them",
    ),
)


def by_urn(lines: Iterable[str]) -> dict[str, dict[str, Any]]:
    return {entry["urn"]: dict(leaves(entry)) for entry in map(json.loads, lines)}


def differences(version: str, stack: str, graph: Graph) -> set[str]:
    """`URN path` of each value that an upgrade would change, except the values named above."""
    return {
        f"{urn} {path}"
        for urn, path in all_differences(version, stack, graph)
        if not MAY_DIFFER.match(path) and not any(change.covers(urn, path) for change in INTENDED)
    }


def all_differences(version: str, stack: str, graph: Graph) -> set[tuple[str, str]]:
    """URN and path of each value that an upgrade would change."""
    before = by_urn(Path(RELEASES, version, f"{stack}.jsonl").read_text().splitlines())
    after = by_urn(lines_of(graph))
    return {
        (urn, path)
        for urn in before.keys() | after.keys()
        for path in differing(before.get(urn, {}), after.get(urn, {}))
    }


def test_both_stacks_equal_the_release(dev_graph: Graph, prod_graph: Graph) -> None:
    assert differences(BASE, "dev", dev_graph) == differences(BASE, "prod", prod_graph) == set()


def test_every_intended_change_is_made(dev_graph: Graph, prod_graph: Graph) -> None:
    found = all_differences(BASE, "dev", dev_graph) | all_differences(BASE, "prod", prod_graph)
    assert [change for change in INTENDED if not any(change.covers(*difference) for difference in found)] == []


@pytest.mark.parametrize(
    ("sabotage", "found"),
    [
        (remove(aws.TABLE), "dynamodb/table:Table"),
        (put(aws.TABLE, None, "name", "another"), "inputs.name"),
        (mark(aws.TABLE, None, "urn", "urn:pulumi:dev::renamed"), "renamed"),
        (mark(aws.QUEUE, None, "parent", ""), "parent"),
        (put(aws.ALARM, None, "threshold", 7.5), "inputs.threshold"),
        (put(aws.TABLE, None, "maxMessageSize", 1), "inputs.maxMessageSize"),
        (put(aws.QUEUE, "events-source", "maxMessageSizes", 1), "inputs.maxMessageSizes"),
        (mark("pulumi:pulumi:Stack", None, "outputs", {}), "outputs.apiUrl"),
        (lambda graph: graph.secret_outputs.clear(), "outputs.apiClients"),
        (swap(aws.DASHBOARD, None, "dashboardBody", "-PT3H", "-PT6H"), "dashboardBody~.start"),
    ],
)
def test_control_any_other_change_is_found(sabotage: Sabotage, found: str, dev_graph: Graph) -> None:
    graph = copy.deepcopy(dev_graph)
    sabotage(graph)
    assert any(found in difference for difference in differences(BASE, "dev", graph))


def test_text_may_change(dev_graph: Graph) -> None:
    graph = copy.deepcopy(dev_graph)
    put(aws.ALARM, None, "alarmDescription", "Other words.")(graph)
    assert differences(BASE, "dev", graph) == set()


def test_release_contains_no_secret() -> None:
    kept = "".join(file.read_text() for file in RELEASES.rglob("*.jsonl"))
    assert '"clientSecret": "[secret]"' in kept
    assert "secret-of-" not in kept
