"""The legacy text completions dialect, as it is served."""

from collections.abc import Mapping, Sequence
from typing import Final

from claude_run.dialects.choices import ChoicesWriter
from claude_run.dialects.completions.answer import text_completion
from claude_run.dialects.completions.call import CompletionCall
from claude_run.dialects.completions.request import parse_completion
from claude_run.dialects.completions.stream import TextWriter, text_usage_chunk
from claude_run.dialects.dialect import Stamp
from claude_run.turn import JsonObject, TurnEvent, fold


class Completions:
    path: Final = "/completions"
    id_prefix: Final = "cmpl-"
    schema_field: Final = "response_format"
    absent: Final[Mapping[str, str]] = {}

    def parse(self, body: object, *, strict: bool) -> CompletionCall:
        return parse_completion(body, strict=strict)

    def answer(
        self, call: CompletionCall, answers: Sequence[Sequence[TurnEvent]], stamp: Stamp
    ) -> JsonObject:
        folded = [fold(events) for events in answers]
        return text_completion(call, folded, id=stamp.id, created=stamp.created)

    def writer(self, call: CompletionCall, stamp: Stamp) -> ChoicesWriter:
        id_, created = stamp.id, stamp.created
        return ChoicesWriter(
            [TextWriter(call, index, id_, created) for index in range(len(call.requests))],
            (lambda usages, model: text_usage_chunk(usages, id=id_, created=created, model=model))
            if call.include_usage
            else None,
        )
