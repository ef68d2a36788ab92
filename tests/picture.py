"""The picture in the README: a real run in a real terminal, drawn. Run it to draw it anew.

Only the model is not real: a scripted upstream answers on loopback.
"""

import io
import re
import sys
import tempfile
import time
from html import unescape
from itertools import takewhile
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.text import Text

from claude_run.rehearsal.answers import Answer, Pause, Reply, TextBlock
from claude_run.turn import JsonObject
from tests.scripted import ScriptedUpstream, sealed_environment, turns
from tests.test_terminal import terminal
from tests.verified import remember_what_works

PICTURE: Final = Path(__file__).parents[1] / ".github" / "run.svg"
WIDTH: Final = 80
TYPED: Final = "claude-run --model-map 'gpt-*=sonnet' -- python capitals.py"
PROGRAM: Final = """\
from concurrent.futures import ThreadPoolExecutor
from openai import OpenAI

client = OpenAI()


def capital(country):
    question = f"What is the capital of {country}? One word."
    answer = client.chat.completions.create(
        model="gpt-4.1-mini", messages=[{"role": "user", "content": question}]
    )
    return f"{country}: {answer.choices[0].message.content}"


with ThreadPoolExecutor(4) as pool:
    print(*pool.map(capital, ["France", "Ghana", "Japan", "Peru"]), sep="\\n")
"""
_CAPITALS: Final = {"France": "Paris", "Ghana": "Accra", "Japan": "Tokyo", "Peru": "Lima"}
_UNIFIED: Final = "anthropic-ratelimit-unified"
_OF_THE_SCRIPT: Final = "ANTHROPIC_BASE_URL leads to"
"""Begins what is said of an upstream that is not Anthropic's, which a person does not have."""

_OTHER_EACH_TIME: Final = re.compile(r"[\d.,]+|\b(Mon|Tue|Wed|Thu|Fri|Sat|Sun)\b")

# No font and nothing else is fetched: whoever looks at the picture asks nobody.
_FORM: Final = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">
<title>A run of claude-run in a terminal</title>
<style>
.{unique_id}-matrix {{ font: {char_height}px ui-monospace, "DejaVu Sans Mono", Menlo, Consolas,
 monospace; line-height: {line_height}px; font-variant-east-asian: full-width; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}"/>
</clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""


def shown() -> str:
    """What the terminal shows of a run, with its colours, and without what only a test has."""
    with tempfile.TemporaryDirectory() as place, ScriptedUpstream(_answered) as upstream:
        directory = Path(place)
        (directory / "capitals.py").write_text(PROGRAM)
        environment = sealed_environment(directory, upstream.url)
        remember_what_works(environment)
        programs = Path(sys.executable).parent
        environment = {
            **environment,
            "COLUMNS": str(WIDTH),
            "PATH": f"{programs}:{environment['PATH']}",
        }
        with terminal(["sh", "-c", f"cd {place} && {TYPED}"], environment) as seen:
            lines = seen.rest().replace("\r\n", "\n").splitlines(keepends=True)
        faults = [path.read_text() for path in directory.rglob("bridge-*.log")]
        assert not faults, faults
    kept = [line for line in lines if _OF_THE_SCRIPT not in line]
    return f"$ {TYPED}\n{''.join(kept)}"


def _answered(request: JsonObject) -> Answer:
    question = str(turns(request)[-1]["content"])
    city = next(city for country, city in _CAPITALS.items() if country in question)
    now = time.time()
    windows = {"5h": (0.31, now + 2.6 * 3600), "7d": (0.12, now + 3 * 86400)}
    headers = {
        f"{_UNIFIED}-status": "allowed",
        f"{_UNIFIED}-reset": str(int(windows["5h"][1])),
        f"{_UNIFIED}-representative-claim": "five_hour",
    }
    for name, (share, resets) in windows.items():
        headers[f"{_UNIFIED}-{name}-status"] = "allowed"
        headers[f"{_UNIFIED}-{name}-utilization"] = str(share)
        headers[f"{_UNIFIED}-{name}-reset"] = str(int(resets))
    return Reply((Pause(0.6), TextBlock((city,))), headers=headers)


def drawn(text: str) -> str:
    """An SVG of `text`, which may have ANSI's colours."""
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True)
    console.print(Text.from_ansi(text.rstrip("\n")), soft_wrap=True)
    return console.export_svg(title="", code_format=_FORM, unique_id="run")


def said_in(svg: str) -> list[str]:
    """The lines of a picture down to the times, without the numbers, which are others each time."""
    text = re.sub(r"<(style|title|defs)>.*?</\1>", "", svg, flags=re.DOTALL)
    lines: dict[str, str] = {}
    for line, part in re.findall(r'<text [^>]*(#run-line-\d+)\)">(.*?)</text>', text):
        lines[line] = lines.get(line, "") + part
    plain = (unescape(line).replace("\xa0", " ") for line in lines.values())
    numberless = [" ".join(_OTHER_EACH_TIME.sub("0", line).split()) for line in plain]
    return list(takewhile(lambda line: not line.startswith("speed"), numberless))


if __name__ == "__main__":
    PICTURE.parent.mkdir(exist_ok=True)
    PICTURE.write_text(drawn(shown()))
