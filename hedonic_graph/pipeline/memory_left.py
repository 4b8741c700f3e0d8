"""How much memory this process may still take: what the machine has left, or what its control group allows."""

from collections.abc import Iterator
from pathlib import Path

import psutil

_GROUPS = Path("/proc/self/cgroup")
_MOUNT = Path("/sys/fs/cgroup")
# Limit, what is used of it, and what of that is files that the system lets go of, in version 2 and 1.
_NAMES = {
    "": ("memory.max", "memory.current", ("active_file", "inactive_file")),
    "memory": ("memory.limit_in_bytes", "memory.usage_in_bytes", ("total_active_file", "total_inactive_file")),
}


def memory_left() -> int:
    """Return the bytes that this process may still take, beside those it holds.

    Files that the system keeps at hand count as free, as it gives their place away. Container runtimes and batch
    systems set limits by control groups; of those that hold this process, the tightest counts.
    """
    return min([int(psutil.virtual_memory().available), *_left_in_groups()])


def memory_held() -> int:
    """Return the bytes that this process holds."""
    return int(psutil.Process().memory_info().rss)


def _left_in_groups() -> Iterator[int]:
    if not _GROUPS.is_file():
        return
    for line in _GROUPS.read_text(encoding="utf-8").splitlines():
        _, controllers, path = line.split(":", 2)
        for kind in {"", "memory"} & set(controllers.split(",")):
            root = _MOUNT / kind
            # In a container the path may be that of its host, and its own group the root.
            inside = root / path.lstrip("/")
            for group in (inside, *inside.parents):
                yield from _left_in(group, *_NAMES[kind])
                if group == root:
                    break


def _left_in(group: Path, limit: str, used: str, files: tuple[str, ...]) -> Iterator[int]:
    try:
        allowed = (group / limit).read_text(encoding="ascii").strip()
        if allowed == "max":
            return
        counts = dict(line.split() for line in (group / "memory.stat").read_text(encoding="ascii").splitlines())
        held = int((group / used).read_text(encoding="ascii"))
    except OSError:
        return
    yield max(0, int(allowed) - held + sum(int(counts.get(name, 0)) for name in files))
