"""One core for each worker process: Python's threads on several cores fight for the interpreter's lock."""

import logging
import os
from pathlib import Path

from portal.embedded_postgres.locks import open_lock, try_exclusive

logger = logging.getLogger(__name__)

_held: list[int] = []


def pin_to_a_core(folder: Path) -> int | None:
    """Have this process, and what it starts, run on one core that no other pinned process of this host's folder has.

    A core is taken by a lock on a file, which the kernel frees when the process ends. Returns the core; None when all
    that this process may use are taken, or the machine has no such thing: then it runs anywhere.
    """
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        return None
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for core in cores:
        lock = open_lock(folder / f"core-{core}")
        if try_exclusive(lock):
            _held.append(lock)
            os.sched_setaffinity(0, {core})
            return core
        os.close(lock)
    logger.warning("Each of the %s cores has a worker already; process %s runs on any of them", len(cores), os.getpid())
    return None
