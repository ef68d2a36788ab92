"""The items of an answer while they are written: each is announced, grows and is closed."""

from typing import Any, ClassVar, Literal, Protocol, TypeAlias

from claude_run.turn import JsonObject

ItemStatus: TypeAlias = Literal["in_progress", "completed", "incomplete"]
PartType: TypeAlias = Literal["output_text", "refusal"]


class Emit(Protocol):
    """Puts one event of the stream on the wire; `fields` is all but its sequence number."""

    def __call__(self, type_: str, **fields: Any) -> None: ...


class OutputItem:
    """What every kind has in common. `index` is the item's place in the output, `seed`
    what makes its id differ from those of every other response."""

    prefix: ClassVar[str]

    def __init__(self, index: int, seed: str, emit: Emit) -> None:
        self.index = index
        self.id = f"{self.prefix}_{seed}_{index}"
        self._emit = emit

    def render(self, status: ItemStatus) -> JsonObject:
        raise NotImplementedError

    def announce(self) -> None:
        self._emit(
            "response.output_item.added", output_index=self.index, item=self.render("in_progress")
        )

    def close(self, status: ItemStatus) -> JsonObject:
        """The finished item, once every part of it has been closed."""
        self._finish()
        item = self.render(status)
        self._emit("response.output_item.done", output_index=self.index, item=item)
        return item

    def _finish(self) -> None:
        raise NotImplementedError

    def _tell(self, type_: str, **fields: Any) -> None:
        self._emit(type_, item_id=self.id, output_index=self.index, **fields)


class Reasoning(OutputItem):
    """The model's thinking, shown as one summary. `sealed` is what takes it back."""

    prefix = "rs"

    def __init__(self, index: int, seed: str, emit: Emit) -> None:
        super().__init__(index, seed, emit)
        self._pieces: list[str] = []
        self.sealed: str | None = None

    def render(self, status: ItemStatus) -> JsonObject:
        summary = [self._part()] if self._pieces else []
        item = {"id": self.id, "type": "reasoning", "summary": summary, "status": status}
        return item if self.sealed is None else {**item, "encrypted_content": self.sealed}

    def write(self, text: str) -> None:
        if not self._pieces:
            part = {"type": "summary_text", "text": ""}
            self._tell("response.reasoning_summary_part.added", summary_index=0, part=part)
        self._pieces.append(text)
        self._tell("response.reasoning_summary_text.delta", summary_index=0, delta=text)

    def _part(self) -> JsonObject:
        return {"type": "summary_text", "text": "".join(self._pieces)}

    def _finish(self) -> None:
        if not self._pieces:
            return
        part = self._part()
        self._tell("response.reasoning_summary_text.done", summary_index=0, text=part["text"])
        self._tell("response.reasoning_summary_part.done", summary_index=0, part=part)


class Message(OutputItem):
    """Text and refusals, in the order they came, as the parts of one message."""

    prefix = "msg"

    def __init__(self, index: int, seed: str, emit: Emit) -> None:
        super().__init__(index, seed, emit)
        self._done: list[JsonObject] = []
        self._open: PartType | None = None
        self._pieces: list[str] = []

    def render(self, status: ItemStatus) -> JsonObject:
        parts = [*self._done, self._part(self._open)] if self._open else [*self._done]
        return {
            "id": self.id,
            "type": "message",
            "role": "assistant",
            "status": status,
            "content": parts,
        }

    def write(self, kind: PartType, text: str) -> None:
        if kind != self._open:
            self._finish_part()
            self._open = kind
            self._tell_part("response.content_part.added", part=self._part(kind))
        self._pieces.append(text)
        if kind == "output_text":
            self._tell_part("response.output_text.delta", delta=text, logprobs=[])
        else:
            self._tell_part("response.refusal.delta", delta=text)

    def _finish(self) -> None:
        self._finish_part()

    def _finish_part(self) -> None:
        if self._open is None:
            return
        part = self._part(self._open)
        if self._open == "output_text":
            self._tell_part("response.output_text.done", text=part["text"], logprobs=[])
        else:
            self._tell_part("response.refusal.done", refusal=part["refusal"])
        self._tell_part("response.content_part.done", part=part)
        self._done.append(part)
        self._open, self._pieces = None, []

    def _part(self, kind: PartType) -> JsonObject:
        text = "".join(self._pieces)
        if kind == "refusal":
            return {"type": "refusal", "refusal": text}
        return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}

    def _tell_part(self, type_: str, **fields: Any) -> None:
        self._tell(type_, content_index=len(self._done), **fields)
