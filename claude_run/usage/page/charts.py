"""The page's charts: shapes in SVG without any text in it, so that they fit every width."""

import heapq
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Final

from claude_run.usage.record import CallRecord
from claude_run.usage.totals import Sums
from claude_run.usage.words import counted, duration, window_name

if TYPE_CHECKING:
    from markupsafe import Markup

WIDTH: Final = 1000
"""Units of a chart's width; they are stretched to the screen's."""

MOST_LANES: Final = 48
MOST_SINGLE: Final = 400
"""Calls up to which each has a shape of its own, with a title and a link."""

MOST_LINES: Final = 6
STEPS: Final = 60
EDGES: Final = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0)  # seconds
PARTS: Final = ("input", "write", "cached", "output")


@dataclass(frozen=True, slots=True)
class Chart:
    """`svg` with the labels of its time axis, and what a reader should know of it."""

    svg: "Markup"
    axis: tuple[str, ...]
    note: str = ""
    legend: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Bar:
    """A row of a table with a bar in it."""

    name: str
    svg: "Markup"
    sums: Sums = Sums()  # noqa: RUF009 - frozen
    count: int = 0


def waterfall(records: Sequence[CallRecord], anchors: Sequence[str]) -> Chart | None:
    """Calls over time, one that runs beside another in a lane of its own. `anchors` are the names
    by which the page's table knows the calls."""
    if not records:
        return None
    begin, span = _span(records)
    placed = lanes(records)
    count = max(placed) + 1
    height = 16 if count <= 12 else 9 if count <= 32 else 5  # noqa: PLR2004 - it fits a screen

    def x(moment: float) -> float:
        return (moment - begin) / span * WIDTH

    draw = _single if len(records) <= MOST_SINGLE else _together
    shapes = draw(records, placed, anchors, x, height)
    note = counted(count, "lane") if count < MOST_LANES else f"lanes beyond {MOST_LANES} share one"
    return Chart(_svg(shapes, count * height), _axis(span), note)


def lanes(records: Sequence[CallRecord]) -> list[int]:
    """The lane of each call: the lowest that is free when it begins."""
    order = sorted(range(len(records)), key=lambda n: records[n].began)
    placed = [0] * len(records)
    busy: list[tuple[float, int]] = []
    free: list[int] = []
    most = 0
    for number in order:
        record = records[number]
        while busy and busy[0][0] <= record.began:
            heapq.heappush(free, heapq.heappop(busy)[1])
        if free:
            lane = heapq.heappop(free)
        else:
            lane, most = most, most + 1
        placed[number] = min(lane, MOST_LANES - 1)
        heapq.heappush(busy, (record.began + record.seconds, lane))
    return placed


def group_bars(groups: Mapping[str, Sums], title: str) -> list[Bar]:
    """A stacked bar of tokens for each group, all on one scale."""
    most = max((_tokens(sums) for sums in groups.values()), default=0) or 1
    return [
        Bar(name or f"(no {title})", _stack(_parts(sums), most), sums)
        for name, sums in groups.items()
    ]


def histograms(records: Iterable[CallRecord]) -> list[tuple[str, list[Bar]]]:
    """How the times are distributed: to the first token, and in all."""
    kept = list(records)
    firsts = [record.first_token for record in kept if record.first_token is not None]
    wholes = [record.seconds for record in kept]
    told = (("first token", firsts), ("whole call", wholes))
    return [(title, _histogram(times)) for title, times in told if times]


def cache_share(records: Sequence[CallRecord]) -> Chart | None:
    """The part of the input that came from the cache, over time."""
    if not any(record.usage.prompt_tokens for record in records):
        return None
    begin, span = _span(records)
    read, whole = [0] * STEPS, [0] * STEPS
    for record in records:
        step = min(STEPS - 1, int((record.began - begin) / span * STEPS))
        read[step] += record.cache_read_tokens
        whole[step] += record.usage.prompt_tokens
    bars = "".join(
        f'<rect class="cached" x="{_n(step * WIDTH / STEPS)}" y="{_n(100 - 100 * r / w)}" '
        f'width="{_n(WIDTH / STEPS - 1)}" height="{_n(100 * r / w)}"/>'
        f'<rect class="track" x="{_n(step * WIDTH / STEPS)}" y="0" '
        f'width="{_n(WIDTH / STEPS - 1)}" height="{_n(100 - 100 * r / w)}"/>'
        for step, (r, w) in enumerate(zip(read, whole, strict=True))
        if w
    )
    note = f"{sum(read) / sum(whole):.0%} of the input in all"
    return Chart(_svg(bars, 100), _axis(span), note)


def windows(records: Sequence[CallRecord]) -> Chart | None:
    """How full each window of the plan was, as it was heard."""
    heard: dict[str, list[tuple[float, float]]] = {}
    for record in records:
        for window in record.windows:
            if window.utilization is not None:
                moment = window.heard_at or record.began + record.seconds
                heard.setdefault(window.name, []).append((moment, window.utilization))
    if not heard:
        return None
    begin, span = _span(records)
    top = max(1.0, *(used for points in heard.values() for _, used in points))
    shown = list(heard)[:MOST_LINES]
    lines = "".join(
        f'<path class="line l{number}" d="{_steps(heard[name], begin, span, top)}"/>'
        for number, name in enumerate(shown)
    )
    legend = tuple((f"l{number}", window_name(name)) for number, name in enumerate(shown))
    return Chart(_svg(lines, 100), _axis(span), f"0 to {top:.0%}", legend)


X = Callable[[float], float]


def _single(
    records: Sequence[CallRecord], placed: Sequence[int], anchors: Sequence[str], x: X, height: int
) -> str:
    shapes = []
    for record, lane, anchor in zip(records, placed, anchors, strict=True):
        title = escape(f"{anchor}: {duration(record.seconds)}, {record.name}"[:200])
        rects = "".join(
            f'<rect class="{kind}" x="{_n(x(start))}" y="{lane * height + 1}" '
            f'width="{_n(max(1.0, x(end) - x(start)))}" height="{height - 2}"/>'
            for kind, start, end in _phases(record)
        )
        href = escape(f"#call-{anchor}", quote=True)
        shapes.append(f'<a href="{href}"><title>{title}</title>{rects}</a>')
    return "".join(shapes)


def _together(
    records: Sequence[CallRecord], placed: Sequence[int], _anchors: Sequence[str], x: X, height: int
) -> str:
    """All bars of a kind as one path; those that fall on the same pixel are drawn once."""
    paths: dict[str, dict[tuple[int, int], int]] = {}
    for record, lane in zip(records, placed, strict=True):
        for kind, start, end in _phases(record):
            left, width = int(x(start) * 2), max(1, int((x(end) - x(start)) * 2))
            drawn = paths.setdefault(kind, {})
            drawn[left, lane] = max(width, drawn.get((left, lane), 0))
    middle = height / 2
    return "".join(
        f'<path class="s{height} {kind}" d="'
        + "".join(
            f"M{_n(left / 2)} {_n(lane * height + middle)}h{_n(width / 2)}"
            for (left, lane), width in sorted(paths.get(kind, {}).items())
        )
        + '"/>'
        for kind in ("queued", "first", "stream", "error")
    )


def _phases(record: CallRecord) -> list[tuple[str, float, float]]:
    """What a call did, and from when to when."""
    end = record.began + record.seconds
    ready = min(end, record.began + record.queued)
    first = end if record.first_token is None else min(end, record.began + record.first_token)
    if record.error is not None:
        return [("queued", record.began, ready), ("error", ready, end)]
    phases = [("queued", record.began, ready), ("first", ready, first), ("stream", first, end)]
    return [phase for phase in phases if phase[2] > phase[1]] or [("first", record.began, end)]


def _histogram(times: Sequence[float]) -> list[Bar]:
    counts = [0] * (len(EDGES) + 1)
    for time in times:
        counts[bisect_right(EDGES, time)] += 1
    used = [n for n, count in enumerate(counts) if count]
    most = max(counts)
    return [
        Bar(_bucket(n), _stack([("first", counts[n])], most), count=counts[n])
        for n in range(used[0], used[-1] + 1)
    ]


def _bucket(number: int) -> str:
    if number == 0:
        return f"under {EDGES[0]:g} s"
    if number == len(EDGES):
        return f"{EDGES[-1]:g} s and more"
    return f"{EDGES[number - 1]:g} to {EDGES[number]:g} s"


def _parts(sums: Sums) -> list[tuple[str, int]]:
    usage = sums.usage
    counts = (
        usage.input_tokens,
        usage.cache_write_tokens,
        usage.cache_read_tokens,
        usage.output_tokens,
    )
    return list(zip(PARTS, counts, strict=True))


def _tokens(sums: Sums) -> int:
    return sum(count for _, count in _parts(sums))


def _stack(parts: Sequence[tuple[str, int]], most: int) -> "Markup":
    shapes, left = [], 0.0
    for kind, count in parts:
        width = count / most * WIDTH
        shapes.append(
            f'<rect class="{kind}" x="{_n(left)}" y="0" width="{_n(width)}" height="10"/>'
        )
        left += width
    return _svg("".join(shapes), 10)


def _steps(points: Iterable[tuple[float, float]], begin: float, span: float, top: float) -> str:
    """A line that keeps its height until something else was heard."""
    path: list[str] = []
    last = ""
    for moment, used in sorted(points):
        x = _n(min(1.0, max(0.0, (moment - begin) / span)) * WIDTH)
        y = _n(100 - used / top * 100)
        if y != last:
            path.append(f"H{x}V{y}" if path else f"M{x} {y}")
            last = y
    return "".join(path) + f"H{WIDTH}"


def _span(records: Iterable[CallRecord]) -> tuple[float, float]:
    """When the first call began, and how long until the last had ended; never nothing."""
    ends = [(record.began, record.began + record.seconds) for record in records]
    begin = min(start for start, _ in ends)
    return begin, max(max(end for _, end in ends) - begin, 0.001)


def _axis(span: float) -> tuple[str, ...]:
    return ("0", *(duration(span * part / 4) for part in range(1, 5)))


def _svg(shapes: str, height: float) -> "Markup":
    from markupsafe import Markup  # noqa: PLC0415 - comes with jinja2

    # All texts in `shapes` have been escaped where they were put in.
    return Markup(  # noqa: S704
        f'<svg viewBox="0 0 {WIDTH} {_n(height)}" height="{_n(height)}" width="100%" '
        f'preserveAspectRatio="none" aria-hidden="true">{shapes}</svg>'
    )


def _n(number: float) -> str:
    return f"{number:.1f}".removesuffix(".0")
