"""Clients from npm, installed once for all tests.

This directory is only collected when it is named: `pytest tests/clients/node`.
"""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

NODE = Path(__file__).parent

_installed: dict[str, str] = {}


@pytest.fixture(scope="session")
def packages() -> Iterator[Path]:
    """A directory with the programs of this one, and the packages they need."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("npm is not installed")
    with TemporaryDirectory() as name:
        directory = Path(name)
        for file in (*NODE.glob("*.mjs"), NODE / "package.json"):
            shutil.copy(file, directory)
        quiet = ("--no-package-lock", "--no-audit", "--no-fund", "--loglevel=error")
        subprocess.run([npm, "install", *quiet], cwd=directory, check=True)
        for package in json.loads((NODE / "package.json").read_text())["dependencies"]:
            manifest = directory / "node_modules" / package / "package.json"
            _installed[package] = json.loads(manifest.read_text())["version"]
        yield directory


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Names what was tested: the bounds in package.json leave it open."""
    if _installed:
        packages = (f"{package} {version}" for package, version in _installed.items())
        terminalreporter.write_line(f"from npm: {', '.join(packages)}")
