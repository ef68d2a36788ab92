"""What a process may use of a machine, read from the files in which systems say it."""

import math
import subprocess
import sys
from pathlib import Path

import pytest

from claude_run.claude.machine import available_memory, cores, cpu_quota, memory_left

GIB = 1024**3
V2 = "0::{path}"
MOUNT_V2 = "35 24 0:30 {top} {at} rw,nosuid - cgroup2 cgroup2 rw,nsdelegate"
MOUNT_V1 = "36 24 0:31 {top} {at} rw - cgroup cgroup rw,{controllers}"
WITHOUT_LIMIT = str(2**63 - 4096)  # how version 1 writes it

DOCKER = {
    "proc/self/cgroup": V2.format(path="/"),
    "proc/self/mountinfo": MOUNT_V2.format(top="/", at="/sys/fs/cgroup"),
    "sys/fs/cgroup/cpu.max": "200000 100000",
    "sys/fs/cgroup/memory.max": str(2 * GIB),
    "sys/fs/cgroup/memory.current": str(GIB),
    "sys/fs/cgroup/memory.stat": f"anon 1\ninactive_file {GIB // 2}\nfile 2",
}
UNIT = {
    "proc/self/cgroup": V2.format(path="/user.slice/run.scope"),
    "proc/self/mountinfo": MOUNT_V2.format(top="/", at="/sys/fs/cgroup"),
    "sys/fs/cgroup/user.slice/run.scope/cpu.max": "max 100000",
    "sys/fs/cgroup/user.slice/cpu.max": "50000 100000",
    "sys/fs/cgroup/user.slice/run.scope/memory.max": "max",
    "sys/fs/cgroup/user.slice/run.scope/memory.high": str(3 * GIB),
    "sys/fs/cgroup/user.slice/run.scope/memory.current": str(GIB),
    "sys/fs/cgroup/user.slice/memory.max": str(8 * GIB),
    "sys/fs/cgroup/user.slice/memory.current": str(7 * GIB),
}
OLD_DOCKER = {
    "proc/self/cgroup": "4:memory:/docker/abc\n3:cpu,cpuacct:/docker/abc\n1:name=systemd:/x",
    "proc/self/mountinfo": "\n".join(
        [
            MOUNT_V1.format(top="/docker/abc", at="/sys/fs/cgroup/memory", controllers="memory"),
            MOUNT_V1.format(top="/docker/abc", at="/sys/fs/cgroup/cpu", controllers="cpu,cpuacct"),
            "40 24 0:40 / /proc rw - proc proc rw",
        ]
    ),
    "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "150000",
    "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000",
    "sys/fs/cgroup/memory/memory.limit_in_bytes": str(2 * GIB),
    "sys/fs/cgroup/memory/memory.usage_in_bytes": str(2 * GIB),
    "sys/fs/cgroup/memory/memory.stat": f"inactive_file 1\ntotal_inactive_file {GIB}",
}
UNLIMITED_V1 = OLD_DOCKER | {
    "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1",
    "sys/fs/cgroup/memory/memory.limit_in_bytes": WITHOUT_LIMIT,
}
HYBRID = {
    "proc/self/cgroup": "4:memory:/job\n1:cpu:/\n0::/",
    "proc/self/mountinfo": "\n".join(
        [
            MOUNT_V1.format(top="/", at="/sys/fs/cgroup/memory", controllers="memory"),
            MOUNT_V2.format(top="/", at="/sys/fs/cgroup/unified"),
        ]
    ),
    "sys/fs/cgroup/memory/job/memory.limit_in_bytes": str(GIB),
    "sys/fs/cgroup/memory/job/memory.usage_in_bytes": "0",
}
BROKEN = {
    "proc/self/cgroup": "nonsense\n0::/../elsewhere",
    "proc/self/mountinfo": "35\n - cgroup2",
    "sys/fs/cgroup/cpu.max": "",
}


@pytest.mark.parametrize(
    ("files", "quota", "left"),
    [
        pytest.param({}, math.inf, math.inf, id="no control groups, as on macOS"),
        pytest.param(DOCKER, 2.0, 1.5 * GIB, id="a container"),
        pytest.param(UNIT, 0.5, GIB, id="a unit, whose slice is tighter"),
        pytest.param(OLD_DOCKER, 1.5, GIB, id="a container, version 1"),
        pytest.param(HYBRID, math.inf, GIB, id="both versions"),
        pytest.param(BROKEN, math.inf, math.inf, id="files that make no sense"),
    ],
)
def test_the_tightest_control_group_counts(
    files: dict[str, str], quota: float, left: float, tmp_path: Path
) -> None:
    write(tmp_path, files)
    assert (cpu_quota(tmp_path), memory_left(tmp_path)) == (quota, left)


def test_a_group_without_limits_limits_nothing(tmp_path: Path) -> None:
    write(tmp_path, UNLIMITED_V1)
    assert cpu_quota(tmp_path) == math.inf
    assert memory_left(tmp_path) > 2**62


def write(root: Path, files: dict[str, str]) -> None:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{content}\n")


def test_a_process_that_is_bound_to_one_core_has_one() -> None:
    script = (
        "import os; os.sched_setaffinity(0, [min(os.sched_getaffinity(0))]);"
        "from claude_run.claude.machine import cores; print(cores())"
    )
    bound = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    assert bound.stdout == b"1\n"


def test_this_machine_has_something_to_give() -> None:
    assert cores() >= 1
    assert available_memory() > 0
