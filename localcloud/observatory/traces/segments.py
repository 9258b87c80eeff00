"""The segments that API Gateway and Lambda send about themselves, as AWS makes them.

Two parts differ on purpose, because both can hold personal data: the URL has the path of the resource instead of the
path that was requested, and an exception has a class and no text.
"""

from dataclasses import dataclass, field
from typing import Any

from localcloud.observatory.traces.documents import Document
from localcloud.observatory.traces.headers import TraceHeader, new_span_id
from localcloud.observatory.traces.joined import REFERENCE

LINKS_MAX = 20
"""Of a segment."""


@dataclass(kw_only=True)
class StageRequest:
    """A request to a stage of an API, while it is served and after."""

    header: TraceHeader
    """What arrived, or the beginning of a trace; with the decision."""
    api: str
    api_id: str
    stage: str
    region: str
    account: str
    method: str
    user_agent: str
    start: float
    id: str = field(default_factory=new_span_id)
    call_id: str = field(default_factory=new_span_id)
    resource_path: str = ""
    request_id: str = ""
    function: str = ""
    """The function that was invoked."""
    call_start: float = 0
    call_end: float = 0
    call_status: int = 200
    call_failed: bool = False

    @property
    def passed_on(self) -> TraceHeader:
        """What the function gets."""
        return TraceHeader(root=self.header.root, parent=self.call_id, sampled=self.header.sampled)

    def segment(self, status: int, content_length: int, end: float) -> Document:
        """The segment of the stage."""
        host = f"{self.api_id}.execute-api.{self.region}.amazonaws.com"
        document: Document = {
            "id": self.id,
            "name": f"{self.api}/{self.stage}",
            "start_time": self.start,
            "end_time": end,
            "trace_id": self.header.root,
            "http": {
                "request": {
                    "url": f"https://{host}/{self.stage}{self.resource_path}",
                    "method": self.method,
                    "user_agent": self.user_agent,
                    "client_ip": "127.0.0.1",
                },
                "response": {"status": status, "content_length": content_length},
            },
            "aws": {
                "api_gateway": {
                    "account_id": self.account,
                    "rest_api_id": self.api_id,
                    "stage": self.stage,
                    "request_id": self.request_id,
                }
            },
            "annotations": {"aws:api_id": self.api_id, "aws:api_stage": self.stage},
            "metadata": {"default": {"extended_request_id": self.request_id, "request_id": self.request_id}},
            "origin": "AWS::ApiGateway::Stage",
            "resource_arn": f"arn:aws:apigateway:{self.region}::/restapis/{self.api_id}/stages/{self.stage}",
        } | _flags(status)
        if self.header.parent:
            document["parent_id"] = self.header.parent
        if self.function:
            document["subsegments"] = [self._call()]
        return document

    def _call(self) -> Document:
        name = self.function.partition(":function:")[2].partition(":")[0] or self.function
        path = f"2015-03-31/functions/{self.function}/invocations"
        return {
            "id": self.call_id,
            "name": "Lambda",
            "start_time": self.call_start,
            "end_time": self.call_end,
            "http": {
                "request": {"url": f"https://lambda.{self.region}.amazonaws.com/{path}", "method": "POST"},
                "response": {"status": self.call_status},
            },
            "aws": {
                "function_name": name,
                "region": self.region,
                "operation": "Invoke",
                "resource_names": [name],
            },
            "namespace": "aws",
        } | ({"fault": True} if self.call_failed else _flags(self.call_status))


@dataclass(kw_only=True)
class Invocation:
    """An invocation of a function whose tracing is active, while it runs and after."""

    header: TraceHeader
    """What arrived, or the beginning of a trace; with the decision."""
    links: tuple[TraceHeader, ...] = ()
    """What the messages of the batch brought: each is of a trace of its own."""
    arn: str
    """Of the function, without version and alias."""
    request_id: str
    start: float
    service_id: str = field(default_factory=new_span_id)
    function_id: str = field(default_factory=new_span_id)
    invocation_id: str = field(default_factory=new_span_id)
    started: tuple[float, float] | None = None
    """When the execution environment began to start, and when it was ready; None if it ran already."""

    @property
    def passed_on(self) -> TraceHeader:
        """What the function finds in `_X_AMZN_TRACE_ID`."""
        return TraceHeader(root=self.header.root, parent=self.invocation_id, sampled=self.header.sampled)

    def segments(self, end: float, *, status: int = 200, error_type: str | None = None) -> list[Document]:
        """The segments of Lambda and of the function; a throttled invocation never reached the function."""
        name, account = self.arn.rpartition(":")[2], self.arn.split(":")[4]
        failed: Document = {"fault": True} if error_type else {}
        service: Document = {
            "id": self.service_id,
            "name": name,
            "start_time": self.start,
            "end_time": end,
            "trace_id": self.header.root,
            "http": {"response": {"status": status}},
            "aws": {"request_id": self.request_id},
            "origin": "AWS::Lambda",
            "resource_arn": self.arn,
        }
        service |= failed | _flags(status)
        if self.header.parent:
            service["parent_id"] = self.header.parent
        if self.links:
            service["links"] = [
                {"trace_id": link.root, "id": link.parent, "attributes": {REFERENCE: "parent"}}
                for link in self.links[:LINKS_MAX]
            ]
        if status == 429:
            return [service]
        began = self.started[1] if self.started else self.start
        part: Document = {"aws": {"function_arn": self.arn}}
        subsegments = [{"id": self.invocation_id, "name": "Invocation", "start_time": began, "end_time": end} | part]
        if self.started:
            ready: Any = {"start_time": self.started[0], "end_time": self.started[1]}
            subsegments.insert(0, {"id": new_span_id(), "name": "Initialization"} | ready | part)
        function: Document = {
            "id": self.function_id,
            "name": name,
            "start_time": began,
            "end_time": end,
            "trace_id": self.header.root,
            "parent_id": self.service_id,
            "aws": {"account_id": account, "function_arn": self.arn, "resource_names": [name]},
            "origin": "AWS::Lambda::Function",
            "subsegments": subsegments,
        }
        if error_type:
            function["cause"] = {"exceptions": [{"id": new_span_id(), "type": error_type}]}
        return [service, function | failed]


def _flags(status: int) -> Document:
    if status >= 500:
        return {"fault": True}
    if status == 429:
        return {"error": True, "throttle": True}
    return {"error": True} if status >= 400 else {}
