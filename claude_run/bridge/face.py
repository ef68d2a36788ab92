"""What can be asked of a bridge that serves, by whoever knows its address and its key."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, Literal, overload

from claude_run.bridge.errors import AnswerError
from claude_run.child import command_environment

if TYPE_CHECKING:
    import openai

    from claude_run.bridge.calls import Address, Call
    from claude_run.bridge.scope import Scope
    from claude_run.turn import JsonObject

PIECE: Final = 65536  # bytes
DYING: Final = 1.0
"""Seconds between the end of a bridge's connections and the end of its process, at most."""


class Face:
    """OpenAI's API on `base_url`, for whoever has `api_key`. `label` is what the calls made through
    it are for; the summary tells labels apart. `socket_path` is that of a unix socket, where
    `base_url` is reached through one.

    Every method but `client` and `async_client` waits for its answer. What fails raises
    AnswerError."""

    def __init__(
        self, base_url: str, api_key: str, *, label: str | None = None, socket_path: str = ""
    ) -> None:
        self._base_url = base_url
        self._socket_path = socket_path
        self.api_key = api_key
        self.label = label

    @property
    def base_url(self) -> str:
        return self._base_url

    @property
    def socket_path(self) -> str:
        """Of the unix socket that leads there; empty where there is none."""
        return self._socket_path

    @property
    def env(self) -> dict[str, str]:
        """What leads a client of OpenAI's in another process here:
        `subprocess.run(command, env={**os.environ, **bridge.env})`."""
        whole = self.env_of(os.environ)
        return {name: text for name, text in whole.items() if os.environ.get(name) != text}

    def env_of(self, base: Mapping[str, str]) -> dict[str, str]:
        """`base` with `env` in it: the whole environment of another process."""
        label = {"CLAUDE_RUN_LABEL": self.label} if self.label is not None else {}
        return {**command_environment(base, self.base_url, self.api_key), **label}

    def health(self) -> JsonObject:
        """`{"status": "ok"}` from a bridge that serves."""
        return dict(self._asked("/health"))

    def models(self) -> list[str]:
        """The names that are offered; any other that Claude knows, or that is mapped, will do."""
        return [model["id"] for model in self._asked("/models")["data"]]

    def report(self) -> JsonObject:
        """The run so far, as `GET /v1/usage` tells it: tokens, API-equivalent dollars, seconds."""
        return dict(self._asked("/usage"))

    @overload
    def complete(
        self,
        prompt: str,
        *,
        model: str = ...,
        system: str | None = ...,
        stream: Literal[False] = ...,
        **fields: Any,
    ) -> str: ...

    @overload
    def complete(
        self,
        prompt: str,
        *,
        model: str = ...,
        system: str | None = ...,
        stream: Literal[True],
        **fields: Any,
    ) -> Iterator[str]: ...

    def complete(
        self,
        prompt: str,
        *,
        model: str = "sonnet",
        system: str | None = None,
        stream: bool = False,
        **fields: Any,
    ) -> str | Iterator[str]:
        """Claude's answer to `prompt`; with `stream` its text, piece by piece as it comes. `fields`
        are further fields of a chat completion (`max_tokens=100`).

        Raises:
            AnswerError: there is none, or Claude declined.
        """
        if stream:
            return self.stream(prompt, model=model, system=system, **fields)
        from claude_run.bridge.calls import asking, text_of  # noqa: PLC0415

        body = asking(prompt, model, system, fields)
        return text_of(self._asked("/chat/completions", body))

    def stream(
        self, prompt: str, *, model: str = "sonnet", system: str | None = None, **fields: Any
    ) -> Iterator[str]:
        """As `complete`, piece by piece. An answer that is no longer read is given up."""
        from claude_run.bridge.calls import asking  # noqa: PLC0415

        body = asking(prompt, model, system, {**fields, "stream": True})
        return self._streamed(self._call("/chat/completions", body))

    def client(self, **options: Any) -> openai.OpenAI:
        """A client of the openai package; `options` are those of `openai.OpenAI`."""
        from claude_run.bridge.openai_clients import client  # noqa: PLC0415

        return client(self, options)

    def async_client(self, **options: Any) -> openai.AsyncOpenAI:
        """As `client`, of `openai.AsyncOpenAI`."""
        from claude_run.bridge.openai_clients import async_client  # noqa: PLC0415

        return async_client(self, options)

    def scope(self, label: str, *, unlabelled: bool = False, **options: Any) -> Scope:
        """A part of the run with rules of its own, for the length of a `with` block:
        `with bridge.scope("evaluation", max_cost=1.0) as scope: scope.complete(...)`."""
        from claude_run.bridge.scope import Scope, options_of  # noqa: PLC0415

        return Scope(self, label, options_of(options), unlabelled=unlabelled)

    def cause(self, patience: float = 0.0) -> str | None:  # noqa: ARG002 - for who started it
        """Why the bridge serves no more, where that is known. `patience` is for one that is just
        dying, in seconds."""
        return None

    def address(self) -> Address:
        from claude_run.bridge.calls import address_of  # noqa: PLC0415

        return address_of(self.base_url, self.socket_path)

    def unreachable(self, error: Exception) -> AnswerError:
        """What is said where a connection failed."""
        return AnswerError(self.cause(DYING) or f"{self.base_url} does not answer: {error!r}")

    def _call(self, path: str, body: JsonObject | None = None, method: str | None = None) -> Call:
        from claude_run.bridge.calls import Access, Call  # noqa: PLC0415 - h11 is only needed here

        return Call(Access(self.address(), self.api_key, self.label), path, body, method)

    def _asked(self, path: str, body: JsonObject | None = None, method: str | None = None) -> Any:
        from claude_run.bridge.calls import said  # noqa: PLC0415

        call = self._call(path, body, method)
        content = b"".join(self._pieces(call))
        return said(call.status, content)

    def _streamed(self, call: Call) -> Iterator[str]:
        from claude_run.bridge.calls import OK, Texts, said  # noqa: PLC0415

        texts, pieces = Texts(), self._pieces(call)
        for piece in pieces:
            if call.status != OK:
                said(call.status, b"".join([piece, *pieces]))
            yield from texts.feed(piece)
        texts.end()

    def _pieces(self, call: Call) -> Iterator[bytes]:
        try:
            with self._connected() as connection:
                connection.sendall(call.sent)
                while not call.is_over:
                    yield from call.feed(connection.recv(PIECE))
        except OSError as error:
            raise self.unreachable(error) from error

    def _connected(self) -> socket.socket:
        address = self.address()
        if address.path:
            connection = socket.socket(socket.AF_UNIX)
            connection.connect(address.path)
            return connection
        return socket.create_connection((address.host, address.port))
