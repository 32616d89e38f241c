"""Reads secrets, one a line up to an empty one; then looks at the command line and the environment of every process that
begins, again and again, until standard input ends. Prints as JSON which secrets stood where, and which of these words stood
in command lines.

python3 watch_processes.py WORD...
"""

import json
import os
import select
import sys
from collections.abc import Iterator


def beginnings() -> Iterator[tuple[str, bytes]]:
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", "rb") as stat:
                    yield name, stat.read().rpartition(b") ")[2].split()[19]
            except OSError:
                pass


secrets = [line.encode() for line in iter(lambda: sys.stdin.readline().rstrip("\n"), "")]
before = set(beginnings())
found: set[str] = set()
seen: dict[str, int] = {}
rounds = 0
print("watching", flush=True)
while not select.select([sys.stdin], [], [], 0)[0]:
    rounds += 1
    for process in set(beginnings()) - before:
        for kind in ("cmdline", "environ"):
            try:
                with open(f"/proc/{process[0]}/{kind}", "rb") as file:
                    text = file.read()
            except OSError:
                continue
            words = text.replace(b"\0", b" ").decode("utf-8", "replace")
            if any(secret in text for secret in secrets):
                found.add(kind + ": " + words[:300])
            for word in sys.argv[1:]:
                if kind == "cmdline" and word in words:
                    seen[word] = seen.get(word, 0) + 1
print(json.dumps({"found": sorted(found), "seen": seen, "rounds": rounds}))
