"""Write the least-privilege policies of the role that deploys a stack, from the graph that the program records.

Without --stack, it writes docs/deploy-policy.json: the policies of stack prod of an example account. With --stack and
--account, it prints those of your stack, with your settings: one JSON object, a policy document by policy name.
docs/deploy-role.md says how to make the role.
"""

import json
import re
import sys
from collections.abc import Iterable, Iterator
from typing import Any

from components.packaging.artifact import HOST, TARGET_VARIABLE
from localcloud.deployer import engine, stack_config
from localcloud.deployer.engine import DeploymentFailed
from localcloud.deployer.invented_aws import InventedAws
from localcloud.deployer.recorder import PROD_OVERLAY, Graph, record
from localcloud.deployer.stack_config import ConfigError
from tools.deploy_grants import GRANTS, ROLE, Grant
from tools.documents import DOCS, ROOT, command_line, write

DOCUMENT = DOCS / "deploy-policy.json"
EXAMPLE_ACCOUNT = "123456789012"
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html: blanks do not count.
POLICY_CHARACTERS = 6144
POLICIES_OF_A_ROLE = 10
NAMES = ("name", "alarmName", "dashboardName", "layerName", "groupName", "ruleName")
Statement = dict[str, Any]
READS = ("Get", "List", "Describe", "GET")


class UnmappedTypeError(Exception):
    """A resource type of the program has no grant."""


def statements(graph: Graph, *, account: str, region: str, prefix: str) -> list[Statement]:
    """Return the statements of a graph; raises UnmappedTypeError for a type that no grant names."""
    used = {resource.type for resource in graph.resources if resource.type.startswith("aws:")}
    mapped = {type_ for grant in GRANTS for type_ in grant.types}
    if unmapped := sorted(used - mapped):
        raise UnmappedTypeError(
            f"No grant says what the deploying role needs for {', '.join(unmapped)}. Add it to tools/deploy_grants.py, "
            "with the calls that terraform-provider-aws makes for it."
        )
    place = {"account": account, "region": region, "prefix": prefix}
    encrypts = any(resource.inputs.get("kmsKeyArn") for resource in graph.resources)
    needed = [grant for grant in GRANTS if used & set(grant.types) and (encrypts or not grant.encrypts)]
    return [*(_statement(grant, graph, place) for grant in needed), *_passed_roles(graph, place)]


def policies(name: str, found: Iterable[Statement]) -> dict[str, dict[str, Any]]:
    """Return policy documents by name, as few as the size that AWS allows makes possible in this order."""
    documents: list[list[Statement]] = [[]]
    for statement in found:
        if _size([*documents[-1], statement]) > POLICY_CHARACTERS:
            documents.append([])
        documents[-1].append(statement)
    return {f"{name}-{number}": _document(part) for number, part in enumerate(documents, 1)}


def of_sample(stack: str, graph: Graph) -> dict[str, dict[str, Any]]:
    """Return the policies of a sample stack in the example account."""
    prefix = f"event-processing-{stack}"
    return policies(
        f"{prefix}-deploy", statements(graph, account=EXAMPLE_ACCOUNT, region=_region(graph), prefix=prefix)
    )


def reading(found: Iterable[Statement]) -> Iterator[Statement]:
    """Yield the statements with the actions that read; they are enough for a preview with `--refresh`."""
    for statement in found:
        if actions := [action for action in statement["Action"] if action.partition(":")[2].startswith(READS)]:
            yield {**statement, "Action": actions}


def document(graph: Graph) -> str:
    """Return docs/deploy-policy.json, from the graph of stack prod."""
    return json.dumps(of_sample("prod", graph), indent=2) + "\n"


def physical_names(graph: Graph, type_: str) -> list[str]:
    """Return the physical names of a type, `*` in place of what AWS or Pulumi draws."""
    drawn = [resource.id for resource in graph.of_type("aws:apigateway/restApi:RestApi")]
    return sorted({_physical_name(resource.name, resource.inputs, drawn) for resource in graph.of_type(type_)})


def _physical_name(logical: str, inputs: dict[str, Any], drawn: list[str]) -> str:
    if prefix := inputs.get("namePrefix"):
        return f"{prefix}*"
    name = next((inputs[key] for key in NAMES if inputs.get(key)), f"{logical}-*")
    for part in drawn:
        name = name.replace(part, "*")
    return name


def _statement(grant: Grant, graph: Graph, place: dict[str, str]) -> Statement:
    names = physical_names(graph, grant.named_by) if grant.named_by else []
    statement: Statement = {
        "Sid": grant.sid,
        "Effect": "Allow",
        "Action": [f"{grant.service}:{action}" for action in grant.actions.split()],
        "Resource": _filled(list(grant.resources), names, place),
    }
    if grant.condition:
        statement["Condition"] = _filled(grant.condition, names, place)
    return statement


def _filled(template: Any, names: list[str], place: dict[str, str]) -> Any:
    """Fill the placeholders; a text with `{name}` in a list becomes a text for each name."""
    if isinstance(template, str):
        return template.format(**place)
    if isinstance(template, list):
        return [text.format(**place, name=name) for text in template for name in (names if "{name}" in text else [""])]
    return {key: _filled(value, names, place) for key, value in template.items()}


def _passed_roles(graph: Graph, place: dict[str, str]) -> Iterator[Statement]:
    """Yield, for each service that a role trusts, the right to give it such roles and no others."""
    roles: dict[str, list[str]] = {}
    for role in graph.of_type(ROLE):
        for service in re.findall(r'"Service": ?"([\w.]+)"', role.inputs["assumeRolePolicy"]):
            name = _physical_name(role.name, role.inputs, [])
            roles.setdefault(service, []).append(f"arn:aws:iam::{place['account']}:role/{name}")
    for service, arns in sorted(roles.items()):
        yield {
            "Sid": f"PassRolesTo{service.partition('.')[0].title()}",
            "Effect": "Allow",
            "Action": ["iam:PassRole"],
            "Resource": sorted(arns),
            "Condition": {"StringEquals": {"iam:PassedToService": service}},
        }


def _document(found: list[Statement]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": found}


def _size(found: list[Statement]) -> int:
    return len(re.sub(r"\s", "", json.dumps(_document(found))))


def _region(graph: Graph) -> str:
    return graph.one("pulumi:providers:aws").inputs["region"]


def _own(stack: str, account: str, *, reads: bool) -> dict[str, dict[str, Any]]:
    """Return the policies of a stack of this checkout, with its own settings."""
    settings = stack_config.read(ROOT, stack)
    made = engine.deploy(ROOT, settings, InventedAws(), environment={TARGET_VARIABLE: HOST})
    graph = Graph(made.resources, made.outputs, made.secret_outputs)
    prefix = f"{settings.project}-{settings.stack}"
    found = statements(graph, account=account, region=_region(graph), prefix=prefix)
    return policies(f"{prefix}-preview", reading(found)) if reads else policies(f"{prefix}-deploy", found)


def main() -> None:
    """Write the document, or print the policies of a stack."""
    parser = command_line("deploy_policy", __doc__)
    parser.add_argument("--stack", help="a stack whose Pulumi.STACK.yaml is in this folder")
    parser.add_argument("--account", help="the 12 digits of the account that --stack is deployed into")
    parser.add_argument("--reads", action="store_true", help="only what a preview with --refresh needs")
    given = parser.parse_args()
    if (given.stack is None) != (given.account is None) or not re.fullmatch(r"\d{12}", given.account or "0" * 12):
        parser.error("give --stack with --account and its 12 digits, or neither")
    try:
        if given.stack is None:
            write(DOCUMENT, document(record("prod", PROD_OVERLAY)))
        else:
            print(json.dumps(_own(given.stack, given.account, reads=given.reads), indent=2))
    except (ConfigError, DeploymentFailed, UnmappedTypeError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
