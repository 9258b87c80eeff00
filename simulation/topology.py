"""The names, limits and timeouts of a recorded stack: all that the model knows of the program."""

import json
from dataclasses import dataclass

from localcloud.deployer.recorder import Graph


@dataclass(frozen=True, kw_only=True)
class Topology:
    """The resources that the model simulates. Alarms are not among them."""

    stack: str
    queue: str
    dead_letters: str
    event_handler: str
    query: str
    probe: str
    """Empty in a stack without one."""
    mapping_id: str
    newest_versions: dict[str, str]
    """The number of each function's newest version, by the function's name."""
    table: str
    api: str
    stage: str
    log_groups: tuple[str, ...]
    topics: tuple[str, ...]
    visibility_seconds: int
    max_receives: int
    batch_size: int
    concurrency: int
    handler_timeout_seconds: int
    query_timeout_seconds: int
    integration_timeout_seconds: float

    @classmethod
    def of(cls, graph: Graph) -> "Topology":
        """The topology of a recorded program."""
        queues = [queue.inputs for queue in graph.of_type("aws:sqs/queue:Queue")]
        source = next(inputs for inputs in queues if inputs.get("redrivePolicy"))
        dead_letters = next(inputs for inputs in queues if not inputs.get("redrivePolicy"))
        resources = graph.of_type("aws:lambda/function:Function")
        functions = {function.inputs["handler"]: function.inputs for function in resources}
        consumer, query = functions["handlers.event_handler.handler"], functions["handlers.query.handler"]
        probes = [functions[handler] for handler in functions if handler == "handlers.probe.handler"]
        mapping = graph.one("aws:lambda/eventSourceMapping:EventSourceMapping")
        integration = graph.one("aws:apigateway/integration:Integration")
        return cls(
            stack=consumer["environment"]["variables"]["STACK"],
            queue=source["name"],
            dead_letters=dead_letters["name"],
            event_handler=consumer["name"],
            query=query["name"],
            probe="".join(probe["name"] for probe in probes),
            mapping_id=mapping.outputs["uuid"],
            newest_versions={function.inputs["name"]: function.outputs["version"] for function in resources},
            table=graph.one("aws:dynamodb/table:Table").inputs["name"],
            api=graph.one("aws:apigateway/restApi:RestApi").inputs["name"],
            stage=graph.one("aws:apigateway/stage:Stage").inputs["stageName"],
            log_groups=tuple(function["loggingConfig"]["logGroup"] for function in (consumer, query, *probes)),
            topics=tuple(topic.inputs["name"] for topic in graph.of_type("aws:sns/topic:Topic")),
            visibility_seconds=source["visibilityTimeoutSeconds"],
            max_receives=json.loads(source["redrivePolicy"])["maxReceiveCount"],
            batch_size=mapping.inputs["batchSize"],
            concurrency=mapping.inputs["scalingConfig"]["maximumConcurrency"],
            handler_timeout_seconds=consumer["timeout"],
            query_timeout_seconds=query["timeout"],
            integration_timeout_seconds=integration.inputs["timeoutMilliseconds"] / 1000,
        )
