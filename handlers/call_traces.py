"""Subsegments of the calls that botocore does not make, with the fields the X-Ray SDK gives to those that it makes."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from aws_xray_sdk.core.exceptions.exceptions import AlreadyEndedException
from aws_xray_sdk.core.models.subsegment import Subsegment
from aws_xray_sdk.ext.boto_utils import aws_meta_processor
from aws_xray_sdk.ext.util import inject_trace_header


class SdkCallTraces:
    """The subsegments of the calls that stand in for those of `client`, a client of botocore."""

    def __init__(self, recorder: Any, client: Any) -> None:
        self._recorder = recorder
        self._client = client

    def begin(self, operation: str, request: Mapping[str, Any]) -> "SdkCallTrace | None":
        """An open subsegment under the current one; None if that is not sampled, or ended already."""
        parent = self._recorder.get_trace_entity()
        if not isinstance(parent, Subsegment) or not parent.sampled:
            return None
        trace = SdkCallTrace(self._recorder, self._client, parent, operation, request)
        # The invocation can have given up this thread, and what has ended gets no children.
        with suppress(AlreadyEndedException):
            parent.add_subsegment(trace.subsegment)
            return trace
        return None


class SdkCallTrace:
    """The subsegment of a call: a child of the current one, but never current, because nothing is nested in it."""

    def __init__(
        self, recorder: Any, client: Any, parent: Subsegment, operation: str, request: Mapping[str, Any]
    ) -> None:
        self._recorder = recorder
        self._client = client
        self._parent = parent
        self._call = operation, request
        self.subsegment = Subsegment(client.meta.service_model.endpoint_prefix, "aws", parent.parent_segment)
        headers: dict[str, str] = {}
        inject_trace_header(headers, self.subsegment)
        [self.header] = headers.values()

    def end(self, response: Mapping[str, Any]) -> None:
        """Send what the SDK's patch of botocore would send."""
        # The span around a call that was given up has ended it, and sends it.
        with suppress(AlreadyEndedException, ValueError):
            aws_meta_processor(None, self._client, self._call, {}, response, None, self.subsegment, None)
            # Before it ends, because botocore's calls in other threads send, and remove, every one that has ended.
            self._parent.remove_subsegment(self.subsegment)
            with suppress(AlreadyEndedException):
                self.subsegment.close()
            self._recorder.emitter.send_entity(self.subsegment)

    def withdraw(self) -> None:
        """Leave no trace, because the SDK's patch records the call that botocore makes."""
        with suppress(AlreadyEndedException, ValueError):  # given up, and sent already
            self._parent.remove_subsegment(self.subsegment)
            self.subsegment.close()

    def resume(self) -> None:
        """Let the current subsegment, which the SDK's patch has made, be this call's: what was sent names its ID."""
        current = self._recorder.current_subsegment()
        if current is not None:
            current.id = self.subsegment.id
            current.start_time = self.subsegment.start_time
