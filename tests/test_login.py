import os
from pathlib import Path

import pytest

from claude_run.login import (
    Decision,
    Elsewhere,
    LoginError,
    Logins,
    decide,
    elsewhere,
    find,
    led_to,
    who_pays,
)
from claude_run.settings import Billing, Settings

KEY, TOKEN = "ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"
OAUTH = "CLAUDE_CODE_OAUTH_TOKEN"
BEDROCK = "CLAUDE_CODE_USE_BEDROCK"
BASE = "ANTHROPIC_BASE_URL"
SUBSCRIPTIONS = (OAUTH, f"{OAUTH}_FILE_DESCRIPTOR")


# --- what exists ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("environment", "found"),
    [
        ({}, Logins()),
        ({OAUTH: "t"}, Logins(subscription=True)),
        ({OAUTH: ""}, Logins()),
        ({OAUTH: " "}, Logins()),
        ({KEY: "k"}, Logins(keys=(KEY,))),
        ({KEY: ""}, Logins()),
        ({TOKEN: "t", KEY: "k"}, Logins(keys=(KEY, TOKEN))),
        ({TOKEN: "t", BASE: "https://g"}, Logins(keys=(TOKEN,), elsewhere=Elsewhere("g"))),
        ({KEY: "k", BASE: "https://api.anthropic.com"}, Logins(keys=(KEY,))),
        ({BEDROCK: "1"}, Logins(cloud=BEDROCK)),
        ({BEDROCK: "true"}, Logins(cloud=BEDROCK)),
        ({BEDROCK: "0"}, Logins()),
        ({"CLAUDE_CODE_USE_VERTEX": "1"}, Logins(cloud="CLAUDE_CODE_USE_VERTEX")),
        ({"CLAUDE_CODE_USE_FOUNDRY": "1"}, Logins(cloud="CLAUDE_CODE_USE_FOUNDRY")),
    ],
)  # fmt: skip
def test_a_login_is_found_in_the_environment(
    environment: dict[str, str], found: Logins, tmp_path: Path
) -> None:
    assert find({"HOME": str(tmp_path), **environment}) == found


def test_a_stored_login_is_found_at_home(tmp_path: Path) -> None:
    store(tmp_path / ".claude")
    assert find({"HOME": str(tmp_path)}).subscription


def test_a_configuration_directory_replaces_the_one_at_home(tmp_path: Path) -> None:
    store(tmp_path / ".claude")
    other = tmp_path / "other"
    environment = {"HOME": str(tmp_path), "CLAUDE_CONFIG_DIR": str(other)}
    assert not find(environment).subscription
    store(other)
    assert find(environment).subscription


def test_an_empty_store_is_no_login(tmp_path: Path) -> None:
    store(tmp_path / ".claude", "")
    assert not find({"HOME": str(tmp_path)}).subscription


def test_a_stored_login_is_not_read(tmp_path: Path) -> None:
    stored = store(tmp_path / ".claude")
    os.utime(stored, ns=(0, 0))
    assert find({"HOME": str(tmp_path)}).subscription
    assert stored.stat().st_atime_ns == 0
    stored.read_text()
    if stored.stat().st_atime_ns == 0:
        pytest.skip("this file system does not record that a file is read")


def store(directory: Path, content: str = "{}") -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    stored = directory / ".credentials.json"
    stored.write_text(content)
    return stored


# --- where a base URL leads -----------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    ["", " ", "https://api.anthropic.com", " https://API.anthropic.com:443/ ",
     "https://api.anthropic.com/v1", "https://eu.api.anthropic.com"],
)  # fmt: skip
def test_a_url_that_is_plainly_anthropics_leads_nowhere_else(url: str) -> None:
    assert elsewhere(url) is None


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("http://127.0.0.1:4000", "127.0.0.1:4000"),
        ("http://127.8.8.8/v1", "127.8.8.8"),
        ("https://localhost:4000/anthropic", "localhost:4000"),
        ("http://[::1]:4000", "[::1]:4000"),
    ],
)
def test_a_url_that_is_plainly_loopback_stays_on_this_machine(url: str, host: str) -> None:
    assert elsewhere(url) == Elsewhere(host, is_loopback=True)


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://gateway.example/v1?key=s", "gateway.example"),
        ("http://api.anthropic.com", "api.anthropic.com"),  # anybody on the way can read it
        ("https://api.anthropic.com.gateway.example", "api.anthropic.com.gateway.example"),
        ("https://notanthropic.com", "notanthropic.com"),
        ("https://gateway.example/api.anthropic.com", "gateway.example"),
        ("https://me:secret@gateway.example", "gateway.example"),
        ("https://api.anthropic.com@gateway.example", "gateway.example"),
        ("https://gateway.example\\@api.anthropic.com", "gateway.example"),
        ("https://api.anthropic.com:8443", "api.anthropic.com:8443"),
        ("http://127.0.0.1@gateway.example", "gateway.example"),
        ("http://127.0.0.1.gateway.example", "127.0.0.1.gateway.example"),
        ("http://gateway.example\\@localhost", "gateway.example"),
        ("http://localhost\t.gateway.example", "localhost"),
        ("http://0.0.0.0:4000", "0.0.0.0:4000"),
        ("https:\x1b[2J", "another host"),
        ("gateway.example", "another host"),
    ],
)
def test_every_other_url_leads_to_a_foreign_host(url: str, host: str) -> None:
    assert elsewhere(url) == Elsewhere(host, is_loopback=False)


# --- who pays -------------------------------------------------------------------------

SUBSCRIBED = Logins(subscription=True)
SUBSCRIBED_WITH_KEY = Logins(subscription=True, keys=(KEY,))
KEY_ONLY = Logins(keys=(KEY,))
THERE = Elsewhere("gateway.example")
GATEWAY = Logins(keys=(TOKEN,), elsewhere=THERE)
GATEWAY_KEY = Logins(keys=(KEY,), elsewhere=THERE)
SUBSCRIBED_AT_GATEWAY = GATEWAY._replace(subscription=True)
SUBSCRIBED_WITHOUT_KEY = Logins(subscription=True, elsewhere=THERE)
LOOPBACK = Logins(subscription=True, elsewhere=Elsewhere("127.0.0.1:4000", is_loopback=True))
LOOPBACK_WITH_KEY = LOOPBACK._replace(keys=(KEY,))
CLOUD = Logins(subscription=True, keys=(KEY,), cloud=BEDROCK)


@pytest.mark.parametrize(
    ("billing", "found", "paid_by", "withheld", "told"),
    [
        ("auto", SUBSCRIBED, "subscription", (), None),
        ("auto", SUBSCRIBED_WITH_KEY, "subscription", (KEY,), "ANTHROPIC_API_KEY is kept from"),
        ("auto", KEY_ONLY, "api-key", SUBSCRIPTIONS, "metered"),
        ("auto", GATEWAY, "other", SUBSCRIPTIONS, "metered there"),
        ("auto", GATEWAY_KEY, "other", SUBSCRIPTIONS, "metered there"),
        ("auto", CLOUD, "cloud", (), "Amazon Bedrock bills this run (metered)"),
        ("auto", SUBSCRIBED_AT_GATEWAY, "other", SUBSCRIPTIONS, "login is kept from it"),
        ("auto", LOOPBACK, "subscription", (), "leads to 127.0.0.1:4000: your Claude"),
        ("auto", LOOPBACK_WITH_KEY, "other", SUBSCRIPTIONS, f"{KEY} at 127.0.0.1:4000"),
        ("subscription", SUBSCRIBED, "subscription", (), None),
        ("subscription", SUBSCRIBED_WITH_KEY, "subscription", (KEY,), "is kept from"),
        ("subscription", SUBSCRIBED_WITHOUT_KEY, "subscription", (), "login is sent there"),
        ("subscription", SUBSCRIBED_AT_GATEWAY, "subscription", (TOKEN,), "is kept from"),
        ("api-key", KEY_ONLY, "api-key", SUBSCRIPTIONS, "metered"),
        ("api-key", SUBSCRIBED_WITH_KEY, "api-key", SUBSCRIPTIONS, "metered"),
        ("api-key", GATEWAY, "other", SUBSCRIPTIONS, "metered there"),
    ],
)
def test_who_pays_what_is_withheld_and_what_is_said(
    billing: Billing, found: Logins, paid_by: str, withheld: tuple[str, ...], told: str | None
) -> None:
    decision = decide(billing, found)
    assert (decision.paid_by, decision.withheld) == (paid_by, withheld)
    assert decision.hides_store == (paid_by == "other")
    if told is None:
        assert decision.line is None
    else:
        assert told in (decision.line or "")


@pytest.mark.parametrize(
    ("billing", "found", "advice"),
    [
        ("auto", Logins(), ("`claude-run login`", "`claude-run login --ci`", "--rehearse")),
        ("auto", SUBSCRIBED_WITHOUT_KEY, ("gateway.example", TOKEN, "--billing subscription")),
        ("auto", Logins(elsewhere=THERE), ("gateway.example", TOKEN, "--rehearse")),
        ("subscription", Logins(), ("`claude-run login`", "`claude-run login --ci`")),
        ("subscription", KEY_ONLY, ("`claude-run login`", KEY)),
        ("subscription", CLOUD, (BEDROCK, "Unset it")),
        ("api-key", SUBSCRIBED, (KEY, TOKEN)),
        ("api-key", CLOUD, (BEDROCK, "Unset it")),
    ],
)
def test_where_nobody_may_pay_it_says_what_to_do(
    billing: Billing, found: Logins, advice: tuple[str, ...]
) -> None:
    with pytest.raises(LoginError) as refusal:
        decide(billing, found)
    for words in advice:
        assert words in str(refusal.value)


def test_a_rehearsal_asks_for_no_login_and_costs_nothing(tmp_path: Path) -> None:
    environment = {"HOME": str(tmp_path), KEY: "k"}
    assert who_pays(Settings(rehearse=True), environment) == Decision("rehearsal")


def test_a_client_of_anthropics_is_led_here_and_finds_no_other_login() -> None:
    before = {
        "HOME": "/h",
        "ANTHROPIC_AUTH_TOKEN": "another",
        "ANTHROPIC_API_KEY": "sk-ant-another",
        "ANTHROPIC_BASE_URL": "https://elsewhere.example",
        "CLAUDE_CODE_OAUTH_TOKEN": "another",
        "CLAUDE_CODE_USE_BEDROCK": "1",
    }
    assert led_to("http://127.0.0.1:1/v1", "a-key", before) == {
        "HOME": "/h",
        "ANTHROPIC_BASE_URL": "http://127.0.0.1:1",
        "ANTHROPIC_API_KEY": "a-key",
    }
