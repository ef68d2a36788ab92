"""The answers to a question while they come, and how each is printed."""

import json
import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from claude_run.cli.question import AskError
from claude_run.turn import JsonObject


@dataclass
class Answer:
    """What there is of one; `finish` says what ended it, once it has ended."""

    text: str = ""
    finish: str | None = None


@dataclass
class Answers:
    """All of them, and what is known of them together."""

    wanted: int
    model: str = ""
    usage: JsonObject | None = None
    answers: list[Answer] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.answers = [Answer() for _ in range(self.wanted)]

    def take(self, chunk: JsonObject) -> Iterator[tuple[int, str]]:
        """Take in a chunk of a stream, or a whole completion: each piece of text after the number
        of its answer, and "" where an answer has ended."""
        self.model = chunk.get("model") or self.model
        self.usage = chunk.get("usage") or self.usage
        for choice in chunk.get("choices", ()):
            said = choice.get("delta") or choice.get("message") or {}
            answer = self.answers[choice["index"]]
            piece = said.get("content") or said.get("refusal") or ""
            answer.text += piece
            answer.finish = choice.get("finish_reason") or answer.finish
            if piece or answer.finish:
                yield choice["index"], piece

    def document(self, *, is_structured: bool) -> JsonObject:
        return {
            "model": self.model,
            "answers": [_told(answer, is_structured=is_structured) for answer in self.answers],
            "usage": self.usage,
        }


def _told(answer: Answer, *, is_structured: bool) -> JsonObject:
    told: JsonObject = {"text": answer.text, "finish_reason": answer.finish}
    if is_structured:
        try:
            told["value"] = json.loads(answer.text)
        except ValueError:  # a refusal, or one that was cut off
            told["value"] = None
    return told


Chunks: TypeAlias = Iterable[JsonObject]


class Page:
    """Standard output. Once nobody reads on (`| head`), the rest is written nowhere."""

    def __init__(self) -> None:
        self._last = ""
        self._is_terminal = sys.stdout is not None and sys.stdout.isatty()

    def write(self, text: str) -> None:
        """
        Raises:
            AskError: it cannot be written.
        """
        if not text or sys.stdout is None:
            return
        self._last = text
        shown = "".join(map(_harmless, text)) if self._is_terminal else text
        try:
            sys.stdout.buffer.write(shown.encode("utf-8", "replace"))
            sys.stdout.buffer.flush()
        except BrokenPipeError:  # which is no failure of the answer
            _write_nowhere()
        except OSError as error:
            _write_nowhere()
            raise AskError(f"the answer cannot be written: {error.strerror}") from None

    def end_line(self) -> None:
        if self._last and not self._last.endswith("\n"):
            self.write("\n")


def _write_nowhere() -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _harmless(character: str) -> str:
    """What Claude writes is text: to a terminal some characters are more."""
    is_text = character.isprintable() or character in "\n\t"
    return character if is_text or character.isspace() else "\N{REPLACEMENT CHARACTER}"


def printed_as_it_comes(chunks: Chunks, answers: Answers, page: Page) -> None:
    """Print one answer while it is written."""
    try:
        for chunk in chunks:
            for _, piece in answers.take(chunk):
                page.write(piece)
    finally:
        page.end_line()


def printed_by_number(chunks: Chunks, answers: Answers, page: Page) -> None:
    """Print each answer under its number, once it and all before it are whole."""
    next_ = 0
    for chunk in chunks:
        for _ in answers.take(chunk):
            pass
        while next_ < answers.wanted and answers.answers[next_].finish is not None:
            page.write("\n" if next_ else "")
            page.write(f"[{next_ + 1}/{answers.wanted}]\n{answers.answers[next_].text}")
            page.end_line()
            next_ += 1


def printed_as_json(chunks: Chunks, answers: Answers, page: Page, *, is_structured: bool) -> None:
    for chunk in chunks:
        for _ in answers.take(chunk):
            pass
    document: Any = answers.document(is_structured=is_structured)
    page.write(json.dumps(document, indent=1, ensure_ascii=False) + "\n")
