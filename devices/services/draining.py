"""Whether the worker that this process belongs to is to end.

Then nothing new is claimed, and what was claimed but not yet written to is handed back, for other workers to take. The
word is one byte of memory that a cluster's parent shares with every process that it forks: no file, no database.
"""

from __future__ import annotations

import mmap

_shared: list[mmap.mmap] = []


def share_with_forks() -> None:
    """Have the processes that this one forks from now on hear when it begins to drain; call it before the first."""
    if not _shared:
        _shared.append(mmap.mmap(-1, 1))


def drain_begin() -> None:
    """Tell all of them, and this one. There is no way back: the processes are about to end."""
    share_with_forks()
    _shared[0][0] = 1


def is_draining() -> bool:
    """Whether the end was announced. Costs no system call."""
    return bool(_shared) and _shared[0][0] == 1
