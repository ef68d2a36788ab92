"""compatcanary asks what programs that only change their base URL would ask."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.yardsticks.table import CANARY

HERE = Path(__file__).parent

pytestmark = pytest.mark.timeout(600)  # npm takes its time


@pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not installed")
def test_every_probe_passes(wrapped: dict[str, str], tmp_path: Path) -> None:
    shutil.copy(HERE / "package.json", tmp_path)
    quiet = ("--no-package-lock", "--no-audit", "--no-fund", "--loglevel=error")
    subprocess.run(["npm", "install", *quiet], cwd=tmp_path, check=True)
    scan = ["npx", "compatcanary", "scan", "--model", "sonnet", "--format", "json"]
    finished = subprocess.run(
        [*scan, "--profile", CANARY.measures.strip("`")],
        cwd=tmp_path,
        env=wrapped,
        capture_output=True,
        text=True,
        check=False,
    )
    report = json.loads(finished.stdout)
    assert len(report["results"]) == CANARY.cases
    missed = [probe for probe in report["results"] if probe["status"] != "pass"]
    assert missed == [] == [*CANARY.missed]
    assert report["scanner"]["version"] in CANARY.name
