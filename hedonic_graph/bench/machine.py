"""What a measurement was made on: the machine, the libraries, and the memory of this process."""

import ctypes
import os
import platform
import resource
import sys
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

LIBRARIES = ("hedonic-graph", "igraph", "neo4j", "numpy", "pandas", "scikit-learn", "scipy", "torch", "transformers")


def machine() -> dict[str, Any]:
    """Return processor, cores, memory, load, threads and library versions, by name."""
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        # Of the last minute: whether others were at work.
        "load": round(os.getloadavg()[0], 1),
        "threads": os.environ.get("OMP_NUM_THREADS"),
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
        "libraries": {name: _version(name) for name in LIBRARIES},
    }


def described(found: dict[str, Any]) -> list[str]:
    """Return two lines that say for people what :func:`machine` found."""
    threads = "" if found["threads"] is None else f", OMP_NUM_THREADS={found['threads']}"
    libraries = ", ".join(f"{name} {version}" for name, version in found["libraries"].items())
    return [
        f"{found['processor']}, {found['cores']} cores, {found['memory_gb']} GB, {found['system']}, "
        f"load average before {found['load']}{threads}",
        f"Python {found['python']}, {libraries}",
    ]


def fast_driver() -> str | None:
    """Return the version of ``neo4j-rust-ext``, the driver's compiled part, or None where it is not in."""
    return _version("neo4j-rust-ext") if find_spec("neo4j._rust") else None


def peak() -> int:
    """Return the most memory that this process has held, in bytes."""
    status = Path("/proc/self/status")
    if status.is_file():
        # On Linux the figure of getrusage begins with what the process that started this one held.
        for line in status.read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def forget_peak() -> bool:
    """Let :func:`peak` begin anew from what is held now; False where the system has no such thing.

    What an allocator keeps at hand of freed arrays goes back to the system first, where it can.
    """
    try:
        if sys.platform == "linux" and hasattr(library := ctypes.CDLL(None), "malloc_trim"):
            library.malloc_trim(0)
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except OSError:
        return False
    return True


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
