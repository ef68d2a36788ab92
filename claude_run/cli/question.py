"""One question to a server that speaks OpenAI's chat API, with nothing but the standard library."""

import http.client
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, urlsplit

from claude_run.bridge.chunks import DONE, chunk_in
from claude_run.turn import JsonObject

OK: Final = 200


class AskError(Exception):
    """There is no answer, or only part of one; the message says why."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where to ask: `base_url` ends where `/chat/completions` begins."""

    base_url: str
    api_key: str


def endpoint_in(environment: Mapping[str, str]) -> Endpoint | None:
    """The one a wrapped command is given; None unless both its variables are set."""
    names = ("OPENAI_BASE_URL", "OPENAI_API_KEY")
    url, key = (environment.get(name, "").strip() for name in names)
    return Endpoint(url, key) if url and key else None


def chunks(body: JsonObject, endpoint: Endpoint) -> Iterator[JsonObject]:
    """What answers `body`: chunk by chunk where it asks for a stream, else one completion.

    Raises:
        AskError: the server refused, failed, or cannot be reached.
    """
    try:
        with closing(_connection(endpoint)) as connection:
            connection.request("POST", *_request(body, endpoint))
            response = connection.getresponse()
            if response.status != OK:
                raise AskError(_refusal(response.status, response.read()))
            if body.get("stream"):
                yield from _events(response)
            else:
                yield json.loads(response.read())
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise AskError(f"{endpoint.base_url} does not answer: {error or type(error)}") from error


def _connection(endpoint: Endpoint) -> http.client.HTTPConnection:
    try:
        url = urlsplit(endpoint.base_url)
        host, port = url.hostname, url.port
    except ValueError:  # it has brackets that do not close, or a port that is no number
        host = None
    if host is None or url.scheme not in {"http", "https"}:
        raise AskError(f"OPENAI_BASE_URL is not a URL: {endpoint.base_url}")
    if url.scheme == "https":
        return http.client.HTTPSConnection(host, port)
    return http.client.HTTPConnection(host, port)


def _request(body: JsonObject, endpoint: Endpoint) -> tuple[str, bytes, dict[str, str]]:
    headers = {
        "Authorization": f"Bearer {endpoint.api_key}",
        "Content-Type": "application/json",
    }
    if label := os.environ.get("CLAUDE_RUN_LABEL"):
        headers["X-Claude-Run-Label"] = quote(label)
    path = urlsplit(endpoint.base_url).path.rstrip("/") + "/chat/completions"
    return path, json.dumps(body).encode(), headers


def _events(response: http.client.HTTPResponse) -> Iterator[JsonObject]:
    for line in response:
        match chunk_in(line):
            case None:
                continue
            case chunk if chunk is DONE:
                return
            case {"error": _} as refusal:
                raise AskError(_message(refusal))
            case chunk:
                yield chunk
    raise AskError("the answer broke off")


def _refusal(status: int, body: bytes) -> str:
    try:
        return _message(json.loads(body))
    except (ValueError, LookupError, TypeError):
        return f"the server answered with status {status}"


def _message(body: dict[str, Any]) -> str:
    return str(body["error"]["message"])
