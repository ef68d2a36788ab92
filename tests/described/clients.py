"""The vendors' clients, of which every answer is judged."""

from typing import Any

import anthropic
import openai

from claude_run.bridge import Bridge
from tests.described.watching import watched


def openai_client(bridge: Bridge, **options: Any) -> openai.OpenAI:
    http = openai.DefaultHttpxClient(event_hooks={"response": [watched]})
    options = {"base_url": bridge.base_url, "api_key": bridge.api_key, "max_retries": 0, **options}
    return openai.OpenAI(http_client=http, **options)


def azure_client(bridge: Bridge, **options: Any) -> openai.AzureOpenAI:
    http = openai.DefaultHttpxClient(event_hooks={"response": [watched]})
    options = {"api_key": bridge.api_key, "max_retries": 0, **options}
    return openai.AzureOpenAI(
        azure_endpoint=bridge.base_url.removesuffix("/v1"),
        api_version="2025-04-01-preview",
        http_client=http,
        **options,
    )


def anthropic_client(bridge: Bridge, **options: Any) -> anthropic.Anthropic:
    http = anthropic.DefaultHttpxClient(event_hooks={"response": [watched]})
    url = bridge.base_url.removesuffix("/v1")
    options = {"base_url": url, "api_key": bridge.api_key, "max_retries": 0, **options}
    return anthropic.Anthropic(http_client=http, **options)
