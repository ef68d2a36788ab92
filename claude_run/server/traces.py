"""Calls sent as spans to a receiver of OpenTelemetry's, where the environment names one.

What is sent, how and where to is said by OpenTelemetry's own variables and done by its own SDK,
which comes with the extra `otel`. Without the variables nothing of it is imported.
"""

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, Final

from claude_run.server.caller import Caller
from claude_run.server.lines import Lines
from claude_run.turn import TurnEvent, TurnRequest, fold
from claude_run.usage.record import CallRecord
from claude_run.usage.spans import attributes_of, content_of, name_of

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
CONTENT: Final = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
_WITH_CONTENT: Final = frozenset({"true", "1", "span_only", "span_and_event"})
_PATIENCE: Final = 3.0
"""Seconds for the last spans, less than the bridge process has to end."""

_NANO: Final = 1_000_000_000
_UNSENT: Final = (
    "traces cannot be sent to {}: calls go on without them. OTEL_SDK_DISABLED=true leaves them out"
)


def wanted(environment: Mapping[str, str]) -> bool:
    """Whether spans are to be sent."""
    off = environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
    exporter = environment.get("OTEL_TRACES_EXPORTER", "otlp").strip().lower()
    return not off and exporter != "none" and _endpoint(environment) is not None


def _endpoint(environment: Mapping[str, str]) -> str | None:
    return next((environment[name] for name in ENDPOINTS if environment.get(name)), None)


class Traces:
    """Makes a span of each call that has ended. `keeps_content` says that its events are wanted,
    too."""

    def __init__(self, provider: "TracerProvider", *, keeps_content: bool) -> None:
        from opentelemetry.trace import SpanKind, Status, StatusCode  # noqa: PLC0415
        from opentelemetry.trace.propagation.tracecontext import (  # noqa: PLC0415
            TraceContextTextMapPropagator,
        )

        self.keeps_content = keeps_content
        self._tracer = provider.get_tracer("claude_run")
        self._extract = TraceContextTextMapPropagator().extract
        self._kind = SpanKind.CLIENT
        self._status, self._error = Status, StatusCode.ERROR

    def ended(
        self,
        record: CallRecord,
        caller: Caller,
        request: TurnRequest | None = None,
        events: list[TurnEvent] | None = None,
    ) -> None:
        attributes: dict[str, Any] = attributes_of(record, request)
        if self.keeps_content and request is not None:
            attributes |= content_of(request, _answer(events))
        span = self._tracer.start_span(
            name_of(record),
            context=self._extract(caller.trace_headers),
            kind=self._kind,
            attributes=attributes,
            start_time=int(record.began * _NANO),
        )
        if record.error is not None:
            span.set_status(self._status(self._error, record.error.kind))
        span.end(int((record.began + record.seconds) * _NANO))


def _answer(events: list[TurnEvent] | None) -> Any:
    with suppress(ValueError):  # it has not come to its end
        return fold(events or ())
    return None


@asynccontextmanager
async def tracing(environment: Mapping[str, str], lines: Lines) -> AsyncIterator[Traces | None]:
    """What makes spans, if they are wanted and the extra is installed. What was not sent at the
    end is sent, as long as that does not take long."""
    if not wanted(environment):
        yield None
        return
    unsent = _Unsent(lines, _endpoint(environment) or "", asyncio.get_running_loop())
    try:
        provider = await asyncio.to_thread(_provider, unsent)
    except ImportError:
        lines.once("otel", "traces need `pip install 'claude-run[otel]'`: none are sent")
        yield None
        return
    switch = environment.get(CONTENT, "").strip().lower()
    try:
        yield Traces(provider, keeps_content=switch in _WITH_CONTENT)
    finally:
        await _shut_down(provider)


def _provider(unsent: logging.Handler) -> "TracerProvider":
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415
        OTLPSpanExporter,
    )
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    # What cannot be sent is said once, in a line of ours: its own log has tracebacks, which would
    # be taken for a fault of the bridge.
    logging.getLogger("opentelemetry").addHandler(unsent)
    logging.getLogger("opentelemetry").propagate = False
    resource = Resource.create()
    if str(resource.attributes.get("service.name", "")).startswith("unknown_service"):
        resource = resource.merge(Resource({"service.name": "claude-run"}))
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider


class _Unsent(logging.Handler):
    """Hears from any thread what the SDK complains of."""

    def __init__(self, lines: Lines, endpoint: str, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(logging.ERROR)
        self._lines = lines
        self._text = _UNSENT.format(endpoint.rpartition("@")[2])  # without a login in it
        self._loop = loop

    def emit(self, record: logging.LogRecord) -> None:  # noqa: ARG002 - one line for all of them
        with suppress(RuntimeError):  # the loop is over
            self._loop.call_soon_threadsafe(self._lines.once, "otel", self._text)


async def _shut_down(provider: "TracerProvider") -> None:
    """In a thread that nobody waits for longer: a receiver that is not there is tried again."""
    loop, done = asyncio.get_running_loop(), asyncio.Event()

    def shut() -> None:
        provider.shutdown()
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(done.set)

    threading.Thread(target=shut, daemon=True).start()
    with suppress(asyncio.TimeoutError):
        await asyncio.wait_for(done.wait(), _PATIENCE)
