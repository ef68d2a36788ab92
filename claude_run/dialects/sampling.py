"""The numbers and stops that steer one generation, in every dialect."""

from typing import Final

from claude_run.dialects import steering
from claude_run.dialects.reading import array, elements, integer, number, optional, text
from claude_run.turn import JsonObject, Notice, Sampling, bad_request

MOST_STOPS: Final = 4


def sampling(asked: JsonObject, *limits: str, strict: bool) -> tuple[Sampling, tuple[Notice, ...]]:
    """What `asked` says of sampling. `limits` are the names a dialect has for the most output
    tokens; the first one that is given wins."""
    temperature, notices = steering.temperature(asked, strict=strict)
    top_k = optional(integer, asked, "top_k", low=-1)
    most = [optional(integer, asked, limit, low=1) for limit in limits]
    return Sampling(
        temperature=temperature,
        top_p=optional(number, asked, "top_p", low=0, high=1),
        top_k=top_k if top_k and top_k > 0 else None,
        stop=optional(_stops, asked, "stop") or (),
        max_tokens=next((limit for limit in most if limit), None),
    ), notices


def _stops(value: object, param: str) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,) if value else ()
    if len(array(value, param)) > MOST_STOPS:
        raise bad_request(f"{param} may hold at most {MOST_STOPS} strings.", param)
    stops = [text(stop, path) for path, stop in elements(value, param)]
    return tuple(stop for stop in stops if stop)
