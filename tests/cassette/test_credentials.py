"""What looks like a credential, what does not, and that looking takes no time."""

import base64
import hashlib
import random
import uuid

import pytest

from claude_run.cassette.credentials import credential_in, without_credentials

_DICE = random.Random(7)
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


def letters(count: int) -> str:
    return "".join(_DICE.choices(_LETTERS, k=count))


CREDENTIALS = [
    "sk-ant-" + "api03-" + letters(40),
    "sk-proj-" + letters(40),
    "ghp_" + letters(36),
    "github_pat_" + letters(40),
    "xoxb-" + "123456789012-" + letters(24),
    "AKIA" + "IOSFODNN7EXAMPLE",
    "AIza" + letters(35),
    "Bearer " + letters(30),
    "-----BEGIN " + "RSA PRIVATE KEY-----",
    letters(43),
]
HARMLESS = [
    "What is the capital of France?",
    str(uuid.UUID(int=5**50)),
    hashlib.sha256(b"x").hexdigest(),
    "a_very_long_identifier_of_a_function_that_does_everything",
    "https://example.com/a/path/that/is/long/and/goes/on/2026/01/02",
    "sk-learn is a library, and task-oriented-dialogue-systems-2026 a subject",
    base64.b64encode(bytes(range(256))).decode(),
    "=" * 80,
    *(
        f'"integrity": "{name}-{base64.b64encode(hashlib.new(name, b"x").digest()).decode()}",'
        for name in ("sha256", "sha384", "sha512")
    ),
    f"golang.org/x/net v0.1.0 h1:{base64.b64encode(hashlib.sha256(b'y').digest()).decode()}",
    f"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI{letters(43)} somebody@example.com",
]


@pytest.mark.parametrize("credential", CREDENTIALS)
def test_a_credential_is_seen_wherever_it_stands(credential: str) -> None:
    assert credential_in(f"Use '{credential}' for it.") is not None
    assert credential not in without_credentials(f"Use '{credential}' for it.")


@pytest.mark.parametrize("text", HARMLESS)
def test_what_only_looks_long_is_no_credential(text: str) -> None:
    assert credential_in(text) is None
    assert without_credentials(text) == text


def test_a_text_full_of_them_is_gone_through_once() -> None:
    text = "\n".join(letters(43) for _ in range(20_000))
    shown = without_credentials(text).split()
    assert shown.count("[credential]") > 0.9 * len(shown)  # some have hardly a digit
