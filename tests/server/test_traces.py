"""Calls as spans, at a real OTLP receiver: what they tell, whose trace they are in, what not."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue

from claude_run.bridge import Bridge
from claude_run.rehearsal.answers import Refuse, say
from claude_run.settings import Settings
from claude_run.usage.spool import records_in
from tests.scripted import PATIENCE, ScriptedUpstream
from tests.server.asking import ask

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
KEY = "sk-proj-" + "Zx9" * 10
PROMPT = f"tell nobody {KEY}"


class Receiver(HTTPServer):
    """Takes what is exported; `spans` are dicts with plain attributes."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Taking)
        self.bodies: list[bytes] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def spans(self) -> list[dict[str, Any]]:
        found = []
        for body in self.bodies:
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                service = {one.key: _plain(one.value) for one in resource.resource.attributes}
                for span in (span for scope in resource.scope_spans for span in scope.spans):
                    told = {one.key: _plain(one.value) for one in span.attributes}
                    found.append({"span": span, "service": service["service.name"], **told})
        return found


class _Taking(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        assert self.path == "/v1/traces"
        assert isinstance(self.server, Receiver)
        self.server.bodies.append(self.rfile.read(int(self.headers["content-length"])))
        answer = ExportTraceServiceResponse().SerializeToString()
        self.send_response(200)
        self.send_header("content-type", "application/x-protobuf")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: Any) -> None:
        pass


def _plain(value: AnyValue) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_plain(one) for one in value.array_value.values]
    return getattr(value, str(kind))


@contextmanager
def receiver() -> Iterator[Receiver]:
    with Receiver() as taking:
        thread = threading.Thread(target=taking.serve_forever, daemon=True)
        thread.start()
        try:
            yield taking
        finally:
            taking.shutdown()
            thread.join()


@pytest.mark.parametrize("content", [False, True], ids=["without content", "with content"])
def test_each_call_is_a_span_of_the_clients_trace(
    environment: dict[str, str], upstream: ScriptedUpstream, content: bool
) -> None:
    switch = {"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "true"} if content else {}
    with receiver() as taking:
        there = {**environment, "OTEL_EXPORTER_OTLP_ENDPOINT": taking.url, **switch}
        with Bridge(Settings(), environment=there) as bridge:
            bridge.wait_ready()
            body = {"model": "sonnet", "max_tokens": 300}
            asked = {**body, "messages": [{"role": "user", "content": PROMPT}]}
            named = {
                "traceparent": f"00-{TRACE}-{PARENT}-01",
                "X-Claude-Run-Label": "train",
            }
            assert ask(bridge, "/chat/completions", asked, headers=named)[0] == 200
            upstream.answer = Refuse(529, "overloaded_error", "busy", {})
            assert ask(bridge, "/chat/completions", asked)[0] == 503
            assert ask(bridge, "/chat/completions", {"model": 7})[0] == 400
            key = bridge.api_key
        records = list(records_in(bridge.spool))
        spans, bodies = taking.spans, b"".join(taking.bodies)

    ours = {span["claude_run.request_id"]: span for span in spans}
    answered, busy, wrong = (ours[record.request_id] for record in records)
    record = records[0]
    assert answered["span"].name == "chat sonnet"
    assert answered["span"].kind == 3  # CLIENT
    assert answered["span"].trace_id.hex() == TRACE
    assert answered["span"].parent_span_id.hex() == PARENT
    took = answered["span"].end_time_unix_nano - answered["span"].start_time_unix_nano
    assert took == pytest.approx(record.seconds * 1e9, abs=1e6)
    assert {name: value for name, value in answered.items() if "usage" in name} == {
        "gen_ai.usage.input_tokens": record.usage.prompt_tokens,
        "gen_ai.usage.cache_read.input_tokens": record.cache_read_tokens,
        "gen_ai.usage.cache_creation.input_tokens": record.cache_write_tokens,
        "gen_ai.usage.output_tokens": record.output_tokens,
        "gen_ai.usage.reasoning.output_tokens": record.reasoning_tokens,
    }
    assert answered["gen_ai.provider.name"] == "anthropic"
    assert answered["gen_ai.response.model"] == record.model
    assert answered["gen_ai.response.finish_reasons"] == ["stop"]
    assert answered["gen_ai.request.max_tokens"] == 300
    assert (answered["claude_run.label"], answered["service"]) == ("train", "claude-run")
    assert (busy["error.type"], busy["span"].status.code) == ("overloaded", 2)
    assert busy["span"].trace_id.hex() != TRACE
    assert wrong["span"].status.code == 2
    assert KEY.encode() not in bodies
    assert key.encode() not in bodies
    if content:
        [message] = json.loads(answered["gen_ai.input.messages"])
        part = {"type": "text", "content": "tell nobody (key)"}
        assert message == {"role": "user", "parts": [part]}
        [told] = json.loads(answered["gen_ai.output.messages"])
        assert told["parts"] == [{"type": "text", "content": "Hello world"}]
    else:
        assert b"tell nobody" not in bodies
        assert b"Hello" not in bodies


def test_a_receiver_that_is_not_there_is_told_once_and_holds_nothing_up(
    environment: dict[str, str], upstream: ScriptedUpstream, capfd: pytest.CaptureFixture[str]
) -> None:
    upstream.answer = say("hi")
    there = {
        **environment,
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://someone:secret@127.0.0.1:9",
        "OTEL_EXPORTER_OTLP_TIMEOUT": "1",
        "OTEL_BSP_SCHEDULE_DELAY": "50",
    }
    with Bridge(Settings(), environment=there) as bridge:
        bridge.wait_ready()
        asked = {"model": "sonnet", "messages": [{"role": "user", "content": "go"}]}
        for _ in range(2):
            assert ask(bridge, "/chat/completions", asked)[0] == 200
        told, deadline = "", time.monotonic() + PATIENCE
        while "traces cannot" not in told and time.monotonic() < deadline:
            bridge.listen()
            told += capfd.readouterr().err
            time.sleep(0.05)
    told += capfd.readouterr().err
    assert told.count("traces cannot be sent to 127.0.0.1:9") == 1
    assert "secret" not in told
    assert "did not end" not in told
