"""The machine: processor, cores, memory and their limits, the GPU, and the caps that decide bytes on it."""

import os
import platform
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from cxr.core import determinism, environment

_FLAGS = ("avx2", "fma", "avx512f", "avx512_vnni", "avx_vnni", "amx_tile", "amx_int8", "amx_bf16")
_CGROUPS = Path("/sys/fs/cgroup")
_PROC = Path("/proc")
_SECONDS = 1.0  # nvidia-smi may hang on a broken driver


def system(_: Path) -> str:
    """Kernel and distribution."""
    try:
        name = platform.freedesktop_os_release().get("PRETTY_NAME", "")
    except OSError:
        name = ""
    return f"{platform.system()} {platform.release()} {platform.machine()} {name}"


def processor(_: Path, proc: Path = _PROC) -> str:
    """Model of the first processor, as /proc/cpuinfo calls it."""
    lines = (proc / "cpuinfo").read_text().splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unnamed")


def flags(_: Path) -> str:
    """Of the instruction sets that libraries here choose their kernels by, those that there are, and those not."""
    there = determinism.processor_flags()
    missing = " ".join(name for name in _FLAGS if name not in there)
    return " ".join(name for name in _FLAGS if name in there) + (f" (without {missing})" if missing else "")


def cores(_: Path) -> str:
    """Cores this process may use, of all, and a limit of the cgroup."""
    line = f"{len(os.sched_getaffinity(0))} of {os.cpu_count()}"
    quota = limit("cpu.max").split()
    return line + (
        f", limited to {int(quota[0]) / int(quota[1]):.2g} by the cgroup"
        if len(quota) == 2 and quota[0] != "max"
        else ""
    )


def memory(_: Path, proc: Path = _PROC) -> str:
    """GiB free and in all, and a limit of the cgroup."""
    lines = dict(line.split(":") for line in (proc / "meminfo").read_text().splitlines())
    free, whole = (int(lines[name].split()[0]) * 1024 for name in ("MemAvailable", "MemTotal"))
    most = limit("memory.max")
    return f"{gib(free)} free of {gib(whole)}" + (
        f", limited to {gib(int(most))} by the cgroup" if most.isdecimal() else ""
    )


def limit(name: str, root: Path = _CGROUPS, proc: Path = _PROC) -> str:
    """A file of this process's cgroup or of the nearest one above that sets it; "" where none limits."""
    try:
        own = (proc / "self/cgroup").read_text().rpartition("::")[2].strip().lstrip("/")
    except OSError:
        return ""
    place = root / own
    for folder in (place, *place.parents):
        if not folder.is_relative_to(root):
            break
        if (folder / name).is_file() and not (said := (folder / name).read_text().strip()).startswith("max"):
            return said
    return ""


def gpu(_: Path) -> str:
    """Names, memory and driver by nvidia-smi, where that is installed."""
    if not (program := shutil.which("nvidia-smi")):
        return "none (no nvidia-smi)"
    asked = [program, "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"]
    ended = subprocess.run(asked, capture_output=True, text=True, timeout=_SECONDS)
    return "; ".join((ended.stdout if ended.returncode == 0 else ended.stdout + ended.stderr).splitlines()) or "none"


def gib(size: int) -> str:
    """Bytes as GiB."""
    return f"{size / 2**30:.1f} GiB"


def instruction_set(top: Path) -> str:
    """The cap, and who sets it."""
    by = "CXR_INSTRUCTION_SET" if environment.instruction_set() else "params.yaml, or the default"
    return f"{determinism.instruction_set(top / 'params.yaml')} ({by})"


def names_turned_off(top: Path) -> str:
    """The variables that hold each library to the cap on this processor; none where there is no cap."""
    if determinism.instruction_set(top / "params.yaml") != "avx2":
        return "none"
    return ", ".join(f"{name}={value}" for name, value in determinism.caps(determinism.processor_flags()).items())


def in_force(_: Path) -> str:
    """What of this process's environment can move bytes, as the outputs' cards say it."""
    return ", ".join(f"{name}={value}" for name, value in determinism.in_force().items() if value) or "nothing is set"


def against(top: Path) -> str:
    """Variables that were set by hand to something else than the cap asks for: they go before it."""
    if determinism.instruction_set(top / "params.yaml") != "avx2":
        return "nothing"
    asked = determinism.caps(determinism.processor_flags())
    return (
        ", ".join(f"{name}={os.environ[name]}" for name, value in asked.items() if os.environ.get(name, value) != value)
        or "nothing"
    )


def threads(_: Path) -> str:
    """Processes and threads that stages use."""
    return f"{environment.workers()} ({'CXR_WORKERS' if os.environ.get('CXR_WORKERS') else 'every core'})"


LINES: dict[str, Callable[[Path], str]] = {
    "system": system,
    "processor": processor,
    "flags": flags,
    "cores": cores,
    "memory": memory,
    "gpu": gpu,
}
CAPS: dict[str, Callable[[Path], str]] = {
    "instruction set": instruction_set,
    "caps": names_turned_off,
    "in force": in_force,
    "against the caps": against,
    "workers": threads,
}
