import os
from dataclasses import replace
from pathlib import Path

import pytest

from claude_run.login import Decision, LoginError, Logins, decide, find, who_pays
from claude_run.settings import Billing, Settings

KEY, TOKEN = "ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"
OAUTH = "CLAUDE_CODE_OAUTH_TOKEN"
BEDROCK = "CLAUDE_CODE_USE_BEDROCK"


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
        ({TOKEN: "t", "ANTHROPIC_BASE_URL": "https://g"}, Logins(keys=(TOKEN,), elsewhere="https://g")),
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


# --- who pays -------------------------------------------------------------------------

SUBSCRIBED = Logins(subscription=True)
SUBSCRIBED_WITH_KEY = Logins(subscription=True, keys=(KEY,))
KEY_ONLY = Logins(keys=(KEY,))
GATEWAY = Logins(keys=(TOKEN,), elsewhere="https://gateway.example")
SUBSCRIBED_AT_GATEWAY = replace(GATEWAY, subscription=True)
CLOUD = Logins(subscription=True, keys=(KEY,), cloud=BEDROCK)


@pytest.mark.parametrize(
    ("billing", "found", "paid_by", "withheld", "told"),
    [
        ("auto", SUBSCRIBED, "subscription", (), None),
        ("auto", SUBSCRIBED_WITH_KEY, "subscription", (KEY,), "ANTHROPIC_API_KEY is kept from"),
        ("auto", KEY_ONLY, "api-key", (), "metered"),
        ("auto", GATEWAY, "other", (), "metered there"),
        ("auto", CLOUD, "cloud", (), "Amazon Bedrock bills this run (metered)"),
        ("auto", SUBSCRIBED_AT_GATEWAY, "subscription", (TOKEN,), "sent this login instead"),
        ("subscription", SUBSCRIBED, "subscription", (), None),
        ("subscription", SUBSCRIBED_WITH_KEY, "subscription", (KEY,), "is kept from"),
        ("api-key", KEY_ONLY, "api-key", (OAUTH,), "metered"),
        ("api-key", SUBSCRIBED_WITH_KEY, "api-key", (OAUTH,), "metered"),
        ("api-key", GATEWAY, "other", (OAUTH,), "metered there"),
    ],
)
def test_who_pays_what_is_withheld_and_what_is_said(
    billing: Billing, found: Logins, paid_by: str, withheld: tuple[str, ...], told: str | None
) -> None:
    decision = decide(billing, found)
    assert (decision.paid_by, decision.withheld) == (paid_by, withheld)
    if told is None:
        assert decision.line is None
    else:
        assert told in (decision.line or "")


@pytest.mark.parametrize(
    ("billing", "found", "advice"),
    [
        ("auto", Logins(), ("`claude login`", "`claude setup-token`", "--rehearse")),
        ("subscription", Logins(), ("`claude login`", "`claude setup-token`")),
        ("subscription", KEY_ONLY, ("`claude login`", KEY)),
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
