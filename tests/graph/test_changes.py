"""A commit always deploys the same resources, a preview shows them, and a change affects only what it should."""

import hashlib
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from textwrap import dedent

import pytest

from localcloud.deployer.recorder import PROD_OVERLAY, ROOT, Graph, record
from localcloud.deployer.wire import UNKNOWN
from tests.graph.changes import Edit, changes, clone, unlike_preview, values

Recordings = dict[str, Future[Graph]]
SEEDS = ({"PYTHONHASHSEED": "1"}, {"PYTHONHASHSEED": "2"})
API = "components/api.py"
ROUTE = (API, 'PATH = ("users", "{user_id}", "services")', 'PATH = ("users", "{user_id}", "logins")')
DEFINITION = hashlib.sha256((ROOT / API).read_bytes()).hexdigest()
# The deployment gets the same definition whatever the route.
UNTOLD = (API, "hashlib.sha256(Path(__file__).read_bytes()).hexdigest()", repr(DEFINITION).replace("'", '"'))


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recordings]:
    """Recordings in other environments and after changes, two at a time, because a recording mostly waits."""
    folder = tmp_path_factory.mktemp("clones")
    with ThreadPoolExecutor(2) as pool:

        def of(name: str, *edits: Edit) -> Future[Graph]:
            return pool.submit(record, "dev", project=clone(folder / name, *edits), environment=SEEDS[0])

        elsewhere = clone(folder / "elsewhere")
        yield {
            "prod again": pool.submit(record, "prod", PROD_OVERLAY, project=elsewhere, environment=SEEDS[1]),
            "preview": pool.submit(record, "dev", preview=True),
            "handler": of("handler", ("handlers/query.py", '"""', '# Changed.\n"""')),
            "route": of("route", ROUTE),
            "route untold": of("untold", UNTOLD, ROUTE),
        }


def test_another_seed_and_folder_change_nothing(recorded: Recordings, prod_graph: Graph) -> None:
    """In stack `dev` the changed handler shows it: it is recorded with another seed, in another folder."""
    assert changes(recorded["prod again"].result(), prod_graph) == set()


def test_preview_equals_the_deployment(recorded: Recordings, dev_graph: Graph) -> None:
    preview = recorded["preview"].result()
    assert unlike_preview(preview, dev_graph) == set()
    assert any(value is UNKNOWN for found in values(preview).values() for value in found.values())


def test_changed_handler_changes_only_the_artifact_and_the_names_of_its_version(
    recorded: Recordings, dev_graph: Graph
) -> None:
    assert changes(dev_graph, recorded["handler"].result()) == {
        (function, path)
        for function in ("event-handler-function", "query-function")
        for path in ("inputs.code", *(f"inputs.environment.variables.{name}" for name in ("RELEASE", "VERSION")))
    }


def test_changed_route_makes_a_new_deployment(recorded: Recordings, dev_graph: Graph) -> None:
    assert ("api-deployment", "inputs.triggers.content") in changes(dev_graph, recorded["route"].result())


def test_control_deployment_that_ignores_a_changed_route_is_caught(recorded: Recordings, dev_graph: Graph) -> None:
    found = changes(dev_graph, recorded["route untold"].result())
    assert ("api-services", "") in found
    assert ("api-deployment", "inputs.triggers.content") not in found


def small_program(folder: Path, source: str) -> Path:
    folder.mkdir()
    (folder / "Pulumi.yaml").write_text("name: small\nruntime: python\n")
    (folder / "Pulumi.dev.yaml").write_text("config: {}\n")
    (folder / "__main__.py").write_text(f"import pulumi_aws as aws\n{dedent(source)}")
    return folder


def test_control_varying_recordings_and_a_preview_that_differs_are_caught(tmp_path: Path) -> None:
    source = """
        import pulumi, time
        aws.sqs.Queue("seed", name=f"q-{hash('a')}")
        aws.sqs.Queue("folder", name=__file__)
        aws.sqs.Queue("clock", name=str(time.time_ns()))
        aws.sqs.Queue("same", name="same")
        aws.sqs.Queue("dry", name="preview" if pulumi.runtime.is_dry_run() else "real")
        aws.sqs.Queue("source", name="source").url.apply(lambda url: aws.sns.Topic("late", name=url))
    """
    one, two = (small_program(tmp_path / name, source) for name in ("one", "two"))
    first, second = (
        record("dev", project=project, environment=seed) for project, seed in zip((one, two), SEEDS, strict=True)
    )
    assert changes(first, second) == {(name, "inputs.name") for name in ("seed", "folder", "clock")}
    preview = record("dev", project=one, preview=True, environment=SEEDS[0])
    assert unlike_preview(preview, first) == {("late", ""), ("dry", "inputs.name"), ("clock", "inputs.name")}
