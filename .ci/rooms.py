"""How much of each room the tests reach, in lines and branches: after `coverage run -m pytest`.

Processes that the tests start are not counted, so what only the command line's tests run in one shows as missed.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter, defaultdict

KINDS = {"lines": ("covered_lines", "num_statements"), "branches": ("covered_branches", "num_branches")}


def main() -> None:
    command = [sys.executable, "-m", "coverage", "json", "--quiet", "-o", "-"]
    files = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)["files"]
    rooms: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for path, found in files.items():
        parts = path.replace("\\", "/").partition("chainrule/")[2].split("/")
        room = parts[0] if len(parts) > 1 else parts[0].removesuffix(".py")
        for name in (room, "all"):
            rooms[name].update({key: found["summary"][key] for pair in KINDS.values() for key in pair})
    print(f"{'room':16}{'lines':>16}{'branches':>20}")
    for room in sorted(rooms, key=lambda room: (room == "all", room)):
        counts = rooms[room]
        shares = (f"{share(counts[a], counts[b])} of {counts[b]:6,}" for a, b in KINDS.values())
        print(f"{room:16}" + "   ".join(shares))


def share(part: int, whole: int) -> str:
    return f"{100 * part / whole:5.1f} %" if whole else "      –"


if __name__ == "__main__":
    main()
