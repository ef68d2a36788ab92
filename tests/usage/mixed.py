"""A run of everything that a figure may be wrong about, and what its upstream sent."""

import json
import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from claude_run.rehearsal.answers import Answer, Hold, Refuse, Reply, ToolUse, say
from claude_run.turn import JsonObject, Usage
from tests.server.test_plan import plan

KEY = "sk-proj-" + "Zx9" * 10
SECRET = "the-secret-of-the-prompt"

PLAIN = Usage(input_tokens=100, cache_read_tokens=40, cache_write_tokens=7, output_tokens=30)
STREAMED = Usage(1000, 400, 0, 300, 120)
SEVERAL = Usage(11, 0, 500, 13)
LONG = "forty characters, and then nothing more."
EXTRA = replace(PLAIN, output_tokens=31)

COMMAND = f"""
import concurrent.futures, json, os, sys, urllib.request
import openai
once = openai.OpenAI(max_retries=0)
stubborn = openai.OpenAI(max_retries=2)
url = os.environ["OPENAI_BASE_URL"]
labelled = openai.OpenAI(max_retries=0, base_url=url.replace("/v1", "/label/eval/v1"))
train = {{"X-Claude-Run-Label": "train"}}
tool = {{"type": "function", "function": {{"name": "look_up", "parameters": {{"type": "object"}}}}}}
forced = {{"type": "function", "function": {{"name": "look_up"}}}}
def ask(client, model, text, stream=False, **more):
    messages = text if isinstance(text, list) else [{{"role": "user", "content": text}}]
    try:
        asked = dict(model=model, messages=messages, stream=stream, **more)
        answer = client.chat.completions.create(**asked)
        return list(answer) if stream else answer.choices[0].message
    except openai.APIError:
        return None
def give_up():
    messages = [{{"role": "user", "content": "(endless)"}}]
    with once.chat.completions.create(model="opus", messages=messages, stream=True) as stream:
        for chunk in stream:
            if chunk.choices and chunk.choices[0].delta.content:
                return
def look_up():
    asked = [{{"role": "user", "content": "(look it up)"}}]
    call = ask(once, "haiku", asked, tools=[tool], tool_choice=forced, extra_headers=train)
    result = {{"role": "tool", "tool_call_id": call.tool_calls[0].id, "content": "(found)"}}
    said = {{"role": "assistant", "tool_calls": [call.tool_calls[0].model_dump()]}}
    ask(once, "haiku", [*asked, said, result], tools=[tool], extra_headers=train)
with concurrent.futures.ThreadPoolExecutor(6) as pool:
    start = lambda *asked, **more: pool.submit(ask, *asked, **more)
    done = [start(stubborn, "sonnet", "(busy twice)"), start(stubborn, "opus", "(always busy)")]
    done += [start(once, "sonnet", "(plain) {SECRET} {KEY}") for _ in range(3)]
    done += [start(once, "opus", "(streamed)", True, extra_headers=train) for _ in range(2)]
    done += [start(once, "haiku", "(several)", n=2), start(labelled, "sonnet", "(several)", n=3)]
    done += [start(once, "sonnet", said) for said in ("(refused)", "(throttled)", "(never)")]
    done += [start(once, "no-such-model", "x"), pool.submit(give_up), pool.submit(look_up)]
    [one.result() for one in done]
for text in ("(quarter)", "(half)", "(paid)", "(paid)"):
    ask(once, "sonnet", text, stream=text == "(half)")
ask(once, "sonnet", "(too many)")
request = urllib.request.Request(url + "/usage",
    headers={{"Authorization": "Bearer " + os.environ["OPENAI_API_KEY"]}})
with urllib.request.urlopen(request) as answer, open(sys.argv[1], "w") as file:
    file.write(answer.read().decode())
"""

CALLS = 24
"""Requests of the command's, each choice for itself; its retries are not among them."""

FAILED = Counter(
    {"bad_request": 1, "rate_limit": 1, "overloaded": 1, "model_not_found": 1, "budget": 1}
)
RETRIES = 2 + 2
"""Of a call that is answered at last, and of one that never is."""

LABELS = {"": 17, "train": 4, "eval": 3}
CUT = replace(PLAIN, output_tokens=math.ceil(len(LONG) / 4))
"""What an answer is reckoned at that does not come to its end, where its output is counted."""

USAGES = (*[PLAIN] * 9, *[STREAMED] * 2, *[SEVERAL] * 5, CUT, *[EXTRA] * 2)
"""Of all that is answered, the cut one among them."""

BUSY = Refuse(529, "overloaded_error", "busy", {})
SCRIPT: Mapping[str, Answer] = {
    "(always busy)": BUSY,
    "(plain)": replace(say("ok"), usage=PLAIN),
    "(streamed)": replace(say("a", "b"), usage=STREAMED),
    "(several)": replace(say("one of them"), usage=SEVERAL),
    "(refused)": Refuse(400, "invalid_request_error", f"not {KEY} like this", {}),
    "(throttled)": Refuse(429, "rate_limit_error", "slow down", {}),
    "(never)": replace(say("I would rather not"), usage=PLAIN, stop_reason="refusal"),
    "(endless)": replace(say(LONG, Hold(lambda: False)), usage=PLAIN),
    "(found)": replace(say("so it is"), usage=PLAIN),
    "(look it up)": Reply((ToolUse("", "mcp__c__look_up", {"what": "it"}),), usage=PLAIN),
    "(quarter)": replace(say("hi"), usage=PLAIN, headers=plan(0.25)),
    "(half)": replace(say("hi"), usage=PLAIN, headers=plan(0.5)),
    "(paid)": replace(
        say("hi"), usage=EXTRA, headers=plan(0.6, overage_in_use="true", overage_status="allowed")
    ),
    "(too many)": replace(say("more than was allowed"), usage=PLAIN),
}


class Sent:
    """The upstream, and what it has charged by model."""

    def __init__(self) -> None:
        self.charged: dict[str, Usage] = {}
        self._busy = 0

    def answer(self, body: JsonObject) -> Answer:
        answer = self._answer(json.dumps(body["messages"]))
        if isinstance(answer, Reply):
            model = str(body["model"])
            usage = CUT if answer is SCRIPT["(endless)"] else answer.usage
            self.charged[model] = self.charged.get(model, Usage()) + usage
        return answer

    def _answer(self, asked: str) -> Answer:
        if "(busy twice)" in asked:
            self._busy += 1
            return BUSY if self._busy <= 2 else SCRIPT["(plain)"]
        return next(answer for marker, answer in SCRIPT.items() if marker in asked)
