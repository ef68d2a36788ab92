"""Programs that ask as a client would, with nothing but Python."""

_ASKS = """
import json, os, urllib.request
body = {"model": "MODEL", "messages": [{"role": "user", "content": "Hello."}]}
request = urllib.request.Request(
    os.environ["OPENAI_BASE_URL"] + "/chat/completions",
    json.dumps(body).encode(),
    {"Authorization": "Bearer " + os.environ["OPENAI_API_KEY"], "Content-Type": "application/json"},
)
print(json.load(urllib.request.urlopen(request))["choices"][0]["message"]["content"])
"""
WAITS = """
import os, socket, time, urllib.parse
address = urllib.parse.urlsplit(os.environ["OPENAI_BASE_URL"])
for _ in range(100):  # as clients do where nobody listens yet
    try:
        socket.create_connection((address.hostname, address.port)).close()
        break
    except OSError:
        time.sleep(0.1)
"""
"""Comes before a program, where what it asks may not be listening yet."""


def asks(model: str) -> str:
    """A program that asks `model`, and prints the answer."""
    return _ASKS.replace("MODEL", model)
