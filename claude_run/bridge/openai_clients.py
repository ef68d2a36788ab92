"""Clients of the openai package for a bridge, whichever of its major versions is installed."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from anyio import to_thread

from claude_run.bridge.calls import LABEL
from claude_run.bridge.face import DYING
from claude_run.dialects.errors import error_body

if TYPE_CHECKING:
    import openai

    from claude_run.bridge.face import Face


def client(face: Face, options: Mapping[str, Any]) -> openai.OpenAI:
    """
    Raises:
        ImportError: openai is not installed.
    """
    module = _openai()

    class Http(module.DefaultHttpxClient):  # type: ignore[name-defined, misc]
        def send(self, request: Any, **more: Any) -> Any:
            try:
                return super().send(request, **more)
            except Exception as error:
                cause = face.cause(DYING) if _is_lost(Http, error) else None
                if cause is None:
                    raise
                return _told(Http, request, cause)

    made: openai.OpenAI = module.OpenAI(**_options(face, Http, options))
    return made


def async_client(face: Face, options: Mapping[str, Any]) -> openai.AsyncOpenAI:
    """As `client`."""
    module = _openai()

    class Http(module.DefaultAsyncHttpxClient):  # type: ignore[name-defined, misc]
        async def send(self, request: Any, **more: Any) -> Any:
            try:
                return await super().send(request, **more)
            except Exception as error:
                cause = None
                if _is_lost(Http, error):
                    cause = await to_thread.run_sync(face.cause, DYING)
                if cause is None:
                    raise
                return _told(Http, request, cause)

    made: openai.AsyncOpenAI = module.AsyncOpenAI(**_options(face, Http, options))
    return made


def _openai() -> Any:
    try:
        return import_module("openai")
    except ModuleNotFoundError as error:
        if error.name != "openai":
            raise
        raise ImportError(
            "the openai package is not installed: pip install openai, or use base_url and"
            " api_key with any other client, or complete() and stream()"
        ) from None


def _options(face: Face, http: Any, options: Mapping[str, Any]) -> dict[str, Any]:
    headers = dict(options.get("default_headers") or {})
    if face.label is not None:
        headers.setdefault(LABEL, quote(face.label))
    return {
        "base_url": face.base_url,
        "api_key": face.api_key,
        # What proxies the environment names are not asked for this machine.
        "http_client": options.get("http_client")
        or http(trust_env=False, **_transport(face, http)),
        **{name: value for name, value in options.items() if name != "http_client"},
        "default_headers": headers,
    }


def _transport(face: Face, http: Any) -> dict[str, Any]:
    path = face.address().path
    if not path:
        return {}
    is_async = http.__mro__[1].__name__.startswith("_DefaultAsync")
    kind = "AsyncHTTPTransport" if is_async else "HTTPTransport"
    return {"transport": getattr(_httpx(http), kind)(uds=path)}


def _httpx(http: Any) -> Any:
    """httpx, or whatever this version of openai has in its place."""
    names = (base.__module__.partition(".")[0] for base in http.__mro__)
    return import_module(next(name for name in names if name.startswith("httpx")))


def _is_lost(http: Any, error: Exception) -> bool:
    """Whether `error` says that there was nobody at the other end."""
    httpx = _httpx(http)
    return isinstance(error, httpx.NetworkError | httpx.RemoteProtocolError)


def _told(http: Any, request: Any, why: str) -> Any:
    """The reason in the form in which the client tells errors, and which it does not try again."""
    body = error_body(why, "server_error", code="bridge_ended")
    headers = {"x-should-retry": "false"}
    return _httpx(http).Response(503, headers=headers, json=body, request=request)
