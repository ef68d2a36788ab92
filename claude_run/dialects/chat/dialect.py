"""The chat completions dialect, as it is served."""

from collections.abc import Mapping, Sequence
from typing import Final

from claude_run.dialects.chat.answer import completion
from claude_run.dialects.chat.call import ChatCall
from claude_run.dialects.chat.request import parse_chat
from claude_run.dialects.chat.stream import ChunkWriter, usage_chunk
from claude_run.dialects.choices import ChoicesWriter
from claude_run.dialects.dialect import Stamp
from claude_run.turn import JsonObject, TurnEvent, fold


class Chat:
    path: Final = "/chat/completions"
    id_prefix: Final = "chatcmpl-"
    schema_field: Final = "response_format"
    absent: Final[Mapping[str, str]] = {}

    def parse(self, body: object, *, strict: bool) -> ChatCall:
        return parse_chat(body, strict=strict)

    def answer(
        self, call: ChatCall, answers: Sequence[Sequence[TurnEvent]], stamp: Stamp
    ) -> JsonObject:
        return completion(call, [fold(a) for a in answers], id=stamp.id, created=stamp.created)

    def writer(self, call: ChatCall, stamp: Stamp) -> ChoicesWriter:
        id_, created = stamp.id, stamp.created
        return ChoicesWriter(
            [ChunkWriter(call, index, id_, created) for index in range(call.n)],
            (lambda usages, model: usage_chunk(usages, id=id_, created=created, model=model))
            if call.include_usage
            else None,
        )
