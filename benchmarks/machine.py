"""The machine and the versions that figures hold for; no names of hosts, users or folders."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import Any


def machine() -> dict[str, Any]:
    """Return processor, cores, caches, memory, system, and how busy it was before anything was measured."""
    return {
        "processor": _after("/proc/cpuinfo", "model name") or platform.processor() or platform.machine(),
        "vendor": _after("/proc/cpuinfo", "vendor_id"),
        "vector": next((name for name in ("avx512f", "avx2", "asimd") if name in _flags()), ""),
        "cores": os.cpu_count(),
        "caches": _caches(),
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB",
        "system": f"{platform.system()} {platform.release().split('-')[0]}",
        "python": platform.python_version(),
        "load": round(os.getloadavg()[0], 2),
    }


def _after(path: str, key: str) -> str:
    """Return what follows the first ``key :`` in a file, if both are there."""
    try:
        lines = Path(path).read_text().splitlines()
    except OSError:
        return ""
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith(key)), "")


def _flags() -> list[str]:
    return (_after("/proc/cpuinfo", "flags") or _after("/proc/cpuinfo", "Features")).split()


def _caches() -> dict[str, str]:
    caches = {}
    for folder in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        level, kind, size = ((folder / name).read_text().strip() for name in ("level", "type", "size"))
        caches[f"L{level}{'' if kind == 'Unified' else kind[0].lower()}"] = size
    return caches
