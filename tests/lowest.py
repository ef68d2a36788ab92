"""Prints the lowest versions that pyproject.toml allows, as constraints for pip:
`python -m tests.lowest > lowest.txt && pip install -c lowest.txt .`"""

import re
from pathlib import Path
from typing import Final

PROJECT: Final = Path(__file__).parents[1] / "pyproject.toml"
_DEPENDENCIES: Final = re.compile(r"^dependencies = \[\n(.*?)^\]", re.DOTALL | re.MULTILINE)
_BOUND: Final = re.compile(r'"([\w.-]+)(?:\[[\w,]+\])?>=([\w.]+),')


def lowest(project: str) -> dict[str, str]:
    """The lowest version of each thing that is needed at run time, by name."""
    found = _DEPENDENCIES.search(project)
    assert found is not None
    lines = [line for line in found[1].splitlines() if line.strip()]
    bounds = dict(_BOUND.findall(found[1]))
    assert len(bounds) == len(lines), "a dependency without a lowest version"
    return bounds


if __name__ == "__main__":
    for name, version in lowest(PROJECT.read_text()).items():
        print(f"{name}=={version}")
