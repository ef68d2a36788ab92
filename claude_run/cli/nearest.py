"""What was probably meant by a word that is not known."""

from collections.abc import Iterable


def nearest(word: str, known: Iterable[str], like: float = 0.6) -> str | None:
    """The one of `known` that is most like `word`, if one is: by 1 for the same, 0 for no letter
    in common, at least by `like`."""
    from difflib import get_close_matches  # noqa: PLC0415 - only a mistake needs it

    return next(iter(get_close_matches(word, list(known), 1, like)), None)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The end of a sentence about `word`: a question, or a full stop's absence."""
    meant = nearest(word, known)
    return "" if meant is None else f"; did you mean {meant}?"
