"""Measure differences on 20,000 lines: `python -m tests.bench.diff_bench`. Prints a table; nothing is asserted."""

import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from devices.domain.diffing import diff_stat, diff_view, unified_diff

LINES, EDITS, ROUNDS = 20_000, 500, 5


def cases() -> Iterator[tuple[str, list[str], list[str]]]:
    """Pairs of texts: edited, with a moved block, repetitive, and without a common line."""
    random_ = random.Random(7)
    kinds = ("interface Gi{}", " description port {}", " switchport access vlan 1{}", " switchport mode access", " x")
    switch = [kinds[n % 5].format(n // 5) for n in range(LINES)]
    yield "edited", switch, edited(switch, random_)
    moved = edited(switch, random_)
    yield "moved block", switch, [*moved[:3000], *moved[3150:15_000], *moved[3000:3150], *moved[15_000:]]
    dull = [random_.choice([" permit ip any any", " deny ip any any", " shutdown"]) for _ in range(LINES)]
    yield "repetitive", dull, edited(dull, random_)
    yield "nothing in common", switch, [f"{line} y" for line in switch]


def edited(lines: list[str], random_: random.Random) -> list[str]:
    """Change, remove or double some lines."""
    after = [[line] for line in lines]
    for at in random_.sample(range(len(after)), EDITS):
        after[at] = random_.choice([[f"{lines[at]} x"], [], [lines[at], " new line"]])
    return [line for piece in after for line in piece]


def fastest_ms(action: Callable[[], object]) -> float:
    """CPU milliseconds of the fastest of some rounds."""
    times = []
    for _ in range(ROUNDS):
        started = time.process_time()
        action()
        times.append(time.process_time() - started)
    return 1000 * min(times)


def git_edit_lines(before: str, after: str) -> int | None:
    """The number of edit lines of git's minimal diff; None without git."""
    if not shutil.which("git"):
        return None
    with tempfile.TemporaryDirectory() as folder:
        old, new = Path(folder, "old"), Path(folder, "new")
        old.write_text(before)
        new.write_text(after)
        command = ["git", "diff", "--no-index", "--minimal", str(old), str(new)]
        out = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    return sum(line[:1] in "+-" and line[:3] not in {"+++", "---"} for line in out.splitlines() if line)


def main() -> None:
    """Print the table."""
    out = sys.stdout
    out.write(f"{'case':20}{'diff ms':>10}{'view ms':>10}{'edit lines':>12}{'git minimal':>13}\n")
    for name, before, after in cases():
        old, new = "\n".join(before) + "\n", "\n".join(after) + "\n"
        unified = unified_diff(old, new)
        stat = diff_stat(unified)
        diff_ms = fastest_ms(lambda old=old, new=new: unified_diff(old, new))  # type: ignore[misc]  # bound now
        view_ms = fastest_ms(lambda unified=unified: diff_view(unified))  # type: ignore[misc]  # bound now
        out.write(
            f"{name:20}{diff_ms:10.1f}{view_ms:10.1f}{stat.added + stat.removed:12}{git_edit_lines(old, new)!s:>13}\n"
        )


if __name__ == "__main__":
    main()
