"""What resources of a recorded stack are called and how they are sized: all that the model knows of the program."""

import json
from dataclasses import dataclass

from localcloud.deployer.recorder import Graph


@dataclass(frozen=True, kw_only=True)
class Plant:
    """The running system's names, limits and timeouts. No alarm is looked at."""

    stack: str
    queue: str
    dead_letters: str
    event_handler: str
    query: str
    mapping_id: str
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
    def of(cls, graph: Graph) -> "Plant":
        """Read it off a recorded program."""
        queues = {queue.name: queue.inputs for queue in graph.of_type("aws:sqs/queue:Queue")}
        source = next(inputs for inputs in queues.values() if inputs.get("redrivePolicy"))
        dead = next(inputs for inputs in queues.values() if not inputs.get("redrivePolicy"))
        functions = {one.inputs["handler"]: one.inputs for one in graph.of_type("aws:lambda/function:Function")}
        consumer, query = functions["handlers.event_handler.handler"], functions["handlers.query.handler"]
        mapping = graph.one("aws:lambda/eventSourceMapping:EventSourceMapping").inputs
        stage = graph.one("aws:apigateway/stage:Stage").inputs
        return cls(
            stack=consumer["environment"]["variables"]["STACK"],
            queue=source["name"],
            dead_letters=dead["name"],
            event_handler=consumer["name"],
            query=query["name"],
            mapping_id=graph.one("aws:lambda/eventSourceMapping:EventSourceMapping").outputs["uuid"],
            table=graph.one("aws:dynamodb/table:Table").inputs["name"],
            api=graph.one("aws:apigateway/restApi:RestApi").inputs["name"],
            stage=stage["stageName"],
            log_groups=tuple(function["loggingConfig"]["logGroup"] for function in (consumer, query)),
            topics=tuple(topic.inputs["name"] for topic in graph.of_type("aws:sns/topic:Topic")),
            visibility_seconds=source["visibilityTimeoutSeconds"],
            max_receives=json.loads(source["redrivePolicy"])["maxReceiveCount"],
            batch_size=mapping["batchSize"],
            concurrency=mapping["scalingConfig"]["maximumConcurrency"],
            handler_timeout_seconds=consumer["timeout"],
            query_timeout_seconds=query["timeout"],
            integration_timeout_seconds=graph.one("aws:apigateway/integration:Integration").inputs[
                "timeoutMilliseconds"
            ]
            / 1000,
        )
